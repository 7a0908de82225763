"""Human references such as CL-2026-0443391: prefix, year of Riyadh, seven random digits."""

import re
import secrets
from datetime import datetime

from mumaris.kit.clock import today

PATTERN = re.compile(r"[A-Z]{2}-[0-9]{4}-[0-9]{7}")


def new_reference(prefix: str, now: datetime) -> str:
    """A reference that tells nobody how many there are; the caller's unique constraint guards against the rare twin."""
    return f"{prefix}-{today(now).year}-{secrets.randbelow(10**7):07d}"
