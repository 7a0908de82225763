"""The portal of a browser journey: a live server, the simulators, and a worker that acts when the test says so."""

import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import requests
from django.db import connections
from playwright.sync_api import BrowserContext

from accounts import tasks as accounts_tasks
from accounts.models import User
from applications import tasks as applications_tasks
from applications.models import Application
from documents import tasks as documents_tasks
from payments import tasks as payments_tasks
from register import tasks as register_tasks
from simulators import scans
from tests.journeys.walkers import Walker

PAUSE = 0.2  # seconds between two rounds of the worker
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


def in_arabic(user: User) -> User:
    """What the portal writes to them, and the pages after their sign-in, are in Arabic."""
    user.language = "ar"
    user.save(update_fields=["language"])
    return user


def filed(case: str) -> Application:
    """The case at that address."""
    return Application.objects.get(reference=case.split("/")[-2])


class Worker:
    """What the Celery worker and the gateway's postman do in a running portal; here only when asked."""

    def __init__(self, home: str, gateway) -> None:
        self.home, self.gateway = home, gateway
        self.told = 0

    def sends_the_mail(self) -> None:
        accounts_tasks.deliver_notices()
        accounts_tasks.send_mail()

    def hears_of_payments(self) -> None:
        """The gateway's new notices arrive at the portal and are worked."""
        events = self.gateway.ask("GET", "/sim/events").json()["events"]
        for event in events[self.told :]:
            signed = {**event, "secret_token": self.gateway.webhook_secret}
            requests.post(f"{self.home}/payments/notifications/", json=signed, timeout=10).raise_for_status()
        self.told = len(events)
        payments_tasks.work_webhooks()

    def renders_the_papers(self) -> None:
        register_tasks.render_papers()

    def works_on_results(self) -> None:
        """The exam companies' files."""
        applications_tasks.check_results_file()
        applications_tasks.apply_results_file()

    def does_all_there_is(self) -> None:
        """Everything that beat asks for, in turn."""
        payments_tasks.work_webhooks()
        applications_tasks.begin_exemptions()
        applications_tasks.sweep()
        documents_tasks.ask_company()
        self.works_on_results()
        self.renders_the_papers()
        self.sends_the_mail()


@pytest.fixture
def portal(live_server, reference, settings, gateway_simulator, mailbox, verifier_simulator) -> str:
    """Its address; its gateway, its mail and the verification company are the simulators, as in the demo."""
    gateway_simulator.stand_in(settings)
    verifier_simulator.stand_in(settings)
    settings.PORTAL_URL = live_server.url
    settings.GATEWAY_SIMULATOR_URL, settings.MAILBOX_URL = gateway_simulator.url, mailbox.url
    settings.VERIFIER_SIMULATOR_URL = verifier_simulator.url
    policy = deepcopy(settings.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["form-action"].append(gateway_simulator.url)
    settings.CONTENT_SECURITY_POLICY = policy
    settings.EMAIL_BACKEND = "post_office.EmailBackend"
    settings.POST_OFFICE = {
        **settings.POST_OFFICE,
        "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    }
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.smtp_port
    return live_server.url


@pytest.fixture
def worker(portal, gateway_simulator) -> Worker:
    return Worker(portal, gateway_simulator)


@pytest.fixture
def busy_worker(worker, portal, gateway_simulator) -> Iterator[None]:
    """It works without being asked, and the gateway sends its notices itself. What it fails at fails the test."""
    gateway_simulator.send_notices_to(f"{portal}/payments/notifications/")
    ended, failures = threading.Event(), []

    def work() -> None:
        try:
            while not ended.wait(PAUSE):
                worker.does_all_there_is()
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    ended.set()
    thread.join()
    assert not failures, failures


@pytest.fixture
def surroundings(monkeypatch, mailbox, gateway_simulator, verifier_simulator) -> None:
    """What the people of `simulators` read of where they are."""
    monkeypatch.setenv("MAILBOX_URL", mailbox.url)
    monkeypatch.setenv("GATEWAY_SIMULATOR_URL", gateway_simulator.url)
    monkeypatch.setenv("VERIFIER_SIMULATOR_URL", verifier_simulator.url)


@pytest.fixture
def walk(portal, browser) -> Iterator[Callable[..., Walker]]:
    """Makes somebody with a browser of their own: `walk("ar")`, `walk("en", KeyboardWalker, viewport=DESK)`."""
    contexts: list[BrowserContext] = []

    def make(language: str, kind: type[Walker] = Walker, **options) -> Walker:
        context = browser.new_context(**{"viewport": PHONE, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        return kind(context, portal, language)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def scan(tmp_path) -> Callable[..., Path]:
    """Makes a scanned PDF by name, of three pages unless said otherwise."""

    def make(name: str, pages: int = 3) -> Path:
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(scans.scan(name, pages).getvalue())
        return path

    return make


@pytest.fixture
def photo(tmp_path) -> Callable[[str], Path]:
    """Makes a paper photographed by a phone, by name."""

    def make(name: str) -> Path:
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(scans.photo(name).getvalue())
        return path

    return make
