"""The staff's workplace: the admin site, with the queues on its first page (STF-1)."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.db.models import Count, Min
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from applications.lifecycle import STAFF_QUEUES
from applications.models import Application
from payments.models import Credit


class Desk(AdminSite):
    site_header = site_title = _("Health Practitioner Portal: staff")
    index_title = _("Queues")
    index_template = "admin/desk.html"
    enable_nav_sidebar = False
    site_url = "/services/"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None):
        """The queues by state with their oldest case, and the credits that wait for finance; two set-based queries."""
        counted = {
            row["state"]: row
            for row in Application.objects.filter(state__in=STAFF_QUEUES).order_by().values("state").annotate(number=Count("pk"), oldest=Min("saved_at"))
        }
        queues = [{"state": state, **counted.get(state, {"number": 0, "oldest": None})} for state in STAFF_QUEUES]
        context = {"queues": queues, "credits": Credit.objects.count() if request.user.has_perm("payments.view_credit") else None}
        return super().index(request, context | (extra_context or {}))


Desk.login = secure_admin_login(Desk.login)
