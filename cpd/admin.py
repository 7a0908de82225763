"""CPD at the desk: officers record hours and withdraw mistakes, administrators enter requirements and caps."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from accounts.models import User
from cpd import recording
from cpd.models import ActivityType, Cap, Hours, Requirement
from cpd.templatetags.hours import figure
from mumaris.kit.clock import now as clock_now
from mumaris.kit.digits import ascii_digits
from mumaris.kit.fields import CalendarDateField, CleanCharField, Form, NormalisedField
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.readonly import REFERENCE, EffectiveAdmin, ReadOnlyAdmin
from mumaris.kit.templatetags import look
from register.models import Registration

DECIMAL_SIGNS = {ord(sign): "." for sign in ",٫"}


@admin.register(Requirement)
class RequirementAdmin(EffectiveAdmin):
    fields = ["profession", "rank", "hours_per_year", "effective_from", "source", "official"]
    list_display = ["of_profession", "of_rank", "hours_per_year", "effective_from", "source", "figure"]
    list_filter = ["official", "rank", "profession"]
    list_select_related = ["profession", "rank"]

    @admin.display(description=gettext_lazy("profession"), ordering="profession__code")
    def of_profession(self, row: Requirement | Cap) -> str:
        return str(row.profession or _("Every profession"))

    @admin.display(description=gettext_lazy("rank"), ordering="rank__level")
    def of_rank(self, row: Requirement | Cap) -> str:
        return str(row.rank or _("Every rank"))


@admin.register(Cap)
class CapAdmin(RequirementAdmin):
    fields = ["category", *RequirementAdmin.fields]
    list_display = ["category", *RequirementAdmin.list_display]
    list_filter = ["category", *RequirementAdmin.list_filter]


class HoursField(forms.DecimalField):
    """Hours with one decimal at most, in the digits and with the decimal sign of either script."""

    widget = forms.TextInput({"inputmode": "decimal", "dir": "ltr", "autocomplete": "off"})

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_digits=5, decimal_places=1, **options)

    def to_python(self, value: Any) -> Decimal | None:
        return super().to_python(value.translate(DECIMAL_SIGNS) if isinstance(value, str) else value)


class HoursForm(Form):
    """An activity as its certificate shows it, found by the registration number of whom it belongs to."""

    registration = CleanCharField(
        label=gettext_lazy("Registration number"),
        help_text=gettext_lazy("As on the card."),
        max_length=15,
        widget=forms.TextInput({"dir": "ltr", "autocomplete": "off"}),
    )
    case = CleanCharField(
        label=gettext_lazy("Renewal that brought the evidence"),
        help_text=gettext_lazy("Its whole reference."),
        required=False,
        max_length=15,
        widget=forms.TextInput({"dir": "ltr", "autocomplete": "off"}),
    )
    title = CleanCharField(label=gettext_lazy("Activity, as on the certificate"))
    type = forms.ChoiceField(label=pgettext_lazy("activity", "Type"), choices=ActivityType)
    provider = CleanCharField(label=gettext_lazy("Provider"))
    activity_number = NormalisedField(
        label=gettext_lazy("Number of the accredited activity"),
        help_text=gettext_lazy("The same activity counts once."),
        normalise=recording.one_spelling,
        required=False,
        max_length=30,
        widget=forms.TextInput({"dir": "ltr", "autocomplete": "off"}),
    )
    began_on = CalendarDateField(label=gettext_lazy("First day"), not_future=True)
    ended_on = CalendarDateField(label=gettext_lazy("Last day"), not_future=True)
    claimed_hours = HoursField(
        label=gettext_lazy("Hours claimed"),
        help_text=gettext_lazy("As on the certificate, or as the practitioner wrote."),
        required=False,
    )
    hours = HoursField(label=gettext_lazy("Hours awarded"), help_text=gettext_lazy("Whole and half hours."))
    reason = CleanCharField(
        label=gettext_lazy("Why fewer than claimed"),
        help_text=gettext_lazy("The practitioner reads it."),
        required=False,
    )

    def __init__(self, *args: Any, by: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.by, self.now = by, clock_now()

    def clean_registration(self) -> Registration:
        number = ascii_digits(self.cleaned_data["registration"]).upper()
        found = Registration.objects.filter(number=number).select_related("practitioner__user").first()
        if found is None:
            raise ValidationError(_("There is no registration of this number."), code="unknown")
        return found

    def clean_case(self) -> str:
        reference = ascii_digits(self.cleaned_data["case"])
        if reference and not REFERENCE.fullmatch(reference):
            raise ValidationError(_("Type the whole reference: two letters, the year and the number."), code="case")
        return reference.upper()

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not self.errors:
            whose = self.cleaned_data["registration"].practitioner
            for field, why in recording.obstacles(whose, self.award(), by=self.by, now=self.now):
                self.add_error(field or None, why)
        return data

    def award(self) -> recording.Award:
        given = dict(self.cleaned_data)
        del given["registration"]
        return recording.Award(**given)


class WithdrawForm(Form):
    reason = CleanCharField(label=gettext_lazy("Reason, as the practitioner reads it"), max_length=200)


@admin.register(Hours)
class HoursAdmin(ReadOnlyAdmin):
    """What was recorded. The CPD officer adds hours, and withdraws a mistake from its page with the reason (CPD-3)."""

    opened = ("add",)
    fields = [
        "practitioner",
        "title",
        "type",
        "category",
        "provider",
        "activity_number",
        "began_on",
        "ended_on",
        "claimed",
        "awarded",
        "reason",
        "case",
        "recorded_by",
        "recorded_at",
        "withdrawn_by",
        "withdrawn_at",
        "withdraw_reason",
    ]
    readonly_fields = ["category", "claimed", "awarded"]
    list_display = ["title", "practitioner", "type", "ended_on", "awarded", "activity_number", "case", "standing"]
    list_filter = ["type"]
    list_select_related = ["practitioner"]
    search_fields = ["activity_number__exact", "case__exact", "practitioner__registrations__number__exact"]
    search_help_text = gettext_lazy("A whole registration number, reference or activity number")

    def get_urls(self) -> list[URLPattern]:
        withdraw = self.admin_site.admin_view(self.withdraw)
        return [path("<path:object_id>/withdraw/", withdraw, name="cpd_hours_withdraw"), *super().get_urls()]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        try:
            search_term = recording.one_spelling(search_term)
        except ValidationError:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=gettext_lazy("category"))
    def category(self, hours: Hours) -> str:
        return hours.category.label

    @admin.display(description=gettext_lazy("hours claimed"))
    def claimed(self, hours: Hours) -> str:
        return "" if hours.claimed_hours is None else figure(hours.claimed_hours)

    @admin.display(description=gettext_lazy("hours awarded"), ordering="hours")
    def awarded(self, hours: Hours) -> str:
        return figure(hours.hours)

    @admin.display(description=gettext_lazy("stands as"))
    def standing(self, hours: Hours) -> str:
        return look.badge("bad", _("Withdrawn"), "bad") if hours.withdrawn_at else look.badge("ok", _("Recorded"), "ok")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Record the hours of one activity; `?registration=…&case=…` fills in what a renewal knows already."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            known = {name: request.GET.get(name, "") for name in ("registration", "case")}
            return self._add_page(request, HoursForm(by=request.user, initial=known))
        form = HoursForm(request.POST, by=request.user)
        if form.is_valid():
            whose = form.cleaned_data["registration"].practitioner
            try:
                hours = recording.record(whose, form.award(), by=request.user, now=clock_now())
            except NotAllowed as refusal:  # what came between the form and the record
                for reason in refusal.reasons:
                    form.add_error(None, reason)
            else:
                messages.success(request, _("The hours are recorded, and the practitioner is told."))
                return redirect(reverse("admin:cpd_hours_change", args=[hours.pk]))
        return self._add_page(request, form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"withdraw": WithdrawForm(), **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Hours, **kwargs: Any
    ) -> HttpResponse:
        context["may_withdraw"] = may_withdraw(request.user) and not obj.withdrawn_at
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    @method_decorator(require_POST)
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not may_withdraw(request.user):
            raise PermissionDenied
        hours = self.get_object(request, unquote(object_id))
        form = WithdrawForm(request.POST)
        reasons = [error for errors in form.errors.values() for error in errors]
        if form.is_valid():
            try:
                recording.withdraw(hours, form.cleaned_data["reason"], by=request.user, now=clock_now())
            except NotAllowed as refusal:
                reasons = list(refusal.reasons)
            else:
                messages.success(request, _("The hours are withdrawn, and the practitioner is told."))
        for reason in reasons:
            messages.error(request, reason)
        return redirect(reverse("admin:cpd_hours_change", args=[hours.pk]))

    def _add_page(self, request: HttpRequest, form: HoursForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Record CPD hours"),
            "form": form,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/cpd/hours/add_form.html", context)


def may_withdraw(user: Any) -> bool:
    return user.has_perm("cpd.view_hours") and user.has_perm("cpd.change_hours")
