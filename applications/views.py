"""The practitioner's pages of an application. Every view fetches through `visible_to`: a stranger's case is a missing one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.views import own_practitioner
from applications import appeals, filing, presenting, wallet_reuse
from applications import dossier as dossiers
from applications import guide as guides
from applications.catalogue import CATALOGUE, Service, Slot
from applications.dossier import Dossier
from applications.forms import AppealForm, DeclarationForm, ItemAnswerForm, ObjectionForm, QuestionsForm
from applications.lifecycle import State
from applications.models import AnswerKind, Application, ReturnItem
from applications.progress import advance
from documents.checks import is_recent
from documents.forms import UploadForm
from documents.models import Paper
from documents.views import taken_in
from mumaris.kit.clock import now as clock_now
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.policy import Policies, value
from mumaris.kit.requests import posted, typed_again


def _service(slug: str) -> Service:
    try:
        return CATALOGUE[slug]
    except KeyError:
        raise Http404 from None


def _own(request: HttpRequest, reference: str, *states: str) -> Application:
    """One's own application; in another state than `states` the step does not exist, and the page of the case says why."""
    application = get_object_or_404(
        Application.objects.visible_to(request.user).select_related(
            "practitioner__user",
            "asked_specialty__profession",
            "asked_rank",
            "granted_specialty__profession",
            "granted_rank",
            "registration__specialty",
            "deadline",
        ),
        reference=reference,
    )
    if states and application.state not in states:
        messages.warning(request, _("That step is not open now. Here is where the application stands."))
        raise Elsewhere(application)
    return application


class Elsewhere(Exception):
    """The case stands in another state: its own page is where to go."""

    def __init__(self, application: Application) -> None:
        self.application = application


def _or_case(view):
    """Decorator: a step that is not open leads to the page of the case, with every reason shown."""

    def wrapped(request: HttpRequest, reference: str, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, reference, *args, **kwargs)
        except Elsewhere as elsewhere:
            return redirect("application", elsewhere.application.reference)
        except Application.DoesNotExist:  # discarded in another window meanwhile
            raise Http404 from None
        except NotAllowed as refusal:
            for reason in refusal.reasons:
                messages.error(request, reason)
            return redirect("application", reference)

    wrapped.__name__ = view.__name__
    return wrapped


@login_not_required
@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """SRV-0: what is offered."""
    policies = Policies(today(clock_now()))
    return render(request, "pages/services.html", {"services": presenting.offered(policies)})


@login_not_required
@require_safe
def service(request: HttpRequest, slug: str) -> HttpResponse:
    """One service, and for a practitioner its conditions judged rule by rule before anything is paid (SRV-12)."""
    offered = _service(slug)
    now = clock_now()
    dossier = None
    if request.user.is_authenticated and not request.user.is_staff:
        dossier = dossiers.load(own_practitioner(request), now)
    return render(request, "pages/service.html", presenting.service_page(offered, dossier, today(now)))


@login_not_required
@require_safe
def guide(request: HttpRequest, answers: str = "") -> HttpResponse:
    """SRV-13: which service do I need? `answers` are those given so far, as in the address."""
    try:
        context = guides.page(answers.split("/") if answers else [])
    except guides.NoSuchPath:
        raise Http404 from None
    return render(request, "pages/guide.html", context)


@login_not_required
@require_safe
def fees(request: HttpRequest) -> HttpResponse:
    """SRV-14: what a service costs, worked out for anybody, and the whole price list."""
    return render(request, "pages/fees.html", presenting.fees_page(request.GET, today(clock_now())))


@require_POST
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin or go on with the one open application of this service (APP-2)."""
    offered = _service(slug)
    practitioner = own_practitioner(request)
    if practitioner is None:
        messages.info(request, _("First tell us who you are. Then the application begins."))
        return redirect(reverse("personal_data") + "?next=" + reverse("service", args=[slug]))
    application = filing.start(practitioner, offered, now=clock_now())
    return redirect(
        "application_questions" if application.state == State.DRAFT else "application", application.reference
    )


@require_safe
def applications(request: HttpRequest) -> HttpResponse:
    cases = Application.objects.visible_to(request.user).select_related("deadline")[:100]
    rows = [presenting.row(case) for case in cases]
    return render(request, "applications/list.html", {"rows": rows, "today": today(clock_now())})


@require_safe
def application(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the case stands, who holds it, what ends the wait, and all that happened (APP-5)."""
    case = _own(request, reference)
    return render(request, "applications/application.html", presenting.case_page(case, clock_now()))


@require_http_methods(["GET", "HEAD", "POST"])
@_or_case
def questions(request: HttpRequest, reference: str) -> HttpResponse:
    case = _own(request, reference, State.DRAFT)
    offered, now = CATALOGUE[case.service], clock_now()
    dossier = dossiers.load(case.practitioner, now, case)
    form = QuestionsForm(offered, dossier, posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            filing.save_answers(
                case,
                form.answers(),
                version=form.cleaned_data["version"],
                now=now,
                **form.chosen(),
            )
        except filing.ChangedMeanwhile:
            form.add_error(
                None, _("This draft was changed in another window meanwhile. Open it again to see what it holds now.")
            )
        else:
            return redirect("application" if "later" in request.POST else "application_documents", case.reference)
    context = {"form": form, "case": case, "service": offered, "steps": presenting.STEPS, "step": 1, "dossier": dossier}
    return render(request, "applications/questions.html", context)


@require_safe
@_or_case
def documents(request: HttpRequest, reference: str) -> HttpResponse:
    case = _own(request, reference, State.DRAFT)
    failed, typed = {}, typed_again(request)
    if typed and (asked := _slot(case, typed.part)):
        failed[asked.slug] = UploadForm(typed.fields, dated=asked.dated, prefix=asked.slug)
    return _documents_page(request, case, failed)


@require_POST
@_or_case
def attach(request: HttpRequest, reference: str, slot: str) -> HttpResponse:
    """One slot, one POST: the file is examined, and what is wrong with it is said at its slot (DOC-1, DOC-5)."""
    case = _own(request, reference, State.DRAFT)
    now = clock_now()
    dossier = dossiers.load(case.practitioner, now, case)
    asked = next((one for one in CATALOGUE[case.service].slots(dossier) if one.slug == slot), None)
    if asked is None:
        raise Http404
    if "paper" in request.POST:
        return _attach_again(request, dossier, asked, now)
    form = UploadForm(request.POST, request.FILES, dated=asked.dated, prefix=slot)
    fits = form.is_valid() and not _too_old(form, asked, now)
    if fits and (paper := taken_in(request, form, case.practitioner, slot, now)):
        filing.attach(case, slot, paper, issued_on=form.cleaned_data.get("issued_on"), now=now)
        messages.success(request, _("%(paper)s is attached.") % {"paper": asked.name})
        return redirect(reverse("application_documents", args=[reference]) + f"#slot-{slot}")
    return _documents_page(request, case, failed={slot: form})


def _attach_again(request: HttpRequest, dossier: Dossier, slot: Slot, now: datetime) -> HttpResponse:
    """A paper of the wallet takes the slot once more, with the date that it was attached with (DOC-4)."""
    case = dossier.application
    try:
        paper = get_object_or_404(Paper.objects.visible_to(request.user), pk=UUID(request.POST["paper"]))
    except ValueError:
        raise Http404 from None
    there = dossier.attachments.get(slot.slug)
    earlier = next((one for one in wallet_reuse.fitting(dossier, [slot])[slot.slug] if one.paper_id == paper.pk), None)
    if earlier is None:
        messages.error(request, _("%(file)s cannot be used for this. Attach another file.") % {"file": paper.name})
    elif there is None or there.paper_id != paper.pk:  # a second click finds its work done
        filing.attach(case, slot.slug, paper, issued_on=earlier.issued_on, now=now)
        messages.success(request, _("%(paper)s is attached.") % {"paper": slot.name})
    return redirect(reverse("application_documents", args=[case.reference]) + f"#slot-{slot.slug}")


@require_POST
@_or_case
def detach(request: HttpRequest, reference: str, slot: str) -> HttpResponse:
    case = _own(request, reference, State.DRAFT)
    filing.detach(case, slot, now=clock_now())
    return redirect("application_documents", reference)


@require_http_methods(["GET", "HEAD", "POST"])
@_or_case
def check(request: HttpRequest, reference: str) -> HttpResponse:
    """APP-3: everything is read back; declaring it true issues the administrative invoice."""
    case = _own(request, reference, State.DRAFT)
    offered, now = CATALOGUE[case.service], clock_now()
    form = DeclarationForm(posted(request), initial={"version": case.version})
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["version"] != case.version:
            form.add_error(None, _("This draft was changed in another window meanwhile. Read your answers once more."))
            form.data = form.data.dict() | {"version": case.version}  # what this page shows may be declared
        else:
            try:
                filing.declare(case, by=request.user, now=now)
            except NotAllowed as refusal:
                case = _own(request, reference, State.DRAFT)  # a second click: the first one went through
                for reason in refusal.reasons:
                    form.add_error(None, reason)
            else:
                return redirect("application", reference)
    dossier = dossiers.load(case.practitioner, now, case)
    return render(request, "applications/check.html", presenting.check_page(case, offered, dossier, form))


@require_POST
@_or_case
def reopen(request: HttpRequest, reference: str) -> HttpResponse:
    case = _own(request, reference)
    advance(case.pk, "reopen", by=request.user, now=clock_now())
    messages.success(request, _("The invoice is void. Change what you like and declare again."))
    return redirect("application_questions", reference)


@require_POST
@_or_case
def discard(request: HttpRequest, reference: str) -> HttpResponse:
    case = _own(request, reference)
    filing.discard(case)
    messages.success(request, _("The draft is deleted."))
    return redirect("applications")


@require_safe
@_or_case
def remarks(request: HttpRequest, reference: str) -> HttpResponse:
    """APP-4: the returned items, each with its reason and its answer."""
    case = _own(request, reference, State.RETURNED)
    failed, typed = {}, typed_again(request)
    if typed and typed.part:
        failed[typed.part] = _answer_form(case, typed.part, typed.fields)
    return _remarks_page(request, case, failed)


@require_POST
@_or_case
def answer(request: HttpRequest, reference: str, target: str) -> HttpResponse:
    case = _own(request, reference, State.RETURNED)
    item = get_object_or_404(ReturnItem, application=case, entry_seq=case.moves, target=target)
    now, asked = clock_now(), _slot(case, target)
    form = _answer_form(case, target, request.POST, request.FILES)
    if form.is_valid() and not (asked and _too_old(form, asked, now, case.declared_at)):
        kind, issued_on = form.cleaned_data["kind"], form.cleaned_data.get("issued_on")
        paper = taken_in(request, form, case.practitioner, target, now) if kind == AnswerKind.FILE else None
        if form.is_valid():
            text = form.cleaned_data.get("text", "")
            filing.answer(item, kind=kind, text=text, paper=paper, issued_on=issued_on, now=now)
            messages.success(request, _("Your answer is saved. Send all answers when they are complete."))
            return redirect("application_remarks", reference)
    return _remarks_page(request, case, failed={target: form})


@require_POST
@_or_case
def resubmit(request: HttpRequest, reference: str) -> HttpResponse:
    case = _own(request, reference, State.RETURNED)
    try:
        advance(case.pk, "resubmit", by=request.user, now=clock_now())
    except NotAllowed as refusal:
        for reason in refusal.reasons:
            messages.error(request, reason)
        return redirect("application_remarks", reference)
    messages.success(request, _("Your answers are sent. The same reviewer goes on with them."))
    return redirect("application", reference)


@require_http_methods(["GET", "HEAD", "POST"])
@_or_case
def appeal(request: HttpRequest, reference: str) -> HttpResponse:
    """APP-9: the one appeal against a rejection, until its last day; another officer decides on it."""
    case, now = _own(request, reference, State.REJECTED), clock_now()
    if reasons := appeals.why_not(case, now):
        raise NotAllowed(*reasons)
    form = AppealForm(posted(request), request.FILES or None)
    if request.method == "POST" and form.is_valid():
        paper = taken_in(request, form, case.practitioner, filing.APPEAL, now) if form.cleaned_data["file"] else None
        if form.is_valid():
            advance(case.pk, "appeal", by=request.user, now=now, public_text=form.cleaned_data["text"], paper=paper)
            messages.success(request, _("Your appeal is with us. An officer who did not decide your case judges it."))
            return redirect("application", reference)
    return render(request, "applications/appeal.html", presenting.appeal_page(case, form, now))


@require_http_methods(["GET", "HEAD", "POST"])
@_or_case
def object_to_grant(request: HttpRequest, reference: str) -> HttpResponse:
    """APP-6: another specialty or rank was granted than was asked for; until it is paid for one may object."""
    case, now = _own(request, reference, State.PRELIMINARILY_APPROVED), clock_now()
    if not appeals.grants_something_else(case):
        raise NotAllowed(_("What was granted is what you asked for."))
    form = ObjectionForm(posted(request), initial={"seen": case.moves})
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["seen"] != case.moves:
            raise NotAllowed(_("The case was changed meanwhile. Read it as it stands now, then decide."))
        appeals.object_to(case, form.cleaned_data["text"], by=request.user, now=now)
        messages.success(
            request, _("Your objection is with the officer who can take the approval back. We write to you.")
        )
        return redirect("application", reference)
    context = {"case": case, "service": CATALOGUE[case.service], "form": form, "today": today(now)}
    return render(request, "applications/objection.html", context)


def _slot(case: Application, slug: str) -> Any:
    """The document of that slug that the service can ask, or None."""
    return next((slot for slot in CATALOGUE[case.service].documents if slot.slug == slug), None)


def _answer_form(case: Application, target: str, fields: Any, files: Any = None) -> ItemAnswerForm:
    """The form that answers the returned item `target`, as it was sent."""
    asked = _slot(case, target)
    return ItemAnswerForm(fields, files, takes_file=asked is not None, dated=bool(asked and asked.dated), prefix=target)


def _documents_page(
    request: HttpRequest, case: Application, failed: dict[str, UploadForm] | None = None
) -> HttpResponse:
    offered = CATALOGUE[case.service]
    dossier = dossiers.load(case.practitioner, clock_now(), case)
    return render(
        request, "applications/documents.html", presenting.documents_page(case, offered, dossier, failed or {})
    )


def _remarks_page(
    request: HttpRequest, case: Application, failed: dict[str, ItemAnswerForm] | None = None
) -> HttpResponse:
    return render(request, "applications/remarks.html", presenting.remarks_page(case, failed or {}, today(clock_now())))


def _too_old(form: Any, slot: Any, now: datetime, judged_at: datetime | None = None) -> bool:
    """DOC-5: a dated letter that is older than the policy's months is refused where its date was typed.

    An answer to a return is judged on its own day, by the policy that the declaration was judged by (SRV-12).
    """
    issued_on = form.cleaned_data.get("issued_on")
    if not (slot.dated and issued_on):
        return False
    months = value("employer_letter.months", today(judged_at or now))
    if is_recent(issued_on, today(now), months):
        return False
    form.add_error(
        "issued_on",
        ngettext(
            "The letter is older than %(months)s month. Ask your employer for a new one.",
            "The letter is older than %(months)s months. Ask your employer for a new one.",
            months,
        )
        % {"months": months},
    )
    return True
