"""Identity numbers and names: what is a valid one, its one spelling, its key in the database, its sealed form.

A number is kept twice and never in clear: `key` finds it and forbids doubles (ACC-4), `unseal` gives it back to whoever
may see it. There are only some 10^8 valid numbers of a kind, so a plain hash could be undone in minutes: the key is an
HMAC whose pepper is not in the database.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from stdnum import luhn

from mumaris.kit import digits

if TYPE_CHECKING:
    from accounts.models import Identity

NATIONAL_ID = "national_id"
IQAMA = "iqama"
PASSPORT = "passport"
GCC_ID = "gcc_id"
EMAIL = "email"

_FIRST_DIGITS = {NATIONAL_ID: "1", IQAMA: "2"}
_PASSPORT = re.compile(r"[A-Z0-9]{6,9}")
# Lengths only: how the neighbours reckon their check digits is not ours to know.
_GCC_NUMBERS = {
    "AE": re.compile(r"784[0-9]{12}"),
    "BH": re.compile(r"[0-9]{9}"),
    "KW": re.compile(r"[0-9]{12}"),
    "OM": re.compile(r"[0-9]{6,9}"),
    "QA": re.compile(r"[0-9]{11}"),
}
GCC_COUNTRIES = tuple(_GCC_NUMBERS)

_SHOWN_FIRST, _SHOWN_LAST = 1, 2
_NAME_SIGNS = " -'."
_OTHER_LETTERS = {
    "ARABIC": _("Type this name in Arabic letters only."),
    "LATIN": _("Type this name in English letters only, as in the passport."),
}
_COUNTRY_AND_NUMBER = re.compile(r"([A-Za-z]{2})[\s/-]+(.+)")


def normalise(kind: str, number: str, country: str = "") -> str:
    """The one spelling of an identity number (ACC-3): 0-9 and A-Z, without spaces, hyphens or invisible characters.

    `country` (ISO 3166 alpha-2) is demanded of passports and GCC identities. Raises ValidationError with a code:
    unreadable, digits, length, kind, check_digit, passport, country, gcc.
    """
    number, country = _squeezed(number), str(country)
    if kind in _FIRST_DIGITS:
        return _saudi_number(kind, number)
    if kind == PASSPORT:
        if country not in countries:
            raise ValidationError(_("Choose the country that issued the passport."), code="country")
        if not number.isascii() or not _PASSPORT.fullmatch(number.upper()):
            raise ValidationError(
                _("A passport number has 6 to 9 Latin letters and digits. Type it as on the passport."), code="passport"
            )
        return number.upper()
    if kind == GCC_ID:
        if country not in _GCC_NUMBERS:
            raise ValidationError(_("Choose the Gulf state that issued the identity."), code="country")
        if not _GCC_NUMBERS[country].fullmatch(number):
            raise ValidationError(_("This is no identity number of the state you chose. Check the number."), code="gcc")
        return number
    raise ValueError(f"no identity kind {kind!r}")


def _squeezed(number: str) -> str:
    if any(unicodedata.category(char) == "Cc" for char in number):
        raise ValidationError(_("Type the number in one line, without other characters."), code="unreadable")
    try:
        number = digits.clean(number)
    except ValueError as error:
        raise ValidationError(str(error), code="unreadable") from None
    return digits.ascii_digits("".join(char for char in number if char != " " and unicodedata.category(char) != "Pd"))


def _saudi_number(kind: str, number: str) -> str:
    if not re.fullmatch(r"[0-9]+", number):
        raise ValidationError(_("Type digits only."), code="digits")
    if len(number) != 10:
        raise ValidationError(
            _("The number has 10 digits. You typed %(count)d."), code="length", params={"count": len(number)}
        )
    if number[0] != _FIRST_DIGITS[kind]:
        raise ValidationError(
            _("A national ID starts with 1, an iqama with 2. Check the number and the kind you chose."), code="kind"
        )
    if not luhn.is_valid(number):
        raise ValidationError(_("This number does not exist. Check its digits."), code="check_digit")
    return number


def guess_kind(login_text: str) -> str:
    """What somebody typed as their sign-in name: EMAIL, a kind of identity, or "" when it can be none.

    Passports and GCC identities are typed with their country first: "IN-Z1234567"; the answer is then PASSPORT, which
    stands for both (`login_keys` tries both).
    """
    if "@" in login_text:
        return EMAIL
    for kind in (NATIONAL_ID, IQAMA):
        try:
            normalise(kind, login_text)
        except ValidationError:
            continue
        return kind
    return PASSPORT if login_keys(login_text) else ""


def login_keys(login_text: str) -> list[bytes]:
    """Every key under which the identity typed as a sign-in name may stand; none when it is no identity (ACC-3)."""
    candidates = [(NATIONAL_ID, login_text, ""), (IQAMA, login_text, "")]
    if split := _COUNTRY_AND_NUMBER.fullmatch(login_text.strip()):
        country, number = split[1].upper(), split[2]
        candidates += [(PASSPORT, number, country), (GCC_ID, number, country)]
    keys = []
    for kind, number, country in candidates:
        try:
            keys.append(key(kind, number, country))
        except ValidationError:
            continue
    return keys


def key(kind: str, number: str, country: str = "") -> bytes:
    """32 bytes that are the same for every spelling of one identity and for no other. Raises as `normalise` does."""
    number = normalise(kind, number, country)
    issuer = "SA" if kind in _FIRST_DIGITS else country
    return hmac.digest(settings.IDENTITY_PEPPER, f"{kind}|{issuer}|{number}".encode(), hashlib.sha256)


def seal(number: str) -> bytes:
    """`number` encrypted under the first of IDENTITY_FERNET_KEYS."""
    return _fernet().encrypt(number.encode())


def unseal(sealed: bytes) -> str:
    """The number that was sealed under any of IDENTITY_FERNET_KEYS; cryptography's InvalidToken under none of them."""
    return _fernet().decrypt(bytes(sealed)).decode()


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(each) for each in settings.IDENTITY_FERNET_KEYS])


def mask(number: str) -> str:
    """What lists and logs may show of a number: 2*******43."""
    hidden = max(len(number) - _SHOWN_FIRST - _SHOWN_LAST, 0)
    return number[:_SHOWN_FIRST] + "*" * hidden + number[-_SHOWN_LAST:] if hidden else "*" * len(number)


def arabic_name(text: str) -> str:
    """One part of a name in Arabic letters, spaces made single (ACC-5). Raises ValidationError, code "name"."""
    return _name(text, "ARABIC")


def english_name(text: str) -> str:
    """One part of a name in Latin letters, as in the passport (ACC-5). Raises ValidationError, code "name"."""
    return _name(text, "LATIN")


def _name(text: str, script: str) -> str:
    try:
        seen = digits.clean(text)
    except ValueError as error:
        raise ValidationError(str(error), code="name") from None
    # NFKC folds letters copied out of PDFs (presentation forms, ligatures) and full-width ones into plain letters.
    name = " ".join(unicodedata.normalize("NFKC", seen).replace("\u2019", "'").split())
    if any(char.isnumeric() for char in seen):
        raise ValidationError(_("A name has no digits."), code="name")
    if not all(char in _NAME_SIGNS or _is_of(script, char) for char in name) or not name[:1].isalpha():
        raise ValidationError(_OTHER_LETTERS[script], code="name")
    return name


def _is_of(script: str, char: str) -> bool:
    """Whether `char` is a letter of the script, or a mark upon one (Arabic vowels); tatweel and signs are not."""
    marks = "ARABIC" if script == "ARABIC" else "COMBINING"
    names = {"Ll": script, "Lu": script, "Lo": script, "Mn": marks}
    return unicodedata.name(char, "").startswith(names.get(unicodedata.category(char), "\0"))


def identity_that_counts(identities: Iterable["Identity"], on: date) -> "Identity | None":
    """National ID, else iqama, else GCC identity, else passport; one that expired before `on` only where there is no other.

    Whoever left the Kingdom still has a passport.
    """
    order = [NATIONAL_ID, IQAMA, GCC_ID, PASSPORT]

    def rank(one: "Identity") -> tuple[bool, int]:
        return bool(one.expires_on and one.expires_on < on), order.index(one.kind)

    return min(identities, key=rank, default=None)
