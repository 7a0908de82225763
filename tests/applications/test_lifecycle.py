"""Only the listed moves are possible, whoever asks (APP-1); the database itself refuses the rest."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from applications.lifecycle import LIFECYCLE, State
from applications.models import Application, Deadline, Entry
from applications.progress import advance
from mumaris.kit.lifecycle import NotAllowed
from tests.people import (
    NOON,
    Office,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_qualification,
    pay,
    submitted,
)


def bring_to(state: State, office: Office) -> Application:
    """A case of its own in `state`, by real moves."""
    case = make_draft(make_practitioner())
    if state == State.DRAFT:
        return case
    case = declare(case)
    if state == State.AWAITING_ADMIN_FEE:
        return case
    if state == State.CANCELLED:
        return advance(case.pk, "lapse_admin_fee", by=None, now=NOON)
    if state == State.WITHDRAWN:
        return advance(case.pk, "withdraw", by=case.practitioner.user, now=NOON)
    if state in (State.AWAITING_EXAM, State.AWAITING_EXAM_FEE):
        return bring_to_exam(state, office)
    case = pay(case, "admin")
    ways = {
        State.SUBMITTED: lambda: case,
        State.UNDER_REVIEW: lambda: advance(case.pk, "claim", by=office.reviewer, now=NOON),
        State.RETURNED: lambda: office.return_(case, "transcript"),
        State.RECOMMENDED: lambda: office.recommend(case),
        State.REJECTED: lambda: office.reject(case),
        State.UNDER_APPEAL: lambda: appealed(office.reject(case)),
        State.PRELIMINARILY_APPROVED: lambda: office.approve(case),
        State.BEING_ISSUED: lambda: pay(office.approve(case), "service"),
        State.COMPLETED: lambda: office.issue(pay(office.approve(case), "service")),
    }
    return ways[state]()


def bring_to_exam(state: State, office: Office) -> Application:
    """A nurse who asked for the rank of specialist and waits for the exam, or for its fee after two failures."""
    person = make_practitioner()
    degree = make_qualification(person, degree="bachelor", title="Bachelor of nursing")
    case = submitted(person, rank="specialist", qualification=degree)
    number = office.admit(case)
    if state == State.AWAITING_EXAM_FEE:
        office.result(number, "failed")
        office.result(number, "failed", now=NOON + timedelta(days=1))
    return Application.objects.get(pk=case.pk)


def appealed(case: Application) -> Application:
    return advance(case.pk, "appeal", by=case.practitioner.user, now=NOON, public_text="The paper was attached.")


@pytest.mark.django_db
@pytest.mark.req("APP-1")
def test_every_state_and_move_agrees_with_the_table():
    """All states × all moves × a right person of every kind: open ones are those of the table, the rest change nothing."""
    office = Office()
    cases = {state: bring_to(state, office) for state in State}
    assert {case.state for case in cases.values()} == set(State)
    for state, move in product(State, LIFECYCLE.values()):
        if state in move.sources:
            continue
        case = cases[state]
        officers = (office.reviewer, office.approver, office.registrar, office.examiner, office.second_approver)
        for by in (case.practitioner.user, *officers, None):
            with pytest.raises(NotAllowed), transaction.atomic():
                advance(case.pk, move.name, by=by, now=NOON)
        case.refresh_from_db()
        assert case.state == state
    for case in cases.values():
        assert case.timeline.count() == case.moves


@pytest.mark.django_db
@pytest.mark.req("APP-1")
@pytest.mark.parametrize(
    "wrong",
    [
        state
        for state in State
        if state not in {target for source, target in LIFECYCLE.edges() if source == "draft"} | {"draft"}
    ],
)
def test_the_database_refuses_a_jump_from_draft(wrong):
    case = make_draft(make_practitioner())
    with pytest.raises(DatabaseError), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(state=wrong, moves=1)
    case.refresh_from_db()
    assert case.state == "draft"


@pytest.mark.django_db
@pytest.mark.req("APP-1")
def test_no_application_is_born_elsewhere_than_as_a_draft():
    person = make_practitioner()
    with pytest.raises(DatabaseError), transaction.atomic():
        Application.objects.create(
            reference="CL-2026-0000001",
            practitioner=person,
            service="classification",
            state="submitted",
            created_at=NOON,
            saved_at=NOON,
            submitted_at=NOON,
        )
    assert not Application.objects.exists()


def at_commit(action) -> None:
    """Run `action` and the checks that the database keeps for the commit."""
    with transaction.atomic():
        action()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
@pytest.mark.req("APP-1")
def test_a_waiting_case_without_a_deadline_is_refused_at_commit():
    case = declare(make_draft(make_practitioner()))
    with pytest.raises(DatabaseError, match="needs deadline"):
        at_commit(lambda: Deadline.objects.filter(application=case).delete())
    draft = make_draft(make_practitioner())
    with pytest.raises(DatabaseError, match="needs deadline"):
        at_commit(
            lambda: Deadline.objects.create(
                application=draft,
                kind="return",
                began_on=case.deadline.began_on,
                due_on=case.deadline.due_on,
                lapses_at=case.deadline.lapses_at,
            )
        )


@pytest.mark.django_db
@pytest.mark.req("APP-1")
def test_a_state_without_its_entry_is_refused_at_commit():
    case = pay(declare(make_draft(make_practitioner())), "admin")
    with pytest.raises(DatabaseError, match="no entry"):
        at_commit(
            lambda: Application.objects.filter(pk=case.pk).update(
                state="under_review", moves=case.moves + 1, version=case.version + 1
            )
        )


@pytest.mark.django_db
@pytest.mark.req("APP-1")
def test_the_timeline_cannot_be_rewritten():
    case = declare(make_draft(make_practitioner()))
    for action in (lambda: case.timeline.update(move="claim"), lambda: case.timeline.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            action()
    assert list(case.timeline.values_list("move", flat=True)) == ["declare"]


@pytest.mark.django_db
@pytest.mark.req("APP-2")
def test_one_open_application_per_service_in_the_database():
    person = make_practitioner()
    make_draft(person)
    with pytest.raises(IntegrityError), transaction.atomic():
        Application.objects.create(
            reference="CL-2026-0000001", practitioner=person, service="classification", created_at=NOON, saved_at=NOON
        )
    assert Application.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.req("APP-6")
def test_the_recommender_never_endorses():
    office = Office()
    case = bring_to(State.RECOMMENDED, office)
    office.reviewer.is_superuser = True
    office.reviewer.save()
    with pytest.raises(NotAllowed), transaction.atomic():
        advance(case.pk, "endorse_approval", by=office.reviewer, now=NOON)
    case.refresh_from_db()
    assert case.state == "recommended"


@pytest.mark.django_db
@pytest.mark.req("APP-6")
def test_an_officer_never_decides_on_their_own_case():
    office = Office()
    person = make_practitioner(user=office.reviewer)
    case = pay(declare(make_draft(person)), "admin")
    with pytest.raises(NotAllowed), transaction.atomic():
        advance(case.pk, "claim", by=office.reviewer, now=NOON)


@pytest.mark.django_db
@pytest.mark.req("APP-4")
def test_a_return_goes_on_only_when_every_item_is_answered():
    office = Office()
    case = bring_to(State.RETURNED, office)
    with pytest.raises(NotAllowed), transaction.atomic():
        advance(case.pk, "resubmit", by=case.practitioner.user, now=NOON)
    case.refresh_from_db()
    assert case.state == "returned"


@pytest.mark.django_db
def test_reopening_voids_the_invoice_and_a_second_declaration_issues_another():
    case = bring_to(State.AWAITING_ADMIN_FEE, Office())
    advance(case.pk, "reopen", by=case.practitioner.user, now=NOON)
    assert invoice_of(case, "admin").state == "void"
    assert not Deadline.objects.exists()
    case = declare(case)
    assert case.state == "awaiting_admin_fee"
    assert invoice_of(case, "admin").state == "issued"
    with pytest.raises(DatabaseError), transaction.atomic():
        case.delete()


@pytest.mark.django_db
@pytest.mark.req("APP-6")
def test_the_database_itself_wants_four_eyes():
    """Even past every check in code: no entry by the applicant as an officer, no endorsement by the recommender."""
    office = Office()
    case = bring_to(State.RECOMMENDED, office)
    facts = {"application": case, "seq": case.moves + 1, "from_state": "recommended", "at": NOON}
    for move, by in (("endorse_approval", office.reviewer), ("send_back", case.practitioner.user)):
        with pytest.raises(DatabaseError, match="another person"), transaction.atomic():
            Entry.objects.create(move=move, by=by, to_state="under_review", **facts)
    assert Entry.objects.filter(application=case).count() == case.moves


@pytest.mark.django_db
def test_a_stale_write_is_refused_by_the_database():
    case = make_draft(make_practitioner())
    with pytest.raises(DatabaseError, match="stale write"), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(answers={"employer": "another"})
