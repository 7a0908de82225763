from celery import shared_task

from mumaris.kit.clock import now
from mumaris.kit.turns import turn_if_free
from refunds import payouts, sweeps, transfers


@shared_task
def open_tickets() -> None:
    """Open what is due to be opened (REF-1). Each of these is a task of its own: where one fails, the others go on."""
    sweeps.open_tickets(now())


@shared_task
def escalate() -> None:
    """Escalate what is late (REF-1)."""
    sweeps.escalate(now())


@shared_task
def expire() -> None:
    """End what was not collected (REF-1)."""
    sweeps.expire(now())


@shared_task
def finish_payouts() -> None:
    """Finish the payouts to cards whose answer was lost (REF-6); the alarm comes first, for the gateway may hang."""
    payouts.watch(now())
    transfers.watch(now())
    with turn_if_free("finish refunds to cards") as free:
        if free:
            payouts.finish_left(now())
