"""Waking a worker. What is owed stands in PostgreSQL and beat finds it anyway; a nudge only makes it sooner."""

import logging

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def nudge(task: str) -> None:
    """Start the Celery task of that name when the transaction commits; a broker that is away costs time, never the work."""
    transaction.on_commit(lambda: _send(task), robust=True)


def _send(task: str) -> None:
    try:
        current_app.send_task(task, ignore_result=True)
    except Exception as error:  # each transport raises its own; none of it may reach the person who clicked
        log.warning("broker away, %s waits for beat: %s", task, error)
