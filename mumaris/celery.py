"""The Celery app and its beat schedule. Every task here may run twice, at once, on two machines (DLN-2)."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_process_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mumaris.settings")

app = Celery("mumaris")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "cancel what lapsed": {"task": "applications.tasks.sweep", "schedule": 20.0},
    "begin exemptions": {"task": "applications.tasks.begin_exemptions", "schedule": 20.0},
    "ask the gateway": {"task": "payments.tasks.ask_gateway", "schedule": 20.0},
    "work the notifications": {"task": "payments.tasks.work_webhooks", "schedule": 10.0},
    "reissue bills that ran out": {"task": "payments.tasks.reissue_bills", "schedule": 300.0},
    "remind of last days": {"task": "applications.tasks.remind", "schedule": 300.0},
    "hear of all money": {"task": "payments.tasks.hear_of_all", "schedule": 3600.0},
    "reconcile": {"task": "payments.tasks.reconcile", "schedule": 300.0},
    "ask the verification company": {"task": "documents.tasks.ask_company", "schedule": 300.0},
    "tidy idle drafts": {"task": "applications.tasks.tidy_drafts", "schedule": 300.0},
    "check the exam company's files": {"task": "applications.tasks.check_results_file", "schedule": 10.0},
    "apply the exam company's files": {"task": "applications.tasks.apply_results_file", "schedule": 10.0},
    "deliver notices": {"task": "accounts.tasks.deliver_notices", "schedule": 10.0},
    "send the mail": {"task": "accounts.tasks.send_mail", "schedule": 10.0},
    "open refunds": {"task": "refunds.tasks.open_tickets", "schedule": 60.0},
    "escalate refunds": {"task": "refunds.tasks.escalate", "schedule": 60.0},
    "end refunds": {"task": "refunds.tasks.expire", "schedule": 60.0},
    "finish refunds to cards": {"task": "refunds.tasks.finish_payouts", "schedule": 60.0},
    "check the books": {"task": "mumaris.pages.tasks.check_books", "schedule": crontab(hour=4, minute=10)},
    "render papers": {"task": "register.tasks.render_papers", "schedule": 10.0},
}

# The gateway may hang. What is not begun before it is due again is not begun at all, so nothing piles up before others' work.
for entry in app.conf.beat_schedule.values():
    if entry["task"].startswith("payments.") or entry["task"] == "refunds.tasks.finish_payouts":
        entry["options"] = {"expires": entry["schedule"]}


@worker_process_shutdown.connect
def put_fonts_away(**kwargs) -> None:
    """A worker's child ends without running what waits for its exit; the fonts' copies would stay in the temporary folder."""
    from mumaris.kit import pdf

    pdf.put_away()
