"""The secret address of a person's calendar: made from the person and the secret key, not stored (docs/decisions/0002)."""

import base64
import hashlib
import hmac
import re

from django.conf import settings
from django.db.models import F

from accounts.models import User

TOKEN = re.compile(r"([0-9]{1,18})-[A-Z2-7]{26}")


def token(user: User) -> str:
    """130 bits that nobody can guess, behind the person they belong to; another one after each `renew`."""
    secret = f"calendar:{user.pk}:{user.calendar_serial}".encode()
    digest = hmac.new(settings.SECRET_KEY.encode(), secret, hashlib.sha256).digest()
    return f"{user.pk}-{base64.b32encode(digest).decode()[:26]}"


def holder_of(asked: str) -> User | None:
    """Whose calendar this address opens; None for an old or invented one, or of somebody who may not sign in."""
    if not (found := TOKEN.fullmatch(asked)):
        return None
    user = User.objects.filter(pk=int(found[1]), is_active=True).first()
    return user if user and hmac.compare_digest(token(user), asked) else None


def renew(user: User) -> None:
    """The old address is dead at once."""
    User.objects.filter(pk=user.pk).update(calendar_serial=F("calendar_serial") + 1)
