"""Exemptions against payments, bills and second clicks at the same moment; and numbers without gaps (PAY-7, PAY-8)."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from applications import tasks
from applications.models import Application, Deadline
from mumaris.kit import clock
from mumaris.kit.lifecycle import NotAllowed
from payments import billing, papers
from payments.models import Credit, Exemption, Invoice, LedgerEntry, Payment
from register.models import IssuedPaper
from tests.exempt import Finance, approve, ask, exempt, recommended
from tests.people import NOON, declare, invoice_of, make_draft, make_practitioner, pay
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("reference")]
DAY = timedelta(days=1)


@pytest.mark.req("PAY-7", "PAY-5")
def test_an_approval_against_a_payment_leaves_it_paid_or_waived_and_loses_no_money():
    finance, seen = Finance(), set()
    for number in range(10):
        case = declare(make_draft(make_practitioner()))
        exemption, invoice = recommended(finance, case.practitioner), invoice_of(case, "admin")

        def paying(invoice=invoice, number=number):
            billing.receive(
                invoice=invoice, attempt=None, provider_ref=f"race-{number}", method="card", amount=invoice.amount,
                paid_at=NOON, now=NOON,
            )  # fmt: skip

        def approving(exemption=exemption):
            approve(exemption, finance.officer)

        assert at_once(*([paying, approving] if number % 2 else [approving, paying])) == []
        case.refresh_from_db()
        invoice.refresh_from_db()
        payment = Payment.objects.get(invoice=invoice)
        credits = list(Credit.objects.filter(payment=payment).values_list("reason", "amount"))
        outcome = (invoice.state, payment.disposition, credits)
        assert outcome in [("paid", "applied", []), ("waived", "credited", [("second", 20_000)])]
        assert (case.state, case.timeline.filter(move="submit").count()) == ("submitted", 1)
        seen.add(invoice.state)
    assert seen <= {"paid", "waived"}
    assert sum(LedgerEntry.objects.values_list("amount", flat=True)) == 0
    left = sum(LedgerEntry.objects.filter(account="suspense").values_list("amount", flat=True))
    assert -left == sum(Credit.objects.values_list("amount", flat=True))


@pytest.mark.req("PAY-7")
def test_a_declaration_at_the_moment_of_the_approval_is_never_left_with_a_bill():
    finance = Finance()
    for number in range(8):
        person = make_practitioner()
        case, exemption = make_draft(person), recommended(finance, person)
        both = [partial(declare, case), partial(approve, exemption, finance.officer)]
        assert at_once(*(both if number % 2 else reversed(both))) == []
        case.refresh_from_db()
        assert (case.state, invoice_of(case, "admin").state) == ("submitted", "waived")


@pytest.mark.req("PAY-7")
def test_a_declaration_at_the_moment_of_the_request_waits_for_the_decision():
    for _ in range(8):
        person = make_practitioner()
        case = make_draft(person)
        assert at_once(partial(declare, case), partial(ask, person)) == []
        assert Deadline.objects.get(application=case).lapses_at is None
        assert invoice_of(case, "admin").lapses_at is None


@pytest.mark.req("PAY-7")
def test_many_requests_at_once_are_one():
    person = make_practitioner()
    raised = at_once(*[lambda: ask(person)] * 6)
    assert [type(one) for one in raised] == [NotAllowed] * 5
    assert Exemption.objects.count() == 1


@pytest.mark.req("PAY-7")
def test_two_officers_deciding_at_once_decide_once():
    finance = Finance()
    case = declare(make_draft(make_practitioner()))
    exemption = recommended(finance, case.practitioner)
    raised = at_once(*[lambda by=by: approve(exemption, by) for by in (finance.officer, finance.head)] * 2)
    assert [type(one) for one in raised] == [NotAllowed] * 3
    assert Application.objects.get(pk=case.pk).timeline.filter(move="submit").count() == 1


HELD = {
    "turn": "SELECT pg_advisory_xact_lock(hashtext('exemption of ' || practitioner_id)) FROM applications_application WHERE id = %s",
    "invoice": """SELECT i.id FROM payments_invoice i JOIN applications_application a ON a.reference = i."case"
        WHERE a.id = %s FOR UPDATE OF i""",
    "case": "SELECT id FROM applications_application WHERE id = %s FOR UPDATE",
}


@pytest.mark.req("DLN-2", "PAY-7")
@pytest.mark.parametrize("held", HELD)
def test_what_somebody_holds_keeps_neither_an_exemption_of_another_nor_a_cut_off_waiting(held, caplog):
    """The turn, the invoice or the case of one exempt person is held by a transaction that does not end."""
    finance, begins = Finance(), clock.now() - 5 * DAY
    asked = begins - 5 * DAY
    stuck, other = (declare(make_draft(make_practitioner(now=asked), now=asked), now=asked) for _ in range(2))
    for case in (stuck, other):
        exempt(finance, case.practitioner, now=asked, starts_on=clock.today(begins))
    long_ago = clock.now() - 40 * DAY
    lapsed = declare(make_draft(make_practitioner(now=long_ago), now=long_ago), now=long_ago)
    holder = connection.copy()
    try:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute(HELD[held], [stuck.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")  # who waits is found out
        tasks.begin_exemptions()
        tasks.sweep()
        assert not caplog.records
        assert [_state(case) for case in (stuck, other, lapsed)] == ["awaiting_admin_fee", "submitted", "cancelled"]
        holder.rollback()
        tasks.begin_exemptions()
        assert _state(stuck) == "submitted"
    finally:
        holder.close()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def _state(case):
    return Application.objects.values_list("state", flat=True).get(pk=case.pk)


class Refused(Exception):
    pass


@pytest.mark.req("PAY-8")
@pytest.mark.parametrize("kind", ["invoice", "receipt"])
def test_numbers_have_no_gaps_whatever_is_rolled_back(kind):
    """Twenty at once, every third of them given up after its number was taken."""
    paid = [pay(declare(make_draft(make_practitioner())), "admin") for _ in range(20)]
    drafts = [make_draft(make_practitioner()) for _ in range(20)] if kind == "invoice" else []

    def one(number):
        with transaction.atomic():
            if kind == "invoice":
                declare(drafts[number])
            else:
                papers.print_receipt(invoice_of(paid[number], "admin"), now=NOON)
            if number % 3 == 0:
                raise Refused

    raised = at_once(*[lambda number=number: one(number) for number in range(20)])
    assert [type(one) for one in raised] == [Refused] * 7
    numbers = (
        Invoice.objects.values_list("number", flat=True)
        if kind == "invoice"
        else IssuedPaper.objects.filter(kind="receipt").values_list("number", flat=True)
    )
    told = sorted(int(number[-6:]) for number in numbers)
    assert told == list(range(1, (33 if kind == "invoice" else 13) + 1))


@pytest.mark.req("PAY-8")
def test_one_receipt_however_often_it_is_asked_for_at_once():
    case = pay(declare(make_draft(make_practitioner())), "admin")
    invoice = invoice_of(case, "admin")
    assert at_once(*[lambda: papers.print_receipt(invoice, now=NOON)] * 8) == []
    assert IssuedPaper.objects.filter(kind="receipt").count() == 1
