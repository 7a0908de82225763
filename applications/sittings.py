"""What may still be told of an eligibility number, and what follows from it: pure questions, asked by hand and by file alike."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from applications.lifecycle import LIFECYCLE, State
from applications.models import Application, EligibilityNumber, Outcome
from mumaris.kit.clock import days_after, today

# Reasons by their code. Facts are texts; days in ISO form, results and states by their code.
WORDS: dict[str, Any] = {
    "another_result": _("%(day)s has the result “%(outcome)s” already. Correct that one by hand, with the reason."),
    "none_left": _("No attempt is left on %(number)s."),
    "future": _("%(day)s lies in the future."),
    "before_issue": _("%(number)s was issued on %(issued)s, after %(day)s."),
    "after_expiry": _("%(number)s was valid until %(until)s, and the exam was on %(day)s."),
    "not_waiting": _("%(reference)s does not await an exam: it is “%(state)s”."),
    "expired": _("%(number)s expired on %(until)s."),
    "replaced": _("%(number)s was replaced by %(newer)s."),
}
SHOWN = {
    "day": lambda text: date_format(date.fromisoformat(text), "j F Y"),
    "issued": lambda text: date_format(date.fromisoformat(text), "j F Y"),
    "until": lambda text: date_format(date.fromisoformat(text), "j F Y"),
    "outcome": lambda text: Outcome(text).label,
    "state": lambda text: State(text).label,
}


@dataclass(frozen=True)
class Objection:
    """One reason why something cannot be recorded; kept as a code and facts, put into words where it is read."""

    code: str
    facts: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = {name: SHOWN[name](fact) if name in SHOWN else fact for name, fact in self.facts.items()}
        return str(WORDS[self.code]) % shown


@dataclass
class Standing:
    """How an eligibility number stands at a moment. `told` is all that was ever said of each sitting, by day."""

    number: str
    reference: str
    state: str
    free_attempts: int
    paid_attempts: int
    fee: int
    validity_days: int
    cooling_off_days: int
    issued_on: date
    valid_until: date
    used: int
    told: dict[date, list[str]]
    last_counted: date | None = None
    expired: bool = False
    newer: str = ""

    @classmethod
    def of(cls, number: EligibilityNumber, application: Application, now: datetime, newer: str = "") -> "Standing":
        """From the rows: the number with its results and their corrections, the case with its deadline.

        `newer` is the number that took this one's place, if one did.
        """
        told: dict[date, list[str]] = {}
        for result in sorted(number.results.all(), key=lambda one: one.pk):
            told.setdefault(result.sat_on, []).append(result.outcome)
        counted = [one.sat_on for one in number.standing_results() if one.outcome != Outcome.EXCUSED]
        deadline = getattr(application, "deadline", None)
        return cls(
            number=number.number,
            reference=application.reference,
            state=application.state,
            free_attempts=number.free_attempts,
            paid_attempts=number.paid_attempts,
            fee=number.fee,
            validity_days=number.validity_days,
            cooling_off_days=number.cooling_off_days,
            issued_on=today(number.issued_at),
            valid_until=number.valid_until,
            used=len(counted),
            told=told,
            last_counted=max(counted, default=None),
            expired=application.state == State.AWAITING_EXAM and deadline is not None and deadline.is_over(now),
            newer=newer,
        )

    @property
    def left(self) -> int:
        return max(0, self.free_attempts + self.paid_attempts - self.used)

    @property
    def again_on(self) -> date | None:
        """The first day on which one may apply again, once the last attempt is used up."""
        return self.last_counted + timedelta(days=self.cooling_off_days) if self.last_counted else None

    def knows(self, outcome: str, sat_on: date) -> bool:
        """Whether this was said of that sitting before: as it was first told, or as it was corrected since."""
        return outcome in self.told.get(sat_on, [])

    def objections(self, outcome: str, sat_on: date, on: date) -> list[Objection]:
        """What is wrong with telling this of the number on the Riyadh day `on`, however its application stands."""
        if sat_on in self.told:
            return [Objection("another_result", {"day": sat_on.isoformat(), "outcome": self.told[sat_on][-1]})]
        day, number = sat_on.isoformat(), self.number
        found = []
        if outcome != Outcome.EXCUSED and not self.left:
            found.append(Objection("none_left", {"number": number}))
        if sat_on > on:
            found.append(Objection("future", {"day": day}))
        if sat_on < self.issued_on:
            found.append(
                Objection("before_issue", {"number": number, "issued": self.issued_on.isoformat(), "day": day})
            )
        if sat_on > self.valid_until:
            found.append(
                Objection("after_expiry", {"number": number, "until": self.valid_until.isoformat(), "day": day})
            )
        return found

    def why_not_awaited(self) -> Objection | None:
        """Why no result of this number is waited for, if none is."""
        if self.newer:
            return Objection("replaced", {"number": self.number, "newer": self.newer})
        if self.state != State.AWAITING_EXAM:
            return Objection("not_waiting", {"reference": self.reference, "state": self.state})
        if self.expired:
            return Objection("expired", {"number": self.number, "until": self.valid_until.isoformat()})
        return None

    def move_after(self, outcome: str) -> str:
        """The move that this further sitting leads to; "" where an excused absence changes nothing."""
        if outcome == Outcome.PASSED:
            return "pass"
        if outcome == Outcome.EXCUSED:
            return ""
        if self.used + 1 < self.free_attempts:
            return "fail_free"
        return "fail_paid" if self.left > 1 else "fail_last"

    def take(self, outcome: str, sat_on: date, now: datetime) -> str:
        """Count this sitting and go where it leads; returns the move. A fee of zero is waived at once, so it goes on (SRV-11)."""
        move = self.move_after(outcome)
        self.told[sat_on] = [outcome]
        if outcome != Outcome.EXCUSED:
            self.used += 1
            self.last_counted = max(sat_on, self.last_counted or sat_on)
        if move == "fail_paid" and not self.fee:
            self.valid_until = days_after(now, self.validity_days)
        elif move:
            self.state = LIFECYCLE[move].target
        return move
