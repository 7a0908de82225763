"""Money is never lost and never doubled (PAY-1, PAY-5, SRV-11); amounts in halalas."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from applications.models import Fee
from applications.progress import advance
from payments.models import Credit, Invoice, Line, Payment
from tests.people import NOON, Office, declare, invoice_of, make_draft, make_practitioner, pay

pytestmark = pytest.mark.django_db


def billed():
    case = declare(make_draft(make_practitioner()))
    return case, invoice_of(case, "admin")


@pytest.mark.req("PAY-5")
def test_the_same_fact_told_twice_counts_once():
    case, _invoice = billed()
    for _ in range(2):
        pay(case, "admin", ref="bank-1")
    assert Payment.objects.count() == 1
    assert not Credit.objects.exists()


@pytest.mark.req("PAY-5")
@pytest.mark.parametrize(
    ("amount", "state", "credit"),
    [(19_999, "issued", ("too_little", 19_999)), (20_000, "paid", None), (20_001, "paid", ("too_much", 1))],
)
def test_too_little_settles_nothing_and_too_much_leaves_the_excess(amount, state, credit):
    case, invoice = billed()
    pay(case, "admin", amount=amount)
    invoice.refresh_from_db()
    assert invoice.state == state
    assert Credit.objects.values_list("reason", "amount").first() == credit


@pytest.mark.req("PAY-5")
def test_paid_twice_the_second_is_a_credit():
    case, _invoice = billed()
    pay(case, "admin")
    pay(case, "admin")
    assert sorted(Payment.objects.values_list("disposition", flat=True)) == ["applied", "credited"]
    assert Credit.objects.get().reason == "second"


@pytest.mark.req("PAY-5")
def test_money_for_a_void_invoice_is_a_credit():
    case, _invoice = billed()
    advance(case.pk, "reopen", by=case.practitioner.user, now=NOON)
    assert pay(case, "admin").state == "draft"
    assert Credit.objects.get().reason == "void"


@pytest.mark.req("SRV-11")
def test_a_fee_of_zero_is_waived_at_once_and_never_a_bill():
    Fee.objects.filter(service="classification").update(amount=0)
    office = Office()
    case = declare(make_draft(make_practitioner()))
    assert case.timeline.count() == 2
    case.refresh_from_db()
    assert case.state == "submitted"
    invoice = invoice_of(case, "admin")
    assert (invoice.state, invoice.waiver, invoice.amount) == ("waived", "no_fee", 0)
    office.approve(case)
    case.refresh_from_db()
    assert case.state == "being_issued"


@pytest.mark.req("PAY-1")
def test_the_database_keeps_the_words_of_an_invoice():
    _case, invoice = billed()
    for action in (
        lambda: Invoice.objects.filter(pk=invoice.pk).update(amount=1),
        lambda: Invoice.objects.filter(pk=invoice.pk).delete(),
        lambda: Invoice.objects.filter(pk=invoice.pk).update(state="paid"),
        lambda: Invoice.objects.filter(pk=invoice.pk).update(state="waived"),
        lambda: Invoice.objects.filter(pk=invoice.pk).update(lapses_at=NOON),
        lambda: Invoice.objects.filter(pk=invoice.pk).update(due_on=F("issued_at")),
        lambda: Line.objects.update(amount=1),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            action()
    twin = Invoice.objects.get(pk=invoice.pk)
    twin.pk, twin.number = None, "INV-2026-999999"
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


@pytest.mark.req("PAY-5")
def test_the_database_keeps_a_payment_as_the_fact_it_is():
    case, _invoice = billed()
    pay(case, "admin")
    for action in (
        lambda: Payment.objects.update(amount=1),
        lambda: Payment.objects.update(paid_at=F("received_at") - timedelta(days=1)),
        lambda: Payment.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            action()
    assert Payment.objects.get().amount == 20_000


def test_invoice_numbers_have_no_gaps():
    for _ in range(3):
        billed()
    numbers = sorted(int(number[-6:]) for number in Invoice.objects.values_list("number", flat=True))
    assert numbers == list(range(numbers[0], numbers[0] + 3))


@pytest.mark.req("PAY-4")
@pytest.mark.parametrize(("amount", "days"), [(19_999, 0), (20_000, 31)])
def test_the_database_refuses_to_apply_too_little_or_too_late(amount, days):
    case, invoice = billed()
    with pytest.raises(DatabaseError, match="cannot settle"), transaction.atomic():
        Payment.objects.create(
            invoice=invoice,
            provider_ref="by-hand",
            method="card",
            amount=amount,
            paid_at=NOON + timedelta(days=days),
            received_at=NOON,
            disposition="applied",
        )
    case.refresh_from_db()
    assert case.state == "awaiting_admin_fee"


@pytest.mark.req("PAY-5")
def test_a_paid_invoice_without_its_payment_is_refused_at_commit():
    _case, invoice = billed()
    with pytest.raises(DatabaseError, match="disagree"), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(state="paid", paid_at=NOON)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
