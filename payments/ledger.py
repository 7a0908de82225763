"""Booking what happened to money, in double entry (PAY-6). Called by the verbs that make it happen, in their transaction.

Amounts are halalas; a debit is positive. `key` makes every event one posting: booked twice is refused by the database.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Sum

from payments.models import Account, Invoice, LedgerEntry, Payment, PostingKind

# Demands that ended unpaid, as a set: what was owed is owed no more, and was not earned.
CLOSE_ALL = """
    WITH closed AS (SELECT id, amount, vat FROM payments_invoice WHERE id = ANY(%(invoices)s)),
    posting AS (INSERT INTO payments_posting (key, kind, at, invoice_id, ticket)
        SELECT 'close:' || id, 'close', %(now)s, id, '' FROM closed RETURNING id, invoice_id),
    leg (invoice_id, account, amount) AS (
        SELECT id, 'receivable', -amount FROM closed
        UNION ALL SELECT id, 'vat', vat FROM closed
        UNION ALL SELECT invoice_id, 'revenue:' || fee, sum(amount - vat) FROM payments_line
            WHERE invoice_id = ANY(%(invoices)s) AND waives_id IS NULL GROUP BY invoice_id, fee)
    INSERT INTO payments_ledgerentry (posting_id, account, amount)
        SELECT p.id, leg.account, leg.amount FROM posting p JOIN leg ON leg.invoice_id = p.invoice_id WHERE leg.amount <> 0
"""

POST = """
    WITH posting AS (INSERT INTO payments_posting (key, kind, at, invoice_id, payment_id, ticket)
        VALUES (%(key)s, %(kind)s, %(at)s, %(invoice)s, %(payment)s, %(ticket)s) RETURNING id)
    INSERT INTO payments_ledgerentry (posting_id, account, amount)
        SELECT posting.id, leg.account, leg.amount
        FROM posting, unnest(%(accounts)s::text[], %(amounts)s::bigint[]) AS leg (account, amount)
"""


def issued(invoice: Invoice, now: datetime) -> None:
    _post(f"issue:{invoice.pk}", PostingKind.ISSUE, now, owed(invoice), invoice=invoice)


def waived(invoice: Invoice, now: datetime) -> None:
    """The fee is earned and given up at once; the tax on it is not owed."""
    legs = {
        Account.RECEIVABLE: -invoice.amount,
        Account.WAIVED: invoice.amount - invoice.vat,
        Account.VAT: invoice.vat,
    }
    _post(f"waive:{invoice.pk}", PostingKind.WAIVE, now, legs, invoice=invoice)


def closed(invoices: Sequence[int], now: datetime) -> None:
    """Open invoices of these ids that lapsed or became void."""
    with connection.cursor() as cursor:
        cursor.execute(CLOSE_ALL, {"invoices": list(invoices), "now": now})


def received(payment: Payment, now: datetime) -> None:
    legs = {Account(f"bank:{payment.method}"): payment.amount, Account.SUSPENSE: -payment.amount}
    _post(f"receive:{payment.pk}", PostingKind.RECEIVE, now, legs, invoice=payment.invoice, payment=payment)


def applied(payment: Payment, invoice: Invoice, *, was_open: bool, now: datetime) -> None:
    """`was_open`: the demand stood; one that had lapsed is owed again first, and paid at once."""
    legs = {Account.SUSPENSE: invoice.amount, Account.RECEIVABLE: -invoice.amount}
    if not was_open:
        legs = _sum(legs, owed(invoice))
    _post(f"apply:{payment.pk}", PostingKind.APPLY, now, legs, invoice=invoice, payment=payment)


def released(payment: Payment, invoice: Invoice, now: datetime) -> None:
    """What was applied settles nothing after all, and the demand is closed."""
    legs = _sum({Account.SUSPENSE: -invoice.amount, Account.RECEIVABLE: invoice.amount}, _negative(owed(invoice)))
    _post(f"release:{payment.pk}", PostingKind.RELEASE, now, legs, invoice=invoice, payment=payment)


def refund_approved(
    payment: Payment, *, credit: int, fees: Mapping[str, int], vat: int, ticket: str, now: datetime
) -> None:
    """Owed back: `credit` that settled nothing, of each of `fees` what was earned, and the `vat` on it."""
    legs = _owed_back(credit, fees, vat)
    _post(f"approve:{ticket}", PostingKind.APPROVE, now, legs, payment=payment, ticket=ticket)


def refund_ended(
    payment: Payment, *, credit: int, fees: Mapping[str, int], vat: int, ticket: str, now: datetime
) -> None:
    """An approval that ended without payout: what `refund_approved` booked, taken back."""
    legs = _negative(_owed_back(credit, fees, vat))
    _post(f"expire:{ticket}", PostingKind.EXPIRE, now, legs, payment=payment, ticket=ticket)


def refund_paid_out(payment: Payment, *, amount: int, account: str, ticket: str, now: datetime) -> None:
    """`account` is where it left from: Account.BANK_CARD or Account.BANK_TRANSFER."""
    legs = {Account.REFUND_PAYABLE: amount, Account(account): -amount}
    _post(f"pay_out:{ticket}", PostingKind.PAY_OUT, now, legs, payment=payment, ticket=ticket)


def went_back(invoice: Invoice) -> bool:
    """Whether anything of the fee itself was refunded, or is reserved to be; an excess or a late fee is not the fee."""
    return _given_back(invoice) > 0


def went_back_whole(invoice: Invoice) -> bool:
    """Whether all of the fee itself was refunded, or is reserved to be: what was settled counts no more."""
    earned = invoice.lines.filter(waives=None, fee=invoice.purpose).aggregate(sum=Sum(F("amount") - F("vat")))["sum"]
    return 0 < (earned or 0) <= _given_back(invoice)


def _given_back(invoice: Invoice) -> int:
    """Halalas, without tax."""
    given = LedgerEntry.objects.filter(
        posting__payment__invoice=invoice,
        posting__kind__in=[PostingKind.APPROVE, PostingKind.EXPIRE],
        account=f"revenue:{invoice.purpose}",
    )
    return given.aggregate(sum=Sum("amount"))["sum"] or 0


def owed(invoice: Invoice) -> dict[Account, int]:
    """What issuing an invoice books: owed to us, earned by the fee of each line, and the tax in it owed on."""
    legs = {Account.RECEIVABLE: invoice.amount, Account.VAT: -invoice.vat}
    earned = ({Account(f"revenue:{line.fee}"): line.vat - line.amount} for line in invoice.lines.filter(waives=None))
    return _sum(legs, *earned)


def _owed_back(credit: int, fees: Mapping[str, int], vat: int) -> dict[Account, int]:
    legs = {Account.SUSPENSE: credit, Account.VAT: vat}
    earned = {Account(f"revenue:{fee}"): amount for fee, amount in fees.items()}
    return legs | earned | {Account.REFUND_PAYABLE: -credit - vat - sum(fees.values())}


def _negative(legs: Mapping[Account, int]) -> dict[Account, int]:
    return {account: -amount for account, amount in legs.items()}


def _sum(*bookings: Mapping[Account, int]) -> dict[Account, int]:
    accounts = dict.fromkeys(account for legs in bookings for account in legs)
    return {account: sum(legs.get(account, 0) for legs in bookings) for account in accounts}


def _post(
    key: str,
    kind: str,
    at: datetime,
    legs: Mapping[Account, int],
    *,
    invoice: Invoice | None = None,
    payment: Payment | None = None,
    ticket: str = "",
) -> None:
    moved = {account: amount for account, amount in legs.items() if amount}
    if not moved:  # a fee of zero moves nothing
        return
    facts: dict[str, Any] = {
        "key": key,
        "kind": kind,
        "at": at,
        "invoice": invoice and invoice.pk,
        "payment": payment and payment.pk,
        "ticket": ticket,
        "accounts": list(moved),
        "amounts": list(moved.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(POST, facts)
