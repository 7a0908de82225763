"""Dates, codes and sizes as papers write them."""

from datetime import date

import pytest
from django.utils import translation

from mumaris.kit.templatetags import papers


@pytest.mark.parametrize("active", ["ar", "en"])
def test_both_calendars_in_both_languages_whatever_language_is_active(active):
    day = date(2025, 2, 15)
    with translation.override(active):
        assert papers.gregorian(day, "ar") == "15 فبراير 2025"
        assert papers.gregorian(day, "en") == "15 February 2025"
        assert papers.hijri(day, "ar") == "16 شعبان 1446"
        assert papers.hijri(day, "en") == "16 Shaban 1446"


@pytest.mark.parametrize("day", [date(1924, 7, 31), date(2077, 11, 17)])
def test_outside_the_tables_there_is_no_hijri_date(day):
    assert papers.hijri(day, "ar") == ""


@pytest.mark.parametrize(
    "verify_url", ["https://portal.example/verify/K7Q4M2XD91", "https://portal.example/verify/K7Q4M2XD91/"]
)
def test_an_address_is_split_for_typing(verify_url):
    assert papers.code_address(verify_url) == "https://portal.example/verify/"
    assert papers.code_in_fours(verify_url) == ["K7Q4", "M2XD", "91"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Trinity College (Dublin).", "ltr"),
        ("(جامعة) Trinity", "rtl"),
        ("12 شارع", "rtl"),
        ("שלום", "rtl"),
        ("1448", "ltr"),
        ("", "ltr"),
    ],
)
def test_a_text_runs_the_way_of_its_first_letter(text, expected):
    assert papers.direction(text) == expected


@pytest.mark.parametrize(("letters", "expected"), [(10, ""), (11, "long"), (20, "long"), (21, "longest")])
def test_long_texts_get_smaller(letters, expected):
    assert papers.size("x" * letters, 10) == expected


@pytest.mark.parametrize(("letters", "expected"), [(6, ""), (7, "long"), (13, "long"), (14, "longest")])
def test_capitals_take_more_room(letters, expected):
    assert papers.size("X" * letters, 10) == expected
