"""One spelling for every e-mail address, so that an address is one key and one recipient."""

import re
import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from mumaris.kit import digits

LONGEST_LOCAL_PART = 64
LONGEST_ADDRESS = 254

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]+")
# Scripts that one word of a domain rightly mixes; any other mixture is how look-alike domains are made.
_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"}


def canonical_email(text: str) -> str:
    """The one spelling of the address `text`: ASCII, lower case, its domain in punycode.

    The local part is lower-cased too: mail servers could tell Ali@ from ali@, but none in use does, and two spellings
    would be two accounts of one person (ACC-4). Raises ValidationError, code "email", on anything but one plain
    address: line breaks, a second address, quoted or non-ASCII local part, IP literal, mixed-script or invalid domain.
    """
    if any(unicodedata.category(char) == "Cc" for char in text):
        raise _refused()
    try:
        text = digits.clean(text)
    except ValueError as error:
        raise ValidationError(str(error), code="email") from None
    local, at, domain = text.partition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > LONGEST_LOCAL_PART:
        raise _refused()
    labels = [_ascii_label(label) for label in domain.split(".")]
    address = f"{local.lower()}@{'.'.join(labels)}"
    if len(labels) < 2 or not _TOP_LABEL.fullmatch(labels[-1]) or len(address) > LONGEST_ADDRESS:
        raise _refused()
    return address


def _ascii_label(label: str) -> str:
    """One part of a domain as DNS knows it; a non-ASCII part must be a valid internationalised name (IDNA 2008)."""
    if label.isascii():
        label = label.lower()
        if not _LABEL.fullmatch(label):
            raise _refused()
        if label[2:4] != "--":
            return label
    try:
        seen = idna.ulabel(label)
        if len({_script(char) for char in seen if char.isalpha()} - _JAPANESE) > 1:
            raise _refused()
        return idna.alabel(seen).decode("ascii")
    except UnicodeError:  # idna.IDNAError is one
        raise _refused() from None


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _refused() -> ValidationError:
    return ValidationError(_("Type one e-mail address, such as name@example.com."), code="email")
