from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApplicationsConfig(AppConfig):
    name = "applications"
    verbose_name = _("Applications")

    def ready(self) -> None:
        from accounts import profile
        from applications import fees, filing, first_values, letters, renewals  # noqa: F401  letters brings all that hangs on the lifecycle, itself last
        from applications.dates import dates_of
        from mumaris.kit import dates, policy
        from payments.signals import invoice_settled
        from register import standing

        policy.FIRST_VALUES |= first_values.policies()
        dates.SOURCES.append(dates_of)
        profile.HOLDS.append(filing.hold_while_open)
        standing.RENEWALS.append(renewals.submitted_on)
        invoice_settled.connect(fees.on_settled, dispatch_uid="applications")
