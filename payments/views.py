"""Paying: the invoice, the bill to pay at a bank, and the way back from the gateway. Only the gateway's own answer counts."""

import logging
from datetime import timedelta
from textwrap import wrap

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from payments import attempts, exemptions, papers
from payments.gateways.base import GatewayDown
from payments.models import Attempt, AttemptState, Disposition, Invoice, Method

log = logging.getLogger(__name__)

GATEWAY_AWAY = gettext_lazy(
    "The payment gateway does not answer just now. Nothing was charged. Try again in a few minutes."
)
LIVE_ATTEMPT = (AttemptState.STARTING, AttemptState.OPEN)
# Who just came back waits for the gateway's word; after this long the page stops asking by itself.
KEEPS_ASKING = timedelta(minutes=10)


@require_safe
def invoice(request: HttpRequest, number: str) -> HttpResponse:
    """One's own invoice: its lines, until when, and how to pay it (PAY-1, APP-10)."""
    own = get_object_or_404(Invoice.objects.visible_to(request.user).prefetch_related("lines"), number=number)
    now = clock_now()
    context = {
        "invoice": own,
        "methods": [{"method": method, "why_not": attempts.why_not(own, method, now)} for method in Method]
        if own.is_open
        else [],
        "exemption_asked": own.is_open and exemptions.is_asked(own.payer),
        "payments": own.payments.all(),
        "today": today(now),
    }
    return render(request, "payments/invoice.html", context)


@require_POST
def invoice_paper(request: HttpRequest, number: str, kind: str) -> HttpResponse:
    """One's own invoice or receipt as it stands now, printed once and then handed out as any issued paper (PAY-8)."""
    own = get_object_or_404(Invoice.objects.visible_to(request.user), number=number)
    if kind not in papers.PRINT:
        raise Http404
    try:
        paper = papers.PRINT[kind](own, now=clock_now())
    except NotAllowed as refusal:
        for reason in refusal.reasons:
            messages.error(request, reason)
        return redirect("invoice", number)
    return redirect("issued_paper", paper.number)


@require_POST
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """Begin to pay by the chosen method: to the card page, or to the bill."""
    own = get_object_or_404(Invoice.objects.visible_to(request.user), number=number)
    method = request.POST.get("method", "")
    if method not in Method.values:
        messages.error(request, _("Choose how you want to pay."))
        return redirect("invoice", number)
    try:
        attempt = attempts.begin(own, method, language=request.LANGUAGE_CODE, now=clock_now())
    except attempts.CannotPay as refusal:
        messages.error(request, str(refusal))
        return redirect("invoice", number)
    except GatewayDown:
        messages.error(request, GATEWAY_AWAY)
        return redirect("invoice", number)
    return redirect(attempt.url) if attempt.method == Method.CARD else redirect("bill", attempt.given_id)


@require_safe
def bill(request: HttpRequest, given_id: str) -> HttpResponse:
    """The SADAD bill: number, biller, amount, and both ends: the bill's and the invoice's; and when nobody shall pay it any more."""
    attempt = _own_attempt(request, given_id)
    if attempt.state != AttemptState.OPEN:
        return redirect("payment_return", given_id)
    if not attempt.invoice.is_open:
        return render(request, "payments/bill_ended.html", {"attempt": attempt, "invoice": attempt.invoice})
    context = {
        "attempt": attempt,
        "invoice": attempt.invoice,
        "in_fours": " ".join(wrap(attempt.bill_number, 4)),
        "bank_url": _demo_bank(attempt, request.LANGUAGE_CODE),
        "today": today(clock_now()),
    }
    return render(request, "payments/bill.html", context)


@require_safe
def payment_return(request: HttpRequest, given_id: str) -> HttpResponse:
    """Back from the card page or from the bank: what the address claims is not read, the gateway is asked."""
    attempt, now, away = _own_attempt(request, given_id), clock_now(), False
    if attempt.state in LIVE_ATTEMPT:
        try:
            attempts.ask(attempt, now=now)
        except GatewayDown:
            away = True
        except Exception:  # whatever money came is written down; it is settled later
            log.exception("attempt %s could not be asked about", given_id)
        attempt = _own_attempt(request, given_id)
    arrived = attempt.payments.filter(disposition=Disposition.RECEIVED).exists()
    checking = arrived or attempt.state in LIVE_ATTEMPT
    context = {
        "attempt": attempt,
        "invoice": attempt.invoice,
        "checking": checking,
        "again": checking and now < attempt.created_at + KEEPS_ASKING,
        "away": away,
        "arrived": arrived,
        "credited": attempt.payments.filter(disposition=Disposition.CREDITED).exists(),
        "today": today(now),
    }
    return render(request, "payments/return.html", context)


def _own_attempt(request: HttpRequest, given_id: str) -> Attempt:
    return get_object_or_404(
        Attempt.objects.filter(invoice__payer__user=request.user).select_related("invoice"), given_id=given_id
    )


def _demo_bank(attempt: Attempt, language: str) -> str:
    """Where the demonstration pays this bill; empty in production."""
    if not settings.GATEWAY_SIMULATOR_URL:
        return ""
    bill = {"biller": attempt.biller_code, "number": attempt.bill_number, "lang": language}
    return f"{settings.GATEWAY_SIMULATOR_URL}/bank?{urlencode(bill)}"
