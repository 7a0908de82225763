"""The simulators as fixtures: `gateway_simulator`, `mailbox` and `verifier_simulator`, real servers on free ports, once
per test process.

A test module or the top conftest takes them by `pytest_plugins = ["tests.servers"]`. They are emptied before each test
that asks for them.
"""

import queue
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from aiosmtpd.controller import Controller

from simulators.gateway import Gateway
from simulators.mailbox import Letters, Mailbox, Postbox
from simulators.store import Store
from simulators.verifier import Cases, Company
from simulators.web import Server

SECRET_KEY = "sk_test_for_the_tests"
WEBHOOK_SECRET = "a-secret-shared-with-the-gateway"
NO_WAITING = (0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass
class GatewaySimulator:
    """A running gateway: `url` serves its pages, `api` is what MOYASAR_URL should be."""

    site: Gateway
    url: str
    secret_key: str = SECRET_KEY
    webhook_secret: str = WEBHOOK_SECRET

    @property
    def api(self) -> str:
        return f"{self.url}/v1"

    @property
    def statement_url(self) -> str:
        return f"{self.url}/sim/reconciliation.csv?date={{day}}"

    def stand_in(self, settings: Any) -> None:
        """Make it the portal's gateway: takes pytest-django's `settings`."""
        settings.MOYASAR_URL = self.api
        settings.MOYASAR_STATEMENT_URL = self.statement_url
        settings.MOYASAR_SECRET_KEY, settings.MOYASAR_WEBHOOK_SECRET = self.secret_key, self.webhook_secret

    def ask(self, verb: str, path: str, *, key: str = SECRET_KEY, **content: Any) -> requests.Response:
        """A call of the API, or of a page or /sim, which need no key."""
        auth = (key, "") if path.startswith("/v1") and key else None
        return requests.request(verb, self.url + path, auth=auth, timeout=10, allow_redirects=False, **content)

    def send_notices_to(self, url: str) -> None:
        """Register an address for every event."""
        self.site.notices.register({"url": url, "shared_secret": self.webhook_secret})

    def clock_ahead(self, seconds: int) -> None:
        self.ask("POST", "/sim/clock", json={"ahead_seconds": seconds})

    def fault(self, kind: str, **details: Any) -> None:
        self.ask("POST", "/sim/faults", json={"next": kind, **details}).raise_for_status()

    def plant(self, kind: str, **details: Any) -> str:
        """A fault of the daily statement; returns the payment that it is about."""
        answer = self.ask("POST", "/sim/statement-faults", json={"kind": kind, **details})
        answer.raise_for_status()
        return answer.json()["faults"][-1]["payment_id"]

    def pay_bill(self, number: str, heard_after_seconds: int = 0) -> None:
        """At the bank, now."""
        answer = self.ask("POST", f"/sim/bills/{number}/pay", json={"heard_after_seconds": heard_after_seconds})
        answer.raise_for_status()

    def pay_by_card(self, invoice_id: str, number: str = "4201320111111010", answer: str = "approve") -> str:
        """Fill in the card page and, where the bank asks, its question; return where the browser is sent at last."""
        form = {"number": number, "name": "Sample Practitioner", "month": "12", "year": "2099", "cvc": "123"}
        location = self.ask("POST", f"/invoices/{invoice_id}", data=form).headers["Location"]
        if "/transaction_auths/" not in location:
            return location
        path = location.removeprefix(self.url)
        return self.ask("POST", path, data={"answer": answer}).headers["Location"]


@dataclass
class Inbox:
    """A running mailbox: mail goes to `smtp_port`, its pages are at `url`."""

    letters: Letters
    url: str
    smtp_port: int

    def messages(self, to: str = "") -> list[dict[str, Any]]:
        """Newest first."""
        return requests.get(f"{self.url}/messages.json", {"to": to}, timeout=10).json()["messages"]


@dataclass
class VerifierSimulator:
    """A running verification company: `url` serves its pages and is what VERIFIER_URL should be."""

    site: Company
    url: str
    key: str = SECRET_KEY

    def stand_in(self, settings: Any) -> None:
        """Make it the portal's company: takes pytest-django's `settings`."""
        settings.VERIFIER_URL, settings.VERIFIER_KEY = self.url, self.key

    def ask(self, verb: str, path: str, *, key: str = SECRET_KEY, **content: Any) -> requests.Response:
        """A call of the API, or of a page or /sim, which need no key."""
        headers = {"Authorization": f"Bearer {key}"} if path.startswith("/v1") and key else {}
        return requests.request(verb, self.url + path, headers=headers, timeout=10, allow_redirects=False, **content)

    def make_case(self, **facts: Any) -> dict[str, Any]:
        """A case with these parts; what is left out is made up."""
        answer = self.ask("POST", "/sim/cases", json=facts)
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind: str, **details: Any) -> None:
        self.ask("POST", "/sim/faults", json={"next": kind, **details}).raise_for_status()


@dataclass
class Listener:
    """Somebody to be told: keeps what is posted to `url`, and answers with `answers` in turn, then 200."""

    url: str
    taken: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)
    answers: "queue.Queue[int]" = field(default_factory=queue.Queue)

    def next(self) -> dict[str, Any]:
        """The next notice: its raw `body` and HTTP `method`."""
        return self.taken.get(timeout=10)


@dataclass
class TextServer:
    """Somebody who answers every GET with `text`, and keeps how it was asked."""

    url: str = ""
    text: bytes = b""
    status: int = 200
    path: str = ""
    authorization: str = ""


@pytest.fixture(scope="session")
def running_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySimulator]:
    store = Store(str(tmp_path_factory.mktemp("gateway") / "gateway.sqlite3"))
    site = Gateway(store, SECRET_KEY, gaps=NO_WAITING)
    server = Server(site, "127.0.0.1", 0)
    site.public_url = server.url
    server.start()
    site.postman.start()
    yield GatewaySimulator(site, server.url)
    site.postman.stop()
    server.stop()
    store.close()


@pytest.fixture
def gateway_simulator(running_gateway: GatewaySimulator) -> GatewaySimulator:
    running_gateway.site.store.forget_everything()
    return running_gateway


@pytest.fixture(scope="session")
def running_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    letters = Letters(str(Path(tmp_path_factory.mktemp("mailbox")) / "mailbox.sqlite3"))
    server = Server(Mailbox(letters), "127.0.0.1", 0)
    server.start()
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port = trial.getsockname()[1]
    postbox = Controller(Postbox(letters), hostname="127.0.0.1", port=port)
    postbox.start()
    yield Inbox(letters, server.url, port)
    postbox.stop()
    server.stop()
    letters.close()


@pytest.fixture
def mailbox(running_mailbox: Inbox) -> Inbox:
    running_mailbox.letters.forget_everything()
    return running_mailbox


@pytest.fixture(scope="session")
def running_verifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VerifierSimulator]:
    cases = Cases(str(tmp_path_factory.mktemp("verifier") / "verifier.sqlite3"))
    site = Company(cases, SECRET_KEY)
    server = Server(site, "127.0.0.1", 0)
    server.start()
    yield VerifierSimulator(site, server.url)
    server.stop()
    cases.close()


@pytest.fixture
def verifier_simulator(running_verifier: VerifierSimulator) -> VerifierSimulator:
    running_verifier.site.cases.forget_everything()
    return running_verifier


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Where a gateway under test sends its notices."""
    kept = Listener("")

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.taken.put({"body": body, "method": self.command})
            self.send_response(200 if kept.answers.empty() else kept.answers.get())
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def text_server() -> Iterator[TextServer]:
    kept = TextServer()

    class Mouth(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kept.path, kept.authorization = self.path, self.headers["Authorization"]
            self.send_response(kept.status)
            self.send_header("Content-Length", str(len(kept.text)))
            self.end_headers()
            self.wfile.write(kept.text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mouth)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()
