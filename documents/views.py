"""The wallet's pages: one's entries with their verification, and the download of one's own papers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from allauth.core.ratelimit import consume
from django.contrib import messages
from django.db import transaction
from django.db.models import ProtectedError
from django.forms import BaseForm, ModelForm, model_to_dict
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import profile
from accounts.models import Practitioner
from accounts.views import next_page, own_practitioner
from documents import presenting, verification
from documents.checks import Refused, is_long_enough
from documents.forms import AppealForm, CaseForm, ExperienceForm, LicenceForm
from documents.models import ENTRIES, Experience, Licence, Paper, Refusal, Result, Verification
from documents.verification import Entry, NotPossible
from documents.verifier import VerifierDown
from documents.wallet import take_in
from mumaris.kit import files, policy
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
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


def taken_in(request: HttpRequest, form: Any, practitioner: Practitioner, kind: str, now: datetime) -> Paper | None:
    """The one upload door: the form's `file` as a paper of the wallet, or None and the reason at its field (DOC-1)."""
    if not consume(request, action="upload", user=request.user):  # nobody fills the disk
        form.add_error(
            "file", _("You attached very many files in an hour. Wait a little, then go on; what is attached stays.")
        )
        return None
    try:
        return take_in(form.cleaned_data["file"], practitioner=practitioner, kind=kind, now=now)
    except Refused as refusal:
        form.add_error("file", refusal)
    except OSError:
        form.add_error(
            "file", _("The file could not be stored just now. Try again in a few minutes; nothing else was lost.")
        )
    return None


@require_safe
def wallet(request: HttpRequest) -> HttpResponse:
    """DOC-4: everything one has, with its verification."""
    practitioner = own_practitioner(request)
    return _wallet(request, practitioner) if practitioner else redirect("personal_data")


@require_POST
def wallet_case(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """DOC-3: take the company's case number for one entry; refused, the reason stands at its field."""
    practitioner = own_practitioner(request)
    if practitioner is None:
        return redirect("personal_data")
    if kind not in ENTRIES:
        raise Http404
    entry: Entry = get_object_or_404(Verification._meta.get_field(kind).related_model, pk=pk, practitioner=practitioner)
    form = CaseForm(request.POST, prefix=presenting.case_prefix(entry))
    if not form.is_valid():
        return _wallet(request, practitioner, form)
    if not _may_ask(request):
        form.add_error("case_number", _too_often())
        return _wallet(request, practitioner, form)
    try:
        case = verification.enter_case(entry, form.cleaned_data["case_number"], by=request.user, now=clock_now())
    except NotPossible as reason:
        form.add_error("case_number", str(reason))
        return _wallet(request, practitioner, form)
    _say_how_it_stands(request, case)
    return redirect("wallet")


@require_POST
def case_ask(request: HttpRequest, case_number: str) -> HttpResponse:
    """Ask the company about one's own case now."""
    case = _own_case(request, case_number)
    if not _may_ask(request):
        messages.warning(request, _too_often())
        return redirect("wallet")
    try:
        _say_how_it_stands(request, verification.ask(case, now=clock_now()))
    except VerifierDown:
        messages.warning(
            request, _("The company gives no answer just now. We ask again by ourselves, and tell you the result.")
        )
    return redirect("wallet")


@require_POST
def case_appeal(request: HttpRequest, case_number: str) -> HttpResponse:
    """DOC-3: one appeal against a discrepancy or “unable to verify”, within the policy's days."""
    case = _own_case(request, case_number)
    form = AppealForm(request.POST, prefix=case.case_number)
    if form.is_valid():
        try:
            verification.appeal(case, form.cleaned_data["text"], by=request.user, now=clock_now())
        except NotPossible as reason:
            messages.error(request, str(reason))
        else:
            messages.success(request, _("Your appeal goes to the company. We tell you the new result."))
        return redirect("wallet")
    return _wallet(request, case.practitioner, form)


@require_http_methods(["GET", "HEAD", "POST"])
def experience(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add or change one time of practice; `delete` removes it."""
    practitioner = own_practitioner(request)
    if practitioner is None:
        return redirect("personal_data")
    held = (
        get_object_or_404(practitioner.experience, pk=pk) if pk is not None else Experience(practitioner=practitioner)
    )
    return edit(request, held, ExperienceForm(posted(request), instance=held), _("Experience"), warn=_warn_if_short)


@require_http_methods(["GET", "HEAD", "POST"])
def licence(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add or change one licence of another country; `delete` removes it."""
    practitioner = own_practitioner(request)
    if practitioner is None:
        return redirect("personal_data")
    held = get_object_or_404(practitioner.licences, pk=pk) if pk is not None else Licence(practitioner=practitioner)
    return edit(request, held, LicenceForm(posted(request), instance=held), _("Licence"))


def edit(
    request: HttpRequest, held: Entry, form: ModelForm, title: str, warn: Callable[[Any], str] = lambda entry: ""
) -> HttpResponse:
    """The common page of one entry of the file; it leads back to where the entry was missed.

    `warn` says what is odd about an entry that was saved all the same.
    """
    reason = (profile.hold(held.practitioner, profile.FILE) or verification.hold(held)) if held.pk else ""
    if reason:
        messages.warning(request, reason)
        return redirect(next_page(request, "account"))
    if request.method == "POST" and "delete" in request.POST and held.pk:
        try:
            _remove(held)
        except NotPossible as held_fast:
            messages.warning(request, str(held_fast))
        except ProtectedError:
            messages.error(
                request, _("An application or a verification rests on this entry, so it stays in your file.")
            )
        else:
            messages.success(request, _("The entry is removed."))
        return redirect(next_page(request, "account"))
    if request.method == "POST" and form.is_valid():
        try:
            _enter(form)
        except NotPossible as held_fast:
            messages.warning(request, str(held_fast))
        else:
            messages.success(request, _("The entry is saved."))
            if warning := warn(form.instance):
                messages.warning(request, warning)
        return redirect(next_page(request, "account"))
    return render(
        request, "documents/entry.html", {"form": form, "title": title, "held": held, "next": next_page(request, "")}
    )


@transaction.atomic
def _enter(form: ModelForm) -> None:
    """Save the entry; a second click finds it in the file already. Raises NotPossible when it is held meanwhile."""
    entry = form.instance
    _refuse_held(entry)
    said = model_to_dict(entry, exclude=["id", "recognised_on"])
    if entry.pk or not type(entry).objects.filter(**said).exists():
        form.save()


@transaction.atomic
def _remove(entry: Entry) -> None:
    _refuse_held(entry)
    entry.delete()


def _refuse_held(entry: Entry) -> None:
    """Under the owner's lock, under which case numbers are entered too."""
    practitioner = Practitioner.objects.select_for_update().get(pk=entry.practitioner_id)
    if reason := (profile.hold(practitioner, profile.FILE) if entry.pk else "") or verification.hold(entry):
        raise NotPossible(reason)


def _warn_if_short(entry: Experience) -> str:
    """DOC-5: a certificate from abroad shorter than a year is kept, but proves nothing."""
    day = today(clock_now())
    months = policy.value("experience.certificate_months", day)
    if entry.country == "SA" or is_long_enough(entry.started_on, entry.ended_on or day, months):
        return ""
    return ngettext(
        "This certificate shows less than %(months)s month, so it does not count as experience.",
        "This certificate shows less than %(months)s months, so it does not count as experience.",
        months,
    ) % {"months": months}


def _own_case(request: HttpRequest, case_number: str) -> Verification:
    cases = Verification.objects.visible_to(request.user).with_entries()
    return get_object_or_404(cases, case_number=case_number, refusal="")


def _wallet(request: HttpRequest, practitioner: Practitioner, refused: BaseForm | None = None) -> HttpResponse:
    tried = {refused.prefix: refused} if refused else {}
    return render(request, "documents/wallet.html", presenting.wallet_page(practitioner, clock_now(), tried))


def _may_ask(request: HttpRequest) -> bool:
    return consume(request, action="ask_company", user=request.user)


def _too_often() -> str:
    return _("You asked the company very often in an hour. Wait a little; we ask by ourselves, too.")


def _say_how_it_stands(request: HttpRequest, case: Verification) -> None:
    if case.refusal:
        messages.error(request, Refusal(case.refusal).label)
    elif case.is_positive:
        messages.success(request, _("The company's result is positive. This document is verified for good."))
    elif case.result:
        messages.warning(
            request,
            _("The company's result: %(result)s. Below is what you can do.") % {"result": Result(case.result).label},
        )
    elif case.asked_at:
        messages.info(
            request, _("The company is at work on this case. We ask again by ourselves, and tell you the result.")
        )
    else:
        messages.warning(
            request,
            _(
                "The case number is kept. The company gives no answer just now: we ask again by ourselves, and tell you."
            ),
        )
