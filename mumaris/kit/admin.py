"""Policies at the desk."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from mumaris.kit.models import PolicyValue
from mumaris.kit.policy import FIRST_VALUES, LIMITS
from mumaris.kit.readonly import EffectiveAdmin, EffectiveForm


class PolicyValueForm(EffectiveForm):
    key = forms.ChoiceField(label=_("Policy"), choices=[(key, key) for key in FIRST_VALUES])
    value = forms.IntegerField(label=_("Value"), min_value=0, max_value=9999)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        least, most = LIMITS.get(data.get("key", ""), (1, 9999))
        if data.get("value") is not None and not least <= data["value"] <= most:
            self.add_error(
                "value",
                _("This policy takes a number from %(least)s to %(most)s.") % {"least": least, "most": most},
            )
        if PolicyValue.objects.filter(key=data.get("key"), effective_from=data.get("effective_from")).exists():
            self.add_error("effective_from", _("A value of this policy begins on that day already."))
        return data


@admin.register(PolicyValue)
class PolicyValueAdmin(EffectiveAdmin):
    form = PolicyValueForm
    fields = ["key", "value", "effective_from", "source", "official"]
    list_display = ["key", "value", "effective_from", "source", "figure"]
    list_filter = ["official"]
