"""Writing on the register and issuing its papers: number and words at once, the PDF later and once (REG-1, REG-2)."""

import base64
import hashlib
import hmac
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Practitioner
from mumaris.kit import files, pdf
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.nudge import nudge
from mumaris.kit.references import new_reference
from register.models import Classification, IssuedPaper, PaperKind, Period, Rank, Registration, Specialty


def classify(
    *,
    practitioner: Practitioner,
    specialty: Specialty,
    rank: Rank,
    case: str,
    decided_on: date,
    usable_until: date,
    now: datetime,
) -> Classification:
    """Enter a classification and issue its certificate; days are Riyadh days, both ends included."""
    classification = Classification.objects.create(
        number=new_reference("CC", now),
        practitioner=practitioner,
        specialty=specialty,
        rank=rank,
        case=case,
        decided_on=decided_on,
        usable_until=usable_until,
    )
    _issue(
        PaperKind.CLASSIFICATION_CERTIFICATE,
        classification.number,
        practitioner,
        specialty,
        rank,
        case,
        decided_on,
        usable_until,
        now,
    )
    return classification


def register(
    *,
    practitioner: Practitioner,
    specialty: Specialty,
    rank: Rank,
    case: str,
    first_day: date,
    last_day: date,
    now: datetime,
) -> Period:
    """Enter a period of registration, first and last Riyadh day included, and issue the card and the certificate."""
    registration, created = Registration.objects.get_or_create(
        practitioner=practitioner, specialty=specialty, defaults={"number": new_reference("RG", now), "rank": rank}
    )
    if not created and registration.rank_id != rank.pk:
        registration.rank = rank
        registration.save(update_fields=["rank"])
    period = Period.objects.create(
        registration=registration, case=case, days=DateRange(first_day, last_day + timedelta(days=1))
    )
    for kind in (PaperKind.REGISTRATION_CARD, PaperKind.REGISTRATION_CERTIFICATE):
        _issue(kind, registration.number, practitioner, specialty, rank, case, first_day, last_day, now)
    return period


def token(number: str) -> str:
    """The secret of a paper's public address, 130 bits; made from its number and the key, so only its hash is stored (I44)."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"paper:{number}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:26]


def find(code: str) -> IssuedPaper | None:
    """The paper whose public address holds `code`."""
    return (
        IssuedPaper.objects.filter(token_sha256=_sha256(code.strip().upper().encode()))
        .select_related("practitioner")
        .first()
    )


@transaction.atomic
def render(paper_id: int) -> None:
    """Render the PDF of a paper once: the row is locked, and one that has its file is left alone."""
    paper = IssuedPaper.objects.select_for_update().get(pk=paper_id)
    if paper.storage_key:
        return
    words = {
        key: date.fromisoformat(value) if key.endswith(("_on", "_from", "_until")) and value else value
        for key, value in paper.facts.items()
    }
    content = pdf.render(
        f"papers/{paper.kind}.html",
        {
            **words,
            "verify_url": settings.PORTAL_URL + reverse("verify_paper", args=[token(paper.number)]),
            "demo": settings.DEMO,
        },
    )
    paper.storage_key = files.keep(BytesIO(content))
    paper.sha256 = hashlib.sha256(content).digest()
    paper.save(update_fields=["storage_key", "sha256"])


@transaction.atomic
def revoke(paper: IssuedPaper, reason: str, *, by: Any, now: datetime) -> IssuedPaper:
    """End a paper's validity for good; whoever verifies it sees that at once (REG-2). Raises NotAllowed.

    The register itself stays as it is: a paper is withdrawn, not the right that it showed.
    """
    paper = IssuedPaper.objects.select_for_update(of=("self",)).select_related("practitioner").get(pk=paper.pk)
    if paper.revoked_at:
        raise NotAllowed(_("This paper is revoked already."))
    if paper.practitioner.user_id == by.pk:
        raise NotAllowed(_("This paper is your own. Another officer must decide."))
    if not reason.strip():
        raise NotAllowed(_("Write the reason."))
    paper.revoked_at, paper.revoke_reason = now, reason.strip()
    paper.save(update_fields=["revoked_at", "revoke_reason"])
    return paper


def _issue(
    kind: PaperKind,
    register_number: str,
    practitioner: Practitioner,
    specialty: Specialty,
    rank: Rank,
    case: str,
    valid_from: date,
    valid_until: date,
    now: datetime,
) -> IssuedPaper:
    number = new_reference(
        {"classification_certificate": "CT", "registration_certificate": "RT", "registration_card": "RC"}[kind], now
    )
    identity = practitioner.identities.order_by("kind").first()
    profession = specialty.profession
    paper = IssuedPaper.objects.create(
        number=number,
        kind=kind,
        practitioner=practitioner,
        case=case,
        token_sha256=_sha256(token(number).encode()),
        issued_at=now,
        valid_from=valid_from,
        valid_until=valid_until,
        facts={
            "paper_number": number,
            "register_number": register_number,
            "name_ar": practitioner.name_ar,
            "name_en": practitioner.name_en,
            "identity_masked": identity.masked if identity else "",
            "profession_ar": profession.name_ar,
            "profession_en": profession.name_en,
            "specialty_ar": specialty.name_ar,
            "specialty_en": specialty.name_en,
            "rank_ar": rank.name_ar,
            "rank_en": rank.name_en,
            "issued_on": today(now).isoformat(),
            "valid_from": valid_from.isoformat(),
            "valid_until": valid_until.isoformat(),
        },
    )
    nudge("register.tasks.render_papers")
    return paper


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def outcome(paper: IssuedPaper | None, day: date) -> str:
    """How a paper stands on the Riyadh `day`: unknown, revoked, expired, not_yet or valid."""
    if paper is None:
        return "unknown"
    if paper.revoked_at:
        return "revoked"
    if day > paper.valid_until:
        return "expired"
    return "not_yet" if day < paper.valid_from else "valid"
