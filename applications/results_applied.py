"""The sittings of a checked file, recorded as sets: the same traces as exams.record leaves one by one, in few statements."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.db.models import F

from accounts.models import Notice
from accounts.notices import tell_all
from applications import exams, fees
from applications.letters import LETTERS
from applications.lifecycle import CLOSED, LIFECYCLE, State
from applications.models import Application, Deadline, EligibilityNumber, Entry, ExamResult, ResultsFile, ResultsLine
from applications.sittings import Standing
from documents.models import Qualification
from mumaris.kit.clock import today
from payments.models import Invoice, Purpose


@dataclass
class Sitting:
    """One new sitting: its line, whose it is, the move that follows ("" for none), and how the number stands after it."""

    line: ResultsLine
    number: EligibilityNumber
    case: Application
    move: str
    after: Standing


Story = list[Sitting]


def write(stories: Iterable[Story], *, file: ResultsFile, by: Any, now: datetime) -> None:
    """Record the stories, each of one number whose case is locked and awaits an exam: all first sittings, then all second ones."""
    for at_once in zip_longest(*stories):
        _write([one for one in at_once if one], file, by, now)


def _write(sittings: list[Sitting], file: ResultsFile, by: Any, now: datetime) -> None:
    results = ExamResult.objects.bulk_create(
        ExamResult(
            number=one.number,
            sat_on=one.line.sat_on,
            outcome=one.line.outcome,
            score=one.line.score,
            file=file,
            recorded_at=now,
            recorded_by=by,
        )
        for one in sittings
    )
    notices = [
        exams.result_notice(one.case, result, standing=one.after, move=one.move, now=now)
        for one, result in zip(sittings, results, strict=True)
    ]
    by_move: dict[str, list[Sitting]] = {}
    for one in sittings:
        by_move.setdefault(one.move, []).append(one)
    for name, moved in by_move.items():
        if name:
            _move(name, [one.case for one in moved], by, now)
    _recognise([one.case for one in by_move.get("pass", [])], now)
    for one in by_move.get("fail_paid", []):
        entry = one.case.moves
        exams.bill_next_attempt(one.case, now=now)
        one.case.refresh_from_db(fields=["state", "moves"])  # a fee of zero has opened the attempt at once
        notices.append(_fee_notice(one.case, entry, now))
    tell_all(notices)


def _move(name: str, cases: list[Application], by: Any, now: datetime) -> None:
    """Make the move for all of them, as progress.advance does for one."""
    target, ids = LIFECYCLE[name].target, [case.pk for case in cases]
    Application.objects.filter(pk__in=ids).update(
        state=target,
        moves=F("moves") + 1,
        version=F("version") + 1,
        saved_at=now,
        closed_at=now if target in CLOSED else None,
    )
    entries = []
    for case in cases:
        case.moves += 1
        entries.append(
            Entry(
                application=case,
                seq=case.moves,
                move=name,
                from_state=State.AWAITING_EXAM,
                to_state=target,
                at=now,
                by=by,
            )
        )
    Entry.objects.bulk_create(entries)
    if target != State.AWAITING_EXAM:
        Deadline.objects.filter(pk__in=ids).delete()


def _recognise(passed: list[Application], now: datetime) -> None:
    """As exams.recognise; a case that awaits an exam has no live exam invoice, and few have a paid one."""
    on_what = [case.qualification_id for case in passed if case.qualification_id]
    Qualification.objects.filter(pk__in=on_what, recognised_on=None).update(recognised_on=today(now))
    by_reference = {case.reference: case for case in passed}
    paid = Invoice.objects.filter(case__in=by_reference, purpose=Purpose.EXAM, state="paid")
    for reference in paid.values_list("case", flat=True).distinct():
        fees.credit_unused_exam_fee(by_reference[reference], now)


def _fee_notice(case: Application, seq: int, now: datetime) -> Notice:
    """The letter of the move `fail_paid`, as applications.letters writes it."""
    deadline = Deadline.objects.get(application=case)
    number = exams.number_of(case) if case.state == State.AWAITING_EXAM else None
    return Notice(
        recipient_id=case.practitioner.user_id,
        kind=LETTERS["fail_paid"],
        key=f"{case.reference}:{seq}:fail_paid",
        reference=case.reference,
        facts={"due_on": deadline.due_on.isoformat(), "text": "", "number": number.number if number else ""},
        created_at=now,
    )
