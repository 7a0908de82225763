"""What is done to the clock of a waiting case: it is paused, let go on, extended once. No move of the lifecycle (DLN-5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.notices import tell
from applications.lifecycle import DeadlineKind, officer
from applications.models import Application, ClockCause, ClockChange, Deadline
from applications.progress import locked
from mumaris.kit.clock import end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.policy import value
from payments import billing
from payments.models import Invoice, InvoiceState, Purpose

# Which open invoice runs by the same clock, where one does.
PURPOSES = {
    DeadlineKind.ADMIN_FEE: Purpose.ADMIN,
    DeadlineKind.SERVICE_FEE: Purpose.SERVICE,
    DeadlineKind.EXAM_FEE: Purpose.EXAM,
}
PAUSE, RESUME, EXTEND = ClockChange.Kind
LETTERS = {PAUSE: "clock_pause", RESUME: "clock_resume", EXTEND: "clock_extend"}
clerk = officer("applications.change_deadline")


@dataclass(frozen=True)
class Clock:
    """The locked clock of a case with its open invoice, and what was done to it in this wait, newest first."""

    application: Application
    deadline: Deadline | None
    invoice: Invoice | None
    changes: list[ClockChange]


def held_by(changes: Iterable[ClockChange]) -> list[ClockChange]:
    """The pauses of one wait that nobody ended yet, newest first; the clock stands while there is one."""
    latest: dict[str, ClockChange] = {}
    for change in sorted(changes, key=lambda one: one.pk, reverse=True):
        if change.kind != EXTEND:
            latest.setdefault(change.cause, change)
    return [change for change in latest.values() if change.kind == PAUSE]


def of_this_wait(application: Application) -> list[ClockChange]:
    """What was done to the clock since the case began to wait, newest first."""
    return list(application.clock_changes.filter(entry_seq=application.moves).select_related("by"))


def was_paused_for(invoice_number: str, cause: str) -> bool:
    """Whether this invoice's clock was ever paused for `cause`: only the first request for exemption pauses it (PAY-7)."""
    return ClockChange.objects.filter(kind=PAUSE, cause=cause, invoice=invoice_number).exists()


def stands_for(invoice_number: str, cause: str) -> bool:
    """Whether `cause` holds the clock of this invoice now."""
    changes = ClockChange.objects.filter(cause=cause, invoice=invoice_number).exclude(kind=EXTEND)
    latest = changes.order_by("-pk").first()
    return latest is not None and latest.kind == PAUSE


def why_no_pause(clock: Clock, cause: str, now: datetime) -> Iterator[str]:
    yield from _why_no_change(clock, now)
    if any(one.cause == cause for one in held_by(clock.changes)):
        yield _("The clock stands for this reason already.")


def why_no_resume(clock: Clock, cause: str) -> Iterator[str]:
    held = held_by(clock.changes)
    if clock.deadline is None or not held:
        yield _("The clock does not stand.")
    elif all(one.cause != cause for one in held):
        yield _("The clock stands for a reason that is not yours to end: %(reason)s") % {"reason": held[0].why}


def why_no_extension(clock: Clock, days: int, most: int, now: datetime) -> Iterator[str]:
    yield from _why_no_change(clock, now)
    if clock.deadline and clock.deadline.is_paused:
        yield _("The clock stands. Let it run again first.")
    if clock.deadline and clock.deadline.extended_days:
        yield ngettext(
            "It was extended by %(days)s day already, and can be extended once only.",
            "It was extended by %(days)s days already, and can be extended once only.",
            clock.deadline.extended_days,
        ) % {"days": clock.deadline.extended_days}
    if not 1 <= days <= most:
        yield ngettext(
            "It can be extended by %(most)s day only.",
            "It can be extended by 1 to %(most)s days.",
            most,
        ) % {"most": most}


@transaction.atomic
def pause(application_id: int, *, cause: str, reason: str, by: Any, now: datetime) -> ClockChange:
    """Let the clock stand: the days that are left are kept, and paying and answering stay possible. Raises NotAllowed.

    A clock may stand for several causes at once; it runs again when the last one ended.
    """
    clock = _locked(application_id)
    _only_by(clock, cause, by, reason, why_no_pause(clock, cause, now))
    deadline = _running(clock)
    if not deadline.is_paused:
        deadline.days_left = max(0, (deadline.due_on - today(now)).days)
        deadline.paused_at, deadline.lapses_at = now, None
        deadline.save(update_fields=["days_left", "paused_at", "lapses_at"])
        if clock.invoice:
            billing.reschedule(clock.invoice, due_on=deadline.due_on, paused=True)
    return _write(clock, PAUSE, cause, reason, by, deadline.due_on, now)


@transaction.atomic
def resume(
    application_id: int, *, cause: str, by: Any, now: datetime, reason: str = "", least_days: int = 0
) -> ClockChange:
    """End what `cause` paused. When nothing else holds the clock, it runs for the days kept, or `least_days` where these are more.

    Raises NotAllowed.
    """
    clock = _locked(application_id)
    _only_by(clock, cause, by, reason, why_no_resume(clock, cause))
    deadline = _running(clock)
    before = deadline.due_on
    deadline.days_left = max(deadline.days_left or 0, least_days)
    if all(one.cause == cause for one in held_by(clock.changes)):
        _run(clock, deadline, today(now) + timedelta(days=deadline.days_left), now)
    else:
        deadline.save(update_fields=["days_left"])
    return _write(clock, RESUME, cause, reason, by, before, now)


@transaction.atomic
def extend(application_id: int, *, days: int, reason: str, by: Any, now: datetime) -> ClockChange:
    """Move the last day, deadline's and invoice's together, once in a wait. Raises NotAllowed.

    A bill at the bank keeps its own end; when it runs out a new one is issued (payments.attempts.reissue).
    """
    clock = _locked(application_id)
    most = value("deadline.extension_days", today(now))
    _only_by(clock, ClockCause.STAFF, by, reason, why_no_extension(clock, days, most, now))
    deadline = _running(clock)
    before = deadline.due_on
    deadline.extended_days = days
    _run(clock, deadline, max(before, today(now)) + timedelta(days=days), now)
    return _write(clock, EXTEND, ClockCause.STAFF, reason, by, before, now)


def _why_no_change(clock: Clock, now: datetime) -> Iterator[str]:
    deadline = clock.deadline
    if deadline is None:
        yield _("The case waits for nothing that has a last day.")
    elif deadline.kind == DeadlineKind.EXAM:
        yield _("The validity of an eligibility number is renewed by an exam officer, not here.")
    elif deadline.is_over(now):
        yield _("The time for this ended on %(day)s.") % {"day": date_format(deadline.due_on, "j F Y")}


def _only_by(clock: Clock, cause: str, by: Any, reason: str, reasons: Iterable[str]) -> None:
    if cause == ClockCause.STAFF and not clerk(by, clock.application):
        raise NotAllowed(_("You may not do this."))
    found = list(reasons)
    if cause == ClockCause.STAFF and not reason.strip():
        found.append(_("Write the reason."))
    if found:
        raise NotAllowed(*found)


def _locked(application_id: int) -> Clock:
    """In the order in which everybody who may wait locks: invoices, application, deadline."""
    application = locked(application_id)
    deadline = Deadline.objects.select_for_update().filter(application=application).first()
    purpose = PURPOSES.get(DeadlineKind(deadline.kind)) if deadline else None
    own = Invoice.objects.filter(case=application.reference, purpose=purpose, state=InvoiceState.ISSUED)
    return Clock(application, deadline, own.first() if purpose else None, of_this_wait(application))


def _running(clock: Clock) -> Deadline:
    if clock.deadline is None:  # every refusal was asked before
        raise LookupError(f"{clock.application} has no deadline")
    return clock.deadline


def _run(clock: Clock, deadline: Deadline, due_on: date, now: datetime) -> None:
    """The clock runs from this day on, until the end of `due_on` and the silent grace."""
    deadline.began_on, deadline.due_on = today(now), due_on
    deadline.lapses_at = end_of_day(due_on + timedelta(days=deadline.grace_days))
    deadline.paused_at = deadline.days_left = None
    deadline.save(update_fields=["began_on", "due_on", "lapses_at", "paused_at", "days_left", "extended_days"])
    if clock.invoice:
        billing.reschedule(clock.invoice, due_on=due_on)


def _write(clock: Clock, kind: str, cause: str, reason: str, by: Any, due_before: date, now: datetime) -> ClockChange:
    """The trace, and the message to the practitioner unless nothing changes for them."""
    application, deadline = clock.application, _running(clock)
    change = ClockChange.objects.create(
        application=application,
        entry_seq=application.moves,
        kind=kind,
        cause=cause,
        invoice=clock.invoice.number if clock.invoice else "",
        at=now,
        by=by,
        reason=reason.strip(),
        due_before=due_before,
        due_after=deadline.due_on,
        days_left=deadline.days_left,
    )
    if kind != RESUME or not deadline.is_paused:
        tell(
            application.practitioner.user,
            LETTERS[ClockChange.Kind(kind)],
            key=f"{application.reference}:clock:{change.pk}",
            reference=application.reference,
            facts={
                "cause": cause,
                "reason": change.reason,
                "days_left": deadline.days_left,
                "due_on": deadline.due_on.isoformat(),
                "wait": deadline.kind,
            },
            now=now,
        )
    return change
