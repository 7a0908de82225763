"""How long and when somebody practised: whole months, gaps, overlaps, the future (SRV-1, SRV-2)."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from documents import practice
from mumaris.kit.clock import add_months
from tests.applications.dossiers import DAY, DAYS, practised

TIMES = st.lists(
    st.tuples(DAYS, st.integers(0, 2000)).map(lambda one: (one[0], one[0] + timedelta(days=one[1]))), max_size=6
)


@pytest.mark.req("SRV-1")
@pytest.mark.parametrize(
    ("times", "months"),
    [
        ([(date(2025, 1, 1), date(2025, 12, 30))], 11),  # 364 days
        ([(date(2025, 1, 1), date(2025, 12, 31))], 12),  # 365
        ([(date(2025, 1, 1), date(2026, 1, 1))], 12),  # 366
        ([(date(2024, 1, 1), date(2024, 12, 30))], 11),  # 365 days of a leap year
        ([(date(2024, 1, 1), date(2024, 12, 31))], 12),
        (
            [(date(2024, 2, 29), date(2025, 2, 27))],
            12,
        ),  # the last day before the month's last, which stands for the 29th
        ([(date(2024, 2, 29), date(2025, 2, 26))], 11),
        ([(date(2025, 8, 31), date(2026, 2, 27))], 6),
        ([(date(2025, 8, 31), date(2026, 2, 26))], 5),
        ([(date(2025, 11, 23), None)], 12),  # until today, today included
        ([(date(2025, 11, 24), None)], 11),
        ([(date(2025, 1, 1), date(2025, 9, 30)), (date(2025, 4, 1), date(2025, 12, 31))], 12),  # overlap counted once
        ([(date(2025, 1, 1), date(2025, 12, 31)), (date(2025, 3, 1), date(2025, 4, 1))], 12),
        ([(date(2025, 1, 1), date(2025, 6, 30)), (date(2025, 7, 1), date(2025, 12, 31))], 12),  # one after the other
        ([(date(2025, 1, 1), date(2025, 6, 29)), (date(2025, 7, 1), date(2025, 12, 31))], 11),  # a day between them
        ([(date(2025, 1, 1), date(2025, 1, 20)), (date(2025, 3, 1), date(2025, 3, 20))], 0),
        ([(date(2026, 12, 1), None)], 0),  # in the future
        ([(date(2026, 11, 1), date(2027, 12, 31))], 0),  # only up to today
        ([], 0),
    ],
)
def test_months_of_practice(times, months):
    assert practice.months(practised(*times), DAY) == months


@pytest.mark.req("SRV-2")
@settings(deadline=None)
@given(since=DAYS, months=st.integers(0, 80), earlier=st.integers(0, 900), off=st.integers(-1, 1))
def test_months_since_a_day_begin_on_that_day(since, months, earlier, off):
    """What was practised before it does not count; the month is full with the day before its anniversary."""
    last_day = add_months(since, months) + timedelta(days=off - 1)
    worked = practised((since - timedelta(days=earlier), max(last_day, since - timedelta(days=earlier))))
    had = practice.months(worked, date(2060, 1, 1), since=since)
    assert (had >= months) is (off >= 0 or months == 0)
    assert had <= months


@settings(deadline=None)
@given(begins=DAYS, length=st.integers(0, 4000))
def test_whole_months_fit_and_one_more_does_not(begins, length):
    ends = begins + timedelta(days=length)
    months = practice.whole_months(begins, ends)
    assert add_months(begins, months) <= ends < add_months(begins, months + 1)


@settings(deadline=None)
@given(times=TIMES, data=st.data())
def test_telling_a_time_twice_or_in_another_order_changes_nothing(times, data):
    told = data.draw(st.permutations(times + times[:2]))
    once, twice = practised(*times), practised(*told)
    assert practice.months(once, DAY) == practice.months(twice, DAY)
    assert practice.gaps(once, date(2000, 1, 1), DAY) == practice.gaps(twice, date(2000, 1, 1), DAY)


@settings(deadline=None)
@given(times=TIMES, begin=DAYS, length=st.integers(0, 2000))
@example(times=[(date(2025, 1, 31), date(2025, 2, 27))], begin=date(2025, 1, 1), length=30)
def test_more_practice_never_counts_for_less(times, begin, length):
    more = [*times, (begin, begin + timedelta(days=length))]
    before, after = (practice.months(practised(*one), DAY) for one in (times, more))
    assert after >= before


@settings(deadline=None)
@given(times=TIMES, since=DAYS)
def test_practice_and_gaps_fill_the_time_together_and_never_meet(times, since):
    worked, idle = practice.spans(practised(*times), DAY), practice.gaps(practised(*times), since, DAY)
    days = {begin + timedelta(days=day) for begin, end in worked for day in range((end - begin).days)}
    free = {begin + timedelta(days=day) for begin, end in idle for day in range((end - begin).days)}
    assert not days & free
    assert days | free >= {since + timedelta(days=day) for day in range((DAY - since).days)}
    assert all(since <= begin < end <= DAY for begin, end in idle)
    assert worked == sorted(worked)
    assert all(end < begin for (_first, end), (begin, _last) in pairwise(worked))
