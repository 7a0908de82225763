"""The practitioner's side: a draft, its answers and papers, the declaration, and the answers to a return."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Model
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Practitioner
from applications import dossier as dossiers
from applications.catalogue import CATALOGUE, Service
from applications.dossier import Dossier
from applications.lifecycle import LIFECYCLE, State, is_unheld
from applications.models import AnswerKind, Application, Attachment, ReturnItem
from applications.progress import advance
from documents.models import Paper, Qualification
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.references import new_reference
from register.models import Rank, Registration, Specialty

# The slot of what an appeal brings; no service asks for it.
APPEAL = "appeal"


class ChangedMeanwhile(Exception):
    """The form was filled on an older version of the application; nothing was overwritten."""


def start(practitioner: Practitioner, service: Service, *, now: datetime) -> Application:
    """The open application of this practitioner for the service, begun now when there is none (APP-2)."""
    existing = Application.objects.open().filter(practitioner=practitioner, service=service.slug).first()
    if existing:
        return existing
    try:
        with transaction.atomic():
            return Application.objects.create(
                reference=new_reference(service.prefix, now),
                practitioner=practitioner,
                service=service.slug,
                needs_second_officer=service.second_officer,
                created_at=now,
                saved_at=now,
            )
    except IntegrityError:  # a second click got there first, or the reference was taken: the unique constraints decide
        existing = Application.objects.open().filter(practitioner=practitioner, service=service.slug).first()
        return existing or start(practitioner, service, now=now)


def hold_while_open(practitioner: Practitioner, what: str) -> str:
    """A case that was declared and is still open rests on the person's data and file as they were (SRV-12)."""
    held = practitioner.applications.open().exclude(state=State.DRAFT).first()
    return (
        _("This stays as it is while application %(reference)s is open.") % {"reference": held.reference}
        if held
        else ""
    )


@transaction.atomic
def save_answers(
    application: Application,
    answers: dict[str, Any],
    *,
    version: int,
    now: datetime,
    specialty: Specialty | None = None,
    rank: Rank | None = None,
    qualification: Qualification | None = None,
    registration: Registration | None = None,
) -> None:
    """Keep the answers of one step of a draft (APP-8).

    Raises ChangedMeanwhile when `version` is not the present one and something else is kept by now: a second click
    finds its own work done.
    """
    updated = Application.objects.filter(pk=application.pk, state=State.DRAFT, version=version).update(
        answers={**application.answers, **answers},
        asked_specialty=specialty or application.asked_specialty,
        asked_rank=rank or application.asked_rank,
        qualification=qualification or application.qualification,
        registration=registration or application.registration,
        version=F("version") + 1,
        saved_at=now,
    )
    if not updated and not _keeps(
        application,
        answers,
        asked_specialty=specialty,
        asked_rank=rank,
        qualification=qualification,
        registration=registration,
    ):
        raise ChangedMeanwhile


@transaction.atomic
def attach(application: Application, slot: str, paper: Paper, *, issued_on: date | None, now: datetime) -> Attachment:
    """Put a paper into a slot of a draft; the one before it stays on record as replaced. Raises NotAllowed."""
    locked = Application.objects.select_for_update().get(pk=application.pk)
    if locked.state != State.DRAFT:
        raise NotAllowed(_("This application can no longer be changed."))
    return put_in_slot(locked, slot, paper, issued_on, now)


@transaction.atomic
def detach(application: Application, slot: str, *, now: datetime) -> None:
    """Take the paper out of a slot of a draft; the paper stays in the wallet. Raises NotAllowed."""
    locked = Application.objects.select_for_update().get(pk=application.pk)
    if locked.state != State.DRAFT:
        raise NotAllowed(_("This application can no longer be changed."))
    locked.attachments.filter(slot=slot, replaced_at=None).update(replaced_at=now)
    _count_change(locked, now)


@transaction.atomic
def discard(application: Application) -> None:
    """Delete a draft that never had an invoice. Raises NotAllowed."""
    locked = Application.objects.select_for_update().get(pk=application.pk)
    if locked.state != State.DRAFT or locked.moves:
        raise NotAllowed(_("Only a draft that never had an invoice can be deleted."))
    locked.delete()


@transaction.atomic
def answer(
    item: ReturnItem,
    *,
    kind: str,
    text: str = "",
    paper: Paper | None = None,
    issued_on: date | None = None,
    now: datetime,
) -> None:
    """Answer one returned item: by file, by words, or why it cannot be (APP-4). Raises NotAllowed."""
    Application.objects.select_for_update().get(pk=item.application_id)
    item = ReturnItem.objects.select_related("application").get(pk=item.pk)
    if item.application.state != State.RETURNED or item.entry_seq != item.application.moves:
        raise NotAllowed(_("These remarks can no longer be answered."))
    if over := _time_is_over(item.application, now):
        raise NotAllowed(over)
    item.answer_kind, item.answer_text, item.answer_paper, item.answer_issued_on, item.answered_at = (
        kind,
        text,
        paper,
        issued_on,
        now,
    )
    item.save(update_fields=["answer_kind", "answer_text", "answer_paper", "answer_issued_on", "answered_at"])


@transaction.atomic
def declare(application: Application, *, by: Any, now: datetime) -> Application:
    """Judge everything on this day, freeze the judgement, issue the administrative invoice. Raises NotAllowed (APP-3, SRV-12)."""
    # Nobody changes who they are between the judgement and the declaration.
    practitioner = (
        Practitioner.objects.select_for_update(of=("self",), no_key=True)
        .select_related("user")
        .get(pk=application.practitioner_id)
    )
    dossier = dossiers.load(practitioner, now, application)
    return advance(application.pk, "declare", by=by, now=now, dossier=dossier)


@LIFECYCLE.before("declare")
def nothing_stands_in_the_way(application: Application, *, dossier: Dossier, **facts) -> Iterator[str]:
    service = CATALOGUE[application.service]
    if dossier.application is None or dossier.application.version != application.version:
        yield _("The application was changed meanwhile. Check your answers again.")
        return
    if not service.is_answered(dossier):
        yield _("Not every question is answered yet.")
    for rule, finding in service.obstacles(dossier):
        yield f"{rule.name}: {finding.fact}"
    for slot in service.slots(dossier):
        if slot.required and slot.slug not in dossier.attachments:
            yield _("%(paper)s is not attached yet.") % {"paper": slot.name}


@LIFECYCLE.after("declare")
def ask_for_what_is_held(application: Application, *, dossier: Dossier, **facts) -> None:
    """A service that does not ask specialty and rank goes by what the person holds: that is asked for."""
    holds = CATALOGUE[application.service].holds
    held = holds(dossier) if holds else None
    if held:
        application.asked_specialty, application.asked_rank = held
        application.save(update_fields=["asked_specialty", "asked_rank"])


def rests_on(application: Application) -> dict[str, str]:
    """Who the person is and which qualification is named, as text: a case may only live again on what was declared."""
    person, qualification = application.practitioner, application.qualification
    facts = {name: str(getattr(person, name)) for name in ("name_ar", "name_en", "birth_date", "gender", "nationality")}
    if qualification:
        facts |= {
            name: str(getattr(qualification, name)) for name in ("degree", "field", "title", "country", "awarded_on")
        }
    return facts


@LIFECYCLE.after("declare")
def freeze_judgement(application: Application, *, dossier: Dossier, **facts) -> None:
    """Keep what was judged, in both languages; payment alone submits it, no rule is asked again."""
    service = CATALOGUE[application.service]
    application.judgement = {
        "rests_on": rests_on(application),
        "surcharges": [one.purpose for one in service.surcharges if one.due_if(dossier)],
    }
    for language in ("ar", "en"):
        with translation.override(language):
            application.judgement[language] = [
                {"rule": rule.slug, "name": str(rule.name), "verdict": finding.verdict, "fact": finding.fact}
                for rule, finding in service.findings(dossier)
            ]
    application.save(update_fields=["judgement"])


@LIFECYCLE.before("withdraw")
def was_invoiced_once(application: Application, **facts) -> Iterator[str]:
    if not application.moves:
        yield _("Nothing was asked for yet. Delete the draft instead.")


@LIFECYCLE.before("resubmit", "reopen")
def time_is_left(application: Application, *, now: datetime, **facts) -> Iterator[str]:
    """Between the cut-off and the sweep nothing slips through (PAY-4)."""
    if over := _time_is_over(application, now):
        yield over


@LIFECYCLE.before("resubmit")
def everything_is_answered(application: Application, **facts) -> Iterator[str]:
    open_items = application.return_items.filter(entry_seq=application.moves, answer_kind="")
    for item in open_items:
        yield _("“%(item)s” is not answered yet.") % {"item": name_of(application.service, item.target)}


@LIFECYCLE.after("resubmit")
def put_answers_in_place(application: Application, *, entry, now: datetime, **facts) -> None:
    """New files take their slots; the case goes back to the same officer, or to nobody if that officer is gone."""
    items = application.return_items.filter(entry_seq=entry.seq - 1, answer_kind=AnswerKind.FILE)
    for item in items.select_related("answer_paper"):
        if item.answer_paper:
            put_in_slot(application, item.target, item.answer_paper, item.answer_issued_on, now)
    if application.reviewer_id and is_unheld(application):
        application.reviewer = None
        application.save(update_fields=["reviewer"])


def put_in_slot(application: Application, slot: str, paper: Paper, issued_on: date | None, now: datetime) -> Attachment:
    """Attach a paper of the locked case; the one before it stays on record as replaced."""
    application.attachments.filter(slot=slot, replaced_at=None).update(replaced_at=now)
    _count_change(application, now)
    return Attachment.objects.create(
        application=application,
        practitioner_id=application.practitioner_id,
        slot=slot,
        paper=paper,
        issued_on=issued_on,
        attached_at=now,
    )


def name_of(service: str, target: str) -> str:
    """What a slot of the service is called on the page."""
    if target == APPEAL:
        return _("Your appeal")
    return next((str(slot.name) for slot in CATALOGUE[service].documents if slot.slug == target), target)


def _keeps(application: Application, answers: dict[str, Any], **chosen: Model | None) -> bool:
    """Whether the draft says exactly this already."""
    chosen = {name: one for name, one in chosen.items() if one}
    return Application.objects.filter(
        pk=application.pk, state=State.DRAFT, answers__contains=answers, **chosen
    ).exists()


def _time_is_over(application: Application, now: datetime) -> str:
    lapses_at = application.deadline.lapses_at
    over = lapses_at is not None and lapses_at <= now
    return (
        _("The time for this ended on %(day)s.") % {"day": date_format(application.deadline.due_on, "j F Y")}
        if over
        else ""
    )


def _count_change(application: Application, now: datetime) -> None:
    """A form that was opened before this change is stale (APP-8)."""
    Application.objects.filter(pk=application.pk).update(version=F("version") + 1, saved_at=now)
