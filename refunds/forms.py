"""What a practitioner confirms before an application is given up (APP-7), and how money is asked back (REF-1, REF-6)."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mumaris.kit.fields import CleanCharField, Form, NormalisedField
from refunds import iban
from refunds.rules import CLAIMS, Rule


class WithdrawalForm(Form):
    """The tick under what the page says; `seen` is the number of moves that stood on it, so that a stale window is refused."""

    understood = forms.BooleanField(
        label=_("I understand that this is final"),
        help_text=_("It cannot be undone, neither by you nor by us."),
        error_messages={"required": _("Tick that you understand it to go on.")},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)


class AskForm(Form):
    """A ticket: by the rules alone, or with a ground that finance must accept, explained in words and by a paper (REF-4)."""

    ground = forms.ChoiceField(label=_("Why the money should go back"), required=False, widget=forms.RadioSelect)
    text = CleanCharField(
        label=_("What happened"), max_length=2000, required=False, lines=True, widget=forms.Textarea({"rows": 6})
    )
    file = forms.FileField(
        label=_("A paper that shows it"), required=False, error_messages={"empty": _("The file is empty.")}
    )

    def __init__(self, *args: Any, has_late_fee: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        claims = [Rule(one) for one in CLAIMS if one != Rule.LATE_PROOF or has_late_fee]
        self.fields["ground"].choices = [("", _("By the rules as they stand on this page"))] + [
            (one.value, one.label) for one in claims
        ]

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        if typed.get("ground") and not typed.get("text") and "text" not in self.errors:
            self.add_error("text", _("Say what happened, so that finance can judge the ground that you claim."))
        return typed


class AccountForm(Form):
    """Where money that came by SADAD goes (REF-6)."""

    iban = NormalisedField(
        label=_("IBAN"),
        normalise=iban.normalise,
        max_length=60,
        help_text=_("SA and 22 digits, as your bank shows it. Blanks do no harm."),
        error_messages={"required": _("Type the IBAN of the account.")},
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
    )
    holder = CleanCharField(
        label=_("Account holder"),
        max_length=70,
        min_length=3,
        help_text=_("The name as your bank writes it."),
        error_messages={"required": _("Name the holder of the account, as your bank writes it.")},
    )
