"""Every movement of money: issue, void, lapse, receive, settle, release. Amounts are halalas, instants UTC."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from sequences import get_next_value

from accounts.models import Practitioner
from mumaris.kit.clock import days_after, end_of_day, today
from payments.models import (
    LIVE,
    Attempt,
    Credit,
    CreditReason,
    Disposition,
    Invoice,
    InvoiceState,
    Line,
    Payment,
    WaiverGround,
)
from payments.signals import invoice_settled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PricedLine:
    """What an upper room asks to be billed: words in both languages and halalas."""

    text_ar: str
    text_en: str
    amount: int


@transaction.atomic
def issue(
    *,
    case: str,
    purpose: str,
    payer: Practitioner,
    lines: Iterable[PricedLine],
    days: int,
    grace_days: int,
    now: datetime,
    serial: int = 1,
) -> Invoice:
    """A new invoice, open for `days` whole Riyadh days after today; nothing to pay is waived and settled at once (SRV-11)."""
    lines = list(lines)
    amount = sum(line.amount for line in lines)
    due_on = days_after(now, days)
    year = today(now).year
    invoice = Invoice.objects.create(
        number=f"INV-{year}-{get_next_value(f'invoice-{year}'):06d}",
        case=case,
        purpose=purpose,
        serial=serial,
        payer=payer,
        amount=amount,
        state=InvoiceState.ISSUED if amount else InvoiceState.WAIVED,
        waiver="" if amount else WaiverGround.NO_FEE,
        issued_at=now,
        due_on=due_on,
        grace_days=grace_days,
        lapses_at=end_of_day(due_on + timedelta(days=grace_days)),
    )
    Line.objects.bulk_create(
        Line(invoice=invoice, text_ar=line.text_ar, text_en=line.text_en, amount=line.amount) for line in lines
    )
    if not amount:
        invoice_settled.send(Invoice, invoice=invoice, now=now)
    return invoice


def void(case: str, *purposes: str) -> None:
    """End open demands that nobody shall pay any more; money that still comes for them becomes a credit."""
    Invoice.objects.filter(case=case, purpose__in=purposes, state=InvoiceState.ISSUED).update(state=InvoiceState.VOID)


def lapse(invoices: Iterable[int]) -> None:
    """Close the locked open invoices of cancelled cases; they stay payable for a bank time before their cut-off."""
    Invoice.objects.filter(pk__in=invoices, state=InvoiceState.ISSUED).update(state=InvoiceState.LAPSED)


def receive(
    *,
    invoice: Invoice,
    attempt: Attempt | None,
    provider_ref: str,
    method: str,
    amount: int,
    paid_at: datetime,
    now: datetime,
) -> Payment:
    """Write down that money came, in a transaction of its own, once per `provider_ref`; then settle what can be settled.

    A fact is never refused: whatever settling says, the row stays.
    """
    payment, _created = Payment.objects.get_or_create(
        provider_ref=provider_ref,
        defaults={
            "invoice": invoice,
            "attempt": attempt,
            "method": method,
            "amount": amount,
            "paid_at": paid_at,
            "received_at": now,
        },
    )
    settle(invoice.pk, now=now)
    return payment


@transaction.atomic
def settle(invoice_id: int, *, now: datetime) -> None:
    """Apply the first payment made in time; whatever else came in becomes a credit with its reason (PAY-5)."""
    payments = list(
        Payment.objects.select_for_update(of=("self",))
        .select_related("invoice")
        .filter(invoice=invoice_id, disposition=Disposition.RECEIVED)
        .order_by("paid_at", "pk")
    )
    if not payments:
        return
    case = payments[0].invoice.case
    # All of the case that a move locks, in its order, and this one: two orders would deadlock.
    locked = Invoice.objects.filter(Q(pk=invoice_id) | Q(case=case, state__in=LIVE)).order_by("pk").select_for_update()
    invoice = {one.pk: one for one in locked}[invoice_id]
    for payment in payments:
        if reason := _why_not_applied(payment, invoice):
            _credit(payment, payment.amount, reason, now)
        else:
            _apply(payment, invoice, now)


def settle_left(now: datetime, batch: int = 100) -> None:
    """Settle what was received but not settled, because something failed in between; one failure keeps no other waiting."""
    left = (
        Payment.objects.filter(disposition=Disposition.RECEIVED)
        .order_by("pk")
        .values_list("invoice", flat=True)[:batch]
    )
    for invoice in dict.fromkeys(left):
        try:
            settle(invoice, now=now)
        except Exception:
            log.exception("payments of invoice %s cannot be settled", invoice)


def release(invoice: Invoice, *, now: datetime) -> None:
    """Un-apply the payment of a case that no move can take up; its whole amount is a credit and the invoice stays lapsed."""
    payment = invoice.payments.get(disposition=Disposition.APPLIED)
    _credit(payment, invoice.amount, CreditReason.CASE_CLOSED, now)
    invoice.state, invoice.paid_at = InvoiceState.LAPSED, None
    invoice.save(update_fields=["state", "paid_at"])


def _why_not_applied(payment: Payment, invoice: Invoice) -> str:
    if invoice.state in (InvoiceState.PAID, InvoiceState.WAIVED):
        return CreditReason.SECOND
    if invoice.state == InvoiceState.VOID:
        return CreditReason.VOID
    if payment.amount < invoice.amount:
        return CreditReason.TOO_LITTLE
    if invoice.lapses_at and payment.paid_at >= invoice.lapses_at:
        return CreditReason.LATE
    return ""


def _apply(payment: Payment, invoice: Invoice, now: datetime) -> None:
    payment.disposition = Disposition.APPLIED
    payment.save(update_fields=["disposition"])
    if payment.amount > invoice.amount:
        Credit.objects.create(
            payment=payment, amount=payment.amount - invoice.amount, reason=CreditReason.TOO_MUCH, created_at=now
        )
    invoice.state, invoice.paid_at = InvoiceState.PAID, payment.paid_at
    invoice.save(update_fields=["state", "paid_at"])
    invoice_settled.send(Invoice, invoice=invoice, now=now)


def _credit(payment: Payment, amount: int, reason: str, now: datetime) -> None:
    payment.disposition = Disposition.CREDITED
    payment.save(update_fields=["disposition"])
    Credit.objects.create(payment=payment, amount=amount, reason=reason, created_at=now)
