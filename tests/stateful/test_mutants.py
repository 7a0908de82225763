"""The machine finds what it is there to find: each of these mistakes, put into the portal, is seen within a few runs.

A mistake counts as seen when the database differs from what is expected, when a rule of the books is broken, or when a guard
of the database refuses what the portal does by itself: its own guards must not hide it.
"""

import uuid
from collections.abc import Callable

import pytest
from django.db import DatabaseError
from django.db.models import F, QuerySet

from applications import deadlines, exempting, sweeps
from applications.models import Deadline
from mumaris.kit.lifecycle import NotAllowed
from payments import billing, ledger
from payments.models import Invoice, Payment, WebhookEvent
from refunds import facts, progress, transfers
from refunds.models import Ticket
from tests.stateful.machine import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.req("PAY-5"), pytest.mark.req("DLN-2")]
SEED, RUNS, STEPS = 20_261_127, 60, 50


def nobody_locks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(QuerySet, "select_for_update", lambda self, *args, **options: self.all())


def money_at_the_cut_off_is_in_time(patch: pytest.MonkeyPatch) -> None:
    """`>` for `>=`."""
    judge = billing._why_not_applied

    def judged(payment: Payment, invoice: Invoice) -> str:
        reason = judge(payment, invoice)
        return "" if reason == "late" and payment.moved_at == invoice.lapses_at else reason

    patch.setattr(billing, "_why_not_applied", judged)


def the_sweep_comes_a_moment_late(patch: pytest.MonkeyPatch) -> None:
    """`<` for `<=`."""
    for name in ("DUE_UNPAID", "DUE_UNANSWERED"):
        patch.setattr(sweeps, name, getattr(sweeps, name).replace("d.lapses_at <= %(now)s", "d.lapses_at < %(now)s"))


def a_payment_told_twice_is_two(patch: pytest.MonkeyPatch) -> None:
    receive = billing.receive
    patch.setattr(
        billing,
        "receive",
        lambda **facts: receive(**facts | {"provider_ref": f"{facts['provider_ref']}-{uuid.uuid4().hex[:6]}"}),
    )


def a_notification_told_twice_is_two(patch: pytest.MonkeyPatch) -> None:
    store = WebhookEvent.objects.get_or_create
    patch.setattr(
        WebhookEvent.objects,
        "get_or_create",
        lambda event_id, **facts: store(event_id=f"{event_id}-{uuid.uuid4().hex[:6]}", **facts),
    )


def the_sweep_reads_before_it_writes(patch: pytest.MonkeyPatch) -> None:
    """Check, then act: what is due is not locked, and is paid by the time that it is cancelled."""
    unguarded = sweeps.DUE_UNPAID.partition("FOR UPDATE")[0].replace("m.disposition = 'received'", "false")
    patch.setattr(sweeps, "DUE_UNPAID", unguarded)


def the_sweep_asks_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweeps, "DUE_UNPAID", sweeps.DUE_UNPAID.replace("t.state IN ('starting', 'open')", "false"))


def what_is_too_much_is_kept(patch: pytest.MonkeyPatch) -> None:
    create = billing.Credit.objects.create
    patch.setattr(
        billing.Credit.objects, "create", lambda **facts: None if facts["reason"] == "too_much" else create(**facts)
    )


def a_release_is_not_booked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger, "released", lambda *args, **facts: None)


def a_ticket_is_read_before_it_is_locked(patch: pytest.MonkeyPatch) -> None:
    """Check, then act: whoever approves sees the ticket as it was before another officer approved it."""
    whole = Ticket.objects.select_related("application__practitioner__user", "payment__invoice")
    patch.setattr(progress, "locked", lambda ticket_id: whole.get(pk=ticket_id))


def an_exemption_leaves_what_is_owed(patch: pytest.MonkeyPatch) -> None:
    """Granted at the moment of a payment or not, it settles nothing that stands open."""
    patch.setattr(exempting, "_waiting", lambda practitioner, now: [])


def asking_again_gains_time(patch: pytest.MonkeyPatch) -> None:
    """Every request for exemption stops the clock, not the first one alone."""
    patch.setattr(deadlines, "was_paused_for", lambda invoice, cause: False)


def who_was_exempt_gets_nothing_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(facts, "_exemptions", lambda payers: {payer: [] for payer in payers})


def a_clock_that_stands_is_swept(patch: pytest.MonkeyPatch) -> None:
    """By the day that was the last one before somebody held it."""
    day = "coalesce(d.lapses_at, (d.due_on + 1)::timestamp AT TIME ZONE 'Asia/Riyadh') <= %(now)s"
    for name in ("DUE_UNPAID", "DUE_UNANSWERED"):
        patch.setattr(sweeps, name, getattr(sweeps, name).replace("d.lapses_at <= %(now)s", day))
    some = Deadline.objects.filter
    patch.setattr(Deadline.objects, "filter", lambda **asked: some() if "lapses_at__lte" in asked else some(**asked))


def an_extension_moves_no_invoice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(billing, "reschedule", lambda invoice, **facts: None)


def a_ticket_is_put_in_two_files(patch: pytest.MonkeyPatch) -> None:
    """Check, then act: what another file took meanwhile is taken once more."""
    step = transfers.advance

    def take(ticket_id: int, name: str, **facts) -> Ticket:
        if name != "pay":
            return step(ticket_id, name, **facts)
        ticket = Ticket.objects.select_related("application__practitioner", "payment__invoice").get(pk=ticket_id)
        Ticket.objects.filter(pk=ticket_id).update(state="paying", paid_by=facts["by"], moves=F("moves") + 1)
        return ticket

    patch.setattr(transfers, "advance", take)


def what_came_back_goes_to_the_same_account(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(progress.CHANGES, "fail", lambda ticket, **facts: {"paid_by": None, "returned_before": None})


MUTANTS: list[Callable[[pytest.MonkeyPatch], None]] = [
    nobody_locks,
    money_at_the_cut_off_is_in_time,
    the_sweep_comes_a_moment_late,
    a_payment_told_twice_is_two,
    a_notification_told_twice_is_two,
    the_sweep_reads_before_it_writes,
    the_sweep_asks_nobody,
    what_is_too_much_is_kept,
    a_release_is_not_booked,
    a_ticket_is_read_before_it_is_locked,
    an_exemption_leaves_what_is_owed,
    asking_again_gains_time,
    who_was_exempt_gets_nothing_back,
    a_clock_that_stands_is_swept,
    an_extension_moves_no_invoice,
    a_ticket_is_put_in_two_files,
    what_came_back_goes_to_the_same_account,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_machine_sees(mutant, around, monkeypatch):
    mutant(monkeypatch)
    with pytest.raises((AssertionError, DatabaseError, NotAllowed)):  # a mismatch, a broken rule, a refusal
        run(around, SEED, runs=RUNS, steps=STEPS, shrink=False)
