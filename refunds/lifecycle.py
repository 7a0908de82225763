"""The life of a refund ticket: its states, and the table of moves between them (REF-1, REF-6)."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mumaris.kit.lifecycle import Lifecycle, Move
from mumaris.kit.officers import is_officer


class TicketState(models.TextChoices):
    FILED = "filed", pgettext_lazy("refund", "Waiting for a decision")
    OVERRULING = "overruling", pgettext_lazy("refund", "Waiting for the second officer")
    APPROVED = "approved", pgettext_lazy("refund", "Approved")
    PAYING = "paying", pgettext_lazy("refund", "Being paid out")
    PAID_OUT = "paid_out", pgettext_lazy("refund", "Paid out")
    REFUSED = "refused", pgettext_lazy("refund", "Refused")
    EXPIRED = "expired", pgettext_lazy("refund", "Not collected in time")
    CLOSED = "closed", pgettext_lazy("refund", "Closed")


S = TicketState
UNDECIDED = [S.FILED, S.OVERRULING]
# While a ticket is open there is no second one about the same money.
OPEN = [*UNDECIDED, S.APPROVED, S.PAYING]
FINAL = [S.PAID_OUT, S.REFUSED, S.EXPIRED, S.CLOSED]
# In these the amount is taken off what can still go back of the payment.
RESERVED = [S.APPROVED, S.PAYING, S.PAID_OUT]


def applicant(by: Any, ticket: Any) -> bool:
    return by is not None and ticket.application.practitioner.user_id == by.pk


def filer(by: Any, ticket: Any) -> bool:
    return applicant(by, ticket) and ticket.filed_by_id == by.pk


def system(by: Any, ticket: Any) -> bool:
    return by is None


def officer(permission: str) -> Any:
    """An officer with `permission` who has no money in it."""
    return lambda by, ticket: is_officer(by, permission) and not applicant(by, ticket) and ticket.filed_by_id != by.pk


decider = officer("refunds.decide_ticket")


def endorser(by: Any, ticket: Any) -> bool:
    """A second officer: whoever proposed to overrule the rule does not decide about that."""
    return officer("refunds.endorse_overrule")(by, ticket) and ticket.overruled_by_id != by.pk


def payer(by: Any, ticket: Any) -> bool:
    """A third person: whoever had a part in the decision does not pay it out (I41)."""
    return officer("refunds.pay_ticket")(by, ticket) and by.pk not in (ticket.decided_by_id, ticket.overruled_by_id)


def payer_or_system(by: Any, ticket: Any) -> bool:
    """What the gateway answered late is written down by the portal itself."""
    return by is None or payer(by, ticket)


LIFECYCLE = Lifecycle(
    Move("approve", frozenset({S.FILED}), S.APPROVED, decider, _("Approve by the rule")),
    Move("refuse", frozenset({S.FILED}), S.REFUSED, decider, _("Refuse by the rule")),
    Move("overrule", frozenset({S.FILED}), S.OVERRULING, decider, _("Propose another amount")),
    Move("endorse", frozenset({S.OVERRULING}), S.APPROVED, endorser, _("Endorse the amount")),
    Move("endorse_refusal", frozenset({S.OVERRULING}), S.REFUSED, endorser, _("Endorse the refusal")),
    Move("send_back", frozenset({S.OVERRULING}), S.FILED, endorser, _("Send back")),
    Move("give_account", frozenset({S.APPROVED}), S.APPROVED, applicant, _("Give the account")),
    Move("ask_account", frozenset({S.APPROVED}), S.APPROVED, payer, _("Pay by bank transfer instead")),
    Move("pay", frozenset({S.APPROVED}), S.PAYING, payer, _("Pay out to the card")),
    Move("confirm", frozenset({S.PAYING}), S.PAID_OUT, payer_or_system, _("It has arrived")),
    Move("fail", frozenset({S.PAYING}), S.APPROVED, payer_or_system, _("It has not arrived")),
    Move("withdraw", frozenset(UNDECIDED), S.CLOSED, filer, _("Withdraw the ticket")),
    Move("give_way", frozenset({*UNDECIDED, S.APPROVED}), S.CLOSED, system),
    Move("expire", frozenset({S.APPROVED}), S.EXPIRED, system),
)
