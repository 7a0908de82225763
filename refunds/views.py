"""The practitioner's pages about giving up an application, and later about money that goes back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from applications.lifecycle import LIFECYCLE
from applications.models import Application
from applications.progress import advance
from mumaris.kit.clock import now as clock_now
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.requests import posted
from refunds.forms import WithdrawalForm
from refunds.presenting import withdrawal_page


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, reference: str) -> HttpResponse:
    """APP-7: what withdrawing means and what was paid so far; confirmed, it is made on the case as it was read."""
    own = Application.objects.visible_to(request.user).select_related("practitioner__user")
    case, now = get_object_or_404(own, reference=reference), clock_now()
    if reasons := LIFECYCLE["withdraw"].obstacles(case, request.user, now=now):
        return _refused(request, "application", reference, reasons)
    form = WithdrawalForm(posted(request), initial={"seen": case.moves})
    if request.method == "POST" and form.is_valid():
        try:
            advance(case.pk, "withdraw", by=request.user, now=now, seen=form.cleaned_data["seen"])
        except NotAllowed as refusal:
            return _refused(request, "application_withdraw", reference, refusal.reasons)
        messages.success(request, _("The application is withdrawn."))
        return redirect("application", reference)
    return render(request, "refunds/withdraw.html", withdrawal_page(case, form, now))


def _refused(request: HttpRequest, page: str, reference: str, reasons) -> HttpResponse:
    """To a page that shows the case as it stands now, with every reason."""
    for reason in reasons:
        messages.error(request, reason)
    return redirect(page, reference)
