from contextlib import suppress

from celery import shared_task

from mumaris.kit.clock import now
from payments import attempts, billing, reconciliation, webhooks
from payments.gateways.base import GatewayDown


@shared_task
def ask_gateway() -> None:
    """Ask about live attempts, so that a lost notification loses nobody's payment."""
    billing.settle_left(now())
    attempts.ask_all(now())
    attempts.watch_gateway(now())


@shared_task
def reissue_bills() -> None:
    """Issue new SADAD bills where the last one ran out before its invoice (PAY-3)."""
    attempts.reissue(now())


@shared_task
def work_webhooks() -> None:
    while webhooks.work(now()):
        pass


@shared_task
def hear_of_all() -> None:
    """Book what no notification told of; a gateway that is away is asked again the next time."""
    with suppress(GatewayDown):
        reconciliation.hear_of_all(now())


@shared_task
def reconcile() -> None:
    reconciliation.reconcile(now())
