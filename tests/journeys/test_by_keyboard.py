"""Registration in English without a mouse."""

import pytest

from applications.models import Application
from mumaris.kit.clock import now, today
from tests.journeys.conftest import DESK
from tests.journeys.walkers import KeyboardWalker
from tests.people import PASSWORD, Office, classified

pytest_plugins = ["tests.servers"]


def sign_in(samar, email):
    samar.page.goto(samar.home)
    samar.page.keyboard.press("Tab")
    assert samar.page.locator(":focus").get_attribute("href") == "#main", "the first stop skips the menu"
    with samar.page.expect_navigation():
        samar._activate(samar.page.locator("button[name=language][value=en]"))
    samar.look()
    samar.press('main a[href="/sign/login/"]')
    samar.fill({"login": email, "password": PASSWORD})
    samar.press('main form[action="/sign/login/"] button')


def declare(samar, letter):
    """The draft, step by step; returns the reference."""
    samar.press('nav a[href="/services/"]')
    samar.press('main a[href="/services/registration/"]')
    samar.press('form[action="/services/registration/start/"] button')
    reference = samar.page.url.split("/")[-3]
    samar.fill({"employer": "Rabia Hospital", "job": "Nurse", "city": "Dammam"})
    samar.press('main form:has([name="employer"]) .btn')
    day = today(now())
    samar.fill({f"employer_letter-issued_on_{part}": str(getattr(day, part)) for part in ("day", "month", "year")})
    samar.fill({"employer_letter-file": letter})
    samar.press('form[action$="/documents/employer_letter/"] button')
    samar.press('main a[href$="/check/"]')
    assert "Rabia Hospital" in samar.sees("main")
    samar.fill({"declared": True})
    samar.press('main form:has([name="declared"]) button')
    return reference


def pay_by_sadad(samar):
    """At the bank, then back to the bill, where the portal asks the gateway itself."""
    samar.fill({"method": "sadad"})
    samar.press('form[action$="/pay/"] button')
    number, bill = samar.sees("output bdi").replace(" ", ""), samar.page.url
    samar.press('main a[href*="/bank?"]')
    samar.press(f'form:has([type=hidden][name="number"][value="{number}"]) button')
    samar.open(bill)
    samar.press('main a[href*="/payments/"]')


@pytest.mark.req("SRV-3")
@pytest.mark.req("PAY-3")
@pytest.mark.req("APP-3")
@pytest.mark.req("APP-10")
@pytest.mark.req("REG-2")
def test_a_classified_practitioner_registers(walk, worker, scan):
    office = Office()
    person = classified(office, now=now())
    samar = walk("en", KeyboardWalker, viewport=DESK)
    sign_in(samar, person.user.email)
    reference = declare(samar, scan("letter"))
    pay_by_sadad(samar)
    assert "submitted" in samar.sees(".verdict")

    case = Application.objects.get(reference=reference)
    office.approve(case, now=now())
    samar.press("main .btn")
    pay_by_sadad(samar)
    office.issue(case, now=now())
    worker.renders_the_papers()

    samar.press("main .btn")
    links = samar.page.locator('a[href^="/issued/"]').all()
    assert len(links) == 2
    for link in links:
        assert samar.reads(link.get_attribute("href")).startswith(b"%PDF")
    samar.press('main a[href*="/verify/"] >> nth=0')
    assert "Samar Idris" in samar.sees(".verdict")
