from celery import shared_task

from documents import verification
from mumaris.kit.clock import now
from mumaris.kit.turns import turn_if_free


@shared_task
def ask_company() -> None:
    """Ask the verification company about the cases that wait; one at a time, for two would ask the same questions."""
    with turn_if_free("ask_company") as free:
        if free:
            verification.ask_all(now())
