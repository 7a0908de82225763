"""Whose papers are verified at the source before anything is declared, and whose are not (DOC-2, DOC-3)."""

from datetime import date, timedelta

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from applications import rules
from applications.catalogue import CATALOGUE
from applications.models import Application
from applications.rules import Verdict
from documents.models import Result
from tests.applications.dossiers import (
    DAY,
    asking,
    classification,
    diploma,
    dossier,
    licence,
    practised,
    resident,
    verdict,
    verified,
)

YEAR = (date(2024, 1, 1), date(2024, 12, 31))
OUTCOMES = {
    (): Verdict.UNMET,
    ("",): Verdict.UNMET,  # the company is at work
    (Result.DISCREPANCY,): Verdict.UNMET,
    (Result.UNABLE,): Verdict.UNMET,
    (Result.POSITIVE,): Verdict.MET,
    (Result.DISCREPANCY, Result.POSITIVE): Verdict.MET,  # after an appeal or by a new case
    (Result.UNABLE, ""): Verdict.UNMET,
}
each_outcome = pytest.mark.parametrize(("results", "outcome"), OUTCOMES.items())
BOTH = (rules.papers_are_verified, rules.qualification_is_verified)


@pytest.mark.req("DOC-2")
@pytest.mark.req("DOC-3")
@pytest.mark.parametrize("nationality", ["SA", "IN"])
@pytest.mark.parametrize("country", ["SA", "EG"])
@pytest.mark.parametrize("equivalency", ["", "MOE-1"])
@pytest.mark.parametrize("recognised_on", [None, date(2020, 1, 1)])
@each_outcome
def test_a_qualification_is_verified_by_whose_and_where_it_is(
    nationality, country, equivalency, recognised_on, results, outcome
):
    held = diploma(pk=7, country=country, equivalency=equivalency, recognised_on=recognised_on, results=results)
    facts = dossier(nationality=nationality, qualifications=[held], application=asking())
    spared = country == "SA" or recognised_on or (nationality == "SA" and equivalency)
    for rule in BOTH:
        assert verdict(rule, facts) == (Verdict.MET if spared else outcome)
    asked = {slot.slug for slot in CATALOGUE["classification"].slots(facts)}
    assert ("equivalency" in asked) is (
        nationality == "SA" and country == "EG" and equivalency != "" and recognised_on is None
    )


@pytest.mark.req("DOC-2")
@each_outcome
def test_practice_abroad_is_verified_with_its_licence(results, outcome):
    positive = [Result.POSITIVE]
    for certificate, shown in ((results, positive), (positive, results), (results, results)):
        worked = [verified(one, *certificate) for one in practised(YEAR, country="EG")]
        facts = resident(experience=worked, licences=[licence("EG", shown)], qualifications=[diploma(pk=7)])
        assert verdict(rules.papers_are_verified, facts) == outcome
        assert {"licence", "experience_certificate"} <= {s.slug for s in CATALOGUE["classification"].slots(facts)}
        # A service that looks at the qualification alone does not ask for it.
        assert verdict(rules.qualification_is_verified, facts) == Verdict.MET


@pytest.mark.req("DOC-2")
def test_a_country_of_practice_without_a_licence_is_named_with_the_way_to_add_it():
    worked = [verified(one, Result.POSITIVE) for land in ("EG", "IN") for one in practised(YEAR, country=land)]
    for held, missing in (((), "Egypt"), (("EG",), "India"), (("IN",), "Egypt"), (("EG", "IN"), "")):
        facts = resident(experience=worked, licences=[licence(land, [Result.POSITIVE]) for land in held])
        with translation.override("en"):
            found = rules.papers_are_verified.ask(facts)
        assert found.verdict == (Verdict.UNMET if missing else Verdict.MET)
        assert missing in found.fact
        assert not missing or found.remedy.url_name == "licence_add"


@pytest.mark.req("DOC-2")
@pytest.mark.parametrize(("days", "asked"), [(364, False), (365, True), (366, True)])
def test_practice_abroad_of_less_than_a_year_asks_no_licence_and_no_verification(days, asked):
    worked = practised((date(2025, 1, 1), date(2025, 1, 1) + timedelta(days=days - 1)), country="EG")
    facts = resident(experience=worked, qualifications=[diploma(pk=7)])
    assert verdict(rules.papers_are_verified, facts) == (Verdict.UNMET if asked else Verdict.MET)
    slots = {slot.slug for slot in CATALOGUE["classification"].slots(facts)}
    assert ("licence" in slots) is ("experience_certificate" in slots) is asked


@pytest.mark.req("DOC-2")
def test_practice_in_the_kingdom_asks_a_letter_and_no_verification():
    facts = resident(experience=practised(YEAR), qualifications=[diploma(pk=7)])
    assert verdict(rules.papers_are_verified, facts) == Verdict.MET
    slots = {slot.slug for slot in CATALOGUE["classification"].slots(facts)}
    assert "experience" in slots
    assert not slots & {"licence", "experience_certificate"}


@pytest.mark.req("DOC-2")
def test_a_saudi_who_never_practised_gives_neither():
    slots = {slot.slug for slot in CATALOGUE["classification"].slots(dossier(qualifications=[diploma(pk=7)]))}
    assert not slots & {"licence", "experience_certificate", "experience", "equivalency"}


@pytest.mark.req("DOC-2")
def test_a_licence_of_a_country_without_practice_stands_in_nobodys_way():
    """Nor does a second licence of a country of practice, once one of them is verified: a renewed one, or one gone astray."""
    worked = [verified(one, Result.POSITIVE) for one in practised(YEAR, country="EG")]
    odd = licence("IN", [Result.UNABLE])
    good, renewed = licence("EG", [Result.POSITIVE]), licence("EG")
    assert verdict(rules.papers_are_verified, resident(experience=worked, licences=[odd, renewed, good])) == Verdict.MET
    assert verdict(rules.papers_are_verified, resident(experience=worked, licences=[odd, renewed])) == Verdict.UNMET
    assert verdict(rules.papers_are_verified, resident(licences=[odd, renewed])) == Verdict.MET


@pytest.mark.req("DOC-3")
def test_only_the_qualification_that_is_named_counts():
    """While none is named, one that can be named as it is will do."""
    here, abroad = diploma(pk=7), diploma(pk=8, country="EG", results=[Result.UNABLE])
    for rule in BOTH:
        for named, outcome in ((7, Verdict.MET), (8, Verdict.UNMET), (None, Verdict.MET)):
            facts = dossier(qualifications=[here, abroad], application=asking(qualification=named))
            assert verdict(rule, facts) == outcome
        assert verdict(rule, dossier(qualifications=[here, abroad])) == Verdict.MET
        assert verdict(rule, dossier(qualifications=[abroad])) == Verdict.UNMET
        assert verdict(rule, dossier()) == Verdict.MET  # another rule asks for one


@pytest.mark.req("SRV-6")
@each_outcome
def test_good_standing_looks_at_what_the_classification_rests_on_and_at_nothing_else(results, outcome):
    rests_on, another = diploma(pk=7, country="EG", results=results), diploma(pk=8, country="IN")
    held = classification(DAY, rests_on=7)
    facts = dossier(qualifications=[another, rests_on], classifications=[held], application=Application())
    assert verdict(rules.classification_is_verified, facts) == outcome
    rests_on.recognised_on = DAY
    assert verdict(rules.classification_is_verified, facts) == Verdict.MET


@settings(deadline=None)
@given(
    nationality=st.sampled_from(["SA", "IN"]),
    studied=st.lists(st.tuples(st.sampled_from(["SA", "EG"]), st.booleans(), st.booleans()), min_size=1, max_size=3),
    worked=st.lists(st.tuples(st.sampled_from(["SA", "EG", "IN"]), st.booleans(), st.booleans()), max_size=3),
    licences=st.lists(st.tuples(st.sampled_from(["EG", "IN", "PH"]), st.booleans()), max_size=4),
)
def test_a_further_positive_result_never_stands_in_the_way(nationality, studied, worked, licences):
    """Turn every paper positive, one by one: what was met stays met, and at the end only a missing licence is left."""
    held = [
        diploma(pk=20 + at, country=land, equivalency="MOE" if equal else "", results=[Result.POSITIVE] * positive)
        for at, (land, equal, positive) in enumerate(studied)
    ]
    times = [
        verified(one, *[Result.POSITIVE] * positive)
        for land, long, positive in worked
        for one in practised(YEAR if long else (YEAR[0], date(2024, 12, 30)), country=land)
    ]
    shown = [licence(land, [Result.POSITIVE] * positive) for land, positive in licences]
    facts = dossier(nationality=nationality, qualifications=held, experience=times, licences=shown)
    before = verdict(rules.papers_are_verified, facts)
    for entry in [*held, *times, *shown]:
        verified(entry, Result.POSITIVE)
        after = verdict(rules.papers_are_verified, facts)
        assert (before, after) != (Verdict.MET, Verdict.UNMET)
        before = after
    countries = {land for land, long, _positive in worked if long and land != "SA"}
    assert before == (Verdict.MET if countries <= {land for land, _positive in licences} else Verdict.UNMET)
