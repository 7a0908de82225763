"""Text as people really type and paste it: digits of other scripts, invisible characters, unreadable bytes."""

import unicodedata

from django.utils.translation import gettext_lazy as _

# Fully vowelled Arabic needs three marks on one letter, Vietnamese and Thai need two; "zalgo" piles up dozens.
MARKS_IN_A_ROW = 5

# Format characters (category Cf) that are drawn on paper, such as the Arabic number sign and the end of an ayah.
_DRAWN_FORMAT = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")

# What Django leaves in place of bytes that were not UTF-8: what the person meant is already lost.
_REPLACEMENT = "\ufffd"


def ascii_digits(text: str) -> str:
    """Every decimal digit of any script (Arabic-Indic, Persian, full-width …) as 0-9; all else stays.

    Superscript and circled digits are no decimal digits: they stay, for the caller to refuse.
    """
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


def refuse_unreadable(text: str) -> None:
    """ValueError, worded for people, when `text` holds NUL, a lone surrogate or bytes that were not UTF-8."""
    if any(char == "\0" or char == _REPLACEMENT or "\ud800" <= char <= "\udfff" for char in text):
        raise ValueError(_("This text holds characters that can't be read. Type it again instead of pasting it."))


def clean(text: str, *, lines: bool = False) -> str:
    """`text` without what can't be seen: bidi marks, zero-width and control characters, outer space; in NFC.

    Every other kind of space, NBSP included, becomes an ordinary one. `lines` keeps line breaks.
    Raises ValueError, worded for people, on unreadable text and on marks piled upon one another.
    """
    refuse_unreadable(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = unicodedata.normalize("NFC", "".join(_seen(char, lines) for char in text)).strip()
    in_a_row = 0
    for char in kept:
        in_a_row = in_a_row + 1 if unicodedata.category(char).startswith("M") else 0
        if in_a_row > MARKS_IN_A_ROW:
            raise ValueError(_("This text holds too many marks above or below one letter. Type it again without them."))
    return kept


def _seen(char: str, lines: bool) -> str:
    if char == "\n" and lines:
        return char
    category = unicodedata.category(char)
    if char.isspace() or category.startswith("Z"):
        return " "
    if category in ("Cc", "Cf") and char not in _DRAWN_FORMAT:
        return ""
    return char
