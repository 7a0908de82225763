"""The README shows the lifecycle as it is."""

from pathlib import Path

from applications.lifecycle import LIFECYCLE

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readme_shows_the_present_lifecycle():
    assert f"```mermaid\n{LIFECYCLE.diagram()}\n```" in README.read_text(encoding="utf-8")
