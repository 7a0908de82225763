"""The hours of a period as a page shows them, in both languages (CPD-3, CPD-5)."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from cpd.models import Category, Hours
from cpd.requirements import count
from cpd.templatetags.hours import big_days, figure, in_hours

pytestmark = [pytest.mark.req("CPD-3"), pytest.mark.req("CPD-5")]
FIRST = date(2025, 2, 15)


def shown(language, attended, required=30):
    record = count(
        [Hours(type="conference", began_on=FIRST, ended_on=FIRST, hours=Decimal(hours)) for hours in attended],
        required_per_year=required,
        caps_per_year={Category.FIRST: 20},
        months=24,
        first_day=FIRST,
        last_day=date(2027, 2, 14),
        on=date(2027, 2, 14) - timedelta(days=84),
    )
    with translation.override(language):
        return render_to_string("cpd/_hours.html", {"record": record})


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize(
    ("attended", "required", "figures", "tone"),
    [
        (["20", "20", "6"], 30, ["60", "40", "6", "20", "84"], "alert-warn"),
        (["24", "10.5"], 30, ["60", "34.5", "0", "25.5", "84"], "alert-warn"),
        (["20", "20"], 20, ["40", "40", "0", "0", "84"], "alert-ok"),
        (["5"], 0, ["0", "5", "0", "0", "84"], "alert-ok"),
    ],
)
def test_the_five_figures_and_what_is_missing_are_shown(language, attended, required, figures, tone):
    page = shown(language, attended, required)
    assert re.findall(r"<dd>([0-9.]+) <small>", page) == figures
    assert tone in page
    assert page.count("alert-") == 1
    assert "2027" in page
    assert "1448" in page
    if tone == "alert-warn":
        assert re.search(rf"<strong>\D*{figures[3]}\D*</strong>", page)


@pytest.mark.parametrize(
    ("hours", "words"),
    [("1.0", "1 hour"), ("13", "13 hours"), ("0.5", "0.5 hours"), ("4.5", "4.5 hours"), ("0", "0 hours")],
)
def test_hours_in_words(hours, words):
    with translation.override("en"):
        assert in_hours(hours) == words
        assert figure(Decimal(hours)) == words.split(" ")[0]


def test_days_in_words():
    with translation.override("en"):
        assert [big_days(days) for days in (1, 84)] == ["1 <small>day</small>", "84 <small>days</small>"]
