"""The main job in Arabic on a phone, from sign-up to a certificate that a stranger verifies."""

import re
from datetime import timedelta

import pytest

from applications.models import Application
from applications.progress import advance
from mumaris.kit.clock import now, today
from simulators.scans import portrait
from tests.journeys.conftest import in_arabic
from tests.journeys.walkers import on
from tests.people import PASSWORD, Office, identity_number

pytest_plugins = ["tests.servers"]

EMAIL = "amal@example.com"
REMARK = "الختم في الصفحة الثانية لا يُقرأ."


def sign_up(amal, worker, mailbox):
    amal.open("/")
    amal.press('main a[href="/sign/signup/"]')
    amal.fill({"name": "أمل الحارثي", "email": EMAIL, "email2": EMAIL, "password1": PASSWORD, "password2": PASSWORD})
    amal.page.locator("altcha-widget input[type=checkbox]").click()  # it is ticked once its sum is done
    amal.page.locator('altcha-widget [data-state="verified"]').wait_for(timeout=90_000)  # however busy the machine is
    amal.press('main form[action="/sign/signup/"] button.btn')

    worker.sends_the_mail()
    amal.open(f"{mailbox.url}/?to={EMAIL}&lang=ar")
    amal.press('.letters a[href^="/messages/"]')
    amal.press('.message a[href*="/confirm-email/"]')
    amal.press('main form[action*="/confirm-email/"] button')


def enter_file(amal, number, day):
    amal.open("/account/")
    amal.press('main a[href="/account/personal/"]')
    amal.fill({"first_ar": "أمل", "family_ar": "الحارثي", "first_en": "Amal", "family_en": "Al-Harthi"})
    amal.fill(
        {"birth_date_calendar": "hijri", "birth_date_day": "٣", "birth_date_month": "١٢", "birth_date_year": "١٤١٦"}
    )
    amal.fill({"gender": "f", "nationality": "SA", "identity_kind": "national_id", "identity_number": number})
    amal.fill({**on("identity_expires_on", day + timedelta(days=900)), "mobile": "٠٥٠١٢٣٤٥٦٧"})
    amal.press('main form:has([name="first_ar"]) button')
    amal.press('main a[href="/account/qualifications/add/"]')
    amal.fill({"degree": "diploma", "field": "NUR", "title": "دبلوم التمريض", "institution": "كلية الرياض الصحية"})
    amal.fill({"country": "SA", **on("awarded_on", day - timedelta(days=200))})
    amal.press('main form:has([name="degree"]) button.btn')


def declare(amal, scan, tmp_path):
    """The draft, step by step; returns the address of the case."""
    amal.open("/services/")
    amal.press('main a[href="/services/classification/"]')
    case = amal.start("classification")
    amal.answer(specialty="تمريض عام", rank="فني", qualification="دبلوم: دبلوم التمريض")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(portrait().getvalue())
    for slot in ("qualification", "transcript", "internship", "photo"):
        amal.attach(slot, photo if slot == "photo" else scan(slot))
    amal.press('main a[href$="/check/"]')
    for read_back in ("أمل الحارثي", "تمريض عام", "فني", "دبلوم التمريض", "transcript.pdf"):
        assert read_back in amal.sees("main")
    amal.declare()
    return case


def return_transcript(reviewer, officer, reference):
    """At the desk, in the officer's own browser."""
    reviewer.sign_in(in_arabic(officer).email, PASSWORD)
    reviewer.press('#content a[href*="state=submitted"]')
    reviewer.press(f'#result_list a:has-text("{reference}")')
    reviewer.press('form[action$="/move/claim/"] button')
    reviewer.page.locator('details:has(form[action$="/move/return/"])').evaluate("element => element.open = true")
    reasons = reviewer.page.locator('[name="transcript-reason"]')
    reasons.select_option(index=1)
    reviewer.page.locator('[name="transcript-remark"]').fill(REMARK)
    reviewer.press('form[action$="/move/return/"] button')


def answer(amal, scan):
    amal.press('main a[href$="/remarks/"]')
    assert REMARK in amal.sees("#item-transcript")
    amal.fill({"transcript-kind": "file", "transcript-file": scan("transcript-stamped")})
    amal.press('form[action$="/remarks/transcript/"] button')
    amal.press('form[action$="/resubmit/"] button')


def officers_approve(office, reference):
    """The reviewer goes on with the case, the approver endorses."""
    case = Application.objects.get(reference=reference)
    granted = {"specialty": case.asked_specialty, "rank": case.asked_rank}
    advance(case.pk, "recommend", by=office.reviewer, now=now(), verdict="approve", **granted)
    advance(case.pk, "endorse_approval", by=office.approver, now=now())


@pytest.mark.req("ACC-1")
@pytest.mark.req("ACC-2")
@pytest.mark.req("ACC-3")
@pytest.mark.req("ACC-5")
@pytest.mark.req("APP-3")
@pytest.mark.req("APP-4")
@pytest.mark.req("APP-10")
@pytest.mark.req("PAY-3")
@pytest.mark.req("SRV-1")
@pytest.mark.req("REG-2")
@pytest.mark.req("DLN-4")
@pytest.mark.req("NTC-1")
def test_from_sign_up_to_a_certificate(walk, worker, mailbox, scan, tmp_path):
    office, day = Office(), today(now())
    amal, reviewer = walk("ar"), walk("ar")
    number = identity_number("1")
    sign_up(amal, worker, mailbox)
    amal.sign_in(EMAIL, PASSWORD)
    enter_file(amal, number, day)
    amal.open("/sign/logout/")
    amal.press('main form[action="/sign/logout/"] button')
    amal.sign_in(number, PASSWORD)

    case = declare(amal, scan, tmp_path)
    reference = case.split("/")[-2]
    due = amal.sees(".holder .due")
    assert re.search(r"\d{4}.*\(.*\d{4}.*\)", due), "the deadline stands in both calendars"
    assert "30" in due, "and with the days left"
    amal.pay_by_card()

    return_transcript(reviewer, office.reviewer, reference)
    amal.open(case)
    answer(amal, scan)
    officers_approve(office, reference)

    amal.open(case)
    assert "فني" in amal.sees(".invoice")
    amal.pay_by_sadad()
    worker.hears_of_payments()
    office.issue(Application.objects.get(reference=reference), now=now())
    worker.renders_the_papers()
    worker.sends_the_mail()

    amal.open(case)
    assert amal.reads(amal.target('a[href^="/issued/"]')).startswith(b"%PDF")
    stranger = walk("ar")
    stranger.open(amal.target('main a[href*="/verify/"]'))
    assert "أمل الحارثي" in stranger.sees(".verdict")
    assert number not in stranger.page.content()

    told = [letter["subject"] for letter in mailbox.messages(EMAIL) if reference in letter["subject"]]
    amal.open("/inbox/")
    assert [entry.splitlines()[-1] for entry in amal.page.locator(".inbox a").all_inner_texts()] == told
    assert len(told) == 6
