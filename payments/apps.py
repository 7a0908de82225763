from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

ALARMS = {
    "no_statement": _("No daily statement of the gateway is set up: nothing is reconciled (MOYASAR_STATEMENT_URL)."),
    "statement_unreadable": _(
        "The gateway's statement of %(day)s is not as agreed, nothing of it was taken in: %(why)s"
    ),
    "statement_overdue": _("The gateway's statements of %(number)s days are overdue, the oldest that of %(day)s."),
    "open_differences": _("%(number)s differences between the statements and our books are open."),
    "orphan_money": _("Payment %(payment)s of %(amount)s halalas at the gateway belongs to none of our attempts."),
    "payment_mismatch": _(
        "Payment %(payment)s of %(amount)s halalas in %(currency)s does not match its attempt for invoice %(invoice)s."
    ),
    "payment_unreadable": _("What the gateway says about attempt %(attempt)s cannot be read: %(why)s"),
    "attempt_denied": _(
        "The gateway does not know its own %(attempt)s, so invoice %(invoice)s cannot end. Ask the gateway what became of it. "
        "When you settle this alarm, the attempt counts as failed; money that still comes for it is booked."
    ),
    "notifications_wait": _(
        "%(number)s notifications of the gateway have waited for more than 10 minutes to be worked, the oldest is %(event)s. "
        "The log says why."
    ),
    "unsettled_money": _(
        "%(number)s payments were received more than 10 minutes ago and cannot be settled, the oldest is %(payment)s. "
        "The log says why."
    ),
    "event_conflict": _("Notification %(event)s came again with another content; the first stands."),
    "listing_refused": _("The gateway refuses to list its payments: %(why)s"),
}
POLICIES = {"late_credit.wait_days": (3, "decided by the project")}


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        from mumaris.kit import alarms, policy

        alarms.WORDS |= ALARMS
        policy.FIRST_VALUES |= POLICIES
        from payments import papers  # noqa: F401  declares the kinds of its papers
