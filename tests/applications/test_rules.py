"""Eligibility at its exact edges. Rules are pure questions, so every dossier here is made in memory (SRV-1, SRV-3, SRV-12)."""

from datetime import date, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils import translation
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounts.models import Identity, Practitioner
from applications import rules
from applications.catalogue import CATALOGUE
from applications.dossier import Dossier
from applications.models import Application, Attachment
from applications.rules import Verdict
from documents.models import Experience, Paper, Qualification
from mumaris.kit.clock import add_months
from mumaris.kit.policy import FIRST_VALUES
from register.models import Classification, Period, Profession, Rank, Registration, Specialty

DAY = date(2026, 11, 22)
DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))
POLICIES = {key: first for key, (first, _source) in FIRST_VALUES.items()}


def dossier(
    day=DAY, *, nationality="SA", born=date(1995, 5, 3), kind="national_id", expires_on=date(2031, 1, 1), **facts
):
    """A person of whom everything is known, and the facts that a test adds."""
    person = Practitioner(first_ar="سمر", family_ar="إدريس", birth_date=born, nationality=nationality)
    identity = Identity(practitioner=person, kind=kind, masked="1*******43", expires_on=expires_on)
    return Dossier(person, day, POLICIES, identities=[identity] if kind else [], **facts)


def practised(*times):
    return [
        Experience(job="Nurse", employer="Rabia", country="SA", started_on=begin, ended_on=end) for begin, end in times
    ]


def diploma(awarded_on=date(2026, 6, 1), **facts):
    return Qualification(
        **{"degree": "diploma", "field": "NUR", "title": "Nursing", "country": "SA", "awarded_on": awarded_on} | facts
    )


def classification(usable_until):
    rank, specialty = Rank(name_ar="فني", name_en="Technician"), Specialty(name_ar="تمريض", name_en="Nursing")
    return Classification(number="CC-2026-0000001", rank=rank, specialty=specialty, usable_until=usable_until)


def verdict(rule, facts):
    return rule.ask(facts).verdict


# Identity and residence card


@pytest.mark.req("SRV-3")
@pytest.mark.parametrize(("days_left", "outcome"), [(1, Verdict.MET), (0, Verdict.MET), (-1, Verdict.UNMET)])
def test_a_residence_card_counts_until_the_end_of_its_last_day(days_left, outcome):
    resident = dossier(nationality="IN", kind="iqama", expires_on=DAY + timedelta(days=days_left))
    assert verdict(rules.is_saudi_or_resident, resident) == outcome
    assert verdict(rules.identity_is_complete, resident) == outcome


@pytest.mark.req("SRV-3")
def test_only_saudis_and_holders_of_a_dated_residence_card_register():
    assert verdict(rules.is_saudi_or_resident, dossier()) == Verdict.MET
    assert verdict(rules.is_saudi_or_resident, dossier(nationality="IN", kind="passport")) == Verdict.UNMET
    assert (
        verdict(rules.is_saudi_or_resident, dossier(nationality="IN", kind="iqama", expires_on=None)) == Verdict.UNMET
    )


def test_without_an_identity_nothing_is_complete():
    assert verdict(rules.identity_is_complete, dossier(kind="")) == Verdict.UNMET


# Age: a medical report is asked of who is older than 65


@pytest.mark.req("SRV-3")
@pytest.mark.parametrize(
    ("born", "day", "asked"),
    [
        (date(1961, 11, 22), date(2026, 11, 21), False),
        (date(1961, 11, 22), date(2026, 11, 22), False),  # the birthday: 65, and not older
        (date(1961, 11, 22), date(2026, 11, 23), True),
        (date(1960, 2, 29), date(2025, 2, 28), False),
        (date(1960, 2, 29), date(2025, 3, 1), False),  # completes the year on 1 March
        (date(1960, 2, 29), date(2025, 3, 2), True),
        (date(1959, 3, 1), date(2024, 2, 29), False),
        (date(1959, 3, 1), date(2024, 3, 1), False),
        (date(1959, 3, 1), date(2024, 3, 2), True),
    ],
)
def test_a_medical_report_is_asked_from_the_day_after_the_birthday(born, day, asked):
    facts = dossier(day, born=born)
    assert rules.is_older_than_report_age(facts) is asked
    slots = {slot.slug for slot in CATALOGUE["registration"].slots(facts)}
    assert ("medical_report" in slots) is asked


@settings(deadline=None)
@given(born=st.dates(date(1930, 1, 1), date(2005, 1, 1)), day=st.dates(date(2024, 1, 1), date(2040, 1, 1)))
def test_who_is_asked_for_a_report_has_completed_the_years_and_stays_asked(born, day):
    asked = rules.is_older_than_report_age(dossier(day, born=born))
    if asked:
        assert dossier(day, born=born).age >= POLICIES["medical_report.age"]
    else:
        assert not rules.is_older_than_report_age(dossier(day - timedelta(days=1), born=born))


# The employer letter: at most three months old


def letter_of(issued_on, day):
    attachment = Attachment(slot="employer_letter", issued_on=issued_on)
    return dossier(day, application=Application(), attachments={"employer_letter": attachment})


@pytest.mark.req("SRV-3")
@pytest.mark.parametrize(
    ("issued_on", "day", "outcome"),
    [
        (date(2026, 8, 23), date(2026, 11, 22), Verdict.MET),
        (date(2026, 8, 22), date(2026, 11, 22), Verdict.MET),  # exactly three months
        (date(2026, 8, 21), date(2026, 11, 22), Verdict.UNMET),
        (date(2026, 11, 30), date(2027, 2, 28), Verdict.MET),  # February has no 30th
        (date(2026, 11, 30), date(2027, 3, 1), Verdict.UNMET),
        (date(2026, 11, 28), date(2027, 2, 28), Verdict.MET),
        (date(2026, 11, 27), date(2027, 2, 28), Verdict.UNMET),
        (date(2027, 11, 30), date(2028, 2, 29), Verdict.MET),  # a leap year
        (date(2027, 11, 29), date(2028, 2, 29), Verdict.MET),
        (date(2027, 11, 28), date(2028, 2, 29), Verdict.UNMET),
        (date(2027, 11, 30), date(2028, 3, 1), Verdict.UNMET),
        (None, date(2026, 11, 22), Verdict.EVIDENCE),
    ],
)
def test_an_employer_letter_is_at_most_three_months_old(issued_on, day, outcome):
    assert verdict(rules.employer_letter_is_recent, letter_of(issued_on, day)) == outcome


@settings(deadline=None)
@given(issued_on=DAYS, age=st.integers(0, 120))
def test_a_letter_that_is_too_old_never_becomes_recent_again(issued_on, age):
    today = verdict(rules.employer_letter_is_recent, letter_of(issued_on, issued_on + timedelta(days=age)))
    tomorrow = verdict(rules.employer_letter_is_recent, letter_of(issued_on, issued_on + timedelta(days=age + 1)))
    assert (today, tomorrow) != (Verdict.UNMET, Verdict.MET)
    assert today == (Verdict.MET if age < 89 else Verdict.UNMET if age > 92 else today)


# Months of practice


@pytest.mark.req("SRV-1")
@pytest.mark.parametrize(
    ("times", "months"),
    [
        ([(date(2025, 1, 1), date(2025, 12, 30))], 11),  # 364 days
        ([(date(2025, 1, 1), date(2025, 12, 31))], 12),  # 365
        ([(date(2025, 1, 1), date(2026, 1, 1))], 12),  # 366
        ([(date(2024, 1, 1), date(2024, 12, 30))], 11),  # 365 days of a leap year
        ([(date(2024, 1, 1), date(2024, 12, 31))], 12),
        ([(date(2025, 11, 23), None)], 12),  # until today, today included
        ([(date(2025, 11, 24), None)], 11),
        ([(date(2025, 1, 1), date(2025, 9, 30)), (date(2025, 4, 1), date(2025, 12, 31))], 12),  # overlap counted once
        ([(date(2025, 1, 1), date(2025, 12, 31)), (date(2025, 3, 1), date(2025, 4, 1))], 12),
        ([(date(2025, 1, 1), date(2025, 6, 30)), (date(2025, 7, 1), date(2025, 12, 31))], 12),  # one after the other
        ([(date(2025, 1, 1), date(2025, 1, 20)), (date(2025, 3, 1), date(2025, 3, 20))], 0),
        ([(date(2026, 12, 1), None)], 0),  # in the future
        ([], 0),
    ],
)
def test_months_of_practice(times, months):
    facts = dossier(nationality="IN", kind="iqama", experience=practised(*times))
    assert rules.months_of_practice(facts) == months
    assert verdict(rules.has_experience_if_not_saudi, facts) == (Verdict.MET if months >= 12 else Verdict.UNMET)
    assert verdict(rules.has_experience_if_not_saudi, dossier()) == Verdict.MET


TIMES = st.lists(
    st.tuples(DAYS, st.integers(0, 2000)).map(lambda one: (one[0], one[0] + timedelta(days=one[1]))), max_size=6
)


@settings(deadline=None)
@given(times=TIMES, data=st.data())
def test_telling_a_time_twice_or_in_another_order_changes_nothing(times, data):
    told = data.draw(st.permutations(times + times[:2]))
    once, twice = (
        dossier(experience=practised(*one), qualifications=[diploma(date(2000, 1, 1))]) for one in (times, told)
    )
    assert rules.months_of_practice(once) == rules.months_of_practice(twice)
    assert rules.gaps_in_practice(once) == rules.gaps_in_practice(twice)


@settings(deadline=None)
@given(times=TIMES, begin=DAYS, length=st.integers(0, 2000))
def test_more_practice_never_counts_for_less(times, begin, length):
    more = [*times, (begin, begin + timedelta(days=length))]
    before, after = (rules.months_of_practice(dossier(experience=practised(*one))) for one in (times, more))
    assert after >= before


# The gap in practice: twenty-four months


@pytest.mark.req("SRV-1")
@pytest.mark.parametrize(
    ("awarded_on", "times", "outcome"),
    [
        (date(2024, 11, 23), [], Verdict.MET),
        (date(2024, 11, 22), [], Verdict.EVIDENCE),  # exactly two years
        (date(2024, 11, 21), [], Verdict.EVIDENCE),
        (date(2015, 1, 1), [(date(2015, 1, 1), date(2024, 11, 22))], Verdict.MET),
        (date(2015, 1, 1), [(date(2015, 1, 1), date(2024, 11, 21))], Verdict.EVIDENCE),
        (date(2015, 1, 1), [(date(2016, 12, 31), None)], Verdict.MET),  # the gap before the first work
        (date(2015, 1, 1), [(date(2017, 1, 1), None)], Verdict.EVIDENCE),
        (date(2015, 1, 1), [(date(2015, 1, 1), date(2018, 1, 1)), (date(2020, 1, 1), None)], Verdict.MET),
        (date(2015, 1, 1), [(date(2015, 1, 1), date(2018, 1, 1)), (date(2020, 1, 2), None)], Verdict.EVIDENCE),
        # 730 days are two years without a 29 February, and a day less with one: the first gap must not hide the second
        (date(2015, 3, 1), [(date(2017, 2, 28), date(2021, 2, 28)), (date(2023, 3, 1), None)], Verdict.EVIDENCE),
    ],
)
def test_a_gap_of_two_years_must_be_explained(awarded_on, times, outcome):
    facts = dossier(qualifications=[diploma(awarded_on)], experience=practised(*times))
    assert verdict(rules.gap_in_practice_is_explained, facts) == outcome
    facts.application = Application(answers={"gap_explanation": "Military service."})
    assert verdict(rules.gap_in_practice_is_explained, facts) == (
        Verdict.STAFF if outcome == Verdict.EVIDENCE else outcome
    )


@settings(deadline=None)
@given(awarded_on=st.dates(date(2010, 1, 1), DAY), times=TIMES)
@example(
    awarded_on=date(2015, 3, 1), times=[(date(2017, 2, 28), date(2021, 2, 28)), (date(2023, 3, 1), date(2026, 11, 22))]
)
def test_a_gap_counts_exactly_where_two_years_fit_without_a_day_of_practice(awarded_on, times):
    worked = {begin + timedelta(days=day) for begin, end in times for day in range((end - begin).days + 1)}
    idle = [awarded_on + timedelta(days=day) for day in range((DAY - awarded_on).days)]
    free, fits = None, False
    for day in idle:
        free = None if day in worked else free or day
        fits = fits or (
            free is not None and add_months(free, POLICIES["practice_gap.months"]) <= day + timedelta(days=1)
        )
    facts = dossier(qualifications=[diploma(awarded_on)], experience=practised(*times))
    assert (verdict(rules.gap_in_practice_is_explained, facts) != Verdict.MET) is fits


# Classification and registration


@pytest.mark.req("SRV-11")
@pytest.mark.parametrize(("days_left", "outcome"), [(1, Verdict.MET), (0, Verdict.MET), (-1, Verdict.UNMET)])
def test_a_classification_is_usable_until_the_end_of_its_last_day(days_left, outcome):
    facts = dossier(classifications=[classification(DAY + timedelta(days=days_left))])
    assert verdict(rules.has_usable_classification, facts) == outcome


@pytest.mark.req("SRV-11")
def test_registration_needs_a_classification():
    assert verdict(rules.has_usable_classification, dossier()) == Verdict.UNMET


def test_nobody_is_classified_or_registered_twice():
    long_past = classification(DAY - timedelta(days=400))
    assert verdict(rules.is_not_classified, dossier(classifications=[long_past])) == Verdict.UNMET
    assert verdict(rules.is_not_classified, dossier()) == Verdict.MET
    period = Period(registration=Registration(number="RN-2026-0000001"), days=DateRange(DAY - timedelta(days=730), DAY))
    assert verdict(rules.is_not_registered, dossier(periods=[period])) == Verdict.UNMET
    assert verdict(rules.is_not_registered, dossier()) == Verdict.MET


# What is asked for


@pytest.mark.req("SRV-1")
@pytest.mark.parametrize(
    ("field", "degree", "country", "asks_exam", "unmet"),
    [
        ("NUR", "diploma", "SA", False, set()),
        ("PHA", "diploma", "SA", False, {"qualification_fits"}),
        ("NUR", "bachelor", "SA", False, {"qualification_fits"}),
        ("NUR", "diploma", "IN", False, {"nothing_needs_verification"}),
        ("NUR", "diploma", "SA", True, {"rank_asks_no_exam"}),
    ],
)
def test_the_qualification_must_fit_what_is_asked_for(field, degree, country, asks_exam, unmet):
    nursing = Profession(code="NUR", name_ar="تمريض", name_en="Nursing")
    application = Application(
        qualification_id=7,
        asked_specialty=Specialty(profession=nursing, name_ar="تمريض", name_en="Nursing"),
        asked_rank=Rank(name_ar="فني", name_en="Technician", degrees=["diploma"], asks_exam=asks_exam),
    )
    facts = dossier(
        qualifications=[diploma(pk=7, field=field, degree=degree, country=country)], application=application
    )
    assert {rule.slug for rule, _finding in CATALOGUE["classification"].obstacles(facts)} == unmet


# Every rule answers everybody


@pytest.mark.req("SRV-12")
@pytest.mark.parametrize("service", CATALOGUE.values(), ids=CATALOGUE)
@pytest.mark.parametrize("language", ["ar", "en"])
def test_every_rule_answers_about_anybody_in_words(service, language):
    full = {
        "qualifications": [diploma(pk=7)],
        "experience": practised((date(2020, 1, 1), None)),
        "classifications": [classification(DAY)],
        "application": Application(qualification_id=7),
        "attachments": {"employer_letter": Attachment(issued_on=DAY, paper=Paper(name="letter.pdf"))},
    }
    with translation.override(language):
        for facts in (Dossier(None, DAY, POLICIES), dossier(kind=""), dossier(nationality="IN", kind="iqama", **full)):
            for rule, finding in service.findings(facts):
                assert finding.fact
                assert str(rule.name)
                assert finding.verdict in Verdict
