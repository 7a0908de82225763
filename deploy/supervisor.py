"""Web, worker, beat, the simulators and the embedded servers under one roof, until Ctrl-C or SIGTERM.

    python -m deploy.supervisor                      ./portal run: the demo, on the data below var/
    python -m deploy.supervisor --fresh NAME CMD...  the same on an empty database and free ports, only while CMD runs;
                                                     ends with CMD's exit code. `--people` loads the demo's people too.

A child that dies is started again, a little later each time, and its last words are shown. Each child writes to
var/log/NAME.log. Nothing outlives this process: children are told to end, and killed when they linger.
"""

import argparse
import ctypes
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from deploy import demo, embedded

FREE_MEGABYTES = 300
READY_SECONDS = 60
LEAVE_SECONDS = 3  # then what still lives is killed: everything must be gone 5 s after Ctrl-C
LOOK_SECONDS = 0.2
ASK_SECONDS = 5
LONGEST_PAUSE = 30
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Refused(Exception):
    """The portal can't start or can't go on. One line: why, and what to do."""


class Child:
    """One process of the portal, with its log."""

    def __init__(self, name: str, command: list[str], logs: Path) -> None:
        self.name = name
        self.command = command
        self.log = logs / f"{name}.log"
        self.process: subprocess.Popen | None = None
        self.deaths = 0
        self.started = self.due = 0.0

    def start(self, environ: Mapping[str, str], shown: bool = False) -> None:
        """`shown`: what it prints goes to the terminal; complaints go to the log all the same."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environ, cwd=demo.ROOT, stdin=subprocess.DEVNULL, stdout=None if shown else log,
                stderr=log, start_new_session=True, preexec_fn=_end_with_parent,
            )  # fmt: skip
        self.started = time.monotonic()

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """To the child and to everything that it started."""
        if self.process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, without what stood there before it started."""
        said = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in [line for line in said if line.strip()][-lines:])

    def death(self) -> Refused:
        if self.process is None:
            return Refused(f"{self.name} was not started.")
        words = self.last_words()
        if os.strerror(errno.ENOSPC) in words:
            return Refused(f"The disk is full, so {self.name} ended. Free some space, then start again.")
        return Refused(f"{self.name} ended (exit {self.process.returncode}). Its last words, from {self.log}:\n{words}")


class House:
    """All children of one portal, started in order and ended together."""

    def __init__(self, home: Path, ports: demo.Ports, environ: Mapping[str, str], fast: bool = False) -> None:
        self.home, self.ports, self.given, self.fast = home, ports, environ, fast
        self.logs = home / "log"
        self.environ: dict[str, str] = {}
        self.children: list[Child] = []
        self.well = True

    def open(self, people: bool) -> None:
        """Start everything and wait until the first page is served. Raises Refused, embedded.NotStarted."""
        _refuse_full_disk(self.home)
        self._refuse_taken_ports()
        self._refuse_silent_servers()
        self.logs.mkdir(parents=True, exist_ok=True)
        self.environ = demo.environment(self.home, self.ports, self.given, self.fast)
        self._forget_half_a_load()
        listening: list[int] = []
        for simulator, ports in self._simulators().items():
            self.start(simulator, "-m", f"simulators.{simulator}")
            listening += ports.values()
        self._await("the simulators", lambda: all(map(self._listens, listening)))
        self._run("prepare", "-m", "deploy.prepare", *([] if people else ["--no-people"]))
        address = ["--host", self.ports.host, "--port", str(self.ports.web)]
        threads = ["--blocking-threads", "4", "--log-level", "warning"]
        self.start("web", "-m", "granian", "--interface", "wsgi", *address, *threads, "mumaris.wsgi:application")
        self._await("the first page", self._healthy)
        queues = ["--queues", "celery,papers", "--concurrency", "2", "--max-tasks-per-child", "200"]
        self.start("worker", "-m", "celery", "--app", "mumaris", "worker", "--loglevel", "info", *queues)
        schedule = ["--schedule", str(self.home / "beat-schedule"), "--pidfile", ""]
        self.start("beat", "-m", "celery", "--app", "mumaris", "beat", "--loglevel", "info", *schedule)

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep everything running until `until` says so, or for ever."""
        next_question = time.monotonic() + ASK_SECONDS
        while not until():
            time.sleep(LOOK_SECONDS)
            for child in self.children:
                self._revive(child)
            if time.monotonic() > next_question:
                embedded.ensure(self.home / demo.SERVERS, self.fast, self.given)
                self._ask_health()
                next_question = time.monotonic() + ASK_SECONDS

    def close(self) -> None:
        """End every child: first politely, those nearest to the browser first; then whatever is left is killed."""
        for child in reversed(self.children):
            child.signal(signal.SIGTERM)
        end = time.monotonic() + LEAVE_SECONDS
        while time.monotonic() < end and not all(child.ended for child in self.children):
            time.sleep(0.05)
        for child in self.children:
            child.signal(signal.SIGKILL)
        embedded.release()

    def _simulators(self) -> dict[str, dict[str, int]]:
        """Those that stand in for what the environment does not name, with the variables of their ports."""
        wanted = {}
        if not self.given.get("EMAIL_URL"):
            wanted["mailbox"] = {"MAILBOX_PORT": self.ports.mailbox, "SMTP_PORT": self.ports.smtp}
        if not self.given.get("MOYASAR_URL"):
            wanted["gateway"] = {"GATEWAY_PORT": self.ports.gateway}
        if not self.given.get("VERIFIER_URL"):
            wanted["verifier"] = {"VERIFIER_PORT": self.ports.verifier}
        return wanted

    def start(self, name: str, *arguments: str, shown: bool = False) -> Child:
        child = Child(name, [sys.executable, *arguments], self.logs)
        with suppress(FileNotFoundError):
            child.log.replace(child.log.with_suffix(".log.1"))
        self.children.append(child)
        child.start(self.environ, shown)
        return child

    def _run(self, name: str, *arguments: str) -> None:
        """A child that must end well before anything else starts."""
        child = self.start(name, *arguments, shown=True)
        while not child.ended:
            time.sleep(0.02)
            self._refuse_dead(but=child)
        self.children.remove(child)
        if child.process and child.process.returncode:
            raise child.death()

    def _await(self, what: str, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + READY_SECONDS
        while not ready():
            self._refuse_dead()
            if time.monotonic() > end:
                raise Refused(f"Waited {READY_SECONDS} s for {what}, in vain. Look into {self.logs}.")
            time.sleep(0.05)

    def _forget_half_a_load(self) -> None:
        """Loading the people is one transaction; what the simulators saw of a load that was cut short must go as well."""
        if not Path(self.environ["DEMO_PEOPLE"]).exists():
            for store in ("GATEWAY_STORE", "MAILBOX_STORE", "VERIFIER_STORE"):
                for left in self.home.glob(f"{Path(self.environ[store]).name}*"):
                    left.unlink()

    def _listens(self, port: int) -> bool:
        with suppress(OSError), socket.create_connection((self.ports.local, port), timeout=1):
            return True
        return False

    def _refuse_dead(self, but: Child | None = None) -> None:
        for child in self.children:
            if child.ended and child is not but:
                raise child.death()

    def _revive(self, child: Child) -> None:
        now = time.monotonic()
        if not child.ended:
            return
        if not child.due:
            child.deaths = child.deaths + 1 if now - child.started < 60 else 1
            pause = min(2 ** (child.deaths - 1), LONGEST_PAUSE)
            child.due = now + pause
            say(f"{child.death()}\n  It is started again in {pause} s.")
        elif now > child.due:
            child.signal(signal.SIGKILL)  # what it left behind would hold its port
            child.due = 0.0
            child.start(self.environ)

    def _refuse_silent_servers(self) -> None:
        for name, ask in (("DATABASE_URL", _ask_database), ("REDIS_URL", _ask_broker), ("EMAIL_URL", _ask_mail)):
            if self.given.get(name):
                _refuse_silent(name, self.given[name], ask)

    def _healthy(self) -> bool:
        return self._complaint() is None

    def _complaint(self) -> str | None:
        """What is wrong with a named server or, says /health, with the portal."""
        try:
            self._refuse_silent_servers()
            with urllib.request.urlopen(f"{self.ports.url(self.ports.web)}/health", timeout=3):
                return None
        except Refused as refusal:
            return str(refusal)
        except OSError as error:
            return f"/health: {error}"

    def _ask_health(self) -> None:
        complaint = self._complaint()
        if complaint and self.well:
            say(f"Not well: {complaint}")
        elif not complaint and not self.well:
            say("All is well again.")
        self.well = not complaint

    def _refuse_taken_ports(self) -> None:
        names = {"PORT": self.ports.web}
        for ports in self._simulators().values():
            names |= ports
        for name, port in names.items():
            refusal = _taken(self.ports.host, port)
            if refusal and refusal.errno == errno.EADDRINUSE:
                raise Refused(
                    f"The port {port} on {self.ports.host} is taken. End what listens there, or choose another: "
                    f"{name}={port + 100} ./portal run"
                )
            if refusal:
                raise Refused(
                    f"Can't listen on {self.ports.host} port {port} ({refusal.strerror}). Check HOST and {name}."
                )


def say(text: str) -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    print(f"The portal can't run. {text}", file=sys.stderr, flush=True)


def _end_with_parent() -> None:
    """In a child, before its program starts: Linux ends it when the supervisor is killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _taken(host: str, port: int) -> OSError | None:
    """Why nobody can listen there now."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        return error
    return None


def _refuse_full_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free // 1024**2
    if free < FREE_MEGABYTES:
        raise Refused(
            f"The disk is full: {free} MB are free at {folder}, {FREE_MEGABYTES} MB are needed. Free some space."
        )


def _refuse_silent(variable: str, url: str, ask: Callable[[str], None]) -> None:
    """Raise Refused when the server that the variable names can't be used. Its password is not repeated."""
    try:
        ask(url)
    except Exception as error:
        place = urlsplit(url)
        where = place.netloc.rpartition("@")[2] + place.path
        reason = " ".join(str(error).split()).rstrip(".?") or type(error).__name__
        raise Refused(
            f"{variable} names {where}, which can't be used: {reason}. "
            f"Start that server, correct {variable}, or unset it: the portal then brings its own."
        ) from error


def _ask_database(url: str) -> None:
    import psycopg2

    psycopg2.connect(url, connect_timeout=5).close()


def _ask_broker(url: str) -> None:
    import redis

    if url.startswith("redis+socket://"):
        url = url.replace("redis+socket://", "unix://", 1)
    redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5).ping()


def _ask_mail(url: str) -> None:
    place = urlsplit(url)
    if place.scheme.startswith("smtp"):
        socket.create_connection((place.hostname or "localhost", place.port or 25), timeout=5).close()


def _only_one(home: Path, address: str) -> IO[str]:
    """The lock of a portal on this data, held while the file is open. Raises Refused."""
    home.mkdir(parents=True, exist_ok=True)
    lock = (home / "run.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise Refused(
            f"The portal already runs on this data: {lock.read().strip()}. Use that one, or end it first."
        ) from None
    lock.truncate(0)
    lock.write(f"{address} (process {os.getpid()})")
    lock.flush()
    return lock


def run() -> None:
    """`./portal run`."""
    ports = demo.Ports.chosen(os.environ)
    with _only_one(demo.VAR, ports.url(ports.web)):
        house = House(demo.VAR, ports, os.environ)
        try:
            house.open(people=True)
            say(_welcome(ports))
            house.watch()
        finally:
            _deaf()
            house.close()


def run_fresh(name: str, people: bool, command: list[str]) -> int:
    """Run the command beside a portal of its own with an empty database; its exit code."""
    home = demo.VAR / "fresh" / name
    ports = demo.Ports("127.0.0.1", *_free_ports(5))
    own = {"DATABASE_URL", "REDIS_URL", *demo.addresses(home, ports)}
    given = {name: value for name, value in os.environ.items() if name not in own}
    with _only_one(home, ports.url(ports.web)):
        house = House(home, ports, given, fast=True)
        try:
            for left in set(home.iterdir()) - {home / demo.SERVERS, home / "run.lock"}:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            _empty(embedded.ensure(home / demo.SERVERS, fast=True, environ={}))
            house.open(people)
            child = subprocess.Popen(command, env=house.environ, cwd=demo.ROOT, preexec_fn=_end_with_parent)
            house.watch(until=lambda: child.poll() is not None)
            return child.returncode
        finally:
            _deaf()
            house.close()


def _empty(urls: Mapping[str, str]) -> None:
    """An empty database and broker, whatever an earlier run left."""
    import psycopg2
    import redis

    database = psycopg2.connect(urls["DATABASE_URL"].replace("/portal?", "/postgres?", 1))
    database.autocommit = True
    with database.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS portal WITH (FORCE)")
        cursor.execute("CREATE DATABASE portal")
    database.close()
    redis.Redis.from_url(urls["REDIS_URL"].replace("redis+socket://", "unix://", 1)).flushall()


def _free_ports(number: int) -> list[int]:
    trials = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [trial.getsockname()[1] for trial in trials]
    for trial in trials:
        trial.close()
    return ports


def _welcome(ports: demo.Ports) -> str:
    people = demo.VAR / "demo-people.txt"  # not there when var/ was deleted and a named database was not
    rows = [line.split("\t") for line in people.read_text().splitlines()] if people.exists() else []
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    return "\n".join(
        [
            "",
            f"The portal is open:  {ports.url(ports.web)}",
            f"Every message sent:  {ports.url(ports.mailbox)}",
            "",
            *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows),
            "",
            f"Ctrl-C ends it. What each part says is in {demo.VAR / 'log'}.",
        ]
    )


def _deaf() -> None:
    """Leaving takes less than 5 s; a second Ctrl-C must not cut it short and leave something running."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _leave(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    asked = argparse.ArgumentParser(prog="portal")
    asked.add_argument("--fresh", metavar="NAME")
    asked.add_argument("--people", action="store_true")
    asked.add_argument("command", nargs=argparse.REMAINDER)
    options = asked.parse_args()
    for number in ENDINGS:
        signal.signal(number, _leave)
    try:
        if options.fresh:
            return run_fresh(options.fresh, options.people, options.command)
        run()
    except KeyboardInterrupt:
        say("The portal is closed.")
        return 130 if options.fresh else 0  # what was measured or proved is not finished
    except (Refused, embedded.NotStarted, ValueError) as reason:
        complain(str(reason))
    except PermissionError as error:
        complain(f"{error.filename} can't be written. Give it to {embedded.user_name(os.geteuid())}, then start again.")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        complain("The disk is full. Free some space, then start again.")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
