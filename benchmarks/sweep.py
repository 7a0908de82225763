"""The sweep of lapsed applications against the floor: one statement that cancels, writes history and queues a mail.

    python -m benchmarks.sweep --rows 10000 --turns 3 --many 100000     its figures as JSON

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
from typing import Any

import django
from django.db import connection, transaction

from benchmarks.cost import cpu_seconds, forget_peak, megabytes
from benchmarks.statements import noted

FIRST_WAVE = date(2030, 1, 1)
WARM = 300  # rows of the first wave, which is not counted: it loads what a process keeps
WAITING = 10  # rows that do not lapse for each one of a turn
IDLE_TICKS = 40
ANALYZE = "VACUUM ANALYZE"
# The real one takes 800 bytes.
JUDGEMENT = {
    language: [{"name": f"{n * 7919:x} {language}", "fact": f"{n * 104729:b}", "verdict": "ok"} for n in range(8, 16)]
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


def measure(rows: int, turns: int, many: int = 0) -> dict[str, Any]:
    """Each side's medians: for each of `rows` due rows, for each of twice as many, and with nothing due.

    `many` more are swept by ours alone at last, for its memory.
    """
    from applications.sweeps import lapse
    from mumaris.kit.clock import end_of_day

    sides = {"ours": lapse, "floor": floor}
    waves = [WARM, *[rows, 2 * rows] * turns]
    _seed([*waves, many], WAITING * rows)
    spent: dict[tuple[str, int], list[dict[str, float]]] = {}
    for wave, size in [(0, WARM), *[(0, 0)] * IDLE_TICKS, *enumerate(waves[1:], start=1)]:
        for name in sorted(sides, reverse=(wave + 1) // 2 % 2 == 1):
            now = end_of_day(FIRST_WAVE + timedelta(days=wave))
            spent.setdefault((name, size), []).append(_turn(sides[name], now, size))
    last = _turn(lapse, end_of_day(FIRST_WAVE + timedelta(days=len(waves))), many)
    return {
        "rows": rows,
        "many": {"rows": many, "memory_mb": last["memory"], "cpu_us_row": 1e6 * last["cpu"] / max(1, many)},
        "waiting": WAITING * rows,
        "postgres": _one("SHOW server_version"),
        **{name: _side(rows, spent[name, rows], spent[name, 2 * rows], spent[name, 0]) for name in sides},
        "cpu_ratio": statistics.median(
            ours["cpu"] / least["cpu"] for ours, least in zip(spent["ours", rows], spent["floor", rows], strict=True)
        ),
    }


def _seed(waves: list[int], waiting: int) -> None:
    """Waves of so many rows, and rows that wait on; the same for both sides."""
    here = Path(__file__).parent
    ends = [sum(waves[: number + 1]) for number in range(len(waves))]
    facts: dict[str, Any] = {"ends": ends, "total": ends[-1] + waiting, "judgement": json.dumps(JUDGEMENT)}
    with connection.cursor() as cursor:
        cursor.execute((here / "floor/tables.sql").read_text())
        cursor.execute((here / "waiting.sql").read_text(), facts)
        cursor.execute(ANALYZE)


def _turn(sweep: Callable[[datetime], int], now: datetime, expected: int) -> dict[str, float]:
    """What a sweep over `expected` rows costs in all: seconds of CPU, statements, bytes of WAL, MB above the start."""
    _one("CHECKPOINT")  # as if long ago: the first change of each page is written whole
    backend = _one("SELECT pg_backend_pid()")
    begin = _one("SELECT pg_current_wal_insert_lsn()")
    forget_peak()
    memory, portal, database = megabytes("VmRSS"), cpu_seconds(os.getpid()), cpu_seconds(backend)
    with noted(connection) as ran:
        done = sweep(now)
    portal, database = cpu_seconds(os.getpid()) - portal, cpu_seconds(backend) - database
    if done != expected:
        raise SystemExit(f"{sweep.__name__} cancelled {done} applications, not {expected}.")
    return {
        "cpu": portal + database,
        "portal": portal,
        "database": database,
        "statements": len(ran),
        "wal": float(_one(f"SELECT pg_current_wal_insert_lsn() - '{begin}'")),
        "memory": megabytes("VmHWM") - memory,
    }


def _side(rows: int, once: list[dict], twice: list[dict], idle: list[dict]) -> dict[str, float]:
    def median(turns: list[dict], name: str) -> float:
        return statistics.median(turn[name] for turn in turns)

    return {
        "cpu_us_row": 1e6 * median(once, "cpu") / rows,
        "portal_us_row": 1e6 * median(once, "portal") / rows,
        "database_us_row": 1e6 * median(once, "database") / rows,
        "statements": median(once, "statements"),
        "wal_bytes_row": median(once, "wal") / rows,
        "memory_mb": max(turn["memory"] for turn in once + twice),
        "growth": median(twice, "cpu") / (2 * median(once, "cpu")),
        "idle_statements": median(idle, "statements"),
        "idle_cpu_us": 1e6 * median(idle, "cpu"),
        "idle_wal_bytes": median(idle, "wal"),
    }


def _one(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--rows", type=int, required=True)
    asked.add_argument("--turns", type=int, required=True)
    asked.add_argument("--many", type=int, default=0)
    options = asked.parse_args()
    django.setup()
    print(json.dumps(measure(options.rows, options.turns, options.many)))


if __name__ == "__main__":
    main()
