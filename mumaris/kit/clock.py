"""Time as the portal reckons it: instants in UTC from the database, days in Riyadh, both calendars."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import DateTimeField, Func

RIYADH = ZoneInfo("Asia/Riyadh")
WEEKEND = (4, 5)  # Friday and Saturday, as date.weekday() counts


def now() -> datetime:
    """The database's present instant (UTC), moved by the demo clock where there is one. Read it once per view or task."""
    ahead = "+ coalesce((SELECT ahead FROM kit_democlock), interval '0')" if settings.DEMO else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT clock_timestamp() {ahead}")
        return cursor.fetchone()[0].astimezone(UTC)


def today(moment: datetime) -> date:
    """The Riyadh day on which `moment` falls."""
    return moment.astimezone(RIYADH).date()


def end_of_day(day: date) -> datetime:
    """The first instant (UTC) that no longer belongs to the Riyadh `day`."""
    return datetime.combine(day + timedelta(days=1), time.min, RIYADH).astimezone(UTC)


def days_after(moment: datetime, days: int) -> date:
    """The last day of a clock of `days` calendar days that starts at `moment` (PAY-4)."""
    return today(moment) + timedelta(days=days)


def business_days_after(day: date, days: int, holidays: Collection[date]) -> date:
    """The last day of a clock of `days` business days that starts on `day`: Sunday to Thursday, without `holidays`."""
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() not in WEEKEND and day not in holidays
    return day


def add_months(day: date, months: int) -> date:
    """The same day `months` later (or earlier), or that month's last day where it is shorter."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(years, month + 1, last)
        except ValueError:
            continue
    raise ValueError(f"no such month: {years}-{month + 1}")


def age_on(born: date, day: date) -> int:
    """Completed Gregorian years of age on `day` (SRV-3); who is born on 29 February completes a year on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class EndOfDay(Func):
    """In SQL: the first instant after the Riyadh day that the summed expressions (a date, numbers of days) name."""

    template = "((%(expressions)s + 1)::timestamp AT TIME ZONE 'Asia/Riyadh')"
    arg_joiner = " + "
    output_field = DateTimeField()
