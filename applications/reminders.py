"""Reminders before the last day that people were told; the silent grace moves none of them (DLN-3)."""

from datetime import datetime

from django.db import connection, transaction

from accounts.models import Notice
from accounts.notices import tell_all
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies

STEPS = ["reminder.first_days", "reminder.second_days", "reminder.third_days", "reminder.last_days"]
# Of the days before the end that have come, the nearest counts: what an outage skipped is not told late. None that lies
# before the clock ran as it now does, none while it stands, none for who has paid.
DUE = """
    SELECT a.reference, p.user_id, d.kind, d.due_on, step.days
    FROM applications_deadline d
    JOIN applications_application a ON a.id = d.application_id
    JOIN accounts_practitioner p ON p.id = a.practitioner_id
    CROSS JOIN LATERAL (SELECT min(days) AS days FROM unnest(%(steps)s) days WHERE d.due_on - days <= %(today)s) step
    WHERE d.lapses_at > %(now)s AND d.due_on >= %(today)s
      AND d.began_on < d.due_on - step.days
      AND NOT EXISTS (SELECT 1 FROM payments_payment m JOIN payments_invoice i ON i.id = m.invoice_id
                      WHERE m.disposition = 'received' AND i."case" = a.reference)
      AND NOT EXISTS (SELECT 1 FROM accounts_notice n WHERE n.key = a.reference || ':reminder:' || d.due_on || ':' || step.days)
    ORDER BY d.lapses_at, d.application_id
    LIMIT %(batch)s
    FOR UPDATE OF d SKIP LOCKED
"""


def remind(now: datetime, batch: int = 500) -> int:
    """Tell everybody whose day has come, each step once; returns how many were told here."""
    policies, total = Policies(today(now)), 0
    steps = [policies[step] for step in STEPS]
    while told := _remind_batch(steps, now, batch):
        total += told
    return total


@transaction.atomic
def _remind_batch(steps: list[int], now: datetime, batch: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"steps": steps, "today": today(now), "now": now, "batch": batch})
        due = cursor.fetchall()
    tell_all(
        Notice(
            recipient_id=user,
            kind="reminder",
            key=f"{reference}:reminder:{due_on}:{days}",
            reference=reference,
            facts={"due_on": due_on.isoformat(), "wait": kind},
            created_at=now,
        )
        for reference, user, kind, due_on, days in due
    )
    return len(due)
