"""Registration, its renewal, good standing and training: windows, grace, hours, sanctions, to the day (SRV-3, SRV-4, SRV-6, SRV-7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from applications import dossier as dossiers
from applications import rules
from applications.catalogue import CATALOGUE
from applications.models import Application, Attachment, ReturnItem
from applications.rules import Verdict
from cpd.requirements import Record
from register import sanctions
from register.models import Sanction
from tests.applications.dossiers import (
    DAY,
    DAYS,
    GENERAL,
    MIDWIFERY,
    PHARMACIST,
    POLICIES,
    classification,
    dossier,
    period,
    verdict,
)
from tests.people import NOON, Office, make_practitioner

# Already registered


@pytest.mark.req("SRV-3")
@pytest.mark.parametrize(
    ("classified_in", "registered_in", "outcome"),
    [
        (GENERAL, [], Verdict.MET),
        (GENERAL, [GENERAL], Verdict.UNMET),
        (GENERAL, [MIDWIFERY], Verdict.MET),
        (GENERAL, [MIDWIFERY, PHARMACIST], Verdict.MET),
        (GENERAL, [MIDWIFERY, GENERAL], Verdict.UNMET),
        (None, [MIDWIFERY], Verdict.UNMET),  # nothing says that it would be another one
        (None, [], Verdict.MET),
    ],
)
@pytest.mark.parametrize("ended", [True, False])
def test_one_is_registered_once_in_a_specialty_and_again_in_another(classified_in, registered_in, outcome, ended):
    """An ended registration is renewed as well, not asked for again."""
    last_day = DAY + timedelta(days=-400 if ended else 400)
    facts = dossier(
        classifications=[classification(DAY, specialty=classified_in)] if classified_in else [],
        periods=[period(last_day, pk=at, specialty=one) for at, one in enumerate(registered_in, 1)],
    )
    assert verdict(rules.is_not_registered, facts) == outcome


# When renewal opens, and when it is late


@pytest.mark.req("SRV-4")
@pytest.mark.parametrize(
    ("last_day", "opens"),
    [
        (date(2026, 11, 22), date(2026, 8, 22)),
        (date(2027, 2, 28), date(2026, 11, 28)),
        (date(2026, 5, 31), date(2026, 2, 28)),  # February has no 31st
        (date(2026, 5, 30), date(2026, 2, 28)),
        (date(2028, 5, 31), date(2028, 2, 29)),
        (date(2026, 8, 31), date(2026, 5, 31)),
        (date(2027, 1, 1), date(2026, 10, 1)),
    ],
)
@pytest.mark.parametrize(("off", "outcome"), [(-1, Verdict.UNMET), (0, Verdict.MET), (1, Verdict.MET)])
def test_renewal_opens_three_months_before_the_last_day(last_day, opens, off, outcome):
    facts = dossier(opens + timedelta(days=off), periods=[period(last_day)])
    assert verdict(rules.registration_ends_soon, facts) == outcome
    assert not rules.is_renewed_late(facts)


@pytest.mark.req("SRV-4")
@pytest.mark.req("PAY-1")
@pytest.mark.parametrize(
    ("last_day", "grace_ends"),
    [
        (date(2026, 11, 22), date(2026, 12, 22)),
        (date(2027, 1, 31), date(2027, 2, 28)),
        (date(2027, 1, 30), date(2027, 2, 28)),
        (date(2027, 8, 30), date(2027, 9, 30)),
        (date(2027, 8, 31), date(2027, 9, 30)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2028, 3, 29)),
    ],
)
def test_the_last_day_of_the_grace_is_not_late_and_the_next_one_is(last_day, grace_ends):
    said = {}
    for day in (last_day, last_day + timedelta(days=1), grace_ends, grace_ends + timedelta(days=1), date(2040, 1, 1)):
        facts = dossier(day, periods=[period(last_day)])
        assert rules.is_renewed_late(facts) is (day > grace_ends)
        with translation.override("en"):
            found = rules.registration_ends_soon.ask(facts)
        assert found.verdict == Verdict.MET
        said[day] = found.fact
    assert "late fee" not in said[last_day]
    assert "no late fee" in said[last_day + timedelta(days=1)]
    assert "no late fee" in said[grace_ends]
    assert "A late fee is added" in said[grace_ends + timedelta(days=1)] == said[date(2040, 1, 1)]


@settings(deadline=None)
@given(last_day=DAYS, day=DAYS)
def test_before_the_window_soon_in_grace_and_late_follow_each_other(last_day, day):
    facts, tomorrow = (dossier(one, periods=[period(last_day)]) for one in (day, day + timedelta(days=1)))
    opened = verdict(rules.registration_ends_soon, facts) == Verdict.MET
    assert opened is (day >= rules.renewal_opens(last_day, POLICIES))
    assert not (opened and verdict(rules.registration_ends_soon, tomorrow) == Verdict.UNMET)
    assert not (rules.is_renewed_late(facts) and not rules.is_renewed_late(tomorrow))
    assert not (rules.is_renewed_late(facts) and day <= last_day)


@pytest.mark.req("SRV-4")
def test_the_registration_that_the_application_names_counts_else_the_one_that_ends_first():
    soon, later = period(DAY, pk=1), period(DAY + timedelta(days=700), pk=2, specialty=MIDWIFERY)
    renewed = period(DAY + timedelta(days=731), pk=1, first_day=DAY + timedelta(days=1))
    for application, periods, outcome in (
        (None, [soon, later], Verdict.MET),
        (Application(registration_id=1), [soon, later], Verdict.MET),
        (Application(registration_id=2), [soon, later], Verdict.UNMET),
        (None, [soon, renewed], Verdict.UNMET),  # renewed already
        (Application(registration_id=9), [soon], Verdict.UNMET),  # another person's
        (None, [], Verdict.UNMET),
    ):
        facts = dossier(periods=periods, application=application)
        assert verdict(rules.registration_ends_soon, facts) == outcome
        named = application is None or application.registration_id != 9
        assert verdict(rules.is_registered, facts) == (Verdict.MET if periods and named else Verdict.UNMET)


# Hours of professional development


def with_hours(needed, brought=None, attached=False, application=True):
    """Somebody of whom 20 hours are asked and who still needs so many; in the application they bring evidence of some."""
    answers = {} if brought is None else {"evidenced_hours": brought}
    facts = dossier(
        periods=[period(DAY)],
        application=Application(answers=answers) if application else None,
        attachments={"cpd_evidence": Attachment(slot="cpd_evidence")} if attached else {},
    )
    needed = Decimal(str(needed))
    facts.cpd = Record(Decimal(20), Decimal(20) - needed, Decimal(0), needed, DAY, DAY, DAY, (), ())
    return facts


@pytest.mark.req("SRV-4")
@pytest.mark.req("CPD-5")
@pytest.mark.parametrize(
    ("needed", "brought", "attached", "outcome", "in_the_way"),
    [
        (0, None, False, Verdict.MET, False),
        (0, 10, True, Verdict.MET, False),
        ("0.5", None, False, Verdict.EVIDENCE, True),
        ("0.5", 1, False, Verdict.EVIDENCE, True),
        ("0.5", 1, True, Verdict.EVIDENCE, False),
        (10, 9, True, Verdict.EVIDENCE, True),
        (10, 10, False, Verdict.EVIDENCE, True),
        (10, 10, True, Verdict.EVIDENCE, False),
        (10, 11, True, Verdict.EVIDENCE, False),
        ("10.5", 10, True, Verdict.EVIDENCE, True),
        (10, None, True, Verdict.EVIDENCE, True),
        (10, "", True, Verdict.EVIDENCE, True),
    ],
)
def test_hours_are_met_or_brought_in_evidence(needed, brought, attached, outcome, in_the_way):
    facts = with_hours(needed, brought, attached)
    found = rules.has_cpd_hours.ask(facts)
    assert (found.verdict, found.stands_in_the_way) == (outcome, in_the_way)
    assert (found.remedy is not None) is in_the_way
    assert rules.lacks_cpd_hours(facts) is (float(needed) > 0)
    asked = {slot.slug for slot in CATALOGUE["renewal"].slots(facts)}
    questions = {getattr(ask, "slug", "") for ask in CATALOGUE["renewal"].questions(facts)}
    assert ("cpd_evidence" in asked) is ("evidenced_hours" in questions) is (float(needed) > 0)
    # Evidence counts for nothing until an officer has recorded what it is worth.
    assert verdict(rules.cpd_hours_are_recorded, facts) == (Verdict.UNMET if float(needed) else Verdict.MET)


@pytest.mark.req("SRV-4")
@given(halves=st.integers(0, 400))
def test_hours_are_told_as_they_are(halves):
    facts = with_hours(Decimal(halves) / 2, application=False)
    facts.cpd = Record(Decimal(200), Decimal(halves) / 2, Decimal(0), Decimal(200), DAY, DAY, DAY, (), ())
    with translation.override("en"):
        fact = rules.has_cpd_hours.ask(facts).fact
    assert "Asked: 200 hours" in fact
    assert f"Counted: {halves // 2}{'.5' if halves % 2 else ''}. " in fact
    assert "Missing: 200." in fact


def test_without_a_registration_there_is_no_requirement():
    for rule in (rules.has_cpd_hours, rules.is_registered):
        assert verdict(rule, dossier()) == Verdict.UNMET
    assert verdict(rules.cpd_hours_are_recorded, dossier()) == Verdict.MET
    assert not rules.lacks_cpd_hours(dossier())
    assert not rules.is_renewed_late(dossier())


# Sanctions


@pytest.mark.req("SRV-4")
@pytest.mark.req("SRV-6")
@pytest.mark.django_db
@pytest.mark.parametrize("lifted", [True, False])
def test_a_sanction_stands_from_its_day_to_its_last_or_to_its_lifting(lifted):
    office, person = Office(), make_practitioner()
    ends_on = DAY + timedelta(days=10)
    sanction = sanctions.impose(person, "Practised without a licence.", ends_on=ends_on, by=office.registrar, now=NOON)
    stands = {-1: False, 0: True, 1: True, 4: True, 5: not lifted, 10: not lifted, 11: False}
    if lifted:
        sanctions.lift(sanction, "Decided anew.", by=office.registrar, now=NOON + timedelta(days=5))
    for days, standing in stands.items():
        found = rules.has_no_sanction.ask(dossiers.load(person, NOON + timedelta(days=days)))
        assert found.verdict == (Verdict.UNMET if standing else Verdict.MET), days
    assert verdict(rules.has_no_sanction, dossiers.load(make_practitioner(), NOON)) == Verdict.MET


@pytest.mark.req("SRV-6")
def test_a_sanction_is_told_in_the_words_of_its_decision():
    told = Sanction(what="Practised without a licence.", note="Complaint 77", imposed_on=DAY)
    found = rules.has_no_sanction.ask(dossier(sanctions=[told]))
    assert told.what in found.fact
    assert "77" not in found.fact


# Training


@pytest.mark.req("SRV-7")
@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({}, Verdict.UNMET),
        ({"gap_remarks": [ReturnItem()]}, Verdict.MET),
        ({"gap_rejections": [Application()]}, Verdict.MET),
        ({"classifications": [classification(date(2020, 1, 1))]}, Verdict.MET),
        ({"periods": [period(date(2020, 1, 1))]}, Verdict.MET),
    ],
)
def test_who_has_a_reason_to_train(facts, outcome):
    assert verdict(rules.has_reason_to_train, dossier(**facts)) == outcome


@pytest.mark.req("SRV-7")
@pytest.mark.parametrize(("off", "outcome"), [(-1, Verdict.UNMET), (0, Verdict.MET), (1, Verdict.MET)])
def test_training_begins_today_or_later(off, outcome):
    begins = Application(answers={"training_from": (DAY + timedelta(days=off)).isoformat()})
    assert verdict(rules.training_lies_ahead, dossier(application=begins)) == outcome
    assert verdict(rules.training_lies_ahead, dossier(application=Application())) == Verdict.UNMET
    assert verdict(rules.training_lies_ahead, dossier()) == Verdict.MET
