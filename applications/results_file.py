"""The life of a file of results: taken in, checked whole, shown, then applied all or none, repeatable without doubling (EXM-3).

Checking and applying are tasks of one transaction each: what stands in `state` is true at any moment, and a task that dies
is done again. Their progress is told past the transaction, through the cache.
"""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby, islice
from typing import IO, Any, cast

import pghistory
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications import results_applied, results_csv
from applications.exams import is_exam_officer
from applications.lifecycle import applicant
from applications.models import Application, EligibilityNumber, ResultsFile, ResultsLine
from applications.results_applied import Sitting, Story
from applications.results_csv import Line, Problem
from applications.sittings import WORDS, Objection, Standing
from documents.checks import names_agree
from mumaris.kit import files
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.nudge import nudge
from payments.models import Invoice

log = logging.getLogger(__name__)

MOST_BYTES = 20 * 1024 * 1024
MOST_PROBLEMS_KEPT, MOST_SKIPPED_KEPT = 500, 2_000
AT_A_TIME = 500  # numbers, or lines, in memory
NEW, KNOWN, SKIPPED, PROBLEM = "new", "known", "skipped", "problem"

WORDS |= {
    "lost": gettext_lazy("The file is no longer in the store. Upload it again."),
    "unknown_number": gettext_lazy("Nobody holds eligibility number “%(text)s”."),
    "another_family": gettext_lazy("%(number)s is not held by anybody of the family name “%(text)s”."),
    "told_twice": gettext_lazy("The file names two different results of %(number)s on %(day)s."),
    "own_case": gettext_lazy("%(reference)s is the officer's own application. Another officer must record its result."),
    "no_officer": gettext_lazy("Whoever asked to apply the file is no exam officer any more."),
}


@dataclass
class Judged:
    """A line and what became of it; of a new one, the sitting to be recorded."""

    line: ResultsLine
    verdict: str
    objection: Objection | None = None
    sitting: Sitting | None = None


@dataclass
class Findings:
    """What a check found, as the page shows it and the report keeps it; long lists are cut, never their numbers."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)

    def problem(self, line: int, objection: Objection) -> None:
        self.counts[PROBLEM] += 1
        if len(self.problems) < MOST_PROBLEMS_KEPT:
            self.problems.append({"line": line, "code": objection.code, "facts": objection.facts})

    def add(self, judged: Iterable[Judged]) -> None:
        for one in judged:
            if one.verdict == PROBLEM and one.objection:
                self.problem(one.line.line, one.objection)
                continue
            self.counts[one.verdict] += 1
            if one.sitting:
                self.counts[one.sitting.move or "excused"] += 1
            if one.objection and len(self.skipped) < MOST_SKIPPED_KEPT:
                name = {"number": one.line.number, "family_name": one.line.family_name}
                said = {"code": one.objection.code, "facts": one.objection.facts}
                self.skipped.append({"line": one.line.line, **name, **said})

    def report(self) -> dict[str, Any]:
        by_line = sorted(self.problems, key=lambda one: one["line"])
        return {"counts": dict(self.counts), "problems": by_line, "skipped": self.skipped}


class _Refused(Exception):
    """Something is wrong with a line, so nothing of the file shall stand."""


def take_in(upload: UploadedFile, *, by: Any, now: datetime) -> ResultsFile:
    """Keep an uploaded file and have it checked. Raises NotAllowed with the reason, OSError when it can't be stored."""
    if not is_exam_officer(by):
        raise NotAllowed(_("You may not do this."))
    if (upload.size or 0) > MOST_BYTES:
        raise NotAllowed(_("The file is larger than %(most)s MB. Split it.") % {"most": MOST_BYTES // 1024**2})
    breaks = sum(chunk.count(b"\n") for chunk in upload.chunks())
    upload.seek(0)
    key = files.keep(cast(IO[bytes], upload))
    try:
        file = ResultsFile.objects.create(
            name=files.safe_name(upload.name or ""),
            storage_key=key,
            lines=breaks,
            uploaded_at=now,
            uploaded_by=by,
        )
    except BaseException:
        files.discard(key)
        raise
    nudge("applications.tasks.check_results_file")
    return file


def ask_to_apply(file: ResultsFile, *, by: Any) -> None:
    """Have a checked file applied, once however often it is asked for. Raises NotAllowed."""
    if not is_exam_officer(by):
        raise NotAllowed(_("You may not do this."))
    checked = ResultsFile.objects.filter(pk=file.pk, state=ResultsFile.State.CHECKED)
    if not checked.update(state=ResultsFile.State.APPLYING, applied_by=by):
        file.refresh_from_db(fields=["state"])
        raise NotAllowed(_("Nothing was started: the file is “%(state)s”.") % {"state": file.get_state_display()})
    nudge("applications.tasks.apply_results_file")


def progress(file: ResultsFile) -> tuple[int, int] | None:
    """How many steps of how many the task at work has done; None where it has not begun."""
    try:
        return cache.get(_key(file))
    except Exception as error:  # the cache is a courtesy; each kind raises its own errors
        log.warning("no progress to show: %s", error)
        return None


def check_waiting(now: datetime) -> None:
    """Check every file that was uploaded; one that another worker checks is left to it."""
    _work_on(ResultsFile.State.UPLOADED, _check, now)


def apply_waiting(now: datetime) -> None:
    """Apply every file that an officer asked to be applied."""
    _work_on(ResultsFile.State.APPLYING, _apply, now)


def _work_on(state: str, act: Callable[[ResultsFile, datetime], None], now: datetime) -> None:
    tried: list[int] = []
    while True:
        try:
            with transaction.atomic():
                waiting = ResultsFile.objects.filter(state=state).exclude(pk__in=tried).order_by("uploaded_at")
                file = waiting.select_for_update(skip_locked=True).first()
                if file is None:
                    return
                tried.append(file.pk)
                with pghistory.context(results_file=file.pk, user=file.applied_by_id or file.uploaded_by_id):
                    act(file, now)
        except Exception:
            log.exception("file of results %s stays as it is", tried[-1:])


def _check(file: ResultsFile, now: datetime) -> None:
    findings = Findings()
    try:
        with transaction.atomic():
            done = file.lines = _keep_lines(file, findings, 2 * file.lines)
            for judged in judge(file, file.uploaded_by, now):
                findings.add(judged)
                done += len(judged)
                _tell_progress(file, done, 2 * file.lines)
            if findings.problems:
                raise _Refused
            file.state = ResultsFile.State.CHECKED
    except _Refused:
        file.state = ResultsFile.State.REFUSED
    file.report = findings.report()
    file.save(update_fields=["state", "lines", "report"])


def _keep_lines(file: ResultsFile, findings: Findings, most: int) -> int:
    """Write down every readable line; returns how many lines of results there were, unreadable ones included."""
    try:
        said = results_csv.read(files.read(file.storage_key))
    except FileNotFoundError:
        findings.problem(0, Objection("lost"))
        return 0
    batch: list[ResultsLine] = []
    last = found = 0
    for one in said:
        found += one.line != last
        last = one.line
        if isinstance(one, Problem):
            findings.problem(one.line, one.objection)
            continue
        batch.append(_kept(file, one))
        if len(batch) == AT_A_TIME:
            ResultsLine.objects.bulk_create(batch)
            batch = []
            _tell_progress(file, found, most)
    ResultsLine.objects.bulk_create(batch)
    return found


def _kept(file: ResultsFile, line: Line) -> ResultsLine:
    return ResultsLine(
        file=file,
        line=line.line,
        number=line.number,
        family_name=line.family_name,
        sat_on=line.sat_on,
        outcome=line.outcome,
        score=line.score,
    )


def _apply(file: ResultsFile, now: datetime) -> None:
    """Judge every line anew on locked cases and record what is new, all or none."""
    findings, by = Findings(), file.applied_by
    try:
        with transaction.atomic():
            if not is_exam_officer(by):
                findings.problem(0, Objection("no_officer"))
                raise _Refused
            _lock_cases(file)
            done = 0
            for judged in judge(file, by, now):
                findings.add(judged)
                if not findings.problems:
                    results_applied.write(_stories(judged), file=file, by=by, now=now)
                done += len(judged)
                _tell_progress(file, done, file.lines)
            if findings.problems:
                raise _Refused
            file.state, file.applied_at = ResultsFile.State.APPLIED, now
    except _Refused:
        file.state = ResultsFile.State.REFUSED
    file.report = findings.report()
    file.save(update_fields=["state", "applied_at", "report"])


def _lock_cases(file: ResultsFile) -> None:
    """Every case of the file, locked behind the live invoices: the order in which everybody who may wait takes them.

    By keys and in portions: a plan for all of them at once would rest on statistics that a new file does not have yet.
    """
    cases: dict[int, str] = {}
    for numbers in _portions(file.told.values_list("number", flat=True).distinct().iterator(chunk_size=2000)):
        cases.update(
            EligibilityNumber.objects.filter(number__in=numbers).values_list("application", "application__reference")
        )
    invoices: list[int] = []
    for references in _portions(cases.values()):
        invoices += Invoice.objects.live().filter(case__in=references).values_list("pk", flat=True)
    for model, keys in ((Invoice, invoices), (Application, cases)):
        for portion in _portions(sorted(keys)):
            list(model.objects.filter(pk__in=portion).order_by("pk").select_for_update().values_list("pk"))


def _portions(of: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(of)
    while portion := list(islice(rest, AT_A_TIME)):
        yield portion


def judge(file: ResultsFile, by: Any, now: datetime) -> Iterator[list[Judged]]:
    """Every line of the file as `by` would tell it, some hundred numbers at a time; a number's sittings in their order."""
    lines = file.told.order_by("number", "sat_on", "line").iterator(chunk_size=2000)
    by_number = groupby(lines, key=lambda line: line.number)
    while told := {number: list(group) for number, group in islice(by_number, AT_A_TIME)}:
        held = {number.number: number for number in _held(told)}
        newest = _newest(held.values())
        judged: list[Judged] = []
        for number, sittings in told.items():
            if number in held:
                judged += _judge_number(held[number], newest, sittings, by, now)
            else:
                unknown = Objection("unknown_number", {"text": number})
                judged += [Judged(line, PROBLEM, unknown) for line in sittings]
        yield judged


def _held(numbers: Iterable[str]) -> QuerySet[EligibilityNumber]:
    """The numbers with all that decides."""
    return (
        EligibilityNumber.objects.filter(number__in=list(numbers))
        .select_related("application__practitioner", "application__deadline")
        .prefetch_related("results__correction")
    )


def _newest(numbers: Iterable[EligibilityNumber]) -> dict[int, str]:
    """The latest number of each of their cases, which may have taken their place."""
    of_cases = EligibilityNumber.objects.filter(application__in=[number.application_id for number in numbers])
    return dict(of_cases.order_by("pk").values_list("application", "number"))


def _judge_number(
    held: EligibilityNumber, newest: dict[int, str], lines: list[ResultsLine], by: Any, now: datetime
) -> Iterator[Judged]:
    case = held.application
    newer = newest[case.pk] if newest[case.pk] != held.number else ""
    standing = Standing.of(held, case, now, newer)
    recorded, in_file = frozenset(standing.told), dict[date, str]()
    for line in lines:
        day, outcome = line.sat_on, line.outcome
        known = standing.knows(outcome, day)
        if in_file.setdefault(day, outcome) != outcome:
            yield Judged(line, PROBLEM, Objection("told_twice", {"number": line.number, "day": day.isoformat()}))
        elif known and day in recorded:
            yield Judged(line, KNOWN)
        elif objection := _whose(case, line, by):
            yield Judged(line, PROBLEM, objection)
        elif known:
            yield Judged(line, KNOWN)
        elif objections := standing.objections(outcome, day, today(now)):
            yield Judged(line, PROBLEM, objections[0])
        elif not_awaited := standing.why_not_awaited():
            yield Judged(line, SKIPPED, not_awaited)
        else:
            move = standing.take(outcome, day, now)
            yield Judged(line, NEW, sitting=Sitting(line, held, case, move, replace(standing)))


def _whose(case: Application, line: ResultsLine, by: Any) -> Objection | None:
    """What is wrong with whose result this is said to be, and with who tells it."""
    if not is_of_family(case.practitioner, line.family_name):
        return Objection("another_family", {"number": line.number, "text": line.family_name})
    return Objection("own_case", {"reference": case.reference}) if applicant(by, case) else None


def is_of_family(person: Any, family_name: str) -> bool:
    """Whether that is the person's family name, in either script, as people spell it: with or without article and marks."""
    if names_agree(person.first_en, person.family_en, f"{person.first_en} {family_name}"):
        return True
    return bool(_arabic(family_name)) and _arabic(family_name) == _arabic(person.family_ar)


def _arabic(name: str) -> str:
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if "\u0621" <= char <= "\u064a")
    plain = plain.translate(str.maketrans("ىةٱ", "يها", "ـ"))
    return re.sub(r"^ال(?=...)", "", plain)


def _stories(judged: Iterable[Judged]) -> list[Story]:
    """The new sittings by number, each number's in its order."""
    new = [one.sitting for one in judged if one.sitting]
    return [list(group) for _number, group in groupby(new, key=lambda one: one.number.pk)]


def _tell_progress(file: ResultsFile, done: int, of: int) -> None:
    try:
        cache.set(_key(file), (min(done, of), of), timeout=600)
    except Exception as error:
        log.warning("progress of file %s cannot be told: %s", file.pk, error)


def _key(file: ResultsFile) -> str:
    return f"results-file:{file.pk}:{file.state}"
