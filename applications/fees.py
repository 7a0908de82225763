"""What a service costs on a day, and what a settled invoice does to its case."""

from datetime import date, datetime

from django.db.models import Q

from accounts.notices import tell
from applications.filing import rests_on
from applications.lifecycle import LIFECYCLE, WAITING, CancelReason, State
from applications.models import Application, Deadline, Fee
from applications.progress import advance
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies
from payments import billing
from payments.models import Invoice, Purpose

TEXTS = {
    Purpose.ADMIN: ("رسم إداري", "Administrative fee"),
    Purpose.SERVICE: ("رسم الخدمة", "Service fee"),
}


class FeeMissing(LookupError):
    """No price has begun by that day; staff must enter one in the fee schedule."""


def price(service: str, purpose: str, category: str, on: date) -> int:
    """Halalas asked on the Riyadh day `on`: the category's own price, else the one for every category (PAY-2)."""
    fee = (
        Fee.objects.filter(
            Q(category=category) | Q(category=""), service=service, purpose=purpose, effective_from__lte=on
        )
        .order_by("-category", "-effective_from")
        .first()
    )
    if fee is None:
        raise FeeMissing(f"no {purpose} fee of {service} for {category or 'any category'} on {on}")
    return fee.amount


def schedule(service: str, on: date) -> dict[str, dict[str, int]]:
    """The whole price list of a service on a day, `{purpose: {category: halalas}}`, in one query."""
    table: dict[str, dict[str, int]] = {Purpose.ADMIN: {}, Purpose.SERVICE: {}}
    for fee in Fee.objects.filter(service=service, effective_from__lte=on).order_by("effective_from"):
        table[fee.purpose][fee.category] = fee.amount
    return table


def bill(application: Application, purpose: str, now: datetime, policies: Policies) -> Invoice:
    """Issue the invoice of a case; the service fee follows the rank granted, else the one asked for (APP-6)."""
    rank = application.granted_rank or application.asked_rank
    amount = price(application.service, purpose, rank.fee_category if rank else "", policies.on)
    text_ar, text_en = TEXTS[Purpose(purpose)]
    suffix_ar, suffix_en = (
        (f"، {rank.name_ar}", f", {rank.name_en}") if rank and purpose == Purpose.SERVICE else ("", "")
    )
    return billing.issue(
        case=application.reference,
        purpose=purpose,
        payer=application.practitioner,
        lines=[billing.PricedLine(text_ar + suffix_ar, text_en + suffix_en, amount)],
        days=policies[f"{purpose}_fee.days"],
        grace_days=policies["payment.grace_days"],
        now=now,
    )


@LIFECYCLE.after("declare")
def bill_admin_fee(application: Application, *, now: datetime, dossier, **facts) -> None:
    _bill_and_wait(application, Purpose.ADMIN, now, dossier.policies)


@LIFECYCLE.after("endorse_approval")
def bill_service_fee(application: Application, *, now: datetime, **facts) -> None:
    """A service fee that was settled before is never billed again: issuing goes on at once (APP-6)."""
    paid = Invoice.objects.filter(
        case=application.reference, purpose=Purpose.SERVICE, state__in=["paid", "waived"]
    ).exists()
    if paid:
        advance(application.pk, "start_issuing", by=None, now=now)
    else:
        _bill_and_wait(application, Purpose.SERVICE, now, Policies(today(now)))


@LIFECYCLE.after("reopen")
def void_admin_fee(application: Application, **facts) -> None:
    billing.void(application.reference, Purpose.ADMIN)


@LIFECYCLE.after("take_back")
def void_service_fee(application: Application, **facts) -> None:
    billing.void(application.reference, Purpose.SERVICE)


def on_settled(sender, invoice: Invoice, now: datetime, **kwargs) -> None:
    """The receiver of the one piece of news: move the case on, revive it, or let the money go as a credit (PAY-5)."""
    application = Application.objects.select_for_update().get(reference=invoice.case)
    purpose = Purpose(invoice.purpose)
    if application.state == AWAITED[purpose]:
        advance(application.pk, FORWARD[purpose], by=None, now=now)
    elif (
        application.state == State.CANCELLED
        and application.cancel_reason == UNPAID[purpose]
        and _makes_room(application, now)
    ):
        advance(application.pk, REVIVE[purpose], by=None, now=now)
    else:
        billing.release(invoice, now=now)


AWAITED = {Purpose.ADMIN: State.AWAITING_ADMIN_FEE, Purpose.SERVICE: State.PRELIMINARILY_APPROVED}
FORWARD = {Purpose.ADMIN: "submit", Purpose.SERVICE: "start_issuing"}
UNPAID = {Purpose.ADMIN: CancelReason.ADMIN_FEE_UNPAID, Purpose.SERVICE: CancelReason.SERVICE_FEE_UNPAID}
REVIVE = {Purpose.ADMIN: "revive_submitted", Purpose.SERVICE: "revive_issuing"}


def _bill_and_wait(application: Application, purpose: Purpose, now: datetime, policies: Policies) -> None:
    invoice = bill(application, purpose, now, policies)
    if invoice.is_open and invoice.lapses_at:
        Deadline.objects.create(
            application=application,
            kind=WAITING[AWAITED[purpose]],
            due_on=invoice.due_on,
            grace_days=invoice.grace_days,
            lapses_at=invoice.lapses_at,
        )


def _makes_room(cancelled: Application, now: datetime) -> bool:
    """Whether the cancelled case may live again: the person is who declared it, no newer one is open or completed.

    A draft never invoiced gives way.
    """
    siblings = Application.objects.filter(practitioner=cancelled.practitioner_id, service=cancelled.service)
    if cancelled.judgement.get("rests_on") != rests_on(cancelled):
        return False
    if siblings.filter(state=State.COMPLETED, created_at__gt=cancelled.created_at).exists():
        return False
    newer = siblings.open().select_for_update().first()
    if newer is None:
        return True
    if newer.moves:
        return False
    tell(
        cancelled.practitioner.user,
        "draft_gave_way",
        key=f"{newer.reference}:gave_way",
        reference=cancelled.reference,
        facts={"draft": newer.reference},
        now=now,
    )
    newer.delete()
    return True
