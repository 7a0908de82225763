"""What a paper's template needs: both calendars, amounts and QR codes, the same whatever language is active."""

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
    """The class that keeps a long text on its page: nothing up to `comfortable` letters, then `long`, then `longest`."""
    return "" if len(text) <= comfortable else "long" if len(text) <= 2 * comfortable else "longest"
