"""What time does to refunds: tickets that open by themselves, late decisions, approvals that end (REF-1, PAY-5)."""

from datetime import timedelta

import pytest
from django.db import transaction

from accounts.models import Notice
from applications.progress import advance as advance_case
from mumaris.celery import app
from mumaris.kit.clock import end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from payments import billing
from payments.models import Credit, Payment, Statement
from refunds import progress, sweeps
from refunds.giving_way import give_way
from refunds.models import Ticket
from tests.fingerprint import unchanged
from tests.people import NOON, Office, declare, make_draft, make_practitioner, pay
from tests.refunds.tickets import (
    LATER,
    Finance,
    bring_to,
    credited,
    filed,
    move,
    opened,
    owner,
    with_account,
    withdrawn,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def finance():
    return Finance()


def late_credit():
    """Paid a day after the cancellation."""
    case = declare(make_draft(make_practitioner()))
    advance_case(case.pk, "lapse_admin_fee", by=None, now=NOON + timedelta(days=31))
    pay(case, "admin", paid_at=NOON + timedelta(days=32), now=NOON + timedelta(days=32))
    return Credit.objects.get(payment__invoice__case=case.reference)


@pytest.mark.req("PAY-5")
def test_every_credit_gets_its_own_ticket_in_full_and_once(finance):
    first, second = credited(), credited(times=2)
    assert Credit.objects.count() == 3
    assert sweeps.open_tickets(LATER) == 3
    assert sweeps.open_tickets(LATER) == 0
    for credit in Credit.objects.all():
        ticket = Ticket.objects.get(credit=credit)
        assert (ticket.filed_judgement["amount"], ticket.filed_by, ticket.state) == (credit.amount, None, "filed")
        assert Notice.objects.filter(kind="refund_filed", key=f"{ticket}:1").count() == 1
    assert {first.reason, second.reason} == {"second"}


@pytest.mark.req("PAY-5")
def test_a_late_credit_waits_for_the_statement_of_its_bank_day(settings):
    settings.MOYASAR_STATEMENT_URL = "https://statements.example/{day}"
    credit = late_credit()
    paid = NOON + timedelta(days=32)
    assert credit.reason == "late"
    for day in (today(paid) - timedelta(days=1), today(paid)):
        assert sweeps.open_tickets(paid) == 0
        Statement.objects.create(day=day, fetched_at=paid, compared_at=paid, sha256=b"x" * 32)
    assert sweeps.open_tickets(paid) == 1


@pytest.mark.req("REF-1", "DLN-2")
@pytest.mark.parametrize("failing", ["open_tickets", "escalate", "expire"])
def test_where_one_sweep_of_the_beat_fails_the_others_go_on_and_the_failure_is_seen(failing, monkeypatch):
    done = []
    for name in ("open_tickets", "escalate", "expire"):
        monkeypatch.setattr(sweeps, name, lambda now, name=name: 1 / (name != failing) and done.append(name))
    app.loader.import_default_modules()
    failed = []
    for task in {entry["task"] for entry in app.conf.beat_schedule.values()}:
        if task.startswith("refunds.tasks."):
            try:
                app.tasks[task]()
            except ZeroDivisionError:
                failed.append(task)
    assert failed == [f"refunds.tasks.{failing}"]
    assert sorted([*done, failing]) == ["escalate", "expire", "open_tickets"]


@pytest.mark.req("REF-1")
def test_what_nobody_decided_is_escalated_when_its_day_is_over_and_never_approved(office, finance):
    ticket = filed(withdrawn(office))
    over = end_of_day(ticket.decide_by)
    with unchanged():
        assert sweeps.escalate(over - timedelta(seconds=1)) == 0
    assert sweeps.escalate(over) == 1
    with unchanged():
        assert sweeps.escalate(over + timedelta(days=9)) == 0
    ticket.refresh_from_db()
    assert (ticket.state, ticket.escalated_at, ticket.amount) == ("filed", over, None)
    assert ticket.timeline.first().move == "escalate"
    assert Notice.objects.get(kind="refund_overdue").recipient == owner(ticket)
    assert Notice.objects.get(kind="refund_overdue_staff").recipient == finance.head
    assert move(ticket, "approve", finance.decider, now=over).state == "approved"


@pytest.mark.req("REF-1")
def test_an_approval_that_is_not_collected_ends_with_its_day_and_frees_the_money(office, finance):
    ticket = bring_to("approved", office, finance)
    over = end_of_day(ticket.collect_by)
    with unchanged():
        assert sweeps.expire(over - timedelta(seconds=1)) == 0
    assert sweeps.expire(over) == 1
    with unchanged():
        assert sweeps.expire(over) == 0
    ticket.refresh_from_db()
    assert (ticket.state, Payment.objects.get(pk=ticket.payment_id).refunded) == ("expired", 0)
    assert Notice.objects.filter(kind="refund_expired").count() == 1
    again = filed(ticket.application, now=over)
    assert again.filed_judgement["amount"] == ticket.amount


@pytest.mark.req("REF-6")
def test_an_approval_that_waits_for_its_account_does_not_end(office, finance):
    move(filed(withdrawn(office)), "approve", finance.decider)
    with unchanged():
        assert sweeps.expire(LATER + timedelta(days=400)) == 0


@pytest.mark.req("REF-6")
def test_an_expired_ticket_of_a_credit_is_reopened_by_the_practitioner_and_never_by_the_sweep(finance):
    ticket = with_account(move(opened(credited()), "approve", finance.decider))
    over = end_of_day(ticket.collect_by)
    assert sweeps.expire(over) == 1
    with unchanged():
        assert sweeps.open_tickets(over) == 0
    anew = progress.file(ticket.payment_id, credit_id=ticket.credit_id, by=owner(ticket), now=over)
    assert (anew.filed_by, anew.filed_judgement["amount"]) == (owner(ticket), ticket.amount)


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("state", ["filed", "overruling", "approved"])
def test_an_open_ticket_gives_way_to_a_payment_that_counts_after_all(finance, state):
    ticket = opened(credited())
    if state == "overruling":
        move(ticket, "overrule", finance.decider, amount=1, reason="r")
    if state == "approved":
        move(ticket, "approve", finance.decider)
    assert give_way in billing.GIVE_WAY
    assert give_way(ticket.payment, LATER) is True
    ticket.refresh_from_db()
    assert (ticket.state, ticket.ending, Payment.objects.get(pk=ticket.payment_id).refunded) == ("closed", "revived", 0)


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("state", ["paying", "paid_out"])
def test_money_on_its_way_back_gives_way_to_nothing(office, finance, state):
    ticket = bring_to(state, office, finance)
    with unchanged():
        assert give_way(ticket.payment, LATER) is False


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
class TestAtOnce:
    """Real threads and real commits."""

    @pytest.mark.req("REF-6")
    def test_twenty_officers_approve_one_ticket_once(self, office):
        """F31: the book says what went back, once."""
        officers = [Finance().decider for _number in range(20)]
        ticket = filed(withdrawn(office))
        raised = at_once(*[lambda by=by: move(ticket, "approve", by) for by in officers])
        assert [type(error) for error in raised] == [NotAllowed] * 19
        ticket.refresh_from_db()
        assert Payment.objects.get(pk=ticket.payment_id).refunded == ticket.amount
        assert ticket.timeline.filter(move="approve").count() == 1

    @pytest.mark.req("REF-6")
    def test_one_ticket_for_one_payment(self, office):
        case = withdrawn(office)
        raised = at_once(*[lambda: filed(case)] * 8)
        assert [type(error) for error in raised] == [NotAllowed] * 7
        assert Ticket.objects.count() == 1

    @pytest.mark.req("PAY-5")
    @pytest.mark.req("REF-6")
    def test_the_sweeps_against_each_other_and_against_the_practitioner(self, finance):
        for _round in range(4):
            ticket = with_account(move(opened(credited()), "approve", finance.decider))
            over = end_of_day(ticket.collect_by)
            by = owner(ticket)
            raised = at_once(
                *[lambda over=over: sweeps.expire(over)] * 2,
                *[lambda over=over: sweeps.open_tickets(over)] * 2,
                *[
                    lambda ticket=ticket, by=by, over=over: progress.file(
                        ticket.payment_id, credit_id=ticket.credit_id, by=by, now=over
                    )
                ]
                * 2,
            )
            assert {type(error) for error in raised} <= {NotAllowed}
            sweeps.expire(over)  # who was asking just then was skipped
            ticket.refresh_from_db()
            assert ticket.state == "expired"
            assert Ticket.objects.open().filter(credit=ticket.credit_id).count() <= 1
            assert Payment.objects.get(pk=ticket.payment_id).refunded == 0

    @pytest.mark.req("PAY-5")
    def test_the_sweep_opens_each_ticket_once_however_many_sweep(self):
        for _number in range(5):
            credited()
        assert at_once(*[lambda: sweeps.open_tickets(LATER, batch=2)] * 4) == []
        assert Ticket.objects.count() == Credit.objects.count() == 5

    @pytest.mark.req("PAY-5")
    def test_approving_against_giving_way(self, finance):
        def give(ticket):
            with transaction.atomic():
                give_way(Payment.objects.select_for_update().get(pk=ticket.payment_id), LATER)

        for _round in range(4):
            ticket = opened(credited())
            raised = at_once(
                lambda ticket=ticket: move(ticket, "approve", finance.decider), lambda ticket=ticket: give(ticket)
            )
            assert {type(error) for error in raised} <= {NotAllowed}
            ticket.refresh_from_db()
            assert (ticket.state, Payment.objects.get(pk=ticket.payment_id).refunded) == ("closed", 0)
