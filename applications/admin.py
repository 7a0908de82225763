"""The officers' desk: the list of cases, the review screen with one address per move, fees and return reasons (STF-3)."""

import logging
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from applications import casework, clock_desk, deadlines, exam_admin, exemption_admin  # noqa: F401  these parts of the desk register themselves
from applications.catalogue import CATALOGUE
from applications.fees import FeeMissing
from applications.lifecycle import State
from applications.models import Application, Fee, ReturnReason
from applications.presenting import FEE_CATEGORIES
from documents.models import Paper
from documents.views import serve
from mumaris.kit.clock import now as clock_now
from mumaris.kit.fields import RiyalsField
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.policy import PolicyMissing
from mumaris.kit.readonly import EffectiveAdmin, ReadOnlyAdmin
from mumaris.kit.templatetags import look
from payments.forms import TaxedForm

log = logging.getLogger(__name__)


class StateFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state, casework.state_words(state)) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Application]) -> QuerySet[Application]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class ServiceFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("service"), "service"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(service.slug, service.name) for service in CATALOGUE.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Application]) -> QuerySet[Application]:
        return queryset.filter(service=self.value()) if self.value() else queryset


class HeldFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("reviewer"), "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("me", gettext_lazy("Me")), ("nobody", gettext_lazy("Nobody"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Application]) -> QuerySet[Application]:
        held = {"me": request.user, "nobody": None}
        return queryset.filter(reviewer=held[self.value()]) if self.value() in held else queryset


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """Cases to work on. One's own case is not there, whatever one's role: an officer is never their own (I17)."""

    list_display = ["reference_shown", "service_name", "practitioner", "state_shown", "reviewer", "since", "last_day"]
    list_filter = [StateFilter, ServiceFilter, HeldFilter]
    list_select_related = ["practitioner", "reviewer", "deadline"]
    search_fields = ["reference__exact"]
    search_help_text = gettext_lazy("A whole reference, such as CL-2026-0443391")

    @admin.display(description=gettext_lazy("reference"), ordering="reference")
    def reference_shown(self, case: Application) -> str:
        return look.code(case.reference)

    @admin.display(description=gettext_lazy("since"), ordering="saved_at")
    def since(self, case: Application) -> str:
        return look.moment(case.saved_at)

    @admin.display(description=gettext_lazy("service"), ordering="service")
    def service_name(self, case: Application) -> str:
        return CATALOGUE[case.service].name

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_shown(self, case: Application) -> str:
        return casework.state_badge(case.state)

    @admin.display(description=gettext_lazy("last day"), ordering="deadline__due_on")
    def last_day(self, case: Application) -> str:
        if not hasattr(case, "deadline"):
            return ""
        return _("stands") if case.deadline.is_paused else look.gregorian(case.deadline.due_on)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        return super().get_queryset(request).exclude(practitioner__user=request.user)

    def get_urls(self) -> list[URLPattern]:
        def at(address: str, view: Any, name: str) -> URLPattern:
            return path(
                f"<path:object_id>/{address}/",
                self.admin_site.admin_view(view),
                name=f"applications_application_{name}",
            )

        return [
            at("move/<slug:name>", self.move, "move"),
            at("paper/<uuid:paper_id>", self.paper, "paper"),
            at("clock", self.clock, "clock"),
            at("clock/<slug:name>", self.change_clock, "change_clock"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The review screen: what was asked, found, attached and said, and the moves that this officer can make."""
        return self._page(request, self._case(request, object_id), {})

    @method_decorator(require_POST)
    def move(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Make one move; refused, it says every reason and changes nothing, and what was typed stays in its form."""
        if name not in casework.MOVES:
            raise Http404
        case, now = self._case(request, object_id), clock_now()
        if case.state in casework.MOVES[name].sources and not casework.may(request.user, case, name):
            raise PermissionDenied
        form = casework.form_of(name, case, now, request.POST)
        if form.is_valid():
            try:
                casework.make(name, case, form, by=request.user, now=now, seen=_seen(request))
            except NotAllowed as refusal:
                for reason in refusal.reasons:
                    messages.error(request, reason)
            except (FeeMissing, PolicyMissing) as gap:
                log.error("%s of %s is not possible: %s", name, case, gap)
                messages.error(
                    request,
                    _(
                        "A fee or a policy has no value for today, so nothing was changed. An administrator must enter it."
                    ),
                )
            else:
                case.refresh_from_db(fields=["state"])
                messages.success(
                    request,
                    _("Done. %(reference)s is now: %(state)s.")
                    % {"reference": case, "state": casework.state_words(case.state)},
                )
                return self._to_page(case)
        case = self._case(request, object_id)
        if name in casework.BARE or not casework.is_open(request.user, case, name):
            return self._to_page(case)
        return self._page(request, case, {name: form})

    @method_decorator(require_safe)
    def paper(self, request: HttpRequest, object_id: str, paper_id: UUID) -> HttpResponse:
        """A paper that was attached to this case, for staff who may see attachments (I21)."""
        case = self._case(request, object_id)
        if not request.user.has_perm("applications.view_attachment"):
            raise PermissionDenied
        paper = get_object_or_404(Paper.objects.filter(attachments__application=case).distinct(), pk=paper_id)
        log.info("user %s opens paper %s of %s", request.user.pk, paper.pk, case)
        return serve(paper)

    @method_decorator(require_safe)
    def clock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The clock of the case: when it ends, what was done to it, what can be done (DLN-5)."""
        case = self._case(request, object_id)
        if not request.user.has_perm("applications.change_deadline"):
            raise PermissionDenied
        return self._clock_page(request, case, {})

    @method_decorator(require_POST)
    def change_clock(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Pause, resume or extend; refused, it says every reason and changes nothing, and what was typed stays in its form."""
        if (act := clock_desk.ACTS.get(name)) is None:
            raise Http404
        case = self._case(request, object_id)
        if not deadlines.clerk(request.user, case):
            raise PermissionDenied
        form = clock_desk.form_of(act, request.POST)
        if form.is_valid():
            try:
                act.make(case.pk, by=request.user, now=clock_now(), **form.cleaned_data)
            except NotAllowed as refusal:
                for reason in refusal.reasons:
                    form.add_error(clock_desk.FAULTY.get(name), reason)
            else:
                messages.success(request, _("Done. The practitioner is told."))
                return redirect(reverse("admin:applications_application_clock", args=[case.pk]))
        return self._clock_page(request, self._case(request, object_id), {name: form})

    def _clock_page(self, request: HttpRequest, case: Application, tried: dict[str, BaseForm]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **clock_desk.page(case, request.user, clock_now(), tried),
            "opts": self.opts,
            "title": _("Clock of %(reference)s") % {"reference": case},
            "errors": any(form.errors for form in tried.values()),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/applications/application/clock.html", context)

    def _case(self, request: HttpRequest, object_id: str) -> Application:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id))

    def _to_page(self, case: Application) -> HttpResponse:
        return redirect(reverse("admin:applications_application_change", args=[case.pk]))

    def _page(self, request: HttpRequest, case: Application, tried: dict[str, BaseForm]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            **casework.page(case, request.user, clock_now(), tried, request.GET.get("paper", "")),
            "opts": self.opts,
            "title": f"{CATALOGUE[case.service].name} · {case.practitioner}",
            "errors": any(form.errors for form in tried.values()),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/applications/application/change_form.html", context)


class FeeForm(TaxedForm):
    """A price, typed in riyals and kept in halalas."""

    service = forms.ChoiceField(
        label=gettext_lazy("Service"), choices=[(service.slug, service.name) for service in CATALOGUE.values()]
    )
    category = forms.ChoiceField(
        label=gettext_lazy("Fee category"),
        choices=[("", gettext_lazy("Every category")), *FEE_CATEGORIES.items()],
        required=False,
    )
    riyals = RiyalsField(label=gettext_lazy("Amount (SAR)"), min_value=0, max_value=1_000_000)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("riyals") is not None:
            self.instance.amount = int(data["riyals"] * 100)
        return data


@admin.register(Fee)
class FeeAdmin(EffectiveAdmin):
    form = FeeForm
    list_display = ["service_name", "purpose", "category_name", "amount_shown", "tax", "effective_from", "figure"]
    list_filter = [ServiceFilter, "purpose", "official"]

    def get_fields(self, request: HttpRequest, obj: Fee | None = None) -> list[str]:
        if obj:
            return ["service_name", "purpose", "category_name", "amount_shown", "tax", "effective_from", "figure"]
        return ["service", "purpose", "category", "riyals", "tax", "effective_from", "official"]

    @admin.display(description=gettext_lazy("service"), ordering="service")
    def service_name(self, fee: Fee) -> str:
        return CATALOGUE[fee.service].name if fee.service in CATALOGUE else fee.service

    @admin.display(description=gettext_lazy("fee category"), ordering="category")
    def category_name(self, fee: Fee) -> str:
        return FEE_CATEGORIES.get(fee.category, fee.category) or _("Every category")

    @admin.display(description=gettext_lazy("amount (SAR)"), ordering="amount")
    def amount_shown(self, fee: Fee) -> str:
        return look.sar(fee.amount)


@admin.register(ReturnReason)
class ReturnReasonAdmin(ReadOnlyAdmin):
    """Ready-made reasons in both languages; the code stays, for earlier returns rest on it."""

    opened = ("add", "change")
    fields = ["code", "text_ar", "text_en"]
    list_display = ["code", "text_ar", "text_en"]

    def get_readonly_fields(self, request: HttpRequest, obj: ReturnReason | None = None) -> list[str]:
        return ["code"] if obj else []


def _seen(request: HttpRequest) -> int | None:
    """The number of moves that stood on the page the officer decided on."""
    said = request.POST.get("seen", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else None
