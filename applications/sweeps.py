"""What time itself does to applications. A sweep is a WHERE clause: it never waits, may run twice, at once, anywhere (DLN-2)."""

from datetime import datetime, timedelta
from typing import Any

import pghistory
from django.db import connection, transaction
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, Greatest, TruncDate

from accounts.models import Notice
from accounts.notices import tell_all
from applications.deadlines import PURPOSES
from applications.lifecycle import LAPSES, LIFECYCLE, DeadlineKind, State
from applications.models import Application, Deadline, Entry
from documents.models import Verification
from mumaris.kit.clock import RIYADH, days_after, end_of_day, today
from mumaris.kit.policy import Policies
from payments import billing

# An open demand may only end when every live attempt was asked after the cut-off, and no received payment waits to be settled.
DUE_UNPAID = """
    SELECT a.id, a.reference, a.moves, a.state, p.user_id, i.id
    FROM applications_deadline d
    JOIN applications_application a ON a.id = d.application_id
    JOIN accounts_practitioner p ON p.id = a.practitioner_id
    JOIN payments_invoice i ON i."case" = a.reference AND i.purpose = %(purpose)s AND i.state = 'issued'
    WHERE d.kind = %(kind)s AND d.lapses_at <= %(now)s
      AND NOT EXISTS (SELECT 1 FROM payments_attempt t WHERE t.invoice_id = i.id
                      AND t.state IN ('starting', 'open') AND (t.asked_at IS NULL OR t.asked_at < d.lapses_at))
      AND NOT EXISTS (SELECT 1 FROM payments_payment m WHERE m.invoice_id = i.id AND m.disposition = 'received')
    ORDER BY d.lapses_at
    LIMIT %(batch)s
    FOR UPDATE OF d, i, a SKIP LOCKED
"""
DUE_UNANSWERED = """
    SELECT a.id, a.reference, a.moves, a.state, p.user_id, NULL
    FROM applications_deadline d
    JOIN applications_application a ON a.id = d.application_id
    JOIN accounts_practitioner p ON p.id = a.practitioner_id
    WHERE d.kind = %(kind)s AND d.lapses_at <= %(now)s
    ORDER BY d.lapses_at
    LIMIT %(batch)s
    FOR UPDATE OF d, a SKIP LOCKED
"""


def lapse(now: datetime, batch: int = 500) -> int:
    """Cancel every application whose cut-off lies at or before `now` (UTC); returns how many were cancelled here."""
    total = 0
    due = set(Deadline.objects.filter(lapses_at__lte=now).values_list("kind", flat=True).distinct())
    for kind in LAPSES:
        while kind in due and (cancelled := _lapse_batch(kind, now, batch)):
            total += cancelled
    return total


@transaction.atomic
def _lapse_batch(kind: DeadlineKind, now: datetime, batch: int) -> int:
    name, reason = LAPSES[kind]
    purpose = PURPOSES.get(kind)
    with connection.cursor() as cursor, pghistory.context(reason=str(reason.value)):
        cursor.execute(
            DUE_UNPAID if purpose else DUE_UNANSWERED, {"kind": kind, "purpose": purpose, "now": now, "batch": batch}
        )
        due = cursor.fetchall()
        if not due:
            return 0
        ids = [row[0] for row in due]
        Application.objects.filter(pk__in=ids).update(
            state=LIFECYCLE[name].target,
            moves=F("moves") + 1,
            version=F("version") + 1,
            cancel_reason=reason,
            closed_at=now,
            saved_at=now,
        )
        Deadline.objects.filter(pk__in=ids).delete()
        billing.lapse([row[5] for row in due if row[5]], now=now)
        Entry.objects.bulk_create(
            Entry(application_id=pk, seq=moves + 1, move=name, from_state=state, to_state=State.CANCELLED, at=now)
            for pk, _reference, moves, state, _user, _invoice in due
        )
        tell_all(
            Notice(
                recipient_id=user,
                kind="cancelled",
                key=f"{reference}:{moves + 1}:cancelled",
                reference=reference,
                facts={"reason": reason.value},
                created_at=now,
            )
            for _pk, reference, moves, _state, user, _invoice in due
        )
    return len(due)


def tidy_drafts(now: datetime, batch: int = 500) -> int:
    """Offer idle drafts for deletion, and delete those whose offered last day passed; returns how many were deleted (APP-8)."""
    policies, deleted = Policies(today(now)), 0
    idle = _idle_drafts(end_of_day(today(now) - timedelta(days=policies["draft.idle_days"])))
    while _offer_batch(idle, days_after(now, policies["draft.notice_days"]).isoformat(), now, batch):
        pass
    while found := _delete_batch(idle, now, batch):
        deleted += found
    return deleted


def _idle_drafts(until: datetime) -> QuerySet[Any]:
    """Drafts never invoiced for which nothing was done since `until`. Waiting for a verification is not idle; its answer begins the days anew.

    `offer` is the key of the notice that offers such a draft for deletion: saved once more, it is another one.
    """
    own = Verification.objects.filter(practitioner=OuterRef("practitioner"))
    heard = own.annotate(at=Coalesce("asked_at", "entered_at")).order_by("-at").values("at")[:1]
    day = Cast(TruncDate("last", tzinfo=RIYADH), CharField())
    return (
        Application.objects.filter(state=State.DRAFT, moves=0, saved_at__lt=until)
        .exclude(Exists(own.waiting()))
        .annotate(last=Greatest("saved_at", Subquery(heard)))
        .annotate(offer=Concat("reference", Value(":draft_idle:"), day, output_field=CharField()))
        .filter(last__lt=until)
        .order_by("pk")
        .select_for_update(skip_locked=True, of=("self",))
    )


@transaction.atomic
def _offer_batch(idle: QuerySet[Any], due_on: str, now: datetime, batch: int) -> int:
    told = Notice.objects.filter(key=OuterRef("offer"))
    drafts = list(idle.exclude(Exists(told)).values_list("offer", "reference", "practitioner__user")[:batch])
    tell_all(
        Notice(
            recipient_id=user,
            kind="draft_idle",
            key=offer,
            reference=reference,
            facts={"due_on": due_on, "text": ""},
            created_at=now,
        )
        for offer, reference, user in drafts
    )
    return len(drafts)


@transaction.atomic
def _delete_batch(idle: QuerySet[Any], now: datetime, batch: int) -> int:
    """The day that the notice named counts, whatever the policy says by now. The papers stay in the wallet."""
    over = Notice.objects.filter(key=OuterRef("offer"), facts__due_on__lt=today(now).isoformat())
    drafts = list(idle.filter(Exists(over)).values_list("pk", flat=True)[:batch])
    Application.objects.filter(pk__in=drafts).delete()
    return len(drafts)
