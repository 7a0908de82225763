"""An exam company's file as text: its columns, and what each line says or why it cannot be read. Nothing is looked up here."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import IO

from django.utils.translation import gettext_lazy as _

from applications.models import Outcome
from applications.sittings import SHOWN, WORDS, Objection
from mumaris.kit.digits import ascii_digits, clean
from mumaris.kit.references import PATTERN

COLUMNS = ("eligibility_number", "family_name", "sat_on", "result", "score")
MOST_LINES = 200_000
SAMPLE = (
    ",".join(COLUMNS)
    + "\r\nEN-2026-0000001,Idris,2026-11-22,passed,71.5\r\nEN-2026-0000002,Al-Harthi,22/11/2026,absent,\r\n"
)
LONGEST_FAMILY_NAME, LONGEST_SHOWN = 120, 40
SCORE = re.compile(r"[0-9]{1,4}([.,٫][0-9]{1,2})?")
YEAR_FIRST = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})")
YEAR_LAST = re.compile(r"([0-9]{1,2})[-/]([0-9]{1,2})[-/]([0-9]{4})")

WORDS |= {
    "not_text": _("This is no text in UTF-8. In a spreadsheet program choose “CSV UTF-8” when you save it."),
    "empty": _("The file has no lines of results."),
    "missing_columns": _("These columns are missing in the first line: %(columns)s."),
    "columns_twice": _("These columns stand twice in the first line: %(columns)s."),
    "too_many": _("The file has more than %(most)s lines. Split it."),
    "malformed": _("The line cannot be read: a quotation mark is out of place, or a text is far too long."),
    "cells": _("The line has %(found)s values, and the first line names %(expected)s columns."),
    "unreadable": _("The column %(column)s holds characters that are no UTF-8 text."),
    "unknown_number": _("Nobody holds eligibility number “%(text)s”."),
    "family_missing": _("The family name is missing or longer than %(most)s letters."),
    "no_day": _("“%(text)s” is no day of the Gregorian calendar. Write it as 2026-11-22."),
    "two_days": _("“%(text)s” can be two days. Write it as 2026-11-22."),
    "no_result": _("“%(text)s” is no result. Results are: %(words)s."),
    "no_score": _("“%(text)s” is no score. Write a number up to 9999.99, or nothing."),
}
SHOWN["text"] = lambda text: text[:LONGEST_SHOWN] + "…" if len(text) > LONGEST_SHOWN else text


@dataclass(frozen=True)
class Line:
    """What a readable line says. `line` is its number in the file, the head being 1."""

    line: int
    number: str
    family_name: str
    sat_on: date
    outcome: str
    score: Decimal | None


@dataclass(frozen=True)
class Problem:
    """What is wrong with a line, or with the file as from that line."""

    line: int
    objection: Objection


def read(file: IO[bytes]) -> Iterator[Line | Problem]:
    """Every line as what it says or as its problems, one line in memory at a time. `file` is closed afterwards.

    UTF-8 with or without a mark, commas or semicolons, columns in any order; empty lines are passed over.
    """
    start = file.read(4096)
    file.seek(0)
    if b"\0" in start or start.startswith(b"PK\x03\x04"):
        yield Problem(1, Objection("not_text"))
        return
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        head = text.readline()
        rows = csv.reader(
            chain([head], text),
            delimiter=";" if head.count(";") > head.count(",") else ",",
            strict=True,
            skipinitialspace=True,
        )
        yield from _read(rows)


def _read(rows) -> Iterator[Line | Problem]:
    columns: list[str] = []
    found = 0
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error:
            yield Problem(rows.line_num, Objection("malformed"))
            return
        if not any(cell.strip() for cell in row):
            continue
        if not columns:
            columns = [_plain(cell).casefold() if _is_text(cell) else "" for cell in row]
            if objection := _wrong_head(columns):
                yield Problem(rows.line_num, objection)
                return
            continue
        found += 1
        if found > MOST_LINES:
            yield Problem(rows.line_num, Objection("too_many", {"most": f"{MOST_LINES:,}"}))
            return
        yield from _line(rows.line_num, columns, row)
    if not found:
        yield Problem(1, Objection("empty"))


def _wrong_head(columns: list[str]) -> Objection | None:
    if missing := [one for one in COLUMNS if one not in columns]:
        return Objection("missing_columns", {"columns": ", ".join(missing)})
    if twice := [one for one in COLUMNS if columns.count(one) > 1]:
        return Objection("columns_twice", {"columns": ", ".join(twice)})
    return None


def _line(line: int, columns: list[str], row: list[str]) -> Iterator[Line | Problem]:
    if len(row) != len(columns):
        yield Problem(line, Objection("cells", {"found": str(len(row)), "expected": str(len(columns))}))
        return
    cells = {column: cell for column, cell in zip(columns, row, strict=True) if column in COLUMNS}
    if unreadable := [column for column, cell in cells.items() if not _is_text(cell)]:
        yield from (Problem(line, Objection("unreadable", {"column": column})) for column in unreadable)
        return
    said = {column: _plain(cell) for column, cell in cells.items()}
    number, family_name = ascii_digits(said["eligibility_number"]).upper(), said["family_name"]
    sat_on, outcome, score = _day(said["sat_on"]), _outcome(said["result"]), _score(said["score"])
    problems = [one for one in (sat_on, outcome, score) if isinstance(one, Objection)]
    if not PATTERN.fullmatch(number):
        problems.insert(0, Objection("unknown_number", {"text": said["eligibility_number"]}))
    if not 0 < len(family_name) <= LONGEST_FAMILY_NAME:
        problems.append(Objection("family_missing", {"most": str(LONGEST_FAMILY_NAME)}))
    if problems:
        yield from (Problem(line, objection) for objection in problems)
    else:
        yield Line(line, number, family_name, sat_on, outcome, score)  # type: ignore[arg-type]


def _day(text: str) -> date | Objection:
    """A day of one meaning: year first, or day first where it cannot be taken for the month."""
    plain = ascii_digits(text)
    if found := YEAR_FIRST.fullmatch(plain):
        year, month, day = map(int, found.groups())
    elif found := YEAR_LAST.fullmatch(plain):
        day, month, year = map(int, found.groups())
        if day != month and day <= 12 and month <= 12:
            return Objection("two_days", {"text": text})
    else:
        return Objection("no_day", {"text": text})
    try:
        return date(year, month, day) if year >= 1900 else Objection("no_day", {"text": text})
    except ValueError:
        return Objection("no_day", {"text": text})


def _outcome(text: str) -> str | Objection:
    if text.lower() in Outcome.values:
        return text.lower()
    return Objection("no_result", {"text": text, "words": ", ".join(Outcome.values)})


def _score(text: str) -> Decimal | Objection | None:
    plain = ascii_digits(text)
    if not plain:
        return None
    if not SCORE.fullmatch(plain):
        return Objection("no_score", {"text": text})
    return Decimal(plain.replace(",", ".").replace("٫", "."))


def _is_text(cell: str) -> bool:
    try:
        _plain(cell)
    except ValueError:
        return False
    return True


def _plain(cell: str) -> str:
    """The cell without what cannot be seen. Raises ValueError where it is no text."""
    return cell.strip() if cell.isascii() and cell.isprintable() else clean(cell)
