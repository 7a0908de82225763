"""The review screen: every move through the desk's own addresses, by the officers who may make it."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from applications import admin as applications_admin
from applications.lifecycle import State
from applications.models import Application, Fee, ReturnReason
from applications.progress import advance
from documents.models import Scan
from register.models import Classification, Rank, Specialty
from tests.people import NOON, Office, declare, make_draft, make_practitioner, make_staff, pay

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
APPROVE = {"verdict": "approve", "internal_text": "All in order"}


@pytest.fixture(autouse=True)
def _an_hour_later(monkeypatch):
    """Cases are filed at noon, and the desk works on them an hour later, whatever the day of the test."""
    monkeypatch.setattr(applications_admin, "clock_now", lambda: LATER)


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def case():
    return pay(declare(make_draft(make_practitioner())), "admin")


def act(client, user, case, move, **typed):
    client.force_login(user)
    client.cookies.pop("messages", None)  # what an earlier move said and no page has shown
    return client.post(reverse("admin:applications_application_move", args=[case.pk, move]), typed)


def read(client, user, case, **query):
    client.force_login(user)
    return client.get(reverse("admin:applications_application_change", args=[case.pk]), query)


def now_of(case):
    return Application.objects.get(pk=case.pk)


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def granted():
    return {
        "specialty": Specialty.objects.get(code="general-nursing").pk,
        "rank": Rank.objects.get(code="technician").pk,
    }


def recommended(case, officer, **facts):
    advance(case.pk, "claim", by=officer, now=NOON)
    if not facts:
        facts = {
            "verdict": "approve",
            "rank": Rank.objects.get(code="technician"),
            "specialty": Specialty.objects.get(code="general-nursing"),
        }
    return advance(case.pk, "recommend", by=officer, now=NOON, **facts)


@pytest.mark.req("STF-3")
@pytest.mark.req("APP-6")
def test_a_case_goes_all_the_way_through_the_desk(client, office, case):
    claimed = act(client, office.reviewer, case, "claim")
    assert claimed.status_code == 302
    assert claimed.url == reverse("admin:applications_application_change", args=[case.pk])
    assert now_of(case).reviewer == office.reviewer

    act(client, office.reviewer, case, "recommend", **APPROVE, **granted())
    assert now_of(case).state == State.RECOMMENDED

    act(client, office.approver, case, "endorse_approval")
    assert now_of(case).state == State.PRELIMINARILY_APPROVED

    pay(case, "service", now=LATER)
    act(client, office.registrar, case, "issue")
    assert now_of(case).state == State.COMPLETED
    assert Classification.objects.get(case=case.reference).rank.code == "technician"


def test_a_released_case_is_nobodys(client, office, case):
    act(client, office.reviewer, case, "claim")
    act(client, office.reviewer, case, "release")
    assert (now_of(case).state, now_of(case).reviewer) == (State.SUBMITTED, None)


@pytest.mark.req("APP-4")
def test_a_return_names_items_with_reasons(client, office, case):
    reason = ReturnReason.objects.get(code="illegible")
    act(client, office.reviewer, case, "claim")
    typed = {"transcript-reason": reason.pk, "transcript-remark": "Page 2", "answers-reason": reason.pk}
    act(client, office.reviewer, case, "return", **typed)
    assert now_of(case).state == State.RETURNED
    assert sorted(case.return_items.values_list("target", "remark")) == [("answers", ""), ("transcript", "Page 2")]
    assert now_of(case).deadline.due_on == (LATER + timedelta(days=30)).date()


def test_a_return_without_an_item_is_refused_with_the_reason(client, office, case):
    act(client, office.reviewer, case, "claim")
    response = act(client, office.reviewer, case, "return")
    assert response.status_code == 200
    assert said(response) == ["Name at least one item, each with its reason."]
    assert now_of(case).state == State.UNDER_REVIEW
    assert not case.return_items.exists()


def test_a_form_in_error_keeps_what_was_typed(client, office, case):
    act(client, office.reviewer, case, "claim")
    response = act(client, office.reviewer, case, "return", **{"photo-remark": "Only half of the face"})
    page = response.content.decode()
    assert "Choose the reason of this remark." in page
    assert 'value="Only half of the face"' in page
    assert "<title>Error:" in page
    assert now_of(case).state == State.UNDER_REVIEW


def test_a_refused_recommendation_keeps_what_was_typed(client, office, case):
    act(client, office.reviewer, case, "claim")
    other = {
        "specialty": Specialty.objects.get(code="general-nursing").pk,
        "rank": Rank.objects.get(code="consultant").pk,
    }
    response = act(client, office.reviewer, case, "recommend", **APPROVE, **other)
    assert response.status_code == 200
    assert len(said(response)) == 1
    assert "All in order" in response.content.decode()
    assert now_of(case).state == State.UNDER_REVIEW


@pytest.mark.req("APP-6")
def test_who_recommended_cannot_endorse(client, case):
    both = make_staff("reviewer")
    both.groups.add(make_staff("approver").groups.get())
    recommended(case, both)
    assert "Endorse the approval" not in read(client, both, case).content.decode()
    assert act(client, both, case, "endorse_approval").status_code == 403
    assert now_of(case).state == State.RECOMMENDED


def test_the_second_of_two_officers_reads_why(client, office, case):
    other = make_staff("reviewer")
    act(client, office.reviewer, case, "claim")
    response = act(client, other, case, "claim")
    assert response.status_code == 302
    assert said(response) == ["This is not possible any more: the case is now “Under review”."]
    assert now_of(case).reviewer == office.reviewer


def test_a_case_under_review_that_nobody_holds_is_taken_over_once(client, office, case):
    act(client, office.reviewer, case, "claim")
    Application.objects.filter(pk=case.pk).update(reviewer=None)
    other = make_staff("reviewer")
    assert "Take over" in read(client, other, case).content.decode()
    act(client, other, case, "assign")
    assert now_of(case).reviewer == other
    response = act(client, office.reviewer, case, "assign")
    assert said(response) == ["This case is not free to be taken."]
    assert now_of(case).reviewer == other


def test_only_the_holder_works_on_a_case(client, office, case):
    act(client, office.reviewer, case, "claim")
    assert act(client, make_staff("reviewer"), case, "release").status_code == 403
    assert now_of(case).reviewer == office.reviewer


def test_the_second_officer_is_offered_only_what_was_recommended(client, office, case):
    recommended(case, office.reviewer, verdict="reject", public_text="The diploma is not recognised.")
    page = read(client, office.approver, case).content.decode()
    assert "Endorse the rejection" in page
    assert "Endorse the approval" not in page
    assert "The diploma is not recognised.</textarea>" in page
    response = act(client, office.approver, case, "endorse_approval")
    assert said(response) == ["The reviewer recommends rejection. Endorse that, or send the case back."]
    assert now_of(case).state == State.RECOMMENDED


def test_sending_back_asks_for_the_reason(client, office, case):
    recommended(case, office.reviewer)
    assert said(act(client, office.approver, case, "send_back")) == ["Write the reason."]
    assert now_of(case).state == State.RECOMMENDED
    act(client, office.approver, case, "send_back", internal_text="The transcript is older.")
    assert now_of(case).state == State.UNDER_REVIEW
    assert now_of(case).reviewer == office.reviewer


def test_a_missing_price_is_said_and_changes_nothing(client, office, case):
    recommended(case, office.reviewer)
    Fee.objects.filter(service="classification", purpose="service").delete()
    response = act(client, office.approver, case, "endorse_approval")
    assert said(response) == [
        "A fee or a policy has no value for today, so nothing was changed. An administrator must enter it."
    ]
    assert now_of(case).state == State.RECOMMENDED


def test_moves_are_made_by_post_alone(client, office, case):
    client.force_login(office.reviewer)
    assert client.get(reverse("admin:applications_application_move", args=[case.pk, "claim"])).status_code == 405
    assert now_of(case).state == State.SUBMITTED


@pytest.mark.parametrize("move", ["submit", "declare", "resubmit", "lapse_admin_fee", "start_issuing", "no_such_move"])
def test_moves_of_others_have_no_address(client, office, case, move):
    assert act(client, office.reviewer, case, move).status_code == 404
    assert now_of(case).state == State.SUBMITTED


def test_the_state_is_no_field(client, office, case):
    client.force_login(office.reviewer)
    response = client.post(reverse("admin:applications_application_change", args=[case.pk]), {"state": "completed"})
    assert response.status_code == 405
    assert now_of(case).state == State.SUBMITTED


@pytest.mark.req("STF-3")
def test_the_screen_shows_all_of_the_case_in_one_place(client, office, case):
    act(client, office.reviewer, case, "claim", internal_text="Known from last year")
    page = read(client, office.reviewer, case).content.decode()
    identity = case.practitioner.identities.get()
    for shown in [
        case.reference,
        identity.masked,
        "You hold no classification yet",
        "General nursing",
        "transcript",
        "Known from last year",
    ]:
        assert shown in page
    assert page.count('<details class="fold"') == 2


@pytest.mark.req("SRV-12")
@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_judgement_is_read_in_the_officers_language(client, office, case, language):
    client.cookies["django_language"] = language
    page = read(client, office.reviewer, case).content.decode()
    for rule in now_of(case).judgement[language]:
        assert rule["fact"] in page


def test_a_chosen_paper_is_shown_and_a_picture_is_seen(client, office, case):
    photo = case.attachments.get(slot="photo").paper
    page = read(client, office.reviewer, case, paper="photo").content.decode()
    assert reverse("admin:applications_application_paper", args=[case.pk, photo.pk]) in page
    assert '<a href="?paper=photo#documents" aria-current="page">' in page


def paper_of(client, user, case, paper):
    client.force_login(user)
    return client.get(reverse("admin:applications_application_paper", args=[case.pk, paper.pk]))


def test_an_officer_opens_the_papers_of_the_case_and_no_others(client, office, case):
    paper = case.attachments.get(slot="transcript").paper
    response = paper_of(client, office.reviewer, case, paper)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/pdf"
    assert "no-store" in response["Cache-Control"]
    stranger = declare(make_draft(make_practitioner()))
    assert paper_of(client, office.reviewer, case, stranger.attachments.get(slot="transcript").paper).status_code == 404
    assert paper_of(client, make_staff("finance officer"), case, paper).status_code == 403


def test_a_paper_that_the_scanner_has_not_passed_stays_closed(client, office, case):
    paper = case.attachments.get(slot="transcript").paper
    paper.scan = Scan.PENDING
    paper.save()
    assert paper_of(client, office.reviewer, case, paper).status_code == 403
    assert (
        "once the virus scanner has passed it"
        in read(client, office.reviewer, case, paper="transcript").content.decode()
    )
