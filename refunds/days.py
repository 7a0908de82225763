"""The last days of the refund clocks (REF-1): calendar days, or business days where the policy says so."""

from datetime import date, datetime, timedelta

from mumaris.kit.clock import days_after, today
from mumaris.kit.policy import Policies

# Of date.weekday(): offices are closed on Friday and Saturday.
WEEKEND = {4, 5}

CALENDAR, BUSINESS = 0, 1


def last_day(moment: datetime, policy: str, policies: Policies) -> date:
    """The Riyadh day on which a clock of as many days as `policy` says ends, started at `moment` (UTC)."""
    days = policies[policy]
    if policies["refund.business_days"] == BUSINESS:
        return business_days_after(today(moment), days)
    return days_after(moment, days)


def business_days_after(day: date, number: int) -> date:
    """The Riyadh day that lies `number` business days after `day`."""
    while number:
        day += timedelta(days=1)
        number -= day.weekday() not in WEEKEND
    return day
