"""What the rules are asked about, read from real cases, in as many queries for many payments as for one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Notice
from applications import exam_fees, exams
from applications.lifecycle import State
from applications.progress import advance
from documents import wallet
from mumaris.kit.clock import today
from mumaris.kit.models import PolicyValue
from mumaris.pages import books
from payments.models import Credit, Exemption, Payment
from refunds import facts as facts_of
from refunds import sweeps
from refunds.models import Ticket
from refunds.rules import Rule, judge
from tests.applications import exam_cases
from tests.applications.test_lifecycle import bring_to_exam
from tests.people import NOON, Office, completed, make_practitioner, pay, submitted, upload
from tests.refunds.tickets import LATER, Finance, claimed, filed, move, payment_of, withdrawn

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    return Office()


def read(payment: Payment, **more):
    payments = facts_of.with_parts(Payment.objects.filter(pk=payment.pk))
    return facts_of.of(payments, on=today(LATER), **more)[payment.pk]


def rule_of(payment: Payment) -> Rule:
    return judge(facts_of.asked(read(payment))).rule


def exempted(person, *, starts_on, ends_on=None) -> Exemption:
    paper = wallet.take_in(upload("decision.pdf"), practitioner=person, kind="exemption", now=NOON)
    one = Exemption.objects.create(practitioner=person, ground="martyr_relative", evidence=paper, requested_at=LATER)
    first, second = Finance().decider, Finance().head
    asked = Exemption.objects.filter(pk=one.pk)
    asked.update(state="recommended", recommended_by=first, recommended_at=LATER, starts_on=starts_on, ends_on=ends_on)
    asked.update(state="approved", decided_by=second, decided_at=LATER)
    return one


@pytest.mark.req("REF-4")
@pytest.mark.req("PAY-7")
@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (0, 0, Rule.EXEMPT),
        (9, 9, Rule.EXEMPT),
        (9, None, Rule.EXEMPT),
        (9, -1, Rule.ADMIN_FEE),
        (-1, 9, Rule.ADMIN_FEE),
    ],
)
def test_an_exemption_counts_that_was_in_force_on_the_day_of_payment_whenever_it_was_approved(before, after, rule):
    case = submitted(make_practitioner())
    day = today(NOON)
    ends_on = None if after is None else day + timedelta(days=after)
    exempted(case.practitioner, starts_on=day - timedelta(days=before), ends_on=ends_on)
    assert rule_of(payment_of(case, "admin")) == rule


@pytest.mark.req("REF-2")
def test_every_end_of_a_case_has_its_rule(office):
    def paid(case):
        return pay(office.approve(case), "service")

    assert rule_of(payment_of(completed(office, make_practitioner()))) == Rule.USED
    refused = advance(
        paid(submitted(make_practitioner())).pk, "refuse", by=office.registrar, now=NOON, public_text="No."
    )
    assert rule_of(payment_of(refused)) == Rule.NOT_COMPLIED
    assert rule_of(payment_of(withdrawn(office))) == Rule.HALF
    assert rule_of(payment_of(paid(submitted(make_practitioner())))) == Rule.NOTHING
    rejected = office.reject(submitted(make_practitioner()))
    assert read(payment_of(rejected, "admin")).rejected == "conditions"
    returned = office.return_(submitted(make_practitioner()), "transcript")
    lapsed = advance(returned.pk, "lapse_return", by=None, now=NOON + timedelta(days=31))
    assert read(payment_of(lapsed, "admin")).unanswered


@pytest.mark.req("REF-2")
def test_an_appeal_that_is_given_up_leaves_the_rejection_and_brings_no_half(office):
    """Refused at the last check after paying: appealing and withdrawing is no way around the rule."""
    case = pay(office.approve(submitted(make_practitioner())), "service")
    owner = case.practitioner.user
    advance(case.pk, "refuse", by=office.registrar, now=NOON, public_text="The degree is forged.")
    advance(case.pk, "appeal", by=owner, now=NOON, public_text="It is not.")
    previewed = facts_of.asked(read(payment_of(case), withdrawn_at=LATER))
    assert (judge(previewed).rule, judge(previewed).amount) == (Rule.NOT_COMPLIED, 0)
    advance(case.pk, "withdraw", by=owner, now=LATER)
    assert rule_of(payment_of(case)) == Rule.NOT_COMPLIED


@pytest.mark.req("REF-2")
def test_an_appeal_that_was_upheld_lifts_the_rejection(office):
    case = pay(office.approve(submitted(make_practitioner())), "service")
    owner = case.practitioner.user
    advance(case.pk, "refuse", by=office.registrar, now=NOON, public_text="The degree is forged.")
    advance(case.pk, "appeal", by=owner, now=NOON, public_text="It is not.")
    advance(case.pk, "uphold", by=office.second_approver, now=NOON, internal_text="It is not forged.")
    advance(case.pk, "withdraw", by=owner, now=LATER)
    assert rule_of(payment_of(case)) == Rule.HALF


@pytest.mark.req("REF-4")
@pytest.mark.parametrize(("revoked_after", "rule"), [(0, Rule.EXEMPT), (5, Rule.EXEMPT), (-1, Rule.ADMIN_FEE)])
def test_a_revoked_exemption_counts_until_its_revocation(revoked_after, rule):
    """What was paid while it held goes back, as what it waived stays waived (PAY-7)."""
    case = submitted(make_practitioner())
    one = exempted(case.practitioner, starts_on=today(NOON) - timedelta(days=9))
    revoked_at = NOON + timedelta(days=revoked_after)
    Exemption.objects.filter(pk=one.pk).update(
        state="revoked", revoked_by=Finance().head, revoked_at=revoked_at, reason="The decision was withdrawn."
    )
    assert rule_of(payment_of(case, "admin")) == rule


@pytest.mark.req("APP-7")
def test_a_preview_reckons_as_if_the_case_were_withdrawn_now(office):
    payment = payment_of(pay(office.approve(submitted(make_practitioner())), "service"))
    assert judge(read(payment)).amount == 0
    assert judge(read(payment, withdrawn_at=LATER)).amount == payment.amount // 2
    assert judge(read(payment, withdrawn_at=LATER + timedelta(days=31))).amount == 0


@pytest.mark.req("REF-2")
@pytest.mark.req("EXM-2")
def test_an_exam_fee_is_used_by_its_attempt(office):
    case = pay(bring_to_exam(State.AWAITING_EXAM_FEE, office), "exam", now=NOON + timedelta(days=2))
    payment = payment_of(case, "exam")
    assert rule_of(payment) == Rule.NOTHING
    office.result(case.eligibility_numbers.get(), "failed", now=NOON + timedelta(days=3))
    assert rule_of(payment) == Rule.USED


@pytest.mark.req("EXM-2", "EXM-3")
def test_of_many_cases_each_has_its_own_used_exam_fees_in_as_many_queries_as_of_one(office):
    spent, left_over = exam_cases.waiting(office), exam_cases.waiting(office)
    exam_cases.fail(office, spent, spent.free_attempts + 1)
    last = exam_cases.fail(office, left_over, left_over.free_attempts)
    pay(exam_cases.case_of(left_over), "exam", now=last)
    cases = [exam_cases.case_of(number).reference for number in (left_over, spent)]
    with CaptureQueriesContext(connection) as of_both:
        used, left = exam_fees.used_and_left(cases)
    assert ([one.case for one in used], [one.case for one in left]) == ([cases[1]], [cases[0]])
    with CaptureQueriesContext(connection) as of_one:
        exam_fees.used_and_left(cases[:1])
    assert len(of_both) == len(of_one)


@pytest.mark.req("EXM-3")
@pytest.mark.req("REF-6")
def test_an_exam_fee_that_went_back_is_no_credit_once_more(office):
    """The exam was passed after all by a corrected result; what finance has given back by then is not owed again."""
    finance = Finance()
    number = exam_cases.waiting(office)
    first = office.result(number, "failed")
    office.result(number, "failed", now=NOON + timedelta(days=1))
    case = pay(exam_cases.case_of(number), "exam", now=NOON + timedelta(days=2))
    move(claimed(case, "exam"), "approve", finance.decider, accepted=True)
    exams.correct(first, outcome="passed", reason="Misread.", by=office.examiner, now=NOON + timedelta(days=3))
    assert exam_cases.case_of(number).state == "under_review"
    assert not Credit.objects.exists()
    assert not books.breaches(LATER)


@pytest.mark.req("EXM-3")
@pytest.mark.req("PAY-5")
def test_a_ticket_about_an_exam_fee_gives_way_to_the_credit_that_the_fee_becomes(office):
    """Passed after all, so the attempt is not needed: all of its fee goes back, by a ticket of its own."""
    number = exam_cases.waiting(office)
    first = office.result(number, "failed")
    office.result(number, "failed", now=NOON + timedelta(days=1))
    case = pay(exam_cases.case_of(number), "exam", now=NOON + timedelta(days=2))
    asked = claimed(case, "exam")
    exams.correct(first, outcome="passed", reason="Misread.", by=office.examiner, now=NOON + timedelta(days=3))
    sweeps.open_tickets(NOON + timedelta(days=3))
    asked.refresh_from_db()
    credit = Credit.objects.get()
    assert (asked.state, asked.ending, asked.amount) == ("closed", "credited", None)
    assert Ticket.objects.open().get().credit == credit
    assert credit.amount == asked.payment.amount
    assert Notice.objects.get(kind="refund_gave_way").facts["ending"] == "credited"
    assert not books.breaches(LATER)


@pytest.mark.req("REF-3")
def test_the_authoritys_reading_asks_whether_the_exam_was_attended(office):
    PolicyValue.objects.filter(key="refund.window_basis").update(value=2)
    case = bring_to_exam(State.AWAITING_EXAM, office)
    payment = payment_of(case, "admin")
    assert not read(payment).assessed
    office.result(case.eligibility_numbers.get(), "absent")
    assert not read(payment).assessed
    office.result(case.eligibility_numbers.get(), "failed", now=NOON + timedelta(days=1))
    assert read(payment).assessed


@pytest.mark.req("REF-3")
def test_a_withdrawn_case_keeps_the_policies_of_its_day(office):
    """What the preview promised is what goes back, whenever the ticket is filed."""
    case = withdrawn(office)
    begins = today(LATER) + timedelta(days=5)
    PolicyValue.objects.create(key="refund.percent", value=30, effective_from=begins, source="test")
    assert filed(case, now=LATER + timedelta(days=9)).filed_judgement["amount"] == payment_of(case).amount // 2
    later = withdrawn(office, now=LATER + timedelta(days=9))
    assert filed(later, now=LATER + timedelta(days=9)).filed_judgement["amount"] == payment_of(later).amount * 30 // 100


@pytest.mark.req("REF-5")
def test_what_went_back_is_known_by_its_line(office):
    case = withdrawn(office)
    move(filed(case), "approve", Finance().decider)
    found = read(payment_of(case))
    assert found.parts[0].returned == payment_of(case).amount // 2
    assert found == replace(found, room=payment_of(case).amount // 2)


def test_many_payments_ask_no_more_than_one(office):
    def asked(payments) -> int:
        with CaptureQueriesContext(connection) as queries:
            facts_of.of(facts_of.with_parts(payments), on=today(LATER))
        return len(queries)

    for _number in range(3):
        withdrawn(office)
    everything = Payment.objects.all()
    assert everything.count() == 6
    assert asked(Payment.objects.filter(pk=everything[0].pk)) == asked(everything) <= 8
