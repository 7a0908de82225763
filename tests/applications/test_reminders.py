"""Reminders 14, 7, 3 and 1 days before the last day that people were told, each once (DLN-3)."""

from collections import Counter
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import notices
from accounts.models import Notice
from applications import deadlines, sweeps
from applications.lifecycle import DeadlineKind
from applications.models import Deadline
from applications.reminders import remind
from mumaris.kit.models import PolicyValue
from payments.models import Payment
from tests.applications.waits import KINDS, waiting
from tests.people import NOON, Office, invoice_of, make_staff, pay
from tests.threads import at_once

ONE_DAY = timedelta(days=1)
DUE_IN = 30  # days after NOON


@pytest.fixture
def office(db):
    return Office()


def days_before(days: int):
    """At noon so many days before the last day of a clock that began at NOON."""
    return NOON + (DUE_IN - days) * ONE_DAY


def reminded(case) -> list[str]:
    return list(
        Notice.objects.filter(kind="reminder", reference=case.reference).order_by("pk").values_list("key", flat=True)
    )


def steps(case) -> list[int]:
    return [int(key.rpartition(":")[2]) for key in reminded(case)]


@pytest.mark.req("DLN-3")
@pytest.mark.parametrize("kind", KINDS)
def test_each_on_its_day_and_once(office, kind):
    case = waiting(kind, office)
    due_on = Deadline.objects.get(application=case).due_on
    length = (due_on - NOON.date()).days
    told_on = {}
    for day in range(length + 3):
        for _again in range(2):
            remind(NOON + day * ONE_DAY)
        for step in steps(case)[len(told_on) :]:
            told_on[step] = length - day
    assert told_on == {14: 14, 7: 7, 3: 3, 1: 1}
    notice = Notice.objects.filter(kind="reminder").latest("pk")
    assert notice.key == f"{case.reference}:reminder:{due_on}:1"
    subject, body = notices.words(notice, "en")
    assert subject.startswith(f"Application {case.reference}: ")
    assert "by the end of" in body or "until the end of" in body


@pytest.mark.req("DLN-3")
def test_every_kind_says_what_is_to_be_done(office):
    subjects = set()
    for kind in KINDS:
        waiting(kind, office)
    for day in range(200):
        remind(NOON + day * ONE_DAY)
    for notice in Notice.objects.filter(kind="reminder"):
        subjects.add((notice.facts["wait"], notices.words(notice, "en")[0].partition(": ")[2].partition(" until")[0]))
    assert dict(subjects) == {
        "admin_fee": "pay the administrative fee",
        "return": "answer the remarks",
        "service_fee": "pay the service fee",
        "exam_fee": "pay the exam fee",
        "exam": "sit the exam",
    }
    assert len(subjects) == len(DeadlineKind)


@pytest.mark.req("DLN-3")
@pytest.mark.parametrize(
    ("back", "told"), [(14, [14]), (13, [14]), (8, [14]), (7, [7]), (5, [7]), (2, [3]), (1, [1]), (0, [1]), (-1, [])]
)
def test_after_an_outage_only_the_nearest_is_told(office, back, told):
    case = waiting("service_fee", office)
    remind(days_before(back))
    assert steps(case) == told


@pytest.mark.req("DLN-3")
@pytest.mark.parametrize(("days", "told"), [(14, {7, 3, 1}), (15, {14, 7, 3, 1}), (7, {3, 1}), (2, {1}), (1, set())])
def test_none_for_what_was_just_created(office, days, told):
    PolicyValue.objects.create(key="return.days", value=days, effective_from=date(2026, 1, 1), source="a test")
    case = waiting("return", office)
    remind(NOON)
    assert steps(case) == []
    for day in range(days + 1):
        remind(NOON + day * ONE_DAY)
    assert set(steps(case)) == told


@pytest.mark.req("DLN-3")
def test_none_for_who_has_paid_nor_while_money_is_being_booked(office):
    paid, booked = waiting("service_fee", office), waiting("service_fee", office)
    pay(paid, "service")
    invoice = invoice_of(booked, "service")
    Payment.objects.create(
        invoice=invoice, provider_ref="r", method="card", amount=invoice.amount, paid_at=NOON, received_at=NOON
    )
    assert remind(days_before(7)) == 0


@pytest.mark.req("DLN-3")
def test_none_while_the_clock_stands_and_anew_when_it_runs(office):
    case, clerk = waiting("service_fee", office), make_staff("finance officer")
    deadlines.pause(case.pk, cause="staff", reason="Why", by=clerk, now=days_before(10))
    for day in range(60):
        assert remind(NOON + day * ONE_DAY) == 0
    again = NOON + 60 * ONE_DAY
    deadlines.resume(case.pk, cause="staff", reason="Why", by=clerk, now=again)
    assert remind(again) == 0  # the message that it runs again is enough
    for day in range(11):
        remind(again + day * ONE_DAY)
    assert steps(case) == [7, 3, 1]


@pytest.mark.req("DLN-3")
def test_an_extended_clock_is_reminded_of_by_its_new_day(office):
    case, clerk = waiting("service_fee", office), make_staff("finance officer")
    remind(days_before(7))
    deadlines.extend(case.pk, days=4, reason="Why", by=clerk, now=days_before(7))
    assert remind(days_before(7)) == 0
    for day in range(12):
        remind(days_before(7) + day * ONE_DAY)
    assert steps(case) == [7, 7, 3, 1]
    assert len(set(reminded(case))) == 4


@pytest.mark.req("DLN-3")
def test_the_policies_say_how_many_days_and_the_grace_moves_none(office):
    for key, value in (("reminder.last_days", 2), ("payment.grace_days", 9)):
        PolicyValue.objects.create(key=key, value=value, effective_from=date(2026, 1, 1), source="a test")
    case = waiting("service_fee", office)
    told_on = []
    for day in range(40):
        before = len(steps(case))
        remind(NOON + day * ONE_DAY)
        told_on += [DUE_IN - day] * (len(steps(case)) - before)
    assert told_on == [14, 7, 3, 2]


@pytest.mark.req("DLN-3")
def test_a_batch_costs_the_same_statements_however_many_rows(office):
    costs = []
    for number in (2, 6):
        for _ in range(number):
            waiting("admin_fee", office)
        with CaptureQueriesContext(connection) as queries:
            assert remind(days_before(7)) == number
        costs.append(len(queries))
        sweeps.lapse(days_before(-1))
    assert costs[0] == costs[1]


@pytest.mark.req("DLN-3")
def test_small_batches_reach_everybody(office):
    cases = [waiting("admin_fee", office) for _ in range(5)]
    assert remind(days_before(7), batch=2) == 5
    assert [steps(case) for case in cases] == [[7]] * 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
@pytest.mark.req("DLN-3")
def test_many_at_once_tell_each_person_once():
    office = Office()
    cases = [waiting("admin_fee", office) for _ in range(9)]
    assert at_once(*[lambda: remind(days_before(7), batch=2)] * 4) == []
    remind(days_before(7))
    assert Counter(Notice.objects.filter(kind="reminder").values_list("reference", flat=True)) == {
        case.reference: 1 for case in cases
    }
