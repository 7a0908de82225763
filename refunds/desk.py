"""What a finance officer sees of a ticket and can do with it, as plain values; the pages stand in refunds/admin.py."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Count, Q
from django.forms import BaseForm
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from applications.catalogue import CATALOGUE
from mumaris.kit.clock import today
from mumaris.kit.fields import CleanCharField, Form, RiyalsField
from mumaris.kit.templatetags import look
from refunds import payouts, progress, rules
from refunds.lifecycle import LIFECYCLE, UNDECIDED, TicketState, applicant, filer, system
from refunds.models import PayoutMethod, Ticket
from refunds.presenting import shown

# The moves that have a button at the desk.
MOVES = {move.name: move for move in LIFECYCLE.values() if move.may not in (applicant, filer, system)}
TOLD_BY_GATEWAY = ("confirm", "fail")
ENDS_BADLY = ("refuse", "endorse_refusal", "fail")
# Of these moves a refusal is about one field, and is said there.
FAULTY = {"overrule": "amount", "confirm": "reference"}
HAPPENED = {
    "file": _("Filed"),
    "approve": _("Approved by the rule"),
    "refuse": _("Refused by the rule"),
    "overrule": _("Another amount proposed"),
    "endorse": _("Amount endorsed by the second officer"),
    "endorse_refusal": _("Refusal endorsed by the second officer"),
    "send_back": _("Sent back by the second officer"),
    "give_account": _("The practitioner gave the account"),
    "ask_account": _("Goes by bank transfer instead of the card"),
    "pay": _("Payout begun"),
    "confirm": _("Paid out"),
    "fail": _("Payout failed; approved again"),
    "withdraw": _("Withdrawn by the practitioner"),
    "give_way": _("Closed by the portal: what it asked for is no more"),
    "expire": _("Not collected in time; the amount is free again"),
    "escalate": _("Escalated: not decided by its day"),
}
SOON = timedelta(days=3)
# What is approved waits for finance, or for the practitioner as Ticket.wants_account says.
WANTS_ACCOUNT = Q(state=TicketState.APPROVED, payout=PayoutMethod.TRANSFER, account=None)
TO_PAY = Q(state=TicketState.APPROVED) & ~WANTS_ACCOUNT


class ApproveForm(Form):
    """What stood on the page is what is approved; accepting the ground that is claimed is its own tick."""

    accepted = forms.BooleanField(label=_("Accept the ground that is claimed"), required=False)
    by_rule = forms.IntegerField(required=False, widget=forms.HiddenInput)
    if_accepted = forms.IntegerField(required=False, widget=forms.HiddenInput)
    public_text = CleanCharField(
        label=_("Text for the practitioner"),
        max_length=2000,
        required=False,
        lines=True,
        widget=forms.Textarea({"rows": 3}),
    )

    def __init__(self, ticket: Ticket, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not ticket.ground:
            del self.fields["accepted"]


class RefuseForm(Form):
    public_text = CleanCharField(
        label=_("Reason that the practitioner reads"), max_length=2000, lines=True, widget=forms.Textarea({"rows": 3})
    )


class OverruleForm(Form):
    """Another amount than the rule's, typed in riyals."""

    amount = RiyalsField(label=_("Amount (SAR)"), min_value=0, max_value=1_000_000)
    reason = CleanCharField(
        label=_("Why the rule is not followed"), max_length=2000, lines=True, widget=forms.Textarea({"rows": 3})
    )

    def clean_amount(self) -> int:
        return int(self.cleaned_data["amount"] * 100)


class EndorseForm(Form):
    public_text = CleanCharField(
        label=_("Text for the practitioner"),
        max_length=2000,
        required=False,
        lines=True,
        widget=forms.Textarea({"rows": 3}),
    )


class ReasonForm(Form):
    internal_text = CleanCharField(label=_("Reason"), max_length=2000, lines=True, widget=forms.Textarea({"rows": 3}))


class ArrivedForm(Form):
    reference = CleanCharField(
        label=_("Gateway's reference"), max_length=80, error_messages={"required": _("Type the gateway's reference.")}
    )


class BareForm(Form):
    """A button alone."""


FORMS: dict[str, type[Form]] = {
    "refuse": RefuseForm,
    "overrule": OverruleForm,
    "endorse": EndorseForm,
    "endorse_refusal": RefuseForm,
    "send_back": ReasonForm,
    "confirm": ArrivedForm,
    "fail": ReasonForm,
}


class ExecutedForm(Form):
    reference = CleanCharField(
        label=_("Bank's reference"), max_length=80, error_messages={"required": _("Type the bank's reference.")}
    )


class FailedForm(Form):
    reason = CleanCharField(
        label=_("Why it came back"), max_length=200, error_messages={"required": _("Write why it came back.")}
    )


def form_of(name: str, ticket: Ticket, data: QueryDict | None = None, **shown_amounts: int) -> BaseForm:
    """The form of a move, empty or with what was typed; `shown_amounts` is what the page says of an approval."""
    ids = f"id_{name}_%s"
    if name == "approve":
        return ApproveForm(ticket, data, auto_id=ids, initial=shown_amounts)
    return FORMS.get(name, BareForm)(data, auto_id=ids)


def make(name: str, ticket: Ticket, form: BaseForm, *, by: Any, now: datetime, seen: int | None) -> None:
    """Make the move with what its valid form says. Raises NotAllowed, and for a payout GatewayDown."""
    if name == "pay":
        payouts.pay(ticket, by=by, now=now, seen=seen)
        return
    if name in TOLD_BY_GATEWAY:
        payouts.tell(ticket, name, by=by, now=now, seen=seen, **form.cleaned_data)
        return
    facts = dict(form.cleaned_data)
    if name == "approve":
        by_rule, if_accepted = facts.pop("by_rule"), facts.pop("if_accepted")
        facts["amount"] = if_accepted if facts.get("accepted") else by_rule
    progress.advance(ticket.pk, name, by=by, now=now, seen=seen, **facts)


def is_open(user: Any, ticket: Ticket, name: str, now: datetime) -> bool:
    """Whether the page offers the move: it leads on from here, it is this officer's, and it fits what is proposed."""
    if name == "pay" and ticket.payout == "card" and ticket.state == TicketState.PAYING:
        return LIFECYCLE["confirm"].may(user, ticket)  # its answer was lost: the same button asks again
    if name == "pay" and ticket.payout != "card":
        return False
    is_unanswered = ticket.state == TicketState.PAYING and payouts.unanswered(now).filter(pk=ticket.pk).exists()
    if name in TOLD_BY_GATEWAY and not is_unanswered:
        return False  # confirming and failing a transfer stand on the page of its file
    if name in ("endorse", "endorse_refusal") and bool(ticket.overrule_amount) != (name == "endorse"):
        return False
    if name == "ask_account" and not (ticket.payout == "card" and ticket.payout_problem):
        return False
    return ticket.state in MOVES[name].sources and MOVES[name].may(user, ticket)


def page(ticket: Ticket, user: Any, now: datetime, tried: dict[str, BaseForm]) -> dict[str, Any]:
    """The whole page; `tried` are forms as they were typed."""
    live = _live(ticket)
    offered = [name for name in MOVES if is_open(user, ticket, name, now) and (name not in live["closed"])]
    return {
        "ticket": ticket,
        "case": ticket.application,
        "service": CATALOGUE[ticket.application.service],
        "invoice": ticket.payment.invoice,
        "badge": look.state("refund", ticket.state),
        "is_late": is_late(ticket, today(now)),
        "shares": live["shares"],
        "amount": live["amount"],
        "if_accepted": live["if_accepted"],
        "entries": [
            {"entry": entry, "title": HAPPENED[entry.move]} for entry in ticket.timeline.select_related("by").all()
        ],
        "transfers": list(ticket.transfers.select_related("file")),
        "today": today(now),
        "panels": [
            {
                "name": name,
                "label": MOVES[name].label,
                "url": reverse("admin:refunds_ticket_move", args=[ticket.pk, name]),
                "form": _tried(tried, name, live)
                or form_of(name, ticket, by_rule=live["amount"], if_accepted=live["if_accepted"]),
                "open": name in tried,
                "bad": name in ENDS_BADLY,
            }
            for name in offered
        ],
    }


def _tried(tried: dict[str, BaseForm], name: str, live: dict[str, Any]) -> BaseForm | None:
    """The form as it was typed; an approval then stands on the amounts that the page shows now."""
    if (form := tried.get(name)) and name == "approve":
        form.data = {**form.data.dict(), "by_rule": live["amount"], "if_accepted": live["if_accepted"]}
    return form


def _live(ticket: Ticket) -> dict[str, Any]:
    """The judgement that counts: of an undecided ticket as the rules stand now, else as it was decided."""
    if not ticket.is_undecided:
        kept = ticket.judgement or ticket.filed_judgement
        amount = ticket.amount if ticket.amount is not None else 0
        return {"shares": shown(kept), "amount": amount, "if_accepted": kept["if_accepted"], "closed": []}
    found, judgement = progress.judged(ticket, accepted=False)
    if_accepted = rules.if_accepted(found)
    closed = ["refuse"] if judgement.amount else [] if if_accepted else ["approve"]
    return {
        "shares": shown(rules.frozen(found, judgement)),
        "amount": judgement.amount,
        "if_accepted": if_accepted,
        "closed": closed,
    }


def is_late(ticket: Ticket, day: date) -> bool:
    return ticket.is_undecided and ticket.decide_by < day


def counts(day: date) -> dict[str, int]:
    """The queue in figures, in one query: to decide, of them overdue, to pay out, to wait for an account, and whose window ends soon."""
    undecided, approved = Q(state__in=UNDECIDED), Q(state=TicketState.APPROVED)
    return Ticket.objects.order_by().aggregate(
        open=Count("pk", filter=undecided),
        overdue=Count("pk", filter=undecided & Q(decide_by__lt=day)),
        to_pay=Count("pk", filter=TO_PAY),
        accounts=Count("pk", filter=WANTS_ACCOUNT),
        ending=Count("pk", filter=approved & Q(collect_by__lte=day + SOON)),
    )
