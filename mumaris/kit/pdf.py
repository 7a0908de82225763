"""Bilingual papers as tagged PDF/A files (REG-2).

A paper is a template under templates/papers/ and a plain dict of facts. The same paper and facts give the same bytes, as
long as the libraries stay the same. User text reaches the page through autoescape alone; should any slip through as
markup, it finds nothing to fetch: only our own font files and the drawings beside the style sheet are ever opened.
"""

import atexit
import gc
import threading
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import fontpkg_ibm_plex_sans_arabic
from django.template.loader import get_template, render_to_string
from django.utils import translation

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

STYLE_SHEET = "papers/papers.css"
FONTS = {
    weight: Path(fontpkg_ibm_plex_sans_arabic.ROOT) / "files" / f"IBMPlexSansArabic-{name}.ttf"
    for weight, name in ((400, "Regular"), (500, "Medium"), (600, "SemiBold"))
}
INSTALL = "apt-get install --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
JOINERS = "\u200c\u200d"  # no glyph of their own, yet they decide how the letters beside them join

_one_at_a_time = threading.Lock()  # Pango's font map is not made for two threads


class PdfUnavailable(Exception):
    """The system's text libraries are missing; the message holds the line that installs them."""


class Press(NamedTuple):
    """What every paper of this process is printed with."""

    fonts: "FontConfiguration"
    sheets: "list[CSS]"
    fetcher: "URLFetcher"


def render(template_name: str, facts: Mapping[str, Any]) -> bytes:
    """Return the paper as PDF/A-2a bytes. The comment at the top of the template lists the facts it needs.

    Nothing depends on the active language: every paper carries Arabic and English side by side.
    Raises PdfUnavailable when the libraries that draw text are missing.
    """
    with _one_at_a_time:
        press = _press()
        from weasyprint import HTML

        with translation.override(None):
            html = render_to_string(template_name, dict(facts))
        return HTML(string=drawable(html), url_fetcher=press.fetcher).write_pdf(
            stylesheets=press.sheets, font_config=press.fonts, pdf_variant="pdf/a-2a"
        )


def drawable(text: str) -> str:
    """Keep what our font can draw, so that neither another font nor an empty box enters a paper.

    A composed letter that it lacks is put together from its parts, or loses its mark (ğ becomes g); invisible direction
    marks go; the rest becomes "?".
    """
    ours = _letters()
    return "".join(letter if letter in ours else _nearest(letter) for letter in unicodedata.normalize("NFC", text))


def _nearest(letter: str) -> str:
    if unicodedata.category(letter) in ("Cf", "Mn"):
        return ""
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if part in _letters()) or "?"


@cache
def _letters() -> frozenset[str]:
    from fontTools.ttLib import TTFont

    with TTFont(FONTS[400], lazy=True) as font:
        return frozenset(chr(point) for point in font.getBestCmap() if point >= ord(" ")) | frozenset("\n\t" + JOINERS)


@cache
def _press() -> Press:
    """Load the fonts and the sheet: about a second of CPU, once in each process."""
    try:
        from weasyprint import CSS
        from weasyprint.text import ffi
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher, path2url
    except OSError as missing:
        raise PdfUnavailable(f"Papers cannot be made: Pango is missing. Install it with: {INSTALL}") from missing
    if ffi.harfbuzz_subset is None:  # a substitute exists, but it writes the time of day into the fonts
        raise PdfUnavailable(f"Papers cannot be made: HarfBuzz-Subset is missing. Install it with: {INSTALL}")

    sheet = Path(str(getattr(get_template(STYLE_SHEET), "origin", "")))
    ours = {path2url(path) for path in (*FONTS.values(), *sheet.parent.glob("*.svg"))}

    class OnlyOurs(URLFetcher):
        def fetch(self, url, headers=None):
            if url not in ours:
                raise ValueError(f"A paper may not open {url[:200]}")
            return super().fetch(url, headers)

    fetcher = OnlyOurs(allowed_protocols=("file",), allow_redirects=False)
    fonts = FontConfiguration()
    faces = "".join(
        f'@font-face {{ font-family: "Plex"; font-weight: {weight}; src: url("{path2url(path)}") }}'
        for weight, path in FONTS.items()
    )
    atexit.register(put_away)
    return Press(
        fonts,
        [
            CSS(string=faces, font_config=fonts, url_fetcher=fetcher),
            CSS(filename=sheet, font_config=fonts, url_fetcher=fetcher),
        ],
        fetcher,
    )


def put_away() -> None:
    """Let go of the fonts and of their copies in the temporary folder; for worker processes that skip atexit."""
    _press.cache_clear()
    gc.collect()  # the last page still points to them, in a circle
