"""The life of a refund ticket: filed, decided by its rule or by two officers, collected or not, and booked at every step."""

from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import translation

from accounts.models import Notice
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import PolicyValue
from payments.models import LedgerEntry, Payment
from refunds import progress
from refunds.lifecycle import LIFECYCLE, TicketState
from refunds.models import Share, Ticket
from tests.fingerprint import unchanged
from tests.people import NOON, Office, make_practitioner, submitted
from tests.refunds.tickets import (
    LATER,
    Finance,
    bring_to,
    claimed,
    credited,
    filed,
    move,
    opened,
    owner,
    payment_of,
    with_account,
    withdrawn,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def finance():
    return Finance()


def balance(account: str) -> int:
    return LedgerEntry.objects.filter(account=account).aggregate(sum=Sum("amount"))["sum"] or 0


@pytest.mark.req("REF-6")
@pytest.mark.parametrize("state", TicketState.values)
def test_every_state_is_reached_by_moves_alone_and_what_it_reserves_agrees(office, finance, state):
    ticket = bring_to(state, office, finance)
    assert ticket.state == state
    payment = Payment.objects.get(pk=ticket.payment_id)
    reserved = ticket.amount if state in ("approved", "paying", "paid_out") else 0
    assert payment.refunded == reserved
    assert balance("refund_payable") == (-ticket.amount if state in ("approved", "paying") else 0)
    assert ticket.timeline.first().to_state == state
    assert ticket.timeline.count() == ticket.moves
    assert sum(LedgerEntry.objects.values_list("amount", flat=True)) == 0


@pytest.mark.req("REF-6")
def test_every_state_move_and_role_agrees_with_the_table(office, finance):
    """What the table does not open is refused to everybody and changes nothing, whoever asks (I41, I42)."""
    facts = {"amount": 100, "reason": "r", "public_text": "p", "internal_text": "i", "account": "x", "holder": "h"}
    facts |= {"reference": "x"}
    superuser = Finance().decider
    superuser.is_superuser = True
    superuser.save()
    for state in TicketState.values:
        ticket = bring_to(state, office, finance)
        people = [None, owner(ticket), finance.decider, finance.head, finance.payer, office.approver, superuser]
        for name, one in LIFECYCLE.items():
            for by in people:
                if state in one.sources and one.may(by, ticket):
                    continue
                with unchanged(), pytest.raises(NotAllowed):
                    move(ticket, name, by, **facts)
        assert not any(one.may(superuser, ticket) for one in LIFECYCLE.values())


@pytest.mark.req("REF-1")
def test_half_of_the_service_fee_goes_back_and_the_days_are_stored(office, finance):
    case = withdrawn(office)
    paid = payment_of(case)
    ticket = filed(case)
    assert (ticket.filed_judgement["amount"], ticket.decide_by) == (
        paid.amount // 2,
        (LATER + timedelta(days=15)).date(),
    )
    approved = move(ticket, "approve", finance.decider)
    share = Share.objects.get(ticket=ticket)
    assert (share.fee, share.rule, share.base, share.amount) == ("service", "half", paid.amount, paid.amount // 2)
    assert approved.collect_by is None  # it came by SADAD: the days begin with the account
    assert with_account(approved, now=LATER + timedelta(days=3)).collect_by == (LATER + timedelta(days=17)).date()
    assert balance("revenue:service") == -paid.amount // 2
    kinds = list(Notice.objects.filter(kind__startswith="refund").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["refund_filed", "refund_approved", "refund_account_given"]


@pytest.mark.req("REF-1")
def test_business_days_are_a_setting(office):
    PolicyValue.objects.filter(key="refund.business_days").update(value=1)
    # 22 November 2026 is a Sunday; fifteen days from Sunday to Thursday end on Sunday, 13 December.
    assert filed(withdrawn(office)).decide_by.isoformat() == "2026-12-13"


@pytest.mark.req("REF-3")
@pytest.mark.parametrize(("hours", "amount"), [(0, True), (24, False)])
def test_the_withdrawal_counts_and_not_the_day_of_the_ticket(office, finance, hours, amount):
    last = NOON + timedelta(days=30, hours=hours)  # still the thirtieth day, or the day after
    case = withdrawn(office, now=last)
    if amount:
        ticket = filed(case, now=last + timedelta(days=300))
        assert ticket.filed_judgement["shares"][0]["rule"] == "half"
    else:
        with unchanged(), pytest.raises(NotAllowed, match="nothing goes back"):
            filed(case, now=last)


@pytest.mark.req("REF-2")
@pytest.mark.req("REF-4")
def test_nothing_is_asked_for_what_no_rule_gives_unless_a_ground_is_claimed(office, finance):
    case = submitted(make_practitioner())
    with unchanged(), pytest.raises(NotAllowed, match="nothing goes back"):
        filed(case, "admin")
    ticket = claimed(case)
    assert (ticket.filed_judgement["amount"], ticket.filed_judgement["if_accepted"]) == (
        0,
        payment_of(case, "admin").amount,
    )
    with unchanged(), pytest.raises(NotAllowed, match="nothing goes back"):
        move(ticket, "approve", finance.decider)
    approved = move(ticket, "approve", finance.decider, accepted=True)
    assert (approved.amount, approved.rule) == (payment_of(case, "admin").amount, "wrong_path")


@pytest.mark.req("REF-5")
def test_by_the_rule_or_by_two_officers_with_a_written_reason(office, finance):
    ticket = filed(withdrawn(office))
    with unchanged(), pytest.raises(NotAllowed, match="goes back"):
        move(ticket, "refuse", finance.decider, public_text="No.")
    for wrong in (
        {"amount": 100},
        {"amount": 100, "reason": " "},
        {"amount": 10**9, "reason": "r"},
        {"amount": -1, "reason": "r"},
    ):
        with unchanged(), pytest.raises(NotAllowed):
            move(ticket, "overrule", finance.decider, **wrong)
    move(ticket, "overrule", finance.decider, amount=100, reason="It was ours.")
    for nobody in (finance.decider, finance.payer, owner(ticket), None):
        with unchanged(), pytest.raises(NotAllowed):
            move(ticket, "endorse", nobody)
    back = move(ticket, "send_back", finance.head, internal_text="Read the rule again.")
    assert (back.state, back.overruled_by, back.overrule_reason) == ("filed", None, "")
    move(ticket, "overrule", finance.decider, amount=100, reason="It was ours.")
    endorsed = move(ticket, "endorse", finance.head)
    assert (endorsed.amount, endorsed.rule, endorsed.decided_by) == (100, "overruled", finance.head)
    assert endorsed.judgement["shares"][0]["amount"] == 100


@pytest.mark.req("REF-5")
def test_an_approval_is_of_the_amount_that_was_read(office, finance):
    ticket = filed(withdrawn(office))
    with unchanged(), pytest.raises(NotAllowed, match="Read the ticket"):
        move(ticket, "approve", finance.decider, amount=1)
    with unchanged(), pytest.raises(NotAllowed, match="changed meanwhile"):
        move(ticket, "approve", finance.decider, seen=7)
    assert move(ticket, "approve", finance.decider, seen=1, amount=ticket.filed_judgement["amount"]).state == "approved"


@pytest.mark.req("REF-6")
def test_what_went_back_is_not_given_again(office, finance):
    case = withdrawn(office)
    ticket = bring_paid(filed(case), finance)
    for again in ({}, {"ground": "wrong_path", "statement": "Once more."}):
        if not again:
            with unchanged(), pytest.raises(NotAllowed, match="nothing goes back"):
                filed(case)
            continue
        rest = filed(case, **again)
        assert rest.filed_judgement["if_accepted"] == ticket.payment.amount - ticket.amount
        move(rest, "approve", finance.decider, accepted=True)
        assert Payment.objects.get(pk=ticket.payment_id).refunded == ticket.payment.amount


def bring_paid(ticket: Ticket, finance: Finance) -> Ticket:
    with_account(move(ticket, "approve", finance.decider))
    move(ticket, "pay", finance.payer)
    return move(ticket, "confirm", finance.payer, reference=f"BANK-{ticket.pk}")


@pytest.mark.req("REF-6")
def test_one_ticket_at_a_time_about_the_same_money(office):
    case = withdrawn(office)
    filed(case)
    with unchanged(), pytest.raises(NotAllowed, match="open already"):
        filed(case)


@pytest.mark.req("REF-6")
def test_nobody_asks_for_the_money_of_another(office):
    case = withdrawn(office)
    for by in (make_practitioner().user, office.approver, None):
        with unchanged(), pytest.raises(NotAllowed):
            progress.file(payment_of(case).pk, by=by, now=LATER)


@pytest.mark.req("PAY-6")
def test_a_credit_goes_back_out_of_suspense(finance):
    ticket = opened(credited())
    assert (ticket.filed_by, ticket.filed_judgement["amount"]) == (None, 20_000)
    before = balance("suspense")
    bring_paid(ticket, finance)
    assert (before, balance("suspense")) == (-20_000, 0)
    assert balance("bank:transfer") == -20_000
