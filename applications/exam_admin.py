"""The exam officers' desk: eligibility numbers with their sittings, files of results, matters, and the policy of each exam."""

import logging
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from applications import exams, results_csv, results_file
from applications.exam_panel import OUTCOMES
from applications.fees import FeeMissing
from applications.lifecycle import State, settler
from applications.models import EligibilityNumber, ExamPolicy, ExamResult, Matter, Outcome, ResultsFile
from applications.sittings import Objection
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.fields import CalendarDateField, CleanCharField, Form, RiyalsField
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.policy import PolicyMissing
from mumaris.kit.readonly import EffectiveAdmin, ReadOnlyAdmin
from mumaris.kit.requests import posted
from mumaris.kit.templatetags import look
from payments.forms import TaxedForm

log = logging.getLogger(__name__)

FILES = {
    ResultsFile.State.UPLOADED: ("note", "clock"),
    ResultsFile.State.CHECKED: ("warn", "search"),
    ResultsFile.State.REFUSED: ("bad", "bad"),
    ResultsFile.State.APPLYING: ("note", "clock"),
    ResultsFile.State.APPLIED: ("ok", "ok"),
}
# What a file of results would do, or did, in the order of the page.
COUNTED = [
    ("pass", gettext_lazy("pass, and go back to their reviewer")),
    ("fail_free", gettext_lazy("do not pass, and have another attempt without a fee")),
    ("fail_paid", gettext_lazy("do not pass, and are asked the fee of another attempt")),
    ("fail_last", gettext_lazy("do not pass for the last time, and are rejected")),
    ("excused", gettext_lazy("are excused, and stay as they are")),
    ("known", gettext_lazy("are known already, and change nothing")),
    ("skipped", gettext_lazy("are skipped, for no exam is awaited")),
]


class RecordForm(Form):
    """One sitting, as the exam company told it."""

    outcome = forms.ChoiceField(label=gettext_lazy("Result"), choices=Outcome, widget=forms.RadioSelect)
    sat_on = CalendarDateField(label=gettext_lazy("Day of the exam"))
    score = forms.DecimalField(label=gettext_lazy("Score"), required=False, min_value=0, max_digits=6, decimal_places=2)


class CorrectForm(Form):
    """Another result in the place of a recorded one."""

    outcome = forms.ChoiceField(label=gettext_lazy("Right result"), choices=Outcome, widget=forms.RadioSelect)
    score = forms.DecimalField(
        label=gettext_lazy("Right score"), required=False, min_value=0, max_digits=6, decimal_places=2
    )
    reason = CleanCharField(label=gettext_lazy("Reason, as the practitioner reads it"), max_length=300)


class CloseForm(Form):
    outcome = CleanCharField(label=gettext_lazy("What was done"), max_length=300)


class UploadForm(Form):
    file = forms.FileField(
        label=gettext_lazy("File of results"),
        help_text=gettext_lazy("CSV in UTF-8, up to 20 MB and 200,000 lines."),
        error_messages={"empty": gettext_lazy("The file is empty.")},
    )


class OfCase(ReadOnlyAdmin):
    """What belongs to a case. One's own is not there, whatever one's role: an officer is never their own (I17)."""

    of_practitioner: str

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).exclude(**{f"{self.of_practitioner}__user": request.user})

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The row, for staff who may look at it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id))

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        forms_tried = [form for form in context.get("tried", []) if form is not None]
        request.current_app = self.admin_site.name
        frame = self.admin_site.each_context(request)
        errors = any(form.errors for form in forms_tried)
        return TemplateResponse(
            request, template, {**frame, "opts": self.opts, "title": title, "errors": errors, **context}
        )


@admin.register(EligibilityNumber)
class EligibilityNumberAdmin(OfCase):
    """A number, its sittings, and what an exam officer does with them: record, correct, renew."""

    of_practitioner = "application__practitioner"
    list_display = ["number_shown", "exam", "practitioner", "case", "attempts", "valid_until", "renewed_at"]
    list_filter = ["exam"]
    list_select_related = ["exam", "application__practitioner"]
    search_fields = ["number__exact", "application__reference__exact"]
    search_help_text = gettext_lazy("A whole eligibility number or reference of an application")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EligibilityNumber]:
        rows = super().get_queryset(request).select_related("exam", "application__practitioner")
        return rows.prefetch_related("results__correction")

    @admin.display(description=gettext_lazy("eligibility number"), ordering="number")
    def number_shown(self, number: EligibilityNumber) -> str:
        return look.code(number.number)

    @admin.display(description=gettext_lazy("practitioner"))
    def practitioner(self, number: EligibilityNumber) -> str:
        return str(number.application.practitioner)

    @admin.display(description=gettext_lazy("application"))
    def case(self, number: EligibilityNumber) -> str:
        return look.code(number.application.reference)

    @admin.display(description=gettext_lazy("attempts used"))
    def attempts(self, number: EligibilityNumber) -> str:
        return look.code(f"{number.attempts_used} / {number.free_attempts + number.paid_attempts}")

    def get_urls(self) -> list[URLPattern]:
        def at(address: str, view: Any, name: str) -> URLPattern:
            route = f"<path:object_id>/{address}/"
            return path(route, self.admin_site.admin_view(view), name=f"applications_eligibilitynumber_{name}")

        return [
            at("record", self.record, "record"),
            at("correct/<int:result_id>", self.correct, "correct"),
            at("renew", self.renew, "renew"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._page(request, self.found(request, object_id))

    @method_decorator(require_POST)
    def record(self, request: HttpRequest, object_id: str) -> HttpResponse:
        number, form = self._for_officer(request, object_id), RecordForm(request.POST, auto_id="id_record_%s")
        if form.is_valid() and _done(
            form, lambda: exams.record(number.number, **form.cleaned_data, by=request.user, now=clock_now())
        ):
            messages.success(request, _("The result is recorded, and the practitioner is told."))
            return self._to_page(number)
        return self._page(request, number, record=form)

    @method_decorator(require_POST)
    def correct(self, request: HttpRequest, object_id: str, result_id: int) -> HttpResponse:
        number = self._for_officer(request, object_id)
        result = get_object_or_404(number.results.select_related("number"), pk=result_id)
        form = CorrectForm(request.POST, auto_id=f"id_correct_{result_id}_%s")
        if form.is_valid() and _done(
            form, lambda: exams.correct(result, **form.cleaned_data, by=request.user, now=clock_now())
        ):
            messages.success(request, _("The result is corrected, and the practitioner is told."))
            return self._to_page(number)
        return self._page(request, number, correct={result_id: form})

    @method_decorator(require_POST)
    def renew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        number, form = self._for_officer(request, object_id), Form(request.POST)
        if form.is_valid() and _done(form, lambda: exams.renew(number, by=request.user, now=clock_now())):
            messages.success(request, _("The number is renewed, and the practitioner is told."))
            return self._to_page(number)
        return self._page(request, number, renew=form)

    def _for_officer(self, request: HttpRequest, object_id: str) -> EligibilityNumber:
        number = self.found(request, object_id)
        if not exams.is_exam_officer(request.user):
            raise PermissionDenied
        return number

    def _to_page(self, number: EligibilityNumber) -> HttpResponse:
        return redirect(reverse("admin:applications_eligibilitynumber_change", args=[number.pk]))

    def _page(
        self,
        request: HttpRequest,
        number: EligibilityNumber,
        *,
        record: RecordForm | None = None,
        correct: dict[int, CorrectForm] | None = None,
        renew: Form | None = None,
    ) -> HttpResponse:
        now, tried = clock_now(), correct or {}
        case = number.application
        latest = exams.number_of(case) == number
        awaited = case.state == State.AWAITING_EXAM and latest
        may_record = exams.is_exam_officer(request.user)
        sittings = [
            {
                "result": result,
                "badge": _outcome_badge(result),
                "correction": getattr(result, "correction", None),
                "form": tried.get(result.pk) or CorrectForm(auto_id=f"id_correct_{result.pk}_%s"),
                "is_tried": result.pk in tried,
            }
            for result in number.results.select_related("recorded_by", "file", "correction")
        ]
        return self.page(
            request,
            "admin/applications/eligibilitynumber/change_form.html",
            f"{number.number} · {case.practitioner}",
            number=number,
            case=case,
            today=today(now),
            sittings=sittings,
            may_record=may_record,
            awaited=awaited,
            record=record or RecordForm(auto_id="id_record_%s"),
            may_renew=may_record and awaited and not number.renewed_at,
            tried=[record, *tried.values(), renew],
        )


@admin.register(ExamResult)
class ExamResultAdmin(OfCase):
    """Every result as it was recorded. What is done with one stands on the page of its number."""

    of_practitioner = "number__application__practitioner"
    fields = ["number", "sat_on", "outcome", "score", "corrects", "reason", "file", "recorded_at", "recorded_by"]
    list_display = ["number", "sat_on", "outcome_shown", "score", "corrects", "file", "recorded_by", "recorded_at"]
    list_filter = ["outcome"]
    list_select_related = ["number", "corrects__number", "file", "recorded_by"]
    ordering = ["-pk"]
    search_fields = ["number__number__exact", "number__application__reference__exact"]
    search_help_text = EligibilityNumberAdmin.search_help_text
    change_form_template = "admin/applications/examresult/change_form.html"

    @admin.display(description=gettext_lazy("result"), ordering="outcome")
    def outcome_shown(self, result: ExamResult) -> str:
        return _outcome_badge(result)


@admin.register(ResultsFile)
class ResultsFileAdmin(ReadOnlyAdmin):
    """An exam company's file on its way: uploaded, checked, shown, applied all or none (EXM-3)."""

    opened = ("add",)
    list_display = ["name", "state_shown", "lines", "uploaded_by", "uploaded_at", "applied_by", "applied_at"]
    list_filter = ["state"]
    list_select_related = ["uploaded_by", "applied_by"]

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_shown(self, file: ResultsFile) -> str:
        return _file_badge(file)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and exams.is_exam_officer(request.user)

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Any, name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"applications_resultsfile_{name}")

        return [
            at("sample.csv", self.sample, "sample"),
            at("<path:object_id>/apply/", self.apply, "apply"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def sample(self, request: HttpRequest) -> HttpResponse:
        """Two lines with the columns as they shall be."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        answer = HttpResponse("\ufeff" + results_csv.SAMPLE, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="exam-results-sample.csv"'
        return answer

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(posted(request), request.FILES or None)
        if form.is_valid() and (file := self._taken_in(request, form)):
            return self._to_page(file)
        columns = {
            "eligibility_number": _("as the practitioner brought it, such as EN-2026-0000001"),
            "family_name": _("of the person, in English or Arabic letters; another person's name refuses the file"),
            "sat_on": _("the day of the exam, as 2026-11-22; also 22/11/2026 where it cannot be another day"),
            "result": ", ".join(f"{outcome.value} ({outcome.label})" for outcome in Outcome),
            "score": _("a number up to 9999.99, or nothing"),
        }
        return self._page(
            request,
            "admin/applications/resultsfile/add_form.html",
            _("Upload a file of results"),
            form=form,
            columns=columns.items(),
            sample=results_csv.SAMPLE,
            errors=bool(form.errors),
        )

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Its progress while a task works on it, then what it would do or did, and what is wrong with it, line by line."""
        file = self._found(request, object_id)
        counts = file.report.get("counts", {})
        new = counts.get(results_file.NEW, 0)
        return self._page(
            request,
            "admin/applications/resultsfile/change_form.html",
            file.name,
            file=file,
            badge=_file_badge(file),
            at_work=file.state in (ResultsFile.State.UPLOADED, ResultsFile.State.APPLYING),
            progress=results_file.progress(file),
            counts=[(counts.get(name, 0), words) for name, words in COUNTED],
            new=new,
            problems=_lines(file.report.get("problems", [])),
            all_problems=counts.get(results_file.PROBLEM, 0),
            skipped=_lines(file.report.get("skipped", [])),
            all_skipped=counts.get(results_file.SKIPPED, 0),
            may_apply=file.state == ResultsFile.State.CHECKED and new and exams.is_exam_officer(request.user),
        )

    @method_decorator(require_POST)
    def apply(self, request: HttpRequest, object_id: str) -> HttpResponse:
        file = self._found(request, object_id)
        if not exams.is_exam_officer(request.user):
            raise PermissionDenied
        try:
            results_file.ask_to_apply(file, by=request.user)
        except NotAllowed as refusal:
            for reason in refusal.reasons:
                messages.warning(request, reason)
        return self._to_page(file)

    def _taken_in(self, request: HttpRequest, form: UploadForm) -> ResultsFile | None:
        try:
            return results_file.take_in(form.cleaned_data["file"], by=request.user, now=clock_now())
        except NotAllowed as refusal:
            for reason in refusal.reasons:
                form.add_error("file", reason)
        except OSError:
            log.exception("a file of results cannot be stored")
            form.add_error("file", _("The file could not be stored just now. Try again in a few minutes."))
        return None

    def _found(self, request: HttpRequest, object_id: str) -> ResultsFile:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id))

    def _to_page(self, file: ResultsFile) -> HttpResponse:
        return redirect(reverse("admin:applications_resultsfile_change", args=[file.pk]))

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        request.current_app = self.admin_site.name
        frame = self.admin_site.each_context(request)
        return TemplateResponse(request, template, {**frame, "opts": self.opts, "title": title, **context})


@admin.register(Matter)
class MatterAdmin(OfCase):
    """What staff must settle by hand: open ones first, closed ones with what was done."""

    of_practitioner = "application__practitioner"
    list_display = ["text", "case", "opened_at", "standing", "outcome"]
    list_display_links = ["text"]
    list_select_related = ["application__practitioner"]
    search_fields = ["application__reference__exact"]
    search_help_text = gettext_lazy("A whole reference, such as CL-2026-0443391")

    @admin.display(description=gettext_lazy("application"), ordering="application__reference")
    def case(self, matter: Matter) -> str:
        return look.code(matter.application.reference)

    @admin.display(description=gettext_lazy("state"), ordering="closed_at")
    def standing(self, matter: Matter) -> str:
        return look.badge("ok", _("Closed"), "ok") if matter.closed_at else look.badge("warn", _("Open"), "warn")

    def get_urls(self) -> list[URLPattern]:
        close = self.admin_site.admin_view(self.close)
        return [path("<path:object_id>/close/", close, name="applications_matter_close"), *super().get_urls()]

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._page(request, self.found(request, object_id), CloseForm())

    @method_decorator(require_POST)
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        matter = self.found(request, object_id)
        if not self._may_close(request, matter):
            raise PermissionDenied
        form = CloseForm(request.POST)
        if form.is_valid() and _done(
            form, lambda: exams.close_matter(matter, **form.cleaned_data, by=request.user, now=clock_now())
        ):
            messages.success(request, _("The matter is closed."))
            return redirect(reverse("admin:applications_matter_changelist"))
        return self._page(request, matter, form)

    def _may_close(self, request: HttpRequest, matter: Matter) -> bool:
        return settler(request.user, matter.application)

    def _page(self, request: HttpRequest, matter: Matter, form: CloseForm) -> HttpResponse:
        return self.page(
            request,
            "admin/applications/matter/change_form.html",
            str(matter),
            matter=matter,
            case=matter.application,
            form=form,
            may_close=self._may_close(request, matter) and not matter.closed_at,
            tried=[form],
        )


# The least and the most of each number: attempts, and days of at most ten years.
POLICY_LIMITS = {
    "free_attempts": (1, 20),
    "paid_attempts": (0, 20),
    "validity_days": (1, 3650),
    "cooling_off_days": (0, 3650),
}


class ExamPolicyForm(TaxedForm):
    """The rules of an exam from a day on; the fee is typed in riyals and kept in halalas."""

    riyals = RiyalsField(label=gettext_lazy("Fee of a paid attempt (SAR)"), min_value=0, max_value=1_000_000)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, (least, most) in POLICY_LIMITS.items():
            if name in self.fields:  # a row that is only looked at has none
                self.fields[name].validators += [MinValueValidator(least), MaxValueValidator(most)]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("riyals") is not None:
            self.instance.fee = int(data["riyals"] * 100)
        return data


@admin.register(ExamPolicy)
class ExamPolicyAdmin(EffectiveAdmin):
    """What each exam allows; a number keeps the policy of the day on which it was given (EXM-2)."""

    form = ExamPolicyForm
    list_display = [
        "exam",
        "free_attempts",
        "paid_attempts",
        "fee_shown",
        "tax",
        "validity_days",
        "cooling_off_days",
        "effective_from",
        "source",
        "figure",
    ]
    list_filter = ["official", "exam"]
    list_select_related = ["exam"]

    def get_fields(self, request: HttpRequest, obj: ExamPolicy | None = None) -> list[str]:
        if obj:
            return self.list_display
        attempts = ["exam", "free_attempts", "paid_attempts", "riyals", "tax"]
        return [*attempts, "validity_days", "cooling_off_days", "effective_from", "source", "official"]

    @admin.display(description=gettext_lazy("fee of a paid attempt (SAR)"), ordering="fee")
    def fee_shown(self, policy: ExamPolicy) -> str:
        return look.sar(policy.fee)


def _done(form: BaseForm, act: Any) -> bool:
    """Do it; refused, every reason stands in the form, and nothing is changed."""
    try:
        act()
    except NotAllowed as refusal:
        for reason in refusal.reasons:
            form.add_error(None, str(reason))
        return False
    except (FeeMissing, PolicyMissing) as gap:
        log.error("not possible: %s", gap)
        form.add_error(
            None,
            _("A fee or a policy has no value for today, so nothing was changed. An administrator must enter it."),
        )
        return False
    return True


def _outcome_badge(result: ExamResult) -> str:
    kind, picture = OUTCOMES[Outcome(result.outcome)]
    return look.badge(kind, result.get_outcome_display(), picture)


def _file_badge(file: ResultsFile) -> str:
    kind, picture = FILES[ResultsFile.State(file.state)]
    return look.badge(kind, file.get_state_display(), picture)


def _lines(kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of the report with their reason in words."""
    return [one | {"why": str(Objection(one["code"], one["facts"]))} for one in kept]
