"""An appeal at the desk: who may judge it, what they read, and who goes on with the case (APP-9, STF-3)."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.models import Notice
from applications import admin as applications_admin
from applications import review
from applications.lifecycle import State
from applications.models import Application
from applications.progress import advance
from documents import wallet
from tests.fingerprint import unchanged
from tests.people import NOON, Office, make_practitioner, make_staff, submitted, upload

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
WORDS = "The transcript was attached as page 3."


@pytest.fixture(autouse=True)
def _an_hour_later(monkeypatch):
    """Cases are filed at noon, and the desk works on them an hour later, whatever the day of the test."""
    monkeypatch.setattr(applications_admin, "clock_now", lambda: LATER)


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def case(office):
    """Rejected by the office's reviewer and approver, and appealed against with a paper."""
    person = make_practitioner()
    rejected = office.reject(submitted(person))
    paper = wallet.take_in(upload("page3.pdf"), practitioner=person, kind="appeal", now=NOON)
    return advance(rejected.pk, "appeal", by=person.user, now=NOON, public_text=WORDS, paper=paper)


def act(client, user, case, move, **typed):
    client.force_login(user)
    client.cookies.pop("messages", None)  # what an earlier move said and no page has shown
    return client.post(reverse("admin:applications_application_move", args=[case.pk, move]), typed)


def tried(client, user, case, move, **typed):
    """The same where it must leave no trace."""
    client.force_login(user)
    client.cookies.pop("messages", None)
    with unchanged():
        return client.post(reverse("admin:applications_application_move", args=[case.pk, move]), typed)


def read(client, user, case, **query):
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client.get(reverse("admin:applications_application_change", args=[case.pk]), query)


def offered(answer) -> set[str]:
    return {panel["move"].name for panel in answer.context["panels"]} | {
        button["move"].name for button in answer.context["buttons"]
    }


def now_of(case):
    return Application.objects.get(pk=case.pk)


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.req("STF-3")
@pytest.mark.req("APP-9")
def test_the_appeal_waits_in_its_queue_and_is_read_with_its_paper(client, office, case):
    client.force_login(office.second_approver)
    queues = {row["state"]: row["number"] for row in client.get(reverse("admin:index")).context["queues"]}
    assert queues[State.UNDER_APPEAL] == 1
    listed = client.get(reverse("admin:applications_application_changelist"), {"state": "under_appeal"})
    assert case.reference in listed.content.decode()

    shown = read(client, office.second_approver, case)
    assert WORDS in shown.content.decode()
    assert "?paper=appeal#documents" in shown.content.decode()
    assert offered(shown) == {"uphold", "refuse_appeal"}
    paper = case.attachments.get(slot="appeal").paper
    opened = read(client, office.second_approver, case, paper="appeal").content.decode()
    assert reverse("admin:applications_application_paper", args=[case.pk, paper.pk]) in opened
    assert client.get(reverse("admin:applications_application_paper", args=[case.pk, paper.pk])).status_code == 200


@pytest.mark.req("APP-9")
def test_an_upheld_appeal_goes_to_an_officer_who_did_not_decide_it(client, office, case):
    act(client, office.second_approver, case, "uphold", internal_text="The page was overlooked.", seen=case.moves)
    fresh = now_of(case)
    assert (fresh.state, fresh.reviewer, fresh.recommendation, fresh.recommended_by) == ("under_review", None, "", None)
    assert Notice.objects.filter(recipient=case.practitioner.user, kind="appeal_upheld").count() == 1

    barred = read(client, office.reviewer, case)
    assert barred.context["barred"]
    assert barred.context["barred"] in barred.content.decode()
    assert offered(barred) == set()
    assert tried(client, office.reviewer, case, "assign").status_code == 403

    free = read(client, office.second_reviewer, case)
    assert (free.context["barred"], offered(free)) == ("", {"assign"})
    act(client, office.second_reviewer, case, "assign")
    assert now_of(case).reviewer == office.second_reviewer
    assert read(client, office.reviewer, case).context["barred"] == ""  # it is in other hands now


@pytest.mark.req("APP-9")
def test_the_way_goes_on_to_the_papers_after_an_upheld_appeal(office, case):
    advance(case.pk, "uphold", by=office.second_approver, now=NOON, internal_text="Overlooked.")
    review.assign(case.pk, by=office.second_reviewer)
    fresh = now_of(case)
    advance(
        case.pk,
        "recommend",
        by=office.second_reviewer,
        now=NOON,
        verdict="approve",
        specialty=fresh.asked_specialty,
        rank=fresh.asked_rank,
    )
    third = make_staff("approver")  # neither who rejected it nor who upheld the appeal
    assert advance(case.pk, "endorse_approval", by=third, now=NOON).state == "preliminarily_approved"


@pytest.mark.req("APP-9")
def test_who_recommended_cannot_come_back_by_way_of_the_queue(client, office, case):
    """An upheld case that was put back waits for a claim, and that is closed to them as well."""
    advance(case.pk, "uphold", by=office.second_approver, now=NOON, internal_text="Overlooked.")
    review.assign(case.pk, by=office.second_reviewer)
    advance(case.pk, "release", by=office.second_reviewer, now=NOON)
    shown = read(client, office.reviewer, case)
    assert shown.context["barred"]
    assert offered(shown) == set()
    assert tried(client, office.reviewer, case, "claim").status_code == 403


@pytest.mark.req("APP-9")
@pytest.mark.parametrize("part", ["reviewer", "approver"])
def test_who_had_a_part_in_the_decision_reads_why_they_may_not_judge(client, office, case, part):
    officer = getattr(office, part)
    officer.groups.add(*office.second_approver.groups.all())
    shown = read(client, officer, case)
    assert shown.context["barred"]
    assert offered(shown) == set()
    for move in ("uphold", "refuse_appeal"):
        assert tried(client, officer, case, move, public_text="Yes.").status_code == 403


@pytest.mark.req("APP-9")
@pytest.mark.parametrize("move", ["uphold", "refuse_appeal"])
def test_all_rights_are_no_reason_to_judge(client, case, move):
    judge = make_staff("approver")
    judge.is_superuser = True
    judge.save()
    assert tried(client, judge, case, move, public_text="Yes.").status_code == 403


@pytest.mark.req("APP-9")
@pytest.mark.parametrize(
    ("move", "typed", "reason"),
    [
        ("uphold", {}, "Write the reason."),
        ("refuse_appeal", {}, "Write the reason."),
        ("refuse_appeal", {"internal_text": "No."}, "Write the reason that the practitioner will read."),
    ],
)
def test_a_decision_on_an_appeal_needs_its_reason(client, office, case, move, typed, reason):
    assert said(tried(client, office.second_approver, case, move, **typed)) == [reason]


@pytest.mark.req("APP-9")
def test_a_refused_appeal_tells_why_and_leaves_nothing_to_do(client, office, case):
    act(client, office.second_approver, case, "refuse_appeal", public_text="It is another paper.", seen=case.moves)
    assert now_of(case).state == State.REJECTED
    told = Notice.objects.get(recipient=case.practitioner.user, kind="appeal_refused")
    assert told.facts["text"] == "It is another paper."
    assert offered(read(client, office.second_approver, case)) == set()


@pytest.mark.req("APP-9")
@pytest.mark.parametrize("move", ["uphold", "refuse_appeal"])
def test_nobody_judges_what_they_have_not_read(client, office, case, move):
    """Class 41: a window that was opened before the last move decides nothing."""
    answer = tried(client, office.second_approver, case, move, public_text="Yes.", seen=case.moves - 1)
    assert len(said(answer)) == 1


def test_of_two_judges_the_second_reads_that_it_is_decided(client, office, case):
    act(client, office.second_approver, case, "refuse_appeal", public_text="It is another paper.")
    answer = tried(client, make_staff("approver"), case, "uphold", public_text="Yes.")
    assert answer.status_code == 302
    assert len(said(answer)) == 1
