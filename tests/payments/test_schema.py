"""The database itself refuses what must never be true of money, whoever writes and by whatever statement (PAY-5, PAY-6)."""

import pytest
from django.db import DatabaseError, connection, transaction

from payments.models import WebhookEvent
from tests.fingerprint import unchanged
from tests.people import NOON, declare, invoice_of, make_draft, make_practitioner, pay

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-5"), pytest.mark.req("PAY-6")]

TWIN = """INSERT INTO payments_invoice (number, payer_id, "case", purpose, serial, amount, vat, state, issued_at, due_on, grace_days, waiver)
    SELECT 'INV-0', payer_id, "case", '{purpose}', 1, {amount}, 0, '{state}', issued_at, due_on, 0, '{waiver}'
    FROM payments_invoice WHERE state = 'paid'"""
PAYMENT = """INSERT INTO payments_payment (invoice_id, provider_ref, method, amount, paid_at, received_at, disposition, refunded)
    SELECT id, '{ref}', 'card', {amount}, issued_at, issued_at, '{disposition}', 0 FROM payments_invoice WHERE state = '{of}'"""
CREDIT = """INSERT INTO payments_credit (payment_id, amount, reason, created_at)
    SELECT id, {amount}, '{reason}', paid_at FROM payments_payment WHERE disposition = 'credited'"""
POSTING = "INSERT INTO payments_posting (key, kind, at, ticket) VALUES ('{key}', 'receive', now(), '')"
LEG = "INSERT INTO payments_ledgerentry (posting_id, account, amount) SELECT max(id), '{account}', {amount} FROM payments_posting"

# The invariant, the statement, and what the refusal names.
REFUSED = [
    ("I23", TWIN.format(purpose="exam", amount=-1, state="void", waiver=""), "invoice_amount_not_negative"),
    ("I23", TWIN.format(purpose="exam", amount=0, state="issued", waiver=""), "nothing_due_is_no_demand"),
    ("I23", PAYMENT.format(ref="x", amount=0, disposition="received", of="issued"), "payment_amount_positive"),
    ("I23", CREDIT.format(amount=0, reason="late"), "credit_amount_positive"),
    ("I23", "UPDATE payments_invoice SET amount = amount + 1", "pgtrigger: Cannot update"),
    ("I24", TWIN.format(purpose="admin", amount=0, state="waived", waiver="no_fee"), "one_live_invoice"),
    ("I25", "UPDATE payments_invoice SET lapses_at = lapses_at + interval '1 second'", "cut_off_is_end_of_due_day"),
    ("I25", "UPDATE payments_invoice SET due_on = due_on + 1", "cut_off_is_end_of_due_day"),
    ("I26", "UPDATE payments_invoice SET paid_at = NULL WHERE state = 'paid'", "paid_invoice_has_time"),
    ("I26", "UPDATE payments_invoice SET paid_at = issued_at WHERE state = 'issued'", "paid_invoice_has_time"),
    ("I26", PAYMENT.format(ref="x", amount=19_999, disposition="applied", of="issued"), "cannot settle its invoice"),
    (
        "I26",
        PAYMENT.replace("issued_at, issued_at", "lapses_at, lapses_at").format(
            ref="x", amount=20_000, disposition="applied", of="issued"
        ),
        "cannot settle its invoice",
    ),
    ("I27", "UPDATE payments_invoice SET state = 'waived' WHERE state = 'issued'", "waived_invoice_has_ground"),
    ("I27", TWIN.format(purpose="exam", amount=5, state="waived", waiver="no_fee"), "no_fee_is_zero"),
    (
        "I27",
        TWIN.format(purpose="exam", amount=5, state="waived", waiver="martyr_relative"),
        "exempt_invoice_names_exemption",
    ),
    ("I27", TWIN.format(purpose="exam", amount=5, state="void", waiver=""), "do not add up"),
    ("I27", "UPDATE payments_line SET amount = 0", "pgtrigger: Cannot update"),
    (
        "I28",
        PAYMENT.format(ref="the-one", amount=1, disposition="received", of="paid"),
        "payments_payment_provider_ref_key",
    ),
    ("I29", PAYMENT.format(ref="x", amount=20_000, disposition="applied", of="paid"), "one_applied_payment"),
    ("I29", PAYMENT.format(ref="x", amount=20_000, disposition="applied", of="issued"), "and its payments disagree"),
    (
        "I29",
        "UPDATE payments_payment SET disposition = 'credited' WHERE disposition = 'applied'",
        "and its payments disagree",
    ),
    ("I29", "UPDATE payments_payment SET disposition = 'received'", "Invalid transition"),
    ("I29", CREDIT.format(amount=1, reason="because"), "credit_reason_known"),
    ("I29", CREDIT.format(amount=1, reason="second"), "one_credit_per_reason"),
    ("I30", "UPDATE payments_webhookevent SET outcome = 'asked'", "worked_event_has_outcome"),
    ("I30", "UPDATE payments_webhookevent SET outcome = 'lost', processed_at = received_at", "event_outcome_known"),
    (
        "I30",
        "INSERT INTO payments_webhookevent (event_id, type, body, body_sha256, received_at, outcome) SELECT event_id, type, body, body_sha256, received_at, '' FROM payments_webhookevent",
        "payments_webhookevent_event_id_key",
    ),
    ("I31", POSTING.format(key="x"), "does not balance"),
    ("I31", LEG.format(account="vat", amount=1), "does not balance"),
    ("I31", LEG.format(account="vat", amount=0), "entry_amount_not_zero"),
    ("I31", LEG.format(account="the moon", amount=1), "entry_account_known"),
    (
        "I31",
        "INSERT INTO payments_posting (key, kind, at, ticket) SELECT key, kind, at, '' FROM payments_posting",
        "posting_booked_once",
    ),
    *[
        ("I32", f"UPDATE {table} SET {what}", "pgtrigger: Cannot update")
        for table, what in (
            ("payments_ledgerentry", "amount = -amount"),
            ("payments_posting", "at = now()"),
            ("payments_payment", "amount = amount + 1"),
            ("payments_webhookevent", "type = ''"),
            ("payments_credit", "amount = amount + 1"),
        )
    ],
    *[
        ("I32", f"DELETE FROM {table}", "pgtrigger: Cannot .*delete")
        for table in (
            "payments_ledgerentry",
            "payments_posting",
            "payments_payment",
            "payments_webhookevent",
            "payments_credit",
            "payments_invoice",
            "payments_line",
        )
    ],
    *[
        ("I32", f"TRUNCATE {table} CASCADE", "pgtrigger: Cannot truncate")
        for table in ("payments_ledgerentry", "payments_posting")
    ],
    ("I33", "UPDATE payments_payment SET method = 'card'", "pgtrigger: Cannot update"),
    ("I34", "UPDATE payments_credit SET payment_id = payment_id + 1", "pgtrigger: Cannot update"),
    ("I35", "UPDATE payments_payment SET refunded = amount + 1", "counted by its tickets alone"),
]


@pytest.fixture
def money(db):
    """A paid invoice with a credit beside it, an open one, and a stored notification."""
    case = declare(make_draft(make_practitioner()))
    pay(case, "admin", ref="the-one")
    pay(case, "admin", ref="the-second")
    assert invoice_of(declare(make_draft(make_practitioner())), "admin").amount == 20_000
    told = {"event_id": "told", "type": "payment_paid", "received_at": NOON}
    WebhookEvent.objects.create(**told, body={}, body_sha256=b"x" * 32)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(("invariant", "statement", "named"), REFUSED, ids=[f"{one[0]} {one[2]}" for one in REFUSED])
def test_the_database_refuses(invariant, statement, named, money):
    with unchanged(), pytest.raises(DatabaseError, match=named), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_every_invariant_of_money_has_its_refusal():
    assert {one[0] for one in REFUSED} == {f"I{number}" for number in range(23, 36)}
