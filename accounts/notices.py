"""Telling people: one row is the inbox entry and the outgoing message, written in the caller's transaction (NTC-1)."""

import logging
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from post_office import mail

from accounts.models import Notice, User
from mumaris.kit.nudge import nudge

log = logging.getLogger(__name__)


def tell(
    recipient: User, kind: str, *, key: str, now: datetime, reference: str = "", facts: dict | None = None
) -> None:
    """Tell one person one thing, once per `key`. The words stand in templates/notices/<kind>.txt."""
    tell_all([Notice(recipient=recipient, kind=kind, key=key, reference=reference, facts=facts or {}, created_at=now)])


def tell_all(notices: Iterable[Notice]) -> None:
    """The same for many; a key that was told before is left alone."""
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    nudge("accounts.tasks.deliver_notices")


def words(notice: Notice, language: str) -> tuple[str, str]:
    """Subject and body of a notice in a language: the first line of its template, and the rest.

    A fact whose name ends in _on is a day, or "" where there is none.
    """
    facts = {
        name: date.fromisoformat(fact) if name.endswith("_on") and fact else fact for name, fact in notice.facts.items()
    }
    with translation.override(language):
        text = render_to_string(f"notices/{notice.kind}.txt", {**facts, "reference": notice.reference})
    subject, _newline, body = text.strip().partition("\n")
    return subject.strip(), body.strip()


def link(notice: Notice) -> str:
    """Where the portal shows what the notice is about."""
    return settings.PORTAL_URL + (
        reverse("application", args=[notice.reference]) if notice.reference else reverse("inbox")
    )


@transaction.atomic
def deliver(now: datetime, batch: int = 200) -> int:
    """Put untold notices into the mail queue, each exactly once: the queue's row and `told_at` share one commit.

    One that cannot be put into words is logged and tried again an hour later; it keeps nobody else's waiting.
    """
    untold = (
        Notice.objects.filter(told_at=None)
        .filter(Q(failed_at=None) | Q(failed_at__lt=now - timedelta(hours=1)))
        .select_related("recipient")
        .order_by("pk")
        .select_for_update(skip_locked=True, of=("self",))[:batch]
    )
    told, failed = [], []
    for notice in untold:
        try:
            with transaction.atomic():
                _queue(notice)
            told.append(notice.pk)
        except Exception:
            log.exception("notice %s cannot be told", notice.key)
            failed.append(notice.pk)
    Notice.objects.filter(pk__in=told).update(told_at=now)
    Notice.objects.filter(pk__in=failed).update(failed_at=now)
    return len(told)


def _queue(notice: Notice) -> None:
    subject, body = words(notice, notice.recipient.language)
    mail.send(
        notice.recipient.email,
        settings.DEFAULT_FROM_EMAIL,
        subject=subject,
        message=f"{body}\n\n{link(notice)}\n",
        headers={"X-Portal-Notice": notice.key, "Content-Language": notice.recipient.language},
        priority="medium",
    )
