from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

ALARMS = {
    "account_unreadable": _(
        "The account of refund %(ticket)s cannot be read: the key that it was sealed with is missing. Put the key back "
        "(IDENTITY_FERNET_KEYS), or ask the practitioner to type the account once more."
    ),
    "payouts_unfinished": _(
        "%(number)s refunds have been on their way out for too long, the oldest is %(ticket)s. Ask the gateway or the bank."
    ),
}


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("Withdrawals and refunds")

    def ready(self) -> None:
        from mumaris.kit import alarms, dates, policy
        from payments import billing
        from refunds import first_values, giving_way
        from refunds.dates import dates_of

        alarms.WORDS |= ALARMS
        dates.SOURCES.append(dates_of)
        policy.FIRST_VALUES |= first_values.POLICIES
        policy.LIMITS |= first_values.LIMITS
        billing.GIVE_WAY.append(giving_way.give_way)
