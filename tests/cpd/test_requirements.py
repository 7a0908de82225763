"""Counting CPD hours: what lies in the window, what a cap leaves, what is asked for; and the record of a registration (CPD-3)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpd import first_values
from cpd.models import Cap, Category, Hours, Requirement
from cpd.requirements import RequirementMissing, count, record_of, whole_months, window
from mumaris.kit.clock import add_months, today
from register import issuing
from register.models import Profession, Rank, Registration, Specialty
from tests.people import NOON, make_practitioner, make_staff

pytestmark = pytest.mark.req("CPD-3")

A_DAY = timedelta(days=1)
CAPS = {Category.FIRST: 20, Category.SECOND: 10}
DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))
HALVES = st.integers(1, 96).map(lambda number: Decimal(number) / 2)
TYPES = st.sampled_from(["conference", "course", "book", "online", "departmental"])


def attended(ended_on, hours="6", *, began_on=None, type="conference"):
    return Hours(title="A", type=type, began_on=began_on or ended_on, ended_on=ended_on, hours=Decimal(hours))


def counted(activities, *, first_day=date(2025, 1, 1), months=24, required=30, caps=None):
    last_day = add_months(first_day, months) - A_DAY
    return count(
        activities,
        required_per_year=required,
        caps_per_year=CAPS if caps is None else caps,
        months=months,
        first_day=first_day,
        last_day=last_day,
        on=first_day,
    )


# Pure


@given(first_day=DAYS)
def test_an_activity_counts_from_the_first_day_to_the_last_and_on_no_other(first_day):
    last_day = add_months(first_day, 24) - A_DAY
    for day, inside in [
        (first_day - A_DAY, False),
        (first_day, True),
        (first_day + A_DAY, True),
        (last_day - A_DAY, True),
        (last_day, True),
        (last_day + A_DAY, False),
    ]:
        record = counted([attended(day)], first_day=first_day)
        assert record.counted == (6 if inside else 0), day
        assert record.lost == 0
        assert record.rows[0].inside == inside


@given(first_day=DAYS, before=st.integers(0, 3), after=st.integers(0, 3))
def test_an_activity_of_several_days_counts_when_all_of_them_lie_inside(first_day, before, after):
    last_day = add_months(first_day, 24) - A_DAY
    across_the_start = attended(first_day + 3 * A_DAY, began_on=first_day - before * A_DAY)
    across_the_end = attended(last_day + after * A_DAY, began_on=last_day - 3 * A_DAY)
    record = counted([across_the_start, across_the_end], first_day=first_day)
    assert [row.inside for row in record.rows] == [before == 0, after == 0]
    assert record.counted == 6 * [before, after].count(0)


@given(
    st.lists(st.tuples(st.integers(-40, 800), st.integers(0, 40), HALVES, TYPES), max_size=25),
    st.dictionaries(st.sampled_from(Category), st.integers(0, 40)),
    st.integers(0, 40),
    st.integers(1, 36),
    st.randoms(use_true_random=False),
)
def test_every_hour_is_counted_or_lost_and_no_cap_is_exceeded(spans, caps, required, months, random):
    start = date(2025, 3, 1)
    activities = [
        attended(start + (begin + length) * A_DAY, hours, began_on=start + begin * A_DAY, type=type)
        for begin, length, hours, type in spans
    ]
    given_to = {"first_day": start, "months": months, "required": required, "caps": caps}
    record = counted(activities, **given_to)
    inside = [row for row in record.rows if row.inside]
    assert record.counted + record.lost == sum(row.activity.hours for row in inside)
    assert all(row.counted + row.lost == (row.activity.hours if row.inside else 0) for row in record.rows)
    assert record.needed == max(0, record.required - record.counted)
    assert record.is_met == (record.counted >= record.required)
    for part in record.by_category:
        own = sum(row.activity.hours for row in inside if row.activity.category == part.category)
        assert part.counted == (own if part.cap is None else min(own, part.cap))
        assert part.counted + part.lost == own
    for hours in (record.required, record.counted, record.lost, record.needed):
        assert isinstance(hours, Decimal)
        assert hours % Decimal("0.5") == 0
    random.shuffle(activities)
    again = counted(activities, **given_to)
    assert (again.counted, again.lost, again.by_category) == (record.counted, record.lost, record.by_category)
    one_more = counted([*activities, attended(start, "0.5")], **given_to)
    assert 0 <= one_more.counted - record.counted <= Decimal("0.5")


@pytest.mark.parametrize(
    ("hours", "counts", "lost"), [("39.5", "39.5", "0"), ("40", "40", "0"), ("40.5", "40", "0.5"), ("48", "40", "8")]
)
def test_a_cap_is_for_the_years_of_the_period(hours, counts, lost):
    record = counted([attended(date(2025, 6, 2), hours, began_on=date(2025, 6, 1))])
    assert (record.counted, record.lost) == (Decimal(counts), Decimal(lost))


def test_the_older_activities_take_the_room_under_a_cap_first():
    later, first, second = (attended(date(2025, month, 1), 15, type="online") for month in (9, 3, 6))
    record = counted([later, first, second, attended(date(2026, 1, 1), 8)])
    assert [(row.activity, row.counted, row.lost) for row in record.rows[:3]] == [
        (first, 15, 0),
        (second, 5, 10),
        (later, 0, 15),
    ]
    assert [(part.category, part.cap, part.counted) for part in record.by_category] == [
        ("first", 40, 8),
        ("second", 20, 20),
    ]


@given(st.integers(0, 400), st.integers(0, 60))
def test_a_part_of_a_year_asks_its_share_rounded_for_the_practitioner(per_year, months):
    plenty = [attended(date(2025, 1, 1) + day * A_DAY, 24) for day in range(100)]
    record = counted(plenty, required=per_year, months=months + 4, caps={Category.FIRST: per_year})
    share = Decimal(per_year * (months + 4)) / 12
    assert share - Decimal("0.5") < record.required <= share + Decimal("1e-9")
    assert share - Decimal("1e-9") <= record.by_category[0].cap < share + Decimal("0.5")
    assert record.required % Decimal("0.5") == record.by_category[0].cap % Decimal("0.5") == 0
    if (months + 4) % 12 == 0:
        assert record.required == record.by_category[0].cap == per_year * ((months + 4) // 12)


@given(DAYS, st.integers(1, 120))
def test_a_period_has_as_many_months_as_it_was_given(first_day, months):
    end = add_months(first_day, months)
    assert whole_months(first_day, end) == months
    assert whole_months(first_day, end - A_DAY) == months - 1


@pytest.mark.parametrize(
    ("first_day", "end", "months"),
    [
        (date(2028, 2, 29), date(2030, 2, 28), 24),
        (date(2028, 2, 29), date(2032, 2, 29), 48),
        (date(2027, 3, 1), date(2029, 2, 28), 23),
        (date(2027, 1, 31), date(2027, 2, 28), 1),
        (date(2026, 11, 22), date(2026, 11, 23), 0),
    ],
)
def test_months_end_with_the_shorter_month_and_leap_years(first_day, end, months):
    assert whole_months(first_day, end) == months


def test_days_left_end_with_the_window():
    for on, left in [(date(2026, 12, 30), 1), (date(2026, 12, 31), 0), (date(2027, 1, 1), 0)]:
        record = count(
            [],
            required_per_year=1,
            caps_per_year={},
            months=24,
            first_day=date(2025, 1, 1),
            last_day=date(2026, 12, 31),
            on=on,
        )
        assert record.days_left == left


# The record of a registration

FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)
MIDDLE = date(2026, 11, 22)


@pytest.fixture
def person(db):
    return make_practitioner()


@pytest.fixture
def officer(db):
    return make_staff("CPD officer")


def register(person, rank="specialist", specialty="general-nursing", first_day=FIRST, last_day=LAST, hours_from=None):
    period = issuing.register(
        practitioner=person,
        specialty=Specialty.objects.get(code=specialty),
        rank=Rank.objects.get(code=rank),
        case=f"PR-{first_day.year}-{person.pk:07d}",
        first_day=first_day,
        last_day=last_day,
        now=NOON,
        hours_from=hours_from,
    )
    return Registration.objects.get(pk=period.registration_id)


def award(person, officer, ended_on, hours="6", now=NOON, **facts):
    given = {"title": "A", "type": "conference", "provider": "B", "began_on": ended_on} | facts
    return Hours.objects.create(
        practitioner=person, ended_on=ended_on, hours=Decimal(hours), recorded_by=officer, recorded_at=now, **given
    )


def ask(hours, effective_from=date(2021, 1, 1), profession=None, rank=None):
    Requirement.objects.create(
        profession=profession and Profession.objects.get(code=profession),
        rank=rank and Rank.objects.get(code=rank),
        hours_per_year=hours,
        effective_from=effective_from,
        source="a decision",
    )


@pytest.mark.parametrize(
    ("specialty", "rank", "two_years"),
    [
        ("family-medicine", "resident", 60),
        ("orthodontics", "consultant", 60),
        ("pharmacist", "specialist", 40),
        ("pharmacist", "consultant-non-physician", 40),
        ("haematology", "senior-specialist", 40),
        ("general-nursing", "specialist", 30),
        ("general-nursing", "consultant-non-physician", 30),
        ("general-nursing", "technician", 20),
        ("ultrasound", "technician", 20),
        ("pharmacist", "assistant", 0),
        ("general-nursing", "assistant", 0),
    ],
)
def test_the_first_values_ask_what_the_authority_asks(person, specialty, rank, two_years):
    record = record_of(register(person, rank, specialty), on=MIDDLE)
    assert (record.required, record.needed) == (two_years, two_years)
    assert record.is_exempt == (two_years == 0)
    assert (record.first_day, record.last_day) == (FIRST, LAST)


def test_first_values_are_entered_once_and_never_over_those_of_staff(person):
    rows = Requirement.objects.count(), Cap.objects.count()
    first_values.load()
    assert (Requirement.objects.count(), Cap.objects.count()) == rows
    Cap.objects.all().delete()
    Cap.objects.create(category="first", hours_per_year=5, effective_from=date(2026, 5, 1), source="a decision")
    first_values.load()
    assert dict(Cap.objects.values_list("category", "hours_per_year")) == {"first": 5, "second": 10}


def test_the_closest_requirement_wins_whenever_it_began(person):
    registration = register(person, "technician")
    for hours, people in [
        (11, {}),
        (12, {"profession": "NUR"}),
        (13, {"rank": "technician"}),
        (14, {"rank": "technician", "profession": "NUR"}),
    ]:
        ask(hours, date(2026, 1, 20 - hours), **people)
    ask(99, rank="technician", profession="PHA")
    ask(99, rank="specialist")
    for asked in (14, 13, 12, 11):
        assert record_of(registration, on=MIDDLE).required == 2 * asked
        Requirement.objects.filter(hours_per_year=asked).delete()
        if asked == 13:
            Requirement.objects.filter(rank__code="technician", profession=None).delete()
        if asked == 12:
            Requirement.objects.filter(profession__code="NUR").delete()


@pytest.mark.parametrize(("day", "asked"), [(-1, 30), (0, 50), (1, 50)])
def test_a_requirement_counts_from_its_day_on(person, day, asked):
    registration = register(person)
    ask(25, MIDDLE, profession="NUR")
    assert record_of(registration, on=MIDDLE + day * A_DAY).required == asked


def test_figures_are_those_of_the_declaration(person, officer):
    registration = register(person)
    award(person, officer, FIRST + 9 * A_DAY, 45, began_on=FIRST)
    ask(25, MIDDLE, profession="NUR")
    Cap.objects.create(category="first", hours_per_year=22, effective_from=MIDDLE, source="a decision")
    before = record_of(registration, on=MIDDLE, declared_on=MIDDLE - A_DAY)
    after = record_of(registration, on=MIDDLE, declared_on=MIDDLE)
    assert (before.required, before.counted, before.lost) == (30, 40, 5)
    assert (after.required, after.counted, after.lost) == (50, 44, 1)


def test_without_a_cap_everything_counts(person, officer):
    registration = register(person)
    award(person, officer, FIRST + 9 * A_DAY, 200, began_on=FIRST)
    Cap.objects.all().delete()
    record = record_of(registration, on=MIDDLE)
    assert (record.counted, record.lost) == (200, 0)
    assert [part.cap for part in record.by_category] == [None, None]


def test_without_a_requirement_in_force_staff_must_enter_one(person):
    registration = register(person)
    with pytest.raises(RequirementMissing, match=registration.number):
        record_of(registration, on=date(2019, 12, 31))


def test_only_ones_own_hours_count_and_none_that_were_withdrawn(person, officer):
    registration = register(person)
    award(make_practitioner(), officer, MIDDLE)
    withdrawn = award(person, officer, MIDDLE)
    Hours.objects.filter(pk=withdrawn.pk).update(withdrawn_at=NOON, withdrawn_by=officer, withdraw_reason="A mistake.")
    award(person, officer, MIDDLE, "4.5")
    assert record_of(registration, on=MIDDLE).counted == Decimal("4.5")


@pytest.mark.req("CPD-5")
def test_a_renewal_knows_whether_the_hours_are_met_and_what_is_missing(person, officer):
    registration = register(person, "technician")
    award(person, officer, FIRST, 12)
    award(person, officer, FIRST + A_DAY, "7.5", type="online")
    record = record_of(registration, on=MIDDLE)
    assert (record.required, record.counted, record.needed, record.is_met) == (
        20,
        Decimal("19.5"),
        Decimal("0.5"),
        False,
    )
    award(person, officer, MIDDLE, "0.5")
    record = record_of(registration, on=MIDDLE)
    assert (record.counted, record.needed, record.is_met) == (20, 0, True)


@pytest.mark.parametrize(
    ("on", "declared_on", "last_day"),
    [
        (LAST - A_DAY, None, LAST),
        (LAST, None, LAST),
        (LAST + A_DAY, None, LAST + A_DAY),
        (LAST + 40 * A_DAY, LAST - 9 * A_DAY, LAST),
        (LAST + 40 * A_DAY, LAST + 5 * A_DAY, LAST + 5 * A_DAY),
    ],
)
def test_the_window_is_prolonged_to_the_declaration(person, on, declared_on, last_day):
    record = record_of(register(person), on=on, declared_on=declared_on)
    assert (record.first_day, record.last_day) == (FIRST, last_day)
    assert record.required == 30


@pytest.mark.parametrize("declared", [-60, -1, 0, 1, 20])
@pytest.mark.parametrize("attended", [-61, -60, -1, 0, 1, 2, 20, 21])
def test_hours_counted_for_one_period_never_count_for_the_next(person, officer, declared, attended):
    """The renewed period's hours begin the day after the window of the old one ended."""
    registration, later = register(person), NOON.replace(year=2028)
    award(person, officer, LAST + attended * A_DAY, now=later)
    old = record_of(registration, on=today(later), declared_on=LAST + declared * A_DAY)
    begun = max(LAST, LAST + declared * A_DAY) + A_DAY
    register(person, first_day=begun + 5 * A_DAY, last_day=add_months(begun, 24), hours_from=old.last_day + A_DAY)
    new = record_of(registration, on=today(later))
    assert new.first_day == begun
    assert sorted([old.counted, new.counted]) == [0, 6]


@pytest.mark.parametrize("rows", [0, 1, 20])
def test_the_record_asks_the_database_four_times_however_many_rows(person, officer, rows, django_assert_num_queries):
    registration = register(person)
    for number in range(rows):
        award(person, officer, MIDDLE, "0.5", activity_number=f"A-{number}")
    with django_assert_num_queries(4):
        assert record_of(registration, on=MIDDLE).counted == Decimal(rows) / 2


def test_a_period_of_its_own_names_its_window(person):
    period = register(person, hours_from=FIRST - A_DAY).periods.get()
    assert window(period, on=MIDDLE) == (FIRST - A_DAY, LAST)
