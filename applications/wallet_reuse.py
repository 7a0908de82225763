"""Papers that were attached before and fit a slot again, so that nobody attaches the same paper twice (DOC-4)."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from applications.catalogue import Slot
from applications.dossier import Dossier
from applications.models import AnswerKind, Attachment, ReturnItem
from documents.checks import is_recent

MOST = 3  # offers for one slot


def fitting(dossier: Dossier, slots: Iterable[Slot]) -> dict[str, list[Attachment]]:
    """By slot, what this person attached there in other applications and may use again, newest first, each paper once.

    Of a dated paper only one that is recent enough still. The present application is that of the dossier.
    """
    asked = {slot.slug: slot for slot in slots}
    found: dict[str, dict[object, Attachment]] = {slug: {} for slug in asked}
    for one in _standing(dossier.application, list(asked)):
        if one.paper.readable and (not asked[one.slot].dated or _is_recent(one, dossier)):
            found[one.slot].setdefault(one.paper_id, one)
    return {slug: list(papers.values()) for slug, papers in found.items()}


def _standing(application: Any, slots: list[str]) -> QuerySet[Attachment]:
    """Papers that nothing replaced, and that no officer sent back without getting a better one."""
    sent_back = ReturnItem.objects.filter(application=OuterRef("application"), target=OuterRef("slot"))
    return (
        Attachment.objects.filter(
            ~Exists(sent_back.exclude(answer_kind=AnswerKind.FILE, answered_at__lte=OuterRef("attached_at"))),
            practitioner=application.practitioner_id,
            slot__in=slots,
            replaced_at=None,
        )
        .exclude(application=application)
        .select_related("paper", "application")
        .order_by("-attached_at", "-pk")
    )


def _is_recent(attachment: Attachment, dossier: Dossier) -> bool:
    months = dossier.policies["employer_letter.months"]
    return attachment.issued_on is not None and is_recent(attachment.issued_on, dossier.day, months)
