"""What a service costs on a day, and what a settled invoice does to its case."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.notices import tell
from applications import exam_fees, exempting
from applications.catalogue import CATALOGUE
from applications.filing import rests_on
from applications.lifecycle import LIFECYCLE, WAITING, CancelReason, State
from applications.models import Application, Deadline, EligibilityNumber, ExamPolicy, Fee
from applications.progress import advance
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies
from payments import billing, exemptions
from payments.ledger import went_back, went_back_whole
from payments.models import Invoice, InvoiceState, Purpose

TEXTS = {
    Purpose.ADMIN: ("رسم إداري", "Administrative fee"),
    Purpose.SERVICE: ("رسم الخدمة", "Service fee"),
    Purpose.EXAM: ("رسم محاولة اختبار إضافية", "Fee of a further exam attempt"),
}


class FeeMissing(LookupError):
    """No price has begun by that day; staff must enter one in the fee schedule."""


def price(service: str, purpose: str, category: str, on: date) -> int:
    """Halalas asked on the Riyadh day `on`, tax included."""
    return scheduled(service, purpose, category, on).amount


def scheduled(service: str, purpose: str, category: str, on: date) -> Fee:
    """The fee in force on the Riyadh day `on`: the category's own, else the one for every category (PAY-2)."""
    fee = (
        Fee.objects.filter(
            Q(category=category) | Q(category=""), service=service, purpose=purpose, effective_from__lte=on
        )
        .order_by("-category", "-effective_from")
        .first()
    )
    if fee is None:
        raise FeeMissing(f"no {purpose} fee of {service} for {category or 'any category'} on {on}")
    return fee


Prices = dict[str, dict[str, int]]  # of one service: {purpose: {category: halalas}}


def schedule(service: str, on: date) -> Prices:
    """The whole price list of a service on a day, in one query."""
    return _tables(Fee.objects.filter(service=service), [service], on)[service]


def schedules(on: date) -> dict[str, Prices]:
    """The price lists of all services on a day, in one query."""
    return _tables(Fee.objects.filter(service__in=CATALOGUE), CATALOGUE, on)


def _tables(entered: QuerySet[Fee], services: Iterable[str], on: date) -> dict[str, Prices]:
    tables: dict[str, Prices] = {service: {Purpose.ADMIN: {}, Purpose.SERVICE: {}} for service in services}
    for fee in entered.filter(effective_from__lte=on).order_by("effective_from"):
        tables[fee.service].setdefault(fee.purpose, {})[fee.category] = fee.amount
    return tables


def listed(prices: Prices, purpose: str, category: str) -> int:
    """Halalas by a price list, as `price` finds them."""
    amounts = prices.get(purpose, {})
    return amounts.get(category, amounts.get("", 0))


def exam_policies(on: date) -> list[ExamPolicy]:
    """What every exam allows and costs on a day, in one query."""
    begun = ExamPolicy.objects.filter(effective_from__lte=on).select_related("exam")
    return list(begun.order_by("exam__code", "-effective_from").distinct("exam__code"))


def bill(application: Application, purpose: str, now: datetime, policies: Policies) -> Invoice:
    """Issue the invoice of a case; the service fee follows the rank granted, else the one asked for (APP-6).

    One that was settled and went back is asked again, under the next serial.
    """
    rank = application.granted_rank or application.asked_rank
    text_ar, text_en = TEXTS[Purpose(purpose)]
    suffix_ar, suffix_en = (
        (f"، {rank.name_ar}", f", {rank.name_en}") if rank and purpose == Purpose.SERVICE else ("", "")
    )
    fee = scheduled(application.service, purpose, rank.fee_category if rank else "", policies.on)
    lines = [billing.PricedLine(purpose, text_ar + suffix_ar, text_en + suffix_en, fee.amount, fee.tax)]
    if purpose == Purpose.SERVICE:
        lines += _surcharges(application, policies.on)
    return _issue(application, purpose, lines, now, policies)


def _issue(
    application: Application,
    purpose: str,
    lines: list[billing.PricedLine],
    now: datetime,
    policies: Policies,
) -> Invoice:
    """The invoice, open for the days of its kind; an exemption in force brings it to zero at once (PAY-7)."""
    payer = application.practitioner
    exemptions.take_turn_of(payer.pk)
    return billing.issue(
        case=application.reference,
        purpose=purpose,
        serial=Invoice.objects.settled(application.reference, purpose).count() + 1,
        payer=payer,
        lines=lines,
        days=policies[f"{purpose}_fee.days"],
        grace_days=policies["payment.grace_days"],
        exemption=exemptions.in_force(payer, today(now)),
        now=now,
    )


def _surcharges(application: Application, on: date) -> list[billing.PricedLine]:
    """The further lines that were found due at the declaration, such as the late fee (PAY-1)."""
    due = application.judgement.get("surcharges", [])
    asked = [one for one in CATALOGUE[application.service].surcharges if one.purpose in due]
    found = [(one, scheduled(application.service, one.purpose, "", on)) for one in asked]
    return [billing.PricedLine(one.purpose, one.text_ar, one.text_en, fee.amount, fee.tax) for one, fee in found]


def bill_exam(application: Application, number: EligibilityNumber | None, now: datetime) -> None:
    """The fee of one further attempt, by the policy that the number was given under, open for its own days (EXM-2, PAY-1)."""
    if number is None:
        raise ValueError(f"{application.reference} was never admitted to an exam")
    policies = Policies(today(now))
    text_ar, text_en = TEXTS[Purpose.EXAM]
    texts = f"{text_ar}، {number.exam.name_ar}", f"{text_en}, {number.exam.name_en}"
    line = billing.PricedLine(Purpose.EXAM, *texts, number.fee, number.tax)
    invoice = _issue(application, Purpose.EXAM, [line], now, policies)
    _wait_for(application, Purpose.EXAM, invoice, now)


def credit_unused_exam_fee(application: Application, now: datetime) -> None:
    """An exam fee that was paid for an attempt that nobody needs any more becomes a credit, unless some of it went back already (EXM-3)."""
    _used, left = exam_fees.used_and_left([application.reference])
    for invoice in left:
        if invoice.state == InvoiceState.PAID and not went_back(invoice):
            billing.release(invoice, now=now)


@LIFECYCLE.after("declare")
def bill_admin_fee(application: Application, *, now: datetime, dossier, **facts) -> None:
    _bill_and_wait(application, Purpose.ADMIN, now, dossier.policies)


@LIFECYCLE.after("endorse_approval")
def bill_service_fee(application: Application, *, now: datetime, **facts) -> None:
    """A service fee that was settled and not wholly refunded is never billed again: issuing goes on at once (APP-6)."""
    if any(billing.keep(invoice, now=now) for invoice in _settled_service_fees(application)):
        advance(application.pk, "start_issuing", by=None, now=now)
    else:
        _bill_and_wait(application, Purpose.SERVICE, now, Policies(today(now)))


@LIFECYCLE.before("issue")
def its_fee_is_kept(application: Application, **facts) -> Iterator[str]:
    """What was given back whole is issued for nobody (REF-2)."""
    settled = _settled_service_fees(application)
    if settled and all(went_back_whole(invoice) for invoice in settled):
        yield _(
            "The service fee goes back, so nothing can be issued for it. Refuse to issue, or wait for the withdrawal."
        )


def _settled_service_fees(application: Application) -> list[Invoice]:
    return list(Invoice.objects.settled(application.reference, Purpose.SERVICE).order_by("serial"))


@LIFECYCLE.after("reopen")
def void_admin_fee(application: Application, *, now: datetime, **facts) -> None:
    billing.void(application.reference, Purpose.ADMIN, now=now)


@LIFECYCLE.after("take_back")
def void_service_fee(application: Application, *, now: datetime, **facts) -> None:
    billing.void(application.reference, Purpose.SERVICE, now=now)


@LIFECYCLE.after("withdraw")
def void_everything(application: Application, *, now: datetime, **facts) -> None:
    """Nothing more can be paid; money that comes all the same is a credit (PAY-5)."""
    billing.void(application.reference, *Purpose, now=now)


def on_settled(sender, invoice: Invoice, now: datetime, **kwargs) -> None:
    """The receiver of the one piece of news: move the case on, revive it, or let the money go as a credit (PAY-5)."""
    application = Application.objects.select_for_update(no_key=True).get(reference=invoice.case)
    purpose = Purpose(invoice.purpose)
    if application.state == AWAITED[purpose]:
        advance(application.pk, FORWARD[purpose], by=None, now=now, paid_at=invoice.paid_at)
    elif (
        application.state == State.CANCELLED
        and application.cancel_reason == UNPAID[purpose]
        and _makes_room(application, now)
    ):
        advance(application.pk, REVIVE[purpose], by=None, now=now, paid_at=invoice.paid_at)
    else:
        billing.release(invoice, now=now)


AWAITED = {
    Purpose.ADMIN: State.AWAITING_ADMIN_FEE,
    Purpose.SERVICE: State.PRELIMINARILY_APPROVED,
    Purpose.EXAM: State.AWAITING_EXAM_FEE,
}
FORWARD = {Purpose.ADMIN: "submit", Purpose.SERVICE: "start_issuing", Purpose.EXAM: "open_attempt"}
UNPAID = {
    Purpose.ADMIN: CancelReason.ADMIN_FEE_UNPAID,
    Purpose.SERVICE: CancelReason.SERVICE_FEE_UNPAID,
    Purpose.EXAM: CancelReason.EXAM_FEE_UNPAID,
}
REVIVE = {Purpose.ADMIN: "revive_submitted", Purpose.SERVICE: "revive_issuing", Purpose.EXAM: "revive_exam"}


def _bill_and_wait(application: Application, purpose: Purpose, now: datetime, policies: Policies) -> None:
    _wait_for(application, purpose, bill(application, purpose, now, policies), now)


def _wait_for(application: Application, purpose: Purpose, invoice: Invoice, now: datetime) -> None:
    """The deadline of an open invoice; one that was settled as it was issued has moved the case on already."""
    if invoice.is_open and invoice.lapses_at:
        Deadline.objects.create(
            application=application,
            kind=WAITING[AWAITED[purpose]],
            began_on=today(invoice.issued_at),
            due_on=invoice.due_on,
            grace_days=invoice.grace_days,
            lapses_at=invoice.lapses_at,
        )
        exempting.pause_if_asked(invoice, now)


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
