"""The only place that touches allauth's behaviour (ACC-1, ACC-2)."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from mumaris.kit.addresses import canonical_email
from mumaris.kit.nudge import nudge


class Adapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _(
            "The name or the password is wrong. Check both; after several tries the sign-in is closed for a while."
        ),
        "too_many_login_attempts": _(
            "Too many tries. Wait a few minutes, then sign in again, or use “I forgot my password”."
        ),
    }

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

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """In the language of the account that the message is about, not of whoever asked for it."""
        user = context.get("user") or User.objects.filter(email=email).first()
        with translation.override(user.language if user else translation.get_language()):
            super().send_mail(template_prefix, email, context)
        nudge("accounts.tasks.send_mail")  # somebody sits before the screen and waits for it
