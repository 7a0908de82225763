"""The staff's workplace: the admin site, with the queues on its first page (STF-1)."""

from collections.abc import Callable
from datetime import date
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.options import ModelAdmin
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from applications.casework import state_words
from applications.lifecycle import STAFF_QUEUES, State
from applications.models import Application
from mumaris.kit import alarms
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.models import Alarm
from mumaris.kit.readonly import ReadOnlyAdmin
from payments.models import Credit, Exemption
from refunds import credits
from refunds.desk import counts as refund_counts


class Desk(AdminSite):
    site_header = site_title = _("Health Practitioner Portal: staff")
    index_title = _("The desk")
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

    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """allauth's sign-in, with its limits and second factor; who is signed in and no staff is refused."""
        return secure_admin_login(super().login)(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """allauth's page, which ends the other sessions and writes the e-mail about it."""
        return redirect("account_change_password")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What a person must look at, the queues by state with their oldest case, and what waits for finance; set-based queries."""
        user = request.user
        context = {
            "queues": _queues(user, today(clock_now())) if user.has_perm("applications.view_application") else None,
            "alarms": _alarms() if user.has_perm("kit.view_alarm") else None,
            "credits": _held_credits() if user.has_perm("payments.view_credit") else None,
            "refunds": refund_counts(today(clock_now())) if user.has_perm("refunds.view_ticket") else None,
            "exemptions": Exemption.objects.undecided().count() if user.has_perm("payments.view_exemption") else None,
        }
        return super().index(request, context | (extra_context or {}))


def _held_credits() -> int:
    return credits.with_tickets(Credit.objects.all()).filter(credits.HELD).count()


def _alarms() -> list[dict[str, Any]]:
    return [{"alarm": alarm, "words": alarms.words(alarm)} for alarm in Alarm.objects.filter(cleared_at=None)[:10]]


def _queues(user: Any, day: date) -> list[dict[str, Any]]:
    """One row for each state that staff take up: how many, the oldest and its days, how many `user` and nobody holds."""
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
    rows = {row["state"]: {**row, "days": (day - today(row["oldest"])).days} for row in counted}
    return [{"words": state_words(state), "state": state, "number": 0, **rows.get(state, {})} for state in STAFF_QUEUES]
