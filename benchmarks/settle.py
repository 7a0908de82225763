"""Settling a notification of the gateway against the floor: one statement that stores it, the payment, and what they change.

    python -m benchmarks.settle --rows 200 --turns 5      its figures as JSON

Works on the migrated, otherwise empty database that DATABASE_URL names, on a server where nothing else runs. Our side is the
webhook's view and the worker, with a gateway in this process (tests/stateful/bank.py): what is measured is the portal and its
database, and no network.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from django.db import connection, transaction

from benchmarks.cost import cpu_seconds
from benchmarks.statements import noted
from benchmarks.sweep import JUDGEMENT

NOW = datetime(2032, 9, 26, 12, tzinfo=UTC)  # before any of the seeded rows lapses
AMOUNT = 20_000
WARM = 20  # of each side, which are not counted
ATTEMPTS = """
    INSERT INTO payments_attempt (invoice_id, method, given_id, provider_id, state, url, biller_name, biller_code, bill_number, message, created_at)
    SELECT id, 'card', given_id, 'at-' || given_id, 'open', '', '', '', '', '', issued_at
    FROM (SELECT *, gen_random_uuid() AS given_id FROM payments_invoice WHERE purpose = 'admin') due;
    INSERT INTO floor_invoice (id, application_id, amount, state) SELECT id, id, amount, 'issued' FROM payments_invoice WHERE purpose = 'admin';
"""
FLOOR = """
    WITH event AS (
        INSERT INTO floor_event (event_id, body, received_at) VALUES (%(event)s, %(body)s, %(now)s)
        ON CONFLICT DO NOTHING RETURNING id
    ), payment AS (
        INSERT INTO floor_payment (invoice_id, provider_ref, amount, paid_at)
        SELECT %(invoice)s, %(ref)s, %(amount)s, %(now)s FROM event ON CONFLICT DO NOTHING RETURNING invoice_id
    ), settled AS (
        UPDATE floor_invoice i SET state = 'paid', paid_at = %(now)s FROM payment p
        WHERE i.id = p.invoice_id AND i.state = 'issued' AND i.amount = %(amount)s RETURNING i.application_id
    ), submitted AS (
        UPDATE floor_application a SET status = 'submitted', updated_at = %(now)s, payment_deadline = NULL FROM settled s
        WHERE a.id = s.application_id RETURNING a.id, a.number, a.email, a.applicant_name
    ), history AS (
        INSERT INTO floor_history (application_id, from_status, to_status, reason, at)
        SELECT id, 'awaiting_payment', 'submitted', 'paid', %(now)s FROM submitted
    )
    INSERT INTO floor_mail (application_id, kind, recipient, subject, body, created_at, dedupe_key)
    SELECT id, 'submitted', email, 'Application ' || number || ' was submitted', 'Dear ' || applicant_name, %(now)s, 'submitted:' || id
    FROM submitted
"""


def measure(rows: int, turns: int) -> dict[str, Any]:
    """Medians of each side for one notification. Both take the same invoices, in turns."""
    from tests.stateful.bank import Bank

    bank = Bank()
    _seed(3 * (WARM + rows * turns))  # a third of them wait for their first fee
    with connection.cursor() as cursor:
        cursor.execute("SELECT invoice_id, given_id::text FROM payments_attempt ORDER BY md5(invoice_id::text)")
        due = cursor.fetchall()
    sides = {"ours": _ours(bank), "floor": _floor}
    for side in sides.values():
        side(due[:WARM])
    spent: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for turn in range(turns):
        wave = due[WARM + turn * rows : WARM + (turn + 1) * rows]
        for name in sorted(sides, reverse=turn % 2 == 1):
            spent[name].append(_turn(sides[name], wave))
    _all_settled("payments_invoice", WARM + rows * turns)
    _all_settled("floor_invoice", WARM + rows * turns)
    return {
        "rows": rows,
        **{name: {key: statistics.median(one[key] for one in spent[name]) for key in spent[name][0]} for name in sides},
        "cpu_ratio": statistics.median(
            ours["cpu_us"] / least["cpu_us"] for ours, least in zip(spent["ours"], spent["floor"], strict=True)
        ),
    }


def _ours(bank: Any) -> Callable[[list[tuple[int, str]]], None]:
    from django.test import RequestFactory

    from payments import attempts, webhooks
    from tests.stateful.bank import notification

    attempts.gateway = webhooks.gateway = lambda: bank
    request = RequestFactory()

    def settle(wave: list[tuple[int, str]]) -> None:
        for invoice, given_id in wave:
            bank.taken[f"at-{given_id}"] = []
            bank.pay(given_id, f"ref-{invoice}", "card", AMOUNT, NOW)
            body = notification(f"event-{invoice}", given_id, f"ref-{invoice}", NOW)
            webhooks.receive(request.post("/payments/notifications/", body, content_type="application/json"))
            webhooks.work(NOW)

    return settle


def _floor(wave: list[tuple[int, str]]) -> None:
    for invoice, given_id in wave:
        body = json.dumps({"id": f"event-{invoice}", "given_id": given_id})
        facts = {"event": f"event-{invoice}", "body": body, "invoice": invoice, "ref": f"ref-{invoice}"}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(FLOOR, facts | {"amount": AMOUNT, "now": NOW})


def _turn(settle: Callable[[list[tuple[int, str]]], None], wave: list[tuple[int, str]]) -> dict[str, float]:
    backend, begin = _one("SELECT pg_backend_pid()"), _one("SELECT pg_current_wal_insert_lsn()")
    portal, database = cpu_seconds(os.getpid()), cpu_seconds(backend)
    with noted(connection) as ran:
        settle(wave)
    portal, database = cpu_seconds(os.getpid()) - portal, cpu_seconds(backend) - database
    number = len(wave)
    return {
        "cpu_us": 1e6 * (portal + database) / number,
        "portal_us": 1e6 * portal / number,
        "database_us": 1e6 * database / number,
        "statements": len(ran) / number,
        "wal_bytes": float(_one(f"SELECT pg_current_wal_insert_lsn() - '{begin}'")) / number,
    }


def _seed(total: int) -> None:
    here = Path(__file__).parent
    with connection.cursor() as cursor:
        cursor.execute((here / "floor/tables.sql").read_text())
        facts = {"ends": [0], "total": total, "judgement": json.dumps(JUDGEMENT)}
        cursor.execute((here / "waiting.sql").read_text(), facts)
        cursor.execute(ATTEMPTS)
        cursor.execute("VACUUM ANALYZE")


def _all_settled(table: str, expected: int) -> None:
    if (paid := _one(f"SELECT count(*) FROM {table} WHERE state = 'paid'")) != expected:
        raise SystemExit(f"{paid} of {table} are paid, not {expected}.")


def _one(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--rows", type=int, required=True)
    asked.add_argument("--turns", type=int, required=True)
    options = asked.parse_args()
    django.setup()
    print(json.dumps(measure(options.rows, options.turns)))


if __name__ == "__main__":
    main()
