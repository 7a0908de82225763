"""What completing an application writes on the register, in the same transaction (SPEC §4, `completed`).

Every function takes the application, the kinds of paper that its service issues, the instant (UTC) and the policies of its day.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils import translation

from applications.dossier import GAP
from applications.models import Application
from documents.models import Qualification
from mumaris.kit.clock import add_months, today
from mumaris.kit.policy import Policies
from register import issuing
from register.models import IssuedPaper
from register.papers import PaperKind
from register.standing import grace_ends

Kinds = tuple[PaperKind, ...]


def classify(application: Application, kinds: Kinds, now: datetime, policies: Policies) -> None:
    """Enter the classification, mark its qualification as recognised, and issue the certificate (SRV-1, SRV-2, SRV-11)."""
    day = today(now)
    issuing.classify(
        practitioner=application.practitioner,
        **_granted(application),
        qualification=application.qualification,
        case=application.reference,
        decided_on=day,
        usable_until=_months_from(day, policies["classification.usable_months"]),
        now=now,
    )
    recognise(application, day)


def register(application: Application, kinds: Kinds, now: datetime, policies: Policies) -> None:
    """Enter the registration for its years and issue the card and the certificate (SRV-3)."""
    day = today(now)
    issuing.register(
        practitioner=application.practitioner,
        **_granted(application),
        case=application.reference,
        first_day=day,
        last_day=_months_from(day, 12 * policies["registration.years"]),
        now=now,
    )


def renew(application: Application, kinds: Kinds, now: datetime, policies: Policies) -> None:
    """Enter a further period (SRV-4): declared up to the end of the grace it follows the old one, later it begins today.

    CPD hours that counted for the old period never count for the new one, so these begin after the declaration (CPD-3).
    """
    declared_at = application.declared_at
    if declared_at is None:
        raise ValueError(f"{application.reference} was never declared")
    last = application.registration.periods.order_by("-days")[0]
    declared_on = today(declared_at)
    in_grace = declared_on <= grace_ends(last.last_day, Policies(declared_on)["registration.grace_months"])
    first_day = last.days.upper if in_grace else today(now)
    issuing.register(
        practitioner=application.practitioner,
        **_granted(application),
        case=application.reference,
        first_day=first_day,
        last_day=_months_from(first_day, 12 * policies["registration.years"]),
        hours_from=max(first_day, declared_on + timedelta(days=1)),
        now=now,
    )


def study(application: Application, kinds: Kinds, now: datetime, policies: Policies) -> None:
    """Recognise the studied qualification and write the decision (SRV-5)."""
    day, studied = today(now), application.qualification
    recognise(application, day)
    words = {"title": studied.title, "institution": studied.institution, "awarded_on": studied.awarded_on.isoformat()}
    for language in ("ar", "en"):
        with translation.override(language):
            words[f"degree_{language}"] = str(studied.get_degree_display())
            words[f"country_{language}"] = str(studied.country.name)
    _issue(application, kinds, now, day, None, words)


def certify_good_standing(application: Application, kinds: Kinds, now: datetime, policies: Policies) -> None:
    """State that nothing stands against who is or was registered, valid for the policy's months (SRV-6)."""
    held = application.registration
    periods = list(held.periods.order_by("days"))
    words = {
        "register_number": held.number,
        "registered_from": periods[0].days.lower.isoformat(),
        "registered_until": (periods[-1].days.upper - timedelta(days=1)).isoformat(),
        "authority": application.answers.get("authority", ""),
        **issuing.career_words(held.specialty, held.rank),
    }
    _issue(application, kinds, now, today(now), _valid_until(application, now, policies), words)


def write_training_letter(application: Application, kinds: Kinds, now: datetime, policies: Policies) -> None:
    """Ask the facility to train the practitioner for the months that were asked for (SRV-7)."""
    answers, practitioner = application.answers, application.practitioner
    begins = date.fromisoformat(answers["training_from"])
    until = _months_from(begins, answers["months"])
    held = practitioner.classifications.select_related("specialty__profession", "rank").first()
    gap = (
        practitioner.applications.filter(rejection_reason__code=GAP).exists()
        or practitioner.applications.filter(return_items__reason__code=GAP).exists()
    )
    reason = ("لانقطاعه عن الممارسة", "after a gap in practice") if gap else ("بناءً على طلبه", "at their own request")
    words = {
        "facility": answers["facility"],
        "city": answers["city"],
        "months": answers["months"],
        "training_from": begins.isoformat(),
        "training_until": until.isoformat(),
        "reason_ar": reason[0],
        "reason_en": reason[1],
        **(issuing.career_words(held.specialty, held.rank) if held else {}),
    }
    _issue(application, kinds, now, today(now), max(until, today(now) + timedelta(days=1)), words)


def issue_papers(application: Application, kinds: Kinds, now: datetime, policies: Policies) -> None:
    """Write nothing on the register: only issue the papers, with the answers as their words, valid for the policy's months."""
    words = {slug: str(answer) for slug, answer in application.answers.items()}
    _issue(application, kinds, now, today(now), _valid_until(application, now, policies), words)


def recognise(application: Application, day: date) -> None:
    """The qualification that the case rests on is recognised from that day on; registration and good standing read it (SRV-11)."""
    if application.qualification_id:
        Qualification.objects.filter(pk=application.qualification_id, recognised_on=None).update(recognised_on=day)


def _issue(
    application: Application,
    kinds: Kinds,
    now: datetime,
    valid_from: date,
    valid_until: date | None,
    words: dict[str, Any],
) -> list[IssuedPaper]:
    return [
        issuing.issue(
            kind,
            practitioner=application.practitioner,
            case=application.reference,
            valid_from=valid_from,
            valid_until=valid_until,
            words=words,
            now=now,
        )
        for kind in kinds
    ]


def _months_from(first_day: date, months: int) -> date:
    """The last day of so many months, the first day included."""
    return add_months(first_day, months) - timedelta(days=1)


def _valid_until(application: Application, now: datetime, policies: Policies) -> date:
    return _months_from(today(now), policies[f"{application.service}.valid_months"])


def _granted(application: Application) -> dict[str, Any]:
    """The specialty and rank that were recommended and endorsed; without both nothing is written on the register."""
    if not (application.granted_specialty and application.granted_rank):
        raise ValueError(f"{application.reference} grants no specialty and rank")
    return {"specialty": application.granted_specialty, "rank": application.granted_rank}
