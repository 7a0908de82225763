"""How the make-believe gateway tells the portal: events, registered webhooks, and a postman who tries six times."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import requests

from simulators import orders
from simulators.orders import Json, Refused, invalid
from simulators.store import Store, text_of

EVENTS = (
    "payment_paid",
    "payment_failed",
    "payment_refunded",
    "payment_voided",
    "payment_authorized",
    "payment_captured",
    "payment_expired",
)
FAULTS = ("duplicate_webhook", "reorder", "late_webhook", "wrong_secret")
GAPS = (1.0, 5.0, 30.0, 120.0, 600.0)  # seconds between six tries


class Notices:
    """Events and their deliveries, in the gateway's store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def register(self, wanted: Json) -> Json:
        """Register an address; the same address again replaces its secret, method and events."""
        url, method = orders.address(wanted, "url"), str(wanted.get("http_method") or "post").lower()
        secret, events = wanted.get("shared_secret"), wanted.get("events") or list(EVENTS)
        if not url:
            raise invalid(url="can't be blank")
        _check(method, secret, events)
        with self.store.change():
            self.store.run(
                "INSERT INTO webhook (id, url, http_method, secret, events, created_at) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (url) DO UPDATE SET http_method = excluded.http_method, secret = excluded.secret,"
                " events = excluded.events",
                str(uuid4()),
                url,
                method,
                secret,
                json.dumps(events),
                text_of(self.store.now()),
            )
        return next(webhook for webhook in self.webhooks() if webhook["url"] == url)

    def change(self, webhook_id: str, wanted: Json) -> Json:
        """Change what is named; a new secret is in force from the next notice on."""
        known = self.webhook(webhook_id)
        url = orders.address(wanted, "url") or known["url"]
        method = str(wanted.get("http_method") or known["http_method"]).lower()
        events = wanted.get("events") or known["events"]
        secret = wanted.get("shared_secret", self._secret(webhook_id))
        _check(method, secret, events)
        if url in {one["url"] for one in self.webhooks() if one["id"] != webhook_id}:
            raise invalid(url="is already taken")
        with self.store.change():
            self.store.run(
                "UPDATE webhook SET url = ?, http_method = ?, secret = ?, events = ? WHERE id = ?",
                url,
                method,
                secret,
                json.dumps(events),
                webhook_id,
            )
        return self.webhook(webhook_id)

    def _secret(self, webhook_id: str) -> str:
        return self.store.rows("SELECT secret FROM webhook WHERE id = ?", webhook_id)[0]["secret"]

    def webhooks(self) -> list[Json]:
        """What is registered; the secret is never told again."""
        rows = self.store.rows("SELECT id, url, http_method, events, created_at FROM webhook ORDER BY seq")
        return [{**dict(row), "events": json.loads(row["events"])} for row in rows]

    def webhook(self, webhook_id: str) -> Json:
        for webhook in self.webhooks():
            if webhook["id"] == webhook_id:
                return webhook
        raise Refused(404, "Webhook not found")

    def drop(self, webhook_id: str) -> None:
        with self.store.change():
            if not self.store.run("DELETE FROM webhook WHERE id = ?", webhook_id):
                raise Refused(404, "Webhook not found")

    def tell(self, kind: str, payment: Json) -> None:
        """Keep an event and queue its deliveries, with the faults that were ordered; inside the caller's transaction."""
        now, event_id = self.store.now(), str(uuid4())
        event = {"id": event_id, "type": kind, "created_at": text_of(now), "account_name": "Demonstration"}
        body = json.dumps({**event, "live": False, "data": payment}, ensure_ascii=False)
        self.store.run("INSERT INTO event (id, body) VALUES (?, ?)", event_id, body)
        faults = {name: fault for name in FAULTS if (fault := self.store.take_fault(name))}
        late = faults.get("late_webhook")
        held_back = self.store.rows("SELECT seq FROM delivery WHERE waits_for_next = 1")
        for webhook in self.store.rows("SELECT id, events FROM webhook"):
            if kind not in json.loads(webhook["events"]):
                continue
            for _copy in range(2 if "duplicate_webhook" in faults else 1):
                self.store.run(
                    "INSERT INTO delivery (event_id, webhook_id, due, not_before, wrong_secret, waits_for_next)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    event_id,
                    webhook["id"],
                    time.time(),
                    text_of(now + timedelta(seconds=late["number"])) if late else None,
                    "wrong_secret" in faults,
                    "reorder" in faults,
                )
        for row in held_back:  # behind what was just queued
            self.store.run(
                "UPDATE delivery SET waits_for_next = 0, due = ? WHERE seq = ?", time.time() + 0.01, row["seq"]
            )

    def next_due(self) -> tuple[int, str, str, Json, int] | None:
        """The oldest delivery that is due: its number, address, HTTP method, body, and how often it was tried."""
        rows = self.store.rows(
            "SELECT d.seq, d.wrong_secret, w.secret, w.url, w.http_method, e.body,"
            " (SELECT count(*) FROM attempt a WHERE a.delivery = d.seq) AS tried"
            " FROM delivery d JOIN webhook w ON w.id = d.webhook_id JOIN event e ON e.id = d.event_id"
            " WHERE d.done = 0 AND d.waits_for_next = 0 AND d.due <= ? AND (d.not_before IS NULL OR d.not_before <= ?)"
            " ORDER BY d.due LIMIT 1",
            time.time(),
            text_of(self.store.now()),
        )
        for row in rows:
            secret = "wrong" if row["wrong_secret"] else row["secret"]
            return (
                row["seq"],
                row["url"],
                row["http_method"],
                {**json.loads(row["body"]), "secret_token": secret},
                row["tried"],
            )
        return None

    def note(self, delivery: int, response_code: int | None, again_after: float | None) -> None:
        """Keep how a try went; after `again_after` wall-clock seconds it is tried again, None ends it."""
        with self.store.change():
            self.store.run(
                "INSERT INTO attempt (delivery, webhook_id, event_id, created_at, response_code)"
                " SELECT seq, webhook_id, event_id, ?, ? FROM delivery WHERE seq = ?",
                text_of(self.store.now()),
                response_code,
                delivery,
            )
            self.store.run(
                "UPDATE delivery SET done = ?, due = ? WHERE seq = ?",
                again_after is None,
                time.time() + (again_after or 0),
                delivery,
            )

    def attempts(self) -> list[Json]:
        return [dict(row) for row in self.store.rows("SELECT * FROM attempt ORDER BY seq")]

    def events(self) -> list[Json]:
        return [json.loads(row["body"]) for row in self.store.rows("SELECT body FROM event ORDER BY seq")]


def _check(method: str, secret: object, events: object) -> None:
    if method not in ("post", "put", "patch"):
        raise invalid(http_method="must be post, put or patch")
    if not isinstance(secret, str) or not secret:
        raise invalid(shared_secret="can't be blank")
    if not isinstance(events, list) or not all(event in EVENTS for event in events):
        raise invalid(events="are not all available")


class Postman(threading.Thread):
    """Delivers what is due, one notice after the other, and before each round lets time do its work (`catch_up`)."""

    def __init__(self, notices: Notices, catch_up: Callable[[], None], gaps: tuple[float, ...] = GAPS) -> None:
        super().__init__(daemon=True)
        self.notices, self.catch_up, self.gaps = notices, catch_up, gaps
        self.stopping = False

    def run(self) -> None:
        stirred = self.notices.store.stirred
        while not self.stopping:
            self.catch_up()
            while not self.stopping and (delivery := self.notices.next_due()):
                self.deliver(*delivery)
            stirred.wait(0.5)
            stirred.clear()

    def deliver(self, number: int, url: str, method: str, body: Json, tried: int) -> None:
        try:
            code = requests.request(method, url, json=body, timeout=10, allow_redirects=False).status_code
        except requests.RequestException:
            code = None
        taken = code is not None and 200 <= code < 300
        self.notices.note(number, code, None if taken or tried >= len(self.gaps) else self.gaps[tried])

    def stop(self) -> None:
        self.stopping = True
        self.notices.store.stirred.set()
        self.join(2)
