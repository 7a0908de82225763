"""Real threads and real commits: payers, sweeps and second clicks at the same moment (DLN-2, PAY-5, APP-2)."""

from collections import Counter
from datetime import timedelta

import pytest

from accounts.models import Notice
from applications import filing, sweeps
from applications.catalogue import CATALOGUE
from applications.models import Application, Deadline
from applications.progress import advance
from mumaris.kit.lifecycle import NotAllowed
from payments import billing
from payments.models import Credit, Invoice, Payment
from tests.people import NOON, Office, declare, invoice_of, make_draft, make_practitioner, pay
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("reference")]
SECOND = timedelta(seconds=1)


def payer(case: Application, paid_at, now, ref: str):
    invoice = invoice_of(case, "admin")
    return lambda: billing.receive(
        invoice=invoice, attempt=None, provider_ref=ref, method="sadad", amount=invoice.amount, paid_at=paid_at, now=now
    )


@pytest.mark.req("PAY-5")
def test_a_payment_racing_the_sweep_ends_in_one_of_the_two_right_states():
    """Paid a second before the cut-off and at it, against two sweeps: alive and paid, or cancelled with a credit."""
    cases = [declare(make_draft(make_practitioner())) for _ in range(12)]
    cut_off = Deadline.objects.first().lapses_at
    for number, case in enumerate(cases):
        moment = cut_off - SECOND if number % 2 else cut_off
        raised = at_once(
            payer(case, moment, cut_off, f"race-{number}"),
            lambda: sweeps.lapse(cut_off),
            lambda: sweeps.lapse(cut_off),
        )
        assert raised == []
    sweeps.lapse(cut_off)
    for number, case in enumerate(cases):
        case.refresh_from_db()
        invoice = invoice_of(case, "admin")
        outcome = (case.state, invoice.state, Credit.objects.filter(payment__invoice=invoice).count())
        assert outcome == (("submitted", "paid", 0) if number % 2 else ("cancelled", "lapsed", 1))
        told = Notice.objects.filter(recipient=case.practitioner.user, kind="cancelled").count()
        assert told == case.timeline.filter(move="lapse_admin_fee").count() <= 1


@pytest.mark.req("PAY-5")
def test_one_payment_told_twenty_times_at_once_counts_once():
    case = declare(make_draft(make_practitioner()))
    raised = at_once(*[payer(case, NOON, NOON, "the-one")] * 20)
    assert raised == []
    assert Payment.objects.get().disposition == "applied"
    case.refresh_from_db()
    assert (case.state, case.timeline.filter(move="submit").count()) == ("submitted", 1)
    assert not Credit.objects.exists()


@pytest.mark.req("PAY-5")
def test_two_payments_of_one_invoice_at_once_leave_one_credit():
    case = declare(make_draft(make_practitioner()))
    assert at_once(*[payer(case, NOON, NOON, f"bank-{number}") for number in range(4)]) == []
    assert Counter(Payment.objects.values_list("disposition", flat=True)) == {"applied": 1, "credited": 3}
    assert Invoice.objects.get().state == "paid"


@pytest.mark.req("DLN-2")
def test_many_sweeps_at_once_cancel_each_case_once():
    cases = [declare(make_draft(make_practitioner())) for _ in range(9)]
    cut_off = Deadline.objects.first().lapses_at
    assert at_once(*[lambda: sweeps.lapse(cut_off, batch=2)] * 4) == []
    assert Application.objects.filter(state="cancelled").count() == len(cases)
    assert Notice.objects.filter(kind="cancelled").count() == len(cases)


@pytest.mark.req("APP-2")
def test_twenty_clicks_on_start_begin_one_application():
    person = make_practitioner()
    assert at_once(*[lambda: filing.start(person, CATALOGUE["classification"], now=NOON)] * 20) == []
    assert Application.objects.count() == 1


@pytest.mark.req("APP-3")
def test_two_declarations_at_once_issue_one_invoice():
    case = make_draft(make_practitioner())
    raised = at_once(*[lambda: declare(case)] * 4)
    assert len(raised) == 3
    assert Invoice.objects.count() == 1
    case.refresh_from_db()
    assert (case.state, case.moves) == ("awaiting_admin_fee", 1)


@pytest.mark.req("PAY-5")
def test_a_settlement_and_a_move_of_one_case_never_deadlock():
    """Both lock all live invoices of the case in one order; in another they met in a deadlock, fifteen times of fifteen."""
    office = Office()
    for round_ in range(6):
        case = office.approve(pay(declare(make_draft(make_practitioner())), "admin"))
        invoice = invoice_of(case, "service")
        raised = at_once(
            lambda invoice=invoice, round_=round_: billing.receive(
                invoice=invoice,
                attempt=None,
                provider_ref=f"lock-{round_}",
                method="card",
                amount=invoice.amount,
                paid_at=NOON,
                now=NOON,
            ),
            *[lambda case=case: refused(case)] * 3,
        )
        assert raised == []
        case.refresh_from_db()
        assert case.state == "being_issued"


def refused(case: Application) -> None:
    with pytest.raises(NotAllowed):
        advance(case.pk, "reopen", by=case.practitioner.user, now=NOON)
