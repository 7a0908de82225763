"""The practitioner's pages about giving up an application, and about money that goes back."""

from dataclasses import replace
from typing import Any

from allauth.core.ratelimit import consume
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from applications.lifecycle import LIFECYCLE
from applications.models import Application
from applications.progress import advance
from documents import wallet
from documents.checks import Refused
from documents.models import Paper
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.requests import posted
from payments.models import Disposition, Invoice, Payment
from refunds import facts as facts_of
from refunds import presenting, progress
from refunds.forms import AccountForm, AskForm, WithdrawalForm
from refunds.models import Ticket

EVIDENCE = "refund_evidence"


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, reference: str) -> HttpResponse:
    """APP-7: what withdrawing means and what would go back; confirmed, it is made on the case as it was read."""
    own = Application.objects.visible_to(request.user).select_related("practitioner__user")
    case, now = get_object_or_404(own, reference=reference), clock_now()
    if reasons := LIFECYCLE["withdraw"].obstacles(case, request.user, now=now):
        return _refused(request, reasons, "application", reference)
    form = WithdrawalForm(posted(request), initial={"seen": case.moves})
    if request.method == "POST" and form.is_valid():
        try:
            advance(case.pk, "withdraw", by=request.user, now=now, seen=form.cleaned_data["seen"])
        except NotAllowed as refusal:
            return _refused(request, refusal.reasons, "application_withdraw", reference)
        fees = [one for one in presenting.previews_of(case, now) if one["amount"]]
        if not fees:
            messages.success(request, _("The application is withdrawn."))
            return redirect("application", reference)
        messages.success(request, _("The application is withdrawn. Now open the ticket for the money that goes back."))
        return redirect("refund_ask", max(fees, key=lambda one: one["amount"])["invoice"].number)
    return render(request, "refunds/withdraw.html", presenting.withdrawal_page(case, form, now))


@require_safe
def refunds(request: HttpRequest) -> HttpResponse:
    """REF-1: one's tickets, and what one could ask for."""
    return render(request, "refunds/list.html", presenting.refunds_page(request.user, clock_now()))


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """REF-1, REF-5: what goes back of a fee and by which rule, seen before the ticket is filed."""
    invoice, now = get_object_or_404(Invoice.objects.visible_to(request.user), number=number), clock_now()
    payment = (
        facts_of.with_parts(Payment.objects.filter(invoice=invoice, disposition=Disposition.APPLIED))
        .order_by("pk")
        .first()
    )
    found = facts_of.asked(facts_of.of([payment], on=today(now))[payment.pk]) if payment else None
    late = bool(found) and any(part.fee == "late" for part in found.parts)
    form = AskForm(posted(request), request.FILES or None, has_late_fee=late)
    if request.method == "POST" and payment and found and form.is_valid():
        typed = form.cleaned_data
        for reason in progress.why_not(payment, replace(found, claimed=typed["ground"])):
            form.add_error(None, reason)
        evidence = _taken_in(request, form, invoice, now)
        if form.is_valid():
            words = {"ground": typed["ground"], "statement": typed["text"], "evidence": evidence}
            try:
                ticket = progress.file(payment.pk, by=request.user, now=now, **words)
            except NotAllowed as refusal:  # at the same moment, in another window
                return _refused(request, refusal.reasons, "refund_ask", number)
            messages.success(request, _("Your ticket is with finance. We write to you when it is decided."))
            return redirect("refund", ticket.number)
    return render(request, "refunds/ask.html", presenting.ask_page(invoice, payment, found, form, request.user, now))


@require_safe
def refund(request: HttpRequest, number: str) -> HttpResponse:
    """One's own ticket, with its days and every rule."""
    return _ticket_page(request, _own(request, number), AccountForm())


@require_POST
def give_account(request: HttpRequest, number: str) -> HttpResponse:
    """REF-6: the account that the money goes to; refused, the reason stands at its field."""
    ticket, form = _own(request, number), AccountForm(request.POST)
    if not form.is_valid():
        return _ticket_page(request, ticket, form)
    typed = form.cleaned_data
    given = {"account": typed["iban"], "holder": typed["holder"]}
    return _moved(
        request, ticket, "give_account", _("The account is noted. Finance transfers the money to it."), **given
    )


@require_POST
def withdraw_ticket(request: HttpRequest, number: str) -> HttpResponse:
    return _moved(
        request, _own(request, number), "withdraw", _("The ticket is withdrawn. Nothing is decided about it.")
    )


@require_POST
def ask_again(request: HttpRequest, number: str) -> HttpResponse:
    """REF-6: the money of a ticket that ended is asked for anew: a credit at once, a fee on the page that judges it."""
    ticket = _own(request, number)
    if ticket.credit_id is None:
        return redirect("refund_ask", ticket.payment.invoice.number)
    try:
        anew = progress.file(ticket.payment_id, credit_id=ticket.credit_id, by=request.user, now=clock_now())
    except NotAllowed as refusal:
        return _refused(request, refusal.reasons, "refund", number)
    messages.success(request, _("A new ticket is open. Finance decides it anew."))
    return redirect("refund", anew.number)


def _own(request: HttpRequest, number: str) -> Ticket:
    own = Ticket.objects.visible_to(request.user).select_related(
        "application__practitioner", "payment__invoice", "credit"
    )
    return get_object_or_404(own, number=number)


def _ticket_page(request: HttpRequest, ticket: Ticket, form: AccountForm) -> HttpResponse:
    return render(request, "refunds/ticket.html", presenting.ticket_page(ticket, request.user, form, clock_now()))


def _moved(request: HttpRequest, ticket: Ticket, name: str, done: str, **facts: Any) -> HttpResponse:
    try:
        progress.advance(ticket.pk, name, by=request.user, now=clock_now(), **facts)
    except NotAllowed as refusal:
        return _refused(request, refusal.reasons, "refund", ticket.number)
    messages.success(request, done)
    return redirect("refund", ticket.number)


def _taken_in(request: HttpRequest, form: AskForm, invoice: Invoice, now: Any) -> Paper | None:
    """The paper that was sent along, in the wallet; None where there is none, or with the reason at its field."""
    if not form.is_valid() or not form.cleaned_data["file"]:
        return None
    if not consume(request, action="upload", user=request.user):  # nobody fills the disk
        form.add_error("file", _("You attached very many files in an hour. Wait a little, then send the ticket again."))
        return None
    try:
        return wallet.take_in(form.cleaned_data["file"], practitioner=invoice.payer, kind=EVIDENCE, now=now)
    except Refused as refusal:
        form.add_error("file", refusal)
    except OSError:
        form.add_error("file", _("The file could not be stored just now. Try again in a few minutes."))
    return None


def _refused(request: HttpRequest, reasons: Any, page: str, *args: str) -> HttpResponse:
    """To a page that shows things as they stand now, with every reason."""
    for reason in reasons:
        messages.error(request, reason)
    return redirect(page, *args)
