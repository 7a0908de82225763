"""The books: double entry, never changed, summing to zero at every commit (PAY-6). Amounts are halalas; a debit is positive."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.models.invoices import Invoice
from payments.models.paying import Payment


class Account(models.TextChoices):
    RECEIVABLE = "receivable", _("Owed on invoices")
    BANK_SADAD = "bank:sadad", _("Received by SADAD")
    BANK_CARD = "bank:card", _("Received and returned by card")
    BANK_TRANSFER = "bank:transfer", _("Returned by bank transfer")
    REVENUE_ADMIN = "revenue:admin", _("Administrative fees")
    REVENUE_SERVICE = "revenue:service", _("Service fees")
    REVENUE_LATE = "revenue:late", _("Late fees")
    REVENUE_EXAM = "revenue:exam", _("Exam fees")
    VAT = "vat", _("Value-added tax owed")
    WAIVED = "waived", _("Fees waived")
    SUSPENSE = "suspense", _("Money that settles nothing yet")
    REFUND_PAYABLE = "refund_payable", _("Refunds approved and not paid out")


class PostingKind(models.TextChoices):
    ISSUE = "issue", _("Invoice issued")
    WAIVE = "waive", _("Invoice waived")
    CLOSE = "close", _("Invoice lapsed or void")
    RECEIVE = "receive", _("Payment received")
    APPLY = "apply", _("Payment applied")
    RELEASE = "release", _("Payment released from its invoice")
    APPROVE = "approve", _("Refund approved")
    EXPIRE = "expire", _("Refund approval ended")
    PAY_OUT = "pay_out", _("Refund paid out")


# Debits and credits of one posting are the same sum; judged at commit, whoever writes (I31).
BALANCES = """
    SELECT coalesce(sum(amount), 0) AS total, count(*) AS legs INTO found FROM payments_ledgerentry WHERE posting_id = {posting};
    IF found.total <> 0 OR found.legs < 2 THEN
        RAISE EXCEPTION 'posting % does not balance (sum %, entries %)', {posting}, found.total, found.legs USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
"""


def balances(posting: str) -> dict:
    return {
        "operation": pgtrigger.Insert,
        "when": pgtrigger.After,
        "timing": pgtrigger.Deferred,
        "declare": [("found", "record")],
        "func": BALANCES.format(posting=posting),
    }


NEVER_CHANGED = pgtrigger.Update | pgtrigger.Delete


def never_emptied(name: str) -> pgtrigger.Trigger:
    """TRUNCATE fires no trigger of a row."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;",
    )


class Posting(models.Model):
    """One event in the books. `key` says which, so that it is booked once: "apply:17" is the payment 17 applied."""

    key = models.CharField(_("key"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=PostingKind)
    at = models.DateTimeField(_("at"))
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="postings", verbose_name=_("invoice"))
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="postings", verbose_name=_("payment"))
    ticket = models.CharField(_("refund ticket"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("ledger")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="posting_booked_once"),
            models.CheckConstraint(condition=Q(kind__in=PostingKind.values), name="posting_kind_known"),
        ]
        triggers = [
            pgtrigger.Protect(name="posting_fixed", operation=NEVER_CHANGED),
            never_emptied("posting_not_truncated"),
            pgtrigger.Trigger(name="posting_balances", **balances("NEW.id")),
        ]

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """One leg of a posting: what an account gained (debit, positive) or gave (credit, negative)."""

    posting = models.ForeignKey(
        Posting,
        models.PROTECT,
        related_name="entries",
        verbose_name=_("posting"),
        db_index=False,  # one_entry_per_account begins with it
    )
    account = models.CharField(_("account"), max_length=16, choices=Account)
    amount = models.BigIntegerField(_("amount in halalas"))

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["posting", "account"], name="one_entry_per_account"),
            models.CheckConstraint(condition=~Q(amount=0), name="entry_amount_not_zero"),
            models.CheckConstraint(condition=Q(account__in=Account.values), name="entry_account_known"),
        ]
        triggers = [
            pgtrigger.Protect(name="ledger_entry_fixed", operation=NEVER_CHANGED),
            never_emptied("ledger_entry_not_truncated"),
            pgtrigger.Trigger(name="entries_balance", **balances("NEW.posting_id")),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"
