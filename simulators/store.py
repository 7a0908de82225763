"""The make-believe gateway's one SQLite file: its tables, its transactions, its clock and the faults it was told to make.

Its clock is the wall clock plus an offset that the demonstration sets; each moment is kept as text such as
2026-11-22T08:00:00.000Z, which sorts as it reads.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS invoice (
    seq INTEGER PRIMARY KEY, body TEXT NOT NULL,
    id TEXT GENERATED ALWAYS AS (json_extract(body, '$.id')) VIRTUAL,
    status TEXT GENERATED ALWAYS AS (json_extract(body, '$.status')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (json_extract(body, '$.created_at')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (json_extract(body, '$.updated_at')) VIRTUAL,
    expired_at TEXT GENERATED ALWAYS AS (json_extract(body, '$.expired_at')) VIRTUAL);
CREATE UNIQUE INDEX IF NOT EXISTS invoice_id ON invoice (id);
CREATE TABLE IF NOT EXISTS payment (
    seq INTEGER PRIMARY KEY, auth_id TEXT UNIQUE, bank_time TEXT, heard_at TEXT, body TEXT NOT NULL,
    id TEXT GENERATED ALWAYS AS (json_extract(body, '$.id')) VIRTUAL,
    status TEXT GENERATED ALWAYS AS (json_extract(body, '$.status')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (json_extract(body, '$.created_at')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (json_extract(body, '$.updated_at')) VIRTUAL,
    invoice_id TEXT GENERATED ALWAYS AS (json_extract(body, '$.invoice_id')) VIRTUAL,
    sadad_number TEXT GENERATED ALWAYS AS (json_extract(body, '$.source.sadad_number')) VIRTUAL);
CREATE UNIQUE INDEX IF NOT EXISTS payment_id ON payment (id);
CREATE UNIQUE INDEX IF NOT EXISTS payment_sadad_number ON payment (sadad_number);
CREATE INDEX IF NOT EXISTS payment_status ON payment (status);
CREATE INDEX IF NOT EXISTS payment_invoice ON payment (invoice_id);
CREATE INDEX IF NOT EXISTS payment_bank_time ON payment (bank_time);
CREATE TABLE IF NOT EXISTS refund (
    seq INTEGER PRIMARY KEY, payment_id TEXT NOT NULL, amount INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhook (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL UNIQUE, http_method TEXT NOT NULL,
    secret TEXT NOT NULL, events TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, webhook_id TEXT NOT NULL, due REAL NOT NULL, not_before TEXT,
    wrong_secret INTEGER NOT NULL, waits_for_next INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS delivery_open ON delivery (due) WHERE done = 0;
CREATE TABLE IF NOT EXISTS attempt (
    seq INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, webhook_id TEXT NOT NULL, event_id TEXT NOT NULL,
    created_at TEXT NOT NULL, response_code INTEGER);
CREATE TABLE IF NOT EXISTS fault (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, times INTEGER NOT NULL, number INTEGER NOT NULL,
    call TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS statement_fault (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, payment_id TEXT NOT NULL, day TEXT NOT NULL, number INTEGER NOT NULL);
"""
TABLES = (
    "setting",
    "invoice",
    "payment",
    "refund",
    "webhook",
    "event",
    "delivery",
    "attempt",
    "fault",
    "statement_fault",
)


def text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Store:
    """The file, shared by every thread. `stirred` is set whenever something may have changed."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self.stirred = threading.Event()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(SCHEMA)

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction, all or nothing."""
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
        self.stirred.set()

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self.lock:
            return self.db.execute(statement, values).fetchall()

    def run(self, statement: str, *values: Any) -> int:
        """Execute and return how many rows it touched."""
        with self.lock:
            return self.db.execute(statement, values).rowcount

    def forget_everything(self) -> None:
        with self.change():
            for table in TABLES:
                self.run(f"DELETE FROM {table}")

    def close(self) -> None:
        with self.lock:
            self.db.close()

    def ahead_seconds(self) -> int:
        row = self.rows("SELECT value FROM setting WHERE name = 'ahead_seconds'")
        return int(row[0]["value"]) if row else 0

    def set_ahead(self, seconds: int) -> None:
        with self.change():
            self.run("INSERT OR REPLACE INTO setting VALUES ('ahead_seconds', ?)", str(seconds))

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_seconds())

    def add_fault(self, kind: str, times: int, number: int, call: str) -> None:
        """Order a fault: how often, its number of seconds or halalas, and a part of the call it strikes ("" for any)."""
        with self.change():
            self.run("INSERT INTO fault (kind, times, number, call) VALUES (?, ?, ?, ?)", kind, times, number, call)

    def faults(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.rows("SELECT kind, times, number, call FROM fault ORDER BY seq")]

    def clear_faults(self) -> None:
        """Forget what was ordered and let notices go that wait behind another."""
        with self.change():
            self.run("DELETE FROM fault")
            self.run("UPDATE delivery SET waits_for_next = 0")

    def take_fault(self, *kinds: str, call: str = "") -> sqlite3.Row | None:
        """The next fault ordered of these kinds (and for this call), used up once."""
        marks = ", ".join("?" * len(kinds))
        with self.lock:
            rows = self.rows(
                f"SELECT * FROM fault WHERE kind IN ({marks}) AND instr(?, call) > 0 ORDER BY seq LIMIT 1",
                *kinds,
                call,
            )
            if not rows:
                return None
            self.run("UPDATE fault SET times = times - 1 WHERE seq = ?", rows[0]["seq"])
            self.run("DELETE FROM fault WHERE times <= 0")
            return rows[0]
