"""The bank and the gateway: money that comes in any order, by both ways, told of early, late, twice or never; and the beat."""

from datetime import timedelta

from django.test import RequestFactory
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from applications import exempting, sweeps
from payments import attempts, billing, webhooks
from payments.models import Attempt
from tests.people import NOON
from tests.stateful import expected
from tests.stateful.bank import notification
from tests.stateful.world import AROUND, CHANGES, METHODS, MOVED, SOME, World


class Paying(World):
    @precondition(lambda self: self.person.invoices)
    @rule(which=SOME, method=METHODS, change=CHANGES, moved=MOVED, again=st.booleans())
    def a_payment_is_received(self, which: int, method: str, change: int, moved: str, again: bool) -> None:
        """A new one, or one of those that came already."""
        if again and self.came:
            self._receive(*self.came[which % len(self.came)])
        else:
            invoice = self._invoice(which)
            self._receive(invoice, self._payment(invoice, method, change, moved))

    @precondition(lambda self: self._gave_way() and (self.person.open_case or self._may_begin()))
    @rule(method=METHODS)
    def money_comes_for_a_case_that_a_newer_one_replaced(self, method: str) -> None:
        newer = self.person.open_case or self._draft()
        if newer.state == "draft":
            self._declare(newer)
        invoice = self._gave_way()
        self._receive(invoice, self._payment(invoice, method, moved="just in time"))

    def _gave_way(self) -> expected.Invoice | None:
        """The newest invoice that was cancelled unpaid."""
        return next((one for one in reversed(self.person.invoices) if one.state == "lapsed"), None)

    # Through the gateway

    @precondition(lambda self: self._owed())
    @rule(
        method=METHODS, then=st.sampled_from(["wait", "pay", "pay and tell", "let the time end", "pay and let it end"])
    )
    def begin_to_pay(self, method: str, then: str) -> None:
        invoice = self._owed()
        if not (attempt := self._attempt(invoice, method)):
            return
        if then.startswith("pay"):
            self._pay_at_the_gateway(attempt, told=then == "pay and tell")
        if then.endswith("end") and invoice.clock.lapses_at:  # with what the gateway knows unheard
            self._go_to(max(self.now, invoice.clock.lapses_at))
            self._sweep()
        if then == "let the time end":
            self._ask()
            self._sweep()

    def _attempt(self, invoice: expected.Invoice, method: str) -> expected.Attempt | None:
        """The live one of this invoice; of a bill that has run out the gateway is asked first, and may say that it was paid."""
        own = [one for one in self.person.attempts if one.invoice is invoice and one.method == method and one.live]
        if own and own[0].has_run_out(self.now):
            self.person.ask(own[0], self.now)
        try:
            row = attempts.begin(self._invoice_row(invoice), method, language="en", now=self.now)
        except attempts.CannotPay:
            assert invoice.state != "issued", "an open invoice can be paid"
            return None
        assert invoice.state == "issued", "an invoice that is paid cannot be paid again"
        attempt = next((one for one in self.person.attempts if one.given_id == str(row.given_id)), None)
        if not attempt:
            attempt = expected.Attempt(str(row.given_id), invoice, method, expected.day_of(self.now))
            self.person.attempts.append(attempt)
        live = Attempt.objects.live().filter(invoice=row.invoice_id, method=method).count()
        assert live == 1, f"{live} live attempts by {method}"
        self.now += timedelta(seconds=31)  # an attempt as young as that is not asked about
        return attempt

    @precondition(lambda self: self.person.attempts)
    @rule(which=SOME, change=CHANGES, moved=MOVED, told=st.booleans())
    def pay_at_the_gateway(self, which: int, change: int, moved: str, told: bool) -> None:
        attempt = self.person.attempts[-1 - which % len(self.person.attempts)]
        self._pay_at_the_gateway(attempt, change, moved, told=told)

    def _pay_at_the_gateway(
        self, attempt: expected.Attempt, change: int = 0, moved: str = "now", *, told: bool
    ) -> None:
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

    def _notify(self, place: int) -> None:
        attempt, event_id, ref = self.told[place]
        raw = notification(event_id, attempt.given_id, ref, NOON)
        answer = webhooks.receive(RequestFactory().post("/", raw, content_type="application/json"))
        assert answer.status_code == 200
        if event_id not in attempt.told:
            attempt.told.add(event_id)
            attempt.waiting.add(event_id)

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
            exempting.begin(self.now)
            sweeps.lapse(self.now)
        self.person.sweep(self.now)

    # Two at once

    @precondition(lambda self: self._owed())
    @rule()
    def two_payments_at_once(self) -> None:
        invoice = self._owed()
        first, second = (self._payment(invoice, method) for method in ("card", "sadad"))
        self._at_once(self._receiver(invoice, first), self._receiver(invoice, second))
        for payment in (first, second):
            self._expect(invoice, payment)

    @precondition(lambda self: self._owed() and self._owed().clock.lapses_at)
    @rule(beside=st.sampled_from(AROUND[1:]))
    def a_payment_and_the_sweep_at_once(self, beside: timedelta) -> None:
        invoice = self._owed()
        self._ask()
        if invoice.state != "issued":
            return
        self._go_to(invoice.clock.lapses_at + beside)
        self._ask()
        if invoice.state != "issued":
            return
        payment, now = self._payment(invoice, "sadad", moved="just in time"), self.now
        self._at_once(self._receiver(invoice, payment), lambda: sweeps.lapse(now))
        self._expect(invoice, payment)
        self.person.cancel_lapsed(now)
