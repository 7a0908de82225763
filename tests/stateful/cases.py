"""The case and its clock: it moves on, back or out; time passes to its cut-off; staff let the clock stand, run, end later."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from applications import deadlines, filing
from applications.progress import advance
from applications.review import Remark
from mumaris.kit.lifecycle import NotAllowed
from tests.stateful import expected
from tests.stateful.paying import Paying
from tests.stateful.world import AROUND, CHANGES, MOVED

NO_MATTER_WHEN = None
SWEPT = st.sampled_from(["first", "last", "alone", "never"])


class Cases(Paying):
    # A step of time alone, or to the end of what the open case waits for, with the sweep and money in any order

    @rule(
        days=st.sampled_from([0, 0, 1, 12]),
        beside=st.sampled_from([NO_MATTER_WHEN, *AROUND]),
        swept=SWEPT,
        change=CHANGES,
        moved=MOVED,
    )
    def time_passes(self, days: int, beside: timedelta | None, swept: str, change: int, moved: str) -> None:
        case = self.person.open_case
        if beside is NO_MATTER_WHEN or not case or not case.deadline:
            self._go_to(self.now + timedelta(days=days, seconds=17))
            return
        self._go_to(max(self.now, case.deadline + beside))
        if swept in ("first", "alone"):
            self._sweep()
        if swept != "alone":
            self._receive(case.invoices[-1], self._payment(case.invoices[-1], "card", change, moved))
        if swept == "last":
            self._sweep()

    # One rule for practitioner and office, drawn as often as three, so that few runs are those in which the case stands still

    @precondition(lambda self: self._waits_for_no_money())
    @rule()
    def the_case_goes_on(self) -> None:
        case, office = self.person.open_case or self._draft(), self.around.office
        if case.state == "draft":
            self._declare(case)
        elif case.state == "returned":
            self._answer(case)
        elif case.state == "being_issued":
            self._withdraw(case)
        else:
            office.approve(self._row(case), now=self.now)
            self.person.approve(case, self.now)

    the_case_goes_on_soon = the_case_goes_on_today = the_case_goes_on

    @precondition(lambda self: self.person.open_case and self.person.open_case.was_declared)
    @rule(wish=st.sampled_from(["step back", "return", "reject", "withdraw", "issue"]))
    def the_case_turns(self, wish: str) -> None:
        """Back or out. Nothing comes after what is issued, so it is the rarest end."""
        case, office = self.person.open_case, self.around.office
        if wish == "withdraw":
            self._withdraw(case)
        elif case.state in ("submitted", "under_review"):
            self._judge(case, wish)
        elif wish == "step back" and case.state in expected.AWAITS.values():
            self._step_back(case)
        elif case.state == "being_issued" and wish == "reject":
            self._moves(case, "refuse", by=office.registrar, public_text="The papers are not genuine.")
            self.person.move(case, "rejected")
        elif case.state == "being_issued" and wish == "issue":
            with self._refused_if(self.person.gives_the_fee_back(case)) as refused:
                advance(self._row(case).pk, "issue", by=office.registrar, now=self.now)
            if not refused:
                self.person.move(case, "completed")

    def _waits_for_no_money(self) -> bool:
        case = self.person.open_case
        return case.state not in expected.AWAITS.values() if case else self._may_begin()

    def _judge(self, case: expected.Case, wish: str) -> None:
        office = self.around.office
        if wish == "reject":
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

    def _withdraw(self, case: expected.Case) -> None:
        self._moves(case, "withdraw")
        self.person.move(case, "withdrawn")
        case.withdrawn_at = self.now

    def _answer(self, case: expected.Case) -> None:
        if not case.clock.is_over(self.now):
            for item in self._row(case).return_items.filter(answer_kind=""):
                filing.answer(item, kind="text", text="It is legible now.", now=self.now)
        if self._moves(case, "resubmit", in_time=True):
            self.person.move(case, "under_review")

    def _moves(self, case: expected.Case, name: str, *, by=None, in_time: bool = False, **facts) -> bool:
        """Whether the move was made; with `in_time` it must be refused from the cut-off on."""
        late = in_time and case.clock.is_over(self.now)
        try:
            advance(self._row(case).pk, name, by=by or self.payer.user, now=self.now, **facts)
        except NotAllowed:
            if not late:
                raise
            return False
        assert not late, f"{name} after the cut-off"
        return True

    # What staff do to the clock; what its end would have been is then no end any more

    @precondition(lambda self: self.person.open_case and self.person.open_case.clock)
    @rule(
        what=st.sampled_from(["stop or go", "stop or go", "extend", "extend", "once more"]),
        days=st.sampled_from([1, 30]),
        beside=st.sampled_from([NO_MATTER_WHEN, *AROUND]),
    )
    def staff_change_the_clock(self, what: str, days: int, beside: timedelta | None) -> None:
        case, old_end = self.person.open_case, self.person.open_case.deadline
        if what == "extend":
            self._extend(case, days)
        elif ("staff" in case.clock.held_for) == (what == "stop or go"):
            self._resume(case)
        else:
            self._pause(case)
        if old_end and case.deadline != old_end and beside is not NO_MATTER_WHEN:
            self._go_to(max(self.now, old_end + beside))
            self._sweep()

    staff_change_the_clock_again = staff_change_the_clock

    def _pause(self, case: expected.Case) -> None:
        with self._refused_if(case.clock.is_over(self.now) or "staff" in case.clock.held_for) as refused:
            deadlines.pause(self._row(case).pk, cause="staff", reason="The desk was shut.", **self._by_clerk())
        if not refused:
            case.clock.hold("staff", self.now)

    def _resume(self, case: expected.Case) -> None:
        with self._refused_if("staff" not in case.clock.held_for) as refused:
            deadlines.resume(self._row(case).pk, cause="staff", reason="It is open again.", **self._by_clerk())
        if not refused:
            case.clock.let_go("staff", self.now)

    def _extend(self, case: expected.Case, days: int) -> None:
        clock = case.clock
        with self._refused_if(clock.is_over(self.now) or bool(clock.held_for) or clock.is_extended) as refused:
            deadlines.extend(self._row(case).pk, days=days, reason="The bank was shut.", **self._by_clerk())
        if not refused:
            clock.extend(days, self.now)

    def _by_clerk(self) -> dict:
        return {"by": self.around.office.approver, "now": self.now}
