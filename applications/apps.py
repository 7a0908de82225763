from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApplicationsConfig(AppConfig):
    name = "applications"
    verbose_name = _("Applications")

    def ready(self) -> None:
        from accounts import profile
        from applications import fees, filing, letters, review  # noqa: F401  they hang on the lifecycle, letters last
        from payments.signals import invoice_settled

        profile.HOLDS.append(filing.hold_while_open)
        invoice_settled.connect(fees.on_settled, dispatch_uid="applications")
