"""Whoever must sign in is led back to the page they were on, with what they had typed into a case (APP-8)."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from mumaris.kit.clock import now
from mumaris.kit.requests import Typed

# Only what is typed about a case or its fee is kept: its page is shown to its owner alone, whoever signs in next.
# The account that money goes to is not: it is written down nowhere but sealed.
OF_A_CASE = ("applications/<slug:reference>/", "invoices/<slug:number>/refund/")
KEY = "typed"
KEPT_FOR = timedelta(hours=1)
LONGEST = 100_000  # characters, as an encoded body
# The page on which a form stands that is sent to an address of its own, and how much of that address it has in its own.
SHOWN_ON = {
    "application_start": ("service", 1),
    "application_attach": ("application_documents", 1),
    "application_detach": ("application_documents", 1),
    "application_reopen": ("application", 1),
    "application_discard": ("application", 1),
    "application_answer": ("application_remarks", 1),
    "application_resubmit": ("application_remarks", 1),
    "invoice_pay": ("invoice", 1),
    "refund_account": ("refund", 1),
    "refund_withdraw": ("refund", 1),
    "refund_again": ("refund", 1),
    "invoice_paper": ("invoice", 1),
    "wallet_case": ("wallet", 0),
    "calendar_renew": ("account", 0),
    "case_ask": ("wallet", 0),
    "case_appeal": ("wallet", 0),
}


class SignInFirst(LoginRequiredMiddleware):
    """Django's own, which asks for a sign-in; a form that was sent meanwhile is not lost."""

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if request.user.is_authenticated:
            _hand_back(request)
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        if request.method != "POST":
            return super().handle_no_permission(request, view_func)
        match: Any = request.resolver_match
        args = list(match.kwargs.values())
        name, shared = SHOWN_ON.get(match.url_name, ("", 0))
        page = reverse(name, args=args[:shared]) if name else ""
        if match.route.startswith(OF_A_CASE):
            _keep(request, page or request.path, "".join(args[1:2]))
        return redirect_to_login(page or request.get_full_path(), settings.LOGIN_URL)


def _keep(request: HttpRequest, page: str, part: str) -> None:
    """Put what was typed into the new session of whoever must sign in; files and the token of the form are left out."""
    fields = request.POST.copy()
    fields.pop("csrfmiddlewaretoken", None)
    body = fields.urlencode()
    if not body or len(body) > LONGEST:
        return
    request.session[KEY] = {"page": page, "part": part, "body": body, "until": (now() + KEPT_FOR).isoformat()}
    request.session.set_expiry(KEPT_FOR)
    messages.info(request, _("Sign in to go on. What you typed is kept for an hour and stands in its form again."))


def _hand_back(request: Any) -> None:
    """At the first page after the sign-in, whichever it is, what was kept is used or gone."""
    kept = request.session.pop(KEY, None)
    if (
        kept
        and request.method == "GET"
        and request.path == kept["page"]
        and now() < datetime.fromisoformat(kept["until"])
    ):
        request.typed_again = Typed(QueryDict(kept["body"]), kept["part"])
