"""Recording the hours of an activity that staff awarded, and withdrawing a record that was a mistake (CPD-3)."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import product

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Practitioner, User
from accounts.notices import tell
from cpd.models import ActivityType, Hours
from cpd.requirements import window
from mumaris.kit.clock import today
from mumaris.kit.digits import ascii_digits, clean
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.templatetags.look import gregorian
from register.models import Period

A_DAY = 24


def one_spelling(text: str) -> str:
    """The one spelling of an accredited activity's number: ACT-55310. Raises ValidationError where it has none."""
    try:
        parts = re.split(r"[\W_]+", ascii_digits(clean(text)).upper())
    except ValueError as error:
        raise ValidationError(str(error), code="unreadable") from None
    number = "-".join(filter(None, parts))
    if not re.fullmatch(r"[A-Z0-9-]*", number):
        raise ValidationError(_("Type the number in Latin letters and digits, as on the certificate."), code="number")
    return number


@dataclass(frozen=True)
class Award:
    """One activity and the hours awarded for it, in halves; days are Riyadh days, both included.

    Fewer hours than claimed need a `reason`. `activity_number` is in its one spelling, `case` the reference of the
    renewal that brought the evidence.
    """

    title: str
    type: ActivityType
    provider: str
    began_on: date
    ended_on: date
    hours: Decimal
    claimed_hours: Decimal | None = None
    reason: str = ""
    activity_number: str = ""
    case: str = ""


@transaction.atomic
def record(practitioner: Practitioner, award: Award, *, by: User, now: datetime) -> Hours:
    """Record the hours awarded to the practitioner and tell them. Raises NotAllowed with every reason."""
    # Two officers at once: the second waits and sees what the first recorded.
    Practitioner.objects.select_for_update().get(pk=practitioner.pk)
    if against := list(obstacles(practitioner, award, by=by, now=now)):
        raise NotAllowed(*(why for _field, why in against))
    hours = Hours.objects.create(practitioner=practitioner, **asdict(award), recorded_by=by, recorded_at=now)
    _tell(hours, "cpd_hours_recorded", hours.reason, now)
    return hours


@transaction.atomic
def withdraw(hours: Hours, reason: str, *, by: User, now: datetime) -> Hours:
    """Take back a record that was a mistake; it stays to be read and counts no more. Raises NotAllowed."""
    hours = Hours.objects.select_for_update(of=("self",)).select_related("practitioner__user").get(pk=hours.pk)
    if hours.withdrawn_at:
        raise NotAllowed(_("These hours are withdrawn already."))
    if hours.practitioner.user_id == by.pk:
        raise NotAllowed(_("These hours are your own. Another officer must decide."))
    if not reason.strip():
        raise NotAllowed(_("Write the reason."))
    hours.withdrawn_by, hours.withdrawn_at, hours.withdraw_reason = by, now, reason.strip()
    hours.save(update_fields=["withdrawn_by", "withdrawn_at", "withdraw_reason"])
    _tell(hours, "cpd_hours_withdrawn", hours.withdraw_reason, now)
    return hours


def obstacles(practitioner: Practitioner, award: Award, *, by: User, now: datetime) -> Iterator[tuple[str, str]]:
    """Every reason why the award cannot be recorded, each with the name of the field of Award that it is about, or ""."""
    if practitioner.user_id == by.pk:
        yield "", _("These hours would be your own. Another officer must record them.")
    for field in ("title", "provider"):
        if not getattr(award, field).strip():
            yield field, _("Name the activity and who provided it.")
    if award.hours <= 0 or award.hours % Decimal("0.5"):
        yield "hours", _("Award whole and half hours, half an hour at least.")
    if award.claimed_hours is not None and award.hours > award.claimed_hours:
        yield "hours", _("Not more hours can be awarded than were claimed.")
    if award.claimed_hours is not None and award.hours < award.claimed_hours and not award.reason.strip():
        yield "reason", _("Write why fewer hours are awarded than were claimed. The practitioner reads it.")
    recorded = list(practitioner.cpd_hours.live())
    yield from _counted_already(award, recorded)
    if award.ended_on < award.began_on:
        yield "ended_on", _("The last day lies before the first day.")
        return
    if award.ended_on > today(now):
        yield "ended_on", _("The activity has not ended yet. Hours are recorded once it has.")
    yield from _too_full(award, recorded)
    yield from _outside(practitioner, award, today(now))


def _counted_already(award: Award, recorded: list[Hours]) -> Iterator[tuple[str, str]]:
    number = award.activity_number.replace("-", "")
    for one in recorded:
        if number and one.activity_number.replace("-", "") == number:
            yield (
                "activity_number",
                _("This activity counts once and is recorded already: %(title)s, until %(day)s.")
                % {"title": one.title, "day": gregorian(one.ended_on)},
            )


def _too_full(award: Award, recorded: list[Hours]) -> Iterator[tuple[str, str]]:
    """More than 24 hours a day (I47): in the activity's own days, or in days that it shares with others."""
    near = [one for one in recorded if one.began_on <= award.ended_on and one.ended_on >= award.began_on]
    first_days = {award.began_on, *(one.began_on for one in near if one.began_on < award.began_on)}
    last_days = {award.ended_on, *(one.ended_on for one in near if one.ended_on > award.ended_on)}
    for first, last in sorted(product(first_days, last_days), key=lambda span: span[1] - span[0]):
        within = [one for one in near if first <= one.began_on and one.ended_on <= last]
        if award.hours + sum(one.hours for one in within) <= A_DAY * ((last - first).days + 1):
            continue
        others = ", ".join(one.title for one in within)
        yield (
            "hours",
            _("A day has 24 hours, and these days are filled already by: %(others)s.") % {"others": others}
            if others
            else _("A day has 24 hours. Check the hours and the days."),
        )
        return


def _outside(practitioner: Practitioner, award: Award, day: date) -> Iterator[tuple[str, str]]:
    """Outside every current period the hours would count for nothing; who is not registered yet has no period."""
    periods = Period.objects.filter(registration__practitioner=practitioner)
    latest = periods.order_by("registration", "-days").distinct("registration")
    windows = [window(period, on=day) for period in latest]
    if windows and not any(first <= award.began_on and award.ended_on <= last for first, last in windows):
        spans = "; ".join(f"{gregorian(first)} – {gregorian(last)}" for first, last in windows)
        yield "ended_on", _("These days lie outside the period whose hours count now: %(spans)s.") % {"spans": spans}


def _tell(hours: Hours, kind: str, text: str, now: datetime) -> None:
    facts = {"activity": hours.title, "hours": str(hours.hours), "text": text}
    if hours.claimed_hours and hours.claimed_hours != hours.hours:
        facts["claimed"] = str(hours.claimed_hours)
    tell(hours.practitioner.user, kind, key=f"cpd:{hours.pk}:{kind}", reference=hours.case, facts=facts, now=now)
