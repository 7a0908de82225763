"""The make-believe verification company keeps to docs/verification-api.yaml, and its page makes cases."""

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from simulators.verifier import FAULTS, READY, RESULTS, SPOILED, Cases, Company

pytest_plugins = ["tests.servers"]
pytestmark = pytest.mark.req("DOC-3")

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = yaml.safe_load((ROOT / "docs" / "verification-api.yaml").read_text())
KINDS_OF = {"string": str, "object": dict, "null": type(None)}
SUBJECT = {"name_en": "Samar Idris", "birth_date": "1995-05-03"}
DEGREE = {"kind": "qualification", "title": "T", "issuer": "I", "country": "EG", "awarded_on": "2016-06-30"}
JOB = {"kind": "experience", "title": "T", "issuer": "I", "country": "EG", "from": "2019-01-01", "to": None}
LICENCE = {"kind": "licence", "title": "T", "issuer": "I", "country": "EG", "from": "2019-01-01", "to": "2030-01-01"}


def faults_in(value: Any, schema: dict[str, Any], place: str = "answer") -> list[str]:
    """Where the value does not fit the schema, for the words that the contract uses."""
    if "$ref" in schema:
        found = CONTRACT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return faults_in(value, found, place)
    known = {"type", "required", "properties", "enum", "pattern", "minLength", "maxLength", "format"}
    assert schema.keys() <= known | {"description", "examples"}, place
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not isinstance(value, tuple(KINDS_OF[kind] for kind in kinds)):
        return [f"{place} is {value!r}"]
    wrong = [f"{place} is {value!r}"] if "enum" in schema and value not in schema["enum"] else []
    if isinstance(value, str):
        fits = re.search(schema.get("pattern", ""), value)
        fits = fits and schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**6)
        wrong += [] if fits else [f"{place} is {value!r}"]
        if schema.get("format") == "date":
            date.fromisoformat(value)
    if isinstance(value, dict):
        wrong += [f"{place}.{name} is missing" for name in schema.get("required", []) if name not in value]
        parts = schema.get("properties", {})
        wrong += [
            fault for name, part in value.items() if name in parts for fault in faults_in(part, parts[name], name)
        ]
        wrong += [f"{place}.{name} stands in no contract" for name in value if name not in parts]
    return wrong


def fits(answer: requests.Response, path: str, method: str) -> bool:
    """Whether status and body are what the contract says of this operation."""
    promised = CONTRACT["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in promised:
        promised = CONTRACT["components"]["responses"][promised["$ref"].rpartition("/")[2]]
    assert faults_in(answer.json(), promised["content"]["application/json"]["schema"]) == []
    return True


ONE, APPEAL = "/v1/cases/{case_number}", "/v1/cases/{case_number}/appeal"


@pytest.mark.parametrize("document", [DEGREE, JOB, LICENCE], ids=lambda document: document["kind"])
@pytest.mark.parametrize("result", [None, *RESULTS])
def test_every_answer_fits_the_contract(verifier_simulator, document, result):
    made = verifier_simulator.make_case(subject=SUBJECT, document=document, result=result)
    path = f"/v1/cases/{made['case_number']}"
    answer = verifier_simulator.ask("GET", path)
    assert answer.status_code == 200
    assert fits(answer, ONE, "get")
    assert answer.json() == made
    assert (answer.json()["status"] == "completed") is (result is not None)
    assert (answer.json()["serial"] is None) is (result is None)


def test_refusals_fit_the_contract(verifier_simulator):
    for key, status in [("wrong", 401), ("", 401), (verifier_simulator.key, 404)]:
        for verb, path, operation in [
            ("GET", "/v1/cases/DF-2026-9", ONE),
            ("POST", "/v1/cases/DF-2026-9/appeal", APPEAL),
        ]:
            answer = verifier_simulator.ask(verb, path, key=key, json={"text": "x"})
            assert answer.status_code == status
            assert fits(answer, operation, verb.lower())


def test_an_appeal_opens_the_case_again_once(verifier_simulator):
    made = verifier_simulator.make_case(subject=SUBJECT, document=DEGREE, result="unable")
    path = f"/v1/cases/{made['case_number']}"
    for text in ("It is right.", "It is right."):
        answer = verifier_simulator.ask("POST", f"{path}/appeal", json={"text": text})
        assert answer.status_code == 202
        assert fits(answer, APPEAL, "post")
    assert verifier_simulator.ask("GET", path).json()["status"] == "in_progress"
    assert verifier_simulator.site.cases.one(made["case_number"])["appeals"] == ["It is right."]
    assert verifier_simulator.ask("POST", f"{path}/appeal", json={"text": ""}).status_code == 400


def test_the_adapter_asks_for_nothing_else_than_the_contract():
    asked = re.findall(r'"(GET|POST|PUT|DELETE)", f"(/v1/[^"]+)"', (ROOT / "documents" / "verifier.py").read_text())
    spelt = {(verb.lower(), re.sub(r"\{[^}]+\}", "{case_number}", path)) for verb, path in asked}
    promised = {(verb, path) for path, verbs in CONTRACT["paths"].items() for verb in verbs if verb != "parameters"}
    assert spelt == promised


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": {}},
        {"document": {**DEGREE, "kind": "paper"}},
        {"document": {**DEGREE, "country": "Egypt"}},
        {"document": {**DEGREE, "awarded_on": "30.6.2016"}},
        {"document": {**DEGREE, "awarded_on": None}},
        {"document": JOB | {"from": None}},
        {"result": "perfect"},
        {"case_number": "no"},
    ],
)
def test_an_impossible_case_is_not_made(verifier_simulator, wrong):
    asked = {"subject": SUBJECT, "document": DEGREE, "result": "positive", **wrong}
    assert verifier_simulator.ask("POST", "/sim/cases", json=asked).status_code == 400
    assert verifier_simulator.ask("GET", "/sim/cases").json() == {"cases": []}


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[" * 100_000])
def test_nonsense_is_refused(verifier_simulator, body):
    assert verifier_simulator.ask("POST", "/sim/cases", data=body).status_code == 400


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_strike_the_call_they_were_ordered_for_and_then_are_over(verifier_simulator, kind):
    made = verifier_simulator.make_case(subject=SUBJECT, document=DEGREE, result="positive")
    path = f"/v1/cases/{made['case_number']}"
    verifier_simulator.fault(kind, call=path, seconds=0.1)
    assert verifier_simulator.ask("GET", "/v1/cases/DF-2026-9").status_code == 404
    if kind == "timeout":
        with pytest.raises(requests.ConnectionError):
            verifier_simulator.ask("GET", path)
    else:
        struck = verifier_simulator.ask("GET", path)
        assert str(struck.status_code) == (kind if kind not in SPOILED else "200")
        assert struck.content != verifier_simulator.ask("GET", path).content
    assert verifier_simulator.ask("GET", path).json() == made
    verifier_simulator.fault(kind)
    verifier_simulator.ask("DELETE", "/sim/faults")
    assert verifier_simulator.ask("GET", path).json() == made


def test_an_unknown_fault_is_refused(verifier_simulator):
    for wrong in ({"next": "fire"}, {"next": "500", "times": 0}, {"next": "timeout", "seconds": -1}):
        assert verifier_simulator.ask("POST", "/sim/faults", json=wrong).status_code == 400


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_page_makes_a_case_and_changes_its_result(verifier_simulator, language):
    typed = {"name_en": "Samar Idris", "birth_date": "١٩٩٥-٠٥-٠٣", "lang": language, "result": "unable", **DEGREE}
    where = verifier_simulator.ask("POST", "/cases", data=typed).headers["Location"]
    number = re.search(r"made=([\w-]+)", where)[1]
    page = verifier_simulator.ask("GET", where).text
    assert f'<html lang="{language}"' in page
    assert page.count(number) >= 2
    assert verifier_simulator.ask("GET", f"/v1/cases/{number}").json()["subject"] == SUBJECT
    verifier_simulator.ask("POST", f"/cases/{number}/result", data={"result": "positive"})
    assert verifier_simulator.ask("GET", f"/v1/cases/{number}").json()["result"] == "positive"
    verifier_simulator.ask("POST", f"/cases/{number}/result", data={"result": ""})
    assert verifier_simulator.ask("GET", f"/v1/cases/{number}").json()["status"] == "in_progress"


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(verifier_simulator):
    answer = verifier_simulator.ask("POST", "/cases", data={"name_en": "Samar <b>", "kind": "licence", "country": "EG"})
    assert answer.status_code == 400
    assert "from is missing" in answer.text
    assert 'value="Samar &lt;b&gt;"' in answer.text
    assert verifier_simulator.ask("POST", "/cases/DF-2026-9/result", data={}).status_code == 404
    assert verifier_simulator.ask("GET", "/nowhere").status_code == 404


def test_cases_are_still_there_after_a_restart(tmp_path):
    file = str(tmp_path / "verifier.sqlite3")
    first = Company(Cases(file), "key")
    for case in READY:
        first.cases.keep(first.complete(case))
    first.cases.close()
    again = Cases(file)
    assert [case["case_number"] for case in again.newest()] == [case["case_number"] for case in reversed(READY)]
    assert (
        faults_in(
            {name: part for name, part in again.newest()[0].items() if name != "appeals"},
            CONTRACT["components"]["schemas"]["Case"],
        )
        == []
    )
    again.close()


def test_it_starts_only_in_the_demonstration():
    environ = {name: value for name, value in os.environ.items() if name != "PORTAL_DEMO"}
    ended = subprocess.run(
        [sys.executable, "-m", "simulators.verifier"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "PORTAL_DEMO=1" in ended.stderr
