"""Who may leave a decision to staff, what a rule may look at, and that every refusal leads somewhere (SRV-12)."""

import ast
from pathlib import Path

import pytest
from django.urls import reverse

from applications import rules
from applications.catalogue import CATALOGUE
from applications.rules import Rule

SOURCE = Path(rules.__file__)
TREE = ast.parse(SOURCE.read_text(encoding="utf-8"))
# *Staff decide* is for sanctions and explanations only; a sanction stands in the way, so it never is left to them.
LEFT_TO_STAFF = {"gap_in_practice_is_explained"}
DECLARED = {name: rule for name, rule in vars(rules).items() if isinstance(rule, Rule)}
USED = {rule for service in CATALOGUE.values() for rule in (*service.eligible_if, *service.confirmed_if)}

pytestmark = pytest.mark.req("SRV-12")


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]


def leaves_it_to_staff(tree: ast.AST) -> set[str]:
    """The functions, "" for the module itself, in which the verdict of staff is named in any spelling."""

    def names_it(part: ast.AST) -> bool:
        return (
            isinstance(part, ast.Attribute | ast.Name) and getattr(part, "attr", getattr(part, "id", "")) == "STAFF"
        ) or (isinstance(part, ast.Constant) and part.value in ("staff", "STAFF"))

    within = {part for one in functions(tree) for part in ast.walk(one)}
    declared = {part for one in ast.walk(tree) if isinstance(one, ast.ClassDef) for part in ast.walk(one)}
    outside = {""} if any(names_it(part) for part in ast.walk(tree) if part not in within | declared) else set()
    return outside | {one.name for one in functions(tree) if any(map(names_it, ast.walk(one)))}


def test_only_explanations_are_left_to_staff():
    assert leaves_it_to_staff(TREE) == LEFT_TO_STAFF
    assert set(DECLARED) >= LEFT_TO_STAFF


def test_the_law_above_sees_what_it_forbids():
    for offence in (
        "def ask(): return Finding(Verdict.STAFF, '')",
        "def ask(): return Finding(Verdict('staff'), '')",
        "def ask(): return Finding(Verdict['STAFF'], '')",
        "def ask(): return STAFF",
    ):
        assert leaves_it_to_staff(ast.parse(offence)) == {"ask"}
    assert leaves_it_to_staff(ast.parse("usual = Verdict.STAFF")) == {""}
    assert leaves_it_to_staff(ast.parse("class Verdict: STAFF = 'staff'")) == set()


# A rule answers from the dossier alone: the day, the facts and the policies that it was loaded with.
FORBIDDEN_ROOMS = ("django.conf", "django.db", "django.core", "django.http", "time", "random", "os")
FORBIDDEN_NAMES = {"now", "today", "value", "datetime", "load", "settings", "connection", "open"}
FORBIDDEN_PARTS = {
    "objects",
    "filter",
    "exclude",
    "select_related",
    "create",
    "save",
    "update",
    "delete",
    "now",
    "today",
}


def looks_elsewhere(tree: ast.AST) -> list[str]:
    """What is imported or named in there that would tell more than the dossier does."""
    found = []
    for one in ast.walk(tree):
        match one:
            case ast.ImportFrom(module=str(module)) if module.startswith(FORBIDDEN_ROOMS):
                found.append(module)
            case ast.Import(names=names):
                found += [name.name for name in names if name.name.startswith(FORBIDDEN_ROOMS)]
            case ast.Name(id=name) if name in FORBIDDEN_NAMES:
                found.append(name)
            case ast.Attribute(attr=part) if part in FORBIDDEN_PARTS:
                found.append(part)
    return found


def test_no_rule_reads_a_clock_the_database_or_the_settings():
    practice = SOURCE.parents[1] / "documents/practice.py"
    for path in (SOURCE, practice):
        assert looks_elsewhere(ast.parse(path.read_text(encoding="utf-8"))) == [], path.name
    for offence in (
        "from django.conf import settings",
        "import time",
        "def ask(dossier): return Sanction.objects.all()",
        "def ask(dossier): return dossier.periods.filter(pk=1)",
        "def ask(dossier): return date.today()",
        "def ask(dossier): return clock.now()",
        "def ask(dossier): return value('key', dossier.day)",
    ):
        assert looks_elsewhere(ast.parse(offence)), offence


def test_every_rule_asks_the_dossier_and_nothing_else():
    for name, rule in DECLARED.items():
        assert rule.slug == name
        assert rule.ask.__code__.co_varnames[: rule.ask.__code__.co_argcount] == ("dossier",), name
        assert not rule.ask.__closure__, name


# What is declared is used, and the other way round


def test_every_rule_of_every_service_is_declared_here_and_every_rule_is_asked():
    assert set(DECLARED.values()) == USED
    assert len({rule.slug for rule in USED}) == len(USED)


def test_every_condition_of_a_slot_a_question_or_a_surcharge_is_declared_here():
    conditions = [
        condition
        for service in CATALOGUE.values()
        for condition in (
            *(slot.only_if for slot in service.documents),
            *(getattr(ask, "only_if", None) for ask in service.asks),
            *(surcharge.due_if for surcharge in service.surcharges),
        )
        if condition
    ]
    assert {condition.__module__ for condition in conditions} == {rules.__name__}


def remedies(tree: ast.AST) -> list[dict[str, str]]:
    """Where every remedy leads that is written down in there."""
    return [
        {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg in ("url_name", "step")}
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("unmet", "Remedy")
        and any(word.arg in ("url_name", "step") and isinstance(word.value, ast.Constant) for word in call.keywords)
    ]


def test_every_remedy_leads_to_a_page_that_is_there():
    leading = remedies(TREE)
    assert len(leading) > 30
    for where in leading:
        [(kind, name)] = where.items()
        assert reverse(name) if kind == "url_name" else reverse(f"application_{name}", args=["CL-2026-0000001"])
    assert {where["step"] for where in leading if "step" in where} == {"questions", "documents"}


def test_a_remedy_without_a_place_is_no_remedy():
    """`unmet` with a text always says where; one without a text offers nothing."""
    for call in ast.walk(TREE):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "unmet":
            leads = any(word.arg in ("url_name", "step", None) for word in call.keywords)
            assert leads is (len(call.args) > 1), ast.unparse(call)
