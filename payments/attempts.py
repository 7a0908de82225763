"""Paying an invoice through the gateway: beginning an attempt, and asking how it stands. HTTP stays outside transactions."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from mumaris.kit.clock import end_of_day, today
from mumaris.kit.money import riyals
from payments import billing
from payments.gateways import gateway
from payments.gateways.base import AttemptRequest, GatewayDown, GatewayRefused, NormalState, NoSuchPayment, ShowBill
from payments.models import Attempt, AttemptState, Invoice, InvoiceState, Method, WebhookEvent

log = logging.getLogger(__name__)

# A live attempt is asked again after this long, so that a lost notification costs minutes.
ASK_AGAIN = timedelta(minutes=3)


class CannotPay(Exception):
    """Why this invoice cannot be paid this way now, in words for the payer."""


def why_not(invoice: Invoice, method: str, now: datetime) -> str:
    """The reason why `method` is not offered for the invoice, empty when it is (PAY-3)."""
    if not invoice.is_open:
        return _("This invoice is no longer open: %(state)s.") % {"state": invoice.get_state_display()}
    if invoice.lapses_at and now >= invoice.lapses_at:
        return _("The time to pay this invoice has ended.")
    terms = gateway().terms[method]
    if invoice.amount < terms.min_amount:
        return _("%(method)s takes amounts from %(least)s riyals only.") % {
            "method": Method(method).label,
            "least": riyals(terms.min_amount),
        }
    return ""


def begin(invoice: Invoice, method: str, *, language: str, now: datetime) -> Attempt:
    """The live attempt of this invoice by this method, opened at the gateway now when there is none.

    Our row with its `given_id` is committed before the gateway is called, so a time-out is taken up again by the same
    id. Raises CannotPay (the invoice or the gateway says no) and GatewayDown (nothing is known: try again).
    """
    if reason := why_not(invoice, method, now):
        raise CannotPay(reason)
    attempt = _live(invoice, method, now)
    if attempt.state == AttemptState.OPEN:
        return attempt
    closes_at = invoice.lapses_at or now + timedelta(days=1)
    if longest := gateway().terms[method].max_days:
        closes_at = min(closes_at, end_of_day(today(now) + timedelta(days=longest)))
    page = settings.PORTAL_URL + reverse("payment_return", args=[attempt.given_id])
    try:
        provider_id, where = gateway().start(
            AttemptRequest(
                attempt_id=str(attempt.given_id),
                method=method,
                amount=invoice.amount,
                description=f"{invoice.number} {invoice.case}",
                closes_at=closes_at,
                return_url=page,
                back_url=page,
                language=language,
                reference=invoice.number,
                started_before=attempt.created_at < now,
            ),
            now,
        )
    except GatewayRefused as refusal:
        Attempt.objects.filter(pk=attempt.pk).update(state=AttemptState.FAILED, message=refusal.message[:200])
        raise CannotPay(_("The payment gateway refused: %(reason)s") % {"reason": refusal.message}) from refusal
    attempt.provider_id, attempt.state = provider_id, AttemptState.OPEN
    if isinstance(where, ShowBill):
        attempt.biller_name, attempt.biller_code = where.biller_name, where.biller_code
        attempt.bill_number, attempt.expires_on = where.number, where.expires_on
    else:
        attempt.url = where.url
    attempt.save(
        update_fields=["provider_id", "state", "url", "biller_name", "biller_code", "bill_number", "expires_on"]
    )
    return attempt


def ask(attempt: Attempt, *, now: datetime) -> str:
    """Ask the gateway how the attempt stands, write down what it says, and return the attempt's state. Raises GatewayDown."""
    if not attempt.provider_id:
        return _never_opened(attempt, now)
    try:
        states = gateway().fetch(attempt.provider_id, attempt.method, _paid_events(attempt))
    except NoSuchPayment:
        states = []
    for state in states:
        _write_down(attempt, state, now)
    status = states[-1].status if states else "failed"
    outcome = AttemptState.PAID if status == "refunded" else AttemptState(status)
    message = states[-1].message[:200] if states else ""
    Attempt.objects.filter(pk=attempt.pk).update(state=outcome, message=message, asked_at=now)
    return outcome


def ask_all(now: datetime, batch: int = 100) -> int:
    """Ask about live attempts not asked lately, those of lapsed invoices first; returns how many were answered."""
    due = (
        Attempt.objects.live()
        .filter(
            Q(asked_at=None)
            | Q(asked_at__lt=now - ASK_AGAIN)
            | Q(invoice__lapses_at__lte=now, asked_at__lt=F("invoice__lapses_at"))
        )
        .filter(created_at__lt=now - timedelta(seconds=30))
        .select_related("invoice")
        .order_by("invoice__lapses_at")[:batch]
    )
    answered = 0
    for attempt in due:
        try:
            ask(attempt, now=now)
            answered += 1
        except GatewayDown as error:
            log.warning("gateway away, attempt %s waits: %s", attempt.given_id, error)
    return answered


def _live(invoice: Invoice, method: str, now: datetime) -> Attempt:
    existing = invoice.attempts.live().filter(method=method).first()
    if existing and existing.expires_on and existing.expires_on < today(now):
        ask(existing, now=now)
        existing = invoice.attempts.live().filter(method=method).first()
    if existing:
        return existing
    try:
        with transaction.atomic():
            locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
            if locked.state != InvoiceState.ISSUED:
                raise CannotPay(_("This invoice is no longer open: %(state)s.") % {"state": locked.get_state_display()})
            return Attempt.objects.create(invoice=invoice, method=method, created_at=now)
    except IntegrityError:  # a second click began it
        return invoice.attempts.live().get(method=method)


def _never_opened(attempt: Attempt, now: datetime) -> str:
    """The gateway's answer to the start was lost. A bill is known there by our id; a card page nobody was sent to takes no money."""
    if attempt.method == Method.SADAD:
        try:
            states = gateway().fetch(str(attempt.given_id), attempt.method, _paid_events(attempt))
        except NoSuchPayment:
            states = []
        for state in states:
            _write_down(attempt, state, now)
        if any(state.status == "open" for state in states):
            Attempt.objects.filter(pk=attempt.pk).update(asked_at=now)
            return attempt.state
        outcome = AttemptState(states[-1].status) if states else AttemptState.FAILED
    else:
        outcome = AttemptState.FAILED
    Attempt.objects.filter(pk=attempt.pk).update(state=outcome, asked_at=now)
    return outcome


def _paid_events(attempt: Attempt) -> dict[str, datetime]:
    """When the gateway's own paid notices were made, by payment id: the better bank time where the payment has none."""
    events = WebhookEvent.objects.filter(type="payment_paid", body__data__metadata__attempt_id=str(attempt.given_id))
    return {event.body["data"]["id"]: datetime.fromisoformat(event.body["created_at"]) for event in events}


def _write_down(attempt: Attempt, state: NormalState, now: datetime) -> None:
    if state.paid_at is None or not state.provider_ref:
        return
    if state.currency != "SAR" or state.attempt_id != str(attempt.given_id):
        log.error("payment %s of attempt %s does not match: %s", state.provider_ref, attempt.given_id, state)
        return
    billing.receive(
        invoice=attempt.invoice,
        attempt=attempt,
        provider_ref=state.provider_ref,
        method=attempt.method,
        amount=state.amount,
        paid_at=state.paid_at,
        now=now,
    )
