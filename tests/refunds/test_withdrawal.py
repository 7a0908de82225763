"""Giving an application up: what is said before, what it does, and what it can meet at the same moment (APP-7)."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import translation

from accounts.models import Notice
from applications import filing, sweeps
from applications.catalogue import CATALOGUE
from applications.lifecycle import CLOSED, LIFECYCLE, State
from applications.models import Application, Deadline
from applications.progress import advance
from mumaris.kit import clock
from mumaris.kit.lifecycle import NotAllowed
from payments import attempts, billing
from payments.models import Attempt, Credit, Invoice
from refunds import views
from refunds.presenting import GIVEN_UP
from tests.applications.test_lifecycle import bring_to
from tests.fingerprint import unchanged
from tests.people import NOON, Office, declare, invoice_of, make_draft, make_practitioner, pay, submitted
from tests.threads import at_once

pytest_plugins = ["tests.servers"]
pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
OPEN = [state for state in State if state not in CLOSED and state != State.DRAFT]


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def an_hour_later(monkeypatch):
    """Cases of these tests are filed at noon, and their page is opened an hour later, whatever the day of the test."""
    monkeypatch.setattr(views, "clock_now", lambda: LATER)


def reopened() -> Application:
    """A draft that was invoiced once."""
    case = declare(make_draft(make_practitioner()))
    return advance(case.pk, "reopen", by=case.practitioner.user, now=NOON)


def at(client, case) -> str:
    """Its page, with the applicant at the browser."""
    client.force_login(case.practitioner.user)
    client.cookies["django_language"] = "en"
    return reverse("application_withdraw", args=[case.reference])


def confirm(client, case, **typed):
    return client.post(
        reverse("application_withdraw", args=[case.reference]), {"understood": "on", "seen": case.moves} | typed
    )


def said(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def withdraw(case, now=LATER, seen=None) -> Application:
    return advance(case.pk, "withdraw", by=case.practitioner.user, now=now, seen=seen)


@pytest.mark.req("APP-7")
def test_every_state_that_can_be_given_up_says_what_that_means():
    assert set(GIVEN_UP) == LIFECYCLE["withdraw"].sources == set(State) - set(CLOSED)


@pytest.mark.req("APP-7")
@pytest.mark.usefixtures("an_hour_later")
@pytest.mark.parametrize("state", [State.DRAFT, *OPEN])
def test_in_every_open_state_it_is_explained_first_and_then_final(client, office, state):
    case = reopened() if state == State.DRAFT else bring_to(state, office)
    where = at(client, case)
    assert where in client.get(reverse("application", args=[case.reference])).content.decode()
    with unchanged():
        shown = client.get(where)
    page = shown.content.decode()
    with translation.override("en"):
        assert str(GIVEN_UP[state]) in page.replace("&#x27;", "'")
    invoices = Invoice.objects.filter(case=case.reference)
    assert all(invoice.number in page for invoice in invoices)
    paid = {invoice.pk for invoice in invoices if invoice.state == "paid"}
    assert shown.context["paid"] == sum(invoice.amount for invoice in invoices if invoice.pk in paid)

    # Where money goes back, the way leads to its ticket.
    half = shown.context["returned"] and reverse("refund_ask", args=[invoice_of(case, "service").number])
    assert bool(half) == (state == State.BEING_ISSUED)
    assert confirm(client, case).headers["Location"] == (half or reverse("application", args=[case.reference]))
    case.refresh_from_db()
    assert (case.state, case.closed_at) == ("withdrawn", LATER)
    assert case.timeline.first().by == case.practitioner.user
    assert not Deadline.objects.filter(application=case).exists()
    assert {(one.state, one.pk in paid) for one in invoices.all()} <= {("paid", True), ("void", False)}
    assert Notice.objects.filter(recipient=case.practitioner.user, kind="withdrawn").count() == 1
    after = client.get(reverse("application", args=[case.reference])).content.decode()
    assert where not in after
    assert reverse("service", args=[case.service]) in after


@pytest.mark.req("APP-7")
@pytest.mark.usefixtures("an_hour_later")
def test_nothing_is_given_up_without_the_tick(client):
    case = declare(make_draft(make_practitioner()))
    at(client, case)
    for typed in ({"understood": ""}, {"seen": ""}, {"seen": "x"}, {"seen": "\0"}):
        with unchanged():
            answer = confirm(client, case, **typed)
        assert answer.status_code == 200
        assert set(answer.context["form"].errors) == set(typed)


@pytest.mark.req("APP-7")
@pytest.mark.usefixtures("an_hour_later")
def test_a_window_from_before_the_last_move_gives_nothing_up(client, office):
    """Class 41: what is given up now is another thing than what was read."""
    case = declare(make_draft(make_practitioner()))
    pay(case, "admin")
    where = at(client, case)
    with unchanged():
        answer = confirm(client, case)
    assert answer.headers["Location"] == where
    assert said(answer) == ["The case was changed meanwhile. Read it as it stands now, then decide."]
    assert client.get(where).context["form"]["seen"].value() == case.moves + 1


@pytest.mark.req("APP-7")
@pytest.mark.usefixtures("an_hour_later")
def test_a_draft_that_was_never_invoiced_is_deleted_instead(client):
    case = make_draft(make_practitioner())
    where = at(client, case)
    page = client.get(reverse("application", args=[case.reference])).content.decode()
    assert where not in page
    assert reverse("application_discard", args=[case.reference]) in page
    for ask in (lambda: client.get(where), lambda: confirm(client, case)):
        with unchanged():
            answer = ask()
        assert answer.headers["Location"] == reverse("application", args=[case.reference])
        assert "Nothing was asked for yet. Delete the draft instead." in said(answer)


@pytest.mark.req("APP-7")
@pytest.mark.usefixtures("an_hour_later")
@pytest.mark.parametrize("state", CLOSED)
def test_what_is_closed_cannot_be_given_up(client, office, state):
    """Class 40; a second click on the confirmation is one of these."""
    case = bring_to(state, office)
    where = at(client, case)
    assert where not in client.get(reverse("application", args=[case.reference])).content.decode()
    for ask in (lambda: client.get(where), lambda: confirm(client, case)):
        with unchanged():
            answer = ask()
        assert answer.headers["Location"] == reverse("application", args=[case.reference])
        assert said(answer)


@pytest.mark.req("APP-7")
def test_nobody_but_the_applicant_gives_it_up(office):
    case = submitted(make_practitioner())
    for by in (make_practitioner().user, office.reviewer, office.approver, None):
        with pytest.raises(NotAllowed):
            advance(case.pk, "withdraw", by=by, now=LATER)
    case.refresh_from_db()
    assert case.state == "submitted"


@pytest.mark.req("APP-7")
@pytest.mark.req("SRV-15")
@pytest.mark.usefixtures("an_hour_later")
def test_a_renewal_says_that_the_registration_goes_by_its_own_dates_again(client):
    case = declare(make_draft(make_practitioner()))
    assert client.get(at(client, case)).context["ends_renewal"] is False
    assert [service.slug for service in CATALOGUE.values() if service.renews] == ["renewal"]


@pytest.mark.req("APP-7")
def test_a_new_application_can_be_begun_at_once():
    case = withdraw(submitted(make_practitioner()))
    newer = filing.start(case.practitioner, CATALOGUE[case.service], now=LATER)
    assert newer.pk != case.pk


@pytest.mark.req("PAY-5")
@pytest.mark.req("APP-7")
@pytest.mark.parametrize("purpose", ["admin", "service"])
def test_money_that_comes_all_the_same_is_a_credit_in_full(office, purpose):
    case = declare(make_draft(make_practitioner()))
    if purpose == "service":
        case = office.approve(pay(case, "admin"))
    withdraw(case)
    after = pay(case, purpose, paid_at=NOON, now=LATER)
    assert after.state == "withdrawn"
    invoice = invoice_of(case, purpose)
    assert invoice.state == "void"
    credit = Credit.objects.get(payment__invoice=invoice)
    assert (credit.amount, credit.reason) == (invoice.amount, "void")


@pytest.mark.req("PAY-5")
@pytest.mark.req("APP-7")
def test_a_bill_that_is_still_open_is_named_and_its_money_becomes_a_credit(client, gateway_simulator, settings):
    """The gateway cannot call a bill back; what is paid on it is heard of and kept."""
    gateway_simulator.stand_in(settings)
    now = clock.now() - timedelta(minutes=10)
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    bill = attempts.begin(invoice_of(case, "admin"), "sadad", language="en", now=now)
    assert bill.bill_number in client.get(at(client, case)).content.decode()
    confirm(client, case)
    gateway_simulator.pay_bill(bill.bill_number)
    attempts.ask_all(clock.now())
    assert Credit.objects.get().amount == invoice_of(case, "admin").amount
    assert Application.objects.get(pk=case.pk).state == "withdrawn"


@pytest.mark.req("APP-7")
def test_a_card_page_that_is_still_open_is_closed(gateway_simulator, settings):
    gateway_simulator.stand_in(settings)
    now = clock.now() - timedelta(minutes=10)
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    attempts.begin(invoice_of(case, "admin"), "card", language="en", now=now)
    withdraw(case, now=clock.now())
    for minutes in (0, 5):
        attempts.ask_all(clock.now() + timedelta(minutes=minutes))
    assert Attempt.objects.get().state in ("failed", "expired")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
class TestAtOnce:
    """Real threads and real commits; one of both wins, and the books agree with it."""

    @pytest.mark.req("APP-7")
    @pytest.mark.req("PAY-5")
    def test_withdrawing_against_the_payment(self):
        for round_ in range(8):
            case = declare(make_draft(make_practitioner()))
            invoice = invoice_of(case, "admin")
            raised = at_once(
                lambda case=case: withdraw(case, seen=case.moves),
                lambda invoice=invoice, round_=round_: billing.receive(
                    invoice=invoice,
                    attempt=None,
                    provider_ref=f"both-{round_}",
                    method="sadad",
                    amount=invoice.amount,
                    paid_at=NOON,
                    now=LATER,
                ),
            )
            assert {type(error) for error in raised} <= {NotAllowed}
            case.refresh_from_db()
            invoice.refresh_from_db()
            outcome = (case.state, invoice.state, Credit.objects.filter(payment__invoice=invoice).count())
            assert outcome == (("submitted", "paid", 0) if raised else ("withdrawn", "void", 1))
            assert case.timeline.count() == case.moves == 2

    @pytest.mark.req("APP-7")
    @pytest.mark.req("DLN-2")
    def test_withdrawing_against_the_sweep(self):
        for _round in range(8):
            case = declare(make_draft(make_practitioner()))
            cut_off = Deadline.objects.get(application=case).lapses_at
            raised = at_once(
                lambda case=case, now=cut_off: withdraw(case, now=now, seen=case.moves),
                lambda now=cut_off: sweeps.lapse(now),
            )
            assert {type(error) for error in raised} <= {NotAllowed}
            case.refresh_from_db()
            ended = (case.state, invoice_of(case, "admin").state)
            assert ended == (("cancelled", "lapsed") if raised else ("withdrawn", "void"))
            assert not Deadline.objects.filter(application=case).exists()
            assert (
                Notice.objects.filter(recipient=case.practitioner.user, kind__in=["cancelled", "withdrawn"]).count()
                == 1
            )

    @pytest.mark.req("APP-7")
    @pytest.mark.req("APP-6")
    def test_withdrawing_against_an_endorsement(self):
        office = Office()
        for _round in range(8):
            case = office.recommend(submitted(make_practitioner()))
            raised = at_once(
                lambda case=case: withdraw(case, seen=case.moves),
                lambda case=case: advance(case.pk, "endorse_approval", by=office.approver, now=NOON, seen=case.moves),
            )
            assert [type(error) for error in raised] == [NotAllowed]
            case.refresh_from_db()
            billed = Invoice.objects.filter(case=case.reference, purpose="service", state="issued").count()
            waits = Deadline.objects.filter(application=case).count()
            assert (case.state, billed, waits) in {("withdrawn", 0, 0), ("preliminarily_approved", 1, 1)}

    @pytest.mark.req("APP-7")
    def test_four_clicks_give_up_once(self):
        case = submitted(make_practitioner())
        raised = at_once(*[lambda: withdraw(case, seen=case.moves)] * 4)
        assert [type(error) for error in raised] == [NotAllowed] * 3
        assert case.timeline.filter(move="withdraw").count() == 1
