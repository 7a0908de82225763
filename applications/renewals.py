"""The registrations of a person with their status, and which of them are being renewed, as the register asks to know (SRV-15)."""

from collections.abc import Collection
from datetime import date
from typing import Any

from django.urls import reverse

from applications.catalogue import CATALOGUE
from applications.models import Application
from applications.rules import renewal_opens
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies
from register import papers, standing
from register.models import IssuedPaper, Registration
from register.standing import Standing

RENEWALS = [service.slug for service in CATALOGUE.values() if service.renews]


def submitted_on(registrations: Collection[int]) -> dict[int, date]:
    """The Riyadh day on which the open renewal of each of these registrations was submitted, where there is one."""
    found = Application.objects.open().filter(
        service__in=RENEWALS, registration__in=registrations, submitted_at__isnull=False
    )
    return {
        held: today(moment) for held, moment in found.values_list("registration", "submitted_at") if held and moment
    }


def held_by(user: Any, policies: Policies) -> list[dict[str, Any]]:
    """Every registration of the person: its latest card, its status on the policies' day, and where its renewal is asked for once it may be."""
    registrations = list(
        Registration.objects.visible_to(user)
        .select_related("specialty", "rank", "practitioner")
        .prefetch_related("periods")
    )
    if not registrations:
        return []
    on = policies.on
    statuses = standing.of(registrations, on)
    cards = IssuedPaper.objects.filter(
        practitioner=registrations[0].practitioner, kind=papers.REGISTRATION_CARD.slug, revoked_at=None
    ).order_by("valid_until")
    by_case = {card.case: card for card in cards}
    held = []
    for registration in registrations:
        latest = max(registration.periods.all(), key=lambda period: period.last_day)
        status = statuses.get(registration.pk)
        opened = renewal_opens(latest.last_day, policies) <= on and status != Standing.RENEWAL_PENDING
        held.append(
            {
                "registration": registration,
                "last_day": latest.last_day,
                "status": status,
                "card": by_case.get(latest.case),
                "renew_url": reverse("service", args=[RENEWALS[0]]) if opened else "",
            }
        )
    return held
