"""The wallet's forms: qualifications, experience, licences, a case number, an appeal, and one file at a time (DOC-1)."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import identity
from documents.checks import names_agree
from documents.models import Experience, Licence, Qualification
from mumaris.kit.fields import CalendarDateField, CleanCharField, Form, ModelForm

NAME_FIELDS = ["name_on_paper", "name_note"]


class EntryForm(ModelForm):
    """An entry whose paper, when it comes from abroad, is asked whom it names (DOC-5)."""

    name_on_paper = CleanCharField(
        label=_("Your name as on the paper, in English letters"),
        max_length=120,
        required=False,
        help_text=_("Only for a paper from outside the Kingdom."),
        widget=forms.TextInput({"lang": "en", "dir": "ltr", "autocomplete": "off"}),
    )
    name_note = CleanCharField(
        label=_("Why that name differs from yours"),
        max_length=200,
        required=False,
        help_text=_("Only where it does: another spelling, a marriage, a change of name."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("country") == "SA":
            data["name_on_paper"] = data["name_note"] = ""
        elif data.get("country") and "name_on_paper" in data:
            try:
                data["name_on_paper"] = self._readable_name(data["name_on_paper"])
            except ValidationError as error:
                self.add_error("name_on_paper", error)
        return data

    def _readable_name(self, typed: str) -> str:
        person = self.instance.practitioner
        if not typed:
            raise ValidationError(_("Type your name as it stands on the paper."), code="required")
        name = identity.english_name(typed)
        if names_agree(person.first_en, person.family_en, name):
            self.cleaned_data["name_note"] = ""
        elif not self.cleaned_data.get("name_note"):
            raise ValidationError(
                _(
                    "Your personal data names you %(name)s. If this is you all the same, say below why the name differs."
                ),
                code="another_name",
                params={"name": f"{person.first_en} {person.family_en}"},
            )
        return name


class QualificationForm(EntryForm):
    awarded_on = CalendarDateField(label=_("Awarded on"), not_future=True)
    equivalency = CleanCharField(
        label=_("Number of the equivalency by the Ministry of Education"),
        max_length=40,
        required=False,
        help_text=_("Only for a degree from outside the Kingdom. With it the degree needs no verification."),
        widget=forms.TextInput({"dir": "ltr", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, fields_of_study: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["field"] = forms.ChoiceField(label=_("Field"), choices=[("", _("Choose")), *fields_of_study])
        if not self.instance.practitioner.is_saudi:
            del self.fields["equivalency"]
        self.order_fields(["degree", "field", "title", "institution", "country", "awarded_on", "equivalency"])

    class Meta:
        model = Qualification
        fields = ["degree", "field", "title", "institution", "country", "awarded_on", "equivalency", *NAME_FIELDS]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("country") == "SA" and "equivalency" in data:
            data["equivalency"] = ""
        return data


class ExperienceForm(EntryForm):
    started_on = CalendarDateField(label=_("From"), not_future=True)
    ended_on = CalendarDateField(
        label=_("Until"), not_future=True, required=False, help_text=_("Leave empty while you still work there.")
    )

    class Meta:
        model = Experience
        fields = ["job", "employer", "country", "started_on", "ended_on", *NAME_FIELDS]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("started_on") and data.get("ended_on") and data["ended_on"] < data["started_on"]:
            self.add_error("ended_on", _("The end lies before the beginning."))
        abroad = data.get("country") not in (None, "", "SA")
        if abroad and not data.get("ended_on") and "ended_on" not in self.errors:
            # What is verified is a certificate, and it shows a last day; nothing grows beyond it by itself.
            self.add_error("ended_on", _("Enter the last day that the certificate from abroad shows."))
        return data


class LicenceForm(EntryForm):
    issued_on = CalendarDateField(label=_("Issued on"), not_future=True)
    expires_on = CalendarDateField(
        label=_("Expires on"), required=False, help_text=_("Leave empty where the paper names no end.")
    )

    class Meta:
        model = Licence
        fields = ["kind", "country", "authority", "number", "issued_on", "expires_on", *NAME_FIELDS]
        widgets = {"kind": forms.RadioSelect, "number": forms.TextInput({"dir": "ltr", "autocomplete": "off"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = Licence._meta.get_field("kind").choices
        self.fields["name_on_paper"].help_text = ""

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("country") == "SA":
            self.add_error(
                "country", _("Enter licences of other countries only; the Kingdom's own stands in its register.")
            )
        if data.get("issued_on") and data.get("expires_on") and data["expires_on"] < data["issued_on"]:
            self.add_error("expires_on", _("The end lies before the day of issue."))
        return data


class CaseForm(Form):
    """The company's number of a case (DOC-3)."""

    case_number = CleanCharField(
        label=_("Case number of the verification company"),
        max_length=40,
        help_text=_("It stands in the company's message to you, such as DF-2026-104233."),
        widget=forms.TextInput({"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
    )


class AppealForm(Form):
    text = CleanCharField(
        label=_("What is wrong with the result"),
        lines=True,
        max_length=2000,
        help_text=_("The company looks at the same documents again."),
    )
    once = forms.BooleanField(label=_("I understand that there is one appeal only"))


class UploadForm(Form):
    """One file for one slot; `dated` slots also ask the date on the paper."""

    file = forms.FileField(
        label=_("File"),
        error_messages={"required": _("Choose a file first."), "empty": _("The file is empty.")},
        allow_empty_file=False,
    )

    def __init__(self, *args: Any, dated: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if dated:
            self.fields["issued_on"] = CalendarDateField(label=_("Date on the paper"), not_future=True)
