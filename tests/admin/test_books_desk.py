"""The books at the desk: looked at by finance and the auditor; a difference is closed by finance, once, with its reason (PAY-6)."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from accounts.models import User
from mumaris.kit import alarms
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import Alarm
from payments import billing, books_admin, differences
from payments.models import Credit, Difference, Payment, Statement
from tests.fingerprint import unchanged
from tests.people import NOON, declare, invoice_of, make_draft, make_practitioner, make_staff, make_user, pay

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-6")]
BOOKS = ["posting", "statement", "statementline", "difference", "credit"]


@pytest.fixture
def finance():
    return make_staff("finance officer")


@pytest.fixture
def difference():
    pay(declare(make_draft(make_practitioner())), "admin", ref="bank-of-books")
    statement = Statement.objects.create(day=date(2026, 11, 22), fetched_at=NOON, sha256=b"x" * 32)
    line = {"method": "sadad", "currency": "SAR", "bank_at": NOON}
    statement.lines.create(position=1, kind="payment", provider_ref="bank-of-books", amount=19_900, **line)
    differences.name_all(statement, NOON)
    return Difference.objects.get()


def at(page, *args, model="difference"):
    return reverse(f"admin:payments_{model}_{page}", args=args)


def superuser() -> User:
    User.objects.filter(pk=(user := make_user("Root", staff=True)).pk).update(is_superuser=True)
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("role", ["finance officer", "auditor"])
def test_finance_and_the_auditor_see_the_books(client, difference, role):
    client.force_login(make_staff(role))
    for model in BOOKS:
        assert client.get(at("changelist", model=model)).status_code == 200, model
    page = client.get(at("change", difference.pk)).content.decode()
    assert "200.00" in page
    assert "199.00" in page
    assert (at("close", difference.pk) in page) == (role == "finance officer")


@pytest.mark.parametrize("role", ["reviewer", "administrator", "register officer"])
def test_nobody_else_sees_them(client, difference, role):
    client.force_login(make_staff(role))
    for model in BOOKS:
        assert client.get(at("changelist", model=model)).status_code == 403, model


def test_a_difference_is_closed_once_with_its_reason(client, finance, difference):
    alarms.raise_daily("open_differences", now=NOON, number=1)
    client.force_login(finance)
    answer = client.post(at("close", difference.pk), {"reason": "The bank took its charge."}, follow=True)
    assert "The difference is closed." in answer.content.decode()
    difference.refresh_from_db()
    assert (difference.closed_by, difference.reason) == (finance, "The bank took its charge.")
    assert not Alarm.objects.filter(cleared_at=None).exists()
    with unchanged():
        again = client.post(at("close", difference.pk), {"reason": "Again"}, follow=True)
    assert "closed already" in again.content.decode()
    assert at("close", difference.pk) not in again.content.decode()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301, "a\x00b"])
def test_without_a_proper_reason_it_stays_open(client, finance, difference, reason):
    client.force_login(finance)
    with unchanged():
        answer = client.post(at("close", difference.pk), {"reason": reason})
    assert answer.status_code == 200
    assert set(answer.context["close"].errors) == {"reason"}
    assert client.get(at("close", difference.pk)).status_code == 405


@pytest.mark.parametrize("who", ["auditor", "reviewer", "superuser"])
def test_only_finance_closes(client, difference, who):
    by = superuser() if who == "superuser" else make_staff(who)
    client.force_login(by)
    with unchanged():
        assert client.post(at("close", difference.pk), {"reason": "Why"}).status_code == 403
        with pytest.raises(NotAllowed):
            differences.close(difference.pk, reason="Why", by=by, now=NOON)


def test_open_differences_come_first_and_kinds_are_filtered(client, finance, difference):
    differences.close(difference.pk, reason="Settled", by=finance, now=NOON)
    newer = {"day": date(2026, 11, 1), "movement": "payment", "found_at": NOON}
    Difference.objects.create(key="a", kind="missing_here", provider_ref="the-open-one", theirs=1, **newer)
    client.force_login(finance)
    page = client.get(at("changelist")).content.decode()
    assert page.index("the-open-one") < page.index("bank-of-books")
    for question, shown, hidden in (
        ("kind__exact=amount", "bank-of-books", "the-open-one"),
        ("open=yes", "the-open-one", "bank-of-books"),
        ("open=no", "bank-of-books", "the-open-one"),
    ):
        page = client.get(f"{at('changelist')}?{question}").content.decode()
        assert shown in page
        assert hidden not in page


def test_the_ledger_is_found_by_invoice_case_and_gateway_reference(client, finance, difference):
    payment = Payment.objects.get()
    other = declare(make_draft(make_practitioner()))
    client.force_login(finance)
    for term in (payment.invoice.number.lower(), payment.invoice.case, payment.provider_ref):
        page = client.get(at("changelist", model="posting"), {"q": f" {term} "}).content.decode()
        assert payment.invoice.number in page
        assert invoice_of(other, "admin").number not in page
        assert "Money that settles nothing yet" in page
    assert client.get(at("changelist", model="posting"), {"q": "INV"}).context["cl"].result_count == 0
    posting = payment.postings.get(kind="receive")
    page = client.get(at("change", posting.pk, model="posting")).content.decode()
    assert page.count("200.00") == 2


def test_a_credit_says_how_it_stands(client, finance):
    case = declare(make_draft(make_practitioner()))
    late = invoice_of(case, "admin").lapses_at
    pay(case, "admin", ref="late", paid_at=late, now=late)
    client.force_login(finance)

    def shown(**question):
        return case.reference in client.get(at("changelist", model="credit"), question).content.decode()

    assert shown(stands_as="held")
    assert not shown(stands_as="applied")
    payment = Payment.objects.get()
    assert billing.reapply(payment.pk, bank_at=late - timedelta(seconds=1), now=late)
    assert Credit.objects.get().applied_at
    assert shown(stands_as="applied")
    assert not shown(stands_as="held")
    assert client.get(reverse("admin:index")).context["credits"] == 0


# A day of which the gateway has no statement


@pytest.fixture
def overdue(monkeypatch):
    """The first of three days for which no statement came."""
    pay(declare(make_draft(make_practitioner())), "admin")
    monkeypatch.setattr(books_admin, "clock_now", lambda: NOON + timedelta(days=3))
    return today(NOON)


def test_finance_closes_an_overdue_day_by_hand_and_the_list_tells_of_it(client, finance, overdue):
    client.force_login(finance)
    close = at("close_day", overdue.isoformat(), model="statement")
    assert close in client.get(at("changelist", model="statement")).content.decode()
    assert "A statement that comes later is not taken in." in client.get(close).content.decode()
    page = client.post(close, {"reason": "The gateway has none."}, follow=True).content.decode()
    for said in (
        "The day is closed without a statement.",
        "The gateway has none.",
        str(finance),
        "Closed without a statement",
    ):
        assert said in page, said
    assert close not in page
    closed = Statement.objects.get()
    assert (closed.day, closed.closed_by, closed.reason) == (overdue, finance, "The gateway has none.")
    with unchanged():
        assert client.post(close, {"reason": "Again"}).status_code == 404


@pytest.mark.parametrize("reason", ["", "   ", "Why" * 101, "a\x00b"])
def test_without_a_proper_reason_the_day_stays_wanted_and_what_was_typed_stays(client, finance, overdue, reason):
    client.force_login(finance)
    with unchanged():
        answer = client.post(at("close_day", overdue.isoformat(), model="statement"), {"reason": reason})
    assert answer.status_code == 200
    assert "<title>Error:" in answer.content.decode().replace("\n", "")
    if reason.startswith("Why"):
        assert reason in answer.content.decode()


@pytest.mark.parametrize("day", ["2026-13-01", "tomorrow", "2020-01-01", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_not_overdue_is_not_there(client, finance, overdue, day):
    client.force_login(finance)
    with unchanged():
        assert client.get(at("close_day", day, model="statement")).status_code == 404
        assert client.post(at("close_day", day, model="statement"), {"reason": "Why"}).status_code == 404


@pytest.mark.parametrize("who", ["auditor", "reviewer", "superuser"])
def test_only_finance_closes_a_day(client, overdue, who):
    client.force_login(superuser() if who == "superuser" else make_staff(who))
    close = at("close_day", overdue.isoformat(), model="statement")
    with unchanged():
        assert client.get(close).status_code == 403
        assert client.post(close, {"reason": "Why"}).status_code == 403
        if who != "reviewer":
            assert close not in client.get(at("changelist", model="statement")).content.decode()
