"""A ticket gives way where what it asks for is no more.

The money of a credit settled its fee after all: the bank's own statement proved it in time, and the case lives again (PAY-5).
The fee that was approved to go back is needed after all, because an appeal was upheld (APP-6). Or the other way round: the fee that
was asked for became a credit, which has a ticket of its own (EXM-3).
"""

from collections.abc import Iterable
from datetime import datetime

from payments.models import Disposition, Payment
from refunds.lifecycle import OPEN, UNDECIDED, TicketState
from refunds.models import Ticket
from refunds.progress import advance


def give_way(payment: Payment, now: datetime) -> bool:
    """Close what is open about the fee that `payment` settled, or about its credits where it settled none.

    False where that money is on its way back already, and nothing is closed.
    """
    tickets = Ticket.objects.filter(payment=payment, credit__isnull=payment.disposition == Disposition.APPLIED)
    if tickets.filter(state__in=[TicketState.PAYING, TicketState.PAID_OUT]).exists():
        return False
    for ticket in tickets.filter(state__in=OPEN).order_by("pk"):
        advance(ticket.pk, "give_way", by=None, now=now)
    return True


def give_way_to_credits(payments: Iterable[Payment], now: datetime) -> None:
    """Close what is undecided about the fees of these locked payments, where they settle no fee any more."""
    about_fees = Ticket.objects.filter(payment__in=payments, payment__disposition=Disposition.CREDITED, credit=None)
    for ticket in about_fees.filter(state__in=UNDECIDED).order_by("payment", "pk"):
        advance(ticket.pk, "give_way", by=None, now=now)
