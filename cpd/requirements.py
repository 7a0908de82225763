"""What a registration asks of its holder in CPD hours, what counts towards it, and what is still needed (CPD-3, CPD-5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

from django.db.models import Q, QuerySet

from cpd.models import Cap, Category, Hours, OfPeopleFrom, Requirement
from mumaris.kit.clock import add_months
from register.models import Period, Registration

NONE = Decimal(0)
Figure = TypeVar("Figure", bound=OfPeopleFrom)


class RequirementMissing(LookupError):
    """No requirement for these people has begun by that day; staff must enter one."""


class Activity(Protocol):
    """What counting asks of an activity: its days, both included, its hours in halves, and its category."""

    @property
    def began_on(self) -> date: ...
    @property
    def ended_on(self) -> date: ...
    @property
    def hours(self) -> Decimal: ...
    @property
    def category(self) -> Category: ...


@dataclass(frozen=True)
class Row:
    """One activity and what became of its hours: counted, or lost to the cap; neither where it lies outside the window."""

    activity: Activity
    inside: bool
    counted: Decimal
    lost: Decimal


@dataclass(frozen=True)
class InCategory:
    """The hours of one category; `cap` is for the whole period, None where there is none."""

    category: Category
    cap: Decimal | None
    counted: Decimal
    lost: Decimal


@dataclass(frozen=True)
class Record:
    """How the hours of one period stand on the day `on`. Hours are Decimals in halves, days are Riyadh days, both included."""

    required: Decimal
    counted: Decimal
    lost: Decimal
    needed: Decimal
    first_day: date
    last_day: date
    on: date
    by_category: tuple[InCategory, ...]
    rows: tuple[Row, ...]

    @property
    def is_met(self) -> bool:
        return not self.needed

    @property
    def is_exempt(self) -> bool:
        """Nothing is asked for, of assistants for one."""
        return not self.required

    @property
    def days_left(self) -> int:
        """Days after `on` that still belong to the window; none once it has ended."""
        return max(0, (self.last_day - self.on).days)


def record_of(registration: Registration, *, on: date, declared_on: date | None = None) -> Record:
    """The record of the registration's latest period as it stands on the Riyadh day `on`, in four queries.

    `declared_on` is the day on which its renewal was declared: the window is prolonged to it, and the figures in force
    on it are asked. Raises RequirementMissing.
    """
    period = registration.periods.latest("days")
    first_day, last_day = window(period, on=on, declared_on=declared_on)
    day = declared_on or on
    requirement = _closest(_for(Requirement.objects.all(), registration, day))
    if requirement is None:
        raise RequirementMissing(f"registration {registration} has no CPD requirement in force on {day}")
    caps = _for(Cap.objects.all(), registration, day)
    by_category = {category: _closest(cap for cap in caps if cap.category == category) for category in Category}
    return count(
        Hours.objects.live().filter(
            practitioner=registration.practitioner_id, ended_on__gte=first_day, began_on__lte=last_day
        ),
        required_per_year=requirement.hours_per_year,
        caps_per_year={category: cap.hours_per_year for category, cap in by_category.items() if cap},
        months=whole_months(period.days.lower, period.days.upper),
        first_day=first_day,
        last_day=last_day,
        on=on,
    )


def window(period: Period, *, on: date, declared_on: date | None = None) -> tuple[date, date]:
    """First and last day whose hours count for the period: its own days, prolonged to the declaration of its renewal.

    A period that has ended without one is prolonged to `on`, for its renewal can still be declared.
    """
    last_day = period.days.upper - timedelta(days=1)
    return period.hours_from or period.days.lower, max(last_day, declared_on or on)


def count(
    activities: Iterable[Activity],
    *,
    required_per_year: int,
    caps_per_year: Mapping[Category, int],
    months: int,
    first_day: date,
    last_day: date,
    on: date,
) -> Record:
    """Count the activities of a period of `months` months whose window is `first_day` to `last_day`.

    An activity counts when its whole span lies in the window. The older ones take the room under a cap first. What a part
    of a year asks is its share in months, rounded to half hours in the practitioner's favour: the requirement down, a
    cap up.
    """
    caps = {category: _halves_up(per_year * months) for category, per_year in caps_per_year.items()}
    room, rows = dict(caps), []
    for activity in sorted(activities, key=lambda one: (one.ended_on, one.began_on)):
        inside = first_day <= activity.began_on and activity.ended_on <= last_day
        hours = activity.hours if inside else NONE
        counted = min(hours, room.get(activity.category, hours))
        if activity.category in room:
            room[activity.category] -= counted
        rows.append(Row(activity, inside, counted, hours - counted))
    required = _halves_down(required_per_year * months)
    counted = sum((row.counted for row in rows), NONE)
    return Record(
        required=required,
        counted=counted,
        lost=sum((row.lost for row in rows), NONE),
        needed=max(NONE, required - counted),
        first_day=first_day,
        last_day=last_day,
        on=on,
        by_category=tuple(_in_category(category, caps.get(category), rows) for category in Category),
        rows=tuple(rows),
    )


def whole_months(first_day: date, day_after_last: date) -> int:
    """The whole calendar months from the first day to the day after the last: 24 in a period of two years."""
    months = 12 * (day_after_last.year - first_day.year) + day_after_last.month - first_day.month
    return months if add_months(first_day, months) <= day_after_last else months - 1


def _in_category(category: Category, cap: Decimal | None, rows: list[Row]) -> InCategory:
    own = [row for row in rows if row.activity.category == category]
    return InCategory(category, cap, sum((row.counted for row in own), NONE), sum((row.lost for row in own), NONE))


def _halves_down(hours_by_months: int) -> Decimal:
    """Hours a year times months, as hours in halves."""
    return Decimal(hours_by_months // 6) / 2


def _halves_up(hours_by_months: int) -> Decimal:
    return Decimal(-(-hours_by_months // 6)) / 2


def _for(figures: QuerySet[Figure], registration: Registration, day: date) -> list[Figure]:
    """The figures begun by `day` that speak of the registration's profession and rank, or of everyone's."""
    return list(
        figures.filter(
            Q(profession=None) | Q(profession__specialties=registration.specialty_id),
            Q(rank=None) | Q(rank=registration.rank_id),
            effective_from__lte=day,
        )
    )


def _closest(figures: Iterable[Figure]) -> Figure | None:
    """The one in force: the closest to the person, and of equally close ones the latest begun."""
    return max(figures, key=lambda figure: (figure.closeness, figure.effective_from), default=None)
