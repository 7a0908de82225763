"""What the gateway's daily statement says, and where it differs from our own records (PAY-6)."""

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mumaris.kit.constraints import is_sha256
from payments.models.paying import Payment

NEVER_CHANGED = pgtrigger.Update | pgtrigger.Delete


class Statement(models.Model):
    """The gateway's word about one Riyadh day, as it was fetched; a day is taken in once, and compared with the books once."""

    day = models.DateField(_("day of the statement"), unique=True)
    fetched_at = models.DateTimeField(_("fetched at"))
    sha256 = models.BinaryField(max_length=32, editable=False)
    line_count = models.PositiveIntegerField(_("lines"), default=0)
    came_in = models.BigIntegerField(_("came in, in halalas"), default=0)
    went_back = models.BigIntegerField(_("went back, in halalas"), default=0)
    compared_at = models.DateTimeField(_("compared with the books at"), null=True)

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        ordering = ["-day"]
        constraints = [models.CheckConstraint(condition=Q(is_sha256("sha256")), name="statement_has_hash")]
        triggers = [
            pgtrigger.ReadOnly(name="statement_fixed", fields=["day", "fetched_at", "sha256"]),
            pgtrigger.Protect(
                name="statement_compared_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__compared_at__isnull=False),
            ),
            pgtrigger.Protect(name="statement_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.day.isoformat()


class StatementLine(models.Model):
    """One movement of the day: halalas that came in (positive) or went back (negative), at the bank's own time."""

    statement = models.ForeignKey(Statement, models.PROTECT, related_name="lines", verbose_name=_("statement"))
    position = models.PositiveIntegerField(_("line"))
    kind = models.CharField(_("kind"), max_length=8, choices=[("payment", _("Payment")), ("refund", _("Refund"))])
    provider_ref = models.CharField(_("gateway's reference"), max_length=64, db_index=True)
    method = models.CharField(_("method"), max_length=12)
    reference = models.CharField(_("bank's reference"), max_length=64, blank=True)
    amount = models.BigIntegerField(_("amount in halalas"))
    currency = models.CharField(_("currency"), max_length=3)
    bank_at = models.DateTimeField(_("bank's time"))

    class Meta:
        verbose_name = _("statement line")
        verbose_name_plural = _("statement lines")
        ordering = ["statement", "position"]
        constraints = [models.UniqueConstraint(fields=["statement", "position"], name="one_line_per_position")]
        triggers = [pgtrigger.Protect(name="statement_line_fixed", operation=NEVER_CHANGED)]

    def __str__(self) -> str:
        return f"{self.provider_ref}: {self.amount}"


class DifferenceKind(models.TextChoices):
    MISSING_HERE = "missing_here", _("The statement has it, our books do not")
    MISSING_THERE = "missing_there", _("Our books have it, the statement does not")
    AMOUNT = "amount", _("The amounts differ")
    DOUBLE = "double", _("It stands twice in the statement")
    DAY = "day", _("The days differ")


@pghistory.track()
class Difference(models.Model):
    """One difference of statement and books, found once (`key`) and closed by a person with a reason."""

    key = models.CharField(max_length=120, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=14, choices=DifferenceKind)
    day = models.DateField(_("day of the statement"))
    movement = models.CharField(
        _("movement"), max_length=8, choices=[("payment", _("Payment")), ("refund", _("Refund"))]
    )
    provider_ref = models.CharField(_("gateway's reference"), max_length=64)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, related_name="differences", verbose_name=_("payment")
    )
    ours = models.BigIntegerField(_("our amount in halalas"), null=True)
    theirs = models.BigIntegerField(_("the statement's amount in halalas"), null=True)
    our_day = models.DateField(_("our day"), null=True)
    their_day = models.DateField(_("the statement's day"), null=True)
    found_at = models.DateTimeField(_("found at"))
    closed_at = models.DateTimeField(_("closed at"), null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("difference", "closed by"),
    )
    reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = [F("closed_at").asc(nulls_first=True), "-day", "pk"]
        permissions = [("close_difference", _("Can close differences"))]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=DifferenceKind.values), name="difference_kind_known"),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by=None, reason="")
                | Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(reason=""),
                name="closed_difference_has_reason",
            ),
        ]
        indexes = [models.Index(fields=["day"], name="open_difference", condition=Q(closed_at=None))]
        triggers = [
            pgtrigger.ReadOnly(
                name="difference_is_a_fact",
                fields=[
                    "key",
                    "kind",
                    "day",
                    "movement",
                    "provider_ref",
                    "payment",
                    "ours",
                    "theirs",
                    "our_day",
                    "their_day",
                    "found_at",
                ],
            ),
            pgtrigger.Protect(
                name="difference_closed_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__closed_at__isnull=False),
            ),
            pgtrigger.Protect(name="difference_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.provider_ref}"
