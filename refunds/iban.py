"""Saudi account numbers (IBAN): their one spelling, and what may be shown of them (REF-6)."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from stdnum import iban

from mumaris.kit import digits

LENGTH = 24


def normalise(text: str) -> str:
    """SA and 22 digits without blanks, whatever digits were typed. Raises ValidationError with a code:
    unreadable, country, length, digits, check_digits.
    """
    try:
        typed = digits.ascii_digits(digits.clean(text))
    except ValueError as error:
        raise ValidationError(str(error), code="unreadable") from None
    number = re.sub(r"[\s-]", "", typed).upper()
    if not number.startswith("SA"):
        raise ValidationError(_("Type the number of an account in the Kingdom. It begins with SA."), code="country")
    if len(number) != LENGTH:
        raise ValidationError(
            _("A Saudi IBAN has 24 characters: SA and 22 digits. You typed %(count)d."),
            code="length",
            params={"count": len(number)},
        )
    if not re.fullmatch(r"SA[0-9]{22}", number):
        raise ValidationError(_("After SA there are digits only. Check the number."), code="digits")
    if not iban.is_valid(number):
        raise ValidationError(_("This IBAN does not exist. Check its digits."), code="check_digits")
    return number


def mask(number: str) -> str:
    """What pages and lists show: SA03 … 7519."""
    return f"{number[:4]} … {number[-4:]}"
