"""What every page may show without asking for it."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from accounts.models import Notice

HOURS = _("Sunday to Thursday, 07:30 to 15:30")


def portal(request: HttpRequest) -> dict:
    user: Any = getattr(request, "user", AnonymousUser())
    return {
        "demo": settings.DEMO,
        "contact": settings.CONTACT | {"hours": HOURS},
        "unread": SimpleLazyObject(lambda: Notice.objects.visible_to(user).unread().count())
        if user.is_authenticated
        else 0,
    }
