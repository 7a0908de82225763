"""What the pages of withdrawals and refunds say, as plain values; no page asks the database by itself (APP-7, REF-1)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from applications.catalogue import CATALOGUE
from applications.lifecycle import LIFECYCLE as CASE_LIFECYCLE
from applications.lifecycle import State
from applications.models import Application
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies
from payments.models import Attempt, Disposition, Invoice, InvoiceState, Method, Payment
from refunds import facts as facts_of
from refunds import rules
from refunds.days import last_day
from refunds.forms import AccountForm, AskForm, WithdrawalForm
from refunds.lifecycle import LIFECYCLE, OPEN, TicketState
from refunds.models import Ending, PayoutMethod, Ticket

# What is given up in each state from which an application can be withdrawn.
GIVEN_UP = {
    State.DRAFT: _("Your answers end with the application. It was invoiced once, so it stays on record as withdrawn."),
    State.AWAITING_ADMIN_FEE: _(
        "The administrative fee is not paid yet. Its invoice becomes void, and you owe nothing."
    ),
    State.SUBMITTED: _(
        "The administrative fee is settled, and the application waits for a reviewer. Nobody reviews it any more."
    ),
    State.UNDER_REVIEW: _("An officer reviews the application now. The review ends without a decision."),
    State.RECOMMENDED: _(
        "The review is finished, and only a second officer's decision is missing. It is not made any more."
    ),
    State.RETURNED: _("The remarks of the reviewer need no answer any more, and the review ends without a decision."),
    State.AWAITING_EXAM: _("Your eligibility number admits to no exam any more. A new application gets a new number."),
    State.AWAITING_EXAM_FEE: _(
        "The invoice of the exam fee becomes void, and your eligibility number admits to no exam any more. "
        "A new application gets a new number."
    ),
    State.PRELIMINARILY_APPROVED: _(
        "The application is approved, and only the service fee is missing. The approval ends, and its invoice becomes void."
    ),
    State.BEING_ISSUED: _(
        "The service fee is settled, and only the last check is missing. Nothing is issued any more."
    ),
    State.UNDER_APPEAL: _("Your appeal is not decided any more, and there is no second one."),
}


# The icon and the kind of badge of a rule by how it was read.
READ = {
    rules.Outcome.HIT: ("ok", "ok"),
    rules.Outcome.MISSED: ("", "dash"),
    rules.Outcome.CLAIMED: ("warn", "info"),
    rules.Outcome.UNREAD: ("", "dash"),
}
STEPS = {
    "file": _("The ticket was filed"),
    "approve": pgettext_lazy("refund", "Approved"),
    "refuse": pgettext_lazy("refund", "Refused"),
    "overrule": _("A second officer looks at it"),
    "endorse": pgettext_lazy("refund", "Approved"),
    "endorse_refusal": pgettext_lazy("refund", "Refused"),
    "send_back": _("Looked at once more"),
    "give_account": _("You said where the money goes"),
    "ask_account": _("It goes by bank transfer instead"),
    "pay": _("The payout began"),
    "confirm": _("Paid out"),
    "fail": _("The payout did not arrive"),
    "withdraw": _("You withdrew the ticket"),
    "give_way": _("Closed: it is not needed any more"),
    "expire": _("The time to collect ended"),
    "escalate": _("Late: the head of finance has it now"),
}
TONES = {"approve": "ok", "endorse": "ok", "confirm": "ok"}


def withdrawal_page(case: Application, form: WithdrawalForm, now: datetime) -> dict[str, Any]:
    """What ends, what was paid so far (halalas), what would go back, and what may still be open at the bank."""
    invoices = list(Invoice.objects.filter(case=case.reference))
    service = CATALOGUE[case.service]
    previews = previews_of(case, now)
    return {
        "case": case,
        "service": service,
        "form": form,
        "given_up": GIVEN_UP[State(case.state)],
        "ends_renewal": service.renews and case.submitted_at is not None,
        "invoices": invoices,
        "paid": sum(one.amount for one in invoices if one.state == InvoiceState.PAID),
        "previews": previews,
        "returned": sum(preview["amount"] for preview in previews),
        "bills": Attempt.objects.live().filter(
            invoice__in=[one.pk for one in invoices if one.is_open], method=Method.SADAD
        ),
        "today": today(now),
    }


def previews_of(case: Application, now: datetime) -> list[dict[str, Any]]:
    """What would go back of each fee if the case were withdrawn now, and the last day on which that holds."""
    paid = Payment.objects.filter(invoice__case=case.reference, disposition=Disposition.APPLIED)
    payments = list(facts_of.with_parts(paid.order_by("invoice", "pk")))
    found = facts_of.of(payments, on=today(now), withdrawn_at=now)
    return [{"invoice": one.invoice, **preview(facts_of.asked(found[one.pk]))} for one in payments]


def preview(found: rules.Facts) -> dict[str, Any]:
    """A judgement as the page shows it: amount (halalas), shares with every rule, and the day on which the part of the fee ends."""
    judgement = rules.judge(found)
    by_half = any(share.rule == rules.Rule.HALF and share.amount for share in judgement.shares)
    return {
        "amount": judgement.amount,
        "ends_on": found.window_ends_on if by_half else None,
        "shares": shown(rules.frozen(found, judgement)),
    }


def shown(frozen: dict[str, Any]) -> list[dict[str, Any]]:
    """The shares of a kept judgement in the active language: name, base, returned, amount, and how each rule was read."""
    language = "ar" if get_language() == "ar" else "en"

    def rule(one: dict[str, Any]) -> dict[str, Any]:
        outcome = rules.Outcome(one["outcome"])
        kind, picture = READ[outcome]
        return {**one, "outcome": outcome, "words": outcome.label, "kind": kind, "picture": picture}

    return [
        {
            **share,
            "name": share[language],
            "overruled": share["rule"] == rules.Rule.OVERRULED,
            "findings": [rule(one) for one in share["findings"][language]],
        }
        for share in frozen.get("shares", [])
    ]


def refunds_page(person: Any, now: datetime) -> dict[str, Any]:
    """One's tickets, newest first, and the fees one has paid with what goes back of each by the rules as they stand."""
    tickets = list(
        Ticket.objects.visible_to(person).select_related("application", "payment__invoice").order_by("-filed_at", "-pk")
    )
    asked = {ticket.payment_id for ticket in tickets if ticket.credit_id is None and ticket.state in OPEN}
    paid = Payment.objects.visible_to(person).filter(disposition=Disposition.APPLIED).order_by("-paid_at")
    payments = [payment for payment in facts_of.with_parts(paid) if payment.pk not in asked]
    found = facts_of.of(payments, on=today(now))
    fees = [
        {"payment": one, "amount": rules.judge(facts_of.asked(found[one.pk])).amount, "invoice": one.invoice}
        for one in payments
    ]
    return {"tickets": tickets, "fees": fees, "today": today(now)}


def ask_page(
    invoice: Invoice, payment: Payment | None, found: rules.Facts | None, form: AskForm, by: Any, now: datetime
) -> dict:
    """What goes back of a fee by the rules, what can be claimed, and what becomes of a ticket."""
    case = Application.objects.select_related("practitioner").get(reference=invoice.case)
    policies = Policies(today(now))
    tickets = list(Ticket.objects.filter(payment__invoice=invoice).order_by("-filed_at", "-pk"))
    can_withdraw = found is not None and not CASE_LIFECYCLE["withdraw"].obstacles(case, by, now=now)
    if_withdrawn = preview(replace(found, withdrawn_at=now)) if found and can_withdraw else None
    return {
        "invoice": invoice,
        "payment": payment,
        "case": case,
        "service": CATALOGUE[case.service],
        "form": form,
        "preview": preview(found) if found else None,
        "if_withdrawn": if_withdrawn if if_withdrawn and if_withdrawn["ends_on"] else None,
        "tickets": tickets,
        "open_ticket": next((one for one in tickets if one.credit_id is None and one.state in OPEN), None),
        "decide_by": last_day(now, "refund.decide_days", policies),
        "collect_days": policies["refund.collect_days"],
        "today": today(now),
    }


def ticket_page(ticket: Ticket, person: Any, form: AccountForm, now: datetime) -> dict[str, Any]:
    """One's own ticket: where it stands, its days, how it was judged, and what one can do."""
    return {
        "ticket": ticket,
        "case": ticket.application,
        "service": CATALOGUE[ticket.application.service],
        "invoice": ticket.payment.invoice,
        "shares": shown(ticket.judgement or ticket.filed_judgement),
        "amount": ticket.amount if ticket.amount is not None else ticket.filed_judgement["amount"],
        "if_accepted": ticket.filed_judgement["if_accepted"],
        "entries": [_step(entry) for entry in ticket.timeline.all()],
        "form": form if ticket.state == TicketState.APPROVED and ticket.payout == PayoutMethod.TRANSFER else None,
        "collect_days": Policies(today(now))["refund.collect_days"],
        "can_withdraw": not LIFECYCLE["withdraw"].obstacles(ticket, person),
        "can_ask_again": can_ask_again(ticket),
        "is_late": ticket.is_undecided and ticket.decide_by < today(now),
        "today": today(now),
    }


def can_ask_again(ticket: Ticket) -> bool:
    """Whether the money of an ended ticket can be asked for by a new one; its page and the new ticket say by which rule."""
    ended = ticket.state in (TicketState.EXPIRED, TicketState.REFUSED) or ticket.ending == Ending.WITHDRAWN
    is_left = ticket.payment.refunded < ticket.payment.amount and not (ticket.credit and ticket.credit.applied_at)
    return (
        ended
        and is_left
        and not Ticket.objects.open().filter(payment=ticket.payment_id, credit=ticket.credit_id).exists()
    )


def _step(entry: Any) -> dict[str, Any]:
    own_words = entry.move == "file"
    return {
        "at": entry.at,
        "title": STEPS[entry.move],
        "text": "" if own_words else entry.public_text,
        "tone": TONES.get(entry.move, ""),
    }
