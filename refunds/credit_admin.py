"""Credits at the desk: finance's list of money that settled nothing, and how each stands by its tickets (PAY-5)."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from mumaris.kit.readonly import ReadOnlyAdmin
from mumaris.kit.templatetags import look
from payments.admin import InRiyals
from payments.models import Credit
from refunds import credits


class StandsFilter(admin.SimpleListFilter):
    title = _("stands as")
    parameter_name = "stands_as"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("held", _("Neither used nor paid back")),
            ("back", _("Paid back")),
            ("applied", _("Settled its invoice after all")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Credit]) -> QuerySet[Credit]:
        match self.value():
            case "held":
                return queryset.filter(credits.HELD)
            case "back":
                return queryset.filter(credits.PAID_BACK)
            case "applied":
                return queryset.exclude(applied_at=None)
        return queryset


@admin.register(Credit)
class CreditAdmin(InRiyals, ReadOnlyAdmin):
    fields = ["payment", "riyals", "reason", "created_at", "stands_as", "applied_at"]
    readonly_fields = ["stands_as"]
    list_display = ["created_at", "stands_as", "payer", "riyals", "reason", "invoice", "case", "payment"]
    list_filter = [StandsFilter, "reason"]
    list_select_related = ["payment__invoice__payer"]
    search_fields = ["payment__provider_ref__exact", "payment__invoice__number__exact", "payment__invoice__case__exact"]
    search_help_text = _("A whole gateway reference, invoice number or case reference")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credit]:
        return credits.with_tickets(super().get_queryset(request))

    @admin.display(description=_("stands as"))
    def stands_as(self, credit: Any) -> str:
        if credit.applied_at:
            return look.badge("ok", _("Settled its invoice after all"), "ok")
        if credit.paid_back >= credit.amount:
            return look.badge("ok", _("Paid back"), "ok")
        if credit.paid_back:
            return look.badge("note", _("Paid back in part"))
        if credit.ticket_state:
            return look.state("refund", credit.ticket_state)
        return look.badge("warn", _("No refund ticket yet"), "warn")

    @admin.display(description=_("payer"))
    def payer(self, credit: Credit) -> str:
        return credit.payment.invoice.payer.name_ar

    @admin.display(description=_("invoice"))
    def invoice(self, credit: Credit) -> str:
        return look.code(credit.payment.invoice.number)

    @admin.display(description=_("case"))
    def case(self, credit: Credit) -> str:
        return look.code(credit.payment.invoice.case)
