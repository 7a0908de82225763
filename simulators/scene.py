"""Where a journey happens: a demo with its officers and its clock, and the timeline of what was done."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from simulators.persons import AL_HARTHI, Name, Officer, Paper, Practitioner
from simulators.visitor import Stopped, Visitor
from simulators.web import setting

RIYADH = ZoneInfo("Asia/Riyadh")
CLOCK_BUTTONS = (30, 14, 7, 1)  # days


class Timeline:
    """Prints each step with the seconds it took and a word of what was seen."""

    def __init__(self) -> None:
        self.begun, self.step_name = time.monotonic(), "the front page"

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """What the block says through the yielded function stands in the step's line."""
        self.step_name, begun = name, time.monotonic()
        seen: list[str] = []
        yield seen.append
        print(f"{time.monotonic() - begun:6.1f} s  {name:<64}  {', '.join(seen)}", flush=True)

    def chapter(self, service: str, way: Callable[..., None]) -> None:
        """A heading: what follows is the way through this service."""
        print(f"\n{service}: {way.__doc__}", flush=True)

    @property
    def total(self) -> float:
        return time.monotonic() - self.begun


class Portal:
    """The demo in which all of this happens."""

    def __init__(self, home: str, language: str) -> None:
        self.home, self.language = home, language
        self.operator = Visitor(home, language)
        self.people: list[Visitor] = [self.operator]
        self.ahead = timedelta()
        self._officers: dict[str, Officer] = {}
        self._serials = count(4711)

    @property
    def today(self) -> date:
        """By the demo's clock, in Riyadh."""
        return (datetime.now(RIYADH) + self.ahead).date()

    def practitioner(self, first: Name, family: Name = AL_HARTHI, nationality: str = "SA") -> Practitioner:
        person = Practitioner(self.home, self.language, first, next(self._serials), family, nationality)
        self.people.append(person)
        return person

    def officer(self, role: str) -> Officer:
        """The one officer of that role, at the desk."""
        if role not in self._officers:
            self._officers[role] = officer = self.make_officer(role)
            self.people.append(officer)
            officer.sign_in()
        return self._officers[role]

    def make_officer(self, role: str) -> Officer:
        """By the operator's command, as on an installation's first day."""
        email = f"{role.replace(' ', '.').lower()}@portal.example"
        command = ["manage.py", "make_staff", "--email", email, "--name", role.title(), "--role", role]
        made = subprocess.run([sys.executable, *command], capture_output=True, text=True)
        if made.returncode:
            raise Stopped(made.stderr.strip())
        return Officer(self.home, self.language, email, made.stdout.strip())

    def is_valid(self, paper: Paper) -> bool:
        """What a stranger reads of the paper. Raises Stopped where the page speaks of another one."""
        stranger = Visitor(self.home, self.language)
        self.people.append(stranger)
        stranger.open(paper.page)
        if paper.number not in stranger.read("main"):
            raise Stopped(f"{stranger.address} does not speak of {paper.number}.")
        return stranger.sees(".verdict") is not None

    def close(self) -> None:
        """Everybody leaves; their connections would keep the server busy."""
        for person in self.people:
            person.browser.close()

    def move_clock(self, days: int) -> None:
        """Press the demo clock's buttons until so many days have passed."""
        for number in CLOCK_BUTTONS:
            while days >= number:
                self.operator.open("/demo/")
                self.operator.send('form[action$="/demo/clock/"]', button=f'[name="days"][value="{number}"]')
                self.ahead += timedelta(days=number)
                days -= number

    def company_decides(self, case_number: str, result: str) -> None:
        """The verification company's clerk closes a case."""
        self.operator.open(f"{setting('VERIFIER_SIMULATOR_URL')}/?lang={self.language}")
        self.operator.send(f'form[action="/cases/{case_number}/result"]', button=f'[value="{result}"]')
