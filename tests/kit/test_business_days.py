"""Clocks of business days: Sunday to Thursday, without the holidays that staff entered."""

from datetime import date

import pytest

from mumaris.kit.clock import business_days_after
from mumaris.kit.models import Holiday

SUNDAY = date(2026, 11, 22)


@pytest.mark.req("REF-1")
@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        (SUNDAY, 0, SUNDAY),
        (SUNDAY, 1, date(2026, 11, 23)),
        (SUNDAY, 4, date(2026, 11, 26)),  # Thursday
        (SUNDAY, 5, date(2026, 11, 29)),
        (date(2026, 11, 26), 1, date(2026, 11, 29)),
        (date(2026, 11, 27), 1, date(2026, 11, 29)),  # begun on a Friday
        (date(2026, 11, 28), 5, date(2026, 12, 3)),
        (SUNDAY, 15, date(2026, 12, 13)),
    ],
)
def test_fridays_and_saturdays_do_not_count(start, days, last):
    assert business_days_after(start, days, set()) == last


@pytest.mark.req("REF-1")
def test_holidays_do_not_count_but_on_a_weekend_they_cost_nothing():
    assert business_days_after(SUNDAY, 2, {date(2026, 11, 24)}) == date(2026, 11, 25)
    assert business_days_after(SUNDAY, 5, {date(2026, 11, 27)}) == date(2026, 11, 29)
    assert business_days_after(SUNDAY, 1, {SUNDAY}) == date(2026, 11, 23)


@pytest.mark.django_db
@pytest.mark.req("REF-1")
def test_the_holidays_that_staff_entered_are_read_from_the_day_on():
    for day in (SUNDAY, date(2026, 11, 24), date(2025, 11, 24)):
        Holiday.objects.create(day=day, name_ar="عطلة", name_en="Holiday")
    assert Holiday.objects.days_after(SUNDAY) == {date(2026, 11, 24)}
