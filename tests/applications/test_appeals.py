"""One appeal against a rejection, in time, without a fee, and none beside a newer application (APP-9)."""

from datetime import date, timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import DatabaseError, transaction

from accounts.models import Notice
from applications import appeals, filing, review
from applications.catalogue import CATALOGUE
from applications.lifecycle import LIFECYCLE
from applications.models import Application, Entry
from applications.progress import advance
from mumaris.kit import clock
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import PolicyValue
from payments.models import Invoice
from tests import bad_files
from tests.fingerprint import unchanged
from tests.people import NOON, Office, make_practitioner, make_staff, pay, submitted, upload
from tests.threads import at_once

pytestmark = pytest.mark.django_db
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
WORDS = "The transcript was attached as page 3."


@pytest.fixture
def office():
    return Office()


def rejected(office, now=NOON, **person) -> Application:
    return office.reject(submitted(make_practitioner(now=now, **person), now=now), now=now)


def appeal(case, now=NOON, text=WORDS, **facts) -> Application:
    return advance(case.pk, "appeal", by=case.practitioner.user, now=now, public_text=text, **facts)


def refusal(action) -> str:
    with pytest.raises(NotAllowed) as refused, transaction.atomic():
        action()
    return str(refused.value)


@pytest.mark.req("APP-9")
@pytest.mark.parametrize(
    ("late", "open_still"),
    [
        (timedelta(days=29), True),
        (clock.end_of_day(date(2026, 12, 22)) - SECOND - NOON, True),
        (clock.end_of_day(date(2026, 12, 22)) - NOON, False),
        (timedelta(days=31), False),
    ],
    ids=["day 29", "last second of day 30", "first second of day 31", "day 31"],
)
def test_the_last_day_is_the_thirtieth_to_its_end_in_riyadh(office, late, open_still):
    case = rejected(office)
    assert appeals.last_day(case) == date(2026, 12, 22)
    if open_still:
        assert appeal(case, NOON + late).state == "under_appeal"
    else:
        assert "2026" in refusal(lambda: appeal(case, NOON + late))
        case.refresh_from_db()
        assert case.state == "rejected"


@pytest.mark.req("APP-9")
def test_the_days_are_a_policy_of_the_day_of_the_rejection(office):
    case = rejected(office)
    PolicyValue.objects.create(key="appeal.days", value=10, effective_from=NOON.date(), source="test")
    PolicyValue.objects.create(key="appeal.days", value=5, effective_from=NOON.date() + DAY, source="test")
    assert appeals.last_day(case) == NOON.date() + 10 * DAY


@pytest.mark.req("APP-9")
def test_an_appeal_says_why_costs_nothing_and_is_acknowledged(office):
    case = rejected(office)
    invoices = Invoice.objects.count()
    assert refusal(lambda: appeal(case, text="  \n "))
    case = appeal(case)
    assert (case.state, case.appeal_seq, case.closed_at) == ("under_appeal", case.moves, None)
    assert Invoice.objects.count() == invoices
    told = Notice.objects.get(recipient=case.practitioner.user, kind="appeal_received")
    assert told.facts["text"] == ""


@pytest.mark.req("APP-9")
def test_a_refused_appeal_is_final(office):
    case = appeal(rejected(office))
    advance(case.pk, "refuse_appeal", by=office.second_approver, now=NOON, public_text="It is another paper.")
    assert refusal(lambda: appeal(case))
    case.refresh_from_db()
    assert case.state == "rejected"


@pytest.mark.req("APP-9")
def test_a_rejection_after_an_upheld_appeal_is_final_too(office):
    case = appeal(rejected(office))
    advance(case.pk, "uphold", by=office.second_approver, now=NOON, internal_text="Overlooked.")
    review.assign(case.pk, by=office.second_reviewer)
    advance(case.pk, "recommend", by=office.second_reviewer, now=NOON, verdict="reject", public_text="Still no.")
    for barred in (office.approver, office.second_approver):  # who decided before, and who upheld the appeal
        with pytest.raises(NotAllowed), transaction.atomic():
            advance(case.pk, "endorse_rejection", by=barred, now=NOON)
    case = advance(case.pk, "endorse_rejection", by=make_staff("approver"), now=NOON)
    assert case.state == "rejected"
    assert refusal(lambda: appeal(case))


@pytest.mark.req("APP-9")
def test_nothing_lives_again_beside_a_newer_application(office):
    """Neither by an appeal nor by a corrected result, as long as the newer one is open."""
    case = rejected(office)
    newer = filing.start(case.practitioner, CATALOGUE[case.service], now=NOON)
    assert newer.reference in refusal(lambda: appeal(case))
    asked = LIFECYCLE["correct_result"].obstacles(case, office.examiner, now=NOON)
    assert any(newer.reference in str(reason) for reason in asked)
    filing.discard(newer)
    assert appeal(case).state == "under_appeal"
    assert filing.start(case.practitioner, CATALOGUE[case.service], now=NOON) == case


@pytest.mark.req("APP-9")
def test_only_the_applicant_appeals(office):
    case = rejected(office)
    for by in (make_practitioner().user, office.reviewer, office.second_approver, None):
        refusal(lambda by=by: advance(case.pk, "appeal", by=by, now=NOON, public_text=WORDS))
    case.refresh_from_db()
    assert case.state == "rejected"


@pytest.mark.req("APP-9")
@pytest.mark.parametrize("move", ["uphold", "refuse_appeal"])
@pytest.mark.parametrize("part", ["reviewer", "approver"])
def test_who_decided_never_judges_the_appeal_whatever_their_rights(office, move, part):
    """Not even past every check in code: the database refuses the entry."""
    case = appeal(rejected(office))
    officer = getattr(office, part)
    officer.groups.add(*office.second_approver.groups.all())
    officer.is_superuser = True
    officer.save()
    refusal(lambda: advance(case.pk, move, by=officer, now=NOON, public_text="Yes."))
    facts = {"seq": case.moves + 1, "from_state": "under_appeal", "to_state": LIFECYCLE[move].target, "at": NOON}
    with pytest.raises(DatabaseError, match="did not decide"), transaction.atomic():
        Entry.objects.create(application=case, move=move, by=officer, **facts)
    case.refresh_from_db()
    assert case.state == "under_appeal"


@pytest.mark.req("APP-9")
def test_an_applicant_never_judges_their_own_appeal(office):
    judge = office.second_approver
    case = office.reject(submitted(make_practitioner(user=judge)))
    case = appeal(case)
    refusal(lambda: advance(case.pk, "uphold", by=judge, now=NOON, internal_text="Mine."))


# The page


@pytest.fixture
def case(office, client):
    """Rejected just now; its practitioner sits at `client`."""
    case = rejected(office, clock.now())
    client.force_login(case.practitioner.user)
    client.cookies["django_language"] = "en"
    return case


def page(case, step="") -> str:
    return f"/applications/{case.reference}/{step}"


def send(client, case, **typed):
    return client.post(page(case, "appeal/"), {"text": WORDS, "declared": "on"} | typed)


@pytest.mark.req("APP-9")
def test_the_rejected_case_offers_its_appeal_and_the_page_takes_it_with_a_paper(client, case):
    shown = client.get(page(case))
    assert shown.context["appeal"]["until"] == appeals.last_day(case)
    assert page(case, "appeal/") in shown.content.decode()
    asked = client.get(page(case, "appeal/")).content.decode()
    assert "The papers do not show what was asked for." in asked

    assert send(client, case, file=upload("page3.pdf")).headers["Location"] == page(case)
    case.refresh_from_db()
    assert case.state == "under_appeal"
    paper = case.attachments.get(slot="appeal", replaced_at=None).paper
    assert (paper.name, paper.practitioner) == ("page3.pdf", case.practitioner)
    after = client.get(page(case)).content.decode()
    assert WORDS in after
    assert "Your appeal" in after


def test_an_appeal_needs_no_paper(client, case):
    send(client, case)
    case.refresh_from_db()
    assert case.state == "under_appeal"
    assert not case.attachments.filter(slot="appeal").exists()


@pytest.mark.req("APP-8")
@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"text": ""}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"declared": ""}, "declared"),
        ({"file": upload("paper.pdf", b"MZ" + b"\0" * 500)}, "file"),
        ({"file": upload("paper.pdf", b"")}, "file"),
        ({"file": upload("paper.pdf", bad_files.encrypted())}, "file"),
    ],
    ids=["no words", "too many words", "unreadable words", "not declared", "a program", "empty", "encrypted"],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_happens(client, case, typed, wrong):
    with unchanged():
        answer = send(client, case, **typed)
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {wrong}
    if "text" not in typed:
        assert WORDS in answer.content.decode()


def test_a_second_click_is_no_second_appeal(client, case):
    """Class 42."""
    results = {send(client, case).headers["Location"] for _click in range(2)}
    assert results == {page(case)}
    assert case.timeline.filter(move="appeal").count() == 1


@pytest.mark.req("APP-9")
def test_after_the_last_day_the_case_says_when_it_was(client, office):
    """Class 40: the step is not open, and the page of the case says why."""
    case = rejected(office, clock.now() - timedelta(days=31, hours=1))
    client.force_login(case.practitioner.user)
    client.cookies["django_language"] = "en"
    shown = client.get(page(case))
    assert (len(shown.context["appeal"]["why_not"]), shown.context["appeal"]["until"]) == (1, None)
    assert page(case, "appeal/") not in shown.content.decode()
    for ask in (client.get, lambda path: send(client, case)):
        with unchanged():
            assert ask(page(case, "appeal/")).headers["Location"] == page(case)
    assert "The time to appeal ended on" in client.get(page(case)).content.decode()


@pytest.mark.req("APP-9")
def test_a_newer_draft_is_named_as_the_reason(client, case):
    newer = filing.start(case.practitioner, CATALOGUE[case.service], now=clock.now())
    with unchanged():
        answer = send(client, case)
    assert newer.reference in str([str(one) for one in get_messages(answer.wsgi_request)])
    assert newer.reference in str(client.get(page(case)).context["appeal"]["why_not"])


@pytest.mark.req("APP-9")
def test_a_refused_appeal_is_shown_with_its_reason_and_as_final(client, case, office):
    send(client, case)
    advance(case.pk, "refuse_appeal", by=office.second_approver, now=clock.now(), public_text="It is another paper.")
    shown = client.get(page(case))
    assert "It is another paper." in shown.content.decode()
    assert shown.context["appeal"]["why_not"] == ["An appeal was decided already; that decision is final."]
    with unchanged():
        assert send(client, case).headers["Location"] == page(case)


@pytest.mark.parametrize("state", ["submitted", "under_appeal"])
def test_no_appeal_where_nothing_was_rejected(client, office, state):
    """Class 40."""
    now = clock.now()
    case = (
        submitted(make_practitioner(now=now), now=now) if state == "submitted" else appeal(rejected(office, now), now)
    )
    client.force_login(case.practitioner.user)
    with unchanged():
        assert send(client, case).headers["Location"] == page(case)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
class TestAtOnce:
    @pytest.mark.req("APP-9")
    def test_four_clicks_are_one_appeal(self):
        case = rejected(Office())
        raised = at_once(*[lambda: appeal(case)] * 4)
        assert [type(error) for error in raised] == [NotAllowed] * 3
        assert case.timeline.filter(move="appeal").count() == 1

    @pytest.mark.req("APP-2")
    @pytest.mark.req("APP-9")
    def test_an_appeal_and_a_newer_application_never_stand_side_by_side(self):
        office = Office()
        for _round in range(6):
            case = rejected(office)
            person = case.practitioner
            at_once(
                lambda case=case: appeal(case),
                lambda person=person: filing.start(person, CATALOGUE["classification"], now=NOON),
            )
            assert Application.objects.open().filter(practitioner=person).count() == 1


@pytest.mark.req("APP-9")
def test_a_case_lives_again_only_on_what_was_declared(office):
    case = rejected(office)
    held = case.qualification
    held.title = "Another diploma"
    held.save()
    assert refusal(lambda: appeal(case))


@pytest.mark.req("APP-9")
def test_a_case_does_not_live_again_after_a_newer_one_was_completed(office):
    case = rejected(office)
    later = NOON + timedelta(minutes=1)
    newer = office.approve(submitted(case.practitioner, now=later), now=later)
    office.issue(pay(newer, "service", now=later), now=later)
    assert newer.reference in refusal(lambda: appeal(Application.objects.get(pk=case.pk)))
