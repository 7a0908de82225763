"""The only door to a ticket and its states; sweeps alone go past it, as sets, and leave the same traces (refunds/sweeps.py).

Whoever may wait locks the payment first, then the ticket.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import identity
from applications.models import Application
from documents.models import Paper
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.money import riyals
from mumaris.kit.policy import Policies
from mumaris.kit.references import new_reference
from payments import ledger
from payments.models import Account, Disposition, Method, Payment
from refunds import facts as facts_of
from refunds import iban, letters, rules
from refunds.days import last_day
from refunds.lifecycle import LIFECYCLE, TicketState
from refunds.models import Ending, PayoutMethod, Share, Ticket, TicketEntry

S = TicketState
OPEN_ALREADY = gettext_lazy("A ticket about this money is open already.")
PAYOUTS = {Method.CARD: PayoutMethod.CARD, Method.SADAD: PayoutMethod.TRANSFER}


def locked(ticket_id: int) -> Ticket:
    """The ticket, locked behind its payment."""
    payment = Ticket.objects.values_list("payment", flat=True).get(pk=ticket_id)
    list(Payment.objects.filter(pk=payment).select_for_update().values_list("pk"))
    return (
        Ticket.objects.select_for_update(of=("self",))
        .select_related("application__practitioner__user", "payment__invoice")
        .get(pk=ticket_id)
    )


@transaction.atomic
def file(
    payment_id: int,
    *,
    credit_id: int | None = None,
    by: Any,
    now: datetime,
    ground: str = "",
    statement: str = "",
    evidence: Paper | None = None,
) -> Ticket:
    """Ask for the money of a payment's fees, or of one credit (REF-1). Raises NotAllowed where nothing could go back."""
    list(Payment.objects.filter(pk=payment_id).select_for_update().values_list("pk"))
    payment = facts_of.with_parts(Payment.objects.filter(pk=payment_id)).get()
    application = Application.objects.select_related("practitioner").get(reference=payment.invoice.case)
    if by is None or application.practitioner.user_id != by.pk:
        raise NotAllowed(_("You may not do this."))
    found = facts_of.of([payment], on=today(now))[payment_id]
    found = facts_of.asked(found, credit=credit_id, claimed=ground)
    if reasons := list(why_not(payment, found, credit_id)):
        raise NotAllowed(*reasons)
    judgement = rules.judge(found)
    try:
        with transaction.atomic():
            ticket = Ticket.objects.create(
                number=free_numbers(1, now)[0],
                application=application,
                payment=payment,
                credit_id=credit_id,
                filed_by=by,
                filed_at=now,
                ground=ground,
                statement=statement,
                evidence=evidence,
                filed_judgement=rules.frozen(found, judgement),
                decide_by=last_day(now, "refund.decide_days", Policies(today(now))),
                payout=PAYOUTS[Method(payment.method)],
            )
    except IntegrityError as error:
        if "one_open_ticket" not in str(error):
            raise
        raise NotAllowed(OPEN_ALREADY) from error
    entry = TicketEntry.objects.create(
        ticket=ticket, seq=1, move="file", to_state=S.FILED, at=now, by=by, public_text=statement
    )
    letters.write(ticket, entry=entry, now=now)
    return ticket


def free_numbers(how_many: int, now: datetime) -> list[str]:
    """New ticket numbers that nobody has; a year's tickets are many enough for chance to meet one."""
    numbers: set[str] = set()
    while len(numbers) < how_many:
        numbers |= {new_reference("RF", now) for _number in range(how_many - len(numbers))}
        numbers -= set(Ticket.objects.filter(number__in=numbers).values_list("number", flat=True))
    return list(numbers)


def why_not(payment: Payment, found: rules.Facts, credit_id: int | None = None) -> Iterator[Any]:
    """Every reason why no ticket about this money can be filed now."""
    if not found.parts:
        yield _("This payment settled no fee, so there is nothing to ask for here.")
    elif Ticket.objects.open().filter(payment=payment, credit=credit_id).exists():
        yield OPEN_ALREADY
    elif not (rules.judge(found).amount or rules.if_accepted(found) or _ran_out(payment, credit_id)):
        yield _("By the rules nothing goes back. The page says by which, and what you can still claim.")


def _ran_out(payment: Payment, credit_id: int | None) -> bool:
    """Whether the last ticket about this money was approved and not paid out in time: it can be asked for anew (REF-1)."""
    last = Ticket.objects.filter(payment=payment, credit=credit_id).order_by("-pk").first()
    return last is not None and last.state == S.EXPIRED


@transaction.atomic
def advance(
    ticket_id: int,
    name: str,
    *,
    by: Any,
    now: datetime,
    seen: int | None = None,
    public_text: str = "",
    internal_text: str = "",
    **facts: Any,
) -> Ticket:
    """Make the move `name`, or raise NotAllowed with every reason and change nothing.

    `seen` is the number of moves that whoever asks has read of; `facts` are what a move needs: `accepted` (bool), `amount`
    (halalas), `reason`, `account`, `holder`, `reference`.
    """
    ticket = locked(ticket_id)
    move = LIFECYCLE[name]
    if seen is not None and seen != ticket.moves:
        raise NotAllowed(_("The ticket was changed meanwhile. Read it as it stands now, then decide."))
    facts |= {"now": now, "public_text": public_text, "internal_text": internal_text}
    if reasons := move.obstacles(ticket, by, **facts):
        raise NotAllowed(*reasons)
    left = ticket.state
    ticket.state, ticket.moves = move.target, ticket.moves + 1
    changed = CHANGES.get(name, _nothing)(ticket, by=by, **facts)
    for field, value in changed.items():
        setattr(ticket, field, value)
    ticket.save(update_fields=["state", "moves", *changed])
    entry = TicketEntry.objects.create(
        ticket=ticket,
        seq=ticket.moves,
        move=name,
        from_state=left,
        to_state=move.target,
        at=now,
        by=by,
        public_text=public_text,
        internal_text=internal_text,
    )
    for effect in move.after:
        effect(ticket, entry=entry, by=by, **facts)
    return ticket


def confirm(ticket: Ticket, *, reference: str, **asked: Any) -> Ticket:
    """The money arrived, under a reference that no other payout has. Raises NotAllowed."""
    try:
        with transaction.atomic():
            return advance(ticket.pk, "confirm", reference=reference, **asked)
    except IntegrityError as error:
        if "payout_ref_once" not in str(error):
            raise
        raise NotAllowed(_("Another payout has this reference already. Check the number.")) from error


def _nothing(ticket: Ticket, **facts: Any) -> dict[str, Any]:
    return {}


def judged(ticket: Ticket, *, accepted: bool) -> tuple[rules.Facts, rules.Judgement]:
    """The ticket as the rules stand now; `accepted` says that finance accepts the ground that it claims."""
    found = facts_of.of_ticket(ticket, accepted=ticket.ground if accepted else "")
    return found, rules.judge(found)


@LIFECYCLE.before("approve")
def something_goes_back(ticket: Ticket, *, accepted: bool = False, amount: int | None = None, **facts) -> Iterator[str]:
    if accepted and not ticket.ground:
        yield _("The ticket claims no ground that could be accepted.")
        return
    _found, judgement = judged(ticket, accepted=accepted)
    if not judgement.amount:
        yield _("By the rules nothing goes back. Refuse the ticket, or propose another amount with a written reason.")
    elif amount is not None and amount != judgement.amount:
        yield _("By the rules %(amount)s SAR goes back now. Read the ticket as it stands now, then decide.") % {
            "amount": riyals(judgement.amount)
        }


@LIFECYCLE.before("refuse")
def nothing_goes_back(ticket: Ticket, *, public_text: str = "", **facts) -> Iterator[str]:
    _found, judgement = judged(ticket, accepted=False)
    if judgement.amount:
        yield _(
            "By the rules %(amount)s SAR goes back. To refuse that, propose another amount with a written reason."
        ) % {"amount": riyals(judgement.amount)}
    if not public_text.strip():
        yield _("Write the reason that the practitioner will read.")


@LIFECYCLE.before("overrule")
def is_another_amount(ticket: Ticket, *, amount: int | None = None, reason: str = "", **facts) -> Iterator[str]:
    if not reason.strip():
        yield _("Write why the rule is not followed.")
    found, judgement = judged(ticket, accepted=False)
    if amount is None or not 0 <= amount <= rules.most(found):
        yield _(
            "An amount from 0 to %(most)s SAR can be proposed: never an administrative fee, and nothing of what was issued."
        ) % {"most": riyals(rules.most(found))}
    elif amount == judgement.amount:
        yield _("This is what the rule gives. Approve or refuse by the rule.")


@LIFECYCLE.before("endorse", "endorse_refusal")
def still_possible(ticket: Ticket, **facts) -> Iterator[str]:
    found, _judgement = judged(ticket, accepted=False)
    if (ticket.overrule_amount or 0) > rules.most(found):
        yield _("This much cannot go back any more. Send the ticket back.")


@LIFECYCLE.before("endorse")
def is_an_amount(ticket: Ticket, **facts) -> Iterator[str]:
    if not ticket.overrule_amount:
        yield _("The proposal is to give nothing back.")


@LIFECYCLE.before("endorse_refusal")
def is_a_refusal(ticket: Ticket, *, public_text: str = "", **facts) -> Iterator[str]:
    if ticket.overrule_amount:
        yield _("The proposal is to give an amount back.")
    if not public_text.strip():
        yield _("Write the reason that the practitioner will read.")


@LIFECYCLE.before("send_back", "fail")
def says_why(ticket: Ticket, *, internal_text: str = "", **facts) -> Iterator[str]:
    if not internal_text.strip():
        yield _("Write the reason.")


@LIFECYCLE.before("give_account")
def wants_an_account(ticket: Ticket, **facts) -> Iterator[str]:
    if ticket.payout != PayoutMethod.TRANSFER:
        yield _("This money goes back to the card it came from.")


@LIFECYCLE.before("ask_account")
def goes_to_the_card(ticket: Ticket, **facts) -> Iterator[str]:
    if ticket.payout != PayoutMethod.CARD or not ticket.payout_problem:
        yield _("Only money that the gateway refused to send back to the card goes by bank transfer instead.")


@LIFECYCLE.before("pay")
def can_be_paid(ticket: Ticket, *, now: datetime, **facts) -> Iterator[str]:
    if ticket.wants_account:
        yield _("The practitioner has not said yet to which account the money goes.")
    elif ticket.collect_by is None or ticket.collect_by < today(now):
        yield _("The time to collect has ended.")
    elif ticket.payout == PayoutMethod.CARD and _on_its_way(ticket):
        yield _("Another refund of this payment is on its way. Wait until it has arrived.")


@LIFECYCLE.before("expire")
def window_has_ended(ticket: Ticket, *, now: datetime, **facts) -> Iterator[str]:
    if ticket.collect_by is None or ticket.collect_by >= today(now):
        yield _("The time to collect has not ended.")


def _on_its_way(ticket: Ticket) -> bool:
    return Ticket.objects.filter(payment=ticket.payment_id, state=S.PAYING, returned_before__isnull=False).exists()


def _approved(
    ticket: Ticket, *, by: Any, now: datetime, accepted: bool = False, public_text: str = "", **facts
) -> dict:
    found, judgement = judged(ticket, accepted=accepted)
    return _decision(ticket, found, judgement, by, now, public_text)


def _endorsed(ticket: Ticket, *, by: Any, now: datetime, public_text: str = "", **facts) -> dict:
    found, _judgement = judged(ticket, accepted=False)
    return _decision(ticket, found, rules.overruled(found, ticket.overrule_amount or 0), by, now, public_text)


def _decision(
    ticket: Ticket, found: rules.Facts, judgement: rules.Judgement, by: Any, now: datetime, text: str
) -> dict[str, Any]:
    Share.objects.bulk_create(
        Share(
            ticket=ticket,
            line_id=share.part.line,
            credit_id=share.part.credit,
            fee=share.part.fee,
            base=share.part.base,
            returned=share.part.returned,
            rule=share.rule,
            percent=found.percent,
            amount=share.amount,
            vat=share.vat,
        )
        for share in judgement.shares
        if share.amount
    )
    return {
        "decided_by": by,
        "decided_at": now,
        "decision_text": text,
        "judgement": rules.frozen(found, judgement),
        "rule": judgement.rule,
        "amount": judgement.amount,
        "collect_by": _window(now) if ticket.payout == PayoutMethod.CARD else None,
    }


def _refused(ticket: Ticket, *, by: Any, now: datetime, public_text: str = "", **facts) -> dict[str, Any]:
    found, judgement = judged(ticket, accepted=False)
    overruled = ticket.overruled_by_id is not None
    return {
        "decided_by": by,
        "decided_at": now,
        "decision_text": public_text,
        "judgement": rules.frozen(found, rules.overruled(found, 0) if overruled else judgement),
        "rule": rules.Rule.OVERRULED if overruled else judgement.rule,
        "ended_at": now,
    }


def _overruled(ticket: Ticket, *, by: Any, now: datetime, amount: int, reason: str, **facts) -> dict[str, Any]:
    return {"overruled_by": by, "overruled_at": now, "overrule_amount": amount, "overrule_reason": reason}


def _sent_back(ticket: Ticket, **facts) -> dict[str, Any]:
    return {"overruled_by": None, "overruled_at": None, "overrule_amount": None, "overrule_reason": ""}


def _account_given(ticket: Ticket, *, now: datetime, account: str, holder: str, **facts) -> dict[str, Any]:
    return {
        "account": identity.seal(account),
        "account_masked": iban.mask(account),
        "account_holder": holder,
        "collect_by": ticket.collect_by or _window(now),  # an account put right opens no new window
        "payout_problem": "",
    }


def _account_asked(ticket: Ticket, **facts) -> dict[str, Any]:
    return {"payout": PayoutMethod.TRANSFER, "collect_by": None}


def _paying(ticket: Ticket, *, by: Any, **facts) -> dict[str, Any]:
    before = None
    if ticket.payout == PayoutMethod.CARD:
        paid = Ticket.objects.filter(payment=ticket.payment_id, state=S.PAID_OUT, payout=PayoutMethod.CARD)
        before = sum(one.due for one in paid)
    return {"paid_by": by, "returned_before": before, "payout_problem": ""}


def _paid_out(ticket: Ticket, *, now: datetime, reference: str, **facts) -> dict[str, Any]:
    return {"payout_ref": reference, "ended_at": now}


def _failed(ticket: Ticket, *, now: datetime, internal_text: str = "", **facts) -> dict[str, Any]:
    """Approved again: a card's window opens anew, of a transfer the account is asked for anew."""
    anew: dict[str, Any] = {"collect_by": _window(now)}
    if ticket.payout == PayoutMethod.TRANSFER:
        anew = {"collect_by": None, "account": None, "account_masked": "", "account_holder": ""}
    return {"paid_by": None, "returned_before": None, "payout_problem": internal_text[:200], **anew}


def _withdrawn(ticket: Ticket, *, now: datetime, **facts) -> dict[str, Any]:
    return {"ended_at": now, "ending": Ending.WITHDRAWN}


def _gave_way(ticket: Ticket, *, now: datetime, **facts) -> dict[str, Any]:
    about_fee = Ending.USED if ticket.payment.disposition == Disposition.APPLIED else Ending.CREDITED
    return {"ended_at": now, "ending": Ending.REVIVED if ticket.credit_id else about_fee}


def _expired(ticket: Ticket, *, now: datetime, **facts) -> dict[str, Any]:
    return {"ended_at": now}


def _window(now: datetime) -> Any:
    return last_day(now, "refund.collect_days", Policies(today(now)))


# What a move writes on the ticket besides its state.
CHANGES: dict[str, Callable[..., dict[str, Any]]] = {
    "approve": _approved,
    "refuse": _refused,
    "overrule": _overruled,
    "endorse": _endorsed,
    "endorse_refusal": _refused,
    "send_back": _sent_back,
    "give_account": _account_given,
    "ask_account": _account_asked,
    "pay": _paying,
    "confirm": _paid_out,
    "fail": _failed,
    "withdraw": _withdrawn,
    "give_way": _gave_way,
    "expire": _expired,
}


@LIFECYCLE.after("approve", "endorse")
def book_approval(ticket: Ticket, *, now: datetime, **facts) -> None:
    ledger.refund_approved(ticket.payment, **booked(ticket), now=now)


@LIFECYCLE.after("expire", "give_way")
def book_end(ticket: Ticket, *, now: datetime, **facts) -> None:
    if ticket.amount:
        ledger.refund_ended(ticket.payment, **booked(ticket), now=now)


@LIFECYCLE.after("confirm")
def book_payout(ticket: Ticket, *, now: datetime, **facts) -> None:
    account = Account.BANK_CARD if ticket.payout == PayoutMethod.CARD else Account.BANK_TRANSFER
    ledger.refund_paid_out(ticket.payment, amount=ticket.due, account=account, ticket=ticket.number, now=now)


def booked(ticket: Ticket) -> dict[str, Any]:
    """What the books say of an approved ticket: how much settled nothing, what was earned by which fee, and the tax on it."""
    shares = list(ticket.shares.all())
    fees: Counter[str] = Counter()
    for share in shares:
        if share.line_id:
            fees[share.fee] += share.amount - share.vat
    return {
        "credit": sum(share.amount for share in shares if share.credit_id),
        "fees": fees,
        "vat": sum(share.vat for share in shares),
        "ticket": ticket.number,
    }
