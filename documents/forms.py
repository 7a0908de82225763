"""The wallet's forms: qualifications, experience, and one file at a time (DOC-1)."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from documents.models import Experience, Qualification
from mumaris.kit.fields import CalendarDateField, Form, ModelForm


class QualificationForm(ModelForm):
    awarded_on = CalendarDateField(label=_("Awarded on"), not_future=True)

    def __init__(self, *args: Any, fields_of_study: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["field"] = forms.ChoiceField(label=_("Field"), choices=[("", _("Choose")), *fields_of_study])
        self.order_fields(["degree", "field", "title", "institution", "country", "awarded_on"])

    class Meta:
        model = Qualification
        fields = ["degree", "field", "title", "institution", "country", "awarded_on"]


class ExperienceForm(ModelForm):
    started_on = CalendarDateField(label=_("From"), not_future=True)
    ended_on = CalendarDateField(
        label=_("Until"), not_future=True, required=False, help_text=_("Leave empty while you still work there.")
    )

    class Meta:
        model = Experience
        fields = ["job", "employer", "country", "started_on", "ended_on"]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("started_on") and data.get("ended_on") and data["ended_on"] < data["started_on"]:
            self.add_error("ended_on", _("The end lies before the beginning."))
        return data


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
