"""A service is one declaration, complete, and nothing else asks which service it is (SRV-0)."""

import ast
import re
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.utils import translation

from applications import fees, forms
from applications.catalogue import CATALOGUE, Ask
from applications.models import Fee
from mumaris.kit import clock
from mumaris.kit.policy import value
from mumaris.kit.references import PATTERN
from register.models import Classification, IssuedPaper, Rank, Registration
from tests.people import Office, registered

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("mumaris", "accounts", "documents", "register", "payments", "cpd", "applications", "refunds")
# The declarations themselves, and the demo's people, whose stories name the services that they use.
MAY_NAME_SERVICES = {"applications/catalogue.py", "mumaris/pages/demo_people.py"}

FORM_PARTS = {"cleaned_data", "fields"}

pytestmark = pytest.mark.req("SRV-0")
each_service = pytest.mark.parametrize("service", CATALOGUE.values(), ids=CATALOGUE)


def sources(pattern: str, *folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob(pattern))]
    return [path for path in found if str(path.relative_to(ROOT)) not in MAY_NAME_SERVICES]


def asks_which_service(tree: ast.AST) -> list[int]:
    """Lines on which a slug or a service is compared with, or looked up among, services by name."""

    def names_a_service(part: ast.AST) -> bool:
        return any(isinstance(leaf, ast.Constant) and leaf.value in CATALOGUE for leaf in ast.walk(part))

    def is_form_field(part: ast.AST) -> bool:
        """`cleaned_data["registration"]`, `del given["registration"]`: what a form asks may be called as a service is."""
        if not isinstance(part, ast.Subscript):
            return False
        return isinstance(part.ctx, ast.Del) or getattr(part.value, "attr", "") in FORM_PARTS

    compared = [
        one
        for one in ast.walk(tree)
        if isinstance(one, ast.Compare | ast.Match | ast.Subscript) and not is_form_field(one)
    ]
    return [one.lineno for one in compared if names_a_service(one)]


def test_nothing_but_the_catalogue_asks_which_service_it_is():
    paths = sources("*.py", *ROOMS)
    assert ROOT / "applications/views.py" in paths
    asking = {str(path): asks_which_service(ast.parse(path.read_text())) for path in paths}
    assert {path: lines for path, lines in asking.items() if lines} == {}


def test_no_template_asks_which_service_it_is():
    compared = re.compile(r"\{%\s*(?:el)?if\b[^%]*\b(?:slug|service)\s*(?:==|!=|in)\s")
    asking = [str(path) for path in sources("*.*", "templates") if compared.search(path.read_text(encoding="utf-8"))]
    assert asking == []


def test_the_law_above_sees_what_it_forbids():
    for offence in (
        "if service.slug == 'registration': pass",
        "{'registration': 1}[slug]",
        "slug in ['classification']",
    ):
        assert asks_which_service(ast.parse(offence))
    assert not asks_which_service(ast.parse("CATALOGUE[case.service].name"))


@each_service
@pytest.mark.django_db
def test_every_service_is_complete(service):
    today = clock.today(clock.now())
    assert re.fullmatch("[a-z-]+", service.slug)
    assert service.eligible_if
    assert service.issues
    assert value(f"{service.slug}.target_days", today) > 0
    assert fees.price(service.slug, "admin", "", today) > 0
    for category in {*Rank.objects.values_list("fee_category", flat=True)} if service.grants_rank else {""}:
        assert fees.price(service.slug, "service", category, today) > 0
    for kind in service.issues:
        assert get_template(f"papers/{kind.slug}.html")
    for surcharge in service.surcharges:
        assert fees.price(service.slug, surcharge.purpose, "", today) > 0


@each_service
@pytest.mark.parametrize("language", ["ar", "en"])
def test_every_service_is_described(service, language):
    with translation.override(language):
        words = [service.name, service.summary, service.gives, *service.who]
        words += [word for slot in service.documents for word in (slot.name, slot.hint)]
        words += [rule.name for rule in service.eligible_if]
        assert all(str(word).strip() for word in words)


@each_service
def test_slots_and_rules_of_a_service_have_names_of_their_own(service):
    asked = [str(getattr(ask, "slug", ask)) for ask in service.asks]
    for names in ([slot.slug for slot in service.documents], [rule.slug for rule in service.eligible_if], asked):
        assert len(names) == len(set(names))


def test_every_question_is_known_to_the_forms():
    assert set(forms.CHOSEN) == set(Ask)


@pytest.mark.django_db
def test_the_fee_schedule_knows_no_service_that_is_not_offered():
    assert set(Fee.objects.values_list("service", flat=True)) == set(CATALOGUE)


@pytest.mark.django_db
def test_no_two_kinds_of_reference_share_a_prefix():
    office = Office()
    person = registered(office)
    numbers = [held.get().number for held in (Classification.objects, Registration.objects)]
    papers = IssuedPaper.objects.filter(practitioner=person).values_list("number", flat=True)
    assert all(PATTERN.fullmatch(number) for number in [*numbers, *papers])
    prefixes = [service.prefix for service in CATALOGUE.values()] + [number[:2] for number in numbers]
    prefixes += [kind.prefix for kind in {kind for service in CATALOGUE.values() for kind in service.issues}]
    assert len(prefixes) == len(set(prefixes))
