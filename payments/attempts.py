"""Paying an invoice through the gateway: beginning an attempt, and asking how it stands. HTTP stays outside transactions."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, Max, OuterRef, Q, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.notices import tell
from mumaris.kit.alarms import clear_alarm, raise_alarm, raise_once, was_settled
from mumaris.kit.clock import end_of_day, today
from mumaris.kit.money import riyals
from mumaris.kit.turns import turn
from payments import billing
from payments.gateways import gateway
from payments.gateways.base import (
    AttemptRequest,
    GatewayDown,
    GatewayRefused,
    NormalState,
    NoSuchPayment,
    Patience,
    ShowBill,
    Unreadable,
)
from payments.models import Attempt, AttemptState, Invoice, InvoiceState, Method, WebhookEvent

log = logging.getLogger(__name__)

# A live attempt is asked again after this long, so that a lost notification costs minutes.
ASK_AGAIN = timedelta(minutes=3)
# After a new bill could not be issued, or was just begun by the payer.
REISSUE_AGAIN = timedelta(hours=1)


class CannotPay(Exception):
    """Why this invoice cannot be paid this way now, in words for the payer."""


class Denied(Unreadable):
    """The gateway does not know its own attempt; the alarm `attempt_denied` stands until a person settles it."""


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


def begin(invoice: Invoice, method: str, *, language: str, now: datetime, unasked: bool = False) -> Attempt:
    """The live attempt of this invoice by this method, opened at the gateway now when there is none.

    Our row with its `given_id` is committed before the gateway is called, so a time-out is taken up again by the same
    id. `unasked` is a bill that its payer did not click for, so they are told its number. Raises CannotPay (the invoice
    or the gateway says no) and GatewayDown (nothing is known: try again).
    """
    if reason := why_not(invoice, method, now):
        raise CannotPay(reason)
    attempt = _live(invoice, method, now)
    with turn(
        f"attempt {attempt.given_id}"
    ):  # two clicks must not open two pages: money paid on the lost one would be lost
        attempt.refresh_from_db()
        if attempt.state in (AttemptState.FAILED, AttemptState.EXPIRED):
            raise CannotPay(attempt.message or _("This way to pay has ended. Begin again."))
        return attempt if attempt.state != AttemptState.STARTING else _open(attempt, language, now, unasked)


def reissue(now: datetime, batch: int = 100) -> int:
    """Issue a new SADAD bill where the last one ran out before its invoice, and tell the payer its number; returns how many.

    A bill lives for less than an invoice whose clock stood or was extended (PAY-3, DLN-5). It cannot be called back, so
    none is issued beside a live one. In the silent grace none is issued unasked: it would tell of the grace.
    """
    own = Attempt.objects.filter(invoice=OuterRef("pk"))
    ran_out = own.filter(method=Method.SADAD, state=AttemptState.EXPIRED, expires_on__lt=today(now))
    not_yet = own.filter(Q(method=Method.SADAD, state=AttemptState.OPEN) | Q(created_at__gt=now - REISSUE_AGAIN))
    due = (
        Invoice.objects.filter(state=InvoiceState.ISSUED)
        .filter(Q(lapses_at=None) | Q(lapses_at__gt=now, due_on__gte=today(now)))
        .filter(Exists(ran_out), ~Exists(not_yet))
        .select_related("payer__user")
        .alias(last=Max("attempts__created_at"))
        .order_by("last", "pk")[:batch]  # an invoice whose new bill was in vain comes after those not tried yet
    )
    reissued, patience = 0, Patience()
    for invoice in due:
        try:
            begin(invoice, Method.SADAD, language=invoice.payer.user.language, now=now, unasked=True)
            reissued += 1
            patience.note()
        except CannotPay as reason:
            log.warning("no new bill for invoice %s: %s", invoice.number, reason)
            patience.note()
        except GatewayDown as error:
            log.warning("gateway away, no new bill for invoice %s: %s", invoice.number, error)
            patience.note(error)
            if patience.is_over:
                break
        except Exception:  # one odd answer must not keep everybody else's bill away
            log.exception("no new bill for invoice %s", invoice.number)
    return reissued


def watch_gateway(now: datetime) -> None:
    """Raise the alarm while invoices past their cut-off wait for the gateway's word, and end it when none does (DLN-2)."""
    unheard = Attempt.objects.live().filter(
        Q(asked_at=None) | Q(asked_at__lt=F("invoice__lapses_at")),
        invoice__state=InvoiceState.ISSUED,
        invoice__lapses_at__lte=now,
        tried_at__gte=F("invoice__lapses_at"),
    )
    if number := unheard.values("invoice").distinct().count():
        raise_alarm("gateway_away", now=now, number=number)
    else:
        clear_alarm("gateway_away", now=now)


def ask(attempt: Attempt, *, now: datetime, also: Iterable[str] = ()) -> str:
    """Ask the gateway how the attempt stands, write down what it says, and return the attempt's state. Raises GatewayDown.

    An attempt that the gateway denies raises an alarm and stays as it is, until the gateway knows it again, or a person has
    asked there and settled the alarm; from then on it counts as failed.

    `also` are gateway ids that a notification names: money paid under one of them counts when it carries our attempt's id.
    """
    known = attempt.provider_id or (str(attempt.given_id) if attempt.method == Method.SADAD else "")
    states = [state for one in dict.fromkeys([known, *also]) if one for state in _fetch(one, attempt)]
    for state in states:
        _write_down(attempt, state, now)
    own = [state for state in states if state.attempt_id == str(attempt.given_id)]
    if attempt.provider_id and not own and not was_settled("attempt_denied", str(attempt.given_id)):
        facts = {"attempt": attempt.provider_id, "invoice": attempt.invoice.number}
        raise_once("attempt_denied", str(attempt.given_id), now=now, **facts)
        raise Denied(f"the gateway does not know its own {attempt.provider_id}")
    if any(state.paid_at for state in own):
        outcome = AttemptState.PAID
    elif own and not attempt.provider_id and own[-1].status == "open":
        outcome = AttemptState(attempt.state)  # the answer to the start was lost; `begin` takes it up again
    else:
        outcome = AttemptState(own[-1].status) if own else AttemptState.FAILED
    message = own[-1].message[:200] if own else ""
    # What was read may be old by now: a start that came through meanwhile, or a payment, is never overwritten.
    fresh = Attempt.objects.filter(pk=attempt.pk, provider_id=attempt.provider_id).exclude(state=AttemptState.PAID)
    fresh.update(state=outcome, message=message, asked_at=now)
    clear_alarm("attempt_denied", str(attempt.given_id), now=now)
    return outcome


def ask_all(now: datetime, batch: int = 100) -> int:
    """Ask about live attempts not asked lately, first those whose invoice ended since; returns how many were answered.

    An end is put into effect only when the gateway was asked after it, so everybody would wait for the others' turn.
    """
    over = Q(invoice__lapses_at__lte=now) & (Q(tried_at=None) | Q(tried_at__lt=F("invoice__lapses_at")))
    due = (
        Attempt.objects.live()
        .filter(over | Q(tried_at=None) | Q(tried_at__lt=now - ASK_AGAIN))
        .filter(created_at__lt=now - timedelta(seconds=30))
        .select_related("invoice")
        .order_by(
            Case(When(over, then=Value(0)), default=Value(1)),
            F("tried_at").asc(nulls_first=True),
            "invoice__lapses_at",
            "pk",
        )[:batch]
    )
    answered, patience = 0, Patience()
    for attempt in due:
        Attempt.objects.filter(pk=attempt.pk).update(tried_at=now)
        try:
            outcome = ask(attempt, now=now)
            if outcome == AttemptState.OPEN and not attempt.invoice.is_open:
                _close(attempt)
            answered += 1
            patience.note()
        except GatewayDown as error:
            log.warning("gateway away, attempt %s waits: %s", attempt.given_id, error)
            patience.note(error)
            if patience.is_over:
                break
        except Exception:  # one odd payment must not keep everybody else's from being heard
            log.exception("attempt %s could not be asked about", attempt.given_id)
    return answered


def _live(invoice: Invoice, method: str, now: datetime) -> Attempt:
    existing = invoice.attempts.live().filter(method=method).first()
    if existing and existing.expires_on and existing.expires_on < today(now):
        try:
            ask(existing, now=now)
        except GatewayDown:
            raise
        except Exception as error:  # its money may have come: nobody shall pay beside it
            log.exception("attempt %s could not be asked about", existing.given_id)
            raise CannotPay(
                _("Your last bill is still being checked. Do not pay again; look here in a few minutes.")
            ) from error
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


def _open(attempt: Attempt, language: str, now: datetime, unasked: bool) -> Attempt:
    invoice, method = attempt.invoice, attempt.method
    page = settings.PORTAL_URL + reverse("payment_return", args=[attempt.given_id])
    request = AttemptRequest(
        attempt_id=str(attempt.given_id),
        method=method,
        amount=invoice.amount,
        description=f"{invoice.number} {invoice.case}",
        closes_at=_closes_at(invoice, method, now),
        return_url=page,
        back_url=page,
        language=language,
        reference=invoice.number,
        started_before=attempt.created_at < now,
    )
    try:
        attempt.provider_id, where = gateway().start(request, now)
    except GatewayRefused as refusal:
        Attempt.objects.filter(pk=attempt.pk).update(state=AttemptState.FAILED, message=refusal.message[:200])
        raise CannotPay(_("The payment gateway refused: %(reason)s") % {"reason": refusal.message}) from refusal
    attempt.state = AttemptState.OPEN
    if isinstance(where, ShowBill):
        attempt.biller_name, attempt.biller_code = where.biller_name, where.biller_code
        attempt.bill_number, attempt.expires_on = where.number, where.expires_on
    else:
        attempt.url = where.url
    with transaction.atomic():  # no bill is kept of which its payer is not told
        attempt.save(
            update_fields=["provider_id", "state", "url", "biller_name", "biller_code", "bill_number", "expires_on"]
        )
        if unasked:
            _tell_number(attempt, now)
    return attempt


def _closes_at(invoice: Invoice, method: str, now: datetime) -> datetime:
    """When the page or the bill ends: with the last day that people are told, never by the silent grace (DLN-5).

    While the clock of the invoice stands it has no end of its own, so a bill gets its full length.
    """
    longest = gateway().terms[method].max_days
    longest_until = end_of_day(today(now) + timedelta(days=longest)) if longest else None
    if invoice.lapses_at is None:
        return longest_until or now + timedelta(days=1)
    told = end_of_day(max(invoice.due_on, today(now)))
    return min(told, longest_until) if longest_until else told


def _tell_number(attempt: Attempt, now: datetime) -> None:
    tell(
        attempt.invoice.payer.user,
        "bill_reissued",
        key=f"{attempt.given_id}:bill",
        reference=attempt.invoice.case,
        facts={
            "invoice": attempt.invoice.number,
            "biller": f"{attempt.biller_name} ({attempt.biller_code})",
            "number": attempt.bill_number,
            "expires_on": attempt.expires_on.isoformat() if attempt.expires_on else "",
        },
        now=now,
    )


def _close(attempt: Attempt) -> None:
    """Nobody shall pay an invoice that is no longer open; a bill cannot be called back, and its money becomes a credit."""
    gateway().cancel(
        attempt.provider_id, attempt.method
    )  # how it ended is asked next time: a card may be at its bank just now


def _fetch(provider_id: str, attempt: Attempt) -> list[NormalState]:
    try:
        return gateway().fetch(provider_id, attempt.method, _paid_events(attempt))
    except NoSuchPayment:
        return []
    except GatewayRefused as refusal:  # an answer that says nothing of the money
        raise Unreadable(refusal.message) from refusal


def _paid_events(attempt: Attempt) -> dict[str, datetime]:
    """When the gateway's own paid notices were made, by payment id: the better bank time where the payment has none."""
    events = WebhookEvent.objects.filter(type="payment_paid", given_id=attempt.given_id)
    return {event.body["data"]["id"]: datetime.fromisoformat(event.body["created_at"]) for event in events}


def _write_down(attempt: Attempt, state: NormalState, now: datetime) -> None:
    if state.paid_at is None or not state.provider_ref:
        return
    if state.currency != "SAR" or state.amount <= 0 or state.attempt_id != str(attempt.given_id):
        raise_once(
            "payment_mismatch",
            state.provider_ref,
            now=now,
            payment=state.provider_ref,
            invoice=attempt.invoice.number,
            amount=state.amount,
            currency=state.currency,
        )
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
