"""The QR code of a simplified tax invoice says what it was given, whatever script the seller writes (PAY-8)."""

import base64
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import demo, production
from payments import zatca

pytestmark = pytest.mark.req("PAY-8")
AT = datetime(2022, 4, 25, 15, 30, tzinfo=UTC)


def decoded(text: str) -> dict[int, str]:
    """What a reader of the code sees: values by tag."""
    told, values = base64.b64decode(text, validate=True), {}
    while told:
        tag, length = told[0], told[1]
        assert len(told) >= 2 + length
        values[tag], told = told[2 : 2 + length].decode(), told[2 + length :]
    return values


def test_it_equals_the_published_sample():
    text = zatca.qr_text(seller="Bobs Records", vat_number="310122393500003", at=AT, total=100_000, vat=15_000)
    assert text == ("AQxCb2JzIFJlY29yZHMCDzMxMDEyMjM5MzUwMDAwMwMUMjAyMi0wNC0yNVQxNTozMDowMFoEBzEwMDAuMDAFBjE1MC4wMA==")


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: len(name.encode()) <= 255)
arabic = st.text(st.characters(min_codepoint=0x600, max_codepoint=0x6FF), min_size=1, max_size=127)


@given(
    seller=names | arabic,
    at=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)),
    total=st.integers(0, 10**12),
    vat=st.integers(0, 10**11),
)
def test_what_is_read_is_what_was_written(seller, at, total, vat):
    values = decoded(zatca.qr_text(seller=seller, vat_number="300000000000003", at=at, total=total, vat=vat))
    assert list(values) == [1, 2, 3, 4, 5]
    assert (values[1], values[2]) == (seller, "300000000000003")
    assert values[3] == at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    assert [round(float(values[tag]) * 100) for tag in (4, 5)] == [total, vat]


@given(seller=st.text(st.characters(min_codepoint=0x600, max_codepoint=0x6FF), min_size=128))
def test_a_name_that_its_length_cannot_tell_is_refused(seller):
    """128 Arabic letters are 256 bytes."""
    with pytest.raises(ValueError, match="255 bytes"):
        zatca.qr_text(seller=seller, vat_number="300000000000003", at=AT, total=1, vat=0)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VAT_NUMBER", "12345", "VAT_NUMBER must have 15 digits"),
        ("VAT_NUMBER", "300000000000004", "VAT_NUMBER must have 15 digits"),
        ("VAT_NUMBER", "٣٠٠٠٠٠٠٠٠٠٠٠٠٠٣", "VAT_NUMBER must have 15 digits"),
        ("SELLER_NAME_AR", "ه" * 128, "at most 255 bytes"),
        ("SELLER_NAME_AR", "", "at most 255 bytes"),
        ("VAT_NUMBER", "300000000000003", ""),
    ],
)
def test_nonsense_stops_the_start(name, value, said):
    env = production.made_up() | {name: value}
    start = [sys.executable, "-c", "import mumaris.settings"]
    done = subprocess.run(start, env=env, cwd=demo.ROOT, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(said)
    assert said in done.stderr
