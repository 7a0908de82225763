"""Refunds: asked for or opened by themselves, decided, paid out to cards and by files of transfers, or ended by time."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mumaris.kit.lifecycle import NotAllowed
from payments.models import Credit, Payment
from refunds import payouts, progress, transfers
from refunds import sweeps as refund_sweeps
from refunds.models import Ticket, Transfer
from tests.refunds.tickets import ACCOUNT
from tests.stateful import expected
from tests.stateful.world import SECOND, SOME, World

WISHES = ["open", "ask", "claim", *["go on"] * 5, "refuse", "overrule", "withdraw", "time"]


class Refunds(World):
    # One rule for practitioner, finance, bank and time, drawn as often as two, so that a ticket comes to its end

    @precondition(lambda self: self._payments())
    @rule(which=SOME, wish=st.sampled_from(WISHES))
    def a_refund_moves(self, which: int, wish: str) -> None:
        tickets = sorted(
            (one for one in self.person.tickets if one.state in expected.OPEN),
            key=lambda one: expected.OPEN.index(one.state),
        )
        if wish == "open" or (wish == "go on" and not tickets):
            self._sweep_refunds()
        elif wish in ("ask", "claim"):
            payments = self._payments()
            self._ask_for(*payments[-1 - which % len(payments)], is_claim=wish == "claim")
        elif wish == "time":
            for ends_at in [one.ends_at for one in self.person.tickets if one.state == "approved" and one.ends_at][-1:]:
                self._go_to(max(self.now, ends_at - (SECOND if which % 2 else timedelta())))
                self._sweep_refunds()
        elif tickets:
            ticket = tickets[-1 - which % min(2, len(tickets))]  # one of the two that are furthest
            if ticket.state == "paying":
                self._hear_of_transfer(ticket, comes_back=wish != "go on")
            elif ticket.state == "approved":
                self._pay_out(ticket, at_once=which % 2 == 0)
            elif ticket.state == "overruling":
                self._second(ticket)
            else:
                self._decide(ticket, wish)

    a_refund_moves_soon = a_refund_moves

    def _sweep_refunds(self) -> None:
        for _ in range(2):
            refund_sweeps.open_tickets(self.now)
            refund_sweeps.escalate(self.now)
            refund_sweeps.expire(self.now)
            payouts.finish_left(self.now)
        self.person.open_tickets(self.now)
        self.person.expire(self.now)

    def _ask_for(self, invoice: expected.Invoice, payment: expected.Payment, *, is_claim: bool = False) -> None:
        """The fee that a payment settled, or else its first credit."""
        if payment.disposition == "applied":
            asked = expected.Ticket(invoice, payment, None, is_claim)
        else:
            asked = expected.Ticket(invoice, payment, payment.credits[0])
        facts = {"ground": "wrong_path", "statement": "The desk sent me here."} if asked.is_claim else {}
        row = Payment.objects.get(provider_ref=payment.ref)
        credit = Credit.objects.get(payment=row, reason=asked.credit.reason).pk if asked.credit else None
        may_ask = self.person.due(asked, accepted=is_claim) or self.person.ran_out(asked)
        with self._refused_if(self.person.is_asked(asked) or not may_ask) as refused:
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

        self._at_once(lambda: approve(finance.decider), lambda: approve(finance.payer))
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

    # Paying out

    def _pay_out(self, ticket: expected.Ticket, *, at_once: bool) -> None:
        if ticket.wants_account:
            self._moves_ticket(ticket, "give_account", self.payer.user, account=ACCOUNT, holder="Samar Idris")
            ticket.has_account, ticket.ends_at = True, expected.cut_off(self.now, 14)
            if not at_once:
                return
        if ticket.payment.method == "card":
            self._pay_to_the_card(ticket)
        else:
            self._two_collect_at_once(ticket)

    def _pay_to_the_card(self, ticket: expected.Ticket) -> None:
        by, row = self.around.finance.payer, self._ticket_row(ticket)
        with self._refused_if(self.now >= ticket.ends_at) as refused:
            payouts.pay(row, by=by, now=self.now)
        if not refused:
            with self._refused_if(True):  # once more
                payouts.pay(row, by=by, now=self.now)
            ticket.state = "paid_out"

    def _two_collect_at_once(self, ticket: expected.Ticket) -> None:
        """Two officers make a file of transfers; all that waits is in the first one."""
        now, refused = self.now, []
        first, second = self.around.finance.payer, self.around.second_payer

        def collect(by) -> None:
            try:
                transfers.collect(by=by, now=now)
            except NotAllowed:
                refused.append(by)

        self._at_once(lambda: collect(first), lambda: collect(second))
        if self.person.is_collectable(ticket, now):
            assert refused == [second]
        self.person.collect(now)

    def _hear_of_transfer(self, ticket: expected.Ticket, *, comes_back: bool) -> None:
        row = self._ticket_row(ticket)
        transfer = row.transfers.get(outcome=Transfer.Outcome.SENT)
        by = {"by": self.around.finance.payer, "now": self.now}
        if comes_back:
            transfers.failed(transfer, reason="There is no such account.", **by)
            self.person.came_back(ticket)
        else:
            transfers.executed(transfer, reference=f"bank {transfer.pk}", **by)
            self.person.transferred(ticket)
        with self._refused_if(True):  # once more
            transfers.executed(transfer, reference=f"bank {transfer.pk} again", **by)

    def _ticket_row(self, ticket: expected.Ticket) -> Ticket:
        """The newest about the same money: an open one has none after it."""
        reason = ticket.credit.reason if ticket.credit else None
        return Ticket.objects.filter(payment__provider_ref=ticket.payment.ref, credit__reason=reason).latest("pk")

    def _moves_ticket(self, ticket: expected.Ticket, name: str, by, *, now=None, **facts) -> None:
        progress.advance(self._ticket_row(ticket).pk, name, by=by, now=now or self.now, **facts)
