"""The QR code of a simplified tax invoice, as the tax authority's first phase asks it (PAY-8)."""

import base64
from datetime import UTC, datetime

from mumaris.kit.money import plain_riyals

LONGEST = 255  # bytes of a value: its length is told in one byte


def qr_text(*, seller: str, vat_number: str, at: datetime, total: int, vat: int) -> str:
    """The text of the code: five values in Base64, each behind its tag and its length in bytes of UTF-8.

    `at` is an aware moment, `total` (tax included) and `vat` are halalas. Raises ValueError when a value is too long:
    a name cut in the middle would name somebody else.
    """
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = [text.encode() for text in (seller, vat_number, moment, plain_riyals(total), plain_riyals(vat))]
    if any(len(value) > LONGEST for value in values):
        raise ValueError(f"a value of the tax code is longer than {LONGEST} bytes")
    told = b"".join(bytes([tag, len(value)]) + value for tag, value in enumerate(values, start=1))
    return base64.b64encode(told).decode()
