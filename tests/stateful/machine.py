"""A person, a bank, officers and the beat, doing whatever comes to them in any order, beside what should become of it.

Every step is a real commit through the portal's own verbs. After each one the database must say exactly what
tests/stateful/expected.py says, and no rule of mumaris/pages/books.py may be broken for this person. What a later room adds
(exemptions, pauses) is one more rule here and its part of the expectation there.
"""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection
from django.test import RequestFactory
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Practitioner
from applications import dossier, fees, filing, sweeps
from applications.catalogue import CATALOGUE
from applications.models import Application, Attachment, ReturnReason
from applications.progress import advance
from applications.review import Remark
from documents.models import Paper
from mumaris.kit.lifecycle import NotAllowed
from mumaris.pages import books
from payments import attempts, billing, webhooks
from payments.models import Attempt, Credit, Invoice, Payment
from refunds import payouts, progress
from refunds import sweeps as refund_sweeps
from refunds.models import Ticket
from register.models import Rank, Specialty
from tests.people import NOON, Office, make_practitioner, make_qualification
from tests.refunds.tickets import ACCOUNT, Finance
from tests.stateful import expected
from tests.stateful.bank import Bank, notification
from tests.stateful.expected import Person

SECOND = timedelta(seconds=1)
# A practitioner's papers and gap in practice stay as good as on the first day for so long.
LAST_DAY = NOON + timedelta(days=480)
# These say what the beat has not come to yet; the expectation says it better.
OF_THE_BEAT = {"I18", "I30b"}

FOUND = """
    SELECT 'case', c.reference, c.state, c.cancel_reason, coalesce(d.kind, ''), coalesce(extract(epoch FROM d.lapses_at)::bigint::text, '')
    FROM applications_application c LEFT JOIN applications_deadline d ON d.application_id = c.id WHERE c.practitioner_id = %(payer)s
    UNION ALL SELECT 'invoice', i."case", i.purpose, i.amount::text, i.state, coalesce(extract(epoch FROM i.lapses_at)::bigint::text, '')
    FROM payments_invoice i WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'payment', p.provider_ref, p.amount::text, p.disposition, i.purpose, p.refunded::text
    FROM payments_payment p JOIN payments_invoice i ON i.id = p.invoice_id WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'credit', p.provider_ref, c.reason, c.amount::text, '', ''
    FROM payments_credit c JOIN payments_payment p ON p.id = c.payment_id JOIN payments_invoice i ON i.id = p.invoice_id
    WHERE i.payer_id = %(payer)s AND c.applied_at IS NULL
    UNION ALL SELECT 'ticket', p.provider_ref, coalesce(c.reason, ''), t.state, coalesce(t.amount, 0)::text,
        coalesce(extract(epoch FROM (t.collect_by + 1)::timestamp AT TIME ZONE 'Asia/Riyadh')::bigint::text, '')
    FROM refunds_ticket t JOIN payments_payment p ON p.id = t.payment_id JOIN payments_invoice i ON i.id = p.invoice_id
    LEFT JOIN payments_credit c ON c.id = t.credit_id WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'event', e.event_id, CASE WHEN e.processed_at IS NULL THEN 'waits' ELSE 'worked' END, '', '', ''
    FROM payments_webhookevent e JOIN payments_attempt t ON t.given_id = e.given_id JOIN payments_invoice i ON i.id = t.invoice_id
    WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'account', l.account, sum(l.amount)::text, '', '', ''
    FROM payments_ledgerentry l WHERE l.posting_id IN (
        SELECT g.id FROM payments_posting g JOIN payments_invoice i ON i.id = g.invoice_id WHERE i.payer_id = %(payer)s
        UNION ALL SELECT g.id FROM payments_posting g JOIN payments_payment p ON p.id = g.payment_id
        JOIN payments_invoice i ON i.id = p.invoice_id WHERE i.payer_id = %(payer)s AND g.invoice_id IS NULL)
    GROUP BY l.account HAVING sum(l.amount) <> 0
"""

SOME = st.integers(0, 5)  # which of what there is
CHANGES = st.sampled_from([0, 0, 0, 0, -1, -5_000, 1, 700])  # halalas beside the right amount
# When the bank moved the money: now, before, or just around the cut-off where that has passed.
MOVED = st.sampled_from(["now", "now", "now", "earlier", "just in time", "just too late"])
BESIDE = st.sampled_from([None, -SECOND, timedelta(), SECOND])  # the cut-off, or no matter when
SWEPT = st.sampled_from(["first", "last", "alone", "never"])
METHODS = st.sampled_from(["card", "sadad"])


class Surroundings:
    """What all examples of a test share: officers, the bank, two threads with connections of their own."""

    def __init__(self) -> None:
        self.office = Office()
        self.finance = Finance()
        self.bank = Bank()
        self.threads = ThreadPoolExecutor(2)
        self.specialty = Specialty.objects.get(code="general-nursing")
        self.rank = Rank.objects.get(code="technician")
        self.illegible = ReturnReason.objects.get(code="illegible")
        self.fees = {
            purpose: fees.price("classification", purpose, self.rank.fee_category, NOON.date())
            for purpose in ("admin", "service")
        }
        self.slots = _slots(self)
        self.guards = books.guards()
        with (
            connection.cursor() as cursor
        ):  # planned once: planning the whole pack costs ten times what running it does
            cursor.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off")
            pack = books.statement(whole=False) % {"payers": "$1", "now": "$2", "guards": "$3"}
            cursor.execute(f"PREPARE books (bigint[], timestamptz, text[]) AS {pack}")
            cursor.execute("SET enable_seqscan = on")

    def end(self) -> None:
        both = threading.Barrier(2)

        def leave() -> None:
            both.wait()
            connection.close()

        for done in [self.threads.submit(leave) for _ in range(2)]:
            done.result()
        self.threads.shutdown()


class EveryRule:
    def is_enabled(self, name: str) -> bool:
        return True


class MoneyMachine(RuleBasedStateMachine):
    around: Surroundings  # set by the test, before anything runs

    def __init__(self) -> None:
        super().__init__()
        # Hypothesis leaves out half of the rules in a run, another half each time: here that is a case that never moves on.
        self._rules_strategy.enabled_rules_strategy = st.just(EveryRule())

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.payer = make_practitioner()
        self.degree = make_qualification(self.payer)
        self.papers = [_paper(self.payer, kind) for kind in self.around.slots]
        self.person = Person(dict(self.around.fees))
        self.numbers = iter(range(1, 10_000))
        self.token = uuid.uuid4().hex[:12]
        self.told: list[tuple[expected.Attempt, str, str]] = []
        self.came: list[tuple[expected.Invoice, expected.Payment]] = []
        self._declare(self._draft())

    # The clock: a step of it alone, or to the end of what the open case waits for, with the sweep and money in any order

    @rule(days=st.sampled_from([0, 0, 1, 12]), beside=BESIDE, swept=SWEPT, change=CHANGES, moved=MOVED)
    def time_passes(self, days: int, beside: timedelta | None, swept: str, change: int, moved: str) -> None:
        case = self.person.open_case
        if beside is None or not case or not case.deadline:
            self._go_to(self.now + timedelta(days=days, seconds=17))
            return
        self._go_to(max(self.now, case.deadline + beside))
        if swept in ("first", "alone"):
            self._sweep()
        if swept != "alone":
            self._receive(case.invoices[-1], self._payment(case.invoices[-1], "card", change, moved))
        if swept == "last":
            self._sweep()

    def _go_to(self, moment: datetime) -> None:
        if moment <= LAST_DAY:
            self.now = moment

    # The case: one rule for practitioner and office, so that few runs are those in which it stands still

    @precondition(lambda self: self.person.open_case or self._may_begin())
    @rule(
        wish=st.sampled_from(["go on", "go on", "go on", "go on", "go on", "step back", "return", "reject", "withdraw"])
    )
    def the_case_moves(self, wish: str) -> None:
        case = self.person.open_case or self._draft()
        if wish == "withdraw":
            if case.was_declared:
                self._moves(case, "withdraw")
                self.person.move(case, "withdrawn")
                case.withdrawn_at = self.now
        elif case.state == "draft":
            if wish == "go on":
                self._declare(case)
        elif case.state in ("submitted", "under_review"):
            self._judge(case, wish)
        elif wish == "step back":
            self._step_back(case)
        elif wish == "go on":
            self._go_on(case)

    def _declare(self, case: expected.Case) -> None:
        filing.declare(self._row(case), by=self.payer.user, now=self.now)
        self.person.declare(case, self.now)

    def _judge(self, case: expected.Case, wish: str) -> None:
        office = self.around.office
        if wish == "go on":
            office.approve(self._row(case), now=self.now)
            self.person.approve(case, self.now)
        elif wish == "reject":
            office.reject(self._row(case), now=self.now)
            self.person.move(case, "rejected")
        elif wish == "return":
            if case.state == "submitted":
                self._moves(case, "claim", by=office.reviewer)
            self._moves(case, "return", by=office.reviewer, remarks=[Remark("photo", self.around.illegible)])
            self.person.give_back(case, self.now)

    def _step_back(self, case: expected.Case) -> None:
        if case.state == "preliminarily_approved":
            self._moves(case, "take_back", by=self.around.office.approver, internal_text="A mistake.")
            self.person.move(case, "under_review")
        elif case.state == "awaiting_admin_fee" and self._moves(case, "reopen", in_time=True):
            self.person.move(case, "draft")

    def _go_on(self, case: expected.Case) -> None:
        if case.state == "being_issued":
            self._moves(case, "issue", by=self.around.office.registrar)
            self.person.move(case, "completed")
        elif case.state == "returned":
            if self.now < case.deadline:
                for item in self._row(case).return_items.filter(answer_kind=""):
                    filing.answer(item, kind="text", text="It is legible now.", now=self.now)
            if self._moves(case, "resubmit", in_time=True):
                self.person.move(case, "under_review")
        elif owed := self._owed():
            self._receive(owed, self._payment(owed, "sadad", 0, "now"))

    # The bank

    @precondition(lambda self: self.person.invoices)
    @rule(which=SOME, method=METHODS, change=CHANGES, moved=MOVED, again=st.booleans())
    def a_payment_is_received(self, which: int, method: str, change: int, moved: str, again: bool) -> None:
        """A new one, or one of those that came already."""
        if again and self.came:
            self._receive(*self.came[which % len(self.came)])
        else:
            invoice = self._invoice(which)
            self._receive(invoice, self._payment(invoice, method, change, moved))

    @precondition(lambda self: self._owed())
    @rule(method=METHODS, pays=st.booleans(), told=st.booleans())
    def begin_to_pay(self, method: str, pays: bool, told: bool) -> None:
        invoice = self._owed()
        row = attempts.begin(self._invoice_row(invoice), method, language="en", now=self.now)
        attempt = next((one for one in self.person.attempts if one.given_id == str(row.given_id)), None)
        if not attempt:
            attempt = expected.Attempt(str(row.given_id), invoice, method)
            self.person.attempts.append(attempt)
        live = Attempt.objects.live().filter(invoice=row.invoice_id, method=method).count()
        assert live == 1, f"{live} live attempts by {method}"
        self.now += timedelta(seconds=31)  # an attempt as young as that is not asked about
        if pays:
            self._pay_at_the_gateway(attempt, 0, "now", told)

    @precondition(lambda self: self.person.attempts)
    @rule(which=SOME, change=CHANGES, moved=MOVED, told=st.booleans())
    def pay_at_the_gateway(self, which: int, change: int, moved: str, told: bool) -> None:
        attempt = self.person.attempts[-1 - which % len(self.person.attempts)]
        self._pay_at_the_gateway(attempt, change, moved, told)

    def _pay_at_the_gateway(self, attempt: expected.Attempt, change: int, moved: str, told: bool) -> None:
        payment = self._payment(attempt.invoice, attempt.method, change, moved)
        attempt.taken.append(payment)
        self.around.bank.pay(attempt.given_id, payment.ref, payment.method, payment.amount, payment.moved_at)
        self.told.append((attempt, f"event-{payment.ref}", payment.ref))
        if told:
            self._notify(len(self.told) - 1)
            self._work()

    @precondition(lambda self: self.told)
    @rule(which=SOME, worked=st.booleans())
    def a_notification_comes(self, which: int, worked: bool) -> None:
        """Late, out of order, or once more."""
        self._notify(which % len(self.told))
        if worked:
            self._work()

    # The beat, each task once more after it

    @rule(task=st.sampled_from(["work the notifications", "ask the gateway", "cancel what lapsed"]))
    def the_beat(self, task: str) -> None:
        if task == "work the notifications":
            self._work()
        elif task == "ask the gateway":
            self._ask()
        else:
            self._sweep()

    def _work(self) -> None:
        for _ in range(2):
            webhooks.work(self.now)
        self.person.work(self.now)

    def _ask(self) -> None:
        for _ in range(2):
            billing.settle_left(self.now)
            attempts.ask_all(self.now)
        self.person.poll(self.now)

    def _sweep(self) -> None:
        for _ in range(2):
            sweeps.lapse(self.now)
        self.person.sweep(self.now)

    # Refunds: one rule for practitioner, finance and time, so that a ticket comes to its end

    @precondition(lambda self: self._payments())
    @rule(
        which=SOME,
        wish=st.sampled_from(
            [
                "open",
                "open",
                "ask",
                "claim",
                "go on",
                "go on",
                "go on",
                "go on",
                "refuse",
                "overrule",
                "withdraw",
                "time",
            ]
        ),
    )
    def a_refund_moves(self, which: int, wish: str) -> None:
        if wish == "open":
            self._sweep_refunds()
        elif wish in ("ask", "claim"):
            self._ask_back(which, is_claim=wish == "claim")
        elif wish == "time":
            for ends_at in [one.ends_at for one in self.person.tickets if one.state == "approved" and one.ends_at][-1:]:
                self._go_to(max(self.now, ends_at - (SECOND if which % 2 else timedelta())))
                self._sweep_refunds()
        elif tickets := [one for one in self.person.tickets if one.state in expected.OPEN]:
            ticket = tickets[-1 - which % len(tickets)]
            if ticket.state == "approved":
                self._pay_out(ticket)
            elif ticket.state == "overruling":
                self._second(ticket)
            else:
                self._decide(ticket, wish)

    def _sweep_refunds(self) -> None:
        for _ in range(2):
            refund_sweeps.open_tickets(self.now)
            refund_sweeps.escalate(self.now)
            refund_sweeps.expire(self.now)
            payouts.finish_left(self.now)
        self.person.open_tickets(self.now)
        self.person.expire(self.now)

    def _ask_back(self, which: int, *, is_claim: bool) -> None:
        """The fee that a payment settled, or else its first credit."""
        payments = self._payments()
        invoice, payment = payments[-1 - which % len(payments)]
        if payment.disposition == "applied":
            asked = expected.Ticket(invoice, payment, None, is_claim)
        else:
            asked = expected.Ticket(invoice, payment, payment.credits[0])
        facts = {"ground": "wrong_path", "statement": "The desk sent me here."} if asked.is_claim else {}
        row = Payment.objects.get(provider_ref=payment.ref)
        credit = Credit.objects.get(payment=row, reason=asked.credit.reason).pk if asked.credit else None
        with self._refused_if(self.person.is_asked(asked) or not self.person.due(asked, accepted=is_claim)) as refused:
            progress.file(row.pk, credit_id=credit, by=self.payer.user, now=self.now, **facts)
        if not refused:
            self.person.tickets.append(asked)

    def _decide(self, ticket: expected.Ticket, wish: str) -> None:
        finance, due = self.around.finance, self.person.due(ticket)
        if wish == "withdraw" and (ticket.is_claim or not ticket.credit):
            self._moves_ticket(ticket, "withdraw", self.payer.user)
            ticket.state = "closed"
        elif wish == "refuse":
            with self._refused_if(due > 0) as refused:
                self._moves_ticket(ticket, "refuse", finance.decider, public_text="By the rules nothing goes back.")
            if not refused:
                ticket.state = "refused"
        elif wish == "overrule":
            if self.person.is_open_to_two(ticket):
                ticket.proposed = 0 if due else 1
                facts = {"amount": ticket.proposed, "reason": "It was another case."}
                self._moves_ticket(ticket, "overrule", finance.decider, **facts)
                ticket.state = "overruling"
        elif amount := self.person.due(ticket, accepted=ticket.is_claim):
            self._two_approve_at_once(ticket, amount)

    def _two_approve_at_once(self, ticket: expected.Ticket, amount: int) -> None:
        """Two officers press the same button; the second one finds that it is done."""
        finance, now, refused = self.around.finance, self.now, []

        def approve(by) -> None:
            try:
                self._moves_ticket(ticket, "approve", by, now=now, accepted=ticket.is_claim)
            except NotAllowed:
                refused.append(by)

        self._while_first_is_held(lambda: approve(finance.decider), lambda: approve(finance.payer))
        assert refused == [finance.payer]
        self.person.approve_ticket(ticket, amount, now)

    def _second(self, ticket: expected.Ticket) -> None:
        head = self.around.finance.head
        if not ticket.proposed:
            self._moves_ticket(ticket, "endorse_refusal", head, public_text="It was another case.")
            ticket.state = "refused"
        elif self.person.is_open_to_two(ticket):
            self._moves_ticket(ticket, "endorse", head)
            self.person.approve_ticket(ticket, ticket.proposed, self.now)
        else:
            with self._refused_if(True):
                self._moves_ticket(ticket, "endorse", head)
            self._moves_ticket(ticket, "send_back", head, internal_text="It was issued meanwhile.")
            ticket.state = "filed"

    def _pay_out(self, ticket: expected.Ticket) -> None:
        by, row = self.around.finance.payer, self._ticket_row(ticket)
        if ticket.wants_account:
            self._moves_ticket(ticket, "give_account", self.payer.user, account=ACCOUNT, holder="Samar Idris")
            ticket.has_account, ticket.ends_at = True, expected.cut_off(self.now, 14)
            return
        is_card = ticket.payment.method == "card"
        with self._refused_if(self.now >= ticket.ends_at) as refused:
            if is_card:
                payouts.pay(row, by=by, now=self.now)
            else:
                progress.advance(row.pk, "pay", by=by, now=self.now)
        if refused:
            return
        if is_card:
            with self._refused_if(True):  # once more
                payouts.pay(row, by=by, now=self.now)
        else:
            progress.advance(row.pk, "confirm", by=by, now=self.now, reference=f"bank {row.pk}")
        ticket.state = "paid_out"

    # Two at once: the first has done everything but commit when the second begins

    @precondition(lambda self: self._owed())
    @rule()
    def two_payments_at_once(self) -> None:
        invoice = self._owed()
        first, second = (self._payment(invoice, method, 0, "now") for method in ("card", "sadad"))
        self._while_first_is_held(self._receiver(invoice, first), self._receiver(invoice, second))
        for payment in (first, second):
            self.came.append((invoice, payment))
            self.person.hear(invoice, payment, self.now)

    @precondition(lambda self: self._owed())
    @rule(beside=st.sampled_from([timedelta(), SECOND]))
    def a_payment_and_the_sweep_at_once(self, beside: timedelta) -> None:
        invoice = self._owed()
        self._ask()
        self._go_to(invoice.lapses_at + beside)
        self._ask()
        if invoice.state != "issued":
            return
        payment, now = self._payment(invoice, "sadad", 0, "just in time"), self.now
        self._while_first_is_held(self._receiver(invoice, payment), lambda: sweeps.lapse(now))
        self.came.append((invoice, payment))
        self.person.hear(invoice, payment, now)
        self.person.sweep(now)

    # What must hold after every step

    @invariant()
    def the_database_says_what_it_should(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(FOUND, {"payer": self.payer.pk})
            found = Counter(cursor.fetchall())
        wanted = self.person.rows()
        assert found == wanted, (
            f"wrong: {sorted((found - wanted).elements())}, missing: {sorted((wanted - found).elements())}"
        )

    @invariant()
    def no_rule_of_the_books_is_broken(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("EXECUTE books (%s, %s, %s)", [[self.payer.pk], self.now, self.around.guards])
            found = [one for one in books.read(cursor.fetchall()) if one.rule.id not in OF_THE_BEAT]
        assert not found, "; ".join(map(str, found))

    # Between the two worlds

    def _in(self, *states: str) -> expected.Case | None:
        case = self.person.open_case
        return case if case and case.state in states else None

    def _may_begin(self) -> bool:
        return not self.person.open_case and all(case.state != "completed" for case in self.person.cases)

    def _owed(self) -> expected.Invoice | None:
        """The open invoice while there is time to pay it."""
        is_owed = (one for one in self.person.invoices if one.state == "issued" and self.now < one.lapses_at)
        return next(is_owed, None)

    def _payments(self) -> list[tuple[expected.Invoice, expected.Payment]]:
        return [(invoice, payment) for invoice in self.person.invoices for payment in invoice.payments]

    def _ticket_row(self, ticket: expected.Ticket) -> Ticket:
        """The newest about the same money: an open one has none after it."""
        reason = ticket.credit.reason if ticket.credit else None
        return Ticket.objects.filter(payment__provider_ref=ticket.payment.ref, credit__reason=reason).latest("pk")

    def _moves_ticket(self, ticket: expected.Ticket, name: str, by, *, now: datetime | None = None, **facts) -> None:
        progress.advance(self._ticket_row(ticket).pk, name, by=by, now=now or self.now, **facts)

    @contextmanager
    def _refused_if(self, expects: bool) -> Iterator[list[NotAllowed]]:
        """What is done in it must be refused, or must not be; gives the refusals."""
        refused: list[NotAllowed] = []
        try:
            yield refused
        except NotAllowed as reason:
            refused.append(reason)
        assert bool(refused) == expects, f"refused: {refused}"

    def _row(self, case: expected.Case) -> Application:
        return Application.objects.get(reference=case.reference)

    def _invoice_row(self, invoice: expected.Invoice) -> Invoice:
        place = [one for one in invoice.case.invoices if one.purpose == invoice.purpose].index(invoice)
        return Invoice.objects.filter(case=invoice.case.reference, purpose=invoice.purpose).order_by("pk")[place]

    def _invoice(self, which: int) -> expected.Invoice:
        """The newest first: money for old ones is the rarer case."""
        return self.person.invoices[-1 - which % len(self.person.invoices)]

    def _payment(self, invoice: expected.Invoice, method: str, change: int, moved: str) -> expected.Payment:
        at = {
            "now": self.now,
            "earlier": self.now - (self.now - invoice.issued_at) / 2,
            "just in time": invoice.lapses_at - SECOND,
            "just too late": invoice.lapses_at,
        }[moved].replace(microsecond=0)
        ref = f"{self.token}-{next(self.numbers)}"
        return expected.Payment(ref, method, invoice.amount + change, min(at, self.now))

    def _draft(self) -> expected.Case:
        around = self.around
        draft = filing.start(self.payer, CATALOGUE["classification"], now=self.now)
        chosen = {"specialty": around.specialty, "rank": around.rank, "qualification": self.degree}
        filing.save_answers(draft, {"gap_explanation": ""}, version=draft.version, now=self.now, **chosen)
        Attachment.objects.bulk_create(
            Attachment(application=draft, practitioner=self.payer, slot=paper.kind, paper=paper, attached_at=self.now)
            for paper in self.papers
        )
        case = expected.Case(draft.reference, self.now)
        self.person.cases.append(case)
        return case

    def _moves(self, case: expected.Case, name: str, *, by=None, in_time: bool = False, **facts) -> bool:
        """Whether the move was made; with `in_time` it must be refused from the cut-off on."""
        late = in_time and self.now >= case.deadline
        try:
            advance(self._row(case).pk, name, by=by or self.payer.user, now=self.now, **facts)
        except NotAllowed:
            if not late:
                raise
            return False
        assert not late, f"{name} after the cut-off"
        return True

    def _receiver(self, invoice: expected.Invoice, payment: expected.Payment) -> Callable[[], object]:
        row, now = self._invoice_row(invoice), self.now
        return lambda: billing.receive(
            invoice=row,
            attempt=None,
            provider_ref=payment.ref,
            method=payment.method,
            amount=payment.amount,
            paid_at=payment.moved_at,
            now=now,
        )

    def _receive(self, invoice: expected.Invoice, payment: expected.Payment) -> None:
        self._receiver(invoice, payment)()
        self.came.append((invoice, payment))
        self.person.hear(invoice, payment, self.now)

    def _notify(self, place: int) -> None:
        attempt, event_id, ref = self.told[place]
        raw = notification(event_id, attempt.given_id, ref, NOON)
        answer = webhooks.receive(RequestFactory().post("/", raw, content_type="application/json"))
        assert answer.status_code == 200
        if event_id not in attempt.told:
            attempt.told.add(event_id)
            attempt.waiting.add(event_id)

    def _while_first_is_held(self, first: Callable[[], object], second: Callable[[], object]) -> None:
        """Run `first` to the end of what it settles, then begin `second`; let `first` commit once that waits or is done."""
        held, go_on, names = threading.Event(), threading.Event(), []

        def hold() -> None:
            held.set()
            go_on.wait(20)

        def run(action: Callable[[], object], *, holds: bool) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                names.append(cursor.fetchone()[0])
            HOLD.here = hold if holds else None
            try:
                action()
            finally:
                HOLD.here = None
                held.set()

        one = self.around.threads.submit(run, first, holds=True)
        held.wait(20)
        other = self.around.threads.submit(run, second, holds=False)
        while not other.done() and not (len(names) == 2 and _is_waiting(names[1])):
            threading.Event().wait(0.001)
        go_on.set()
        one.result(20)
        other.result(20)


def run(around: Surroundings, chosen: int, *, runs: int, steps: int, shrink: bool = True) -> None:
    """So many examples of the machine, by a seed. Raises what a step or a rule says of the first that goes wrong."""

    class Machine(MoneyMachine):
        pass

    Machine.around = around
    options = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(chosen)(Machine), settings=options)


HOLD = threading.local()


def held_before_commit(apply: Callable[..., None]) -> Callable[..., None]:
    """billing._apply, after which the thread that asked for it is held: all is done, nothing is committed."""

    def applied(*args, **facts) -> None:
        apply(*args, **facts)
        if hold := getattr(HOLD, "here", None):
            hold()

    return applied


def _is_waiting(backend: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [backend])
        return cursor.fetchone()[0]


def _slots(around: Surroundings) -> list[str]:
    """What a complete draft attaches: the same for everybody here."""
    payer = make_practitioner()
    draft = filing.start(payer, CATALOGUE["classification"], now=NOON)
    chosen = {"specialty": around.specialty, "rank": around.rank, "qualification": make_qualification(payer)}
    filing.save_answers(draft, {"gap_explanation": ""}, version=draft.version, now=NOON, **chosen)
    draft.refresh_from_db()
    slots = CATALOGUE["classification"].slots(dossier.load(payer, NOON, draft))
    return [slot.slug for slot in slots if slot.required]


def _paper(payer: Practitioner, kind: str) -> Paper:
    """As the wallet leaves one; no file is ever opened here."""
    facts = {"name": f"{kind}.pdf", "sha256": b"x" * 32, "bytes": 1_000, "media_type": "application/pdf"}
    return Paper.objects.create(
        practitioner=payer, kind=kind, storage_key=uuid.uuid4(), scan="unscanned", uploaded_at=NOON, **facts
    )
