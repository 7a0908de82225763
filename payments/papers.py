"""Invoices and receipts as papers of the register: bilingual PDFs with a public page that tells how they stand (PAY-8, REG-2).

An invoice may change after it was printed: paid, waived, put off. Then a newer paper takes the place of the older one.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from sequences import get_next_value

from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from payments import zatca
from payments.models import Disposition, Invoice, InvoiceState, Line, Payment, TaxTreatment
from register import issuing
from register.models import IssuedPaper
from register.papers import PaperKind, Stands

BADGES = {
    InvoiceState.ISSUED: ("warn", gettext_lazy("To be paid"), "card"),
    InvoiceState.PAID: ("ok", gettext_lazy("Paid"), "ok"),
    InvoiceState.WAIVED: ("ok", gettext_lazy("Nothing is to be paid"), "ok"),
    InvoiceState.LAPSED: ("", gettext_lazy("Lapsed"), "dash"),
    InvoiceState.VOID: ("", gettext_lazy("Void"), "dash"),
}
ENDED = (InvoiceState.LAPSED, InvoiceState.VOID)


def _invoice_stands(paper: IssuedPaper) -> Stands:
    state = InvoiceState(Invoice.objects.values_list("state", flat=True).get(number=paper.case))
    return Stands(state not in ENDED, BADGES[state])


def _receipt_stands(paper: IssuedPaper) -> Stands:
    applied = Payment.objects.filter(provider_ref=paper.facts["provider_ref"], disposition=Disposition.APPLIED).exists()
    if applied:
        return Stands(True, ("ok", gettext_lazy("Received, and the invoice is paid by it"), "ok"))
    return Stands(False, ("", gettext_lazy("It pays its invoice no more"), "dash"))


INVOICE = PaperKind("invoice", "IV", "فاتورة", "Invoice", stands=_invoice_stands)
RECEIPT = PaperKind("receipt", "RV", "سند قبض", "Receipt", stands=_receipt_stands)


@transaction.atomic
def print_invoice(invoice: Invoice, *, now: datetime) -> IssuedPaper:
    """The paper of the invoice as it stands now; the one that is there already where nothing has changed."""
    return _issued(INVOICE, invoice, _invoice_words, now)


@transaction.atomic
def print_receipt(invoice: Invoice, *, now: datetime) -> IssuedPaper:
    """The receipt of the payment that is applied to the invoice, numbered without gaps within a year.

    Raises NotAllowed where no payment is applied: what became a credit settles nothing.
    """
    return _issued(RECEIPT, invoice, _receipt_words, now)


PRINT = {INVOICE.slug: print_invoice, RECEIPT.slug: print_receipt}


def _issued(
    kind: PaperKind, invoice: Invoice, words_of: Callable[[Invoice], dict[str, Any]], now: datetime
) -> IssuedPaper:
    locked = Invoice.objects.select_for_update(of=("self",)).select_related("payer").get(pk=invoice.pk)
    words = words_of(locked)
    there = IssuedPaper.objects.select_for_update().filter(kind=kind.slug, case=locked.number, revoked_at=None).first()
    if there and all(there.facts.get(name) == word for name, word in words.items()):
        return there
    if there:
        issuing.supersede(there, now=now)
    year = today(now).year
    return issuing.issue(
        kind,
        practitioner=locked.payer,
        case=locked.number,
        valid_from=today(now),
        valid_until=None,
        words=words,
        now=now,
        number=f"RCT-{year}-{get_next_value(f'receipt-{year}'):06d}" if kind is RECEIPT else "",
    )


def _invoice_words(invoice: Invoice) -> dict[str, Any]:
    running = invoice.is_open and invoice.lapses_at is not None
    lines = list(invoice.lines.all())
    return {
        **_common_words(invoice, lines),
        "total": invoice.due,
        "invoiced_on": today(invoice.issued_at).isoformat(),
        "due_on": invoice.due_on.isoformat() if running else "",
        "nothing_due": invoice.state == InvoiceState.WAIVED,
        **_tax_words(invoice, lines),
    }


def _receipt_words(invoice: Invoice) -> dict[str, Any]:
    payment = invoice.payments.filter(disposition=Disposition.APPLIED).first()
    if payment is None:
        raise NotAllowed(_("There is no receipt: no payment settles this invoice."))
    method_ar, method_en = _in_both(payment.get_method_display)
    return {
        **_common_words(invoice, list(invoice.lines.all())),
        "total": invoice.amount,
        "tax_qr": "",
        "method_ar": method_ar,
        "method_en": method_en,
        "provider_ref": payment.provider_ref,
        "paid_on": today(payment.moved_at).isoformat(),
    }


def _common_words(invoice: Invoice, lines: list[Line]) -> dict[str, Any]:
    return {
        "invoice_number": invoice.number,
        "case": invoice.case,
        "lines": [_line_words(line) for line in lines],
        "vat": invoice.vat_due if _is_taxed(lines) else None,
    }


def _tax_words(invoice: Invoice, lines: list[Line]) -> dict[str, str]:
    """What makes a simplified tax invoice of it: where a line is taxed, and the authority has a number for that."""
    if not (_is_taxed(lines) and settings.VAT_NUMBER):
        return {"tax_qr": "", "vat_number": "", "seller_ar": "", "seller_en": ""}
    return {
        "tax_qr": zatca.qr_text(
            seller=settings.SELLER_NAME_AR,
            vat_number=settings.VAT_NUMBER,
            at=invoice.issued_at,
            total=invoice.due,
            vat=invoice.vat_due,
        ),
        "vat_number": settings.VAT_NUMBER,
        "seller_ar": settings.SELLER_NAME_AR,
        "seller_en": settings.SELLER_NAME_EN,
    }


def _line_words(line: Line) -> dict[str, Any]:
    note_ar, note_en = ("", "") if line.waives_id else _in_both(line.get_tax_display)
    return {
        "text_ar": line.text_ar,
        "text_en": line.text_en,
        "note_ar": note_ar,
        "note_en": note_en,
        "amount": line.amount,
    }


def _is_taxed(lines: list[Line]) -> bool:
    return any(line.tax == TaxTreatment.STANDARD for line in lines)


def _in_both(display: Callable[[], str]) -> tuple[str, str]:
    words = []
    for language in ("ar", "en"):
        with translation.override(language):
            words.append(str(display()))
    return words[0], words[1]
