"""`./portal bench [--quick]`: where the application page, the deadline sweep and a settled payment stand, against floors measured beside them.

Runs beside a portal of its own, started empty. Prints a table and writes var/bench.json.
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import psycopg2

from benchmarks import page
from benchmarks.child import run
from benchmarks.scratch import empty_database
from deploy import demo, embedded

MOST_STATEMENTS = 12  # of a practitioner's page
FULL = {"rounds": 7, "requests": 60, "rows": 10_000, "turns": 3, "notifications": 200, "many": 100_000}
QUICK = {"rounds": 5, "requests": 40, "rows": 2_000, "turns": 3, "notifications": 50, "many": 5_000}


def main() -> None:
    asked = argparse.ArgumentParser(prog="portal bench")
    asked.add_argument("--quick", action="store_true", help="fewer and smaller turns, and no counting of instructions")
    quick = asked.parse_args().quick
    plan = QUICK if quick else FULL
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended, too
    begin = time.monotonic()
    result: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()},
        "django": version("django"),
    }
    print("Measuring the application page …", flush=True)
    result["page"] = page.measure(plan["rounds"], plan["requests"], count_instructions=not quick)
    print("Measuring the deadline sweep …", flush=True)
    result["sweep"] = on_its_own("sweep", plan["rows"], plan["turns"], "--many", str(plan["many"]))
    print("Measuring the settling of notifications …", flush=True)
    result["settle"] = on_its_own("settle", plan["notifications"], plan["turns"])
    result["seconds"] = time.monotonic() - begin
    text = json.dumps(result)
    short = json.loads(text, parse_float=lambda digits: round(float(digits), 3))
    (demo.VAR / "bench.json").write_text(json.dumps(short, indent=2) + "\n")
    print("\n".join(table(result)))


def on_its_own(name: str, rows: int, turns: int, *more: str) -> dict[str, Any]:
    """Measured on a server of its own: one that writes safely, as a real one does, and that nothing else keeps busy."""
    broker = {"REDIS_URL": os.environ["REDIS_URL"]}
    server = embedded.ensure(demo.VAR / "embedded-bench", environ=broker)["DATABASE_URL"]
    try:
        _only_us(server)
        environ = {**os.environ, "DATABASE_URL": empty_database(server, name)}
        run(environ, "deploy.prepare", "--no-people")
        return json.loads(run(environ, f"benchmarks.{name}", "--rows", str(rows), "--turns", str(turns), *more))
    finally:
        embedded.release()


def _only_us(server: str) -> None:
    """No vacuum of the server's own between the turns."""
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET autovacuum = off")
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()


def table(result: dict[str, Any]) -> Iterator[str]:
    """The lines of the report."""
    pages, lapse = result["page"], result["sweep"]
    yield _line("Application page of a practitioner", "ours", "floor", "ratio")
    yield _compared("CPU of the web server, ms a request", pages, "cpu_ms", pages["cpu_ratio"])
    yield _compared("instructions a request, millions", pages, "instructions", scale=1e-6)
    yield _compared("SQL statements", pages, "sql")
    yield _compared("bytes", pages, "bytes")
    yield ""
    yield _line("SQL statements of a practitioner's pages", "as is", f"+{page.MORE_ROWS} rows", "")
    for path, (before, after) in pages["sql_by_page"].items():
        fault = "grows" if after > before else "too many" if after > MOST_STATEMENTS else ""
        yield _line(f"  {path}", str(before), str(after), fault)
    yield ""
    yield _line(f"Sweep of {lapse['rows']:,} due beside {lapse['waiting']:,} waiting", "ours", "floor", "ratio")
    yield _compared("CPU, µs a row", lapse, "cpu_us_row", lapse["cpu_ratio"])
    yield _compared("  of it in the portal", lapse, "portal_us_row", ratio=0)
    yield _compared("  of it in the database", lapse, "database_us_row", ratio=0)
    yield _compared("CPU a row when twice as many are due, ×", lapse, "growth", ratio=0)
    yield _compared("SQL statements in all", lapse, "statements")
    yield _compared("WAL, bytes a row", lapse, "wal_bytes_row")
    yield _compared("memory above its start, MB", lapse, "memory_mb")
    yield _line(
        f"  memory above its start for {lapse['many']['rows']:,}, MB", _short(lapse["many"]["memory_mb"]), "", ""
    )
    yield _compared("nothing due: SQL statements", lapse, "idle_statements")
    yield _compared("nothing due: CPU, µs", lapse, "idle_cpu_us")
    yield ""
    settle = result["settle"]
    yield _line(f"Settling {settle['rows']:,} notifications, each", "ours", "floor", "ratio")
    yield _compared("CPU, µs", settle, "cpu_us", settle["cpu_ratio"])
    yield _compared("  of it in the portal", settle, "portal_us", ratio=0)
    yield _compared("  of it in the database", settle, "database_us", ratio=0)
    yield _compared("SQL statements", settle, "statements")
    yield _compared("WAL, bytes", settle, "wal_bytes")
    yield ""
    yield f"Load {result['machine']['load']:.1f} on {result['machine']['cores']} cores; {result['seconds']:.0f} s. All of it: var/bench.json"


def _compared(name: str, sides: dict[str, Any], key: str, ratio: float | None = None, scale: float = 1) -> str:
    ours, floor = sides["ours"][key], sides["floor"][key]
    if ours is None:
        return _line(f"  {name}", "not measured", "", "")
    if ratio is None and floor:
        ratio = ours / floor
    return _line(f"  {name}", _short(ours * scale), _short(floor * scale), f"{ratio:.2f}" if ratio else "")


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 or number == int(number) else f"{number:.2f}"


def _line(name: str, ours: str, floor: str, ratio: str) -> str:
    return f"{name:46}{ours:>14}{floor:>12}{ratio:>10}"


if __name__ == "__main__":
    main()
