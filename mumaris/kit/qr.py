"""QR codes as vector drawings, light enough for a PDF (REG-2).

A code is one path, each run of dark modules in a row one rectangle of it: drawn module by module a page cost several times
more, and rectangles of their own show hairlines where one filled path shows none. The fill is written out, because
`currentColor` prints black in a PDF whatever the style sheet says.
"""

from collections.abc import Iterator
from itertools import groupby

import segno
from django.utils.html import format_html
from django.utils.safestring import SafeString


def svg(text: str, label: str) -> SafeString:
    """Draw `text` (usually an address) as an SVG element; `label` is read out in its place.

    The page leaves four modules of white around it. Error correction is M at least. Raises segno.DataOverflowError
    beyond 2,331 bytes.
    """
    rows = segno.make_qr(text, error="m").matrix
    return format_html(
        '<svg class="qr" viewBox="0 0 {side} {side}" role="img"><title>{label}</title>'
        '<path fill="#000" d="{path}"/></svg>',
        side=len(rows),
        label=label,
        path="".join(_runs(rows)),
    )


def _runs(rows: tuple[bytearray, ...]) -> Iterator[str]:
    for y, row in enumerate(rows):
        x = 0
        for dark, modules in groupby(row):
            width = len(list(modules))
            if dark:
                yield f"M{x} {y}h{width}v1h-{width}z"
            x += width
