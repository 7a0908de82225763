"""Verification by anyone, the download of one's own issued papers, and qualifications with their field of study."""

from allauth.core.ratelimit import consume_or_429
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.views import own_practitioner
from documents.forms import QualificationForm
from documents.models import Qualification
from documents.views import edit
from mumaris.kit import files
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.digits import ascii_digits
from mumaris.kit.requests import posted
from register import issuing, standing
from register.models import IssuedPaper, Profession
from register.papers import KINDS

LOOKUPS = {"verify": "60/m/ip"}


@login_not_required
@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """The public form; a code leads to the page of its paper, whatever case or separators it was typed with."""
    code = "".join(character for character in ascii_digits(request.GET.get("code", "")).upper() if character.isalnum())[
        :64
    ]
    if code:
        return redirect("verify_paper", code)
    return render(request, "register/verify.html", {"paper": None, "outcome": "form"})


@login_not_required
@require_safe
def verify_paper(request: HttpRequest, code: str) -> HttpResponse:
    """What the public may know of one paper, as it stands now: name, profession, validity; never an identity number (REG-2)."""
    if refusal := consume_or_429(request, action="verify", config=LOOKUPS, limit_get=True):
        return refusal
    now = clock_now()
    paper, day = issuing.find(code), today(now)
    outcome, kind = issuing.outcome(paper, day), KINDS.get(paper.kind) if paper else None
    stands = kind.stands(paper) if kind and kind.stands else None
    context = {
        "paper": paper,
        "checked_at": now,
        "outcome": "over" if outcome == "valid" and stands and not stands.holds else outcome,
        "stands": stands,
        "standing": standing.of_paper(paper, day) if paper else None,
        "prolonged": bool(paper) and standing.prolongs(paper, day),
    }
    return render(request, "register/verify.html", context, status=200 if paper else 404)


@require_safe
def issued_paper(request: HttpRequest, number: str) -> HttpResponse:
    """One's own issued paper as PDF; until it is rendered the page says so and asks to come back."""
    paper = get_object_or_404(IssuedPaper.objects.visible_to(request.user), number=number)
    if paper.storage_key is None:
        return render(request, "register/being_rendered.html", {"paper": paper}, status=202)
    return files.serve(paper.storage_key, f"{paper.number}.pdf", "application/pdf", inline=True)


@require_http_methods(["GET", "HEAD", "POST"])
def qualification(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add or change one qualification; one that was recognised stays as it is."""
    practitioner = own_practitioner(request)
    if practitioner is None:
        return redirect(reverse("personal_data"))
    held = (
        get_object_or_404(practitioner.qualifications.filter(recognised_on=None), pk=pk)
        if pk is not None
        else Qualification(practitioner=practitioner)
    )
    fields_of_study = [(profession.code, str(profession)) for profession in Profession.objects.all()]
    form = QualificationForm(posted(request), instance=held, fields_of_study=fields_of_study)
    return edit(request, held, form, _("Qualification"))
