"""Refund tickets brought to any state by the portal's own verbs. Moments are UTC; what was paid was paid at NOON."""

from datetime import datetime, timedelta

from accounts.models import User
from applications.models import Application
from applications.progress import advance as advance_case
from payments.models import Credit, Payment
from refunds import progress, sweeps, transfers
from refunds.models import Ticket
from tests.people import NOON, Office, declare, invoice_of, make_draft, make_practitioner, make_staff, pay, submitted

ACCOUNT = "SA0380000000608010167519"
LATER = NOON + timedelta(hours=1)


class Finance:
    """The officers of finance: one decides, the head endorses, another officer pays."""

    def __init__(self) -> None:
        self.decider = make_staff("finance officer")
        self.head = make_staff("finance head")
        self.payer = make_staff("finance officer")


def withdrawn(office: Office, *, now: datetime = LATER, **person) -> Application:
    """A case whose service fee was paid at NOON, given up at `now`: half of it goes back."""
    case = office.approve(submitted(make_practitioner(**person)))
    pay(case, "service")
    return advance_case(case.pk, "withdraw", by=case.practitioner.user, now=now)


def payment_of(case: Application, purpose: str = "service") -> Payment:
    return invoice_of(case, purpose).payments.get(disposition="applied")


def filed(case: Application, purpose: str = "service", *, now: datetime = LATER, **asked) -> Ticket:
    return progress.file(payment_of(case, purpose).pk, by=case.practitioner.user, now=now, **asked)


def claimed(case: Application, purpose: str = "admin", *, ground: str = "wrong_path", now: datetime = LATER) -> Ticket:
    return filed(case, purpose, now=now, ground=ground, statement="The desk sent me here.")


def credited(*, now: datetime = LATER, times: int = 1) -> Credit:
    """An administrative fee that was paid once more than needed."""
    case = declare(make_draft(make_practitioner()))
    for _time in range(times + 1):
        pay(case, "admin")
    return Credit.objects.filter(payment__invoice__case=case.reference).latest("pk")


def opened(credit: Credit, *, now: datetime = LATER) -> Ticket:
    """The ticket that the sweep opens for it."""
    sweeps.open_tickets(now)
    return Ticket.objects.get(credit=credit)


def move(ticket: Ticket, name: str, by: User | None, *, now: datetime = LATER, **facts) -> Ticket:
    return progress.advance(ticket.pk, name, by=by, now=now, **facts)


def with_account(ticket: Ticket, *, now: datetime = LATER) -> Ticket:
    return move(ticket, "give_account", owner(ticket), now=now, account=ACCOUNT, holder="Samar Idris")


def owner(ticket: Ticket) -> User:
    return Ticket.objects.get(pk=ticket.pk).application.practitioner.user


def bring_to(state: str, office: Office, finance: Finance) -> Ticket:
    """A ticket about half of a service fee that was paid by SADAD, in that state at LATER (expired: 15 days on)."""
    ticket = filed(withdrawn(office))
    if state == "filed":
        return ticket
    if state == "closed":
        return move(ticket, "withdraw", owner(ticket))
    if state == "refused":
        move(ticket, "overrule", finance.decider, amount=0, reason="The case is another.")
        return move(ticket, "endorse_refusal", finance.head, public_text="Nothing goes back.")
    if state == "overruling":
        return move(ticket, "overrule", finance.decider, amount=100, reason="It was ours.")
    ticket = with_account(move(ticket, "approve", finance.decider))
    if state == "approved":
        return ticket
    if state == "expired":
        return move(ticket, "expire", None, now=LATER + timedelta(days=15))
    file = transfers.collect(by=finance.payer, now=LATER)
    if state == "paid_out":
        transfers.executed(
            file.transfers.get(ticket=ticket), reference=f"BANK-{ticket.pk}", by=finance.payer, now=LATER
        )
    return Ticket.objects.get(pk=ticket.pk)
