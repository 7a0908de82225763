"""Which step of a ticket tells the practitioner what (NTC-1)."""

from datetime import datetime
from typing import Any

from accounts.models import Notice
from accounts.notices import tell
from mumaris.kit.money import riyals
from refunds.lifecycle import LIFECYCLE
from refunds.models import Ticket, TicketEntry

# move: kind of notice (templates/notices/<kind>.txt)
LETTERS = {
    "file": "refund_filed",
    "approve": "refund_approved",
    "endorse": "refund_approved",
    "refuse": "refund_refused",
    "endorse_refusal": "refund_refused",
    "give_account": "refund_account_given",
    "ask_account": "refund_account_asked",
    "confirm": "refund_paid_out",
    "withdraw": "refund_withdrawn",
    "give_way": "refund_gave_way",
    "expire": "refund_expired",
    "escalate": "refund_overdue",
}
# The same to every finance head, who answers for the delay.
TO_HEADS = "refund_overdue_staff"


@LIFECYCLE.after(*[move for move in LETTERS if move in LIFECYCLE])
def write(ticket: Ticket, *, entry: TicketEntry, now: datetime, **facts: Any) -> None:
    tell(
        ticket.application.practitioner.user,
        LETTERS[entry.move],
        key=key(ticket.number, entry.seq),
        reference=ticket.application.reference,
        facts=words(ticket, entry.public_text),
        now=now,
    )


@LIFECYCLE.after("fail")
def ask_anew(ticket: Ticket, *, entry: TicketEntry, now: datetime, **facts: Any) -> None:
    """A transfer that failed asks for the account again; what the gateway refused is finance's to mend."""
    if ticket.wants_account:
        tell(
            ticket.application.practitioner.user,
            "refund_failed",
            key=key(ticket.number, entry.seq),
            reference=ticket.application.reference,
            facts=words(ticket, ""),
            now=now,
        )


def notice(ticket: Ticket, move: str, seq: int, now: datetime) -> Notice:
    """The letter of a step that a sweep made."""
    return Notice(
        recipient_id=ticket.application.practitioner.user_id,
        kind=LETTERS[move],
        key=key(ticket.number, seq),
        reference=ticket.application.reference,
        facts=words(ticket, ""),
        created_at=now,
    )


def key(number: str, seq: int) -> str:
    return f"{number}:{seq}"


def words(ticket: Ticket, text: str) -> dict[str, Any]:
    """What the letters say: `amount` in riyals, days as the portal's own `_on` facts."""
    return {
        "ticket": ticket.number,
        "amount": riyals(ticket.amount or ticket.filed_judgement["amount"]),
        "text": text,
        "decide_on": ticket.decide_by.isoformat(),
        "collect_on": ticket.collect_by.isoformat() if ticket.collect_by else "",
        "wants_account": ticket.wants_account,
        "account": ticket.account_masked,
        "by_portal": ticket.filed_by_id is None,
        "ending": ticket.ending,
    }
