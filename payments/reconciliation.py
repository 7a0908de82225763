"""Our books against the gateway's own word: every payment that it lists, and its daily statement (PAY-6, PAY-5).

HTTP stays outside transactions. Everything here may run twice, and at once: a day is taken in once by the database's word,
money is booked once, the bank's time is written once, a difference is named once.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import Count, DateField, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils.translation import gettext as _

from mumaris.kit.alarms import clear_alarm, raise_daily, raise_once
from mumaris.kit.clock import RIYADH, end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.policy import value
from payments import attempts, billing, differences
from payments.gateways import gateway
from payments.gateways.base import DayStatement, GatewayDown, GatewayRefused, NormalState, NoSuchPayment, Unreadable
from payments.models import (
    Attempt,
    Credit,
    CreditReason,
    Difference,
    Disposition,
    InvoiceState,
    Payment,
    Statement,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

ONE_DAY = timedelta(days=1)
LOOKS_BACK = timedelta(days=2)
BATCH = 2000

# The columns of StatementEntry in its order, many lines at once: a day may hold a hundred thousand.
STORE_LINES = """
    INSERT INTO payments_statementline
        (statement_id, position, kind, provider_ref, method, reference, amount, currency, bank_at)
    SELECT %s, %s + line.number, line.kind, line.provider_ref, line.method, line.reference, line.amount, line.currency,
           line.bank_at
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[])
         WITH ORDINALITY AS line (kind, provider_ref, method, reference, amount, currency, bank_at, number)
"""

# The bank's time by the first line about each payment, the gateway's orders of lines kept.
BANK_TIMES = """
    WITH told AS (
        SELECT p.id, (SELECT l.bank_at FROM payments_statementline l
                      WHERE l.provider_ref = p.provider_ref AND l.kind = 'payment' AND l.currency = 'SAR'
                      ORDER BY l.statement_id, l.position LIMIT 1) AS bank_at
        FROM payments_payment p
        WHERE p.bank_at IS NULL AND EXISTS (SELECT 1 FROM payments_statementline l
            WHERE l.provider_ref = p.provider_ref AND l.kind = 'payment' AND l.currency = 'SAR')
        LIMIT {limit} FOR UPDATE OF p {waits})
    UPDATE payments_payment p SET bank_at = told.bank_at FROM told WHERE p.id = told.id
"""


def hear_of_all(now: datetime) -> None:
    """Book the money of the last two days that no notification told of, whatever became of its attempt (F26).

    Money that belongs to none of our attempts raises an alarm, once. Raises GatewayDown.
    """
    if not Attempt.objects.exists():
        return
    try:
        for some in _batches(gateway().list_since(now - LOOKS_BACK), 500):
            paid = {state.provider_ref: state for state in some if state.paid_at}
            known = Payment.objects.filter(provider_ref__in=paid).values_list("provider_ref", flat=True)
            for ref in paid.keys() - set(known):
                try:
                    _book(paid[ref], now)
                except Unreadable as error:
                    log.warning("payment %s of the list: %s", ref, error)
    except GatewayRefused as refusal:
        raise_daily("listing_refused", now=now, why=refusal.message)
    else:
        clear_alarm("listing_refused", now=now)


def reconcile(now: datetime) -> None:
    """Take in and compare the statement of each closed Riyadh day that is not in yet, the oldest first."""
    wanted = days_without_statement(now)
    if wanted and not gateway().gives_statements:
        raise_daily("no_statement", now=now)
        for kind in ("statement_unreadable", "statement_overdue"):
            clear_alarm(kind, now=now)
        return
    clear_alarm("no_statement", now=now)
    unreadable: dict[str, str] = {}
    for day in wanted:
        try:
            take_in(day, now=now)
            compare(day, now=now)
        except Unreadable as error:
            unreadable = unreadable or {"day": day.isoformat(), "why": str(error)}
        except GatewayRefused as refusal:  # of this one day; others' may be there
            log.warning("the statement waits: %s", refusal)
        except GatewayDown as error:
            log.warning("statements wait: %s", error)
            break
    _reapply_late(now)  # also what a stop in between left undone
    _raise_or_clear("statement_unreadable", unreadable, now)
    _watch_overdue(now)
    open_ones = Difference.objects.filter(closed_at=None).count()
    _raise_or_clear("open_differences", {"number": open_ones} if open_ones else {}, now)


def days_without_statement(now: datetime) -> list[date]:
    """The closed days whose statement is not in, from the first on which money could have come, the oldest first."""
    begun = [
        *Attempt.objects.order_by("pk").values_list("created_at", flat=True)[:1],
        *Payment.objects.order_by("pk").values_list("paid_at", flat=True)[:1],
    ]
    if not begun:
        return []
    first, done = today(min(begun)), set(Statement.objects.ended().values_list("day", flat=True))
    closed = (first + number * ONE_DAY for number in range((today(now) - first).days))
    return [day for day in closed if day not in done]


def overdue_days(now: datetime) -> list[date]:
    """The days whose statement should be in since a day, the oldest first."""
    return [day for day in days_without_statement(now) if end_of_day(day + ONE_DAY) <= now]


@transaction.atomic
def close_day(day: date, *, reason: str, by: Any, now: datetime) -> None:
    """A person answers for a day of which the gateway has no statement: it is wanted no more, and one that comes later is not
    taken in. What our books have of that day is compared with nothing. Raises NotAllowed.
    """
    if not differences.may_close(by):
        raise NotAllowed(_("You may not close this day."))
    if not reason.strip():
        raise NotAllowed(_("Write the reason."))
    if day not in overdue_days(now):
        raise NotAllowed(_("The statement of this day is not overdue."))
    closed = {"closed_at": now, "closed_by": by, "reason": reason.strip()}
    _statement, created = Statement.objects.get_or_create(day=day, defaults=closed)
    if not created:
        raise NotAllowed(_("The statement of this day is here already."))
    differences.name_missing_there(day, now)  # of the day before, which could have stood in this one's
    _watch_overdue(now)


def credits_due(now: datetime) -> QuerySet[Credit]:
    """The credits for which a ticket is due: all that settled nothing, late ones only when the bank's word on them is in.

    Late money may turn out to be in time by the statement of its bank day. Where no statement is set up, nobody waits for
    one: a late credit is due some days after it came (policy late_credit.wait_days).
    """
    unsettled = Credit.objects.filter(applied_at=None)
    if not gateway().gives_statements:
        waited = now - timedelta(days=value("late_credit.wait_days", today(now)))
        return unsettled.exclude(reason=CreditReason.LATE, created_at__gt=waited)
    moved_on = TruncDate(Coalesce("payment__bank_at", "payment__paid_at"), tzinfo=RIYADH, output_field=DateField())
    heard = Statement.objects.ended().filter(day=OuterRef("moved_on"))
    return unsettled.annotate(moved_on=moved_on).filter(~Q(reason=CreditReason.LATE) | Exists(heard))


def take_in(day: date, *, now: datetime) -> None:
    """Store the statement of a day that is over, all of it or nothing, once. Raises GatewayDown, Unreadable, NoStatement."""
    if not Statement.objects.filter(day=day).exists():
        _store(day, gateway().statement(day), now)


@transaction.atomic
def _store(day: date, fetched: DayStatement, now: datetime) -> None:
    statement, created = Statement.objects.get_or_create(
        day=day, defaults={"fetched_at": now, "sha256": fetched.sha256}
    )
    if not created:
        return
    position = 0
    with connection.cursor() as cursor:
        for some in _batches(fetched.entries, BATCH):
            columns = zip(*map(astuple, some), strict=True)
            cursor.execute(STORE_LINES, [statement.pk, position, *map(list, columns)])
            position += len(some)


def compare(day: date, *, now: datetime) -> None:
    """Book what the statement of the day has and we do not, write the bank's times, and name what differs. Raises GatewayDown.

    Broken off at any point it is begun again; the day counts as in only when all of it is done.
    """
    statement = Statement.objects.get(day=day)
    if statement.compared_at or statement.closed_at:
        return
    ours = Payment.objects.filter(provider_ref=OuterRef("provider_ref"))
    unknown = statement.lines.filter(~Exists(ours), kind="payment").order_by("position")
    for ref in dict.fromkeys(unknown.values_list("provider_ref", flat=True)):
        try:
            _book(gateway().payment(ref), now)
        except (NoSuchPayment, Unreadable) as error:
            log.warning("payment %s of the statement of %s: %s", ref, day, error)
    _write_bank_times()
    _reapply_late(now)
    with transaction.atomic():
        differences.name_all(statement, now)
        totals = statement.lines.aggregate(
            line_count=Count("pk"),
            came_in=Coalesce(Sum("amount", filter=Q(kind="payment")), 0),
            went_back=-Coalesce(Sum("amount", filter=Q(kind="refund")), 0),
        )
        Statement.objects.filter(pk=statement.pk, compared_at=None).update(compared_at=now, **totals)
        differences.name_missing_there(day, now)


def _book(state: NormalState, now: datetime) -> None:
    """Money that we have not: its attempt is asked about, which books it; without one it is an alarm. Raises GatewayDown."""
    mine = Q(provider_id=state.provider_id) | (Q(given_id=state.attempt_id) if state.attempt_id else Q())
    attempt = Attempt.objects.filter(mine).select_related("invoice").order_by("pk").first()
    if attempt is None:
        facts = {"payment": state.provider_ref, "amount": state.amount}
        raise_once("orphan_money", state.provider_ref, now=now, **facts)
        return
    try:
        attempts.ask(attempt, now=now, also=[state.provider_id])
    except GatewayDown:
        raise
    except Exception:  # one odd payment must not keep everybody else's from being booked
        log.exception("payment %s could not be booked", state.provider_ref)


def _write_bank_times() -> None:
    """In small steps past whoever holds a payment just now, and then one by one, waiting: nobody meets anybody in a deadlock."""
    with connection.cursor() as cursor:
        for limit, waits in ((BATCH, "SKIP LOCKED"), (1, "")):
            while True:
                cursor.execute(BANK_TIMES.format(limit=limit, waits=waits))
                if not cursor.rowcount:
                    break


def _reapply_late(now: datetime) -> None:
    """Late money that was in time by the bank's own time settles its invoice after all (F24)."""
    in_time = Credit.objects.filter(
        reason=CreditReason.LATE,
        applied_at=None,
        payment__disposition=Disposition.CREDITED,
        payment__bank_at__lt=F("payment__invoice__lapses_at"),
        payment__invoice__state__in=[InvoiceState.ISSUED, InvoiceState.LAPSED],
    )
    for credit in in_time.select_related("payment").order_by("payment__bank_at", "pk"):
        try:
            billing.reapply(credit.payment_id, bank_at=credit.payment.moved_at, now=now)
        except Exception:  # the next run tries again
            log.exception("payment %s could not be applied after all", credit.payment)


def _watch_overdue(now: datetime) -> None:
    overdue = overdue_days(now)
    facts = {"number": len(overdue), "day": overdue[0].isoformat()} if overdue else {}
    _raise_or_clear("statement_overdue", facts, now)


def _raise_or_clear(kind: str, facts: dict, now: datetime) -> None:
    if facts:
        raise_daily(kind, now=now, **facts)
    else:
        clear_alarm(kind, now=now)


def _batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some
