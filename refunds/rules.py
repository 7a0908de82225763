"""What goes back of one payment, and by which rule (REF-2 to REF-5). Pure: no database, no clock.

Amounts are halalas, moments UTC. Reasons come out in the active language.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import TextChoices
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mumaris.kit.clock import days_after, end_of_day
from mumaris.kit.templatetags.look import gregorian


class Rule(TextChoices):
    """In the order in which they are read (REF-5); the first that applies decides."""

    UNAPPLIED = "unapplied", gettext_lazy("Money that settled nothing: paid twice, too much, too late or without need")
    NOT_REQUESTED = "not_requested", gettext_lazy("Paid for what was not requested, on advice of staff or the portal")
    WRONG_PATH = "wrong_path", gettext_lazy("Sent down a wrong path by staff or the portal")
    EXEMPT = "exempt", gettext_lazy("Exempt from all fees")
    LATE_PROOF = "late_proof", gettext_lazy("Late fee, with proof of attempts in time")
    ADMIN_FEE = "admin_fee", gettext_lazy("The administrative fee is not refundable")
    USED = "used", gettext_lazy("Service delivered or used")
    CONDITIONS = "conditions", gettext_lazy("The conditions of the service were not met")
    NOT_COMPLIED = "not_complied", gettext_lazy("Rejected because the applicant did not comply")
    UNANSWERED = "unanswered", gettext_lazy("Cancelled because the remarks were not answered")
    HALF = "half", gettext_lazy("Withdrawn within the month: a part of the service fee")
    NOTHING = "nothing", gettext_lazy("Otherwise nothing goes back")
    OVERRULED = "overruled", gettext_lazy("Decided by two officers, for a written reason")


# The grounds that a practitioner can claim and only an officer can accept (REF-4).
CLAIMS = [Rule.NOT_REQUESTED, Rule.WRONG_PATH, Rule.EXEMPT, Rule.LATE_PROOF]
IN_FULL = [Rule.UNAPPLIED, *CLAIMS]

FROM_SUBMISSION, FROM_PAYMENT = 1, 2


class Outcome(TextChoices):
    HIT = "hit", gettext_lazy("Decided the amount")
    MISSED = "missed", gettext_lazy("Does not apply")
    CLAIMED = "claimed", gettext_lazy("If finance accepts it")
    UNREAD = "unread", gettext_lazy("Not read")


@dataclass(frozen=True)
class Part:
    """One fee line that the payment paid, or one credit of it. `returned` is what went back of it or is reserved already.

    `fee` is the line's price (admin, service, late, exam), empty for a credit, whose texts say why it settled nothing.
    """

    base: int
    fee: str = ""
    vat: int = 0
    returned: int = 0
    text_ar: str = ""
    text_en: str = ""
    line: int | None = None
    credit: int | None = None

    @property
    def name(self) -> str:
        return self.text_ar if translation.get_language() == "ar" else self.text_en


@dataclass(frozen=True)
class Facts:
    """All that the rules ask about one payment. `room` is what can still go back of it at all.

    `rejected` is "", "conditions" or "compliance"; `claimed` and `accepted` are grounds of CLAIMS or "". The window counts
    whole Riyadh days after the day it begins (PAY-4).
    """

    paid_at: datetime
    parts: tuple[Part, ...]
    room: int
    submitted_at: datetime | None = None
    withdrawn_at: datetime | None = None
    issued: bool = False
    rejected: str = ""
    unanswered: bool = False
    attempt_used: bool = False
    assessed: bool = False
    exempt: bool = False
    claimed: str = ""
    accepted: str = ""
    percent: int = 50
    window_days: int = 30
    window_basis: int = FROM_SUBMISSION

    @property
    def window_begins(self) -> datetime | None:
        return self.submitted_at if self.window_basis == FROM_SUBMISSION else self.paid_at

    @property
    def window_ends_on(self) -> date | None:
        """The last Riyadh day on which a withdrawal still brings a part of the service fee."""
        return days_after(self.window_begins, self.window_days) if self.window_begins else None


@dataclass(frozen=True)
class Finding:
    """One rule as it was read. `amount` is what the rule would give back of the part, None where it decides nothing."""

    rule: Rule
    outcome: Outcome
    reason: str
    amount: int | None = None


@dataclass(frozen=True)
class Share:
    """What goes back of one part, the rule that decided it, and every rule in order."""

    part: Part
    rule: Rule
    amount: int
    findings: tuple[Finding, ...]

    @property
    def vat(self) -> int:
        """The tax within the amount, to the nearest halala, half up; what went back in steps takes no more tax than was in it."""
        return self._vat_of(self.part.returned + self.amount) - self._vat_of(self.part.returned)

    def _vat_of(self, amount: int) -> int:
        return (2 * self.part.vat * amount + self.part.base) // (2 * self.part.base) if self.part.base else 0


@dataclass(frozen=True)
class Judgement:
    shares: tuple[Share, ...]

    @property
    def amount(self) -> int:
        return sum(share.amount for share in self.shares)

    @property
    def rule(self) -> Rule:
        """The rule that brought the most; where nothing goes back, the one that decided the first part."""
        return max(self.shares, key=lambda share: share.amount).rule if self.shares else Rule.NOTHING


@dataclass(frozen=True)
class Reading:
    """What one rule says of one part: `due` halalas where it applies or, `claimed`, where it would."""

    reason: str
    due: int | None = None
    claimed: bool = False


def judge(facts: Facts) -> Judgement:
    """Judge every part of the payment by the first rule that applies to it (REF-5)."""
    room, shares = facts.room, []
    for part in facts.parts:
        share = _share(part, facts, room)
        room -= share.amount
        shares.append(share)
    return Judgement(tuple(shares))


def if_accepted(facts: Facts) -> int:
    """Halalas that would go back if finance accepted the ground that is claimed."""
    return judge(replace(facts, accepted=facts.claimed)).amount


def half(base: int, percent: int) -> int:
    """The part of a fee that goes back, to the nearest halala, half up (REF-3)."""
    return (base * percent + 50) // 100


def most(facts: Facts) -> int:
    """The most that two officers may give back against the rules: never an administrative fee, nothing of what was issued."""
    return min(facts.room, sum(part.base - part.returned for part in facts.parts if _is_open(part, facts)))


def overruled(facts: Facts, amount: int) -> Judgement:
    """`amount` halalas laid on the parts in their order, as two officers decided. ValueError beyond what is possible."""
    if not 0 <= amount <= most(facts):
        raise ValueError(f"{amount} halalas cannot go back")
    shares, rest = [], amount
    for part, read in zip(facts.parts, judge(facts).shares, strict=True):
        given = min(rest, part.base - part.returned) if _is_open(part, facts) else 0
        rest -= given
        shares.append(Share(part, Rule.OVERRULED, given, read.findings))
    return Judgement(tuple(shares))


def frozen(facts: Facts, judgement: Judgement) -> dict[str, Any]:
    """The judgement as it is kept with a ticket: amounts, and every rule in the words of both languages."""
    in_words: dict[str, list[list[dict[str, Any]]]] = {}
    for language in ("ar", "en"):
        with translation.override(language):
            in_words[language] = [
                [
                    {
                        "rule": one.rule.value,
                        "title": str(one.rule.label),
                        "outcome": one.outcome.value,
                        "reason": one.reason,
                        "amount": one.amount,
                    }
                    for one in share.findings
                ]
                for share in judge(facts).shares
            ]
    return {
        "amount": judgement.amount,
        "if_accepted": if_accepted(facts),
        "accepted": facts.accepted,
        "shares": [
            {
                "ar": share.part.text_ar,
                "en": share.part.text_en,
                "base": share.part.base,
                "returned": share.part.returned,
                "rule": share.rule.value,
                "amount": share.amount,
                "findings": {language: read[number] for language, read in in_words.items()},
            }
            for number, share in enumerate(judgement.shares)
        ],
    }


def _is_open(part: Part, facts: Facts) -> bool:
    return part.credit is not None or not (part.fee == "admin" or facts.issued)


def _share(part: Part, facts: Facts, room: int) -> Share:
    findings: list[Finding] = []
    decided: tuple[Rule, int] | None = None
    for rule, read in ORDER.items():
        if decided:
            findings.append(Finding(rule, Outcome.UNREAD, _("An earlier rule decided.")))
            continue
        reading = read(part, facts)
        if reading.due is None:
            findings.append(Finding(rule, Outcome.MISSED, reading.reason))
        elif reading.claimed:
            findings.append(Finding(rule, Outcome.CLAIMED, reading.reason, _rest(part, reading.due, room)))
        else:
            decided = rule, _rest(part, reading.due, room)
            findings.append(Finding(rule, Outcome.HIT, reading.reason, decided[1]))
    rule, amount = decided or (Rule.NOTHING, 0)
    return Share(part, rule, amount, tuple(findings))


def _rest(part: Part, due: int, room: int) -> int:
    """What is left of `due` once earlier refunds are taken off."""
    return max(0, min(due - part.returned, part.base - part.returned, room))


def _unapplied(part: Part, facts: Facts) -> Reading:
    if part.credit is not None:
        return Reading(f"{part.name}.", part.base)
    return Reading(_("This money settled the fee. Whatever was paid beyond it stands as a credit of its own."))


def _ground(rule: Rule) -> Callable[[Part, Facts], Reading]:
    """A ground that counts once an officer has accepted it."""

    def read(part: Part, facts: Facts) -> Reading:
        if facts.accepted == rule:
            return Reading(_("Finance accepted this ground."), part.base)
        if facts.claimed == rule:
            return Reading(_("Claimed. Finance looks at what you wrote and the paper you attached."), part.base, True)
        return Reading(_("Nothing of the kind is on record, and it is not claimed."))

    return read


def _exempt(part: Part, facts: Facts) -> Reading:
    if facts.exempt:
        return Reading(
            _("An exemption was in force on the day of the payment, %(day)s.") % {"day": gregorian(facts.paid_at)},
            part.base,
        )
    if Rule.EXEMPT in (facts.accepted, facts.claimed):
        return _ground(Rule.EXEMPT)(part, facts)
    return Reading(
        _("No exemption was in force on the day of the payment, %(day)s.") % {"day": gregorian(facts.paid_at)}
    )


def _late_proof(part: Part, facts: Facts) -> Reading:
    if part.fee != "late":
        return Reading(_("This is no late fee."))
    return _ground(Rule.LATE_PROOF)(part, facts)


def _admin_fee(part: Part, facts: Facts) -> Reading:
    if part.fee == "admin":
        return Reading(_("It was paid for opening and examining the application."), 0)
    return Reading(_("This is no administrative fee."))


def _used(part: Part, facts: Facts) -> Reading:
    if part.fee == "exam":
        if facts.attempt_used:
            return Reading(_("The attempt that it paid for was used."), 0)
        return Reading(_("The attempt that it paid for was not used."))
    if facts.issued:
        return Reading(_("What the application asked for was issued."), 0)
    return Reading(_("Nothing was issued."))


def _conditions(part: Part, facts: Facts) -> Reading:
    if facts.rejected == "conditions":
        return Reading(_("The application was rejected because its conditions were not met."), 0)
    return Reading(_("The application was not rejected for its conditions."))


def _not_complied(part: Part, facts: Facts) -> Reading:
    if facts.rejected == "compliance":
        return Reading(_("The application was refused at the last check."), 0)
    return Reading(_("The application was not refused at the last check."))


def _unanswered(part: Part, facts: Facts) -> Reading:
    if facts.unanswered:
        return Reading(_("The remarks were not answered by the end of their last day."), 0)
    return Reading(_("No remarks were left unanswered."))


def _half(part: Part, facts: Facts) -> Reading:
    begins, last = facts.window_begins, facts.window_ends_on
    if part.fee != "service":
        return Reading(_("This rule is about the service fee alone."))
    if facts.withdrawn_at is None:
        return Reading(_("The application was not withdrawn."))
    if begins is None or last is None:
        return Reading(_("The application was never submitted."))
    if facts.window_basis == FROM_PAYMENT and facts.assessed:
        return Reading(_("The exam was attended before the withdrawal."))
    dates = {"begun": gregorian(begins), "last": gregorian(last), "withdrawn": gregorian(facts.withdrawn_at)}
    if facts.withdrawn_at >= end_of_day(last):
        return Reading(
            _("The time began on %(begun)s and ended on %(last)s; the withdrawal was on %(withdrawn)s.") % dates
        )
    return Reading(
        _("The time began on %(begun)s and lasts until the end of %(last)s: %(percent)d%% goes back.")
        % {**dates, "percent": facts.percent},
        half(part.base, facts.percent),
    )


def _nothing(part: Part, facts: Facts) -> Reading:
    return Reading(_("No rule gives anything back."), 0)


ORDER: dict[Rule, Callable[[Part, Facts], Reading]] = {
    Rule.UNAPPLIED: _unapplied,
    Rule.NOT_REQUESTED: _ground(Rule.NOT_REQUESTED),
    Rule.WRONG_PATH: _ground(Rule.WRONG_PATH),
    Rule.EXEMPT: _exempt,
    Rule.LATE_PROOF: _late_proof,
    Rule.ADMIN_FEE: _admin_fee,
    Rule.USED: _used,
    Rule.CONDITIONS: _conditions,
    Rule.NOT_COMPLIED: _not_complied,
    Rule.UNANSWERED: _unanswered,
    Rule.HALF: _half,
    Rule.NOTHING: _nothing,
}
