"""The register at the desk: its lists, what staff may change, sanctions, and the revocation of a paper."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import DateField, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.models import Practitioner
from documents.models import Degree
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.digits import ascii_digits
from mumaris.kit.fields import CleanCharField, Form, ModelForm
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.readonly import EffectiveAdmin, ReadOnlyAdmin, ReadOnlyInline
from mumaris.kit.templatetags import look
from register import issuing, papers, sanctions, standing
from register.models import (
    Classification,
    Exam,
    IssuedPaper,
    Period,
    Profession,
    Promotion,
    Rank,
    Registration,
    Route,
    Sanction,
    Specialty,
)

OUTCOMES = {
    "valid": ("ok", gettext_lazy("Valid"), "ok"),
    "not_yet": ("note", gettext_lazy("Not valid yet"), "clock"),
    "expired": ("", gettext_lazy("Expired"), "dash"),
    "revoked": ("bad", gettext_lazy("Revoked"), "bad"),
    "superseded": ("", gettext_lazy("Replaced by a newer one"), "dash"),
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
    """An administrator chooses which exam the ranks of a profession ask."""

    opened = ("change",)
    fields = ["code", "name_ar", "name_en", "ranks", "exam"]
    readonly_fields = ["code", "name_ar", "name_en", "ranks"]
    list_display = ["code", "name_ar", "name_en", "exam"]
    list_select_related = ["exam"]
    inlines = [SpecialtyInline]


@admin.register(Exam)
class ExamAdmin(ReadOnlyAdmin):
    fields = list_display = ["code", "name_ar", "name_en"]


class PromotionForm(ModelForm):
    def clean_months(self) -> int:
        months = self.cleaned_data["months"]
        if self.instance.route == Route.EXPERIENCE and not months:
            raise ValidationError(_("Completed experience takes at least a month."))
        return months


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    """The ways from rank to rank; an administrator changes how many months of practice they ask."""

    opened = ("change",)
    form = PromotionForm
    fields = ["from_rank", "to_rank", "route", "degree", "months", "official"]
    readonly_fields = ["from_rank", "to_rank", "route", "degree"]
    list_display = ["from_rank", "to_rank", "route", "degree", "months", "figure"]
    list_select_related = ["from_rank", "to_rank"]
    figure = EffectiveAdmin.figure


@admin.register(Specialty)
class SpecialtyAdmin(ReadOnlyAdmin):
    fields = ["code", "profession", "name_ar", "name_en"]
    list_display = ["code", "name_ar", "name_en", "profession"]
    list_filter = ["profession"]
    list_select_related = ["profession"]


@admin.register(Classification)
class ClassificationAdmin(ReadOnlyAdmin):
    fields = ["number", "practitioner", "specialty", "rank", "qualification", "case", "decided_on", "usable_until"]
    list_display = ["number", "practitioner", "specialty", "rank", "decided_on", "usable_until"]
    list_select_related = ["practitioner", "specialty", "rank"]
    search_fields = ["number__exact", "case__exact"]
    search_help_text = gettext_lazy("A whole number or a whole reference")


class PeriodInline(ReadOnlyInline):
    model = Period
    fields = ["begins", "ends", "case", "hours_from"]
    ordering = ["-days"]

    @admin.display(description=gettext_lazy("first day"))
    def begins(self, period: Period) -> str:
        return look.gregorian(period.first_day)

    @admin.display(description=gettext_lazy("last day"))
    def ends(self, period: Period) -> str:
        return look.gregorian(period.last_day)


@admin.register(Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    fields = ["number", "practitioner", "specialty", "rank", "status"]
    list_display = ["number", "practitioner", "specialty", "rank", "status"]
    readonly_fields = ["status"]
    list_select_related = ["practitioner", "specialty", "rank"]
    search_fields = ["number__exact"]
    search_help_text = gettext_lazy("A whole registration number")
    ordering = ["-pk"]
    inlines = [PeriodInline]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        _read_standing(changelist.result_list)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Registration:
        registration = super().get_object(request, object_id, from_field)
        _read_standing([registration])
        return registration

    @admin.display(description=gettext_lazy("status"))
    def status(self, registration: Registration) -> str | None:
        return registration.standing and look.state("register", registration.standing)


def _read_standing(registrations: Iterable[Registration]) -> None:
    """Give each row its `standing` today, None before its first period; as many queries for a page as for one."""
    found = standing.of(registrations, today(clock_now()))
    for one in registrations:
        one.standing = found.get(one.pk)


class SanctionForm(ModelForm):
    """The person is named by a number that stands on their papers: nobody is picked from a list by mistake."""

    number = CleanCharField(
        label=gettext_lazy("Number"),
        max_length=15,
        help_text=gettext_lazy("The practitioner's registration or classification number."),
    )
    by: Any  # the officer, given by the page

    class Meta:
        model = Sanction
        fields = ["what", "note", "ends_on"]

    def clean_number(self) -> str:
        number = ascii_digits(self.cleaned_data["number"]).upper()
        held = Q(registrations__number=number) | Q(classifications__number=number)
        person = Practitioner.objects.filter(held).first()
        if person is None:
            raise ValidationError(_("Nobody on the register has this number. Type it as on the card or certificate."))
        self.instance.practitioner = person
        return number

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        if not self.errors:
            for reason in sanctions.obstacles(
                self.instance.practitioner, typed["what"], typed["ends_on"], by=self.by, now=clock_now()
            ):
                self.add_error(None, reason)
        return typed


class LiftForm(Form):
    reason = CleanCharField(label=gettext_lazy("Reason, as the record keeps it"), max_length=300)


@admin.register(Sanction)
class SanctionAdmin(ReadOnlyAdmin):
    """Decisions against practitioners. The register officer imposes and lifts them; none is changed or removed."""

    opened = ("add",)
    fields = [
        "practitioner",
        "what",
        "note",
        "imposed_on",
        "ends_on",
        "imposed_by",
        "outcome",
        "lifted_on",
        "lifted_by",
        "lift_reason",
    ]
    list_display = ["practitioner", "what", "imposed_on", "ends_on", "outcome"]
    list_select_related = ["practitioner"]
    search_fields = ["practitioner__registrations__number__exact", "practitioner__classifications__number__exact"]
    search_help_text = gettext_lazy("A whole registration or classification number")
    readonly_fields = ["outcome"]

    def get_urls(self) -> list[URLPattern]:
        lift = self.admin_site.admin_view(self.lift)
        return [path("<path:object_id>/lift/", lift, name="register_sanction_lift"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sanction]:
        # One reading of the clock for every row of a list.
        return super().get_queryset(request).annotate(day=Value(today(clock_now()), DateField()))

    def get_fields(self, request: HttpRequest, obj: Sanction | None = None) -> list[str]:
        return self.fields if obj else ["number", "what", "note", "ends_on"]

    def get_form(
        self, request: HttpRequest, obj: Sanction | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        if obj:
            return super().get_form(request, obj, change, **kwargs)
        form = super().get_form(request, obj, change, **{**kwargs, "form": SanctionForm})
        form.by = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Sanction, form: forms.ModelForm, change: bool) -> None:
        imposed = sanctions.impose(
            obj.practitioner, obj.what, note=obj.note, ends_on=obj.ends_on, by=request.user, now=clock_now()
        )
        obj.pk = imposed.pk

    @admin.display(description=gettext_lazy("status"))
    def outcome(self, sanction: Sanction) -> str:
        if sanction.lifted_on:
            return look.badge("", _("Lifted"), "dash")
        if sanction.is_open(sanction.day):
            return look.badge("bad", _("In force"), "bad")
        return look.badge("", _("Ended"), "dash")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"lift": LiftForm(), **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Sanction | None = None, **kwargs: Any
    ) -> HttpResponse:
        context["may_lift"] = obj is not None and may_lift(request.user) and obj.is_open(obj.day)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    @method_decorator(require_POST)
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not may_lift(request.user):
            raise PermissionDenied
        sanction = self.get_object(request, unquote(object_id))
        form = LiftForm(request.POST)
        reasons = [error for errors in form.errors.values() for error in errors]
        if form.is_valid():
            try:
                sanctions.lift(sanction, form.cleaned_data["reason"], by=request.user, now=clock_now())
            except NotAllowed as refusal:
                reasons = refusal.reasons
            else:
                messages.success(request, _("The sanction is lifted."))
        for reason in reasons:
            messages.error(request, reason)
        return redirect(reverse("admin:register_sanction_change", args=[sanction.pk]))


class RevokeForm(Form):
    reason = CleanCharField(label=gettext_lazy("Reason, as the register keeps it"), max_length=200)


class KindFilter(admin.SimpleListFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(kind.slug, str(kind)) for kind in papers.KINDS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[IssuedPaper]) -> QuerySet[IssuedPaper]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(IssuedPaper)
class IssuedPaperAdmin(ReadOnlyAdmin):
    """What was issued. The register officer revokes a paper from its page, with the reason (REG-2)."""

    fields = [
        "number",
        "called",
        "practitioner",
        "case",
        "issued_at",
        "valid_from",
        "valid_until",
        "outcome",
        "revoked_at",
        "revoke_reason",
    ]
    list_display = ["number", "called", "practitioner", "case", "issued_at", "valid_until", "outcome"]
    list_filter = [KindFilter]
    list_select_related = ["practitioner"]
    search_fields = ["number__exact", "case__exact"]
    search_help_text = gettext_lazy("A whole number or a whole reference")

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke)
        return [path("<path:object_id>/revoke/", revoke, name="register_issuedpaper_revoke"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssuedPaper]:
        # One reading of the clock for every row of a list.
        return super().get_queryset(request).annotate(day=Value(today(clock_now()), DateField()))

    @admin.display(description=gettext_lazy("kind"))
    def called(self, paper: IssuedPaper) -> str:
        return paper.name

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


def may_lift(user: Any) -> bool:
    return user.has_perm("register.view_sanction") and user.has_perm("register.change_sanction")
