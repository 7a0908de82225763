"""Named values that staff change: days, months, ages. Amounts of money stand in the fee schedule."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from mumaris.kit.models import PolicyValue

# key: (value at first start, source; "seeds" marks what the founding articles say). Upper rooms add their own.
FIRST_VALUES: dict[str, tuple[Any, str]] = {
    "admin_fee.days": (30, "seeds"),
    "return.days": (30, "seeds"),
    "service_fee.days": (30, "seeds"),
    "payment.grace_days": (0, "seeds say 30 days"),
    "sadad.bill_days": (29, "gateway's limit"),
    "employer_letter.months": (3, "seeds"),
    "medical_report.age": (65, "seeds"),
    "experience.months_non_saudi": (12, "seeds"),
    "practice_gap.months": (24, "third party"),
    "classification.usable_months": (12, "third party"),
    "registration.years": (2, "authority's site"),
    "registration.grace_months": (1, "third party"),
    "verification.appeal_days": (180, "third party"),
    "verification.usual_days": (35, "third party"),
    "experience.certificate_months": (12, "seeds"),
}
# The least and the most that a policy may be, where that is not a number from 1 to 9999.
LIMITS: dict[str, tuple[int, int]] = {"payment.grace_days": (0, 9999)}
OFFICIAL_SOURCES = {"seeds", "authority's site"}


class PolicyMissing(LookupError):
    """No value of this policy has begun by that day; staff must enter one."""


class Policies:
    """All policies in force on one day, read in one query."""

    def __init__(self, on: date, entered: Iterable[tuple[str, Any, date]] | None = None) -> None:
        self.on = on
        rows = _entered_until(on) if entered is None else entered
        self._values = {key: value for key, value, begins in rows if begins <= on}

    def __getitem__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            raise PolicyMissing(f"policy {key!r} has no value in force on {self.on}") from None


def of_days(days: Collection[date]) -> dict[date, Policies]:
    """The policies of each of these days, read in one query."""
    entered = list(_entered_until(max(days)))
    return {day: Policies(day, entered) for day in set(days)}


def _entered_until(day: date) -> Iterable[tuple[str, Any, date]]:
    begun = PolicyValue.objects.filter(effective_from__lte=day).order_by("effective_from")
    return begun.values_list("key", "value", "effective_from")


def value(key: str, on: date) -> Any:
    """The value of `key` in force on the Riyadh day `on`. Raises PolicyMissing."""
    row = PolicyValue.objects.filter(key=key, effective_from__lte=on).order_by("-effective_from").first()
    if row is None:
        raise PolicyMissing(f"policy {key!r} has no value in force on {on}")
    return row.value


def load_first_values() -> None:
    """Enter the values of the first start; what staff entered stays as it is."""
    known = set(PolicyValue.objects.values_list("key", flat=True))
    PolicyValue.objects.bulk_create(
        PolicyValue(
            key=key, value=first, effective_from=date(2020, 1, 1), source=source, official=source in OFFICIAL_SOURCES
        )
        for key, (first, source) in FIRST_VALUES.items()
        if key not in known
    )
