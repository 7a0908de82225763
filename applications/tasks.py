from celery import shared_task

from applications import sweeps
from mumaris.kit.clock import now


@shared_task
def sweep() -> None:
    """Cancel what lapsed (DLN-2)."""
    sweeps.lapse(now())
