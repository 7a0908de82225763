"""A paper that was attached once is offered again wherever it fits, and is stored once (DOC-4)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications import filing
from applications.catalogue import CATALOGUE
from applications.models import Application, Attachment
from applications.progress import advance
from applications.wallet_reuse import MOST
from documents import wallet
from documents.models import Paper, Scan
from mumaris.kit import clock
from mumaris.kit.clock import add_months
from tests.fingerprint import unchanged
from tests.look.markup import Page
from tests.people import Office, completed, declare, make_draft, make_practitioner, submitted, upload

pytestmark = [pytest.mark.django_db, pytest.mark.req("DOC-4")]
LETTER, PHOTO = "employer_letter", "photo"


@pytest.fixture
def now():
    return clock.now()


def signed_in(case: Application) -> Client:
    client = Client()
    client.force_login(case.practitioner.user)
    client.cookies["django_language"] = "en"
    return client


def begin(person, service: str, now) -> Application:
    """A draft without a single paper."""
    return filing.start(person, CATALOGUE[service], now=now)


def offered(case: Application) -> dict[str, list[str]]:
    """The papers offered on the documents page, by slot."""
    html = signed_in(case).get(reverse("application_documents", args=[case.reference])).content.decode()
    page = Page(html)
    assert page.faults == []
    slots = html.split('id="slot-')[1:]
    found = {slot.partition('"')[0]: Page(slot).all("button", name="paper") for slot in slots}
    return {slot: [button["value"] for button in buttons] for slot, buttons in found.items()}


def use(case: Application, slot: str, paper, client: Client | None = None):
    address = reverse("application_attach", args=[case.reference, slot])
    return (client or signed_in(case)).post(address, {"paper": str(paper)})


def paper_in(case: Application, slot: str) -> Paper:
    return case.attachments.get(slot=slot, replaced_at=None).paper


@pytest.fixture
def earlier(now) -> Application:
    """A classification that was asked for, all its papers attached."""
    return submitted(make_practitioner(now=now), now=now)


@pytest.fixture
def draft(earlier, now) -> Application:
    return begin(earlier.practitioner, "re-classification", now)


def test_each_empty_slot_offers_what_fits_it(earlier, draft):
    offers = offered(draft)
    assert {slot for slot, papers in offers.items() if papers} == {"qualification", PHOTO}
    assert offers[PHOTO] == [str(paper_in(earlier, PHOTO).pk)]
    html = signed_in(draft).get(reverse("application_documents", args=[draft.reference])).content.decode()
    assert earlier.reference in html
    assert paper_in(earlier, PHOTO).name in html


def test_a_used_paper_fills_its_slot_and_is_stored_once(earlier, draft):
    before = Paper.objects.count()
    paper = paper_in(earlier, PHOTO)
    answer = use(draft, PHOTO, paper.pk)
    assert answer.headers["Location"].endswith(f"/documents/#slot-{PHOTO}")
    assert paper_in(draft, PHOTO) == paper
    assert Paper.objects.count() == before
    assert offered(draft)[PHOTO] == []
    assert paper_in(earlier, PHOTO) == paper
    client = signed_in(draft)
    with unchanged():  # a second click
        use(draft, PHOTO, paper.pk, client)


def test_at_most_three_are_offered_newest_first_and_each_once(earlier, now):
    person = earlier.practitioner
    used = [paper_in(earlier, "transcript")]
    for number, service in enumerate(["re-classification", "qualification-study"], 1):
        moment = now + timedelta(minutes=number)
        case = begin(person, service, moment)
        paper = wallet.take_in(upload(), practitioner=person, kind="transcript", now=moment)
        filing.attach(case, "transcript", paper, issued_on=None, now=moment)
        used.insert(0, paper)
    advance(earlier.pk, "withdraw", by=person.user, now=now)
    fresh = begin(person, "classification", now)
    assert offered(fresh)["transcript"] == [str(paper.pk) for paper in used]
    assert len(used) == MOST
    again = Application.objects.get(practitioner=person, service="qualification-study")
    filing.detach(again, "transcript", now=now)
    filing.attach(again, "transcript", used[2], issued_on=None, now=now + timedelta(hours=1))
    assert offered(fresh)["transcript"] == [str(used[2].pk), str(used[1].pk)]


def test_a_dated_slot_offers_a_letter_that_is_recent_enough_with_its_date(now):
    today, office = clock.today(now), Office()
    person = make_practitioner(now=now)
    completed(office, person, now=now)
    oldest = add_months(today, -3)
    first = declare(make_draft(person, "registration", letter=oldest, now=now), now=now)
    advance(first.pk, "withdraw", by=person.user, now=now)
    draft, paper = begin(person, "registration", now), paper_in(first, LETTER)
    assert offered(draft)[LETTER] == [str(paper.pk)]
    use(draft, LETTER, paper.pk)
    assert draft.attachments.get(slot=LETTER, replaced_at=None).issued_on == oldest


@pytest.mark.parametrize("months", [3, 12])
def test_a_letter_that_is_too_old_is_not_offered_and_refused(now, months):
    today = clock.today(now)
    person = make_practitioner(now=now)
    completed(Office(), person, now=now)
    first = make_draft(person, "registration", letter=today, now=now)
    Attachment.objects.filter(application=first, slot=LETTER).update(
        issued_on=add_months(today, -months) - timedelta(days=1)
    )
    paper = paper_in(first, LETTER)
    declared_once(first, now)
    draft = begin(person, "registration", now)
    assert offered(draft)[LETTER] == []
    refused(draft, LETTER, paper)


def declared_once(case: Application, now) -> None:
    """Closed, so that another of its service can be begun; the letter was recent when it was declared."""
    letter = case.attachments.get(slot=LETTER, replaced_at=None)
    kept, letter.issued_on = letter.issued_on, clock.today(now)
    letter.save()
    declare(case, now=now)
    advance(case.pk, "withdraw", by=case.practitioner.user, now=now)
    letter.issued_on = kept
    letter.save()


def refused(case: Application, slot: str, paper: Paper) -> None:
    """Led back to the page with a message, and nothing is attached."""
    client = signed_in(case)
    with unchanged():
        answer = use(case, slot, paper.pk, client)
    assert answer.status_code == 302
    page = client.get(answer.headers["Location"].partition("#")[0]).content.decode()
    assert "alert-bad" in page
    assert paper.name in page


@pytest.mark.parametrize("scan", [Scan.INFECTED, Scan.PENDING])
def test_what_the_scanner_did_not_pass_is_not_offered_and_refused(earlier, draft, scan):
    paper = paper_in(earlier, PHOTO)
    Paper.objects.filter(pk=paper.pk).update(scan=scan)
    assert offered(draft)[PHOTO] == []
    refused(draft, PHOTO, paper)


def test_a_paper_of_another_kind_is_refused(earlier, draft):
    refused(draft, PHOTO, paper_in(earlier, "transcript"))


@pytest.mark.parametrize("answered", [False, True])
def test_what_an_officer_sent_back_is_not_offered_but_what_replaced_it(now, answered):
    office, person = Office(), make_practitioner(now=now)
    case = office.return_(submitted(person, now=now), PHOTO, now=now)
    old = better = paper_in(case, PHOTO)
    if answered:
        better = wallet.take_in(upload("better.pdf"), practitioner=person, kind=PHOTO, now=now)
        item = case.return_items.get()
        filing.answer(item, kind="file", paper=better, now=now)
        advance(case.pk, "resubmit", by=person.user, now=now)
    draft = begin(person, "re-classification", now)
    assert offered(draft)[PHOTO] == ([str(better.pk)] if answered else [])
    refused(draft, PHOTO, old)


def test_another_persons_paper_does_not_exist(draft, now):
    theirs = paper_in(submitted(make_practitioner(now=now), now=now), PHOTO)
    assert str(theirs.pk) not in offered(draft)[PHOTO]
    client = signed_in(draft)
    for paper in (theirs.pk, uuid4(), "nonsense", "", "1" * 5000):
        with unchanged():
            assert use(draft, PHOTO, paper, client).status_code == 404


def test_a_declared_case_takes_no_paper_any_more(earlier):
    client = signed_in(earlier)
    with unchanged():
        answer = use(earlier, PHOTO, paper_in(earlier, PHOTO).pk, client)
    assert answer.headers["Location"] == reverse("application", args=[earlier.reference])


def test_the_page_asks_as_often_however_many_papers_fit(earlier, draft, now):
    client, address = signed_in(draft), reverse("application_documents", args=[draft.reference])

    def questions() -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address).status_code == 200
        return len(asked)

    before = questions()
    case = begin(earlier.practitioner, "qualification-study", now)
    for slot in ("qualification", "transcript"):
        paper = wallet.take_in(upload(), practitioner=earlier.practitioner, kind=slot, now=now)
        filing.attach(case, slot, paper, issued_on=None, now=now)
    assert sum(map(len, offered(draft).values())) > 2
    assert questions() == before <= 15
