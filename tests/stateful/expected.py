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
KINDS = {"awaiting_admin_fee": "admin_fee", "preliminarily_approved": "service_fee", "returned": "return"}


def cut_off(moment: datetime, days: int = 30) -> datetime:
    """The end of the thirtieth Riyadh day after that of `moment`."""
    day = moment.astimezone(RIYADH).date() + timedelta(days=days + 1)
    return datetime.combine(day, time.min, RIYADH)


@dataclass
class Payment:
    ref: str
    method: str
    amount: int
    moved_at: datetime
    disposition: str = "received"
    credits: list[tuple[str, int]] = field(default_factory=list)


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
    was_declared: bool = False
    deadline: datetime | None = None
    invoices: list[Invoice] = field(default_factory=list)


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
            payment.credits.append((reason, payment.amount))
            return
        if payment.amount > invoice.amount:
            payment.credits.append(("too_much", payment.amount - invoice.amount))
        case = invoice.case
        if case.state == AWAITS[invoice.purpose] or self._lives_again(case, invoice.purpose):
            payment.disposition, invoice.state = "applied", "paid"
            case.state, case.cancel_reason, case.deadline = LEADS_TO[invoice.purpose], "", None
        else:
            payment.disposition, invoice.state = "credited", "lapsed"
            payment.credits.append(("case_closed", invoice.amount))

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
                    found["payment", payment.ref, str(payment.amount), payment.disposition, invoice.purpose, ""] += 1
                    for reason, amount in payment.credits:
                        found["credit", payment.ref, reason, str(amount), "", ""] += 1
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
                books["suspense"] -= sum(amount for _reason, amount in payment.credits)
        return {account: amount for account, amount in books.items() if amount}


def stamp(moment: datetime | None) -> str:
    return str(int(moment.timestamp())) if moment else ""
