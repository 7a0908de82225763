"""What a practitioner confirms before an application is given up (APP-7)."""

from django import forms
from django.utils.translation import gettext_lazy as _

from mumaris.kit.fields import Form


class WithdrawalForm(Form):
    """The tick under what the page says; `seen` is the number of moves that stood on it, so that a stale window is refused."""

    understood = forms.BooleanField(
        label=_("I understand that this is final"),
        help_text=_("It cannot be undone, neither by you nor by us."),
        error_messages={"required": _("Tick that you understand it to go on.")},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)
