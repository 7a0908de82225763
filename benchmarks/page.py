"""A practitioner's application page against the floor: a small page of the same shape, served the same way.

Both are asked over HTTP in turns, and the CPU time of each server's own processes is divided by its requests: what else the
machine does then weighs on both alike. Only ratios mean anything on another machine.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import requests

from benchmarks.child import run
from benchmarks.cost import children, cpu_seconds, family
from benchmarks.scratch import empty_database
from deploy.demo import ROOT

PRACTITIONER = "khalid@demo.example"  # five moves, four papers, two invoices, one of them to pay
OTHER_PAGES = ["/", "/applications/", "/inbox/", "/account/"]
MORE_ROWS = 30
FORKS = (2, 8)  # requests of the two children whose difference is counted
WARM = 12  # requests, so that each thread of a server has its connection


@dataclass
class Side:
    """One of the two pages, its server's process, and the session that may see it."""

    environ: dict[str, str]
    server: int
    origin: str
    path: str
    session: str

    def __post_init__(self) -> None:
        self.browser = requests.Session()
        self.browser.cookies["sessionid"] = self.session

    def ask(self) -> bytes:
        answer = self.browser.get(self.origin + self.path, allow_redirects=False, timeout=30)
        if answer.status_code != 200:
            raise SystemExit(f"{self.path} answers {answer.status_code}")
        return answer.content

    def cpu(self, number: int) -> float:
        """CPU milliseconds of the server for each of so many requests."""
        processes = family(self.server)
        before = cpu_seconds(*processes)
        for _ in range(number):
            self.ask()
        return 1000 * (cpu_seconds(*processes) - before) / number

    def statements(self, *paths: str) -> dict[str, int]:
        """SQL statements of each page."""
        return json.loads(run(self.environ, "benchmarks.in_process", self.session, *paths))


def measure(rounds: int, number: int, count_instructions: bool) -> dict[str, Any]:
    """Medians of `rounds` rounds of `number` requests to each side, and the SQL statements of a practitioner's pages."""
    subprocess.run([sys.executable, "manage.py", "load_demo"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    portal = _portal()
    with _floor() as floor:
        sides = {"ours": portal, "floor": floor}
        sizes = {name: len(side.ask()) for name, side in sides.items()}
        costs: dict[str, list[float]] = {name: [] for name in sides}
        for side in sides.values():
            side.cpu(WARM)
        for turn in range(rounds):
            for name in sorted(sides, reverse=turn % 2 == 1):
                costs[name].append(sides[name].cpu(number))
        instructions: dict = _instructions(sides) if count_instructions else dict.fromkeys(sides)
        result: dict[str, Any] = {
            name: {
                "cpu_ms": statistics.median(costs[name]),
                "instructions": instructions[name],
                "sql": side.statements(side.path)[side.path],
                "bytes": sizes[name],
            }
            for name, side in sides.items()
        }
    result["cpu_ratio"] = statistics.median(
        ours / least for ours, least in zip(costs["ours"], costs["floor"], strict=True)
    )
    pages = [*OTHER_PAGES, portal.path]
    before = portal.statements(*pages)
    _add_rows(portal.path.split("/")[2])
    after = portal.statements(*pages)
    return result | {"sql_by_page": {page: [before[page], after[page]] for page in pages}}


def _portal() -> Side:
    """The running portal, signed in to through its own page."""
    server, _command = _web_process()
    origin, browser = os.environ["PORTAL_URL"], requests.Session()
    people = [line.split("\t") for line in Path(os.environ["DEMO_PEOPLE"]).read_text().splitlines()]
    password = next(line[3] for line in people if line[2] == PRACTITIONER)
    sign_in = f"{origin}/sign/login/"
    token = _found(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(sign_in, timeout=30).text)
    typed = {"login": PRACTITIONER, "password": password, "csrfmiddlewaretoken": token}
    browser.post(sign_in, typed, headers={"Referer": origin}, timeout=30).raise_for_status()
    path = _found(r'href="(/applications/[A-Z]{2}-[\d-]+/)"', browser.get(f"{origin}/applications/", timeout=30).text)
    return Side(dict(os.environ), server, origin, path, browser.cookies["sessionid"])


def _found(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    if not found:
        raise SystemExit(f"A page lacks what should be on it: {pattern}")
    return found[1]


@contextmanager
def _floor() -> Iterator[Side]:
    """The floor's project on a database of its own, started with the portal's own command line."""
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "benchmarks.floor.settings",
        "DATABASE_URL": empty_database(os.environ["DATABASE_URL"], "floor"),
    }
    session = run(environ, "benchmarks.floor.prepare").strip()
    _pid, command = _web_process()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command[command.index("--port") + 1] = str(port)
    command[-1:] = ["--factory", "django.core.wsgi:get_wsgi_application"]
    server = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        side = Side(environ, server.pid, f"http://127.0.0.1:{port}", "/applications/1/", session)
        _await(side, server)
        yield side
    finally:
        server.terminate()
        server.wait(10)


def _await(side: Side, server: subprocess.Popen) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            side.ask()
            return
        except requests.ConnectionError:
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit("The floor's server does not answer.") from None
            time.sleep(0.05)


def _web_process() -> tuple[int, list[str]]:
    """The portal's web server, started by the parent of this process: its id and its command line."""
    for pid in children(os.getppid()):
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
        if command[-1:] == ["mumaris.wsgi:application"]:
            return pid, command
    raise SystemExit("No portal runs beside this. Start it as ./portal bench.")


def _instructions(sides: dict[str, Side]) -> dict[str, int | None]:
    """Machine instructions a request, counted by valgrind; None where it is not installed."""
    if not shutil.which("valgrind"):
        return dict.fromkeys(sides)
    count = ["valgrind", "-q", "--tool=cachegrind", "--cache-sim=no"]
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for name, side in sides.items():
            into = [f"--cachegrind-out-file={folder}/{name}.%p", f"--log-file={folder}/{name}.log.%p"]
            ask = [side.session, side.path, "--forks", *map(str, FORKS)]
            running[name] = subprocess.Popen(
                [*count, *into, sys.executable, "-m", "benchmarks.in_process", *ask],
                env=side.environ | {"PYTHONHASHSEED": "0"}, cwd=ROOT, stdout=subprocess.PIPE,
            )  # fmt: skip
        try:
            return {name: _counted(Path(folder, name), process) for name, process in running.items()}
        finally:
            for process in running.values():
                process.kill()


def _counted(into: Path, process: subprocess.Popen) -> int:
    """The instructions of one request, once the process has ended."""
    said, _nothing = process.communicate()
    if process.returncode:
        raise SystemExit(f"valgrind ended with {process.returncode}.")
    files = [into.with_name(f"{into.name}.{pid}") for pid in json.loads(said).values()]
    few, many = (int(file.read_text().rpartition("summary:")[2]) for file in files)
    return (many - few) // (FORKS[1] - FORKS[0])


def _add_rows(reference: str) -> None:
    """More of everything that a case may have many of, past the triggers: no page may ask more often for it."""
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(Path(__file__).with_name("more_rows.sql").read_text(), {"case": reference, "more": MORE_ROWS})
