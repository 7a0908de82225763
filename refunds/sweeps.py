"""What time itself does to refunds. A sweep is a WHERE clause: it never waits, may run twice, at once, anywhere (DLN-2)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from accounts.models import Notice, User
from accounts.notices import tell_all
from applications.models import Application
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies
from payments import ledger
from payments.models import Credit, Method, Payment
from payments.reconciliation import credits_due
from refunds import facts as facts_of
from refunds import letters, rules
from refunds.days import last_day
from refunds.giving_way import give_way_to_credits
from refunds.lifecycle import UNDECIDED, TicketState
from refunds.models import Ticket, TicketEntry
from refunds.progress import PAYOUTS, booked, free_numbers


def due_credits(now: datetime) -> QuerySet[Credit]:
    """Money that settled nothing, is not on its way back, and for which nobody has opened a ticket yet (PAY-5)."""
    untold = ~Exists(Ticket.objects.filter(credit=OuterRef("pk")))
    return credits_due(now).filter(untold, payment__refunded__lt=F("payment__amount"))


def open_tickets(now: datetime, batch: int = 200) -> int:
    """Open a ticket by itself for every credit that is due one, in full, once; returns how many (PAY-5)."""
    total = 0
    while opened := _open_batch(now, batch):
        total += opened
    return total


@transaction.atomic
def _open_batch(now: datetime, batch: int) -> int:
    found = due_credits(now).order_by("pk").select_for_update(skip_locked=True, of=("self", "payment"))
    credits = list(found.select_related("payment")[:batch])
    if not credits:
        return 0
    # Locked in one statement, judged by the next: a ticket that was opened meanwhile is seen.
    held = set(Ticket.objects.filter(credit__in=credits).values_list("credit", flat=True))
    credits = [credit for credit in credits if credit.pk not in held]
    paid = facts_of.with_parts(Payment.objects.filter(pk__in={credit.payment_id for credit in credits}))
    payments = {payment.pk: payment for payment in paid}
    facts, policies = facts_of.of(payments.values(), on=today(now)), Policies(today(now))
    cases = {
        case.reference: case
        for case in Application.objects.select_related("practitioner").filter(
            reference__in={payment.invoice.case for payment in payments.values()}
        )
    }
    tickets = []
    for credit, number in zip(credits, free_numbers(len(credits), now), strict=True):
        payment, asked = payments[credit.payment_id], facts_of.asked(facts[credit.payment_id], credit=credit.pk)
        tickets.append(
            Ticket(
                number=number,
                application=cases[payment.invoice.case],
                payment=payment,
                credit=credit,
                filed_at=now,
                filed_judgement=rules.frozen(asked, rules.judge(asked)),
                decide_by=last_day(now, "refund.decide_days", policies),
                payout=PAYOUTS[Method(payment.method)],
            )
        )
    Ticket.objects.bulk_create(tickets)
    _write(tickets, "file", "", TicketState.FILED, now, {ticket.pk: 1 for ticket in tickets})
    give_way_to_credits(payments.values(), now)
    return len(tickets)


def escalate(now: datetime, batch: int = 200) -> int:
    """Bring what nobody decided by the end of its day before the finance heads; nothing is approved by silence (REF-1)."""
    total = 0
    while escalated := _escalate_batch(now, batch):
        total += escalated
    return total


@transaction.atomic
def _escalate_batch(now: datetime, batch: int) -> int:
    late = Ticket.objects.filter(state__in=UNDECIDED, escalated_at=None, decide_by__lt=today(now)).order_by("decide_by")
    tickets = list(_claimed(late, batch))
    if not tickets:
        return 0
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in tickets]).update(escalated_at=now, moves=F("moves") + 1)
    seqs = {ticket.pk: ticket.moves + 1 for ticket in tickets}
    for state in UNDECIDED:
        _write([one for one in tickets if one.state == state], "escalate", state, state, now, seqs)
    heads = list(_finance_heads())
    tell_all(
        Notice(
            recipient=head,
            kind=letters.TO_HEADS,
            key=f"{letters.key(ticket.number, seqs[ticket.pk])}:{head.pk}",
            facts=letters.words(ticket, ""),
            created_at=now,
        )
        for ticket in tickets
        for head in heads
    )
    return len(tickets)


def expire(now: datetime, batch: int = 200) -> int:
    """End the approvals that were not collected in time, and free what they reserved (REF-1)."""
    total = 0
    while expired := _expire_batch(now, batch):
        total += expired
    return total


@transaction.atomic
def _expire_batch(now: datetime, batch: int) -> int:
    over = Ticket.objects.filter(state=TicketState.APPROVED, collect_by__lt=today(now)).order_by("collect_by")
    tickets = list(_claimed(over, batch).prefetch_related("shares"))
    if not tickets:
        return 0
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in tickets]).update(
        state=TicketState.EXPIRED, moves=F("moves") + 1, ended_at=now
    )
    for ticket in tickets:
        ledger.refund_ended(ticket.payment, **booked(ticket), now=now)
    seqs = {ticket.pk: ticket.moves + 1 for ticket in tickets}
    _write(tickets, "expire", TicketState.APPROVED, TicketState.EXPIRED, now, seqs)
    return len(tickets)


def _claimed(tickets: QuerySet[Ticket], batch: int) -> QuerySet[Ticket]:
    """The next of these that nobody else is at, locked behind their payments."""
    related = tickets.select_related("application__practitioner", "payment__invoice")
    return related.select_for_update(skip_locked=True, of=("payment", "self"))[:batch]


def _write(tickets: Iterable[Ticket], move: str, left: str, target: str, now: datetime, seqs: dict[Any, int]) -> None:
    """The timeline and the letters of a step that many tickets made."""
    tickets = list(tickets)
    TicketEntry.objects.bulk_create(
        TicketEntry(ticket=one, seq=seqs[one.pk], move=move, from_state=left, to_state=target, at=now)
        for one in tickets
    )
    tell_all(letters.notice(ticket, move, seqs[ticket.pk], now) for ticket in tickets)


def _finance_heads() -> QuerySet[User]:
    held = {"codename": "endorse_overrule", "content_type__app_label": "refunds"}
    return User.objects.filter(
        is_active=True, is_staff=True, **{f"groups__permissions__{key}": value for key, value in held.items()}
    ).distinct()
