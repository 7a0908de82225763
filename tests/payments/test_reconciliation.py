"""Our books against the gateway's list and daily statement, over real HTTP to its simulator (PAY-6, PAY-5; F22 to F26, F39)."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pgtrigger
import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from applications import sweeps
from applications.progress import advance
from mumaris.kit import alarms
from mumaris.kit.clock import end_of_day, today
from mumaris.kit.models import Alarm
from payments import attempts, billing, ledger, reconciliation, webhooks
from payments.gateways.base import GatewayDown, Unreadable
from payments.models import (
    Account,
    Attempt,
    Credit,
    Difference,
    LedgerEntry,
    Payment,
    Posting,
    Statement,
    StatementLine,
)
from tests.fingerprint import unchanged
from tests.people import declare, invoice_of, make_draft, make_practitioner, pay
from tests.threads import at_once

pytest_plugins = ["tests.servers"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("reference"),
    pytest.mark.req("PAY-6"),
]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def gateway(gateway_simulator, settings):
    gateway_simulator.stand_in(settings)
    return gateway_simulator


class Clock:
    """The portal's and the gateway's clock, moved together; it starts at midday in Riyadh, or is real."""

    def __init__(self, gateway) -> None:
        self.gateway = gateway
        self.days = 0

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.days * DAY

    def next_days(self, number: int = 1) -> datetime:
        self.days += number
        self.gateway.clock_ahead(self.days * 24 * 3600)
        return self.now


@pytest.fixture
def clock(gateway) -> Clock:
    return Clock(gateway)


def begun(clock: Clock, method: str = "sadad") -> tuple:
    """A declared case and its live attempt."""
    case = declare(make_draft(make_practitioner(now=clock.now), now=clock.now), now=clock.now)
    return case, attempts.begin(invoice_of(case, "admin"), method, language="en", now=clock.now)


def paid(gateway, clock: Clock) -> Payment:
    """Paid at the bank by SADAD and known to us."""
    _case, attempt = begun(clock)
    gateway.pay_bill(attempt.bill_number)
    attempts.ask(attempt, now=clock.now)
    return Payment.objects.get(attempt=attempt)


def found() -> list[tuple[str, str]]:
    return sorted(Difference.objects.values_list("kind", "provider_ref"))


def alarms_of(kind: str) -> int:
    return Alarm.objects.filter(kind=kind, cleared_at=None).count()


# Taking in


def test_what_agrees_is_taken_in_without_a_difference(gateway, clock):
    payments = [paid(gateway, clock) for _ in range(3)]
    day = today(clock.now)
    reconciliation.reconcile(clock.now)
    assert not Statement.objects.exists()  # the day is not over
    reconciliation.reconcile(clock.next_days(2))
    assert list(Statement.objects.order_by("day").values_list("day", flat=True)) == [day, day + DAY]
    assert list(StatementLine.objects.order_by("position").values_list("provider_ref", "amount", "statement__day")) == [
        (payment.provider_ref, 20_000, day) for payment in payments
    ]
    assert found() == []
    assert reconciliation.statement_is_in(day)
    for payment in Payment.objects.all():
        assert abs(payment.bank_at - payment.paid_at) < timedelta(seconds=1)


def test_five_kinds_of_difference_are_each_named_once(gateway, clock):
    missing, amount, double, other_day, _right = [paid(gateway, clock) for _ in range(5)]
    day = today(clock.now)
    gateway.plant("missing", payment_id=missing.provider_ref)
    gateway.plant("amount", payment_id=amount.provider_ref, number=-250)
    gateway.plant("double", payment_id=double.provider_ref)
    gateway.plant("other_day", payment_id=other_day.provider_ref)
    extra = gateway.plant("extra", date=day.isoformat(), number=7_700)
    clock.next_days(2)
    for _ in range(2):
        reconciliation.reconcile(clock.now)
    assert found() == sorted(
        [
            ("missing_there", missing.provider_ref),
            ("amount", amount.provider_ref),
            ("double", double.provider_ref),
            ("day", other_day.provider_ref),
            ("missing_here", extra),
        ]
    )
    facts = {
        one.kind: (one.payment, one.ours, one.theirs, one.our_day, one.their_day) for one in Difference.objects.all()
    }
    assert facts == {
        "missing_there": (missing, 20_000, None, day, None),
        "amount": (amount, 20_000, 19_750, day, day),
        "double": (double, 20_000, 40_000, day, day),
        "day": (other_day, 20_000, 20_000, day, day + DAY),
        "missing_here": (None, None, 7_700, None, day),
    }
    assert alarms_of("open_differences") == 1
    assert Payment.objects.count() == 5


def test_what_stands_in_the_next_days_statement_too_is_a_double(gateway, clock):
    payment = paid(gateway, clock)
    clock.next_days(1)
    reconciliation.reconcile(clock.now)
    gateway.plant("other_day", payment_id=payment.provider_ref)
    reconciliation.reconcile(clock.next_days(1))
    assert found() == [("double", payment.provider_ref)]


def test_a_day_is_taken_in_once_however_many_do_it_at_once(gateway, clock):
    payment = paid(gateway, clock)
    gateway.plant("amount", payment_id=payment.provider_ref)
    now, day = clock.next_days(2), today(clock.now) - 2 * DAY
    assert at_once(*[lambda: reconciliation.take_in(day, now=now)] * 4) == []
    assert at_once(*[lambda: reconciliation.compare(day, now=now)] * 4) == []
    assert at_once(*[lambda: reconciliation.reconcile(now)] * 4) == []
    assert Statement.objects.filter(day=day).count() == 1
    assert StatementLine.objects.count() == 1
    assert found() == [("amount", payment.provider_ref)]


def test_an_outage_is_caught_up_oldest_first(gateway, clock):
    paid(gateway, clock)
    clock.next_days(3)
    paid(gateway, clock)
    clock.next_days(4)
    gateway.fault("503", call="/v1/payments")  # the API is not asked: everything is known
    assert len(reconciliation.days_without_statement(clock.now)) == 7
    reconciliation.reconcile(clock.now)
    days = list(Statement.objects.order_by("pk").values_list("day", flat=True))
    assert days == sorted(days)
    assert len(days) == 7
    assert reconciliation.days_without_statement(clock.now) == []
    assert found() == []


def test_a_gateway_that_is_away_stores_nothing_and_is_an_alarm_when_it_is_overdue(gateway, clock, settings):
    paid(gateway, clock)
    settings.MOYASAR_STATEMENT_URL = "http://127.0.0.1:9/{day}"
    reconciliation.reconcile(clock.next_days(1))
    assert alarms_of("statement_overdue") == 0
    reconciliation.reconcile(clock.next_days(1))
    reconciliation.reconcile(clock.now)
    assert Alarm.objects.get(kind="statement_overdue").times == 1
    assert not Statement.objects.exists()
    gateway.stand_in(settings)
    reconciliation.reconcile(clock.now)
    assert Statement.objects.count() == 2
    assert alarms_of("statement_overdue") == 0


def test_a_comparison_that_was_broken_off_is_done_again(gateway, clock):
    _case, attempt = begun(clock)
    gateway.pay_bill(attempt.bill_number)
    day = today(clock.now)
    clock.next_days(1)
    gateway.fault("500", call="GET /v1/payments")
    reconciliation.reconcile(clock.now)
    assert Statement.objects.get().compared_at is None
    assert not reconciliation.statement_is_in(day)
    reconciliation.reconcile(clock.now)
    assert reconciliation.statement_is_in(day)
    assert Payment.objects.get().bank_at
    assert found() == []


def test_without_a_statement_set_up_an_alarm_says_so_once_a_day(gateway, clock, settings):
    settings.MOYASAR_STATEMENT_URL = ""
    reconciliation.reconcile(clock.now)
    assert not Alarm.objects.exists()  # no money yet
    paid(gateway, clock)
    for _ in range(3):
        reconciliation.reconcile(clock.next_days(1))
        reconciliation.reconcile(clock.now)
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.times) == ("no_statement", 3)
    alarms.raise_daily("statement_overdue", now=clock.now, number=1, day="2026-01-01")
    reconciliation.reconcile(clock.now)
    assert alarms_of("statement_overdue") == 0  # none is fetched, so none is overdue
    assert not Statement.objects.exists()
    assert "MOYASAR_STATEMENT_URL" in alarms.words(alarm)


def test_an_unreadable_statement_is_an_alarm_and_blocks_no_other_day(gateway, clock, settings, monkeypatch):
    payment = paid(gateway, clock)
    bad_day = today(clock.now)
    real = reconciliation.gateway

    class Odd:
        gives_statements = True

        def __getattr__(self, name):
            return getattr(real(), name)

        def statement(self, day):
            if day == bad_day:
                raise Unreadable("line 3: not a whole number of halalas")
            return real().statement(day)

    monkeypatch.setattr(reconciliation, "gateway", Odd)
    reconciliation.reconcile(clock.next_days(3))
    assert list(Statement.objects.values_list("day", flat=True)) == [bad_day + 2 * DAY, bad_day + DAY]
    assert "not a whole number" in alarms.words(Alarm.objects.get(kind="statement_unreadable"))
    monkeypatch.setattr(reconciliation, "gateway", real)
    reconciliation.reconcile(clock.now)
    assert alarms_of("statement_unreadable") == 0
    payment.refresh_from_db()
    assert payment.bank_at
    assert found() == []


@pytest.mark.parametrize(
    "change", [{"day": "2020-01-01"}, {"sha256": b"y" * 32}, {"compared_at": datetime(2020, 1, 1, tzinfo=UTC)}]
)
def test_the_database_keeps_a_statement_as_it_came(gateway, clock, change):
    paid(gateway, clock)
    reconciliation.reconcile(clock.next_days(1))
    for table in (Statement.objects, StatementLine.objects):
        with pytest.raises(DatabaseError), transaction.atomic():
            table.all().delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Statement.objects.update(**change)


# Facts told late, or never


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("method", ["card", "sadad"])
def test_money_that_nobody_told_of_is_booked_from_the_list(gateway, clock, method):
    """F26, also where our attempt has ended meanwhile."""
    case, attempt = begun(clock, method)
    if method == "card":
        gateway.pay_by_card(attempt.provider_id)
    else:
        gateway.pay_bill(attempt.bill_number)
    Attempt.objects.filter(pk=attempt.pk).update(state="failed")
    for _ in range(2):
        reconciliation.hear_of_all(clock.now)
    case.refresh_from_db()
    assert case.state == "submitted"
    assert Payment.objects.get().disposition == "applied"
    assert not Alarm.objects.exists()


@pytest.mark.req("PAY-5")
def test_money_that_nobody_told_of_is_booked_from_the_statement(gateway, clock):
    case, attempt = begun(clock)
    gateway.pay_bill(attempt.bill_number)
    Attempt.objects.filter(pk=attempt.pk).update(state="expired")
    reconciliation.reconcile(clock.next_days(5))
    case.refresh_from_db()
    assert case.state == "submitted"
    assert Payment.objects.get().bank_at
    assert found() == []


@pytest.mark.req("PAY-5")
def test_after_a_restored_backup_payments_reappear_once(gateway, clock):
    """F39: the database of last night knows the attempts, and nothing of what was paid since."""
    told = [begun(clock) for _ in range(3)]
    for _case, attempt in told:
        gateway.pay_bill(attempt.bill_number)
    reconciliation.hear_of_all(clock.now)
    assert (
        at_once(*[lambda: reconciliation.reconcile(clock.now)] * 2, lambda: reconciliation.hear_of_all(clock.now)) == []
    )
    reconciliation.reconcile(clock.next_days(2))
    assert Payment.objects.filter(disposition="applied").count() == 3
    assert not Credit.objects.exists()
    assert found() == []


@pytest.mark.req("PAY-5")
def test_money_that_is_none_of_ours_is_an_alarm_once(gateway, clock):
    begun(clock)
    order = {"amount": 30_000, "currency": "SAR", "description": "by hand", "source": {"type": "sadadbill"}}
    stranger = gateway.ask("POST", "/v1/payments", json=order).json()
    gateway.pay_bill(stranger["source"]["sadad_number"])
    for _ in range(2):
        reconciliation.hear_of_all(clock.now)
    alarm = Alarm.objects.get(kind="orphan_money")
    assert (alarm.times, alarm.facts) == (1, {"payment": stranger["id"], "amount": 30_000})
    Alarm.objects.update(cleared_at=clock.now)
    reconciliation.hear_of_all(clock.now)
    assert not Alarm.objects.filter(cleared_at=None).exists()
    reconciliation.reconcile(clock.next_days(1))
    assert found() == [("missing_here", stranger["id"])]
    assert not Payment.objects.exists()


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("fault", ["wrong_currency", "wrong_amount"])
def test_money_that_does_not_match_its_attempt_is_an_alarm_once_and_never_dropped(gateway, clock, fault):
    """A currency that is not ours, and an amount of nothing."""
    case, attempt = begun(clock)
    gateway.fault(fault, number=-attempt.invoice.amount)
    gateway.pay_bill(attempt.bill_number)
    for _ in range(3):
        attempts.ask(attempt, now=clock.now)
    alarm = Alarm.objects.get(kind="payment_mismatch")
    assert alarm.times == 1
    assert attempt.invoice.number in alarms.words(alarm)
    assert not Payment.objects.exists()
    case.refresh_from_db()
    assert case.state == "awaiting_admin_fee"


@pytest.mark.req("PAY-5")
def test_a_payment_whose_metadata_was_changed_is_an_alarm(gateway, clock):
    _case, attempt = begun(clock)
    gateway.pay_bill(attempt.bill_number)
    wrong = {"metadata": {"attempt_id": str(uuid4())}}
    gateway.ask("PUT", f"/v1/payments/{attempt.provider_id}", json=wrong).raise_for_status()
    reconciliation.hear_of_all(clock.now)
    assert alarms_of("payment_mismatch") == 1
    reconciliation.reconcile(clock.next_days(1))  # nor does it keep the day from being taken in
    assert found() == [("missing_here", attempt.provider_id)]


# The bank's time overrules


def late_by_the_gateway(gateway, clock) -> tuple:
    """Paid at the bank now; the gateway hears of it 40 days later and knows no other time: cancelled, and a late credit."""
    case, attempt = begun(clock)
    gateway.fault("untold_bank_time")
    gateway.pay_bill(attempt.bill_number, heard_after_seconds=40 * 24 * 3600)
    clock.next_days(31)
    attempts.ask_all(clock.now)
    sweeps.lapse(clock.now)
    case.refresh_from_db()
    assert case.state == "cancelled"
    clock.next_days(10)
    reconciliation.hear_of_all(clock.now)
    assert Credit.objects.get().reason == "late"
    return case, Payment.objects.get()


def balance(account: str) -> int:
    return sum(LedgerEntry.objects.filter(account=account).values_list("amount", flat=True))


@pytest.mark.req("PAY-4")
@pytest.mark.req("PAY-5")
def test_a_late_credit_that_was_in_time_at_the_bank_revives_its_case(gateway, clock):
    """F24."""
    case, payment = late_by_the_gateway(gateway, clock)
    day = today(payment.invoice.issued_at)
    for _ in range(2):
        reconciliation.reconcile(clock.now)
    case.refresh_from_db()
    payment.refresh_from_db()
    assert case.state == "submitted"
    assert case.timeline.latest("seq").move == "revive_submitted"
    assert (payment.disposition, today(payment.bank_at)) == ("applied", day)
    assert invoice_of(case, "admin").state == "paid"
    assert Credit.objects.get().applied_at
    assert list(Posting.objects.order_by("pk").values_list("kind", flat=True)) == ["issue", "close", "receive", "apply"]
    assert balance("suspense") == balance("receivable") == 0
    assert found() == [("day", payment.provider_ref)]
    assert not reconciliation.credits_due(clock.now).exists()


@pytest.mark.req("PAY-5")
def test_a_payment_late_at_the_bank_too_stays_a_credit(gateway, clock):
    """F25: told late, moved late; its ticket is due when the statement of its bank day is in."""
    case, attempt = begun(clock)
    billing.receive(
        invoice=attempt.invoice,
        attempt=attempt,
        provider_ref=str(attempt.given_id),
        method="sadad",
        amount=20_000,
        paid_at=clock.next_days(31),
        now=clock.now,
    )
    attempts.ask_all(clock.now)
    sweeps.lapse(clock.now)
    assert not reconciliation.credits_due(clock.now).exists()
    reconciliation.reconcile(clock.next_days(1))
    case.refresh_from_db()
    assert case.state == "cancelled"
    assert reconciliation.credits_due(clock.now).get().reason == "late"


@pytest.mark.req("PAY-5")
def test_other_credits_wait_for_no_statement_and_without_one_a_late_credit_waits_some_days(gateway, clock, settings):
    _case, payment = late_by_the_gateway(gateway, clock)
    second = Payment.objects.create(
        invoice=payment.invoice, provider_ref="x", method="card", amount=1, paid_at=clock.now, received_at=clock.now
    )
    billing.settle(payment.invoice_id, now=clock.now)
    assert [credit.payment for credit in reconciliation.credits_due(clock.now)] == [second]
    settings.MOYASAR_STATEMENT_URL = ""
    assert reconciliation.credits_due(clock.now).count() == 1
    assert reconciliation.credits_due(clock.now + 4 * DAY).count() == 2


@pytest.mark.req("PAY-5")
def test_a_later_bank_time_never_unapplies(gateway, clock):
    case, attempt = begun(clock)
    clock.next_days(29)
    gateway.pay_bill(attempt.bill_number)
    attempts.ask(attempt, now=clock.now)
    payment = Payment.objects.get()
    StatementLine.objects.create(
        statement=Statement.objects.create(day=today(clock.now) + 3 * DAY, fetched_at=clock.now, sha256=b"x" * 32),
        position=1,
        kind="payment",
        provider_ref=payment.provider_ref,
        method="sadad",
        amount=payment.amount,
        currency="SAR",
        bank_at=clock.now + 3 * DAY,
    )
    reconciliation.compare(today(clock.now) + 3 * DAY, now=clock.now + 4 * DAY)
    payment.refresh_from_db()
    case.refresh_from_db()
    assert (payment.disposition, payment.bank_at > payment.invoice.lapses_at) == ("applied", True)
    assert case.state == "submitted"


@pytest.mark.req("PAY-5")
def test_a_case_that_cannot_be_revived_leaves_the_money_and_its_promise_as_they_are(gateway, clock, monkeypatch):
    case, payment = late_by_the_gateway(gateway, clock)
    newer = declare(make_draft(case.practitioner, now=clock.now), now=clock.now)
    given = []

    def give_way(promised, now):
        given.append(promised)
        promise(promised, 0)
        return True

    promise(payment, payment.amount)
    monkeypatch.setattr(billing, "GIVE_WAY", [give_way])
    reconciliation.reconcile(clock.now)
    case.refresh_from_db()
    payment.refresh_from_db()
    assert given
    assert (case.state, payment.refunded) == ("cancelled", payment.amount)
    credit = payment.credits.get()
    assert (credit.reason, credit.applied_at) == ("case_closed", None)
    assert reconciliation.credits_due(clock.now).get().payment == payment
    assert balance("suspense") == -payment.amount
    advance(newer.pk, "withdraw", by=case.practitioner.user, now=clock.now)
    reconciliation.reconcile(clock.now)
    case.refresh_from_db()
    assert case.state == "cancelled"  # for good: the refund that was promised stands


def promise(payment, amount):
    """What a refund's ticket does to the payment that it is about."""
    with pgtrigger.ignore("payments.Payment:refunded_is_counted"):
        Payment.objects.filter(pk=payment.pk).update(refunded=amount)


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("gives_way", [True, False])
def test_promised_money_is_used_only_when_the_promise_is_taken_back(gateway, clock, monkeypatch, gives_way):
    case, payment = late_by_the_gateway(gateway, clock)
    promise(payment, payment.amount)
    asked = []

    def give_way(promised, now):
        asked.append(promised.pk)
        if gives_way:
            promise(promised, 0)
        return gives_way

    reconciliation.reconcile(clock.now)  # nobody speaks for the ticket: not touched
    case.refresh_from_db()
    assert case.state == "cancelled"
    monkeypatch.setattr(billing, "GIVE_WAY", [give_way])
    reconciliation.reconcile(clock.now)
    case.refresh_from_db()
    assert asked == [payment.pk]
    assert case.state == ("submitted" if gives_way else "cancelled")
    assert Payment.objects.get().refunded == (0 if gives_way else payment.amount)


@pytest.mark.req("PAY-5")
def test_what_is_reapplied_while_it_is_told_again_twenty_times_counts_once(gateway, clock):
    case, payment = late_by_the_gateway(gateway, clock)
    in_time = payment.invoice.issued_at + DAY

    def told_again():
        billing.receive(
            invoice=payment.invoice,
            attempt=payment.attempt,
            provider_ref=payment.provider_ref,
            method="sadad",
            amount=payment.amount,
            paid_at=payment.paid_at,
            now=clock.now,
        )

    reapply = [lambda: billing.reapply(payment.pk, bank_at=in_time, now=clock.now)] * 3
    assert at_once(*[told_again] * 20, *reapply) == []
    case.refresh_from_db()
    assert (case.state, case.timeline.filter(move="revive_submitted").count()) == ("submitted", 1)
    assert Posting.objects.filter(kind="apply").count() == 1
    assert Credit.objects.count() == 1


@pytest.mark.req("PAY-5")
def test_what_is_reapplied_while_the_newer_case_is_withdrawn_ends_in_one_of_the_two_right_states(gateway, clock):
    case, payment = late_by_the_gateway(gateway, clock)
    newer = declare(make_draft(case.practitioner, now=clock.now), now=clock.now)
    raised = at_once(
        lambda: billing.reapply(payment.pk, bank_at=payment.invoice.issued_at + DAY, now=clock.now),
        lambda: advance(newer.pk, "withdraw", by=case.practitioner.user, now=clock.now),
    )
    assert raised == []
    case.refresh_from_db()
    newer.refresh_from_db()
    payment.refresh_from_db()
    assert newer.state == "withdrawn"
    assert (case.state, payment.disposition) in {("submitted", "applied"), ("cancelled", "credited")}


@pytest.mark.req("PAY-5")
def test_the_invoice_paid_meanwhile_leaves_the_credit_where_it_is(gateway, clock):
    _case, payment = late_by_the_gateway(gateway, clock)
    in_time = payment.invoice.issued_at + DAY
    billing.receive(
        invoice=payment.invoice,
        attempt=None,
        provider_ref="other",
        method="card",
        amount=20_000,
        paid_at=in_time,
        now=clock.now,
    )
    assert billing.reapply(payment.pk, bank_at=in_time, now=clock.now) is False
    payment.refresh_from_db()
    assert (payment.disposition, payment.bank_at) == ("credited", in_time)
    assert Credit.objects.get().applied_at is None


# Notifications in any order, and twice


STORY = ["payment_paid", "payment_paid again", "payment_refunded", "payment_failed"]


@pytest.mark.req("PAY-5")
def test_all_24_orders_of_a_story_end_alike(gateway, clock, client):
    """F23, F22: paid, told twice, refunded at the gateway, and a failed first try; through the real address."""
    ends = set()
    for order in permutations(STORY):
        case, attempt = begun(clock, "card")
        gateway.pay_by_card(attempt.provider_id, "4201320000311101")
        gateway.pay_by_card(attempt.provider_id)
        (money,) = [
            one
            for one in gateway.ask("GET", f"/v1/invoices/{attempt.provider_id}").json()["payments"]
            if one["status"] == "paid"
        ]
        gateway.ask("POST", f"/v1/payments/{money['id']}/refund", json={"amount": 5_000}).raise_for_status()
        events = {
            one["type"]: one
            for one in gateway.ask("GET", "/sim/events").json()["events"]
            if one["data"]["invoice_id"] == attempt.provider_id
        }
        assert set(events) == {name.split()[0] for name in STORY}
        for name in order:
            signed = {**events[name.split()[0]], "secret_token": gateway.webhook_secret}
            answer = client.post(reverse("payment_notifications"), signed, "application/json")
            assert answer.status_code == 200
            webhooks.work(clock.now)
        case.refresh_from_db()
        payment = Payment.objects.get(attempt=attempt)
        ends.add(
            (
                case.state,
                payment.disposition,
                payment.amount,
                payment.provider_ref == money["id"],
                Attempt.objects.get(pk=attempt.pk).state,
                Credit.objects.filter(payment=payment).count(),
                tuple(Posting.objects.filter(invoice=attempt.invoice).order_by("pk").values_list("kind", flat=True)),
            )
        )
    assert ends == {("submitted", "applied", 20_000, True, "paid", 0, ("issue", "receive", "apply"))}


# Refunds in the statement


def test_refunds_are_compared_with_the_books(gateway, clock):
    """Each kind again, for money that went back."""
    day = today(clock.now)
    noon = end_of_day(day) - timedelta(hours=12)
    refs = [f"ref-{number}" for number in range(6)]
    agreed, missing_there, amount, double, other_day, missing_here = refs
    for ref in (agreed, missing_there, amount, double, other_day):
        pay(declare(make_draft(make_practitioner())), "admin", ref=ref)
        payment = Payment.objects.get(provider_ref=ref)
        at = noon + DAY if ref == other_day else noon
        ledger.refund_paid_out(payment, amount=500, account=Account.BANK_CARD, ticket=f"RF-{ref}", now=at)
    theirs = [(agreed, 500), (amount, 499), (double, 500), (double, 500), (other_day, 500), (missing_here, 500)]
    for number, lines in ((0, theirs), (1, [])):
        statement = Statement.objects.create(day=day + number * DAY, fetched_at=clock.now, sha256=b"x" * 32)
        for position, (ref, halalas) in enumerate(lines):
            statement.lines.create(
                position=position,
                kind="refund",
                provider_ref=ref,
                method="card",
                amount=-halalas,
                currency="SAR",
                bank_at=noon,
            )
    for number in (0, 1):
        reconciliation.compare(day + number * DAY, now=clock.now)
    assert found() == sorted(
        [
            ("missing_there", missing_there),
            ("amount", amount),
            ("double", double),
            ("day", other_day),
            ("missing_here", missing_here),
        ]
    )
    assert set(Difference.objects.values_list("movement", flat=True)) == {"refund"}


def test_equal_refunds_of_a_payment_on_one_day_are_told_apart(gateway, clock):
    """Two of 5 riyals here and none there are two differences, however often the day is compared."""
    day = today(clock.now)
    pay(declare(make_draft(make_practitioner())), "admin", ref="ref-1")
    payment = Payment.objects.get(provider_ref="ref-1")
    for number in (1, 2):
        ledger.refund_paid_out(
            payment,
            amount=500,
            account=Account.BANK_CARD,
            ticket=f"RF-{number}",
            now=end_of_day(day) - timedelta(hours=12),
        )
    for number in (0, 1):
        Statement.objects.create(day=day + number * DAY, fetched_at=clock.now, sha256=b"x" * 32)
    for number in (0, 1, 1):
        reconciliation.compare(day + number * DAY, now=clock.now)
    assert list(Difference.objects.values_list("kind", "movement", "ours")) == [("missing_there", "refund", 500)] * 2


def test_a_refund_at_the_gateway_that_we_do_not_know_is_named(gateway, clock):
    _case, attempt = begun(clock, "card")
    gateway.pay_by_card(attempt.provider_id)
    attempts.ask(attempt, now=clock.now)
    payment = Payment.objects.get()
    gateway.ask("POST", f"/v1/payments/{payment.provider_ref}/refund", json={"amount": 700}).raise_for_status()
    reconciliation.reconcile(clock.next_days(1))
    named = Difference.objects.get()
    assert (named.kind, named.movement, named.theirs, named.payment) == ("missing_here", "refund", 700, payment)


def test_nothing_is_stored_of_a_gateway_that_is_away(gateway, clock, settings):
    paid(gateway, clock)
    settings.MOYASAR_STATEMENT_URL = "http://127.0.0.1:9/{day}"
    now = clock.next_days(1)
    with unchanged(), pytest.raises(GatewayDown):
        reconciliation.take_in(today(now) - DAY, now=now)
