"""Paying refunds out to cards through the gateway, once whatever happens (REF-6). HTTP stays outside transactions."""

import logging
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mumaris.kit.alarms import clear_alarm, raise_daily, raise_once
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.turns import turn_if_free
from payments.gateways import gateway
from payments.gateways.base import GatewayDown, GatewayRefused, Patience, RefundInDoubt
from refunds.lifecycle import LIFECYCLE, TicketState
from refunds.models import PayoutMethod, Ticket
from refunds.progress import advance, confirm

log = logging.getLogger(__name__)

# Days after which money that was sent should have arrived, and somebody should look.
USUAL_DAYS = {PayoutMethod.CARD: 1, PayoutMethod.TRANSFER: 7}
BUSY = gettext_lazy("A refund of this payment is being paid out just now. Look again in a moment.")


def pay(ticket: Ticket, *, by: Any, now: datetime, seen: int | None = None) -> Ticket:
    """Send an approved refund back to the card. Raises NotAllowed, and GatewayDown while nothing is known.

    The state `paying` is committed before the gateway is called, so a time-out is taken up again; a refusal leaves the
    ticket approved, with the reason.
    """
    with turn_if_free(_turn(ticket)) as free:
        if not free:
            raise NotAllowed(BUSY)
        ticket.refresh_from_db()
        in_doubt = ticket.state == TicketState.PAYING and ticket.returned_before is not None
        if not in_doubt:
            advance(ticket.pk, "pay", by=by, now=now, seen=seen)
        elif reasons := LIFECYCLE["confirm"].obstacles(ticket, by):
            raise NotAllowed(*reasons)
        return _send(ticket, now)


def tell(ticket: Ticket, name: str, *, by: Any, now: datetime, seen: int | None = None, **facts: Any) -> Ticket:
    """Write down what the gateway told an officer about a payout to a card whose answer never came. Raises NotAllowed.

    `name` is `confirm` with the `reference` of the refund, or `fail` with the reason as `internal_text`.
    """
    with turn_if_free(_turn(ticket)) as free:
        if not free:
            raise NotAllowed(BUSY)
        if not unanswered(now).filter(pk=ticket.pk).exists():
            raise NotAllowed(
                _("The portal still asks the gateway by itself. Tell it only what stays unanswered for a day.")
            )
        if name == "confirm":
            return confirm(ticket, by=by, now=now, seen=seen, **facts)
        return advance(ticket.pk, name, by=by, now=now, seen=seen, **facts)


def unanswered(now: datetime) -> QuerySet[Ticket]:
    """The payouts to cards that the gateway has not answered within its usual time."""
    return _on_their_way_too_long(now).filter(payout=PayoutMethod.CARD)


def finish_left(now: datetime, batch: int = 50) -> None:
    """Ask again about payouts whose answer was lost; one failure keeps no other waiting."""
    # In any order: three that never get an answer would end every batch before the others.
    left = Ticket.objects.filter(state=TicketState.PAYING, returned_before__isnull=False).order_by("?")[:batch]
    patience = Patience()
    for ticket in left:
        try:
            with turn_if_free(_turn(ticket)) as free:
                if free:
                    _send(ticket, now)
                    patience.note()
        except GatewayDown as error:
            log.warning("gateway away, payout of %s waits: %s", ticket, error)
            patience.note(error)
            if patience.is_over:
                break
        except Exception:
            log.exception("payout of %s cannot be finished", ticket)


def watch(now: datetime) -> None:
    """Raise the alarm while money has been on its way out for longer than it takes, and end it when none is."""
    late = _on_their_way_too_long(now)
    if oldest := late.first():
        raise_daily("payouts_unfinished", now=now, number=late.count(), ticket=oldest.number)
    else:
        clear_alarm("payouts_unfinished", now=now)


def _on_their_way_too_long(now: datetime) -> QuerySet[Ticket]:
    """Those that began first in front."""
    begun = Max("timeline__at", filter=Q(timeline__to_state=TicketState.PAYING))
    too_long = reduce(or_, (Q(payout=way, begun__lt=now - timedelta(days=days)) for way, days in USUAL_DAYS.items()))
    return Ticket.objects.filter(state=TicketState.PAYING).annotate(begun=begun).filter(too_long).order_by("begun")


def _turn(ticket: Ticket) -> str:
    return f"refund of payment {ticket.payment_id}"


def _send(ticket: Ticket, now: datetime) -> Ticket:
    """The payout of a ticket that is being paid, by whoever's turn it is; one that is finished meanwhile stays as it is."""
    ticket = Ticket.objects.select_related("payment").get(pk=ticket.pk)
    if ticket.state != TicketState.PAYING:
        return ticket
    before, ref = ticket.returned_before or 0, ticket.payment.provider_ref
    try:
        gateway().refund(ref, ticket.due, refunded_before=before)
    except RefundInDoubt as doubt:
        raise_once("payout_in_doubt", ticket.number, now=now, ticket=ticket.number, why=str(doubt))
        raise
    except GatewayRefused as refusal:
        log.error("the gateway refused the payout of %s: %s", ticket, refusal.message)
        advance(ticket.pk, "fail", by=None, now=now, internal_text=refusal.message[:200] or "refused")
        raise NotAllowed(refusal.message) from refusal
    return advance(ticket.pk, "confirm", by=None, now=now, reference=f"{ref}/{before + ticket.due}")
