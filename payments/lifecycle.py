"""The life of an exemption from all fees: its states, and the table of moves between them (PAY-7)."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mumaris.kit.lifecycle import Lifecycle, Move
from mumaris.kit.officers import is_officer


class ExemptionState(models.TextChoices):
    REQUESTED = "requested", pgettext_lazy("exemption", "Requested")
    RECOMMENDED = "recommended", _("Waiting for second officer")
    APPROVED = "approved", pgettext_lazy("exemption", "Approved")
    REFUSED = "refused", pgettext_lazy("exemption", "Refused")
    REVOKED = "revoked", pgettext_lazy("exemption", "Revoked")


S = ExemptionState
# A request that is not decided yet; one at most for each person.
UNDECIDED = [S.REQUESTED, S.RECOMMENDED]


def officer(permission: str) -> Any:
    """An officer with `permission` who is not the person."""
    return lambda by, exemption: is_officer(by, permission) and exemption.practitioner.user_id != by.pk


proposer = officer("payments.recommend_exemption")


def decider(by: Any, exemption: Any) -> bool:
    """Two people: whoever recommended does not decide."""
    return officer("payments.decide_exemption")(by, exemption) and exemption.recommended_by_id != by.pk


LIFECYCLE = Lifecycle(
    Move("recommend", frozenset({S.REQUESTED}), S.RECOMMENDED, proposer, _("Recommend the exemption")),
    Move("approve", frozenset({S.RECOMMENDED}), S.APPROVED, decider, _("Approve the exemption")),
    Move("refuse", frozenset({S.REQUESTED, S.RECOMMENDED}), S.REFUSED, decider, _("Refuse the exemption")),
    Move("send_back", frozenset({S.RECOMMENDED}), S.REQUESTED, decider, _("Send back")),
    Move("revoke", frozenset({S.APPROVED}), S.REVOKED, decider, _("Revoke the exemption")),
)
