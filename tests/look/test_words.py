"""Dates, amounts and counts in both languages."""

from datetime import UTC, date, datetime

import pytest
from django.template import Context, Template
from django.utils import translation

from mumaris.kit.templatetags import look

TODAY = date(2026, 11, 22)


def draw(markup, **context):
    return Template("{% load look %}" + markup).render(Context(context))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ar", '18 نوفمبر 2026 <span class="date-alt">(8 جمادى الآخرة 1448)</span>'),
        ("en", '18 November 2026 <span class="date-alt">(8 Jumada al-Akhirah 1448)</span>'),
    ],
)
def test_a_day_stands_in_both_calendars(language, words):
    with translation.override(language):
        assert draw("{% dates day %}", day=date(2026, 11, 18)) == words


def test_outside_the_hijri_tables_the_gregorian_day_stands_alone():
    with translation.override("en"):
        assert draw("{% dates day %}", day=date(2100, 1, 1)) == "1 January 2100"


def test_a_moment_counts_as_its_day_in_riyadh():
    late = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
    with translation.override("en"):
        assert look.gregorian(late) == "22 November 2026"
        assert draw("{{ at|moment }}", at=late) == '22 November 2026, <bdi class="code" dir="ltr">00:30</bdi>'


@pytest.mark.req("DLN-4")
@pytest.mark.parametrize(
    ("day", "style", "icon", "words"),
    [
        (date(2026, 12, 18), "due", "clock", "بقي 26 يومًا"),
        (date(2026, 12, 7), "due", "clock", "بقي 15 يومًا"),
        (date(2026, 12, 6), "due due-soon", "clock", "بقي 14 يومًا"),
        (date(2026, 12, 2), "due due-soon", "clock", "بقي 10 أيام"),
        (date(2026, 11, 26), "due due-soon", "clock", "بقي 4 أيام"),
        (date(2026, 11, 25), "due due-now", "warn", "بقي 3 أيام"),
        (date(2026, 11, 24), "due due-now", "warn", "بقي يومان"),
        (date(2026, 11, 23), "due due-now", "warn", "بقي يوم واحد"),
        (date(2026, 11, 22), "due due-now", "warn", "تنتهي اليوم"),
        (date(2026, 11, 21), "due due-now", "bad", "مضت أمس"),
        (date(2026, 11, 15), "due due-now", "bad", "مضت قبل 7 أيام"),
        (date(2027, 3, 2), "due", "clock", "بقي 100 يوم"),
    ],
)
def test_a_deadline_says_the_date_and_then_the_days(day, style, icon, words):
    with translation.override("ar"):
        chip = draw("{% due day %}", day=day, today=TODAY)
    assert f'class="{style}"' in chip
    assert f"#i-{icon}" in chip
    assert chip.index(look.gregorian(day)[:2]) < chip.index(f"<b>{words}</b>")


@pytest.mark.req("DLN-4")
def test_a_deadline_stands_in_both_calendars():
    with translation.override("en"):
        chip = draw("{% due day before='Until' %}", day=date(2026, 12, 18), today=TODAY)
    assert 'Until Friday 18 December 2026 <span class="date-alt">(9 Rajab 1448)</span>' in chip
    assert "<b>26 days left</b>" in chip


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("{{ 160000|sar }}", "1,600.00"),
        ("{{ 60000|whole_sar }}", "600"),
        ("{{ 60050|whole_sar }}", "600.50"),
        ("{{ 0|sar }}", "0.00"),
    ],
)
def test_an_amount_is_isolated_from_the_line_around_it(markup, words):
    assert draw(markup) == f'<bdi class="code" dir="ltr">{words}</bdi>'


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ar", '<bdi class="code" dir="ltr">1,600.00</bdi> ر.س'),
        ("en", 'SAR <bdi class="code" dir="ltr">1,600.00</bdi>'),
    ],
)
def test_the_unit_stands_where_the_language_puts_it(language, words):
    with translation.override(language):
        assert draw("{% money 160000 %}") == words


@pytest.mark.parametrize(("size", "words"), [(1, "1 KB"), (831_000, "812 KB"), (2_500_000, "2.4 MB")])
def test_the_size_of_a_file(size, words):
    assert look.kilobytes(size) == words


def test_what_people_wrote_is_escaped():
    assert draw("{{ text|code }}{% badge '' text %}", text="<b>").count("&lt;b&gt;") == 2
