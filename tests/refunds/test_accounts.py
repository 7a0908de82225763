"""Accounts that money goes to: a Saudi IBAN however it is typed, and nothing else (REF-6)."""

import pytest
from django.core.exceptions import ValidationError

from refunds import iban
from refunds.forms import AccountForm

RIGHT = "SA0380000000608010167519"


@pytest.mark.req("REF-6")
@pytest.mark.parametrize(
    "typed",
    [
        RIGHT,
        "SA03 8000 0000 6080 1016 7519",
        "sa03-8000-0000-6080-1016-7519",
        "  SA0380000000608010167519\u200f ",
        "SA٠٣ ٨٠٠٠ ٠٠٠٠ ٦٠٨٠ ١٠١٦ ٧٥١٩",
        "SA۰۳۸۰۰۰۰۰۰۰۶۰۸۰۱۰۱۶۷۵۱۹",
    ],
)
def test_an_iban_has_one_spelling(typed):
    assert iban.normalise(typed) == RIGHT


@pytest.mark.req("REF-6")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("SA0380000000608010167518", "check_digits"),
        ("SA0480000000608010167519", "check_digits"),
        ("SA038000000060801016751", "length"),
        ("SA03800000006080101675190", "length"),
        ("SA", "length"),
        ("0380000000608010167519", "country"),
        ("GB29NWBK60161331926819", "country"),
        ("AE070331234567890123456", "country"),
        ("SA03800000006080101675AB", "digits"),
        ("SA03800000006080101675½1", "digits"),
        ("4111111111111111", "country"),
        ("SA03\x00800000006080101675", "unreadable"),
    ],
)
def test_what_is_no_saudi_iban_is_refused_with_its_reason(typed, code):
    with pytest.raises(ValidationError) as refusal:
        iban.normalise(typed)
    assert refusal.value.code == code


@pytest.mark.req("REF-6")
def test_the_holder_is_named_and_the_reason_stands_at_the_field():
    assert AccountForm({"iban": RIGHT, "holder": "Samar Idris"}).is_valid()
    for typed, field in (
        ({"iban": RIGHT}, "holder"),
        ({"iban": RIGHT, "holder": "  "}, "holder"),
        ({"iban": RIGHT, "holder": "S"}, "holder"),
        ({"iban": RIGHT, "holder": "S" * 71}, "holder"),
        ({"iban": "", "holder": "Samar Idris"}, "iban"),
        ({"iban": "1" * 5000, "holder": "Samar Idris"}, "iban"),
    ):
        form = AccountForm(typed)
        assert not form.is_valid()
        assert set(form.errors) == {field}


def test_lists_show_its_ends_only():
    assert iban.mask(RIGHT) == "SA03 … 7519"
