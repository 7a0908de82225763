"""Asking for an exemption from all fees and deciding on it (PAY-7). What follows for open invoices is the upper room's."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Practitioner
from documents.models import Paper
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.turns import take_turn, take_turn_if_free
from payments.lifecycle import LIFECYCLE
from payments.models import Exemption, Ground

RECOMMENDED = ["recommended_by", "recommended_at", "starts_on", "ends_on"]


def take_turn_of(practitioner: int) -> None:
    """Until the transaction ends nobody else asks, decides or bills for this person (its id).

    Otherwise an invoice that is issued while an exemption is approved would be seen by neither.
    """
    take_turn(_turn(practitioner))


def take_turn_of_if_free(practitioner: int) -> bool:
    """The same for a sweep, which never waits: whether nobody else has the turn."""
    return take_turn_if_free(_turn(practitioner))


def _turn(practitioner: int) -> str:
    return f"exemption of {practitioner}"


def in_force(practitioner: Practitioner, on: date) -> Exemption | None:
    """The exemption by which this person pays nothing on the Riyadh day `on`."""
    return practitioner.exemptions.in_force(on).order_by("starts_on", "pk").first()


def is_asked(practitioner: Practitioner) -> bool:
    """Whether a request of this person is undecided."""
    return practitioner.exemptions.undecided().exists()


def why_not(practitioner: Practitioner, on: date) -> str:
    """The reason why this person cannot ask for an exemption now, empty where they can."""
    if is_asked(practitioner):
        return _("Your request is being decided already. We tell you the decision.")
    held = in_force(practitioner, on)
    if held and held.ends_on is None:
        return _("You are exempt already, without an end.")
    return ""


@transaction.atomic
def request(practitioner: Practitioner, *, ground: str, evidence: Paper, statement: str, now: datetime) -> Exemption:
    """A new request with its evidence, a paper of the same person. Raises NotAllowed while one is undecided."""
    take_turn_of(practitioner.pk)
    if reason := why_not(practitioner, today(now)):
        raise NotAllowed(reason)
    return Exemption.objects.create(
        practitioner=practitioner, ground=Ground(ground), evidence=evidence, statement=statement, requested_at=now
    )


@transaction.atomic
def recommend(
    exemption_id: int, *, starts_on: date, ends_on: date | None, internal_text: str = "", by: Any, now: datetime
) -> Exemption:
    """The first officer finds the evidence good, for these Riyadh days, both included. Raises NotAllowed, as every verb here."""
    exemption = _moved(exemption_id, "recommend", by, now, starts_on=starts_on, ends_on=ends_on)
    exemption.starts_on, exemption.ends_on = starts_on, ends_on
    exemption.recommended_by, exemption.recommended_at = by, now
    return _saved(exemption, *RECOMMENDED, internal_text=internal_text)


@transaction.atomic
def approve(exemption_id: int, *, internal_text: str = "", by: Any, now: datetime, seen: str = "") -> Exemption:
    """The second officer grants what was recommended. `seen` is the `edition` that the officer has read."""
    exemption = _moved(exemption_id, "approve", by, now, seen=seen)
    exemption.decided_by, exemption.decided_at = by, now
    return _saved(exemption, "decided_by", "decided_at", internal_text=internal_text)


@transaction.atomic
def refuse(exemption_id: int, *, reason: str, internal_text: str = "", by: Any, now: datetime) -> Exemption:
    exemption = _moved(exemption_id, "refuse", by, now, reason=reason)
    exemption.decided_by, exemption.decided_at, exemption.reason = by, now, reason
    return _saved(exemption, "decided_by", "decided_at", "reason", internal_text=internal_text)


@transaction.atomic
def send_back(exemption_id: int, *, internal_text: str, by: Any, now: datetime) -> Exemption:
    """To whoever looks at requests first, with the reason for them; what was recommended stands no more."""
    exemption = _moved(exemption_id, "send_back", by, now, reason=internal_text)
    for name in RECOMMENDED:
        setattr(exemption, name, None)
    return _saved(exemption, *RECOMMENDED, internal_text=internal_text)


@transaction.atomic
def revoke(exemption_id: int, *, reason: str, internal_text: str = "", by: Any, now: datetime) -> Exemption:
    """End an exemption from now on; what it has waived stays waived."""
    exemption = _moved(exemption_id, "revoke", by, now, reason=reason)
    exemption.revoked_by, exemption.revoked_at, exemption.reason = by, now, reason
    return _saved(exemption, "revoked_by", "revoked_at", "reason", internal_text=internal_text)


def edition(exemption: Exemption) -> str:
    """Which recommendation stands there: whoever decides must have read this one."""
    return exemption.recommended_at.isoformat() if exemption.recommended_at else ""


@LIFECYCLE.before("recommend")
def days_can_be(
    exemption: Exemption, *, starts_on: date, ends_on: date | None, now: datetime, **facts
) -> Iterator[str]:
    if ends_on and ends_on < starts_on:
        yield _("The last day lies before the first.")
    elif ends_on and ends_on < today(now):
        yield _("The last day has passed already.")


@LIFECYCLE.before("refuse", "send_back", "revoke")
def reason_is_given(exemption: Exemption, *, reason: str, **facts) -> Iterator[str]:
    if not reason.strip():
        yield _("Write the reason.")


@LIFECYCLE.before("approve")
def was_read(exemption: Exemption, *, seen: str, **facts) -> Iterator[str]:
    if seen and seen != edition(exemption):
        yield _("The recommendation was changed meanwhile. Read it as it stands now, then decide.")


def _moved(exemption_id: int, name: str, by: Any, now: datetime, **facts: Any) -> Exemption:
    """The locked exemption in its new state, not saved yet; raises NotAllowed with every reason."""
    take_turn_of(Exemption.objects.values_list("practitioner", flat=True).get(pk=exemption_id))
    exemption = (
        Exemption.objects.select_for_update(of=("self",)).select_related("practitioner__user").get(pk=exemption_id)
    )
    move = LIFECYCLE[name]
    if reasons := move.obstacles(exemption, by, now=now, **facts):
        raise NotAllowed(*reasons)
    exemption.state = move.target
    return exemption


def _saved(exemption: Exemption, *fields: str, internal_text: str) -> Exemption:
    exemption.internal_text = internal_text or exemption.internal_text
    exemption.save(update_fields=["state", "internal_text", *fields])
    return exemption
