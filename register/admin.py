"""The register at the desk: its lists, the words that staff may change, and the revocation of a paper."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import DateField, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from documents.models import Degree
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.fields import CleanCharField, Form, ModelForm
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.readonly import ReadOnlyAdmin, ReadOnlyInline
from mumaris.kit.templatetags import look
from register import issuing
from register.models import Classification, IssuedPaper, Period, Profession, Rank, Registration, Specialty

OUTCOMES = {
    "valid": ("ok", gettext_lazy("Valid"), "ok"),
    "not_yet": ("note", gettext_lazy("Not valid yet"), "clock"),
    "expired": ("", gettext_lazy("Expired"), "dash"),
    "revoked": ("bad", gettext_lazy("Revoked"), "bad"),
}


class RankForm(ModelForm):
    degrees = forms.MultipleChoiceField(
        label=gettext_lazy("Degrees that fit"), choices=Degree, widget=forms.CheckboxSelectMultiple
    )


@admin.register(Rank)
class RankAdmin(ReadOnlyAdmin):
    opened = ("change",)
    form = RankForm
    fields = ["code", "name_ar", "name_en", "level", "fee_category", "degrees", "asks_exam"]
    readonly_fields = ["code", "level", "fee_category"]
    list_display = ["code", "name_ar", "name_en", "level", "fee_category", "asks_exam"]


class SpecialtyInline(ReadOnlyInline):
    model = Specialty
    fields = ["code", "name_ar", "name_en"]


@admin.register(Profession)
class ProfessionAdmin(ReadOnlyAdmin):
    fields = ["code", "name_ar", "name_en", "ranks"]
    list_display = ["code", "name_ar", "name_en"]
    inlines = [SpecialtyInline]


@admin.register(Specialty)
class SpecialtyAdmin(ReadOnlyAdmin):
    fields = ["code", "profession", "name_ar", "name_en"]
    list_display = ["code", "name_ar", "name_en", "profession"]
    list_filter = ["profession"]
    list_select_related = ["profession"]


@admin.register(Classification)
class ClassificationAdmin(ReadOnlyAdmin):
    fields = ["number", "practitioner", "specialty", "rank", "case", "decided_on", "usable_until"]
    list_display = ["number", "practitioner", "specialty", "rank", "decided_on", "usable_until"]
    list_select_related = ["practitioner", "specialty", "rank"]
    search_fields = ["number__exact", "case__exact"]
    search_help_text = gettext_lazy("A whole number or a whole reference")


class PeriodInline(ReadOnlyInline):
    model = Period
    fields = ["first_day", "last_day", "case"]
    ordering = ["-days"]

    @admin.display(description=gettext_lazy("first day"))
    def first_day(self, period: Period) -> str:
        return look.gregorian(period.days.lower)

    @admin.display(description=gettext_lazy("last day"))
    def last_day(self, period: Period) -> str:
        return look.gregorian(period.days.upper - timedelta(days=1))


@admin.register(Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    fields = ["number", "practitioner", "specialty", "rank"]
    list_display = ["number", "practitioner", "specialty", "rank"]
    list_select_related = ["practitioner", "specialty", "rank"]
    search_fields = ["number__exact"]
    search_help_text = gettext_lazy("A whole registration number")
    ordering = ["-pk"]
    inlines = [PeriodInline]


class RevokeForm(Form):
    reason = CleanCharField(label=gettext_lazy("Reason, as the register keeps it"), max_length=200)


@admin.register(IssuedPaper)
class IssuedPaperAdmin(ReadOnlyAdmin):
    """What was issued. The register officer revokes a paper from its page, with the reason (REG-2)."""

    fields = [
        "number",
        "kind",
        "practitioner",
        "case",
        "issued_at",
        "valid_from",
        "valid_until",
        "outcome",
        "revoked_at",
        "revoke_reason",
    ]
    list_display = ["number", "kind", "practitioner", "case", "issued_at", "valid_until", "outcome"]
    list_filter = ["kind"]
    list_select_related = ["practitioner"]
    search_fields = ["number__exact", "case__exact"]
    search_help_text = gettext_lazy("A whole number or a whole reference")

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke)
        return [path("<path:object_id>/revoke/", revoke, name="register_issuedpaper_revoke"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssuedPaper]:
        # One reading of the clock for every row of a list.
        return super().get_queryset(request).annotate(day=Value(today(clock_now()), DateField()))

    @admin.display(description=gettext_lazy("stands as"))
    def outcome(self, paper: IssuedPaper) -> str:
        return look.badge(*OUTCOMES[issuing.outcome(paper, paper.day)])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"revoke": RevokeForm(), **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: IssuedPaper, **kwargs: Any
    ) -> HttpResponse:
        context["may_revoke"] = may_revoke(request.user) and not obj.revoked_at
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    @method_decorator(require_POST)
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not may_revoke(request.user):
            raise PermissionDenied
        paper = self.get_object(request, unquote(object_id))
        form = RevokeForm(request.POST)
        reasons = [error for errors in form.errors.values() for error in errors]
        if form.is_valid():
            try:
                issuing.revoke(paper, form.cleaned_data["reason"], by=request.user, now=clock_now())
            except NotAllowed as refusal:
                reasons = refusal.reasons
            else:
                messages.success(request, _("%(paper)s is revoked.") % {"paper": paper})
        for reason in reasons:
            messages.error(request, reason)
        return redirect(reverse("admin:register_issuedpaper_change", args=[paper.pk]))


def may_revoke(user: Any) -> bool:
    return user.has_perm("register.view_issuedpaper") and user.has_perm("register.change_issuedpaper")
