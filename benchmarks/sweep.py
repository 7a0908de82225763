"""The sweep of lapsed applications against the floor: one statement that cancels, writes history and queues a mail.

    python -m benchmarks.sweep --rows 10000 --turns 5     its figures as JSON

Works on the migrated, otherwise empty database that DATABASE_URL names, on a server where nothing else runs. Rows are
seeded directly and lapse in waves, so that no turn has to be undone: `now` moves on from wave to wave.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import django
from django.db import connection, transaction

from benchmarks.cost import cpu_seconds, forget_peak, megabytes

HERE = Path(__file__).parent
FIRST_WAVE = date(2030, 1, 1)
WAITING_TIMES = 10  # so many rows that do not lapse for each one of a turn
IDLE_TICKS = 50
# As long as the real one, and no easier to compress.
JUDGEMENT = {
    language: [{"name": f"{n * 7919:x} {language}", "fact": f"{n * 104729:b}"} for n in range(9)]
    for language in ("ar", "en")
}
FLOOR = """
    WITH due AS (
        SELECT id FROM floor_application
        WHERE status = 'awaiting_payment' AND payment_deadline <= %(now)s FOR UPDATE SKIP LOCKED
    ), cancelled AS (
        UPDATE floor_application a SET status = 'cancelled', updated_at = %(now)s FROM due WHERE a.id = due.id
        RETURNING a.id, a.number, a.email, a.applicant_name
    ), history AS (
        INSERT INTO floor_history (application_id, from_status, to_status, reason, at)
        SELECT id, 'awaiting_payment', 'cancelled', 'payment deadline lapsed', %(now)s FROM cancelled
    )
    INSERT INTO floor_mail (application_id, kind, recipient, subject, body, created_at, dedupe_key)
    SELECT id, 'cancelled', email, 'Application ' || number || ' was cancelled',
        'Dear ' || applicant_name || E',\\n\\nThe payment deadline for application ' || number
        || E' has lapsed and it was cancelled.\\n', %(now)s, 'cancelled:' || id FROM cancelled
"""


@transaction.atomic
def floor(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FLOOR, {"now": now})
        return cursor.rowcount


def seed(waves: list[int], waiting: int) -> None:
    """Waves of so many rows that lapse, and rows that wait, for both sides."""
    ends = [sum(waves[: number + 1]) for number in range(len(waves))]
    with connection.cursor() as cursor:
        cursor.execute((HERE / "floor/tables.sql").read_text())
        cursor.execute(
            (HERE / "waiting.sql").read_text(),
            {"ends": ends, "total": ends[-1] + waiting, "judgement": json.dumps(JUDGEMENT)},
        )
        cursor.execute("VACUUM ANALYZE")


def turn(sweep: Callable[[datetime], int], now: datetime, expected: int) -> dict[str, float]:
    """What one sweep over `expected` rows cost, in all (s, bytes, MB)."""
    ran: list[str] = []

    def note(execute, sql, *rest):
        ran.append(sql)
        return execute(sql, *rest)

    _one("CHECKPOINT")  # as if long ago: the first change of each page is written whole
    backend = _one("SELECT pg_backend_pid()")
    start = _one("SELECT pg_current_wal_insert_lsn()")
    forget_peak()
    memory, client, server = megabytes("VmRSS"), cpu_seconds(os.getpid()), cpu_seconds(backend)
    with connection.execute_wrapper(note):
        done = sweep(now)
    client, server = cpu_seconds(os.getpid()) - client, cpu_seconds(backend) - server
    if done != expected:
        raise SystemExit(f"{sweep.__name__} cancelled {done} applications, not {expected}")
    return {
        "client": client,
        "server": server,
        "statements": len(ran),
        "wal": int(_one(f"SELECT pg_current_wal_insert_lsn() - '{start}'")),
        "memory": megabytes("VmHWM") - memory,
    }


def measure(rows: int, turns: int) -> dict:
    """Medians over the turns, for each side: a row of N and of 2 N due rows, and a tick with nothing due."""
    from applications.sweeps import lapse
    from mumaris.kit.clock import end_of_day

    sides = {"ours": lapse, "floor": floor}
    sizes = [rows, 2 * rows] * turns
    seed(sizes, WAITING_TIMES * rows)
    idle = {
        name: [turn(sweep, end_of_day(FIRST_WAVE - timedelta(days=1)), 0) for _ in range(IDLE_TICKS)]
        for name, sweep in sides.items()
    }
    spent: dict[tuple[str, int], list[dict]] = {}
    for wave, size in enumerate(sizes):
        for name in sorted(sides, reverse=wave // 2 % 2 == 1):
            spent.setdefault((name, size), []).append(
                turn(sides[name], end_of_day(FIRST_WAVE + timedelta(days=wave)), size)
            )
    return {
        "rows": rows,
        "waiting": WAITING_TIMES * rows,
        **{name: _side(rows, spent[name, rows], spent[name, 2 * rows], idle[name]) for name in sides},
        "cpu_ratio": statistics.median(
            _cpu(ours) / _cpu(least) for ours, least in zip(spent["ours", rows], spent["floor", rows], strict=True)
        ),
    }


def _side(rows: int, once: list[dict], twice: list[dict], idle: list[dict]) -> dict[str, float]:
    def median(turns: list[dict], *names: str) -> float:
        return statistics.median(sum(one[name] for name in names) for one in turns)

    cpu = 1e6 * median(once, "client", "server") / rows
    return {
        "cpu_us_row": cpu,
        "client_us_row": 1e6 * median(once, "client") / rows,
        "server_us_row": 1e6 * median(once, "server") / rows,
        "statements": median(once, "statements"),
        "wal_bytes_row": median(once, "wal") / rows,
        "memory_mb": max(one["memory"] for one in once + twice),
        "growth": 1e6 * median(twice, "client", "server") / (2 * rows) / cpu,
        "idle_statements": median(idle, "statements"),
        "idle_us": 1e6 * median(idle, "client", "server"),
        "idle_wal_bytes": median(idle, "wal"),
    }


def _cpu(turn: dict) -> float:
    return turn["client"] + turn["server"]


def _one(sql: str):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--rows", type=int, required=True)
    asked.add_argument("--turns", type=int, required=True)
    options = asked.parse_args()
    django.setup()
    print(json.dumps(measure(options.rows, options.turns)))


if __name__ == "__main__":
    main()
