"""Steps of every service before or after their time, in every state of a case (classes 40 to 42)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import translation

from applications import sweeps
from applications.catalogue import CATALOGUE
from applications.lifecycle import State
from applications.models import Application
from applications.progress import advance
from mumaris.kit import clock
from payments.models import Invoice
from tests.bad_files import one_page
from tests.bad_input.drafts import browser, declarable, page, post, post_with_file, right_answers
from tests.fingerprint import unchanged
from tests.people import Office, declare, invoice_of, make_draft, make_practitioner, make_qualification, pay

pytestmark = pytest.mark.django_db
each_service = pytest.mark.parametrize("service", CATALOGUE.values(), ids=CATALOGUE)


def to_the_exam(office: Office, now: datetime) -> Application:
    """A case whose rank asks an exam, paid for and claimed."""
    person = make_practitioner(now=now)
    degree = make_qualification(person, degree="bachelor", title="Bachelor of nursing", now=now)
    return pay(declare(make_draft(person, now=now, rank="specialist", qualification=degree), now=now), "admin", now=now)


def awaiting_exam(office, now):
    return office.admit(to_the_exam(office, now), now=now).application


def awaiting_exam_fee(office, now):
    number = office.admit(to_the_exam(office, now), now=now)
    for day in range(2):
        then = now + timedelta(days=day)
        office.result(number, "failed", now=then, sat_on=clock.today(then))
    return number.application


def submitted(office, now):
    return pay(declare(make_draft(make_practitioner(now=now), now=now), now=now), "admin", now=now)


def under_review(office, now):
    return advance(submitted(office, now).pk, "claim", by=office.reviewer, now=now)


def recommended(office, now):
    return office.recommend(submitted(office, now), now=now)


def being_issued(office, now):
    return pay(office.approve(submitted(office, now), now=now), "service", now=now)


def rejected(office, now):
    return office.reject(submitted(office, now), now=now)


def under_appeal(office, now):
    case = rejected(office, now)
    return advance(case.pk, "appeal", by=case.practitioner.user, now=now, public_text="Page 3 was overlooked.")


def finally_rejected(office, now):
    officer = office.second_approver
    return advance(under_appeal(office, now).pk, "refuse_appeal", by=officer, now=now, public_text="Page 3 is blank.")


def withdrawn(office, now):
    case = submitted(office, now)
    return advance(case.pk, "withdraw", by=case.practitioner.user, now=now)


def cancelled(office, now):
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    sweeps.lapse(now + timedelta(days=40))
    return case


OPEN = {"withdraw/"}
# How a case comes to its state, and which steps of the practitioner are open there.
STATES: dict[Callable, set[str]] = {
    submitted: OPEN,
    under_review: OPEN,
    recommended: OPEN,
    awaiting_exam: OPEN,
    awaiting_exam_fee: OPEN,
    being_issued: OPEN,
    rejected: {"appeal/"},
    under_appeal: OPEN,
    finally_rejected: set(),
    withdrawn: set(),
    cancelled: set(),
}
STEPS = [
    "questions/",
    "documents/",
    "documents/transcript/",
    "documents/transcript/remove/",
    "check/",
    "discard/",
    "reopen/",
]
STEPS += ["remarks/", "remarks/transcript/", "remarks/answers/", "resubmit/", "object/", "appeal/", "withdraw/"]


def everything(case: Application) -> dict[str, str]:
    """What would be right on any of the pages, were it its time."""
    asked = {"specialty": case.asked_specialty_id, "rank": case.asked_rank_id, "qualification": case.qualification_id}
    said = {"transcript-kind": "cannot", "transcript-text": "It is lost.", "text": "Page 3 was overlooked."}
    ticks = dict.fromkeys(("declared", "understood"), "on")
    asked = {name: str(key) for name, key in asked.items()}
    return asked | said | ticks | {"version": str(case.version), "seen": str(case.moves), "method": "card"}


@pytest.mark.parametrize(("bring", "opened"), STATES.items(), ids=[one.__name__ for one in STATES])
def test_a_step_out_of_its_time_does_nothing_and_shows_the_case(bring, opened):
    """Class 40: by post, and by asking for its page."""
    now = clock.now()
    case = bring(Office(), now)
    case.refresh_from_db()
    client, sent = browser(case.practitioner), everything(case)
    with unchanged():
        for step in [one for one in STEPS if one not in opened]:
            answers = [post(client, page(case, step), sent), client.get(page(case, step))]
            answers.append(post_with_file(client, page(case, step), "transcript-file", sent, one_page()))
            for answer in answers:
                back = answer.headers.get("Location") == page(case)
                assert back or answer.status_code in (404, 405), (step, answer.status_code)
        assert client.get(page(case)).status_code == 200
        for invoice in Invoice.objects.filter(case=case.reference).exclude(state="issued"):
            answer = post(client, f"/invoices/{invoice.number}/pay/", sent)
            assert answer.headers["Location"] == f"/invoices/{invoice.number}/"


@each_service
def test_each_service_goes_step_by_step(service):
    """Nothing before there is something to do it with, nothing again once it is done."""
    now = clock.now()
    draft = declarable(service, now)
    client = browser(draft.practitioner)
    sent = everything(draft) | right_answers(draft, now)
    after_declaring = ["reopen/", "resubmit/", "remarks/", "remarks/answers/", "appeal/", "object/", "withdraw/"]
    with unchanged():
        for step in after_declaring:
            answer = post(client, page(draft, step), sent)
            assert answer.headers.get("Location") == page(draft) or answer.status_code in (404, 405), step
        for unsaid in ({"version": str(draft.version)}, {"declared": "on"}, {"declared": "on", "version": "x"}, {}):
            answer = post(client, page(draft, "check/"), unsaid)
            assert answer.context["form"].errors
    for _click in range(2):
        answer = post(client, page(draft, "check/"), {"declared": "on", "version": str(draft.version)})
        assert answer.headers["Location"] == page(draft)
    assert Invoice.objects.filter(case=draft.reference).count() == 1
    with unchanged():
        for step in ("questions/", "check/", "discard/", "resubmit/", "appeal/", *slots_of(service)):
            answer = post(client, page(draft, step), sent | {"evidenced_hours": "1"})
            assert answer.headers.get("Location") == page(draft), step
    assert client.post(page(draft, "reopen/")).headers["Location"] == page(draft, "questions/")
    assert not invoice_of(draft, "admin").is_open
    with unchanged():
        answer = client.post(page(draft, "reopen/"))
        assert answer.headers["Location"] == page(draft)
        # Once it was invoiced, it is withdrawn and not deleted.
        assert client.post(page(draft, "discard/")).headers["Location"] == page(draft)
    assert Application.objects.get(pk=draft.pk).state == State.DRAFT


def slots_of(service) -> list[str]:
    return [f"documents/{slot.slug}/{more}" for slot in service.documents for more in ("", "remove/")]


@each_service
def test_an_empty_draft_is_not_declared_and_costs_nothing(service):
    """SRV-12: nobody is charged for what cannot succeed."""
    now = clock.now()
    person = make_practitioner(now=now)
    client = browser(person)
    client.post(f"/services/{service.slug}/start/")
    draft = person.applications.get(service=service.slug)
    with unchanged():
        answer = post(client, page(draft, "check/"), {"declared": "on", "version": str(draft.version)})
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors()
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("service", [one for one in CATALOGUE.values() if one.documents], ids=lambda one: one.slug)
def test_every_required_paper_is_missed_by_name(service):
    now = clock.now()
    draft = declarable(service, now)
    client = browser(draft.practitioner)
    for attachment in draft.attachments.all():
        client.post(page(draft, f"documents/{attachment.slot}/remove/"))
        draft.refresh_from_db()
        with unchanged():
            answer = post(client, page(draft, "check/"), {"declared": "on", "version": str(draft.version)})
        name = next(slot.name for slot in service.documents if slot.slug == attachment.slot)
        with translation.override("en"):
            assert any(str(name) in reason for reason in answer.context["form"].non_field_errors())
