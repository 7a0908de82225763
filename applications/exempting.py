"""What an exemption means for cases that wait for a fee: a request stops their clock, a decision ends the wait (PAY-7).

Whoever asks or decides takes the person's turn, the exemption, the invoices and the cases, in this order. Billing takes the
turn last; it meets nobody there, because a case that is billed has no open invoice yet.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_noop

from accounts.models import Practitioner
from accounts.notices import tell
from applications import deadlines
from applications.models import Application
from documents.models import Paper
from mumaris.kit import policy
from mumaris.kit.clock import today
from payments import billing, exemptions
from payments.models import Exemption, Invoice, InvoiceState

log = logging.getLogger(__name__)

CAUSE = "exemption"
REASON = gettext_noop("A request for exemption from fees is being decided.")


@transaction.atomic
def ask(practitioner: Practitioner, *, ground: str, evidence: Paper, statement: str, now: datetime) -> Exemption:
    """Ask to be exempt; what waits to be paid waits for the decision too. Raises NotAllowed while a request is undecided."""
    exemption = exemptions.request(practitioner, ground=ground, evidence=evidence, statement=statement, now=now)
    _pause(_waiting(practitioner, now), by=practitioner.user, now=now)
    _tell(exemption, "exemption_requested", now)
    return exemption


@transaction.atomic
def recommend(exemption_id: int, **facts: Any) -> Exemption:
    return exemptions.recommend(exemption_id, **facts)


@transaction.atomic
def send_back(exemption_id: int, **facts: Any) -> Exemption:
    return exemptions.send_back(exemption_id, **facts)


@transaction.atomic
def approve(exemption_id: int, *, by: Any, now: datetime, **facts: Any) -> Exemption:
    """Grant it: in force today, it settles every open invoice of the person; in force later, their clocks go on until `begin`."""
    exemption = exemptions.approve(exemption_id, by=by, now=now, **facts)
    person = exemption.practitioner
    if held := exemptions.in_force(person, today(now)):
        for invoice in _waiting(person, now):
            billing.waive(invoice, held, now=now)
    else:
        _resume(_waiting(person, now), by=by, now=now)
    _tell(
        exemption,
        "exemption_approved",
        now,
        starts_on=exemption.starts_on.isoformat(),
        ends_on=exemption.ends_on.isoformat() if exemption.ends_on else "",
        refunds=_refunds_page() if person.invoices.filter(state=InvoiceState.PAID).exists() else "",
    )
    return exemption


def begin(now: datetime) -> int:
    """Settle what still waits to be paid by people whose exemption has begun since it was approved; returns how many invoices.

    Nobody's case is cancelled for a fee that they are exempt from. Safe to run twice, and at once, and it never waits: whoever
    is being decided about, billed or moved just now is looked at again by the next run (DLN-2).
    """
    held = Exemption.objects.in_force(today(now)).filter(practitioner=OuterRef("payer"))
    waiting = Invoice.objects.filter(Q(lapses_at=None) | Q(lapses_at__gt=now), state=InvoiceState.ISSUED)
    settled = 0
    for payer in waiting.filter(Exists(held)).order_by("payer").values_list("payer", flat=True).distinct():
        try:
            settled += _begin_of(payer, now)
        except Exception:  # one odd case must not keep everybody else's exemption from counting
            log.exception("the exemption of practitioner %s cannot settle what waits", payer)
    return settled


@transaction.atomic
def _begin_of(payer: int, now: datetime) -> int:
    if not exemptions.take_turn_of_if_free(payer):
        return 0
    person = Practitioner.objects.get(pk=payer)
    exemption = exemptions.in_force(person, today(now))
    if exemption is None:  # revoked meanwhile
        return 0
    invoices = _waiting(person, now, wait=False)
    for invoice in invoices:
        billing.waive(invoice, exemption, now=now)
    return len(invoices)


def _idle(cases: list[str]) -> list[str]:
    """Those of the cases that nobody is at, locked behind their live invoices as every move locks them, but without waiting."""
    live = Invoice.objects.live().filter(case__in=cases).order_by("pk")
    taken = list(live.select_for_update(skip_locked=True).values_list("pk", flat=True))
    held = live.exclude(pk__in=taken).values_list("case", flat=True)
    idle = Application.objects.filter(reference__in=set(cases).difference(held)).order_by("pk")
    return list(idle.select_for_update(no_key=True, skip_locked=True).values_list("reference", flat=True))


@transaction.atomic
def refuse(exemption_id: int, *, by: Any, now: datetime, **facts: Any) -> Exemption:
    """Refuse it: the clocks go on with what was left of them, and the policy's least days at least."""
    exemption = exemptions.refuse(exemption_id, by=by, now=now, **facts)
    _resume(_waiting(exemption.practitioner, now), by=by, now=now)
    _tell(exemption, "exemption_refused", now, reason=exemption.reason)
    return exemption


@transaction.atomic
def revoke(exemption_id: int, *, by: Any, now: datetime, **facts: Any) -> Exemption:
    """End it for fees to come; a waived invoice stays waived."""
    exemption = exemptions.revoke(exemption_id, by=by, now=now, **facts)
    _tell(exemption, "exemption_revoked", now, reason=exemption.reason)
    return exemption


def pause_if_asked(invoice: Invoice, now: datetime) -> None:
    """An invoice that is issued while a request of its payer is undecided waits for the decision, too."""
    if invoice.payer.exemptions.undecided().exists():
        _pause([invoice], by=None, now=now)


def _waiting(practitioner: Practitioner, now: datetime, *, wait: bool = True) -> list[Invoice]:
    """The person's open invoices whose time is not over, locked with the live ones of their cases as every move locks them.

    Who does not `wait` gets those of cases that nobody is at.
    """
    cases = list(practitioner.invoices.filter(state=InvoiceState.ISSUED).values_list("case", flat=True))
    if not wait:
        cases = _idle(cases)
    locked = Invoice.objects.live().filter(case__in=cases).order_by("pk").select_for_update()
    return [one for one in locked if one.is_open and (one.lapses_at is None or one.lapses_at > now)]


def _pause(invoices: Iterable[Invoice], *, by: Any, now: datetime) -> None:
    """Only the first request stops the clock of an invoice: asking again and again gains no time."""
    for invoice in invoices:
        if not deadlines.was_paused_for(invoice.number, CAUSE):
            deadlines.pause(_case(invoice), cause=CAUSE, reason=REASON, by=by, now=now)


def _resume(invoices: Iterable[Invoice], *, by: Any, now: datetime) -> None:
    least_days = policy.value("exemption.least_days", today(now))
    for invoice in invoices:
        if deadlines.stands_for(invoice.number, CAUSE):
            deadlines.resume(_case(invoice), cause=CAUSE, least_days=least_days, by=by, now=now)


def _case(invoice: Invoice) -> int:
    return Application.objects.values_list("pk", flat=True).get(reference=invoice.case)


def _tell(exemption: Exemption, kind: str, now: datetime, **facts: str) -> None:
    facts |= {"page": settings.PORTAL_URL + reverse("exemption")}
    tell(exemption.practitioner.user, kind, key=f"exemption {exemption.pk}:{kind}", facts=facts, now=now)


def _refunds_page() -> str:
    """Where the person asks for what was paid already; refunds is an upper room, so its page is known by name alone."""
    try:
        return settings.PORTAL_URL + reverse("refunds")
    except NoReverseMatch:
        return ""
