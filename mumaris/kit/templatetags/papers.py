"""What a paper's template needs: both calendars, amounts and QR codes, the same whatever language is active."""

import unicodedata
from datetime import date

from django import template
from django.utils import dates, translation

from mumaris.kit import money, qr
from mumaris.kit.templatetags import look

register = template.Library()
register.filter("riyals", money.riyals)
register.simple_tag(qr.svg, name="qr")


@register.filter
def gregorian(day: date, language: str) -> str:
    """`15 فبراير 2025` or `15 February 2025`."""
    with translation.override(language):
        return f"{day.day} {dates.MONTHS[day.month]} {day.year}"


@register.filter
def hijri(day: date, language: str) -> str:
    """`16 شعبان 1446` or `16 Shaban 1446`, by Umm al-Qura; empty outside its tables (August 1924 to November 2077)."""
    with translation.override(language):
        return look.hijri(day)


@register.filter
def code_address(verify_url: str) -> str:
    """What stands before a paper's code in its public address."""
    return verify_url.rstrip("/").removesuffix(_code(verify_url))


@register.filter
def code_in_fours(verify_url: str) -> list[str]:
    """A paper's code, the last part of its public address, in pieces of four letters."""
    code = _code(verify_url)
    return [code[start : start + 4] for start in range(0, len(code), 4)]


def _code(verify_url: str) -> str:
    return verify_url.rstrip("/").rpartition("/")[2]


@register.filter
def size(text: str, comfortable: int) -> str:
    """The class that keeps a long text on its page: nothing up to `comfortable` letters, then `long`, then `longest`.

    A capital takes the room of a letter and a half.
    """
    length = len(text) + sum(map(str.isupper, text)) / 2
    return "" if length <= comfortable else "long" if length <= 2 * comfortable else "longest"


@register.filter
def direction(text: str) -> str:
    """The way a text of unknown language runs, by its first letter that says so: `rtl`, else `ltr`.

    WeasyPrint reads neither `dir="auto"` nor `unicode-bidi`; without this a full stop after Latin words jumps before them.
    """
    strong = (kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL"))
    return "ltr" if next(strong, "L") == "L" else "rtl"
