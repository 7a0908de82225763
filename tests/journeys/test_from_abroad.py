"""What was earned and practised abroad, in Arabic on a phone: a classification with its exam, and the study of a degree."""

from datetime import timedelta

import pytest

from mumaris.kit.clock import add_months, now, today
from mumaris.pages.demo import move_ahead
from simulators.scans import portrait
from tests.journeys.conftest import DESK, filed, in_arabic
from tests.journeys.walkers import on
from tests.people import PASSWORD, Office, make_practitioner

pytest_plugins = ["tests.servers"]

NAMED = {"name_on_paper": "SAMAR IDRIS"}


def add_degree(samar, awarded_on, country, degree, title):
    samar.press('main a[href^="/account/qualifications/add/"] >> nth=0')
    samar.fill({"degree": degree, "field": "NUR", "title": title, "institution": "School of Nursing", **NAMED})
    samar.fill({"country": country, **on("awarded_on", awarded_on)})
    samar.press('main form:has([name="degree"]) button.btn')


def verify_at_sample_company(samar, kind):
    """On the company's page, its fields filled in; then its number, typed in the wallet."""
    entry = samar.page.locator(f'section[id^="{kind}-"]:has(form[action$="/case/"])').get_attribute("id")
    wallet = samar.page.url
    samar.press(f'#{entry} a:has-text("الشركة التجريبية")')
    samar.page.locator("select[name=result]").select_option("positive")
    samar.press('form[action="/cases"] button')
    number = samar.sees(".made")
    samar.open(wallet)
    enter_case(samar, entry, number)


def enter_case(samar, entry, number):
    samar.fill({f"{entry}-case_number": number})
    samar.press(f'#{entry} form[action$="/case/"] button')


@pytest.mark.req("SRV-1")
@pytest.mark.req("DOC-2")
@pytest.mark.req("DOC-3")
@pytest.mark.req("EXM-1")
@pytest.mark.req("EXM-2")
@pytest.mark.req("EXM-3")
def test_a_nurse_trained_abroad_is_classified_by_exam(walk, worker, scan, photo, tmp_path):
    office, day = Office(), today(now())
    person = make_practitioner(nationality="IN", now=now())
    samar, desk = walk("ar"), walk("ar", viewport=DESK)
    samar.sign_in(in_arabic(person.user).email, PASSWORD)
    samar.open("/account/documents/")
    add_degree(samar, add_months(day, -60), "IN", "bachelor", "BSc Nursing")
    samar.press('main a[href^="/account/experience/add/"] >> nth=0')
    days = {**on("started_on", add_months(day, -58)), **on("ended_on", add_months(day, -24))}
    samar.fill({"job": "Nurse", "employer": "Kochi General Hospital", "country": "IN", **days, **NAMED})
    samar.press('main form:has([name="employer"]) button.btn')
    samar.press('main a[href^="/account/licences/add/"] >> nth=0')
    samar.fill({"kind": "council", "country": "IN", "authority": "Kerala Council", "number": "KL-77130", **NAMED})
    samar.fill(on("issued_on", add_months(day, -59)))
    samar.press('main form:has([name="authority"]) button.btn')
    for kind in ("qualification", "experience", "licence"):
        verify_at_sample_company(samar, kind)

    samar.open("/services/classification/")
    case = samar.start("classification")
    degree = person.qualifications.get()
    samar.answer(specialty="تمريض عام", rank="أخصائي", qualification=str(degree.pk))
    for slot, pages in (
        ("transcript", 8),
        ("internship", 2),
        ("licence", 2),
        ("experience_certificate", 2),
        ("experience", 1),
    ):
        samar.attach(slot, scan(slot, pages))
    samar.attach("qualification", photo("degree"))
    face = tmp_path / "me.jpg"
    face.write_bytes(portrait().getvalue())
    samar.attach("photo", face)
    samar.press('main a[href$="/check/"]')
    samar.declare()
    samar.pay_by_card()

    number = office.admit(filed(case), now=now())
    samar.open(case)
    assert number.number in samar.sees('[aria-labelledby="exam-h"]')

    # The first sitting is entered by hand; the second comes in the exam company's file.
    desk.sign_in(in_arabic(office.examiner).email, PASSWORD)
    desk.open("/desk/applications/eligibilitynumber/")
    desk.press("#result_list tbody th a")
    desk.fill({"outcome": "failed", **on("sat_on", day)})
    desk.press('form[action$="/record/"] button')
    move_ahead(timedelta(days=1))
    results = tmp_path / "results.csv"
    results.write_text(
        f"eligibility_number,family_name,sat_on,result,score\n{number.number},Idris,{today(now())},passed,71\n"
    )
    desk.open("/desk/applications/resultsfile/add/")
    desk.fill({"file": results})
    for button in ("main form[enctype] button", 'form[action$="/apply/"] button'):
        desk.hurry(button)
        desk.open("/desk/applications/resultsfile/")
        worker.works_on_results()
        desk.press('#result_list a:has-text("results.csv")')
    samar.open(case)
    assert samar.page.locator('[aria-labelledby="exam-h"] .filelist li').count() == 2

    office.approve(filed(case), now=now())
    samar.open(case)
    samar.pay_by_card()
    office.issue(filed(case), now=now())
    worker.renders_the_papers()
    samar.open(case)
    assert samar.reads(samar.target('a[href^="/issued/CT-"]')).startswith(b"%PDF")
    samar.press('main a[href*="/verify/"]')
    assert "أخصائي" in samar.sees(".verdict")


@pytest.mark.req("SRV-5")
@pytest.mark.req("SRV-12")
@pytest.mark.req("DOC-3")
def test_a_degree_from_abroad_is_studied(walk, worker, scan, photo, verifier_simulator):
    office, day = Office(), today(now())
    person = make_practitioner(now=now())
    samar = walk("ar")
    samar.sign_in(in_arabic(person.user).email, PASSWORD)
    samar.open("/services/qualification-study/")
    add_degree(samar, add_months(day, -10), "GB", "master", "MSc Forensic Nursing")
    samar.open("/services/qualification-study/")
    samar.press('.rules a[href^="/account/documents/"]')

    # The first number is somebody else's case; the page says so at its field.
    degree = person.qualifications.get()
    facts = {"kind": "qualification", "title": degree.title, "issuer": degree.institution, "country": "GB"}
    document = {**facts, "awarded_on": degree.awarded_on.isoformat()}
    subject = {"name_en": "Omar Khalil", "birth_date": "1988-10-02"}
    somebody_elses = verifier_simulator.make_case(subject=subject, document=document, result="positive")
    entry = f"qualification-{degree.pk}"
    enter_case(samar, entry, somebody_elses["case_number"])
    assert samar.page.locator(f"#{entry} .err").count() == 1
    own = {**subject, "name_en": "Samar Idris", "birth_date": person.birth_date.isoformat()}
    case = verifier_simulator.make_case(subject=own, document=document, result="positive")
    enter_case(samar, entry, case["case_number"])

    samar.open("/services/qualification-study/")
    case = samar.start("qualification-study")
    samar.answer(qualification=str(degree.pk))
    samar.attach("qualification", photo("master certificate"))
    for slot, pages in (("transcript", 6), ("programme", 24), ("internship", 2)):
        samar.attach(slot, scan(slot, pages))
    samar.press('main a[href$="/check/"]')
    samar.declare()
    samar.pay_by_card()
    office.approve(filed(case), now=now())
    samar.open(case)
    samar.pay_by_sadad()
    worker.hears_of_payments()
    office.issue(filed(case), now=now())
    worker.renders_the_papers()

    samar.open(case)
    assert samar.reads(samar.target('a[href^="/issued/SD-"]')).startswith(b"%PDF")
    samar.press('main a[href*="/verify/"]')
    assert "سمر إدريس" in samar.sees(".verdict")
