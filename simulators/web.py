"""The small web server under every simulator: requests, answers, pages, and the refusal to start outside the demo."""

import json
import os
import re
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.template import Context, Engine

HERE = Path(__file__).resolve().parent
PAGES = Engine(dirs=[str(HERE / "pages")])
MAX_BODY = 1024 * 1024
ARABIC_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
# No form-action: a payment page leads back to the shop by a redirect, which that rule would forbid.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
STYLE = {".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}


def demand_demo(name: str) -> None:
    """End the process unless the demonstration was asked for: a simulator beside real money or real mail is a disaster."""
    if os.environ.get("PORTAL_DEMO") != "1":
        sys.exit(f"The {name} belongs to the demonstration and starts only with PORTAL_DEMO=1.")


def setting(name: str, default: str | None = None) -> str:
    """The environment's `name`; without a default it is demanded."""
    value = os.environ.get(name) or default
    if value is None:
        sys.exit(f"{name} is not set.")
    return value


def listen(site: "Site", host: str, port: int) -> "Server":
    """A server for `site`, or one clear line when the address is not to be had."""
    try:
        return Server(site, host, port)
    except OSError as error:
        sys.exit(f"Cannot listen on {host}:{port}: {error.strerror}.")


@dataclass(frozen=True)
class Answer:
    """What goes back. With `never_after` seconds the work is done and the connection is then closed without a word."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    never_after: float = 0


class Problem(Exception):
    """Carries the answer that ends a request early."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def as_json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps(data, ensure_ascii=False).encode()
    return Answer(status, body, "application/json; charset=utf-8", headers or {})


def redirect(address: str) -> Answer:
    return Answer(303, headers={"Location": address, **PAGE_HEADERS})


@dataclass(frozen=True)
class Request:
    """One request. `query` and `form` keep the last value of a name, without blanks around it."""

    method: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return _pairs(self.body.decode("utf-8", "replace"))

    @property
    def language(self) -> str:
        return "en" if {**self.query, **self.form}.get("lang") == "en" else "ar"

    def page(self, template: str, status: int = 200, **facts: Any) -> Answer:
        """A page in the reader's language. Facts are text, truth or lists and dicts of them: no settings are loaded."""
        english = self.language == "en"
        facts |= {
            "ar": not english,
            "lang": self.language,
            "dir": "ltr" if english else "rtl",
            "path": self.path,
            "other": "ar" if english else "en",
            "kept": {name: value for name, value in self.query.items() if name != "lang"},
        }
        html = PAGES.get_template(template).render(Context(facts))
        return Answer(status, html.encode(), "text/html; charset=utf-8", PAGE_HEADERS)


def _pairs(text: str) -> dict[str, str]:
    return {name: value.strip() for name, value in parse_qsl(text, keep_blank_values=True)}


def digits(text: str) -> str:
    """Arabic-Indic and Persian digits as Latin ones, without the blanks and hyphens people type between them."""
    return re.sub(r"[\s‎‏؜-]", "", text.translate(ARABIC_DIGITS))


Route = tuple[str, str, Callable[..., Answer]]


class Site:
    """Routes (method, pattern of the whole path, view) and what is said when none fits."""

    routes: list[Route] = []

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(("/css/", "/fonts/")):
            return self.style(request.path)
        allowed = []
        for method, pattern, view in self.routes:
            if match := re.fullmatch(pattern, request.path):
                if method == request.method:
                    return view(self, request, *match.groups())
                allowed.append(method)
        return self.wrong_method(request, allowed) if allowed else self.missing(request)

    def wrong_method(self, request: Request, allowed: list[str]) -> Answer:
        return Answer(405, b"method not allowed", headers={"Allow": ", ".join(sorted(set(allowed)))})

    def missing(self, request: Request) -> Answer:
        return request.page("missing.html", 404)

    def style(self, path: str) -> Answer:
        """The portal's own sheet and fonts, and the simulators' few rules on top of them."""
        _, folder, name = path.split("/", 2)
        home = {"css": [HERE / "pages", HERE.parent / "static" / "css"], "fonts": [HERE.parent / "var" / "fonts"]}
        for file in (place / name for place in home[folder]):
            if re.fullmatch(r"[\w-]+\.(css|woff2)", name) and file.is_file():
                return Answer(200, file.read_bytes(), STYLE[file.suffix], {"Cache-Control": "max-age=300"})
        return Answer(404, b"not found")


class Server(ThreadingHTTPServer):
    """A site on an address; port 0 takes any free port, told by `url`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, site: Site, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Conversation)
        self.site = site
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that hung up is no error
            super().handle_error(request, client_address)


class Conversation(BaseHTTPRequestHandler):
    """HTTP/1.1 around `Site.answer`."""

    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    timeout = 60
    server: Server

    def respond(self) -> None:
        try:
            answer = self.server.site.answer(self.read_request())
        except Problem as problem:
            answer = problem.answer
        except Exception:
            traceback.print_exc()
            answer = as_json(
                {"type": "api_error", "message": "the simulator failed; see its output", "errors": None}, 500
            )
        if answer.never_after:
            self.server.stopping.wait(answer.never_after)
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers = {"Content-Type": answer.content_type, "X-Content-Type-Options": "nosniff", **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = respond

    def read_request(self) -> Request:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Problem(as_json({"type": "invalid_request_error", "message": "body too large", "errors": None}, 413))
        address = urlsplit(self.path)
        method = "GET" if self.command == "HEAD" else self.command
        return Request(method, address.path, _pairs(address.query), self.headers, self.rfile.read(int(length)))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the supervisor shows errors, and visits are not errors."""
