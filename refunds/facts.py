"""What the rules ask about payments, read from the database in as many queries for many payments as for one."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet, Sum
from django.utils import translation

from applications import exam_fees
from applications.lifecycle import CancelReason, State
from applications.models import Application, EligibilityNumber, Entry, Outcome
from mumaris.kit.clock import today
from mumaris.kit.policy import of_days
from payments.lifecycle import ExemptionState
from payments.models import Credit, CreditReason, Disposition, Exemption, Line, Payment, Purpose
from refunds.lifecycle import RESERVED
from refunds.models import Share, Ticket
from refunds.rules import FROM_PAYMENT, Facts, Part

# The moves by which a case is rejected, and what each says about the applicant (REF-2).
REJECTIONS = {"endorse_rejection": "conditions", "fail_last": "conditions", "refuse": "compliance"}
REJECTION_STANDS = (State.REJECTED, State.UNDER_APPEAL)


def of(payments: Iterable[Payment], *, on: date, withdrawn_at: datetime | None = None) -> dict[int, Facts]:
    """The facts of each payment by its id, by the policies in force on the Riyadh day `on`.

    A withdrawn case keeps the policies of the day of its withdrawal, whenever its ticket is filed (REF-3). `withdrawn_at` reckons
    as if a case that can still be withdrawn were withdrawn then. Give payments of `with_parts`.
    """
    payments = list(payments)
    if not payments:
        return {}
    cases = {
        case.reference: case for case in Application.objects.filter(reference__in={p.invoice.case for p in payments})
    }
    rejected = _rejections(cases.values())
    returned = _returned(payments)
    exempt = _exemptions({payment.invoice.payer_id for payment in payments})
    exams = _exams([payment for payment in payments if payment.invoice.purpose == Purpose.EXAM])
    days = {reference: _day_of_withdrawal(case) or on for reference, case in cases.items()}
    policies = of_days(days.values())
    by_attendance = [
        case for case in cases.values() if policies[days[case.reference]]["refund.window_basis"] == FROM_PAYMENT
    ]
    attended = _attended(by_attendance) if by_attendance else set()

    def facts(payment: Payment) -> Facts:
        case = cases[payment.invoice.case]
        in_force = policies[days[case.reference]]
        withdrawn = case.closed_at if case.state == State.WITHDRAWN else withdrawn_at
        return Facts(
            paid_at=payment.moved_at,
            parts=tuple(_parts(payment, returned)),
            room=payment.amount - payment.refunded,
            submitted_at=case.submitted_at,
            withdrawn_at=withdrawn,
            issued=case.state == State.COMPLETED,
            rejected=rejected.get(case.pk, ""),
            unanswered=case.cancel_reason == CancelReason.DEFICIENCIES_UNANSWERED,
            attempt_used=payment.invoice_id in exams,
            assessed=case.pk in attended,
            exempt=any(
                start <= today(payment.moved_at) and (end is None or today(payment.moved_at) <= end)
                for start, end in exempt[payment.invoice.payer_id]
            ),
            percent=in_force["refund.percent"],
            window_days=in_force["refund.window_days"],
            window_basis=in_force["refund.window_basis"],
        )

    return {payment.pk: facts(payment) for payment in payments}


def _day_of_withdrawal(case: Application) -> date | None:
    return today(case.closed_at) if case.state == State.WITHDRAWN and case.closed_at else None


def with_parts(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    """The payments with all that `of` reads of them."""
    priced = Prefetch("invoice__lines", Line.objects.filter(waives=None), to_attr="priced")
    unapplied = Prefetch("credits", Credit.objects.filter(applied_at=None).order_by("pk"), to_attr="unapplied")
    return payments.select_related("invoice__payer").prefetch_related(priced, unapplied)


def of_ticket(ticket: Ticket, *, accepted: str = "") -> Facts:
    """The facts of what one ticket asks for, with the ground it claims, by the policies of the day it was filed."""
    payment = with_parts(Payment.objects.filter(pk=ticket.payment_id)).get()
    found = of([payment], on=today(ticket.filed_at))[payment.pk]
    return asked(found, credit=ticket.credit_id, claimed=ticket.ground, accepted=accepted)


def asked(facts: Facts, *, credit: int | None = None, claimed: str = "", accepted: str = "") -> Facts:
    """The facts cut to what a ticket is about: one credit, or the fees."""
    parts = tuple(part for part in facts.parts if part.credit == credit)
    return Facts(**{**vars(facts), "parts": parts, "claimed": claimed, "accepted": accepted})


def _parts(payment: Any, returned: dict[tuple[str, int], int]) -> Iterable[Part]:
    for credit in payment.unapplied:
        words = {}
        for language in ("ar", "en"):
            with translation.override(language):
                words[language] = str(CreditReason(credit.reason).label)
        yield Part(
            base=credit.amount,
            returned=returned.get(("credit", credit.pk), 0),
            text_ar=words["ar"],
            text_en=words["en"],
            credit=credit.pk,
        )
    if payment.disposition == Disposition.APPLIED:
        for line in payment.invoice.priced:
            yield Part(
                base=line.amount,
                fee=line.fee,
                vat=line.vat,
                returned=returned.get(("line", line.pk), 0),
                text_ar=line.text_ar,
                text_en=line.text_en,
                line=line.pk,
            )


def _returned(payments: list[Payment]) -> dict[tuple[str, int], int]:
    """Halalas reserved or paid back of each line and each credit."""
    given = (
        Share.objects.filter(ticket__payment__in=payments, ticket__state__in=RESERVED)
        .order_by()
        .values_list("line", "credit")
        .annotate(sum=Sum("amount"))
    )
    return {("line", line) if line else ("credit", credit): total for line, credit, total in given}


def _rejections(cases: Iterable[Application]) -> dict[int, str]:
    """Why the cases are rejected whose rejection stands: an appeal that is undecided, or was given up, lifts none (REF-2)."""
    ended = {case.pk: case.state for case in cases if case.state in REJECTION_STANDS or case.state == State.WITHDRAWN}
    if not ended:
        return {}
    given_up = Q(move="withdraw", from_state=State.UNDER_APPEAL)
    made = Entry.objects.filter(given_up | Q(move__in=REJECTIONS), application__in=ended).order_by("seq")
    found: dict[int, str] = {}
    stand = {case for case, state in ended.items() if state in REJECTION_STANDS}
    for case, move in made.values_list("application", "move"):
        if move == "withdraw":
            stand.add(case)
        else:
            found[case] = REJECTIONS[move]
    return {case: found[case] for case in stand & found.keys()}


def _exemptions(payers: set[int]) -> dict[int, list[tuple[date, date | None]]]:
    """The days of every exemption that was approved, whenever that was; a revoked one held until its revocation (REF-4, PAY-7)."""
    found: dict[int, list[tuple[date, date | None]]] = defaultdict(list)
    approved = Exemption.objects.filter(
        practitioner__in=payers, state__in=[ExemptionState.APPROVED, ExemptionState.REVOKED]
    )
    for payer, start, end, revoked_at in approved.values_list("practitioner", "starts_on", "ends_on", "revoked_at"):
        if start:  # as every approved one has
            ends = [day for day in (end, revoked_at and today(revoked_at)) if day]
            found[payer].append((start, min(ends, default=None)))
    return found


def _exams(payments: list[Payment]) -> set[int]:
    """The exam invoices among these whose attempt was used."""
    used, _left = exam_fees.used_and_left({payment.invoice.case for payment in payments})
    return {invoice.pk for invoice in used}


def _attended(cases: Iterable[Application]) -> set[int]:
    """The cases whose exam was attended, passed or not."""
    sat = Q(results__outcome__in=[Outcome.PASSED, Outcome.FAILED])
    return set(EligibilityNumber.objects.filter(sat, application__in=list(cases)).values_list("application", flat=True))
