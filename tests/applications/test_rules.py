"""Eligibility at its exact edges: who somebody is, how old they and their letters are, and their practice (SRV-1, SRV-3, SRV-12)."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import translation
from hijridate import Gregorian
from hypothesis import example, given, settings
from hypothesis import strategies as st

from applications import rules
from applications.catalogue import CATALOGUE
from applications.dossier import Dossier
from applications.models import Application, Attachment
from applications.rules import Verdict
from cpd.requirements import Record
from documents.models import Paper
from mumaris.kit.clock import add_months
from mumaris.kit.fields import CalendarDateField
from tests.applications.dossiers import (
    DAY,
    DAYS,
    GENERAL,
    POLICIES,
    SPECIALIST,
    asking,
    classification,
    diploma,
    dossier,
    licence,
    period,
    practised,
    resident,
    verdict,
)

# Identity and residence card


@pytest.mark.req("SRV-3")
@pytest.mark.parametrize(("days_left", "outcome"), [(1, Verdict.MET), (0, Verdict.MET), (-1, Verdict.UNMET)])
def test_a_residence_card_counts_until_the_end_of_its_last_day(days_left, outcome):
    facts = resident(expires_on=DAY + timedelta(days=days_left))
    assert verdict(rules.is_saudi_or_resident, facts) == outcome
    assert verdict(rules.identity_is_complete, facts) == outcome


@pytest.mark.req("SRV-3")
def test_only_saudis_and_holders_of_a_dated_residence_card_register():
    assert verdict(rules.is_saudi_or_resident, dossier()) == Verdict.MET
    assert verdict(rules.is_saudi_or_resident, dossier(nationality="IN", kind="passport")) == Verdict.UNMET
    assert verdict(rules.is_saudi_or_resident, resident(expires_on=None)) == Verdict.UNMET


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


# Either calendar


def typed_in_hijri(day):
    """What a form makes of the day when it is typed in the other calendar."""
    there = Gregorian.fromdate(day).to_hijri()
    return CalendarDateField().clean(["hijri", str(there.day), str(there.month), str(there.year)])


@pytest.mark.req("SRV-3")
@settings(deadline=None)
@given(day=DAYS, off=st.integers(-1, 1))
def test_a_day_typed_in_the_other_calendar_is_judged_as_the_same_day(day, off):
    oldest = add_months(day, -POLICIES["employer_letter.months"])
    written = oldest + timedelta(days=off)
    assert typed_in_hijri(written) == written
    assert verdict(rules.employer_letter_is_recent, letter_of(typed_in_hijri(written), day)) == (
        Verdict.UNMET if off < 0 else Verdict.MET
    )
    last_day = add_months(day, 12) + timedelta(days=off - 1)
    worked = practised((typed_in_hijri(day), typed_in_hijri(last_day)))
    assert verdict(rules.has_experience_if_not_saudi, resident(last_day, experience=worked)) == (
        Verdict.UNMET if off < 0 else Verdict.MET
    )


# Months of practice


@pytest.mark.req("SRV-1")
@pytest.mark.parametrize(("last_day", "outcome"), [(-1, Verdict.UNMET), (0, Verdict.MET), (1, Verdict.MET)])
@pytest.mark.parametrize("first_day", [date(2025, 1, 1), date(2024, 2, 29), date(2023, 11, 30), date(2024, 1, 31)])
def test_a_non_saudi_has_practised_twelve_months_to_the_day(first_day, last_day, outcome):
    ended_on = add_months(first_day, 12) + timedelta(days=last_day - 1)
    facts = resident(experience=practised((first_day, ended_on)))
    assert verdict(rules.has_experience_if_not_saudi, facts) == outcome
    assert verdict(rules.has_experience_if_not_saudi, dossier()) == Verdict.MET


@pytest.mark.req("DOC-2")
@pytest.mark.parametrize(("days", "counted"), [(364, False), (365, True), (366, True)])
def test_practice_abroad_counts_from_a_year_on_and_here_from_the_first_day(days, counted):
    """Two times in one country are two certificates: neither shows what the other does."""
    time = (date(2025, 1, 1), date(2025, 1, 1) + timedelta(days=days - 1))
    there, here = (
        resident(experience=practised(time, country=country), licences=[licence()]) for country in ("EG", "SA")
    )
    assert rules.practised_abroad(there) is counted
    assert rules.practised_here(here)
    assert not rules.practised_here(there)
    assert not rules.practised_abroad(here)
    assert verdict(rules.has_experience_if_not_saudi, there) == (Verdict.MET if counted else Verdict.UNMET)
    halves = [(date(2024, 1, 1), date(2024, 11, 30)), (date(2024, 12, 1), date(2025, 10, 31))]
    assert verdict(rules.has_experience_if_not_saudi, resident(experience=practised(*halves))) == Verdict.MET
    assert (
        verdict(rules.has_experience_if_not_saudi, resident(experience=practised(*halves, country="EG")))
        == Verdict.UNMET
    )


# The gap in practice: twenty-four months

TIMES = st.lists(
    st.tuples(DAYS, st.integers(0, 2000)).map(lambda one: (one[0], one[0] + timedelta(days=one[1]))), max_size=6
)


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


@pytest.mark.req("SRV-1")
def test_practice_is_looked_for_from_the_first_qualification_on_and_the_longest_gap_is_named():
    held = [diploma(date(2026, 1, 1)), diploma(date(2012, 1, 1)), diploma(date(2024, 1, 1))]
    worked = practised((date(2014, 6, 1), date(2018, 1, 1)), (date(2024, 1, 1), None))
    facts = dossier(qualifications=held, experience=worked)
    with translation.override("en"):
        found = rules.gap_in_practice_is_explained.ask(facts)
    assert found.verdict == Verdict.EVIDENCE
    assert "from 2 January 2018 to 1 January 2024" in found.fact
    facts.experience = worked[1:]
    assert verdict(rules.gap_in_practice_is_explained, facts) == Verdict.EVIDENCE
    facts.experience = practised((date(2012, 1, 1), None))
    assert verdict(rules.gap_in_practice_is_explained, facts) == Verdict.MET


@pytest.mark.req("DOC-2")
def test_practice_that_proves_nothing_closes_no_gap():
    """A short stay abroad is neither certified nor verified, so nobody would ever see a paper of it."""
    half_way = (date(2024, 6, 1), date(2024, 8, 31))
    for country, outcome in (("SA", Verdict.MET), ("EG", Verdict.EVIDENCE)):
        facts = dossier(
            qualifications=[diploma(date(2023, 1, 1))],
            experience=practised(half_way, (date(2026, 3, 1), None), country=country),
        )
        assert verdict(rules.gap_in_practice_is_explained, facts) == outcome


# Every rule answers everybody


@pytest.mark.req("SRV-12")
@pytest.mark.parametrize("service", CATALOGUE.values(), ids=CATALOGUE)
@pytest.mark.parametrize("language", ["ar", "en"])
def test_every_rule_answers_about_anybody_in_words(service, language):
    with translation.override(language):
        for facts in anybody():
            findings = [*service.findings(facts), *((rule, rule.ask(facts)) for rule in service.confirmed_if)]
            for rule, finding in findings:
                assert finding.fact.strip(), rule.slug
                assert not re.search(r"%\(|None\b(?! in| runs| is)", finding.fact), rule.slug
                assert str(rule.name).strip()
                assert finding.verdict in Verdict
                assert finding.remedy is None or str(finding.remedy.text).strip(), rule.slug
            assert {slot.slug for slot in service.slots(facts)} <= {slot.slug for slot in service.documents}
            assert service.questions(facts) == [ask for ask in service.asks if ask in service.questions(facts)]
            assert {one.purpose for one in service.surcharges if one.due_if(facts)} <= {"late"}


def anybody():
    """Nobody yet, people of whom little is known, and people of whom much is, with every shape of application."""
    empty = Application()
    yield Dossier(None, DAY, POLICIES)
    yield dossier(kind="")
    yield dossier(application=empty)
    yield resident(application=empty)
    for nationality, country in (("SA", "SA"), ("IN", "EG")):
        for application in (None, asking(), asking(GENERAL, SPECIALIST, route="unused")):
            facts = dossier(
                nationality=nationality,
                kind="iqama",
                application=application,
                qualifications=[diploma(pk=7, country=country)],
                experience=practised((date(2020, 1, 1), None), country=country),
                licences=[licence(country)],
                classifications=[classification(DAY)],
                periods=[period(DAY)],
                attachments={"employer_letter": Attachment(issued_on=DAY, paper=Paper(name="letter.pdf"))},
            )
            facts.cpd = Record(Decimal(20), Decimal(5), Decimal(0), Decimal(15), DAY, DAY, DAY, (), ())
            yield facts
