"""Digits and invisible characters, as people paste them (RELIABILITY, bad inputs 1 to 6 and 28)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mumaris.kit import digits

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffd"))


@pytest.mark.req("ACC-3")
@pytest.mark.parametrize("typed", ["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９", "०१२३४५६७८९", "0١۲３४56٧۸９"])
def test_digits_of_every_script_become_ascii(typed):
    assert digits.ascii_digits(typed) == "0123456789"


@pytest.mark.parametrize("typed", ["²", "①", "½", "Ⅷ", "十", "a", ""])
def test_what_is_no_decimal_digit_stays(typed):
    assert digits.ascii_digits(typed) == typed


@given(st.text())
def test_no_other_decimal_digit_is_left(text):
    found = digits.ascii_digits(text)
    assert len(found) == len(text)
    assert all(char in "0123456789" for char in found if char.isdecimal())


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Sara  ", "Sara"),
        ("\u200f\u061csara\u200e\ufeff", "sara"),
        ("sa\u200bra\u200d\u2060", "sara"),
        ("sara\u00a0ali", "sara ali"),
        ("sara\tali\r\n", "sara ali"),
        ("sa\x07ra", "sara"),
        ("\u202egpj.exe\u202c", "gpj.exe"),
        ("e\u0301", "é"),
        ("مُحَمَّدٌ", "مُحَمَّدٌ"),
        ("سورة ۝", "سورة ۝"),
    ],
)
def test_the_invisible_is_taken_away(typed, kept):
    assert digits.clean(typed) == kept


def test_line_breaks_stay_where_lines_are_asked_for():
    assert digits.clean(" one\r\ntwo\rthree ", lines=True) == "one\ntwo\nthree"


@pytest.mark.parametrize("typed", ["a\0b", "a\ud800", "\udfff", "a\ufffdb"])
def test_unreadable_text_is_refused(typed):
    with pytest.raises(ValueError, match=r"\w"):
        digits.clean(typed)


@pytest.mark.parametrize("mark", ["\u0301", "\u064e", "\u0489"])
def test_piled_up_marks_are_refused_even_with_something_invisible_between(mark):
    assert digits.clean("x" + mark * digits.MARKS_IN_A_ROW)
    with pytest.raises(ValueError, match=r"\w"):
        digits.clean("x" + mark * 20_000)
    with pytest.raises(ValueError, match=r"\w"):
        digits.clean("x" + f"{mark}\u200b" * 20)


@given(ANY_TEXT)
def test_cleaning_is_done_once_and_for_all(text):
    try:
        kept = digits.clean(text)
    except ValueError:
        return  # piled-up marks
    assert digits.clean(kept) == kept
    assert kept == kept.strip()
    assert not any(unicodedata.category(char) == "Cc" for char in kept)
