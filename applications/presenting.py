"""What the pages of services and applications show, as plain values; no page asks the database by itself."""

from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext_lazy
from django.utils.translation import gettext as _

from applications import fees, filing, review
from applications.catalogue import CATALOGUE, Service
from applications.dossier import Dossier
from applications.forms import ItemAnswerForm, read_back
from applications.lifecycle import HOLDER, PRACTITIONER, STAFF, State
from applications.models import Application, Entry
from documents.forms import UploadForm
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies, value
from mumaris.kit.templatetags import look
from payments import attempts
from payments.models import Invoice, Method, Purpose
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
}
ENDORSEMENTS = {"endorse_approval", "endorse_rejection"}
INVOICE_OF = {State.AWAITING_ADMIN_FEE: Purpose.ADMIN, State.PRELIMINARILY_APPROVED: Purpose.SERVICE}


def offered(on: date) -> list[dict[str, Any]]:
    """The catalogue as cards."""
    policies = Policies(on)
    return [_card(service, fees.schedule(service.slug, on), policies) for service in CATALOGUE.values()]


def service_page(service: Service, dossier: Dossier | None, on: date) -> dict[str, Any]:
    """The fixed shape of every service's public page (SRV-0); with a dossier, its rules are judged."""
    policies = dossier.policies if dossier else Policies(on)
    prices = fees.schedule(service.slug, on)
    findings = list(service.findings(dossier)) if dossier else []
    asked = set(service.slots(dossier)) if dossier and dossier.practitioner else None
    here = reverse("service", args=[service.slug])
    return {
        "service": _card(service, prices, policies) | {"gives": service.gives, "who": service.who},
        "rules": [_rule(rule, finding, None, here) for rule, finding in findings] if dossier else None,
        "obstacles": len(service.obstacles(dossier)) if dossier else 0,
        "documents": [
            {
                "name": slot.name,
                "about": slot.hint,
                "whom": slot.whom,
                "not_needed": asked is not None and slot not in asked,
            }
            for slot in service.documents
        ],
        "fees": _price_rows(prices),
        "steps": [
            (_("Answer and attach"), _("Your draft is saved at every step; come back when you like.")),
            (
                _("Check your answers and declare them true"),
                _("The administrative invoice follows, open for %(days)s days.") % {"days": policies["admin_fee.days"]},
            ),
            (
                _("Your documents are reviewed"),
                _("If something is missing we return it item by item, and you have %(days)s days.")
                % {"days": policies["return.days"]},
            ),
            (
                _("Pay the service fee after preliminary approval"),
                _("Within %(days)s days of the approval.") % {"days": policies["service_fee.days"]},
            ),
            (_("Receive your papers"), _("As PDF, with a code anyone can verify.")),
        ],
        "start_url": reverse("application_start", args=[service.slug]),
        "already_open": bool(dossier and service.slug in dossier.open_services),
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
        "url": reverse("application", args=[case.reference]),
        "since": case.saved_at,
        "mine": HOLDER.get(state) == PRACTITIONER,
    }


def case_page(case: Application, now: datetime) -> dict[str, Any]:
    """The page of a case: invoice to pay, who holds it, timeline, papers in it, papers issued (APP-5)."""
    service, state = CATALOGUE[case.service], State(case.state)
    deadline = getattr(case, "deadline", None)
    entries = list(case.timeline.all())
    since = entries[0].at if entries else case.created_at
    purpose = INVOICE_OF.get(state)
    invoices = list(Invoice.objects.filter(case=case.reference).prefetch_related("lines"))
    invoice = next((one for one in invoices if purpose and one.purpose == purpose and one.is_open), None)
    issued = list(IssuedPaper.objects.filter(case=case.reference)) if state == State.COMPLETED else []
    attached = list(case.attachments.select_related("paper").order_by("-attached_at"))
    names = {slot.slug: slot.name for slot in service.documents}
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
        "invoices": invoices,
        "turn": {"practitioner": "you", "staff": "reviewer"}.get(HOLDER.get(state, "")),
        "due": deadline.due_on if deadline else None,
        "facts": _holder_facts(case, state, since, now),
        "entries": _happened(entries, state),
        "documents": [
            {
                "name": names.get(one.slot, one.slot),
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
                "name": paper.get_kind_display(),
                "number": paper.number,
                "ready": bool(paper.storage_key),
                "url": reverse("issued_paper", args=[paper.number]),
                "verify_url": reverse("verify_paper", args=[issuing.token(paper.number)]),
            }
            for paper in issued
        ],
        "granted_differs": bool(
            case.granted_rank_id
            and (case.granted_rank_id, case.granted_specialty_id) != (case.asked_rank_id, case.asked_specialty_id)
            and case.asked_rank_id
        ),
        "can_discard": state == State.DRAFT and not case.moves,
        "judged": case.judgement[get_language()] if case.judgement else [],
    }


def documents_page(
    case: Application, service: Service, dossier: Dossier, failed: dict[str, UploadForm]
) -> dict[str, Any]:
    """The slots that this practitioner must fill; a failed form keeps what was typed at its slot, and `form` is it."""
    slots = []
    for slot in service.slots(dossier):
        attachment = dossier.attachments.get(slot.slug)
        form = failed.get(slot.slug) or UploadForm(dated=slot.dated, prefix=slot.slug)
        slots.append(
            {
                "name": slot.slug,
                "title": slot.name,
                "about": slot.hint,
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
        "missing": sum(not slot["file"] for slot in slots),
        "form": next(iter(failed.values()), None),
        "here": reverse("application_documents", args=[case.reference]),
        "steps": STEPS,
        "step": 2,
    }


def check_page(case: Application, service: Service, dossier: Dossier, form: Any) -> dict[str, Any]:
    """Everything read back, with the links that change it, the rules, and what will be paid (APP-3, SRV-12)."""
    person, identity = dossier.practitioner, dossier.identity
    prices = fees.schedule(service.slug, dossier.day)
    rank = case.asked_rank or (dossier.usable_classification.rank if dossier.usable_classification else None)
    category = rank.fee_category if rank else ""
    lines = [
        {
            "name": _("Administrative fee"),
            "when": _("now"),
            "halalas": _price(prices, Purpose.ADMIN, category),
            "note": _("not refundable"),
        }
    ]
    if rank:
        lines.append(
            {
                "name": _("Service fee"),
                "when": _("after preliminary approval"),
                "halalas": _price(prices, Purpose.SERVICE, category),
            }
        )
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
        + sum(slot.slug not in dossier.attachments for slot in service.slots(dossier)),
        "lines": lines,
        "total": sum(line["halalas"] for line in lines),
        "rank": rank,
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
        "today": on,
    }


def _card(service: Service, prices: dict[str, dict[str, int]], policies: Policies) -> dict[str, Any]:
    totals = [row["total"] for row in _price_rows(prices)]
    return {
        "slug": service.slug,
        "name": service.name,
        "summary": service.summary,
        "fee_from": min(totals, default=0),
        "usual_days": policies[f"{service.slug}.target_days"],
        "url": reverse("service", args=[service.slug]),
    }


def _price_rows(prices: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    rows = []
    for category, name in FEE_CATEGORIES.items():
        if category in prices[Purpose.SERVICE] or "" in prices[Purpose.SERVICE]:
            admin, service = _price(prices, Purpose.ADMIN, category), _price(prices, Purpose.SERVICE, category)
            rows.append({"category": name, "admin": admin, "service": service, "total": admin + service})
    return rows


def _price(prices: dict[str, dict[str, int]], purpose: str, category: str) -> int:
    return prices[purpose].get(category, prices[purpose].get("", 0))


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
        "remedy_url": url,
        "remedy_text": remedy.text if remedy else "",
    }


def _and_back(name: str, here: str) -> str:
    """The address of the page of that URL name, which leads back here once it is done."""
    return f"{reverse(name)}?{urlencode({'next': here})}"


def _holder_facts(case: Application, state: State, since: datetime, now: datetime) -> list[tuple[str, str]]:
    if state not in ENDS_WHEN:
        return []
    days = (today(now) - today(since)).days
    ago = ngettext("%(days)s day", "%(days)s days", days) % {"days": days} if days else _("today")
    ends, otherwise = ENDS_WHEN[state]
    facts = [
        (_("Since"), format_html('{} <span class="date-alt">({})</span>', look.gregorian(since), ago)),
        (_("The wait ends when"), str(ends)),
    ]
    if otherwise:
        facts.append((_("If not"), str(otherwise)))
    if HOLDER[state] == STAFF:
        facts.append((_("Usual time"), look.working_days(value(f"{case.service}.target_days", today(now)))))
    return facts


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
