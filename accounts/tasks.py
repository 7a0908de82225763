from celery import shared_task
from post_office.mail import send_queued

from accounts import notices
from mumaris.kit.clock import now
from mumaris.kit.nudge import nudge
from mumaris.kit.turns import turn_if_free


@shared_task
def deliver_notices() -> None:
    """Turn notices into queued mail until none is left, then have it sent."""
    while notices.deliver(now()):
        pass
    nudge("accounts.tasks.send_mail")


@shared_task
def send_mail() -> None:
    """Send what the mail queue holds; what the mail server refuses is tried again later.

    One at a time: two would send the same letters. Whoever comes second leaves them to the first.
    """
    with turn_if_free("send_mail") as free:
        if free:
            send_queued(processes=1, log_level=1)
