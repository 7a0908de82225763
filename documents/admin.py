"""Documents at the desk: papers, the entries of people's files, and their verification, paper reports included (DOC-3)."""

import logging
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts import identity
from documents import verification
from documents.checks import Refused
from documents.models import Experience, Licence, Paper, Qualification, Result, Verification
from documents.verification import Entry, NotPossible
from documents.verifier import Report
from documents.views import serve
from mumaris.kit.clock import now as clock_now
from mumaris.kit.fields import CalendarDateField, CleanCharField, Form
from mumaris.kit.readonly import ReadOnlyAdmin, ReadOnlyInline
from mumaris.kit.requests import posted
from mumaris.kit.templatetags import look

log = logging.getLogger(__name__)


@admin.register(Paper)
class PaperAdmin(ReadOnlyAdmin):
    """What was uploaded and how the scanner judged it. A file is opened from the case that it belongs to."""

    fields = ["name", "kind", "practitioner", "media_type", "bytes", "pages", "scan", "uploaded_at"]
    list_display = ["name", "kind", "practitioner", "media_type", "bytes", "scan", "uploaded_at"]
    list_filter = ["scan"]
    list_select_related = ["practitioner"]
    ordering = ["-uploaded_at"]


class OwnersAdmin(ReadOnlyAdmin):
    """What belongs to a practitioner: found by the person's address or identity number, and never one's own (I17)."""

    list_select_related = ["practitioner"]
    search_fields = ["practitioner__user__email__exact"]
    search_help_text = gettext_lazy("A whole e-mail address or a whole identity number")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).exclude(practitioner__user=request.user)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if keys := identity.login_keys(search_term):
            return queryset.filter(practitioner__identities__person_key__in=keys), False
        return super().get_search_results(request, queryset, search_term)


class ReportForm(Form):
    """What stands on the company's paper report; the dates are those of the document, as the report gives them."""

    case_number = CleanCharField(label=gettext_lazy("Case number"), max_length=40)
    result = forms.ChoiceField(label=gettext_lazy("Result"), choices=Result, widget=forms.RadioSelect)
    serial = CleanCharField(label=gettext_lazy("Serial number, as on every page"), max_length=40)
    named = CleanCharField(label=gettext_lazy("Name on the report, in English letters"), max_length=200)
    title = CleanCharField(label=gettext_lazy("Document, by the report"), max_length=200)
    issuer = CleanCharField(label=gettext_lazy("Issuer, by the report"), max_length=200)
    birth_date = CalendarDateField(
        label=gettext_lazy("Birth date on the report"), required=False, not_future=True,
        help_text=gettext_lazy("Leave empty where the report has none."),
    )  # fmt: skip
    reported_on = CalendarDateField(label=gettext_lazy("Date of the report"), not_future=True)
    awarded_on = CalendarDateField(label=gettext_lazy("Awarded on, by the report"), not_future=True)
    begun_on = CalendarDateField(label=gettext_lazy("From, by the report"), not_future=True)
    ended_on = CalendarDateField(
        label=gettext_lazy("Until, by the report"), required=False,
        help_text=gettext_lazy("Leave empty where the report has none."),
    )  # fmt: skip
    file = forms.FileField(
        label=gettext_lazy("The report, all pages"), help_text=gettext_lazy("PDF, JPEG or PNG, up to 5 MB.")
    )

    def __init__(self, entry: Entry, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.entry = entry
        for name in ("begun_on", "ended_on") if isinstance(entry, Qualification) else ("awarded_on",):
            del self.fields[name]
        waiting = entry.verifications.waiting().first()
        self.fields["case_number"].initial = waiting and waiting.case_number

    def clean_case_number(self) -> str:
        try:
            return verification.case_number_of(self.cleaned_data["case_number"])
        except NotPossible as reason:
            raise forms.ValidationError(str(reason)) from None

    def report(self) -> Report:
        typed = {name: value for name, value in self.cleaned_data.items() if name != "file"}
        return Report(kind=verification.kind_of(self.entry), country=str(self.entry.country), **typed)


class VerificationInline(ReadOnlyInline):
    model = Verification
    fields = ["case_number", "result", "refusal", "reported_on", "source", "entered_at"]
    show_change_link = True


class EntryAdmin(OwnersAdmin):
    """One entry of somebody's file; who may record verifications finds the way to it here."""

    change_form_template = "admin/documents/entry.html"
    inlines = [VerificationInline]

    def get_urls(self) -> list[URLPattern]:
        record = self.admin_site.admin_view(self.record)
        name = f"documents_{self.opts.model_name}_record"
        return [path("<path:object_id>/record/", record, name=name), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        entry = context["original"]
        if request.user.has_perm("documents.record_verification"):
            context["record_url"] = reverse(f"admin:documents_{self.opts.model_name}_record", args=[entry.pk])
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def record(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record a paper report with its file; refused, it says why and changes nothing."""
        if not (self.has_view_permission(request) and request.user.has_perm("documents.record_verification")):
            raise PermissionDenied
        entry = self.get_object(request, unquote(object_id))
        form = ReportForm(entry, posted(request), request.FILES or None)
        if form.is_valid() and (recorded := self._recorded(request, form)):
            messages.success(
                request,
                _("The report of case %(number)s is recorded: %(result)s.")
                % {"number": recorded, "result": recorded.get_result_display()},
            )
            return redirect("admin:documents_verification_change", recorded.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Record a paper report"),
            "entry": entry,
            "dates": [day for day in verification.dates_of(entry) if day],
            "form": form,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/documents/record.html", context)

    def _recorded(self, request: HttpRequest, form: ReportForm) -> Verification | None:
        try:
            return verification.record_report(
                form.entry, form.report(), upload=form.cleaned_data["file"], by=request.user, now=clock_now()
            )
        except NotPossible as reason:
            form.add_error(None, str(reason))
        except Refused as refusal:
            form.add_error("file", refusal)
        except OSError:
            form.add_error("file", _("The file could not be stored just now. Try again in a few minutes."))
        return None


@admin.register(Qualification)
class QualificationAdmin(EntryAdmin):
    fields = [
        "practitioner",
        "degree",
        "field",
        "title",
        "institution",
        "country",
        "awarded_on",
        "equivalency",
        "recognised_on",
        "name_on_paper",
        "name_note",
    ]
    list_display = ["title", "degree", "practitioner", "country", "awarded_on", "recognised_on"]
    ordering = ["-pk"]


@admin.register(Experience)
class ExperienceAdmin(EntryAdmin):
    fields = ["practitioner", "job", "employer", "country", "started_on", "ended_on", "name_on_paper", "name_note"]
    list_display = ["job", "employer", "practitioner", "country", "started_on", "ended_on"]
    ordering = ["-pk"]


@admin.register(Licence)
class LicenceAdmin(EntryAdmin):
    fields = [
        "practitioner",
        "kind",
        "country",
        "authority",
        "number",
        "issued_on",
        "expires_on",
        "name_on_paper",
        "name_note",
    ]
    list_display = ["number", "kind", "authority", "practitioner", "country", "issued_on", "expires_on"]
    ordering = ["-pk"]


class StateFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", gettext_lazy("Waiting")), *Result.choices, ("refused", gettext_lazy("Does not stand"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        chosen = {"waiting": Q(result="", refusal=""), "refused": ~Q(refusal="")}
        chosen |= {str(result): Q(result=result) for result in Result}
        return queryset.filter(chosen[self.value()]) if self.value() in chosen else queryset


class AppealFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("appeal"), "appeal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("Appealed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        return queryset.exclude(appealed_at=None) if self.value() == "yes" else queryset


@admin.register(Verification)
class VerificationAdmin(OwnersAdmin):
    """The company's cases: those that wait come first, the oldest before the others."""

    change_form_template = "admin/documents/verification.html"
    fields = [
        "practitioner",
        "about",
        "case_number",
        "state",
        "serial",
        "named",
        "title",
        "issuer",
        "reported_on",
        "awarded_on",
        "begun_on",
        "ended_on",
        "source",
        "recorded_by",
        "entered_at",
        "tried_at",
        "asked_at",
        "appealed_at",
        "appeal_text",
        "appeal_told_at",
    ]
    list_display = ["case_number", "about", "practitioner", "state", "source", "entered_at", "appealed_at"]
    list_filter = [StateFilter, "source", AppealFilter]
    list_select_related = ["practitioner", "qualification", "experience", "licence"]
    search_fields = ["case_number__exact", *OwnersAdmin.search_fields]
    search_help_text = gettext_lazy("A whole case number, e-mail address or identity number")
    readonly_fields = ["about", "state"]
    ordering = ["refusal", "result", "entered_at"]

    @admin.display(description=gettext_lazy("document"))
    def about(self, case: Verification) -> str:
        return str(case.entry)

    @admin.display(description=gettext_lazy("state"), ordering="result")
    def state(self, case: Verification) -> str:
        if case.refusal:
            return look.badge("bad", case.get_refusal_display(), "dash")
        return look.state("document", f"psv_{case.result or 'waiting'}")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Case numbers too are found however they are typed."""
        try:
            found = queryset.filter(case_number=verification.case_number_of(search_term))
        except (NotPossible, ValueError):
            found = queryset.none()
        return (found, False) if found.exists() else super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[URLPattern]:
        report = self.admin_site.admin_view(self.report)
        return [path("<path:object_id>/report/", report, name="documents_verification_report"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        case = context["original"]
        entry = case.entry
        context["entry_url"] = reverse(f"admin:documents_{verification.kind_of(entry)}_change", args=[entry.pk])
        if case.report_paper_id and request.user.has_perm("documents.view_paper"):
            context["report_url"] = reverse("admin:documents_verification_report", args=[case.pk])
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_safe)
    def report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The paper report of a case, for staff who may see papers (I21)."""
        if not (self.has_view_permission(request) and request.user.has_perm("documents.view_paper")):
            raise PermissionDenied
        case = self.get_object(request, unquote(object_id))
        if case.report_paper is None:
            raise Http404
        log.info("user %s opens the report of %s", request.user.pk, case)
        return serve(case.report_paper)
