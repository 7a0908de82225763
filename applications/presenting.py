"""What the pages of services and applications show, as plain values; no page asks the database by itself."""

from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext_lazy
from django.utils.translation import gettext as _

from applications import appeals, exam_panel, fees, filing, review, wallet_reuse
from applications.catalogue import CATALOGUE, GROUPS, Service
from applications.deadlines import held_by
from applications.dossier import Dossier
from applications.fee_calculator import FeesForm, goes_by_rank, named, service_lines, worked_out
from applications.fees import Prices
from applications.forms import AppealForm, ItemAnswerForm, read_back
from applications.lifecycle import HOLDER, LIFECYCLE, PRACTITIONER, STAFF, State
from applications.models import Application, ClockChange, Entry, ExamPolicy
from applications.usual_times import UsualTime, usual_times
from documents.forms import UploadForm
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies
from mumaris.kit.templatetags import look
from payments import attempts, exemptions
from payments.models import Invoice, Method, Payment, Purpose
from register import issuing
from register.models import IssuedPaper

STEPS = [
    gettext_lazy("Your data"),
    gettext_lazy("Questions"),
    gettext_lazy("Documents"),
    gettext_lazy("Check and declare"),
]
STAGES = [
    pgettext_lazy("stage", "Draft"),
    gettext_lazy("Administrative fee"),
    gettext_lazy("Review"),
    gettext_lazy("Preliminary approval"),
    gettext_lazy("Service fee"),
    pgettext_lazy("stage", "Issue"),
]
STAGE_OF = {
    State.DRAFT: 0,
    State.AWAITING_ADMIN_FEE: 1,
    State.SUBMITTED: 2,
    State.UNDER_REVIEW: 2,
    State.RETURNED: 2,
    State.AWAITING_EXAM: 2,
    State.AWAITING_EXAM_FEE: 2,
    State.UNDER_APPEAL: 2,
    State.RECOMMENDED: 3,
    State.PRELIMINARILY_APPROVED: 4,
    State.BEING_ISSUED: 5,
    State.COMPLETED: 6,
}
FEE_CATEGORIES = {
    "technician": gettext_lazy("Technician, health assistant"),
    "specialist": gettext_lazy("Specialist, pharmacist, resident"),
    "registrar": gettext_lazy("Registrar, senior registrar"),
    "consultant": gettext_lazy("Consultant"),
    "consultant-physician": gettext_lazy("Consultant physician or dentist"),
}
# Move → what the timeline says, the tone and the icon.
HAPPENED = {
    "declare": (gettext_lazy("You declared your answers, and the administrative invoice was issued"), "", "card"),
    "reopen": (gettext_lazy("You took the application back to change it"), "", "pen"),
    "submit": (gettext_lazy("The administrative fee is settled and the application was submitted"), "ok", "check"),
    "claim": (gettext_lazy("A reviewer took your application"), "", "user"),
    "release": (gettext_lazy("The application waits for another reviewer"), "", "user"),
    "return": (gettext_lazy("Returned to you with remarks"), "", "warn"),
    "resubmit": (gettext_lazy("You sent your answers"), "ok", "check"),
    "admit_to_exam": (gettext_lazy("You are admitted to the exam"), "ok", "check"),
    "pass": (gettext_lazy("You passed the exam"), "ok", "check"),
    "fail_free": (gettext_lazy("The exam was not passed; the next attempt carries no fee"), "", "warn"),
    "fail_paid": (gettext_lazy("The exam was not passed; the next attempt is open once its fee is paid"), "", "warn"),
    "fail_last": (gettext_lazy("The last attempt at the exam was not passed; the application was rejected"), "", "bad"),
    "open_attempt": (gettext_lazy("The exam fee is settled; your next attempt is open"), "ok", "check"),
    "correct_result": (gettext_lazy("Your exam result was corrected: passed"), "ok", "check"),
    "appeal": (gettext_lazy("You appealed against the rejection"), "", "pen"),
    "uphold": (gettext_lazy("Your appeal was upheld; another officer reviews the case anew"), "ok", "check"),
    "refuse_appeal": (gettext_lazy("Your appeal was refused; the decision is final"), "", "bad"),
    "withdraw": (gettext_lazy("You withdrew the application"), "", "dash"),
    "recommend": (gettext_lazy("The reviewer has finished; a second officer decides"), "", "search"),
    "endorse_approval": (gettext_lazy("Preliminarily approved, and the service invoice was issued"), "ok", "check"),
    "endorse_rejection": (gettext_lazy("Rejected"), "", "bad"),
    "send_back": (gettext_lazy("The second officer sent it back to the reviewer"), "", "search"),
    "take_back": (gettext_lazy("The approval was taken back for another review"), "", "warn"),
    "start_issuing": (gettext_lazy("The service fee is settled; the last check begins"), "ok", "check"),
    "issue": (gettext_lazy("Completed; your papers are issued"), "ok", "ok"),
    "refuse": (gettext_lazy("Refused at the last check"), "", "bad"),
    "lapse_admin_fee": (gettext_lazy("Cancelled: the administrative fee was not paid in time"), "", "dash"),
    "lapse_return": (gettext_lazy("Cancelled: the remarks were not answered in time"), "", "dash"),
    "lapse_service_fee": (gettext_lazy("Cancelled: the service fee was not paid in time"), "", "dash"),
    "lapse_exam_fee": (gettext_lazy("Cancelled: the exam fee was not paid in time"), "", "dash"),
    "lapse_exam": (gettext_lazy("Cancelled: the eligibility number expired before the exam was passed"), "", "dash"),
    "revive_exam": (gettext_lazy("Your payment was made in time: the application lives again"), "ok", "check"),
    "revive_submitted": (gettext_lazy("Your payment was made in time: the application lives again"), "ok", "check"),
    "revive_issuing": (gettext_lazy("Your payment was made in time: the application lives again"), "ok", "check"),
}
# What ends the wait in a state, and what happens otherwise.
ENDS_WHEN = {
    State.DRAFT: (gettext_lazy("you declare your answers"), ""),
    State.AWAITING_ADMIN_FEE: (
        gettext_lazy("you pay the administrative fee"),
        gettext_lazy("the application is cancelled at the end of that day"),
    ),
    State.SUBMITTED: (gettext_lazy("a reviewer takes it"), ""),
    State.UNDER_REVIEW: (gettext_lazy("the reviewer decides"), ""),
    State.RECOMMENDED: (gettext_lazy("a second officer decides"), ""),
    State.RETURNED: (
        gettext_lazy("you answer every remark and send the answers"),
        gettext_lazy("the application is cancelled at the end of that day"),
    ),
    State.PRELIMINARILY_APPROVED: (
        gettext_lazy("you pay the service fee"),
        gettext_lazy("the application is cancelled at the end of that day"),
    ),
    State.BEING_ISSUED: (gettext_lazy("the last check is made"), ""),
    State.AWAITING_EXAM: (
        gettext_lazy("you pass the exam"),
        gettext_lazy("the application is cancelled when the eligibility number expires"),
    ),
    State.AWAITING_EXAM_FEE: (
        gettext_lazy("you pay the exam fee"),
        gettext_lazy("the application is cancelled at the end of that day"),
    ),
    State.UNDER_APPEAL: (gettext_lazy("an officer who did not decide your case judges the appeal"), ""),
}
ENDORSEMENTS = {"endorse_approval", "endorse_rejection"}
INVOICE_OF = {
    State.AWAITING_ADMIN_FEE: Purpose.ADMIN,
    State.PRELIMINARILY_APPROVED: Purpose.SERVICE,
    State.AWAITING_EXAM_FEE: Purpose.EXAM,
}


def offered(policies: Policies) -> list[dict[str, Any]]:
    """The catalogue as cards on the policies' day, in the order of its groups."""
    prices = fees.schedules(policies.on)
    services = sorted(CATALOGUE.values(), key=lambda service: GROUPS.index(service.group))
    return [_card(service, prices[service.slug], policies) for service in services]


def service_page(service: Service, dossier: Dossier | None, on: date) -> dict[str, Any]:
    """The fixed shape of every service's public page (SRV-0); with a dossier, its rules are judged."""
    policies = dossier.policies if dossier else Policies(on)
    prices = fees.schedule(service.slug, on)
    findings = list(service.findings(dossier)) if dossier else []
    asked = set(service.slots(dossier)) if dossier and dossier.practitioner else None
    here = reverse("service", args=[service.slug])
    usual = usual_times([service.slug], policies)[service.slug]
    exams = _exams(fees.exam_policies(on)) if service.asks_exam else []
    return {
        "service": _card(service, prices, policies)
        | {"gives": service.gives, "who": service.who, "usual_time": usually(usual)},
        "rules": [_rule(rule, finding, None, here) for rule, finding in findings] if dossier else None,
        "obstacles": len(service.obstacles(dossier)) if dossier else 0,
        "verification": {
            "practice": service.verifies_practice,
            "months": policies["experience.certificate_months"],
            "usual_days": policies["verification.usual_days"],
            "appeal_days": policies["verification.appeal_days"],
        }
        if service.verifies
        else None,
        "documents": [
            {
                "name": slot.name,
                "about": slot.hint,
                "verified": slot.verified,
                "whom": slot.whom,
                "optional": not slot.required,
                "not_needed": asked is not None and slot not in asked,
            }
            for slot in service.documents
        ],
        "exams": exams,
        "fees": _price_rows(prices),
        "surcharges": _surcharges(service, prices),
        "steps": _steps(service, policies, exams),
        "start_url": reverse("application_start", args=[service.slug]),
        "fees_url": _asking("fees", service=service.slug),
    }


def _steps(service: Service, policies: Policies, exams: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The way from the first answer to the papers, each step with a line of explanation."""
    steps = [
        (
            _("Answer and attach") if service.documents else _("Answer the questions"),
            _("Your draft is saved at every step; come back when you like."),
        ),
        (
            _("Check your answers and declare them true"),
            _("The administrative invoice follows, open for %(days)s days.") % {"days": policies["admin_fee.days"]},
        ),
        (
            _("Your documents are reviewed") if service.documents else _("Your application is reviewed"),
            _("If something is missing we return it item by item, and you have %(days)s days.")
            % {"days": policies["return.days"]},
        ),
    ]
    if service.verifies:
        steps.insert(
            0,
            (
                _("Have verified what comes from abroad"),
                _(
                    "You enter the case number of the verification company. The application waits for a positive result."
                ),
            ),
        )
    if exams:
        days = {one["policy"].validity_days for one in exams}
        steps.append(
            (
                _("Sit the exam, where your rank asks one"),
                _("You get an eligibility number, valid for %(days)s days at least.") % {"days": min(days)},
            )
        )
    steps.append(
        (
            _("Pay the service fee after preliminary approval"),
            _("Within %(days)s days of the approval.") % {"days": policies["service_fee.days"]},
        )
    )
    when = _("Issued after a last check.") if service.last_check else _("Issued at once.")
    steps.append((_("Receive your papers"), when + " " + _("As PDF, with a code anyone can verify.")))
    return steps


def fees_page(asked: QueryDict, on: date) -> dict[str, Any]:
    """The fee calculator and the whole price list, by the prices in force on that day (SRV-14)."""
    policies, prices, exam_policies = Policies(on), fees.schedules(on), fees.exam_policies(on)
    form = FeesForm(asked, prices, exam_policies)
    lines = worked_out(form, prices[form.offered.slug], policies) if form.is_valid() else []
    return {
        "form": form,
        "offered": form.offered,
        "lines": lines,
        "total": sum(line["halalas"] for line in lines),
        "asks_exam": bool(lines and form.asks_exam),
        "exam_policy": form.exam_policy if lines else None,
        "today": on,
        "services": [
            {
                "name": service.name,
                "url": reverse("service", args=[service.slug]),
                "rows": _price_rows(prices[service.slug]),
                "surcharges": _surcharges(service, prices[service.slug]),
            }
            for service in CATALOGUE.values()
        ],
        "exams": _exams(exam_policies),
    }


def row(case: Application) -> dict[str, Any]:
    """One application in a list; a closed one has no stage."""
    deadline, state = getattr(case, "deadline", None), State(case.state)
    return {
        "reference": case.reference,
        "name": CATALOGUE[case.service].name,
        "state": case.state,
        "stage": STAGE_OF[state] if state in HOLDER else None,
        "stages": len(STAGES),
        "due": deadline.due_on if deadline else None,
        "stands": deadline.days_left if deadline else None,
        "url": reverse("application", args=[case.reference]),
        "since": case.saved_at,
        "step": draft_step(case) if state == State.DRAFT else None,
        "mine": HOLDER.get(state) == PRACTITIONER,
    }


def draft_step(case: Application) -> dict[str, Any]:
    """Where a draft goes on, counted from 1 (APP-8): its questions, then its papers; one that was declared once is checked again."""
    number = 4 if case.moves else 3 if case.version else 2
    return {"number": number, "of": len(STEPS), "name": STEPS[number - 1]}


def case_page(case: Application, now: datetime) -> dict[str, Any]:
    """The page of a case: invoice to pay, who holds it, timeline, papers in it, papers issued (APP-5)."""
    service, state = CATALOGUE[case.service], State(case.state)
    deadline = getattr(case, "deadline", None)
    entries, clock_changes = list(case.timeline.all()), list(case.clock_changes.all())
    waited = [one for one in clock_changes if one.entry_seq == case.moves] if deadline else []
    since = entries[0].at if entries else case.created_at
    purpose = INVOICE_OF.get(state)
    paid_for = Exists(Payment.objects.filter(invoice=OuterRef("pk")))
    invoices = list(
        Invoice.objects.filter(case=case.reference).annotate(is_paid_for=paid_for).prefetch_related("lines")
    )
    invoice = next((one for one in invoices if purpose and one.purpose == purpose and one.is_open), None)
    issued = list(IssuedPaper.objects.filter(case=case.reference)) if state == State.COMPLETED else []
    attached = list(case.attachments.select_related("paper").order_by("-attached_at"))
    return {
        "case": case,
        "service": service,
        "state": state,
        "today": today(now),
        "stages": STAGES,
        "stage": STAGE_OF.get(state),
        "invoice": invoice,
        "methods": [{"method": method, "why_not": attempts.why_not(invoice, method, now)} for method in Method]
        if invoice
        else [],
        "exemption_asked": invoice is not None and exemptions.is_asked(case.practitioner),
        "invoices": invoices,
        "has_paid": any(one.is_paid_for for one in invoices),
        "turn": {"practitioner": "you", "staff": "reviewer"}.get(HOLDER.get(state, "")),
        "due": deadline.due_on if deadline else None,
        "stands": deadline.days_left if deadline else None,
        "facts": _holder_facts(case, state, since, now, held_by(waited)),
        "entries": sorted(
            [*_happened(entries, state), *_clock_words(clock_changes)], key=lambda one: one["at"], reverse=True
        ),
        "documents": [
            {
                "name": filing.name_of(case.service, one.slot),
                "file": one.paper.name,
                "url": reverse("paper", args=[one.paper_id]),
                "issued_on": one.issued_on,
                "attached_at": one.attached_at,
                "replaced": bool(one.replaced_at),
                "state": "accepted" if one.paper.readable else "checking",
            }
            for one in attached
        ],
        "papers": [
            {
                "name": paper.name,
                "number": paper.number,
                "ready": bool(paper.storage_key),
                "url": reverse("issued_paper", args=[paper.number]),
                "verify_url": reverse("verify_paper", args=[issuing.token(paper.number)]),
            }
            for paper in issued
        ],
        "granted_differs": appeals.grants_something_else(case),
        "can_discard": state == State.DRAFT and not case.moves,
        "can_withdraw": state in LIFECYCLE["withdraw"].sources and case.moves > 0,
        "appeal": _appeal(case, now) if state == State.REJECTED else None,
        "exam": exam_panel.panel(case, entries),
        "judged": case.judgement[get_language()] if case.judgement else [],
    }


def appeal_page(case: Application, form: AppealForm, now: datetime) -> dict[str, Any]:
    """What was decided and why, until when it can be appealed against, and the form (APP-9)."""
    return {
        "case": case,
        "service": CATALOGUE[case.service],
        "form": form,
        "decided": _happened(list(case.timeline.all()), State.REJECTED)[0],
        "due": appeals.last_day(case),
        "today": today(now),
    }


def documents_page(
    case: Application, service: Service, dossier: Dossier, failed: dict[str, UploadForm]
) -> dict[str, Any]:
    """The slots that this practitioner must fill; a failed form keeps what was typed at its slot, and `form` is it."""
    slots, asked = [], service.slots(dossier)
    again = wallet_reuse.fitting(dossier, [slot for slot in asked if slot.slug not in dossier.attachments])
    for slot in asked:
        attachment = dossier.attachments.get(slot.slug)
        form = failed.get(slot.slug) or UploadForm(dated=slot.dated, prefix=slot.slug)
        slots.append(
            {
                "name": slot.slug,
                "title": slot.name,
                "about": slot.hint,
                "optional": not slot.required,
                "offers": again.get(slot.slug, [])[: wallet_reuse.MOST],
                "form": form,
                "state": "refused"
                if form.errors
                else "missing"
                if not attachment
                else "accepted"
                if attachment.paper.readable
                else "checking",
                "upload_url": reverse("application_attach", args=[case.reference, slot.slug]),
                "remove_url": reverse("application_detach", args=[case.reference, slot.slug]),
                "issued_on": attachment.issued_on if attachment else None,
                "file": {
                    "name": attachment.paper.name,
                    "size": attachment.paper.bytes,
                    "url": reverse("paper", args=[attachment.paper_id]),
                }
                if attachment
                else None,
            }
        )
    return {
        "case": case,
        "service": service,
        "slots": slots,
        "missing": sum(not slot["file"] and not slot["optional"] for slot in slots),
        "form": next(iter(failed.values()), None),
        "here": reverse("application_documents", args=[case.reference]),
        "steps": STEPS,
        "step": 2,
    }


def check_page(case: Application, service: Service, dossier: Dossier, form: Any) -> dict[str, Any]:
    """Everything read back, with the links that change it, the rules, and what will be paid (APP-3, SRV-12)."""
    person, identity = dossier.practitioner, dossier.identity
    prices = fees.schedule(service.slug, dossier.day)
    held = service.holds(dossier) if service.holds else None
    rank = held[1] if held else case.asked_rank
    due = [one for one in service.surcharges if one.due_if(dossier)]
    lines = service_lines(service, rank, prices, dossier.policies, due)
    here = reverse("application_check", args=[case.reference])
    personal = _and_back("personal_data", here)
    asked = reverse("application_questions", args=[case.reference])
    return {
        "case": case,
        "service": service,
        "form": form,
        "steps": STEPS,
        "step": 3,
        "person_rows": [
            {"label": _("Name in Arabic"), "value": person.name_ar, "url": personal},
            {"label": _("Name in English"), "value": look.latin(person.name_en), "url": personal},
            {"label": _("Birth date"), "value": look.dates(person.birth_date), "url": personal},
            {
                "label": identity.get_kind_display() if identity else _("Identity"),
                "value": look.code(identity.masked) if identity else "",
                "url": personal,
            },
            {"label": _("Mobile"), "value": look.code(person.mobile), "url": personal},
        ],
        "answer_rows": [
            {"label": label, "value": answer, "url": asked} for label, answer in read_back(service, dossier)
        ],
        "documents": [
            {
                "label": slot.name,
                "attachment": dossier.attachments.get(slot.slug),
                "url": reverse("application_documents", args=[case.reference]) + f"#slot-{slot.slug}",
            }
            for slot in service.slots(dossier)
        ],
        "rules": [_rule(rule, finding, case, here) for rule, finding in service.findings(dossier)],
        "obstacles": len(service.obstacles(dossier))
        + (not service.is_answered(dossier))
        + sum(slot.required and slot.slug not in dossier.attachments for slot in service.slots(dossier)),
        "lines": lines,
        "total": sum(line["halalas"] for line in lines),
        "rank_is_open": rank is None and goes_by_rank(service, prices),
    }


def remarks_page(case: Application, failed: dict[str, ItemAnswerForm], on: date) -> dict[str, Any]:
    """The returned items, each with its form; `form` is the one that failed."""
    service = CATALOGUE[case.service]
    dated = {slot.slug: slot.dated for slot in service.documents}
    items: list[dict[str, Any]] = []
    for item in case.return_items.filter(entry_seq=case.moves).select_related("reason", "answer_paper"):
        form = failed.get(item.target) or ItemAnswerForm(
            takes_file=item.target in dated,
            dated=dated.get(item.target, False),
            prefix=item.target,
            initial={"kind": item.answer_kind, "text": item.answer_text, "issued_on": item.answer_issued_on},
        )
        name = _("Your answers") if item.target == review.OWN_WORDS else filing.name_of(case.service, item.target)
        items.append(
            {
                "item": item,
                "name": name,
                "form": form,
                "url": reverse("application_answer", args=[case.reference, item.target]),
            }
        )
    return {
        "case": case,
        "service": service,
        "items": items,
        "unanswered": sum(not one["item"].answer_kind for one in items),
        "form": next(iter(failed.values()), None),
        "here": reverse("application_remarks", args=[case.reference]),
        "due": case.deadline.due_on,
        "stands": case.deadline.days_left,
        "today": on,
    }


def _card(service: Service, prices: Prices, policies: Policies) -> dict[str, Any]:
    totals = [row["total"] for row in _price_rows(prices)]
    return {
        "slug": service.slug,
        "name": service.name,
        "summary": service.summary,
        "group": service.group,
        "fee_from": min(totals, default=0),
        "by_rank": len(totals) > 1,
        "target_days": policies[f"{service.slug}.target_days"],
        "url": reverse("service", args=[service.slug]),
    }


def usually(usual: UsualTime) -> str:
    """The usual time in words; the target says that it is one (APP-5)."""
    if usual.most is None:
        return _("%(days)s (target)") % {"days": look.working_days(usual.half)}
    return _("Half of the cases take up to %(half)s, nine of ten up to %(most)s.") % {
        "half": look.working_days(usual.half),
        "most": look.working_days(usual.most),
    }


def _price_rows(prices: Prices) -> list[dict[str, Any]]:
    """The fees of a service by fee category, in one row where they are the same for everybody."""
    by_rank = any(prices[Purpose.SERVICE])
    rows = []
    for category, name in (FEE_CATEGORIES if by_rank else {"": _("Everybody")}).items():
        if category in prices[Purpose.SERVICE] or "" in prices[Purpose.SERVICE]:
            admin, service = (fees.listed(prices, purpose, category) for purpose in (Purpose.ADMIN, Purpose.SERVICE))
            rows.append({"category": name, "admin": admin, "service": service, "total": admin + service})
    return rows


def _surcharges(service: Service, prices: Prices) -> list[dict[str, Any]]:
    return [{"name": named(one), "halalas": fees.listed(prices, one.purpose, "")} for one in service.surcharges]


def _exams(policies: list[ExamPolicy]) -> list[dict[str, Any]]:
    """The exams that share the same terms, together; the `names` are left out where all of them do."""
    shared: dict[tuple[int, ...], dict[str, Any]] = {}
    for one in policies:
        terms = (one.free_attempts, one.paid_attempts, one.fee, one.validity_days, one.cooling_off_days)
        shared.setdefault(terms, {"policy": one, "names": []})["names"].append(str(one.exam))
    return [{**one, "names": one["names"] if len(shared) > 1 else []} for one in shared.values()]


def _rule(rule: Any, finding: Any, case: Application | None, here: str) -> dict[str, Any]:
    remedy = finding.remedy
    url = ""
    if remedy and remedy.url_name:
        url = _and_back(remedy.url_name, here)
    elif remedy and remedy.step and case:
        url = reverse(f"application_{remedy.step}", args=[case.reference])
    return {
        "name": rule.name,
        "verdict": str(finding.verdict),
        "fact": finding.fact,
        "attached": finding.attached,
        "remedy_url": url,
        "remedy_text": remedy.text if remedy else "",
    }


def _and_back(name: str, here: str) -> str:
    """The address of the page of that URL name, which leads back here once it is done."""
    return _asking(name, next=here)


def _asking(name: str, **asked: str) -> str:
    """The address of the page of that URL name, with what it is asked."""
    return f"{reverse(name)}?{urlencode(asked)}"


def _appeal(case: Application, now: datetime) -> dict[str, Any]:
    """Until when a rejected case can be appealed against, or every reason why it cannot."""
    until = appeals.last_day(case)
    why_not = appeals.why_not(case, now, until)
    return {"why_not": why_not, "until": None if why_not else until}


def _holder_facts(
    case: Application, state: State, since: datetime, now: datetime, pauses: list[ClockChange]
) -> list[tuple[str, str]]:
    if state not in ENDS_WHEN:
        return []
    days = (today(now) - today(since)).days
    ago = ngettext("%(days)s day", "%(days)s days", days) % {"days": days} if days else _("today")
    ends, otherwise = ENDS_WHEN[state]
    facts = [
        (_("Since"), format_html('{} <span class="date-alt">({})</span>', look.gregorian(since), ago)),
        (_("The wait ends when"), str(ends)),
    ]
    if pauses:
        facts.append((_("The clock stands because"), " · ".join(one.why for one in pauses)))
    elif otherwise:
        facts.append((_("If not"), str(otherwise)))
    if HOLDER[state] == STAFF:
        usual = usual_times([case.service], Policies(today(now)))
        facts.append((_("Usual time"), usually(usual[case.service])))
    return facts


def _clock_words(changes: list[ClockChange]) -> list[dict[str, Any]]:
    """What was done to the clocks of the case, in words for the timeline; what changes nothing for the practitioner is left out."""
    shown = []
    for one in changes:
        if one.kind == ClockChange.Kind.PAUSE:
            days = one.days_left or 0
            kept = ngettext("%(days)d day remains.", "%(days)d days remain.", days) % {"days": days}
            title, text = _("The clock stands"), f"{one.why.rstrip('.')}. {kept}"
        elif one.days_left is not None:
            continue
        else:
            day = {"day": look.gregorian(one.due_after)}
            extended = one.kind == ClockChange.Kind.EXTEND
            title = (
                _("You have more time, until %(day)s") % day
                if extended
                else _("The clock runs again, until %(day)s") % day
            )
            text = one.reason
        shown.append({"at": one.at, "title": title, "text": text, "tone": "", "icon": "clock"})
    return shown


def _happened(entries: list[Entry], state: State) -> list[dict[str, Any]]:
    """The timeline in words. What a reviewer recommends is not said before it is endorsed, and then with the endorsement."""
    shown = []
    for index, entry in enumerate(entries):
        title, tone, icon = HAPPENED[entry.move]
        text = "" if entry.move == "recommend" else entry.public_text
        if entry.move in ENDORSEMENTS and not text:
            text = entries[index + 1].public_text
        if index == 0 and HOLDER.get(state) == PRACTITIONER:
            tone, icon = "now", "card" if state in INVOICE_OF else icon
        shown.append({"at": entry.at, "title": title, "text": text, "tone": tone, "icon": icon})
    return shown
