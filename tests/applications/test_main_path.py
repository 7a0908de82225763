"""The main job through the portal's own verbs: classified, then registered."""

from datetime import date, timedelta

import pytest

from accounts.models import Notice
from applications.filing import answer
from applications.models import Application, Deadline
from applications.progress import advance
from documents import wallet
from mumaris.kit.clock import end_of_day, today
from payments.models import Invoice
from register.models import Classification, IssuedPaper, Period
from tests.people import NOON, Office, classified, declare, make_draft, make_practitioner, pay, upload

pytestmark = pytest.mark.django_db


@pytest.mark.req("SRV-1")
def test_a_technician_is_classified():
    office, person = Office(), make_practitioner()
    case = declare(make_draft(person))
    assert case.state == "awaiting_admin_fee"
    deadline = Deadline.objects.get(application=case)
    assert deadline.due_on == today(NOON) + timedelta(days=30)
    assert deadline.lapses_at == end_of_day(deadline.due_on)

    assert pay(case, "admin").state == "submitted"
    office.return_(case, "transcript")
    item = case.return_items.get()
    paper = wallet.take_in(upload(), practitioner=person, kind="transcript", now=NOON)
    answer(item, kind="file", paper=paper, now=NOON)
    advance(case.pk, "resubmit", by=person.user, now=NOON)
    case.refresh_from_db()
    assert (case.state, case.reviewer) == ("under_review", office.reviewer)
    assert case.attachments.get(slot="transcript", replaced_at=None).paper == paper

    advance(case.pk, "release", by=office.reviewer, now=NOON)
    assert office.approve(case).state == "preliminarily_approved"
    assert pay(case, "service").state == "being_issued"
    assert office.issue(case).state == "completed"

    classification = Classification.objects.get(practitioner=person)
    assert classification.usable_until == date(2027, 11, 21)
    assert person.qualifications.get().recognised_on == today(NOON)
    assert IssuedPaper.objects.get(case=case.reference).kind == "classification_certificate"
    assert not Deadline.objects.exists()
    told = list(Notice.objects.filter(recipient=person.user).order_by("pk").values_list("kind", flat=True))
    assert told == [
        "submitted",
        "returned",
        "resubmitted",
        "preliminarily_approved",
        "service_fee_settled",
        "completed",
    ]


@pytest.mark.req("SRV-3")
def test_a_classified_resident_is_registered():
    office = Office()
    person = classified(office, nationality="IN")
    case = declare(make_draft(person, "registration"))
    assert (case.asked_specialty.code, case.asked_rank.code) == ("general-nursing", "technician")
    pay(case, "admin")
    office.approve(case)
    pay(case, "service")
    office.issue(case)
    period = Period.objects.get(registration__practitioner=person)
    assert (period.days.lower, period.days.upper) == (date(2026, 11, 22), date(2028, 11, 22))
    kinds = set(IssuedPaper.objects.filter(case=case.reference).values_list("kind", flat=True))
    assert kinds == {"registration_card", "registration_certificate"}


@pytest.mark.req("PAY-2")
def test_the_service_fee_follows_the_rank_granted():
    office, person = Office(), make_practitioner()
    case = declare(make_draft(person))
    pay(case, "admin")
    office.approve(case, rank="senior-specialist")
    assert Invoice.objects.get(case=case.reference, purpose="service").amount == 90_000
    assert Application.objects.get(pk=case.pk).granted_rank.code == "senior-specialist"
