"""Identity numbers and names (RELIABILITY, bad inputs 1 to 9; part D, encryption)."""

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from accounts import identity

CITIZEN, RESIDENT = "1058529940", "2123456747"
ARABIC, PERSIAN, WIDE = "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９"


def spelt(number: str, script: str) -> str:
    return number.translate(str.maketrans("0123456789", script))


def refusal(kind: str, number: str, country: str = "") -> str:
    with pytest.raises(ValidationError) as refused:
        identity.normalise(kind, number, country)
    assert all(refused.value.messages)
    return refused.value.code


@pytest.mark.req("ACC-3")
@pytest.mark.req("ACC-4")
@pytest.mark.parametrize(
    "typed",
    [
        CITIZEN,
        spelt(CITIZEN, ARABIC),
        spelt(CITIZEN, PERSIAN),
        spelt(CITIZEN, WIDE),
        "1٠5۸５29940",
        " 1058529940 ",
        "105 852 9940",
        "105-852-9940",
        "105\u2013852\u20119940",
        "\u200f1058529940\u200e",
        "\u061c10585\u200d29940",
        "1058\u00a0529940",
        "\ufeff1058529940",
    ],
)
def test_every_spelling_of_one_number_is_one_number(typed):
    assert identity.normalise(identity.NATIONAL_ID, typed) == CITIZEN
    assert identity.key(identity.NATIONAL_ID, typed) == identity.key(identity.NATIONAL_ID, CITIZEN)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("105852994²", "digits"),
        ("105852994⑨", "digits"),
        ("105852994O", "digits"),
        ("", "digits"),
        ("1058529941", "check_digit"),
        ("105852994", "length"),
        ("10585299400", "length"),
        ("1058529940\n", "unreadable"),
        ("1058529940\r\n", "unreadable"),
        ("10585\0 29940", "unreadable"),
        ("1058529940\ud800", "unreadable"),
        ("3058529948", "kind"),
        ("0058529941", "kind"),
        (RESIDENT, "kind"),
    ],
)
def test_a_wrong_national_id_is_refused_with_its_reason(typed, code):
    assert refusal(identity.NATIONAL_ID, typed) == code


def test_a_national_id_is_no_iqama():
    assert refusal(identity.IQAMA, CITIZEN) == "kind"
    assert identity.normalise(identity.IQAMA, RESIDENT) == RESIDENT


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True), st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_never_passes(start, place, shift):
    number = start + luhn.calc_check_digit(start)
    kind = identity.NATIONAL_ID if number[0] == "1" else identity.IQAMA
    assert identity.normalise(kind, number) == number
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    with pytest.raises(ValidationError):
        identity.normalise(kind, wrong)


@given(st.text(max_size=15))
def test_whatever_is_typed_there_is_an_answer(text):
    for kind, country in [
        (identity.NATIONAL_ID, ""),
        (identity.IQAMA, ""),
        (identity.PASSPORT, "IN"),
        (identity.GCC_ID, "AE"),
    ]:
        try:
            found = identity.normalise(kind, text, country)
        except ValidationError:
            continue
        assert found.isascii()
        assert identity.normalise(kind, found, country) == found
    identity.guess_kind(text)


@pytest.mark.parametrize(
    ("typed", "number"), [("z1234567", "Z1234567"), ("Z 12-345٦٧", "Z1234567"), ("AB1234567", "AB1234567")]
)
def test_a_passport_has_one_spelling(typed, number):
    assert identity.normalise(identity.PASSPORT, typed, "IN") == number


@pytest.mark.parametrize(
    "typed", ["Z1234", "Z123456789", "Z12345ß7", "Z12345²7", "Ж1234567", "Z1234567/8", "ｚ1234567"]
)
def test_what_is_no_passport_number_is_refused(typed):
    assert refusal(identity.PASSPORT, typed, "IN") == "passport"


@pytest.mark.parametrize("country", ["", "in", "XX", "IND", "356"])
def test_a_passport_needs_its_country(country):
    assert refusal(identity.PASSPORT, "Z1234567", country) == "country"


@pytest.mark.parametrize(
    ("country", "typed", "number"),
    [
        ("AE", "784-1990-1234567-1", "784199012345671"),
        ("BH", "900 123 456", "900123456"),
        ("KW", spelt("290010112345", ARABIC), "290010112345"),
        ("OM", "1234567", "1234567"),
        ("QA", "29063412345", "29063412345"),
    ],
)
def test_a_gulf_identity_has_the_length_of_its_state(country, typed, number):
    assert identity.normalise(identity.GCC_ID, typed, country) == number
    assert refusal(identity.GCC_ID, number + "0000", country) == "gcc"


def test_saudis_have_no_gulf_identity_here():
    assert refusal(identity.GCC_ID, CITIZEN, "SA") == "country"


def test_an_unknown_kind_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="identity kind"):
        identity.normalise("library_card", CITIZEN)


@pytest.mark.req("ACC-4")
def test_keys_tell_kinds_and_countries_apart():
    keys = {
        identity.key(identity.NATIONAL_ID, CITIZEN),
        identity.key(identity.IQAMA, RESIDENT),
        identity.key(identity.PASSPORT, "123456789", "BH"),
        identity.key(identity.PASSPORT, "123456789", "IN"),
        identity.key(identity.GCC_ID, "123456789", "BH"),
        identity.key(identity.GCC_ID, "123456789", "OM"),
    }
    assert len(keys) == 6
    assert {len(key) for key in keys} == {32}


def test_a_country_given_with_a_national_id_changes_nothing():
    assert identity.key(identity.NATIONAL_ID, CITIZEN, "IN") == identity.key(identity.NATIONAL_ID, CITIZEN)


def test_the_key_hangs_on_the_pepper(settings):
    before = identity.key(identity.NATIONAL_ID, CITIZEN)
    settings.IDENTITY_PEPPER = b"another pepper, thirty-two bytes"
    assert identity.key(identity.NATIONAL_ID, CITIZEN) != before


def test_a_sealed_number_comes_back_and_does_not_show():
    sealed = identity.seal(CITIZEN)
    assert identity.unseal(sealed) == identity.unseal(memoryview(sealed)) == CITIZEN
    assert CITIZEN.encode() not in sealed
    assert identity.seal(CITIZEN) != sealed


def test_after_rotation_old_seals_open_and_new_ones_use_the_new_key(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.IDENTITY_FERNET_KEYS = [old]
    sealed_before = identity.seal(CITIZEN)
    settings.IDENTITY_FERNET_KEYS = [new, old]
    assert identity.unseal(sealed_before) == CITIZEN
    sealed_after = identity.seal(CITIZEN)
    settings.IDENTITY_FERNET_KEYS = [new]
    assert identity.unseal(sealed_after) == CITIZEN
    with pytest.raises(InvalidToken):
        identity.unseal(sealed_before)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("2123456743", "2*******43"), ("AB1234567", "A******67"), ("1234", "1*34"), ("123", "***"), ("", "")],
)
def test_a_mask_shows_the_first_and_the_last_two(number, shown):
    assert identity.mask(number) == shown


@pytest.mark.req("ACC-3")
@pytest.mark.parametrize(
    ("typed", "kind", "keys"),
    [
        ("sara@example.sa", identity.EMAIL, []),
        (CITIZEN, identity.NATIONAL_ID, [(identity.NATIONAL_ID, CITIZEN, "")]),
        (spelt(RESIDENT, ARABIC), identity.IQAMA, [(identity.IQAMA, RESIDENT, "")]),
        ("IN-Z1234567", identity.PASSPORT, [(identity.PASSPORT, "Z1234567", "IN")]),
        (" in z1234567 ", identity.PASSPORT, [(identity.PASSPORT, "Z1234567", "IN")]),
        (
            "BH 900123456",
            identity.PASSPORT,
            [(identity.PASSPORT, "900123456", "BH"), (identity.GCC_ID, "900123456", "BH")],
        ),
        ("AE-784-1990-1234567-1", identity.PASSPORT, [(identity.GCC_ID, "784199012345671", "AE")]),
        ("Z1234567", "", []),
        ("1058529941", "", []),
        ("sara", "", []),
        ("", "", []),
        ("\0", "", []),
    ],
)
def test_a_sign_in_name_leads_to_the_keys_it_may_mean(typed, kind, keys):
    assert identity.guess_kind(typed) == kind
    assert identity.login_keys(typed) == [identity.key(*each) for each in keys]


@pytest.mark.req("ACC-5")
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("سارة", "سارة"),
        ("  عبد   الله ", "عبد الله"),
        ("مُحَمَّد", "مُحَمَّد"),
        ("\ufee3\ufea4\ufee4\ufeaa", "محمد"),  # presentation forms, as copied out of a PDF
        ("\u200fسارة", "سارة"),
        ("پروین گل", "پروین گل"),
    ],
)
def test_arabic_names(typed, name):
    assert identity.arabic_name(typed) == name


@pytest.mark.req("ACC-5")
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Sara", "Sara"),
        ("Al-Harbi", "Al-Harbi"),
        ("O\u2019Neil", "O'Neil"),
        ("José", "José"),
        ("St.  John", "St. John"),
        ("ﬁona", "fiona"),
    ],
)
def test_english_names(typed, name):
    assert identity.english_name(typed) == name


@pytest.mark.parametrize(
    "typed", ["Sara", "سارةA", "سـارة", "سارة٢", "سارة²", "سارة!", "", " ", "-", "سا\0رة", "س" + "\u064e" * 9]
)
def test_what_is_no_arabic_name_is_refused(typed):
    with pytest.raises(ValidationError) as refused:
        identity.arabic_name(typed)
    assert refused.value.code == "name"


@pytest.mark.parametrize("typed", ["سارة", "Sаra", "Sara2", "Saraⅷ", "S@ra", "<b>", "", "'", "😀"])
def test_what_is_no_english_name_is_refused(typed):
    with pytest.raises(ValidationError) as refused:
        identity.english_name(typed)
    assert refused.value.code == "name"
