"""The exam from admission to its last correction: every branch and every edge (EXM-1 to EXM-3, DLN-1, PAY-1)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.models import Notice, User
from applications import dossier as dossiers
from applications import exams, rules, sweeps
from applications.lifecycle import State
from applications.models import Application, Deadline, EligibilityNumber, ExamPolicy, ExamResult, Matter
from applications.progress import advance
from documents.models import Qualification
from mumaris.kit.clock import end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from payments.models import Credit, Invoice, InvoiceState
from register.models import Classification, Exam, Profession
from tests.applications.exam_cases import DAY, again, case_of, fail, waiting
from tests.people import (
    NOON,
    Office,
    invoice_of,
    make_draft,
    make_practitioner,
    make_qualification,
    make_staff,
    pay,
    submitted,
)
from tests.threads import at_once

SECOND = timedelta(seconds=1)
ONE_DAY = timedelta(days=1)


@pytest.fixture
def office(db):
    office = Office()
    assert office.examiner  # made now, and not within what a test undoes
    return office


@pytest.fixture
def number(office):
    return waiting(office)


def refused(act) -> list[str]:
    """The reasons in English; and nothing was changed."""
    before = ExamResult.objects.count(), Notice.objects.count(), list(Application.objects.values_list("state", "moves"))
    with pytest.raises(NotAllowed) as refusal, translation.override("en"), transaction.atomic():
        act()
    after = ExamResult.objects.count(), Notice.objects.count(), list(Application.objects.values_list("state", "moves"))
    assert before == after
    return [str(reason) for reason in refusal.value.reasons]


def recognised(number: EligibilityNumber):
    return Qualification.objects.get(pk=case_of(number).qualification_id).recognised_on


def correct(office: Office, result: ExamResult, outcome: str, *, now=NOON + 3 * ONE_DAY) -> ExamResult:
    return exams.correct(result, outcome=outcome, reason="The company erred.", by=office.examiner, now=now)


def approved(office: Office, number: EligibilityNumber) -> Application:
    """Passed, recommended and endorsed: waiting for the service fee."""
    office.result(number, "passed")
    return office.approve(case_of(number))


# Admission


@pytest.mark.req("EXM-1")
def test_admission_gives_a_number_by_the_policy_of_the_day(office):
    snle = Exam.objects.get(code="snle")
    rules_of_today = {"free_attempts": 1, "paid_attempts": 2, "fee": 100, "validity_days": 90, "cooling_off_days": 30}
    ExamPolicy.objects.create(exam=snle, effective_from=DAY, source="test", **rules_of_today)
    tomorrow = rules_of_today | {"free_attempts": 9}
    ExamPolicy.objects.create(exam=snle, effective_from=DAY + ONE_DAY, source="test", **tomorrow)
    number = waiting(office)
    assert {name: getattr(number, name) for name in rules_of_today} == rules_of_today
    assert (number.exam, number.valid_until) == (snle, DAY + timedelta(days=90))
    deadline = Deadline.objects.get(application=number.application_id)
    assert (deadline.kind, deadline.due_on) == ("exam", number.valid_until)
    assert deadline.lapses_at == end_of_day(number.valid_until)
    told = Notice.objects.get(kind="admitted_to_exam")
    assert told.facts == {"due_on": number.valid_until.isoformat(), "text": "", "number": number.number}


@pytest.mark.req("EXM-1")
def test_nobody_is_admitted_to_an_exam_that_is_not_asked_or_has_no_policy(office):
    technician = submitted(make_practitioner())
    assert refused(lambda: office.admit(technician)) == [
        "The service, the profession or the rank that was asked for wants no exam."
    ]
    person = make_practitioner()
    degree = make_qualification(person, degree="bachelor", title="Bachelor of nursing")
    specialist = submitted(person, rank="specialist", qualification=degree)
    ExamPolicy.objects.filter(exam__code="snle").update(effective_from=DAY + ONE_DAY)
    assert len(refused(lambda: office.admit(specialist))) == 1
    Profession.objects.filter(code="NUR").update(exam=None)
    assert len(refused(lambda: office.admit(specialist))) == 1


@pytest.mark.req("EXM-1")
@pytest.mark.req("APP-6")
def test_the_exam_follows_the_rank_granted(office, number):
    case = case_of(number)
    office.result(number, "passed")
    assert refused(lambda: office.admit(case)) == ["The exam is passed."]
    lab = {"rank": "specialist", "specialty": "haematology"}
    assert "which what was asked for does not" in refused(lambda: office.recommend(case, **lab))[0]
    office.recommend(case)
    other = submitted(make_practitioner())
    assert "which what was asked for does not" in refused(lambda: office.recommend(other, rank="specialist"))[0]
    office.recommend(other)


@pytest.mark.req("EXM-1")
def test_no_approval_before_the_exam_is_passed(office):
    person = make_practitioner()
    degree = make_qualification(person, degree="bachelor", title="Bachelor of nursing")
    case = submitted(person, rank="specialist", qualification=degree)
    assert "Admit the practitioner to the exam first." in refused(lambda: office.recommend(case))[0]
    assert office.reject(case).state == "rejected"


# Results and what follows


@pytest.mark.req("EXM-2")
@pytest.mark.req("EXM-3")
def test_passing_goes_back_to_the_reviewer_and_recognises_the_qualification(office, number):
    result = exams.record(
        number.number, outcome="passed", sat_on=DAY, score=Decimal("71.5"), by=office.examiner, now=NOON + ONE_DAY
    )
    case = case_of(number)
    assert (case.state, case.reviewer) == ("under_review", office.reviewer)
    assert recognised(number) == today(NOON + ONE_DAY)
    assert not Deadline.objects.exists()
    assert (result.score, result.recorded_by, result.recorded_at) == (Decimal("71.5"), office.examiner, NOON + ONE_DAY)
    told = Notice.objects.get(kind="exam_result")
    assert told.recipient == case.practitioner.user
    assert (told.facts["outcome"], told.facts["move"]) == ("passed", "pass")


@pytest.mark.req("EXM-2")
@pytest.mark.req("PAY-1")
def test_two_attempts_are_free_the_third_is_paid_and_then_it_is_over(office, number):
    office.result(number, "failed")
    case = case_of(number)
    assert (case.state, case.moves) == ("awaiting_exam", 5)
    assert Deadline.objects.get().due_on == number.valid_until
    assert Notice.objects.get(kind="exam_result").facts["left"] == 2
    assert not Invoice.objects.filter(purpose="exam").exists()

    second = NOON + 10 * ONE_DAY
    office.result(number, "absent", now=second)
    invoice = invoice_of(case, "exam")
    assert case_of(number).state == "awaiting_exam_fee"
    assert (invoice.amount, invoice.state, invoice.due_on) == (60_000, "issued", today(second) + timedelta(days=30))
    deadline = Deadline.objects.get()
    assert (deadline.kind, deadline.due_on, deadline.lapses_at) == ("exam_fee", invoice.due_on, invoice.lapses_at)
    assert again(number).valid_until == number.valid_until
    due = Notice.objects.get(kind="exam_fee_due")
    assert due.facts == {"due_on": invoice.due_on.isoformat(), "text": "", "number": ""}

    third = second + 20 * ONE_DAY
    assert pay(case, "exam", now=third).state == "awaiting_exam"
    assert again(number).valid_until == today(third) + timedelta(days=180)
    assert Deadline.objects.get().due_on == again(number).valid_until
    opened = Notice.objects.get(kind="attempt_opened")
    assert opened.facts["number"] == number.number

    office.result(number, "failed", now=third)
    case = case_of(number)
    assert (case.state, case.closed_at) == ("rejected", third)
    assert not Deadline.objects.exists()
    last = Notice.objects.filter(kind="exam_result").latest("pk").facts
    assert (last["move"], last["left"]) == ("fail_last", 0)
    assert last["again_on"] == (today(third) + timedelta(days=180)).isoformat()


@pytest.mark.req("EXM-2")
def test_an_excused_absence_is_no_attempt_and_moves_nothing(office, number):
    for turn in range(4):
        office.result(number, "excused", now=NOON + turn * ONE_DAY)
    case = case_of(number)
    assert (case.state, case.moves, again(number).attempts_used) == ("awaiting_exam", 4, 0)
    assert Notice.objects.filter(kind="exam_result").count() == 4
    office.result(number, "failed", now=NOON + 5 * ONE_DAY)
    assert case_of(number).state == "awaiting_exam"


@pytest.mark.req("EXM-2")
@pytest.mark.req("PAY-1")
def test_a_fee_of_zero_is_waived_at_once_and_opens_the_attempt(office):
    ExamPolicy.objects.filter(exam__code="snle").update(fee=0)
    number = waiting(office)
    now = fail(office, number, 2)
    invoice = invoice_of(case_of(number), "exam")
    assert (invoice.state, invoice.waiver, invoice.amount) == ("waived", "no_fee", 0)
    assert case_of(number).state == "awaiting_exam"
    assert again(number).valid_until == today(now) + timedelta(days=180)
    office.result(number, "passed", now=now + ONE_DAY)
    assert case_of(number).state == "under_review"


@pytest.mark.req("EXM-2")
def test_another_policy_has_other_numbers_of_attempts(office):
    ExamPolicy.objects.filter(exam__code="snle").update(free_attempts=1, paid_attempts=2)
    number = waiting(office)
    now = fail(office, number, 3)
    paid = Invoice.objects.filter(purpose="exam").order_by("serial")
    assert list(paid.values_list("serial", "state")) == [(1, "paid"), (2, "paid")]
    assert case_of(number).state == "rejected"
    assert again(number).cooling_off_until == today(now) + timedelta(days=180)
    one_shot = make_practitioner()
    ExamPolicy.objects.filter(exam__code="snle").update(free_attempts=1, paid_attempts=0)
    only = waiting(office, one_shot)
    office.result(only, "failed")
    assert case_of(only).state == "rejected"


# What cannot be recorded


@pytest.mark.req("EXM-3")
@pytest.mark.parametrize(
    ("sat_on", "reason"),
    [(DAY - ONE_DAY, "was issued on"), (DAY + 181 * ONE_DAY, "was valid until"), (DAY + 6 * ONE_DAY, "in the future")],
)
def test_a_day_outside_the_number_is_refused(office, number, sat_on, reason):
    now = NOON + 5 * ONE_DAY
    said = refused(lambda: office.result(number, "passed", sat_on=sat_on, now=now))
    assert any(reason in one for one in said)


@pytest.mark.req("EXM-2")
def test_the_last_valid_day_counts_and_at_its_end_the_number_is_over(office, number):
    last = NOON + 180 * ONE_DAY
    twin = waiting(office)
    office.result(number, "passed", now=last)
    assert case_of(number).state == "under_review"
    cut_off = end_of_day(twin.valid_until)
    assert refused(lambda: office.result(twin, "passed", sat_on=twin.valid_until, now=cut_off)) == [
        f"{twin.number} expired on 21 May 2027."
    ]
    office.result(twin, "passed", sat_on=twin.valid_until, now=cut_off - SECOND)
    assert case_of(twin).state == "under_review"


@pytest.mark.req("EXM-3")
def test_the_same_sitting_again_changes_nothing_and_another_result_of_it_is_refused(office, number):
    result = office.result(number, "failed")
    before = case_of(number).moves, Notice.objects.count()
    assert office.result(number, "failed", now=NOON + ONE_DAY, sat_on=DAY) == result
    assert (case_of(number).moves, Notice.objects.count()) == before
    assert "Correct that one by hand" in refused(lambda: office.result(number, "absent"))[0]
    correct(office, result, "absent")
    for told in ("failed", "absent"):  # as it was first told, and as it stands since
        assert office.result(number, told) == result
    assert len(refused(lambda: office.result(number, "passed"))) == 1


@pytest.mark.req("EXM-2")
def test_a_fourth_attempt_is_refused_with_every_reason(office, number):
    now = fail(office, number, 3)
    assert refused(lambda: office.result(number, "passed", now=now + ONE_DAY)) == [
        f"No attempt is left on {number.number}.",
        f"{case_of(number).reference} does not await an exam: it is “Rejected”.",
    ]


@pytest.mark.req("EXM-2")
def test_no_result_while_the_fee_is_awaited_nor_by_an_unknown_or_a_replaced_number(office, number):
    now = fail(office, number, 2)
    assert len(refused(lambda: office.result(number, "passed", now=now + ONE_DAY))) == 1
    assert (
        len(refused(lambda: exams.record("EN-2026-9", outcome="passed", sat_on=DAY, by=office.examiner, now=NOON))) == 1
    )
    other = waiting(office)
    first = office.result(other, "passed")
    correct(office, first, "failed")
    newer = office.admit(case_of(other), now=NOON + 4 * ONE_DAY)
    assert newer != other
    said = refused(lambda: office.result(other, "passed", now=NOON + 5 * ONE_DAY))
    assert said == [f"{other.number} was replaced by {newer.number}."]
    office.result(newer, "passed", now=NOON + 5 * ONE_DAY)


@pytest.mark.req("EXM-3")
@pytest.mark.req("STF-1")
def test_results_are_recorded_by_an_exam_officer_and_never_for_oneself(office, number):
    person = number.application.practitioner
    User.objects.filter(pk=person.user_id).update(is_staff=True)
    person.user.groups.add(Group.objects.get(name="exam officer"))
    root = make_staff("exam officer")
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    own = User.objects.get(pk=person.user_id)
    for by in (own, office.reviewer, office.approver, User.objects.get(pk=root.pk), None):
        assert (
            len(refused(lambda by=by: exams.record(number.number, outcome="passed", sat_on=DAY, by=by, now=NOON))) == 1
        )
        assert len(refused(lambda by=by: exams.renew(number, by=by, now=NOON))) == 1
    result = office.result(number, "failed")
    assert len(refused(lambda: exams.correct(result, outcome="passed", reason="Why", by=own, now=NOON))) == 1
    with pytest.raises(DatabaseError, match="another person"), transaction.atomic():
        advance_past_the_code(case_of(number), own)


def advance_past_the_code(case: Application, by) -> None:
    case.timeline.create(
        seq=case.moves + 1, move="pass", from_state=case.state, to_state="under_review", at=NOON, by=by
    )


# Time


@pytest.mark.req("DLN-1")
def test_an_expired_number_cancels_at_the_end_of_its_last_day(office, number):
    cut_off = end_of_day(number.valid_until)
    assert sweeps.lapse(cut_off - SECOND) == 0
    assert sweeps.lapse(cut_off) == 1
    case = case_of(number)
    assert (case.state, case.cancel_reason) == ("cancelled", "eligibility_expired")
    assert Notice.objects.filter(kind="cancelled").count() == 1
    assert len(refused(lambda: office.result(number, "passed", now=cut_off + ONE_DAY, sat_on=DAY))) == 1


@pytest.mark.req("DLN-1")
@pytest.mark.req("PAY-5")
def test_an_unpaid_exam_fee_cancels_and_one_paid_in_time_but_heard_late_revives(office, number):
    now = fail(office, number, 2)
    invoice = invoice_of(case_of(number), "exam")
    cut_off = invoice.lapses_at
    assert sweeps.lapse(cut_off - SECOND) == 0
    assert sweeps.lapse(cut_off) == 1
    case = case_of(number)
    assert (case.state, case.cancel_reason) == ("cancelled", "exam_fee_unpaid")
    assert Invoice.objects.get(pk=invoice.pk).state == InvoiceState.LAPSED
    heard = cut_off + 3 * ONE_DAY
    case = pay(case, "exam", paid_at=cut_off - SECOND, now=heard)
    assert (case.state, case.timeline.first().move) == ("awaiting_exam", "revive_exam")
    assert again(number).valid_until == Deadline.objects.get().due_on == today(heard) + timedelta(days=180)
    assert now < heard


@pytest.mark.req("PAY-5")
def test_an_exam_fee_paid_too_late_is_a_credit(office, number):
    fail(office, number, 2)
    cut_off = invoice_of(case_of(number), "exam").lapses_at
    sweeps.lapse(cut_off)
    assert pay(case_of(number), "exam", paid_at=cut_off, now=cut_off).state == "cancelled"
    assert Credit.objects.get().reason == "late"


@pytest.mark.req("EXM-2")
def test_the_numbers_clock_stands_while_the_fee_is_awaited(office, number):
    last = NOON + 180 * ONE_DAY
    office.result(number, "failed")
    office.result(number, "failed", now=last)
    assert sweeps.lapse(end_of_day(number.valid_until)) == 0
    paid = last + 29 * ONE_DAY
    assert pay(case_of(number), "exam", now=paid).state == "awaiting_exam"
    assert again(number).valid_until == today(paid) + timedelta(days=180)


@pytest.mark.req("EXM-2")
def test_a_number_is_renewed_once_before_it_expires(office, number):
    cut_off = end_of_day(number.valid_until)
    assert "expired" in refused(lambda: exams.renew(number, by=office.examiner, now=cut_off))[0]
    renewed = exams.renew(number, by=office.examiner, now=cut_off - SECOND)
    assert renewed.valid_until == number.valid_until + timedelta(days=180)
    assert Deadline.objects.get().due_on == renewed.valid_until
    assert (again(number).renewed_by, again(number).renewed_at) == (office.examiner, cut_off - SECOND)
    assert Notice.objects.get(kind="eligibility_renewed").facts["due_on"] == renewed.valid_until.isoformat()
    assert sweeps.lapse(cut_off) == 0
    assert "renewed on" in refused(lambda: exams.renew(number, by=office.examiner, now=cut_off))[0]
    with pytest.raises(DatabaseError, match="renewed_once"), transaction.atomic():
        EligibilityNumber.objects.filter(pk=number.pk).update(renewed_at=cut_off)


@pytest.mark.req("EXM-2")
def test_a_number_is_renewed_only_while_its_exam_is_awaited(office, number):
    passed = waiting(office)
    office.result(passed, "passed")
    fail(office, number, 2)
    for one in (passed, number):
        assert len(refused(lambda one=one: exams.renew(one, by=office.examiner, now=NOON + 3 * ONE_DAY))) == 1


@pytest.mark.req("EXM-2")
@pytest.mark.parametrize(("day", "fits"), [(-1, False), (0, True), (1, True)])
def test_one_may_apply_again_after_the_cooling_off(office, number, day, fits):
    now = fail(office, number, 3)
    person = case_of(number).practitioner
    then = now + timedelta(days=180 + day)
    with translation.override("en"):
        draft = make_draft(person, now=then, rank="specialist", qualification=case_of(number).qualification)
        found = rules.exam_may_be_sat_again.ask(dossiers.load(person, then, draft))
    assert (not found.stands_in_the_way) == fits
    assert again(number).cooling_off_until == today(now) + timedelta(days=180)


@pytest.mark.req("EXM-2")
def test_the_cooling_off_lies_between_numbers_of_one_case_too(office, number):
    last = fail(office, number, 2)
    pay(case_of(number), "exam", now=last)
    third = office.result(number, "passed", now=last + ONE_DAY)
    correct(office, third, "failed", now=last + 2 * ONE_DAY)
    case, until = case_of(number), last + ONE_DAY + timedelta(days=180)
    assert "A new number can be given from" in refused(lambda: office.admit(case, now=until - ONE_DAY))[0]
    assert office.admit(case, now=until) != number


@pytest.mark.req("EXM-2")
def test_an_excused_absence_does_not_prolong_the_cooling_off(office, number):
    now = fail(office, number, 2)
    pay(case_of(number), "exam", now=now)
    office.result(number, "excused", now=now + 9 * ONE_DAY)
    office.result(number, "failed", now=now + 9 * ONE_DAY, sat_on=today(now) + ONE_DAY)
    assert again(number).cooling_off_until == today(now) + timedelta(days=181)


# Corrections


@pytest.mark.req("EXM-3")
def test_a_failure_corrected_to_a_pass_while_the_exam_is_awaited(office, number):
    result = office.result(number, "failed")
    corrected = exams.correct(
        result, outcome="passed", reason=" Marked twice. ", score=Decimal(80), by=office.examiner, now=NOON + ONE_DAY
    )
    assert (case_of(number).state, recognised(number)) == ("under_review", today(NOON + ONE_DAY))
    assert (corrected.corrects, corrected.reason, corrected.score) == (result, "Marked twice.", 80)
    assert ExamResult.objects.get(pk=result.pk).outcome == "failed"
    told = Notice.objects.filter(kind="exam_result").latest("pk").facts
    assert (told["corrected"], told["text"], told["move"]) == (True, "Marked twice.", "pass")


@pytest.mark.req("EXM-3")
@pytest.mark.req("PAY-5")
def test_a_pass_after_all_voids_the_live_exam_invoice(office, number):
    first = office.result(number, "failed")
    office.result(number, "failed", now=NOON + ONE_DAY)
    correct(office, first, "passed")
    assert case_of(number).state == "under_review"
    assert invoice_of(case_of(number), "exam").state == "void"
    assert not Deadline.objects.exists()
    pay(case_of(number), "exam", now=NOON + 4 * ONE_DAY)
    assert Credit.objects.get().reason == "void"


@pytest.mark.req("EXM-3")
@pytest.mark.req("PAY-5")
def test_a_pass_after_all_credits_an_exam_fee_that_was_paid_and_not_used(office, number):
    first = office.result(number, "failed")
    office.result(number, "failed", now=NOON + ONE_DAY)
    pay(case_of(number), "exam", now=NOON + 2 * ONE_DAY)
    correct(office, first, "passed")
    assert case_of(number).state == "under_review"
    credit = Credit.objects.get()
    assert (credit.amount, credit.reason) == (60_000, "case_closed")


@pytest.mark.req("EXM-3")
def test_a_pass_after_all_opens_a_rejected_case_again_and_keeps_the_fee_that_was_used(office, number):
    now = fail(office, number, 3)
    last = again(number).results.latest("sat_on")
    correct(office, last, "passed", now=now + ONE_DAY)
    case = case_of(number)
    assert (case.state, case.timeline.first().move, case.closed_at) == ("under_review", "correct_result", None)
    assert recognised(number) == today(now + ONE_DAY)
    assert invoice_of(case, "exam").state == "paid"
    assert not Credit.objects.exists()
    assert office.recommend(case, now=now + ONE_DAY).state == "recommended"


@pytest.mark.req("EXM-3")
def test_no_rejected_case_is_opened_beside_a_newer_one(office, number):
    now = fail(office, number, 3)
    case = case_of(number)
    make_draft(case.practitioner, now=now)
    last = again(number).results.latest("sat_on")
    assert "A newer application is open" in refused(lambda: correct(office, last, "passed", now=now))[0]


@pytest.mark.req("EXM-3")
def test_a_rejection_on_other_grounds_is_not_opened_by_the_correction_of_an_older_attempt(office, number):
    first = office.result(number, "failed")
    office.result(number, "passed", now=NOON + ONE_DAY)
    case = office.reject(case_of(number), now=NOON + ONE_DAY)
    correct(office, first, "passed")
    assert case_of(number).state == case.state == "rejected"


@pytest.mark.req("EXM-3")
def test_a_pass_corrected_to_a_failure_bars_recommending_and_endorsing(office, number):
    result = office.result(number, "passed")
    case = office.recommend(case_of(number))
    correct(office, result, "failed")
    assert case_of(number).state == "recommended"
    assert recognised(number) is None
    assert len(refused(lambda: advance(case.pk, "endorse_approval", by=office.approver, now=NOON))) == 1
    advance(case.pk, "send_back", by=office.approver, now=NOON, internal_text="The exam")
    assert len(refused(lambda: office.recommend(case))) == 1
    correct(office, again(number).results.latest("pk"), "passed")
    assert recognised(number) == DAY + 3 * ONE_DAY
    assert office.recommend(case).state == "recommended"


@pytest.mark.req("EXM-3")
def test_a_pass_corrected_to_a_failure_bars_issuing(office, number):
    case = pay(approved(office, number), "service")
    assert case.state == "being_issued"
    correct(office, number.results.get(), "absent")
    assert len(refused(lambda: office.issue(case))) == 1
    refused_to = advance(case.pk, "refuse", by=office.registrar, now=NOON, public_text="The exam was not passed.")
    assert refused_to.state == "rejected"
    assert not Classification.objects.exists()


@pytest.mark.req("EXM-3")
def test_a_pass_corrected_after_completion_opens_a_matter_and_moves_nothing(office, number):
    case = office.issue(pay(approved(office, number), "service"))
    before = recognised(number)
    correct(office, number.results.get(), "failed")
    case = case_of(number)
    assert (case.state, recognised(number)) == ("completed", before)
    matter = Matter.objects.get()
    assert (matter.application, matter.closed_at) == (case, None)
    assert number.number in matter.text
    assert Classification.objects.filter(case=case.reference).exists()
    correct(office, again(number).results.latest("pk"), "passed")
    assert Matter.objects.count() == 1


@pytest.mark.req("EXM-3")
def test_recognition_that_rests_on_something_else_too_stays(office, number):
    qualification = case_of(number).qualification
    earlier = today(NOON - 99 * ONE_DAY)
    other = waiting(office)
    Qualification.objects.filter(pk=qualification.pk).update(recognised_on=earlier)
    completed = office.issue(pay(approved(office, other), "service"))
    with connection.cursor() as cursor:  # completed on the same qualification, however that came about
        cursor.execute(
            "UPDATE applications_application SET qualification_id = %s WHERE id = %s", [qualification.pk, completed.pk]
        )
    result = office.result(number, "passed")
    correct(office, result, "failed")
    assert recognised(number) == earlier


@pytest.mark.req("EXM-3")
def test_what_cannot_be_corrected_is_refused(office, number):
    result = office.result(number, "failed")
    assert refused(lambda: correct(office, result, "failed")) == ["That is the result already."]
    blank = {"outcome": "passed", "reason": "  ", "by": office.examiner, "now": NOON}
    assert refused(lambda: exams.correct(result, **blank)) == ["Write the reason."]
    correct(office, result, "absent")
    assert refused(lambda: correct(office, result, "passed")) == [
        "This result was corrected already. Correct the correction."
    ]


@pytest.mark.req("EXM-2")
@pytest.mark.req("EXM-3")
def test_an_absence_is_excused_later_while_that_decides_nothing(office, number):
    result = office.result(number, "absent")
    excused = correct(office, result, "excused")
    assert (case_of(number).state, again(number).attempts_used) == ("awaiting_exam", 0)
    correct(office, excused, "absent")
    office.result(number, "failed", now=NOON + ONE_DAY)
    for one in again(number).standing_results():
        assert len(refused(lambda one=one: correct(office, one, "excused"))) == 1
    pay(case_of(number), "exam", now=NOON + 2 * ONE_DAY)
    assert len(refused(lambda: correct(office, again(number).results.latest("pk"), "excused"))) == 1
    office.result(number, "failed", now=NOON + 2 * ONE_DAY)
    assert len(refused(lambda: correct(office, again(number).results.latest("pk"), "excused"))) == 1


@pytest.mark.req("EXM-2")
def test_a_correction_never_makes_more_attempts_than_there_are_nor_an_unpaid_one(office, number):
    excused = office.result(number, "excused")
    office.result(number, "failed", now=NOON + ONE_DAY)
    assert "decided how the case went on" in refused(lambda: correct(office, excused, "failed"))[0]
    office.result(number, "passed", now=NOON + 2 * ONE_DAY)
    assert "its fee was never paid" in refused(lambda: correct(office, excused, "failed"))[0]
    full = waiting(office)
    spare = office.result(full, "excused")
    last = fail(office, full, 2, first=NOON + ONE_DAY)
    pay(case_of(full), "exam", now=last)
    office.result(full, "passed", now=last + ONE_DAY)
    assert "No attempt is left" in refused(lambda: correct(office, spare, "absent"))[0]


@pytest.mark.req("EXM-2")
def test_a_fee_that_is_left_over_pays_for_the_next_attempt(office, number):
    """Failed for good, the appeal upheld and one sitting excused: what was paid for it is not asked again."""
    now = fail(office, number, 3)
    case = case_of(number)
    advance(case.pk, "appeal", by=case.practitioner.user, now=now, public_text="I was ill.")
    advance(case.pk, "uphold", by=office.second_approver, now=now, internal_text="Ill, as the hospital says.")
    correct(office, again(number).results.latest("sat_on"), "excused", now=now)
    advance_by_another(office, case, now)
    newer = exams.number_of(case)
    fail(office, newer, 2, first=now)
    assert case_of(number).state == "awaiting_exam"
    assert Invoice.objects.filter(purpose="exam").count() == 1


def advance_by_another(office: Office, case: Application, now) -> None:
    from applications import review

    review.assign(case.pk, by=office.second_reviewer)
    advance(case.pk, "admit_to_exam", by=office.second_reviewer, now=now)


# Matters


@pytest.mark.req("EXM-3")
def test_a_matter_is_closed_once_with_what_was_done(office, number):
    office.issue(pay(approved(office, number), "service"))
    correct(office, number.results.get(), "failed")
    matter = Matter.objects.get()
    for by, done in ((office.reviewer, "Done"), (office.examiner, " "), (number.application.practitioner.user, "Done")):
        assert len(refused(lambda by=by, done=done: exams.close_matter(matter, outcome=done, by=by, now=NOON))) == 1
    exams.close_matter(matter, outcome=" The certificate was revoked. ", by=office.examiner, now=NOON)
    matter.refresh_from_db()
    assert (matter.outcome, matter.closed_by, matter.closed_at) == (
        "The certificate was revoked.",
        office.examiner,
        NOON,
    )
    assert len(refused(lambda: exams.close_matter(matter, outcome="Again", by=office.examiner, now=NOON))) == 1
    with pytest.raises(DatabaseError, match="closed_matter_has_outcome"), transaction.atomic():
        Matter.objects.filter(pk=matter.pk).update(outcome="")


# The database's own walls


def raw(number: EligibilityNumber, sat_on, outcome: str, by) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO applications_examresult (number_id, sat_on, outcome, reason, recorded_at, recorded_by_id)"
            " VALUES (%s, %s, %s, '', %s, %s)",
            [number.pk, sat_on, outcome, NOON, by.pk],
        )


@pytest.mark.req("EXM-2")
def test_the_database_knows_no_unpaid_third_and_no_fourth_attempt(office, number):
    now = fail(office, number, 2)
    with pytest.raises(DatabaseError, match="is not paid"):
        raw(number, today(now) + ONE_DAY, "failed", office.examiner)
    raw(number, today(now) + ONE_DAY, "excused", office.examiner)
    pay(case_of(number), "exam", now=now)
    office.result(number, "failed", now=now + 2 * ONE_DAY)
    with pytest.raises(DatabaseError, match="no attempt left"):
        raw(number, today(now) + 5 * ONE_DAY, "passed", office.examiner)


@pytest.mark.req("EXM-3")
def test_the_database_keeps_results_and_numbers_as_they_are(office, number):
    result = office.result(number, "failed")
    changes = [
        lambda: ExamResult.objects.filter(pk=result.pk).update(outcome="passed"),
        lambda: ExamResult.objects.filter(pk=result.pk).delete(),
        lambda: EligibilityNumber.objects.filter(pk=number.pk).update(free_attempts=9),
        lambda: EligibilityNumber.objects.filter(pk=number.pk).update(number="EN-2026-0000000"),
        lambda: raw(number, result.sat_on, "passed", office.examiner),
        lambda: raw(number, result.sat_on + ONE_DAY, "brilliant", office.examiner),
    ]
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert again(number).results.get() == result


# What the practitioner sees


def page(number: EligibilityNumber):
    client = Client()
    client.force_login(number.application.practitioner.user)
    answer = client.get(f"/applications/{number.application.reference}/")
    assert answer.status_code == 200
    return answer


@pytest.mark.req("EXM-2")
@pytest.mark.req("EXM-3")
def test_the_case_page_shows_the_exam_in_every_state(office, number):
    shown = page(number)
    assert (shown.context["exam"]["free_left"], shown.context["exam"]["paid_left"]) == (2, 1)
    assert f'data-copy="{number.number}"' in shown.content.decode()
    assert "js/copy.js" in shown.content.decode()
    assert 'class="due' in shown.content.decode()

    now = fail(office, number, 2)
    shown = page(number)
    assert (shown.context["exam"]["free_left"], shown.context["exam"]["paid_left"]) == (0, 1)
    assert shown.context["invoice"] == invoice_of(case_of(number), "exam")
    assert len(shown.context["exam"]["sittings"]) == 2

    pay(case_of(number), "exam", now=now)
    office.result(number, "failed", now=now + ONE_DAY)
    shown = page(number)
    exam = shown.context["exam"]
    assert (exam["again_on"], exam["awaited"]) == (again(number).cooling_off_until, False)
    assert exam["training_url"] in shown.content.decode()
    assert exam["again_url"] in shown.content.decode()

    correct(office, again(number).results.latest("sat_on"), "passed", now=now + 2 * ONE_DAY)
    exam = page(number).context["exam"]
    assert (exam["is_passed"], exam["again_on"]) == (True, None)
    assert [one["replaced"] for one in exam["sittings"]] == [False, False, True, False]


def test_the_case_page_asks_at_most_thirteen_questions_however_many_sittings(office, number):
    client, address = Client(), f"/applications/{number.application.reference}/"
    client.force_login(number.application.practitioner.user)

    def questions():
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return [one["sql"][:200] for one in captured if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]

    office.result(number, "failed")
    questions()
    few = questions()
    for turn in range(1, 6):
        office.result(number, "excused", now=NOON + turn * ONE_DAY)
    assert len(questions()) == len(few)
    assert len(few) <= 13, few


@pytest.mark.req("EXM-1")
def test_a_case_without_an_exam_shows_none(office):
    case = submitted(make_practitioner())
    client = Client()
    client.force_login(case.practitioner.user)
    assert client.get(f"/applications/{case.reference}/").context["exam"] is None


# At the same moment


@pytest.mark.req("EXM-3")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
def test_two_officers_record_one_sitting_at_once_and_it_counts_once():
    office = Office()
    officers = [office.examiner, *[make_staff("exam officer") for _ in range(3)]]
    for outcome in ("failed", "passed"):
        number = waiting(office)
        acts = [
            lambda by=by, number=number, outcome=outcome: exams.record(
                number.number, outcome=outcome, sat_on=DAY, by=by, now=NOON
            )
            for by in officers
        ]
        assert at_once(*acts) == []
        assert again(number).results.count() == 1
        assert Notice.objects.filter(kind="exam_result", reference=case_of(number).reference).count() == 1
    number = waiting(office)
    said = ("failed", "passed", "failed", "passed")
    raised = at_once(
        *[
            lambda by=by, outcome=outcome: exams.record(number.number, outcome=outcome, sat_on=DAY, by=by, now=NOON)
            for by, outcome in zip(officers, said, strict=True)
        ]
    )
    assert [type(error) for error in raised] == [NotAllowed] * 2
    assert again(number).results.count() == 1


@pytest.mark.req("EXM-3")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
def test_two_corrections_at_once_leave_one():
    office = Office()
    number = waiting(office)
    result = office.result(number, "failed")
    raised = at_once(*[lambda: correct(office, result, "passed")] * 4)
    assert [type(error) for error in raised] == [NotAllowed] * 3
    assert (case_of(number).state, again(number).results.count()) == (State.UNDER_REVIEW, 2)
