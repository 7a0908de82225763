"""Every slot of every service: bad files, impossible days, papers of others, and slots that are not asked (classes 33, 35, 43 to 56)."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, islice

import pytest

from applications import dossier as dossiers
from applications import rules
from applications.catalogue import CATALOGUE, Service, Slot
from applications.models import Application
from documents import wallet
from mumaris.kit import clock
from mumaris.kit.clock import add_months
from tests.bad_files import BAD, one_page
from tests.bad_input.drafts import as_typed, browser, declarable, draft_of, page, post, post_with_file, typed_date
from tests.bad_input.test_questions import DATES
from tests.fingerprint import unchanged
from tests.people import Office, declare, make_practitioner, pay, upload

pytestmark = [pytest.mark.django_db, pytest.mark.req("DOC-1")]
WITH_SLOTS = [one for one in CATALOGUE.values() if one.documents]
each_service = pytest.mark.parametrize("service", WITH_SLOTS, ids=lambda one: one.slug)
EVERY_SLOT = {slot.slug for service in CATALOGUE.values() for slot in service.documents}
DATED = [one for one in WITH_SLOTS if any(slot.dated for slot in one.documents)]
SLOW = {"complex"}  # told in documents/test_checks.py; here one of each other reason is enough
SAMPLES = [one for one in BAD if one.code not in SLOW and one.name not in ("flood.png", "ten thousand.pdf")]


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.STORAGE_DIR = tmp_path
    return tmp_path


def drafts_with_every_slot(service: Service, now) -> Iterator[tuple[Application, list[Slot]]]:
    """A draft and the slots that it asks, in every shape of its answers, until each of the service's was asked."""
    draft, seen = draft_of(service, now), set()
    for route in (None, *rules.ROUTES):
        if route:
            Application.objects.filter(pk=draft.pk).update(
                answers=draft.answers | {"route": route}, version=draft.version + 1
            )
            draft.refresh_from_db()
        asked = [one for one in service.slots(dossiers.load(draft.practitioner, now, draft)) if one.slug not in seen]
        seen |= {one.slug for one in asked}
        if asked:
            yield draft, asked
        if seen == {one.slug for one in service.documents}:
            return
    raise AssertionError(f"{service.slug} never asks { ({one.slug for one in service.documents} - seen) }")


def attach(client, draft, slot: Slot, fields: dict, content: bytes | None = None):
    fields = {f"{slot.slug}-{name}": text for name, text in fields.items()}
    return post_with_file(client, page(draft, f"documents/{slot.slug}/"), f"{slot.slug}-file", fields, content)


def errors(answer, field: str) -> list[str]:
    assert answer.status_code == 200
    found = answer.context["form"].errors
    assert field in found, dict(found)
    return [error.code for error in found[field].as_data()]


@each_service
def test_no_slot_takes_what_is_no_sound_document(service, storage):
    """Six of the samples for each slot, other ones for the next: every reason in every service."""
    now = clock.now()
    samples = cycle(SAMPLES)
    for draft, asked in drafts_with_every_slot(service, now):
        client = browser(draft.practitioner)
        before = {path for path in storage.rglob("*") if path.is_file()}
        for slot in asked:
            day = typed_date("issued_on", clock.today(now)) if slot.dated else {}
            with unchanged():
                for sample in islice(samples, 6):
                    answer = attach(client, draft, slot, day, sample.content)
                    assert sample.code in errors(answer, "file"), (slot.slug, sample.name)
                    assert "slot-bad" in answer.content.decode()
                answer = post(client, page(draft, f"documents/{slot.slug}/"), {f"{slot.slug}-file": "paper.pdf"})
                assert errors(answer, "file") == ["required"]
        assert {path for path in storage.rglob("*") if path.is_file()} == before
        for slot in asked:
            day = typed_date("issued_on", clock.today(now)) if slot.dated else {}
            assert attach(client, draft, slot, day).status_code == 302, slot.slug


@pytest.mark.req("DOC-5")
@pytest.mark.parametrize("service", DATED, ids=lambda one: one.slug)
def test_a_dated_slot_and_the_answer_to_its_return_take_no_impossible_day(service):
    now, today = clock.now(), clock.today(clock.now())
    draft = draft_of(service, now)
    [slot] = [one for one in service.documents if one.dated]
    client = browser(draft.practitioner)
    too_old = add_months(today, -3) - timedelta(days=1)
    beyond = [typed_date("issued_on", day) for day in (today + timedelta(days=1), today + timedelta(days=400), too_old)]
    impossible = [*(as_typed("issued_on", texts) for texts in DATES), *beyond]
    with unchanged():
        for fields in impossible:
            assert errors(attach(client, draft, slot, fields), "issued_on"), fields
        assert errors(attach(client, draft, slot, {}), "issued_on") == ["required"]
    case = Office().return_(pay(declare(declarable(service, now), now=now), "admin", now=now), slot.slug, now=now)
    client = browser(case.practitioner)
    path = page(case, f"remarks/{slot.slug}/")
    with unchanged():
        for fields in [*impossible, {}]:
            sent = {f"{slot.slug}-{name}": text for name, text in fields.items()} | {f"{slot.slug}-kind": "file"}
            answer = post_with_file(client, path, f"{slot.slug}-file", sent)
            assert errors(answer, "issued_on"), fields
        assert errors(
            post(client, path, {f"{slot.slug}-kind": "file"} | typed_date(f"{slot.slug}-issued_on", today)), "file"
        )
        for kind in ("", "lost", "FILE", b"\xed\xa0\x80", "text", "cannot"):
            sent = {f"{slot.slug}-kind": kind, f"{slot.slug}-text": " \u200f"}
            assert set(post(client, path, sent).context["form"].errors) & {"kind", "text"}, kind


@each_service
def test_a_slot_that_is_not_asked_takes_nothing(service):
    """Class 40: of other services, of other people, and of nobody."""
    now = clock.now()
    draft = draft_of(service, now)
    draft.practitioner.qualifications.update(equivalency="")
    draft.practitioner.experience.all().delete()
    client = browser(draft.practitioner)
    asked = {slot.slug for slot in service.slots(dossiers.load(draft.practitioner, now, draft))}
    with unchanged():
        for slug in [*(EVERY_SLOT - asked), "appeal", "verification_report", "passport", "answers", "x" * 300]:
            answer = post_with_file(client, page(draft, f"documents/{slug}/"), f"{slug}-file", {})
            assert answer.status_code == 404, slug
        for slug in ("..%2fphoto", "photo%00", "%2e%2e", "photo/../photo"):
            assert post_with_file(client, page(draft, f"documents/{slug}/"), "file", {}).status_code in (400, 404), slug


@each_service
def test_another_persons_paper_fills_no_slot(service):
    """Class 43: one's own of another kind is refused with words, another's and nobody's do not exist."""
    now = clock.now()
    draft, stranger = draft_of(service, now), make_practitioner(now=now)
    own = wallet.take_in(upload(), practitioner=draft.practitioner, kind="something", now=now)
    slots = [slot.slug for slot in service.slots(dossiers.load(draft.practitioner, now, draft))]
    theirs = {slug: wallet.take_in(upload(), practitioner=stranger, kind=slug, now=now).pk for slug in slots}
    client = browser(draft.practitioner)
    with unchanged():
        for slug in slots:
            path = page(draft, f"documents/{slug}/")
            for key in (str(theirs[slug]), "00000000-0000-4000-8000-000000000000", "1", "", b"\0"):
                assert post(client, path, {"paper": key}).status_code == 404, key
            assert (
                post(client, path, {"paper": str(own.pk)}).headers["Location"]
                == page(draft, "documents/") + f"#slot-{slug}"
            )
        assert "cannot be used for this" in client.get(page(draft, "documents/")).content.decode()


def test_a_file_fills_one_slot_however_often_it_is_sent():
    """Class 42: a doubled post with the same file leaves one paper in the slot."""
    now = clock.now()
    service = CATALOGUE["qualification-study"]
    draft = draft_of(service, now)
    client, [slot] = browser(draft.practitioner), [one for one in service.documents if one.slug == "programme"]
    for _click in range(2):
        assert attach(client, draft, slot, {}, one_page()).status_code == 302
    assert draft.attachments.filter(slot=slot.slug, replaced_at=None).count() == 1
