"""The Moyasar adapter against the simulator, over real HTTP."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from mumaris.kit.clock import end_of_day, today
from payments.gateways import gateway
from payments.gateways import moyasar as moyasar_module
from payments.gateways.base import (
    AttemptRequest,
    BadWebhook,
    GatewayDown,
    GatewayRefused,
    NoSuchPayment,
    Redirect,
    RefundInDoubt,
    RefundNotSupported,
    ShowBill,
    Unreadable,
)
from payments.gateways.moyasar import Moyasar

pytest_plugins = ["tests.servers"]
pytestmark = pytest.mark.req("PAY-3")

DECLINED_FOR_FUNDS = "4201320000311101"


@pytest.fixture
def moyasar(gateway_simulator):
    return Moyasar(gateway_simulator.api, gateway_simulator.secret_key, gateway_simulator.webhook_secret)


@pytest.fixture
def hasty(moyasar):
    """One that waits a moment only, for answers that never come."""
    return replace(moyasar, timeout=(1, 0.2))


def now():
    return datetime.now(UTC)


def attempt(method="card", **changes):
    asked = AttemptRequest(
        attempt_id=str(uuid4()),
        method=method,
        amount=20_000,
        description="Administrative fee",
        closes_at=end_of_day(today(now()) + timedelta(days=30)),
        return_url="http://portal.example/pay/INV-1/back?from=gateway",
        back_url="http://portal.example/pay/INV-1",
        reference="INV-1",
    )
    return replace(asked, **changes)


def lose_next_answer(gateway_simulator, call=""):
    """The work is done, and then nothing is heard: the hasty adapter gives up after 0.2 s."""
    gateway_simulator.fault("timeout", number=1, call=call)


# Cards


def test_a_card_payment_is_open_then_paid(moyasar, gateway_simulator):
    asked = attempt(language="en")
    provider_id, redirect = moyasar.start(asked, now())
    assert redirect == Redirect(f"{gateway_simulator.url}/invoices/{provider_id}?lang=en")
    (before,) = moyasar.fetch(provider_id, "card")
    assert (before.status, before.provider_ref, before.paid_at) == ("open", "", None)

    location = gateway_simulator.pay_by_card(provider_id)

    (paid,) = moyasar.fetch(provider_id, "card")
    assert (paid.status, paid.method, paid.amount, paid.currency) == ("paid", "card", 20_000, "SAR")
    assert (paid.provider_id, paid.attempt_id) == (provider_id, asked.attempt_id)
    assert paid.provider_ref != provider_id
    assert abs(paid.paid_at - now()) < timedelta(minutes=1)
    assert parse_qs(urlsplit(location).query) == {
        "from": ["gateway"],
        "id": [paid.provider_ref],
        "status": ["paid"],
        "message": ["APPROVED"],
        "invoice_id": [provider_id],
    }


def test_a_declined_card_leaves_the_page_open_and_says_why(moyasar, gateway_simulator):
    provider_id, _ = moyasar.start(attempt(), now())
    gateway_simulator.pay_by_card(provider_id, DECLINED_FOR_FUNDS)
    (state,) = moyasar.fetch(provider_id, "card")
    assert (state.status, state.message, state.paid_at) == ("open", "INSUFFICIENT FUNDS", None)

    gateway_simulator.pay_by_card(provider_id)

    (state,) = moyasar.fetch(provider_id, "card")
    assert state.status == "paid"


@pytest.mark.parametrize("answer", ["fail", "abandon"])
def test_without_the_holders_approval_nothing_is_paid(moyasar, gateway_simulator, answer):
    provider_id, _ = moyasar.start(attempt(), now())
    location = gateway_simulator.pay_by_card(provider_id, answer=answer)
    assert location.startswith(f"/invoices/{provider_id}")
    (state,) = moyasar.fetch(provider_id, "card")
    assert state.status == "open"


@pytest.mark.req("PAY-5")
def test_one_page_paid_twice_gives_both_payments_oldest_first(moyasar, gateway_simulator):
    provider_id, _ = moyasar.start(attempt(), now())
    form = {"number": "4111111111111111", "name": "Two Tabs", "month": "12", "year": "2099", "cvc": "123"}
    asked = [gateway_simulator.ask("POST", f"/invoices/{provider_id}", data=form) for _tab in range(2)]
    for answer in asked:
        path = answer.headers["Location"].removeprefix(gateway_simulator.url)
        gateway_simulator.ask("POST", path, data={"answer": "approve"})

    states = moyasar.fetch(provider_id, "card")

    assert [state.status for state in states] == ["paid", "paid"]
    assert states[0].paid_at <= states[1].paid_at
    assert states[0].provider_ref != states[1].provider_ref


def test_a_card_page_whose_answer_was_lost_is_found_again(hasty, gateway_simulator):
    asked = attempt()
    lose_next_answer(gateway_simulator)
    provider_id, redirect = hasty.start(asked, now())
    listed = gateway_simulator.ask("GET", "/v1/invoices").json()["invoices"]
    assert [page["id"] for page in listed] == [provider_id]
    assert provider_id in redirect.url


def test_a_card_page_started_before_is_not_made_again(moyasar, gateway_simulator):
    asked = attempt()
    moyasar.start(attempt(), now())
    first, _ = moyasar.start(asked, now())
    again, _ = moyasar.start(replace(asked, started_before=True), now())
    assert again == first
    assert gateway_simulator.ask("GET", "/v1/invoices").json()["meta"]["total_count"] == 2


def test_a_start_that_never_arrived_is_down_and_leaves_nothing(moyasar, gateway_simulator):
    for method in ("card", "sadad"):
        gateway_simulator.fault("500")
        with pytest.raises(GatewayDown):
            moyasar.start(attempt(method), now())
    assert gateway_simulator.ask("GET", "/v1/invoices").json()["invoices"] == []
    assert gateway_simulator.ask("GET", "/v1/payments").json()["payments"] == []


def test_a_card_page_closes_at_the_attempts_end(moyasar, gateway_simulator):
    provider_id, _ = moyasar.start(attempt(closes_at=now() + timedelta(hours=1)), now())
    gateway_simulator.clock_ahead(3601)
    (state,) = moyasar.fetch(provider_id, "card")
    assert state.status == "expired"
    page = gateway_simulator.ask("GET", f"/invoices/{provider_id}?lang=en").text
    assert "This invoice has expired" in page
    assert "<button" not in page


def test_a_canceled_page_takes_no_money(moyasar, gateway_simulator):
    provider_id, _ = moyasar.start(attempt(), now())
    assert moyasar.cancel(provider_id, "card") is True
    form = {"number": "4111111111111111", "name": "Too Late", "month": "12", "year": "2099", "cvc": "123"}
    assert gateway_simulator.ask("POST", f"/invoices/{provider_id}", data=form).status_code == 409
    (state,) = moyasar.fetch(provider_id, "card")
    assert state.status == "expired"


def test_what_is_paid_or_a_live_bill_cannot_be_canceled(moyasar, gateway_simulator):
    provider_id, _ = moyasar.start(attempt(), now())
    gateway_simulator.pay_by_card(provider_id)
    assert moyasar.cancel(provider_id, "card") is False
    assert moyasar.fetch(provider_id, "card")[0].status == "paid"
    bill_id, _ = moyasar.start(attempt("sadad"), now())
    assert moyasar.cancel(bill_id, "sadad") is False


# SADAD


def test_a_bill_shows_its_biller_number_and_last_day(moyasar):
    asked = attempt("sadad")
    provider_id, bill = moyasar.start(asked, now())
    assert provider_id == asked.attempt_id
    assert isinstance(bill, ShowBill)
    assert (bill.biller_code, bill.biller_name) == ("001", "sandbox-اختبار")
    assert bill.number.isdecimal()
    assert 12 <= len(bill.number) <= 13
    assert bill.expires_on == today(now()) + timedelta(days=29)
    (state,) = moyasar.fetch(provider_id, "sadad")
    assert (state.status, state.method, state.attempt_id) == ("open", "sadad", asked.attempt_id)


def test_a_bill_ends_no_later_than_its_invoice(moyasar):
    last_day = today(now()) + timedelta(days=3)
    _, bill = moyasar.start(attempt("sadad", closes_at=end_of_day(last_day)), now())
    assert bill.expires_on == last_day


def test_a_bill_started_again_is_the_same_bill(moyasar, gateway_simulator):
    asked = attempt("sadad")
    assert moyasar.start(asked, now()) == moyasar.start(asked, now())
    assert gateway_simulator.ask("GET", "/v1/payments").json()["meta"]["total_count"] == 1


def test_a_bill_whose_answer_was_lost_is_found_by_our_id(hasty, gateway_simulator):
    asked = attempt("sadad")
    lose_next_answer(gateway_simulator)
    provider_id, bill = hasty.start(asked, now())
    assert provider_id == asked.attempt_id
    assert hasty.start(asked, now()) == (provider_id, bill)


def test_one_attempt_never_has_two_amounts(moyasar):
    asked = attempt("sadad")
    moyasar.start(asked, now())
    with pytest.raises(GatewayRefused):
        moyasar.start(replace(asked, amount=30_000), now())


def test_a_bill_below_100_riyals_is_refused_with_its_reason(moyasar):
    least = moyasar.terms["sadad"].min_amount
    assert least == 10_000
    with pytest.raises(GatewayRefused) as refusal:
        moyasar.start(attempt("sadad", amount=least - 1), now())
    assert refusal.value.fields == {"amount": ["must be greater than or equal to 10000"]}
    moyasar.start(attempt("sadad", amount=least), now())


@pytest.mark.req("PAY-4")
def test_the_banks_time_counts_even_when_the_gateway_hears_late(moyasar, gateway_simulator):
    provider_id, bill = moyasar.start(attempt("sadad"), now())
    two_days = 2 * 24 * 3600
    gateway_simulator.pay_bill(bill.number, heard_after_seconds=two_days)
    (state,) = moyasar.fetch(provider_id, "sadad")
    assert (state.status, state.paid_at) == ("open", None)

    gateway_simulator.clock_ahead(two_days + 1)

    (state,) = moyasar.fetch(provider_id, "sadad")
    assert state.status == "paid"
    assert abs(state.paid_at - now()) < timedelta(minutes=1)
    assert state.reference


def test_an_unpaid_bill_expires_after_its_last_day(moyasar, gateway_simulator):
    provider_id, bill = moyasar.start(attempt("sadad"), now())
    last_second = end_of_day(bill.expires_on) - now() - timedelta(seconds=5)
    gateway_simulator.clock_ahead(int(last_second.total_seconds()))
    assert moyasar.fetch(provider_id, "sadad")[0].status == "open"
    gateway_simulator.clock_ahead(int(last_second.total_seconds()) + 6)
    assert moyasar.fetch(provider_id, "sadad")[0].status == "expired"


@pytest.mark.req("PAY-5")
def test_another_amount_than_asked_is_told_as_it_is(moyasar, gateway_simulator):
    provider_id, bill = moyasar.start(attempt("sadad"), now())
    gateway_simulator.fault("wrong_amount", number=-100)
    gateway_simulator.pay_bill(bill.number)
    assert moyasar.fetch(provider_id, "sadad")[0].amount == 19_900


# Refunds


def paid_card(moyasar, gateway_simulator):
    provider_id, _ = moyasar.start(attempt(), now())
    gateway_simulator.pay_by_card(provider_id)
    return moyasar.fetch(provider_id, "card")[0]


def test_a_part_goes_back_once_however_often_it_is_asked(moyasar, gateway_simulator):
    paid = paid_card(moyasar, gateway_simulator)
    first = moyasar.refund(paid.provider_ref, 5_000, refunded_before=0)
    again = moyasar.refund(paid.provider_ref, 5_000, refunded_before=0)
    assert (first.status, first.refunded, first.amount) == ("refunded", 5_000, 20_000)
    assert again.refunded == 5_000
    assert moyasar.refund(paid.provider_ref, 15_000, refunded_before=5_000).refunded == 20_000


def test_a_refund_whose_answer_was_lost_is_found_done(hasty, gateway_simulator):
    paid = paid_card(hasty, gateway_simulator)
    lose_next_answer(gateway_simulator, call="/refund")
    assert hasty.refund(paid.provider_ref, 5_000, refunded_before=0).refunded == 5_000


def test_a_refund_that_never_arrived_is_down(moyasar, gateway_simulator):
    paid = paid_card(moyasar, gateway_simulator)
    gateway_simulator.fault("500", call="/refund")
    with pytest.raises(GatewayDown):
        moyasar.refund(paid.provider_ref, 5_000, refunded_before=0)
    assert moyasar.fetch(paid.provider_id, "card")[0].refunded == 0


def test_more_than_is_left_never_goes_back(moyasar, gateway_simulator):
    paid = paid_card(moyasar, gateway_simulator)
    moyasar.refund(paid.provider_ref, 15_000, refunded_before=0)
    with pytest.raises(GatewayRefused):
        moyasar.refund(paid.provider_ref, 5_001, refunded_before=15_000)
    with pytest.raises(RefundInDoubt):  # our books know less than the gateway's
        moyasar.refund(paid.provider_ref, 1_000, refunded_before=0)
    assert moyasar.fetch(paid.provider_id, "card")[0].refunded == 15_000


def test_money_paid_by_sadad_does_not_go_back_by_the_gateway(moyasar, gateway_simulator):
    provider_id, bill = moyasar.start(attempt("sadad"), now())
    gateway_simulator.pay_bill(bill.number)
    assert moyasar.terms["sadad"].can_refund is False
    with pytest.raises(RefundNotSupported):
        moyasar.refund(provider_id, 100, refunded_before=0)


@pytest.mark.req("PAY-4")
def test_a_refund_does_not_move_the_moment_of_payment(moyasar, gateway_simulator):
    paid = paid_card(moyasar, gateway_simulator)
    gateway_simulator.clock_ahead(24 * 3600)
    after = moyasar.refund(paid.provider_ref, 20_000, refunded_before=0)
    assert abs(after.paid_at - paid.paid_at) < timedelta(minutes=1)


@pytest.mark.req("PAY-4")
def test_the_paid_notices_time_is_believed_where_the_payment_has_none(moyasar, gateway_simulator):
    paid = paid_card(moyasar, gateway_simulator)
    told = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert moyasar.fetch(paid.provider_id, "card", {paid.provider_ref: told})[0].paid_at == told


# Lists and troubles


@pytest.mark.req("PAY-6")
def test_the_list_holds_every_change_since_a_moment_over_all_pages(moyasar, gateway_simulator):
    old_id, old_bill = moyasar.start(attempt("sadad"), now())
    gateway_simulator.clock_ahead(3600)
    since = now() + timedelta(seconds=3600)
    made = {moyasar.start(attempt("sadad"), now())[0] for _number in range(41)}
    assert {state.provider_ref for state in moyasar.list_since(since)} == made
    gateway_simulator.pay_bill(old_bill.number)
    listed = {state.provider_ref: state for state in moyasar.list_since(since)}
    assert listed.keys() == made | {old_id}
    assert listed[old_id].status == "paid"


@pytest.mark.parametrize("fault", ["500", "503", "429"])
def test_trouble_at_the_gateway_means_ask_again_later(moyasar, gateway_simulator, fault):
    provider_id, _ = moyasar.start(attempt(), now())
    gateway_simulator.fault(fault)
    with pytest.raises(GatewayDown):
        moyasar.fetch(provider_id, "card")
    assert moyasar.fetch(provider_id, "card")[0].status == "open"


def test_silence_a_refused_key_and_a_closed_port_mean_ask_again_later(hasty, gateway_simulator):
    provider_id, _ = hasty.start(attempt(), now())
    lose_next_answer(gateway_simulator)
    with pytest.raises(GatewayDown):
        hasty.fetch(provider_id, "card")
    with pytest.raises(GatewayDown):
        replace(hasty, secret_key="sk_test_another").fetch(provider_id, "card")
    with pytest.raises(GatewayDown):
        replace(hasty, url="http://127.0.0.1:9/v1").fetch(provider_id, "card")


def test_an_answer_that_is_not_the_gateways_tells_nothing(moyasar, listener):
    with pytest.raises(GatewayDown):
        replace(moyasar, url=listener.url).refund("some-payment", 100, 0)


@pytest.mark.parametrize("method", ["card", "sadad"])
def test_an_id_that_the_gateway_never_saw(moyasar, method):
    with pytest.raises(NoSuchPayment):
        moyasar.fetch(str(uuid4()), method)


def test_the_secrets_are_not_in_the_adapters_text(moyasar, gateway_simulator):
    assert gateway_simulator.secret_key not in repr(moyasar)
    assert gateway_simulator.webhook_secret not in repr(moyasar)


def test_the_portal_asks_the_gateway_that_its_settings_name(gateway_simulator, settings):
    gateway_simulator.stand_in(settings)
    adapter = gateway()
    provider_id, _ = adapter.start(attempt(), now())
    assert adapter.name == "moyasar"
    assert gateway_simulator.ask("GET", f"/v1/invoices/{provider_id}").status_code == 200


# Notices


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("method", ["card", "sadad"])
def test_a_notice_leads_to_its_attempt_and_loses_its_secret(moyasar, gateway_simulator, listener, method):
    gateway_simulator.send_notices_to(listener.url)
    asked = attempt(method)
    provider_id, where = moyasar.start(asked, now())
    if method == "card":
        gateway_simulator.pay_by_card(provider_id)
    else:
        gateway_simulator.pay_bill(where.number)

    event = moyasar.parse_webhook(listener.next()["body"])

    (paid,) = moyasar.fetch(provider_id, method)
    assert event.type == "payment_paid"
    assert (event.provider_id, event.payment_id, event.attempt_id) == (provider_id, paid.provider_ref, asked.attempt_id)
    assert abs(event.created_at - now()) < timedelta(minutes=1)
    assert gateway_simulator.webhook_secret not in json.dumps(event.body)


@pytest.mark.req("PAY-5")
def test_a_notice_with_another_secret_is_refused(moyasar, gateway_simulator, listener):
    gateway_simulator.send_notices_to(listener.url)
    gateway_simulator.fault("wrong_secret")
    _, bill = moyasar.start(attempt("sadad"), now())
    gateway_simulator.pay_bill(bill.number)
    raw = listener.next()["body"]
    with pytest.raises(BadWebhook):
        moyasar.parse_webhook(raw)
    with pytest.raises(BadWebhook):  # an unset secret lets nobody in
        replace(moyasar, webhook_secret="").parse_webhook(notice(secret_token=""))


def notice(**changes):
    body = {
        "id": str(uuid4()),
        "type": "payment_paid",
        "created_at": "2026-11-22T08:00:00.000Z",
        "secret_token": "a-secret-shared-with-the-gateway",
        "account_name": "Demonstration",
        "live": False,
        "data": {"id": str(uuid4()), "status": "paid", "amount": 20_000, "invoice_id": None, "metadata": None},
    }
    return json.dumps({**body, **changes}).encode()


def data(**changes):
    return notice(data={**json.loads(notice())["data"], **changes})


WRONG = {
    "nothing": b"",
    "a list": b"[]",
    "a text": b'"text"',
    "half an object": b"{",
    "not UTF-8": b"\xff\xfe",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a": ' * 100_000,
    "NaN": notice().replace(b"20000", b"NaN"),
    "a key twice": notice().replace(b'"id"', b'"live": false, "id"', 1),
    "more than 1 MB": notice(padding="x" * 1024 * 1024),
    "a NUL": notice(account_name="\x00"),
    "half a character": notice(account_name="\ud800"),
    "no secret": notice(secret_token=None),
    "a list for a secret": notice(secret_token=["a-secret-shared-with-the-gateway"]),
    "the secret in capitals": notice(secret_token="A-SECRET-SHARED-WITH-THE-GATEWAY"),
    "a number for an id": notice(id=7),
    "an empty id": notice(id=""),
    "a long id": notice(id="x" * 65),
    "no type": notice(type=None),
    "a word for a moment": notice(created_at="yesterday"),
    "a moment without zone": notice(created_at="2026-11-22T08:00:00"),
    "a list for data": notice(data=[]),
    "no data": notice(data=None),
    "a float amount": data(amount=20_000.0),
    "a fraction": data(amount=0.1),
    "a text amount": data(amount="20000"),
    "a negative amount": data(amount=-1),
    "more than fits": data(amount=10**19),
    "more digits than numbers have": notice().replace(b"20000", b"9" * 5000),
    "true for an amount": data(amount=True),
    "a float refund": data(refunded=1.5),
    "no payment": data(id=None),
    "no status": data(status=None),
    "a text for metadata": data(metadata="text"),
}


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG.keys())
def test_a_notice_of_another_shape_is_refused(moyasar, raw):
    with pytest.raises(BadWebhook):
        moyasar.parse_webhook(raw)


@pytest.mark.parametrize("key", ["id", "type", "created_at", "data", "secret_token"])
def test_a_notice_without_a_key_is_refused(moyasar, key):
    body = json.loads(notice())
    del body[key]
    with pytest.raises(BadWebhook):
        moyasar.parse_webhook(json.dumps(body).encode())


def test_a_misspelt_event_and_a_strangers_metadata_are_understood(moyasar):
    event = moyasar.parse_webhook(notice(type="payment_faild"))
    assert (event.type, event.attempt_id) == ("payment_failed", "")
    raw = data(metadata={"attempt_id": "not one of ours"}, invoice_id="the-page")
    event = moyasar.parse_webhook(raw)
    assert (event.provider_id, event.attempt_id) == ("the-page", "")


def test_news_of_something_else_than_a_payment_is_let_in(moyasar):
    event = moyasar.parse_webhook(notice(type="balance_transferred", data={"id": "transfer"}))
    assert (event.type, event.payment_id, event.provider_id) == ("balance_transferred", "", "")


# The daily statement


@pytest.fixture
def reading(moyasar, gateway_simulator):
    return replace(moyasar, statement_url=gateway_simulator.statement_url)


@pytest.mark.req("PAY-6")
def test_the_statement_of_a_day_is_read_line_by_line(reading, gateway_simulator):
    paid = paid_card(reading, gateway_simulator)
    bill_id, bill = reading.start(attempt("sadad"), now())
    gateway_simulator.pay_bill(bill.number)
    reading.refund(paid.provider_ref, 5_000, refunded_before=0)
    fetched = reading.statement(today(now()))
    lines = list(fetched.entries)
    assert [(line.kind, line.provider_ref, line.method, line.amount, line.currency) for line in lines] == [
        ("payment", paid.provider_ref, "card", 20_000, "SAR"),
        ("payment", bill_id, "sadad", 20_000, "SAR"),
        ("refund", paid.provider_ref, "card", -5_000, "SAR"),
    ]
    assert lines[1].reference == bill.number
    assert all(abs(line.bank_at - now()) < timedelta(minutes=1) for line in lines)
    assert len(fetched.sha256) == 32
    assert list(reading.statement(today(now()) - timedelta(days=1)).entries) == []
    assert (reading.gives_statements, replace(reading, statement_url="").gives_statements) == (True, False)


COLUMNS = "kind,payment_id,method,reference,halalas,currency,bank_time"
LINE = "payment,p-1,sadadbill,123,20000,SAR,2026-11-22T12:00:00+03:00"
DAY = datetime(2026, 11, 22).date()
ODD = {
    "nothing": "",
    "a page of HTML": "<html></html>",
    "another order of columns": "payment_id,kind,method,reference,halalas,currency,bank_time\n" + LINE,
    "a column twice": COLUMNS + ",halalas\n" + LINE + ",1",
    "a column too few": COLUMNS + "\n" + LINE.rpartition(",")[0],
    "a column too many": COLUMNS + "\n" + LINE + ",x",
    "the header twice": f"{COLUMNS}\n{COLUMNS}\n{LINE}",
    "an empty line": f"{COLUMNS}\n\n{LINE}",
    "another kind": f"{COLUMNS}\n" + LINE.replace("payment", "payout", 1),
    "no id": f"{COLUMNS}\n" + LINE.replace("p-1", ""),
    "a long id": f"{COLUMNS}\n" + LINE.replace("p-1", "p" * 65),
    "a NUL": f"{COLUMNS}\n" + LINE.replace("p-1", "p\x00"),
    "a fraction": f"{COLUMNS}\n" + LINE.replace("20000", "200.00"),
    "0.1 + 0.2": f"{COLUMNS}\n" + LINE.replace("20000", "0.30000000000000004"),
    "an exponent": f"{COLUMNS}\n" + LINE.replace("20000", "2e4"),
    "nothing moved": f"{COLUMNS}\n" + LINE.replace("20000", "0"),
    "a payment that went out": f"{COLUMNS}\n" + LINE.replace("20000", "-20000"),
    "a refund that came in": f"{COLUMNS}\n" + LINE.replace("payment", "refund", 1),
    "more than fits": f"{COLUMNS}\n" + LINE.replace("20000", "9" * 19),
    "Arabic digits": f"{COLUMNS}\n" + LINE.replace("20000", "٢٠٠٠٠"),
    "no currency": f"{COLUMNS}\n" + LINE.replace("SAR", "riyal"),
    "no zone": f"{COLUMNS}\n" + LINE.replace("+03:00", ""),
    "no moment": f"{COLUMNS}\n" + LINE.replace("2026-11-22T12:00:00+03:00", "noon"),
    "the next day": f"{COLUMNS}\n" + LINE.replace("2026-11-22T12", "2026-11-23T00"),
    "an open quote": f'{COLUMNS}\n"{LINE}',
}


@pytest.fixture
def serve(reading, text_server):
    """An adapter whose statement is this text."""

    def serving(text, status=200):
        text_server.text, text_server.status = text, status
        return replace(reading, statement_url=text_server.url + "/{day}.csv")

    return serving


@pytest.mark.req("PAY-6")
@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_a_statement_that_is_not_as_agreed_is_refused(serve, text):
    with pytest.raises(Unreadable, match="statement of 2026-11-22"):
        list(serve(text.encode()).statement(DAY).entries)


@pytest.mark.req("PAY-6")
def test_bytes_that_are_no_text_and_a_flood_are_refused(serve, monkeypatch):
    with pytest.raises(Unreadable):
        list(serve(COLUMNS.encode() + b"\n\xff\xfe").statement(DAY).entries)
    monkeypatch.setattr(moyasar_module, "MAX_STATEMENT_BYTES", 1000)
    with pytest.raises(Unreadable, match="more than 1000 bytes"):
        serve(f"{COLUMNS}\n{LINE}\n".encode() * 20).statement(DAY)


@pytest.mark.req("PAY-6")
def test_a_statement_that_is_not_there_yet_is_asked_for_again(serve, reading):
    for status in (301, 401, 404, 500):
        with pytest.raises(GatewayDown) as error:
            serve(b"", status).statement(DAY)
        assert not isinstance(error.value, Unreadable)
    with pytest.raises(GatewayDown):
        replace(reading, statement_url="http://127.0.0.1:9/{day}").statement(DAY)


@pytest.mark.req("PAY-6")
def test_the_statement_is_asked_for_with_the_key_and_read_whatever_its_line_ends(serve, text_server):
    for end in ("\n", "\r\n"):
        adapter = serve(f"\ufeff{COLUMNS}{end}{LINE}{end}".encode())
        (line,) = adapter.statement(DAY).entries
        assert (line.provider_ref, line.amount) == ("p-1", 20_000)
    assert text_server.path == "/2026-11-22.csv"
    assert text_server.authorization.startswith("Basic ")


@pytest.mark.req("PAY-6")
def test_a_payment_that_was_made_outside_any_attempt_is_told_by_its_id(moyasar, gateway_simulator):
    paid = paid_card(moyasar, gateway_simulator)
    alone = moyasar.payment(paid.provider_ref)
    assert (alone.provider_id, alone.attempt_id, alone.amount) == (paid.provider_id, paid.attempt_id, 20_000)
    with pytest.raises(NoSuchPayment):
        moyasar.payment(str(uuid4()))


@pytest.mark.req("PAY-5")
def test_one_odd_payment_hides_nobody_elses_in_the_list(moyasar, gateway_simulator):
    since = now() - timedelta(minutes=1)
    odd, good = (moyasar.start(attempt("sadad"), now())[0] for _bill in range(2))
    store = gateway_simulator.site.store
    with store.change():
        store.run("UPDATE payment SET body = json_set(body, '$.status', 'quarrelled') WHERE id = ?", odd)
    assert [state.provider_ref for state in moyasar.list_since(since)] == [good]
    with pytest.raises(Unreadable):
        moyasar.fetch(odd, "sadad")


@pytest.mark.req("PAY-3")
def test_only_what_was_captured_counts(moyasar, gateway_simulator):
    card = {"type": "creditcard", "name": "Sample Person", "number": "4111111111111111", "manual": "true"}
    order = {"amount": 20_000, "currency": "SAR", "description": "A fee", "source": card}
    payment = gateway_simulator.ask("POST", "/v1/payments", json=order).json()
    path = payment["source"]["transaction_url"].removeprefix(gateway_simulator.url)
    gateway_simulator.ask("POST", path, data={"answer": "approve"})
    assert moyasar.payment(payment["id"]).status == "open"
    gateway_simulator.ask("POST", f"/v1/payments/{payment['id']}/capture", json={"amount": 15_000}).raise_for_status()
    state = moyasar.payment(payment["id"])
    assert (state.status, state.amount) == ("paid", 15_000)
    assert abs(state.paid_at - now()) < timedelta(minutes=1)
