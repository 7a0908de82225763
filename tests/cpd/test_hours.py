"""What the database itself holds about recorded hours, whoever writes them (I47)."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from cpd.models import ActivityType, Cap, Category, Hours, Requirement
from register.models import Rank
from tests.people import NOON, make_practitioner, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.req("CPD-3")]
DAY = date(2026, 11, 20)


@pytest.fixture
def person():
    return make_practitioner()


@pytest.fixture
def officer():
    return make_staff("CPD officer")


def row(person, officer, **facts):
    given = {
        "title": "Primary care forum",
        "type": "conference",
        "provider": "Health cluster",
        "activity_number": "ACT-55310",
        "began_on": DAY,
        "ended_on": DAY,
        "hours": Decimal("4.5"),
        "recorded_by": officer,
        "recorded_at": NOON,
    }
    return Hours.objects.create(practitioner=person, **given | facts)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("cpd_hours_fit_their_days", {"hours": 0}),
        ("cpd_hours_fit_their_days", {"hours": -1}),
        ("cpd_hours_fit_their_days", {"hours": "24.5"}),
        ("cpd_hours_fit_their_days", {"hours": "48.5", "began_on": DAY - timedelta(days=1)}),
        ("cpd_hours_in_halves", {"hours": "4.3"}),
        ("cpd_hours_in_halves", {"hours": "0.1"}),
        ("cpd_ends_after_it_began", {"began_on": DAY + timedelta(days=1), "hours": "0.5"}),
        ("cpd_recorded_once_it_ended", {"ended_on": date(2026, 11, 23)}),
        ("cpd_fewer_than_claimed_has_reason", {"claimed_hours": 5}),
        ("cpd_fewer_than_claimed_has_reason", {"claimed_hours": 4, "reason": "More than claimed."}),
        ("cpd_activity_number_is_normal", {"activity_number": "act-55310"}),
        ("cpd_activity_number_is_normal", {"activity_number": "ACT 55310"}),
        ("cpd_activity_number_is_normal", {"activity_number": "-"}),
        ("cpd_type_known", {"type": "rest"}),
        ("cpd_withdrawal_is_whole", {"withdrawn_at": NOON}),
        ("cpd_withdrawal_is_whole", {"withdraw_reason": "A mistake."}),
    ],
)
def test_the_database_refuses(person, officer, name, facts):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        row(person, officer, **facts)
    assert not Hours.objects.exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"hours": 24},
        {"hours": 48, "began_on": DAY - timedelta(days=1)},
        {"hours": "0.5"},
        {"claimed_hours": "4.5"},
        {"claimed_hours": "4.7", "reason": "The opening is not counted."},
        {"activity_number": ""},
        {"activity_number": "5-B"},
        {"ended_on": date(2026, 11, 22)},
    ],
)
def test_the_database_takes_what_lies_on_the_edge(person, officer, facts):
    row(person, officer, **facts)
    assert Hours.objects.exists()


@pytest.mark.parametrize(("hour", "taken"), [(20, False), (21, True)])
def test_a_day_ends_at_midnight_in_riyadh(person, officer, hour, taken):
    moment = datetime.fromisoformat(f"2026-11-19T{hour}:00:00+00:00")
    if taken:
        assert row(person, officer, recorded_at=moment).pk
        return
    with pytest.raises(IntegrityError, match="cpd_recorded_once_it_ended"), transaction.atomic():
        row(person, officer, recorded_at=moment)


def test_one_accredited_activity_counts_once_for_one_person(person, officer):
    first = row(person, officer)
    for number in ("ACT-55310", "ACT55310", "A-C-T-55310"):
        with pytest.raises(IntegrityError, match="cpd_activity_counts_once"), transaction.atomic():
            row(person, officer, activity_number=number, type="online", title="Another name")
    row(make_practitioner(), officer)
    row(person, officer, activity_number="ACT-55311")
    for _ in range(2):
        row(person, officer, activity_number="")
    Hours.objects.filter(pk=first.pk).update(withdrawn_at=NOON, withdrawn_by=officer, withdraw_reason="A mistake.")
    row(person, officer)
    assert Hours.objects.live().count() == 5


@pytest.mark.parametrize(
    "change",
    [
        "hours = 8",
        "title = 'Other'",
        "activity_number = 'ACT-1'",
        "ended_on = '2026-11-21'",
        "case = 'RR-2026-0000001'",
        "recorded_at = recorded_at + interval '1 day'",
        "reason = 'Other'",
    ],
)
def test_what_was_recorded_never_changes(person, officer, change):
    hours = row(person, officer)
    before = Hours.objects.values().get()
    column, value = change.split(" = ")
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'UPDATE cpd_hours SET "{column}" = {value} WHERE id = %s', [hours.pk])
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM cpd_hours")
    assert Hours.objects.values().get() == before


def test_a_withdrawal_is_made_once_and_for_good(person, officer):
    hours = row(person, officer)
    withdrawal = {"withdrawn_at": NOON, "withdrawn_by": officer, "withdraw_reason": "A mistake."}
    assert Hours.objects.filter(pk=hours.pk).update(**withdrawal) == 1
    for change in ({"withdrawn_at": None, "withdrawn_by": None, "withdraw_reason": ""}, {"withdraw_reason": "Other"}):
        with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
            Hours.objects.filter(pk=hours.pk).update(**change)
    kept = Hours.pgh_event_model.objects.filter(pgh_obj_id=hours.pk).order_by("pgh_id")
    assert list(kept.values_list("withdraw_reason", flat=True)) == ["", "A mistake."]


@pytest.mark.parametrize("people", [{}, {"rank": "technician"}])
def test_one_figure_for_the_same_people_begins_on_a_day(people):
    people = {name: Rank.objects.get(code=code) for name, code in people.items()}
    for model, category in ((Requirement, {}), (Cap, {"category": "first"})):
        figure = {"hours_per_year": 7, "effective_from": DAY, "source": "a decision", **people, **category}
        model.objects.create(**figure)
        with pytest.raises(IntegrityError, match="per_day"), transaction.atomic():
            model.objects.create(**figure)


def test_every_type_has_its_category():
    second = {type for type in ActivityType if Hours(type=type).category == Category.SECOND}
    assert second == {"online", "departmental", "group_work", "self_directed"}
