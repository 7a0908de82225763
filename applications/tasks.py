from celery import shared_task

from applications import exempting, reminders, results_file, sweeps
from mumaris.kit.clock import now


@shared_task
def sweep() -> None:
    """Cancel what lapsed (DLN-2)."""
    sweeps.lapse(now())


@shared_task
def begin_exemptions() -> None:
    """Settle what an exemption that has begun covers (PAY-7)."""
    exempting.begin(now())


@shared_task
def remind() -> None:
    """Remind everybody whose last day comes near (DLN-3)."""
    reminders.remind(now())


@shared_task
def tidy_drafts() -> None:
    """Offer idle drafts for deletion, and delete what was offered and left alone (APP-8)."""
    sweeps.tidy_drafts(now())


# Two hundred thousand lines take longer than other tasks may.
@shared_task(time_limit=800)
def check_results_file() -> None:
    """Check the files of results that were uploaded (EXM-3)."""
    results_file.check_waiting(now())


@shared_task(time_limit=800)
def apply_results_file() -> None:
    """Apply the files of results that an officer asked to be applied (EXM-3)."""
    results_file.apply_waiting(now())
