"""The officers' side: claiming, returning item by item, recommending, and taking over a case whose officer is gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from applications.catalogue import CATALOGUE
from applications.dossier import load
from applications.lifecycle import LIFECYCLE, WAITING, State, is_unheld, reviewer
from applications.models import Application, Deadline, ReturnItem, ReturnReason
from applications.progress import advance
from mumaris.kit.clock import days_after, end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.policy import Policies, value
from register.models import Rank, Specialty

# What a return may ask for besides the papers of the service.
OWN_WORDS = "answers"


@dataclass(frozen=True)
class Remark:
    """One item of a return: which slot (or OWN_WORDS), the ready-made reason, and what the officer adds."""

    target: str
    reason: ReturnReason
    remark: str = ""


def targets(application: Application, now: datetime) -> list[tuple[str, str]]:
    """What can be returned, as (target, name): the papers asked of this practitioner, and the answers."""
    dossier = load(application.practitioner, now, application)
    slots = [(slot.slug, str(slot.name)) for slot in CATALOGUE[application.service].slots(dossier)]
    return [*slots, (OWN_WORDS, _("The answers"))]


@transaction.atomic
def assign(application_id: int, *, by: Any) -> None:
    """Take a case under review that nobody holds: an assignment, no move (APP-4). Raises NotAllowed."""
    application = (
        Application.objects.select_for_update(of=("self",)).select_related("practitioner").get(pk=application_id)
    )
    if application.state != State.UNDER_REVIEW or not is_unheld(application) or not reviewer(by, application):
        raise NotAllowed(_("This case is not free to be taken."))
    application.reviewer = by
    application.save(update_fields=["reviewer"])


@LIFECYCLE.after("claim")
def remember_reviewer(application: Application, *, by: Any, **facts) -> None:
    application.reviewer = by
    application.save(update_fields=["reviewer"])


@LIFECYCLE.after("release")
def forget_reviewer(application: Application, **facts) -> None:
    application.reviewer = None
    application.save(update_fields=["reviewer"])


@LIFECYCLE.before("return")
def names_what_is_missing(application: Application, *, remarks: Sequence[Remark] = (), **facts) -> Iterator[str]:
    if not remarks:
        yield _("Name at least one item, each with its reason.")


@LIFECYCLE.after("return")
def write_remarks(application: Application, *, entry, now: datetime, remarks: list[Remark], **facts) -> None:
    ReturnItem.objects.bulk_create(
        ReturnItem(
            application=application, entry_seq=entry.seq, target=one.target, reason=one.reason, remark=one.remark
        )
        for one in remarks
    )
    due_on = days_after(now, value("return.days", today(now)))
    Deadline.objects.create(
        application=application,
        kind=WAITING[State.RETURNED],
        began_on=today(now),
        due_on=due_on,
        lapses_at=end_of_day(due_on),
    )


@LIFECYCLE.before("recommend")
def names_what_is_granted(
    application: Application,
    *,
    verdict: str = "",
    specialty: Specialty | None = None,
    rank: Rank | None = None,
    public_text: str = "",
    **facts,
) -> Iterator[str]:
    service = CATALOGUE[application.service]
    asked = (application.asked_specialty, application.asked_rank)
    if verdict not in ("approve", "reject"):
        yield _("Recommend approval or rejection.")
    elif verdict == "reject":
        if not public_text.strip():
            yield _("Write the reason that the practitioner will read.")
    elif not service.grants_rank:
        return
    elif not (specialty and rank):
        yield _("Name the specialty and the rank that are granted.")
    elif not specialty.profession.ranks.filter(pk=rank.pk).exists():
        yield _("%(rank)s is no rank of %(profession)s.") % {"rank": rank, "profession": specialty.profession}
    elif service.holds and (specialty, rank) != asked:
        # Nobody is registered as what they were not classified.
        yield _("This service goes by the classification: %(rank)s in %(specialty)s.") % {
            "rank": application.asked_rank,
            "specialty": application.asked_specialty,
        }


@LIFECYCLE.before("recommend")
def is_confirmed(application: Application, *, verdict: str = "", **facts) -> Iterator[str]:
    """What officers themselves must have written down before they approve; judged by the day and versions of the declaration."""
    if verdict == "approve" and (rules := CATALOGUE[application.service].confirmed_if):
        dossier = load(application.practitioner, application.declared_at or application.created_at, application)
        for rule in rules:
            finding = rule.ask(dossier)
            if finding.stands_in_the_way:
                yield finding.fact


@LIFECYCLE.after("recommend")
def write_recommendation(
    application: Application, *, by: Any, now: datetime, verdict: str, specialty=None, rank=None, reason=None, **facts
) -> None:
    application.recommendation, application.recommended_by = verdict, by
    approves = verdict == "approve"
    application.granted_specialty, application.granted_rank = (specialty, rank) if approves else (None, None)
    application.rejection_reason = None if approves else reason
    application.save(update_fields=RECOMMENDED)
    if not application.needs_second_officer:
        advance(application.pk, "endorse_approval" if approves else "endorse_rejection", by=by, now=now)


RECOMMENDED = ["recommendation", "recommended_by", "granted_specialty", "granted_rank", "rejection_reason"]


@LIFECYCLE.before("endorse_approval")
def was_recommended_for_approval(application: Application, **facts) -> Iterator[str]:
    if application.recommendation != "approve":
        yield _("The reviewer recommends rejection. Endorse that, or send the case back.")


@LIFECYCLE.before("endorse_rejection")
def was_recommended_for_rejection(application: Application, **facts) -> Iterator[str]:
    if application.recommendation != "reject":
        yield _("The reviewer recommends approval. Endorse that, or send the case back.")


@LIFECYCLE.before("send_back", "take_back", "refuse", "uphold", "refuse_appeal")
def says_why(application: Application, *, internal_text: str = "", public_text: str = "", **facts) -> Iterator[str]:
    if not (internal_text.strip() or public_text.strip()):
        yield _("Write the reason.")


@LIFECYCLE.after("send_back", "take_back", "uphold", "correct_result")
def drop_recommendation(application: Application, **facts) -> None:
    application.recommendation, application.rejection_reason = "", None
    application.recommended_by = application.granted_specialty = application.granted_rank = None
    application.save(update_fields=RECOMMENDED)


@LIFECYCLE.before("issue")
def is_checked_by_an_officer(application: Application, *, by: Any, **facts) -> Iterator[str]:
    if by is None and CATALOGUE[application.service].last_check:
        yield _("An officer makes the last check.")


@LIFECYCLE.before("issue")
def nothing_came_between(application: Application, *, now: datetime, **facts) -> Iterator[str]:
    """What a paper says of the day of its issue must hold on that day: a sanction may have come since the declaration."""
    if rules := CATALOGUE[application.service].issued_if:
        dossier = load(application.practitioner, now, application)
        for rule in rules:
            if (finding := rule.ask(dossier)).stands_in_the_way:
                yield finding.fact


@LIFECYCLE.after("start_issuing", "revive_issuing")
def issue_at_once(application: Application, *, now: datetime, **facts) -> None:
    """A service without a last check is completed as soon as its fee is settled."""
    if not CATALOGUE[application.service].last_check:
        advance(application.pk, "issue", by=None, now=now)


@LIFECYCLE.after("issue")
def write_on_the_register(application: Application, *, now: datetime, **facts) -> None:
    service = CATALOGUE[application.service]
    service.grants(application, service.issues, now, Policies(today(now)))
