"""What should become of a person's money and cases, in plain Python: no portal, no database, no clock of its own.

Amounts are halalas, moments UTC. One person asks for one service again and again, so that at most one case is open.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone

RIYADH = timezone(timedelta(hours=3))
CLOSED = {"completed", "rejected", "cancelled", "withdrawn"}
AWAITS = {"admin": "awaiting_admin_fee", "service": "preliminarily_approved"}
LEADS_TO = {"admin": "submitted", "service": "being_issued"}
UNPAID = {
    "awaiting_admin_fee": "admin_fee_unpaid",
    "preliminarily_approved": "service_fee_unpaid",
    "returned": "deficiencies_unanswered",
}
RESERVED = {"approved", "paying", "paid_out"}
OPEN = {"filed", "overruling", "approved", "paying"}
LATE_WAITS = timedelta(days=3)  # for the bank's word, before a ticket opens by itself
KINDS = {"awaiting_admin_fee": "admin_fee", "preliminarily_approved": "service_fee", "returned": "return"}


def cut_off(moment: datetime, days: int = 30) -> datetime:
    """The end of the thirtieth Riyadh day after that of `moment`."""
    day = moment.astimezone(RIYADH).date() + timedelta(days=days + 1)
    return datetime.combine(day, time.min, RIYADH)


@dataclass
class Credit:
    reason: str
    amount: int
    created_at: datetime


@dataclass
class Payment:
    ref: str
    method: str
    amount: int
    moved_at: datetime
    disposition: str = "received"
    credits: list[Credit] = field(default_factory=list)


@dataclass
class Invoice:
    case: "Case"
    purpose: str
    amount: int
    issued_at: datetime
    lapses_at: datetime
    state: str = "issued"
    payments: list[Payment] = field(default_factory=list)


@dataclass
class Case:
    reference: str
    created_at: datetime
    state: str = "draft"
    cancel_reason: str = ""
    submitted_at: datetime | None = None
    withdrawn_at: datetime | None = None
    was_declared: bool = False
    deadline: datetime | None = None
    invoices: list[Invoice] = field(default_factory=list)


@dataclass
class Ticket:
    """Asks for the fee of an invoice or for one credit. `amount` is what an approval gives back."""

    invoice: Invoice
    payment: Payment
    credit: Credit | None
    is_claim: bool = False
    state: str = "filed"
    proposed: int = 0
    amount: int = 0
    has_account: bool = False
    ends_at: datetime | None = None  # of the window to collect

    @property
    def wants_account(self) -> bool:
        return self.payment.method == "sadad" and not self.has_account


@dataclass
class Attempt:
    """One try to pay at the gateway: what the bank took for it, and what of that the portal has heard."""

    given_id: str
    invoice: Invoice
    method: str
    live: bool = True
    asked_at: datetime | None = None
    tried_at: datetime | None = None
    taken: list[Payment] = field(default_factory=list)
    told: set[str] = field(default_factory=set)  # events stored
    waiting: set[str] = field(default_factory=set)  # events stored and not worked yet


@dataclass
class Person:
    """All of one practitioner. `fees` maps a purpose to its amount."""

    fees: dict[str, int]
    cases: list[Case] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)

    @property
    def open_case(self) -> Case | None:
        return next((case for case in self.cases if case.state not in CLOSED), None)

    @property
    def invoices(self) -> list[Invoice]:
        return [invoice for case in self.cases for invoice in case.invoices]

    # Moves

    def declare(self, case: Case, now: datetime) -> None:
        case.was_declared = True
        self._bill(case, "admin", now)

    def approve(self, case: Case, now: datetime) -> None:
        self._bill(case, "service", now)

    def give_back(self, case: Case, now: datetime) -> None:
        self.move(case, "returned")
        case.deadline = cut_off(now)

    def move(self, case: Case, state: str) -> None:
        """To a state where nothing is owed: open demands become void."""
        for invoice in case.invoices:
            if invoice.state == "issued":
                invoice.state = "void"
        case.state, case.deadline = state, None

    def _bill(self, case: Case, purpose: str, now: datetime) -> None:
        case.state, case.deadline = AWAITS[purpose], cut_off(now)
        case.invoices.append(Invoice(case, purpose, self.fees[purpose], now, case.deadline))

    # Money

    def hear(self, invoice: Invoice, payment: Payment, now: datetime) -> None:
        """The portal learns of a payment; what was heard before changes nothing."""
        if payment in invoice.payments:
            return
        invoice.payments.append(payment)
        if reason := self._why_not(invoice, payment):
            payment.disposition = "credited"
            payment.credits.append(Credit(reason, payment.amount, now))
            return
        if payment.amount > invoice.amount:
            payment.credits.append(Credit("too_much", payment.amount - invoice.amount, now))
        case = invoice.case
        if case.state == AWAITS[invoice.purpose] or self._lives_again(case, invoice.purpose):
            payment.disposition, invoice.state = "applied", "paid"
            case.state, case.cancel_reason, case.deadline = LEADS_TO[invoice.purpose], "", None
            if invoice.purpose == "admin":
                case.submitted_at = now
        else:
            payment.disposition, invoice.state = "credited", "lapsed"
            payment.credits.append(Credit("case_closed", invoice.amount, now))

    def _why_not(self, invoice: Invoice, payment: Payment) -> str:
        if invoice.state in ("paid", "waived"):
            return "second"
        if invoice.state == "void":
            return "void"
        if payment.amount < invoice.amount:
            return "too_little"
        return "late" if payment.moved_at >= invoice.lapses_at else ""

    def _lives_again(self, case: Case, purpose: str) -> bool:
        """A cancelled case revives unless a newer one stands in its way; a draft never invoiced gives way."""
        if case.state != "cancelled" or case.cancel_reason != UNPAID[AWAITS[purpose]]:
            return False
        if any(other.state == "completed" and other.created_at > case.created_at for other in self.cases):
            return False
        newer = self.open_case
        if newer and newer.was_declared:
            return False
        if newer:
            self.cases.remove(newer)
        return True

    # Refunds

    def back(self, payment: Payment) -> int:
        return sum(one.amount for one in self.tickets if one.payment is payment and one.state in RESERVED)

    def due(self, asked: Ticket, *, accepted: bool = False) -> int:
        """By the rules: a credit in full, a fee in full on an accepted ground, half a service fee withdrawn in its month."""
        case = asked.invoice.case
        if asked.credit or accepted:
            whole = self.most_of(asked)
        elif (
            asked.invoice.purpose == "service" and case.withdrawn_at and case.withdrawn_at < cut_off(case.submitted_at)
        ):
            whole = (asked.invoice.amount + 1) // 2
        else:
            whole = 0
        before = sum(
            one.amount
            for one in self.tickets
            if one.payment is asked.payment and one.credit is asked.credit and one.state in RESERVED
        )
        return max(0, min(whole - before, asked.payment.amount - self.back(asked.payment)))

    def most_of(self, asked: Ticket) -> int:
        return asked.credit.amount if asked.credit else asked.invoice.amount

    def is_open_to_two(self, asked: Ticket) -> bool:
        """Whether two officers may decide against the rules: never about an administrative fee or what was issued."""
        is_fee_kept = asked.invoice.purpose == "admin" or asked.invoice.case.state == "completed"
        return asked.credit is not None or not is_fee_kept

    def is_asked(self, asked: Ticket) -> bool:
        """Whether a ticket about the same is open."""
        same = (one for one in self.tickets if one.payment is asked.payment and one.credit is asked.credit)
        return any(one.state in OPEN for one in same)

    def approve_ticket(self, ticket: Ticket, amount: int, now: datetime) -> None:
        ticket.state, ticket.amount = "approved", amount
        if ticket.payment.method == "card":
            ticket.ends_at = cut_off(now, 14)

    def open_tickets(self, now: datetime) -> None:
        for invoice in self.invoices:
            for payment in invoice.payments:
                for credit in payment.credits:
                    is_due = credit.reason != "late" or credit.created_at <= now - LATE_WAITS
                    is_told = any(one.credit is credit for one in self.tickets)
                    if is_due and not is_told and self.back(payment) < payment.amount:
                        self.tickets.append(Ticket(invoice, payment, credit))

    def expire(self, now: datetime) -> None:
        for ticket in self.tickets:
            if ticket.state == "approved" and ticket.ends_at and ticket.ends_at <= now:
                ticket.state = "expired"

    # The beat

    def sweep(self, now: datetime) -> None:
        for case in self.cases:
            if case.deadline and case.deadline <= now and not self._is_unheard(case):
                reason = UNPAID[case.state]
                for invoice in case.invoices:
                    if invoice.state == "issued":
                        invoice.state = "lapsed"
                case.state, case.cancel_reason, case.deadline = "cancelled", reason, None

    def poll(self, now: datetime) -> None:
        never = datetime.min.replace(tzinfo=RIYADH)
        for attempt in sorted(self.attempts, key=lambda one: (one.tried_at or never, one.invoice.lapses_at)):
            over = attempt.invoice.lapses_at
            tried = attempt.tried_at
            if attempt.live and (tried is None or tried < now - timedelta(minutes=3) or (over <= now and tried < over)):
                attempt.tried_at = now
                self.ask(attempt, now)

    def work(self, now: datetime) -> None:
        for attempt in self.attempts:
            if attempt.waiting:
                attempt.waiting.clear()
                self.ask(attempt, now)

    def ask(self, attempt: Attempt, now: datetime) -> None:
        if attempt.live:
            attempt.asked_at = now
        for payment in attempt.taken:
            self.hear(attempt.invoice, payment, now)
            attempt.live = False

    def _is_unheard(self, case: Case) -> bool:
        """Whether the gateway must be asked before this case may be cancelled."""
        return any(
            one.live and (one.asked_at is None or one.asked_at < one.invoice.lapses_at)
            for one in self.attempts
            if one.invoice.case is case and one.invoice.state == "issued"
        )

    # What must stand in the database

    def rows(self) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        for case in self.cases:
            kind = KINDS[case.state] if case.deadline else ""
            found["case", case.reference, case.state, case.cancel_reason, kind, stamp(case.deadline)] += 1
            for invoice in case.invoices:
                facts = invoice.purpose, str(invoice.amount), invoice.state, stamp(invoice.lapses_at)
                found["invoice", case.reference, *facts] += 1
                for payment in invoice.payments:
                    facts = str(payment.amount), payment.disposition, invoice.purpose, str(self.back(payment))
                    found["payment", payment.ref, *facts] += 1
                    for credit in payment.credits:
                        found["credit", payment.ref, credit.reason, str(credit.amount), "", ""] += 1
        for ticket in self.tickets:
            reason = ticket.credit.reason if ticket.credit else ""
            found["ticket", ticket.payment.ref, reason, ticket.state, str(ticket.amount), stamp(ticket.ends_at)] += 1
        for attempt in self.attempts:
            for event in attempt.told:
                found["event", event, "waits" if event in attempt.waiting else "worked", "", "", ""] += 1
        for account, amount in self.balances().items():
            found["account", account, str(amount), "", "", ""] += 1
        return found

    def balances(self) -> dict[str, int]:
        """Of every account that is not zero; a debit is positive."""
        books: Counter[str] = Counter()
        for invoice in self.invoices:
            if invoice.state == "issued":
                books["receivable"] += invoice.amount
            if invoice.state in ("issued", "paid"):
                books[f"revenue:{invoice.purpose}"] -= invoice.amount
            for payment in invoice.payments:
                books[f"bank:{payment.method}"] += payment.amount
                books["suspense"] -= sum(credit.amount for credit in payment.credits)
        for ticket in self.tickets:
            if ticket.state in RESERVED:
                books["suspense" if ticket.credit else f"revenue:{ticket.invoice.purpose}"] += ticket.amount
                left = "bank:card" if ticket.payment.method == "card" else "bank:transfer"
                books[left if ticket.state == "paid_out" else "refund_payable"] -= ticket.amount
        return {account: amount for account, amount in books.items() if amount}


def stamp(moment: datetime | None) -> str:
    return str(int(moment.timestamp())) if moment else ""
