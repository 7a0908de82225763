"""What Django's own validators leave open: a length beyond which hashing would be a gift to attackers."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LONGEST = 1000


class MaximumLengthValidator:
    def validate(self, password: str, user: object = None) -> None:
        if len(password) > LONGEST:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return _("At most %(longest)s characters.") % {"longest": LONGEST}
