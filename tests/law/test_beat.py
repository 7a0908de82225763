"""What the beat starts exists, runs often enough, and may run twice, at once, with or without something to do (DLN-2)."""

import re
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from celery.schedules import schedule
from django.conf import settings
from django.core import mail
from post_office.models import STATUS, Email

from accounts import notices
from accounts.models import Notice
from mumaris.celery import app
from mumaris.kit import clock
from mumaris.kit.turns import turn
from payments import attempts
from payments.models import Attempt, Difference, Payment, Statement, WebhookEvent
from refunds import payouts
from register.models import IssuedPaper
from tests.fingerprint import unchanged
from tests.people import Office, classified, declare, invoice_of, make_draft, make_practitioner, make_user
from tests.threads import at_once

pytest_plugins = ["tests.servers"]
BEAT = app.conf.beat_schedule
ROOMS = ("mumaris", "accounts", "documents", "register", "payments", "cpd", "applications", "refunds")

app.loader.import_default_modules()


def test_every_task_of_the_beat_is_registered():
    assert {entry["task"] for entry in BEAT.values()} <= set(app.tasks)


def test_every_task_of_ours_is_started_by_the_beat():
    ours = {name for name in app.tasks if name.split(".")[0] in ROOMS}
    assert ours == {entry["task"] for entry in BEAT.values()}


def test_whatever_is_nudged_is_found_by_the_beat_without_a_nudge():
    code = [path.read_text() for room in ROOMS for path in (Path(settings.BASE_DIR) / room).rglob("*.py")]
    nudged = {task for text in code for task in re.findall(r'nudge\("([\w.]+)"\)', text)}
    assert nudged
    assert nudged <= {entry["task"] for entry in BEAT.values()}


DAILY = {"mumaris.pages.tasks.check_books"}


def test_every_task_runs_every_few_seconds_to_an_hour_or_once_a_day_and_takes_no_arguments():
    for name, entry in BEAT.items():
        if entry["task"] in DAILY:
            assert len(entry["schedule"].hour) == len(entry["schedule"].minute) == 1, name
        else:
            seconds = (
                schedule(entry["schedule"]).run_every.total_seconds() if isinstance(entry["schedule"], float) else 0
            )
            assert 5 <= seconds <= 3600, name
        assert set(entry) - {"options"} == {"task", "schedule"}, name


ASK_THE_GATEWAY = {
    "payments.tasks.ask_gateway",
    "payments.tasks.work_webhooks",
    "payments.tasks.reissue_bills",
    "payments.tasks.hear_of_all",
    "payments.tasks.reconcile",
    "refunds.tasks.finish_payouts",
}


def test_what_may_hang_at_the_gateway_does_not_pile_up():
    for name, entry in BEAT.items():
        expires = {"expires": entry["schedule"]} if entry["task"] in ASK_THE_GATEWAY else None
        assert entry.get("options") == expires, name


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
class TestThriceAtOnceAndTwiceInARow:
    """Each task on one thing that is due: the thing is done, once."""

    def run(self, task: str) -> None:
        for _ in range(2):
            assert at_once(*[app.tasks[task]] * 3) == []

    def test_with_nothing_to_do_nothing_happens(self):
        make_draft(make_practitioner())
        Notice.objects.update(told_at=clock.now())
        with unchanged():
            for entry in BEAT.values():
                self.run(entry["task"])

    @pytest.mark.parametrize(
        ("task", "name", "room", "verb"),
        [
            ("payments.tasks.reissue_bills", "reissue bills", attempts, "reissue"),
            ("refunds.tasks.finish_payouts", "finish refunds to cards", payouts, "finish_left"),
        ],
    )
    def test_what_may_hang_at_the_gateway_is_begun_by_one_alone(self, monkeypatch, task, name, room, verb):
        runs: list = []
        monkeypatch.setattr(room, verb, runs.append)
        held, done = Event(), Event()

        def first():
            with turn(name):
                held.set()
                assert done.wait(20), "the second waits for the first"

        def second():
            held.wait(20)
            app.tasks[task]()
            done.set()

        assert at_once(first, second) == []
        assert runs == []
        app.tasks[task]()
        assert len(runs) == 1

    @pytest.mark.req("DLN-2")
    def test_a_lapsed_application_is_cancelled_once(self):
        long_ago = clock.now() - timedelta(days=40)
        case = declare(make_draft(make_practitioner(now=long_ago), now=long_ago), now=long_ago)
        self.run("applications.tasks.sweep")
        case.refresh_from_db()
        assert (case.state, case.timeline.filter(to_state="cancelled").count()) == ("cancelled", 1)
        assert Notice.objects.filter(kind="cancelled").count() == 1

    @pytest.mark.req("NTC-1")
    def test_a_notice_becomes_one_letter(self):
        notices.tell(make_user(), "submitted", key="one", reference="CL-2026-0000001", now=clock.now())
        self.run("accounts.tasks.deliver_notices")
        assert Email.objects.count() == 1
        assert Notice.objects.get().told_at

    @pytest.mark.req("DLN-1")
    def test_a_letter_is_sent_once(self):
        for number in range(4):
            notices.tell(make_user(), "submitted", key=f"{number}", reference="CL-2026-0000001", now=clock.now())
        notices.deliver(clock.now())
        self.run("accounts.tasks.send_mail")
        assert set(Email.objects.values_list("status", flat=True)) == {STATUS.sent}
        assert len(mail.outbox) == 4

    @pytest.mark.req("REG-2")
    def test_a_paper_is_rendered_once(self, tmp_path, settings):
        settings.STORAGE_DIR = tmp_path
        classified(Office())
        before = len([path for path in tmp_path.rglob("*") if path.is_file()])
        self.run("register.tasks.render_papers")
        assert IssuedPaper.objects.get().storage_key
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == before + 1

    @pytest.mark.req("PAY-5")
    def test_a_payment_that_nobody_told_of_is_found_once(self, gateway_simulator, settings):
        self._pay_a_bill(gateway_simulator, settings)
        self.run("payments.tasks.ask_gateway")
        assert Payment.objects.get().disposition == "applied"

    @pytest.mark.req("PAY-5")
    def test_a_notification_is_worked_once(self, gateway_simulator, settings):
        attempt = self._pay_a_bill(gateway_simulator, settings)
        told = {"event_id": "e", "type": "payment_paid", "given_id": attempt.given_id, "received_at": clock.now()}
        body = {"created_at": clock.now().isoformat(), "data": {"id": "of the payment"}}
        WebhookEvent.objects.create(**told, body=body, body_sha256=b"x" * 32)
        self.run("payments.tasks.work_webhooks")
        assert WebhookEvent.objects.get().outcome == "asked"
        assert Payment.objects.get().disposition == "applied"

    @pytest.mark.req("PAY-6")
    def test_money_of_an_attempt_that_has_ended_is_booked_once(self, gateway_simulator, settings):
        attempt = self._pay_a_bill(gateway_simulator, settings)
        Attempt.objects.filter(pk=attempt.pk).update(state="failed")
        self.run("payments.tasks.hear_of_all")
        assert Payment.objects.get().disposition == "applied"

    @pytest.mark.req("PAY-6")
    def test_the_statement_of_a_closed_day_is_taken_in_once(self, gateway_simulator, settings):
        attempt = self._pay_a_bill(gateway_simulator, settings)
        yesterday = clock.now() - timedelta(days=1)
        Attempt.objects.filter(pk=attempt.pk).update(created_at=yesterday)
        gateway_simulator.plant("extra", date=clock.today(yesterday).isoformat())
        self.run("payments.tasks.reconcile")
        assert Statement.objects.get().line_count == 1
        assert Difference.objects.get().kind == "missing_here"

    def _pay_a_bill(self, gateway_simulator, settings) -> Attempt:
        """Paid at the bank, and our own attempt begun a minute ago."""
        gateway_simulator.stand_in(settings)
        now = clock.now() - timedelta(minutes=1)
        case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
        attempt = attempts.begin(invoice_of(case, "admin"), "sadad", language="en", now=now)
        gateway_simulator.pay_bill(attempt.bill_number)
        return attempt
