"""A verification company for the demonstration and tests: the API of docs/verification-api.yaml, and a page to make cases.

Start it with `python -m simulators.verifier`. It reads VERIFIER_PORT, HOST, VERIFIER_STORE (an SQLite file),
VERIFIER_SIMULATOR_URL (its address as browsers see it) and VERIFIER_KEY.

The page and the control API under /sim have no password, so the server listens on the loopback address unless HOST says
otherwise.
"""

import json
import re
import signal
import sqlite3
import threading
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from simulators.web import Answer, Problem, Request, Site, as_json, demand_demo, digits, listen, redirect, setting

Json = dict[str, Any]
SCHEMA = """
CREATE TABLE IF NOT EXISTS "case" (number TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fault (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, times INTEGER NOT NULL, seconds REAL NOT NULL, call TEXT NOT NULL);
"""
RESULTS = ("positive", "discrepancy", "unable")
KINDS = ("qualification", "experience", "licence")
CASE_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9-]{4,28}[A-Z0-9]")
DAYS = ("awarded_on", "from", "to")
FIRST_DAY = {"qualification": "awarded_on", "experience": "from", "licence": "from"}
SHOWN = 30

# What goes wrong when it is ordered: no answer, a status of its own, or a body that is not what it should be.
SPOILED: dict[str, Any] = {
    "garbage": lambda case: None,
    "no_subject": lambda case: {name: part for name, part in case.items() if name != "subject"},
    "wrong_type": lambda case: {**case, "subject": {"name_en": 7}},
    "no_letter": lambda case: {**case, "subject": {"name_en": "Samar \ud800 Idris"}},
    "another_case": lambda case: {**case, "case_number": "DF-0000-000000"},
    "absurd_date": lambda case: {**case, "document": {**case["document"], **dict.fromkeys(DAYS, "9999-12-31")}},
    "unknown_word": lambda case: {**case, "status": "nearly"},
}
FAULTS = ("timeout", "500", "503", "429", *SPOILED)

READY: list[Json] = [
    {
        "case_number": "DF-2026-100001",
        "subject": {"name_en": "Priya Nair", "birth_date": "1993-02-11"},
        "document": {
            "kind": "qualification",
            "title": "Bachelor of Science in Nursing",
            "issuer": "Kerala University of Health Sciences",
            "country": "IN",
            "awarded_on": "2016-06-30",
        },
        "result": "positive",
        "reported_on": "2026-09-14",
    },
    {
        "case_number": "DF-2026-100002",
        "subject": {"name_en": "Omar Mahmoud Khalil", "birth_date": "1988-10-02"},
        "document": {
            "kind": "experience",
            "title": "Staff nurse",
            "issuer": "Cairo General Hospital",
            "country": "EG",
            "from": "2019-01-01",
            "to": "2022-12-31",
        },
        "result": "discrepancy",
        "reported_on": "2026-10-05",
    },
]


def refusal(status: int, code: str, message: str) -> Answer:
    return as_json({"code": code, "message": message}, status)


def invalid(message: str) -> Problem:
    return Problem(refusal(400, "invalid", message))


def unknown() -> Problem:
    return Problem(refusal(404, "unknown_case", "There is no case of this number"))


class Cases:
    """The company's cases and the faults it was told to make, in one SQLite file."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)

    def run(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self.lock:
            return self.db.execute(statement, values).fetchall()

    def keep(self, case: Json) -> None:
        """A new case, or the new state of one that is there."""
        self.run(
            'INSERT INTO "case" VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM "case"), ?) '
            "ON CONFLICT (number) DO UPDATE SET body = excluded.body",
            case["case_number"],
            json.dumps(case),
        )

    def one(self, number: str) -> Json | None:
        rows = self.run('SELECT body FROM "case" WHERE number = ?', number)
        return json.loads(rows[0]["body"]) if rows else None

    def newest(self) -> list[Json]:
        rows = self.run('SELECT body FROM "case" ORDER BY seq DESC LIMIT ?', SHOWN)
        return [json.loads(row["body"]) for row in rows]

    def next_number(self) -> str:
        row = self.run('SELECT coalesce(max(seq), 0) AS last FROM "case"')[0]
        return f"DF-{date.today().year}-{100_001 + row['last']}"

    def forget_everything(self) -> None:
        self.run('DELETE FROM "case"')
        self.clear_faults()

    def add_fault(self, kind: str, times: int, seconds: float, call: str) -> None:
        self.run("INSERT INTO fault (kind, times, seconds, call) VALUES (?, ?, ?, ?)", kind, times, seconds, call)

    def faults(self) -> list[Json]:
        return [dict(row) for row in self.run("SELECT kind, times, seconds, call FROM fault ORDER BY seq")]

    def clear_faults(self) -> None:
        self.run("DELETE FROM fault")

    def take_fault(self, call: str) -> sqlite3.Row | None:
        """The next fault ordered for this call, used up once."""
        with self.lock:
            rows = self.run("SELECT * FROM fault WHERE instr(?, call) > 0 ORDER BY seq LIMIT 1", call)
            if not rows:
                return None
            self.run("UPDATE fault SET times = times - 1 WHERE seq = ?", rows[0]["seq"])
            self.run("DELETE FROM fault WHERE times <= 0")
            return rows[0]

    def close(self) -> None:
        with self.lock:
            self.db.close()


class Company(Site):
    """The site. What was said in appeals is kept beside the case; the page shows that there is one."""

    def __init__(self, cases: Cases, key: str) -> None:
        self.cases, self.key = cases, key

    def answer(self, request: Request) -> Answer:
        if not request.path.startswith("/v1/"):
            return super().answer(request)
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return refusal(401, "not_allowed", "The key is missing or wrong")
        fault = self.cases.take_fault(f"{request.method} {request.path}")
        if fault and fault["kind"].isdigit():
            return refusal(int(fault["kind"]), "unavailable", "ordered by /sim/faults")
        answer = super().answer(request)
        if fault and fault["kind"] == "timeout":
            return Answer(never_after=fault["seconds"])
        if fault and answer.status < 300:
            spoiled = SPOILED[fault["kind"]](json.loads(answer.body))
            said = json.dumps(spoiled).encode() if spoiled else b"<html>502 Bad Gateway"
            return Answer(200, said, "application/json")
        return answer

    def missing(self, request: Request) -> Answer:
        if request.path.startswith(("/v1/", "/sim/")):
            return Answer(404, b"not found")
        return super().missing(request)

    # The API

    def read_case(self, request: Request, number: str) -> Answer:
        return as_json(shown(self.find(number)))

    def appeal(self, request: Request, number: str) -> Answer:
        case, text = self.find(number), body_of(request).get("text")
        if not isinstance(text, str) or not 0 < len(text) <= 2000:
            raise invalid("text must have 1 to 2000 characters")
        if case["status"] == "completed":
            case = {**case, "status": "in_progress", "result": None, "serial": None, "reported_on": None}
            self.cases.keep({**case, "appeals": [*case.get("appeals", []), text]})
        return as_json(shown(case), 202)

    def find(self, number: str) -> Json:
        case = self.cases.one(number)
        if case is None:
            raise unknown()
        return case

    # The page on which a visitor of the demonstration makes a case

    def home(self, request: Request) -> Answer:
        return self.home_page(request, request.query)

    def home_page(self, request: Request, typed: Json, wrong: str = "", status: int = 200) -> Answer:
        cases = [{**case, "appealed": bool(case.get("appeals"))} for case in self.cases.newest()]
        form = {"kind": "qualification", "result": "positive", **typed}
        chosen = {"kind": [(kind, kind == form["kind"]) for kind in KINDS]}
        chosen["result"] = [(result, result == form["result"]) for result in ("", *RESULTS)]
        return request.page("verifier.html", status, cases=cases, form=form, chosen=chosen, wrong=wrong)

    def make_case(self, request: Request) -> Answer:
        form = request.form
        document = {name: form.get(name, "") for name in ("kind", "title", "issuer", "country")}
        document |= {name: day_of(form[name]) for name in DAYS if form.get(name)}
        subject = {"name_en": form.get("name_en", ""), "birth_date": day_of(form.get("birth_date", "")) or None}
        try:
            case = self.complete({"subject": subject, "document": document, "result": form.get("result") or None})
        except Problem as problem:
            return self.home_page(request, form, json.loads(problem.answer.body)["message"], 400)
        self.cases.keep(case)
        return redirect(f"/?{urlencode({'lang': request.language, 'made': case['case_number']})}")

    def set_result(self, request: Request, number: str) -> Answer:
        case, result = self.find(number), request.form.get("result") or None
        if result not in (None, *RESULTS):
            raise invalid("result must be one of the three words, or nothing")
        self.cases.keep(self.complete({**case, "result": result, "serial": None, "reported_on": None}))
        return redirect(f"/?{urlencode({'lang': request.language})}")

    def complete(self, asked: Json) -> Json:
        """A whole case from what was asked; what is left out is made up."""
        subject, document, result = asked.get("subject"), asked.get("document"), asked.get("result")
        number = asked.get("case_number") or self.cases.next_number()
        if not isinstance(number, str) or not CASE_NUMBER.fullmatch(number):
            raise invalid("case_number must have 6 to 30 capital letters, digits and hyphens")
        if not isinstance(subject, dict) or not subject.get("name_en"):
            raise invalid("name_en is missing")
        if not isinstance(document, dict) or document.get("kind") not in KINDS:
            raise invalid(f"kind must be one of {', '.join(KINDS)}")
        if not re.fullmatch(r"[A-Z]{2}", str(document.get("country"))):
            raise invalid("country must be two capital letters")
        for name, day in {**document, "birth_date": subject.get("birth_date")}.items():
            if name in (*DAYS, "birth_date") and day is not None and not is_day(day):
                raise invalid(f"{name} must be a day such as 2020-06-30")
        if not document.get(FIRST_DAY[document["kind"]]):
            raise invalid(f"{FIRST_DAY[document['kind']]} is missing")
        if result not in (None, *RESULTS):
            raise invalid(f"result must be one of {', '.join(RESULTS)}")
        reported_on = asked.get("reported_on") or max(date.today().isoformat(), document[FIRST_DAY[document["kind"]]])
        done = {"serial": asked.get("serial") or f"S{number}", "reported_on": reported_on}
        return {
            "appeals": asked.get("appeals", []),
            "case_number": number,
            "status": "completed" if result else "in_progress",
            "result": result,
            **(done if result else {"serial": None, "reported_on": None}),
            "subject": subject,
            "document": document,
        }

    # The control API

    def sim_case(self, request: Request) -> Answer:
        """A case as the API shows it, `case_number`, `serial` and `reported_on` made up where they are left out. A case
        of the same number is replaced.
        """
        case = self.complete(body_of(request))
        self.cases.keep(case)
        return as_json(shown(case), 201)

    def sim_cases(self, request: Request) -> Answer:
        return as_json({"cases": self.cases.newest()})

    def get_faults(self, request: Request) -> Answer:
        return as_json({"faults": self.cases.faults(), "known": list(FAULTS)})

    def order_fault(self, request: Request) -> Answer:
        """{"next": kind, "times": 1, "seconds": 30, "call": "GET /v1/cases/DF-2026-1"}: what goes wrong next."""
        body = body_of(request)
        kind, times, seconds, call = (
            body.get(name, default) for name, default in (("next", ""), ("times", 1), ("seconds", 30), ("call", ""))
        )
        if kind not in FAULTS or type(times) is not int or times < 1 or not isinstance(call, str):
            raise invalid(f"next must be one of {', '.join(FAULTS)}, times a whole number, call a part of the call")
        if not isinstance(seconds, int | float) or not 0 < seconds <= 600:
            raise invalid("seconds must be a number up to 600")
        self.cases.add_fault(kind, times, seconds, call)
        return self.get_faults(request)

    def clear_faults(self, request: Request) -> Answer:
        self.cases.clear_faults()
        return self.get_faults(request)

    def health(self, request: Request) -> Answer:
        return as_json({"ok": True})

    routes = [
        ("GET", "/v1/cases/([^/]+)", read_case),
        ("POST", "/v1/cases/([^/]+)/appeal", appeal),
        ("GET", "/", home),
        ("POST", "/cases", make_case),
        ("POST", "/cases/([^/]+)/result", set_result),
        ("GET", "/health", health),
        ("GET", "/sim/cases", sim_cases),
        ("POST", "/sim/cases", sim_case),
        ("GET", "/sim/faults", get_faults),
        ("POST", "/sim/faults", order_fault),
        ("DELETE", "/sim/faults", clear_faults),
    ]


def shown(case: Json) -> Json:
    """What the API says of a case."""
    return {name: part for name, part in case.items() if name != "appeals"}


def body_of(request: Request) -> Json:
    try:
        body = json.loads(request.body or b"{}")
    except (RecursionError, ValueError):
        raise invalid("the body is not JSON") from None
    if not isinstance(body, dict):
        raise invalid("the body is not an object")
    return body


def is_day(text: Any) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except (TypeError, ValueError):
        return False


def day_of(text: str) -> str:
    """A day typed with any digits: ٢٠٢٠-٠٦-٣٠ as 2020-06-30."""
    return "-".join(map(digits, text.split("-")))


def main() -> None:
    demand_demo("verification company's simulator")
    key, file = setting("VERIFIER_KEY"), Path(setting("VERIFIER_STORE", "var/verifier.sqlite3"))
    file.parent.mkdir(parents=True, exist_ok=True)
    company = Company(Cases(str(file)), key)
    for case in READY:
        if company.cases.one(case["case_number"]) is None:
            company.cases.keep(company.complete(case))
    server = listen(company, setting("HOST", "127.0.0.1"), int(setting("VERIFIER_PORT", "8004")))
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"Verification company simulator: {setting('VERIFIER_SIMULATOR_URL', server.url)}", flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        server.stopping.set()
        server.server_close()
        company.cases.close()


if __name__ == "__main__":
    main()
