"""What the beat starts (mumaris/celery.py). Whoever talks to the gateway does so once at a time: it may hang, and others wait."""

from contextlib import suppress

from celery import shared_task

from mumaris.kit.clock import now
from mumaris.kit.turns import turn_if_free
from payments import attempts, billing, reconciliation, webhooks
from payments.gateways.base import GatewayDown


@shared_task
def ask_gateway() -> None:
    """Ask about live attempts, so that a lost notification loses nobody's payment.

    What needs no gateway comes first: a gateway that hangs shall not keep its own alarm from being raised.
    """
    attempts.watch_gateway(now())
    billing.settle_left(now())
    with turn_if_free("ask the gateway") as free:
        if free:
            attempts.ask_all(now())


@shared_task
def reissue_bills() -> None:
    """Issue new SADAD bills where the last one ran out before its invoice (PAY-3)."""
    with turn_if_free("reissue bills") as free:
        if free:
            attempts.reissue(now())


@shared_task
def work_webhooks() -> None:
    webhooks.watch(now())
    with turn_if_free("work the notifications") as free:
        while free and webhooks.work(now()) == webhooks.BATCH:
            pass


@shared_task
def hear_of_all() -> None:
    """Book what no notification told of; a gateway that is away is asked again the next time."""
    with suppress(GatewayDown):
        reconciliation.hear_of_all(now())


@shared_task
def reconcile() -> None:
    reconciliation.reconcile(now())
