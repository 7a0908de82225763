"""Servers, settings and a browser for every test. The servers must answer before Django reads its settings."""

import fcntl
import os
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

import django
import pgtrigger
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import TransactionTestCase

from deploy import demo, embedded, messages

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
)
_locks = []  # of this run's folder; held, because open, until the process ends


def _own_folder() -> Path:
    """A folder that no other run uses now: two runs at once would destroy each other's databases."""
    for number in count(1):
        folder = demo.VAR / "embedded-test" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        _locks.append(os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600))
        with suppress(BlockingIOError):
            fcntl.flock(_locks[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            return folder
    raise AssertionError("numbers do not end")


def _surround() -> None:
    """Everything the settings ask for, made up for this run; xdist's workers inherit it."""
    folder = _own_folder()
    os.environ |= {
        "PORTAL_DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "mumaris.settings",
        "EMAIL_URL": "memorymail://",
        "MOYASAR_URL": "http://127.0.0.1:9/v1",  # nobody's port: a test that wants a gateway starts one
        "VERIFIER_URL": "http://127.0.0.1:9",
        "STORAGE_DIR": str(folder / "files"),
        # Playwright leaves an event loop in the test's thread, where Django's ORM would refuse to run.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
    os.environ |= demo.new_secrets()
    os.environ |= embedded.ensure(folder, fast=True)
    messages.compile_all(demo.ROOT)


if "PYTEST_XDIST_WORKER" not in os.environ:
    try:
        _surround()
    except embedded.NotStarted as reason:
        pytest.exit(str(reason), returncode=1)
django.setup()
# Workers share a broker, but what one clears must not reset another's rate limits: each has a cache database of its own.
settings.CACHES["default"]["LOCATION"] = settings.CACHES["default"]["LOCATION"].replace(
    "db=1", f"db={2 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """What empties the database comes last, also where pytest has put a browser's tests together before."""
    items.sort(key=lambda item: "transactional_db" in item.fixturenames)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        pytest.fail("Chromium is missing: apt-get install chromium libatomic1, or name its program in CHROMIUM")
    return {**browser_type_launch_args, "executable_path": browser, "args": QUIET.split(), "headless": True}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The reference data stands in every test's database, as it does after every migrate."""
    with django_db_blocker.unblock():
        call_command("load_reference")


@pytest.fixture
def reference(transactional_db):
    """A test with real commits: its database is emptied afterwards, so it enters the reference data itself."""
    call_command("load_reference")


@pytest.fixture(scope="session", autouse=True)
def _tests_may_empty_the_books():
    """The ledger refuses to be truncated; between tests with real commits, and only there, it is emptied all the same."""
    empty = TransactionTestCase._fixture_teardown

    def emptied(case):
        with pgtrigger.ignore():
            empty(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", emptied)
        yield
