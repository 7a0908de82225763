"""A day may hold a hundred thousand movements: taking it in costs no more memory than a small one (PAY-6)."""

import tracemalloc
from datetime import UTC, date, datetime

import pytest

from payments import differences, reconciliation
from payments.models import Difference, Statement, StatementLine

pytest_plugins = ["tests.servers"]
pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-6")]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
COLUMNS = "kind,payment_id,method,reference,halalas,currency,bank_time\n"
LINE = "payment,{day}-{number:032d},sadadbill,{number:012d},20000,SAR,{day}T12:00:00+03:00\n"
MEGABYTE = 1024 * 1024


def peak_of_taking_in(text_server, day: date, lines: int) -> int:
    """Bytes at most while a statement of so many lines is taken in."""
    text_server.text = (COLUMNS + "".join(LINE.format(day=day, number=number) for number in range(lines))).encode()
    tracemalloc.start()
    try:
        reconciliation.take_in(day, now=NOW)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_hundred_thousand_lines_take_the_memory_of_a_few(text_server, settings):
    settings.MOYASAR_STATEMENT_URL = text_server.url + "/{day}.csv"
    few = peak_of_taking_in(text_server, date(2026, 11, 21), 4_000)
    many = peak_of_taking_in(text_server, date(2026, 11, 22), 100_000)
    assert StatementLine.objects.filter(statement__day="2026-11-22").count() == 100_000
    assert many < few + 4 * MEGABYTE, f"{many / MEGABYTE:.1f} MB instead of {few / MEGABYTE:.1f}"


def test_five_thousand_differences_are_named_in_one_statement(django_assert_max_num_queries):
    statement = Statement.objects.create(day=date(2026, 11, 22), fetched_at=NOW, sha256=b"x" * 32)
    common = {
        "statement": statement,
        "kind": "payment",
        "method": "sadad",
        "amount": 1,
        "currency": "SAR",
        "bank_at": NOW,
    }
    StatementLine.objects.bulk_create(
        (StatementLine(position=number, provider_ref=f"p-{number}", **common) for number in range(5_000)),
        batch_size=2000,
    )
    with django_assert_max_num_queries(7):
        differences.name_all(statement, NOW)
    assert Difference.objects.filter(kind="missing_here").count() == 5_000
