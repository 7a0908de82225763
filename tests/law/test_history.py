"""Whatever changes leaves a trace, and no trace can be changed, not even past the portal's own code (STF-5)."""

import pghistory.models
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from accounts.models import Notice, Practitioner
from applications.models import Application, Attachment, Deadline, Entry, ExamResult, Pause, ResultsLine, ReturnItem
from documents.models import Paper
from mumaris.kit.models import Alarm, DemoClock
from payments.models import LedgerEntry, Line, Posting, Statement, StatementLine, WebhookEvent
from tests.people import Office, classified, make_practitioner

ROOMS = ("kit", "accounts", "documents", "register", "payments", "cpd", "applications", "refunds")
# Facts that are written once or, where they change, say so in columns of their own.
WRITTEN_ONCE = {Attachment, Entry, ExamResult, Line, Notice, Paper, ResultsLine, ReturnItem, WebhookEvent}
WRITTEN_ONCE |= {LedgerEntry, Posting, Statement, StatementLine}
# A clock that stops with the wait, whose every change is an entry of the timeline; and the demo's own.
PASSING = {Deadline, DemoClock, Alarm, Pause}


def traces() -> list[type]:
    return [model for model in apps.get_models() if issubclass(model, pghistory.models.Event)]


@pytest.mark.req("STF-5")
def test_every_table_of_ours_is_kept_in_history_or_written_once():
    own = {model for room in ROOMS for model in apps.get_app_config(room).get_models() if model not in traces()}
    kept = {model.pgh_tracked_model for model in traces()}
    assert own - kept == WRITTEN_ONCE | PASSING


@pytest.mark.django_db
@pytest.mark.req("STF-5")
def test_no_trace_can_be_changed_or_removed():
    classified(Office())
    filled = [model._meta.db_table for model in traces() if model.objects.exists()]
    assert len(filled) > 10
    for table in filled:
        for change in (f"UPDATE \"{table}\" SET pgh_label = 'nothing'", f'DELETE FROM "{table}"'):
            with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(change)


@pytest.mark.django_db
@pytest.mark.req("STF-5")
def test_a_change_past_the_portal_leaves_its_trace_too():
    person = make_practitioner()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_practitioner SET first_en = 'Samira' WHERE id = %s", [person.pk])
    trace = Practitioner.pgh_event_model.objects.filter(pgh_obj_id=person.pk).latest("pgh_id")
    assert trace.first_en == "Samira"
    assert Application.pgh_event_model in traces()
