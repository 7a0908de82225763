"""A mailbox for the demonstration and tests: takes every message by SMTP, sends none on, shows all on a web page.

Start it with `python -m simulators.mailbox`. It reads SMTP_PORT, MAILBOX_PORT, HOST (both listen there; the loopback
address unless told otherwise) and MAILBOX_STORE (an SQLite file). /messages.json?to= serves tests and journeys.
"""

import re
import signal
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from simulators.web import Answer, Request, Site, as_json, demand_demo, listen, setting

RIYADH = ZoneInfo("Asia/Riyadh")
PAGE_SIZE = 50
ADDRESS = re.compile(r"(https?://[^\s<>\"']*[^\s<>\"'.,:;!?)\]،؛؟])")
SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received_at TEXT NOT NULL, sender TEXT NOT NULL, raw BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS recipient (
    message_id INTEGER NOT NULL REFERENCES message, address TEXT NOT NULL, PRIMARY KEY (address, message_id));
"""


class Letters:
    """The messages received, each with everybody it was addressed to."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)

    def keep(self, sender: str, recipients: list[str], raw: bytes) -> None:
        with self.lock, self.db:
            values = (datetime.now(UTC).isoformat(timespec="seconds"), sender, raw)
            number = self.db.execute(
                "INSERT INTO message (received_at, sender, raw) VALUES (?, ?, ?)", values
            ).lastrowid
            people = [(number, address) for address in {one.lower() for one in recipients}]
            self.db.executemany("INSERT INTO recipient VALUES (?, ?)", people)

    def newest(self, to: str = "", before: int | None = None, number: int = PAGE_SIZE) -> list[dict[str, Any]]:
        """Newest first, all or those to one address, from before a message's id on."""
        return self._read(
            "SELECT * FROM message WHERE (? = '' OR id IN (SELECT message_id FROM recipient WHERE address = ?))"
            " AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?",
            (to, to.lower(), before, before, number),
        )

    def one(self, number: int) -> dict[str, Any] | None:
        return next(iter(self._read("SELECT * FROM message WHERE id = ?", (number,))), None)

    def people(self) -> list[dict[str, str]]:
        with self.lock:
            rows = self.db.execute(
                "SELECT address, count(*) FROM recipient GROUP BY address ORDER BY address"
            ).fetchall()
        return [{"address": row[0], "number": str(row[1])} for row in rows]

    def forget_everything(self) -> None:
        with self.lock, self.db:
            self.db.execute("DELETE FROM recipient")
            self.db.execute("DELETE FROM message")

    def close(self) -> None:
        with self.lock:
            self.db.close()

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        with self.lock:
            rows = self.db.execute(statement, values).fetchall()
            addressed = {
                row["id"]: [
                    one["address"]
                    for one in self.db.execute("SELECT address FROM recipient WHERE message_id = ?", (row["id"],))
                ]
                for row in rows
            }
        return [_letter(row, sorted(addressed[row["id"]])) for row in rows]


def _letter(row: sqlite3.Row, recipients: list[str]) -> dict[str, Any]:
    message = message_from_bytes(row["raw"], policy=policy)
    return {
        "id": row["id"],
        "to": recipients,
        "from": row["sender"],
        "subject": str(message["Subject"] or "").strip(),  # a folded header begins with a space
        "message_id": str(message["Message-ID"] or ""),
        "received_at": row["received_at"],
        "when": f"{datetime.fromisoformat(row['received_at']).astimezone(RIYADH):%Y-%m-%d %H:%M}",
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "attachments": [part.get_filename() or "" for part in message.iter_attachments()],
    }


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return part.get_content()
    except (LookupError, UnicodeError):  # a charset that nobody knows
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def linked(text: str) -> SafeString:
    """The text with its addresses made links, letter for letter: an activation link must not be prettified."""
    parts = [
        f'<a href="{escape(part)}" rel="nofollow">{escape(part)}</a>' if number % 2 else escape(part)
        for number, part in enumerate(ADDRESS.split(text))
    ]
    return mark_safe("".join(parts))


class Mailbox(Site):
    """The web page over the letters."""

    def __init__(self, letters: Letters) -> None:
        self.letters = letters

    def inbox(self, request: Request) -> Answer:
        to, before = request.query.get("to", ""), request.query.get("before", "")
        found = self.letters.newest(to, _number(before), PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        return request.page(
            "inbox.html",
            letters=[{**one, "id": str(one["id"]), "to_text": ", ".join(one["to"])} for one in shown],
            people=self.letters.people(),
            to=to,
            newer=bool(before),
            older=str(shown[-1]["id"]) if len(found) > PAGE_SIZE else "",
        )

    def message(self, request: Request, number: str) -> Answer:
        letter = self.letters.one(int(number))
        if letter is None:
            return self.missing(request)
        return request.page("message.html", letter=letter, linked=linked(letter["text"]))

    def messages(self, request: Request) -> Answer:
        """Newest first: {"messages": [{id, to, from, subject, message_id, received_at, text, html, …}]}."""
        limit = _number(request.query.get("limit", "")) or 1000
        return as_json({"messages": self.letters.newest(request.query.get("to", ""), None, limit)})

    def health(self, request: Request) -> Answer:
        return as_json({"ok": True})

    routes = [
        ("GET", "/", inbox),
        ("GET", "/messages/([0-9]{1,18})", message),
        ("GET", "/messages.json", messages),
        ("GET", "/health", health),
    ]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


class Postbox:
    """The SMTP side: whatever arrives is kept."""

    def __init__(self, letters: Letters) -> None:
        self.letters = letters

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content
        assert isinstance(raw, bytes)
        self.letters.keep(envelope.mail_from or "", envelope.rcpt_tos, raw)
        return "250 Kept for the demonstration"


def main() -> None:
    demand_demo("demonstration mailbox")
    file = Path(setting("MAILBOX_STORE", "var/mailbox.sqlite3"))
    file.parent.mkdir(parents=True, exist_ok=True)
    letters = Letters(str(file))
    host, port = setting("HOST", "127.0.0.1"), int(setting("SMTP_PORT", "8002"))
    server = listen(Mailbox(letters), host, int(setting("MAILBOX_PORT", "8001")))
    postbox = Controller(Postbox(letters), hostname=host, port=port)
    try:
        postbox.start()
    except OSError as error:
        sys.exit(f"Cannot listen on {host}:{port}: {error.strerror}.")
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"Demonstration mailbox: {setting('MAILBOX_URL', server.url)} (SMTP on port {port})", flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        postbox.stop()
        server.server_close()
        letters.close()


if __name__ == "__main__":
    main()
