"""The only door to a new state. Sweeps alone go past it, as sets, and leave the same traces (applications/sweeps.py)."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from applications.lifecycle import CLOSED, LAPSES, LIFECYCLE, WAITING
from applications.models import Application, Deadline, Entry
from mumaris.kit.lifecycle import NotAllowed
from payments.models import Invoice

# The moment that a move stamps on the application, kept as long as the case lives.
STAMPS = {"submit": "submitted_at", "revive_submitted": "submitted_at", "endorse_approval": "approved_at"}

CANCEL_REASONS = dict(LAPSES.values())


@transaction.atomic
def advance(
    application_id: int,
    name: str,
    *,
    by: Any,
    now: datetime,
    public_text: str = "",
    internal_text: str = "",
    seen: int | None = None,
    **facts: Any,
) -> Application:
    """Make the move `name`, or raise NotAllowed with every reason and change nothing.

    `seen` is the number of moves that whoever asks has read of, where they read a page first: no endorsing unseen (APP-6).
    `by` is the user who asks, None for the system itself; `facts` are what the move's hooks need (items of a return,
    a verdict). Locks the case's live invoices before the application, as everybody who may wait does.
    """
    reference = Application.objects.values_list("reference", flat=True).get(pk=application_id)
    list(Invoice.objects.live().filter(case=reference).order_by("pk").select_for_update().values_list("pk"))
    application = (
        Application.objects.select_for_update(of=("self",))
        .select_related(
            "practitioner__user", "asked_specialty__profession", "asked_rank", "granted_specialty", "granted_rank"
        )
        .get(pk=application_id)
    )
    move = LIFECYCLE[name]
    if seen is not None and seen != application.moves:
        raise NotAllowed(_("The case was changed meanwhile. Read it as it stands now, then decide."))
    facts |= {"now": now, "public_text": public_text, "internal_text": internal_text}
    if reasons := move.obstacles(application, by, **facts):
        raise NotAllowed(*reasons)
    left = application.state
    application.state = move.target
    application.moves += 1
    application.version += 1
    application.saved_at = now
    application.closed_at = now if move.target in CLOSED else None
    application.cancel_reason = CANCEL_REASONS.get(name, "")
    if stamp := STAMPS.get(name):
        setattr(application, stamp, now)
    application.save(
        update_fields=[
            "state",
            "moves",
            "version",
            "saved_at",
            "closed_at",
            "cancel_reason",
            "submitted_at",
            "approved_at",
        ]
    )
    entry = Entry.objects.create(
        application=application,
        seq=application.moves,
        move=name,
        from_state=left,
        to_state=move.target,
        at=now,
        by=by,
        public_text=public_text,
        internal_text=internal_text,
    )
    if left in WAITING:
        Deadline.objects.filter(application=application).delete()
    for effect in move.after:
        effect(application, entry=entry, by=by, **facts)
    return application
