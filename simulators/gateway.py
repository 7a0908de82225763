"""A payment gateway for the demonstration and tests: Moyasar's API under /v1, its card page, and a bank's app.

Start it with `python -m simulators.gateway`. It reads GATEWAY_PORT, HOST, GATEWAY_STORE (an SQLite file),
GATEWAY_SIMULATOR_URL (its address as browsers see it), MOYASAR_SECRET_KEY, and GATEWAY_WEBHOOK_URL with
MOYASAR_WEBHOOK_SECRET (where it sends notices from the start; more can be registered through /v1/webhooks).

The control API under /sim has no password, so the server listens on the loopback address unless HOST says otherwise.
"""

import base64
import csv
import io
import json
import re
import signal
import threading
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from simulators import notices as notice_module
from simulators.cards import CARDS
from simulators.notices import GAPS, Notices, Postman
from simulators.orders import RIYADH, Json, Refused, invalid
from simulators.records import EXPIRING_AMOUNT, STATEMENT_FAULTS, Records, riyals
from simulators.store import Store, text_of
from simulators.web import Answer, Problem, Request, Site, as_json, demand_demo, digits, listen, redirect, setting

CALL_FAULTS = ("timeout", "400", "500", "503", "429")
FAULTS = dict.fromkeys((*CALL_FAULTS, *notice_module.FAULTS), 0) | {
    "timeout": 30,
    "late_webhook": 3600,
    "wrong_amount": -100,
    "wrong_currency": 0,
    "untold_bank_time": 0,
}
ERRORS = {401: "authentication_error", 404: "invalid_request_error", 429: "rate_limit_error"}


def refusal(status: int, message: str, errors: Any = None) -> Answer:
    kind = "api_error" if status >= 500 else ERRORS.get(status, "invalid_request_error")
    return as_json({"type": kind, "message": message, "errors": errors}, status)


def body_of(request: Request) -> Json:
    try:
        body = json.loads(request.body or b"{}")
    except (RecursionError, ValueError):
        raise Refused(400, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "The body is not an object")
    return body


def whole(body: Json, name: str, default: int, least: int) -> int:
    number = body.get(name, default)
    if type(number) is not int or not least <= number <= 10**10:
        raise invalid(**{name: f"must be a whole number from {least}"})
    return number


class Gateway(Site):
    """The site: `public_url` is where browsers reach it, `secret_key` what the portal signs in with."""

    def __init__(self, store: Store, secret_key: str, public_url: str = "", gaps: tuple[float, ...] = GAPS) -> None:
        self.store, self.secret_key, self.public_url = store, secret_key, public_url
        self.notices = Notices(store)
        self.records = Records(store, self.notices)
        self.postman = Postman(self.notices, self.records.catch_up, gaps)

    def answer(self, request: Request) -> Answer:
        self.records.catch_up()
        try:
            if not request.path.startswith("/v1/"):
                return super().answer(request)
            self.demand_key(request)
            fault = self.store.take_fault(*CALL_FAULTS, call=f"{request.method} {request.path}")
            if fault and fault["kind"] != "timeout":
                return refusal(int(fault["kind"]), "ordered by /sim/faults")
            answer = super().answer(request)
            return Answer(never_after=fault["number"]) if fault else answer
        except Refused as no:
            if request.path.startswith(("/v1/", "/sim/")):
                return refusal(no.status, no.message, no.errors)
            return request.page("missing.html", no.status)

    def demand_key(self, request: Request) -> None:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        try:
            user = base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except ValueError:
            user = ""
        if scheme.lower() != "basic" or user != self.secret_key:
            raise Problem(refusal(401, "Invalid authorization credentials"))

    def missing(self, request: Request) -> Answer:
        if request.path.startswith(("/v1/", "/sim/")):
            return refusal(404, "Not found")
        return super().missing(request)

    def wrong_method(self, request: Request, allowed: list[str]) -> Answer:
        if request.path.startswith(("/v1/", "/sim/")):
            return refusal(405, "Method not allowed")
        return super().wrong_method(request, allowed)

    # The API

    def post_invoice(self, request: Request) -> Answer:
        return as_json(self.records.create_invoice(body_of(request), self.public_url), 201)

    def get_invoices(self, request: Request) -> Answer:
        return as_json(self.records.list_invoices(request.query))

    def get_invoice(self, request: Request, invoice_id: str) -> Answer:
        return as_json(self.records.invoice(invoice_id))

    def cancel_invoice(self, request: Request, invoice_id: str) -> Answer:
        return as_json(self.records.cancel_invoice(invoice_id))

    def post_payment(self, request: Request) -> Answer:
        return as_json(self.records.create_payment(body_of(request), self.public_url), 201)

    def get_payments(self, request: Request) -> Answer:
        return as_json(self.records.list_payments(request.query))

    def get_payment(self, request: Request, payment_id: str) -> Answer:
        return as_json(self.records.payment(payment_id))

    def put_payment(self, request: Request, payment_id: str) -> Answer:
        return as_json(self.records.describe_payment(payment_id, body_of(request)))

    def put_invoice(self, request: Request, invoice_id: str) -> Answer:
        return as_json(self.records.describe_invoice(invoice_id, body_of(request)))

    def capture(self, request: Request, payment_id: str) -> Answer:
        return as_json(self.records.capture(payment_id, body_of(request).get("amount")))

    def void(self, request: Request, payment_id: str) -> Answer:
        return as_json(self.records.void(payment_id))

    def refund(self, request: Request, payment_id: str) -> Answer:
        return as_json(self.records.refund(payment_id, body_of(request).get("amount")))

    def post_webhook(self, request: Request) -> Answer:
        return as_json(self.notices.register(body_of(request)), 201)

    def get_webhooks(self, request: Request) -> Answer:
        return as_json({"webhooks": self.notices.webhooks()})

    def get_available_events(self, request: Request) -> Answer:
        return as_json({"events": notice_module.EVENTS})

    def get_attempts(self, request: Request) -> Answer:
        return as_json({"webhook_attempts": self.notices.attempts()})

    def get_webhook(self, request: Request, webhook_id: str) -> Answer:
        return as_json(self.notices.webhook(webhook_id))

    def put_webhook(self, request: Request, webhook_id: str) -> Answer:
        return as_json(self.notices.change(webhook_id, body_of(request)))

    def delete_webhook(self, request: Request, webhook_id: str) -> Answer:
        self.notices.drop(webhook_id)
        return Answer(204)

    # The card page and 3-D Secure

    def checkout(self, request: Request, invoice_id: str) -> Answer:
        return self.checkout_page(request, invoice_id)

    def checkout_page(self, request: Request, invoice_id: str, status: int = 200, **typed: Any) -> Answer:
        invoice, year = self.records.invoice(invoice_id), self.store.now().year + 3
        failed = next((one for one in reversed(invoice["payments"]) if one["status"] == "failed"), None)
        return request.page(
            "checkout.html",
            status,
            invoice={**invoice, "number": riyals(invoice["amount"])},
            open=invoice["status"] == "initiated",
            refused=failed["source"]["message"] if failed and "errors" not in typed else "",
            cards=[vars(card) for card in CARDS],
            **{
                "errors": {},
                "form": {"name": "Sample Practitioner", "month": "12", "year": str(year), "cvc": "123"},
                **typed,
            },
        )

    def pay_by_card(self, request: Request, invoice_id: str) -> Answer:
        form = {name: request.form.get(name, "") for name in ("number", "name", "month", "year", "cvc")}
        number, month, year, cvc = (digits(form[name]) for name in ("number", "month", "year", "cvc"))
        now = self.store.now().astimezone(RIYADH)
        good = {
            "number": bool(re.fullmatch(r"[0-9]{12,19}", number)),
            "name": len(form["name"].split()) >= 2,
            "month": bool(re.fullmatch(r"0?[1-9]|1[0-2]", month)),
            "year": bool(re.fullmatch(r"20[0-9]{2}", year)),
            "cvc": bool(re.fullmatch(r"[0-9]{3,4}", cvc)),
        }
        if good["month"] and good["year"] and (int(year), int(month)) < (now.year, now.month):
            good["year"] = False
        if not all(good.values()):
            wrong = {name: True for name, fine in good.items() if not fine}
            return self.checkout_page(request, invoice_id, 400, errors=wrong, form=form)
        if self.records.invoice(invoice_id)["status"] != "initiated":
            return self.checkout_page(request, invoice_id, 409)
        payment = self.records.try_card(invoice_id, {"number": number, "name": form["name"]}, self.public_url)
        onward = payment["source"]["transaction_url"]
        return redirect(f"{onward or f'/invoices/{invoice_id}'}?lang={request.language}")

    def challenge(self, request: Request, auth_id: str) -> Answer:
        payment = self.records.challenge(auth_id)
        return request.page(
            "challenge.html",
            payment={**payment, "amount_number": riyals(payment["amount"])},
            open=payment["status"] == "initiated",
            back=self.way_back(payment, request.language),
        )

    def answer_challenge(self, request: Request, auth_id: str) -> Answer:
        said = request.form.get("answer")
        if said not in ("approve", "fail", "abandon"):
            return self.challenge(request, auth_id)
        if said == "abandon":
            return redirect(self.way_back(self.records.challenge(auth_id), request.language))
        return redirect(self.way_back(self.records.answer_challenge(auth_id, said == "approve"), request.language))

    def way_back(self, payment: Json, language: str) -> str:
        """Where the browser goes from here. Paid: the shop's success page, with what a shop must not believe unasked.
        Otherwise: the card page to try again, or, for a payment made through the API alone, the shop's callback.
        """
        told = {"id": payment["id"], "status": payment["status"], "message": payment["source"]["message"] or ""}
        if not payment["invoice_id"]:
            return with_query(payment["callback_url"] or "/", told)
        invoice = self.records.invoice(payment["invoice_id"])
        if payment["status"] == "paid" and invoice["success_url"]:
            return with_query(invoice["success_url"], {**told, "invoice_id": invoice["id"]})
        return f"/invoices/{invoice['id']}?lang={language}"

    # The bank's app

    def bank(self, request: Request) -> Answer:
        return self.bank_page(request, request.query.get("biller", ""), request.query.get("number", ""))

    def bank_page(self, request: Request, biller: str, number: str, status: int = 200) -> Answer:
        found: Json = {}
        if biller or number:
            try:
                bill, state = self.records.bill(digits(biller), digits(number))
            except Refused:
                found = {"missing": True}
            else:
                never = state == "unpaid" and bill["amount"] == EXPIRING_AMOUNT
                found = {**bill, "state": "never" if never else state, "number": riyals(bill["amount"])}
        open_bills = [{**bill, "number": riyals(bill["amount"])} for bill in self.records.open_bills()]
        return request.page("bank.html", status, bill=found, biller=biller, number=number, bills=open_bills)

    def pay_at_bank(self, request: Request) -> Answer:
        biller, number = digits(request.form.get("biller", "")), digits(request.form.get("number", ""))
        try:
            self.records.bill(biller, number)
            self.records.pay_bill(number)
        except Refused as no:
            return self.bank_page(request, biller, number, no.status)
        return redirect(f"/bank?{urlencode({'biller': biller, 'number': number, 'lang': request.language})}")

    # The control API

    def home(self, request: Request) -> Answer:
        pages = [{**invoice, "number": riyals(invoice["amount"])} for invoice in self.records.open_invoices()]
        now = self.store.now().astimezone(RIYADH)
        return request.page("gateway.html", pages=pages, clock=f"{now:%Y-%m-%d %H:%M}")

    def health(self, request: Request) -> Answer:
        return as_json({"ok": True})

    def get_clock(self, request: Request) -> Answer:
        return as_json({"ahead_seconds": self.store.ahead_seconds(), "now": text_of(self.store.now())})

    def set_clock(self, request: Request) -> Answer:
        self.store.set_ahead(whole(body_of(request), "ahead_seconds", -1, 0))
        return self.get_clock(request)

    def sim_pay(self, request: Request, number: str) -> Answer:
        return as_json(self.records.pay_bill(number, whole(body_of(request), "heard_after_seconds", 0, 0)))

    def sim_expire(self, request: Request, number: str) -> Answer:
        return as_json(self.records.expire_bill(number))

    def get_faults(self, request: Request) -> Answer:
        return as_json({"faults": self.store.faults(), "known": list(FAULTS)})

    def order_fault(self, request: Request) -> Answer:
        """{"next": kind, "times": 1, "number": seconds or halalas, "call": "POST /v1/payments"}: what goes wrong next."""
        body = body_of(request)
        kind, call = body.get("next"), body.get("call", "")
        if not isinstance(kind, str) or kind not in FAULTS:
            raise invalid(next=f"must be one of {', '.join(FAULTS)}")
        if not isinstance(call, str) or (call and kind not in CALL_FAULTS):
            raise invalid(call="must be a part of the method and path that the fault strikes")
        self.store.add_fault(kind, whole(body, "times", 1, 1), whole(body, "number", FAULTS[kind], -(10**10)), call)
        return self.get_faults(request)

    def clear_faults(self, request: Request) -> Answer:
        self.store.clear_faults()
        return self.get_faults(request)

    def events(self, request: Request) -> Answer:
        return as_json({"events": self.notices.events(), "attempts": self.notices.attempts()})

    def statement(self, request: Request) -> Answer:
        try:
            day = date.fromisoformat(request.query.get("date", ""))
        except ValueError:
            raise invalid(date="must be a day such as 2026-11-22") from None
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(("kind", "payment_id", "method", "reference", "halalas", "currency", "bank_time"))
        for *line, moment in self.records.statement(day):
            table.writerow((*line, datetime.fromisoformat(moment).astimezone(RIYADH).isoformat()))
        return Answer(200, text.getvalue().encode(), "text/csv; charset=utf-8")

    def plant_difference(self, request: Request) -> Answer:
        """{"kind", "payment_id" or (extra) "date", "number": halalas}: where the daily statement is wrong from now on."""
        body = body_of(request)
        self.records.plant_difference(
            body.get("kind"), body.get("payment_id"), body.get("date"), whole(body, "number", -100, -(10**10))
        )
        return self.get_differences(request)

    def get_differences(self, request: Request) -> Answer:
        return as_json({"faults": self.records.planted(), "known": list(STATEMENT_FAULTS)})

    def clear_differences(self, request: Request) -> Answer:
        self.records.forget_planted()
        return self.get_differences(request)

    routes = [
        ("POST", "/v1/invoices", post_invoice),
        ("GET", "/v1/invoices", get_invoices),
        ("GET", "/v1/invoices/([^/]+)", get_invoice),
        ("PUT", "/v1/invoices/([^/]+)", put_invoice),
        ("DELETE", "/v1/invoices/([^/]+)", cancel_invoice),
        ("PUT", "/v1/invoices/([^/]+)/cancel", cancel_invoice),
        ("POST", "/v1/payments", post_payment),
        ("GET", "/v1/payments", get_payments),
        ("GET", "/v1/payments/([^/]+)", get_payment),
        ("PUT", "/v1/payments/([^/]+)", put_payment),
        ("POST", "/v1/payments/([^/]+)/refund", refund),
        ("POST", "/v1/payments/([^/]+)/capture", capture),
        ("POST", "/v1/payments/([^/]+)/void", void),
        ("POST", "/v1/webhooks", post_webhook),
        ("GET", "/v1/webhooks", get_webhooks),
        ("GET", "/v1/webhooks/available_events", get_available_events),
        ("GET", "/v1/webhooks/attempts", get_attempts),
        ("GET", "/v1/webhooks/([^/]+)", get_webhook),
        ("PUT", "/v1/webhooks/([^/]+)", put_webhook),
        ("DELETE", "/v1/webhooks/([^/]+)", delete_webhook),
        ("GET", "/invoices/([^/]+)", checkout),
        ("POST", "/invoices/([^/]+)", pay_by_card),
        ("GET", "/transaction_auths/([^/]+)/form", challenge),
        ("POST", "/transaction_auths/([^/]+)/form", answer_challenge),
        ("GET", "/bank", bank),
        ("POST", "/bank", pay_at_bank),
        ("GET", "/", home),
        ("GET", "/health", health),
        ("GET", "/sim/clock", get_clock),
        ("POST", "/sim/clock", set_clock),
        ("POST", "/sim/bills/([0-9]+)/pay", sim_pay),
        ("POST", "/sim/bills/([0-9]+)/expire", sim_expire),
        ("GET", "/sim/faults", get_faults),
        ("POST", "/sim/faults", order_fault),
        ("DELETE", "/sim/faults", clear_faults),
        ("GET", "/sim/events", events),
        ("GET", "/sim/reconciliation.csv", statement),
        ("GET", "/sim/statement-faults", get_differences),
        ("POST", "/sim/statement-faults", plant_difference),
        ("DELETE", "/sim/statement-faults", clear_differences),
    ]


def with_query(url: str, added: dict[str, str]) -> str:
    address = urlsplit(url)
    return address._replace(
        query=urlencode([*parse_qsl(address.query, keep_blank_values=True), *added.items()])
    ).geturl()


def main() -> None:
    demand_demo("payment gateway simulator")
    secret_key, file = setting("MOYASAR_SECRET_KEY"), Path(setting("GATEWAY_STORE", "var/gateway.sqlite3"))
    file.parent.mkdir(parents=True, exist_ok=True)
    site = Gateway(Store(str(file)), secret_key)
    server = listen(site, setting("HOST", "127.0.0.1"), int(setting("GATEWAY_PORT", "8003")))
    site.public_url = setting("GATEWAY_SIMULATOR_URL", server.url).rstrip("/")
    if webhook := setting("GATEWAY_WEBHOOK_URL", ""):
        site.notices.register({"url": webhook, "shared_secret": setting("MOYASAR_WEBHOOK_SECRET")})
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: threading.Thread(target=server.shutdown).start())
    site.postman.start()
    print(f"Payment gateway simulator: {site.public_url}", flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        server.stopping.set()
        site.postman.stop()
        server.server_close()


if __name__ == "__main__":
    main()
