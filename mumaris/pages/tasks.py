from celery import shared_task

from mumaris.kit.clock import now
from mumaris.pages import books


# One statement over all money takes longer than other tasks may; the database ends it before this does (books.LONGEST).
@shared_task(time_limit=800)
def check_books() -> None:
    """Look for money lost or doubled, and raise the alarm (PAY-6)."""
    books.watch(now())
