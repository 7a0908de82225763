"""The books are checked by rules, and each rule finds exactly what breaks it (PAY-5, PAY-6)."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from applications import deadlines, sweeps
from applications.models import Deadline
from applications.progress import advance
from mumaris.celery import app
from mumaris.kit import alarms
from mumaris.kit.models import Alarm
from mumaris.pages import books
from payments import billing
from payments.models import Invoice, WebhookEvent
from tests.payments.exempting import make_exemption
from tests.people import (
    NOON,
    Office,
    completed,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_staff,
    pay,
    submitted,
)
from tests.refunds.tickets import Finance, bring_to, claimed, move

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-6")]
SECOND = timedelta(seconds=1)

# How each rule is broken past the guards. Its tables keep what else holds of them, so that no other rule is broken with it.
NOTHING = """number, "case", purpose, serial, amount, vat, issued_at, due_on, grace_days, payer_id"""
OF_NOTHING = """'INV-0', "case", 'exam', 1, 0, 0, issued_at, due_on, grace_days, payer_id"""
BREAKS = {
    "I23": """ALTER TABLE payments_credit DROP CONSTRAINT credit_amount_positive;
        INSERT INTO payments_credit (payment_id, amount, reason, created_at)
            SELECT id, 0, 'late', paid_at FROM payments_payment WHERE disposition = 'applied'""",
    "I24": f"""DROP INDEX one_live_invoice;
        INSERT INTO payments_invoice ({NOTHING}, state, waiver)
            SELECT {OF_NOTHING.replace("exam", "admin")}, 'waived', 'no_fee' FROM payments_invoice WHERE state = 'paid'""",
    "I25a": """ALTER TABLE payments_invoice DROP CONSTRAINT cut_off_is_end_of_due_day;
        UPDATE payments_invoice SET lapses_at = lapses_at + interval '1 second' WHERE state = 'paid'""",
    "I25b": """ALTER TABLE applications_deadline DROP CONSTRAINT clock_runs_or_stands;
        UPDATE applications_deadline SET paused_at = lapses_at WHERE kind = 'service_fee'""",
    "I26a": """ALTER TABLE payments_invoice DROP CONSTRAINT paid_invoice_has_time;
        UPDATE payments_invoice SET paid_at = NULL WHERE state = 'paid'""",
    "I26b": """UPDATE payments_payment p SET paid_at = i.lapses_at FROM payments_invoice i
        WHERE i.id = p.invoice_id AND p.disposition = 'applied'""",
    "I27a": """ALTER TABLE payments_invoice DROP CONSTRAINT waived_invoice_has_ground;
        ALTER TABLE payments_invoice DROP CONSTRAINT exempt_invoice_names_exemption;
        UPDATE payments_invoice SET waiver = '' WHERE state = 'waived'""",
    "I27c": "UPDATE payments_exemption SET state = 'refused', reason = 'No.'",
    "I27d": """ALTER TABLE payments_exemption DROP CONSTRAINT exemption_needs_two_people;
        UPDATE payments_exemption SET decided_by_id = recommended_by_id""",
    "I27b": """UPDATE payments_line SET amount = amount - 1
        WHERE invoice_id IN (SELECT id FROM payments_invoice WHERE state = 'paid')""",
    "I28": """ALTER TABLE payments_payment DROP CONSTRAINT payments_payment_provider_ref_key;
        UPDATE payments_payment SET provider_ref = 'the same'""",
    "I29a": f"""INSERT INTO payments_invoice ({NOTHING}, state, waiver, paid_at)
        SELECT {OF_NOTHING}, 'paid', '', issued_at FROM payments_invoice WHERE state = 'paid'""",
    "I29b": f"""INSERT INTO payments_invoice ({NOTHING}, state, waiver)
            SELECT {OF_NOTHING}, 'void', '' FROM payments_invoice WHERE state = 'paid';
        INSERT INTO payments_payment (invoice_id, provider_ref, method, amount, paid_at, received_at, disposition, refunded)
            SELECT id, 'of nothing', 'card', 1, issued_at, issued_at, 'applied', 0 FROM payments_invoice WHERE number = 'INV-0';
        INSERT INTO payments_credit (payment_id, amount, reason, created_at)
            SELECT id, 1, 'too_much', paid_at FROM payments_payment WHERE amount = 1;
        INSERT INTO payments_posting (key, kind, at, payment_id, ticket)
            SELECT 'by hand', 'receive', paid_at, id, '' FROM payments_payment WHERE amount = 1;
        INSERT INTO payments_ledgerentry (posting_id, account, amount)
            SELECT id, leg.* FROM payments_posting, (VALUES ('bank:card', 1), ('suspense', -1)) leg WHERE key = 'by hand'""",
    "I29c": """INSERT INTO payments_credit (payment_id, amount, reason, created_at)
            SELECT id, 1, 'late', paid_at FROM payments_payment WHERE disposition = 'applied';
        INSERT INTO payments_posting (key, kind, at, payment_id, ticket)
            SELECT 'by hand', 'receive', paid_at, id, '' FROM payments_payment WHERE disposition = 'applied';
        INSERT INTO payments_ledgerentry (posting_id, account, amount)
            SELECT id, leg.* FROM payments_posting, (VALUES ('waived', 1), ('suspense', -1)) leg WHERE key = 'by hand'""",
    "I30a": """ALTER TABLE payments_webhookevent DROP CONSTRAINT worked_event_has_outcome;
        UPDATE payments_webhookevent SET outcome = 'asked'""",
    "I30b": "UPDATE payments_webhookevent SET received_at = received_at - interval '10 minutes 1 second'",
    "I31a": """INSERT INTO payments_ledgerentry (posting_id, account, amount)
        (SELECT id, 'waived', 1 FROM payments_posting WHERE kind = 'apply')
        UNION ALL (SELECT id, 'waived', -1 FROM payments_posting WHERE kind = 'receive' ORDER BY id LIMIT 1)""",
    "I31b": "INSERT INTO payments_ledgerentry (posting_id, account, amount) VALUES (0, 'waived', 1)",
    "I32": "ALTER TABLE payments_ledgerentry DISABLE TRIGGER USER",
    "I33a": "UPDATE payments_payment SET method = 'card' WHERE disposition = 'applied'",
    "I33b": """UPDATE payments_ledgerentry SET account = 'waived' WHERE account = 'receivable'
        AND posting_id IN (SELECT g.id FROM payments_posting g JOIN payments_invoice i ON i.id = g.invoice_id WHERE i.state = 'issued')""",
    "I33c": """UPDATE payments_ledgerentry SET account = 'vat' WHERE account = 'revenue:admin'
        AND posting_id = (SELECT g.id FROM payments_posting g JOIN payments_invoice i ON i.id = g.invoice_id
                          WHERE i.state = 'paid' AND g.kind = 'issue')""",
    "I33d": """UPDATE payments_ledgerentry SET account = 'revenue:late' WHERE account = 'revenue:admin'
        AND posting_id = (SELECT g.id FROM payments_posting g JOIN payments_invoice i ON i.id = g.invoice_id
                          WHERE i.state = 'paid' AND g.kind = 'issue')""",
    "I34": """UPDATE payments_ledgerentry SET account = 'refund_payable' WHERE account = 'suspense' AND posting_id IN (
        SELECT g.id FROM payments_posting g JOIN payments_payment p ON p.id = g.payment_id WHERE p.disposition = 'credited')""",
    "I35": """ALTER TABLE payments_payment DROP CONSTRAINT never_more_back_than_paid;
        UPDATE payments_payment SET refunded = amount + 1 WHERE disposition = 'credited'""",
    "I10": """UPDATE applications_deadline SET due_on = due_on + 1, lapses_at = lapses_at + interval '1 day'
        WHERE kind = 'service_fee'""",
    "I15": "UPDATE applications_application SET state = 'submitted', submitted_at = saved_at WHERE state = 'awaiting_admin_fee'",
    "I16": "UPDATE applications_application SET state = 'completed', closed_at = saved_at WHERE state = 'preliminarily_approved'",
    "I18": """UPDATE applications_deadline SET began_on = began_on - 60, due_on = due_on - 60, lapses_at = lapses_at - interval '60 days';
        UPDATE payments_invoice SET due_on = due_on - 60, lapses_at = lapses_at - interval '60 days' WHERE state = 'issued'""",
}
# The same for refunds, with tickets in every state that the books know of.
COPY = "INSERT INTO {0} SELECT (jsonb_populate_record(one, '{1}')).* FROM {0} one WHERE {2}"
BREAKS_OF_REFUNDS = {
    "I36a": "UPDATE payments_payment SET refunded = refunded - 1 WHERE refunded > 0",
    "I36b": "UPDATE refunds_share SET amount = amount - 1 WHERE fee = 'admin'",
    "I36c": "UPDATE payments_posting SET kind = 'apply' WHERE kind = 'pay_out'",
    "I37": "DROP INDEX one_open_ticket_per_payment;"
    + COPY.format("refunds_ticket", '{"id": 0, "number": "RF-0"}', "state = 'filed'"),
    "I38": """ALTER TABLE refunds_share DROP CONSTRAINT admin_fee_kept;
        UPDATE refunds_share SET rule = 'overruled' WHERE fee = 'admin'""",
    "I39": """ALTER TABLE refunds_share DROP CONSTRAINT half_is_exact;
        UPDATE refunds_share SET percent = percent + 1 WHERE rule = 'half'""",
    "I40": """ALTER TABLE refunds_ticket DROP CONSTRAINT window_is_stored;
        UPDATE refunds_ticket SET collect_by = NULL WHERE state = 'approved'""",
    "I41": """ALTER TABLE refunds_ticket DROP CONSTRAINT ticket_paid_by_a_third;
        UPDATE refunds_ticket SET paid_by_id = decided_by_id WHERE state = 'paid_out'""",
    "I42": COPY.format(
        "refunds_ticketentry", '{"id": 0, "seq": 99, "from_state": "paid_out"}', "to_state = 'paid_out' LIMIT 1"
    ),
    "I43": """UPDATE refunds_share SET rule = 'overruled' WHERE ticket_id IN (
        SELECT t.id FROM refunds_ticket t JOIN applications_application c ON c.id = t.application_id WHERE c.state = 'completed')""",
}


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def walked(db):
    """Money of every kind: applied, too much, twice, owed, exempt, and a notification that was not worked yet."""
    office = Office()
    case = declare(make_draft(make_practitioner()))
    pay(case, "admin", amount=invoice_of(case, "admin").amount + 500)
    pay(case, "admin")
    office.approve(case)
    declare(make_draft(make_practitioner()))
    exempt = declare(make_draft(make_practitioner()))
    billing.waive(
        Invoice.objects.select_for_update().get(case=exempt.reference), make_exemption(exempt.practitioner), now=NOON
    )
    told = {"event_id": "told", "type": "payment_paid", "received_at": NOON}
    WebhookEvent.objects.create(**told, body={}, body_sha256=b"x" * 32)
    judge_what_waits()


@pytest.fixture
def refunded(db):
    """Refunds paid out, approved, filed and expired, and what goes back of an administrative fee and of what was issued."""
    office, finance = Office(), Finance()
    for state in ("paid_out", "filed", "expired", "approved"):
        bring_to(state, office, finance)
    claims = claimed(submitted(make_practitioner())), claimed(completed(office, make_practitioner()), "service")
    for ticket in claims:
        move(ticket, "approve", finance.decider, accepted=True)
    judge_what_waits()


def judge_what_waits() -> None:
    """Of the guards, those that wait for the commit; a table on which they wait could not be altered."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def ids(**scope) -> list[str]:
    return [breach.rule.id for breach in books.breaches(NOON, **scope)]


def break_past_the_guards(broken: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(broken)
        cursor.execute("SET LOCAL session_replication_role = origin")


def found_by(breaks: dict[str, str]) -> dict[str, list[str]]:
    """Which rules report each of these, one after the other on the same books."""
    assert ids() == []
    found = {}
    for rule, broken in breaks.items():
        with transaction.atomic():
            break_past_the_guards(broken)
            found[rule] = ids()
            transaction.set_rollback(True)
    return found


def test_every_rule_has_a_case_that_breaks_it():
    cases = [*BREAKS, *BREAKS_OF_REFUNDS]
    assert sorted(rule.id for rule in books.RULES) == sorted(cases)


def test_what_breaks_a_rule_is_found_by_it_and_by_no_other(walked):
    assert found_by(BREAKS) == {rule: [rule] for rule in BREAKS}


@pytest.mark.req("REF-1")
def test_what_breaks_a_rule_of_refunds_is_found_by_it_and_by_no_other(refunded):
    assert found_by(BREAKS_OF_REFUNDS) == {rule: [rule] for rule in BREAKS_OF_REFUNDS}


def test_what_really_happens_breaks_no_rule(walked):
    """Lapsed, paid in time and told late, paid late, released by a newer case, withdrawn, completed."""
    office = Office()
    cut_off = Deadline.objects.filter(kind="admin_fee").first().lapses_at
    revived, late, doubled = (declare(make_draft(make_practitioner())) for _ in range(3))
    sweeps.lapse(cut_off)
    assert pay(revived, "admin", paid_at=cut_off - SECOND, now=cut_off).state == "submitted"
    assert pay(late, "admin", paid_at=cut_off, now=cut_off).state == "cancelled"
    declare(make_draft(doubled.practitioner, now=cut_off), now=cut_off)
    assert pay(doubled, "admin", paid_at=cut_off - SECOND, now=cut_off).state == "cancelled"
    paid = pay(office.approve(revived, now=cut_off), "service", now=cut_off)
    assert office.issue(paid, now=cut_off).state == "completed"
    left = office.approve(pay(declare(make_draft(make_practitioner())), "admin"))
    advance(left.pk, "withdraw", by=left.practitioner.user, now=NOON)
    pay(left, "service")
    judge_what_waits()
    assert ids() == []


@pytest.mark.req("DLN-5")
def test_a_clock_that_stands_or_is_extended_breaks_no_rule(walked):
    case = declare(make_draft(make_practitioner()))
    by = {"reason": "The office was closed.", "by": make_staff("approver"), "now": NOON}
    deadlines.extend(case.pk, days=10, **by)
    deadlines.pause(case.pk, cause="staff", **by)
    judge_what_waits()
    assert ids() == []
    deadlines.resume(case.pk, cause="staff", **by)
    judge_what_waits()
    assert ids() == []


def test_rules_can_be_asked_of_some_payers_alone(walked):
    break_past_the_guards(BREAKS["I15"])
    paid = Invoice.objects.get(state="paid").payer_id
    owing = Invoice.objects.get(state="issued", purpose="admin").payer_id
    assert (ids(payers=[paid]), ids(payers=[owing])) == ([], ["I15"])


def test_the_command_says_that_all_rules_hold(walked, capsys, monkeypatch):
    monkeypatch.setattr("mumaris.pages.management.commands.check_books.now", lambda: NOON)
    call_command("check_books")
    assert capsys.readouterr().out == f"{len(books.RULES)} rules hold\n"


def test_the_command_names_what_breaks_a_rule_and_fails(walked, capsys, monkeypatch):
    monkeypatch.setattr("mumaris.pages.management.commands.check_books.now", lambda: NOON)
    break_past_the_guards(BREAKS["I26b"])
    with pytest.raises(SystemExit) as ended:
        call_command("check_books")
    said = capsys.readouterr().out
    assert (ended.value.code, said.startswith("I26b: Money is applied only"), "bank-" in said) == (1, True, True)
    with pytest.raises(SystemExit):
        call_command("check_books", "--json")
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["broken"]] == ["I26b"]


def test_many_broken_rows_are_counted_and_few_are_shown(walked):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO payments_ledgerentry (posting_id, account, amount) SELECT -n, 'waived', n FROM generate_series(1, 2) n"
        )
        cursor.execute(
            "INSERT INTO payments_posting (key, kind, at, ticket) SELECT 'by hand ' || n, 'receive', now(), '' FROM generate_series(1, 50) n"
        )
    [legs, _whole] = books.breaches(NOON)
    assert (legs.count, len(legs.references)) == (50, books.SHOWN)
    assert str(legs).endswith("and 30 more")


def test_the_daily_look_raises_an_alarm_and_clears_it(walked):
    books.watch(NOON)
    assert not Alarm.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_ledgerentry DISABLE TRIGGER USER")
    books.watch(NOON)
    assert "I32" in alarms.words(Alarm.objects.get(cleared_at=None))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_ledgerentry ENABLE TRIGGER USER")
    books.watch(NOON)
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_a_check_that_does_not_end_raises_an_alarm_and_the_next_one_that_does_clears_it(monkeypatch):
    endless = "SELECT 0, '', count(*) FROM generate_series(1, 1000000000000)"
    with monkeypatch.context() as patch:
        patch.setattr(books, "LONGEST", timedelta(milliseconds=50))
        patch.setattr(books, "statement", lambda *, whole: endless)
        with pytest.raises(DatabaseError):
            books.watch(NOON)
    alarm = Alarm.objects.get(cleared_at=None)
    assert (alarm.kind, "statement timeout" in alarms.words(alarm)) == ("books_unchecked", True)
    books.watch(NOON)
    assert not Alarm.objects.filter(cleared_at=None).exists()


def test_its_task_may_take_longer_than_others_and_than_the_check_itself():
    app.loader.import_default_modules()
    limit = app.tasks["mumaris.pages.tasks.check_books"].time_limit
    assert settings.CELERY_TASK_TIME_LIMIT < books.LONGEST.total_seconds() < limit
    assert limit < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
