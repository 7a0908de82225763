"""The guide: every way through it ends at a service, every service can be found, and nobody gets lost (SRV-13)."""

import re

import pytest
from django.urls import reverse
from django.utils import translation

from applications import guide
from applications.catalogue import CATALOGUE, GUIDE, Choice
from tests.look.markup import Page
from tests.people import make_user

pytestmark = pytest.mark.req("SRV-13")
WAYS = list(guide.endings())
LANGUAGES = ["ar", "en"]


def questions(here=GUIDE):
    if isinstance(here, Choice):
        yield here
        for answer in here.answers:
            yield from questions(answer.leads_to)


def read(client, address: str, language: str = "en") -> str:
    client.cookies["django_language"] = language
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_every_service_is_found_and_every_way_is_short():
    assert {ending.service.slug for _way, ending in WAYS} == set(CATALOGUE)
    assert all(1 <= len(way) <= 3 for way, _ending in WAYS)


def test_the_answers_to_a_question_differ_and_stand_in_addresses():
    for question in questions():
        slugs = [answer.slug for answer in question.answers]
        assert len(slugs) >= 2
        assert len(slugs) == len(set(slugs))
        assert all(re.fullmatch("[a-z-]+", slug) for slug in slugs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_answer_and_ending_has_words(language):
    with translation.override(language):
        for question in questions():
            words = [question.question, *(answer.words for answer in question.answers)]
            assert all(str(word).strip() for word in words)
        for _way, ending in WAYS:
            assert str(ending.why).endswith(".")
            assert len(guide.at_hand(ending)) >= 1
        assert all(str(term) and str(meaning).endswith(".") for term, meaning in guide.TERMS)


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_follows_the_links_arrives(client, language):
    """From the first page on, by the links of the pages alone, without a script and without an account."""
    arrived, open_ones = set(), [reverse("guide")]
    while open_ones:
        address = open_ones.pop()
        html = read(client, address, language)
        page = Page(html)
        assert page.faults == [], address
        assert page.all("script") == []
        further = [link["href"] for link in page.all("a", class_="choice")]
        services = [link["href"] for link in page.all("a", class_="btn") if link["href"].startswith("/services/")]
        assert bool(further) != bool(services), address
        arrived |= set(services)
        open_ones += further
    assert arrived == {reverse("service", args=[slug]) for slug in CATALOGUE}


@pytest.mark.django_db
@pytest.mark.parametrize(("way", "ending"), WAYS, ids=["-".join(way) for way, _ending in WAYS])
def test_the_end_says_why_what_to_have_at_hand_and_how_one_came_there(client, way, ending):
    html = read(client, guide.address(way))
    with translation.override("en"):
        assert str(ending.service.name) in html
        assert str(ending.why) in html
        for slot in ending.service.documents:
            assert str(slot.name) in html
        steps, _here = guide.walk(way)
        for step in steps:
            assert str(step.choice.question) in html
            assert str(step.answer.words) in html
    changes = [link["href"] for link in Page(html).all("a") if link.get("href", "").startswith(reverse("guide"))]
    assert {guide.address(way[:number]) for number in range(len(way))} <= set(changes)


@pytest.mark.django_db
def test_a_changed_answer_keeps_those_before_it(client):
    way = next(way for way, _ending in WAYS if len(way) > 1)
    html = read(client, guide.address(way[:1]))
    assert guide.address(way) in html
    assert f'href="{reverse("guide")}"' in html


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "classified/nothing",
        "renew/more",
        "classified//usable",
        "/classified",
        "classified/usable/",
        "CLASSIFIED",
        "renew/../renew",
        "%00",
        "é",
    ],
)
def test_an_unknown_way_does_not_exist(client, path):
    assert client.get(f"/guide/{path}/").status_code in (404, 400)


@pytest.mark.django_db
def test_the_similar_terms_are_explained_in_one_place(client):
    html = read(client, reverse("guide"))
    with translation.override("en"):
        for term, meaning in guide.TERMS:
            assert f"<dt>{term}</dt><dd>{meaning}</dd>" in html
    assert len(guide.TERMS) == 8


@pytest.mark.django_db
def test_the_guide_asks_the_database_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        read(client, reverse("guide"))


@pytest.mark.django_db
def test_the_way_to_the_guide_stands_where_people_look_for_services(client):
    for address in (reverse("home"), reverse("services")):
        assert any(link["href"].startswith(reverse("guide")) for link in Page(read(client, address)).all("a"))
    firsts = {guide.address([answer.slug]) for answer in GUIDE.answers}
    assert firsts <= {link["href"] for link in Page(read(client, reverse("home"))).all("a")}
    client.force_login(make_user())
    assert reverse("guide") in {link["href"] for link in Page(read(client, reverse("home"))).all("a")}
