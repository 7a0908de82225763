"""Exemptions at the desk: a queue, undecided first and oldest first; a reviewer recommends, finance decides (PAY-7)."""

import logging
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from applications import exempting
from documents.views import serve
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import Move, NotAllowed
from mumaris.kit.policy import PolicyMissing
from mumaris.kit.readonly import ReadOnlyAdmin
from mumaris.kit.templatetags import look
from payments.exemptions import edition
from payments.forms import ApproveForm, ReasonForm, RecommendForm, SendBackForm
from payments.lifecycle import LIFECYCLE, ExemptionState
from payments.models import Exemption

log = logging.getLogger(__name__)

# move: the door it goes through, and what its officer enters.
MOVES: dict[str, tuple[Any, type[BaseForm]]] = {
    "recommend": (exempting.recommend, RecommendForm),
    "approve": (exempting.approve, ApproveForm),
    "refuse": (exempting.refuse, ReasonForm),
    "send_back": (exempting.send_back, SendBackForm),
    "revoke": (exempting.revoke, ReasonForm),
}
# Of these moves a refusal is about one field, and is said there.
FAULTY = {"recommend": "ends_on"}
BADGES = {
    ExemptionState.REQUESTED: ("warn", "clock"),
    ExemptionState.RECOMMENDED: ("note", "clock"),
    ExemptionState.APPROVED: ("ok", "ok"),
    ExemptionState.REFUSED: ("bad", "bad"),
    ExemptionState.REVOKED: ("", "dash"),
}


@admin.register(Exemption)
class ExemptionAdmin(ReadOnlyAdmin):
    """One's own is not there, whatever one's role: nobody decides for themselves."""

    fields = [
        "practitioner",
        "ground",
        "statement",
        "state_shown",
        "requested_at",
        "starts_on",
        "ends_on",
        "recommended_by",
        "recommended_at",
        "decided_by",
        "decided_at",
        "revoked_by",
        "revoked_at",
        "reason",
        "internal_text",
    ]
    later = (
        "statement",
        "starts_on",
        "ends_on",
        "recommended_by",
        "recommended_at",
        "decided_by",
        "decided_at",
        "revoked_by",
        "revoked_at",
        "reason",
        "internal_text",
    )
    list_display = ["requested_at", "practitioner", "ground", "state_shown", "starts_on", "ends_on", "decided_at"]
    list_filter = ["state", "ground"]
    list_select_related = ["practitioner"]
    ordering = [F("decided_at").desc(nulls_first=True), "requested_at", "pk"]
    search_fields = ["practitioner__user__email__exact"]
    search_help_text = gettext_lazy("A whole e-mail address")

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_shown(self, exemption: Exemption) -> str:
        kind, picture = BADGES[ExemptionState(exemption.state)]
        return look.badge(kind, exemption.get_state_display(), picture)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exemption]:
        return super().get_queryset(request).exclude(practitioner__user=request.user)

    def get_urls(self) -> list[URLPattern]:
        def at(address: str, view: Any, name: str) -> URLPattern:
            return path(
                f"<path:object_id>/{address}/", self.admin_site.admin_view(view), name=f"payments_exemption_{name}"
            )

        return [
            at("move/<slug:name>", self.move, "move"),
            at("evidence", self.evidence, "evidence"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        exemption = self._seen(request, object_id)
        tried = (extra_context or {}).pop("tried", {})
        moves = [
            {"move": move, "form": tried.get(move.name) or _form(move, exemption)}
            for move in LIFECYCLE.open_to(exemption, request.user)
        ]
        context = {"moves": moves, "refused": any(form.errors for form in tried.values())}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @method_decorator(require_POST)
    def move(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Make one move; refused, it says every reason and changes nothing, and what was typed stays in its form."""
        exemption = self._seen(request, object_id)
        if name not in MOVES:
            raise Http404
        move = LIFECYCLE[name]
        if exemption.state in move.sources and not move.may(request.user, exemption):
            raise PermissionDenied
        act, form_class = MOVES[name]
        form = form_class(request.POST, prefix=name)
        if form.is_valid():
            try:
                act(exemption.pk, by=request.user, now=clock_now(), **form.cleaned_data)
            except NotAllowed as refusal:
                exemption = self._seen(request, object_id)
                for reason in refusal.reasons:
                    if exemption.state in move.sources:
                        form.add_error(FAULTY.get(name), reason)
                    else:  # a second click: the form is gone
                        messages.error(request, reason)
            except PolicyMissing as gap:
                log.error("%s of exemption %s is not possible: %s", name, exemption.pk, gap)
                messages.error(
                    request,
                    _(
                        "A fee or a policy has no value for today, so nothing was changed. An administrator must enter it."
                    ),
                )
            else:
                messages.success(
                    request, _("Done. The request is now: %(state)s.") % {"state": ExemptionState(move.target).label}
                )
                return redirect(reverse("admin:payments_exemption_change", args=[exemption.pk]))
        if form.errors:
            if name == "approve":  # what is on the page now is what the next try has read
                form.data = {**dict(form.data.items()), form.add_prefix("seen"): edition(exemption)}
            request.method = "GET"  # the page of the exemption, with the form as it was sent
            return self.change_view(request, object_id, extra_context={"tried": {name: form}})
        return redirect(reverse("admin:payments_exemption_change", args=[exemption.pk]))

    @method_decorator(require_safe)
    def evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What proves the ground; whoever may see the request may see it (I21)."""
        exemption = self._seen(request, object_id)
        log.info("user %s opens the evidence of exemption %s", request.user.pk, exemption.pk)
        return serve(exemption.evidence)

    def _seen(self, request: HttpRequest, object_id: str) -> Exemption:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id))


def _form(move: Move, exemption: Exemption) -> BaseForm:
    # What was paid since the request goes back too, unless the officer means another day.
    proposed: dict[str, dict[str, Any]] = {
        "approve": {"seen": edition(exemption)},
        "recommend": {"starts_on": today(exemption.requested_at)},
    }
    return MOVES[move.name][1](prefix=move.name, initial=proposed.get(move.name, {}))
