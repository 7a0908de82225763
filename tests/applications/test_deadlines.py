"""What time does to an application, and money that comes at its edge (DLN-1, DLN-2, PAY-4, PAY-5)."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import notices
from accounts.models import Notice
from accounts.tasks import send_mail
from applications import sweeps
from applications.models import Application, Deadline
from payments.models import Attempt, Credit, Payment
from tests.people import NOON, Office, declare, invoice_of, make_draft, make_practitioner, pay

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def waiting(kind: str, office: Office) -> Application:
    case = declare(make_draft(make_practitioner()))
    if kind == "admin_fee":
        return case
    case = pay(case, "admin")
    return office.return_(case, "transcript") if kind == "return" else office.approve(case)


@pytest.mark.req("DLN-1")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("admin_fee", "admin_fee_unpaid"), ("return", "deficiencies_unanswered"), ("service_fee", "service_fee_unpaid")],
)
def test_cancelled_at_the_end_of_day_thirty_in_riyadh(kind, reason):
    case = waiting(kind, Office())
    cut_off = Deadline.objects.get(application=case).lapses_at
    assert cut_off.isoformat() == "2026-12-22T21:00:00+00:00"
    assert sweeps.lapse(cut_off - SECOND) == 0
    assert sweeps.lapse(cut_off) == 1
    case.refresh_from_db()
    assert (case.state, case.cancel_reason) == ("cancelled", reason)
    assert case.timeline.first().at == cut_off
    assert not Deadline.objects.exists()
    if kind != "return":
        assert invoice_of(case, kind.removesuffix("_fee")).state == "lapsed"


@pytest.mark.req("DLN-2")
def test_twice_swept_tells_once():
    case = waiting("admin_fee", Office())
    later = Deadline.objects.get(application=case).lapses_at
    assert [sweeps.lapse(later), sweeps.lapse(later)] == [1, 0]
    assert Notice.objects.filter(kind="cancelled", recipient=case.practitioner.user).count() == 1
    while notices.deliver(later):
        pass
    assert notices.deliver(later) == 0
    send_mail()
    assert (
        len(
            [
                message
                for message in mail.outbox
                if case.reference in message.body and message.to == [case.practitioner.user.email]
            ]
        )
        == 1
    )


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize(("fee", "alive"), [("admin", "submitted"), ("service", "being_issued")])
def test_paid_in_time_but_heard_late_lives_again(fee, alive):
    case = waiting(f"{fee}_fee", Office())
    cut_off = Deadline.objects.get(application=case).lapses_at
    sweeps.lapse(cut_off)
    case = pay(case, fee, paid_at=cut_off - SECOND, now=cut_off + timedelta(days=3))
    assert case.state == alive
    assert invoice_of(case, fee).state == "paid"
    assert not Credit.objects.exists()
    assert case.timeline.first().move.startswith("revive")


@pytest.mark.req("PAY-5")
def test_paid_at_the_cut_off_is_late_and_a_credit():
    case = waiting("service_fee", Office())
    cut_off = Deadline.objects.get(application=case).lapses_at
    sweeps.lapse(cut_off)
    case = pay(case, "service", paid_at=cut_off, now=cut_off)
    assert case.state == "cancelled"
    credit = Credit.objects.get()
    assert (credit.reason, credit.amount) == ("late", 40_000)


@pytest.mark.req("PAY-5")
def test_money_for_a_case_with_a_newer_open_one_is_a_credit():
    case = waiting("admin_fee", Office())
    cut_off = Deadline.objects.get(application=case).lapses_at
    sweeps.lapse(cut_off)
    newer = declare(make_draft(case.practitioner, now=cut_off), now=cut_off)
    case = pay(case, "admin", paid_at=cut_off - SECOND, now=cut_off + SECOND)
    assert case.state == "cancelled"
    assert Credit.objects.get().reason == "case_closed"
    assert Payment.objects.get().disposition == "credited"
    assert Application.objects.get(pk=newer.pk).state == "awaiting_admin_fee"


@pytest.mark.req("PAY-5")
def test_a_newer_draft_never_invoiced_gives_way():
    case = waiting("admin_fee", Office())
    cut_off = Deadline.objects.get(application=case).lapses_at
    sweeps.lapse(cut_off)
    draft = make_draft(case.practitioner, now=cut_off)
    case = pay(case, "admin", paid_at=cut_off - SECOND, now=cut_off + SECOND)
    assert case.state == "submitted"
    assert not Application.objects.filter(pk=draft.pk).exists()
    assert Notice.objects.filter(kind="draft_gave_way").count() == 1


@pytest.mark.req("DLN-2")
def test_a_live_attempt_not_asked_since_the_cut_off_keeps_the_case():
    case = waiting("admin_fee", Office())
    cut_off = Deadline.objects.get(application=case).lapses_at
    attempt = Attempt.objects.create(
        invoice=invoice_of(case, "admin"), method="card", state="open", created_at=NOON, asked_at=cut_off - SECOND
    )
    assert sweeps.lapse(cut_off + SECOND) == 0
    Attempt.objects.filter(pk=attempt.pk).update(asked_at=cut_off + SECOND)
    assert sweeps.lapse(cut_off + SECOND) == 1


@pytest.mark.req("DLN-2")
def test_a_batch_costs_the_same_statements_however_many_rows():
    cut_off = NOON + timedelta(days=40)
    costs = []
    for number in (2, 6):
        for _ in range(number):
            declare(make_draft(make_practitioner()))
        with CaptureQueriesContext(connection) as queries:
            assert sweeps.lapse(cut_off) == number
        costs.append(len(queries))
    assert costs[0] == costs[1]


@pytest.mark.req("NTC-1")
def test_a_notice_without_words_keeps_nobody_elses_waiting():
    case = waiting("admin_fee", Office())
    notices.tell(case.practitioner.user, "no_such_kind", key="wordless", now=NOON)
    notices.tell(case.practitioner.user, "submitted", key="worded", reference=case.reference, now=NOON)
    assert notices.deliver(NOON) == 1
    assert Notice.objects.get(key="worded").told_at == NOON
    assert Notice.objects.get(key="wordless").failed_at == NOON
    assert notices.deliver(NOON) == 0
