"""docs/requirements.md and the tests know the same ids: what is said to be done is proved, what is proved is listed."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"^- \*\*([A-Z]{3}-\d+)\*\* (done|part|open): \S.*\.$")
MARK = re.compile(r"mark\.req\(([^)]*)\)")


def listed() -> dict[str, str]:
    lines = [line for line in (ROOT / "docs/requirements.md").read_text().splitlines() if line.startswith("- ")]
    assert [line for line in lines if not LINE.match(line)] == []
    found = [LINE.match(line).groups() for line in lines]
    assert len(found) == len(dict(found))
    return dict(found)


def proved() -> set[str]:
    tests = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in tests for mark in MARK.findall(text) for name in re.findall(r'"([^"]+)"', mark)}


def test_what_is_built_is_proved():
    assert {name for name, state in listed().items() if state in ("done", "part")} - proved() == set()


def test_only_listed_requirements_are_proved():
    assert proved() - set(listed()) == set()
