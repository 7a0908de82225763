"""The books: every movement of money is booked once, in legs that sum to zero, and nothing in them changes (PAY-6)."""

from datetime import timedelta
from importlib import import_module

import pgtrigger
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from applications import sweeps
from applications.models import Deadline
from applications.progress import advance
from payments import billing, ledger
from payments.models import Account, Invoice, LedgerEntry, Payment, Posting
from tests.people import NOON, Office, declare, invoice_of, make_draft, make_practitioner, pay

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-6")]


def balances() -> dict[str, int]:
    found: dict[str, int] = {}
    for account, amount in LedgerEntry.objects.values_list("account", "amount"):
        found[account] = found.get(account, 0) + amount
    return {account: amount for account, amount in found.items() if amount}


def kinds() -> list[str]:
    return list(Posting.objects.order_by("pk").values_list("kind", flat=True))


def test_a_paid_fee_is_owed_received_and_settled():
    case = declare(make_draft(make_practitioner()))
    amount = invoice_of(case, "admin").amount
    assert balances() == {Account.RECEIVABLE: amount, Account.REVENUE_ADMIN: -amount}
    pay(case, "admin")
    assert kinds() == ["issue", "receive", "apply"]
    assert balances() == {Account.BANK_SADAD: amount, Account.REVENUE_ADMIN: -amount}


def test_a_late_fee_is_earned_under_its_own_name():
    """Beside the service fee of the same invoice, whether it is owed, closed or revived."""
    lines = [billing.PricedLine(fee, fee, fee, amount) for fee, amount in (("service", 300), ("late", 700))]
    asked = {
        "case": "MP-1",
        "purpose": "service",
        "payer": make_practitioner(),
        "lines": lines,
        "days": 30,
        "grace_days": 0,
        "now": NOON,
    }
    invoice = billing.issue(**asked)
    owed = {Account.RECEIVABLE: 1_000, Account.REVENUE_SERVICE: -300, Account.REVENUE_LATE: -700}
    assert balances() == owed
    billing.void("MP-1", "service", now=NOON)
    assert balances() == {}
    assert ledger.owed(invoice) == owed | {Account.VAT: 0}


def test_money_that_settles_nothing_stands_in_suspense():
    case = declare(make_draft(make_practitioner()))
    amount = invoice_of(case, "admin").amount
    pay(case, "admin", amount=amount - 1)
    pay(case, "admin", amount=amount + 500)
    pay(case, "admin")
    in_suspense = (amount - 1) + 500 + amount
    assert balances() == {
        Account.BANK_SADAD: in_suspense + amount,
        Account.SUSPENSE: -in_suspense,
        Account.REVENUE_ADMIN: -amount,
    }


def test_a_lapsed_demand_is_owed_no_more_and_a_revived_one_again():
    case = declare(make_draft(make_practitioner()))
    deadline = Deadline.objects.get()
    sweeps.lapse(deadline.lapses_at)
    assert balances() == {}
    amount = invoice_of(case, "admin").amount
    pay(case, "admin", paid_at=deadline.lapses_at - timedelta(seconds=1), now=deadline.lapses_at)
    assert kinds() == ["issue", "close", "receive", "apply"]
    assert balances() == {Account.BANK_SADAD: amount, Account.REVENUE_ADMIN: -amount}


def test_a_payment_released_by_a_closed_case_goes_back_to_suspense():
    case = declare(make_draft(make_practitioner()))
    deadline = Deadline.objects.get()
    sweeps.lapse(deadline.lapses_at)
    declare(make_draft(case.practitioner), now=NOON)  # a newer one for the service is open: no revival
    pay(case, "admin", paid_at=NOON, now=deadline.lapses_at)
    amount = Payment.objects.get().amount
    assert kinds()[-3:] == ["receive", "apply", "release"]
    assert balances() == {
        Account.BANK_SADAD: amount,
        Account.SUSPENSE: -amount,
        Account.RECEIVABLE: amount,  # of the newer case
        Account.REVENUE_ADMIN: -amount,
    }


def test_a_void_invoice_is_owed_no_more():
    office = Office()
    case = office.approve(pay(declare(make_draft(make_practitioner())), "admin"))
    advance(case.pk, "withdraw", by=case.practitioner.user, now=NOON)
    assert Account.RECEIVABLE not in balances()
    assert Account.REVENUE_SERVICE not in balances()


@pytest.mark.parametrize(
    "legs",
    [[("receivable", 100)], [("receivable", 100), ("suspense", -99)], []],
    ids=["one leg", "not zero", "no leg"],
)
def test_the_database_refuses_what_does_not_balance(legs):
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        posting = Posting.objects.create(key="wrong", kind="receive", at=NOON)
        for account, amount in legs:
            LedgerEntry.objects.create(posting=posting, account=account, amount=amount)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_leg_added_later_is_refused_and_so_is_the_same_event_twice():
    case = declare(make_draft(make_practitioner()))
    invoice = Invoice.objects.get(case=case.reference)
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        LedgerEntry.objects.create(posting=Posting.objects.get(), account="suspense", amount=1)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="posting_booked_once"), transaction.atomic():
        ledger.issued(invoice, NOON)


@pytest.mark.parametrize("table", ["payments_posting", "payments_ledgerentry"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_in_the_books_changes(table, change):
    declare(make_draft(make_practitioner()))
    with pytest.raises(DatabaseError, match="pgtrigger: Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(change.format(table))


def test_books_opened_on_an_older_portal_say_what_its_records_say():
    office = Office()
    case = office.approve(pay(declare(make_draft(make_practitioner())), "admin"))
    pay(case, "service")
    pay(case, "service", amount=77)
    lapsed = declare(make_draft(make_practitioner()))
    sweeps.lapse(Deadline.objects.get().lapses_at)
    pay(lapsed, "admin", paid_at=invoice_of(lapsed, "admin").lapses_at)
    declare(make_draft(make_practitioner()))
    before = balances()
    with pgtrigger.ignore(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE payments_posting CASCADE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    with connection.cursor() as cursor:
        for statement in import_module("payments.migrations.0004_open_the_books").OPENING:
            cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert balances() == before
