"""Moyasar over HTTP (PAY-3): cards on its hosted invoice page, so no card number ever reaches us, and SADAD bills.

Wire format: docs.moyasar.com, API v1. Nothing is saved here. Our attempt's id travels as `metadata.attempt_id` of a
hosted invoice, and as `given_id`, thus as the payment's own id, of a SADAD bill; an attempt is always found again.
"""

import csv
import hashlib
import hmac
import io
import json
import logging
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import requests

from mumaris.kit.clock import end_of_day, today
from payments.gateways.base import (
    AttemptRequest,
    BadWebhook,
    DayStatement,
    GatewayDown,
    GatewayRefused,
    Method,
    NormalState,
    NoSuchPayment,
    Redirect,
    RefundInDoubt,
    RefundNotSupported,
    ShowBill,
    StatementEntry,
    Status,
    Terms,
    Unreadable,
    WebhookEvent,
)

log = logging.getLogger(__name__)

MAX_BILL_DAYS = 29
MOST_HALALAS = 10**12
MAX_NOTICE_BYTES = 1024 * 1024
MAX_STATEMENT_BYTES = 64 * 1024 * 1024
STATEMENT_COLUMNS = ["kind", "payment_id", "method", "reference", "halalas", "currency", "bank_time"]
METHODS = {"creditcard": "card", "sadadbill": "sadad"}
TERMS: Mapping[Method, Terms] = {
    "card": Terms(min_amount=100, max_days=None, can_refund=True),
    "sadad": Terms(min_amount=10_000, max_days=MAX_BILL_DAYS, can_refund=False),
}
STATUSES: dict[str, Status] = {
    "initiated": "open",
    "authorized": "open",
    "verified": "open",
    "paid": "paid",
    "captured": "paid",
    "failed": "failed",
    "expired": "expired",
    "refunded": "refunded",
    "voided": "refunded",
}
CLOSED_PAGES = {"expired", "canceled", "voided"}
MISSPELT = {"payment_faild": "payment_failed"}


@dataclass(frozen=True)
class Moyasar:
    """One account at Moyasar. `url` is the API's base, such as https://api.moyasar.com/v1; `timeout` is seconds to
    connect and seconds to wait for an answer; `statement_url` is where a day's statement is, with {day} in it.
    """

    url: str
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    timeout: tuple[float, float] = (3, 10)
    statement_url: str = ""

    @property
    def name(self) -> str:
        return "moyasar"

    @property
    def terms(self) -> Mapping[Method, Terms]:
        return TERMS

    def start(self, attempt: AttemptRequest, now: datetime) -> tuple[str, Redirect | ShowBill]:
        if attempt.method == "sadad":
            return self._issue_bill(attempt, now)
        return self._open_page(attempt)

    def _open_page(self, attempt: AttemptRequest) -> tuple[str, Redirect]:
        page = self._page_of(attempt) if attempt.started_before else None
        if page is None:
            try:
                # No callback_url: that notice carries no proof of its sender; the webhook does.
                page = self._ask(
                    "POST",
                    "/invoices",
                    json={
                        **_order(attempt),
                        "success_url": attempt.return_url,
                        "back_url": attempt.back_url,
                        "expired_at": attempt.closes_at.astimezone(UTC).isoformat(timespec="seconds"),
                    },
                )
            except GatewayDown:
                page = self._page_of(attempt)
                if page is None:
                    raise
        with _understanding():
            if _halalas(page, "amount") != attempt.amount:
                raise GatewayRefused("this attempt was started with another amount")
            address = urlsplit(page["url"])
            return str(page["id"]), Redirect(urlunsplit(address._replace(query=f"lang={attempt.language}")))

    def _page_of(self, attempt: AttemptRequest) -> dict[str, Any] | None:
        found = self._ask("GET", "/invoices", params={"metadata[attempt_id]": attempt.attempt_id})
        with _understanding():
            # Read the answer, not the question: a list that ignored the filter would hand us a stranger's page.
            return next((page for page in found["invoices"] if _attempt_id(page) == attempt.attempt_id), None)

    def _issue_bill(self, attempt: AttemptRequest, now: datetime) -> tuple[str, ShowBill]:
        source: dict[str, Any] = {"type": "sadadbill"}
        last_day = today(attempt.closes_at - timedelta(microseconds=1))
        if last_day < today(now) + timedelta(days=MAX_BILL_DAYS):
            # The documentation shows this key only in the answer; a bill of full length does not depend on it.
            source["expired_at"] = last_day.isoformat()
        try:
            bill = self._ask(
                "POST", "/payments", json={**_order(attempt), "given_id": attempt.attempt_id, "source": source}
            )
        except (GatewayDown, GatewayRefused) as trouble:
            # The bill may stand all the same: its answer was lost, or the id was refused because it is known.
            try:
                bill = self._ask("GET", f"/payments/{attempt.attempt_id}")
            except NoSuchPayment:
                raise trouble from None
        with _understanding():
            if _halalas(bill, "amount") != attempt.amount:
                raise GatewayRefused("this attempt was started with another amount")
            issued = bill["source"]
            if bill["status"] == "failed":
                raise GatewayRefused(issued.get("message") or "the bill could not be issued")
            return str(bill["id"]), ShowBill(
                biller_name=str(issued["provider_name"]),
                biller_code=str(issued["biller_code"]),
                number=str(issued["sadad_number"]),
                expires_on=date.fromisoformat(issued["expired_at"]),
            )

    def fetch(
        self, provider_id: str, method: Method, paid_events: Mapping[str, datetime] | None = None
    ) -> list[NormalState]:
        events = paid_events or {}
        if method == "sadad":
            return [_state(self._ask("GET", f"/payments/{provider_id}"), events)]
        page = self._ask("GET", f"/invoices/{provider_id}")
        with _understanding():
            attempt_id = _attempt_id(page)
            tries = [_state(payment, events, provider_id, attempt_id) for payment in page["payments"]]
            money = sorted((one for one in tries if one.paid_at), key=attrgetter("paid_at"))
            return money or [
                NormalState(
                    status="open"
                    if page["status"] not in CLOSED_PAGES or "open" in {one.status for one in tries}
                    else "expired",
                    provider_id=provider_id,
                    provider_ref="",
                    attempt_id=attempt_id,
                    method="card",
                    amount=_halalas(page, "amount"),
                    currency=str(page["currency"]),
                    message=next((one.message for one in reversed(tries) if one.status == "failed"), ""),
                )
            ]

    def cancel(self, provider_id: str, method: Method) -> bool:
        if method == "sadad":
            return False
        try:
            return self._ask("PUT", f"/invoices/{provider_id}/cancel").get("status") == "canceled"
        except GatewayRefused:
            return False

    def refund(self, provider_ref: str, halalas: int, refunded_before: int) -> NormalState:
        state = self.payment(provider_ref)
        if not self.terms[state.method].can_refund:
            raise RefundNotSupported("money paid by SADAD goes back by bank transfer")
        if state.refunded == refunded_before:
            try:
                state = _state(self._ask("POST", f"/payments/{provider_ref}/refund", json={"amount": halalas}))
            except GatewayDown:
                state = self.payment(provider_ref)
                if state.refunded == refunded_before:
                    raise
        if state.refunded != refunded_before + halalas:
            raise RefundInDoubt(f"{state.refunded} halalas went back where {refunded_before + halalas} should have")
        return state

    def payment(self, provider_ref: str) -> NormalState:
        return _state(self._ask("GET", f"/payments/{provider_ref}"))

    def parse_webhook(self, raw: bytes) -> WebhookEvent:
        body = _notice(raw)
        secret = body.pop("secret_token", None)
        if not (isinstance(secret, str) and self.webhook_secret):
            raise BadWebhook("no secret")
        if not hmac.compare_digest(secret.encode(), self.webhook_secret.encode()):
            raise BadWebhook("wrong secret")
        try:
            data = body["data"]
            kind = _short_text(body["type"])
            payment_id = invoice_id = attempt_id = ""
            if kind.startswith("payment_"):
                _halalas(data, "amount")
                _short_text(data["status"])
                payment_id = _short_text(data["id"])
                invoice_id = _short_text(data["invoice_id"]) if data.get("invoice_id") else ""
                attempt_id = _attempt_id(data)
                for money in {"refunded", "captured"} & data.keys():
                    _halalas(data, money)
            return WebhookEvent(
                event_id=_short_text(body["id"]),
                type=MISSPELT.get(kind, kind),
                created_at=_moment(body["created_at"]),
                payment_id=payment_id,
                provider_id=invoice_id or payment_id,
                attempt_id=attempt_id,
                body=body,
            )
        except KeyError as missing:
            raise BadWebhook(f"{missing} is missing") from None
        except (AttributeError, TypeError, ValueError) as error:
            raise BadWebhook(str(error)) from None

    def list_since(self, moment: datetime) -> Iterator[NormalState]:
        page: int | None = 1
        since = moment.astimezone(UTC).isoformat(timespec="milliseconds")
        while page:
            answer = self._ask("GET", "/payments", params={"page": page, "updated[gt]": since})
            with _understanding():
                payments, page = answer["payments"], answer["meta"]["next_page"]
            for payment in payments:
                try:
                    yield _state(payment)
                except Unreadable as error:  # one odd payment must not hide everybody else's
                    log.error("a payment in the list cannot be read: %s", error)

    @property
    def gives_statements(self) -> bool:
        return bool(self.statement_url)

    def statement(self, day: date) -> DayStatement:
        file, digest = tempfile.TemporaryFile(), hashlib.sha256()  # noqa: SIM115  its reader closes it
        try:
            with requests.get(
                self.statement_url.replace("{day}", day.isoformat()),
                auth=(self.secret_key, ""),
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                if answer.status_code != 200:
                    raise GatewayDown(f"statement of {day}: HTTP {answer.status_code}")
                for part in answer.iter_content(64 * 1024):
                    file.write(part)
                    digest.update(part)
                    if file.tell() > MAX_STATEMENT_BYTES:
                        raise Unreadable(f"more than {MAX_STATEMENT_BYTES} bytes")
        except requests.RequestException as error:
            raise GatewayDown(f"statement of {day}: {type(error).__name__}") from None
        return DayStatement(digest.digest(), _entries(file, day))

    def _ask(self, verb: str, path: str, **content: Any) -> dict[str, Any]:
        try:
            answer = requests.request(
                verb,
                self.url + path,
                auth=(self.secret_key, ""),
                timeout=self.timeout,
                allow_redirects=False,  # our key stays with the host it belongs to
                **content,
            )
            data = answer.json()
        except requests.RequestException as error:  # an unreadable body is one of them
            raise GatewayDown(f"{verb} {path}: {type(error).__name__}") from None
        # 401 and 403 are our own fault, and say nothing about the payment.
        if answer.status_code in (401, 403, 429) or not (
            200 <= answer.status_code < 300 or 400 <= answer.status_code < 500
        ):
            raise GatewayDown(f"{verb} {path}: HTTP {answer.status_code}")
        if not isinstance(data, dict):
            raise GatewayDown(f"{verb} {path}: unreadable answer")
        if answer.status_code >= 400:
            refusal = NoSuchPayment if answer.status_code == 404 else GatewayRefused
            fields = data.get("errors")
            raise refusal(str(data.get("message") or "refused"), fields if isinstance(fields, dict) else None)
        return data


def _order(attempt: AttemptRequest) -> dict[str, Any]:
    return {
        "amount": attempt.amount,
        "currency": attempt.currency,
        "description": attempt.description,
        "metadata": {"attempt_id": attempt.attempt_id, "reference": attempt.reference},
    }


def _state(
    payment: dict[str, Any],
    paid_events: Mapping[str, datetime] | None = None,
    provider_id: str = "",
    attempt_id: str = "",
) -> NormalState:
    """One payment object in our words; `provider_id` and `attempt_id` are known already where its page was asked."""
    with _understanding():
        source = payment["source"]
        status = STATUSES[payment["status"]]
        return NormalState(
            status=status,
            provider_id=provider_id or str(payment.get("invoice_id") or payment["id"]),
            provider_ref=_short_text(payment["id"]),
            attempt_id=attempt_id or _attempt_id(payment),
            method="sadad" if source["type"] == "sadadbill" else "card",
            # Of what was only authorized at first, what was taken in the end.
            amount=_halalas(payment, "captured" if payment["status"] == "captured" else "amount"),
            currency=str(payment["currency"]),
            paid_at=_paid_at(payment, paid_events or {}) if status in ("paid", "refunded") else None,
            refunded=_halalas(payment, "amount" if payment["status"] == "voided" else "refunded"),
            reference=str(source.get("reference_number") or source.get("gateway_id") or ""),
            message=str(source.get("message") or ""),
        )


def _paid_at(payment: dict[str, Any], paid_events: Mapping[str, datetime]) -> datetime:
    """When the money came, as well as the gateway says it (PAY-4); the bank's daily statement may overrule it later."""
    if payment.get("captured_at"):
        return _moment(payment["captured_at"])
    if payment["id"] in paid_events:
        return paid_events[payment["id"]]
    # A refund overwrites updated_at; only cards are refunded, and a card is charged moments after its creation.
    went_back = payment["status"] in ("refunded", "voided")
    return _moment(payment["created_at" if went_back else "updated_at"])


def _entries(file: IO[bytes], day: date) -> Iterator[StatementEntry]:
    """The lines of a day's statement, one at a time; whatever is not as agreed is Unreadable and says where."""
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    lines = csv.reader(text, strict=True)
    try:
        with text:
            if next(lines, None) != STATEMENT_COLUMNS:
                raise ValueError(f"the columns are not {', '.join(STATEMENT_COLUMNS)}")
            for line in lines:
                yield _entry(line, day)
    except (csv.Error, ValueError) as error:
        raise Unreadable(f"statement of {day}, line {lines.line_num}: {error}") from None


def _entry(line: list[str], day: date) -> StatementEntry:
    kind, provider_ref, method, reference, halalas, currency, bank_time = line
    moment = _moment(bank_time)
    if kind not in ("payment", "refund"):
        raise ValueError("neither a payment nor a refund")
    if not re.fullmatch(r"[!-~]{1,64}", provider_ref) or not re.fullmatch(r"[ -~]{0,64}", reference):
        raise ValueError("a reference of at most 64 letters and digits was expected")
    if not re.fullmatch(r"[a-z]{1,12}", METHODS.get(method, method)):
        raise ValueError("a method of at most 12 letters was expected")
    # A payment came in, a refund went out: 12 digits are ten thousand million riyals.
    if not re.fullmatch(r"[1-9][0-9]{0,11}" if kind == "payment" else r"-[1-9][0-9]{0,11}", halalas):
        raise ValueError("not a whole number of halalas in its direction")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise ValueError("not a currency")
    if moment >= end_of_day(day):
        raise ValueError("later than the day of the statement")
    return StatementEntry(kind, provider_ref, METHODS.get(method, method), reference, int(halalas), currency, moment)


def _attempt_id(record: dict[str, Any]) -> str:
    """Our attempt's id as the record carries it; empty where it is not one of ours."""
    claimed = (record.get("metadata") or {}).get("attempt_id")
    try:
        return str(UUID(claimed))
    except (AttributeError, TypeError, ValueError):
        return ""


def _halalas(record: dict[str, Any], key: str) -> int:
    value = record[key]
    if type(value) is not int or not 0 <= value <= MOST_HALALAS:
        raise ValueError(f"{key} is not a whole number of halalas")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a moment without its zone: {text}")
    return moment.astimezone(UTC)


def _short_text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise ValueError("a text of 1 to 64 characters was expected")
    return value


@contextmanager
def _understanding() -> Iterator[None]:
    """An answer without the documented keys tells us nothing, so it counts as no answer."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"unreadable answer: {error!r}") from error


def _notice(raw: bytes) -> dict[str, Any]:
    """A notice's JSON object, in which nothing is ambiguous and everything can be stored. BadWebhook."""
    if len(raw) > MAX_NOTICE_BYTES:
        raise BadWebhook("more than 1 MB")
    try:
        body = json.loads(raw.decode(), object_pairs_hook=_no_key_twice, parse_constant=_no_such_number)
        storable = json.dumps(body, ensure_ascii=False).encode()  # refuses lone surrogates
    except (RecursionError, ValueError) as error:
        raise BadWebhook(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadWebhook("not an object")
    if b"\\u0000" in storable:
        raise BadWebhook("a NUL character, which PostgreSQL cannot store")
    return body


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_such_number(name: str) -> None:
    raise ValueError(f"{name} is not a number")
