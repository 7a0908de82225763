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

from accounts.identity import identity_that_counts
from accounts.models import Practitioner
from documents.models import Qualification
from mumaris.kit import files, pdf
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.nudge import nudge
from mumaris.kit.references import new_reference
from register import papers
from register.models import Classification, IssuedPaper, Period, Rank, Registration, Specialty
from register.papers import PaperKind

SUPERSEDED = "superseded"


def classify(
    *,
    practitioner: Practitioner,
    specialty: Specialty,
    rank: Rank,
    case: str,
    decided_on: date,
    usable_until: date,
    now: datetime,
    qualification: Qualification | None = None,
) -> Classification:
    """Enter a classification and issue its certificate; days are Riyadh days, both ends included.

    `qualification` is the one that the decision rests on; None where it rests on experience alone.
    """
    classification = Classification.objects.create(
        number=new_reference("CC", now),
        practitioner=practitioner,
        specialty=specialty,
        rank=rank,
        qualification=qualification,
        case=case,
        decided_on=decided_on,
        usable_until=usable_until,
    )
    issue(
        papers.CLASSIFICATION_CERTIFICATE,
        practitioner=practitioner,
        case=case,
        valid_from=decided_on,
        valid_until=usable_until,
        words={"register_number": classification.number, **career_words(specialty, rank)},
        now=now,
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
    hours_from: date | None = None,
) -> Period:
    """Enter a period of registration, first and last Riyadh day included, and issue the card and the certificate.

    A renewal is a further period of the same registration: its number stays. CPD hours count for the period from
    `hours_from` on, or from its first day (CPD-3). Raises IntegrityError when the days overlap another period's.
    """
    registration, created = Registration.objects.get_or_create(
        practitioner=practitioner, specialty=specialty, defaults={"number": new_reference("RG", now), "rank": rank}
    )
    if not created and registration.rank_id != rank.pk:
        registration.rank = rank
        registration.save(update_fields=["rank"])
    period = Period.objects.create(
        registration=registration,
        case=case,
        days=DateRange(first_day, last_day + timedelta(days=1)),
        hours_from=hours_from,
    )
    for kind in (papers.REGISTRATION_CARD, papers.REGISTRATION_CERTIFICATE):
        issue(
            kind,
            practitioner=practitioner,
            case=case,
            valid_from=first_day,
            valid_until=last_day,
            words={"register_number": registration.number, **career_words(specialty, rank)},
            now=now,
        )
    return period


def issue(
    kind: PaperKind,
    *,
    practitioner: Practitioner,
    case: str,
    valid_from: date,
    valid_until: date | None,
    words: dict[str, Any],
    now: datetime,
    number: str = "",
) -> IssuedPaper:
    """Issue a paper of any kind: its words are fixed now, its PDF follows from templates/papers/<slug>.html (REG-2).

    Both days of validity are Riyadh days, included; without `valid_until` it is valid until it is revoked.
    `words` stand beside the common ones (number, names, masked identity, days, the paper's own name) and may not replace
    them: ValueError. A word that is a day ends in _on, _from or _until and is written as YYYY-MM-DD. One live paper of a
    kind per case: a second one raises IntegrityError. `number` is given where the kind is numbered without gaps.
    """
    number = number or new_reference(kind.prefix, now)
    identity = identity_that_counts(practitioner.identities.all(), today(now))
    common = {
        "paper_number": number,
        "title_ar": kind.name_ar,
        "title_en": kind.name_en,
        "name_ar": practitioner.name_ar,
        "name_en": practitioner.name_en,
        "identity_masked": identity.masked if identity else "",
        "issued_on": today(now).isoformat(),
        "valid_from": valid_from.isoformat(),
        "valid_until": valid_until.isoformat() if valid_until else "",
    }
    if taken := common.keys() & words.keys():
        raise ValueError(f"{kind.slug}: {', '.join(sorted(taken))} cannot be chosen")
    paper = IssuedPaper.objects.create(
        number=number,
        kind=kind.slug,
        practitioner=practitioner,
        case=case,
        token_sha256=_sha256(token(number).encode()),
        issued_at=now,
        valid_from=valid_from,
        valid_until=valid_until,
        facts=common | words,
    )
    nudge("register.tasks.render_papers")
    return paper


def career_words(specialty: Specialty, rank: Rank) -> dict[str, str]:
    """As what somebody is classified or registered: the words of a paper that says so."""
    profession = specialty.profession
    return {
        "profession_ar": profession.name_ar,
        "profession_en": profession.name_en,
        "specialty_ar": specialty.name_ar,
        "specialty_en": specialty.name_en,
        "rank_ar": rank.name_ar,
        "rank_en": rank.name_en,
    }


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


def supersede(paper: IssuedPaper, *, now: datetime) -> None:
    """End a locked paper whose place a newer one takes."""
    paper.revoked_at, paper.revoke_reason = now, SUPERSEDED
    paper.save(update_fields=["revoked_at", "revoke_reason"])


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def outcome(paper: IssuedPaper | None, day: date) -> str:
    """How a paper stands on the Riyadh `day`: unknown, superseded, revoked, expired, not_yet or valid."""
    if paper is None:
        return "unknown"
    if paper.revoked_at:
        return SUPERSEDED if paper.revoke_reason == SUPERSEDED else "revoked"
    if paper.valid_until and day > paper.valid_until:
        return "expired"
    return "not_yet" if day < paper.valid_from else "valid"
