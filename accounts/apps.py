from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from accounts.dates import dates_of
        from mumaris.kit import dates

        dates.SOURCES.append(dates_of)
