"""Which move tells the practitioner what; sweeps tell of cancellations themselves, as a set."""

from datetime import datetime

from accounts.notices import tell
from applications import appeals, exams, fees, filing, review  # noqa: F401  what they do to a move comes before the letter that tells of it
from applications.lifecycle import LIFECYCLE, DeadlineKind
from applications.models import Application, Deadline, Entry
from documents.models import Qualification
from mumaris.kit.clock import today

# move: kind of notice (templates/notices/<kind>.txt)
LETTERS = {
    "submit": "submitted",
    "return": "returned",
    "resubmit": "resubmitted",
    "endorse_approval": "preliminarily_approved",
    "endorse_rejection": "rejected",
    "take_back": "approval_taken_back",
    "start_issuing": "service_fee_settled",
    "issue": "completed",
    "refuse": "rejected",
    "admit_to_exam": "admitted_to_exam",
    "fail_paid": "exam_fee_due",
    "open_attempt": "attempt_opened",
    "appeal": "appeal_received",
    "uphold": "appeal_upheld",
    "refuse_appeal": "appeal_refused",
    "withdraw": "withdrawn",
    "revive_submitted": "revived",
    "revive_exam": "revived",
    "revive_issuing": "revived",
}


@LIFECYCLE.after(*LETTERS)
def write(application: Application, *, entry: Entry, now: datetime, public_text: str = "", **facts) -> None:
    if entry.move == "appeal":
        public_text = ""  # the practitioner's own words
    elif entry.move in ("endorse_approval", "endorse_rejection") and not public_text:
        # What the reviewer wrote for the practitioner is told with the decision, not before it.
        public_text = application.timeline.get(seq=entry.seq - 1).public_text
    deadline = Deadline.objects.filter(application=application).first()
    number = application.eligibility_numbers.first() if deadline and deadline.kind == DeadlineKind.EXAM else None
    tell(
        application.practitioner.user,
        LETTERS[entry.move],
        key=f"{application.reference}:{entry.seq}:{entry.move}",
        reference=application.reference,
        facts={
            "due_on": deadline.due_on.isoformat() if deadline else "",
            "text": public_text,
            "number": number.number if number else "",
            **({"recognised": _recognised_now(application, now)} if entry.move == "issue" else {}),
        },
        now=now,
    )


def _recognised_now(application: Application, now: datetime) -> str:
    """The title of the qualification that completing the case has just recognised (SRV-11)."""
    if not application.qualification_id:
        return ""
    found = Qualification.objects.filter(pk=application.qualification_id, recognised_on=today(now)).first()
    return found.title if found else ""
