"""Exemption from all fees: asked for, decided by two, and what it does to invoices and clocks (PAY-7)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from accounts.models import Notice, User
from applications import exempting, sweeps
from applications.models import Application, Deadline
from applications.progress import advance
from documents import wallet
from mumaris.kit.clock import end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from payments import exemptions
from payments.lifecycle import LIFECYCLE
from payments.models import Credit, Exemption, Invoice, LedgerEntry
from tests.applications import exam_cases
from tests.exempt import Finance, approve, ask, exempt, recommended
from tests.fingerprint import unchanged
from tests.people import (
    NOON,
    Office,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_staff,
    make_user,
    pay,
    submitted,
    upload,
)

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-7")]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def finance():
    return Finance()


def waiting(now=NOON):
    return declare(make_draft(make_practitioner(now=now), now=now), now=now)


def lapses_at(case):
    """The cut-off of the case's clock and of its invoice, which always agree; None while they stand."""
    clock, invoice = Deadline.objects.get(application=case), invoice_of(case, "admin")
    assert clock.lapses_at == invoice.lapses_at
    return clock.lapses_at


# Two people, and never one's own


def test_one_officer_recommends_and_another_approves(finance):
    person = make_practitioner()
    exemption = exempt(finance, person)
    assert (exemption.state, exemption.recommended_by, exemption.decided_by) == (
        "approved",
        finance.reviewer,
        finance.officer,
    )
    assert exemptions.in_force(person, today(NOON)) == exemption
    kinds = Notice.objects.filter(recipient=person.user).values_list("kind", flat=True)
    assert set(kinds) == {"exemption_requested", "exemption_approved"}


def act(name, exemption, by):
    facts = {
        "recommend": {"starts_on": today(NOON), "ends_on": None},
        "approve": {},
        "refuse": {"reason": "It proves nothing."},
        "send_back": {"internal_text": "Which martyr?"},
        "revoke": {"reason": "The decision was withdrawn."},
    }[name]
    return getattr(exempting, name)(exemption.pk, by=by, now=NOON, **facts)


def in_state(finance, state):
    person = make_practitioner()
    exemption = ask(person)
    if state != "requested" and state != "refused":
        exemption = recommended(finance, person)
    if state == "refused":
        exemption = act("refuse", exemption, finance.officer)
    if state in ("approved", "revoked"):
        exemption = approve(exemption, finance.officer)
    if state == "revoked":
        exemption = act("revoke", exemption, finance.head)
    assert exemption.state == state
    return exemption


@pytest.mark.parametrize("state", ["requested", "recommended", "approved", "refused", "revoked"])
@pytest.mark.parametrize("name", list(LIFECYCLE))
@pytest.mark.parametrize("who", ["reviewer", "officer", "head"])
def test_every_move_in_every_state_by_everybody(finance, state, name, who):
    exemption = in_state(finance, state)
    by = getattr(finance, who)
    move = LIFECYCLE[name]
    right = who == "reviewer" if name == "recommend" else who != "reviewer"
    if state in move.sources and right:
        assert act(name, exemption, by).state == move.target
    else:
        with unchanged(), pytest.raises(NotAllowed):
            act(name, exemption, by)


@pytest.mark.parametrize("name", list(LIFECYCLE))
def test_nobody_decides_about_their_own_and_no_superuser_does(finance, name):
    state = sorted(LIFECYCLE[name].sources)[0]
    exemption = in_state(finance, state)
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    own = exemption.practitioner.user
    User.objects.filter(pk=own.pk).update(is_staff=True)
    own.groups.set([*finance.reviewer.groups.all(), *finance.officer.groups.all()])
    for by in (User.objects.get(pk=root.pk), User.objects.get(pk=own.pk), make_staff("auditor"), None):
        with unchanged(), pytest.raises(NotAllowed):
            act(name, exemption, by)


def test_who_recommended_does_not_decide(finance):
    both = finance.reviewer
    both.groups.add(*finance.officer.groups.all())
    finance.reviewer = User.objects.get(pk=both.pk)
    exemption = recommended(finance, make_practitioner())
    for name in ("approve", "refuse", "send_back"):
        with unchanged(), pytest.raises(NotAllowed):
            act(name, exemption, finance.reviewer)


@pytest.mark.parametrize(
    ("name", "state"), [("refuse", "requested"), ("send_back", "recommended"), ("revoke", "approved")]
)
def test_a_reason_is_written(finance, name, state):
    exemption = in_state(finance, state)
    told = {"internal_text": " "} if name == "send_back" else {"reason": " "}
    with unchanged(), pytest.raises(NotAllowed, match="reason"):
        getattr(exempting, name)(exemption.pk, by=finance.officer, now=NOON, **told)


def test_the_days_can_be(finance):
    person, day = make_practitioner(), today(NOON)
    for first, last in ((day, day - DAY), (day - 9 * DAY, day - DAY)):
        with pytest.raises(NotAllowed, match="last day"):
            recommended(finance, person, starts_on=first, ends_on=last)
    assert recommended(finance, person, starts_on=day, ends_on=day).ends_on == day


def test_nobody_approves_what_they_have_not_read(finance):
    person = make_practitioner()
    read = recommended(finance, person)
    act("send_back", read, finance.officer)
    recommended(finance, person, now=NOON + DAY, ends_on=today(NOON) + 900 * DAY)
    with unchanged(), pytest.raises(NotAllowed, match="changed meanwhile"):
        approve(read, finance.officer)


def test_one_request_at_a_time_and_none_beside_an_endless_exemption(finance):
    person = make_practitioner()
    exemption = ask(person)
    with pytest.raises(NotAllowed, match="decided already"):
        ask(person)
    act("refuse", exemption, finance.officer)
    exempt(finance, person)
    with pytest.raises(NotAllowed, match="exempt already"):
        ask(person)
    assert person.exemptions.count() == 2


# Bills


def test_an_exempt_person_declares_and_is_submitted_at_once_without_a_bill(finance):
    person = make_practitioner()
    exemption = exempt(finance, person)
    case = waiting_of(person)
    assert case.state == "submitted"
    invoice = invoice_of(case, "admin")
    assert (invoice.state, invoice.waiver, invoice.exemption, invoice.amount, invoice.due) == (
        "waived",
        "martyr_relative",
        exemption,
        20_000,
        0,
    )
    assert [(line.amount, line.text_en) for line in invoice.lines.all()] == [
        (20_000, "Administrative fee"),
        (-20_000, "Exempt: First-degree relative of a martyr of duty"),
    ]
    assert not Deadline.objects.exists()


def waiting_of(person):
    return Application.objects.get(pk=declare(make_draft(person)).pk)


def test_the_service_fee_is_waived_and_issuing_goes_on(finance):
    person = make_practitioner()
    exempt(finance, person)
    case = Office().approve(waiting_of(person))
    case.refresh_from_db()
    assert case.state == "being_issued"
    assert invoice_of(case, "service").state == "waived"


def test_the_fee_of_an_exam_is_waived(finance):
    office = Office()
    number = exam_cases.waiting(office)
    person = number.application.practitioner
    later = exam_cases.fail(office, number, 1)
    exempt(finance, person, now=later)
    later = exam_cases.fail(office, number, 1, first=later + DAY)
    case, invoice = exam_cases.case_of(number), invoice_of(number.application, "exam")
    assert (case.state, invoice.state, invoice.waiver) == ("awaiting_exam", "waived", "martyr_relative")
    office.result(number, "passed", now=later + DAY)
    assert exam_cases.case_of(number).state == "under_review"


def test_an_exam_fee_that_waits_is_waived(finance):
    office = Office()
    number = exam_cases.waiting(office)
    later = exam_cases.fail(office, number, 2)
    assert exam_cases.case_of(number).state == "awaiting_exam_fee"
    exempt(finance, number.application.practitioner, now=later)
    assert exam_cases.case_of(number).state == "awaiting_exam"
    assert invoice_of(number.application, "exam").state == "waived"


@pytest.mark.parametrize(("first", "last", "free"), [(0, 0, True), (-9, 0, True), (1, 9, False), (0, 9, True)])
def test_a_bill_is_judged_by_the_day_of_its_issue(finance, first, last, free):
    person, day = make_practitioner(), today(NOON)
    exempt(finance, person, starts_on=day + first * DAY, ends_on=day + last * DAY)
    assert waiting_of(person).state == ("submitted" if free else "awaiting_admin_fee")
    later = end_of_day(day + last * DAY)
    assert exemptions.in_force(person, today(later)) is None


def test_approving_settles_every_open_invoice_of_the_person_and_nobody_elses(finance):
    person = make_practitioner()
    mine = [declare(make_draft(person, service)) for service in ("classification", "qualification-study")]
    other = waiting()
    exempt(finance, person)
    assert {Application.objects.get(pk=case.pk).state for case in mine} == {"submitted"}
    assert {invoice_of(case, "admin").state for case in mine} == {"waived"}
    assert invoice_of(other, "admin").state == "issued"
    assert sum(LedgerEntry.objects.filter(posting__invoice__payer=person).values_list("amount", flat=True)) == 0


def test_what_was_paid_before_stays_paid_and_the_notice_says_so(finance):
    person = make_practitioner()
    case = submitted(person)
    exempt(finance, person)
    assert invoice_of(case, "admin").state == "paid"
    assert Notice.objects.get(kind="exemption_approved").facts.keys() >= {"refunds", "page"}


def test_revoking_reopens_nothing_and_the_next_fee_is_to_be_paid(finance):
    person = make_practitioner()
    exemption = exempt(finance, person)
    case = waiting_of(person)
    act("revoke", exemption, finance.head)
    assert invoice_of(case, "admin").state == "waived"
    assert exemptions.in_force(person, today(NOON)) is None
    assert Office().approve(case).state == "preliminarily_approved"
    assert invoice_of(case, "service").state == "issued"


# Clocks


def test_a_request_stops_the_clock_and_paying_stays_possible():
    case = waiting()
    ask(case.practitioner, now=NOON + DAY)
    assert lapses_at(case) is None
    assert sweeps.lapse(NOON + 400 * DAY) == 0
    assert pay(case, "admin", now=NOON + 60 * DAY).state == "submitted"
    assert invoice_of(case, "admin").state == "paid"
    assert not Credit.objects.exists()


def test_refused_the_rest_of_the_time_goes_on(finance):
    case = waiting()
    exemption = ask(case.practitioner, now=NOON + 10 * DAY)
    decided = NOON + 50 * DAY
    exempting.refuse(exemption.pk, reason="Not a relative.", by=finance.officer, now=decided)
    assert lapses_at(case) == end_of_day(today(decided) + 20 * DAY)
    assert "Not a relative." in str(Notice.objects.get(kind="exemption_refused").facts)


def test_refused_on_the_last_day_three_days_are_left(finance):
    case = waiting()
    exemption = ask(case.practitioner, now=NOON + 30 * DAY)
    decided = NOON + 31 * DAY
    exempting.refuse(exemption.pk, reason="Not a relative.", by=finance.officer, now=decided)
    assert lapses_at(case) == end_of_day(today(decided) + 3 * DAY)
    assert sweeps.lapse(lapses_at(case)) == 1


def test_only_the_first_request_stops_the_clock_of_an_invoice(finance):
    case = waiting()
    exempting.refuse(ask(case.practitioner).pk, reason="No.", by=finance.officer, now=NOON + 28 * DAY)
    cut_off = lapses_at(case)
    again = ask(case.practitioner, now=NOON + 29 * DAY)
    assert lapses_at(case) == cut_off
    exempting.refuse(again.pk, reason="No.", by=finance.officer, now=cut_off - DAY)
    assert lapses_at(case) == cut_off


def test_a_request_that_is_undecided_stops_the_clock_of_an_invoice_that_is_issued_meanwhile(finance):
    person = make_practitioner()
    ask(person)
    case = declare(make_draft(person))
    assert lapses_at(case) is None
    approve(recommended(finance, person), finance.officer)
    case.refresh_from_db()
    assert case.state == "submitted"


def test_an_exemption_that_begins_later_lets_the_clock_go_on(finance):
    case = waiting()
    exempt(finance, case.practitioner, starts_on=today(NOON) + 5 * DAY)
    assert lapses_at(case) == end_of_day(today(NOON) + 30 * DAY)
    assert invoice_of(case, "admin").state == "issued"


def test_on_its_first_day_an_exemption_settles_what_still_waits(finance):
    case, other = waiting(), waiting()
    granted = exempt(finance, case.practitioner, starts_on=today(NOON) + 5 * DAY)
    first_moment = end_of_day(today(NOON) + 4 * DAY)
    assert exempting.begin(first_moment - timedelta(microseconds=1)) == 0
    assert [exempting.begin(first_moment) for _twice in range(2)] == [1, 0]
    case.refresh_from_db()
    other.refresh_from_db()
    invoice = invoice_of(case, "admin")
    assert (case.state, invoice.state, invoice.exemption) == ("submitted", "waived", granted)
    assert other.state == "awaiting_admin_fee"


def test_an_exemption_that_was_revoked_before_it_began_settles_nothing(finance):
    case = waiting()
    granted = exempt(finance, case.practitioner, starts_on=today(NOON) + 5 * DAY)
    act("revoke", granted, finance.head)
    assert exempting.begin(NOON + 6 * DAY) == 0
    assert invoice_of(case, "admin").state == "issued"


def test_a_case_whose_time_is_over_is_rescued_by_no_exemption(finance):
    case = waiting()
    over = NOON + 31 * DAY
    ask(case.practitioner, now=over)
    assert sweeps.lapse(over) == 1
    approve(recommended(finance, case.practitioner, now=over), finance.officer, now=over)
    case.refresh_from_db()
    assert (case.state, invoice_of(case, "admin").state) == ("cancelled", "lapsed")


def test_the_declaration_can_be_taken_back_while_the_clock_stands():
    case = waiting()
    ask(case.practitioner)
    advance(case.pk, "reopen", by=case.practitioner.user, now=NOON + DAY)
    assert invoice_of(case, "admin").state == "void"


# What the database refuses, whoever asks


def refused(sql, *facts):
    """The statement is refused at once or, at the latest, when its transaction commits."""
    with unchanged(), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, facts)
        assert cursor.rowcount, "the statement meets no row"
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_database_waives_no_invoice_in_disguise(finance):
    case = waiting()
    invoice = invoice_of(case, "admin")
    theirs = exempt(finance, make_practitioner())
    own = ask(case.practitioner)
    waive = "UPDATE payments_invoice SET state = 'waived', waiver = %s, exemption_id = %s WHERE id = %s"
    refused(waive, "martyr_relative", None, invoice.pk)  # no exemption
    refused(waive, "no_fee", None, invoice.pk)  # a fee there is
    refused(waive, "", theirs.pk, invoice.pk)  # no ground
    refused(waive, "martyr_relative", theirs.pk, invoice.pk)  # somebody else's
    refused(waive, "martyr_relative", own.pk, invoice.pk)  # undecided
    approved = approve(recommended(finance, case.practitioner), finance.officer)
    waived = invoice_of(case, "admin")
    assert waived.exemption == approved
    for change in (
        "state = 'issued', waiver = '', exemption_id = NULL",
        "state = 'paid', waiver = '', exemption_id = NULL, paid_at = now()",
        "waiver = 'secretary_general'",
        "state = 'void'",
    ):
        refused(f"UPDATE payments_invoice SET {change} WHERE id = %s", waived.pk)


def test_the_database_wants_a_line_for_every_halala_that_is_waived(finance):
    case = waiting()
    invoice = invoice_of(case, "admin")
    line = invoice.lines.get()
    exemption = exempt(finance, case.practitioner)
    other = waiting()
    taken_off = """INSERT INTO payments_line (invoice_id, fee, text_ar, text_en, amount, tax, vat, waives_id)
        VALUES (%s, 'admin', '', '', %s, 'out_of_scope', 0, %s)"""
    refused(taken_off, invoice_of(other, "admin").pk, -20_000, invoice_of(other, "admin").lines.get().pk)  # not exempt
    refused(taken_off, invoice.pk, -1, line.pk)  # a second time
    refused(taken_off, invoice.pk, 5_000, None)
    with pytest.raises(DatabaseError, match="add up"), transaction.atomic():  # exempt, and no line says so
        person = other.practitioner
        approved = approve_only(finance, person)
        Invoice.objects.filter(payer=person).update(state="waived", waiver=approved.ground, exemption=approved)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert exemption.invoices.count() == 1


def approve_only(finance, person):
    """Approved without what follows from it."""
    return exemptions.approve(recommended(finance, person).pk, by=finance.officer, now=NOON)


def test_the_database_wants_two_people_and_never_oneself(finance):
    exemption = recommended(finance, make_practitioner())
    decide = "UPDATE payments_exemption SET state = 'approved', decided_at = now(), decided_by_id = %s WHERE id = %s"
    refused(decide, finance.reviewer.pk, exemption.pk)
    refused(decide, exemption.practitioner.user_id, exemption.pk)
    refused(decide, None, exemption.pk)
    refused("UPDATE payments_exemption SET state = 'approved' WHERE id = %s", ask(make_practitioner()).pk)
    refused("UPDATE payments_exemption SET state = 'requested', decided_by_id = 1 WHERE id = %s", exemption.pk)
    granted = approve(exemption, finance.officer)
    refused("UPDATE payments_exemption SET state = 'revoked', revoked_at = now() WHERE id = %s", granted.pk)
    refused("UPDATE payments_exemption SET state = 'recommended' WHERE id = %s", granted.pk)
    refused("DELETE FROM payments_exemption WHERE id = %s", granted.pk)


def test_the_database_keeps_one_undecided_request_and_its_own_evidence():
    person, other = make_practitioner(), make_practitioner()
    ask(person)
    paper = wallet.take_in(upload("theirs.pdf"), practitioner=other, kind="exemption", now=NOON)
    for whose in (person, make_practitioner()):
        with unchanged(), pytest.raises(DatabaseError), transaction.atomic():
            Exemption.objects.create(practitioner=whose, ground="martyr_relative", evidence=paper, requested_at=NOON)
