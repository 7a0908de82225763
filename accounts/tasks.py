from celery import shared_task
from post_office.mail import send_queued

from accounts import notices
from mumaris.kit.clock import now
from mumaris.kit.nudge import nudge


@shared_task
def deliver_notices() -> None:
    """Turn notices into queued mail until none is left, then have it sent."""
    while notices.deliver(now()):
        pass
    nudge("accounts.tasks.send_mail")


@shared_task
def send_mail() -> None:
    """Send what the mail queue holds; what the mail server refuses is tried again later."""
    send_queued(processes=1, log_level=1)
