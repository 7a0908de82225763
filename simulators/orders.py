"""What the gateway accepts in a request, and how it refuses: reasons by field, as Moyasar words them."""

import re
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from simulators.store import text_of

RIYADH = ZoneInfo("Asia/Riyadh")
MIN_AMOUNT = 100
MIN_BILL = 10_000
MAX_BILL_DAYS = 29
Json = dict[str, Any]


class Refused(Exception):
    """The gateway says no: an HTTP status, a message, and reasons by field."""

    def __init__(self, status: int, message: str, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors


def invalid(**errors: str) -> Refused:
    return Refused(400, "Validation Failed", {name: [reason] for name, reason in errors.items()})


def amount(order: Json) -> int:
    halalas = order.get("amount")
    if type(halalas) is not int:
        raise invalid(amount="must be an integer")
    if not MIN_AMOUNT <= halalas <= 10**11:
        raise invalid(amount=f"must be greater than or equal to {MIN_AMOUNT}")
    return halalas


def currency(order: Json) -> str:
    code = order.get("currency", "SAR")
    if not isinstance(code, str) or not re.fullmatch("[A-Z]{3}", code):
        raise invalid(currency="must be a three-letter code")
    return code


def metadata(order: Json) -> Json:
    given = order.get("metadata") or {}
    flat = isinstance(given, dict) and all(isinstance(value, str) and len(value) <= 500 for value in given.values())
    if not flat or len(given) > 30 or any(len(key) > 40 for key in given):
        raise invalid(metadata="must be at most 30 short texts")
    return given


def description(order: Json) -> str:
    text = order.get("description")
    if not isinstance(text, str) or not text.strip():
        raise invalid(description="can't be blank")
    return text[:255]


def address(order: Json, name: str) -> str | None:
    url = order.get(name)
    if url is None:
        return None
    if not isinstance(url, str) or not re.fullmatch(r"https?://[!-~]+", url) or not urlsplit(url).hostname:
        raise invalid(**{name: "is not a URL"})
    return url


def given_id(order: Json) -> str:
    """The id that the caller chose, by which a repeated call is known again; else a new one."""
    given = order.get("given_id")
    if given is None:
        return str(uuid4())
    try:
        return str(UUID(given))
    except (AttributeError, TypeError, ValueError):
        raise invalid(given_id="must be a UUID") from None


def moment(name: str, text: Any) -> str:
    """A moment as it is kept. Without a zone it is Riyadh's; a day alone means its first instant."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise invalid(**{name: "is not a date or time"}) from None
    return text_of(found if found.tzinfo else found.replace(tzinfo=RIYADH))


def last_day_of_bill(source: Json, today: date) -> date:
    longest = today + timedelta(days=MAX_BILL_DAYS)
    try:
        day = date.fromisoformat(source.get("expired_at") or longest.isoformat())
    except (TypeError, ValueError):
        raise invalid(expired_at="is not a date") from None
    if not today <= day <= longest:
        raise invalid(expired_at=f"must be between today and {MAX_BILL_DAYS} days from now")
    return day
