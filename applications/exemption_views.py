"""The practitioner's page of the exemption from fees: the grounds, one's request, and how it stands (PAY-7)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.views import own_practitioner
from applications import exempting
from documents.views import taken_in
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.requests import posted
from mumaris.kit.templatetags import look
from payments import exemptions
from payments.forms import ExemptionForm
from payments.lifecycle import ExemptionState
from payments.models import Exemption


@require_http_methods(["GET", "HEAD", "POST"])
def exemption(request: HttpRequest) -> HttpResponse:
    practitioner = own_practitioner(request)
    if practitioner is None:
        messages.info(request, _("First tell us who you are. Then you can ask to be exempt from fees."))
        return redirect("personal_data")
    now = clock_now()
    closed = exemptions.why_not(practitioner, today(now))
    form = ExemptionForm(posted(request), request.FILES or None)
    if request.method == "POST" and closed:
        messages.warning(request, closed)
        return redirect("exemption")
    if (
        request.method == "POST"
        and form.is_valid()
        and (evidence := taken_in(request, form, practitioner, "exemption", now))
    ):
        said = {"ground": form.cleaned_data["ground"], "statement": form.cleaned_data["statement"]}
        try:
            exempting.ask(practitioner, evidence=evidence, now=now, **said)
        except NotAllowed as refusal:  # a second click: the first one went through
            for reason in refusal.reasons:
                messages.warning(request, reason)
        else:
            messages.success(request, _("Your request is with us. We tell you the decision."))
        return redirect("exemption")
    held = Exemption.objects.visible_to(request.user).select_related("evidence")
    context = {
        "form": None if closed else form,
        "held": [(one, steps(one)) for one in held],
        "in_force": exemptions.in_force(practitioner, today(now)),
    }
    return render(request, "applications/exemption.html", context)


def steps(exemption: Exemption) -> list[dict[str, Any]]:
    """What happened to a request in the practitioner's words, newest first."""
    told = [{"at": exemption.requested_at, "title": _("You asked to be exempt"), "icon": "doc"}]
    if exemption.recommended_at:
        told.append(
            {
                "at": exemption.recommended_at,
                "title": _("An officer found the evidence good"),
                "text": "" if exemption.decided_at else _("A second officer decides."),
            }
        )
    if exemption.decided_at and exemption.state == ExemptionState.REFUSED:
        told.append({"at": exemption.decided_at, "title": _("The request was refused"), "icon": "bad"})
    elif exemption.decided_at:
        told.append(
            {
                "at": exemption.decided_at,
                "title": _("The exemption was approved"),
                "text": days(exemption),
                "tone": "ok",
            }
        )
    if exemption.revoked_at:
        told.append({"at": exemption.revoked_at, "title": _("The exemption was ended"), "icon": "dash"})
    return told[::-1]


def days(exemption: Exemption) -> str:
    """In which time an exemption that was recommended holds."""
    if exemption.starts_on is None:
        return ""
    first = look.gregorian(exemption.starts_on)
    if exemption.ends_on is None:
        return _("From %(first)s on, without an end.") % {"first": first}
    return _("From %(first)s until the end of %(last)s.") % {"first": first, "last": look.gregorian(exemption.ends_on)}
