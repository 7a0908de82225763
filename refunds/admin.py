"""Refunds at the desk: the queue by its clock, the ticket with one address per move, and the files for the bank (REF-6)."""

import logging
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet, Value
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from documents.views import serve
from mumaris.kit import alarms
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.officers import is_officer
from mumaris.kit.readonly import ReadOnlyAdmin
from mumaris.kit.templatetags import look
from payments.gateways.base import GatewayDown, RefundInDoubt
from refunds import credit_admin, desk, transfers  # noqa: F401  the credits' page registers itself
from refunds.lifecycle import FINAL, UNDECIDED, TicketState
from refunds.models import Ticket, Transfer, TransferFile

log = logging.getLogger(__name__)

# queue: (its words, its tickets); the first is what one sees without choosing.
QUEUES = {
    "": (gettext_lazy("To be decided"), Q(state__in=UNDECIDED)),
    "overruling": (gettext_lazy("For the second officer"), Q(state=TicketState.OVERRULING)),
    "approved": (gettext_lazy("To be paid out"), desk.TO_PAY),
    "account": (gettext_lazy("Waiting for the practitioner's account"), desk.WANTS_ACCOUNT),
    "paying": (gettext_lazy("Being paid out"), Q(state=TicketState.PAYING)),
    "ended": (pgettext_lazy("refunds", "Ended"), Q(state__in=FINAL)),
    "all": (gettext_lazy("All"), Q()),
}


class QueueFilter(admin.SimpleListFilter):
    title, parameter_name = gettext_lazy("queue"), "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, words) for name, (words, _tickets) in QUEUES.items()]

    def choices(self, changelist: Any) -> Any:
        for name, words in self.lookup_choices:
            yield {
                "selected": (self.value() or "") == name,
                "query_string": changelist.get_query_string({self.parameter_name: name}),
                "display": words,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        if self.value() is None and request.GET.get("q"):  # a number finds its ticket in any queue
            return queryset
        return queryset.filter(QUEUES.get(self.value() or "", QUEUES[""])[1])


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """The finance officers' queue, by its clock: what must be decided first, or paid first, stands first. One's own is not there."""

    list_display = [
        "number_shown",
        "person",
        "case",
        "money",
        "state_shown",
        "decide_by_shown",
        "collect_by_shown",
    ]
    list_filter = [QueueFilter]
    list_select_related = ["application__practitioner", "payment__invoice"]
    search_fields = ["number__exact", "application__reference__exact", "payment__provider_ref__exact"]
    search_help_text = gettext_lazy("A whole ticket number, case reference or gateway reference")
    change_list_template = "admin/refunds/ticket/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        others = super().get_queryset(request).exclude(application__practitioner__user=request.user)
        return others.annotate(today=Value(today(clock_now())))

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        by_window = request.GET.get("queue") in ("approved", "account", "paying")
        return [F("collect_by").asc(nulls_last=True), "pk"] if by_window else ["decide_by", "pk"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may_pay = is_officer(request.user, "refunds.pay_ticket")
        collects = may_pay and request.GET.get("queue") == "approved"
        return super().changelist_view(request, {"may_collect": collects, **(extra_context or {})})

    @admin.display(description=gettext_lazy("number"), ordering="number")
    def number_shown(self, ticket: Ticket) -> str:
        return look.code(ticket.number)

    @admin.display(description=gettext_lazy("practitioner"))
    def person(self, ticket: Ticket) -> str:
        return ticket.application.practitioner.name_ar

    @admin.display(description=gettext_lazy("case"))
    def case(self, ticket: Ticket) -> str:
        return look.code(ticket.application.reference)

    @admin.display(description=gettext_lazy("amount (SAR)"))
    def money(self, ticket: Ticket) -> str:
        return look.sar(ticket.amount if ticket.amount is not None else ticket.filed_judgement["amount"])

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_shown(self, ticket: Ticket) -> str:
        return look.state("refund", ticket.state)

    @admin.display(description=gettext_lazy("to be decided by"), ordering="decide_by")
    def decide_by_shown(self, ticket: Ticket) -> str:
        if desk.is_late(ticket, ticket.today):
            words = _("overdue, escalated") if ticket.escalated_at else _("overdue")
            return look.badge("bad", f"{look.gregorian(ticket.decide_by)}: {words}", "warn")
        return look.gregorian(ticket.decide_by)

    @admin.display(description=gettext_lazy("to be collected by"), ordering="collect_by")
    def collect_by_shown(self, ticket: Ticket) -> str:
        if ticket.wants_account:
            return look.badge("warn", _("waits for the account"), "clock")
        return look.gregorian(ticket.collect_by) if ticket.collect_by else ""

    def get_urls(self) -> list[URLPattern]:
        def at(address: str, view: Any, name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(view), name=f"refunds_ticket_{name}")

        return [
            at("collect/", self.collect, "collect"),
            at("<path:object_id>/move/<slug:name>/", self.move, "move"),
            at("<path:object_id>/evidence/", self.evidence, "evidence"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The ticket: the case, the payment, every rule, what happened, and what this officer can do."""
        return self._page(request, self._ticket(request, object_id), {})

    @method_decorator(require_POST)
    def move(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Make one move; refused, it says every reason in its form and changes nothing, and what was typed stays there.

        A form that is gone, or in which nothing is typed, says it above the page.
        """
        if name not in desk.MOVES:
            raise Http404
        ticket, now = self._ticket(request, object_id), clock_now()
        if ticket.state in desk.MOVES[name].sources and not desk.MOVES[name].may(request.user, ticket):
            raise PermissionDenied
        form, seen = desk.form_of(name, ticket, request.POST), _seen(request)
        if form.is_valid():
            try:
                desk.make(name, ticket, form, by=request.user, now=now, seen=seen)
            except NotAllowed as refusal:
                ticket = self._ticket(request, object_id)
                field = desk.FAULTY.get(name) if seen in (None, ticket.moves) else None
                for reason in refusal.reasons:
                    if form.fields and desk.is_open(request.user, ticket, name, now):
                        form.add_error(field, reason)
                    else:
                        messages.error(request, reason)
            except RefundInDoubt as doubt:
                messages.error(request, alarms.WORDS["payout_in_doubt"] % {"ticket": ticket, "why": doubt})
                return self._to_page(ticket)
            except GatewayDown:
                messages.warning(
                    request,
                    _(
                        "The gateway does not answer. The portal asks again by itself until it knows; nothing is sent twice."
                    ),
                )
                return self._to_page(ticket)
            else:
                ticket.refresh_from_db(fields=["state"])
                messages.success(
                    request,
                    _("Done. %(number)s is now: %(state)s.") % {"number": ticket, "state": ticket.get_state_display()},
                )
                return self._to_page(ticket)
        return self._page(request, ticket, {name: form}) if form.errors else self._to_page(ticket)

    @method_decorator(require_safe)
    def evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The paper that came with the ticket, for staff who may see tickets (I21)."""
        ticket = self._ticket(request, object_id)
        if ticket.evidence is None:
            raise Http404
        log.info("user %s opens the evidence of %s", request.user.pk, ticket)
        return serve(ticket.evidence)

    @method_decorator(require_POST)
    def collect(self, request: HttpRequest) -> HttpResponse:
        """Put what waits for a bank transfer into one new file."""
        if not is_officer(request.user, "refunds.pay_ticket"):
            raise PermissionDenied
        try:
            file = transfers.collect(by=request.user, now=clock_now())
        except NotAllowed as refusal:
            for reason in refusal.reasons:
                messages.error(request, reason)
            return redirect(f"{reverse('admin:refunds_ticket_changelist')}?queue=approved")
        words = ngettext(
            "%(count)d refund is in file %(number)s.", "%(count)d refunds are in file %(number)s.", file.count
        )
        messages.success(request, words % {"count": file.count, "number": file})
        return redirect("admin:refunds_transferfile_change", file.pk)

    def _ticket(self, request: HttpRequest, object_id: str) -> Ticket:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id))

    def _to_page(self, ticket: Ticket) -> HttpResponse:
        return redirect("admin:refunds_ticket_change", ticket.pk)

    def _page(self, request: HttpRequest, ticket: Ticket, tried: dict[str, BaseForm]) -> HttpResponse:
        related = ["application__practitioner", "payment__invoice", "credit", "filed_by", "evidence"]
        officers = ["overruled_by", "decided_by", "paid_by"]
        ticket = Ticket.objects.select_related(*related, *officers).get(pk=ticket.pk)
        context = {
            **self.admin_site.each_context(request),
            **desk.page(ticket, request.user, clock_now(), tried),
            "opts": self.opts,
            "title": f"{ticket.number} · {ticket.application.practitioner}",
            "errors": any(form.errors for form in tried.values()),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/refunds/ticket/change_form.html", context)


@admin.register(TransferFile)
class TransferFileAdmin(ReadOnlyAdmin):
    """The files for the bank, and what it made of each transfer."""

    list_display = ["number", "made_at", "made_by", "count", "sum", "hash"]
    list_select_related = ["made_by"]
    search_fields = ["number__exact", "transfers__end_to_end__exact"]
    search_help_text = gettext_lazy("A whole file number or end-to-end reference")

    @admin.display(description=gettext_lazy("amount (SAR)"), ordering="total")
    def sum(self, file: TransferFile) -> str:
        return look.sar(file.total)

    @admin.display(description="SHA-256")
    def hash(self, file: TransferFile) -> str:
        return look.code(bytes(file.sha256).hex()[:16])

    def get_urls(self) -> list[URLPattern]:
        def at(address: str, view: Any, name: str) -> URLPattern:
            return path(address, self.admin_site.admin_view(view), name=f"refunds_transferfile_{name}")

        return [
            at("<path:object_id>/content/", self.content, "content"),
            at("<path:object_id>/<int:transfer_id>/<slug:outcome>/", self.tell, "tell"),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._page(request, self._file(request, object_id), {})

    @method_decorator(require_safe)
    def content(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The file for the bank. It names accounts, so only who may pay out has it."""
        file = self._file(request, object_id)
        if not is_officer(request.user, "refunds.pay_ticket"):
            raise PermissionDenied
        log.info("user %s opens transfer file %s", request.user.pk, file)
        try:
            content = transfers.content_of(file)
        except ValueError as reason:
            log.error("%s", reason)
            messages.error(
                request,
                _(
                    "The file cannot be read: it was changed, or the key that it was sealed with is missing. Ask the operator."
                ),
            )
            return redirect("admin:refunds_transferfile_change", file.pk)
        answer = HttpResponse(content, content_type="application/xml")
        answer["Content-Disposition"] = f'attachment; filename="{file.number}.xml"'
        return answer

    @method_decorator(require_POST)
    def tell(self, request: HttpRequest, object_id: str, transfer_id: int, outcome: str) -> HttpResponse:
        """What the bank made of one transfer."""
        file = self._file(request, object_id)
        transfer = get_object_or_404(Transfer.objects.select_related("ticket"), file=file, pk=transfer_id)
        if outcome not in ("executed", "failed"):
            raise Http404
        if not is_officer(request.user, "refunds.pay_ticket"):
            raise PermissionDenied
        form = _told(transfer, outcome, request.POST)
        if not form.is_valid():
            return self._page(request, file, {(transfer.pk, outcome): form})
        try:
            getattr(transfers, outcome)(transfer, by=request.user, now=clock_now(), **form.cleaned_data)
        except NotAllowed as refusal:
            for reason in refusal.reasons:
                messages.error(request, reason)
        else:
            messages.success(request, _("Noted for %(number)s.") % {"number": transfer.ticket})
        return redirect("admin:refunds_transferfile_change", file.pk)

    def _file(self, request: HttpRequest, object_id: str) -> TransferFile:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id))

    def _page(self, request: HttpRequest, file: TransferFile, tried: dict[Any, BaseForm]) -> HttpResponse:
        may_pay = is_officer(request.user, "refunds.pay_ticket")

        def row(one: Transfer) -> dict[str, Any]:
            told = one.outcome != Transfer.Outcome.SENT
            forms = [
                {
                    "outcome": outcome,
                    "words": words,
                    "form": tried.get((one.pk, outcome)) or _told(one, outcome),
                    "url": reverse("admin:refunds_transferfile_tell", args=[file.pk, one.pk, outcome]),
                }
                for outcome, words in (("executed", _("It was executed")), ("failed", _("It came back")))
            ]
            return {"transfer": one, "forms": forms if may_pay and not told else []}

        rows = [row(one) for one in file.transfers.select_related("ticket__application__practitioner")]
        context = {
            **self.admin_site.each_context(request),
            "file": file,
            "rows": rows,
            "may_pay": may_pay,
            "hash": bytes(file.sha256).hex(),
            "tried": list(tried.values()),
            "errors": any(form.errors for form in tried.values()),
            "opts": self.opts,
            "title": file.number,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/refunds/transferfile/change_form.html", context)


def _told(transfer: Transfer, outcome: str, data: Any = None) -> BaseForm:
    form = desk.ExecutedForm if outcome == "executed" else desk.FailedForm
    return form(data, auto_id=f"id_{transfer.pk}_{outcome}_%s")


def _seen(request: HttpRequest) -> int | None:
    """The number of moves that stood on the page the officer decided on."""
    said = request.POST.get("seen", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else None
