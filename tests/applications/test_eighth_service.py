"""A new service costs one declaration and its paper's template: this one is declared here and nowhere else (SRV-0)."""

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.urls import reverse

from applications import first_values, granting, rules
from applications.catalogue import CATALOGUE, Kind, Question, Service, Slot
from applications.models import Application
from mumaris.kit import clock, policy
from register import issuing
from register.models import IssuedPaper
from register.papers import KINDS, PaperKind
from tests.people import Office, make_practitioner, pay, upload

TEMPLATE = """<html lang="ar" dir="rtl"><head><title>إفادة | Statement</title></head><body>
<p>{{ name_ar }}</p><p>{{ language_of_instruction }}</p><p>{{ paper_number }}</p></body></html>"""


@pytest.fixture
def eighth(monkeypatch, settings, tmp_path):
    """The declaration, the template, and what the operator runs after every update."""
    monkeypatch.setattr("register.papers.KINDS", KINDS)
    paper = PaperKind("language_statement", "LS", "إفادة لغة", "Language statement")
    monkeypatch.delitem(KINDS, paper.slug)
    monkeypatch.setitem(KINDS, paper.slug, paper)
    service = Service(
        slug="language-statement",
        prefix="LG",
        name="Statement of the language of instruction",
        summary="States in which language you were taught.",
        gives="A statement",
        who=("Whoever holds a qualification.",),
        eligible_if=(rules.identity_is_complete,),
        asks=(
            Question("language_of_instruction", "Language", Kind.CHOICE, choices=(("ar", "Arabic"), ("en", "English"))),
        ),
        documents=(Slot("transcript", "Transcript", "All years."),),
        grants=granting.issue_papers,
        issues=(paper,),
        first_target_days=4,
        first_valid_months=3,
        first_service_fees={"": 150},
    )
    monkeypatch.setitem(CATALOGUE, service.slug, service)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / f"{paper.slug}.html").write_text(TEMPLATE, encoding="utf-8")
    settings.TEMPLATES = [
        {**engine, "DIRS": [*engine["DIRS"], tmp_path]} if "Django" in engine["BACKEND"] else engine
        for engine in django_settings.TEMPLATES
    ]
    for key, value in first_values.policies().items():
        monkeypatch.setitem(policy.FIRST_VALUES, key, value)
    call_command("load_reference")
    return service


@pytest.mark.django_db
@pytest.mark.req("SRV-0")
def test_a_service_declared_here_goes_all_the_way(client, eighth):
    office, person = Office(), make_practitioner(now=clock.now())
    assert client.get(reverse("service", args=[eighth.slug])).status_code == 200
    assert eighth.name in client.get(reverse("services")).content.decode()
    client.force_login(person.user)
    client.post(reverse("application_start", args=[eighth.slug]))
    case = person.applications.get()
    assert case.reference.startswith("LG-")
    answers = {"language_of_instruction": "en", "version": case.version}
    client.post(reverse("application_questions", args=[case.reference]), answers)
    client.post(reverse("application_attach", args=[case.reference, "transcript"]), {"transcript-file": upload()})
    case.refresh_from_db()
    client.post(reverse("application_check", args=[case.reference]), {"declared": "on", "version": case.version})
    now = clock.now()
    case = pay(case, "admin", now=now)
    assert case.state == "submitted"
    case = pay(office.approve(case, now=now), "service", now=now)
    case = office.issue(case, now=now)
    assert case.state == "completed"
    paper = IssuedPaper.objects.get(case=case.reference)
    assert (paper.number[:3], paper.facts["language_of_instruction"]) == ("LS-", "en")
    assert paper.name in ("إفادة لغة", "Language statement")
    issuing.render(paper.pk)
    assert client.get(reverse("issued_paper", args=[paper.number])).getvalue().startswith(b"%PDF")
    public = client.get(reverse("verify_paper", args=[issuing.token(paper.number)]))
    assert public.status_code == 200
    assert paper.number in public.content.decode()
    assert Application.objects.filter(state="completed", service=eighth.slug).count() == 1
