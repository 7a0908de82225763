"""The pages of one's own documents: what is asked of papers from abroad, case numbers, appeals, and what is held fast."""

from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from documents import verification
from documents.models import Experience, Licence, Qualification
from mumaris.kit import clock
from tests.documents.test_verification import BIRTH, CASE, facts_of, make_degree, make_job, make_licence, report_on
from tests.fingerprint import unchanged
from tests.people import make_practitioner, make_user, upload
from tests.threads import at_once

pytest_plugins = ["tests.servers"]
pytestmark = pytest.mark.django_db
WALLET = "/account/documents/"


@pytest.fixture
def company(verifier_simulator, settings):
    verifier_simulator.stand_in(settings)
    cache.clear()
    return verifier_simulator


def browser(person, language="en"):
    client = Client()
    client.cookies["django_language"] = language
    client.force_login(person.user)
    return client


def typed_date(field, day, calendar="gregorian"):
    parts = {"calendar": calendar, "day": day.day, "month": day.month, "year": day.year}
    return {f"{field}_{part}": str(value) for part, value in parts.items()}


def degree(**changes):
    typed = {"degree": "bachelor", "field": "NUR", "title": "Bachelor of nursing", "institution": "Cairo University"}
    return {
        **typed,
        "country": "EG",
        "name_on_paper": "Samar Ali IDRIS",
        **typed_date("awarded_on", date(2016, 6, 30)),
        **changes,
    }


def job(**changes):
    typed = {"job": "Nurse", "employer": "Cairo Hospital", "country": "EG", "name_on_paper": "Samar Idris"}
    typed |= typed_date("started_on", date(2023, 1, 1)) | typed_date("ended_on", date(2023, 12, 31))
    return typed | changes


def licence(**changes):
    typed = {"kind": "council", "country": "EG", "authority": "Nursing Council", "number": "N-77"}
    typed |= {"name_on_paper": "Samar Idris", **typed_date("issued_on", date(2017, 2, 1))}
    return typed | typed_date("expires_on", date(2031, 1, 31)) | changes


def errors(answer):
    assert answer.status_code == 200
    assert b"<title>Error:" in answer.content
    return {name: list(map(str, found)) for name, found in answer.context["form"].errors.items()}


def words(client):
    return client.get(WALLET).content.decode()


def case_url(entry):
    return reverse("wallet_case", args=[entry._meta.model_name, entry.pk])


def type_case(client, entry, number=CASE):
    return client.post(case_url(entry), {f"{entry._meta.model_name}-{entry.pk}-case_number": number})


# The name on the paper, and its dates


@pytest.mark.req("DOC-5")
@pytest.mark.parametrize(
    ("url", "typed"), [("qualification_add", degree), ("experience_add", job), ("licence_add", licence)]
)
def test_a_paper_from_abroad_is_asked_whom_it_names(url, typed):
    client, address = browser(make_practitioner()), reverse(url)
    for wrong in ("", "سمر إدريس", "Samar 7"):
        with unchanged():
            assert "name_on_paper" in errors(client.post(address, typed(name_on_paper=wrong)))
    another = typed(name_on_paper="Noura Idris")
    with unchanged():
        assert "Samar Idris" in errors(client.post(address, another))["name_on_paper"][0]
    assert client.post(address, another | {"name_note": "A clerk's mistake, see the letter."}).status_code == 302
    model = {"qualification_add": Qualification, "experience_add": Experience, "licence_add": Licence}[url]
    kept = model.objects.get()
    assert (kept.name_on_paper, kept.name_note) == ("Noura Idris", "A clerk's mistake, see the letter.")


@pytest.mark.req("DOC-5")
@pytest.mark.parametrize(("url", "typed"), [("qualification_add", degree), ("experience_add", job)])
def test_a_paper_of_the_kingdom_is_not_asked_and_a_note_without_need_is_dropped(url, typed):
    person = make_practitioner()
    client, model = browser(person), Qualification if url == "qualification_add" else Experience
    assert client.post(reverse(url), typed(country="SA", name_on_paper="Noura", name_note="x")).status_code == 302
    assert client.post(reverse(url), typed(name_note="x")).status_code == 302
    assert {(one.country.code, one.name_on_paper == "", one.name_note) for one in model.objects.all()} == {
        ("SA", True, ""),
        ("EG", False, ""),
    }


@pytest.mark.req("DOC-2")
def test_only_a_saudis_degree_from_abroad_has_an_equivalency():
    saudi, guest = make_practitioner(), make_practitioner(nationality="EG")
    for person, country, kept in [(saudi, "EG", "MOE-12"), (saudi, "SA", ""), (guest, "EG", "")]:
        client = browser(person)
        assert (
            client.post(reverse("qualification_add"), degree(country=country, equivalency="MOE-12")).status_code == 302
        )
        assert person.qualifications.latest("pk").equivalency == kept
    assert 'name="equivalency"' not in browser(guest).get(reverse("qualification_add")).content.decode()


@pytest.mark.req("DOC-5")
@pytest.mark.parametrize(("last", "warned"), [(date(2023, 12, 30), True), (date(2023, 12, 31), False)])
def test_experience_shorter_than_a_year_is_kept_and_said_at_once(last, warned):
    client = browser(make_practitioner())
    page = client.post(reverse("experience_add"), job(**typed_date("ended_on", last)), follow=True).content.decode()
    assert ("shows less than 12 months" in page) is warned
    assert ("shows less than 12 months" in words(client)) is warned
    assert Experience.objects.get().ended_on == last


@pytest.mark.req("DOC-5")
def test_experience_of_the_kingdom_may_be_short():
    client = browser(make_practitioner())
    brief = job(country="SA", **typed_date("ended_on", date(2023, 2, 1)))
    assert "less than 12 months" not in client.post(reverse("experience_add"), brief, follow=True).content.decode()
    assert "less than 12 months" not in words(client)


@pytest.mark.req("DOC-5")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"country": "SA"}, "country"),
        (typed_date("expires_on", date(2017, 1, 31)), "expires_on"),
        (typed_date("issued_on", date(2099, 1, 1)), "issued_on"),
        (typed_date("issued_on", date(2017, 2, 1)) | {"issued_on_day": "30"}, "issued_on"),
        (typed_date("issued_on", date(2017, 2, 1)) | {"issued_on_year": "1438"}, "issued_on"),
        ({"number": ""}, "number"),
        ({"kind": "club"}, "kind"),
        ({"authority": "a\0b"}, "authority"),
    ],
)
def test_an_impossible_licence_is_refused_at_its_field(changes, field):
    client = browser(make_practitioner())
    with unchanged():
        assert field in errors(client.post(reverse("licence_add"), licence(**changes)))


def test_a_licence_is_added_once_changed_and_removed():
    person = make_practitioner()
    client, typed = browser(person), licence() | {"next": WALLET}
    for _ in range(2):
        assert client.post(reverse("licence_add"), typed).url == WALLET
    kept = person.licences.get()
    assert (kept.number, kept.issued_on, str(kept)) == ("N-77", date(2017, 2, 1), "Nursing Council, N-77")
    address = reverse("licence", args=[kept.pk])
    assert (
        client.post(
            address,
            typed | {"kind": "ministry_letter", "expires_on_day": "", "expires_on_month": "", "expires_on_year": ""},
        ).url
        == WALLET
    )
    kept.refresh_from_db()
    assert (kept.kind, kept.expires_on) == ("ministry_letter", None)
    client.post(address, {"delete": ""})
    assert not person.licences.exists()


# Case numbers


@pytest.mark.req("DOC-3")
@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_page_shows_every_entry_and_how_it_stands(company, language):
    person = make_practitioner(nationality="EG")
    client = browser(person, language)
    entries = [make_degree(person), make_job(person), make_licence(person)]
    for number, (entry, result) in enumerate(zip(entries, ["positive", "discrepancy", "unable"], strict=True)):
        company.make_case(**facts_of(entry, case_number=f"DF-2026-{number}", result=result))
        assert type_case(client, entry, f"DF-2026-{number}").status_code == 302
    make_degree(person, country="SA")
    make_degree(person, country="IN")
    page = words(client)
    assert [f"DF-2026-{number}" in page for number in range(3)] == [True] * 3
    assert page.count('class="code" dir="ltr">S-1<') == 3
    assert page.count("/appeal/") == 2
    states = {
        one.state for name in ("qualifications", "experience", "licences") for one in client.get(WALLET).context[name]
    }
    assert states == {"psv_positive", "psv_discrepancy", "psv_unable", "psv_not_needed", ""}


@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (None, "does not know this case number"),
        ({"subject": {"name_en": "Priya Nair"}}, "names another person"),
        (
            {"document": {"kind": "licence", "title": "T", "issuer": "I", "country": "EG", "from": "2016-06-30"}},
            "about another document",
        ),
    ],
)
def test_a_number_that_does_not_stand_is_refused_at_its_field(company, facts, reason):
    entry = make_degree()
    client = browser(entry.practitioner)
    if facts:
        company.make_case(**facts_of(entry, **facts))
    with unchanged():
        assert reason in errors(type_case(client, entry))["case_number"][0]
    page = type_case(client, entry).content.decode()
    assert f'value="{CASE}"' in page
    assert f'href="#id_qualification-{entry.pk}-case_number"' in page
    with unchanged():
        assert "6 to 30" in errors(type_case(client, entry, "x"))["case_number"][0]
    with unchanged():
        assert "case_number" in errors(type_case(client, entry, ""))


@pytest.mark.req("DOC-3")
def test_a_company_that_is_away_keeps_the_number_and_the_page_says_so(company):
    entry = make_degree()
    client = browser(entry.practitioner)
    company.make_case(**facts_of(entry))
    company.fault("503", times=2)
    page = client.get(type_case(client, entry).url).content.decode()
    assert "The case number is kept" in page
    assert "no answer for this number yet" in page
    assert "Correct the case number" in page
    ask = reverse("case_ask", args=[CASE])
    assert "gives no answer just now" in client.post(ask, follow=True).content.decode()
    assert "The company&#x27;s result is positive" in client.post(ask, follow=True).content.decode()
    assert ask not in words(client)


@pytest.mark.req("DOC-3")
def test_asking_too_often_is_refused(company, settings):
    settings.ACCOUNT_RATE_LIMITS = {"ask_company": "3/h/user"}
    entry = make_degree()
    client, ask = browser(entry.practitioner), reverse("case_ask", args=[CASE])
    company.make_case(**facts_of(entry, result=None))
    type_case(client, entry)
    for _ in range(2):
        assert "at work on this case" in client.post(ask, follow=True).content.decode()
    with unchanged():
        assert "very often" in client.post(ask, follow=True).content.decode()
        assert "very often" in errors(type_case(client, entry))["case_number"][0]


@pytest.mark.req("DOC-3")
def test_without_a_company_the_page_says_to_bring_the_paper_report(settings):
    settings.VERIFIER_URL = ""
    entry = make_degree()
    client = browser(entry.practitioner)
    page = words(client)
    assert "bring its paper report" in page
    assert case_url(entry) not in page
    with unchanged():
        assert type_case(client, entry).status_code == 200


@pytest.mark.req("DOC-3")
def test_an_appeal_is_sent_once_from_the_page(company):
    entry = make_degree()
    client = browser(entry.practitioner)
    company.make_case(**facts_of(entry, result="discrepancy", reported_on=clock.today(clock.now()).isoformat()))
    type_case(client, entry)
    appeal = reverse("case_appeal", args=[CASE])
    assert appeal in words(client)
    with unchanged():
        assert {"text", "once"} == errors(client.post(appeal, {f"{CASE}-text": " "})).keys()
    assert (
        "Your appeal goes to the company"
        in client.post(appeal, {f"{CASE}-text": "It is right.", f"{CASE}-once": "on"}, follow=True).content.decode()
    )
    page = words(client)
    assert appeal not in page
    assert "Your appeal" in page
    with unchanged():
        assert (
            "one appeal only"
            in client.post(appeal, {f"{CASE}-text": "Again", f"{CASE}-once": "on"}, follow=True).content.decode()
        )


@pytest.mark.req("DOC-3")
def test_the_way_to_appeal_is_gone_after_its_last_day(company):
    entry = make_degree()
    client = browser(entry.practitioner)
    today = clock.today(clock.now())
    company.make_case(**facts_of(entry, result="unable", reported_on=(today - timedelta(days=181)).isoformat()))
    type_case(client, entry)
    page = words(client)
    assert "/appeal/" not in page
    assert "Enter a new case number" in page


@pytest.mark.req("DOC-4")
def test_the_demonstration_leads_to_its_company_with_everything_filled_in(company, settings):
    settings.VERIFIER_SIMULATOR_URL = company.url
    entry = make_job()
    link = browser(entry.practitioner).get(WALLET).context["experience"][1].sample_page
    made = company.ask("GET", link.removeprefix(company.url)).text
    for fact in (
        "Samar Idris",
        BIRTH.isoformat(),
        "Nurse, Cairo Hospital",
        "Cairo Hospital",
        "2019-01-01",
        "2021-12-31",
    ):
        assert f'value="{fact}"' in made


# What is with the company, or verified, is held fast


@pytest.mark.req("DOC-4")
@pytest.mark.parametrize("result", [None, "positive"])
@pytest.mark.parametrize(
    ("make", "page", "typed"),
    [(make_degree, "qualification", degree), (make_job, "experience", job), (make_licence, "licence", licence)],
)
def test_a_waiting_or_verified_entry_is_neither_changed_nor_removed(company, make, page, typed, result):
    entry = make()
    client, address = browser(entry.practitioner), reverse(page, args=[entry.pk])
    company.make_case(**facts_of(entry, result=result))
    type_case(client, entry)
    with unchanged():
        for body in (typed(), {"delete": ""}):
            answer = client.post(address, body, follow=True)
            assert "stays as it is" in answer.content.decode()
        assert client.get(address).status_code == 302
    assert address not in words(client)


@pytest.mark.req("DOC-4")
def test_an_entry_with_a_bad_result_is_changed_but_never_removed(company):
    entry = make_degree()
    client, address = browser(entry.practitioner), reverse("qualification", args=[entry.pk])
    company.make_case(**facts_of(entry, result="discrepancy"))
    type_case(client, entry)
    with unchanged():
        assert "rests on this entry" in client.post(address, {"delete": ""}, follow=True).content.decode()
    client.post(address, degree(title="Nursing"))
    entry.refresh_from_db()
    assert entry.title == "Nursing"


def test_what_is_somebody_elses_does_not_exist(company):
    entry, other = make_degree(), browser(make_practitioner())
    company.make_case(**facts_of(entry, result="unable"))
    type_case(browser(entry.practitioner), entry)
    report = make_licence(entry.practitioner)
    with unchanged():
        for answer in (
            type_case(other, entry),
            other.post(reverse("wallet_case", args=["paper", entry.pk]), {}),
            other.post(reverse("wallet_case", args=["qualification", 10**30]), {}),
            other.post(reverse("case_ask", args=[CASE])),
            other.post(reverse("case_appeal", args=[CASE]), {f"{CASE}-text": "x", f"{CASE}-once": "on"}),
            other.post(reverse("licence", args=[report.pk]), licence()),
        ):
            assert answer.status_code == 404
    assert CASE not in words(other)


def test_who_has_entered_no_data_is_asked_for_it_first():
    client = Client()
    client.force_login(make_user("Newcomer"))
    for answer in (
        client.get(WALLET),
        client.get(reverse("licence_add")),
        client.post(reverse("wallet_case", args=["licence", 1])),
    ):
        assert answer.url == reverse("personal_data")


@pytest.mark.req("DOC-3")
def test_the_paper_report_that_staff_recorded_can_be_opened_by_its_person(settings, tmp_path):
    from django.contrib.auth.models import Permission

    settings.STORAGE_DIR = tmp_path
    officer = make_user("Officer", staff=True)
    officer.user_permissions.add(Permission.objects.get(codename="record_verification"))
    entry = make_degree()
    now = clock.now()
    case = verification.record_report(entry, report_on(entry), upload=upload(), by=officer, now=now)
    client = browser(entry.practitioner)
    link = reverse("paper", args=[case.report_paper_id])
    assert link in words(client)
    assert client.get(link).headers["Content-Type"] == "application/pdf"


def test_the_page_asks_no_more_when_there_is_more_to_show(company):
    person = make_practitioner(nationality="EG")
    client = browser(person)

    def asked():
        client.get(WALLET)
        with CaptureQueriesContext(connection) as queries:
            client.get(WALLET)
        return len(queries)

    def more(number):
        for entry, kind in ((make_degree(person), "Q"), (make_job(person), "E"), (make_licence(person), "L")):
            known = facts_of(entry, case_number=f"DF-2026-{kind}{number}", result="unable")
            company.make_case(**known)
            verification.enter_case(entry, known["case_number"], by=person.user, now=clock.now())

    more(1)
    before = asked()
    more(2)
    more(3)
    assert asked() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
@pytest.mark.req("DOC-4")
@pytest.mark.parametrize("_once_more", range(4))
def test_a_change_and_a_case_number_at_once_leave_the_entry_as_it_was_verified(company, _once_more):
    entry = make_degree()
    company.make_case(**facts_of(entry))
    client, other = browser(entry.practitioner), browser(entry.practitioner)
    address = reverse("qualification", args=[entry.pk])
    changed = degree(**typed_date("awarded_on", date(2020, 1, 1)))
    assert at_once(lambda: type_case(client, entry), lambda: other.post(address, changed)) == []
    entry.refresh_from_db()
    assert (entry.awarded_on == date(2020, 1, 1)) is not entry.verifications.exists()
