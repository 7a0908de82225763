"""Hours as people read them: `{% load hours %}`. Latin digits, a half only where there is one."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import ngettext, npgettext, pgettext

register = template.Library()


@register.filter
def figure(hours: Decimal | str) -> str:
    """`13.0` as 13, `4.5` as 4.5."""
    return f"{Decimal(hours):.1f}".removesuffix(".0")


@register.filter
def in_hours(hours: Decimal | str) -> str:
    """13 hours, 4.5 hours."""
    whole, half = divmod(Decimal(hours), 1)
    words = (
        pgettext("with a half", "%(hours)s hours")
        if half
        else ngettext("%(hours)s hour", "%(hours)s hours", int(whole))
    )
    return words % {"hours": figure(hours)}


@register.filter
def big_hours(hours: Decimal) -> SafeString:
    """The figure with its unit small beside it."""
    whole, half = divmod(hours, 1)
    unit = (
        pgettext("after a figure with a half", "hours")
        if half
        else npgettext("after a figure", "hour", "hours", int(whole))
    )
    return format_html("{} <small>{}</small>", figure(hours), unit)


@register.filter
def big_days(days: int) -> SafeString:
    return format_html("{} <small>{}</small>", days, npgettext("after a figure", "day", "days", days))
