"""What people enter about money: a request to be exempt and its decision (PAY-7), and a price with its tax (PAY-8)."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mumaris.kit.fields import CalendarDateField, CleanCharField, Form
from mumaris.kit.readonly import EffectiveForm
from payments.models import Ground, TaxTreatment


class ExemptionForm(Form):
    """The ground, and one file that proves it."""

    ground = forms.ChoiceField(
        label=_("Ground of the exemption"),
        choices=Ground,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the ground of the exemption.")},
    )
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

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["ground"].choice_hints = {  # type: ignore[attr-defined]
            Ground.MARTYR_RELATIVE: _(
                "Evidence: a paper of the authority that names the martyr, and shows how you are related"
            ),
            Ground.SECRETARY_GENERAL: _("Evidence: the decision, with its number and date"),
        }


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


class TaxedForm(EffectiveForm):
    """A price with its tax treatment: only who has a VAT number may tax it."""

    def clean_tax(self) -> str:
        tax = self.cleaned_data["tax"]
        if tax == TaxTreatment.STANDARD and not settings.VAT_NUMBER:
            raise forms.ValidationError(gettext("No fee can be taxed before the operator has set VAT_NUMBER."))
        return tax
