"""The make-believe gateway speaks as the real one does, and its pages can be used."""

import csv
import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from simulators.gateway import Gateway
from simulators.orders import RIYADH
from simulators.store import Store

pytest_plugins = ["tests.servers"]
pytestmark = pytest.mark.req("PAY-3")

ROOT = Path(__file__).resolve().parents[2]
CARD = {
    "type": "creditcard",
    "name": "Sample Person",
    "number": "4111111111111111",
    "month": 12,
    "year": 2099,
    "cvc": 123,
}
PAYMENT_KEYS = """
id status amount fee currency refunded refunded_at captured captured_at voided_at description amount_format fee_format
refunded_format captured_format invoice_id ip callback_url created_at updated_at metadata source
"""
INVOICE_KEYS = """
id status amount currency description logo_url amount_format url callback_url expired_at created_at updated_at back_url
success_url payments metadata
"""


def order(**changes):
    return {"amount": 20_000, "currency": "SAR", "description": "A fee", **changes}


def bill(gateway_simulator, **changes):
    asked = order(source={"type": "sadadbill"}, **changes)
    return gateway_simulator.ask("POST", "/v1/payments", json=asked)


def page(gateway_simulator, **changes):
    return gateway_simulator.ask("POST", "/v1/invoices", json=order(**changes)).json()


# The wire format


def test_payments_and_invoices_have_the_documented_keys(gateway_simulator):
    made = page(gateway_simulator)
    gateway_simulator.pay_by_card(made["id"])
    invoice = gateway_simulator.ask("GET", f"/v1/invoices/{made['id']}").json()
    (payment,) = invoice["payments"]
    assert made.keys() == invoice.keys() == set(INVOICE_KEYS.split())
    assert payment.keys() == bill(gateway_simulator).json().keys() == set(PAYMENT_KEYS.split())
    assert payment["source"]["number"] == "XXXX-XXXX-XXXX-1010"
    assert (payment["status"], invoice["status"]) == ("paid", "paid")


def test_a_declined_card_is_created_all_the_same(gateway_simulator):
    for number, message in {"4201321234411220": "DECLINED", "4000000000000002": "INVALID CARD NUMBER"}.items():
        answer = gateway_simulator.ask("POST", "/v1/payments", json=order(source={**CARD, "number": number}))
        assert answer.status_code == 201
        assert (answer.json()["status"], answer.json()["source"]["message"]) == ("failed", message)


def test_a_card_payment_waits_for_its_holder_and_returns_to_the_callback(gateway_simulator):
    asked = order(source=CARD, callback_url="http://shop.example/thanks")
    payment = gateway_simulator.ask("POST", "/v1/payments", json=asked).json()
    assert payment["status"] == "initiated"
    path = payment["source"]["transaction_url"].removeprefix(gateway_simulator.url)
    location = gateway_simulator.ask("POST", path, data={"answer": "approve"}).headers["Location"]
    assert location == f"http://shop.example/thanks?id={payment['id']}&status=paid&message=APPROVED"
    again = gateway_simulator.ask("POST", path, data={"answer": "fail"})
    assert "status=paid" in again.headers["Location"]


WRONG_ORDERS = {
    "a text amount": ({"amount": "20000"}, "amount"),
    "a fraction": ({"amount": 200.5}, "amount"),
    "true": ({"amount": True}, "amount"),
    "too little": ({"amount": 99}, "amount"),
    "a currency in words": ({"currency": "riyal"}, "currency"),
    "no description": ({"description": " "}, "description"),
    "nested metadata": ({"metadata": {"a": {"b": "c"}}}, "metadata"),
    "no source": ({"source": None}, "source"),
    "another source": ({"source": {"type": "sadad"}}, "source"),
    "an id of another kind": ({"given_id": "7"}, "given_id"),
    "a script for an address": ({"callback_url": "javascript:alert(1)"}, "callback_url"),
    "a line break in an address": ({"callback_url": "http://shop.example/\r\nX: y"}, "callback_url"),
    "a bill in dollars": ({"currency": "USD"}, "currency"),
    "a bill of 99.99": ({"amount": 9_999}, "amount"),
    "a bill for ever": ({"source": {"type": "sadadbill", "expired_at": "2999-01-01"}}, "expired_at"),
}


@pytest.mark.parametrize(("changes", "field"), WRONG_ORDERS.values(), ids=WRONG_ORDERS.keys())
def test_a_wrong_order_is_refused_by_its_field(gateway_simulator, changes, field):
    asked = {**order(source={"type": "sadadbill"}), **changes}
    answer = gateway_simulator.ask("POST", "/v1/payments", json=asked)
    assert answer.status_code == 400
    assert answer.json()["type"] == "invalid_request_error"
    assert list(answer.json()["errors"]) == [field]
    assert gateway_simulator.ask("GET", "/v1/payments").json()["payments"] == []


def test_errors_come_in_their_envelope(gateway_simulator):
    asked = {
        401: gateway_simulator.ask("GET", "/v1/payments", key="sk_test_another"),
        404: gateway_simulator.ask("GET", f"/v1/payments/{uuid4()}"),
        405: gateway_simulator.ask("DELETE", "/v1/payments"),
        400: gateway_simulator.ask("POST", "/v1/payments", data=b"{"),
    }
    for status, answer in asked.items():
        assert answer.status_code == status
        assert answer.json().keys() == {"type", "message", "errors"}
    assert asked[401].json()["type"] == "authentication_error"
    assert gateway_simulator.ask("GET", "/v1/payments", key="").status_code == 401
    assert gateway_simulator.ask("POST", "/v1/payments", data=b"x" * 1024 * 1025).status_code == 413


def test_a_given_id_is_the_payments_id_and_repeats_nothing(gateway_simulator):
    given = str(uuid4())
    first, second = (bill(gateway_simulator, given_id=given).json() for _call in range(2))
    assert first["id"] == given
    assert first == second
    assert bill(gateway_simulator, given_id=given, amount=30_000).json()["errors"] == {
        "given_id": ["is already used for another payment"]
    }


def test_lists_come_in_pages_newest_first(gateway_simulator):
    made = [bill(gateway_simulator, metadata={"attempt_id": str(number)}).json()["id"] for number in range(41)]
    first = gateway_simulator.ask("GET", "/v1/payments").json()
    assert first["meta"] == {"current_page": 1, "next_page": 2, "prev_page": None, "total_pages": 2, "total_count": 41}
    second = gateway_simulator.ask("GET", "/v1/payments", params={"page": 2}).json()
    assert second["meta"]["next_page"] is None
    assert [one["id"] for one in first["payments"] + second["payments"]] == made[::-1]
    found = gateway_simulator.ask("GET", "/v1/payments", params={"metadata[attempt_id]": "7"}).json()
    assert [one["id"] for one in found["payments"]] == [made[7]]
    assert gateway_simulator.ask("GET", "/v1/payments", params={"status": "paid"}).json()["payments"] == []


@pytest.mark.parametrize(("verb", "path"), [("PUT", "/cancel"), ("DELETE", "")])
def test_an_invoice_is_canceled_either_way(gateway_simulator, verb, path):
    made = page(gateway_simulator)
    assert gateway_simulator.ask(verb, f"/v1/invoices/{made['id']}{path}").json()["status"] == "canceled"
    assert gateway_simulator.ask(verb, f"/v1/invoices/{made['id']}{path}").status_code == 400


def test_a_partial_refund_says_refunded_and_no_more_than_the_rest_goes_back(gateway_simulator):
    made = page(gateway_simulator)
    gateway_simulator.pay_by_card(made["id"])
    payment = gateway_simulator.ask("GET", f"/v1/invoices/{made['id']}").json()["payments"][0]
    path = f"/v1/payments/{payment['id']}/refund"
    part = gateway_simulator.ask("POST", path, json={"amount": 5_000}).json()
    assert (part["status"], part["refunded"], part["refunded_format"]) == ("refunded", 5_000, "50.00 SAR")
    assert gateway_simulator.ask("POST", path, json={"amount": 15_001}).status_code == 400
    assert gateway_simulator.ask("POST", path, json={"amount": 0}).status_code == 400
    assert gateway_simulator.ask("POST", path).json()["refunded"] == 20_000


def test_a_bill_is_never_refunded(gateway_simulator):
    made = bill(gateway_simulator).json()
    gateway_simulator.pay_bill(made["source"]["sadad_number"])
    assert gateway_simulator.ask("POST", f"/v1/payments/{made['id']}/refund").status_code == 400


def test_a_bill_of_500_riyals_expires_after_five_minutes(gateway_simulator):
    made = bill(gateway_simulator, amount=50_000).json()
    assert gateway_simulator.ask("POST", f"/sim/bills/{made['source']['sadad_number']}/pay").status_code == 400
    gateway_simulator.clock_ahead(301)
    assert gateway_simulator.ask("GET", f"/v1/payments/{made['id']}").json()["status"] == "expired"


# Notices


def events_of(listener, number):
    return [json.loads(listener.next()["body"]) for _notice in range(number)]


def test_a_notice_is_sent_with_the_secret_by_the_wanted_method(gateway_simulator, listener):
    wanted = {"url": listener.url, "http_method": "put", "shared_secret": "s", "events": ["payment_expired"]}
    made = gateway_simulator.ask("POST", "/v1/webhooks", json=wanted)
    assert made.status_code == 201
    assert "s" not in made.json().values()
    assert "shared_secret" not in made.json()
    paid, expired = (bill(gateway_simulator).json() for _bill in range(2))
    gateway_simulator.pay_bill(paid["source"]["sadad_number"])  # an event that was not asked for
    gateway_simulator.ask("POST", f"/sim/bills/{expired['source']['sadad_number']}/expire")

    notice = listener.next()

    body = json.loads(notice["body"])
    assert notice["method"] == "PUT"
    assert body.keys() == {"id", "type", "created_at", "secret_token", "account_name", "live", "data"}
    assert (body["type"], body["secret_token"], body["live"]) == ("payment_expired", "s", False)
    assert body["data"] == gateway_simulator.ask("GET", f"/v1/payments/{expired['id']}").json()
    assert listener.taken.empty()


def test_a_webhook_can_be_read_and_dropped_and_is_one_per_address(gateway_simulator, listener):
    for _time in range(2):
        gateway_simulator.send_notices_to(listener.url)
    (made,) = gateway_simulator.ask("GET", "/v1/webhooks").json()["webhooks"]
    path = f"/v1/webhooks/{made['id']}"
    assert gateway_simulator.ask("GET", path).json()["url"] == listener.url
    assert gateway_simulator.ask("DELETE", path).status_code == 204
    assert gateway_simulator.ask("GET", path).status_code == 404
    assert "payment_paid" in gateway_simulator.ask("GET", "/v1/webhooks/available_events").json()["events"]
    refused = gateway_simulator.ask("POST", "/v1/webhooks", json={"url": listener.url, "shared_secret": ""})
    assert refused.json()["errors"] == {"shared_secret": ["can't be blank"]}


def test_a_notice_that_is_not_taken_is_sent_six_times_and_no_more(gateway_simulator, listener):
    gateway_simulator.send_notices_to(listener.url)
    for _time in range(6):
        listener.answers.put(500)
    refused, taken = (bill(gateway_simulator).json() for _bill in range(2))
    gateway_simulator.pay_bill(refused["source"]["sadad_number"])
    six = events_of(listener, 6)
    gateway_simulator.pay_bill(taken["source"]["sadad_number"])
    (seventh,) = events_of(listener, 1)
    assert {event["data"]["id"] for event in six} == {refused["id"]}
    assert len({event["id"] for event in six}) == 1
    assert seventh["data"]["id"] == taken["id"]
    attempts = gateway_simulator.ask("GET", "/v1/webhooks/attempts").json()["webhook_attempts"]
    assert [attempt["response_code"] for attempt in attempts][:6] == [500] * 6


def test_a_notice_can_come_twice_or_behind_a_later_one(gateway_simulator, listener):
    gateway_simulator.send_notices_to(listener.url)
    first, second = (bill(gateway_simulator).json() for _bill in range(2))
    gateway_simulator.fault("duplicate_webhook")
    gateway_simulator.pay_bill(first["source"]["sadad_number"])
    twice = events_of(listener, 2)
    assert twice[0] == twice[1]
    third = bill(gateway_simulator).json()
    gateway_simulator.fault("reorder")
    gateway_simulator.pay_bill(second["source"]["sadad_number"])
    gateway_simulator.pay_bill(third["source"]["sadad_number"])
    assert [event["data"]["id"] for event in events_of(listener, 2)] == [third["id"], second["id"]]


def test_a_late_notice_waits_for_the_gateways_clock(gateway_simulator, listener):
    gateway_simulator.send_notices_to(listener.url)
    late, prompt = (bill(gateway_simulator).json() for _bill in range(2))
    gateway_simulator.fault("late_webhook", number=7200)
    gateway_simulator.pay_bill(late["source"]["sadad_number"])
    assert gateway_simulator.ask("GET", f"/v1/payments/{late['id']}").json()["status"] == "paid"
    gateway_simulator.pay_bill(prompt["source"]["sadad_number"])
    assert [event["data"]["id"] for event in events_of(listener, 1)] == [prompt["id"]]
    gateway_simulator.clock_ahead(7201)
    (event,) = events_of(listener, 1)
    assert event["data"]["id"] == late["id"]
    told = datetime.fromisoformat(event["created_at"])
    assert (datetime.now(UTC) - told).total_seconds() < 60


# Control


def test_the_clock_is_an_absolute_offset(gateway_simulator):
    gateway_simulator.clock_ahead(86_400)
    gateway_simulator.clock_ahead(3_600)
    clock = gateway_simulator.ask("GET", "/sim/clock").json()
    assert clock["ahead_seconds"] == 3_600
    ahead = datetime.fromisoformat(clock["now"]) - datetime.now(UTC)
    assert 3_590 < ahead.total_seconds() < 3_610
    created = datetime.fromisoformat(bill(gateway_simulator).json()["created_at"])
    assert (created - datetime.now(UTC)).total_seconds() > 3_590
    for nonsense in (-1, "3600", 1.5, None):
        assert gateway_simulator.ask("POST", "/sim/clock", json={"ahead_seconds": nonsense}).status_code == 400
    assert gateway_simulator.ask("GET", "/sim/clock").json()["ahead_seconds"] == 3_600


def test_faults_are_counted_down_and_can_be_forgotten(gateway_simulator):
    gateway_simulator.fault("503", times=2, call="GET /v1/payments")
    assert gateway_simulator.ask("GET", "/v1/invoices").status_code == 200
    codes = [gateway_simulator.ask("GET", "/v1/payments").status_code for _call in range(3)]
    assert codes == [503, 503, 200]
    gateway_simulator.fault("429")
    assert gateway_simulator.ask("DELETE", "/sim/faults").json()["faults"] == []
    assert gateway_simulator.ask("GET", "/v1/payments").status_code == 200
    assert gateway_simulator.ask("POST", "/sim/faults", json={"next": "earthquake"}).status_code == 400


@pytest.mark.req("PAY-6")
def test_the_statement_holds_a_riyadh_day(gateway_simulator):
    made, paid = page(gateway_simulator), bill(gateway_simulator).json()
    gateway_simulator.pay_by_card(made["id"])
    card = gateway_simulator.ask("GET", f"/v1/invoices/{made['id']}").json()["payments"][0]
    # the bank took it today, though the gateway has not heard of it yet
    gateway_simulator.pay_bill(paid["source"]["sadad_number"], heard_after_seconds=3600)
    gateway_simulator.ask("POST", f"/v1/payments/{card['id']}/refund", json={"amount": 500})
    now = gateway_simulator.site.store.now()
    text = gateway_simulator.ask("GET", "/sim/reconciliation.csv", params={"date": day_of(now)}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["kind"], row["payment_id"], row["halalas"]) for row in rows] == [
        ("payment", card["id"], "20000"),
        ("payment", paid["id"], "20000"),
        ("refund", card["id"], "-500"),
    ]
    assert all(row["bank_time"].endswith("+03:00") for row in rows)
    other = gateway_simulator.ask("GET", "/sim/reconciliation.csv", params={"date": "2020-01-01"}).text
    assert len(other.splitlines()) == 1
    assert gateway_simulator.ask("GET", "/sim/reconciliation.csv").status_code == 400


def day_of(moment):
    return moment.astimezone(RIYADH).date().isoformat()


def test_everything_is_there_after_a_restart(tmp_path):
    file = str(tmp_path / "gateway.sqlite3")
    before = Gateway(Store(file), "sk_test_x")
    before.store.set_ahead(60)
    before.notices.register({"url": "http://127.0.0.1:9/", "shared_secret": "s"})
    made = before.records.create_payment(order(source={"type": "sadadbill"}), "")
    before.records.pay_bill(made["source"]["sadad_number"])
    before.store.close()

    after = Gateway(Store(file), "sk_test_x")

    assert after.records.payment(made["id"])["status"] == "paid"
    assert after.store.ahead_seconds() == 60
    _number, url, method, body, tried = after.notices.next_due()
    assert (url, method, tried) == ("http://127.0.0.1:9/", "post", 0)
    assert body["data"]["id"] == made["id"]
    after.store.close()


# Pages


def test_the_card_page_lists_the_test_cards_in_both_languages(gateway_simulator):
    made = page(gateway_simulator, description="رسم <script>alert(1)</script>", back_url="http://shop.example/bill")
    arabic = gateway_simulator.ask("GET", f"/invoices/{made['id']}")
    english = gateway_simulator.ask("GET", f"/invoices/{made['id']}", params={"lang": "en"}).text
    assert '<html lang="ar" dir="rtl">' in arabic.text
    assert '<html lang="en" dir="ltr">' in english
    for text in (arabic.text, english):
        assert "4201320111111010" in text
        assert "5105105105105100" in text
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert 'href="http://shop.example/bill"' in text
    assert "default-src 'none'" in arabic.headers["Content-Security-Policy"]


def test_a_wrong_form_keeps_what_was_typed_and_charges_nothing(gateway_simulator):
    made = page(gateway_simulator)
    form = {"number": "4111", "name": "<One>", "month": "13", "year": "01", "cvc": "1", "lang": "en"}
    answer = gateway_simulator.ask("POST", f"/invoices/{made['id']}", data=form)
    assert answer.status_code == 400
    assert answer.text.count('aria-invalid="true"') == 5
    assert 'value="&lt;One&gt;"' in answer.text
    assert "<title>Error: " in answer.text
    assert gateway_simulator.ask("GET", "/v1/payments").json()["payments"] == []


def test_arabic_digits_and_gaps_are_taken_on_the_card_page(gateway_simulator):
    made = page(gateway_simulator)
    form = {"number": "٤١١١ ١١١١ ١١١١ ١١١١", "name": "ممارس تجريبي", "month": "١٢", "year": "٢٠٩٩", "cvc": "١٢٣"}
    answer = gateway_simulator.ask("POST", f"/invoices/{made['id']}", data=form)
    assert "/transaction_auths/" in answer.headers["Location"]


def test_a_declined_card_is_told_on_the_page(gateway_simulator):
    made = page(gateway_simulator)
    location = gateway_simulator.pay_by_card(made["id"], "4201320131000508")
    assert "LOST CARD" in gateway_simulator.ask("GET", location).text


def test_a_paid_page_takes_no_second_card(gateway_simulator):
    made = page(gateway_simulator)
    gateway_simulator.pay_by_card(made["id"])
    text = gateway_simulator.ask("GET", f"/invoices/{made['id']}?lang=en").text
    assert "This invoice is paid" in text
    assert "<form" not in text


def test_a_bill_is_found_and_paid_at_the_bank(gateway_simulator):
    number = bill(gateway_simulator).json()["source"]["sadad_number"]
    assert number in gateway_simulator.ask("GET", "/bank").text
    arabic = number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    typed = {"biller": "٠٠١", "number": f"{arabic[:4]} {arabic[4:]}", "lang": "en"}
    shown = gateway_simulator.ask("GET", "/bank", params=typed).text
    assert "200.00" in shown
    assert "Pay now" in shown
    paid = gateway_simulator.ask("POST", "/bank", data={"biller": "001", "number": number, "lang": "en"})
    assert paid.status_code == 303
    assert "This bill is paid" in gateway_simulator.ask("GET", paid.headers["Location"]).text
    again = gateway_simulator.ask("POST", "/bank", data={"biller": "001", "number": number, "lang": "en"})
    assert again.status_code == 400
    assert "This bill is paid" in again.text


@pytest.mark.parametrize(("biller", "number"), [("001", "123"), ("999", None), ("", "<b>"), ("001", "")])
def test_the_bank_knows_no_other_bill(gateway_simulator, biller, number):
    number = bill(gateway_simulator).json()["source"]["sadad_number"] if number is None else number
    answer = gateway_simulator.ask("GET", "/bank", params={"biller": biller, "number": number, "lang": "en"})
    assert "No bill has this number" in answer.text
    assert "Pay now" not in answer.text
    assert "<b>" not in answer.text


def test_every_page_has_its_language_direction_and_switch(gateway_simulator):
    made = page(gateway_simulator)
    payment = gateway_simulator.ask("POST", "/v1/payments", json=order(source=CARD)).json()
    challenge = payment["source"]["transaction_url"].removeprefix(gateway_simulator.url)
    for path in ("/", "/bank", f"/invoices/{made['id']}", challenge, "/nowhere", f"/invoices/{uuid4()}"):
        text = gateway_simulator.ask("GET", path).text
        assert '<html lang="ar" dir="rtl">' in text
        assert re.search(r'href="[^"]*lang=en">English<', text)
        assert "<script" not in text
        assert "style=" not in text


def test_the_style_is_served_and_nothing_else_of_the_disk(gateway_simulator):
    for path in ("/css/portal.css", "/css/simulators.css"):
        assert gateway_simulator.ask("GET", path).headers["Content-Type"].startswith("text/css")
    for path in ("/css/../web.py", "/css/base.html", "/css/%2e%2e/web.py", "/fonts/../demo.env", "/css/"):
        session = requests.Session()
        asked = requests.Request("GET", gateway_simulator.url).prepare()
        asked.url = gateway_simulator.url + path
        assert session.send(asked, timeout=5).status_code == 404


# Starting


def start(tmp_path, **environ):
    """Start the server as a process; it must end by itself."""
    surroundings = {"PATH": "/usr/bin:/bin", "GATEWAY_STORE": str(tmp_path / "g.sqlite3"), **environ}
    command = [sys.executable, "-m", "simulators.gateway"]
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=30)


def test_it_starts_only_in_the_demonstration(tmp_path):
    done = start(tmp_path, MOYASAR_SECRET_KEY="sk_live_x")
    assert done.returncode == 1
    assert "starts only with PORTAL_DEMO=1" in done.stderr
    assert not (tmp_path / "g.sqlite3").exists()


def test_a_taken_port_is_said_in_one_line(tmp_path, gateway_simulator):
    port = gateway_simulator.url.rpartition(":")[2]
    done = start(tmp_path, PORTAL_DEMO="1", MOYASAR_SECRET_KEY="sk_test_x", GATEWAY_PORT=port)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"Cannot listen on 127.0.0.1:{port}: Address already in use."]


def test_it_runs_on_its_own_listens_on_loopback_and_ends_when_told(tmp_path):
    surroundings = {
        "PATH": "/usr/bin:/bin",
        "PORTAL_DEMO": "1",
        "MOYASAR_SECRET_KEY": "sk_test_x",
        "MOYASAR_WEBHOOK_SECRET": "s",
        "GATEWAY_WEBHOOK_URL": "http://127.0.0.1:9/hook",
        "GATEWAY_STORE": str(tmp_path / "var" / "g.sqlite3"),
        "GATEWAY_PORT": "0",
    }
    command = [sys.executable, "-m", "simulators.gateway"]
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().split()[-1]
        assert url.startswith("http://127.0.0.1:")
        assert requests.get(f"{url}/health", timeout=10).json() == {"ok": True}
        (hook,) = requests.get(f"{url}/v1/webhooks", auth=("sk_test_x", ""), timeout=10).json()["webhooks"]
        assert hook["url"] == "http://127.0.0.1:9/hook"
        process.terminate()
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.stdout.close()


# Words, captures and voids


def card_payment(gateway_simulator, **source):
    payment = gateway_simulator.ask("POST", "/v1/payments", json=order(source={**CARD, **source})).json()
    path = payment["source"]["transaction_url"].removeprefix(gateway_simulator.url)
    gateway_simulator.ask("POST", path, data={"answer": "approve"})
    return gateway_simulator.ask("GET", f"/v1/payments/{payment['id']}").json()


def test_the_words_of_a_payment_and_of_an_invoice_can_be_changed_and_money_cannot(gateway_simulator):
    payment, invoice = bill(gateway_simulator).json(), page(gateway_simulator)
    wanted = {"description": "Another", "metadata": {"a": "b"}, "amount": 1}
    changed = gateway_simulator.ask("PUT", f"/v1/payments/{payment['id']}", json=wanted).json()
    assert (changed["description"], changed["metadata"], changed["amount"]) == ("Another", {"a": "b"}, 20_000)
    changed = gateway_simulator.ask("PUT", f"/v1/invoices/{invoice['id']}", json={**wanted, "amount": 15_000}).json()
    assert (changed["description"], changed["amount"], changed["payments"]) == ("Another", 15_000, [])
    gateway_simulator.pay_by_card(invoice["id"])
    assert gateway_simulator.ask("PUT", f"/v1/invoices/{invoice['id']}", json=wanted).status_code == 400
    for nonsense in ({"metadata": {"a": 1}}, {"description": ""}):
        assert gateway_simulator.ask("PUT", f"/v1/payments/{payment['id']}", json=nonsense).status_code == 400


def test_an_authorized_payment_is_captured_once_and_no_more_than_it_holds(gateway_simulator):
    payment = card_payment(gateway_simulator, manual="true")
    assert (payment["status"], payment["captured"]) == ("authorized", 0)
    path = f"/v1/payments/{payment['id']}/capture"
    assert gateway_simulator.ask("POST", path, json={"amount": 20_001}).status_code == 400
    captured = gateway_simulator.ask("POST", path, json={"amount": 15_000}).json()
    assert (captured["status"], captured["captured"], captured["captured_format"]) == ("captured", 15_000, "150.00 SAR")
    assert captured["captured_at"]
    assert gateway_simulator.ask("POST", path).status_code == 400
    assert [line["halalas"] for line in statement_of(gateway_simulator)] == ["15000"]


def test_a_payment_is_voided_before_its_day_ends_and_not_after(gateway_simulator):
    early, late = card_payment(gateway_simulator), card_payment(gateway_simulator)
    voided = gateway_simulator.ask("POST", f"/v1/payments/{early['id']}/void").json()
    assert voided["status"] == "voided"
    assert voided["voided_at"]
    gateway_simulator.clock_ahead(24 * 3600)
    assert gateway_simulator.ask("POST", f"/v1/payments/{late['id']}/void").status_code == 400
    assert gateway_simulator.ask("POST", f"/v1/payments/{bill(gateway_simulator).json()['id']}/void").status_code == 400
    today = statement_of(gateway_simulator, gateway_simulator.site.store.now() - timedelta(days=1))
    assert [line["payment_id"] for line in today] == [late["id"]]


def test_a_card_payment_is_found_by_its_receipt_number(gateway_simulator):
    wanted, _other = card_payment(gateway_simulator), card_payment(gateway_simulator)
    receipt = wanted["source"]["reference_number"]
    found = gateway_simulator.ask("GET", "/v1/payments", params={"receipt_no": receipt}).json()
    assert [payment["id"] for payment in found["payments"]] == [wanted["id"]]


def test_a_webhook_is_changed_in_part_and_the_new_secret_counts_at_once(gateway_simulator, listener):
    gateway_simulator.send_notices_to(listener.url)
    (known,) = gateway_simulator.ask("GET", "/v1/webhooks").json()["webhooks"]
    path = f"/v1/webhooks/{known['id']}"
    changed = gateway_simulator.ask("PUT", path, json={"shared_secret": "rotated", "http_method": "put"}).json()
    assert changed == {**known, "http_method": "put"}
    gateway_simulator.pay_bill(bill(gateway_simulator).json()["source"]["sadad_number"])
    notice = listener.next()
    assert notice["method"] == "PUT"
    assert json.loads(notice["body"])["secret_token"] == "rotated"
    for nonsense in ({"events": ["payment_dreamt"]}, {"http_method": "get"}, {"shared_secret": ""}, {"url": "nowhere"}):
        assert gateway_simulator.ask("PUT", path, json=nonsense).status_code == 400
    assert gateway_simulator.ask("PUT", f"/v1/webhooks/{uuid4()}", json={}).status_code == 404


def test_a_payment_can_come_in_another_currency_or_without_the_banks_time(gateway_simulator):
    first, second = (bill(gateway_simulator).json() for _bill in range(2))
    gateway_simulator.fault("wrong_currency")
    gateway_simulator.pay_bill(first["source"]["sadad_number"])
    gateway_simulator.fault("untold_bank_time")
    gateway_simulator.pay_bill(second["source"]["sadad_number"])
    told = {payment["id"]: payment for payment in gateway_simulator.ask("GET", "/v1/payments").json()["payments"]}
    assert (told[first["id"]]["currency"], told[second["id"]]["currency"]) == ("USD", "SAR")
    assert told[first["id"]]["captured_at"]
    assert told[second["id"]]["captured_at"] is None


def statement_of(gateway_simulator, moment=None):
    day = day_of(moment or gateway_simulator.site.store.now())
    text = gateway_simulator.ask("GET", "/sim/reconciliation.csv", params={"date": day}).text
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.req("PAY-6")
def test_differences_are_planted_in_the_statement_until_they_are_forgotten(gateway_simulator):
    made = {kind: bill(gateway_simulator).json() for kind in ("missing", "amount", "double", "other_day", "right")}
    for payment in made.values():
        gateway_simulator.pay_bill(payment["source"]["sadad_number"])
    ids = {payment["id"]: kind for kind, payment in made.items()}
    now = gateway_simulator.site.store.now()
    for kind in ("missing", "amount", "double", "other_day"):
        gateway_simulator.plant(kind, payment_id=made[kind]["id"], number=-1)
    stranger = gateway_simulator.plant("extra", date=day_of(now), number=700)
    here = [(ids.get(line["payment_id"], "extra"), line["halalas"]) for line in statement_of(gateway_simulator)]
    assert sorted(here) == [
        ("amount", "19999"),
        ("double", "20000"),
        ("double", "20000"),
        ("extra", "700"),
        ("right", "20000"),
    ]
    assert stranger in {line["payment_id"] for line in statement_of(gateway_simulator)}
    (moved,) = statement_of(gateway_simulator, now + timedelta(days=1))
    assert ids[moved["payment_id"]] == "other_day"
    assert moved["bank_time"].startswith(f"{day_of(now + timedelta(days=1))}T00:00:00")
    gateway_simulator.ask("DELETE", "/sim/statement-faults")
    assert len(statement_of(gateway_simulator)) == 5
    for nonsense in ({"kind": "earthquake"}, {"kind": "missing"}, {"kind": "extra"}, {"kind": "extra", "date": "noon"}):
        assert gateway_simulator.ask("POST", "/sim/statement-faults", json=nonsense).status_code == 400
    unknown = {"kind": "missing", "payment_id": str(uuid4())}
    assert gateway_simulator.ask("POST", "/sim/statement-faults", json=unknown).status_code == 404
