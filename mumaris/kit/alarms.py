"""Alarms: what a person must look at because the portal cannot mend it alone. They stand on the desk until they are over."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from mumaris.kit.clock import end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import Alarm
from mumaris.kit.officers import is_officer

log = logging.getLogger(__name__)

# kind: words, with the facts that an alarm of it carries. Upper rooms add their own.
WORDS: dict[str, Promise | str] = {
    "gateway_away": _("The payment gateway does not answer; %(number)s cases past their end wait to be asked about."),
}


def raise_alarm(kind: str, subject: str = "", *, now: datetime, **facts: Any) -> None:
    """Raise the alarm `kind` about `subject`, or count it once more while it is open. `facts` fill its words."""
    if kind not in WORDS:
        raise LookupError(f"alarm {kind!r} has no words")
    log.error("alarm %s %s: %s", kind, subject, facts)
    again = {"facts": facts, "last_at": now, "times": F("times") + 1}
    if not Alarm.objects.filter(key=f"{kind}:{subject}", cleared_at=None).update(**again):
        Alarm.objects.bulk_create(
            [Alarm(key=f"{kind}:{subject}", kind=kind, facts=facts, raised_at=now, last_at=now)], ignore_conflicts=True
        )


def raise_once(kind: str, subject: str, *, now: datetime, **facts: Any) -> None:
    """Raise the alarm about something that happens once; seen again, or after somebody has dealt with it, it is silent.

    One that ended by itself was about something that is over, so it may rise again.
    """
    open_or_settled = Q(cleared_at=None) | ~Q(cleared_by="")
    if not Alarm.objects.filter(open_or_settled, key=f"{kind}:{subject}").exists():
        raise_alarm(kind, subject, now=now, **facts)


def raise_daily(kind: str, *, now: datetime, **facts: Any) -> None:
    """Raise an alarm about a condition that is looked at often; while it lasts it counts days."""
    midnight = end_of_day(today(now) - timedelta(days=1))
    if not Alarm.objects.filter(key=f"{kind}:", cleared_at=None, last_at__gte=midnight).exists():
        raise_alarm(kind, now=now, **facts)


def clear_alarm(kind: str, subject: str = "", *, now: datetime) -> None:
    """What the alarm was about is over; nothing happens where none is open."""
    Alarm.objects.filter(key=f"{kind}:{subject}", cleared_at=None).update(cleared_at=now)


def was_settled(kind: str, subject: str) -> bool:
    """Whether a person dealt with the alarm about `subject`."""
    return Alarm.objects.filter(key=f"{kind}:{subject}").exclude(cleared_by="").exists()


def may_settle(by: Any) -> bool:
    """Staff with the permission; a superuser is no officer."""
    return is_officer(by, "kit.change_alarm")


def settle(alarm_id: int, *, reason: str, by: Any, now: datetime) -> None:
    """A person dealt with what happened and says how. A cause that lasts raises the alarm anew. Raises NotAllowed."""
    if not may_settle(by):
        raise NotAllowed(_now("You may not do this."))
    if not reason.strip():
        raise NotAllowed(_now("Write the reason."))
    settled = {"cleared_at": now, "cleared_by": by.email, "reason": reason.strip()}
    if not Alarm.objects.filter(pk=alarm_id, cleared_at=None).update(**settled):
        raise NotAllowed(_now("This alarm is over already."))


def words(alarm: Alarm) -> str:
    return str(WORDS.get(alarm.kind, alarm.kind)) % alarm.facts
