"""Classification and re-classification: what fits, what is held already, the exam's waiting time, and the three routes (SRV-1, SRV-2)."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from applications import rules
from applications.catalogue import CATALOGUE
from applications.models import EligibilityNumber, ExamResult
from applications.rules import Verdict
from mumaris.kit.clock import add_months
from register.models import Promotion
from tests.applications.dossiers import (
    DAY,
    GENERAL,
    MIDWIFERY,
    NURSING_EXAM,
    PHARMACIST,
    PROMOTIONS,
    SENIOR,
    SPECIALIST,
    TECHNICIAN,
    asking,
    classification,
    diploma,
    dossier,
    period,
    practised,
    resident,
    verdict,
)

# What is asked for


@pytest.mark.req("SRV-1")
@pytest.mark.parametrize(
    ("field", "degree", "country", "unmet"),
    [
        ("NUR", "diploma", "SA", set()),
        ("PHA", "diploma", "SA", {"qualification_fits"}),
        ("NUR", "bachelor", "SA", {"qualification_fits"}),
        ("NUR", "diploma", "IN", {"papers_are_verified"}),
        ("PHA", "bachelor", "IN", {"qualification_fits", "papers_are_verified"}),
    ],
)
def test_the_qualification_must_fit_what_is_asked_for(field, degree, country, unmet):
    held = diploma(pk=7, field=field, degree=degree, country=country)
    facts = dossier(qualifications=[held], application=asking())
    assert {rule.slug for rule, _finding in CATALOGUE["classification"].obstacles(facts)} == unmet


@pytest.mark.req("SRV-1")
@pytest.mark.parametrize("chosen", [(None, TECHNICIAN, 7), (GENERAL, None, 7), (GENERAL, TECHNICIAN, None)])
def test_without_a_choice_nothing_fits_and_the_questions_are_the_way(chosen):
    found = rules.qualification_fits.ask(dossier(qualifications=[diploma(pk=7)], application=asking(*chosen)))
    assert (found.verdict, found.remedy.step) == (Verdict.UNMET, "questions")


# What is held already


@pytest.mark.req("SRV-1")
def test_who_is_classified_is_told_to_ask_for_reclassification():
    found = rules.is_not_classified.ask(dossier(classifications=[classification(DAY - timedelta(days=400))]))
    assert (found.verdict, found.remedy.url_name) == (Verdict.UNMET, "services")
    assert verdict(rules.is_not_classified, dossier()) == Verdict.MET


@pytest.mark.req("SRV-11")
@pytest.mark.parametrize(("days_left", "outcome"), [(1, Verdict.MET), (0, Verdict.MET), (-1, Verdict.UNMET)])
def test_a_classification_is_usable_until_the_end_of_its_last_day(days_left, outcome):
    facts = dossier(classifications=[classification(DAY + timedelta(days=days_left))])
    found = rules.has_usable_classification.ask(facts)
    assert found.verdict == outcome
    assert (found.remedy is None) is (outcome == Verdict.MET)


@pytest.mark.req("SRV-11")
def test_registration_needs_a_classification():
    assert verdict(rules.has_usable_classification, dossier()) == Verdict.UNMET
    assert verdict(rules.is_classified, dossier()) == Verdict.UNMET
    assert verdict(rules.is_classified, dossier(classifications=[classification(date(2020, 1, 1))])) == Verdict.MET


@pytest.mark.req("SRV-11")
@pytest.mark.parametrize(
    ("days", "recognised", "outcome"),
    [
        ([], Verdict.UNMET, Verdict.UNMET),
        ([None], Verdict.UNMET, Verdict.MET),
        ([DAY], Verdict.MET, Verdict.UNMET),
        ([DAY, None], Verdict.MET, Verdict.MET),
    ],
)
def test_recognised_is_what_has_its_day_of_recognition(days, recognised, outcome):
    """A study is for what is not recognised yet; registration for who holds something that is."""
    held = [diploma(pk=7 + at, recognised_on=day) for at, day in enumerate(days)]
    facts = dossier(qualifications=held)
    assert verdict(rules.qualification_is_recognised, facts) == recognised
    assert verdict(rules.qualification_is_not_recognised, facts) == outcome
    for one in held:
        facts.application = asking(qualification=one.pk)
        assert verdict(rules.qualification_is_not_recognised, facts) == (
            Verdict.UNMET if one.recognised_on else Verdict.MET
        )
    facts.application = asking(qualification=None)
    found = rules.qualification_is_not_recognised.ask(facts)
    assert found.verdict == Verdict.UNMET
    assert found.remedy.step or found.remedy.url_name == "qualification_add"


# The waiting time after a last failed attempt


def number(*results, cooling_off_days=180, exam=NURSING_EXAM, free=2, paid=1):
    held = EligibilityNumber(
        pk=1,
        number="EN-2026-0000001",
        exam=exam,
        free_attempts=free,
        paid_attempts=paid,
        cooling_off_days=cooling_off_days,
    )
    held._prefetched_objects_cache = {"results": [ExamResult(sat_on=day, outcome=said) for day, said in results]}
    return held


def failures(*days):
    return [(day, "failed") for day in days]


LAST = date(2026, 11, 22) - timedelta(days=180)
EARLIER = [LAST - timedelta(days=60), LAST - timedelta(days=30)]


@pytest.mark.req("EXM-2")
@pytest.mark.parametrize(("off", "outcome"), [(-1, Verdict.UNMET), (0, Verdict.MET), (1, Verdict.MET)])
@pytest.mark.parametrize("last", ["failed", "absent"])
def test_one_may_apply_again_on_the_day_on_which_the_waiting_time_is_over(off, last, outcome):
    held = number(*failures(*EARLIER), (LAST, last))
    facts = dossier(DAY + timedelta(days=off), eligibility_numbers=[held], application=asking(rank=SPECIALIST))
    assert verdict(rules.exam_may_be_sat_again, facts) == outcome
    facts.application = None
    assert verdict(rules.exam_may_be_sat_again, facts) == outcome


@pytest.mark.req("EXM-2")
@pytest.mark.parametrize(
    "results",
    [
        [],
        failures(*EARLIER),  # an attempt is left
        [*failures(*EARLIER), (DAY, "excused")],
        [*failures(*EARLIER), (DAY, "passed")],
        [(DAY, "passed")],
    ],
)
def test_nobody_waits_while_an_attempt_is_left_or_after_a_pass(results):
    facts = dossier(eligibility_numbers=[number(*results)], application=asking(rank=SPECIALIST))
    assert verdict(rules.exam_may_be_sat_again, facts) == Verdict.MET


@pytest.mark.req("EXM-2")
def test_one_waits_for_the_exam_that_was_failed_and_for_no_other():
    held = number(*failures(*EARLIER, DAY))
    for application, outcome in (
        (asking(rank=SPECIALIST), Verdict.UNMET),
        (asking(MIDWIFERY, SPECIALIST), Verdict.UNMET),  # the same exam
        (asking(PHARMACIST, SPECIALIST), Verdict.MET),
        (asking(rank=TECHNICIAN), Verdict.MET),  # asks no exam, so gives no number
        (asking(None, None), Verdict.UNMET),
    ):
        facts = dossier(eligibility_numbers=[number(), held], application=application)
        assert verdict(rules.exam_may_be_sat_again, facts) == outcome


@settings(deadline=None)
@given(
    days=st.lists(st.integers(0, 400), min_size=1, max_size=4, unique=True),
    cooling=st.integers(0, 400),
    free=st.integers(1, 3),
    paid=st.integers(0, 2),
)
def test_the_waiting_time_counts_from_the_last_sitting(days, cooling, free, paid):
    sat = sorted(DAY - timedelta(days=one) for one in days)
    held = number(*failures(*sat), cooling_off_days=cooling, free=free, paid=paid)
    waits = len(sat) >= free + paid and (DAY - sat[-1]).days < cooling
    found = verdict(rules.exam_may_be_sat_again, dossier(eligibility_numbers=[held]))
    assert (found == Verdict.UNMET) is waits


# The three routes to re-classification

DECIDED = date(2022, 1, 31)


def held_as(rank=TECHNICIAN, **facts):
    return classification(**{"usable_until": date(2023, 1, 30), "decided_on": DECIDED, "rank": rank} | facts)


def asks(
    route, *, rank, specialty=GENERAL, qualification=8, held=None, day=DAY, degree="bachelor", field="NUR", **facts
):
    """The finding about somebody who holds a classification, resting on qualification 7, and names another one."""
    owned = [diploma(pk=7), diploma(pk=8, degree=degree, field=field)]
    asked = asking(specialty, rank, qualification, **({"route": route} if route else {}))
    held = held or held_as(rests_on=7)
    return rules.route_is_open.ask(
        dossier(day, qualifications=owned, classifications=[held], promotions=PROMOTIONS, application=asked, **facts)
    )


@pytest.mark.req("SRV-2")
def test_before_anything_is_said_any_route_is_open_and_then_one_is_named():
    facts = dossier(classifications=[held_as()])
    assert verdict(rules.route_is_open, facts) == Verdict.MET
    assert verdict(rules.route_is_open, dossier()) == Verdict.UNMET
    for missing in ({"route": ""}, {"route": "luck"}, {"specialty": None}, {"rank": None}):
        found = asks(**{"route": rules.NEW_QUALIFICATION, "rank": SPECIALIST} | missing)
        assert (found.verdict, found.remedy.step) == (Verdict.UNMET, "questions")


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Verdict.MET),
        ({"qualification": None}, Verdict.UNMET),
        ({"qualification": 7}, Verdict.UNMET),  # what the classification rests on already
        ({"qualification": 9}, Verdict.UNMET),  # nobody's, or another person's
        ({"degree": "diploma"}, Verdict.UNMET),  # leads nowhere from a technician
        ({"rank": SENIOR}, Verdict.UNMET),  # two steps at once
        ({"rank": TECHNICIAN}, Verdict.UNMET),
        ({"field": "PHA"}, Verdict.UNMET),
        ({"specialty": PHARMACIST}, Verdict.UNMET),  # a nursing degree
        ({"specialty": PHARMACIST, "field": "PHA"}, Verdict.MET),  # another specialty by its own degree
        ({"specialty": PHARMACIST, "field": "PHA", "degree": "diploma"}, Verdict.UNMET),  # not for that rank
        ({"specialty": MIDWIFERY}, Verdict.MET),
        ({"held": held_as(SPECIALIST), "rank": SENIOR, "degree": "bachelor"}, Verdict.UNMET),
    ],
)
def test_a_new_qualification_leads_where_the_ways_up_lead(changes, outcome):
    assert asks(**{"route": rules.NEW_QUALIFICATION, "rank": SPECIALIST} | changes).verdict == outcome


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize(("off", "outcome"), [(-1, Verdict.UNMET), (0, Verdict.MET), (1, Verdict.MET)])
@pytest.mark.parametrize(
    ("route", "months", "degree"), [(rules.NEW_QUALIFICATION, 36, "master"), (rules.EXPERIENCE, 60, "bachelor")]
)
def test_months_of_practice_count_from_the_day_of_the_classification(route, months, degree, off, outcome):
    """However long was practised before it; the last day of the last month counts."""
    day = add_months(DECIDED, months) + timedelta(days=off - 1)
    worked = practised((date(2015, 1, 1), None))
    held = held_as(SPECIALIST, rests_on=7)
    assert asks(route, rank=SENIOR, degree=degree, held=held, day=day, experience=worked).verdict == outcome
    stopped = practised((date(2015, 1, 1), day))
    assert (
        asks(route, rank=SENIOR, degree=degree, held=held, day=date(2030, 1, 1), experience=stopped).verdict == outcome
    )
    assert asks(route, rank=SENIOR, degree=degree, held=held).verdict == Verdict.UNMET


@pytest.mark.req("SRV-2")
@pytest.mark.req("DOC-2")
def test_short_stays_abroad_complete_no_experience():
    """Five years of eleven months each, which no certificate shows."""
    years = [(date(year, 2, 1), date(year, 12, 31)) for year in range(2022, 2029)]
    said = {"rank": SENIOR, "held": held_as(SPECIALIST, rests_on=7), "day": date(2029, 1, 1)}
    for country, outcome in (("SA", Verdict.MET), ("EG", Verdict.UNMET)):
        worked = practised(*years, country=country)
        assert asks(rules.EXPERIENCE, experience=worked, **said).verdict == outcome


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Verdict.MET),
        ({"specialty": MIDWIFERY}, Verdict.UNMET),  # experience changes no specialty
        ({"rank": TECHNICIAN}, Verdict.UNMET),
        ({"rank": SPECIALIST}, Verdict.UNMET),
        ({"held": held_as(TECHNICIAN, rests_on=7), "rank": SPECIALIST}, Verdict.UNMET),  # only a degree leads there
        ({"qualification": 7}, Verdict.MET),
        ({"qualification": None}, Verdict.UNMET),
        ({"qualification": 8, "field": "PHA"}, Verdict.UNMET),  # nothing judged it, and the end would recognise it
    ],
)
def test_experience_leads_one_rank_up_in_the_same_specialty(changes, outcome):
    said = {"rank": SENIOR, "held": held_as(SPECIALIST, rests_on=7), "experience": practised((DECIDED, None))}
    late = add_months(DECIDED, 60)
    assert asks(rules.EXPERIENCE, day=late, **said | changes).verdict == outcome


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize(("route", "degree"), [("qualification", "master"), ("experience", "")])
def test_of_several_ways_to_a_rank_the_shortest_counts(route, degree):
    edges = [
        Promotion(from_rank=SPECIALIST, to_rank=SENIOR, route=route, degree=degree, months=one) for one in (48, 24)
    ]
    owned = [diploma(pk=7), diploma(pk=8, degree="master")]
    said = {rules.NEW_QUALIFICATION: "qualification", rules.EXPERIENCE: "experience"}
    asked = asking(GENERAL, SENIOR, 8, route=next(slug for slug, name in said.items() if name == route))
    facts = {"qualifications": owned, "promotions": edges, "application": asked}
    facts |= {"classifications": [held_as(SPECIALIST, rests_on=7)], "experience": practised((DECIDED, None))}
    for months, outcome in ((23, Verdict.UNMET), (25, Verdict.MET)):
        assert verdict(rules.route_is_open, dossier(add_months(DECIDED, months), **facts)) == outcome


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize(("off", "outcome"), [(-1, Verdict.UNMET), (0, Verdict.UNMET), (1, Verdict.MET)])
def test_an_unused_classification_is_too_old_on_the_day_after_its_last(off, outcome):
    day = held_as().usable_until + timedelta(days=off)
    assert asks(rules.UNUSED, rank=TECHNICIAN, qualification=7, day=day).verdict == outcome


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Verdict.MET),
        ({"rank": SPECIALIST}, Verdict.UNMET),  # this way leads to the same again
        ({"specialty": MIDWIFERY}, Verdict.UNMET),
        ({"periods": [period(date(2020, 1, 1))]}, Verdict.UNMET),  # used, however long ago
        ({"periods": [period(date(2030, 1, 1))]}, Verdict.UNMET),
        ({"periods": [period(date(2030, 1, 1), specialty=MIDWIFERY)]}, Verdict.MET),  # that used another one
        ({"qualification": None}, Verdict.UNMET),
        ({"qualification": 8}, Verdict.MET),  # of the same field
        ({"qualification": 8, "field": "PHA"}, Verdict.UNMET),
    ],
)
def test_an_unused_classification_leads_to_the_same_again(changes, outcome):
    assert asks(rules.UNUSED, **{"rank": TECHNICIAN, "qualification": 7} | changes).verdict == outcome


@pytest.mark.req("SRV-2")
def test_the_latest_classification_is_the_one_that_counts():
    newer = classification(DAY, decided_on=date(2026, 1, 1), rank=SPECIALIST, rests_on=8)
    facts = dossier(
        qualifications=[diploma(pk=7), diploma(pk=8, degree="bachelor")],
        classifications=[newer, held_as(rests_on=7)],
        promotions=PROMOTIONS,
        application=asking(GENERAL, SPECIALIST, 8, route=rules.NEW_QUALIFICATION),
    )
    assert verdict(rules.route_is_open, facts) == Verdict.UNMET


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize("route", [rules.NEW_QUALIFICATION, rules.EXPERIENCE, rules.UNUSED])
@pytest.mark.parametrize("nationality", ["SA", "IN"])
def test_each_route_asks_its_own_papers(route, nationality):
    person = dossier if nationality == "SA" else resident
    facts = person(application=asking(route=route))
    slots = {slot.slug for slot in CATALOGUE["re-classification"].slots(facts)}
    assert ({"transcript", "internship"} <= slots) is (route == rules.NEW_QUALIFICATION)
    assert ("practice_licence" in slots) is (route == rules.EXPERIENCE)
    assert ("social_insurance" in slots) is (route == rules.EXPERIENCE and nationality == "SA")


def test_every_way_of_the_question_is_a_route():
    [question] = [ask for ask in CATALOGUE["re-classification"].asks if getattr(ask, "slug", "") == "route"]
    assert {slug for slug, _words in question.choices} == set(rules.ROUTES)
