"""The life of an application: its states, and the table of moves between them (SPEC §4)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from mumaris.kit.lifecycle import Lifecycle, Move
from mumaris.kit.officers import is_officer


class State(models.TextChoices):
    DRAFT = "draft", _("Draft")
    AWAITING_ADMIN_FEE = "awaiting_admin_fee", _("Waiting for administrative fee")
    SUBMITTED = "submitted", _("Submitted")
    UNDER_REVIEW = "under_review", _("Under review")
    RECOMMENDED = "recommended", _("Waiting for second officer")
    RETURNED = "returned", _("Returned to you")
    AWAITING_EXAM = "awaiting_exam", _("Waiting for exam")
    AWAITING_EXAM_FEE = "awaiting_exam_fee", _("Waiting for exam fee")
    PRELIMINARILY_APPROVED = "preliminarily_approved", _("Waiting for service fee")
    BEING_ISSUED = "being_issued", _("Being issued")
    COMPLETED = "completed", _("Completed")
    REJECTED = "rejected", _("Rejected")
    UNDER_APPEAL = "under_appeal", _("Under appeal")
    CANCELLED = "cancelled", _("Cancelled")
    WITHDRAWN = "withdrawn", _("Withdrawn")


S = State
CLOSED = [S.COMPLETED, S.REJECTED, S.CANCELLED, S.WITHDRAWN]

# Whose turn it is while an application stands in a state; closed ones are nobody's.
PRACTITIONER, STAFF = "practitioner", "staff"
HOLDER = {
    S.DRAFT: PRACTITIONER,
    S.AWAITING_ADMIN_FEE: PRACTITIONER,
    S.SUBMITTED: STAFF,
    S.UNDER_REVIEW: STAFF,
    S.RECOMMENDED: STAFF,
    S.RETURNED: PRACTITIONER,
    S.AWAITING_EXAM: PRACTITIONER,
    S.AWAITING_EXAM_FEE: PRACTITIONER,
    S.PRELIMINARILY_APPROVED: PRACTITIONER,
    S.BEING_ISSUED: STAFF,
    S.UNDER_APPEAL: STAFF,
}


class CancelReason(models.TextChoices):
    ADMIN_FEE_UNPAID = "admin_fee_unpaid", _("The administrative fee was not paid in time.")
    DEFICIENCIES_UNANSWERED = "deficiencies_unanswered", _("The remarks were not answered in time.")
    SERVICE_FEE_UNPAID = "service_fee_unpaid", _("The service fee was not paid in time.")
    EXAM_FEE_UNPAID = "exam_fee_unpaid", _("The exam fee was not paid in time.")
    ELIGIBILITY_EXPIRED = "eligibility_expired", _("The eligibility number expired before the exam was passed.")


class DeadlineKind(models.TextChoices):
    ADMIN_FEE = "admin_fee", _("Pay the administrative fee")
    RETURN = "return", _("Answer the remarks")
    SERVICE_FEE = "service_fee", _("Pay the service fee")
    EXAM_FEE = "exam_fee", _("Pay the exam fee")
    EXAM = "exam", _("Sit the exam")


# An application in one of these states has exactly one row in Deadline; in any other it has none (APP-1).
WAITING = {
    S.AWAITING_ADMIN_FEE: DeadlineKind.ADMIN_FEE,
    S.RETURNED: DeadlineKind.RETURN,
    S.PRELIMINARILY_APPROVED: DeadlineKind.SERVICE_FEE,
    S.AWAITING_EXAM_FEE: DeadlineKind.EXAM_FEE,
    S.AWAITING_EXAM: DeadlineKind.EXAM,
}
# The moves by which an officer decides a case. Who made one before an appeal is barred from what follows it (APP-9).
DECISIONS = ["recommend", "endorse_approval", "endorse_rejection", "refuse", "uphold"]


def applicant(by, application) -> bool:
    return by is not None and application.practitioner.user_id == by.pk


def officer(permission):
    """An officer with `permission` who is not the applicant (I17)."""
    return lambda by, application: is_officer(by, permission) and not applicant(by, application)


examiner = officer("applications.record_result")
settler = officer("applications.change_matter")


def examiner_or_system(by, application) -> bool:
    """A pass that was recorded while the case could not move is made good by the system."""
    return by is None or examiner(by, application)


def has_decided(by, application) -> bool:
    """Whether this officer had a part in the decision that was appealed against, or upheld the appeal."""
    if application.appeal_seq is None:
        return False
    made = application.timeline.filter(move__in=DECISIONS, by=by).values_list("move", "seq")
    return any(move == "uphold" or seq < application.appeal_seq for move, seq in made)


def reviewer(by, application) -> bool:
    return officer("applications.review_application")(by, application) and not has_decided(by, application)


def holder(by, application) -> bool:
    return reviewer(by, application) and application.reviewer_id == by.pk


def is_unheld(application) -> bool:
    """Whether nobody can go on with a case under review: it has no reviewer, or that officer is gone or barred (APP-4)."""
    held_by = application.reviewer
    return held_by is None or not (held_by.is_active and reviewer(held_by, application))


def approver(by, application) -> bool:
    """APP-6: whoever endorses is not the one who recommended, where the service asks for a second officer."""
    if not application.needs_second_officer and holder(by, application):
        return True
    may_endorse = (
        officer("applications.endorse_application")(by, application) and application.recommended_by_id != by.pk
    )
    return may_endorse and not has_decided(by, application)


def appeal_officer(by, application) -> bool:
    return officer("applications.decide_appeal")(by, application) and not has_decided(by, application)


def issuer(by, application) -> bool:
    """An officer's last check, or the system itself where the service asks none."""
    return by is None or officer("applications.issue_application")(by, application)


def system(by, application) -> bool:
    return by is None


# Every open state but the draft that was never invoiced, which is deleted instead (APP-7).
WITHDRAWABLE = frozenset(set(S) - set(CLOSED))

LIFECYCLE = Lifecycle(
    Move("declare", frozenset({S.DRAFT}), S.AWAITING_ADMIN_FEE, applicant, _("Declare and issue the invoice")),
    Move("reopen", frozenset({S.AWAITING_ADMIN_FEE}), S.DRAFT, applicant, _("Change the application again")),
    Move("submit", frozenset({S.AWAITING_ADMIN_FEE}), S.SUBMITTED, system),
    Move("claim", frozenset({S.SUBMITTED}), S.UNDER_REVIEW, reviewer, _("Claim")),
    Move("release", frozenset({S.UNDER_REVIEW}), S.SUBMITTED, holder, _("Put back in the queue")),
    Move("return", frozenset({S.UNDER_REVIEW}), S.RETURNED, holder, _("Return to the practitioner")),
    Move("resubmit", frozenset({S.RETURNED}), S.UNDER_REVIEW, applicant, _("Send the answers")),
    Move("admit_to_exam", frozenset({S.UNDER_REVIEW}), S.AWAITING_EXAM, holder, _("Admit to the exam")),
    Move("pass", frozenset({S.AWAITING_EXAM, S.AWAITING_EXAM_FEE}), S.UNDER_REVIEW, examiner_or_system),
    Move("fail_free", frozenset({S.AWAITING_EXAM}), S.AWAITING_EXAM, examiner),
    Move("fail_paid", frozenset({S.AWAITING_EXAM}), S.AWAITING_EXAM_FEE, examiner),
    Move("fail_last", frozenset({S.AWAITING_EXAM}), S.REJECTED, examiner),
    Move("open_attempt", frozenset({S.AWAITING_EXAM_FEE}), S.AWAITING_EXAM, system),
    Move("correct_result", frozenset({S.REJECTED}), S.UNDER_REVIEW, examiner),
    Move("recommend", frozenset({S.UNDER_REVIEW}), S.RECOMMENDED, holder, _("Recommend")),
    Move("endorse_approval", frozenset({S.RECOMMENDED}), S.PRELIMINARILY_APPROVED, approver, _("Endorse the approval")),
    Move("endorse_rejection", frozenset({S.RECOMMENDED}), S.REJECTED, approver, _("Endorse the rejection")),
    Move("send_back", frozenset({S.RECOMMENDED}), S.UNDER_REVIEW, approver, _("Send back to review")),
    Move("take_back", frozenset({S.PRELIMINARILY_APPROVED}), S.UNDER_REVIEW, approver, _("Take the approval back")),
    Move("start_issuing", frozenset({S.PRELIMINARILY_APPROVED}), S.BEING_ISSUED, system),
    Move("issue", frozenset({S.BEING_ISSUED}), S.COMPLETED, issuer, _("Issue")),
    Move("refuse", frozenset({S.BEING_ISSUED}), S.REJECTED, issuer, _("Refuse to issue")),
    Move("appeal", frozenset({S.REJECTED}), S.UNDER_APPEAL, applicant, _("Appeal")),
    Move("uphold", frozenset({S.UNDER_APPEAL}), S.UNDER_REVIEW, appeal_officer, _("Uphold the appeal")),
    Move("refuse_appeal", frozenset({S.UNDER_APPEAL}), S.REJECTED, appeal_officer, _("Refuse the appeal")),
    Move("withdraw", WITHDRAWABLE, S.WITHDRAWN, applicant, _("Withdraw the application")),
    Move("lapse_admin_fee", frozenset({S.AWAITING_ADMIN_FEE}), S.CANCELLED, system),
    Move("lapse_return", frozenset({S.RETURNED}), S.CANCELLED, system),
    Move("lapse_service_fee", frozenset({S.PRELIMINARILY_APPROVED}), S.CANCELLED, system),
    Move("lapse_exam_fee", frozenset({S.AWAITING_EXAM_FEE}), S.CANCELLED, system),
    Move("lapse_exam", frozenset({S.AWAITING_EXAM}), S.CANCELLED, system),
    Move("revive_submitted", frozenset({S.CANCELLED}), S.SUBMITTED, system),
    Move("revive_exam", frozenset({S.CANCELLED}), S.AWAITING_EXAM, system),
    Move("revive_issuing", frozenset({S.CANCELLED}), S.BEING_ISSUED, system),
)

# What the end of a deadline does: the move, and the reason that is kept (DLN-1).
LAPSES = {
    DeadlineKind.ADMIN_FEE: ("lapse_admin_fee", CancelReason.ADMIN_FEE_UNPAID),
    DeadlineKind.RETURN: ("lapse_return", CancelReason.DEFICIENCIES_UNANSWERED),
    DeadlineKind.SERVICE_FEE: ("lapse_service_fee", CancelReason.SERVICE_FEE_UNPAID),
    DeadlineKind.EXAM_FEE: ("lapse_exam_fee", CancelReason.EXAM_FEE_UNPAID),
    DeadlineKind.EXAM: ("lapse_exam", CancelReason.ELIGIBILITY_EXPIRED),
}

# What staff take up, in the order of a case's way.
STAFF_QUEUES = [state for state, turn in HOLDER.items() if turn == STAFF]
