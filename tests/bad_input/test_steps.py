"""Steps out of order, forms that are stale, and second clicks (classes 40 to 42)."""

import pytest

from applications.models import Application
from mumaris.kit import clock
from payments.models import Attempt, Invoice
from tests.fingerprint import unchanged
from tests.people import Office, classified, declare, invoice_of, make_draft, make_practitioner, pay, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return clock.now()


@pytest.fixture
def draft(client, now):
    draft = make_draft(make_practitioner(now=now), now=now)
    client.force_login(draft.practitioner.user)
    return draft


def step(case, name):
    return f"/applications/{case.reference}/{name}"


def answers(draft, **changes):
    """What the form of the questions sends, as the draft stands."""
    chosen = {"specialty": draft.asked_specialty_id, "rank": draft.asked_rank_id, "version": draft.version}
    chosen["qualification"] = draft.practitioner.qualifications.get().pk
    return chosen | {"gap_explanation": ""} | changes


OF_A_DRAFT = ["questions/", "documents/", "documents/transcript/", "documents/transcript/remove/", "check/", "discard/"]
OF_A_RETURN = ["remarks/", "remarks/transcript/", "resubmit/"]


def in_state(state, draft, now):
    """The draft, brought there by real moves; the steps that are open there."""
    office = Office()
    if state == "draft":
        return draft, OF_A_DRAFT
    case = declare(draft, now=now)
    if state == "awaiting_admin_fee":
        return case, ["reopen/"]
    case = pay(case, "admin", now=now)
    if state == "submitted":
        return case, []
    if state == "returned":
        return office.return_(case, "transcript", now=now), OF_A_RETURN
    case = office.approve(case, now=now)
    if state == "preliminarily_approved":
        return case, []
    return office.issue(pay(case, "service", now=now), now=now), []


@pytest.mark.parametrize(
    "state", ["draft", "awaiting_admin_fee", "submitted", "returned", "preliminarily_approved", "completed"]
)
def test_a_step_that_is_not_open_leads_back_to_the_case_and_does_nothing(client, draft, now, state):
    """Class 40: whatever is tried before or after its time."""
    case, opened = in_state(state, draft, now)
    body = answers(draft) | {"declared": "on", "transcript-kind": "cannot", "transcript-text": "It is lost."}
    opened = [*opened, "withdraw/"] if state not in ("draft", "completed") else opened
    body |= {"text": "Page 3 was overlooked.", "understood": "on", "seen": case.moves}
    for name in [
        name for name in [*OF_A_DRAFT, *OF_A_RETURN, "reopen/", "object/", "appeal/", "withdraw/"] if name not in opened
    ]:
        with unchanged():
            answer = client.post(step(case, name), body | {"transcript-file": upload()})
        shown = answer.headers.get("Location") == step(case, "")
        assert shown or answer.status_code in (404, 405), name
    if opened != OF_A_DRAFT:
        assert client.get(step(case, "check/")).headers["Location"] == step(case, "")
        assert "Here is where the application stands" in client.get(step(case, "")).content.decode()


def test_nothing_is_declared_before_everything_is_there(client, draft):
    """Class 40, SRV-12: nobody is charged for an application that cannot succeed."""
    client.post(step(draft, "documents/transcript/remove/"))
    draft.refresh_from_db()
    with unchanged():
        answer = client.post(step(draft, "check/"), {"declared": "on", "version": draft.version})
    assert answer.status_code == 200
    assert "Academic transcript is not attached yet." in answer.content.decode()


def test_an_invoice_is_paid_only_while_it_is_open(client, draft, now):
    case = pay(declare(draft, now=now), "admin", now=now)
    number = invoice_of(case, "admin").number
    for method in ("card", "sadad"):
        with unchanged():
            assert (
                client.post(f"/invoices/{number}/pay/", {"method": method}).headers["Location"]
                == f"/invoices/{number}/"
            )


def test_coming_back_from_the_card_page_proves_nothing(client, draft, now):
    """Class 60: what the address claims is not read."""
    invoice = invoice_of(declare(draft, now=now), "admin")
    attempt = Attempt.objects.create(invoice=invoice, method="card", state="open", provider_id="x", created_at=now)
    with unchanged():
        answer = client.get(f"/payments/{attempt.given_id}/?status=paid&message=APPROVED&id=x")
    assert answer.context["checking"]
    assert Invoice.objects.get(pk=invoice.pk).is_open


def test_a_paper_that_is_not_issued_cannot_be_opened(client, now):
    person = classified(Office(), now=now)
    client.force_login(person.user)
    case = declare(make_draft(person, "registration", now=now), now=now)
    for number in (case.reference, case.reference.replace("PR", "RC"), "RC-2026-0000000"):
        assert client.get(f"/issued/{number}.pdf").status_code == 404


# Stale forms


@pytest.mark.req("APP-8")
def test_a_draft_keeps_what_was_answered_at_every_step(client, draft):
    client.post(step(draft, "questions/"), answers(draft, gap_explanation="Military service."))
    assert "Military service." in client.get(step(draft, "questions/")).content.decode()
    assert "Military service." in client.get(step(draft, "check/")).content.decode()
    assert client.get(step(draft, "documents/")).content.decode().count("transcript.pdf") == 1


@pytest.mark.req("APP-8")
def test_a_window_left_open_overwrites_nothing(client, draft):
    """Class 41."""
    stale = answers(draft, gap_explanation="Written in the first window.")
    client.post(step(draft, "questions/"), answers(draft, gap_explanation="Written in the second window."))
    with unchanged():
        answer = client.post(step(draft, "questions/"), stale)
    assert answer.status_code == 200
    assert "changed in another window" in answer.content.decode()
    assert "Written in the first window." in answer.content.decode()


@pytest.mark.req("APP-3")
def test_only_what_was_read_is_declared(client, draft):
    client.post(step(draft, "questions/"), answers(draft, gap_explanation="Added after reading."))
    with unchanged():
        answer = client.post(step(draft, "check/"), {"declared": "on", "version": draft.version})
    assert "changed in another window" in answer.content.decode()
    shown = answer.context["form"]["version"].value()
    assert client.post(step(draft, "check/"), {"declared": "on", "version": shown}).status_code == 302


# Second clicks


def test_saving_twice_is_saving_once(client, draft):
    """Class 42: the second click shows the first result, not a quarrel."""
    sent = answers(draft, gap_explanation="Military service.")
    results = {client.post(step(draft, "questions/"), sent).headers["Location"] for _click in range(2)}
    assert results == {step(draft, "documents/")}
    assert Application.objects.get(pk=draft.pk).version == draft.version + 1


def test_declaring_twice_issues_one_invoice(client, draft):
    results = {
        client.post(step(draft, "check/"), {"declared": "on", "version": draft.version}).headers["Location"]
        for _click in range(2)
    }
    assert results == {step(draft, "")}
    assert Invoice.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (
            "/account/qualifications/add/",
            {"degree": "diploma", "field": "NUR", "title": "Midwifery", "institution": "Institute"},
        ),
        ("/account/experience/add/", {"job": "Nurse", "employer": "Rabia"}),
    ],
)
def test_adding_twice_adds_once(client, draft, path, sent):
    name = "awarded_on" if "title" in sent else "started_on"
    sent |= {
        "country": "SA",
        f"{name}_calendar": "gregorian",
        f"{name}_day": 1,
        f"{name}_month": 6,
        f"{name}_year": 2020,
    }
    for _click in range(2):
        assert client.post(path, sent).headers["Location"] == "/account/"
    person = draft.practitioner
    held = person.qualifications.filter(title="Midwifery") if "title" in sent else person.experience.all()
    assert held.count() == 1


def test_starting_twice_is_one_application(client, draft):
    results = {client.post("/services/registration/start/").headers["Location"] for _click in range(2)}
    assert len(results) == 1
    assert Application.objects.filter(practitioner=draft.practitioner).count() == 2


def test_answering_and_sending_twice_is_done_once(client, draft, now):
    case = Office().return_(pay(declare(draft, now=now), "admin", now=now), "transcript", now=now)
    for _click in range(2):
        client.post(step(case, "remarks/transcript/"), {"transcript-kind": "cannot", "transcript-text": "It is lost."})
    for _click in range(2):
        assert client.post(step(case, "resubmit/")).headers["Location"] == step(case, "")
    assert case.timeline.filter(move="resubmit").count() == 1
    assert case.return_items.get().answer_text == "It is lost."


def test_paying_twice_goes_on_with_the_same_bill(client, draft, now):
    invoice = invoice_of(declare(draft, now=now), "admin")
    bill = Attempt.objects.create(invoice=invoice, method="sadad", state="open", bill_number="123456", created_at=now)
    results = {
        client.post(f"/invoices/{invoice.number}/pay/", {"method": "sadad"}).headers["Location"] for _click in range(2)
    }
    assert results == {f"/bills/{bill.given_id}/"}
    assert Attempt.objects.count() == 1


def test_a_gateway_that_is_away_charges_nothing_and_is_tried_again(client, draft, now):
    invoice = invoice_of(declare(draft, now=now), "admin")
    for _click in range(2):
        answer = client.post(f"/invoices/{invoice.number}/pay/", {"method": "card"}, follow=True)
        assert "Nothing was charged." in answer.content.decode()
    assert Attempt.objects.get().state == "starting"
