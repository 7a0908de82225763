"""Cases that wait, one for each kind of clock, reached by the portal's own moves."""

from datetime import datetime, timedelta

from applications.models import Application
from tests.applications import exam_cases
from tests.people import NOON, Office, declare, make_draft, make_practitioner, submitted

KINDS = ("admin_fee", "return", "service_fee", "exam_fee", "exam")


def waiting(kind: str, office: Office, *, now: datetime = NOON) -> Application:
    """A case whose clock of this kind began on the day of `now`."""
    if kind == "admin_fee":
        return declare(make_draft(make_practitioner(now=now), now=now), now=now)
    if kind in ("exam", "exam_fee"):
        begun = now - timedelta(days=1) if kind == "exam_fee" else now
        number = exam_cases.waiting(office, now=begun)
        if kind == "exam_fee":
            exam_cases.fail(office, number, 2, first=begun)
        return exam_cases.case_of(number)
    case = submitted(make_practitioner(now=now), now=now)
    case = office.return_(case, "transcript", now=now) if kind == "return" else office.approve(case, now=now)
    return Application.objects.get(pk=case.pk)
