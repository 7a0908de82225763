"""The books, checked: rules that must hold of all money and of the cases that it moves, each as one query for what breaks it.

They stand here because they read payments, refunds and applications side by side. Another rule is one entry of RULES. What
they name is of the portal's plan: I23 to I43 are its invariants of money. The database's own guards should make every breach
impossible; this finds what came in past them, by a restored backup or by hand.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pgtrigger
from django.db import DatabaseError, connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from applications.lifecycle import DeadlineKind, State
from mumaris.kit import alarms
from payments.models import Purpose
from refunds.lifecycle import FINAL, OPEN, RESERVED
from refunds.rules import CLAIMS

# References that are shown of one broken rule, however many rows break it.
SHOWN = 20
# So long the nightly check may take; its task is ended a little later (mumaris/pages/tasks.py).
LONGEST = timedelta(seconds=700)

# What the rules read: the table, and which rows of it belong to the payers that are asked about.
RELATIONS = {
    "app_case": ("applications_application", "practitioner_id = ANY(%(payers)s)"),
    "deadline": ("applications_deadline", "application_id IN (SELECT id FROM app_case)"),
    "invoice": ("payments_invoice", "payer_id = ANY(%(payers)s)"),
    "line": ("payments_line", "invoice_id IN (SELECT id FROM invoice)"),
    "attempt": ("payments_attempt", "invoice_id IN (SELECT id FROM invoice)"),
    "payment": ("payments_payment", "invoice_id IN (SELECT id FROM invoice)"),
    "credit": ("payments_credit", "payment_id IN (SELECT id FROM payment)"),
    "exemption": ("payments_exemption", "practitioner_id = ANY(%(payers)s)"),
    "ticket": ("refunds_ticket", "payment_id IN (SELECT id FROM payment)"),
    "share": ("refunds_share", "ticket_id IN (SELECT id FROM ticket)"),
    "step": ("refunds_ticketentry", "ticket_id IN (SELECT id FROM ticket)"),
    "event": ("payments_webhookevent", "given_id IN (SELECT given_id FROM attempt)"),
    "posting": (
        "payments_posting",
        """id IN (SELECT id FROM payments_posting WHERE invoice_id IN (SELECT id FROM invoice)
                  UNION ALL SELECT id FROM payments_posting WHERE payment_id IN (SELECT id FROM payment))""",
    ),
    "leg": ("payments_ledgerentry", "posting_id IN (SELECT id FROM posting)"),
}

_FEES = {kind: purpose for purpose in Purpose for kind in DeadlineKind if kind == f"{purpose}_fee"}
_PURPOSE_OF_DEADLINE = " ".join(f"WHEN '{kind}' THEN '{purpose}'" for kind, purpose in _FEES.items())
_NOT_SUBMITTED = [State.DRAFT, State.AWAITING_ADMIN_FEE, State.CANCELLED, State.WITHDRAWN]
_GUARDED = ("payments", "refunds")
_OPEN, _FINAL, _RESERVED, _CLAIMS = ("', '".join(words) for words in (OPEN, FINAL, RESERVED, CLAIMS))


@dataclass(frozen=True)
class Rule:
    """A rule, what it says, and the query that returns one text for each row that breaks it. `%(now)s` is the UTC instant."""

    id: str
    words: Promise
    broken: str


RULES = [
    Rule(
        "I23",
        _("Amounts are whole halalas: no demand below zero, no payment and no credit of nothing."),
        """SELECT number FROM invoice WHERE amount < 0 OR vat < 0 OR vat > amount
           UNION ALL SELECT provider_ref FROM payment WHERE amount <= 0
           UNION ALL SELECT p.provider_ref FROM credit c JOIN payment p ON p.id = c.payment_id WHERE c.amount <= 0""",
    ),
    Rule(
        "I24",
        _("A case has one live invoice for each fee."),
        """SELECT min(number) FROM invoice WHERE state IN ('issued', 'paid', 'waived')
           GROUP BY "case", purpose, serial HAVING count(*) > 1""",
    ),
    Rule(
        "I25a",
        _(
            "An invoice ends with the last day that is printed on it, the silent grace added, unless its clock is paused."
        ),
        """SELECT number FROM invoice
           WHERE lapses_at <> ((due_on + grace_days + 1)::timestamp AT TIME ZONE 'Asia/Riyadh')""",
    ),
    Rule(
        "I25b",
        _("A clock that stands has no cut-off but days that it keeps, and its invoice has no cut-off either."),
        """SELECT c.reference FROM deadline d JOIN app_case c ON c.id = d.application_id
           WHERE num_nulls(d.paused_at, d.days_left) = 1 OR (d.paused_at IS NULL) <> (d.lapses_at IS NOT NULL)
           UNION ALL SELECT i.number FROM invoice i WHERE i.state = 'issued' AND (i.lapses_at IS NULL) <> EXISTS (
               SELECT 1 FROM app_case c JOIN deadline d ON d.application_id = c.id
               WHERE c.reference = i."case" AND d.lapses_at IS NULL)""",
    ),
    Rule(
        "I26a",
        _("An invoice is paid when it has a time of payment, and only then."),
        "SELECT number FROM invoice WHERE (state = 'paid') <> (paid_at IS NOT NULL)",
    ),
    Rule(
        "I26b",
        _("Money is applied only when the bank moved it before the cut-off."),
        """SELECT p.provider_ref FROM payment p JOIN invoice i ON i.id = p.invoice_id
           WHERE p.disposition = 'applied' AND least(p.paid_at, p.bank_at) >= i.lapses_at""",
    ),
    Rule(
        "I27a",
        _("An invoice is waived when it names a ground, and only then."),
        """SELECT number FROM invoice WHERE (state = 'waived') <> (waiver <> '')
           OR (waiver IN ('', 'no_fee')) <> (exemption_id IS NULL)""",
    ),
    Rule(
        "I27b",
        _("The lines of an invoice add up to it; those of an exempt one come to zero."),
        """SELECT number FROM invoice i LEFT JOIN LATERAL (
               SELECT coalesce(sum(amount) FILTER (WHERE waives_id IS NULL), 0) AS priced, coalesce(sum(amount), 0) AS rest,
                   coalesce(sum(vat) FILTER (WHERE waives_id IS NULL), 0) AS vat FROM line WHERE invoice_id = i.id) f ON true
           WHERE f.priced <> i.amount OR f.vat <> i.vat
              OR f.rest <> CASE WHEN i.exemption_id IS NULL THEN i.amount ELSE 0 END""",
    ),
    Rule(
        "I27c",
        _("An exempt invoice names an exemption of its own payer, which was approved."),
        """SELECT i.number FROM invoice i LEFT JOIN exemption e ON e.id = i.exemption_id
           WHERE i.exemption_id IS NOT NULL AND e.practitioner_id IS DISTINCT FROM i.payer_id
              OR e.state NOT IN ('approved', 'revoked')""",
    ),
    Rule(
        "I27d",
        _("An exemption is approved by two people, and neither of them is the one who is exempt."),
        """SELECT 'exemption ' || e.id FROM exemption e JOIN accounts_practitioner p ON p.id = e.practitioner_id
           WHERE e.state IN ('approved', 'revoked') AND (num_nulls(e.recommended_by_id, e.decided_by_id) > 0
              OR e.recommended_by_id = e.decided_by_id OR p.user_id IN (e.recommended_by_id, e.decided_by_id))""",
    ),
    Rule(
        "I28",
        _("A payment of the gateway is written down once."),
        "SELECT provider_ref FROM payment GROUP BY provider_ref HAVING count(*) > 1",
    ),
    Rule(
        "I29a",
        _("A paid invoice has exactly one applied payment, of at least its amount."),
        """SELECT i.number FROM invoice i LEFT JOIN payment p ON p.invoice_id = i.id AND p.disposition = 'applied'
           WHERE i.state = 'paid' GROUP BY i.id, i.number, i.amount HAVING count(p.id) <> 1 OR min(p.amount) < i.amount""",
    ),
    Rule(
        "I29b",
        _("A payment is applied to a paid invoice only."),
        """SELECT p.provider_ref FROM payment p JOIN invoice i ON i.id = p.invoice_id
           WHERE p.disposition = 'applied' AND i.state <> 'paid'""",
    ),
    Rule(
        "I29c",
        _("Every halala of a payment settles its invoice or is a credit, and none does both."),
        """SELECT p.provider_ref FROM payment p JOIN invoice i ON i.id = p.invoice_id
           LEFT JOIN LATERAL (SELECT sum(amount) AS left_over FROM credit
               WHERE payment_id = p.id AND applied_at IS NULL) c ON true
           WHERE coalesce(c.left_over, 0) + CASE p.disposition WHEN 'applied' THEN i.amount WHEN 'received' THEN p.amount ELSE 0 END
               <> p.amount""",
    ),
    Rule(
        "I30a",
        _("A notification of the gateway is stored once, and worked when it has an outcome, and only then."),
        """SELECT event_id FROM event GROUP BY event_id HAVING count(*) > 1
           UNION ALL SELECT event_id FROM event WHERE (outcome = '') <> (processed_at IS NULL)""",
    ),
    Rule(
        "I30b",
        _("A notification of the gateway is worked within ten minutes."),
        "SELECT event_id FROM event WHERE processed_at IS NULL AND received_at < %(now)s - interval '10 minutes'",
    ),
    Rule(
        "I31a",
        _("Every posting has two legs or more, which sum to zero, and is booked once."),
        """SELECT p.key FROM posting p LEFT JOIN LATERAL (
               SELECT count(*) AS legs, sum(amount) AS total FROM leg WHERE posting_id = p.id) l ON true
           WHERE l.legs < 2 OR l.total <> 0
           UNION ALL SELECT key FROM posting GROUP BY key HAVING count(*) > 1""",
    ),
    Rule("I31b", _("The whole book sums to zero."), "SELECT sum(amount)::text FROM leg HAVING sum(amount) <> 0"),
    Rule(
        "I32",
        _("Every guard of the money's tables stands in the database and is switched on."),
        """SELECT guard FROM unnest(%(guards)s::text[]) guard WHERE guard NOT IN (
               SELECT c.relname || '.' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
               WHERE t.tgenabled <> 'D' AND NOT t.tgisinternal)""",
    ),
    Rule(
        "I33a",
        _("The books hold each payment at its bank, by its whole amount."),
        """SELECT p.provider_ref FROM payment p LEFT JOIN LATERAL (
               SELECT sum(l.amount) AS booked FROM posting g JOIN leg l ON l.posting_id = g.id
               WHERE g.payment_id = p.id AND g.kind = 'receive' AND l.account = 'bank:' || p.method) b ON true
           WHERE coalesce(b.booked, 0) <> p.amount""",
    ),
    Rule(
        "I33b",
        _("The books hold an open invoice as owed by its whole amount, and any other as owed no more."),
        """SELECT i.number FROM invoice i LEFT JOIN LATERAL (
               SELECT sum(l.amount) AS owed FROM posting g JOIN leg l ON l.posting_id = g.id
               WHERE g.invoice_id = i.id AND l.account = 'receivable') b ON true
           WHERE coalesce(b.owed, 0) <> CASE i.state WHEN 'issued' THEN i.amount ELSE 0 END""",
    ),
    Rule(
        "I33c",
        _("The books hold the fee of a settled invoice as earned, and nothing of any other that is closed."),
        """SELECT i.number FROM invoice i LEFT JOIN LATERAL (
               SELECT sum(l.amount) AS earned FROM posting g JOIN leg l ON l.posting_id = g.id
               WHERE g.invoice_id = i.id AND g.ticket = '' AND l.account LIKE 'revenue:%%') b ON true
           WHERE coalesce(b.earned, 0) <> CASE WHEN i.state IN ('issued', 'paid', 'waived') AND i.waiver <> 'no_fee'
               THEN i.vat - i.amount ELSE 0 END""",
    ),
    Rule(
        "I33d",
        _("What the books hold as earned stands under a fee that its invoice has."),
        """SELECT i.number FROM invoice i JOIN posting g ON g.invoice_id = i.id JOIN leg l ON l.posting_id = g.id
           WHERE l.account LIKE 'revenue:%%' AND NOT EXISTS (
               SELECT 1 FROM line WHERE invoice_id = i.id AND 'revenue:' || fee = l.account)""",
    ),
    Rule(
        "I34",
        _("Of each payment the books keep in suspense what is not settled yet, and its credits."),
        """SELECT p.provider_ref FROM payment p LEFT JOIN LATERAL (
               SELECT sum(l.amount) AS kept FROM posting g JOIN leg l ON l.posting_id = g.id
               WHERE g.payment_id = p.id AND g.ticket = '' AND l.account = 'suspense') b ON true
           LEFT JOIN LATERAL (SELECT sum(amount) AS left_over FROM credit
               WHERE payment_id = p.id AND applied_at IS NULL) c ON true
           WHERE -coalesce(b.kept, 0) <> coalesce(c.left_over, 0) + CASE p.disposition WHEN 'received' THEN p.amount ELSE 0 END""",
    ),
    Rule(
        "I35",
        _("Never more goes back than was paid."),
        "SELECT provider_ref FROM payment WHERE refunded < 0 OR refunded > amount",
    ),
    Rule(
        "I36a",
        _("What is taken off a payment is the sum of its tickets that are approved, being paid or paid out."),
        f"""SELECT p.provider_ref FROM payment p LEFT JOIN LATERAL (
                SELECT sum(amount) AS given FROM ticket WHERE payment_id = p.id AND state IN ('{_RESERVED}')) t ON true
            WHERE p.refunded BETWEEN 0 AND p.amount AND coalesce(t.given, 0) <> p.refunded""",
    ),
    Rule(
        "I36b",
        _("A refund gives back what its shares say, one for each fee or credit."),
        """SELECT t.number FROM ticket t LEFT JOIN LATERAL (
               SELECT sum(amount) AS told FROM share WHERE ticket_id = t.id) s ON true
           WHERE s.told IS DISTINCT FROM t.amount""",
    ),
    Rule(
        "I36c",
        _("The books owe a refund back from its approval until it is paid out or ended, and nothing else."),
        """SELECT t.number FROM ticket t LEFT JOIN LATERAL (
               SELECT sum(-l.amount) FILTER (WHERE g.kind = 'approve') AS approved,
                   coalesce(sum(l.amount) FILTER (WHERE g.kind = 'expire'), 0) AS ended,
                   coalesce(sum(l.amount) FILTER (WHERE g.kind = 'pay_out'), 0) AS paid
               FROM posting g JOIN leg l ON l.posting_id = g.id
               WHERE g.payment_id = t.payment_id AND g.ticket = t.number AND l.account = 'refund_payable') b ON true
           WHERE b.approved IS DISTINCT FROM t.amount
              OR b.ended <> CASE WHEN t.state IN ('expired', 'closed') THEN coalesce(t.amount, 0) ELSE 0 END
              OR b.paid <> CASE t.state WHEN 'paid_out' THEN t.amount ELSE 0 END
           UNION ALL SELECT g.key FROM posting g WHERE g.ticket <> '' AND NOT EXISTS (
               SELECT 1 FROM ticket t WHERE t.payment_id = g.payment_id AND t.number = g.ticket)""",
    ),
    Rule(
        "I37",
        _("There is one open ticket for the fees of a payment, and one for each credit."),
        f"""SELECT min(number) FROM ticket WHERE state IN ('{_OPEN}') GROUP BY payment_id, credit_id HAVING count(*) > 1""",
    ),
    Rule(
        "I38",
        _("An administrative fee goes back on a ground of its own only: an error, an advice, an exemption."),
        f"""SELECT t.number FROM share s JOIN ticket t ON t.id = s.ticket_id
            WHERE s.fee = 'admin' AND s.rule NOT IN ('{_CLAIMS}')""",
    ),
    Rule(
        "I39",
        _("A half is exact: the percent of the service fee, to the nearest halala, half up."),
        """SELECT t.number FROM share s JOIN ticket t ON t.id = s.ticket_id WHERE s.rule = 'half'
           AND (s.fee <> 'service' OR s.amount + s.returned <> (s.base * s.percent + 50) / 100)""",
    ),
    Rule(
        "I40",
        _("A ticket keeps its last day for the decision and, once it can be collected, its last day for that."),
        f"""SELECT number FROM ticket WHERE decide_by < (filed_at AT TIME ZONE 'Asia/Riyadh')::date
               OR state <> 'closed' AND (collect_by IS NOT NULL) <> (
                   state IN ('{_RESERVED}', 'expired') AND (payout = 'card' OR account IS NOT NULL))
               OR state = 'expired' AND ended_at < ((collect_by + 1)::timestamp AT TIME ZONE 'Asia/Riyadh')""",
    ),
    Rule(
        "I41",
        _("Who files a ticket, who decides it, who seconds that and who pays it out are different people."),
        """SELECT t.number FROM ticket t JOIN app_case c ON c.id = t.application_id
           JOIN accounts_practitioner p ON p.id = c.practitioner_id
           WHERE t.decided_by_id IN (t.filed_by_id, p.user_id) OR t.overruled_by_id IN (t.filed_by_id, p.user_id, t.decided_by_id)
              OR t.paid_by_id IN (t.filed_by_id, p.user_id, t.decided_by_id, t.overruled_by_id)
              OR t.rule = 'overruled' AND t.overruled_by_id IS NULL""",
    ),
    Rule(
        "I42",
        _("A ticket that ended stays so, and a payout has a reference that no other has."),
        f"""SELECT number FROM ticket t WHERE (state IN ('{_FINAL}')) <> (ended_at IS NOT NULL)
               OR (state = 'paid_out') <> (payout_ref <> '')
               OR EXISTS (SELECT 1 FROM step s WHERE s.ticket_id = t.id AND s.from_state IN ('{_FINAL}'))
            UNION ALL SELECT payout_ref FROM ticket WHERE payout_ref <> '' GROUP BY payout_ref HAVING count(*) > 1""",
    ),
    Rule(
        "I43",
        _("Of what was issued no fee goes back, unless on a ground of its own."),
        f"""SELECT t.number FROM share s JOIN ticket t ON t.id = s.ticket_id JOIN app_case c ON c.id = t.application_id
            WHERE c.state = 'completed' AND t.decided_at > c.closed_at AND t.state IN ('{_RESERVED}')
              AND s.line_id IS NOT NULL AND s.rule NOT IN ('{_CLAIMS}')""",
    ),
    Rule(
        "I10",
        _("A case that waits for a fee has one open invoice for it, of the same last day and the same cut-off."),
        f"""SELECT c.reference FROM deadline d JOIN app_case c ON c.id = d.application_id
            LEFT JOIN invoice i ON i."case" = c.reference AND i.state = 'issued' AND i.purpose = CASE d.kind {_PURPOSE_OF_DEADLINE} END
            WHERE d.kind IN ('{"', '".join(_FEES)}')
              AND (i.id IS NULL OR i.due_on <> d.due_on OR i.lapses_at IS DISTINCT FROM d.lapses_at)
            UNION ALL SELECT i.number FROM invoice i WHERE i.state = 'issued' AND NOT EXISTS (
                SELECT 1 FROM app_case c JOIN deadline d ON d.application_id = c.id WHERE c.reference = i."case"
                AND CASE d.kind {_PURPOSE_OF_DEADLINE} END = i.purpose)""",
    ),
    Rule(
        "I15",
        _("A case was submitted only when its administrative fee is paid or waived."),
        f"""SELECT c.reference FROM app_case c WHERE c.state NOT IN ('{"', '".join(_NOT_SUBMITTED)}') AND NOT EXISTS (
                SELECT 1 FROM invoice i WHERE i."case" = c.reference AND i.purpose = 'admin' AND i.state IN ('paid', 'waived'))""",
    ),
    Rule(
        "I16",
        _("A case is being issued or completed only when its service fee is paid or waived."),
        """SELECT c.reference FROM app_case c WHERE c.state IN ('being_issued', 'completed') AND NOT EXISTS (
               SELECT 1 FROM invoice i WHERE i."case" = c.reference AND i.purpose = 'service' AND i.state IN ('paid', 'waived'))""",
    ),
    Rule(
        "I18",
        _("Nothing waits more than an hour past its cut-off, unless the gateway was not heard yet."),
        """SELECT c.reference FROM deadline d JOIN app_case c ON c.id = d.application_id
           WHERE d.lapses_at < %(now)s - interval '1 hour' AND NOT EXISTS (
               SELECT 1 FROM invoice i JOIN attempt t ON t.invoice_id = i.id
               WHERE i."case" = c.reference AND i.state = 'issued' AND t.state IN ('starting', 'open')
                 AND (t.asked_at IS NULL OR t.asked_at < d.lapses_at))""",
    ),
]

# A kind of alarm, in words with its facts (mumaris/kit/alarms.py).
alarms.WORDS["books_broken"] = _("The books break %(number)s rules: %(rules)s. Run check-books to see where.")
alarms.WORDS["books_unchecked"] = _(
    "The check of the books was not finished: %(why)s. Whether money is lost or doubled is not known. Run check-books."
)


@dataclass(frozen=True)
class Breach:
    """A rule that does not hold: how many rows break it, and the first of their references."""

    rule: Rule
    count: int
    references: list[str]

    def __str__(self) -> str:
        more = self.count - len(self.references)
        shown = ", ".join(self.references)
        rest = ngettext(" and %(more)s more", " and %(more)s more", more) % {"more": more} if more else ""
        return f"{self.rule.id}: {self.rule.words} {shown}{rest}"


def breaches(now: datetime, *, payers: Collection[int] | None = None) -> list[Breach]:
    """What is broken at the instant `now` (UTC): in the whole database, or for the practitioners of these ids alone.

    One statement, so that all rules are judged on the same moment of the books.
    """
    facts: dict[str, Any] = {"now": now, "payers": list(payers or []), "guards": guards()}
    with connection.cursor() as cursor:
        cursor.execute(statement(whole=payers is None), facts)
        return read(cursor.fetchall())


def read(found: list[tuple[int, str, int]]) -> list[Breach]:
    """What the rows of `statement` say."""
    return [
        Breach(rule, next(total for number, _reference, total in found if number == place), references)
        for place, rule in enumerate(RULES)
        if (references := sorted(reference for number, reference, _total in found if number == place))
    ]


def statement(*, whole: bool) -> str:
    """All rules as one query for (place in RULES, reference, how many)."""
    relations = ", ".join(
        f"{name} AS NOT MATERIALIZED (SELECT * FROM {table}{'' if whole else f' WHERE {own}'})"
        for name, (table, own) in RELATIONS.items()
    )
    rules = " UNION ALL ".join(
        f"(SELECT {place}, reference::text, count(*) OVER () FROM ({rule.broken}) AS broken (reference) LIMIT {SHOWN})"
        for place, rule in enumerate(RULES)
    )
    return f"WITH {relations} {rules}"


def guards() -> list[str]:
    """Every trigger that the models of money ask for, as table.trigger."""
    return [
        f"{model._meta.db_table}.{trigger.get_pgid(model)}"
        for model, trigger in pgtrigger.registered()
        if model._meta.app_label in _GUARDED
    ]


def report(found: list[Breach]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "rules": len(RULES),
        "broken": [
            {"id": one.rule.id, "words": str(one.rule.words), "count": one.count, "references": one.references}
            for one in found
        ],
    }


def watch(now: datetime) -> None:
    """Raise the alarm when a rule is broken, and clear it when all hold again; a check that ends early raises one of its own."""
    try:
        found = _breaches_in_time(now)
    except DatabaseError as error:
        alarms.raise_alarm("books_unchecked", now=now, why=str(error).strip().splitlines()[0])
        raise
    alarms.clear_alarm("books_unchecked", now=now)
    if found:
        rules = ", ".join(one.rule.id for one in found)
        alarms.raise_alarm("books_broken", now=now, number=len(found), rules=rules)
    else:
        alarms.clear_alarm("books_broken", now=now)


@transaction.atomic
def _breaches_in_time(now: datetime) -> list[Breach]:
    """Raises DatabaseError after LONGEST."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {LONGEST // timedelta(milliseconds=1)}")
    return breaches(now)
