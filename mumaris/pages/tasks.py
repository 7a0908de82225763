from celery import shared_task

from mumaris.kit.clock import now
from mumaris.pages import books


@shared_task
def check_books() -> None:
    """Look for money lost or doubled, and raise the alarm (PAY-6)."""
    books.watch(now())
