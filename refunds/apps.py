from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

ALARMS = {
    "accounts_unreadable": _(
        "The accounts of %(number)s refunds cannot be read, the first is %(ticket)s: the key that they were sealed with is missing. "
        "Put the key back (IDENTITY_FERNET_KEYS), or ask the practitioners to type their accounts once more."
    ),
    "payout_in_doubt": _(
        "Refund %(ticket)s is in doubt, and nothing more is sent: %(why)s. See at the gateway who sent what, and write on the "
        "ticket whether its money has arrived."
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
