"""The demo's own page: the people, their passwords, the mailbox, and the one clock that moves everything."""

from datetime import timedelta

import requests
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from mumaris.kit.clock import now as clock_now
from mumaris.kit.models import DemoClock

if not settings.DEMO:
    raise ImproperlyConfigured("The demo clock belongs to the demo.")

LONGEST_STEP = timedelta(days=400)


@transaction.atomic
def move_ahead(by: timedelta) -> timedelta:
    """Move the whole demo `by` ahead: the portal's processes read the offset, the gateway simulator is told in the same step.

    Returns the offset. Raises requests.RequestException when the simulator cannot follow; then nothing moved.
    """
    clock, _created = DemoClock.objects.select_for_update().get_or_create(id=1)
    clock.ahead += by
    clock.save()
    if settings.GATEWAY_SIMULATOR_URL:
        answer = requests.post(
            f"{settings.GATEWAY_SIMULATOR_URL}/sim/clock",
            json={"ahead_seconds": int(clock.ahead.total_seconds())},
            timeout=5,
        )
        answer.raise_for_status()
    return clock.ahead


@login_not_required
@require_safe
def demo(request: HttpRequest) -> HttpResponse:
    people = settings.DEMO_PEOPLE
    context = {
        "now": clock_now(),
        "ahead": getattr(DemoClock.objects.first(), "ahead", timedelta()),
        "mailbox_url": settings.MAILBOX_URL,
        "bank_url": f"{settings.GATEWAY_SIMULATOR_URL}/bank" if settings.GATEWAY_SIMULATOR_URL else "",
        "company_url": settings.VERIFIER_SIMULATOR_URL,
        "people": [line.split("\t") for line in people.read_text().splitlines()] if people.exists() else [],
    }
    return render(request, "pages/demo.html", context)


@login_not_required
@require_POST
def move_clock(request: HttpRequest) -> HttpResponse:
    """Ahead by whole days and hours, and by no more than LONGEST_STEP at once; whatever else is asked moves nothing."""
    try:
        step = timedelta(days=int(request.POST.get("days") or 0), hours=int(request.POST.get("hours") or 0))
    except (ValueError, OverflowError):
        step = timedelta()
    if timedelta() < step <= LONGEST_STEP:
        try:
            move_ahead(step)
        except requests.RequestException:
            messages.error(request, _("The gateway simulator does not answer, so the clock stays where it is."))
    return redirect("demo")
