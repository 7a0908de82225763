"""What should become of a person's money and cases, in plain Python: no portal, no database, no clock of its own.

Amounts are halalas, moments UTC. One person asks for one service again and again, so that at most one case is open. Things are told
apart by which they are, not by what they say: two exemptions may be granted for the same days.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone

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
OPEN = ["filed", "overruling", "approved", "paying"]
DAYS = timedelta(days=30)  # of every wait, after the day on which it begins
LATE_WAITS = timedelta(days=3)  # for the bank's word, before a ticket opens by itself
BILL_DAYS = 29  # that a SADAD bill lives, after its own
LEAST_DAYS = 3  # that are left when a request for exemption is refused
KINDS = {"awaiting_admin_fee": "admin_fee", "preliminarily_approved": "service_fee", "returned": "return"}


def day_of(moment: datetime) -> date:
    return moment.astimezone(RIYADH).date()


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, RIYADH)


def cut_off(moment: datetime, days: int = 30) -> datetime:
    """The end of the thirtieth Riyadh day after that of `moment`."""
    return end_of(day_of(moment) + timedelta(days=days))


@dataclass(eq=False)
class Clock:
    """Of one wait of a case, and of the invoice that it waits for. While somebody holds it, it has no cut-off."""

    due_on: date
    held_for: set[str] = field(default_factory=set)
    days_left: int = 0  # when it was first held
    is_extended: bool = False

    @property
    def lapses_at(self) -> datetime | None:
        return None if self.held_for else end_of(self.due_on)

    def is_over(self, moment: datetime) -> bool:
        return self.lapses_at is not None and self.lapses_at <= moment

    def hold(self, cause: str, now: datetime) -> None:
        if not self.held_for:
            self.days_left = (self.due_on - day_of(now)).days
        self.held_for.add(cause)

    def let_go(self, cause: str, now: datetime, least_days: int = 0) -> None:
        self.held_for.remove(cause)
        self.days_left = max(self.days_left, least_days)
        if not self.held_for:
            self.due_on = day_of(now) + timedelta(days=self.days_left)

    def extend(self, days: int, now: datetime) -> None:
        self.due_on, self.is_extended = max(self.due_on, day_of(now)) + timedelta(days=days), True


@dataclass(eq=False)
class Credit:
    reason: str
    amount: int
    created_at: datetime


@dataclass(eq=False)
class Payment:
    ref: str
    method: str
    amount: int
    moved_at: datetime
    disposition: str = "received"
    credits: list[Credit] = field(default_factory=list)


@dataclass(eq=False)
class Invoice:
    case: "Case"
    purpose: str
    amount: int
    issued_at: datetime
    clock: Clock
    state: str = "issued"
    was_held: bool = False  # for a request for exemption, which it is once
    payments: list[Payment] = field(default_factory=list)

    def is_owed(self, now: datetime) -> bool:
        """Whether it is open and there is time to pay it."""
        return self.state == "issued" and not self.clock.is_over(now)


@dataclass(eq=False)
class Case:
    reference: str
    created_at: datetime
    state: str = "draft"
    cancel_reason: str = ""
    submitted_at: datetime | None = None
    withdrawn_at: datetime | None = None
    was_declared: bool = False
    clock: Clock | None = None
    invoices: list[Invoice] = field(default_factory=list)

    @property
    def deadline(self) -> datetime | None:
        """Of a clock that runs."""
        return self.clock and self.clock.lapses_at


@dataclass(eq=False)
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
    transfers: list[str] = field(default_factory=list)  # what the bank made of each

    @property
    def wants_account(self) -> bool:
        return self.payment.method == "sadad" and not self.has_account


@dataclass(eq=False)
class Exemption:
    """From every fee, in force between two Riyadh days; no last day is no end."""

    state: str = "requested"
    starts_on: date | None = None
    ends_on: date | None = None
    revoked_on: date | None = None

    def is_in_force(self, day: date) -> bool:
        return self.state == "approved" and self.holds(day)

    def holds(self, day: date) -> bool:
        """Whether what was paid on that day was paid by somebody who is exempt; until it was revoked it was in force."""
        ends = [one for one in (self.ends_on, self.revoked_on) if one]
        return self.state in ("approved", "revoked") and self.starts_on <= day <= min(ends, default=day)


@dataclass(eq=False)
class Attempt:
    """One try to pay at the gateway: what the bank took for it, and what of that the portal has heard."""

    given_id: str
    invoice: Invoice
    method: str
    begun_on: date
    live: bool = True
    asked_at: datetime | None = None
    tried_at: datetime | None = None
    taken: list[Payment] = field(default_factory=list)
    told: set[str] = field(default_factory=set)  # events stored
    waiting: set[str] = field(default_factory=set)  # events stored and not worked yet

    def has_run_out(self, now: datetime) -> bool:
        return self.method == "sadad" and self.begun_on + timedelta(days=BILL_DAYS) < day_of(now)


@dataclass(eq=False)
class Person:
    """All of one practitioner. `fees` maps a purpose to its amount."""

    fees: dict[str, int]
    cases: list[Case] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    exemptions: list[Exemption] = field(default_factory=list)

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
        case.clock = Clock(day_of(now) + DAYS)

    def move(self, case: Case, state: str) -> None:
        """To a state where nothing is owed: open demands become void."""
        for invoice in case.invoices:
            if invoice.state == "issued":
                invoice.state = "void"
        case.state, case.clock = state, None

    def _bill(self, case: Case, purpose: str, now: datetime) -> None:
        case.state, case.clock = AWAITS[purpose], Clock(day_of(now) + DAYS)
        invoice = Invoice(case, purpose, self.fees[purpose], now, case.clock)
        case.invoices.append(invoice)
        if self.exemption_in_force(now):
            self._waive(invoice, now)
        elif self.request:
            self._hold(invoice, now)

    def _goes_on(self, invoice: Invoice, moment: datetime) -> None:
        """The case of an invoice that was settled."""
        case = invoice.case
        case.state, case.cancel_reason, case.clock = LEADS_TO[invoice.purpose], "", None
        if invoice.purpose == "admin":
            case.submitted_at = max(case.created_at, moment)

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
            self._goes_on(invoice, min(payment.moved_at, now))
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
        return "late" if invoice.clock.is_over(payment.moved_at) else ""

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

    # Exemptions

    @property
    def request(self) -> Exemption | None:
        """The one that is not decided yet."""
        return next((one for one in self.exemptions if one.state in ("requested", "recommended")), None)

    def exemption_in_force(self, now: datetime) -> Exemption | None:
        held = [one for one in self.exemptions if one.is_in_force(day_of(now))]
        return min(held, key=lambda one: one.starts_on, default=None)

    def may_ask_to_be_exempt(self, now: datetime) -> bool:
        held = self.exemption_in_force(now)
        return not self.request and not (held and held.ends_on is None)

    def ask_to_be_exempt(self, now: datetime) -> None:
        self.exemptions.append(Exemption())
        for invoice in self._waiting(now):
            self._hold(invoice, now)

    def grant(self, exemption: Exemption, now: datetime) -> None:
        exemption.state = "approved"
        if self.exemption_in_force(now):
            self.begin_exemptions(now)
        else:
            self._let_go(now)

    def refuse(self, exemption: Exemption, now: datetime) -> None:
        exemption.state = "refused"
        self._let_go(now)

    def begin_exemptions(self, now: datetime) -> None:
        if self.exemption_in_force(now):
            for invoice in self._waiting(now):
                self._waive(invoice, now)

    def _waiting(self, now: datetime) -> list[Invoice]:
        return [invoice for invoice in self.invoices if invoice.is_owed(now)]

    def _waive(self, invoice: Invoice, now: datetime) -> None:
        invoice.state = "waived"
        self._goes_on(invoice, now)

    def _hold(self, invoice: Invoice, now: datetime) -> None:
        if not invoice.was_held:
            invoice.clock.hold("exemption", now)
            invoice.was_held = True

    def _let_go(self, now: datetime) -> None:
        for invoice in self._waiting(now):
            if "exemption" in invoice.clock.held_for:
                invoice.clock.let_go("exemption", now, LEAST_DAYS)

    # Refunds

    def back(self, payment: Payment) -> int:
        return sum(one.amount for one in self.tickets if one.payment is payment and one.state in RESERVED)

    def due(self, asked: Ticket, *, accepted: bool = False) -> int:
        """By the rules: a credit in full, a fee in full on a ground or of who was exempt, half a service fee withdrawn in time."""
        case, paid_on = asked.invoice.case, day_of(asked.payment.moved_at)
        if asked.credit or accepted or any(one.holds(paid_on) for one in self.exemptions):
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
        return any(one.state in OPEN for one in self._about_the_same(asked))

    def ran_out(self, asked: Ticket) -> bool:
        """Whether the last ticket about the same was approved and not paid out in its days."""
        return [one.state for one in self._about_the_same(asked)][-1:] == ["expired"]

    def _about_the_same(self, asked: Ticket) -> list[Ticket]:
        return [one for one in self.tickets if one.payment is asked.payment and one.credit is asked.credit]

    def gives_the_fee_back(self, case: Case) -> bool:
        """Whether all of the service fee is on its way back, or was paid out: nothing is issued for it."""
        paid = next((one for one in case.invoices if one.purpose == "service" and one.state == "paid"), None)
        about = [one for one in self.tickets if one.invoice is paid and one.credit is None and one.state in RESERVED]
        return paid is not None and sum(one.amount for one in about) >= paid.amount

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

    def collect(self, now: datetime) -> None:
        """Into a file of transfers goes all that can be paid by one."""
        for ticket in self.tickets:
            if self.is_collectable(ticket, now):
                ticket.state = "paying"
                ticket.transfers.append("sent")

    def is_collectable(self, ticket: Ticket, now: datetime) -> bool:
        return ticket.state == "approved" and ticket.has_account and ticket.ends_at > now

    def transferred(self, ticket: Ticket) -> None:
        ticket.state, ticket.transfers[-1] = "paid_out", "executed"

    def came_back(self, ticket: Ticket) -> None:
        """A transfer to an account that the bank does not find: another one is asked for."""
        ticket.state, ticket.transfers[-1] = "approved", "failed"
        ticket.has_account, ticket.ends_at = False, None

    def expire(self, now: datetime) -> None:
        for ticket in self.tickets:
            if ticket.state == "approved" and ticket.ends_at and ticket.ends_at <= now:
                ticket.state = "expired"

    # The beat

    def sweep(self, now: datetime) -> None:
        self.begin_exemptions(now)
        self.cancel_lapsed(now)

    def cancel_lapsed(self, now: datetime) -> None:
        for case in self.cases:
            if case.deadline and case.deadline <= now and not self._is_unheard(case):
                reason = UNPAID[case.state]
                for invoice in case.invoices:
                    if invoice.state == "issued":
                        invoice.state = "lapsed"
                case.state, case.cancel_reason, case.clock = "cancelled", reason, None

    def poll(self, now: datetime) -> None:
        never, no_end = (one.replace(tzinfo=RIYADH) for one in (datetime.min, datetime.max))
        in_turn = sorted(self.attempts, key=lambda one: (one.tried_at or never, one.invoice.clock.lapses_at or no_end))
        for attempt in in_turn:
            over, tried = attempt.invoice.clock.lapses_at or no_end, attempt.tried_at
            if attempt.live and (tried is None or tried < now - timedelta(minutes=3) or (tried < over <= now)):
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
            one.live and (one.asked_at is None or one.asked_at < case.deadline)
            for one in self.attempts
            if one.invoice.case is case and one.invoice.state == "issued"
        )

    # What must stand in the database

    def rows(self) -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        for case in self.cases:
            kind, end = (KINDS[case.state], told(case.clock)) if case.clock else ("", "")
            found["case", case.reference, case.state, case.cancel_reason, kind, end] += 1
            for invoice in case.invoices:
                facts = invoice.purpose, str(invoice.amount), invoice.state, stamp(invoice.clock.lapses_at)
                found["invoice", case.reference, *facts] += 1
                for payment in invoice.payments:
                    facts = str(payment.amount), payment.disposition, invoice.purpose, str(self.back(payment))
                    found["payment", payment.ref, *facts] += 1
                    for credit in payment.credits:
                        found["credit", payment.ref, credit.reason, str(credit.amount), "", ""] += 1
        for ticket in self.tickets:
            reason = ticket.credit.reason if ticket.credit else ""
            found["ticket", ticket.payment.ref, reason, ticket.state, str(ticket.amount), stamp(ticket.ends_at)] += 1
            for outcome in ticket.transfers:
                found["transfer", ticket.payment.ref, reason, outcome, str(ticket.amount), ""] += 1
        for attempt in self.attempts:
            for event in attempt.told:
                found["event", event, "waits" if event in attempt.waiting else "worked", "", "", ""] += 1
        for one in self.exemptions:
            found["exemption", one.state, str(one.starts_on or ""), str(one.ends_on or ""), "", ""] += 1
        for account, amount in self.balances().items():
            found["account", account, str(amount), "", "", ""] += 1
        return found

    def balances(self) -> dict[str, int]:
        """Of every account that is not zero; a debit is positive."""
        books: Counter[str] = Counter()
        for invoice in self.invoices:
            if invoice.state == "issued":
                books["receivable"] += invoice.amount
            if invoice.state in ("issued", "paid", "waived"):
                books[f"revenue:{invoice.purpose}"] -= invoice.amount
            if invoice.state == "waived":
                books["waived"] += invoice.amount
            for payment in invoice.payments:
                books[f"bank:{payment.method}"] += payment.amount
                books["suspense"] -= sum(credit.amount for credit in payment.credits)
        for ticket in self.tickets:
            if ticket.state in RESERVED:
                books["suspense" if ticket.credit else f"revenue:{ticket.invoice.purpose}"] += ticket.amount
                left = "bank:card" if ticket.payment.method == "card" else "bank:transfer"
                books[left if ticket.state == "paid_out" else "refund_payable"] -= ticket.amount
        return {account: amount for account, amount in books.items() if amount}


def told(clock: Clock) -> str:
    return f"{clock.days_left} days left" if clock.held_for else stamp(clock.lapses_at)


def stamp(moment: datetime | None) -> str:
    return str(int(moment.timestamp())) if moment else ""
