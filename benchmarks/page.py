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

import psycopg2
import requests

from benchmarks.cost import cpu_seconds, family
from benchmarks.scratch import empty_database

ROOT = Path(__file__).resolve().parent.parent
PRACTITIONER = "khalid@demo.example"  # five moves, four papers, two invoices, one of them to pay
MORE_ROWS = 30
FORKS = (2, 12)  # requests of the two children whose difference is counted
WARM = 12  # requests, so that each thread of the server has its connection


@dataclass
class Side:
    """One of the two pages, and who may see it."""

    environ: dict[str, str]
    server: int  # process id
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

    def in_process(self, *paths: str) -> dict[str, int]:
        """SQL statements of pages."""
        command = [sys.executable, "-m", "benchmarks.in_process", self.session, *paths]
        done = subprocess.run(command, env=self.environ, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)


def measure(rounds: int, number: int, count_instructions: bool) -> dict:
    """Medians of `rounds` rounds of `number` requests to each side."""
    subprocess.run([sys.executable, "manage.py", "load_demo"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    portal = _portal()
    with _floor() as floor:
        sides = {"ours": portal, "floor": floor}
        sizes = {name: len(side.ask()) for name, side in sides.items()}
        for side in sides.values():
            side.cpu(WARM)
        costs = {name: [] for name in sides}
        for turn in range(rounds):
            for name in sorted(sides, reverse=turn % 2 == 1):
                costs[name].append(sides[name].cpu(number))
        result = {
            "cpu_ms": {name: round(statistics.median(cost), 3) for name, cost in costs.items()},
            "cpu_ratio": round(statistics.median(ours / least for ours, least in zip(*costs.values(), strict=True)), 3),
            "bytes": sizes,
            "sql": {name: side.in_process(side.path)[side.path] for name, side in sides.items()},
            "instructions": _instructions(sides) if count_instructions else None,
        }
    pages = ["/", "/applications/", "/inbox/", "/account/", portal.path]
    before = portal.in_process(*pages)
    _add_rows(portal.path.split("/")[2])
    after = portal.in_process(*pages)
    result["pages"] = {page: [before[page], after[page]] for page in pages}
    return result


def _portal() -> Side:
    """The running portal, signed in to through its own page."""
    server, _command = _web_process()
    origin, browser = os.environ["PORTAL_URL"], requests.Session()
    people = [line.split("\t") for line in Path(os.environ["DEMO_PEOPLE"]).read_text().splitlines()]
    password = next(line[3] for line in people if line[2] == PRACTITIONER)
    page = browser.get(f"{origin}/sign/login/", timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    browser.post(
        f"{origin}/sign/login/",
        {"login": PRACTITIONER, "password": password, "csrfmiddlewaretoken": token},
        headers={"Referer": origin},
        timeout=30,
    ).raise_for_status()
    path = re.search(
        r'href="(/applications/[A-Z]{2}-[\d-]+/)"', browser.get(f"{origin}/applications/", timeout=30).text
    )
    return Side(dict(os.environ), server, origin, path[1], browser.cookies["sessionid"])


@contextmanager
def _floor() -> Iterator[Side]:
    """The floor's project on a database of its own, started with the portal's own command line."""
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "benchmarks.floor.settings",
        "DATABASE_URL": empty_database(os.environ["DATABASE_URL"], "floor"),
    }
    prepare = [sys.executable, "-m", "benchmarks.floor.prepare"]
    session = subprocess.run(prepare, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    _pid, command = _web_process()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command[command.index("--port") + 1] = str(port)
    command[-1:] = ["--factory", "django.core.wsgi:get_wsgi_application"]
    server = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        side = Side(environ, server.pid, f"http://127.0.0.1:{port}", "/applications/1/", session.strip())
        _await(side, server)
        yield side
    finally:
        server.terminate()
        server.wait(10)


def _await(side: Side, server: subprocess.Popen) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            return side.ask()
        except requests.ConnectionError:
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit("The floor's server does not answer.") from None
            time.sleep(0.05)


def _web_process() -> tuple[int, list[str]]:
    """The portal's web server, which has the same parent as this process: its id and its command line."""
    for pid in family(os.getppid()):
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
        if command[-1:] == ["mumaris.wsgi:application"]:
            return pid, command
    raise SystemExit("No web server runs beside this. Start it as ./portal bench.")


def _instructions(sides: dict[str, Side]) -> dict[str, int] | None:
    """Machine instructions a request, counted by valgrind; None where it is not installed."""
    if not shutil.which("valgrind"):
        return None
    count = ["valgrind", "-q", "--tool=cachegrind", "--cache-sim=no"]
    forks = ["--forks", *map(str, FORKS)]
    with tempfile.TemporaryDirectory() as folder:
        running = {}
        for name, side in sides.items():
            into = [f"--cachegrind-out-file={folder}/{name}.%p", f"--log-file={folder}/{name}.log.%p"]
            ask = [sys.executable, "-m", "benchmarks.in_process", side.session, side.path, *forks]
            environ = side.environ | {"PYTHONHASHSEED": "0"}
            running[name] = subprocess.Popen([*count, *into, *ask], env=environ, cwd=ROOT, stdout=subprocess.PIPE)
        spent = {}
        for name, process in running.items():
            said, _nothing = process.communicate()
            if process.returncode:
                raise SystemExit(f"valgrind ended with {process.returncode} for {name}")
            few, many = (
                int(Path(folder, f"{name}.{pid}").read_text().rpartition("summary:")[2])
                for pid in json.loads(said).values()
            )
            spent[name] = (many - few) // (FORKS[1] - FORKS[0])
        return spent


def _add_rows(reference: str) -> None:
    """More of everything that the case may have many of, past the triggers: no page may ask more often for it."""
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(Path(__file__).with_name("more_rows.sql").read_text(), {"case": reference, "more": MORE_ROWS})
