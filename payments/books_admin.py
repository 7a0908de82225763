"""The books at the desk: what was booked, what the gateway's statements say, and where the two differ (PAY-6)."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from mumaris.kit.clock import now as clock_now
from mumaris.kit.fields import CleanCharField, Form
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.readonly import ReadOnlyAdmin, ReadOnlyInline
from mumaris.kit.templatetags import look
from payments import differences
from payments.models import Difference, Invoice, LedgerEntry, Payment, Posting, Statement, StatementLine


class EntryInline(ReadOnlyInline):
    model = LedgerEntry
    fields = ["account", "debit", "credit"]

    @admin.display(description=gettext_lazy("debit (SAR)"))
    def debit(self, entry: LedgerEntry) -> str:
        return look.sar(entry.amount) if entry.amount > 0 else ""

    @admin.display(description=gettext_lazy("credit (SAR)"))
    def credit(self, entry: LedgerEntry) -> str:
        return look.sar(-entry.amount) if entry.amount < 0 else ""


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    """The ledger: every movement of money with its entries, never changed."""

    fields = ["key", "kind", "at", "invoice", "payment", "ticket"]
    list_display = ["at", "kind", "invoice", "payment", "ticket", "legs"]
    list_filter = ["kind"]
    list_select_related = ["invoice", "payment"]
    search_fields = ["invoice__number__exact"]  # the box; what is looked up, see get_search_results
    search_help_text = gettext_lazy("A whole gateway reference, invoice number or case reference")
    inlines = [EntryInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Posting]:
        return super().get_queryset(request).prefetch_related("entries")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Posting], search_term: str
    ) -> tuple[QuerySet[Posting], bool]:
        """By ids that indexes find first: asked for over both joins at once, the database would read the whole ledger."""
        term = self.as_stored(search_term)
        if not term:
            return queryset, False
        invoices = list(Invoice.objects.filter(Q(number=term) | Q(case=term)).values_list("pk", flat=True))
        payments = list(Payment.objects.filter(provider_ref=term).values_list("pk", flat=True))
        return queryset.filter(Q(invoice__in=invoices) | Q(payment__in=payments)), False

    @admin.display(description=gettext_lazy("entries (SAR)"))
    def legs(self, posting: Posting) -> str:
        entries = posting.entries.all()
        return format_html_join("", "{} {}<br>", ((one.get_account_display(), look.sar(one.amount)) for one in entries))


@admin.register(Statement)
class StatementAdmin(ReadOnlyAdmin):
    """The gateway's statements, a day each."""

    fields = ["day", "fetched_at", "compared_at", "line_count", "in_riyals", "out_riyals", "open_differences"]
    readonly_fields = ["in_riyals", "out_riyals", "open_differences"]
    list_display = ["day", "line_count", "in_riyals", "out_riyals", "open_differences", "compared_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Statement]:
        open_ones = Difference.objects.filter(day=OuterRef("day"), closed_at=None).order_by().values("day")
        number = Subquery(open_ones.annotate(number=Count("pk")).values("number"))
        return super().get_queryset(request).annotate(open_ones=Coalesce(number, 0))

    @admin.display(description=gettext_lazy("came in (SAR)"))
    def in_riyals(self, statement: Statement) -> str:
        return look.sar(statement.came_in or 0)

    @admin.display(description=gettext_lazy("went back (SAR)"))
    def out_riyals(self, statement: Statement) -> str:
        return look.sar(statement.went_back or 0)

    @admin.display(description=gettext_lazy("open differences"))
    def open_differences(self, statement: Statement) -> str:
        return look.badge("warn", statement.open_ones, "warn") if statement.open_ones else look.badge("ok", 0, "ok")


@admin.register(StatementLine)
class StatementLineAdmin(ReadOnlyAdmin):
    """The lines of the statements, as they came."""

    fields = ["statement", "position", "kind", "provider_ref", "method", "reference", "riyals", "currency", "bank_at"]
    list_display = ["statement", "position", "kind", "provider_ref", "method", "riyals", "currency", "bank_at"]
    list_filter = ["kind"]
    list_select_related = ["statement"]
    ordering = ["-pk"]
    search_fields = ["provider_ref__exact"]
    search_help_text = gettext_lazy("A whole gateway reference")

    @admin.display(description=gettext_lazy("amount"))
    def riyals(self, line: StatementLine) -> str:
        return look.sar(line.amount)


class OpenFilter(admin.SimpleListFilter):
    title = gettext_lazy("status")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("Still open")), ("no", gettext_lazy("Closed by finance"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Difference]) -> QuerySet[Difference]:
        return queryset.filter(closed_at__isnull=self.value() == "yes") if self.value() in ("yes", "no") else queryset


class CloseForm(Form):
    reason = CleanCharField(
        label=gettext_lazy("Reason, as the record keeps it"),
        max_length=300,
        error_messages={"required": gettext_lazy("Write the reason.")},
    )


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin):
    """What a statement and our books say differently, open ones first. Finance closes one from its page, with the reason."""

    fields = [
        "status",
        "kind",
        "movement",
        "day",
        "provider_ref",
        "payment",
        "our_riyals",
        "their_riyals",
        "our_day",
        "their_day",
        "found_at",
        "closed_at",
        "closed_by",
        "reason",
    ]
    later = ("closed_at", "closed_by", "reason")
    readonly_fields = ["status", "our_riyals", "their_riyals"]
    list_display = ["day", "status", "kind", "movement", "provider_ref", "our_riyals", "their_riyals", "found_at"]
    list_filter = [OpenFilter, "kind", "movement"]
    search_fields = ["provider_ref__exact"]
    search_help_text = gettext_lazy("A whole gateway reference")

    def get_urls(self) -> list[URLPattern]:
        close = self.admin_site.admin_view(self.close)
        return [path("<path:object_id>/close/", close, name="payments_difference_close"), *super().get_urls()]

    @admin.display(description=gettext_lazy("status"))
    def status(self, difference: Difference) -> str:
        if difference.closed_at:
            return look.badge("", gettext_lazy("Closed by finance"), "dash")
        return look.badge("warn", gettext_lazy("Still open"), "warn")

    @admin.display(description=gettext_lazy("our amount (SAR)"))
    def our_riyals(self, difference: Difference) -> str:
        return "–" if difference.ours is None else look.sar(difference.ours)

    @admin.display(description=gettext_lazy("the statement's amount (SAR)"))
    def their_riyals(self, difference: Difference) -> str:
        return "–" if difference.theirs is None else look.sar(difference.theirs)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, {"close": CloseForm(), **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Difference, **kwargs: Any
    ) -> HttpResponse:
        context["may_close"] = differences.may_close(request.user) and not obj.closed_at
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    @method_decorator(require_POST)
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refused, it says why at the form, and what was typed stays there; a difference that is closed says so above the page."""
        if not (self.has_view_permission(request) and differences.may_close(request.user)):
            raise PermissionDenied
        difference = self.get_object(request, unquote(object_id))
        form = CloseForm(request.POST)
        if not form.is_valid() and not difference.closed_at:
            request.method = "GET"  # the page of the difference, with the form as it was sent
            return self.change_view(request, object_id, extra_context={"close": form})
        try:
            reason = form.cleaned_data.get("reason", "")
            differences.close(difference.pk, reason=reason, by=request.user, now=clock_now())
        except NotAllowed as refusal:
            for reason in refusal.reasons:
                messages.error(request, reason)
        else:
            messages.success(request, _("The difference is closed."))
        return redirect(reverse("admin:payments_difference_change", args=[difference.pk]))
