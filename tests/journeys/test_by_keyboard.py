"""Registration, and a certificate of good standing, in English without a mouse."""

import pytest

from mumaris.kit.clock import now, today
from tests.journeys.conftest import DESK, filed
from tests.journeys.walkers import KeyboardWalker
from tests.people import PASSWORD, Office, classified, registered

pytest_plugins = ["tests.servers"]


def sign_in(samar, email):
    """By way of the link that skips the menu, and the button of the language."""
    samar.page.goto(samar.home)
    samar.page.keyboard.press("Tab")
    assert samar.page.locator(":focus").get_attribute("href") == "#main", "the first stop skips the menu"
    with samar.page.expect_navigation():
        samar._activate(samar.page.locator("button[name=language][value=en]"))
    samar.look()
    samar.sign_in(email, PASSWORD)


def pay_by_sadad(samar):
    """At the bank, then back to the bill, where the portal asks the gateway itself."""
    samar.open(samar.pay_by_sadad())
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
    samar.press('nav a[href="/services/"]')
    samar.press('main a[href="/services/registration/"]')
    case = samar.start("registration")
    samar.answer(employer="Rabia Hospital", job="Nurse", city="Dammam")
    samar.attach("employer_letter", scan("letter", pages=1), issued_on=today(now()))
    samar.press('main a[href$="/check/"]')
    assert "Rabia Hospital" in samar.sees("main")
    samar.declare()
    pay_by_sadad(samar)
    assert "submitted" in samar.sees(".verdict")

    office.approve(filed(case), now=now())
    samar.press("main .btn")
    pay_by_sadad(samar)
    office.issue(filed(case), now=now())
    worker.renders_the_papers()

    samar.press("main .btn")
    links = samar.page.locator('a[href^="/issued/"]').all()
    assert len(links) == 2
    for link in links:
        assert samar.reads(link.get_attribute("href")).startswith(b"%PDF")
    samar.press('main a[href*="/verify/"] >> nth=0')
    assert "Samar Idris" in samar.sees(".verdict")


@pytest.mark.req("SRV-6")
@pytest.mark.req("SRV-12")
def test_a_registered_practitioner_gets_a_certificate_of_good_standing(walk, worker):
    office = Office()
    person = registered(office, now=now())
    samar = walk("en", KeyboardWalker, viewport=DESK)
    sign_in(samar, person.user.email)
    samar.open("/services/good-standing/")
    assert samar.page.locator(".rules .r-ok").count() == samar.page.locator(".rules > li").count()
    case = samar.start("good-standing")
    assert samar.page.locator('[name="registration"]').input_value(), "the only registration needs no choosing"
    samar.answer(authority="Dubai Health Authority")
    samar.press('main a[href$="/check/"]')
    assert "Dubai Health Authority" in samar.sees("main")
    samar.declare()
    samar.pay_by_card()

    office.approve(filed(case), now=now())
    samar.open(case)
    samar.pay_by_card()
    office.issue(filed(case), now=now())
    worker.renders_the_papers()

    samar.open(case)
    assert samar.reads(samar.target('a[href^="/issued/GS-"]')).startswith(b"%PDF")
    samar.press('main a[href*="/verify/"]')
    assert "Samar Idris" in samar.sees(".verdict")
