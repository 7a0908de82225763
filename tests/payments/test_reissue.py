"""SADAD bills that ran out before their invoice, and a gateway that is away at the cut-off: against the real simulator (PAY-3, DLN-2)."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import notices
from accounts.models import Notice
from applications import deadlines, sweeps
from applications.models import Application, Deadline
from mumaris.kit.clock import today
from mumaris.kit.models import Alarm, PolicyValue
from payments import attempts
from payments.models import Attempt, AttemptState
from payments.tasks import ask_gateway
from tests.applications.waits import waiting
from tests.people import Office, invoice_of, make_staff
from tests.threads import at_once

pytest_plugins = ["tests.servers"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("reference")]
ONE_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def gateway(gateway_simulator, settings):
    gateway_simulator.stand_in(settings)
    return gateway_simulator


@pytest.fixture
def start() -> datetime:
    """Now, in whole seconds; the gateway's clock is moved along with ours."""
    return datetime.now(UTC).replace(microsecond=0)


def billed(start: datetime, *, kind: str = "service_fee"):
    """A case with an open invoice and a live bill."""
    case = waiting(kind, Office(), now=start)
    invoice = invoice_of(case, kind.removesuffix("_fee"))
    return case, attempts.begin(invoice, "sadad", language="en", now=start)


def stopped(case, now: datetime) -> None:
    deadlines.pause(case.pk, cause="staff", reason="Why", by=make_staff("finance officer"), now=now)


def ran_out(gateway, bill: Attempt, start: datetime) -> datetime:
    """The day after the bill's own end: the gateway says that it ran out."""
    days = (bill.expires_on - today(start)).days + 1
    gateway.clock_ahead(days * 86_400)
    now = start + days * ONE_DAY
    attempts.ask_all(now)
    bill.refresh_from_db()
    assert bill.state == AttemptState.EXPIRED
    return now


def live_bills(case) -> list[Attempt]:
    return list(Attempt.objects.live().filter(invoice__case=case.reference, method="sadad"))


@pytest.mark.req("PAY-3")
def test_a_bill_that_ran_out_before_its_extended_invoice_is_followed_by_one_new_bill(gateway, start):
    case, bill = billed(start)
    assert attempts.reissue(start + 2 * timedelta(hours=1)) == 0
    deadlines.extend(case.pk, days=20, reason="Why", by=make_staff("finance officer"), now=start)
    now = ran_out(gateway, bill, start)
    assert attempts.reissue(now) == 1
    (new,) = live_bills(case)
    assert new.bill_number not in ("", bill.bill_number)
    assert new.expires_on == Deadline.objects.get().due_on
    notice = Notice.objects.get(kind="bill_reissued")
    subject, body = notices.words(notice, "en")
    assert subject == f"Application {case.reference}: your new SADAD bill number"
    assert new.bill_number in body
    assert [attempts.reissue(now), attempts.reissue(now + 2 * timedelta(hours=1))] == [0, 0]
    assert Notice.objects.filter(kind="bill_reissued").count() == 1
    gateway.pay_bill(new.bill_number)
    attempts.ask_all(now + timedelta(minutes=5))
    assert Application.objects.get(pk=case.pk).state == "being_issued"


@pytest.mark.req("DLN-5")
def test_while_the_clock_stands_bills_have_full_length_and_follow_each_other(gateway, start):
    case = waiting("service_fee", Office(), now=start)
    stopped(case, start)
    bill = attempts.begin(invoice_of(case, "service"), "sadad", language="en", now=start)
    assert bill.expires_on == today(start) + 29 * ONE_DAY
    now = ran_out(gateway, bill, start)
    assert attempts.reissue(now) == 1
    (new,) = live_bills(case)
    assert new.expires_on == today(now) + 29 * ONE_DAY


@pytest.mark.req("PAY-3")
def test_many_at_once_issue_one_bill_and_tell_once(gateway, start):
    case, bill = billed(start)
    stopped(case, start)
    now = ran_out(gateway, bill, start)
    assert at_once(*[lambda: attempts.reissue(now)] * 4) == []
    assert len(live_bills(case)) == 1
    assert Notice.objects.filter(kind="bill_reissued").count() == 1


@pytest.mark.req("PAY-3")
def test_one_failure_keeps_nobody_elses_bill_away(gateway, start):
    (one, bill), (other, other_bill) = billed(start), billed(start)
    for case in (one, other):
        stopped(case, start)
    now = ran_out(gateway, bill, start)
    other_bill.refresh_from_db()
    assert other_bill.state == AttemptState.EXPIRED
    gateway.fault("500", times=2)  # the first one's start, and the question whether it stands all the same
    assert attempts.reissue(now) == 1
    assert live_bills(one)[0].state == AttemptState.STARTING
    assert live_bills(other)[0].state == AttemptState.OPEN
    assert attempts.reissue(now + timedelta(minutes=5)) == 0  # not before an hour has passed
    assert attempts.reissue(now + timedelta(hours=2)) == 1
    assert live_bills(one)[0].state == AttemptState.OPEN
    assert Notice.objects.filter(kind="bill_reissued").count() == 2


@pytest.mark.req("PAY-3")
def test_no_new_bill_where_nothing_can_be_paid_any_more_nor_in_the_silent_grace(gateway, start):
    PolicyValue.objects.create(key="payment.grace_days", value=5, effective_from=today(start), source="a test")
    case, bill = billed(start)
    deadline = Deadline.objects.get(application=case)
    assert bill.expires_on <= deadline.due_on
    ran_out(gateway, bill, start)
    in_grace = start + 32 * ONE_DAY
    assert deadline.lapses_at > in_grace
    assert attempts.reissue(in_grace) == 0
    sweeps.lapse(deadline.lapses_at)
    assert attempts.reissue(deadline.lapses_at + ONE_DAY) == 0
    assert not Notice.objects.filter(kind="bill_reissued").exists()


@pytest.mark.req("DLN-5")
def test_no_bill_tells_of_the_grace(start, gateway):
    PolicyValue.objects.create(key="payment.grace_days", value=9, effective_from=today(start), source="a test")
    case = waiting("service_fee", Office(), now=start)
    gateway.clock_ahead(10 * 86_400)
    bill = attempts.begin(invoice_of(case, "service"), "sadad", language="en", now=start + 10 * ONE_DAY)
    assert bill.expires_on == Deadline.objects.get(application=case).due_on


# A gateway that is away


@pytest.mark.req("DLN-2")
def test_a_gateway_that_is_away_keeps_the_case_and_raises_the_alarm_until_it_answers(gateway, start, monkeypatch):
    case, _bill = billed(start)
    cut_off = Deadline.objects.get(application=case).lapses_at
    moment = cut_off + timedelta(minutes=1)
    monkeypatch.setattr("payments.tasks.now", lambda: moment)
    gateway.clock_ahead(int((moment - start).total_seconds()))
    gateway.fault("500", times=1)
    for _ in range(2):  # what was not heard in one run, the next one tells of
        ask_gateway()
    alarm = Alarm.objects.get(kind="gateway_away", cleared_at=None)
    assert (alarm.facts, alarm.times) == ({"number": 1}, 1)
    assert sweeps.lapse(moment) == 0
    moment += timedelta(minutes=5)
    for _ in range(2):
        ask_gateway()
    alarm.refresh_from_db()
    assert alarm.cleared_at == moment
    assert sweeps.lapse(moment) == 1


@pytest.mark.req("DLN-2")
def test_no_alarm_before_the_cut_off_nor_before_the_gateway_was_asked(gateway, start):
    case, bill = billed(start)
    cut_off = Deadline.objects.get(application=case).lapses_at
    gateway.fault("500", times=1)
    attempts.ask_all(start + timedelta(minutes=5))
    attempts.watch_gateway(start + timedelta(minutes=5))
    attempts.watch_gateway(cut_off + timedelta(seconds=1))
    assert not Alarm.objects.exists()
    bill.refresh_from_db()
    assert bill.asked_at is None
