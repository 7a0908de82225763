"""Form fields (RELIABILITY, bad inputs 5 and 11 to 14 at the form; 27 to 29, 35 and 37)."""

from datetime import UTC, date, datetime

import pytest
from django import forms
from django.http import QueryDict
from django.utils import translation
from hijridate import Gregorian
from hypothesis import given
from hypothesis import strategies as st

from mumaris.kit import clock, digits, fields

FIRST, LAST = fields.FIRST_DAY, fields.LAST_DAY


class Letter(fields.Form):
    day = fields.CalendarDateField()


class Contact(fields.Form):
    mobile = fields.MobileField(required=False)
    email = fields.CanonicalEmailField(required=False)
    number = fields.IdentityNumberField(required=False)
    remark = fields.CleanCharField(required=False, lines=True, max_length=50)
    plain = forms.CharField(required=False, max_length=50)
    password = forms.CharField(required=False, strip=False, widget=forms.PasswordInput)


def posted(form: type[forms.Form], **values: str) -> forms.Form:
    data = QueryDict(mutable=True)
    data.update(values)
    return form(data)


def letter(calendar: str, day: str, month: str, year: str, form: type[forms.Form] = Letter) -> forms.Form:
    return posted(form, day_calendar=calendar, day_day=day, day_month=month, day_year=year)


def code(form: forms.Form, name: str = "day") -> str:
    """The code of the one error at the field; the form refuses nothing else."""
    assert not form.is_valid()
    assert list(form.errors) == [name]
    (problem,) = form.errors[name].get_json_data()
    assert problem["message"]
    return problem["code"]


@pytest.mark.req("ACC-5")
@pytest.mark.parametrize(
    ("typed", "day"),
    [
        (("gregorian", "2", "8", "2026"), date(2026, 8, 2)),
        (("gregorian", "02", "08", "2026"), date(2026, 8, 2)),
        (("gregorian", "٢", "٨", "٢٠٢٦"), date(2026, 8, 2)),
        (("gregorian", "۲", " 8 ", "\u200f2026"), date(2026, 8, 2)),
        (("gregorian", "29", "2", "2028"), date(2028, 2, 29)),
        (("hijri", "19", "2", "1448"), date(2026, 8, 2)),
        (("hijri", "١٩", "٢", "١٤٤٨"), date(2026, 8, 2)),
        (("hijri", "1", "1", "1343"), FIRST),
        (("hijri", "30", "12", "1500"), LAST),
        (("gregorian", "1", "8", "1924"), FIRST),
        (("gregorian", "16", "11", "2077"), LAST),
    ],
)
def test_a_day_in_either_calendar_is_one_gregorian_date(typed, day):
    form = letter(*typed)
    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"day": day}


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (("gregorian", "29", "2", "2026"), "day"),
        (("gregorian", "30", "2", "2028"), "day"),
        (("gregorian", "31", "4", "2026"), "day"),
        (("gregorian", "0", "4", "2026"), "day"),
        (("hijri", "30", "2", "1447"), "day"),  # 29 days in the Umm al-Qura tables
        (("hijri", "31", "1", "1447"), "day"),
        (("gregorian", "2", "13", "2026"), "month"),
        (("gregorian", "8", "25", "2026"), "month"),
        (("hijri", "1", "0", "1447"), "month"),
        (("gregorian", "1", "1", "1447"), "hijri_year"),
        (("hijri", "1", "1", "2026"), "gregorian_year"),
        (("gregorian", "1", "1", "0001"), "range"),
        (("gregorian", "31", "12", "9999"), "range"),
        (("gregorian", "31", "7", "1924"), "range"),
        (("gregorian", "17", "11", "2077"), "range"),
        (("hijri", "30", "12", "1342"), "range"),
        (("hijri", "1", "1", "1501"), "range"),
        (("hijri", "1", "1", "9999"), "range"),
        (("gregorian", "2", "8", "26"), "year"),
        (("gregorian", "2026", "8", "2"), "year"),
        (("gregorian", "2", "8", "20260"), "year"),
        (("gregorian", "2/8/2026", "8", "2026"), "digits"),
        (("gregorian", "-2", "8", "2026"), "digits"),
        (("gregorian", "²", "8", "2026"), "digits"),
        (("gregorian", "2.0", "8", "2026"), "digits"),
        (("gregorian", "9" * 5000, "8", "2026"), "digits"),
        (("gregorian", "2", "آب", "2026"), "digits"),
        (("gregorian", "", "8", "2026"), "incomplete"),
        (("gregorian", "2", "8", ""), "incomplete"),
        (("gregorian", "2\0", "8", "2026"), "unreadable"),
        (("gregorian", "2\ud800", "8", "2026"), "unreadable"),
        (("", "2", "8", "2026"), "calendar"),
        (("mayan", "2", "8", "2026"), "calendar"),
        (("gregorian", "", "", ""), "required"),
    ],
)
def test_what_is_no_day_is_refused_with_a_hint_and_kept(typed, why):
    form = letter(*typed)
    assert code(form) == why
    assert form["day"].value() == list(typed)


def test_the_message_names_the_length_of_the_month():
    with translation.override("en"):
        (message,) = letter("hijri", "30", "2", "1447").errors["day"]
    assert "29 days" in message


def test_the_parts_missing_altogether_are_a_required_date():
    assert code(posted(Letter)) == "required"


@pytest.mark.req("ACC-5")
@given(st.dates(FIRST, LAST))
def test_every_day_reads_the_same_in_both_calendars(day):
    there = Gregorian.fromdate(day).to_hijri()
    assert fields.read_date("gregorian", str(day.day), str(day.month), str(day.year)) == day
    assert fields.read_date("hijri", str(there.day), str(there.month), str(there.year)) == day


@given(st.sampled_from(["gregorian", "hijri"]), st.integers(-5, 40), st.integers(-5, 20), st.integers(-5, 10_005))
def test_no_numbers_ever_break_the_field(calendar, day, month, year):
    form = letter(calendar, str(day), str(month), f"{year:04}")
    if form.is_valid():
        assert FIRST <= form.cleaned_data["day"] <= LAST
    else:
        assert form.errors["day"]


@given(st.lists(st.text(max_size=6), min_size=4, max_size=4))
def test_no_texts_ever_break_the_field(texts):
    form = letter(*texts)
    form.is_valid()
    assert str(form["day"])


class TestLimits:
    def form(self, typed: date, **options: object) -> forms.Form:
        class Limited(fields.Form):
            day = fields.CalendarDateField(**options)

        return letter("gregorian", str(typed.day), str(typed.month), str(typed.year), Limited)

    @pytest.mark.req("DOC-5")
    def test_the_first_and_the_last_day_count(self):
        limits = {"earliest": date(2026, 8, 22), "latest": lambda: date(2026, 8, 24)}
        assert code(self.form(date(2026, 8, 21), **limits)) == "too_early"
        assert self.form(date(2026, 8, 22), **limits).is_valid()
        assert self.form(date(2026, 8, 24), **limits).is_valid()
        assert code(self.form(date(2026, 8, 25), **limits)) == "too_late"

    def test_the_message_names_the_limit_or_is_the_forms_own(self):
        with translation.override("en"):
            (message,) = self.form(date(2026, 8, 21), earliest=date(2026, 8, 22)).errors["day"]
            assert "22 August 2026" in message
            own = {"too_early": "The letter is older than 3 months."}
            (message,) = self.form(date(2026, 8, 21), earliest=date(2026, 8, 22), error_messages=own).errors["day"]
            assert message == "The letter is older than 3 months."

    def test_tomorrow_in_riyadh_is_the_future(self, monkeypatch):
        # 23:30 on the 21st in UTC is 02:30 on the 22nd in Riyadh.
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
        assert self.form(date(2026, 11, 22), not_future=True).is_valid()
        assert code(self.form(date(2026, 11, 23), not_future=True)) == "future"


def test_an_optional_date_may_stay_empty_but_not_half_empty():
    class Optional(fields.Form):
        day = fields.CalendarDateField(required=False)

    form = letter("hijri", "", "", "", Optional)
    assert form.is_valid()
    assert form.cleaned_data == {"day": None}
    assert code(letter("hijri", "1", "", "", Optional)) == "incomplete"


@pytest.mark.parametrize(("initial", "changed"), [(date(2026, 8, 2), False), (date(2026, 8, 3), True), (None, True)])
def test_the_same_day_in_the_other_calendar_is_no_change(initial, changed):
    data = letter("hijri", "19", "2", "1448").data
    assert Letter(data, initial={"day": initial}).has_changed() is changed


def test_the_boxes_carry_ids_that_an_error_can_lead_to():
    html = str(Letter(prefix="a")["day"])
    for part in ("day", "month", "year"):
        assert f'name="a-day_{part}"' in html
        assert f'id="id_a-day_{part}"' in html
        assert f'for="id_a-day_{part}"' in html
    assert Letter(prefix="a")["day"].id_for_label == "id_a-day_day"
    assert html.count('inputmode="numeric"') == 3
    assert 'value="gregorian" id="id_a-day_gregorian" checked' in html
    assert "required" not in html
    assert "style=" not in html


def test_what_was_typed_is_shown_again_with_the_other_calendar_under_it():
    with translation.override("en"):
        html = str(letter("hijri", "١٩", "2", "1448")["day"])
        assert 'value="١٩"' in html
        assert 'value="hijri" id="id_day_hijri" checked' in html
        assert "2 August 2026" in html
        assert "19 Safar 1448" in str(Letter(initial={"day": date(2026, 8, 2)})["day"])
        wrong = letter("gregorian", "<b>", "2", "2026")
        assert "&lt;b&gt;" in str(wrong["day"])
        assert 'aria-invalid="true"' in str(wrong["day"])
        assert "hint" not in str(wrong["day"])


def test_a_birth_date_says_so_to_the_browser():
    widget = fields.CalendarDateWidget(attrs={"autocomplete": "bday"})
    html = widget.render("born", None, {"id": "id_born"})
    assert [f'autocomplete="bday-{part}"' in html for part in ("day", "month", "year")] == [True] * 3


@pytest.mark.req("ACC-5")
@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0501234567", "+966501234567"),
        ("+966501234567", "+966501234567"),
        ("00966501234567", "+966501234567"),
        ("966501234567", "+966501234567"),
        ("501234567", "+966501234567"),
        ("٠٥٠١٢٣٤٥٦٧", "+966501234567"),
        ("۰۵۰ ۱۲۳ ۴۵۶۷", "+966501234567"),
        ("\u200e050-123-4567 ", "+966501234567"),
        ("+966 (50) 123.4567", "+966501234567"),
        ("+20 100 123 4567", "+201001234567"),
        ("0020 100 123 4567", "+201001234567"),
        ("+1 202 555 0123", "+12025550123"),
        ("", ""),
    ],
)
def test_a_mobile_number_is_one_e164_number(typed, number):
    form = posted(Contact, mobile=typed)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["mobile"] == number


@pytest.mark.parametrize(
    "typed",
    [
        "0112345678",
        "+966112345678",
        "050123456",
        "05012345678",
        "050-FLOWERS",
        "0501234567x5",
        "0501234567;ext=5",
        "05012345٦²",
        "+",
        "12",
        "()",
        "+999501234567",
        "0501234567,0501234568",
        "0501234567\0",
    ],
)
def test_what_is_no_mobile_number_is_refused_and_kept(typed):
    form = posted(Contact, mobile=typed)
    assert code(form, "mobile") in ("mobile", "unreadable")
    assert form["mobile"].value() == typed


@pytest.mark.req("ACC-4")
def test_an_address_comes_out_in_its_one_spelling_or_is_kept_as_typed():
    form = posted(Contact, email=" Sara@Example.SA ")
    assert form.is_valid()
    assert form.cleaned_data["email"] == "sara@example.sa"
    form = posted(Contact, email="sara@exаmple.sa")
    assert code(form, "email") == "email"
    assert form["email"].value() == "sara@exаmple.sa"
    assert code(posted(Contact, email="sara@example.sa\r\nBcc: ali@example.sa"), "email") == "email"


def test_an_identity_number_of_a_known_kind_is_normalised_at_the_field():
    class Residence(fields.Form):
        number = fields.IdentityNumberField(normalise=lambda text: digits.ascii_digits(text.replace(" ", "")))

    form = posted(Residence, number="٢١ ٢٣")
    assert form.is_valid()
    assert form.cleaned_data["number"] == "2123"
    assert code(posted(Residence, number="  "), "number") == "required"
    assert code(posted(Residence, number="1" * 41), "number") == "max_length"
    assert code(posted(Residence, number=" " * 100 + "1"), "number") == "max_length"


@pytest.mark.parametrize("name", ["remark", "plain"])
class TestTexts:
    def test_the_invisible_is_taken_away(self, name):
        form = posted(Contact, **{name: " a\u200f b\u00a0c\u202e "})
        assert form.is_valid()
        assert form.cleaned_data[name] == "a b c"

    def test_the_unreadable_is_an_error_at_the_field_and_kept(self, name):
        for typed in ("a\0", "\ud800", "a\ufffd", "a" + "\u0301" * 20):
            form = posted(Contact, **{name: typed})
            assert code(form, name) == "unreadable"
            assert form[name].value() == typed

    def test_too_long_a_text_is_an_error_at_the_field(self, name):
        assert code(posted(Contact, **{name: "x" * 51}), name) == "max_length"
        assert code(posted(Contact, **{name: "x\u0301\u0301" * 40_000}), name) == "max_length"

    def test_what_was_only_invisible_is_empty(self, name):
        class Asked(fields.Form):
            text = fields.CleanCharField() if name == "remark" else forms.CharField()

        assert code(posted(Asked, text="\u200f\u00a0\u200b"), "text") == "required"


def test_only_a_text_box_keeps_line_breaks():
    form = posted(Contact, remark="one\r\ntwo", plain="one\r\ntwo")
    assert form.is_valid()
    assert (form.cleaned_data["remark"], form.cleaned_data["plain"]) == ("one\ntwo", "one two")


@pytest.mark.parametrize("password", ["  كلمة مرور طويلة  ", "\u200fx\u00a0y😀", "x" * 1000])
def test_a_password_is_kept_exactly(password):
    form = posted(Contact, password=password)
    assert form.is_valid()
    assert form.cleaned_data["password"] == password


@pytest.mark.parametrize("password", ["secret\0", "secret\ud800", "secret" + chr(0xFFFD)])
def test_an_unreadable_password_is_refused(password):
    assert code(posted(Contact, password=password), "password") in ("unreadable", "null_characters_not_allowed")


class Amounts(fields.Form):
    days = fields.WholeNumberField(required=False, min_value=1, max_value=9999)
    riyals = fields.RiyalsField(required=False, min_value=0, max_value=1_000_000)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1500", "1500"),
        ("1,500.5", "1500.5"),
        ("١٬٥٠٠٫٥٠", "1500.50"),
        ("۱۵۰۰٫۵", "1500.5"),
        (" \u200f1500\u00a0", "1500"),
        ("1,000,000", "1000000"),
        ("0", "0"),
    ],
)
def test_an_amount_is_read_in_any_digits(typed, read):
    form = posted(Amounts, riyals=typed)
    assert form.is_valid()
    assert str(form.cleaned_data["riyals"]) == read


@pytest.mark.parametrize(
    "typed",
    [
        "1,5",
        "1,50",
        "15,00",
        "1٫5٫0",
        "1.5.0",
        "-1",
        "1e3",
        "1_000",
        "NaN",
        "Infinity",
        "0.005",
        "½",
        "²",
        "1 500",
        "،5",
        "9" * 19,
        "9" * 300,
        "1000000.01",
        "5\0",
        "\ud800",
        "riyals",
    ],
)
def test_what_is_no_amount_is_refused_and_kept(typed):
    """Nothing is guessed: in `1,5` the comma could part the halalas or be a slip."""
    form = posted(Amounts, riyals=typed)
    assert set(form.errors) == {"riyals"}
    assert form["riyals"].value() == typed


@pytest.mark.parametrize("typed", ["٧", "۷", "7", " 7\u200f", "\u200b7"])
def test_a_whole_number_is_read_in_any_digits(typed):
    form = posted(Amounts, days=typed)
    assert form.is_valid()
    assert form.cleaned_data["days"] == 7


@pytest.mark.parametrize("typed", ["7.5", "٧٫٥", "-7", "1_0", "0", "10000", "9" * 30, "9" * 300, "7\0", "soon"])
def test_what_is_no_whole_number_is_refused_and_kept(typed):
    form = posted(Amounts, days=typed)
    assert set(form.errors) == {"days"}
    assert form["days"].value() == typed
