"""What every page may show without asking for it."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from accounts.models import Notice

HOURS = _("Sunday to Thursday, 07:30 to 15:30")


def portal(request: HttpRequest) -> dict:
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    return {
        "demo": settings.DEMO,
        "contact": settings.CONTACT | {"hours": HOURS},
        "unread": SimpleLazyObject(lambda: Notice.objects.visible_to(user).unread().count()) if signed_in else 0,
    }
