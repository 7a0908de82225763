"""The last days of the refund clocks (REF-1): calendar days, or business days where the policy says so."""

from datetime import date, datetime

from mumaris.kit.clock import business_days_after, days_after, today
from mumaris.kit.models import Holiday
from mumaris.kit.policy import Policies

CALENDAR, BUSINESS = 0, 1


def last_day(moment: datetime, policy: str, policies: Policies) -> date:
    """The Riyadh day on which a clock of as many days as `policy` says ends, started at `moment` (UTC)."""
    days = policies[policy]
    if policies["refund.business_days"] == BUSINESS:
        day = today(moment)
        return business_days_after(day, days, Holiday.objects.days_after(day))
    return days_after(moment, days)
