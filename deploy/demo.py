"""What the demo needs around it: secrets made at first run, servers of its own, the addresses of the simulators.

    python -m deploy.demo COMMAND...    run COMMAND in the environment of `./portal run`

Whatever the environment already names (DATABASE_URL, EMAIL_URL, …) is kept.
"""

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from deploy import embedded

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
SERVERS = "embedded"  # their folder, below the folder of all data
WEBHOOK = "/payments/notifications/"


@dataclass(frozen=True)
class Ports:
    """Where the web server and the simulators listen, all on one host."""

    host: str
    web: int
    mailbox: int
    smtp: int
    gateway: int
    verifier: int

    @classmethod
    def chosen(cls, environ: Mapping[str, str]) -> "Ports":
        """HOST and PORT, and the four ports after it unless they are chosen too. Raises ValueError."""
        web = _port(environ, "PORT", 8000)
        names = ("MAILBOX_PORT", "SMTP_PORT", "GATEWAY_PORT", "VERIFIER_PORT")
        return cls(
            environ.get("HOST", "127.0.0.1"),
            web,
            *(_port(environ, name, web + number) for number, name in enumerate(names, start=1)),
        )

    def url(self, port: int) -> str:
        """The address a browser on this machine opens."""
        host = f"[{self.local}]" if ":" in self.local else self.local
        return f"http://{host}:{port}"

    @property
    def local(self) -> str:
        """The address on which this machine reaches what listens on `host`."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)


def addresses(home: Path, ports: Ports, shown: str = "") -> dict[str, str]:
    """Where everything is that belongs to the demo. `shown` is the host that browsers on other machines use."""
    public = replace(ports, host=shown or ports.host)
    return {
        "PORTAL_DEMO": "1",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "mumaris.settings",
        "PORTAL_URL": public.url(ports.web),
        "EMAIL_URL": f"smtp://{ports.local}:{ports.smtp}",
        "MAILBOX_URL": public.url(ports.mailbox),
        "MOYASAR_URL": f"{ports.url(ports.gateway)}/v1",
        "MOYASAR_STATEMENT_URL": f"{ports.url(ports.gateway)}/sim/reconciliation.csv?date={{day}}",
        "GATEWAY_SIMULATOR_URL": public.url(ports.gateway),
        "VERIFIER_URL": ports.url(ports.verifier),
        "VERIFIER_SIMULATOR_URL": public.url(ports.verifier),
        "HOST": ports.host,
        "PORT": str(ports.web),
        "MAILBOX_PORT": str(ports.mailbox),
        "SMTP_PORT": str(ports.smtp),
        "GATEWAY_PORT": str(ports.gateway),
        "GATEWAY_WEBHOOK_URL": ports.url(ports.web) + WEBHOOK,
        "VERIFIER_PORT": str(ports.verifier),
        "VERIFIER_STORE": str(home / "verifier.sqlite3"),
        "GATEWAY_STORE": str(home / "gateway.sqlite3"),
        "MAILBOX_STORE": str(home / "mailbox.sqlite3"),
        "STORAGE_DIR": str(home / "files"),
        "DEMO_PEOPLE": str(home / "demo-people.txt"),
    }


def environment(
    home: Path, ports: Ports, environ: Mapping[str, str] = os.environ, fast: bool = False
) -> dict[str, str]:
    """The environment of every process of the demo whose data is below the folder `home`, its servers answering.

    Raises embedded.NotStarted.
    """
    made = addresses(home, ports, urlsplit(environ.get("PORTAL_URL", "")).hostname or "")
    return made | keep_secrets(VAR / "demo.env") | dict(environ) | embedded.ensure(home / SERVERS, fast, environ)


def new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "IDENTITY_KEYS": f"{secrets.token_hex(32)}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
        "MOYASAR_SECRET_KEY": "sk_test_" + secrets.token_urlsafe(24),
        "MOYASAR_WEBHOOK_SECRET": secrets.token_urlsafe(24),
        "VERIFIER_KEY": secrets.token_urlsafe(24),
    }


def keep_secrets(path: Path) -> dict[str, str]:
    """The secrets in the file, which is completed first. Only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_text().splitlines() if path.exists() else []
    kept = dict(line.split("=", 1) for line in lines if "=" in line)
    whole = new_secrets() | kept
    if whole != kept:
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in whole.items())
        new.replace(path)
    return whole


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    said = environ.get(name) or str(default)
    if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= 65535:
        raise ValueError(f"{name}={said} is no port. Choose a number from 1 to 65535.")
    return int(said)


if __name__ == "__main__":
    try:
        around = environment(VAR, Ports.chosen(os.environ))
    except (embedded.NotStarted, ValueError) as reason:
        raise SystemExit(str(reason)) from None
    raise SystemExit(subprocess.call(sys.argv[1:], env=around, cwd=ROOT))
