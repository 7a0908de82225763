"""A ticket gives way where the bank's own statement proves its payment in time, and the case lives again (PAY-5)."""

from datetime import datetime

from payments.models import Payment
from refunds.lifecycle import OPEN, TicketState
from refunds.models import Ticket
from refunds.progress import advance


def give_way(payment: Payment, now: datetime) -> bool:
    """Close what is open about the locked `payment`; False where money is on its way back already, and nothing is closed."""
    tickets = Ticket.objects.filter(payment=payment)
    if tickets.filter(state__in=[TicketState.PAYING, TicketState.PAID_OUT]).exists():
        return False
    for ticket in tickets.filter(state__in=OPEN).order_by("pk"):
        advance(ticket.pk, "give_way", by=None, now=now)
    return True
