"""The gateway's notifications: stored before they are worked, each once; the gateway itself is asked before anything moves (PAY-5)."""

import hashlib
import json
import logging
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from mumaris.kit.alarms import clear_alarm, raise_daily, raise_once
from mumaris.kit.clock import now as clock_now
from mumaris.kit.nudge import nudge
from payments import attempts
from payments.gateways import gateway
from payments.gateways.base import BadWebhook, GatewayDown, Patience, Unreadable
from payments.models import Attempt, WebhookEvent

log = logging.getLogger(__name__)

BATCH = 100
# A notification that could not be worked for this long needs a person.
WAITS = timedelta(minutes=10)


@csrf_exempt
@login_not_required
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Store a notification and answer at once: 200 stored or known, 401 wrong secret or shape, 409 same id with another body."""
    try:
        event = gateway().parse_webhook(request.body)
    except BadWebhook as refusal:
        log.warning("notification refused: %s", refusal)
        return HttpResponse(status=401)
    now = clock_now()
    digest = hashlib.sha256(json.dumps(event.body, sort_keys=True).encode()).digest()
    stored, created = WebhookEvent.objects.get_or_create(
        event_id=event.event_id,
        defaults={
            "type": event.type,
            "given_id": event.attempt_id or None,
            "body": event.body,
            "body_sha256": digest,
            "received_at": now,
        },
    )
    if not created and bytes(stored.body_sha256) != digest:
        raise_once("event_conflict", event.event_id, now=now, event=event.event_id)
        return HttpResponse(status=409)
    if created:
        nudge("payments.tasks.work_webhooks")
    return HttpResponse(status=200)


def work(now: datetime, batch: int = BATCH) -> int:
    """Work stored notifications in the order they came, those that failed before last; safe to run twice at once, for asking
    and receiving are. Returns how many were worked.
    """
    worked, patience = 0, Patience()
    waiting = WebhookEvent.objects.filter(processed_at=None)
    for event in waiting.order_by(F("tried_at").asc(nulls_first=True), "pk")[:batch]:
        WebhookEvent.objects.filter(pk=event.pk).update(tried_at=now)
        attempt, named = _attempt_of(event)
        try:
            outcome = "asked" if attempt and attempts.ask(attempt, now=now, also=named) else "ignored"
            patience.note()
        except attempts.Denied:  # its own alarm says so
            outcome = "conflict"
        except Unreadable as error:  # asked again it would say the same; the attempt is asked about anyway
            about = str(attempt and attempt.given_id)
            raise_once("payment_unreadable", about, now=now, attempt=about, why=str(error))
            outcome = "conflict"
        except (GatewayDown, DatabaseError) as error:
            log.warning("notification %s waits: %s", event.event_id, error)
            if isinstance(error, GatewayDown):
                patience.note(error)
            if patience.is_over:
                break
            continue
        except (
            Exception
        ):  # one odd notification must not keep everybody else's from being heard; attempts are asked about anyway
            log.exception("notification %s could not be worked", event.event_id)
            outcome = "conflict"
        WebhookEvent.objects.filter(pk=event.pk, processed_at=None).update(outcome=outcome, processed_at=now)
        worked += 1
    return worked


def watch(now: datetime) -> None:
    """Raise the alarm while notifications wait for longer than a passing trouble lasts, and end it when none does."""
    waiting = WebhookEvent.objects.filter(processed_at=None, received_at__lt=now - WAITS).order_by("pk")
    if oldest := waiting.first():
        raise_daily("notifications_wait", now=now, number=waiting.count(), event=oldest.event_id)
    else:
        clear_alarm("notifications_wait", now=now)


def _attempt_of(event: WebhookEvent) -> tuple[Attempt | None, list[str]]:
    """The attempt that a notification is about, and the gateway's ids that it names, a card page's before a payment's."""
    data = event.body.get("data") or {}
    named = [one for one in (data.get("invoice_id"), data.get("id")) if isinstance(one, str) and one]
    known = Attempt.objects.select_related("invoice")
    attempt = known.filter(given_id=event.given_id).first() if event.given_id else None
    return attempt or known.filter(provider_id__in=named).first(), named[:1]
