"""One appeal against a rejection, judged by an officer who did not decide it (APP-9), and the objection to what was granted (APP-6)."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from applications import filing
from applications.lifecycle import CLOSED, LIFECYCLE, State, applicant
from applications.models import Application, Matter
from documents.models import Paper
from mumaris.kit.clock import days_after, today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.policy import value


def last_day(application: Application) -> date:
    """The last day on which the rejection can be appealed against; computed, it is no clock of the case (APP-1)."""
    rejected_at: Any = application.closed_at
    return days_after(rejected_at, value("appeal.days", today(rejected_at)))


def why_not(application: Application, now: datetime, until: date | None = None) -> list[str]:
    """Every reason why a rejected case cannot be appealed now; `until` is its last day, where the caller knows it already."""
    if application.appeal_seq is not None:
        return [_("An appeal was decided already; that decision is final.")]
    reasons, until = [], until or last_day(application)
    if today(now) > until:
        reasons.append(_("The time to appeal ended on %(day)s.") % {"day": date_format(until, "j F Y")})
    return [*reasons, *newer_is_open(application), *rests_on_something_else(application)]


def newer_is_open(application: Application) -> Iterator[str]:
    """A rejected case lives no more once the practitioner applied anew (SPEC §4)."""
    others = Application.objects.filter(practitioner=application.practitioner_id, service=application.service)
    lives_on = ~Q(state__in=CLOSED) | Q(state=State.COMPLETED, created_at__gt=application.created_at)
    if newer := others.exclude(pk=application.pk).filter(lives_on).first():
        yield _("A newer application is open or completed: %(reference)s.") % {"reference": newer.reference}


def rests_on_something_else(application: Application) -> Iterator[str]:
    """A case may only live again on what was declared."""
    if application.judgement.get("rests_on") != filing.rests_on(application):
        yield _("Your data or the qualification was changed since the declaration. Apply anew.")


@LIFECYCLE.before("appeal")
def may_be_appealed(application: Application, *, now: datetime, public_text: str = "", **facts) -> Iterator[str]:
    yield from why_not(application, now)
    if not public_text.strip():
        yield _("Write why the decision should be changed.")


@LIFECYCLE.after("appeal")
def remember_appeal(
    application: Application, *, entry, now: datetime, paper: Paper | None = None, **facts: Any
) -> None:
    application.appeal_seq = entry.seq
    application.save(update_fields=["appeal_seq"])
    if paper:
        filing.put_in_slot(application, filing.APPEAL, paper, None, now)


@LIFECYCLE.before("refuse", "refuse_appeal")
def says_why_to_the_practitioner(
    application: Application, *, public_text: str = "", internal_text: str = "", **facts
) -> Iterator[str]:
    """A refusal is final, so its reason is not left in an internal note (that there is one at all is asked in review.py)."""
    if internal_text.strip() and not public_text.strip():
        yield _("Write the reason that the practitioner will read.")


@LIFECYCLE.after("uphold")
def free_for_another_officer(application: Application, **facts) -> None:
    """Whoever decided before is barred; the case waits unclaimed until another officer takes it (APP-4)."""
    application.reviewer = None
    application.save(update_fields=["reviewer"])


def grants_something_else(application: Application) -> bool:
    """Whether another specialty or rank is granted than was asked for (APP-6)."""
    asked = application.asked_specialty_id, application.asked_rank_id
    granted = application.granted_specialty_id, application.granted_rank_id
    return None not in granted and granted != asked


@transaction.atomic
def object_to(application: Application, text: str, *, by: Any, now: datetime) -> Matter:
    """Object to what was granted, before paying accepts it (APP-6): a matter for whoever can take the approval back.

    No clock stops; paying stays possible. A second click finds the objection made. Raises NotAllowed.
    """
    application = (
        Application.objects.select_for_update(of=("self",)).select_related("practitioner").get(pk=application.pk)
    )
    if not applicant(by, application):
        raise NotAllowed(_("You may not do this."))
    if application.state != State.PRELIMINARILY_APPROVED or not grants_something_else(application):
        raise NotAllowed(_("Nothing else was granted than what you asked for, or it is paid for already."))
    words = _("The practitioner objects: %(text)s") % {"text": text}
    if known := application.matters.filter(closed_at=None, text=words).first():
        return known
    return Matter.objects.create(application=application, text=words, opened_at=now)
