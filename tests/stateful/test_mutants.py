"""The machine finds what it is there to find: each of these mistakes, put into the portal, is seen within a few runs.

A mistake counts as seen when the database differs from what is expected, when a rule of the books is broken, or when a guard
of the database refuses what the portal does by itself: its own guards must not hide it.
"""

import uuid
from collections.abc import Callable

import pytest
from django.db import DatabaseError
from django.db.models import QuerySet

from applications import sweeps
from mumaris.kit.lifecycle import NotAllowed
from payments import billing
from payments.models import Invoice, Payment, WebhookEvent
from refunds import progress
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


def what_is_too_much_is_kept(patch: pytest.MonkeyPatch) -> None:
    create = billing.Credit.objects.create
    patch.setattr(
        billing.Credit.objects, "create", lambda **facts: None if facts["reason"] == "too_much" else create(**facts)
    )


def a_ticket_is_read_before_it_is_locked(patch: pytest.MonkeyPatch) -> None:
    """Check, then act: whoever approves sees the ticket as it was before another officer approved it."""
    whole = Ticket.objects.select_related("application__practitioner__user", "payment__invoice")
    patch.setattr(progress, "locked", lambda ticket_id: whole.get(pk=ticket_id))


MUTANTS: list[Callable[[pytest.MonkeyPatch], None]] = [
    nobody_locks,
    money_at_the_cut_off_is_in_time,
    the_sweep_comes_a_moment_late,
    a_payment_told_twice_is_two,
    a_notification_told_twice_is_two,
    the_sweep_reads_before_it_writes,
    what_is_too_much_is_kept,
    a_ticket_is_read_before_it_is_locked,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_machine_sees(mutant, around, monkeypatch):
    mutant(monkeypatch)
    with pytest.raises((AssertionError, DatabaseError, NotAllowed)):  # a mismatch, a broken rule, a refusal
        run(around, SEED, runs=RUNS, steps=STEPS, shrink=False)
