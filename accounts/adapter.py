"""The only place that touches allauth's behaviour (ACC-1, ACC-2)."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils import timezone, translation

from mumaris.kit.addresses import canonical_email


class Adapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return canonical_email(email)

    def save_user(self, request: HttpRequest, user, form, commit: bool = True):
        user.name = form.cleaned_data["name"]
        user.language = translation.get_language()
        return super().save_user(request, user, form, commit)

    def confirm_email(self, request: HttpRequest, email_address) -> bool:
        """The activation link was used: from here on the account works."""
        confirmed = super().confirm_email(request, email_address)
        if confirmed and email_address.user.activated_at is None:
            email_address.user.activated_at = timezone.now()
            email_address.user.save(update_fields=["activated_at"])
        return confirmed
