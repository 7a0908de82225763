"""What a practitioner reads of their exam on the page of the case: the number, the attempts, every sitting, what to do next (EXM-1 to EXM-3)."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from applications import exams
from applications.catalogue import CATALOGUE
from applications.lifecycle import State
from applications.models import Application, Entry, Outcome
from register import papers

# Kind of badge and icon of each result, here and at the desk.
OUTCOMES = {
    Outcome.PASSED: ("ok", "ok"),
    Outcome.FAILED: ("bad", "bad"),
    Outcome.ABSENT: ("bad", "dash"),
    Outcome.EXCUSED: ("", "dash"),
}


def panel(case: Application, entries: Iterable[Entry]) -> dict[str, Any] | None:
    """The exam of a case that was ever admitted to one. `entries` is its timeline; `again_on` stands only after the last failure."""
    if not any(entry.move == "admit_to_exam" for entry in entries):
        return None
    number = exams.number_of(case)
    used = number.attempts_used
    free_left = max(0, number.free_attempts - used)
    state = State(case.state)
    return {
        "number": number,
        "awaited": state == State.AWAITING_EXAM,
        "fee_awaited": state == State.AWAITING_EXAM_FEE,
        "is_passed": number.is_passed,
        "used": used,
        "free_left": free_left,
        "paid_left": max(0, number.free_attempts + number.paid_attempts - used - free_left),
        "sittings": [
            {
                "day": result.sat_on,
                "tone": OUTCOMES[Outcome(result.outcome)],
                "words": result.get_outcome_display(),
                "score": result.score,
                "reason": result.reason,
                "replaced": hasattr(result, "correction"),
            }
            for result in number.results.all()
        ],
        "again_on": number.cooling_off_until if state == State.REJECTED else None,
        "again_url": reverse("service", args=[case.service]),
        "training_url": _training_letter(),
    }


def _training_letter() -> str:
    """The page of the service that gives a letter to a training facility."""
    offered = next((one for one in CATALOGUE.values() if papers.TRAINING_LETTER in one.issues), None)
    return reverse("service", args=[offered.slug]) if offered else ""
