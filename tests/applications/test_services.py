"""Every service from its draft to what it writes and issues, by the portal's own verbs (SRV-1 to SRV-7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from applications import exams, filing
from applications.catalogue import CATALOGUE
from applications.models import Application
from cpd import recording
from cpd.models import ActivityType
from mumaris.kit.clock import add_months, today
from mumaris.kit.lifecycle import NotAllowed
from payments.models import Line
from register import sanctions, standing
from register.models import Classification, IssuedPaper
from register.standing import Standing
from tests.people import (
    NOON,
    Office,
    classified,
    completed,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_qualification,
    pay,
    registered,
    submitted,
)

pytestmark = pytest.mark.django_db


def kinds_of(case: Application) -> set[str]:
    return set(IssuedPaper.objects.filter(case=case.reference).values_list("kind", flat=True))


def later(months: int = 0, days: int = 0):
    """Midday in Riyadh so many months and days after NOON."""
    return NOON + (add_months(NOON.date(), months) - NOON.date()) + timedelta(days=days)


@pytest.mark.req("SRV-1")
def test_classification_with_an_exam_is_recognised_by_the_pass():
    office, person = Office(), make_practitioner()
    degree = make_qualification(person, degree="bachelor", title="Bachelor of nursing")
    case = submitted(person, rank="specialist", qualification=degree)
    number = office.admit(case)
    office.result(number, "failed")
    office.result(number, "passed", now=NOON + timedelta(days=1))
    degree.refresh_from_db()
    assert degree.recognised_on == date(2026, 11, 23)
    assert not Classification.objects.exists()
    case = office.issue(pay(office.approve(case), "service"))
    assert case.state == "completed"
    assert Classification.objects.get().rank.code == "specialist"
    assert Classification.objects.get().qualification == degree
    assert kinds_of(case) == {"classification_certificate"}


@pytest.mark.req("APP-6")
def test_the_exam_follows_the_rank_that_is_granted():
    office, person = Office(), make_practitioner()
    degree = make_qualification(person, degree="bachelor", title="Bachelor of nursing")
    case = submitted(person, rank="specialist", qualification=degree)
    with pytest.raises(NotAllowed):
        office.recommend(case)
    case = office.approve(case, rank="technician")
    assert (case.state, case.granted_rank.code) == ("preliminarily_approved", "technician")


@pytest.mark.req("SRV-2")
@pytest.mark.parametrize("route", ["new_qualification", "experience", "unused"])
def test_reclassification_by_each_of_its_three_routes(route):
    office = Office()
    person = classified(office, expires_on=date(2040, 1, 1))
    held = Classification.objects.get()
    now, chosen = later(days=1), {}
    if route == "new_qualification":
        chosen = {"rank": "specialist"}
    elif route == "unused":
        now = later(months=12)
        chosen = {"rank": "technician", "qualification": held.qualification}
    else:
        degree = make_qualification(person, degree="master", title="Master of nursing")
        Classification.objects.update(rank=held.specialty.profession.ranks.get(code="specialist"))
        person.experience.create(
            employer="Rabia Hospital", country="SA", job="Nurse", started_on=held.decided_on, ended_on=None
        )
        now, chosen = later(months=60), {"rank": "senior-specialist", "qualification": degree}
    case = submitted(person, "re-classification", now=now, answers={"route": route}, **chosen)
    if exams.exam_asked(case, case.asked_rank):
        office.result(office.admit(case, now=now), "passed", now=now)
    case = office.issue(pay(office.approve(case, now=now), "service", now=now), now=now)
    newest = person.classifications.first()
    assert case.state == "completed"
    assert newest.case == case.reference
    assert newest.rank.code == chosen["rank"]
    assert newest.usable_until > held.usable_until


@pytest.mark.req("SRV-4")
@pytest.mark.req("SRV-15")
def test_renewal_in_time_follows_the_old_period_and_keeps_the_status():
    office = Office()
    person = registered(office)
    held = person.registrations.get()
    ends = held.periods.get().last_day
    now = later(months=22)
    give_hours(office, person, 20, held.periods.get().first_day)
    case = submitted(person, "renewal", now=now)
    past_the_end = ends + timedelta(days=40)
    assert standing.of([held], past_the_end)[held.pk] == Standing.RENEWAL_PENDING
    case = office.issue(pay(office.approve(case, now=now), "service", now=now), now=now)
    assert case.state == "completed"
    renewed = held.periods.order_by("-days")[0]
    assert (renewed.first_day, renewed.last_day) == (
        ends + timedelta(days=1),
        add_months(ends + timedelta(days=1), 24) - timedelta(days=1),
    )
    assert renewed.hours_from == renewed.first_day
    assert standing.of([held], past_the_end)[held.pk] == Standing.ACTIVE
    assert kinds_of(case) == {"registration_card", "registration_certificate"}
    assert [line.text_en for line in Line.objects.filter(invoice=invoice_of(case, "service"))] == [
        "Service fee, Technician"
    ]


@pytest.mark.req("SRV-4")
@pytest.mark.req("PAY-1")
@pytest.mark.parametrize(("days", "late"), [(0, False), (1, True)])
def test_the_late_fee_is_a_line_judged_on_the_day_of_declaration(days, late):
    office = Office()
    person = registered(office)
    held = person.registrations.get()
    grace_ends = standing.grace_ends(held.periods.get().last_day, 1)
    give_hours(office, person, 20, held.periods.get().first_day)
    now = NOON + (grace_ends - NOON.date()) + timedelta(days=days)
    case = submitted(person, "renewal", now=now)
    case = office.approve(case, now=now + timedelta(days=9))
    lines = Line.objects.filter(invoice=invoice_of(case, "service"))
    assert lines.count() == (2 if late else 1)
    case = office.issue(pay(case, "service", now=now + timedelta(days=9)), now=now + timedelta(days=9))
    renewed = held.periods.order_by("-days")[0]
    assert renewed.first_day == (
        today(now) + timedelta(days=9) if late else held.periods.order_by("days")[0].days.upper
    )


@pytest.mark.req("SRV-4")
@pytest.mark.req("CPD-5")
def test_evidence_of_missing_hours_is_no_obstacle_and_must_be_recorded_before_the_recommendation():
    office = Office()
    person = registered(office)
    held = person.registrations.get()
    now = later(months=23)
    give_hours(office, person, 5, held.periods.get().first_day)
    with pytest.raises(NotAllowed):
        declare(make_draft(person, "renewal", now=now, answers={"evidenced_hours": 14}), now=now)
    draft = person.applications.get(state="draft", service="renewal")
    draft = make_draft(person, "renewal", now=now, answers={"evidenced_hours": 15})
    case = pay(declare(draft, now=now), "admin", now=now)
    judged = next(one for one in Application.objects.get(pk=case.pk).judgement["en"] if one["rule"] == "has_cpd_hours")
    assert judged["verdict"] == "evidence"
    with pytest.raises(NotAllowed):
        office.recommend(case, now=now)
    give_hours(office, person, 15, today(now) - timedelta(days=3))
    assert office.approve(case, now=now).state == "preliminarily_approved"


@pytest.mark.req("SRV-5")
def test_a_studied_qualification_is_recognised():
    office, person = Office(), make_practitioner()
    case = completed(office, person, "qualification-study")
    assert kinds_of(case) == {"study_decision"}
    assert person.qualifications.get().recognised_on == date(2026, 11, 22)
    assert not Classification.objects.exists()


@pytest.mark.req("SRV-6")
def test_good_standing_is_certified_for_its_months():
    office = Office()
    case = completed(office, registered(office), "good-standing")
    paper = IssuedPaper.objects.get(case=case.reference)
    assert paper.kind == "good_standing"
    assert paper.valid_until == add_months(date(2026, 11, 22), 6) - timedelta(days=1)
    assert paper.facts["authority"] == "Dubai Health Authority"


@pytest.mark.req("SRV-7")
def test_a_training_letter_needs_one_officer_and_no_last_check():
    office = Office()
    person = classified(office)
    case = submitted(person, "training-letter")
    case = office.recommend(case)
    case = pay(case, "service")
    assert case.state == "completed"
    paper = IssuedPaper.objects.get(case=case.reference)
    assert (paper.kind, paper.facts["facility"], paper.facts["months"]) == ("training_letter", "Rabia Hospital", 3)
    assert not case.timeline.filter(by=office.approver).exists()


@pytest.mark.req("SRV-7")
def test_a_remark_about_a_gap_is_a_reason_for_a_training_letter():
    office, person = Office(), make_practitioner()
    with pytest.raises(NotAllowed):
        submitted(person, "training-letter")
    office.return_(submitted(person), "transcript", code="practice_gap")
    person.applications.get(service="training-letter").delete()
    assert submitted(person, "training-letter").state == "submitted"


def give_hours(office: Office, person, hours: int, began: date) -> None:
    """Hours of professional development, recorded as an officer does, five a day."""
    for number in range(hours // 5):
        day = began + timedelta(days=number)
        award = recording.Award(
            title=f"Course {number} from {began}",
            type=ActivityType.CONFERENCE,
            provider="Health Academy",
            began_on=day,
            ended_on=day,
            hours=Decimal(5),
        )
        recording.record(person, award, by=office.cpd_officer, now=later(months=30))


@pytest.mark.req("SRV-6")
def test_a_sanction_imposed_after_the_declaration_bars_the_issue():
    office = Office()
    person = registered(office)
    case = pay(office.approve(submitted(person, "good-standing")), "service")
    sanction = sanctions.impose(person, "Suspended for a month.", by=office.registrar, now=NOON)
    with pytest.raises(NotAllowed), transaction.atomic():
        office.issue(case)
    assert not IssuedPaper.objects.filter(case=case.reference).exists()
    sanctions.lift(sanction, "Upheld on appeal.", by=office.registrar, now=NOON + timedelta(days=1))
    assert office.issue(case, now=NOON + timedelta(days=1)).state == "completed"


@pytest.mark.req("SRV-2")
def test_no_earlier_qualification_is_a_new_one():
    office = Office()
    person = classified(office)
    used = Classification.objects.get().qualification
    draft = make_draft(person, "re-classification", now=later(days=1), rank="technician", qualification=used)
    with pytest.raises(NotAllowed, match=r"CC-"):
        declare(draft, now=later(days=1))


@pytest.mark.req("APP-3")
def test_nothing_is_declared_before_its_questions_are_answered():
    office = Office()
    person = registered(office)
    draft = filing.start(person, CATALOGUE["good-standing"], now=NOON)
    with pytest.raises(NotAllowed):
        declare(draft)
    assert Application.objects.get(pk=draft.pk).state == "draft"
