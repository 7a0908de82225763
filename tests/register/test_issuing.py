"""Any kind of paper is issued, rendered, verified and revoked; a new kind is a declaration and a template (SRV-0, REG-2)."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation
from pypdf import PdfReader

from mumaris.kit import files
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from register import issuing, papers
from register.models import Classification, IssuedPaper, Rank, Specialty
from register.papers import PaperKind
from tests.people import NOON, make_practitioner, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.req("REG-2")]
TODAY = today(NOON)
UNTIL = TODAY + timedelta(days=90)
WORDS = {"ward_ar": "جناح النخيل", "ward_en": "The palm ward", "begins_on": "2026-12-01", "rests_until": ""}
TEMPLATE = """{% extends "papers/certificate.html" %}{% load papers %}
{% block title_ar %}{{ title_ar }}{% endblock %}{% block title_en %}{{ title_en }}{% endblock %}
{% block heading_ar %}{{ title_ar }}{% endblock %}{% block heading_en %}{{ title_en }}{% endblock %}
{% block say_ar %}{{ ward_ar }}{% endblock %}{% block say_en %}{{ ward_en }}, from {{ begins_on|gregorian:"en" }}{% endblock %}"""


@pytest.fixture
def pass_kind(monkeypatch, settings, tmp_path):
    """A kind of paper that no file of the portal knows, and its template."""
    monkeypatch.setattr(papers, "KINDS", dict(papers.KINDS))
    (tmp_path / "templates" / "papers").mkdir(parents=True)
    (tmp_path / "templates" / "papers" / "visitors_pass.html").write_text(TEMPLATE, encoding="utf-8")
    first, *rest = settings.TEMPLATES
    settings.TEMPLATES = [{**first, "DIRS": [tmp_path / "templates", *first["DIRS"]]}, *rest]
    settings.STORAGE_DIR = tmp_path / "files"
    return PaperKind("visitors_pass", "VP", "تصريح زائر", "Visitor's pass")


def issue(kind, *, case="VP-2026-0000001", person=None, valid_until=UNTIL, words=WORDS):
    return issuing.issue(
        kind,
        practitioner=person or make_practitioner(),
        case=case,
        valid_from=TODAY,
        valid_until=valid_until,
        words=words,
        now=NOON,
    )


@pytest.mark.req("SRV-0")
def test_a_kind_that_nothing_knows_is_issued_rendered_verified_and_revoked(pass_kind, client):
    paper = issue(pass_kind)
    assert paper.number.startswith("VP-2026-")
    assert paper.kind == "visitors_pass"
    for language, name in (("ar", "تصريح زائر"), ("en", "Visitor's pass")):
        with translation.override(language):
            assert paper.name == str(pass_kind) == name

    issuing.render(paper.pk)
    paper.refresh_from_db()
    with files.read(paper.storage_key) as kept:
        text = "".join(page.extract_text() for page in PdfReader(BytesIO(kept.read())).pages)
    for words in ("Visitor's pass", "The palm ward, from 1 December 2026", paper.number):
        assert words in text

    address = f"/verify/{issuing.token(paper.number)}/"
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.context["paper"] == paper
    assert paper.number in answer.content.decode()
    assert paper.facts["identity_masked"] not in answer.content.decode()
    assert "<dd></dd>" not in answer.content.decode()

    issuing.revoke(paper, "Lost", by=make_staff("register officer"), now=NOON)
    assert client.get(address).context["outcome"] == "revoked"


def test_the_words_are_fixed_at_issue(pass_kind):
    person = make_practitioner()
    facts = issue(pass_kind, person=person).facts
    assert facts == WORDS | {
        "paper_number": facts["paper_number"],
        "title_ar": "تصريح زائر",
        "title_en": "Visitor's pass",
        "name_ar": person.name_ar,
        "name_en": person.name_en,
        "identity_masked": person.identities.get().masked,
        "issued_on": TODAY.isoformat(),
        "valid_from": TODAY.isoformat(),
        "valid_until": UNTIL.isoformat(),
    }


@pytest.mark.parametrize("word", ["paper_number", "name_ar", "title_en", "valid_until"])
def test_nobody_chooses_the_common_words(pass_kind, word):
    with pytest.raises(ValueError, match=word):
        issue(pass_kind, words={word: "2030-01-01"})
    assert not IssuedPaper.objects.exists()


def test_nothing_is_issued_twice_for_a_case_while_it_is_valid(pass_kind):
    first = issue(pass_kind)
    with pytest.raises(IntegrityError), transaction.atomic():
        issue(pass_kind)
    issue(pass_kind, case="VP-2026-0000002")
    issuing.revoke(first, "Lost", by=make_staff("register officer"), now=NOON)
    issue(pass_kind)
    assert IssuedPaper.objects.count() == 3


@pytest.mark.parametrize(
    ("valid_until", "day", "expected"),
    [
        (UNTIL, TODAY - timedelta(days=1), "not_yet"),
        (UNTIL, TODAY, "valid"),
        (UNTIL, UNTIL, "valid"),
        (UNTIL, UNTIL + timedelta(days=1), "expired"),
        (None, TODAY - timedelta(days=1), "not_yet"),
        (None, TODAY + timedelta(days=40000), "valid"),
    ],
)
def test_a_paper_is_valid_on_its_days_or_for_good(pass_kind, valid_until, day, expected):
    assert issuing.outcome(issue(pass_kind, valid_until=valid_until), day) == expected


def test_a_paper_without_a_last_day_has_a_public_page(pass_kind, client):
    paper = issue(pass_kind, valid_until=None)
    assert paper.facts["valid_until"] == ""
    issuing.render(paper.pk)
    assert client.get(f"/verify/{issuing.token(paper.number)}/").context["outcome"] == "valid"


def test_a_paper_of_the_first_release_has_a_name_too(pass_kind):
    card = IssuedPaper(kind="registration_card", facts={"name_ar": "سمر"})
    for language in ("ar", "en"):
        with translation.override(language):
            assert card.name == str(papers.REGISTRATION_CARD)


@pytest.mark.parametrize(
    ("slug", "prefix"), [("visitors_pass", "VX"), ("other_pass", "VP"), ("registration_card", "XX")]
)
def test_two_kinds_never_share_a_slug_or_a_prefix(pass_kind, slug, prefix):
    with pytest.raises(ValueError, match="another's"):
        PaperKind(slug, prefix, "آخر", "Other")
    assert PaperKind("visitors_pass", "VP", "تصريح زائر", "Visitor's pass") == pass_kind


def test_a_classification_names_what_it_rests_on(pass_kind):
    person = make_practitioner()
    degree = person.qualifications.create(
        degree="diploma", field="NUR", title="Nursing", institution="Institute", country="SA", awarded_on="2020-01-01"
    )
    for case, qualification in (("CL-2026-0000001", degree), ("CL-2026-0000002", None)):
        held = issuing.classify(
            practitioner=person,
            specialty=Specialty.objects.get(code="general-nursing"),
            rank=Rank.objects.get(code="technician"),
            qualification=qualification,
            case=case,
            decided_on=TODAY,
            usable_until=UNTIL,
            now=NOON,
        )
        assert Classification.objects.get(pk=held.pk).qualification == qualification
        assert IssuedPaper.objects.get(case=case).facts["register_number"] == held.number


def test_an_officer_never_revokes_their_own_paper(pass_kind):
    person = make_practitioner()
    with pytest.raises(NotAllowed):
        issuing.revoke(issue(pass_kind, person=person), "Mine", by=person.user, now=NOON)
