"""Paying through the gateway, over real HTTP to its simulator: no money is lost to second clicks, odd answers or lost notices."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Event, Thread
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.urls import reverse

from applications import sweeps
from applications.models import Application
from applications.progress import advance
from mumaris.kit import alarms
from mumaris.kit.clock import today
from mumaris.kit.models import Alarm
from mumaris.kit.turns import turn
from payments import attempts, billing, tasks, webhooks
from payments.gateways.base import Unreadable
from payments.models import Attempt, Credit, Payment, WebhookEvent
from tests.people import declare, invoice_of, make_draft, make_practitioner, make_staff
from tests.threads import at_once

pytest_plugins = ["tests.servers"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("reference")]
LATER = timedelta(minutes=5)
ONE_HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def gateway(gateway_simulator, settings):
    gateway_simulator.stand_in(settings)
    return gateway_simulator


def unpaid():
    case = declare(make_draft(make_practitioner(now=now()), now=now()), now=now())
    return case, invoice_of(case, "admin")


def notify(gateway, attempt: Attempt, page: str, number: int) -> None:
    """The gateway's notification that a card page was paid, stored as it would come."""
    body = {
        "id": f"event-{number}",
        "type": "payment_paid",
        "created_at": now().isoformat(),
        "data": {"id": f"payment-{number}", "invoice_id": page, "metadata": {"attempt_id": str(attempt.given_id)}},
    }
    WebhookEvent.objects.create(
        event_id=body["id"],
        type=body["type"],
        given_id=attempt.given_id,
        body=body,
        body_sha256=b"x" * 32,
        received_at=now(),
    )


@pytest.mark.req("PAY-3")
@pytest.mark.parametrize("method", ["card", "sadad"])
def test_many_clicks_at_once_open_one_page(method):
    _case, invoice = unpaid()
    gate, opened = Barrier(8), []

    def click():
        try:
            gate.wait()
            attempt = attempts.begin(invoice, method, language="en", now=now())
            opened.append((attempt.provider_id, attempt.url or attempt.bill_number))
        finally:
            connection.close()

    threads = [Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 8
    assert len(set(opened)) == 1
    assert Attempt.objects.count() == 1


@pytest.mark.req("PAY-5")
def test_money_paid_on_a_page_that_we_lost_is_found_by_its_notification(gateway):
    case, invoice = unpaid()
    attempt = attempts.begin(invoice, "card", language="en", now=now())
    lost = attempt.provider_id
    gateway.pay_by_card(lost)
    Attempt.objects.filter(pk=attempt.pk).update(provider_id="another-page-that-was-kept", url="http://127.0.0.1:9/")
    notify(gateway, attempt, lost, 1)
    webhooks.work(now())
    case.refresh_from_db()
    assert case.state == "submitted"
    assert Payment.objects.get().disposition == "applied"


@pytest.mark.req("PAY-5")
def test_one_odd_payment_keeps_nobody_elses_from_being_heard(gateway):
    (_odd_case, odd_invoice), (case, invoice) = unpaid(), unpaid()
    odd = attempts.begin(odd_invoice, "sadad", language="en", now=now())
    gateway.fault("wrong_amount", number=-odd_invoice.amount)
    gateway.pay_bill(odd.bill_number)
    good = attempts.begin(invoice, "sadad", language="en", now=now())
    gateway.pay_bill(good.bill_number)
    for number, attempt in enumerate((odd, good)):
        notify(gateway, attempt, str(attempt.given_id), number)
    webhooks.work(now())
    assert attempts.ask_all(now() + LATER) >= 0
    case.refresh_from_db()
    assert case.state == "submitted"
    assert not WebhookEvent.objects.filter(processed_at=None).exists()


@pytest.mark.req("DLN-2")
def test_an_attempt_that_the_gateway_denies_holds_its_invoice_until_a_person_settles_that(gateway):
    case, invoice = unpaid()
    attempt = attempts.begin(invoice, "card", language="en", now=now())
    gateway.pay_by_card(attempt.provider_id, "4201320000311101")
    Attempt.objects.filter(pk=attempt.pk).update(given_id=uuid4())  # what the gateway lists is no longer ours
    over = invoice.lapses_at
    for minutes in (0, 4, 8):
        attempts.ask_all(over + timedelta(minutes=minutes))
        assert sweeps.lapse(over + timedelta(minutes=minutes)) == 0
    alarm = Alarm.objects.get(kind="attempt_denied")
    assert (alarm.times, attempt.provider_id in alarms.words(alarm)) == (1, True)
    alarms.settle(alarm.pk, reason="The gateway says: void.", by=make_staff("finance officer"), now=over)
    attempts.ask_all(over + timedelta(minutes=12))
    assert sweeps.lapse(over + timedelta(minutes=12)) == 1
    case.refresh_from_db()
    assert (case.state, Attempt.objects.get().state) == ("cancelled", "failed")


@pytest.mark.req("DLN-2")
def test_an_attempt_denied_anew_after_a_proper_answer_is_an_alarm_anew():
    """The first alarm ended by itself; somebody must be told of the second, or nothing ever ends this attempt."""
    _case, invoice = unpaid()
    attempt = attempts.begin(invoice, "card", language="en", now=now())
    known = attempt.provider_id
    for denied in (True, False, True):
        Attempt.objects.update(provider_id="unheard-of" if denied else known)
        attempt.refresh_from_db()
        if denied:
            with pytest.raises(Unreadable):
                attempts.ask(attempt, now=now())
        else:
            attempts.ask(attempt, now=now())
        assert Alarm.objects.filter(kind="attempt_denied", cleared_at=None).exists() is denied
    alarm = Alarm.objects.get(kind="attempt_denied", cleared_at=None)
    alarms.settle(alarm.pk, reason="The gateway says: void.", by=make_staff("finance officer"), now=now())
    assert attempts.ask(attempt, now=now()) == "failed"
    assert not Alarm.objects.filter(cleared_at=None).exists()


@pytest.mark.req("PAY-5")
def test_a_lost_notification_costs_minutes_not_the_money(gateway):
    case, invoice = unpaid()
    attempt = attempts.begin(invoice, "sadad", language="en", now=now())
    gateway.pay_bill(attempt.bill_number)
    assert attempts.ask_all(now() + LATER) == 1
    case.refresh_from_db()
    assert case.state == "submitted"


@pytest.mark.req("DLN-2")
def test_a_gateway_that_is_away_leaves_the_attempt_unasked(gateway):
    _case, invoice = unpaid()
    attempt = attempts.begin(invoice, "sadad", language="en", now=now())
    gateway.fault("500", times=5)
    assert attempts.ask_all(now() + LATER) == 0
    attempt.refresh_from_db()
    assert (attempt.state, attempt.asked_at) == ("open", None)
    assert attempt.tried_at is not None


@pytest.mark.req("PAY-5")
def test_a_card_page_of_a_void_invoice_is_closed(gateway):
    case, invoice = unpaid()
    attempt = attempts.begin(invoice, "card", language="en", now=now())
    advance(case.pk, "reopen", by=case.practitioner.user, now=now())
    attempts.ask_all(now() + LATER)
    attempts.ask_all(now() + 2 * LATER)
    attempt.refresh_from_db()
    assert attempt.state == "expired"
    assert Application.objects.get(pk=case.pk).state == "draft"
    assert not Credit.objects.exists()


@pytest.mark.req("PAY-5")
def test_a_payment_whose_settling_failed_is_settled_later():
    case, invoice = unpaid()
    Payment.objects.create(
        invoice=invoice, provider_ref="left", method="card", amount=invoice.amount, paid_at=now(), received_at=now()
    )
    billing.settle_left(now())
    case.refresh_from_db()
    assert case.state == "submitted"


@pytest.mark.req("PAY-5")
def test_money_that_cannot_be_settled_is_an_alarm_and_its_payer_reads_that_it_arrived(gateway, client, monkeypatch):
    case, invoice = unpaid()
    attempt = attempts.begin(invoice, "sadad", language="en", now=now())
    gateway.pay_bill(attempt.bill_number)
    client.force_login(case.practitioner.user)
    settle = billing.settle

    def broken(*args, **facts):
        raise DatabaseError("something is wrong with this invoice")

    monkeypatch.setattr(billing, "settle", broken)
    for _ in range(2):
        answer = client.get(reverse("payment_return", args=[attempt.given_id]))
        assert answer.status_code == 200
        assert "It is not entered for your invoice yet. Do not pay again." in answer.content.decode()
    assert Payment.objects.get().disposition == "received"
    for minutes, known in ((5, 0), (11, 1), (12, 1)):
        billing.settle_left(now() + timedelta(minutes=minutes))
        assert Alarm.objects.filter(kind="unsettled_money", cleared_at=None).count() == known
    assert Payment.objects.get().provider_ref in alarms.words(Alarm.objects.get())
    monkeypatch.setattr(billing, "settle", settle)
    billing.settle_left(now() + timedelta(minutes=13))
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert (
        "The application is submitted."
        in client.get(reverse("payment_return", args=[attempt.given_id])).content.decode()
    )


@pytest.mark.req("PAY-3")
@pytest.mark.req("PAY-5")
def test_nobody_pays_beside_an_expired_bill_whose_money_cannot_be_settled(gateway, client, monkeypatch):
    case, invoice = unpaid()
    attempt = attempts.begin(invoice, "sadad", language="en", now=now())
    gateway.pay_bill(attempt.bill_number)
    Attempt.objects.filter(pk=attempt.pk).update(expires_on=today(now()) - timedelta(days=1))
    client.force_login(case.practitioner.user)

    def broken(*args, **facts):
        raise DatabaseError("something is wrong with this invoice")

    monkeypatch.setattr(billing, "settle", broken)
    for _click in range(2):
        answer = client.post(reverse("invoice_pay", args=[invoice.number]), {"method": "sadad"}, follow=True)
        assert answer.status_code == 200
        assert "Do not pay again" in answer.content.decode()
    assert Attempt.objects.get().state == "open"
    assert Payment.objects.get().disposition == "received"


# A gateway that hangs, and odd answers of it


def bills(number: int) -> list[Attempt]:
    return [attempts.begin(unpaid()[1], "sadad", language="en", now=now()) for _ in range(number)]


def quarrel(gateway, attempt: Attempt) -> None:
    """From now on the gateway answers about this bill with a word that nobody knows."""
    change = "UPDATE payment SET body = json_set(body, '$.status', 'quarrelled') WHERE id = ?"
    with gateway.site.store.change():
        gateway.site.store.run(change, attempt.provider_id)


@pytest.mark.req("DLN-2")
def test_three_calls_without_an_answer_end_a_batch_and_odd_answers_do_not(gateway):
    asked = bills(5)
    gateway.fault("503", times=10)
    assert attempts.ask_all(now() + LATER) == 0
    assert Attempt.objects.exclude(tried_at=None).count() == 3
    gateway.ask("DELETE", "/sim/faults").raise_for_status()
    for attempt in asked[:4]:
        quarrel(gateway, attempt)
    assert attempts.ask_all(now() + 2 * LATER) == 1
    assert not Attempt.objects.filter(tried_at=None).exists()


@pytest.mark.req("PAY-3")
def test_three_calls_without_an_answer_end_the_reissue_of_bills(gateway):
    for _ in range(4):
        ended = {
            "state": "expired",
            "expires_on": (now() - timedelta(days=2)).date(),
            "created_at": now() - 2 * ONE_HOUR,
        }
        Attempt.objects.create(invoice=unpaid()[1], method="sadad", **ended)
    gateway.fault("503", times=20)
    assert attempts.reissue(now()) == 0
    assert Attempt.objects.filter(state="starting").count() == 3
    gateway.ask("DELETE", "/sim/faults").raise_for_status()
    assert attempts.reissue(now() + 2 * ONE_HOUR, batch=1) == 1
    assert Attempt.objects.filter(state="starting").count() == 3  # those in vain wait for the one not tried yet


@pytest.mark.req("PAY-5")
def test_three_calls_without_an_answer_end_the_work_on_notifications(gateway):
    for number, attempt in enumerate(bills(4)):
        notify(gateway, attempt, str(attempt.given_id), number)
    gateway.fault("503", times=10)
    assert webhooks.work(now()) == 0
    assert WebhookEvent.objects.exclude(tried_at=None).count() == 3
    gateway.ask("DELETE", "/sim/faults").raise_for_status()
    assert webhooks.work(now()) == 4


@pytest.mark.req("DLN-2")
def test_the_alarm_of_a_gateway_that_hangs_is_raised_though_asking_never_ends(gateway, monkeypatch):
    _case, invoice = unpaid()
    attempts.begin(invoice, "sadad", language="en", now=now())
    over = invoice.lapses_at + timedelta(minutes=1)
    gateway.fault("503")
    attempts.ask_all(over)

    def killed(moment):
        raise TimeoutError

    monkeypatch.setattr(tasks, "now", lambda: over)
    monkeypatch.setattr(attempts, "ask_all", killed)
    with pytest.raises(TimeoutError):
        tasks.ask_gateway()
    assert Alarm.objects.get().kind == "gateway_away"


@pytest.mark.req("DLN-2")
@pytest.mark.parametrize(
    ("task", "turn_name"), [("ask_gateway", "ask the gateway"), ("work_webhooks", "work the notifications")]
)
def test_one_run_at_a_time(gateway, monkeypatch, task, turn_name):
    (attempt,) = bills(1)
    gateway.pay_bill(attempt.bill_number)
    notify(gateway, attempt, str(attempt.given_id), 1)
    monkeypatch.setattr(tasks, "now", lambda: now() + LATER)
    held, done = Event(), Event()

    def first():
        with turn(turn_name):
            held.set()
            assert done.wait(20), "the second waits for the first"

    def second():
        held.wait(20)
        getattr(tasks, task)()
        done.set()

    assert at_once(first, second) == []
    assert not Payment.objects.exists()
    getattr(tasks, task)()
    assert Payment.objects.get().disposition == "applied"


@pytest.mark.req("DLN-2")
def test_who_waits_for_the_gateways_word_after_the_end_is_asked_about_first():
    waiting, longer = bills(2)
    over = waiting.invoice.lapses_at
    billing.reschedule(longer.invoice, due_on=over.date() + timedelta(days=60))
    Attempt.objects.filter(pk=waiting.pk).update(tried_at=over - timedelta(minutes=1))
    attempts.ask_all(over + timedelta(seconds=1), batch=1)
    waiting.refresh_from_db()
    longer.refresh_from_db()
    assert (waiting.tried_at, longer.tried_at) == (over + timedelta(seconds=1), None)


@pytest.mark.req("PAY-5")
def test_a_notification_that_always_fails_lets_newer_ones_pass_and_is_an_alarm(gateway, monkeypatch):
    odd, good = bills(2)
    for number, attempt in enumerate((odd, good)):
        gateway.pay_bill(attempt.bill_number)
        notify(gateway, attempt, str(attempt.given_id), number)
    settle = billing.settle

    def settle_but_one(invoice_id, *, now):
        if invoice_id == odd.invoice_id:
            raise DatabaseError("something is wrong with this invoice")
        settle(invoice_id, now=now)

    monkeypatch.setattr(billing, "settle", settle_but_one)
    assert [webhooks.work(now(), batch=1) for _ in range(3)] == [0, 1, 0]
    assert Payment.objects.get(attempt=good).disposition == "applied"
    monkeypatch.setattr(tasks, "now", lambda: now() + 3 * LATER)
    tasks.work_webhooks()
    alarm = Alarm.objects.get()
    assert (alarm.kind, "event-0" in alarms.words(alarm)) == ("notifications_wait", True)
    monkeypatch.setattr(billing, "settle", settle)
    for _ in range(2):
        tasks.work_webhooks()
    assert not Alarm.objects.filter(cleared_at=None).exists()
    assert Payment.objects.get(attempt=odd).disposition == "applied"


@pytest.mark.req("PAY-5")
def test_a_notification_about_a_denied_attempt_raises_no_second_alarm(gateway):
    (attempt,) = bills(1)
    Attempt.objects.update(provider_id="unheard-of")
    notify(gateway, attempt, "unheard-of", 1)
    assert webhooks.work(now()) == 1
    assert WebhookEvent.objects.get().outcome == "conflict"
    assert list(Alarm.objects.values_list("kind", flat=True)) == ["attempt_denied"]
