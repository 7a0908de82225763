"""Whoever is granted something else than was asked for may object until paying accepts it (APP-6)."""

import pytest
from django.urls import reverse

from applications.models import Matter
from applications.progress import advance
from mumaris.kit import clock
from tests.people import Office, make_practitioner, pay, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.req("APP-6")]
WORDS = {"text": "My diploma is of three years, so I am a technician."}


@pytest.fixture
def lowered(client):
    """A case in which less was granted than asked for, its owner signed in, and its office."""
    office, now = Office(), clock.now()
    case = office.approve(submitted(make_practitioner(now=now), now=now), rank="assistant", now=now)
    client.force_login(case.practitioner.user)
    return case, office


def test_an_objection_is_a_matter_for_whoever_can_take_the_approval_back(client, lowered):
    case, office = lowered
    page = client.get(reverse("application", args=[case.reference])).content.decode()
    assert reverse("application_object", args=[case.reference]) in page
    for _click in range(2):
        client.post(reverse("application_object", args=[case.reference]), WORDS | {"seen": case.moves})
    matter = Matter.objects.get()
    assert (matter.application, WORDS["text"] in matter.text) == (case, True)
    client.force_login(office.approver)
    screen = client.get(reverse("admin:applications_application_change", args=[case.pk])).content.decode()
    assert reverse("admin:applications_matter_change", args=[matter.pk]) in screen
    assert advance(case.pk, "take_back", by=office.approver, now=clock.now(), internal_text="He is right.").state == (
        "under_review"
    )


def test_without_words_nothing_is_objected(client, lowered):
    case, _office = lowered
    answer = client.post(reverse("application_object", args=[case.reference]), {"text": "  ", "seen": case.moves})
    assert answer.status_code == 200
    assert not Matter.objects.exists()


def test_paying_accepts_what_was_granted(client, lowered):
    case, _office = lowered
    pay(case, "service", now=clock.now())
    client.post(reverse("application_object", args=[case.reference]), WORDS | {"seen": case.moves})
    assert not Matter.objects.exists()


def test_what_was_asked_for_is_nothing_to_object_to(client):
    office, now = Office(), clock.now()
    case = office.approve(submitted(make_practitioner(now=now), now=now), now=now)
    client.force_login(case.practitioner.user)
    assert (
        client.post(reverse("application_object", args=[case.reference]), WORDS | {"seen": case.moves}).status_code
        == 302
    )
    assert not Matter.objects.exists()


def test_a_window_that_is_old_objects_to_nothing(client, lowered):
    case, _office = lowered
    address = reverse("application_object", args=[case.reference])
    for seen in (case.moves - 1, ""):
        client.post(address, WORDS | {"seen": seen})
    assert not Matter.objects.exists()
