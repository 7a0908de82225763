"""Asking to be exempt from all fees, and what an officer enters about such a request (PAY-7)."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mumaris.kit.fields import CalendarDateField, CleanCharField, Form
from payments.models import Ground


class ExemptionForm(Form):
    """The ground, and one file that proves it."""

    ground = forms.ChoiceField(label=_("Ground of the exemption"), choices=Ground, widget=forms.RadioSelect)
    file = forms.FileField(
        label=_("Evidence"),
        help_text=_("PDF, JPEG or PNG, up to 5 MB."),
        error_messages={"required": _("Choose a file first."), "empty": _("The file is empty.")},
    )
    statement = CleanCharField(
        label=_("What the officer should know"),
        lines=True,
        required=False,
        max_length=2000,
        help_text=_("Leave empty if the evidence says it all."),
    )


class MoveForm(Form):
    """What every decision may carry: a note that only staff read."""

    internal_text = CleanCharField(label=_("Internal text"), lines=True, required=False, max_length=2000)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.order_fields([*(name for name in self.fields if name != "internal_text"), "internal_text"])


class RecommendForm(MoveForm):
    starts_on = CalendarDateField(label=_("In force from"))
    ends_on = CalendarDateField(label=_("Last day in force"), required=False, help_text=_("Leave empty for no end."))


class ApproveForm(MoveForm):
    """`seen` is the recommendation that stood on the page, so that a stale window is refused."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)


class ReasonForm(MoveForm):
    reason = CleanCharField(label=_("Reason for the practitioner"), lines=True, max_length=2000)


class SendBackForm(MoveForm):
    internal_text = CleanCharField(label=_("Reason for the colleague"), lines=True, max_length=2000)
