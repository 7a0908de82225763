"""The classification exam: admission, the results of its sittings, their corrections, and what follows from them (EXM-1 to EXM-3)."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Notice
from accounts.notices import tell, tell_all
from applications import exam_fees, fees, granting
from applications.appeals import newer_is_open, rests_on_something_else
from applications.catalogue import CATALOGUE
from applications.lifecycle import LIFECYCLE, WAITING, State, examiner, settler
from applications.models import (
    Application,
    Deadline,
    EligibilityNumber,
    ExamPolicy,
    ExamResult,
    Matter,
    Outcome,
)
from applications.progress import advance, locked
from applications.sittings import Standing
from documents.models import Qualification
from mumaris.kit.clock import days_after, end_of_day, today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.officers import is_officer
from mumaris.kit.references import new_reference
from payments import billing
from payments.ledger import went_back_whole
from payments.models import Purpose
from register.models import Exam, Rank, Specialty

SITTING = (State.AWAITING_EXAM, State.AWAITING_EXAM_FEE)


def is_exam_officer(by: Any) -> bool:
    """Whether this user records results at all; whose own case it is, `examiner` asks case by case."""
    return is_officer(by, "applications.record_result")


def exam_asked(application: Application, rank: Rank | None, specialty: Specialty | None = None) -> Exam | None:
    """The exam of the specialty's profession (the case's, unless named), where the service and that rank ask one."""
    specialty = specialty or application.granted_specialty or application.asked_specialty
    if not (CATALOGUE[application.service].asks_exam and rank and rank.asks_exam and specialty):
        return None
    return specialty.profession.exam


def policy(exam: Exam, on: date) -> ExamPolicy | None:
    return exam.policies.filter(effective_from__lte=on).order_by("-effective_from").first()


def number_of(application: Application) -> EligibilityNumber | None:
    """The latest eligibility number of the case, its exam and results with it."""
    return application.eligibility_numbers.select_related("exam").prefetch_related("results__correction").first()


def is_passed(application: Application, exam: Exam | None = None) -> bool:
    """Whether the case's exam is passed: that one, or where none is named any."""
    numbers = application.eligibility_numbers.prefetch_related("results__correction")
    return any(number.is_passed for number in numbers if exam is None or number.exam_id == exam.pk)


@LIFECYCLE.before("admit_to_exam")
def an_exam_is_asked(application: Application, *, now: datetime, **facts) -> Iterator[str]:
    exam = exam_asked(application, application.asked_rank)
    if exam is None:
        yield _("The service, the profession or the rank that was asked for wants no exam.")
    elif policy(exam, today(now)) is None:
        yield _("The exam %(exam)s has no policy in force. An administrator must enter one.") % {"exam": exam}
    elif is_passed(application, exam):
        yield _("The exam is passed.")
    else:
        yield from _cooling_off(application, exam, today(now))


def _cooling_off(application: Application, exam: Exam, on: date) -> Iterator[str]:
    """Between the last failure of one number and the next number lie the days of the policy (EXM-2)."""
    held = EligibilityNumber.objects.filter(application__practitioner=application.practitioner_id, exam=exam)
    for number in held.prefetch_related("results__correction"):
        until = number.cooling_off_until
        if until and on < until:
            yield _("The last attempt with %(number)s failed. A new number can be given from %(day)s on.") % {
                "number": number.number,
                "day": _day(until),
            }


@LIFECYCLE.after("admit_to_exam")
def give_number(application: Application, *, now: datetime, **facts) -> None:
    """Admission gives an eligibility number, by the policy of this day; its validity is the clock of the wait."""
    exam: Any = application.asked_specialty.profession.exam
    rules = policy(exam, today(now))
    valid_until = days_after(now, rules.validity_days)
    EligibilityNumber.objects.create(
        number=new_reference("EN", now),
        application=application,
        exam=exam,
        free_attempts=rules.free_attempts,
        paid_attempts=rules.paid_attempts,
        fee=rules.fee,
        tax=rules.tax,
        validity_days=rules.validity_days,
        cooling_off_days=rules.cooling_off_days,
        issued_at=now,
        valid_until=valid_until,
    )
    _wait_for_exam(application, valid_until, now)


@LIFECYCLE.before("recommend", "endorse_approval")
def exam_is_passed(
    application: Application,
    *,
    verdict: str = "",
    rank: Rank | None = None,
    specialty: Specialty | None = None,
    **facts,
) -> Iterator[str]:
    """The exam follows the rank granted (APP-6); a pass that was corrected to a failure bars the approval (EXM-3)."""
    if verdict == "reject":
        return
    granted = rank or application.granted_rank
    exam = exam_asked(application, granted, specialty)
    if exam is None or is_passed(application, exam):
        return
    if exam == exam_asked(application, application.asked_rank, application.asked_specialty):
        yield _("%(rank)s asks an exam, and none is passed. Admit the practitioner to the exam first.") % {
            "rank": granted
        }
    else:
        yield _(
            "%(rank)s asks %(exam)s, which what was asked for does not. It can only be granted if it is asked for."
        ) % {
            "rank": granted,
            "exam": exam,
        }


@LIFECYCLE.before("issue")
def exam_is_still_passed(application: Application, **facts) -> Iterator[str]:
    exam = exam_asked(application, application.granted_rank)
    if exam and not is_passed(application, exam):
        yield _("The exam result was corrected to a failure. Refuse to issue, with the reason.")


@transaction.atomic
def record(
    number: str,
    *,
    outcome: str,
    sat_on: date,
    by: Any,
    now: datetime,
    score: Decimal | None = None,
) -> ExamResult:
    """Write down one sitting and make the move that follows from it (EXM-3). Raises NotAllowed with every reason.

    The same sitting told again changes nothing and returns what is known. Files of results do the same for many
    (applications/results_applied.py).
    """
    named = EligibilityNumber.objects.filter(number=number).first()
    if named is None:
        raise NotAllowed(_("Nobody holds eligibility number %(number)s.") % {"number": number})
    application = locked(named.application_id)
    held, standing = _standing(named, application, now)
    if standing.knows(outcome, sat_on):
        return held.results.get(sat_on=sat_on, corrects=None)
    not_awaited = standing.why_not_awaited()
    if reasons := [*standing.objections(outcome, sat_on, today(now)), *([not_awaited] if not_awaited else [])]:
        raise NotAllowed(*map(str, reasons))
    if not examiner(by, application):
        raise NotAllowed(_("You may not do this."))
    result = ExamResult.objects.create(
        number=held, sat_on=sat_on, outcome=outcome, score=score, recorded_at=now, recorded_by=by
    )
    move = standing.take(outcome, sat_on, now)
    if move:
        advance(application.pk, move, by=by, now=now, result=result, standing=standing)
    else:
        tell_result(application, result, standing=standing, move="", now=now)
    return result


@transaction.atomic
def correct(
    result: ExamResult, *, outcome: str, reason: str, by: Any, now: datetime, score: Decimal | None = None
) -> ExamResult:
    """Put another result in the place of a recorded one, with the reason; the old record stays (EXM-3). Raises NotAllowed."""
    application = locked(result.number.application_id)
    result = ExamResult.objects.select_related("number").get(pk=result.pk)
    held, _before = _standing(result.number, application, now)
    if reasons := list(_why_not_corrected(result, held, application, outcome, reason)):
        raise NotAllowed(*reasons)
    if not examiner(by, application):
        raise NotAllowed(_("You may not do this."))
    was_passed = is_passed(application, held.exam)
    corrected = ExamResult.objects.create(
        number=held,
        sat_on=result.sat_on,
        outcome=outcome,
        score=score,
        corrects=result,
        reason=reason.strip(),
        recorded_at=now,
        recorded_by=by,
    )
    _held, standing = _standing(held, application, now)
    move = "" if outcome != Outcome.PASSED or was_passed else PASSED_AFTER_ALL.get(State(application.state), "")
    if move:
        advance(application.pk, move, by=by, now=now, result=corrected, standing=standing)
        return corrected
    if outcome == Outcome.PASSED and application.state not in NO_LONGER:
        granting.recognise(application, today(now))
    elif was_passed and not is_passed(application, held.exam):
        _take_recognition_back(application)
        if application.state == State.COMPLETED:
            _open_matter(application, corrected, now)
    tell_result(application, corrected, standing=standing, move="", now=now)
    return corrected


# Where a failure that was a pass after all leads, while the exam was what the case waited for or what ended it.
PASSED_AFTER_ALL = {
    State.AWAITING_EXAM: "pass",
    State.AWAITING_EXAM_FEE: "pass",
    State.REJECTED: "correct_result",
}
# A pass comes too late for these.
NO_LONGER = (State.REJECTED, State.CANCELLED, State.WITHDRAWN)


def _why_not_corrected(
    result: ExamResult, number: EligibilityNumber, application: Application, outcome: str, reason: str
) -> Iterator[str]:
    if hasattr(result, "correction"):
        yield _("This result was corrected already. Correct the correction.")
        return
    if outcome == result.outcome:
        yield _("That is the result already.")
        return
    if not reason.strip():
        yield _("Write the reason.")
    used = number.attempts_used
    after = used + (outcome != Outcome.EXCUSED) - (result.outcome != Outcome.EXCUSED)
    if after > number.free_attempts + number.paid_attempts:
        yield _("No attempt is left on %(number)s.") % {"number": number.number}
    elif after > used and after > number.free_attempts and not _is_fee_left(application):
        yield _("This would be a paid attempt, and its fee was never paid.")
    elif after != used and _went_on_by_attempts(application, number, outcome, result.outcome, max(used, after)):
        yield _(
            "How many attempts are used decided how the case went on, so this result can only be corrected to a pass."
        )


def _went_on_by_attempts(
    application: Application, number: EligibilityNumber, outcome: str, before: str, most: int
) -> bool:
    """Whether the case stands where it stands because so many attempts are used; while the next one is free, it does not."""
    if Outcome.PASSED in (outcome, before) or application.state not in (*SITTING, State.REJECTED):
        return False
    return application.state != State.AWAITING_EXAM or most >= number.free_attempts


def _is_fee_left(application: Application) -> bool:
    """Whether a settled exam fee of the case, not wholly given back, covers one more paid attempt."""
    _used, left = exam_fees.used_and_left([application.reference])
    return any(not went_back_whole(invoice) for invoice in left)


def _open_matter(application: Application, corrected: ExamResult, now: datetime) -> None:
    text = _("An exam result was corrected after completion: %(number)s, %(outcome)s.") % {
        "number": corrected.number.number,
        "outcome": corrected.get_outcome_display(),
    }
    Matter.objects.create(application=application, text=text, opened_at=now)


@transaction.atomic
def close_matter(matter: Matter, *, outcome: str, by: Any, now: datetime) -> None:
    """Write down what was done about a matter. Raises NotAllowed."""
    matter = (
        Matter.objects.select_for_update(of=("self",)).select_related("application__practitioner").get(pk=matter.pk)
    )
    if matter.closed_at:
        raise NotAllowed(_("This matter was closed on %(day)s already.") % {"day": _day(today(matter.closed_at))})
    if not settler(by, matter.application):
        raise NotAllowed(_("You may not do this."))
    if not outcome.strip():
        raise NotAllowed(_("Write what was done."))
    matter.closed_at, matter.closed_by, matter.outcome = now, by, outcome.strip()
    matter.save(update_fields=["closed_at", "closed_by", "outcome"])


@transaction.atomic
def renew(number: EligibilityNumber, *, by: Any, now: datetime) -> EligibilityNumber:
    """Prolong a number once, by its whole validity from this day on, while the exam waits. Raises NotAllowed."""
    application = locked(number.application_id)
    number = EligibilityNumber.objects.get(pk=number.pk)
    if not examiner(by, application):
        raise NotAllowed(_("You may not do this."))
    if number.renewed_at:
        raise NotAllowed(_("This number was renewed on %(day)s already.") % {"day": _day(today(number.renewed_at))})
    if application.state != State.AWAITING_EXAM or number != number_of(application):
        raise NotAllowed(_("Only a number whose exam is awaited can be renewed."))
    if application.deadline.is_over(now):
        raise NotAllowed(_("This number expired on %(day)s.") % {"day": _day(number.valid_until)})
    number.renewed_at, number.renewed_by = now, by
    number.valid_until = days_after(now, number.validity_days)
    number.save(update_fields=["valid_until", "renewed_at", "renewed_by"])
    Deadline.objects.filter(application=application).update(
        began_on=today(now), due_on=number.valid_until, lapses_at=end_of_day(number.valid_until)
    )
    tell(
        application.practitioner.user,
        "eligibility_renewed",
        key=f"{number.number}:renewed",
        reference=application.reference,
        facts={"number": number.number, "due_on": number.valid_until.isoformat()},
        now=now,
    )
    return number


@LIFECYCLE.after("pass", "correct_result")
def recognise(application: Application, *, now: datetime, **facts) -> None:
    """Passing sets *recognised on* on the qualification; a live exam invoice is void, a paid unused one is credited (SRV-11, EXM-3)."""
    granting.recognise(application, today(now))
    billing.void(application.reference, Purpose.EXAM, now=now)
    fees.credit_unused_exam_fee(application, now)


@LIFECYCLE.after("fail_paid")
def bill_next_attempt(application: Application, *, now: datetime, **facts) -> None:
    """The next attempt opens once its fee is paid, at once where a fee is left over; the number's clock stands meanwhile (EXM-2)."""
    if _is_fee_left(application):
        advance(application.pk, "open_attempt", by=None, now=now)
    else:
        fees.bill_exam(application, application.eligibility_numbers.select_related("exam").latest("pk"), now)


@LIFECYCLE.after("open_attempt", "revive_exam")
def settlement_renews_validity(application: Application, *, now: datetime, **facts) -> None:
    number = application.eligibility_numbers.latest("pk")
    number.valid_until = days_after(now, number.validity_days)
    number.save(update_fields=["valid_until"])
    _wait_for_exam(application, number.valid_until, now)
    held, standing = _standing(number, application, now)
    for result in held.standing_results():
        if result.outcome == Outcome.PASSED:  # corrected while the case was cancelled: nobody sits a passed exam again
            advance(application.pk, "pass", by=None, now=now, result=result, standing=standing)


@LIFECYCLE.before("correct_result")
def nothing_newer_is_open(application: Application, **facts) -> Iterator[str]:
    yield from newer_is_open(application)
    yield from rests_on_something_else(application)


def result_notice(
    application: Application, result: ExamResult, *, standing: Standing, move: str, now: datetime
) -> Notice:
    """What the practitioner is told of a result; `standing` counts it already, `move` is what followed ("" for nothing)."""
    return Notice(
        recipient_id=application.practitioner.user_id,
        kind="exam_result",
        key=f"{standing.number}:{result.pk}:result",
        reference=application.reference,
        facts={
            "outcome": result.outcome,
            "number": standing.number,
            "sat_on": result.sat_on.isoformat(),
            "corrected": bool(result.corrects_id),
            "text": result.reason,
            "move": move,
            "left": standing.left,
            "again_on": standing.again_on.isoformat() if move == "fail_last" and standing.again_on else "",
        },
        created_at=now,
    )


def tell_result(application: Application, result: ExamResult, *, standing: Standing, move: str, now: datetime) -> None:
    """Every result reaches the practitioner's account (EXM-3)."""
    tell_all([result_notice(application, result, standing=standing, move=move, now=now)])


@LIFECYCLE.after("pass", "fail_free", "fail_paid", "fail_last", "correct_result")
def tell_result_with_its_move(
    application: Application, *, entry, result: ExamResult, standing: Standing, now: datetime, **facts
) -> None:
    tell_result(application, result, standing=standing, move=entry.move, now=now)


def _standing(number: EligibilityNumber, application: Application, now: datetime) -> tuple[EligibilityNumber, Standing]:
    """The number as it now is, its results with it, and how it stands for the locked case."""
    held = EligibilityNumber.objects.select_related("exam").prefetch_related("results__correction").get(pk=number.pk)
    latest = application.eligibility_numbers.first()
    newer = latest.number if latest and latest != held else ""
    return held, Standing.of(held, application, now, newer)


def _wait_for_exam(application: Application, valid_until: date, now: datetime) -> None:
    Deadline.objects.create(
        application=application,
        kind=WAITING[State.AWAITING_EXAM],
        began_on=today(now),
        due_on=valid_until,
        lapses_at=end_of_day(valid_until),
    )


def _take_recognition_back(application: Application) -> None:
    """What rested on the pass alone is recognised no more; what was completed, here or elsewhere, stays (SRV-11, EXM-3)."""
    if not application.qualification_id:
        return
    on_it = Application.objects.filter(qualification=application.qualification_id)
    if on_it.filter(state=State.COMPLETED).exists() or any(is_passed(one) for one in on_it.exclude(pk=application.pk)):
        return
    Qualification.objects.filter(pk=application.qualification_id).update(recognised_on=None)


def _day(day: date) -> str:
    return date_format(day, "j F Y")
