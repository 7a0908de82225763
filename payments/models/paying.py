"""Attempts at the gateway, payments that are facts, and money that settles nothing: credits. Amounts are halalas."""

import uuid
from datetime import datetime

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from payments.models.invoices import Invoice, paid_agrees

# Money is applied only when the bank moved it before the cut-off in force, and enough of it (I26). A later bank time un-applies nothing.
APPLIED_IN_TIME = """
    SELECT amount, lapses_at INTO wanted FROM payments_invoice WHERE id = NEW.invoice_id;
    IF NEW.amount < wanted.amount OR coalesce(NEW.bank_at, NEW.paid_at) >= wanted.lapses_at THEN
        RAISE EXCEPTION 'payment % cannot settle its invoice', NEW.provider_ref USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""


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
    """The fact that a bank moved money for an invoice; never refused, never changed.

    `paid_at` is the bank's time as the gateway told it, `bank_at` as the bank's own statement did, which overrules it.
    `refunded` is what tickets reserved or paid back; the database alone counts it.
    """

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="payments", verbose_name=_("invoice"))
    attempt = models.ForeignKey(Attempt, models.PROTECT, null=True, related_name="payments", verbose_name=_("attempt"))
    provider_ref = models.CharField(_("gateway's reference"), max_length=64, unique=True)
    method = models.CharField(_("method"), max_length=6, choices=Method)
    amount = models.BigIntegerField(_("amount in halalas"))
    paid_at = models.DateTimeField(_("paid at the bank"))
    bank_at = models.DateTimeField(_("paid by the bank's statement"), null=True)
    received_at = models.DateTimeField(_("known to us since"))
    disposition = models.CharField(_("disposition"), max_length=10, choices=Disposition, default=Disposition.RECEIVED)
    refunded = models.BigIntegerField(_("reserved or paid back in halalas"), default=0)

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
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("amount")), name="never_more_back_than_paid"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="payment_to_settle", condition=Q(disposition="received")),
            models.Index(fields=["paid_at"], name="payment_not_in_statement", condition=Q(bank_at=None)),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="payment_is_a_fact",
                fields=["invoice", "attempt", "provider_ref", "method", "amount", "paid_at", "received_at"],
            ),
            pgtrigger.Protect(name="payment_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="bank_says_once",
                operation=pgtrigger.UpdateOf("bank_at"),
                condition=pgtrigger.Q(old__bank_at__isnull=False)
                & pgtrigger.Q(old__bank_at__df=pgtrigger.F("new__bank_at")),
            ),
            pgtrigger.FSM(
                name="payment_dispositions",
                field="disposition",
                transitions=[
                    ("received", "applied"),
                    ("received", "credited"),
                    ("applied", "credited"),
                    ("credited", "applied"),  # the bank's statement proved it in time
                ],
            ),
            pgtrigger.Trigger(
                name="applied_in_time",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("disposition"),
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__disposition="applied"),
                declare=[("wanted", "record")],
                func=APPLIED_IN_TIME,
            ),
            pgtrigger.Trigger(
                name="refunded_is_counted",
                operation=pgtrigger.UpdateOf("refunded"),
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__refunded__df=pgtrigger.F("new__refunded")),
                func="""
                    IF pg_trigger_depth() < 2 THEN
                        RAISE EXCEPTION 'what went back of payment % is counted by its tickets alone', NEW.id USING ERRCODE = '23514';
                    END IF;
                    RETURN NEW;
                """,
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

    @property
    def moved_at(self) -> datetime:
        """When the bank moved the money (UTC), as well as it is known (PAY-4)."""
        return self.bank_at or self.paid_at


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
    applied_at = models.DateTimeField(_("settled its invoice after all at"), null=True)

    class Meta:
        verbose_name = _("credit")
        verbose_name_plural = _("credits")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_amount_positive"),
            models.CheckConstraint(condition=Q(reason__in=CreditReason.values), name="credit_reason_known"),
            models.UniqueConstraint(fields=["payment", "reason"], name="one_credit_per_reason"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="credit_is_a_fact", fields=["payment", "amount", "created_at"]),
            # What seemed late was in time by the bank's statement, and yet no move can take the case up again.
            pgtrigger.FSM(name="credit_reason_kept", field="reason", transitions=[("late", "case_closed")]),
            pgtrigger.Protect(
                name="credit_applied_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__applied_at__isnull=False),
            ),
            pgtrigger.Protect(name="credit_never_deleted", operation=pgtrigger.Delete),
        ]

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
