"""The wallet's pages: one's qualifications and experience, and the download of one's own papers."""

from django.contrib import messages
from django.db import transaction
from django.db.models import ProtectedError
from django.forms import ModelForm, model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import profile
from accounts.models import Practitioner
from accounts.views import next_page, own_practitioner
from documents.forms import ExperienceForm
from documents.models import Experience, Paper, Qualification
from mumaris.kit import files
from mumaris.kit.requests import posted


@require_safe
def paper(request: HttpRequest, pk: str) -> HttpResponse:
    """One's own paper; not before the scanner passed it (I21)."""
    return serve(get_object_or_404(Paper.objects.visible_to(request.user), pk=pk))


def serve(paper: Paper) -> HttpResponse:
    """The one download door; the caller has checked the right to see it."""
    if not paper.readable:
        return HttpResponse(
            _("This file is not open yet: the virus scanner has not passed it."),
            status=403,
            content_type="text/plain; charset=utf-8",
        )
    return files.serve(paper.storage_key, paper.name, paper.media_type, inline=True)


@require_http_methods(["GET", "HEAD", "POST"])
def experience(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add or change one time of practice; `delete` removes it."""
    practitioner = own_practitioner(request)
    if practitioner is None:
        return redirect("personal_data")
    held = (
        get_object_or_404(practitioner.experience, pk=pk) if pk is not None else Experience(practitioner=practitioner)
    )
    return edit(request, held, ExperienceForm(posted(request), instance=held), _("Experience"))


def edit(request: HttpRequest, held: Qualification | Experience, form: ModelForm, title: str) -> HttpResponse:
    """The common page of one entry of the file; it leads back to where the entry was missed."""
    reason = profile.hold(held.practitioner, profile.FILE) if held.pk else ""
    if reason:
        messages.warning(request, reason)
        return redirect(next_page(request, "account"))
    if request.method == "POST" and "delete" in request.POST and held.pk:
        try:
            held.delete()
        except ProtectedError:
            messages.error(request, _("An application rests on this entry, so it stays in your file."))
        else:
            messages.success(request, _("The entry is removed."))
        return redirect(next_page(request, "account"))
    if request.method == "POST" and form.is_valid():
        _enter(form)
        messages.success(request, _("The entry is saved."))
        return redirect(next_page(request, "account"))
    return render(
        request, "documents/entry.html", {"form": form, "title": title, "held": held, "next": next_page(request, "")}
    )


@transaction.atomic
def _enter(form: ModelForm) -> None:
    """Save the entry; a second click finds it in the file already."""
    entry = form.instance
    Practitioner.objects.select_for_update().get(pk=entry.practitioner_id)
    said = model_to_dict(entry, exclude=["id", "recognised_on"])
    if entry.pk or not type(entry).objects.filter(**said).exists():
        form.save()
