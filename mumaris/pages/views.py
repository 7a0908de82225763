"""Pages that compose several apps: the front page, the practitioner's home, the account, and health."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_altcha import AltchaChallengeView

from accounts import calendar_link, notices
from accounts.models import Notice
from accounts.views import own_practitioner
from applications import guide, presenting, renewals
from applications.lifecycle import State
from applications.models import Application
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies

TERMS = [
    (_("Classification"), _("decides your profession, specialty and rank. It can be done from abroad.")),
    (_("Registration"), _("puts who is classified on the register, so that they may practise in the Kingdom.")),
    (_("Administrative fee"), _("is paid before the application is submitted.")),
    (_("Service fee"), _("is paid after the preliminary approval.")),
    (_("Preliminary approval"), _("says that the conditions are met; the paper follows once the service fee is paid.")),
]
DO_NEXT = {
    State.DRAFT: (_("Go on with your draft: %(service)s"), _("It is saved; finish it when you like."), _("Continue")),
    State.AWAITING_ADMIN_FEE: (
        _("Pay the administrative fee: %(service)s"),
        _("The application is submitted once it is paid. If the time runs out it is cancelled."),
        _("View and pay"),
    ),
    State.RETURNED: (
        _("Answer the remarks: %(service)s"),
        _("The reviewer returned it. If the time runs out it is cancelled."),
        _("Answer now"),
    ),
    State.AWAITING_EXAM: (
        _("Sit the exam: %(service)s"),
        _("Book it with your eligibility number. If the number expires the application is cancelled."),
        _("See the number"),
    ),
    State.AWAITING_EXAM_FEE: (
        _("Pay the exam fee: %(service)s"),
        _("Your next attempt opens once it is paid. If the time runs out the application is cancelled."),
        _("View and pay"),
    ),
    State.PRELIMINARILY_APPROVED: (
        _("Pay the service fee: %(service)s"),
        _("It is preliminarily approved. If the time runs out it is cancelled."),
        _("View and pay"),
    ),
}
FIRST_TASK = {
    "title": _("Enter your personal data"),
    "text": _("Every application rests on it."),
    "action": _("Enter my data"),
    "due": None,
}
human_check_challenge = login_not_required(AltchaChallengeView.as_view())


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The public front page; for who is signed in, what to do next and how everything stands; staff go to their desk."""
    policies = Policies(today(clock_now()))
    if not request.user.is_authenticated:
        context = {"services": presenting.offered(policies), "answers": guide.page([])["answers"], "terms": TERMS}
        return render(request, "pages/home.html", context)
    if request.user.is_staff:
        return redirect("admin:index")
    rows = [
        presenting.row(case) for case in Application.objects.visible_to(request.user).open().select_related("deadline")
    ]
    tasks = [_task(row) for row in rows if row["state"] in DO_NEXT]
    tasks.sort(key=lambda task: (task["due"] is None, task["due"]))
    if own_practitioner(request) is None:
        tasks.insert(0, FIRST_TASK | {"url": reverse("personal_data")})
    inbox = [
        {"notice": notice, "subject": notices.words(notice, request.LANGUAGE_CODE)[0]}
        for notice in Notice.objects.visible_to(request.user)[:4]
    ]
    context = {
        "tasks": tasks,
        "rows": rows,
        "registrations": renewals.held_by(request.user, policies),
        "inbox": inbox,
        "services": presenting.offered(policies) if not rows else [],
        "today": policies.on,
    }
    return render(request, "pages/dashboard.html", context)


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """ACC-5: the person's own data, qualifications, experience and identities in one place."""
    practitioner = own_practitioner(request)
    link = reverse("calendar", args=[calendar_link.token(request.user)])
    context = {"practitioner": practitioner, "calendar_url": settings.PORTAL_URL + link}
    if practitioner:
        context |= {
            "identities": practitioner.identities.all(),
            "qualifications": practitioner.qualifications.all(),
            "experience": practitioner.experience.all(),
        }
    return render(request, "pages/account.html", context)


@login_not_required
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/about.html")


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Up or down, for balancers and the supervisor; nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "up"})


def _task(row: dict) -> dict:
    title, text, action = DO_NEXT[State(row["state"])]
    return {
        "title": title % {"service": row["name"]},
        "text": text,
        "action": action,
        "url": row["url"],
        "due": row["due"],
        "stands": row["stands"],
    }
