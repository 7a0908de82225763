from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import notices, profile
from accounts.forms import IdentityForm, PersonalDataForm
from accounts.models import Notice, Practitioner
from mumaris.kit.clock import now as clock_now
from mumaris.kit.requests import posted


def own_practitioner(request: HttpRequest) -> Practitioner | None:
    """The practitioner who is signed in; None before the personal data is entered, and for staff."""
    return Practitioner.objects.filter(user=request.user).select_related("user").first()


@require_http_methods(["GET", "HEAD", "POST"])
def personal_data(request: HttpRequest) -> HttpResponse:
    """ACC-5: enter or correct one's own data; another person's identity is refused with the way back (ACC-4)."""
    practitioner = own_practitioner(request) or Practitioner()
    form = PersonalDataForm(posted(request), instance=practitioner)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        new_identity = (
            None
            if form.held
            else {
                "kind": data["identity_kind"],
                "number": data["identity_number"],
                "country": data["identity_country"],
                "person_key": data["person_key"],
            }
        )
        try:
            profile.save_personal_data(
                request.user,
                form.instance,
                version=data["version"],
                now=clock_now(),
                identity_expires_on=data["identity_expires_on"],
                new_identity=new_identity,
            )
        except profile.PersonTaken:
            form.add_error(
                "identity_number", _("Another account holds this identity. One person has one account: sign in to it.")
            )
        except profile.ChangedMeanwhile:
            form.add_error(
                None, _("Your data was changed in another window meanwhile. Open this page again to see it.")
            )
        else:
            messages.success(request, _("Your data is saved."))
            return redirect(next_page(request, "account"))
    return render(request, "accounts/personal_data.html", {"form": form, "next": next_page(request, "")})


@require_http_methods(["GET", "HEAD", "POST"])
def identity_add(request: HttpRequest) -> HttpResponse:
    """ACC-4: who moves from passport to iqama, or renews a document, keeps the account."""
    practitioner = own_practitioner(request)
    if practitioner is None:
        return redirect("personal_data")
    form = IdentityForm(practitioner, posted(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            profile.add_identity(
                practitioner,
                kind=data["identity_kind"],
                number=data["identity_number"],
                country=data["identity_country"],
                person_key=data["person_key"],
                expires_on=data["identity_expires_on"],
            )
        except profile.PersonTaken:
            form.add_error(
                "identity_number",
                _("This identity cannot be added: one of its kind is on file, or another account holds it."),
            )
        else:
            messages.success(request, _("The identity is on file."))
            return redirect(next_page(request, "account"))
    return render(request, "accounts/identity.html", {"form": form, "next": next_page(request, "")})


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """NTC-1: everything the portal told this person, newest first."""
    page = Paginator(Notice.objects.visible_to(request.user), 25).get_page(request.GET.get("page"))
    entries = [{"notice": notice, "subject": notices.words(notice, request.LANGUAGE_CODE)[0]} for notice in page]
    return render(request, "accounts/inbox.html", {"entries": entries, "page": page})


@require_safe
def message(request: HttpRequest, pk: int) -> HttpResponse:
    notice = get_object_or_404(Notice.objects.visible_to(request.user), pk=pk)
    if request.method == "GET" and notice.read_at is None:
        Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=clock_now())
    subject, body = notices.words(notice, request.LANGUAGE_CODE)
    return render(request, "accounts/message.html", {"notice": notice, "subject": subject, "body": body})


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Change the language here and, for who is signed in, of the messages; back to the page one came from."""
    chosen = request.POST.get("language", "")
    response = redirect(next_page(request, "home"))
    if chosen not in dict(settings.LANGUAGES):
        return response
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=365 * 86400,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        samesite="Lax",
        httponly=True,
    )
    if request.user.is_authenticated and request.user.language != chosen:
        request.user.language = chosen
        request.user.save(update_fields=["language"])
    return response


def next_page(request: HttpRequest, fallback: str) -> str:
    """Where to go on: a page of ours that the form or the address names as `next`, else `fallback`."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe and wanted.startswith("/") else fallback
