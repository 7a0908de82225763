"""Who needs verification, what the company's answers do, one appeal, and nothing that is not the person's own (DOC-2 to DOC-5)."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts import notices, profile
from accounts.models import Notice
from documents import tasks, verification
from documents.checks import Refused, is_long_enough, names_agree
from documents.models import Paper, Qualification, Refusal, Verification
from documents.verification import NotPossible
from documents.verifier import NoSuchCase, Report, Verifier, VerifierDown
from mumaris.kit.models import PolicyValue
from simulators.verifier import SPOILED
from tests.bad_files import pages
from tests.fingerprint import unchanged
from tests.people import NOON, make_practitioner, make_user, upload
from tests.threads import at_once

pytest_plugins = ["tests.servers"]

AWARDED, BIRTH = date(2016, 6, 30), date(1995, 5, 3)
CASE = "DF-2026-104233"
ABROAD = {
    "degree": "bachelor",
    "field": "NUR",
    "title": "Bachelor of nursing",
    "institution": "Cairo University",
    "country": "EG",
    "name_on_paper": "Samar Idris",
}


def make_degree(person=None, **changes):
    person = person or make_practitioner(nationality="EG")
    return person.qualifications.create(**{**ABROAD, "awarded_on": AWARDED, **changes})


def make_job(person=None, **changes):
    facts = {"employer": "Cairo Hospital", "job": "Nurse", "country": "EG", "name_on_paper": "Samar Idris"}
    facts |= {"started_on": date(2019, 1, 1), "ended_on": date(2021, 12, 31)}
    return (person or make_practitioner(nationality="EG")).experience.create(**facts | changes)


def make_licence(person=None, **changes):
    facts = {"kind": "council", "country": "EG", "authority": "Nursing Council", "number": "N-77"}
    facts |= {"name_on_paper": "Samar Idris", "issued_on": date(2017, 2, 1), "expires_on": date(2027, 1, 31)}
    return (person or make_practitioner(nationality="EG")).licences.create(**facts | changes)


def facts_of(entry, **changes):
    """What the company says of the entry when all is well."""
    awarded_on, begun_on, ended_on = verification.dates_of(entry)
    days = {"awarded_on": awarded_on, "from": begun_on, "to": ended_on}
    document = {name: day.isoformat() for name, day in days.items() if day}
    document |= {"kind": entry._meta.model_name, "title": "T", "issuer": "I", "country": str(entry.country)}
    subject = {"name_en": "Samar Ali Idris", "birth_date": BIRTH.isoformat()}
    known = {"case_number": CASE, "subject": subject, "document": document, "result": "positive"}
    return {**known, "serial": "S-1", "reported_on": "2026-11-01", **changes}


def enter(entry, number=CASE, now=NOON):
    return verification.enter_case(entry, number, by=entry.practitioner.user, now=now)


@contextmanager
def refused(words):
    with pytest.raises(NotPossible) as refusal, unchanged():
        yield
    assert str(words) in str(refusal.value)


@pytest.fixture(autouse=True)
def english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def company(verifier_simulator, settings):
    verifier_simulator.stand_in(settings)
    return verifier_simulator


# Who needs it


@pytest.mark.django_db
@pytest.mark.req("DOC-2")
@pytest.mark.parametrize("nationality", ["SA", "EG"])
@pytest.mark.parametrize("country", ["SA", "EG"])
@pytest.mark.parametrize("equivalency", ["", "MOE-1"])
@pytest.mark.parametrize("recognised_on", [None, AWARDED])
def test_a_qualification_needs_it_by_where_and_whose_it_is(nationality, country, equivalency, recognised_on):
    degree = Qualification(country=country, equivalency=equivalency, recognised_on=recognised_on)
    is_saudi = nationality == "SA"
    expected = country != "SA" and recognised_on is None and not (is_saudi and equivalency)
    assert verification.needed(degree, is_saudi) is expected


@pytest.mark.django_db
@pytest.mark.req("DOC-2")
@pytest.mark.parametrize("nationality", ["SA", "EG"])
def test_practice_abroad_needs_it_and_practice_here_does_not(nationality):
    person = make_practitioner(nationality=nationality)
    is_saudi = person.is_saudi
    assert verification.needed(make_job(person), is_saudi)
    assert not verification.needed(make_job(person, country="SA"), is_saudi)
    assert verification.needed(make_licence(person), is_saudi)
    assert verification.needed(make_licence(person, kind="ministry_letter"), is_saudi)


@pytest.mark.django_db
@pytest.mark.req("DOC-2")
def test_no_licence_is_of_the_kingdom():
    with pytest.raises(IntegrityError), transaction.atomic():
        make_licence(country="SA")


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_missing_is_what_needs_a_positive_result_and_has_none(company):
    person = make_practitioner(nationality="EG")
    degree, job, home = make_degree(person), make_job(person), make_job(person, country="SA")
    assert verification.missing([degree, job, home], False) == [degree, job]
    company.make_case(**facts_of(degree))
    company.make_case(**facts_of(job, case_number="DF-2026-2", result="discrepancy"))
    enter(degree)
    enter(job, "DF-2026-2")
    assert verification.missing([degree, job, home], False) == [job]


# Names


LATIN = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8)


@pytest.mark.req("DOC-5")
@given(first=LATIN, family=LATIN, between=st.lists(LATIN, max_size=3))
def test_first_and_family_name_decide_and_spelling_does_not(first, family, between):
    full = " ".join([first, *between, family])
    for spelt in (full, full.upper(), full.title(), f"  {full} ", full.replace(" ", "-")):
        assert names_agree(first, family, spelt)
    assert names_agree(first, f"Al-{family}", " ".join([first, *between, "al", family]))
    assert names_agree(first, f"Al {family}", " ".join([first, *between, f"AL{family}"]))


@pytest.mark.req("DOC-5")
@given(first=LATIN, family=LATIN, other=LATIN)
def test_another_first_or_family_name_is_another_person(first, family, other):
    if other.removeprefix("al").removeprefix("el") in (first, family) or {first[:2], family[:2], other[:2]} & {
        "al",
        "el",
    }:
        return
    assert names_agree(first, family, f"{other} {family}") is (other == first)
    assert names_agree(first, family, f"{first} {other}") is (other == family)
    assert not names_agree(first, family, first)
    assert not names_agree(first, family, "")


@pytest.mark.req("DOC-5")
@pytest.mark.parametrize(
    ("first", "family", "paper", "same"),
    [
        ("Samar", "Al-Harthi", "SAMAR ALHARTHI", True),
        ("Samar", "Al-Harthi", "Samar Ali Hasan El Harthi", True),
        ("Abdul-Rahman", "Said", "Abdulrahman Said", True),
        ("Abdulrahman", "Said", "Abdul Rahman bin Omar Said", True),
        ("José", "Nuñez", "Jose NUNEZ", True),
        ("Mary Ann", "O'Neil", "Mary-Ann ONeil", True),
        ("Ali", "Ali", "Ali Ali", True),
        ("Ali", "Ali", "Ali", False),
        ("Alaa", "Idris", "A Idris", False),
        ("Samar", "Idris", "Idris Samar", False),
        ("Samar", "Idris", "سمر إدريس", False),
        ("Samar", "Idris", "Samara Idris", False),
    ],
)
def test_names_as_papers_write_them(first, family, paper, same):
    assert names_agree(first, family, paper) is same


@pytest.mark.req("DOC-5")
@pytest.mark.parametrize(
    ("ended_on", "enough"),
    [(date(2023, 12, 30), False), (date(2023, 12, 31), True), (date(2024, 1, 1), True)],
)
def test_a_year_of_experience_counts_its_last_day(ended_on, enough):
    assert is_long_enough(date(2023, 1, 1), ended_on, 12) is enough
    assert is_long_enough(date(2023, 2, 28), date(2024, 2, 27), 12)
    assert not is_long_enough(date(2024, 2, 29), date(2025, 2, 26), 12)


# The company's answers


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize("make", [make_degree, make_job, make_licence])
@pytest.mark.parametrize("result", ["positive", "discrepancy", "unable"])
def test_a_result_is_written_down_and_told(company, make, result):
    entry = make()
    company.make_case(**facts_of(entry, result=result))
    case = enter(entry, " df-2026-١٠٤٢٣٣ ")
    case.refresh_from_db()
    assert (case.case_number, case.result, case.serial, case.named) == (CASE, result, "S-1", "Samar Ali Idris")
    assert (case.reported_on, case.entry, case.source) == (date(2026, 11, 1), entry, "company")
    assert (case.awarded_on, case.begun_on, case.ended_on) == verification.dates_of(entry)
    notice = Notice.objects.get(kind="verification_result")
    assert notice.facts["appeal_until_on"] == ("" if result == "positive" else "2027-04-30")
    for language in ("ar", "en"):
        subject, body = notices.words(notice, language)
        assert subject
        assert CASE in body


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_a_case_at_work_waits_and_is_asked_about_until_it_is_done(company):
    degree = make_degree()
    company.make_case(**facts_of(degree, result=None))
    case = enter(degree)
    assert (case.is_waiting, case.asked_at) == (True, NOON)
    company.make_case(**facts_of(degree))
    assert verification.ask_all(NOON + timedelta(hours=5)) == 0
    assert verification.ask_all(NOON + timedelta(hours=6)) == 1
    assert Verification.objects.get().is_positive
    assert verification.ask_all(NOON + timedelta(days=6)) == 0


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_an_unknown_number_is_refused(company):
    degree = make_degree()
    with refused(Refusal.UNKNOWN.label):
        enter(degree)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(
    "typed", ["", "DF", "DF 2026/1", "x" * 31, "../../admin", "DF-2026-1; --", "ملف-٢٠٢٦-١", "DF-2026-"]
)
def test_what_is_no_case_number_is_refused_before_anybody_is_asked(company, typed):
    degree = make_degree()
    with refused("A case number has 6 to 30"):
        enter(degree, typed)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize("status", ["positive", None])
@pytest.mark.parametrize(
    "subject",
    [
        {"name_en": "Priya Nair", "birth_date": "1995-05-03"},
        {"name_en": "Samar Idris", "birth_date": "1995-05-04"},
        {"name_en": "Samar Nair"},
    ],
)
def test_a_report_that_names_another_person_is_refused(company, subject, status):
    degree = make_degree()
    company.make_case(**facts_of(degree, subject=subject, result=status))
    with refused(Refusal.ANOTHER_PERSON.label):
        enter(degree)


@pytest.mark.django_db
@pytest.mark.req("DOC-5")
def test_the_other_name_on_the_paper_counts_with_the_birth_date_alone(company):
    degree = make_degree(name_on_paper="Samar Nour Hasan", name_note="My name before marriage")
    company.make_case(**facts_of(degree, subject={"name_en": "Samar Hasan"}))
    with refused(Refusal.ANOTHER_PERSON.label):
        enter(degree)
    company.make_case(**facts_of(degree, subject={"name_en": "Samar Hasan", "birth_date": BIRTH.isoformat()}))
    assert enter(degree).is_positive


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(
    "document",
    [
        {"kind": "experience", "from": "2016-06-30"},
        {"country": "IN"},
        {"awarded_on": "2016-07-01"},
        {"awarded_on": "2015-06-30"},
    ],
)
def test_a_report_about_another_document_is_refused(company, document):
    degree = make_degree()
    facts = facts_of(degree)
    company.make_case(**{**facts, "document": facts["document"] | document})
    with refused(Refusal.ANOTHER_DOCUMENT.label):
        enter(degree)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(
    ("entry_ends", "report_ends", "fits"),
    [
        (date(2021, 12, 31), "2021-12-31", True),
        (date(2021, 12, 31), None, True),
        (date(2021, 12, 31), "2020-12-31", False),
        (None, None, True),
        (None, "2021-12-31", False),
    ],
)
def test_the_end_of_an_experience_must_not_contradict_the_report(company, entry_ends, report_ends, fits):
    job = make_job(ended_on=entry_ends)
    facts = facts_of(job)
    company.make_case(**{**facts, "document": facts["document"] | {"to": report_ends}})
    if fits:
        assert enter(job).is_positive
    else:
        with refused(Refusal.ANOTHER_DOCUMENT.label):
            enter(job)


# The company is slow, wrong or down


FAULTS = ["500", "503", "429", *SPOILED]


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_is_none_keeps_the_number_and_asks_again(company, fault):
    degree = make_degree()
    company.make_case(**facts_of(degree))
    company.fault(fault, times=2)
    case = enter(degree)
    assert (case.is_waiting, case.asked_at, case.tried_at) == (True, None, NOON)
    assert not Notice.objects.exists()
    assert verification.ask_all(NOON + timedelta(minutes=9)) == 0
    assert verification.ask_all(NOON + timedelta(minutes=10)) == 0
    assert verification.ask_all(NOON + timedelta(minutes=20)) == 1
    assert Verification.objects.get().is_positive


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_a_company_that_never_answers_is_waited_for_a_few_seconds(company):
    degree = make_degree()
    company.make_case(**facts_of(degree))
    company.fault("timeout", seconds=2)
    hasty = Verifier(company.url, company.key, timeout=(1, 0.2))
    with pytest.raises(VerifierDown):
        hasty.report(CASE, NOON.date())
    assert Verifier("", "").timeout == (3, 5)
    assert hasty.report(CASE, NOON.date()).result == "positive"


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_nobody_there_a_wrong_key_and_a_wrong_address_are_no_answer(company, settings):
    degree = make_degree()
    company.make_case(**facts_of(degree))
    for url, key in [
        ("http://127.0.0.1:9", company.key),
        (company.url, "wrong"),
        (f"{company.url}/elsewhere", company.key),
    ]:
        settings.VERIFIER_URL, settings.VERIFIER_KEY = url, key
        with pytest.raises(VerifierDown):
            verification.verifier().report(CASE, NOON.date())
    company.stand_in(settings)
    with pytest.raises(NoSuchCase):
        verification.verifier().report("DF-2026-9", NOON.date())


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(
    "change",
    [
        {"reported_on": "2026-11-23"},
        {"reported_on": "2016-06-29"},
        {"serial": "x" * 41},
        {"subject": {"name_en": "Samar\0 Idris", "birth_date": None}},
        {"subject": {"name_en": "S" * 201}},
        {"subject": {"name_en": "Samar Idris", "birth_date": "0001-01-01"}},
        {"subject": {"name_en": "Samar Idris", "birth_date": "2027-01-01"}},
    ],
)
def test_absurd_facts_are_no_answer(company, change):
    degree = make_degree()
    company.make_case(**facts_of(degree, **change))
    assert enter(degree).asked_at is None


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_one_poisoned_case_starves_nobody(company, monkeypatch):
    """Neither one that brings no usable answer nor one that breaks our own code."""
    entries = [make_degree() for _ in range(4)]
    for number, entry in enumerate(entries):
        company.make_case(**facts_of(entry, case_number=f"DF-2026-{number}", result=None))
        enter(entry, f"DF-2026-{number}")
        company.make_case(**facts_of(entry, case_number=f"DF-2026-{number}"))
    company.fault("garbage", times=9, call="DF-2026-0")
    company.fault("timeout", times=9, seconds=1, call="DF-2026-1")
    later = NOON + timedelta(hours=7)
    monkeypatch.setattr(verification, "refusal_of", _breaks_on("DF-2026-2", verification.refusal_of))
    assert verification.ask_all(later) == 1
    assert Verification.objects.get(case_number="DF-2026-3").is_positive
    monkeypatch.setattr(verification, "ROUND_SECONDS", -1)
    assert verification.ask_all(later + timedelta(hours=7)) == 0


def _breaks_on(number, function):
    def breaking(report, entry):
        if report.case_number == number:
            raise ZeroDivisionError
        return function(report, entry)

    return breaking


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_who_was_not_reached_in_time_comes_first_next_time(company, monkeypatch):
    entries = [make_degree() for _ in range(3)]
    for number, entry in enumerate(entries):
        company.make_case(**facts_of(entry, case_number=f"DF-2026-{number}", result=None))
        enter(entry, f"DF-2026-{number}")
        company.make_case(**facts_of(entry, case_number=f"DF-2026-{number}"))
    asked = [verification.ask_all(NOON + timedelta(hours=7 * hours), batch=1) for hours in (1, 2, 3)]
    assert asked == [1, 1, 1]
    assert not Verification.objects.waiting().exists()


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, Refusal.UNKNOWN),
        ({"subject": {"name_en": "Priya Nair"}}, Refusal.ANOTHER_PERSON),
        (
            {
                "reported_on": "2026-11-02",
                "document": {"kind": "licence", "title": "T", "issuer": "I", "country": "EG", "from": "2016-06-30"},
            },
            Refusal.ANOTHER_DOCUMENT,
        ),
    ],
)
def test_a_number_kept_in_an_outage_that_turns_out_wrong_is_let_go(company, known, reason):
    degree = make_degree()
    company.fault("503")
    enter(degree)
    assert verification.hold(degree)
    if known:
        company.make_case(**facts_of(degree, **known))
    verification.ask_all(NOON + timedelta(minutes=10))
    assert Verification.objects.get().refusal == reason
    notice = Notice.objects.get()
    assert notice.facts["outcome"] == reason
    assert CASE in notices.words(notice, "ar")[1]
    assert verification.hold(degree) == ""
    company.make_case(**facts_of(degree))
    assert enter(degree, CASE, now=NOON + timedelta(hours=1)).is_positive


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_a_mistyped_number_is_corrected_while_the_company_is_away(company):
    degree = make_degree()
    company.fault("503", times=2)
    enter(degree, "DF-2026-WRONG")
    second = enter(degree)
    first = Verification.objects.get(case_number="DF-2026-WRONG")
    assert (first.refusal, second.is_waiting) == (Refusal.REPLACED, True)
    company.make_case(**facts_of(degree, result=None))
    verification.ask(second, now=NOON)
    with refused("is with the company"):
        enter(degree, "DF-2026-OTHER")


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_without_a_company_staff_record_the_reports(settings):
    settings.VERIFIER_URL = ""
    degree = make_degree()
    with refused("Case numbers are not taken here"):
        enter(degree)
    with unchanged():
        assert verification.ask_all(NOON) == 0
        tasks.ask_company()


# The wallet: nobody verifies the same paper twice, and what is verified stays


@pytest.mark.django_db
@pytest.mark.req("DOC-4")
def test_a_verified_entry_takes_no_second_case_and_a_case_no_second_entry(company):
    degree = make_degree()
    company.make_case(**facts_of(degree))
    company.make_case(**facts_of(degree, case_number="DF-2026-2"))
    first = enter(degree)
    with unchanged():
        assert enter(degree) == first
    with refused("Nobody verifies the same paper twice"):
        enter(degree, "DF-2026-2")
    twin = make_degree(degree.practitioner)
    with refused("This case number stands with another document"):
        enter(twin)
    namesake = make_degree()
    with refused("This case number stands with another document"):
        enter(namesake)


@pytest.mark.django_db
@pytest.mark.req("DOC-2")
@pytest.mark.parametrize("changes", [{"country": "SA"}, {"recognised_on": AWARDED}])
def test_what_needs_no_verification_takes_no_case(company, changes):
    degree = make_degree(**changes)
    with refused("needs no verification"):
        enter(degree)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_nobody_enters_a_case_or_an_appeal_for_somebody_else(company):
    degree, stranger = make_degree(), make_user("Stranger")
    company.make_case(**facts_of(degree, result="unable"))
    with pytest.raises(PermissionDenied), unchanged():
        verification.enter_case(degree, CASE, by=stranger, now=NOON)
    case = enter(degree)
    with pytest.raises(PermissionDenied), unchanged():
        verification.appeal(case, "No", by=stranger, now=NOON)
    assert list(Verification.objects.visible_to(degree.practitioner.user)) == [case]
    assert not Verification.objects.visible_to(stranger).exists()


@pytest.mark.django_db
@pytest.mark.req("DOC-4")
def test_the_database_keeps_a_positive_result_as_it_is(company):
    degree, other = make_degree(), make_degree()
    company.make_case(**facts_of(degree))
    case = enter(degree)
    ours = Verification.objects.filter(pk=case.pk)
    for change in ({"result": ""}, {"result": "unable"}, {"serial": "other"}, {"qualification": other}, {"named": "X"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            ours.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        ours.delete()


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_the_database_refuses_what_is_of_nothing_of_two_or_of_another(company):
    mine, theirs = make_degree(), make_degree()
    row = {"practitioner": mine.practitioner, "case_number": CASE, "entered_at": NOON}
    paper = Paper.objects.create(
        practitioner=theirs.practitioner, kind="k", name="n", storage_key=_uuid(), sha256=b"x" * 32, bytes=1,
        media_type="application/pdf", uploaded_at=NOON,
    )  # fmt: skip
    report = {"source": "report", "recorded_by": make_user(), "report_paper": paper, "result": "unable"}
    report |= {"serial": "1", "named": "n", "reported_on": AWARDED}
    for wrong in (
        {},
        {"qualification": mine, "licence": make_licence(mine.practitioner)},
        {"qualification": theirs},
        {"qualification": mine, "result": "perfect", "serial": "1", "named": "n", "reported_on": AWARDED},
        {"qualification": mine, "result": "positive"},
        {"qualification": mine, "source": "report"},
        {"qualification": mine, "appealed_at": NOON},
        {"qualification": mine, **report},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Verification.objects.create(**row | wrong)
    Verification.objects.create(**row, qualification=mine)
    with pytest.raises(IntegrityError), transaction.atomic():
        Verification.objects.create(**row | {"case_number": "DF-2026-9"}, qualification=mine)


def _uuid():
    return "00000000-0000-4000-8000-000000000001"


@pytest.mark.django_db
@pytest.mark.req("DOC-4")
def test_who_the_reports_name_stays_named(company):
    degree = make_degree()
    assert profile.hold(degree.practitioner, profile.WHO) == ""
    company.make_case(**facts_of(degree))
    enter(degree)
    assert "name you as you are entered" in profile.hold(degree.practitioner, profile.WHO)
    assert profile.hold(degree.practitioner, profile.FILE) == ""


# The appeal


REPORTED = date(2026, 11, 1)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(("days", "possible"), [(0, True), (179, True), (180, True), (181, False)])
def test_an_appeal_is_possible_to_the_end_of_day_180(company, days, possible):
    degree = make_degree()
    company.make_case(**facts_of(degree, result="discrepancy"))
    case = enter(degree)
    last_minute = datetime.combine(REPORTED + timedelta(days=days), datetime.min.time(), UTC) + timedelta(
        hours=20, minutes=59
    )
    if possible:
        verification.appeal(case, "The university confirms it.", by=degree.practitioner.user, now=last_minute)
        assert Verification.objects.get().is_waiting
    else:
        with refused("The time to appeal has ended"):
            verification.appeal(case, "The university confirms it.", by=degree.practitioner.user, now=last_minute)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_the_days_of_an_appeal_are_a_policy(company):
    degree = make_degree()
    company.make_case(**facts_of(degree, result="unable"))
    case = enter(degree)
    PolicyValue.objects.create(
        key="verification.appeal_days", value=10, effective_from=date(2026, 11, 12), source="order"
    )
    with refused("The time to appeal has ended"):
        verification.appeal(case, "x", by=degree.practitioner.user, now=NOON)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize("after", ["positive", "unable"])
def test_there_is_one_appeal_and_its_result_stands(company, after):
    degree, user = None, None
    degree = make_degree()
    user = degree.practitioner.user
    company.make_case(**facts_of(degree, result="discrepancy"))
    case = enter(degree)
    verification.appeal(case, "It is right.", by=user, now=NOON)
    with unchanged():
        verification.appeal(case, "It is right.", by=user, now=NOON)  # a second click
    with refused("one appeal only"):
        verification.appeal(case, "It is right!", by=user, now=NOON)
    company.fault("503", call="appeal")
    assert verification.ask_all(NOON) == 0
    assert verification.ask_all(NOON + timedelta(minutes=10)) == 1
    waiting = Verification.objects.get()
    assert (waiting.is_waiting, waiting.appeal_told_at) == (True, NOON + timedelta(minutes=10))
    assert company.site.cases.one(CASE)["appeals"] == ["It is right."]
    company.make_case(**facts_of(degree, result=after, serial="S-2", reported_on="2026-11-20"))
    verification.ask(waiting, now=NOON)
    final = Verification.objects.get()
    assert (final.result, final.serial, final.appealed_at) == (after, "S-2", NOON)
    assert Notice.objects.filter(kind="verification_result").count() == 2
    with refused("one appeal only"):
        verification.appeal(final, "Again", by=user, now=NOON)
    trace = Verification.pgh_event_model.objects.filter(pgh_obj_id=case.pk).order_by("pgh_id")
    assert [row.result for row in trace][:2] == ["discrepancy", ""]


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_a_positive_or_unknown_result_cannot_be_appealed(company):
    degree, job = make_degree(), make_job()
    company.make_case(**facts_of(degree))
    company.make_case(**facts_of(job, case_number="DF-2026-2", result=None))
    for case in (enter(degree), enter(job, "DF-2026-2")):
        with refused("There is nothing to appeal against"):
            verification.appeal(case, "x", by=case.practitioner.user, now=NOON)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_after_a_bad_result_a_new_case_may_be_entered_and_then_the_old_one_is_closed(company):
    degree = make_degree()
    company.make_case(**facts_of(degree, result="unable"))
    company.make_case(**facts_of(degree, case_number="DF-2026-2"))
    old = enter(degree)
    assert verification.hold(degree) == ""
    assert enter(degree, "DF-2026-2").is_positive
    with refused("Another case of this document"):
        verification.appeal(old, "x", by=degree.practitioner.user, now=NOON)


# Paper reports


def report_on(entry, **changes):
    awarded_on, begun_on, ended_on = verification.dates_of(entry)
    days = {"awarded_on": awarded_on, "begun_on": begun_on, "ended_on": ended_on}
    about = Report(CASE, "Samar Idris", entry._meta.model_name, str(entry.country), **days)
    return replace(about, **{"result": "positive", "serial": "P-9", "reported_on": REPORTED, **changes})


@pytest.fixture
def officer(settings, tmp_path):
    from django.contrib.auth.models import Permission

    settings.STORAGE_DIR = tmp_path
    user = make_user("Officer", staff=True)
    user.user_permissions.add(Permission.objects.get(codename="record_verification"))
    return type(user).objects.get(pk=user.pk)


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize("make", [make_degree, make_job, make_licence])
def test_staff_record_a_paper_report_with_its_file(officer, make, tmp_path):
    entry = make()
    case = verification.record_report(entry, report_on(entry), upload=upload(content=pages(3)), by=officer, now=NOON)
    assert (case.is_positive, case.source, case.recorded_by, case.serial) == (True, "report", officer, "P-9")
    assert (case.report_paper.pages, case.report_paper.practitioner) == (3, entry.practitioner)
    assert Notice.objects.get().facts["outcome"] == "positive"
    assert len(files_in(tmp_path)) == 1


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_a_paper_report_answers_the_case_that_waits_or_takes_its_place(officer, company):
    degree, job = make_degree(), make_job()
    company.fault("503", times=2)
    waiting, other = enter(degree), enter(job, "DF-2026-7")
    recorded = verification.record_report(degree, report_on(degree), upload=upload(), by=officer, now=NOON)
    assert recorded == waiting
    second = report_on(job, case_number="DF-2026-8", result="unable")
    assert verification.record_report(job, second, upload=upload(), by=officer, now=NOON) != other
    other.refresh_from_db()
    assert other.refusal == Refusal.REPLACED
    with pytest.raises(NotPossible, match="recorded already"):
        verification.record_report(job, second, upload=upload(), by=officer, now=NOON)


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"named": "Priya Nair"}, Refusal.ANOTHER_PERSON.label),
        ({"birth_date": date(1990, 1, 1)}, Refusal.ANOTHER_PERSON.label),
        ({"awarded_on": date(2016, 7, 1)}, Refusal.ANOTHER_DOCUMENT.label),
        ({"reported_on": NOON.date() + timedelta(days=1)}, "not in the future"),
        ({"result": ""}, "needs a result"),
    ],
)
def test_a_paper_report_is_held_against_person_and_document(officer, tmp_path, change, reason):
    degree = make_degree()
    with refused(reason):
        verification.record_report(degree, report_on(degree, **change), upload=upload(), by=officer, now=NOON)
    assert files_in(tmp_path) == []


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_a_bad_file_or_a_taken_number_leaves_nothing(officer, tmp_path):
    degree, other = make_degree(), make_degree()
    with pytest.raises(Refused), unchanged():
        verification.record_report(degree, report_on(degree), upload=upload(content=b"MZ"), by=officer, now=NOON)
    verification.record_report(other, report_on(other), upload=upload(), by=officer, now=NOON)
    kept = len(files_in(tmp_path))
    with refused("stands with another document"):
        verification.record_report(degree, report_on(degree), upload=upload(), by=officer, now=NOON)
    assert len(files_in(tmp_path)) == kept


@pytest.mark.django_db
@pytest.mark.req("DOC-3")
def test_a_paper_report_needs_the_right_and_another_person(officer):
    degree = make_degree()
    own = make_degree(make_practitioner(nationality="EG", user=officer))
    for entry, by in [(degree, make_user("Reviewer", staff=True)), (own, officer)]:
        with pytest.raises(PermissionDenied), unchanged():
            verification.record_report(entry, report_on(entry), upload=upload(), by=by, now=NOON)


# At the same moment


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
class TestAtOnce:
    def test_the_same_number_twice_is_one_case(self, company):
        degree = make_degree()
        company.make_case(**facts_of(degree))
        assert at_once(*[lambda: enter(degree)] * 3) == []
        assert Verification.objects.get().is_positive
        assert Notice.objects.filter(kind="verification_result").count() == 1

    def test_two_numbers_for_one_entry_are_one_case(self, company):
        degree = make_degree()
        company.make_case(**facts_of(degree))
        company.make_case(**facts_of(degree, case_number="DF-2026-2"))
        raised = at_once(lambda: enter(degree), lambda: enter(degree, "DF-2026-2"))
        assert [type(one) for one in raised] == [NotPossible]
        assert Verification.objects.count() == 1

    def test_one_number_for_two_entries_is_one_case(self, company):
        degree = make_degree()
        twin = make_degree(degree.practitioner)
        company.make_case(**facts_of(degree))
        raised = at_once(lambda: enter(degree), lambda: enter(twin))
        assert [type(one) for one in raised] == [NotPossible]
        assert Verification.objects.count() == 1

    def test_an_answer_that_was_overtaken_is_dropped(self, company, officer):
        degree = make_degree()
        company.make_case(**facts_of(degree, result=None))
        case = enter(degree)
        company.make_case(**facts_of(degree, result="unable"))
        recorded = report_on(degree)
        verification.record_report(degree, recorded, upload=upload(), by=officer, now=NOON)
        assert verification.ask(case, now=NOON).is_positive
        assert Verification.objects.get().source == "report"

    def test_the_task_asks_once_however_often_it_runs(self, company):
        degree = make_degree()
        company.make_case(**facts_of(degree, result=None))
        enter(degree, now=NOON - timedelta(days=900))
        company.make_case(**facts_of(degree))
        assert at_once(*[tasks.ask_company] * 3) == []
        assert Verification.objects.get().is_positive
        assert Notice.objects.filter(kind="verification_result").count() == 1
