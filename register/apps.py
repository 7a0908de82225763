from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RegisterConfig(AppConfig):
    name = "register"
    verbose_name = _("Register")

    def ready(self) -> None:
        from accounts import profile
        from mumaris.kit import dates
        from register.dates import dates_of
        from register.holds import hold_once_issued

        profile.HOLDS.append(hold_once_issued)
        dates.SOURCES.append(dates_of)
