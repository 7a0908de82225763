"""Money at the desk: looked at, never touched. Every movement goes through payments.billing."""

import logging
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from mumaris.kit import files
from mumaris.kit.clock import now as clock_now
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.readonly import ReadOnlyAdmin, ReadOnlyInline
from mumaris.kit.templatetags import look
from payments import books_admin, papers  # noqa: F401  the books' pages register themselves
from payments.models import Attempt, Invoice, Line, Payment, WebhookEvent

log = logging.getLogger(__name__)


class InRiyals:
    """Adds the column `riyals`, the amount as people read it."""

    @admin.display(description=_("amount (SAR)"))
    def riyals(self, row: Any) -> str:
        return look.sar(row.amount)


class LineInline(InRiyals, ReadOnlyInline):
    model = Line
    fields = ["text_ar", "text_en", "riyals", "tax"]


class PaymentInline(InRiyals, ReadOnlyInline):
    model = Payment
    fields = ["provider_ref", "method", "riyals", "paid_at", "received_at", "disposition"]


@admin.register(Invoice)
class InvoiceAdmin(InRiyals, ReadOnlyAdmin):
    fields = [
        "number",
        "case",
        "payer",
        "purpose",
        "riyals",
        "state",
        "issued_at",
        "due_on",
        "grace_days",
        "lapses_at",
        "paid_at",
        "waiver",
        "exemption",
    ]
    later = ("paid_at", "waiver", "exemption")
    list_display = ["number", "case", "payer", "purpose", "riyals", "state", "issued_at", "due_on", "paid_at"]
    list_filter = ["state", "purpose"]
    list_select_related = ["payer"]
    search_fields = ["number__exact", "case__exact"]
    search_help_text = _("A whole invoice number or a whole reference")
    inlines = [LineInline, PaymentInline]

    def get_urls(self) -> list[URLPattern]:
        paper = self.admin_site.admin_view(self.paper)
        return [path("<path:object_id>/papers/<slug:kind>/", paper, name="payments_invoice_paper"), *super().get_urls()]

    @method_decorator(require_POST)
    def paper(self, request: HttpRequest, object_id: str, kind: str) -> HttpResponse:
        """The invoice or its receipt as PDF, for staff who may see invoices (PAY-8)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        invoice = self.get_object(request, unquote(object_id))
        if kind not in papers.PRINT:
            raise Http404
        try:
            paper = papers.PRINT[kind](invoice, now=clock_now())
        except NotAllowed as refusal:
            for reason in refusal.reasons:
                messages.error(request, reason)
        else:
            if paper.storage_key:
                log.info("user %s opens %s of %s", request.user.pk, paper, invoice)
                return files.serve(paper.storage_key, f"{paper.number}.pdf", "application/pdf", inline=True)
            messages.info(request, gettext("The PDF is being made. Try again in a minute."))
        return redirect(reverse("admin:payments_invoice_change", args=[invoice.pk]))


@admin.register(Payment)
class PaymentAdmin(InRiyals, ReadOnlyAdmin):
    fields = [
        "provider_ref",
        "invoice",
        "attempt",
        "method",
        "riyals",
        "paid_at",
        "bank_at",
        "received_at",
        "disposition",
    ]
    list_display = ["provider_ref", "invoice", "case", "method", "riyals", "paid_at", "disposition"]
    list_filter = ["disposition", "method"]
    list_select_related = ["invoice"]
    search_fields = ["provider_ref__exact", "invoice__number__exact", "invoice__case__exact"]
    search_help_text = _("A whole gateway reference, invoice number or case reference")

    @admin.display(description=_("case"))
    def case(self, payment: Payment) -> str:
        return look.code(payment.invoice.case)


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    fields = [
        "invoice",
        "method",
        "state",
        "given_id",
        "provider_id",
        "biller_name",
        "biller_code",
        "bill_number",
        "expires_on",
        "message",
        "created_at",
        "asked_at",
    ]
    list_display = ["given_id", "invoice", "method", "state", "bill_number", "created_at", "asked_at", "message"]
    list_filter = ["state", "method"]
    list_select_related = ["invoice"]
    search_fields = ["provider_id__exact", "invoice__number__exact", "invoice__case__exact"]


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """What the gateway said, as it was stored, and what came of it."""

    fields = ["event_id", "type", "body", "received_at", "outcome", "processed_at"]
    list_display = ["event_id", "type", "received_at", "outcome", "processed_at"]
    search_fields = ["event_id__exact"]
