"""Money from several sides at the same moment: told twenty times, against the sweep, by two ways to pay (PAY-5, DLN-2)."""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from applications import exams, sweeps
from applications.models import Application
from mumaris.pages import books
from payments import attempts, billing, webhooks
from payments.models import Credit, Payment, WebhookEvent
from refunds import sweeps as refund_sweeps
from refunds.models import Ticket
from tests.applications import exam_cases
from tests.people import NOON, Office, declare, invoice_of, make_draft, make_practitioner, pay
from tests.refunds.tickets import claimed
from tests.stateful.bank import Bank, notification
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("reference")]
SECOND = timedelta(seconds=1)
ROUNDS = 200


@pytest.fixture
def bank(monkeypatch):
    bank = Bank()
    for module in (attempts, webhooks):
        monkeypatch.setattr(module, "gateway", lambda: bank)
    return bank


def taken(bank: Bank, case: Application, method: str, ref: str) -> attempts.Attempt:
    """An attempt for which the bank took the money, and nobody was told yet."""
    invoice = invoice_of(case, "admin")
    attempt = attempts.begin(invoice, method, language="en", now=NOON)
    bank.pay(str(attempt.given_id), ref, method, invoice.amount, NOON)
    return attempt


@pytest.mark.req("PAY-5")
def test_twenty_notifications_of_one_payment_at_once_settle_once(bank):
    """Ten of them the same one again, ten others of the same payment; three workers take them up."""
    case = declare(make_draft(make_practitioner()))
    attempt = taken(bank, case, "card", "the-one")
    told = [
        notification(f"event-{max(0, number - 10)}", str(attempt.given_id), "the-one", NOON) for number in range(20)
    ]
    answers: list[int] = []

    def tell(body: bytes) -> None:
        answer = Client().post(reverse("payment_notifications"), body, content_type="application/json")
        answers.append(answer.status_code)

    assert at_once(*[lambda body=body: tell(body) for body in told]) == []
    assert (answers, WebhookEvent.objects.count()) == ([200] * 20, 10)
    assert at_once(*[lambda: webhooks.work(NOON)] * 3) == []
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"asked"}
    assert Payment.objects.get().disposition == "applied"
    assert not Credit.objects.exists()
    case.refresh_from_db()
    assert (case.state, case.timeline.filter(move="submit").count()) == ("submitted", 1)
    assert books.breaches(NOON) == []


@pytest.mark.req("PAY-5")
def test_by_sadad_and_by_card_at_once_one_is_applied_and_one_is_a_credit(bank):
    case = declare(make_draft(make_practitioner()))
    asked = [taken(bank, case, method, method) for method in ("card", "sadad")]
    assert at_once(*[lambda attempt=attempt: attempts.ask(attempt, now=NOON) for attempt in asked]) == []
    assert Counter(Payment.objects.values_list("disposition", flat=True)) == {"applied": 1, "credited": 1}
    assert list(Credit.objects.values_list("reason", "amount")) == [("second", invoice_of(case, "admin").amount)]
    assert books.breaches(NOON) == []


@pytest.mark.req("REF-1")
@pytest.mark.req("EXM-3")
def test_a_ticket_is_filed_while_a_corrected_result_lets_the_fee_go(monkeypatch):
    """The case is held and its fee about to be released when its owner asks for that fee: neither waits for the other."""
    office = Office()
    number = exam_cases.waiting(office)
    first = office.result(number, "failed")
    office.result(number, "failed", now=NOON + timedelta(days=1))
    now = NOON + timedelta(days=3)
    case = pay(exam_cases.case_of(number), "exam", now=now)
    held, filed = threading.Event(), threading.Event()
    release = billing.release

    def released(*args, **facts):
        held.set()
        assert filed.wait(20), "whoever files waits for the case"
        release(*args, **facts)

    def file():
        held.wait(20)
        claimed(case, "exam", now=now)
        filed.set()

    monkeypatch.setattr(billing, "release", released)
    correct = {"outcome": "passed", "reason": "Misread.", "by": office.examiner, "now": now}
    assert at_once(lambda: exams.correct(first, **correct), file) == []
    refund_sweeps.open_tickets(now)
    assert Ticket.objects.open().get().credit.reason == "case_closed"
    assert books.breaches(now) == []


@pytest.mark.req("DLN-2")
def test_two_hundred_payments_each_at_the_same_moment_as_the_sweep():
    """Just before the cut-off or at it: alive and paid, or cancelled with a credit; never both, never neither."""
    chance = random.Random(20_261_127)
    for number in range(ROUNDS):
        day = NOON + timedelta(days=number)  # each lapses on a day of its own
        case = declare(make_draft(make_practitioner(now=day), now=day), now=day)
        invoice, in_time = invoice_of(case, "admin"), chance.random() < 0.5
        cut_off = invoice.lapses_at
        facts = {"attempt": None, "method": "card", "amount": invoice.amount, "now": cut_off}
        facts |= {"invoice": invoice, "provider_ref": case.reference, "paid_at": cut_off - SECOND * in_time}
        raised = at_once(lambda facts=facts: billing.receive(**facts), lambda now=cut_off: sweeps.lapse(now))
        sweeps.lapse(cut_off)
        case.refresh_from_db()
        invoice.refresh_from_db()
        credits = Credit.objects.filter(payment__invoice=invoice).count()
        outcome = (case.state, invoice.state, credits)
        assert (raised, outcome) == ([], ("submitted", "paid", 0) if in_time else ("cancelled", "lapsed", 1))
    assert books.breaches(cut_off) == []
