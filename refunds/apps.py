from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("Withdrawals and refunds")

    def ready(self) -> None:
        from mumaris.kit import policy
        from payments import billing
        from refunds import first_values, giving_way

        policy.FIRST_VALUES |= first_values.POLICIES
        policy.LIMITS |= first_values.LIMITS
        billing.GIVE_WAY.append(giving_way.give_way)
