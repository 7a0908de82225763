"""Every movement of money: issue, void, lapse, receive, settle, release. Amounts are halalas, instants UTC."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext
from sequences import get_next_value

from accounts.models import Practitioner
from mumaris.kit.clock import days_after, end_of_day, today
from payments import ledger
from payments.models import (
    LIVE,
    Attempt,
    Credit,
    CreditReason,
    Disposition,
    Exemption,
    Invoice,
    InvoiceState,
    Line,
    Payment,
    TaxTreatment,
    WaiverGround,
)
from payments.models.invoices import InvoiceQuerySet
from payments.signals import invoice_settled

log = logging.getLogger(__name__)

# Asked before money is used after all: an upper room that promised to give it back, as a credit or as the fee that it settled,
# takes that back and says True, also where it promised nothing; False where the money is on its way out.
GIVE_WAY: list[Callable[[Payment, datetime], bool]] = []

# Amounts include their tax.
VAT_PERCENT: dict[str, int] = {TaxTreatment.STANDARD: 15}


@dataclass(frozen=True)
class PricedLine:
    """What an upper room asks to be billed: which price, words in both languages, halalas with the tax that is in them."""

    fee: str
    text_ar: str
    text_en: str
    amount: int
    tax: str = TaxTreatment.OUT_OF_SCOPE

    @property
    def vat(self) -> int:
        """Halalas of VAT within the amount, to the nearest halala, half up."""
        percent = VAT_PERCENT.get(self.tax, 0)
        return (2 * self.amount * percent + 100 + percent) // (2 * (100 + percent))


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
    exemption: Exemption | None = None,
) -> Invoice:
    """A new invoice, open for `days` whole Riyadh days after today.

    Nothing to pay is waived and settled at once: no fee (SRV-11), or an `exemption` in force, which is shown as a line that
    brings each priced line to zero (PAY-7).
    """
    lines = list(lines)
    amount = sum(line.amount for line in lines)
    due_on = days_after(now, days)
    year = today(now).year
    ground = "" if amount and not exemption else exemption.ground if exemption and amount else WaiverGround.NO_FEE
    invoice = Invoice.objects.create(
        number=f"INV-{year}-{get_next_value(f'invoice-{year}'):06d}",
        case=case,
        purpose=purpose,
        serial=serial,
        payer=payer,
        amount=amount,
        vat=sum(line.vat for line in lines),
        state=InvoiceState.WAIVED if ground else InvoiceState.ISSUED,
        waiver=ground,
        exemption=exemption if amount else None,
        issued_at=now,
        due_on=due_on,
        grace_days=grace_days,
        lapses_at=end_of_day(due_on + timedelta(days=grace_days)),
    )
    Line.objects.bulk_create(
        Line(
            invoice=invoice,
            fee=line.fee,
            text_ar=line.text_ar,
            text_en=line.text_en,
            amount=line.amount,
            tax=line.tax,
            vat=line.vat,
        )
        for line in lines
    )
    ledger.issued(invoice, now)
    if invoice.exemption:
        _bring_to_zero(invoice, now)
    if ground:
        invoice_settled.send(Invoice, invoice=invoice, now=now)
    return invoice


def waive(invoice: Invoice, exemption: Exemption, *, now: datetime) -> None:
    """Settle a locked open invoice by an exemption that was approved meanwhile (PAY-7)."""
    invoice.state, invoice.waiver, invoice.exemption = InvoiceState.WAIVED, exemption.ground, exemption
    invoice.save(update_fields=["state", "waiver", "exemption"])
    _bring_to_zero(invoice, now)
    invoice_settled.send(Invoice, invoice=invoice, now=now)


def reschedule(invoice: Invoice, *, due_on: date, paused: bool = False) -> None:
    """Move the printed day of a locked open invoice; while its clock is `paused` it has no cut-off (DLN-5)."""
    invoice.due_on = due_on
    invoice.lapses_at = None if paused else end_of_day(due_on + timedelta(days=invoice.grace_days))
    invoice.save(update_fields=["due_on", "lapses_at"])


def void(case: str, *purposes: str, now: datetime) -> None:
    """End open demands that nobody shall pay any more; money that still comes for them becomes a credit."""
    _close(Invoice.objects.filter(case=case, purpose__in=purposes), InvoiceState.VOID, now)


def lapse(invoices: Iterable[int], *, now: datetime) -> None:
    """Close the locked open invoices of cancelled cases; they stay payable for a bank time before their cut-off."""
    _close(Invoice.objects.filter(pk__in=invoices), InvoiceState.LAPSED, now)


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
    with transaction.atomic():
        payment, created = Payment.objects.get_or_create(
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
        if created:
            ledger.received(payment, now)
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
    invoice = _lock(payments[0].invoice)
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


@transaction.atomic
def reapply(payment_id: int, *, bank_at: datetime, now: datetime) -> bool:
    """The bank's statement says that late money moved at `bank_at`; where that was in time it is applied after all (PAY-5).

    Returns whether it was. Nothing happens where the invoice was settled meanwhile, where it was late by the bank's time too,
    and where the money is on its way back. Where no move can take the case up again, that is final: the credit says so, and its
    ticket stays. What was applied is never un-applied here.
    """
    payment = Payment.objects.select_for_update(of=("self",)).select_related("invoice").get(pk=payment_id)
    if payment.bank_at is None:
        payment.bank_at = bank_at
        payment.save(update_fields=["bank_at"])
    invoice = _lock(payment.invoice)
    credit = payment.credits.filter(reason=CreditReason.LATE, applied_at=None).first()
    if credit is None or payment.disposition != Disposition.CREDITED or _why_not_applied(payment, invoice):
        return False
    # Whoever holds a ticket on this money took the payment's lock first, so nobody waits for us with one.
    with transaction.atomic():
        free = all(give_way(payment, now) for give_way in GIVE_WAY)
        payment.refresh_from_db(fields=["refunded"])
        if not free or payment.refunded:
            transaction.set_rollback(True)
            return False
        credit.applied_at = now
        credit.save(update_fields=["applied_at"])
        _apply(payment, invoice, now)
        payment.refresh_from_db(fields=["disposition"])
        revived = payment.disposition == Disposition.APPLIED
        transaction.set_rollback(not revived)
    if not revived:
        Credit.objects.filter(pk=credit.pk).update(reason=CreditReason.CASE_CLOSED)
    return revived


def keep(invoice: Invoice, *, now: datetime) -> bool:
    """Whether the fee of a settled invoice is left to be used, once an approval to give it back that was not paid out has given way."""
    if ledger.went_back_whole(invoice):
        payment = invoice.payments.get(disposition=Disposition.APPLIED)
        for give_way in GIVE_WAY:
            give_way(payment, now)
    return not ledger.went_back_whole(invoice)


def release(invoice: Invoice, *, now: datetime) -> None:
    """Un-apply the payment of a case that no move can take up; its whole amount is a credit and the invoice stays lapsed."""
    payment = invoice.payments.get(disposition=Disposition.APPLIED)
    _credit(payment, invoice.amount, CreditReason.CASE_CLOSED, now)
    ledger.released(payment, invoice, now)
    invoice.state, invoice.paid_at = InvoiceState.LAPSED, None
    invoice.save(update_fields=["state", "paid_at"])


def _lock(invoice: Invoice) -> Invoice:
    """The invoice, fresh and locked with all of its case that a move locks, in its order: two orders would deadlock."""
    live = Q(case=invoice.case, state__in=LIVE)
    locked = Invoice.objects.filter(Q(pk=invoice.pk) | live).order_by("pk").select_for_update()
    return {one.pk: one for one in locked}[invoice.pk]


def _why_not_applied(payment: Payment, invoice: Invoice) -> str:
    if invoice.state in (InvoiceState.PAID, InvoiceState.WAIVED):
        return CreditReason.SECOND
    if invoice.state == InvoiceState.VOID:
        return CreditReason.VOID
    if payment.amount < invoice.amount:
        return CreditReason.TOO_LITTLE
    if invoice.lapses_at and payment.moved_at >= invoice.lapses_at:
        return CreditReason.LATE
    return ""


def _apply(payment: Payment, invoice: Invoice, now: datetime) -> None:
    payment.disposition = Disposition.APPLIED
    payment.save(update_fields=["disposition"])
    if payment.amount > invoice.amount:
        Credit.objects.create(
            payment=payment, amount=payment.amount - invoice.amount, reason=CreditReason.TOO_MUCH, created_at=now
        )
    ledger.applied(payment, invoice, was_open=invoice.is_open, now=now)
    invoice.state, invoice.paid_at = InvoiceState.PAID, payment.moved_at
    invoice.save(update_fields=["state", "paid_at"])
    invoice_settled.send(Invoice, invoice=invoice, now=now)


def _credit(payment: Payment, amount: int, reason: str, now: datetime) -> None:
    payment.disposition = Disposition.CREDITED
    payment.save(update_fields=["disposition"])
    Credit.objects.create(payment=payment, amount=amount, reason=reason, created_at=now)


def _close(invoices: InvoiceQuerySet, state: str, now: datetime) -> None:
    open_ones = list(
        invoices.filter(state=InvoiceState.ISSUED).order_by("pk").select_for_update().values_list("pk", flat=True)
    )
    if open_ones:
        Invoice.objects.filter(pk__in=open_ones).update(state=state)
        ledger.closed(open_ones, now)


def _bring_to_zero(invoice: Invoice, now: datetime) -> None:
    """A line for each priced line that takes it off whole, with the ground as its words."""
    words = {}
    for language in ("ar", "en"):
        with translation.override(language):
            words[f"text_{language}"] = gettext("Exempt: %(ground)s") % {"ground": invoice.get_waiver_display()}
    Line.objects.bulk_create(
        Line(invoice=invoice, fee=line.fee, amount=-line.amount, tax=line.tax, vat=-line.vat, waives=line, **words)
        for line in invoice.lines.filter(waives=None)
    )
    ledger.waived(invoice, now)
