"""The verification company over HTTP (DOC-3): what it says of a case, and an appeal handed on to it.

The company's own interface is not public, so the contract is ours: docs/verification-api.yaml. Another company, or the
real interface once it is known, changes this file alone. Nothing is saved here.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import quote

import requests
from django.conf import settings

from mumaris.kit.digits import clean
from mumaris.kit.fields import FIRST_DAY

RESULTS = ("positive", "discrepancy", "unable")
KINDS = ("qualification", "experience", "licence")


class VerifierDown(Exception):
    """No usable answer: time-out, 5xx, our key refused, words that make no sense. Nothing is known; ask again later."""


class NoSuchCase(Exception):
    """The company has no case of this number."""


@dataclass(frozen=True)
class Report:
    """What the company says of one case. `result` is empty while it is at work, and so are `serial` and `reported_on`.

    `title` and `issuer` are the document's, as its source knows it. A qualification has `awarded_on`, an experience or a licence `begun_on` and, where the paper names one, `ended_on`.
    """

    case_number: str
    named: str
    kind: str
    country: str
    birth_date: date | None = None
    awarded_on: date | None = None
    begun_on: date | None = None
    ended_on: date | None = None
    title: str = ""
    issuer: str = ""
    result: str = ""
    serial: str = ""
    reported_on: date | None = None


@dataclass(frozen=True)
class Verifier:
    """One account at the company. `url` is its API's base, `timeout` seconds to connect and to wait for an answer."""

    url: str
    key: str = field(repr=False)
    timeout: tuple[float, float] = (3, 5)

    def report(self, case_number: str, today: date) -> Report:
        """How the case stands on the Riyadh day `today`. Raises NoSuchCase, VerifierDown."""
        answer = self._ask("GET", f"/v1/cases/{quote(case_number, safe='')}")
        try:
            return _report(answer, case_number, today)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise VerifierDown(f"unreadable answer: {error!r}") from error

    def appeal(self, case_number: str, text: str) -> None:
        """Have the case looked at again; said twice, it is one appeal. Raises NoSuchCase, VerifierDown."""
        self._ask("POST", f"/v1/cases/{quote(case_number, safe='')}/appeal", json={"text": text})

    def _ask(self, verb: str, path: str, **content: Any) -> Any:
        try:
            answer = requests.request(
                verb,
                self.url + path,
                headers={"Authorization": f"Bearer {self.key}", "Accept": "application/json"},
                timeout=self.timeout,
                allow_redirects=False,  # our key stays with the host it belongs to
                **content,
            )
            data = answer.json()
        except (requests.RequestException, RecursionError) as error:  # an unreadable body is one of them
            raise VerifierDown(f"{verb} {path}: {type(error).__name__}") from None
        # A 404 without the company's own word comes from a wrong address, and says nothing about the case.
        if answer.status_code == 404 and isinstance(data, dict) and data.get("code") == "unknown_case":
            raise NoSuchCase
        if not 200 <= answer.status_code < 300:
            raise VerifierDown(f"{verb} {path}: HTTP {answer.status_code}")
        return data


def verifier() -> Verifier | None:
    """The company that the settings name; without one, staff record its paper reports."""
    return Verifier(settings.VERIFIER_URL, settings.VERIFIER_KEY) if settings.VERIFIER_URL else None


def _report(answer: dict[str, Any], case_number: str, today: date) -> Report:
    """The answer in our words. Raises KeyError, TypeError, ValueError on whatever is missing, odd or absurd."""
    if answer["case_number"] != case_number:
        raise ValueError("the answer is about another case")
    subject, document = answer["subject"], answer["document"]
    about = Report(
        case_number=case_number,
        named=_text(subject["name_en"], 200),
        kind=_one_of(document["kind"], KINDS),
        country=_text(document["country"], 2).upper(),
        title=_text(document["title"], 200),
        issuer=_text(document["issuer"], 200),
        birth_date=_day(subject.get("birth_date"), today),
        awarded_on=_day(document.get("awarded_on"), today),
        begun_on=_day(document.get("from"), today),
        ended_on=_day(document.get("to"), date.max),
    )
    if (about.awarded_on if about.kind == "qualification" else about.begun_on) is None:
        raise ValueError("the document has no date")
    if _one_of(answer["status"], ("in_progress", "completed")) == "in_progress":
        return about
    reported_on = _day(answer["reported_on"], today)
    if reported_on is None or reported_on < (about.awarded_on or about.begun_on or today):
        raise ValueError("the report is older than what it is about")
    result, serial = _one_of(answer["result"], RESULTS), _text(answer["serial"], 40)
    return replace(about, result=result, serial=serial, reported_on=reported_on)


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(text := clean(value)) <= longest:
        raise ValueError(f"a text of 1 to {longest} characters was expected")
    return text


def _one_of(value: Any, words: tuple[str, ...]) -> str:
    if value not in words:
        raise ValueError(f"{value!r} is none of {', '.join(words)}")
    return str(value)


def _day(value: Any, latest: date) -> date | None:
    if value is None:
        return None
    day = date.fromisoformat(value)
    if not FIRST_DAY <= day <= latest:
        raise ValueError(f"{day} can't be the day")
    return day
