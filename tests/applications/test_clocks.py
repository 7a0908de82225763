"""Clocks that stand, run again and are extended: who may, when, and what every page and message then says (DLN-5, PAY-7)."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.utils import translation

from accounts import notices
from accounts.models import Notice, User
from applications import deadlines, sweeps
from applications.models import Application, ClockChange, Deadline
from applications.progress import advance
from mumaris.kit.clock import end_of_day
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import PolicyValue
from payments.models import Credit
from tests.applications.waits import waiting
from tests.fingerprint import unchanged
from tests.people import NOON, Office, invoice_of, make_staff, make_user, pay

pytestmark = pytest.mark.django_db
ONE_DAY = timedelta(days=1)
DUE = date(2026, 12, 22)  # thirty days after NOON
TEN_DAYS_ON = NOON + 10 * ONE_DAY
FEES = ["admin_fee", "service_fee", "exam_fee"]


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def clerk():
    return make_staff("finance officer")


def pause(case, by, *, cause="staff", now=TEN_DAYS_ON, reason="The ministry answers late."):
    return deadlines.pause(case.pk, cause=cause, reason=reason, by=by, now=now)


def resume(case, by, *, cause="staff", now, reason="It answered.", least_days=0):
    return deadlines.resume(case.pk, cause=cause, reason=reason, by=by, now=now, least_days=least_days)


def extend(case, by, days, *, now=TEN_DAYS_ON, reason="You were ill."):
    return deadlines.extend(case.pk, days=days, reason=reason, by=by, now=now)


def refused(act, *args, **facts) -> list[str]:
    with unchanged(), pytest.raises(NotAllowed) as refusal:
        act(*args, **facts)
    return [str(reason) for reason in refusal.value.reasons]


def clock_of(case) -> Deadline:
    return Deadline.objects.get(application=case)


def letters(case, kind: str) -> list[tuple[str, str]]:
    told = Notice.objects.filter(recipient=case.practitioner.user, kind=kind).order_by("pk")
    return [notices.words(one, "en") for one in told]


# Pausing and running again


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize("kind", [*FEES, "return"])
def test_while_it_stands_nothing_lapses_and_the_rest_is_kept(office, clerk, kind):
    case = waiting(kind, office)
    moves = case.moves
    change = pause(case, clerk)
    clock = clock_of(case)
    assert (clock.due_on, clock.lapses_at, clock.paused_at, clock.days_left) == (DUE, None, TEN_DAYS_ON, 20)
    assert (change.due_before, change.due_after, change.days_left) == (DUE, DUE, 20)
    assert sweeps.lapse(NOON + 400 * ONE_DAY) == 0
    later = NOON + 100 * ONE_DAY
    change = resume(case, clerk, now=later)
    clock = clock_of(case)
    end = date(2026, 11, 22) + timedelta(days=120)
    assert (clock.due_on, clock.lapses_at, clock.paused_at, clock.days_left) == (end, end_of_day(end), None, None)
    assert (change.due_before, change.due_after, change.days_left) == (DUE, end, None)
    case.refresh_from_db()
    assert case.moves == moves  # neither is a move
    if kind != "return":
        invoice = invoice_of(case, kind.removesuffix("_fee"))
        assert (invoice.due_on, invoice.lapses_at) == (end, end_of_day(end))
        assert change.invoice == invoice.number
    assert sweeps.lapse(end_of_day(end) - timedelta(seconds=1)) == 0
    assert sweeps.lapse(end_of_day(end)) == 1


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize("kind", FEES)
def test_a_payment_that_comes_while_the_clock_stands_settles(office, clerk, kind):
    case = waiting(kind, office)
    pause(case, clerk)
    long_after = NOON + 200 * ONE_DAY
    case = pay(case, kind.removesuffix("_fee"), now=long_after)
    assert case.state in ("submitted", "being_issued", "awaiting_exam")
    assert not Deadline.objects.filter(application=case, paused_at__isnull=False).exists()
    assert not Credit.objects.exists()


@pytest.mark.req("DLN-5")
def test_answers_are_taken_while_the_clock_stands(office, clerk):
    case = waiting("return", office)
    pause(case, clerk)
    case.return_items.update(answer_kind="cannot", answer_text="It is lost.", answered_at=TEN_DAYS_ON)
    case = advance(case.pk, "resubmit", by=case.practitioner.user, now=NOON + 90 * ONE_DAY)
    assert case.state == "under_review"
    assert not Deadline.objects.exists()


@pytest.mark.req("DLN-5")
def test_a_pause_of_an_earlier_wait_holds_no_later_one(office, clerk):
    case = waiting("admin_fee", office)
    pause(case, clerk, now=NOON)
    case = office.approve(pay(case, "admin"))
    assert not clock_of(case).is_paused
    assert refused(resume, case, clerk, now=NOON) == ["The clock does not stand."]
    pause(case, clerk, now=NOON)
    assert clock_of(case).is_paused


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize("last", ["staff", "exemption"])
def test_held_by_two_causes_it_runs_when_the_last_one_ends(office, clerk, last):
    case = waiting("service_fee", office)
    first = "exemption" if last == "staff" else "staff"
    pause(case, clerk)
    pause(case, None, cause="exemption", reason="", now=TEN_DAYS_ON + ONE_DAY)
    later = TEN_DAYS_ON + 30 * ONE_DAY
    resume(case, clerk, cause=first, now=later, least_days=0)
    assert (clock_of(case).days_left, clock_of(case).lapses_at) == (20, None)
    assert letters(case, "clock_resume") == []
    resume(case, clerk, cause=last, now=later + ONE_DAY)
    assert clock_of(case).due_on == (later + 21 * ONE_DAY).date()
    assert len(letters(case, "clock_resume")) == 1


@pytest.mark.req("PAY-7")
def test_a_request_refused_leaves_at_least_three_days(office, clerk):
    case = waiting("service_fee", office)
    last_day = NOON + 29 * ONE_DAY
    pause(case, None, cause="exemption", reason="", now=last_day)
    assert clock_of(case).days_left == 1
    later = NOON + 60 * ONE_DAY
    resume(case, None, cause="exemption", now=later, least_days=3)
    assert clock_of(case).due_on == (later + 3 * ONE_DAY).date()


@pytest.mark.req("PAY-7")
def test_the_least_days_are_kept_while_staff_hold_the_clock(office, clerk):
    case = waiting("service_fee", office)
    last_day = NOON + 30 * ONE_DAY
    pause(case, clerk, now=last_day)
    pause(case, None, cause="exemption", reason="", now=last_day)
    resume(case, None, cause="exemption", now=last_day, least_days=3)
    resume(case, clerk, now=last_day + 9 * ONE_DAY)
    assert clock_of(case).due_on == (last_day + 12 * ONE_DAY).date()


@pytest.mark.req("PAY-7")
def test_it_is_known_which_invoice_was_paused_for_what(office, clerk):
    case = waiting("service_fee", office)
    number = invoice_of(case, "service").number
    assert not deadlines.was_paused_for(number, "exemption")
    pause(case, clerk)
    assert not deadlines.was_paused_for(number, "exemption")
    pause(case, None, cause="exemption", reason="")
    resume(case, None, cause="exemption", now=TEN_DAYS_ON)
    assert deadlines.was_paused_for(number, "exemption")
    assert not deadlines.was_paused_for(invoice_of(case, "admin").number, "exemption")


# What is refused


@pytest.mark.req("DLN-5")
def test_a_pause_that_is_not_staffs_is_not_ended_by_staff(office, clerk):
    case = waiting("service_fee", office)
    pause(case, None, cause="exemption", reason="")
    assert "not yours to end" in refused(resume, case, clerk, now=TEN_DAYS_ON)[0]
    assert refused(pause, case, None, cause="exemption", reason="") == ["The clock stands for this reason already."]


@pytest.mark.req("DLN-5")
def test_the_clock_of_an_eligibility_number_has_its_own_renewal(office, clerk):
    case = waiting("exam", office)
    for reasons in (refused(pause, case, clerk), refused(extend, case, clerk, 5)):
        assert reasons == ["The validity of an eligibility number is renewed by an exam officer, not here."]


@pytest.mark.req("DLN-5")
def test_without_a_clock_there_is_nothing_to_do(office, clerk):
    case = pay(waiting("admin_fee", office), "admin")
    nothing = ["The case waits for nothing that has a last day."]
    assert refused(pause, case, clerk) == refused(extend, case, clerk, 5) == nothing
    assert refused(resume, case, clerk, now=NOON) == ["The clock does not stand."]


@pytest.mark.req("DLN-5")
def test_past_the_cut_off_it_is_too_late(office, clerk):
    case = waiting("service_fee", office)
    over = clock_of(case).lapses_at
    for reasons in (refused(pause, case, clerk, now=over), refused(extend, case, clerk, 5, now=over)):
        assert reasons == ["The time for this ended on 22 December 2026."]
    pause(case, clerk, now=over - timedelta(seconds=1))
    assert clock_of(case).days_left == 0


@pytest.mark.req("DLN-5")
def test_a_reason_is_asked_of_staff(office, clerk):
    case = waiting("service_fee", office)
    for reasons in (refused(pause, case, clerk, reason=" "), refused(extend, case, clerk, 5, reason="")):
        assert reasons == ["Write the reason."]
    pause(case, clerk)
    assert refused(resume, case, clerk, now=TEN_DAYS_ON, reason="") == ["Write the reason."]


@pytest.mark.req("DLN-5")
def test_extended_once_by_at_most_what_the_policy_says(office, clerk):
    case = waiting("service_fee", office)
    for days in (0, -1, 31):
        assert refused(extend, case, clerk, days) == ["It can be extended by 1 to 30 days."]
    extend(case, clerk, 30)
    end = DUE + timedelta(days=30)
    invoice, clock = invoice_of(case, "service"), clock_of(case)
    assert (clock.due_on, clock.lapses_at, clock.extended_days) == (end, end_of_day(end), 30)
    assert (invoice.due_on, invoice.lapses_at) == (end, end_of_day(end))
    assert refused(extend, case, clerk, 1) == [
        "It was extended by 30 days already, and can be extended once only.",
    ]
    pause(case, clerk)
    resume(case, clerk, now=TEN_DAYS_ON + ONE_DAY)
    assert "once only" in refused(extend, case, clerk, 1, now=TEN_DAYS_ON + ONE_DAY)[0]
    assert case.pk == Application.objects.get(state="preliminarily_approved").pk


@pytest.mark.req("DLN-5")
def test_the_policy_of_the_day_counts(office, clerk):
    case = waiting("return", office)
    PolicyValue.objects.create(
        key="deadline.extension_days", value=5, effective_from=date(2026, 12, 1), source="a test"
    )
    assert refused(extend, case, clerk, 6) == ["It can be extended by 1 to 5 days."]
    extend(case, clerk, 5)
    assert clock_of(case).due_on == DUE + timedelta(days=5)


@pytest.mark.req("DLN-5")
def test_a_clock_that_stands_is_not_extended(office, clerk):
    case = waiting("service_fee", office)
    pause(case, clerk)
    assert refused(extend, case, clerk, 5) == ["The clock stands. Let it run again first."]


@pytest.mark.req("DLN-5")
def test_only_officers_with_the_right_and_never_for_themselves(office, clerk):
    case = waiting("service_fee", office)
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    own = case.practitioner.user
    for by in (None, own, User.objects.get(pk=root.pk), office.registrar, make_staff("auditor")):
        assert refused(pause, case, by) == refused(extend, case, by, 5) == ["You may not do this."]
    User.objects.filter(pk=own.pk).update(is_staff=True)
    own.groups.set(clerk.groups.all())
    assert refused(pause, case, User.objects.get(pk=own.pk)) == ["You may not do this."]
    for by in (office.reviewer, office.approver, clerk):
        pause(case, by)
        resume(case, by, now=TEN_DAYS_ON)


# What the database keeps


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize(
    "wrong",
    [
        {"lapses_at": None},
        {"paused_at": NOON},
        {"days_left": 3},
        {"lapses_at": None, "paused_at": NOON},
        {"paused_at": NOON, "days_left": 3},
        {"lapses_at": NOON},
        {"began_on": DUE + ONE_DAY},
    ],
)
def test_a_clock_either_runs_or_stands(office, wrong):
    case = waiting("service_fee", office)
    with pytest.raises(IntegrityError), transaction.atomic():
        Deadline.objects.filter(application=case).update(**wrong)


@pytest.mark.req("DLN-5")
def test_what_was_done_to_a_clock_cannot_be_changed(office, clerk):
    change = pause(waiting("service_fee", office), clerk)
    rows = ClockChange.objects.filter(pk=change.pk)
    for act in (lambda: rows.update(reason="Another"), rows.delete):
        with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
            act()


# What people read


@pytest.mark.req("DLN-5")
def test_each_change_is_told_in_words(office, clerk):
    case = waiting("service_fee", office)
    pause(case, clerk)
    (subject, body), *_none = letters(case, "clock_pause")
    assert subject == f"Application {case.reference}: its clock stands"
    assert "The ministry answers late." in body
    assert "20 days are kept for you." in body
    assert "22 December" not in body
    resume(case, clerk, now=TEN_DAYS_ON + 5 * ONE_DAY)
    (subject, body), *_none = letters(case, "clock_resume")
    assert subject == f"Application {case.reference}: its clock runs again, pay until 27 December 2026"
    assert "It answered." in body
    extend(case, clerk, 10, now=TEN_DAYS_ON + 6 * ONE_DAY)
    (subject, body), *_none = letters(case, "clock_extend")
    assert subject == f"Application {case.reference}: you have more time, pay until 6 January 2027"
    assert "You were ill." in body


@pytest.mark.req("DLN-5")
def test_a_request_for_exemption_is_told_in_the_readers_own_language(office):
    case = waiting("service_fee", office)
    pause(case, None, cause="exemption", reason="طلب إعفاء")
    assert "Your request for exemption from the fees is being decided." in letters(case, "clock_pause")[0][1]
    assert "طلب" not in letters(case, "clock_pause")[0][1]


def pages(case, *paths: str) -> str:
    client = Client()
    client.force_login(case.practitioner.user)
    return "".join(client.get(path).content.decode() for path in paths)


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize("kind", ["service_fee", "return"])
def test_the_pages_say_that_the_clock_stands_and_why(office, clerk, kind):
    case = waiting(kind, office)
    pause(case, clerk)
    case_url = f"/applications/{case.reference}/"
    page = pages(case, case_url)
    assert "The clock stands" in page
    assert "20 days remain" in page
    assert "The ministry answers late." in page
    assert "The clock stands because" in page
    assert "is cancelled at the end of that day" not in page
    others = ["/", "/applications/"]
    others.append(
        f"/invoices/{invoice_of(case, 'service').number}/" if kind == "service_fee" else case_url + "remarks/"
    )
    for path in others:
        assert "The clock stands" in pages(case, path), path
        assert "22 December" not in pages(case, path) or path == "/", path  # the inbox keeps what was told before
    assert "22 December" not in page


@pytest.mark.req("DLN-5")
def test_the_timeline_tells_of_every_change_and_no_move_is_faked(office, clerk):
    case = waiting("service_fee", office)
    entries = case.timeline.count()
    pause(case, clerk)
    resume(case, clerk, now=TEN_DAYS_ON)
    extend(case, clerk, 10)
    page = pages(case, f"/applications/{case.reference}/")
    for words in (
        "The ministry answers late. 20 days remain.",
        "The clock runs again, until 22 December 2026",
        "You have more time, until 1 January 2027",
    ):
        assert words in page
    assert case.timeline.count() == entries


# The silent grace


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize("kind", ["admin_fee", "service_fee"])
def test_the_silent_grace_judges_and_is_never_told(office, clerk, kind):
    PolicyValue.objects.create(key="payment.grace_days", value=5, effective_from=date(2026, 1, 1), source="a test")
    case = waiting(kind, office)
    purpose = kind.removesuffix("_fee")
    invoice, clock = invoice_of(case, purpose), clock_of(case)
    cut_off = end_of_day(DUE + timedelta(days=5))
    assert (clock.due_on, clock.lapses_at, invoice.due_on, invoice.lapses_at) == (DUE, cut_off, DUE, cut_off)
    told = "".join("".join(notices.words(one, "en")) for one in case.practitioner.user.notices.all())
    seen = told + pages(case, "/", "/applications/", f"/applications/{case.reference}/", f"/invoices/{invoice.number}/")
    assert "22 December 2026" in seen
    assert "27 December" not in seen
    assert sweeps.lapse(cut_off - timedelta(seconds=1)) == 0
    case = pay(case, purpose, now=cut_off + ONE_DAY, paid_at=cut_off - timedelta(seconds=1))
    assert case.state in ("submitted", "being_issued")


@pytest.mark.req("DLN-5")
def test_changed_in_the_grace_the_new_day_still_lies_ahead(office, clerk):
    PolicyValue.objects.create(key="payment.grace_days", value=5, effective_from=date(2026, 1, 1), source="a test")
    in_grace = NOON + 33 * ONE_DAY
    paused, extended = waiting("service_fee", office), waiting("admin_fee", office)
    pause(paused, clerk, now=in_grace)
    assert clock_of(paused).days_left == 0
    resume(paused, clerk, now=in_grace + ONE_DAY)
    assert clock_of(paused).due_on == (in_grace + ONE_DAY).date()
    extend(extended, clerk, 1, now=in_grace)
    assert clock_of(extended).due_on == (in_grace + ONE_DAY).date()
    assert clock_of(extended).lapses_at == end_of_day((in_grace + 6 * ONE_DAY).date())
