"""Stopping the clock of a waiting case and starting it again; what is left of it is kept (DLN-5)."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from applications.models import Deadline, Pause
from applications.progress import locked
from mumaris.kit.clock import end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from payments import billing
from payments.models import Invoice, InvoiceState


@transaction.atomic
def pause(application_id: int, *, cause: str, reason: str, by: Any, now: datetime) -> None:
    """Stop the clock. Raises NotAllowed where it stands already or has run out."""
    application = locked(application_id)
    deadline = Deadline.objects.select_for_update().filter(application=application).first()
    if deadline is None or deadline.lapses_at is None or deadline.lapses_at <= now:
        raise NotAllowed(_("No clock runs that could be stopped."))
    invoice = _open_invoice(application.reference)
    deadline.paused_at, deadline.lapses_at = now, None
    deadline.days_left = (deadline.due_on - today(now)).days
    deadline.save(update_fields=["paused_at", "lapses_at", "days_left"])
    Pause.objects.create(
        application=application,
        invoice=invoice.number if invoice else "",
        cause=cause,
        reason=reason,
        by=by,
        began_at=now,
    )
    if invoice:
        billing.reschedule(invoice, due_on=invoice.due_on, paused=True)


@transaction.atomic
def resume(application_id: int, *, cause: str, least_days: int = 0, by: Any, now: datetime) -> None:
    """Let the clock go on with what was left, or with `least_days`; nothing happens where it does not stand for `cause`."""
    application = locked(application_id)
    deadline = Deadline.objects.select_for_update().filter(application=application).exclude(paused_at=None).first()
    paused = application.pauses.filter(cause=cause, ended_at=None)
    if deadline is None or not paused.update(ended_at=now):
        return
    deadline.due_on = today(now) + timedelta(days=max(deadline.days_left, least_days))
    deadline.lapses_at = end_of_day(deadline.due_on + timedelta(days=deadline.grace_days))
    deadline.paused_at = deadline.days_left = None
    deadline.save(update_fields=["due_on", "lapses_at", "paused_at", "days_left"])
    if invoice := _open_invoice(application.reference):
        billing.reschedule(invoice, due_on=deadline.due_on)


def was_paused_for(invoice_number: str, cause: str) -> bool:
    """Whether the clock of this invoice stood for this cause before, or stands so now."""
    return Pause.objects.filter(invoice=invoice_number, cause=cause).exists()


def _open_invoice(reference: str) -> Invoice | None:
    return Invoice.objects.filter(case=reference, state=InvoiceState.ISSUED).first()
