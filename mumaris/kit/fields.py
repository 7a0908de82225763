"""Form fields that take what people really type: digits of any script, both calendars, pasted invisible characters.

What was typed is kept on an error. Nothing is shifted or guessed: a value has one meaning, or the field says why not.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from hijridate import Hijri
from hijridate.ummalqura import GREGORIAN_RANGE, HIJRI_RANGE
from phonenumber_field.phonenumber import to_python as parse_phone
from phonenumbers import PhoneNumberType, number_type

from mumaris.kit import addresses, clock, digits

LINE_LENGTH = 200
TEXT_LENGTH = 5000

GREGORIAN, HIJRI = "gregorian", "hijri"
CALENDARS = [(GREGORIAN, pgettext_lazy("calendar", "Gregorian")), (HIJRI, pgettext_lazy("calendar", "Hijri"))]

# Both calendars of every date are shown, so only the days that the Umm al-Qura tables cover are dates here.
FIRST_DAY, LAST_DAY = date(*GREGORIAN_RANGE[0]), date(*GREGORIAN_RANGE[1])
FIRST_HIJRI_YEAR, LAST_HIJRI_YEAR = HIJRI_RANGE[0][0], HIJRI_RANGE[1][0]

Limit = date | Callable[[], date] | None


class CleanCharField(forms.CharField):
    """Text without invisible characters; unreadable or piled-up characters are an error at the field.

    One line of at most 200 characters, or with `lines=True` a text box of at most 5,000 that keeps its line breaks.
    """

    def __init__(self, *, lines: bool = False, **options: Any) -> None:
        self.lines = lines
        self.longest: int = options.setdefault("max_length", TEXT_LENGTH if lines else LINE_LENGTH)
        if lines:
            options.setdefault("widget", forms.Textarea({"rows": 5}))
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        # Far too long a text is left to the length check: it is not worth reading letter by letter.
        if isinstance(value, str) and len(value) <= 2 * self.longest:
            value = _reported(partial(digits.clean, lines=self.lines), value)
        return super().to_python(value)


class WholeNumberField(forms.IntegerField):
    """A whole number in digits of any script, and nothing that Python alone would read as one, such as `1_0`."""

    # A browser's own number box takes no Arabic digits.
    widget = forms.TextInput(attrs={"inputmode": "numeric"})

    def to_python(self, value: Any) -> int | None:
        text = _number_typed(value)
        if text and not re.fullmatch(r"[0-9]{1,18}", text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return int(text) if text else None


class RiyalsField(forms.DecimalField):
    """An amount in riyals, in digits of any script: 1500, 1,500.50 or ١٬٥٠٠٫٥٠. A comma only parts the thousands."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "dir": "ltr", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(decimal_places=2, **options)

    def to_python(self, value: Any) -> Any:
        text = _number_typed(value).translate({ord("٫"): ".", ord("٬"): ","})
        if text and not re.fullmatch(r"([0-9]{1,18}|[0-9]{1,3}(,[0-9]{3}){1,5})(\.[0-9]{1,18})?", text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return Decimal(text.replace(",", "")) if text else None


class NormalisedField(CleanCharField):
    """Text that `normalise` turns into its one spelling, raising ValidationError where it has none."""

    def __init__(self, *, normalise: Callable[[str], str], **options: Any) -> None:
        self.normalise = normalise
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        # `normalise` gets what was typed, for it may refuse what cleaning would take away (a line break in an address).
        text = "" if value in self.empty_values else str(value)
        if not text.strip():
            return self.empty_value
        return self.normalise(text) if len(text) <= self.longest else text


class IdentityNumberField(NormalisedField):
    """An identity number. Where its kind is chosen in the same form, leave `normalise` out and do it in `clean()`."""

    def __init__(self, *, normalise: Callable[[str], str] = str.strip, **options: Any) -> None:
        options.setdefault("max_length", 40)
        attrs = {"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}
        options.setdefault("widget", forms.TextInput(attrs=attrs))
        super().__init__(normalise=normalise, **options)


class CanonicalEmailField(NormalisedField):
    """An e-mail address in its one spelling; see `addresses.canonical_email`."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 320)
        options.setdefault("widget", forms.EmailInput(attrs={"autocomplete": "email"}))
        super().__init__(normalise=addresses.canonical_email, **options)


class MobileField(NormalisedField):
    """A mobile number as E.164 text (+966501234567): Saudi unless it starts with + or 00, and mobile when Saudi."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 40)
        options.setdefault("widget", forms.TextInput(attrs={"type": "tel", "dir": "ltr", "autocomplete": "tel"}))
        super().__init__(normalise=_mobile, **options)


def _mobile(text: str) -> str:
    text = digits.ascii_digits(_reported(digits.clean, text))
    # phonenumbers would read letters as keypad digits and drop an extension; neither is what was typed.
    if not re.fullmatch(r"\+?[0-9 ().-]+", text):
        raise ValidationError(_("Type digits only, such as 0501234567 or +20 100 123 4567."), code="mobile")
    number = parse_phone(text, region="SA")
    if not number.is_valid():
        message = _("This number does not exist. Check it, and type the country code of a foreign one.")
        raise ValidationError(message, code="mobile")
    if number.country_code == 966 and number_type(number) != PhoneNumberType.MOBILE:
        raise ValidationError(_("This is no mobile number. Saudi mobile numbers start with 05."), code="mobile")
    return number.as_e164


class CalendarDateWidget(forms.MultiWidget):
    """A calendar switch and three boxes, whose ids are the field's with _day, _month and _year."""

    template_name = "elements/date_widget.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        parts = {part: forms.TextInput({"inputmode": "numeric"}) for part in ("day", "month", "year")}
        super().__init__({"calendar": forms.RadioSelect(choices=CALENDARS), **parts}, attrs)

    def use_required_attribute(self, initial: Any) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_day" if id_ else ""

    def decompress(self, value: date | None) -> list[str]:
        return [GREGORIAN, str(value.day), str(value.month), str(value.year)] if value else [GREGORIAN, "", "", ""]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        widget = context["widget"]
        typed = value if isinstance(value, list) else self.decompress(value)
        switch, *boxes = widget["subwidgets"]
        id_, purpose = widget["attrs"].get("id", name), widget["attrs"].get("autocomplete", "off")
        for part, box in zip(("day", "month", "year"), boxes, strict=True):
            box["attrs"]["id"] = f"{id_}_{part}"
            box["attrs"]["autocomplete"] = purpose if purpose == "off" else f"{purpose}-{part}"
        widget["calendar"] = {"name": switch["name"], "id": id_, "choices": CALENDARS, "typed": typed[0] or GREGORIAN}
        widget["day"], widget["month"], widget["year"] = boxes
        try:
            widget["meant"] = read_date(*typed)
        except ValidationError:
            widget["meant"] = None
        return context


class CalendarDateField(forms.Field):
    """A day typed in either calendar (ACC-5); its value is the Gregorian date.

    `earliest` and `latest` are the first and last day taken: a date, or a callable asked at validation.
    `not_future=True` takes no day after today in Riyadh. Error codes for `error_messages`: too_early, too_late, future.
    """

    widget = CalendarDateWidget
    default_error_messages = {
        "too_early": _("The date must be %(limit)s or later."),
        "too_late": _("The date must be %(limit)s or earlier."),
        "future": _("This date is in the future. Check the year and the calendar."),
    }

    def __init__(
        self, *, earliest: Limit = None, latest: Limit = None, not_future: bool = False, **options: Any
    ) -> None:
        self.earliest, self.latest, self.not_future = earliest, latest, not_future
        super().__init__(**options)

    def to_python(self, value: Any) -> date | None:
        if isinstance(value, date):  # of a field that is held fast
            return value
        if not isinstance(value, list) or not any(value[1:]):
            return None
        return read_date(*value)

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value is None:
            return
        earliest, latest = _asked(self.earliest), _asked(self.latest)
        if earliest and value < earliest:
            raise self._beyond("too_early", earliest)
        if latest and value > latest:
            raise self._beyond("too_late", latest)
        if self.not_future and value > (today := clock.today(clock.now())):
            raise self._beyond("future", today)

    def _beyond(self, code: str, limit: date) -> ValidationError:
        return ValidationError(self.error_messages[code], code=code, params={"limit": date_format(limit, "j F Y")})

    def has_changed(self, initial: date | None, data: Any) -> bool:
        try:
            return initial != self.to_python(data)
        except ValidationError:
            return True


def read_date(calendar: str | None, day: str | None, month: str | None, year: str | None) -> date:
    """The Gregorian date that the three texts mean in `calendar`; ValidationError says what is wrong with them."""
    if calendar not in dict(CALENDARS):
        raise ValidationError(_("Choose the calendar: Gregorian or Hijri."), code="calendar")
    texts = [digits.ascii_digits(_reported(digits.clean, text or "")) for text in (day, month, year)]
    if not all(texts):
        raise ValidationError(_("Fill in the day, the month and the year."), code="incomplete")
    if not all(re.fullmatch(r"[0-9]{1,9}", text) for text in texts):
        raise ValidationError(_("Type the day, the month and the year in digits."), code="digits")
    if len(texts[2]) != 4:
        raise ValidationError(_("Type the year with four digits, in the last box."), code="year")
    d, m, y = map(int, texts)
    if not 1 <= m <= 12:
        message = _("The month is a number from 1 to 12. The day comes first, then the month.")
        raise ValidationError(message, code="month")
    return _hijri_date(d, m, y) if calendar == HIJRI else _gregorian_date(d, m, y)


def _gregorian_date(day: int, month: int, year: int) -> date:
    if FIRST_HIJRI_YEAR <= year <= LAST_HIJRI_YEAR:
        message = _("%(year)s is a Hijri year. Choose Hijri above the boxes, or type the Gregorian year.")
        raise ValidationError(message, code="hijri_year", params={"year": year})
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise _out_of_range(FIRST_DAY.year, LAST_DAY.year)
    _refuse_missing_day(day, month, year, monthrange(year, month)[1])
    found = date(year, month, day)
    if not FIRST_DAY <= found <= LAST_DAY:
        raise _out_of_range(FIRST_DAY.year + 1, LAST_DAY.year - 1)
    return found


def _hijri_date(day: int, month: int, year: int) -> date:
    if FIRST_DAY.year <= year <= LAST_DAY.year:
        message = _("%(year)s is a Gregorian year. Choose Gregorian above the boxes, or type the Hijri year.")
        raise ValidationError(message, code="gregorian_year", params={"year": year})
    if not FIRST_HIJRI_YEAR <= year <= LAST_HIJRI_YEAR:
        raise _out_of_range(FIRST_HIJRI_YEAR, LAST_HIJRI_YEAR)
    _refuse_missing_day(day, month, year, Hijri(year, month, 1).month_length())
    return date(*Hijri(year, month, day).to_gregorian().datetuple())


def _refuse_missing_day(day: int, month: int, year: int, days: int) -> None:
    if not 1 <= day <= days:
        message = _("There is no day %(day)s in that month: month %(month)s of %(year)s has %(days)s days.")
        raise ValidationError(message, code="day", params={"day": day, "month": month, "year": year, "days": days})


def _out_of_range(first: int, last: int) -> ValidationError:
    message = _("Type a year from %(first)s to %(last)s.")
    return ValidationError(message, code="range", params={"first": first, "last": last})


def _asked(limit: Limit) -> date | None:
    return limit() if callable(limit) else limit


def _number_typed(value: Any) -> str:
    """What was typed into a field of a number, in ASCII digits and without what can't be seen; far too much stays as it is."""
    text = "" if value in forms.Field.empty_values else str(value)
    return digits.ascii_digits(_reported(digits.clean, text)) if len(text) <= LINE_LENGTH else text


def _reported(read: Callable[[str], str], text: str) -> str:
    """What `read` makes of the text; its ValueError becomes an error of the form."""
    try:
        return read(text)
    except ValueError as error:
        raise ValidationError(str(error), code="unreadable") from None


class CleanTexts(forms.BaseForm):
    """Cleans every text of a form as CleanCharField does, whatever its fields (a ModelForm, a form of another app).

    A password is only checked for being readable and otherwise kept exactly. A day in one box is read in any digits.
    """

    def full_clean(self) -> None:
        for field in self.fields.values():
            if isinstance(field, forms.CharField) and not isinstance(field, CleanCharField):
                field.to_python = partial(_read_text, field, field.to_python)  # type: ignore[method-assign]
            elif isinstance(field, forms.DateField):
                field.to_python = partial(_read_day, field.to_python)  # type: ignore[method-assign]
        super().full_clean()


def _read_text(field: forms.CharField, read: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, str) and len(value) <= 2 * (field.max_length or TEXT_LENGTH):
        if isinstance(field.widget, forms.PasswordInput):
            _reported(_readable, value)
        else:
            value = _reported(partial(digits.clean, lines=isinstance(field.widget, forms.Textarea)), value)
    return read(value)


def _read_day(read: Callable[[Any], Any], value: Any) -> Any:
    return read(_number_typed(value) if isinstance(value, str) else value)


def _readable(text: str) -> str:
    digits.refuse_unreadable(text)
    return text


class Form(CleanTexts, forms.Form):
    """A form whose texts are clean."""


class ModelForm(CleanTexts, forms.ModelForm):
    """A form of a model, whose texts are clean."""
