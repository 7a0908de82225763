"""What completing an application writes on the register, in the same transaction (SPEC §4, `completed`)."""

from datetime import datetime, timedelta
from typing import Any

from applications.models import Application
from documents.models import Qualification
from mumaris.kit.clock import add_months, today
from mumaris.kit.policy import Policies
from register import issuing


def classify(application: Application, now: datetime, policies: Policies) -> None:
    """Enter the classification, mark its qualification as recognised, and issue the certificate (SRV-1, SRV-11)."""
    day = today(now)
    usable_until = add_months(day, policies["classification.usable_months"]) - timedelta(days=1)
    issuing.classify(
        practitioner=application.practitioner,
        **_granted(application),
        case=application.reference,
        decided_on=day,
        usable_until=usable_until,
        now=now,
    )
    if application.qualification_id:
        Qualification.objects.filter(pk=application.qualification_id, recognised_on=None).update(recognised_on=day)


def register(application: Application, now: datetime, policies: Policies) -> None:
    """Enter the registration for its years and issue the card and the certificate (SRV-3)."""
    day = today(now)
    issuing.register(
        practitioner=application.practitioner,
        **_granted(application),
        case=application.reference,
        first_day=day,
        last_day=add_months(day, 12 * policies["registration.years"]) - timedelta(days=1),
        now=now,
    )


def _granted(application: Application) -> dict[str, Any]:
    """The specialty and rank that were recommended and endorsed; without both nothing is written on the register."""
    if not (application.granted_specialty and application.granted_rank):
        raise ValueError(f"{application.reference} grants no specialty and rank")
    return {"specialty": application.granted_specialty, "rank": application.granted_rank}
