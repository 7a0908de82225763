"""The register itself: a number for good, a rank, and periods that never overlap (REG-1)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from mumaris.kit.clock import today
from register import issuing
from register.models import IssuedPaper, Period, Rank, Registration, Specialty
from tests.people import NOON, make_practitioner

pytestmark = [pytest.mark.django_db, pytest.mark.req("REG-1")]
FIRST = today(NOON)


def register(person, *, case, first_day=FIRST, days=730, rank="technician", hours_from=None):
    return issuing.register(
        practitioner=person,
        specialty=Specialty.objects.get(code="general-nursing"),
        rank=Rank.objects.get(code=rank),
        case=case,
        first_day=first_day,
        last_day=first_day + timedelta(days=days - 1),
        hours_from=hours_from,
        now=NOON,
    )


def test_a_registration_has_a_number_a_rank_and_the_days_asked_for():
    period = register(make_practitioner(), case="PR-2026-0000001")
    assert period.registration.number.startswith("RG-2026-")
    assert period.registration.rank.code == "technician"
    assert (period.days.lower, period.days.upper) == (FIRST, FIRST + timedelta(days=730))
    assert set(IssuedPaper.objects.values_list("kind", flat=True)) == {"registration_card", "registration_certificate"}


def test_the_number_stays_and_the_rank_follows():
    person = make_practitioner()
    first = register(person, case="PR-2026-0000001")
    second = register(person, case="PR-2028-0000001", first_day=FIRST + timedelta(days=730), rank="specialist")
    assert second.registration.number == first.registration.number
    assert Registration.objects.get().rank.code == "specialist"


@pytest.mark.parametrize("begin", [-729, -1, 0, 1, 729])
def test_periods_of_one_registration_never_overlap(begin):
    """I45: not even by a day, not even past the portal's own code."""
    person = make_practitioner()
    held = register(person, case="PR-2026-0000001")
    with pytest.raises(IntegrityError), transaction.atomic():
        register(person, case="PR-2026-0000002", first_day=FIRST + timedelta(days=begin))
    with pytest.raises(IntegrityError), transaction.atomic():
        days = DateRange(FIRST + timedelta(days=begin), FIRST + timedelta(days=begin + 730))
        Period.objects.create(registration=held.registration, case="PR-2026-0000003", days=days)
    assert Period.objects.count() == 1


def test_periods_may_follow_each_other_and_belong_to_different_people():
    person = make_practitioner()
    register(person, case="PR-2026-0000001")
    register(person, case="PR-2026-0000002", first_day=FIRST + timedelta(days=730))
    register(make_practitioner(), case="PR-2026-0000003")
    assert Period.objects.count() == 3


@pytest.mark.req("CPD-3")
@pytest.mark.parametrize("days_later", [-60, 0, 1, 729])
def test_a_renewed_period_may_count_its_hours_from_another_day_than_its_first(days_later):
    """Earlier when it was asked for before the old end, later when it was asked for in the grace."""
    person = make_practitioner()
    assert register(person, case="PR-2026-0000001").hours_from is None
    second = FIRST + timedelta(days=730)
    hours_from = second + timedelta(days=days_later)
    period = register(person, case="RN-2028-0000001", first_day=second, hours_from=hours_from)
    period.refresh_from_db()
    assert (period.first_day, period.last_day) == (second, second + timedelta(days=729))
    assert period.hours_from == hours_from
    issued = IssuedPaper.objects.filter(case="RN-2028-0000001")
    assert {paper.kind for paper in issued} == {"registration_card", "registration_certificate"}
    assert {paper.facts["register_number"] for paper in issued} == {period.registration.number}


def test_hours_never_begin_to_count_after_the_period():
    with pytest.raises(IntegrityError), transaction.atomic():
        register(make_practitioner(), case="PR-2026-0000001", hours_from=FIRST + timedelta(days=730))
