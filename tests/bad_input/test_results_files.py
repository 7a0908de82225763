"""Files of results that people and programs really make wrong: refused whole with the line and the reason, nothing changed."""

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Notice
from applications import exams, results_csv, results_file
from applications.models import Application, ExamResult, ResultsLine
from applications.results_csv import Line, Problem
from tests.applications.exam_cases import (
    DAY,
    HEAD,
    again,
    applied,
    case_of,
    checked,
    counts,
    csv_of,
    fail,
    line,
    problems,
    waiting,
)
from tests.people import NOON, Office

pytestmark = pytest.mark.req("EXM-3")
LATER = NOON + timedelta(days=40)
GOOD = "EN-2026-0000001,Idris,2026-11-22,passed,71.5"


@pytest.fixture
def office(db):
    office = Office()
    assert office.examiner
    return office


@pytest.fixture
def number(office):
    return waiting(office)


def said(content: bytes | str) -> list[tuple]:
    """The lines that were read, and the codes of what could not be."""
    content = content.encode() if isinstance(content, str) else content
    return [
        (one.line, one.objection.code) if isinstance(one, Problem) else (one.line, one)
        for one in results_csv.read(io.BytesIO(content))
    ]


# The file as text

READ = Line(2, "EN-2026-0000001", "Idris", date(2026, 11, 22), "passed", Decimal("71.5"))


@pytest.mark.parametrize(
    "content",
    [
        f"{HEAD}\n{GOOD}\n",
        f"{HEAD}\n{GOOD}",
        f"\ufeff{HEAD}\r\n{GOOD}\r\n",
        f"{HEAD}\r{GOOD}\r",
        f"{HEAD}\n{GOOD}".replace(",", ";"),
        f"{HEAD}\n{GOOD}".replace(",", " ; ").replace("71.5", "71,5"),
        f"{HEAD.upper()}\nen-2026-0000001, Idris ,2026/11/22,PASSED,٧١٫٥\n\n,,,,\n",
        f"{HEAD}\n\u200eEN-٢٠٢٦-٠٠٠٠٠٠١\u200f,\u00a0Idris,٢٠٢٦-١١-٢٢,Passed,71.50",
        f"{HEAD}\n" + ",".join(f'"{one}"' for one in GOOD.split(",")),
        f"{HEAD}\n" + GOOD.replace("2026-11-22", "22/11/2026"),
        f"{HEAD}\n" + GOOD.replace("2026-11-22", "22-11-2026"),
        "score,remark,result,sat_on,family_name,eligibility_number\n71.5,late,passed,2026-11-22,Idris,EN-2026-0000001",
    ],
)
def test_what_programs_rightly_write_is_read(content):
    assert said(content) == [(2, READ)]


def test_a_day_that_can_only_be_one_is_read_and_one_that_can_be_two_is_not():
    for text, day in [
        ("05/05/2026", date(2026, 5, 5)),
        ("13/5/2026", date(2026, 5, 13)),
        ("2026-5-1", date(2026, 5, 1)),
    ]:
        [(_line, read)] = said(f"{HEAD}\n" + GOOD.replace("2026-11-22", text))
        assert read.sat_on == day
    assert said(f"{HEAD}\n" + GOOD.replace("2026-11-22", "05/11/2026")) == [(2, "two_days")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (HEAD, "empty"),
        (f"{HEAD}\n,,,,\n", "empty"),
        (b"PK\x03\x04\x14\x00\x06\x00" + b"x" * 100, "not_text"),
        (b"%PDF-1.7\n\0\0", "not_text"),
        (f"{HEAD}\n{GOOD}".encode("utf-16"), "not_text"),
        (f"{HEAD}\n{GOOD}\n\0", "not_text"),
        ("eligibility_number,family_name,sat_on,score\n1,2,3,4", "missing_columns"),
        ("number,name,day,mark,points\n1,2,3,4,5", "missing_columns"),
        (GOOD, "missing_columns"),
        (f"{HEAD},result\n{GOOD},failed", "columns_twice"),
        (HEAD.encode() + b",\xff\xfe\n", "empty"),
    ],
)
def test_what_is_no_file_of_results_says_so(content, code):
    assert said(content) == [(1, code)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("EN-2026-0000001,Idris,2026-11-22,passed", "cells"),
        ("EN-2026-0000001,Al, Idris,2026-11-22,passed,1", "cells"),
        ("EN-2026-0000001", "cells"),
        (GOOD.replace("EN-2026-0000001", ""), "unknown_number"),
        (GOOD.replace("EN-2026-0000001", "2026-0000001"), "unknown_number"),
        (GOOD.replace("EN-2026-0000001", "=cmd|' /C calc'!A0"), "unknown_number"),
        (GOOD.replace("Idris", " "), "family_missing"),
        (GOOD.replace("Idris", "I" * 121), "family_missing"),
        (GOOD.replace("Idris", "Id" + "\u0301" * 50), "unreadable"),
        (GOOD.replace("passed", "pass"), "no_result"),
        (GOOD.replace("passed", ""), "no_result"),
        (GOOD.replace("passed", "ناجح"), "no_result"),
        (GOOD.replace("2026-11-22", ""), "no_day"),
        (GOOD.replace("2026-11-22", "2026-02-30"), "no_day"),
        (GOOD.replace("2026-11-22", "31/04/2026"), "no_day"),
        (GOOD.replace("2026-11-22", "22.11.2026"), "no_day"),
        (GOOD.replace("2026-11-22", "22/11/26"), "no_day"),
        (GOOD.replace("2026-11-22", "1448-06-12"), "no_day"),
        (GOOD.replace("2026-11-22", "46348"), "no_day"),
        (GOOD.replace("2026-11-22", "0000-00-00"), "no_day"),
        (GOOD.replace("71.5", "-1"), "no_score"),
        (GOOD.replace("71.5", "1e3"), "no_score"),
        (GOOD.replace("71.5", "71.555"), "no_score"),
        (GOOD.replace("71.5", "10000"), "no_score"),
        (GOOD.replace("71.5", "NaN"), "no_score"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_are_read_all_the_same(text, code):
    found = said(f"{HEAD}\n{GOOD}\n{text}\n{GOOD}")
    assert found == [(2, READ), (3, code), (4, Line(4, *list(vars(READ).values())[1:]))]


def test_every_problem_of_a_line_is_named():
    assert said(f"{HEAD}\nx,Idris,y,z,w") == [(2, "unknown_number"), (2, "no_day"), (2, "no_result"), (2, "no_score")]


def test_bytes_that_are_no_utf8_are_named_by_line():
    arabic = f"{HEAD}\n{GOOD}\nEN-2026-0000002,إدريس,2026-11-22,passed,\n".encode("cp1256")
    assert said(arabic) == [(2, READ), (3, "unreadable")]


def test_a_nul_far_down_is_named_by_line():
    content = f"{HEAD}\n" + f"{GOOD}\n" * 200 + GOOD.replace("Idris", "Id\0ris")
    assert said(content)[-1] == (202, "unreadable")


@pytest.mark.parametrize(("quotes", "line_"), [('"Idris', 4), ('"Idris"x', 3), ('"' + "x" * 200_000 + '"', 3)])
def test_a_quotation_mark_out_of_place_ends_the_reading(quotes, line_):
    found = said(f"{HEAD}\n{GOOD}\n" + GOOD.replace("Idris", quotes) + f"\n{GOOD}\n")
    assert found == [(2, READ), (line_, "malformed")]


def test_more_lines_than_two_hundred_thousand_are_refused():
    content = f"{HEAD}\n" + f"{GOOD}\n" * (results_csv.MOST_LINES + 1)
    *_lines, last = results_csv.read(io.BytesIO(content.encode()))
    assert (last.line, last.objection.code) == (results_csv.MOST_LINES + 2, "too_many")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content):
    for one in results_csv.read(io.BytesIO(content)):
        assert isinstance(one, Line | Problem)
        assert not isinstance(one, Problem) or str(one.objection)


@given(st.lists(st.text(max_size=30), min_size=5, max_size=5))
def test_any_text_in_any_column_is_read_or_refused(cells):
    row = ",".join('"' + one.replace('"', '""') + '"' for one in cells)
    content = f"{HEAD}\n{row}\n".encode(errors="surrogatepass")
    for one in results_csv.read(io.BytesIO(content)):
        assert isinstance(one, Line | Problem)
        assert not isinstance(one, Problem) or str(one.objection)


# The file against what is known


def refused(office: Office, *lines: str, now=LATER) -> list[tuple[int, str]]:
    """The problems of the file; and nothing else was written than that it is refused."""
    before = ExamResult.objects.count(), Notice.objects.count(), ResultsLine.objects.count()
    states = list(Application.objects.order_by("pk").values_list("state", "moves"))
    file = checked(office, *lines, now=now)
    assert file.state == "refused"
    results_file.apply_waiting(now)
    assert (ExamResult.objects.count(), Notice.objects.count(), ResultsLine.objects.count()) == before
    assert list(Application.objects.order_by("pk").values_list("state", "moves")) == states
    return problems(file)


def test_one_wrong_line_refuses_the_whole_file(office, number):
    good = line(number.number)
    assert refused(office, good, line("EN-2026-9999999")) == [(3, "unknown_number")]
    assert refused(office, line("EN-2026-9999999"), good, good.replace("Idris", "Hassan")) == [
        (2, "unknown_number"),
        (4, "another_family"),
    ]
    assert refused(office, good, good.replace("passed", "brilliant")) == [(3, "no_result")]


def test_days_outside_the_number_refuse_the_file(office, number):
    assert refused(office, line(number.number, sat_on=DAY - timedelta(days=1))) == [(2, "before_issue")]
    assert refused(office, line(number.number, sat_on=LATER.date() + timedelta(days=1))) == [(2, "future")]
    late = NOON + timedelta(days=200)
    assert refused(office, line(number.number, sat_on=number.valid_until + timedelta(days=1)), now=late) == [
        (2, "after_expiry")
    ]


def test_a_fourth_attempt_refuses_the_file(office, number):
    fail(office, number, 3)
    again_ = [line(number.number, "passed", DAY + timedelta(days=place)) for place in (5, 6)]
    assert refused(office, *again_) == [(2, "none_left"), (3, "none_left")]
    excused = checked(office, line(number.number, "excused", DAY + timedelta(days=5)), now=LATER)
    assert (excused.state, counts(excused)) == ("checked", {"skipped": 1})


def test_one_sitting_with_two_results_refuses_the_file(office, number):
    assert refused(office, line(number.number, "failed"), line(number.number, "passed")) == [(3, "told_twice")]


def test_another_result_than_the_recorded_one_is_to_be_corrected_by_hand(office, number):
    result = office.result(number, "failed")
    assert refused(office, line(number.number, "passed")) == [(2, "another_result")]
    exams.correct(result, outcome="passed", reason="Erred.", by=office.examiner, now=LATER)
    file = applied(office, line(number.number, "passed"), now=LATER)
    assert (file.state, counts(file)) == ("applied", {"known": 1})
    assert again(number).results.count() == 2


def test_very_many_problems_are_counted_and_the_first_are_shown(office, number):
    wrong = [line("EN-2026-9999999", sat_on=DAY) for _ in range(results_file.MOST_PROBLEMS_KEPT + 3)]
    file = checked(office, line(number.number), *wrong, now=LATER)
    assert counts(file)["problem"] == results_file.MOST_PROBLEMS_KEPT + 3
    assert len(file.report["problems"]) == results_file.MOST_PROBLEMS_KEPT
    assert case_of(number).state == "awaiting_exam"


def test_a_file_of_another_kind_is_refused_with_one_reason(office):
    for content in (b"\x89PNG\r\n\x1a\n\0\0", b"PK\x03\x04", csv_of().replace(b"sat_on", b"day")):
        file = checked(office, content=content, now=LATER)
        assert (file.state, len(file.report["problems"])) == ("refused", 1)
