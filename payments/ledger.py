"""Booking what happened to money, in double entry (PAY-6). Called by the verbs that make it happen, in their transaction.

Amounts are halalas; a debit is positive. `key` makes every event one posting: booked twice is refused by the database.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from payments.models import Account, Invoice, Payment, PostingKind

# Demands that ended unpaid, as a set: what was owed is owed no more, and was not earned.
CLOSE_ALL = """
    WITH closed AS (SELECT id, purpose, amount, vat FROM payments_invoice WHERE id = ANY(%(invoices)s)),
    posting AS (INSERT INTO payments_posting (key, kind, at, invoice_id, ticket)
        SELECT 'close:' || id, 'close', %(now)s, id, '' FROM closed RETURNING id, invoice_id)
    INSERT INTO payments_ledgerentry (posting_id, account, amount)
        SELECT p.id, leg.account, leg.amount FROM posting p JOIN closed c ON c.id = p.invoice_id,
        LATERAL (VALUES ('receivable', -c.amount), ('revenue:' || c.purpose, c.amount - c.vat), ('vat', c.vat)) AS leg (account, amount)
        WHERE leg.amount <> 0
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


def refund_approved(payment: Payment, *, credit: int, fee: int, vat: int, ticket: str, now: datetime) -> None:
    """Owed back: `credit` that settled nothing, and `fee` that was earned, with the `vat` in it."""
    legs = _owed_back(payment, credit, fee, vat)
    _post(f"approve:{ticket}", PostingKind.APPROVE, now, legs, payment=payment, ticket=ticket)


def refund_ended(payment: Payment, *, credit: int, fee: int, vat: int, ticket: str, now: datetime) -> None:
    """An approval that ended without payout: what `refund_approved` booked, taken back."""
    legs = _negative(_owed_back(payment, credit, fee, vat))
    _post(f"expire:{ticket}", PostingKind.EXPIRE, now, legs, payment=payment, ticket=ticket)


def refund_paid_out(payment: Payment, *, amount: int, account: str, ticket: str, now: datetime) -> None:
    """`account` is where it left from: Account.BANK_CARD or Account.BANK_TRANSFER."""
    legs = {Account.REFUND_PAYABLE: amount, Account(account): -amount}
    _post(f"pay_out:{ticket}", PostingKind.PAY_OUT, now, legs, payment=payment, ticket=ticket)


def owed(invoice: Invoice) -> dict[Account, int]:
    """What issuing an invoice books: owed to us, earned, and the tax in it owed on."""
    return {
        Account.RECEIVABLE: invoice.amount,
        Account(f"revenue:{invoice.purpose}"): invoice.vat - invoice.amount,
        Account.VAT: -invoice.vat,
    }


def _owed_back(payment: Payment, credit: int, fee: int, vat: int) -> dict[Account, int]:
    return {
        Account.SUSPENSE: credit,
        Account(f"revenue:{payment.invoice.purpose}"): fee - vat,
        Account.VAT: vat,
        Account.REFUND_PAYABLE: -credit - fee,
    }


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
    facts: dict[str, Any] = {"key": key, "kind": kind, "at": at, "ticket": ticket}
    about = {"invoice": invoice and invoice.pk, "payment": payment and payment.pk}
    legs_of_it = {"accounts": list(moved), "amounts": list(moved.values())}
    with connection.cursor() as cursor:
        cursor.execute(POST, facts | about | legs_of_it)
