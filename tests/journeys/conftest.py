"""The portal of a browser journey: a live server, the simulators, and a worker that acts when the test says so."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import requests
from playwright.sync_api import BrowserContext

from accounts import tasks as accounts_tasks
from payments import tasks as payments_tasks
from register import tasks as register_tasks
from tests import bad_files
from tests.journeys.walkers import Walker

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


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


@pytest.fixture
def portal(live_server, reference, settings, gateway_simulator, mailbox) -> str:
    """Its address; its gateway and its mail are the simulators, as in the demo."""
    gateway_simulator.stand_in(settings)
    settings.PORTAL_URL = live_server.url
    settings.GATEWAY_SIMULATOR_URL, settings.MAILBOX_URL = gateway_simulator.url, mailbox.url
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
def scan(tmp_path) -> Callable[[str], Path]:
    """Makes a PDF file of three pages, by name."""

    def make(name: str) -> Path:
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(bad_files.pages(3))
        return path

    return make
