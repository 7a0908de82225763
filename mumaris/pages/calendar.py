"""A person's own calendar: every deadline and expiry as a feed that their calendar app subscribes to (DLN-4)."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from icalendar import Calendar, Event

from accounts import calendar_link
from accounts.models import Practitioner, User
from mumaris.kit.clock import now as clock_now
from mumaris.kit.dates import BindingDate, dates_of


@login_not_required
@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The feed of whoever the secret address belongs to, in that person's language."""
    if (user := calendar_link.holder_of(token)) is None:
        raise Http404
    with translation.override(user.language):
        content = _feed(user, clock_now())
    return HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={"Cache-Control": "private, no-store", "Content-Language": user.language},
    )


@require_POST
def calendar_renew(request: HttpRequest) -> HttpResponse:
    calendar_link.renew(get_object_or_404(User, pk=request.user.pk))
    messages.success(request, _("The old link is dead. Add the new one to your calendar."))
    return redirect("account")


def _feed(user: User, now: datetime) -> bytes:
    feed = Calendar()
    feed.add("prodid", "-//Health Practitioner Portal//Deadlines//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", _("Health practitioner portal: my dates"))
    person = Practitioner.objects.filter(user=user).first()
    for one in dates_of(person) if person else ():
        feed.add_component(_event(one, now))
    return feed.to_ical()


def _event(one: BindingDate, now: datetime) -> Event:
    """A whole day; the same event when its day moves."""
    event = Event()
    event.add("uid", f"{one.key}@{urlsplit(settings.PORTAL_URL).hostname}")
    event.add("dtstamp", now)
    event.add("dtstart", one.day)
    event.add("dtend", one.day + timedelta(days=1))
    event.add("summary", one.title)
    event.add("description", one.text)
    event.add("url", settings.PORTAL_URL + one.path)
    event.add("transp", "TRANSPARENT")
    return event
