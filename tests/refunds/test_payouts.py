"""Paying out: to the card by the real simulator, once whatever happens; by files for the bank (REF-6)."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from cryptography.fernet import Fernet
from django.urls import reverse

from applications.progress import advance as advance_case
from mumaris.kit import alarms, clock
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import Alarm
from payments import attempts
from payments.gateways import gateway
from payments.gateways.base import GatewayDown, RefundInDoubt
from payments.models import Credit, LedgerEntry, Payment
from refunds import payouts, progress, sweeps, transfers
from refunds.dates import dates_of
from refunds.models import Ticket, Transfer
from tests.fingerprint import unchanged
from tests.people import Office, declare, invoice_of, make_draft, make_practitioner, pay, submitted
from tests.refunds.tickets import (
    ACCOUNT,
    LATER,
    Finance,
    bring_to,
    filed,
    move,
    opened,
    payment_of,
    with_account,
    withdrawn,
)
from tests.threads import at_once

pytest_plugins = ["tests.servers"]
FORMAT = {"p": transfers.NAMESPACE}


@pytest.fixture
def finance():
    return Finance()


def paid_by_card(gateway, settings, finance, *, approve: bool = True) -> Ticket:
    """An administrative fee that a real card page took, claimed back and approved now."""
    gateway.stand_in(settings)
    now = clock.now() - timedelta(minutes=1)
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    attempt = attempts.begin(invoice_of(case, "admin"), "card", language="en", now=now)
    gateway.pay_by_card(attempt.provider_id)
    attempts.ask(attempt, now=clock.now())
    payment = Payment.objects.get(invoice__case=case.reference)
    asked = {"ground": "not_requested", "statement": "The desk told me to."}
    ticket = progress.file(payment.pk, by=case.practitioner.user, now=clock.now(), **asked)
    return progress.advance(ticket.pk, "approve", by=finance.decider, now=clock.now(), accepted=True)


def at_the_gateway(gateway, ticket: Ticket) -> int:
    return gateway.ask("GET", f"/v1/payments/{ticket.payment.provider_ref}").json()["refunded"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
class TestToTheCard:
    @pytest.mark.req("REF-6")
    def test_twenty_clicks_pay_once(self, gateway_simulator, settings, finance):
        """F31."""
        ticket = paid_by_card(gateway_simulator, settings, finance)
        raised = at_once(
            *[lambda: payouts.pay(Ticket.objects.get(pk=ticket.pk), by=finance.payer, now=clock.now())] * 20
        )
        assert {type(error) for error in raised} == {NotAllowed}
        assert len(raised) == 19
        ticket.refresh_from_db()
        assert (ticket.state, at_the_gateway(gateway_simulator, ticket)) == ("paid_out", ticket.amount)
        assert Payment.objects.get().refunded == ticket.amount
        assert LedgerEntry.objects.get(posting__kind="pay_out", account="bank:card").amount == -ticket.amount

    @pytest.mark.req("REF-6")
    def test_a_lost_answer_is_found_again_and_nothing_is_sent_twice(
        self, gateway_simulator, settings, finance, monkeypatch
    ):
        ticket = paid_by_card(gateway_simulator, settings, finance)
        monkeypatch.setattr(payouts, "gateway", lambda: replace(gateway(), timeout=(3, 0.5)))
        gateway_simulator.fault("timeout", call="/refund")
        payouts.pay(ticket, by=finance.payer, now=clock.now())
        ticket.refresh_from_db()
        assert (ticket.state, at_the_gateway(gateway_simulator, ticket)) == ("paid_out", ticket.amount)

    @pytest.mark.req("REF-6")
    def test_who_died_after_the_refund_left_it_to_be_found(self, gateway_simulator, settings, finance):
        ticket = paid_by_card(gateway_simulator, settings, finance)
        progress.advance(ticket.pk, "pay", by=finance.payer, now=clock.now())
        gateway().refund(ticket.payment.provider_ref, ticket.amount, refunded_before=0)
        assert at_once(*[lambda: payouts.finish_left(clock.now())] * 3) == []
        ticket.refresh_from_db()
        assert (ticket.state, at_the_gateway(gateway_simulator, ticket)) == ("paid_out", ticket.amount)

    @pytest.mark.req("REF-6")
    def test_a_gateway_that_is_away_leaves_the_ticket_being_paid(self, gateway_simulator, settings, finance):
        ticket = paid_by_card(gateway_simulator, settings, finance)
        settings.MOYASAR_URL = "http://127.0.0.1:9/v1"
        for _click in range(2):
            with pytest.raises(GatewayDown):
                payouts.pay(Ticket.objects.get(pk=ticket.pk), by=finance.payer, now=clock.now())
        with pytest.raises(NotAllowed):  # whoever decided does not ask again either
            payouts.pay(Ticket.objects.get(pk=ticket.pk), by=finance.decider, now=clock.now())
        payouts.finish_left(clock.now())
        assert sweeps.expire(clock.now() + timedelta(days=20)) == 0
        ticket.refresh_from_db()
        assert ticket.state == "paying"
        gateway_simulator.stand_in(settings)
        payouts.finish_left(clock.now())
        ticket.refresh_from_db()
        assert (ticket.state, at_the_gateway(gateway_simulator, ticket)) == ("paid_out", ticket.amount)

    @pytest.mark.req("REF-6")
    def test_what_the_gateway_refuses_is_approved_again_and_may_go_by_transfer(
        self, gateway_simulator, settings, finance
    ):
        ticket = paid_by_card(gateway_simulator, settings, finance)
        gateway_simulator.fault("400", call="/refund")
        with pytest.raises(NotAllowed, match="ordered"):
            payouts.pay(ticket, by=finance.payer, now=clock.now())
        ticket.refresh_from_db()
        assert (ticket.state, ticket.paid_by, Payment.objects.get().refunded) == ("approved", None, ticket.amount)
        assert "ordered" in ticket.payout_problem
        assert at_the_gateway(gateway_simulator, ticket) == 0
        asked = progress.advance(ticket.pk, "ask_account", by=finance.payer, now=clock.now())
        assert asked.wants_account
        assert asked.collect_by is None

    @pytest.mark.req("REF-6")
    def test_where_other_money_went_back_nothing_more_is_sent_until_a_person_says_what_it_was(
        self, gateway_simulator, settings, finance
    ):
        """Somebody refunded a part on the gateway's own pages: neither the card nor a transfer gets the whole beside it."""
        ticket = paid_by_card(gateway_simulator, settings, finance)
        gateway_simulator.ask("POST", f"/v1/payments/{ticket.payment.provider_ref}/refund", json={"amount": 100})
        for _click in range(2):
            with pytest.raises(RefundInDoubt, match="went back"):
                payouts.pay(Ticket.objects.get(pk=ticket.pk), by=finance.payer, now=clock.now())
        payouts.finish_left(clock.now())
        assert ticket.number in alarms.words(Alarm.objects.get(kind="payout_in_doubt"))
        with pytest.raises(NotAllowed):
            progress.advance(ticket.pk, "ask_account", by=finance.payer, now=clock.now())
        told = {"reference": "rf-1", "by": finance.payer, "now": clock.now()}
        with unchanged(), pytest.raises(NotAllowed):  # not before the gateway had its time
            payouts.tell(Ticket.objects.get(pk=ticket.pk), "confirm", **told)
        told["now"] += timedelta(days=1, seconds=1)
        with unchanged(), pytest.raises(NotAllowed):
            payouts.tell(Ticket.objects.get(pk=ticket.pk), "confirm", **told | {"by": finance.decider})
        payouts.tell(Ticket.objects.get(pk=ticket.pk), "confirm", **told)
        ticket.refresh_from_db()
        assert (ticket.state, ticket.payout_ref) == ("paid_out", "rf-1")
        assert at_the_gateway(gateway_simulator, ticket) == 100

    @pytest.mark.req("REF-6")
    def test_what_the_gateway_never_answers_an_officer_can_fail(self, gateway_simulator, settings, finance, client):
        ticket = paid_by_card(gateway_simulator, settings, finance)
        settings.MOYASAR_URL = "http://127.0.0.1:9/v1"
        with pytest.raises(GatewayDown):
            payouts.pay(ticket, by=finance.payer, now=clock.now() - timedelta(days=2))
        client.force_login(finance.payer)
        address = reverse("admin:refunds_ticket_move", args=[ticket.pk, "fail"])
        assert client.post(address, {"internal_text": ""}).context["errors"]
        client.post(address, {"internal_text": "The account was closed; the gateway says that nothing was sent."})
        ticket.refresh_from_db()
        assert (ticket.state, ticket.payout_problem[:11]) == ("approved", "The account")

    @pytest.mark.req("REF-6")
    def test_a_ticket_without_a_transfer_is_not_put_into_a_file(self, gateway_simulator, settings, finance):
        paid_by_card(gateway_simulator, settings, finance)
        with unchanged(), pytest.raises(NotAllowed):
            transfers.collect(by=finance.payer, now=clock.now())


@pytest.mark.django_db
class TestByTransfer:
    @pytest.mark.req("REF-6")
    def test_a_file_says_what_the_bank_shall_do(self, finance, settings):
        office = Office()
        first, second = bring_to("approved", office, finance), bring_to("approved", office, finance)
        file = transfers.collect(by=finance.payer, now=LATER)
        content = transfers.content_of(file)
        assert hashlib.sha256(content).digest() == bytes(file.sha256)
        assert ACCOUNT.encode() not in bytes(file.content)  # an account is never kept in clear
        root = ElementTree.fromstring(content)
        assert root.tag == f"{{{transfers.NAMESPACE}}}Document"
        total = f"{(first.amount + second.amount) / 100:.2f}"
        for part in ("GrpHdr", "PmtInf"):
            assert root.findtext(f".//p:{part}/p:NbOfTxs", "", FORMAT) == "2"
            assert root.findtext(f".//p:{part}/p:CtrlSum", "", FORMAT) == total
        assert root.findtext(".//p:DbtrAcct/p:Id/p:IBAN", "", FORMAT) == settings.REFUND_DEBTOR["iban"]
        assert [one.text for one in root.findall(".//p:EndToEndId", FORMAT)] == [f"{first}-1", f"{second}-1"]
        amounts = root.findall(".//p:InstdAmt", FORMAT)
        assert [(one.text, one.get("Ccy")) for one in amounts] == [(f"{first.amount / 100:.2f}", "SAR")] * 2
        assert {one.text for one in root.findall(".//p:CdtrAcct/p:Id/p:IBAN", FORMAT)} == {ACCOUNT}
        assert {one.text for one in root.findall(".//p:Cdtr/p:Nm", FORMAT)} == {"Samar Idris"}

    @pytest.mark.req("REF-6")
    def test_nothing_is_in_two_files_and_nobody_pays_what_they_decided(self, finance):
        bring_to("approved", Office(), finance)
        with unchanged(), pytest.raises(NotAllowed):
            transfers.collect(by=finance.decider, now=LATER)
        transfers.collect(by=finance.payer, now=LATER)
        with unchanged(), pytest.raises(NotAllowed):
            transfers.collect(by=finance.payer, now=LATER)

    @pytest.mark.req("REF-6")
    def test_an_account_that_no_key_opens_keeps_nobody_elses_money(self, finance, settings):
        office = Office()
        sealed = bring_to("approved", office, finance)
        keys = settings.IDENTITY_FERNET_KEYS
        settings.IDENTITY_FERNET_KEYS = [Fernet.generate_key()]
        with unchanged(), pytest.raises(NotAllowed):
            transfers.collect(by=finance.payer, now=LATER)
        readable = bring_to("approved", office, finance)
        file = transfers.collect(by=finance.payer, now=LATER)
        assert file.transfers.get().ticket == readable
        transfers.watch(LATER)
        assert sealed.number in alarms.words(Alarm.objects.get(cleared_at=None))
        settings.IDENTITY_FERNET_KEYS = keys
        with pytest.raises(ValueError, match="no key opens"):
            transfers.content_of(file)
        transfers.watch(LATER)
        assert not Alarm.objects.filter(cleared_at=None).exists()
        assert transfers.collect(by=finance.payer, now=LATER).transfers.get().ticket == sealed

    @pytest.mark.req("REF-6")
    def test_what_others_decided_is_not_kept_back_by_what_one_decided_oneself(self, finance, monkeypatch):
        monkeypatch.setattr(transfers, "MOST", 1)
        office, other = Office(), Finance()
        first = with_account(move(filed(withdrawn(office)), "approve", finance.payer))
        second = with_account(move(filed(withdrawn(office)), "approve", other.decider))
        assert first.collect_by == second.collect_by
        assert transfers.payable(finance.payer, LATER) == [second]

    @pytest.mark.req("REF-6")
    def test_an_executed_transfer_is_paid_out_under_the_banks_own_reference(self, finance):
        office = Office()
        for _time in range(2):
            bring_to("approved", office, finance)
        one, other = transfers.collect(by=finance.payer, now=LATER).transfers.all()
        transfers.executed(one, reference="B-1", by=finance.payer, now=LATER)
        for transfer, reference in ((one, "B-2"), (other, "B-1")):
            with unchanged(), pytest.raises(NotAllowed):
                transfers.executed(transfer, reference=reference, by=finance.payer, now=LATER)
        with unchanged(), pytest.raises(NotAllowed):
            transfers.executed(other, reference="B-2", by=finance.decider, now=LATER)
        assert Ticket.objects.get(pk=one.ticket_id).payout_ref == "B-1"
        with unchanged(), pytest.raises(NotAllowed):
            transfers.failed(one, reason="No.", by=finance.payer, now=LATER)

    @pytest.mark.req("REF-6")
    def test_a_transfer_that_came_back_asks_for_the_account_anew(self, finance):
        ticket = bring_to("paying", Office(), finance)
        transfers.failed(ticket.transfers.get(), reason="No such account.", by=finance.payer, now=LATER)
        again = Ticket.objects.get(pk=ticket.pk)
        assert (again.state, again.wants_account, again.collect_by) == ("approved", True, None)
        with_account(again)
        file = transfers.collect(by=finance.head, now=LATER)
        assert file.transfers.get().end_to_end == f"{ticket}-2"
        assert list(Transfer.objects.values_list("outcome", flat=True)) == ["failed", "sent"]
        assert Payment.objects.get(pk=ticket.payment_id).refunded == ticket.amount

    @pytest.mark.req("REF-6")
    def test_an_excess_and_a_fee_of_one_payment_come_to_what_was_paid_and_no_more(self, finance):
        case = Office().approve(submitted(make_practitioner()))
        asked = invoice_of(case, "service").amount
        pay(case, "service", amount=asked + 700)
        case = advance_case(case.pk, "withdraw", by=case.practitioner.user, now=LATER)
        excess = opened(Credit.objects.get(reason="too_much"))
        payment = payment_of(case)
        given = [paid_out(excess, finance), paid_out(filed(case), finance)]
        assert [one.amount for one in given] == [700, asked // 2]
        rest = filed(case, ground="wrong_path", statement="The desk sent me here.")
        given.append(paid_out(rest, finance, accepted=True))
        payment.refresh_from_db()
        assert payment.refunded == payment.amount == sum(one.amount for one in given)
        with unchanged(), pytest.raises(NotAllowed):
            filed(case, ground="wrong_path", statement="Once more.")
        assert sweeps.open_tickets(LATER) == 0


def paid_out(ticket: Ticket, finance: Finance, **decided) -> Ticket:
    with_account(move(ticket, "approve", finance.decider, **decided))
    transfer = transfers.collect(by=finance.payer, now=LATER).transfers.get()
    transfers.executed(transfer, reference=f"BANK-{ticket.pk}", by=finance.payer, now=LATER)
    return Ticket.objects.get(pk=ticket.pk)


@pytest.mark.django_db
@pytest.mark.req("REF-6")
def test_a_changed_file_is_not_handed_out(finance):
    bring_to("approved", Office(), finance)
    file = transfers.collect(by=finance.payer, now=LATER)
    file.sha256 = b"x" * 32
    with pytest.raises(ValueError, match="was changed"):
        transfers.content_of(file)


@pytest.mark.django_db
@pytest.mark.req("REF-6")
def test_money_that_is_on_its_way_for_too_long_is_an_alarm_until_it_arrived(finance):
    ticket = bring_to("paying", Office(), finance)
    week = timedelta(days=7)
    payouts.watch(LATER + week)
    assert not Alarm.objects.exists()
    payouts.watch(LATER + week + timedelta(seconds=1))
    alarm = Alarm.objects.get(kind="payouts_unfinished", cleared_at=None)
    assert ticket.number in alarms.words(alarm)
    transfers.executed(Transfer.objects.get(ticket=ticket), reference="BANK-1", by=finance.payer, now=LATER + week)
    payouts.watch(LATER + 2 * week)
    assert not Alarm.objects.filter(cleared_at=None).exists()


@pytest.mark.django_db
@pytest.mark.req("DLN-4")
def test_the_last_day_of_a_payout_stands_among_the_persons_dates(finance):
    ticket = bring_to("approved", Office(), finance)
    person = ticket.application.practitioner
    assert [(one.day, one.path) for one in dates_of(person)] == [(ticket.collect_by, f"/refunds/{ticket.number}/")]
