"""The only door to a new state. Sweeps alone go past it, as sets, and leave the same traces (applications/sweeps.py)."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from applications.lifecycle import CLOSED, LAPSES, LIFECYCLE, WAITING
from applications.models import Application, Deadline, Entry
from mumaris.kit.lifecycle import NotAllowed
from payments.models import Invoice

# The moment that a move stamps on the application, kept as long as the case lives.
STAMPS = {
    "declare": "declared_at",
    "submit": "submitted_at",
    "revive_submitted": "submitted_at",
    "endorse_approval": "approved_at",
}

CANCEL_REASONS = dict(LAPSES.values())

# What a move may change on the application itself.
MOVED = ["state", "moves", "version", "saved_at", "closed_at", "cancel_reason", *dict.fromkeys(STAMPS.values())]


def locked(application_id: int) -> Application:
    """The case, locked behind its live invoices: the order in which everybody who may wait takes them.

    Locked without its key: whoever files a ticket about the case holds a payment that a move may want (REF-1).
    """
    reference = Application.objects.values_list("reference", flat=True).get(pk=application_id)
    list(Invoice.objects.live().filter(case=reference).order_by("pk").select_for_update().values_list("pk"))
    return (
        Application.objects.select_for_update(of=("self",), no_key=True)
        .select_related(
            "practitioner__user",
            "asked_specialty__profession__exam",
            "asked_rank",
            "granted_specialty__profession__exam",
            "granted_rank",
        )
        .get(pk=application_id)
    )


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
    application = locked(application_id)
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
        setattr(application, stamp, _moment(application, facts.get("paid_at"), now))
    try:
        application.save(update_fields=MOVED)
    except IntegrityError as error:
        if "one_open_application" not in str(error):
            raise
        raise NotAllowed(_("A newer application for this service is open.")) from error
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
    if left in WAITING and left != move.target:
        Deadline.objects.filter(application=application).delete()
    for effect in move.after:
        effect(application, entry=entry, by=by, **facts)
    return application


def _moment(application: Application, paid_at: datetime | None, now: datetime) -> datetime:
    """When the move counts as made: what a payment moves counts from the bank's time, as its deadline does (PAY-4)."""
    return max(application.created_at, min(paid_at, now)) if paid_at else now
