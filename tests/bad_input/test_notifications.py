"""Notifications that are forged, replayed, odd or too large, and a forged way back: nothing moves (classes 57 to 60)."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from mumaris.kit.models import Alarm
from payments import attempts, webhooks
from payments.models import Attempt, Payment, WebhookEvent
from tests.fingerprint import unchanged
from tests.payments.test_gateway_contract import WRONG
from tests.people import declare, invoice_of, make_draft, make_practitioner

pytest_plugins = ["tests.servers"]
pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-5")]


@pytest.fixture(autouse=True)
def gateway(gateway_simulator, settings):
    gateway_simulator.stand_in(settings)
    return gateway_simulator


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def attempt(gateway) -> Attempt:
    case = declare(make_draft(make_practitioner(now=now()), now=now()), now=now())
    return attempts.begin(invoice_of(case, "admin"), "sadad", language="en", now=now())


def told(gateway, attempt: Attempt, **changes) -> dict:
    """What the gateway would send of the attempt's payment, paid or not."""
    payment = gateway.ask("GET", f"/v1/payments/{attempt.provider_id}").json()
    return {
        "id": str(uuid4()),
        "type": "payment_paid",
        "created_at": now().isoformat(),
        "secret_token": gateway.webhook_secret,
        "account_name": "Demonstration",
        "live": False,
        "data": payment,
        **changes,
    }


def send(body: dict | bytes, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client(raise_request_exception=False, headers=headers).post(
        reverse("payment_notifications"), raw, "application/json"
    )


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG.keys())
def test_another_shape_is_refused_and_leaves_nothing(raw):
    with unchanged():
        assert send(raw).status_code in (400, 401)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"padding": "' + b"x" * 10 * 1024 * 1024 + b'"}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=["10 MB", "10,000 lists deep", "10,000 objects deep"],
)
def test_what_is_too_large_or_too_deep_is_refused(raw):
    with unchanged():
        assert send(raw).status_code in (400, 401)


def test_a_secret_that_stands_twice_or_in_a_header_opens_nothing(gateway, attempt):
    body = told(gateway, attempt)
    raw = json.dumps(body).encode()
    twice = raw.replace(b'"secret_token"', b'"secret_token": "wrong", "secret_token"', 1)
    body["secret_token"] = "wrong"
    with unchanged():
        assert send(twice).status_code == 401
        assert send(body, **{"x-signature": gateway.webhook_secret}).status_code == 401


def test_the_old_secret_opens_nothing_after_its_rotation(gateway, attempt, settings):
    body = told(gateway, attempt)
    settings.MOYASAR_WEBHOOK_SECRET = "the-new-one"
    with unchanged():
        assert send(body).status_code == 401
    assert send({**body, "secret_token": "the-new-one"}).status_code == 200


def test_a_replayed_notification_is_stored_and_booked_once(gateway, attempt):
    gateway.pay_bill(attempt.bill_number)
    body = told(gateway, attempt)
    for _ in range(3):
        assert send(body).status_code == 200
        webhooks.work(now())
    assert WebhookEvent.objects.count() == Payment.objects.count() == 1


def test_the_same_id_with_another_body_is_a_conflict_and_the_first_stands(gateway, attempt):
    body = told(gateway, attempt)
    assert send(body).status_code == 200
    (first,) = WebhookEvent.objects.values()
    for _ in range(2):
        assert send({**body, "type": "payment_failed"}).status_code == 409
    assert list(WebhookEvent.objects.values()) == [first]
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.times, alarm.facts) == ("event_conflict", 1, {"event": body["id"]})


@pytest.mark.parametrize(
    "changes", [{"amount": 1}, {"currency": "USD"}, {"status": "refunded"}, {"status": "quarrelled"}]
)
def test_what_a_notification_claims_of_money_is_not_believed(gateway, attempt, changes):
    """The secret is right, the gateway itself says: not paid."""
    body = told(gateway, attempt)
    body["data"] = {**body["data"], "status": "paid", **changes}
    assert send(body).status_code == 200
    webhooks.work(now())
    assert WebhookEvent.objects.get().outcome == "asked"
    assert not Payment.objects.exists()
    attempt.refresh_from_db()
    assert attempt.state == "open"


def test_fields_that_nobody_knows_are_let_in_and_mean_nothing(gateway, attempt):
    gateway.pay_bill(attempt.bill_number)
    body = told(gateway, attempt, surprise={"amount": -1})
    body["data"]["surprise"] = ["paid"]
    assert send(body).status_code == 200
    webhooks.work(now())
    assert Payment.objects.get().amount == 20_000


def test_an_answer_with_an_unknown_word_is_an_alarm_and_keeps_nobody_waiting(gateway, attempt):
    store = gateway.site.store
    with store.change():
        store.run(
            "UPDATE payment SET body = json_set(body, '$.status', 'quarrelled') WHERE id = ?", attempt.provider_id
        )
    assert send(told(gateway, attempt)).status_code == 200
    for _ in range(2):
        webhooks.work(now())
    assert WebhookEvent.objects.get().outcome == "conflict"
    assert Alarm.objects.get().kind == "payment_unreadable"
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "claims",
    [
        {"status": "paid"},
        {"status": "paid", "id": "x", "message": "APPROVED", "invoice_id": "x"},
        {"status": ["paid"] * 9},
    ],
)
def test_a_forged_way_back_shows_that_we_are_checking_and_pays_nothing(client, attempt, claims):
    client.force_login(attempt.invoice.payer.user)
    page = client.get(reverse("payment_return", args=[attempt.given_id]), claims).content.decode()
    assert "Your payment is being checked" in page
    assert not Payment.objects.exists()
    attempt.refresh_from_db()
    attempt.invoice.refresh_from_db()
    assert (attempt.state, attempt.invoice.state) == ("open", "issued")
