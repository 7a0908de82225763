"""Decisions against a practitioner: imposed and lifted by officers, each with its reason; the practitioner is told."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Practitioner
from accounts.notices import tell
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from register.models import Sanction


def obstacles(practitioner: Practitioner, what: str, ends_on: date | None, *, by: Any, now: datetime) -> Iterator[str]:
    """Every reason why this cannot be imposed."""
    if practitioner.user_id == by.pk:
        yield _("This would be a decision on yourself. Another officer must decide.")
    if not what.strip():
        yield _("Write the decision, as the practitioner will read it.")
    if ends_on and ends_on < today(now):
        yield _("The last day has passed. Choose today or a later day, or leave it empty.")


@transaction.atomic
def impose(
    practitioner: Practitioner, what: str, *, note: str = "", ends_on: date | None = None, by: Any, now: datetime
) -> Sanction:
    """Put a sanction on record, in force from today on, until the end of `ends_on` or until lifted. Raises NotAllowed.

    `what` is read by the practitioner, `note` by staff alone.
    """
    if reasons := list(obstacles(practitioner, what, ends_on, by=by, now=now)):
        raise NotAllowed(*reasons)
    sanction = Sanction.objects.create(
        practitioner=practitioner,
        what=what.strip(),
        note=note.strip(),
        imposed_on=today(now),
        ends_on=ends_on,
        imposed_by=by,
    )
    tell(
        practitioner.user,
        "sanction_imposed",
        key=f"sanction:{sanction.pk}:imposed",
        facts={"what": sanction.what, "ends_on": ends_on.isoformat() if ends_on else ""},
        now=now,
    )
    return sanction


@transaction.atomic
def lift(sanction: Sanction, reason: str, *, by: Any, now: datetime) -> Sanction:
    """End a sanction from today on, with the reason as the record keeps it. Raises NotAllowed."""
    sanction = Sanction.objects.select_for_update(of=("self",)).select_related("practitioner__user").get(pk=sanction.pk)
    if sanction.lifted_on:
        raise NotAllowed(_("This sanction is lifted already."))
    if sanction.practitioner.user_id == by.pk:
        raise NotAllowed(_("This would be a decision on yourself. Another officer must decide."))
    if sanction.ends_on and sanction.ends_on < today(now):
        raise NotAllowed(_("This sanction has ended by itself. There is nothing to lift."))
    if not reason.strip():
        raise NotAllowed(_("Write the reason."))
    sanction.lifted_on, sanction.lifted_by, sanction.lift_reason = today(now), by, reason.strip()
    sanction.save(update_fields=["lifted_on", "lifted_by", "lift_reason"])
    tell(
        sanction.practitioner.user,
        "sanction_lifted",
        key=f"sanction:{sanction.pk}:lifted",
        facts={"what": sanction.what},
        now=now,
    )
    return sanction
