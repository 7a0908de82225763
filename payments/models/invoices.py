"""Invoices: demands of one fee of one case, in priced lines. Amounts are halalas."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from accounts.models import Practitioner
from mumaris.kit.clock import EndOfDay
from payments.models.exemptions import Exemption, Ground


class Purpose(models.TextChoices):
    ADMIN = "admin", _("Administrative fee")
    SERVICE = "service", _("Service fee")
    EXAM = "exam", _("Exam fee")


class InvoiceState(models.TextChoices):
    ISSUED = "issued", _("Open")
    PAID = "paid", _("Paid")
    WAIVED = "waived", _("Waived")
    LAPSED = "lapsed", _("Lapsed")
    VOID = "void", _("Void")


LIVE = [InvoiceState.ISSUED, InvoiceState.PAID, InvoiceState.WAIVED]


class WaiverGround(models.TextChoices):
    """Why nothing is to be paid: no fee is charged, or the ground of an exemption."""

    NO_FEE = "no_fee", _("No fee is charged")
    MARTYR_RELATIVE = "martyr_relative", Ground.MARTYR_RELATIVE.label
    SECRETARY_GENERAL = "secretary_general", Ground.SECRETARY_GENERAL.label


def paid_agrees(invoice: str) -> str:
    """The body of a trigger: an invoice is paid when a payment is applied to it, and only then (I29); judged at commit."""
    return f"""
        IF (SELECT state = 'paid' FROM payments_invoice WHERE id = {invoice})
            <> EXISTS (SELECT 1 FROM payments_payment WHERE invoice_id = {invoice} AND disposition = 'applied') THEN
            RAISE EXCEPTION 'invoice % and its payments disagree', {invoice} USING ERRCODE = '23514';
        END IF;
        RETURN NULL;
    """


# An invoice asks what its priced lines ask, a waived one nothing: each line is brought to zero by one of its own (PAY-7, PAY-8).
ADDS_UP = """
    SELECT amount, vat, exemption_id IS NOT NULL AS exempt INTO asked FROM payments_invoice WHERE id = {invoice};
    SELECT coalesce(sum(amount) FILTER (WHERE waives_id IS NULL), 0) AS priced, coalesce(sum(vat) FILTER (WHERE waives_id IS NULL), 0) AS vat,
        coalesce(sum(amount), 0) AS rest, count(waives_id) AS waivers INTO found FROM payments_line WHERE invoice_id = {invoice};
    IF found.priced <> asked.amount OR found.vat <> asked.vat OR (found.waivers > 0) <> asked.exempt
        OR found.rest <> (CASE WHEN asked.exempt THEN 0 ELSE asked.amount END) THEN
        RAISE EXCEPTION 'the lines of invoice % do not add up', {invoice} USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
"""


# Only the payer's own exemption, while it is approved, waives an invoice (PAY-7).
WAIVED_BY_OWN = """
    IF NOT EXISTS (SELECT 1 FROM payments_exemption e WHERE e.id = NEW.exemption_id
                   AND e.practitioner_id = NEW.payer_id AND e.state = 'approved') THEN
        RAISE EXCEPTION 'no exemption of its payer waives invoice %', NEW.number USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""


def adds_up(invoice: str) -> dict:
    return {
        "when": pgtrigger.After,
        "timing": pgtrigger.Deferred,
        "declare": [("asked", "record"), ("found", "record")],
        "func": ADDS_UP.format(invoice=invoice),
    }


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def visible_to(self, user) -> "InvoiceQuerySet":
        return self.filter(payer__user=user)

    def live(self) -> "InvoiceQuerySet":
        return self.filter(state__in=LIVE)

    def settled(self, case: str, purpose: str) -> "InvoiceQuerySet":
        return self.filter(case=case, purpose=purpose, state__in=[InvoiceState.PAID, InvoiceState.WAIVED])


@pghistory.track(level=pghistory.Statement)
class Invoice(models.Model):
    """A demand for one fee of one case. It may be paid until `lapses_at`; `due_on` is the day that is printed (PAY-4)."""

    number = models.CharField(_("number"), max_length=20, unique=True)
    payer = models.ForeignKey(Practitioner, models.PROTECT, related_name="invoices", verbose_name=_("payer"))
    case = models.CharField(_("case"), max_length=15, db_index=True)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    serial = models.PositiveSmallIntegerField(
        _("which of this purpose"), default=1, help_text=_("A case may pay for several attempts at an exam.")
    )
    amount = models.BigIntegerField(_("amount in halalas"), help_text=_("The sum of the priced lines, tax included."))
    vat = models.BigIntegerField(_("VAT in it, in halalas"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=InvoiceState, default=InvoiceState.ISSUED)
    issued_at = models.DateTimeField(_("issued at"))
    due_on = models.DateField(_("to be paid by"))
    grace_days = models.PositiveSmallIntegerField(_("silent grace in days"), default=0)
    lapses_at = models.DateTimeField(_("cut-off"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    waiver = models.CharField(_("ground of the waiver"), max_length=20, choices=WaiverGround, blank=True)
    exemption = models.ForeignKey(
        Exemption, models.PROTECT, null=True, blank=True, related_name="invoices", verbose_name=_("exemption")
    )

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["-issued_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="invoice_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(state__in=InvoiceState.values, purpose__in=Purpose.values), name="invoice_words_known"
            ),
            models.UniqueConstraint(
                fields=["case", "purpose", "serial"], condition=Q(state__in=LIVE), name="one_live_invoice"
            ),
            models.CheckConstraint(
                condition=Q(state="paid", paid_at__isnull=False) | (~Q(state="paid") & Q(paid_at=None)),
                name="paid_invoice_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state="waived") & ~Q(waiver="") | ~Q(state="waived") & Q(waiver=""),
                name="waived_invoice_has_ground",
            ),
            models.CheckConstraint(
                condition=Q(waiver__in=["", "no_fee"], exemption=None)
                | Q(waiver__in=Ground.values, exemption__isnull=False),
                name="exempt_invoice_names_exemption",
            ),
            models.CheckConstraint(condition=~Q(waiver="no_fee") | Q(amount=0), name="no_fee_is_zero"),
            models.CheckConstraint(condition=Q(vat__gte=0, vat__lte=F("amount")), name="vat_within_amount"),
            models.CheckConstraint(
                condition=Q(lapses_at=None) | Q(Exact(F("lapses_at"), EndOfDay("due_on", "grace_days"))),
                name="cut_off_is_end_of_due_day",
            ),
            models.CheckConstraint(condition=~Q(state="issued") | Q(amount__gt=0), name="nothing_due_is_no_demand"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state="issued"), name="open_invoice")]
        triggers = [
            pgtrigger.ReadOnly(
                name="invoice_demand_fixed",
                fields=["number", "payer", "case", "purpose", "serial", "amount", "vat", "issued_at"],
            ),
            pgtrigger.Protect(name="invoice_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="waived_by_own_exemption",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state", "exemption_id"),
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__exemption__isnull=False),
                func=WAIVED_BY_OWN,
            ),
            pgtrigger.Protect(
                name="waived_for_good",
                operation=pgtrigger.UpdateOf("state", "waiver", "exemption_id"),
                condition=pgtrigger.Q(old__state="waived"),
            ),
            pgtrigger.Trigger(
                name="invoice_agrees",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=paid_agrees("NEW.id"),
            ),
            pgtrigger.Trigger(
                name="invoice_adds_up",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("exemption_id"),  # what it asks is fixed otherwise
                **adds_up("NEW.id"),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.state == InvoiceState.ISSUED

    @property
    def is_paused(self) -> bool:
        """Whether its clock stands: it can be paid, and has no last day for now (DLN-5)."""
        return self.is_open and self.lapses_at is None

    @property
    def due(self) -> int:
        """Halalas that the lines ask, those that bring others to zero included."""
        return 0 if self.exemption_id else self.amount

    @property
    def vat_due(self) -> int:
        """Halalas of VAT in what is due."""
        return 0 if self.exemption_id else self.vat


class TaxTreatment(models.TextChoices):
    OUT_OF_SCOPE = "out_of_scope", _("Outside the scope of VAT")
    STANDARD = "standard_15", _("VAT of 15 percent included")
    ZERO = "zero", _("Zero-rated")
    EXEMPT = "exempt", _("Exempt from VAT")


class Line(models.Model):
    """One priced line of an invoice, in both languages; or one that `waives` such a line, by its whole amount."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines", verbose_name=_("invoice"))
    fee = models.CharField(_("fee"), max_length=10, help_text=_("Which price of the fee schedule: admin, late …"))
    text_ar = models.CharField(_("text in Arabic"), max_length=160)
    text_en = models.CharField(_("text in English"), max_length=160)
    amount = models.BigIntegerField(_("amount in halalas"))
    tax = models.CharField(_("tax treatment"), max_length=14, choices=TaxTreatment, default=TaxTreatment.OUT_OF_SCOPE)
    vat = models.BigIntegerField(_("VAT in it, in halalas"), default=0)
    waives = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="waived_by", verbose_name=_("brings to zero")
    )

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(waives=None, amount__gte=0, vat__gte=0, vat__lte=F("amount"))
                | Q(waives__isnull=False, amount__lte=0, vat__lte=0, vat__gte=F("amount")),
                name="line_asks_or_waives",
            ),
            models.CheckConstraint(condition=Q(tax="standard_15") | Q(vat=0), name="only_standard_lines_hold_vat"),
            models.CheckConstraint(condition=Q(tax__in=TaxTreatment.values), name="line_tax_known"),
        ]
        triggers = [
            pgtrigger.Protect(name="line_fixed", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(name="lines_add_up", operation=pgtrigger.Insert, **adds_up("NEW.invoice_id")),
        ]

    def __str__(self) -> str:
        return self.text_en
