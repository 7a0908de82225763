"""Clocks that are paused, let go and extended while others pay, sweep, move the case or do the same (DLN-2, DLN-5)."""

from datetime import timedelta

import pytest

from accounts.models import Notice
from applications import deadlines, sweeps
from applications.models import Application, ClockChange, Deadline
from applications.progress import advance
from mumaris.kit.lifecycle import NotAllowed
from payments import billing
from payments.models import Credit, Invoice
from tests.applications.waits import waiting
from tests.people import NOON, Office, invoice_of, make_staff
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("reference")]
SECOND = timedelta(seconds=1)


def payer(case, *, now, ref):
    invoice = invoice_of(case, "service")
    return lambda: billing.receive(
        invoice=invoice, attempt=None, provider_ref=ref, method="sadad", amount=invoice.amount, paid_at=now, now=now
    )


def pauser(case, clerk, *, now, cause="staff"):
    return lambda: deadlines.pause(case.pk, cause=cause, reason="Why", by=clerk, now=now)


def agree(case) -> None:
    """Deadline and invoice say the same, whatever came first."""
    deadline, invoice = Deadline.objects.filter(application=case).first(), invoice_of(case, "service")
    assert (deadline is not None) == (Application.objects.get(pk=case.pk).state == "preliminarily_approved")
    assert (deadline is not None) == invoice.is_open
    if deadline:
        assert (deadline.due_on, deadline.lapses_at) == (invoice.due_on, invoice.lapses_at)


@pytest.mark.req("DLN-5")
def test_a_pause_racing_a_payment_leaves_the_case_paid():
    office, clerk = Office(), make_staff("finance officer")
    for round_ in range(8):
        case = waiting("service_fee", office)
        raised = at_once(pauser(case, clerk, now=NOON), payer(case, now=NOON, ref=f"p{round_}"))
        assert all(isinstance(one, NotAllowed) for one in raised)
        assert Application.objects.get(pk=case.pk).state == "being_issued"
        assert len(raised) + ClockChange.objects.filter(application=case).count() == 1
        agree(case)
    assert not Credit.objects.exists()


@pytest.mark.req("DLN-5")
def test_a_pause_at_the_last_moment_racing_the_sweep_wins_or_comes_too_late():
    office, clerk = Office(), make_staff("finance officer")
    for _round in range(8):
        case = waiting("service_fee", office)
        cut_off = Deadline.objects.get(application=case).lapses_at
        raised = at_once(
            pauser(case, clerk, now=cut_off - SECOND),
            lambda cut_off=cut_off: sweeps.lapse(cut_off),
            lambda cut_off=cut_off: sweeps.lapse(cut_off),
        )
        assert all(isinstance(one, NotAllowed) for one in raised)
        state = Application.objects.get(pk=case.pk).state
        assert state == ("cancelled" if raised else "preliminarily_approved")
        assert sweeps.lapse(cut_off + timedelta(days=9)) == 0
        assert Notice.objects.filter(kind="cancelled", reference=case.reference).count() == len(raised)
        agree(case)


@pytest.mark.req("DLN-5")
def test_a_clock_let_go_racing_a_payment_and_the_sweep():
    office, clerk = Office(), make_staff("finance officer")
    for round_ in range(8):
        case = waiting("service_fee", office)
        deadlines.pause(case.pk, cause="staff", reason="Why", by=clerk, now=NOON)
        later = NOON + timedelta(days=50)
        raised = at_once(
            lambda case=case, later=later: deadlines.resume(case.pk, cause="staff", reason="Why", by=clerk, now=later),
            payer(case, now=later, ref=f"r{round_}"),
            lambda later=later: sweeps.lapse(later),
        )
        assert all(isinstance(one, NotAllowed) for one in raised)
        assert Application.objects.get(pk=case.pk).state == "being_issued"
        agree(case)


@pytest.mark.req("DLN-5")
def test_many_clerks_at_once_extend_once():
    office, clerk = Office(), make_staff("finance officer")
    case = waiting("service_fee", office)
    before = Deadline.objects.get(application=case).due_on
    raised = at_once(*[lambda: deadlines.extend(case.pk, days=10, reason="Why", by=clerk, now=NOON)] * 6)
    assert [type(one) for one in raised] == [NotAllowed] * 5
    assert Deadline.objects.get(application=case).due_on == before + timedelta(days=10)
    assert ClockChange.objects.count() == Notice.objects.filter(kind="clock_extend").count() == 1
    agree(case)


@pytest.mark.req("PAY-7")
def test_two_causes_at_once_hold_one_clock():
    office, clerk = Office(), make_staff("finance officer")
    for _round in range(6):
        case = waiting("service_fee", office)
        act = [pauser(case, clerk, now=NOON), pauser(case, None, now=NOON, cause="exemption")]
        assert at_once(*act) == []
        raised = at_once(
            lambda case=case: deadlines.resume(case.pk, cause="staff", reason="Why", by=clerk, now=NOON),
            lambda case=case: deadlines.resume(case.pk, cause="exemption", by=None, now=NOON),
        )
        assert raised == []
        assert not Deadline.objects.get(application=case).is_paused
        agree(case)


@pytest.mark.req("DLN-5")
def test_changes_of_the_clock_and_moves_of_the_case_never_deadlock():
    office, clerk = Office(), make_staff("finance officer")
    for _round in range(6):
        case = waiting("service_fee", office)
        user = case.practitioner.user
        raised = at_once(
            lambda case=case, user=user: advance(case.pk, "withdraw", by=user, now=NOON),
            pauser(case, clerk, now=NOON),
            lambda case=case: deadlines.extend(case.pk, days=3, reason="Why", by=clerk, now=NOON),
            payer(case, now=NOON, ref=f"d{case.pk}"),
        )
        assert all(isinstance(one, NotAllowed) for one in raised)
        assert Application.objects.get(pk=case.pk).state in ("withdrawn", "being_issued")
        assert not Deadline.objects.filter(application=case).exists()
    assert not Invoice.objects.filter(state="issued").exists()
