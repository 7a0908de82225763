"""The Celery app and its beat schedule. Every task here may run twice, at once, on two machines (DLN-2)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mumaris.settings")

app = Celery("mumaris")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "cancel what lapsed": {"task": "applications.tasks.sweep", "schedule": 120.0},
    "ask the gateway": {"task": "payments.tasks.ask_gateway", "schedule": 60.0},
    "work the webhooks": {"task": "payments.tasks.work_webhooks", "schedule": 30.0},
    "deliver notices": {"task": "accounts.tasks.deliver_notices", "schedule": 20.0},
    "send the mail": {"task": "accounts.tasks.send_mail", "schedule": 20.0},
    "render papers": {"task": "register.tasks.render_papers", "schedule": 30.0},
}
