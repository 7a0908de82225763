"""One spelling for every e-mail address (RELIABILITY, bad inputs 11 to 14)."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from mumaris.kit.addresses import canonical_email


@pytest.mark.req("ACC-4")
@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("sara@example.sa", "sara@example.sa"),
        ("Sara.ALI@Example.SA", "sara.ali@example.sa"),
        ("\u200f sara@example.sa \ufeff", "sara@example.sa"),
        ("o'neil+x_1@mail.example.co.uk", "o'neil+x_1@mail.example.co.uk"),
        ("sara@بريد.السعودية", "sara@xn--ngbof4h.xn--mgberp4a5d4ar"),
        ("sara@xn--ngbof4h.xn--mgberp4a5d4ar", "sara@xn--ngbof4h.xn--mgberp4a5d4ar"),
        ("sara@XN--NGBOF4H.xn--mgberp4a5d4ar", "sara@xn--ngbof4h.xn--mgberp4a5d4ar"),
        ("sara@münchen.de", "sara@xn--mnchen-3ya.de"),
        ("sara@日本のメール.jp", "sara@xn--u9j0m4a5dy578acvb.jp"),
        ("a" * 64 + "@x.sa", "a" * 64 + "@x.sa"),
    ],
)
def test_every_spelling_of_an_address_is_one(typed, canonical):
    assert canonical_email(typed) == canonical
    assert canonical_email(canonical) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "sara",
        "sara@",
        "@example.sa",
        "sara@localhost",
        "sara@@example.sa",
        "sara@a@example.sa",
        "sara@example.sa.",
        "sara@.example.sa",
        ".sara@example.sa",
        "sara.@example.sa",
        "sa..ra@example.sa",
        "sara ali@example.sa",
        '"sara ali"@example.sa',
        "sara@[127.0.0.1]",
        "sara@127.0.0.1",
        "sara@[IPv6:::1]",
        "sara@-example.sa",
        "sara@exa_mple.sa",
        "sara@ab--cd.sa",
        "a" * 65 + "@x.sa",
        "sara@" + ".".join(["a" * 60] * 4) + ".example",
        "sara@" + "a" * 64 + ".sa",
        "sara@example.sa,ali@example.sa",
        "sara@example.sa; ali@example.sa",
        "Sara <sara@example.sa>",
        "sara@example.sa\n",
        "sara@example.sa\r\nBcc: ali@example.sa",
        "sara\0@example.sa",
        "sara\ufffd@example.sa",
        "sаra@example.sa",  # a Cyrillic letter in the local part
        "sara@exаmple.sa",  # and in the domain
        "sara@xn--exmple-4nf.sa",  # the same in punycode
        "İ@example.sa",
        "ı@example.sa",
        "ﬁ@example.sa",
        "sara@ﬁrm.sa",
        "sara@İx.sa",
        "sara＠example.sa",
        "sara@example。sa",
        "sara@xn--a.sa",
        "sara@xn--.sa",
    ],
)
def test_what_is_not_one_plain_address_is_refused(typed):
    with pytest.raises(ValidationError) as refusal:
        canonical_email(typed)
    assert refusal.value.code == "email"


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_address_is_always_lower_case_ascii(local, domain):
    try:
        found = canonical_email(f"{local}@{domain}")
    except ValidationError:
        return
    assert found.isascii()
    assert found == found.lower() == canonical_email(found)
    assert found.count("@") == 1
    assert not set(found) & set(' ,;<>"\\\r\n')


@given(st.from_regex(r"[A-Za-z0-9]{1,20}@[A-Za-z0-9]{1,20}\.[A-Za-z]{2,6}", fullmatch=True))
def test_letter_case_never_makes_another_address(address):
    assert canonical_email(address) == canonical_email(address.swapcase()) == address.lower()
