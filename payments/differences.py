"""Where the gateway's statement and our books differ: each difference is named once, and closed by a person (PAY-6).

A day's own lines are judged when its statement is in; what the books have and it lacks, when the next day's is in too: money
that moved about midnight stands in the one or the other, and that is one difference of days, not two misses. A day that was
closed without a statement lacks nothing.
"""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from mumaris.kit.alarms import clear_alarm
from mumaris.kit.clock import end_of_day
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.officers import is_officer
from payments.models import Account, Difference, LedgerEntry, Payment, PostingKind, Statement, StatementLine

ONE_DAY = timedelta(days=1)

# One line of the statement for each payment in it, and every way in which it differs. The currency of our books is SAR.
OF_PAYMENTS = """
    INSERT INTO payments_difference
        (key, kind, day, movement, provider_ref, payment_id, ours, theirs, our_day, their_day, found_at, reason)
    SELECT found.kind || ':payment:' || t.provider_ref, found.kind, %(day)s, 'payment', t.provider_ref, p.id, p.amount,
           CASE found.kind WHEN 'double' THEN t.total ELSE t.amount END,
           (p.paid_at AT TIME ZONE 'Asia/Riyadh')::date, %(day)s, %(now)s, ''
    FROM (SELECT provider_ref, count(*) AS times, sum(amount) AS total,
                 (array_agg(amount ORDER BY position))[1] AS amount, bool_and(currency = 'SAR') AS riyals
          FROM payments_statementline WHERE statement_id = %(statement)s AND kind = 'payment' GROUP BY provider_ref) t
    LEFT JOIN payments_payment p ON p.provider_ref = t.provider_ref
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM payments_statementline o WHERE o.provider_ref = t.provider_ref
                            AND o.kind = 'payment' AND o.statement_id <> %(statement)s) AS elsewhere) other
    CROSS JOIN LATERAL (VALUES
        ('missing_here', p.id IS NULL),
        ('double', t.times > 1 OR other.elsewhere),
        ('amount', p.amount <> t.amount OR NOT t.riyals),
        ('day', (p.paid_at AT TIME ZONE 'Asia/Riyadh')::date <> %(day)s AND NOT other.elsewhere)
    ) AS found (kind, is_so)
    WHERE found.is_so
    ON CONFLICT (key) DO NOTHING
"""

# Money without the bank's time stands in no statement yet. A sweep over all of it catches also what was told late.
PAYMENTS_MISSING_THERE = """
    INSERT INTO payments_difference
        (key, kind, day, movement, provider_ref, payment_id, ours, our_day, found_at, reason)
    SELECT 'missing_there:payment:' || p.provider_ref, 'missing_there', p.day, 'payment', p.provider_ref, p.id, p.amount,
           p.day, %(now)s, ''
    FROM (SELECT *, (paid_at AT TIME ZONE 'Asia/Riyadh')::date AS day FROM payments_payment WHERE bank_at IS NULL) p
    WHERE EXISTS (SELECT 1 FROM payments_statement s WHERE s.day = p.day AND s.compared_at IS NOT NULL)
      AND EXISTS (SELECT 1 FROM payments_statement s
                  WHERE s.day = p.day + 1 AND (s.compared_at IS NOT NULL OR s.closed_at IS NOT NULL))
      AND NOT EXISTS (SELECT 1 FROM payments_statementline l WHERE l.provider_ref = p.provider_ref AND l.kind = 'payment')
    ON CONFLICT (key) DO NOTHING
"""


def name_all(statement: Statement, now: datetime) -> None:
    """Name what differs in the lines of a statement; safe to run twice, and at once."""
    with connection.cursor() as cursor:
        cursor.execute(OF_PAYMENTS, {"statement": statement.pk, "day": statement.day, "now": now})
    _name_refunds(statement.day, now)


def name_missing_there(day: date, now: datetime) -> None:
    """Name what our books have and the statements lack, now that no more will be heard of `day` either."""
    with connection.cursor() as cursor:
        cursor.execute(PAYMENTS_MISSING_THERE, {"now": now})
    for earlier in (day - ONE_DAY, day):
        compared = Statement.objects.filter(day=earlier, compared_at__isnull=False).exists()
        if compared and Statement.objects.ended().filter(day=earlier + ONE_DAY).exists():
            _name_refunds_missing_there(earlier, now)


def may_close(by: Any) -> bool:
    """Finance with the permission; a superuser is no officer."""
    return is_officer(by, "payments.close_difference")


@transaction.atomic
def close(difference_id: int, *, reason: str, by: Any, now: datetime) -> None:
    """A person answers for the difference; it is not opened again. Raises NotAllowed."""
    if not may_close(by):
        raise NotAllowed(_("You may not close differences."))
    difference = Difference.objects.select_for_update().get(pk=difference_id)
    if difference.closed_at:
        raise NotAllowed(_("This difference is closed already."))
    if not reason.strip():
        raise NotAllowed(_("Write the reason."))
    difference.closed_at, difference.closed_by, difference.reason = now, by, reason.strip()
    difference.save(update_fields=["closed_at", "closed_by", "reason"])
    if not Difference.objects.filter(closed_at=None).exists():
        clear_alarm("open_differences", now=now)


Refunds = dict[
    str, Counter[int]
]  # of one day: gateway's reference of the payment → how often how many halalas went back


def _name_refunds(day: date, now: datetime) -> None:
    theirs, ours, beside = _theirs(day), _ours(day), {days: _left(day + days * ONE_DAY) for days in (-1, 1)}
    named = []
    for ref, amounts in theirs.items():
        exact = amounts & ours[ref]
        others = list((ours[ref] - exact).elements())
        for amount in (amounts - exact).elements():
            at = {"provider_ref": ref, "day": day, "theirs": amount, "their_day": day}
            shifted = next((days for days, left in beside.items() if left[ref][amount]), None)
            if shifted:
                beside[shifted][ref][amount] -= 1
                named.append(Difference(kind="day", ours=amount, our_day=day + shifted * ONE_DAY, **at))
            elif exact[amount]:
                named.append(Difference(kind="double", ours=amount, our_day=day, **at | {"theirs": 2 * amount}))
            elif others:
                named.append(Difference(kind="amount", ours=others.pop(0), our_day=day, **at))
            else:
                named.append(Difference(kind="missing_here", **at))
    _enter(named, now)


def _name_refunds_missing_there(day: date, now: datetime) -> None:
    """What of the day stands in no statement about it, and was not named as a difference of amounts or days either."""
    explained: Refunds = defaultdict(Counter)
    for one in Difference.objects.filter(movement="refund", our_day=day, kind__in=["amount", "day"]):
        explained[one.provider_ref][one.ours or 0] += 1
    missing = ((ref, amount) for ref, left in _left(day).items() for amount in (left - explained[ref]).elements())
    _enter(
        [
            Difference(kind="missing_there", provider_ref=ref, day=day, ours=amount, our_day=day)
            for ref, amount in missing
        ],
        now,
    )


def _left(day: date) -> Refunds:
    """Our refunds of a day without those that its own statement has."""
    theirs = _theirs(day)
    return defaultdict(Counter, {ref: amounts - theirs[ref] for ref, amounts in _ours(day).items()})


def _theirs(day: date) -> Refunds:
    found: Refunds = defaultdict(Counter)
    lines = StatementLine.objects.filter(statement__day=day, kind="refund").order_by("position")
    for ref, amount in lines.values_list("provider_ref", "amount").iterator():
        found[ref][-amount] += 1
    return found


def _ours(day: date) -> Refunds:
    """What went back through the gateway by our books."""
    found: Refunds = defaultdict(Counter)
    paid_out = LedgerEntry.objects.filter(
        posting__kind=PostingKind.PAY_OUT,
        account=Account.BANK_CARD,
        posting__at__gte=end_of_day(day - ONE_DAY),
        posting__at__lt=end_of_day(day),
    )
    for ref, amount in paid_out.values_list("posting__payment__provider_ref", "amount").iterator():
        found[ref][-amount] += 1
    return found


def _enter(named: list[Difference], now: datetime) -> None:
    """Differences of refunds; several of one payment on a day are told apart by their amounts, equal ones by their number."""
    refs = {one.provider_ref for one in named}
    payments = dict(Payment.objects.filter(provider_ref__in=refs).values_list("provider_ref", "pk"))
    alike: Counter[str] = Counter()
    for one in named:
        one.key = f"{one.kind}:refund:{one.provider_ref}:{one.day}:{one.ours or ''}:{one.theirs or ''}"
        alike[one.key] += 1
        if alike[one.key] > 1:
            one.key += f":{alike[one.key]}"
        one.movement, one.payment_id, one.found_at = "refund", payments.get(one.provider_ref), now
    Difference.objects.bulk_create(named, ignore_conflicts=True, batch_size=2000)
