"""A career in a browser: re-classification and a training letter in Arabic, renewal in English."""

from datetime import timedelta

import pytest

from applications import exams
from documents.models import Qualification
from mumaris.kit.clock import add_months, now, today
from tests.journeys.conftest import DESK, filed, in_arabic
from tests.journeys.walkers import on
from tests.people import PASSWORD, Office, classified, registered

pytest_plugins = ["tests.servers"]


def takes_paper(reader, case, kind):
    """The PDF opens; the reader then stands on its public page."""
    reader.open(case)
    assert reader.reads(reader.target(f'a[href^="/issued/{kind}-"]')).startswith(b"%PDF")
    reader.press(f'li:has(a[href^="/issued/{kind}-"]) a[href*="/verify/"]')


@pytest.mark.req("SRV-2")
@pytest.mark.req("APP-3")
@pytest.mark.req("DOC-4")
def test_a_technician_becomes_a_specialist(walk, worker, scan, photo):
    office = Office()
    person = classified(office, now=now())
    samar = walk("ar")
    samar.sign_in(in_arabic(person.user).email, PASSWORD)
    samar.open("/account/qualifications/add/")
    samar.fill({"degree": "bachelor", "field": "NUR", "title": "بكالوريوس التمريض", "institution": "كلية الرياض"})
    samar.fill({"country": "SA", **on("awarded_on", today(now()) - timedelta(days=40))})
    samar.press('main form:has([name="degree"]) button.btn')
    samar.open("/services/re-classification/")
    case = samar.start("re-classification")
    degree = Qualification.objects.get(degree="bachelor")
    samar.answer(
        route="new_qualification",
        specialty="تمريض عام",
        rank="أخصائي",
        qualification=str(degree.pk),
        gap_explanation="",
    )

    # The transcript is photographed with a phone; a scan lands in the wrong place.
    samar.attach("qualification", scan("bachelor", pages=4))
    samar.attach("transcript", photo("transcript"))
    samar.attach("internship", scan("shopping list", pages=1))
    samar.press('form[action$="/documents/photo/"]:has([name="paper"]) button')
    samar.press('main a[href$="/check/"]')
    wrong = 'div:has(> dd > [href$="#slot-internship"])'
    assert "shopping list.pdf" in samar.sees(wrong), "the mistake is there to be noticed"
    samar.press(f'{wrong} [href$="#slot-internship"]')
    samar.attach("internship", scan("internship", pages=2))
    samar.press('main a[href$="/check/"]')
    assert "internship.pdf" in samar.sees(wrong)
    samar.declare()
    samar.pay_by_card()

    number = office.admit(filed(case), now=now())
    samar.open(case)
    assert number.number in samar.sees("main")
    office.result(number, "passed", now=now(), sat_on=today(now()))
    office.approve(filed(case), now=now())
    samar.open(case)
    samar.pay_by_sadad()
    worker.hears_of_payments()
    office.issue(filed(case), now=now())
    worker.renders_the_papers()
    takes_paper(samar, case, "CT")
    assert "أخصائي" in samar.sees(".verdict")
    assert exams.is_passed(filed(case))


@pytest.mark.req("SRV-4")
@pytest.mark.req("SRV-15")
@pytest.mark.req("DOC-5")
@pytest.mark.req("CPD-5")
def test_a_registration_is_renewed_with_evidence_of_its_hours(walk, worker, scan, photo):
    office, day = Office(), today(now())
    person = registered(office, now=now() - timedelta(days=22 * 30 + 14))
    held = person.registrations.get()
    samar, desk = walk("en"), walk("en", viewport=DESK)
    for person_there in (samar, desk):
        person_there.choose_language()
    samar.sign_in(person.user.email, PASSWORD)
    samar.press('.regcard a[href="/services/renewal/"]')
    case = samar.start("renewal")
    samar.answer(employer="Rabia Hospital", job="Senior nurse", city="Dammam", evidenced_hours="20")
    too_old = add_months(day, -3) - timedelta(days=1)
    samar.attach("employer_letter", scan("letter of spring", pages=1), issued_on=too_old)
    assert "older than 3 months" in samar.sees("#slot-employer_letter .err")
    samar.attach("employer_letter", photo("letter"), issued_on=day)
    samar.attach("cpd_evidence", scan("attendance certificates", pages=9))
    samar.press('main a[href$="/check/"]')
    assert "Evidence attached" in samar.sees("main")
    samar.declare()
    samar.pay_by_card()
    samar.open("/")
    assert "renewal pending" in samar.sees(".regcard")

    desk.sign_in(office.cpd_officer.email, PASSWORD)
    for number, hours in enumerate(("12", "8"), start=1):
        desk.open(f"/desk/cpd/hours/add/?registration={held.number}&case={filed(case).reference}")
        began = {**on("began_on", day - timedelta(days=number)), **on("ended_on", day - timedelta(days=number))}
        desk.fill({"title": f"Wound care {number}", "type": "course", "provider": "Health Academy", **began})
        desk.fill({"claimed_hours": hours, "hours": hours})
        desk.press('main form:has([name="registration"]) button.btn')
    office.approve(filed(case), now=now())

    samar.open(case)
    samar.pay_by_sadad()
    worker.hears_of_payments()
    office.issue(filed(case), now=now())
    worker.renders_the_papers()
    takes_paper(samar, case, "RC")
    assert held.number in samar.sees("main")
    assert held.periods.count() == 2


@pytest.mark.req("SRV-7")
@pytest.mark.req("APP-5")
def test_a_facility_is_asked_to_train_by_one_officer(walk, worker, scan):
    office = Office()
    person = classified(office, now=now())
    samar, desk = walk("ar"), walk("ar", viewport=DESK)
    samar.sign_in(in_arabic(person.user).email, PASSWORD)
    samar.open("/services/training-letter/")
    case = samar.start("training-letter")
    begins = on("training_from", today(now()) + timedelta(days=30))
    samar.answer(facility="مستشفى رابية", city="الدمام", months="٣", **begins)
    samar.attach("acceptance", scan("acceptance", pages=1))
    samar.press('main a[href$="/check/"]')
    assert "مستشفى رابية" in samar.sees("main")
    samar.declare()
    samar.pay_by_card()

    desk.sign_in(in_arabic(office.reviewer).email, PASSWORD)
    desk.press('#content a[href*="state=submitted"]')
    desk.press(f'#result_list a:has-text("{filed(case).reference}")')
    desk.press('form[action$="/move/claim/"] button')
    recommend = 'details:has(form[action$="/move/recommend/"])'
    desk.page.locator(recommend).evaluate("element => element.open = true")
    desk.page.locator(f"{recommend} [name=verdict][value=approve]").check()
    desk.press(f"{recommend} button.btn")

    samar.open(case)
    samar.pay_by_sadad()
    worker.hears_of_payments()
    worker.renders_the_papers()
    takes_paper(samar, case, "TL")
    assert "سمر إدريس" in samar.sees(".verdict")
