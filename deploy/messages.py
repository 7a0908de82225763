"""Translations: `.po` files into what Django reads, and a check that none is missing.

    python -m deploy.messages             compile what changed
    python -m deploy.messages --collect   bring the texts of the code into locale/ar (needs gettext)
    python -m deploy.messages --check     fail when a text has no good Arabic translation (needs gettext)

Compiled by polib: msgfmt is not on a bare machine, and Babel refuses Arabic plural forms that drop the number.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARABIC = Path("locale/ar/LC_MESSAGES/django.po")
NOT_SOURCE = (".git", ".venv", "var", "tests", "simulators", "deploy", "docs", "benchmarks")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w*)\}")


def compile_all(root: Path) -> None:
    """Write each `.mo` that is missing or older than its `.po`."""
    for po in (root / "locale").glob("*/LC_MESSAGES/*.po"):
        mo = po.with_suffix(".mo")
        if not mo.exists() or mo.stat().st_mtime < po.stat().st_mtime:
            import polib

            new = mo.with_suffix(f".{os.getpid()}")  # two runs at once may both compile
            polib.pofile(str(po)).save_as_mofile(str(new))
            new.replace(mo)


def collect(root: Path) -> None:
    """Bring locale/ar up to date with the texts in Python code and templates."""
    ignored = [part for name in NOT_SOURCE for part in ("--ignore", name)]
    options = ["--locale", "ar", "--no-wrap", "--no-obsolete", "--add-location", "file"]
    (root / ARABIC.parent).mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        [sys.executable, "-m", "django", "makemessages", *options, *ignored], cwd=root, capture_output=True, text=True
    )
    if made.returncode:
        raise SystemExit(made.stderr.strip() or made.stdout.strip())


def faults(po_file: Path) -> Iterator[str]:
    """One line for each text whose translation is missing, unsure, or has other placeholders than the text."""
    import polib

    for entry in polib.pofile(str(po_file)):
        forms = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        wanted = _placeholders(entry.msgid) | _placeholders(entry.msgid_plural)
        if not all(forms):
            yield f"not translated: {entry.msgid!r}"
        elif entry.fuzzy:
            yield f"unsure (fuzzy): {entry.msgid!r}"
        elif any(_placeholders(form) - wanted for form in forms):
            yield f"unknown placeholder: {entry.msgid!r}"
        elif not entry.msgid_plural and _placeholders(entry.msgstr) != wanted:  # a plural may say "one day"
            yield f"placeholder lost: {entry.msgid!r}"


def check(root: Path) -> list[str]:
    """The faults of all texts that are in the code now; the tree itself stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "tree")
        top = str(root)
        shutil.copytree(root, copy, ignore=lambda folder, names: NOT_SOURCE if folder == top else ())
        collect(copy)
        return list(faults(copy / ARABIC))


def _placeholders(text: str) -> set[str]:
    return {found.group() for found in PLACEHOLDER.finditer(text)}


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="portal messages")
    asked.add_argument("--collect", action="store_true")
    asked.add_argument("--check", action="store_true")
    options = asked.parse_args()
    if options.collect:
        collect(ROOT)
    if options.check:
        found = check(ROOT)
        print("\n".join(found))
        raise SystemExit(1 if found else 0)
    compile_all(ROOT)
