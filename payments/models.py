"""Invoices are demands, payments are facts, and money that settles nothing is a credit. Amounts are halalas."""

import uuid

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from accounts.models import Practitioner
from mumaris.kit.clock import EndOfDay


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
    NO_FEE = "no_fee", _("No fee is charged")


# Money is applied only when the bank moved it before the cut-off in force, and enough of it (I26).
APPLIED_IN_TIME = """
    SELECT amount, lapses_at INTO wanted FROM payments_invoice WHERE id = NEW.invoice_id;
    IF NEW.amount < wanted.amount OR NEW.paid_at >= wanted.lapses_at THEN
        RAISE EXCEPTION 'payment % cannot settle its invoice', NEW.provider_ref USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""


def paid_agrees(invoice: str) -> str:
    """The body of a trigger: an invoice is paid when a payment is applied to it, and only then (I29); judged at commit."""
    return f"""
        IF (SELECT state = 'paid' FROM payments_invoice WHERE id = {invoice})
            <> EXISTS (SELECT 1 FROM payments_payment WHERE invoice_id = {invoice} AND disposition = 'applied') THEN
            RAISE EXCEPTION 'invoice % and its payments disagree', {invoice} USING ERRCODE = '23514';
        END IF;
        RETURN NULL;
    """


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def visible_to(self, user) -> "InvoiceQuerySet":
        return self.filter(payer__user=user)

    def live(self) -> "InvoiceQuerySet":
        return self.filter(state__in=LIVE)


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
    amount = models.BigIntegerField(_("amount in halalas"))
    state = models.CharField(_("state"), max_length=10, choices=InvoiceState, default=InvoiceState.ISSUED)
    issued_at = models.DateTimeField(_("issued at"))
    due_on = models.DateField(_("to be paid by"))
    grace_days = models.PositiveSmallIntegerField(_("silent grace in days"), default=0)
    lapses_at = models.DateTimeField(_("cut-off"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    waiver = models.CharField(_("ground of the waiver"), max_length=20, choices=WaiverGround, blank=True)

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
                condition=Q(lapses_at=None) | Q(Exact(F("lapses_at"), EndOfDay("due_on", "grace_days"))),
                name="cut_off_is_end_of_due_day",
            ),
            models.CheckConstraint(condition=~Q(state="issued") | Q(amount__gt=0), name="nothing_due_is_no_demand"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="invoice_demand_fixed",
                fields=["number", "payer", "case", "purpose", "serial", "amount", "issued_at"],
            ),
            pgtrigger.Protect(name="invoice_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="invoice_agrees",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=paid_agrees("NEW.id"),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.state == InvoiceState.ISSUED


class TaxTreatment(models.TextChoices):
    OUT_OF_SCOPE = "out_of_scope", _("Outside the scope of VAT")


class Line(models.Model):
    """One priced line of an invoice, in both languages."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines", verbose_name=_("invoice"))
    text_ar = models.CharField(_("text in Arabic"), max_length=160)
    text_en = models.CharField(_("text in English"), max_length=160)
    amount = models.BigIntegerField(_("amount in halalas"))
    tax = models.CharField(_("tax treatment"), max_length=14, choices=TaxTreatment, default=TaxTreatment.OUT_OF_SCOPE)

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        ordering = ["pk"]
        triggers = [pgtrigger.Protect(name="line_fixed", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.text_en


class Method(models.TextChoices):
    SADAD = "sadad", _("SADAD")
    CARD = "card", _("Card")


class AttemptState(models.TextChoices):
    STARTING = "starting", _("Being opened at the gateway")
    OPEN = "open", _("Open at the gateway")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")
    EXPIRED = "expired", _("Expired")


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def live(self) -> "AttemptQuerySet":
        return self.filter(state__in=[AttemptState.STARTING, AttemptState.OPEN])


@pghistory.track()
class Attempt(models.Model):
    """One try to pay an invoice through the gateway. Saved with its `given_id` before the gateway is called (PAY-3)."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="attempts", verbose_name=_("invoice"))
    method = models.CharField(_("method"), max_length=6, choices=Method)
    given_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    provider_id = models.CharField(_("gateway's id"), max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=AttemptState, default=AttemptState.STARTING)
    url = models.URLField(max_length=500, blank=True)
    biller_name = models.CharField(_("biller"), max_length=80, blank=True)
    biller_code = models.CharField(_("biller code"), max_length=10, blank=True)
    bill_number = models.CharField(_("bill number"), max_length=20, blank=True)
    expires_on = models.DateField(_("expires on"), null=True, blank=True)
    message = models.CharField(_("gateway's message"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    asked_at = models.DateTimeField(_("gateway last answered at"), null=True, blank=True)
    tried_at = models.DateTimeField(_("gateway last asked at"), null=True, blank=True)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment attempt")
        verbose_name_plural = _("payment attempts")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(method__in=Method.values, state__in=AttemptState.values), name="attempt_words_known"
            ),
            models.UniqueConstraint(
                fields=["invoice", "method"],
                condition=Q(state__in=["starting", "open"]),
                name="one_live_attempt_per_method",
            ),
        ]
        indexes = [models.Index(fields=["tried_at"], name="live_attempt", condition=Q(state__in=["starting", "open"]))]

    def __str__(self) -> str:
        return f"{self.get_method_display()} {self.bill_number or self.given_id}"


class Disposition(models.TextChoices):
    RECEIVED = "received", _("Received")
    APPLIED = "applied", _("Applied to its invoice")
    CREDITED = "credited", _("Not applied: a credit")


class PaymentQuerySet(models.QuerySet["Payment"]):
    def visible_to(self, user) -> "PaymentQuerySet":
        return self.filter(invoice__payer__user=user)


@pghistory.track()
class Payment(models.Model):
    """The fact that a bank moved money for an invoice; `paid_at` is the bank's own time. Never refused, never changed."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="payments", verbose_name=_("invoice"))
    attempt = models.ForeignKey(Attempt, models.PROTECT, null=True, related_name="payments", verbose_name=_("attempt"))
    provider_ref = models.CharField(_("gateway's reference"), max_length=64, unique=True)
    method = models.CharField(_("method"), max_length=6, choices=Method)
    amount = models.BigIntegerField(_("amount in halalas"))
    paid_at = models.DateTimeField(_("paid at the bank"))
    received_at = models.DateTimeField(_("known to us since"))
    disposition = models.CharField(_("disposition"), max_length=10, choices=Disposition, default=Disposition.RECEIVED)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-paid_at"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(method__in=Method.values, disposition__in=Disposition.values), name="payment_words_known"
            ),
            models.UniqueConstraint(fields=["invoice"], condition=Q(disposition="applied"), name="one_applied_payment"),
        ]
        indexes = [models.Index(fields=["id"], name="payment_to_settle", condition=Q(disposition="received"))]
        triggers = [
            pgtrigger.ReadOnly(
                name="payment_is_a_fact",
                fields=["invoice", "attempt", "provider_ref", "method", "amount", "paid_at", "received_at"],
            ),
            pgtrigger.Protect(name="payment_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="applied_in_time",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__disposition="applied"),
                declare=[("wanted", "record")],
                func=APPLIED_IN_TIME,
            ),
            pgtrigger.Trigger(
                name="payment_agrees",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=paid_agrees("NEW.invoice_id"),
            ),
        ]

    def __str__(self) -> str:
        return self.provider_ref


class CreditReason(models.TextChoices):
    TOO_LITTLE = "too_little", _("Less than the invoice")
    TOO_MUCH = "too_much", _("The part above the invoice")
    SECOND = "second", _("The invoice was settled already")
    LATE = "late", _("Paid after the cut-off")
    VOID = "void", _("The invoice was void")
    CASE_CLOSED = "case_closed", _("The application could not be revived")


@pghistory.track()
class Credit(models.Model):
    """Money of a practitioner that settled nothing; finance owes an answer for each (PAY-5)."""

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="credits", verbose_name=_("payment"))
    amount = models.BigIntegerField(_("amount in halalas"))
    reason = models.CharField(_("reason"), max_length=12, choices=CreditReason)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("credit")
        verbose_name_plural = _("credits")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_amount_positive"),
            models.CheckConstraint(condition=Q(reason__in=CreditReason.values), name="credit_reason_known"),
            models.UniqueConstraint(fields=["payment", "reason"], name="one_credit_per_reason"),
        ]
        triggers = [pgtrigger.Protect(name="credit_is_a_fact", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.amount}"


class WebhookEvent(models.Model):
    """The gateway's word, stored before it is worked; the gateway itself is asked before it is believed (PAY-5)."""

    event_id = models.CharField(max_length=64, unique=True)
    type = models.CharField(_("type"), max_length=40)
    given_id = models.UUIDField(_("attempt"), null=True, db_index=True, editable=False)
    body = models.JSONField(_("body"))
    body_sha256 = models.BinaryField(max_length=32, editable=False)
    received_at = models.DateTimeField(_("received at"))
    outcome = models.CharField(_("outcome"), max_length=10, blank=True)
    processed_at = models.DateTimeField(_("worked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("gateway event")
        verbose_name_plural = _("gateway events")
        ordering = ["-received_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="", processed_at=None) | ~Q(outcome="") & Q(processed_at__isnull=False),
                name="worked_event_has_outcome",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", "asked", "ignored", "conflict"]), name="event_outcome_known"
            ),
        ]
        indexes = [models.Index(fields=["id"], name="event_to_work", condition=Q(processed_at=None))]
        triggers = [
            pgtrigger.ReadOnly(
                name="event_is_a_fact", fields=["event_id", "type", "body", "body_sha256", "received_at"]
            ),
            pgtrigger.Protect(name="event_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.event_id
