"""The staff's workplace: the admin site, with the queues on its first page (STF-1)."""

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.options import ModelAdmin
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from applications.lifecycle import STAFF_QUEUES, State
from applications.models import Application
from mumaris.kit.admin import ReadOnlyAdmin
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from payments.models import Credit


class Desk(AdminSite):
    site_header = site_title = _("Health Practitioner Portal: staff")
    index_title = _("Queues")
    index_template = "admin/desk.html"
    enable_nav_sidebar = False
    site_url = "/services/"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: type[ModelAdmin] | None = None, **options: Any) -> None:
        """Only the portal's own pages have a place at the desk: a library's could change and delete what nobody may."""
        if admin_class and issubclass(admin_class, ReadOnlyAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: Callable, cacheable: bool = False) -> Callable:
        """In production staff see nothing before they have a second factor (ACC-8)."""

        def with_second_factor(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if settings.STAFF_SECOND_FACTOR and not is_mfa_enabled(request.user):
                return redirect("mfa_activate_totp")
            return view(request, *args, **kwargs)

        return super().admin_view(with_second_factor, cacheable)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """allauth's page, which ends the other sessions and writes the e-mail about it."""
        return redirect("account_change_password")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The queues by state with their oldest case, and the credits that wait for finance; two set-based queries."""
        context = {
            "queues": _queues(request.user) if request.user.has_perm("applications.view_application") else None,
            "today": today(clock_now()),
        }
        if request.user.has_perm("payments.view_credit"):
            context["credits"] = Credit.objects.count()
        return super().index(request, context | (extra_context or {}))


Desk.login = secure_admin_login(Desk.login)


def _queues(user: Any) -> list[dict[str, Any]]:
    """One row for each state that staff take up: how many, the oldest, how many are held by `user` and by nobody."""
    counted = (
        Application.objects.filter(state__in=STAFF_QUEUES)
        .order_by()
        .values("state")
        .annotate(
            number=Count("pk"),
            oldest=Min("saved_at"),
            mine=Count("pk", filter=Q(state=State.UNDER_REVIEW, reviewer=user)),
            unheld=Count("pk", filter=Q(state=State.UNDER_REVIEW, reviewer=None)),
        )
    )
    rows = {row["state"]: row for row in counted}
    nothing = {"number": 0, "oldest": None, "mine": 0, "unheld": 0}
    return [{**nothing, **rows.get(state, {}), "state": state} for state in STAFF_QUEUES]
