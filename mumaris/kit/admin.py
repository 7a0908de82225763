"""Policies, holidays and alarms at the desk."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_POST

from mumaris.kit import alarms, clock
from mumaris.kit.fields import CleanCharField, Form, ModelForm, WholeNumberField
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import Alarm, Holiday, PolicyValue
from mumaris.kit.policy import FIRST_VALUES, LIMITS
from mumaris.kit.readonly import EffectiveAdmin, EffectiveForm, ReadOnlyAdmin


class PolicyValueForm(EffectiveForm):
    key = forms.ChoiceField(label=_("Policy"), choices=[(key, key) for key in FIRST_VALUES])
    value = WholeNumberField(label=_("Value"), min_value=0, max_value=9999)

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


@admin.register(Holiday)
class HolidayAdmin(ReadOnlyAdmin):
    """Days that are no business days. A wrong one is corrected; what was reckoned by it stays."""

    opened = ("add", "change")
    form = ModelForm
    fields = ["day", "name_ar", "name_en"]
    list_display = ["day", "name_ar", "name_en"]


class SettleForm(Form):
    reason = CleanCharField(
        label=_("How it was dealt with, as the record keeps it"),
        max_length=300,
        error_messages={"required": _("Write the reason.")},
    )


class OpenFilter(admin.SimpleListFilter):
    title, parameter_name = _("state"), "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", pgettext_lazy("alarm", "Open")), ("0", pgettext_lazy("alarm", "Over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> QuerySet[Alarm]:
        return queryset.filter(cleared_at__isnull=self.value() == "1") if self.value() in ("0", "1") else queryset


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """What the portal could not mend alone. An alarm ends by itself once its cause is gone, or when somebody says how it was dealt with."""

    fields = ["words", "raised_at", "last_at", "times", "cleared_at", "cleared_by", "reason"]
    later = ("cleared_at", "cleared_by", "reason")
    list_display = ["words", "raised_at", "last_at", "times", "cleared_at"]
    list_filter = [OpenFilter]
    change_form_template = "admin/kit/alarm.html"

    def get_urls(self) -> list[URLPattern]:
        settle = self.admin_site.admin_view(self.settle)
        return [path("<path:object_id>/settle/", settle, name="kit_alarm_settle"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"settle": SettleForm(), "may_settle": alarms.may_settle(request.user), "subtitle": None}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @method_decorator(require_POST)
    def settle(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refused, it says why at the form, and what was typed stays there; an alarm that is over says so above the page."""
        if not (self.has_view_permission(request) and alarms.may_settle(request.user)):
            raise PermissionDenied
        alarm, form = self.get_object(request, unquote(object_id)), SettleForm(request.POST)
        if not form.is_valid() and not alarm.cleared_at:
            request.method = "GET"  # the page of the alarm, with the form as it was sent
            return self.change_view(request, object_id, extra_context={"settle": form})
        try:
            reason = form.cleaned_data.get("reason", "")
            alarms.settle(alarm.pk, reason=reason, by=request.user, now=clock.now())
        except NotAllowed as refusal:
            for why in refusal.reasons:
                messages.error(request, why)
        else:
            messages.success(request, _("The alarm is over."))
        return redirect("admin:kit_alarm_change", alarm.pk)

    @admin.display(description=_("what happened"))
    def words(self, alarm: Alarm) -> str:
        return alarms.words(alarm)
