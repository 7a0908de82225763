"""A gateway in the test's own process: it opens what is asked, takes what is paid, and says so when it is asked.

A call of the real simulator costs 10 ms, which fifteen thousand steps have no time for; the adapter and the simulator have
tests of their own (tests/payments/test_gateway_contract.py).
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from mumaris.kit.clock import today
from payments.gateways.base import AttemptRequest, NormalState, Redirect, ShowBill, Terms, WebhookEvent


class Bank:
    gives_statements = False
    terms: Mapping[str, Terms] = {"card": Terms(100, None, True), "sadad": Terms(10_000, 29, False)}

    def __init__(self) -> None:
        self.taken: dict[str, list[NormalState]] = {}
        self.returned: dict[str, int] = {}

    def start(self, attempt: AttemptRequest, now: datetime) -> tuple[str, Redirect | ShowBill]:
        provider_id = f"at-{attempt.attempt_id}"
        self.taken.setdefault(provider_id, [])
        if attempt.method == "card":
            return provider_id, Redirect("https://bank.example/pay")
        return provider_id, ShowBill("Bank", "901", provider_id[-12:], today(now) + timedelta(days=29))

    def pay(self, given_id: str, ref: str, method: str, amount: int, moved_at: datetime) -> None:
        """Somebody pays: nothing keeps a late one or a second one out."""
        paid = NormalState("paid", f"at-{given_id}", ref, given_id, method, amount, "SAR", moved_at)
        self.taken[f"at-{given_id}"].append(paid)

    def fetch(
        self, provider_id: str, method: str, paid_events: Mapping[str, datetime] | None = None
    ) -> list[NormalState]:
        given_id = provider_id.removeprefix("at-")
        return self.taken.get(provider_id) or [NormalState("open", provider_id, "", given_id, method, 0, "SAR")]

    def cancel(self, provider_id: str, method: str) -> bool:
        return False

    def refund(self, provider_ref: str, halalas: int, refunded_before: int) -> None:
        returned = self.returned.get(provider_ref, 0)
        assert returned == refunded_before, f"{returned} went back of {provider_ref}, not {refunded_before}"
        self.returned[provider_ref] = returned + halalas

    def parse_webhook(self, raw: bytes) -> WebhookEvent:
        body = json.loads(raw)
        data = body["data"]
        return WebhookEvent(body["id"], body["type"], data["given_id"], body)


def notification(event_id: str, given_id: str, ref: str, at: datetime) -> bytes:
    data = {"id": ref, "invoice_id": f"at-{given_id}", "given_id": given_id}
    return json.dumps({"id": event_id, "type": "payment_paid", "created_at": at.isoformat(), "data": data}).encode()
