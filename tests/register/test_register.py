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


def register(person, *, case, first_day=FIRST, days=730, rank="technician"):
    return issuing.register(
        practitioner=person,
        specialty=Specialty.objects.get(code="general-nursing"),
        rank=Rank.objects.get(code=rank),
        case=case,
        first_day=first_day,
        last_day=first_day + timedelta(days=days - 1),
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
