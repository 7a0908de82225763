"""How a registration stands on a day, read from its dates and its open renewal; nothing of it is stored (REG-1, SRV-15)."""

from collections.abc import Callable, Collection, Iterable
from datetime import date

from django.db import models
from django.utils.translation import pgettext_lazy

from mumaris.kit import policy
from mumaris.kit.clock import add_months
from register.models import IssuedPaper, Period, Registration
from register.papers import REGISTRATION_CARD, REGISTRATION_CERTIFICATE

# Rooms above tell of open renewals: ids of registrations -> the Riyadh day on which the open renewal of each was submitted.
RENEWALS: list[Callable[[Collection[int]], dict[int, date]]] = []


class Standing(models.TextChoices):
    """The statuses of the register; nothing suspends or cancels a registration yet."""

    ACTIVE = "active", pgettext_lazy("registration", "Active")
    RENEWAL_PENDING = "renewal_pending", pgettext_lazy("registration", "Active, renewal pending")
    IN_GRACE = "in_grace", pgettext_lazy("registration", "In grace")
    EXPIRED = "expired", pgettext_lazy("registration", "Expired")
    SUSPENDED = "suspended", pgettext_lazy("registration", "Suspended")
    CANCELLED = "cancelled", pgettext_lazy("registration", "Cancelled")


def grace_ends(last_day: date, months: int) -> date:
    """The last day of the grace after a period that ended on `last_day`; with no months, that day itself."""
    return add_months(last_day, months)


def standing(
    first_day: date, last_day: date, on: date, grace_ends: date, renewal_submitted_on: date | None
) -> Standing:
    """How a period stands on a day that is not before its first; all are Riyadh days, each included (SRV-15).

    `renewal_submitted_on` is the day of the renewal that is open, None where none is. Submitted by the last day it keeps
    the registration active however long it is decided; submitted in the grace it keeps the grace. Raises ValueError
    for a day before the period.
    """
    if on < first_day:
        raise ValueError(f"{on} is before the period that begins on {first_day}")
    submitted = renewal_submitted_on if renewal_submitted_on and renewal_submitted_on <= on else None
    if submitted and submitted <= last_day:
        return Standing.RENEWAL_PENDING
    if on <= last_day:
        return Standing.ACTIVE
    if on <= grace_ends or (submitted and submitted <= grace_ends):
        return Standing.IN_GRACE
    return Standing.EXPIRED


def periods(registrations: Iterable[Registration], on: date) -> dict[int, Period]:
    """By id of the registration, the period that the day `on` falls in, else the last one that ended; one query.

    A registration whose first period is still to come is left out.
    """
    begun = Period.objects.filter(registration__in=[one.pk for one in registrations], days__startswith__lte=on)
    return {one.registration_id: one for one in begun.order_by("registration", "-days").distinct("registration")}


def of(registrations: Iterable[Registration], on: date) -> dict[int, Standing]:
    """How each registration stands on the Riyadh day `on`, by id; as many queries for a thousand as for one.

    The grace is the policy in force on that day. A registration whose first period is still to come is left out.
    """
    held = periods(registrations, on)
    months = policy.value("registration.grace_months", on)
    submitted: dict[int, date] = {}
    for renewals in RENEWALS:
        submitted |= renewals(held.keys())
    return {
        pk: standing(one.first_day, one.last_day, on, grace_ends(one.last_day, months), submitted.get(pk))
        for pk, one in held.items()
    }


def of_paper(paper: IssuedPaper, on: date) -> Standing | None:
    """How the registration that a paper speaks of stands; None for a paper of no registration, or a revoked one."""
    if paper.revoked_at:
        return None
    spoken_of = Registration.objects.filter(number=paper.facts.get("register_number", ""))
    return next(iter(of(spoken_of, on).values()), None)


def prolongs(paper: IssuedPaper, on: date) -> bool:
    """Whether the registration goes on beyond the printed end of its latest card or certificate, for its renewal is pending."""
    if paper.kind not in (REGISTRATION_CARD.slug, REGISTRATION_CERTIFICATE.slug):
        return False
    latest = (
        Period.objects.filter(registration__number=paper.facts.get("register_number", "")).order_by("-days").first()
    )
    return bool(latest and latest.last_day == paper.valid_until and of_paper(paper, on) == Standing.RENEWAL_PENDING)
