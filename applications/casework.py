"""What an officer sees of a case and can do with it, as plain values; the page itself stands in applications/admin.py."""

from datetime import datetime
from typing import Any

from django.forms import BaseForm
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from applications import exams, filing, review
from applications.catalogue import CATALOGUE
from applications.dossier import Dossier, load
from applications.forms import NoteForm, RecommendForm, ReturnForm, read_back
from applications.lifecycle import (
    HOLDER,
    LIFECYCLE,
    STAFF,
    State,
    applicant,
    examiner,
    examiner_or_system,
    has_decided,
    is_unheld,
    officer,
    reviewer,
    system,
)
from applications.models import Application, Attachment
from applications.models import Entry as TimelineEntry
from applications.progress import advance
from applications.review import Remark
from documents.models import Scan
from documents.verification import Entry, needed
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import Move
from mumaris.kit.templatetags import look
from payments.models import Invoice

# Taking over a case whose officer is gone changes no state, yet it is asked for and refused like a move.
ASSIGN = Move("assign", frozenset({State.UNDER_REVIEW}), State.UNDER_REVIEW, reviewer, gettext_lazy("Take over"))
# Results have a page of their own: their moves follow from what is recorded there (applications/exams.py).
ELSEWHERE = (applicant, system, examiner, examiner_or_system)
MOVES = {move.name: move for move in [*LIFECYCLE.values(), ASSIGN] if move.may not in ELSEWHERE}
# Made by their button alone; the others stand in the decision panel with their form.
BARE = ("claim", "assign", "release")
# What an officer needs to take up a case in these states; once it was appealed, not everybody who has it may.
TAKES_UP = {
    State.UNDER_APPEAL: "applications.decide_appeal",
    State.SUBMITTED: "applications.review_application",
    State.UNDER_REVIEW: "applications.review_application",
}
ENDS_BADLY = ("endorse_rejection", "refuse", "refuse_appeal")
NOT_RECOMMENDED = {"approve": "endorse_rejection", "reject": "endorse_approval"}

# The states as staff call them, where that is not what the practitioner reads.
STAFF_WORDS = {
    State.RETURNED: gettext_lazy("Returned to the practitioner"),
    State.UNDER_APPEAL: gettext_lazy("Appeal to be decided"),
}
HAPPENED = {
    "declare": gettext_lazy("Declared; the administrative invoice was issued"),
    "reopen": gettext_lazy("Taken back by the practitioner to change it"),
    "submit": gettext_lazy("Administrative fee settled; submitted"),
    "claim": gettext_lazy("Claimed"),
    "release": gettext_lazy("Put back in the queue"),
    "return": gettext_lazy("Returned to the practitioner"),
    "resubmit": gettext_lazy("The practitioner sent the answers"),
    "admit_to_exam": gettext_lazy("Admitted to the exam"),
    "pass": gettext_lazy("Exam passed"),
    "fail_free": gettext_lazy("Exam failed; the next attempt carries no fee"),
    "fail_paid": gettext_lazy("Exam failed; the next attempt is to be paid"),
    "fail_last": gettext_lazy("Exam failed for the last time; rejected"),
    "open_attempt": gettext_lazy("Exam fee settled; the next attempt is open"),
    "correct_result": gettext_lazy("Exam result corrected to a pass"),
    "recommend": gettext_lazy("Recommended"),
    "endorse_approval": gettext_lazy("Approval endorsed; the service fee is due"),
    "endorse_rejection": gettext_lazy("Rejection endorsed"),
    "send_back": gettext_lazy("Sent back to review"),
    "take_back": gettext_lazy("Approval taken back"),
    "start_issuing": gettext_lazy("Service fee settled; the last check begins"),
    "issue": gettext_lazy("Completed; the papers were issued"),
    "refuse": gettext_lazy("Refused at the last check"),
    "appeal": gettext_lazy("The practitioner appeals"),
    "uphold": gettext_lazy("Appeal upheld"),
    "refuse_appeal": gettext_lazy("Appeal refused"),
    "withdraw": gettext_lazy("Withdrawn by the practitioner"),
    "lapse_admin_fee": gettext_lazy("Cancelled: administrative fee not paid in time"),
    "lapse_return": gettext_lazy("Cancelled: remarks not answered in time"),
    "lapse_service_fee": gettext_lazy("Cancelled: service fee not paid in time"),
    "lapse_exam_fee": gettext_lazy("Cancelled: exam fee not paid in time"),
    "lapse_exam": gettext_lazy("Cancelled: the eligibility number expired"),
    "revive_exam": gettext_lazy("Revived: the fee was paid in time"),
    "revive_submitted": gettext_lazy("Revived: the fee was paid in time"),
    "revive_issuing": gettext_lazy("Revived: the fee was paid in time"),
}
SCANS = {
    Scan.CLEAN: ("ok", "ok"),
    Scan.UNSCANNED: ("", "dash"),
    Scan.PENDING: ("note", "clock"),
    Scan.INFECTED: ("bad", "bad"),
}


def state_words(state: str) -> Any:
    return STAFF_WORDS.get(State(state), State(state).label)


def state_badge(state: str) -> str:
    kind, picture, _public = look.STATES["application"][state]
    return look.badge(kind, state_words(state), picture)


def may(user: Any, case: Application, name: str) -> bool:
    """Whether the table lets this officer make the move."""
    return MOVES[name].may(user, case)


def is_open(user: Any, case: Application, name: str) -> bool:
    """Whether the page offers the move: it leads on from here, it is this officer's, and it fits what was recommended."""
    if case.state not in MOVES[name].sources or name == NOT_RECOMMENDED.get(case.recommendation):
        return False
    if name == "admit_to_exam" and not exams.exam_asked(case, case.asked_rank):
        return False
    return may(user, case, name) and (name != "assign" or is_unheld(case))


def why_barred(user: Any, case: Application) -> str:
    """Why an officer who could otherwise take this case up may not, since the practitioner appealed (APP-9); empty for all others."""
    permission = TAKES_UP.get(State(case.state))
    if permission is None or not officer(permission)(user, case) or not has_decided(user, case):
        return ""
    if case.state == State.UNDER_REVIEW and not is_unheld(case):
        return ""
    if case.state == State.UNDER_APPEAL:
        return _("You had a part in the decision that is appealed against, so another officer judges the appeal.")
    return _("You decided this case before, so another officer reviews it after the appeal.")


def form_of(name: str, case: Application, now: datetime, data: QueryDict | None = None) -> BaseForm:
    """The form of a move, empty or with what was typed."""
    ids = f"id_{name}_%s"
    if name == "return":
        return ReturnForm(review.targets(case, now), data, auto_id=ids)
    if name == "recommend":
        return RecommendForm(case, data, auto_id=ids, grants_rank=CATALOGUE[case.service].grants_rank)
    return NoteForm(
        data,
        auto_id=ids,
        initial={"public_text": _told_with_recommendation(case)} if name == "endorse_rejection" else None,
    )


def make(name: str, case: Application, form: BaseForm, *, by: Any, now: datetime, seen: int | None = None) -> None:
    """Make the move with what its valid form says, on the case as `seen` tells it was read. Raises NotAllowed with every reason."""
    if name == "assign":
        review.assign(case.pk, by=by)
        return
    facts = form.cleaned_data
    if name == "return":
        chosen = [(target, facts[f"{target}-reason"], facts[f"{target}-remark"]) for target, _name in form.targets]
        facts = {"remarks": [Remark(target, reason, remark) for target, reason, remark in chosen if reason]}
    advance(case.pk, name, by=by, now=now, seen=seen, **facts)


def page(case: Application, user: Any, now: datetime, tried: dict[str, BaseForm], shown: str = "") -> dict[str, Any]:
    """The whole page. What a role may not see is None; `tried` are forms as they were typed, `shown` is the paper to look at."""
    service, state = CATALOGUE[case.service], State(case.state)
    entries = list(case.timeline.select_related("by"))
    since = entries[0].at if entries else case.created_at
    dossier = load(case.practitioner, now, case)
    offered = [move for name, move in MOVES.items() if is_open(user, case, name)]
    return {
        "case": case,
        "service": service,
        "badge": state_badge(state),
        "since": since,
        "days": (today(now) - today(since)).days,
        "with_staff": HOLDER.get(state) == STAFF,
        "due": case.deadline.due_on if hasattr(case, "deadline") else None,
        "stands": case.deadline.days_left if hasattr(case, "deadline") else None,
        "clock_url": reverse("admin:applications_application_clock", args=[case.pk])
        if hasattr(case, "deadline") and user.has_perm("applications.change_deadline")
        else "",
        "today": today(now),
        "person": _person(dossier) if user.has_perm("accounts.view_practitioner") else None,
        "rules": _judged(case) if user.has_perm("accounts.view_practitioner") else None,
        "answers": read_back(service, dossier) if user.has_perm("accounts.view_practitioner") else None,
        "numbers": case.eligibility_numbers.select_related("exam").prefetch_related("results__correction")
        if user.has_perm("applications.view_entry")
        else None,
        "hours": _hours(case, user) if user.has_perm("accounts.view_practitioner") else None,
        "documents": _documents(case, dossier, shown) if user.has_perm("applications.view_attachment") else None,
        "entries": _history(case, entries) if user.has_perm("applications.view_entry") else None,
        "invoices": Invoice.objects.filter(case=case.reference) if user.has_perm("payments.view_invoice") else None,
        "appeal": _appeal(case, entries) if user.has_perm("applications.view_entry") else None,
        "barred": why_barred(user, case),
        "matters": case.matters.filter(closed_at=None) if user.has_perm("applications.view_matter") else [],
        "buttons": [{"move": move, "url": move_url(case, move.name)} for move in offered if move.name in BARE],
        "panels": [
            _panel(case, move, tried.get(move.name) or form_of(move.name, case, now), move.name in tried)
            for move in offered
            if move.name not in BARE
        ],
    }


def move_url(case: Application, name: str) -> str:
    return reverse("admin:applications_application_move", args=[case.pk, name])


def _appeal(case: Application, entries: list[TimelineEntry]) -> dict[str, Any] | None:
    """The practitioner's words against the rejection, and the slot of the paper that came with them."""
    words = next((entry for entry in entries if entry.seq == case.appeal_seq), None)
    return {"entry": words, "slot": filing.APPEAL} if words else None


def _panel(case: Application, move: Move, form: BaseForm, is_tried: bool) -> dict[str, Any]:
    pairs = [(form[f"{slug}-reason"], form[f"{slug}-remark"]) for slug, _name in getattr(form, "targets", [])]
    return {
        "move": move,
        "url": move_url(case, move.name),
        "form": form,
        "pairs": pairs,
        "open": is_tried,
        "bad": move.name in ENDS_BADLY,
    }


def _told_with_recommendation(case: Application) -> str:
    """What the reviewer wrote for the practitioner; whoever endorses the rejection sends it on or rewrites it."""
    last = case.timeline.filter(move="recommend").first()
    return last.public_text if last else ""


def _judged(case: Application) -> list[dict[str, Any]]:
    return case.judgement.get(get_language(), []) if isinstance(case.judgement, dict) else []


def _person(dossier: Dossier) -> dict[str, Any]:
    return {
        "practitioner": dossier.practitioner,
        "identities": dossier.identities,
        "qualifications": [(one, _verified(one, dossier)) for one in dossier.qualifications],
        "experience": [(one, _verified(one, dossier)) for one in dossier.experience],
        "licences": [(one, _verified(one, dossier)) for one in dossier.licences],
        "age": dossier.age,
    }


def _verified(entry: Entry, dossier: Dossier) -> dict[str, Any]:
    """How the verification at the source stands, as a badge, and which document its report is about; empty where none is needed (DOC-2)."""
    if not needed(entry, dossier.practitioner.is_saudi):
        return {}
    case = next((one for one in entry.verifications.all() if not one.refusal), None)
    kind, picture, words = look.STATES["document"]["missing" if case is None else f"psv_{case.result or 'waiting'}"]
    return {"badge": look.badge(kind, words, picture), "report": case if case and case.title else None}


def _hours(case: Application, user: Any) -> dict[str, Any] | None:
    """The CPD hours as the declaration judged them, and where an officer records further ones; None where none are asked."""
    if not (CATALOGUE[case.service].confirmed_if and case.registration_id):
        return None
    record = load(case.practitioner, case.declared_at or case.created_at, case).cpd
    known = urlencode({"registration": case.registration.number, "case": case.reference})
    add_url = f"{reverse('admin:cpd_hours_add')}?{known}" if user.has_perm("cpd.add_hours") else ""
    return {"record": record, "add_url": add_url}


def _documents(case: Application, dossier: Dossier, shown: str) -> dict[str, Any]:
    asked = [slot.slug for slot in CATALOGUE[case.service].slots(dossier)]
    attached = sorted(
        dossier.attachments.values(), key=lambda one: asked.index(one.slot) if one.slot in asked else len(asked)
    )
    older = case.attachments.exclude(replaced_at=None).select_related("paper").order_by("-replaced_at")
    tabs = [_paper(case, one) for one in attached]
    return {
        "tabs": tabs,
        "shown": next((tab for tab in tabs if tab["slot"] == shown), tabs[0] if tabs else None),
        "asked": len(asked),
        "attached": sum(tab["slot"] in asked for tab in tabs),
        "missing": [filing.name_of(case.service, slug) for slug in asked if slug not in dossier.attachments],
        "older": [_paper(case, one) for one in older],
    }


def _paper(case: Application, attachment: Attachment) -> dict[str, Any]:
    paper = attachment.paper
    kind, picture = SCANS[Scan(paper.scan)]
    return {
        "slot": attachment.slot,
        "name": filing.name_of(case.service, attachment.slot),
        "paper": paper,
        "issued_on": attachment.issued_on,
        "replaced_at": attachment.replaced_at,
        "scan": look.badge(kind, paper.get_scan_display(), picture),
        "is_picture": paper.media_type.startswith("image/"),
        "url": reverse("admin:applications_application_paper", args=[case.pk, paper.pk]) if paper.readable else "",
    }


def _history(case: Application, entries: list[TimelineEntry]) -> list[dict[str, Any]]:
    remarks: dict[int, list[dict[str, Any]]] = {}
    for item in case.return_items.select_related("reason"):
        name = _("The answers") if item.target == review.OWN_WORDS else filing.name_of(case.service, item.target)
        remarks.setdefault(item.entry_seq, []).append({"item": item, "name": name})
    moves = [
        {"at": entry.at, "entry": entry, "title": HAPPENED[entry.move], "remarks": remarks.get(entry.seq, [])}
        for entry in entries
    ]
    changes = [
        {"at": one.at, "change": one, "title": one.get_kind_display()}
        for one in case.clock_changes.select_related("by")
    ]
    return sorted([*moves, *changes], key=lambda one: one["at"], reverse=True)
