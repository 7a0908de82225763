"""Money is a whole number of halalas; one riyal is a hundred."""

from django.utils.html import format_html
from django.utils.safestring import SafeString


def riyals(halalas: int) -> str:
    """`160000` as `1,600.00`, in Latin digits."""
    sign = "-" if halalas < 0 else ""
    whole, rest = divmod(abs(halalas), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def plain_riyals(halalas: int) -> str:
    """`123450` as `1234.50`: what programs read, with a point and no other sign. For amounts from zero on."""
    return f"{halalas // 100}.{halalas % 100:02d}"


def format_sar(halalas: int, language: str) -> SafeString:
    """The amount with its unit, isolated so that it reads the same in both directions."""
    unit, before = ("ر.س", False) if language == "ar" else ("SAR", True)
    amount = format_html('<bdi class="code" dir="ltr">{}</bdi>', riyals(halalas))
    return format_html("{} {}", unit, amount) if before else format_html("{} {}", amount, unit)
