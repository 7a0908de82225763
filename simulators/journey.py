"""The main job from an empty database, over HTTP and as people do it: `./portal journey [--language en|ar]`.

It knows the portal by its pages alone: no database, none of its code. It runs inside a fresh demo whose web server,
worker, beat and simulators are all up, and reads PORTAL_URL, MAILBOX_URL and GATEWAY_SIMULATOR_URL. It prints a line for
each step, and ends well only when the certificates and the card are PDFs that anybody can verify.
"""

import argparse
import base64
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import altcha
import requests
from PIL import Image, ImageDraw
from stdnum import luhn

from simulators.visitor import PATIENCE, Stopped, Visitor, wait_for, words
from simulators.web import demand_demo, setting

RIYADH = ZoneInfo("Asia/Riyadh")
PASSWORD = "a long walk to the register 7"
ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
MADA, VISA = "4201320111111010", "4111111111111111"
# What the lists of choices call them, as the first taxonomy does.
SPECIALTY = {"ar": "تمريض عام", "en": "General nursing"}
RANK = {"ar": "فني", "en": "Technician"}
HEARD_LATE = timedelta(hours=36)
CLOSE_TO_MIDNIGHT = timedelta(minutes=1)


class Timeline:
    """Prints each step with the seconds it took and a word of what was seen."""

    def __init__(self) -> None:
        self.begun, self.step_name = time.monotonic(), ""

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """What the block says through the yielded function stands in the step's line."""
        self.step_name, begun, seen = name, time.monotonic(), []
        yield seen.append
        print(f"{time.monotonic() - begun:6.1f} s  {name:<58}  {', '.join(seen)}", flush=True)

    @property
    def total(self) -> float:
        return time.monotonic() - self.begun


class Person(Visitor):
    """Somebody with an account."""

    def __init__(self, home: str, language: str, email: str, password: str = PASSWORD) -> None:
        super().__init__(home, language)
        self.email, self.password = email, password

    def sign_in(self, name: str = "") -> None:
        """By the e-mail address, or by another name of the account."""
        self.open("/sign/login/")
        self.send('form[action$="/sign/login/"]', {"login": name or self.email, "password": self.password})
        self.find('[action$="/sign/logout/"], [href$="/sign/logout/"]')

    def sign_out(self) -> None:
        self.open("/sign/logout/")
        self.send('main form[action$="/sign/logout/"]')

    def letters(self, about: str = "") -> list[dict[str, Any]]:
        """The messages that reached this person, newest first; those that name a reference, where one is given."""
        answer = requests.get(f"{setting('MAILBOX_URL')}/messages.json", {"to": self.email}, timeout=10)
        answer.raise_for_status()
        return [letter for letter in answer.json()["messages"] if about in letter["subject"] + letter["text"]]


class Practitioner(Person):
    """Somebody who wants to be classified; `serial` makes their name and identity number their own."""

    def __init__(self, home: str, language: str, first: tuple[str, str], serial: int) -> None:
        super().__init__(home, language, f"{first[1].lower()}.alharthi@example.com")
        self.first, self.name = first, f"{first[1]} Al-Harthi"
        nine = f"1{serial:08d}"
        self.number = nine + luhn.calc_check_digit(nine)
        self.reference = ""

    def sign_up(self) -> None:
        self.open("/sign/signup/")
        typed = {
            "name": self.name,
            "email": self.email,
            "email2": self.email,
            "password1": self.password,
            "password2": self.password,
        }
        check = self.find("altcha-widget")
        proof = prove_human(json.loads(str(check["challengejson"])))
        self.send('form[action$="/sign/signup/"]', typed, scripted={str(check["name"]): proof})

    def activate(self) -> str:
        """Use the link of the activation message; its subject."""
        letter = wait_for("the activation message", lambda: next(iter(self.letters()), None))
        link = next(word for word in letter["text"].split() if word.startswith(self.home))
        self.open(link)
        self.send('form[action*="/confirm-email/"]')
        return str(letter["subject"])

    def enter_personal_data(self) -> None:
        self.open("/account/personal/")
        self.send(
            'form:has([name="first_ar"])',
            {
                "first_ar": self.first[0],
                "family_ar": "الحارثي",
                "first_en": self.first[1],
                "family_en": "Al-Harthi",
                # The birth date as many know it: in the Hijri calendar, with Arabic digits.
                **on("birth_date", "٣", "١٢", "١٤١٦", calendar="hijri"),
                "gender": "f",
                "nationality": "SA",
                "identity_kind": "national_id",
                "identity_number": self.number,
                **on_day("identity_expires_on", today() + timedelta(days=900)),
                "mobile": "0501234567",
                "address": "Al-Olaya, Riyadh",
            },
        )

    def add_qualification(self) -> None:
        self.open("/account/qualifications/add/")
        self.send(
            'form:has([name="degree"])',
            {
                "degree": "diploma",
                "field": "NUR",
                "title": "Diploma in nursing",
                "institution": "Riyadh Health College",
                "country": "SA",
                **on_day("awarded_on", today() - timedelta(days=200)),
            },
        )

    def conditions(self, service: str) -> tuple[int, int]:
        """How many conditions the service's page judges for this person, and how many of them are met."""
        self.open(f"/services/{service}/")
        return len(self.page.select(".rules > li")), len(self.page.select(".rules .r-ok"))

    def start(self, service: str) -> str:
        """Begin an application and return its reference; the page then asks its questions."""
        self.open(f"/services/{service}/")
        self.send(f'form[action$="/services/{service}/start/"]')
        self.reference = urlsplit(self.address).path.split("/")[2]
        return self.reference

    def answer_classification(self) -> None:
        qualification = self.find('[name="qualification"] option:not([value=""])')["value"]
        chosen = {"specialty": SPECIALTY[self.language], "rank": RANK[self.language], "qualification": qualification}
        self.send('form:has([name="specialty"])', chosen)

    def answer_registration(self) -> None:
        self.send('form:has([name="employer"])', {"employer": "Rabia Hospital", "job": "Nurse", "city": "Dammam"})

    def attach(self, slot: str, file: io.BytesIO, issued_on: date | None = None) -> None:
        typed = on_day(f"{slot}-issued_on", issued_on) if issued_on else {}
        self.send(f'form[action$="/documents/{slot}/"]', {**typed, f"{slot}-file": file})
        self.find(f"#slot-{slot} .slot-file")

    def declare(self) -> str:
        """Read everything back and declare it true; the number of the invoice that this issues."""
        self.follow('a[href$="/check/"]')
        self.send('form:has([name="declared"])', {"declared": True})
        return self.invoice_number()

    def apply_for_classification(self) -> str:
        """Everything up to the administrative invoice; its number."""
        self.start("classification")
        self.answer_classification()
        for slot in ("qualification", "transcript", "internship"):
            self.attach(slot, scan(slot, pages=3))
        self.attach("photo", portrait())
        return self.declare()

    def look_at_case(self) -> None:
        self.open(f"/applications/{self.reference}/")

    def invoice_number(self) -> str:
        """The number of the invoice that the case's page asks to pay."""
        return urlsplit(str(self.find('form[action$="/pay/"]')["action"])).path.split("/")[-3]

    def is_with_staff(self) -> bool:
        """Whether the case's page, looked at now, says that officers hold it."""
        self.look_at_case()
        return self.sees('.lanes li:nth-of-type(2)[aria-current="true"]') is not None

    def is_cancelled(self) -> bool:
        """Whether nobody holds the case any more, and the page only offers to apply again."""
        self.look_at_case()
        return self.sees(".lanes") is None and self.sees('.alert a[href^="/services/"]') is not None

    def choose_to_pay(self, method: str) -> None:
        self.look_at_case()
        self.send('form[action$="/pay/"]', {"method": method})

    def pay_by_card(self, number: str) -> None:
        """On the gateway's page and the bank's question (3-D Secure), and back to the portal."""
        self.choose_to_pay("card")
        self.send('form:has([name="cvc"])', {"number": number, "name": self.name, "cvc": "123"})
        self.send("form:has([value=approve])", button="[value=approve]")
        if not self.address.startswith(self.home):
            raise Stopped(f"The card page leads to {self.address} and not back to the portal.")
        wait_for("the application to reach the officers", self.is_with_staff)

    def bill(self) -> str:
        """The number of a SADAD bill, from the portal's page."""
        self.choose_to_pay("sadad")
        return str(self.find("[data-copy]")["data-copy"])

    def pay_by_sadad(self) -> str:
        """At the bank's own page; the notification and the worker do the rest. The bill's number."""
        number = self.bill()
        self.follow(f'a[href^="{setting("GATEWAY_SIMULATOR_URL")}/bank"]')
        self.send(f'form:has([type=hidden][name="number"][value="{number}"])')
        wait_for("the payment to be heard of", self.is_with_staff)
        return number

    def answer_remark(self, target: str) -> None:
        self.look_at_case()
        self.follow('a[href$="/remarks/"]')
        typed = {f"{target}-kind": "file", f"{target}-file": scan(f"{target} stamped", pages=4)}
        self.send(f'form[action$="/remarks/{target}/"]', typed)
        self.send('form[action$="/resubmit/"]')

    def take_papers(self) -> list[tuple[str, int]]:
        """Wait for the PDFs of the case, and verify each as a stranger; their numbers and sizes in bytes."""

        def ready() -> bool:
            self.look_at_case()
            rows = self.page.select(".filelist > li:has(bdi)")
            return bool(self.sees('a[href^="/issued/"]')) and all(row.select_one("a") for row in rows)

        wait_for("the papers to be rendered", ready)
        taken = []
        for link in self.page.select('a[href^="/issued/"]'):
            content = self.download(f'a[href="{link["href"]}"]')
            if not content.startswith(b"%PDF"):
                raise Stopped(f"{link['href']} is no PDF.")
            number = urlsplit(str(link["href"])).path.removeprefix("/issued/").removesuffix(".pdf")
            stranger = Visitor(self.home, self.language)
            stranger.open(str(self.find(f'li:has([href="{link["href"]}"]) a[href*="/verify/"]')["href"]))
            if number not in stranger.read(".verdict"):
                raise Stopped(f"{stranger.address} does not confirm {number}.")
            taken.append((number, len(content)))
        return taken

    def notices(self, about: str) -> list[str]:
        """The subjects in the portal's inbox that name a reference, newest first."""
        self.open("/inbox/")
        return [subject for one in self.page.select(".inbox a") if about in (subject := words(one))]


class Officer(Person):
    """Somebody of the staff, at the desk."""

    def decide(self, reference: str, move: str, typed: Mapping[str, Any] | None = None) -> None:
        """Find the case and make the move with what its form asks."""
        self.open("/desk/applications/application/")
        self.send("#changelist-search", {"q": reference})
        self.follow("#result_list tbody th a")
        self.send(f'form[action$="/move/{move}/"]', typed)
        self.find(".messagelist .success")

    def return_for(self, reference: str, target: str) -> str:
        """Return the case for one item with the first ready-made reason; the reason's words."""
        self.decide(reference, "claim")
        reason = self.find(f'[name="{target}-reason"] option:not([value=""])')
        typed = {f"{target}-reason": reason["value"], f"{target}-remark": "The stamp on page 2 cannot be read."}
        self.decide(reference, "return", typed)
        return words(reason)


class Portal:
    """The demo in which all of this happens."""

    def __init__(self, language: str) -> None:
        self.home, self.language = setting("PORTAL_URL"), language
        self.operator = Visitor(self.home, language)

    def practitioner(self, first: tuple[str, str], serial: int) -> Practitioner:
        return Practitioner(self.home, self.language, first, serial)

    def officer(self, role: str) -> Officer:
        """Made by the operator's command, as on an installation's first day, and signed in."""
        email = f"{role.replace(' ', '.')}@portal.example"
        command = ["manage.py", "make_staff", "--email", email, "--name", role.title(), "--role", role]
        made = subprocess.run([sys.executable, *command], capture_output=True, text=True)
        if made.returncode:
            raise Stopped(made.stderr.strip())
        officer = Officer(self.home, self.language, email, made.stdout.strip())
        officer.sign_in()
        return officer

    def move_clock(self, *days: int) -> None:
        """Press the demo clock's buttons."""
        for number in days:
            self.operator.open("/demo/")
            self.operator.send('form[action$="/demo/clock/"]', button=f'[name="days"][value="{number}"]')


def today() -> date:
    return datetime.now(RIYADH).date()


def on(field: str, day: Any, month: Any, year: Any, calendar: str = "gregorian") -> dict[str, str]:
    """A date as the portal's boxes take it."""
    return {
        f"{field}_calendar": calendar,
        f"{field}_day": str(day),
        f"{field}_month": str(month),
        f"{field}_year": str(year),
    }


def on_day(field: str, day: date) -> dict[str, str]:
    return on(field, day.day, day.month, day.year)


def prove_human(challenge: Mapping[str, Any]) -> str:
    """What the page's script answers to the human check once its box is ticked."""
    salt, algorithm = challenge["salt"], challenge["algorithm"]
    most = challenge.get("maxnumber") or challenge.get("maxNumber") or challenge["max_number"]
    solved = altcha.solve_challenge(challenge["challenge"], salt, algorithm, most)
    if solved is None:
        raise Stopped("The human check has no solution.")
    proof = {key: challenge[key] for key in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**proof, "number": solved.number}).encode()).decode()


def scan(title: str, pages: int) -> io.BytesIO:
    """A PDF as a scanner makes it: grey lines on white, a stamp on each page."""
    chance, sheets = Random(title), []
    for number in range(1, pages + 1):
        sheet = Image.new("L", (827, 1169), 250)
        pen = ImageDraw.Draw(sheet)
        pen.text((80, 90), f"{title.upper()}  {number}/{pages}", fill=40, font_size=28)
        for line in range(24):
            pen.rectangle((80, 180 + line * 36, chance.randint(420, 740), 190 + line * 36), fill=165)
        pen.ellipse((520, 1000, 680, 1120), outline=110, width=5)
        sheets.append(sheet)
    return _file(
        f"{title.replace(' ', '-')}.pdf", sheets[0], "PDF", save_all=True, append_images=sheets[1:], resolution=100
    )


def portrait() -> io.BytesIO:
    """A face on a light background, from a phone."""
    picture = Image.new("RGB", (900, 1200), (228, 232, 236))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((180, 860, 720, 1500), fill=(46, 78, 92))
    pen.ellipse((290, 280, 610, 740), fill=(196, 148, 116))
    return _file("photo.jpg", picture, "JPEG", quality=88)


def _file(name: str, picture: Image.Image, kind: str, **how: Any) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, kind, **how)
    file.seek(0)
    file.name = name
    return file


def main_job(portal: Portal, told: Timeline) -> None:
    """From nobody to a registered practitioner."""
    with told.step("Reviewer, approver and register officer are made and sign in") as seen:
        reviewer, approver, registrar = (portal.officer(role) for role in ("reviewer", "approver", "register officer"))
        seen("3 officers at the desk")
    with told.step("Amal signs up, the human check solved") as seen:
        amal = portal.practitioner(("أمل", "Amal"), 4711)
        amal.sign_up()
        seen(amal.email)
    with told.step("The activation message comes, and its link is used") as seen:
        seen(f"“{amal.activate()}”")
    with told.step("She signs in by e-mail") as seen:
        amal.sign_in()
        seen(amal.read("h1"))
    with told.step("She enters her personal data, the birth date in Hijri") as seen:
        amal.enter_personal_data()
        seen(f"national ID {amal.number}")
    with told.step("She signs out, and in by national ID in Arabic digits") as seen:
        amal.sign_out()
        amal.sign_in(amal.number.translate(ARABIC_DIGITS))
        seen(amal.number.translate(ARABIC_DIGITS))
    with told.step("She adds a qualification and reads the conditions") as seen:
        amal.add_qualification()
        judged, met = amal.conditions("classification")
        seen(f"{met} of {judged} conditions met")
    with told.step("Classification: questions, 3 PDFs, a photo, declaration") as seen:
        invoice = amal.apply_for_classification()
        seen(f"{amal.reference}, invoice {invoice}")
    with told.step("The administrative fee by mada, with 3-D Secure"):
        amal.pay_by_card(MADA)
    with told.step("The reviewer claims the case and returns the transcript") as seen:
        seen(f"“{reviewer.return_for(amal.reference, 'transcript')}”")
    with told.step("She attaches a better one and sends the answer") as seen:
        amal.answer_remark("transcript")
        seen(f"{len(amal.letters(amal.reference))} messages so far")
    with told.step("The reviewer recommends, the approver endorses") as seen:
        reviewer.decide(amal.reference, "recommend", {"verdict": "approve"})
        approver.decide(amal.reference, "endorse_approval")
        amal.look_at_case()
        seen(f"invoice {amal.invoice_number()}")
    with told.step("The service fee by SADAD, at the bank") as seen:
        seen(f"bill {amal.pay_by_sadad()}")
    with told.step("The register officer issues"):
        registrar.decide(amal.reference, "issue")
    with told.step("The certificate is rendered, and a stranger verifies it") as seen:
        _expect_papers(amal, 1, seen)

    with told.step("Registration: questions, employer letter, declaration") as seen:
        amal.start("registration")
        amal.answer_registration()
        amal.attach("employer_letter", scan("employer letter", pages=1), issued_on=today())
        invoice = amal.declare()
        seen(f"{amal.reference}, invoice {invoice}")
    with told.step("The administrative fee by Visa, with 3-D Secure"):
        amal.pay_by_card(VISA)
    with told.step("Claimed, recommended, endorsed"):
        reviewer.decide(amal.reference, "claim")
        reviewer.decide(amal.reference, "recommend", {"verdict": "approve"})
        approver.decide(amal.reference, "endorse_approval")
    with told.step("The service fee by SADAD, at the bank") as seen:
        seen(f"bill {amal.pay_by_sadad()}")
    with told.step("The register officer issues"):
        registrar.decide(amal.reference, "issue")
    with told.step("Card and certificate are rendered, and a stranger verifies them") as seen:
        _expect_papers(amal, 2, seen)


def time_itself(portal: Portal, told: Timeline) -> None:
    """Day 30 and what comes after it, by the demo clock, the real beat and the real worker."""
    _let_midnight_pass()
    nasreen, widad = portal.practitioner(("نسرين", "Nasreen"), 4712), portal.practitioner(("وداد", "Widad"), 4713)
    for person in (nasreen, widad):
        with told.step(f"{person.first[1]}, too, comes as far as her administrative invoice") as seen:
            person.sign_up()
            person.activate()
            person.sign_in()
            person.enter_personal_data()
            person.add_qualification()
            invoice = person.apply_for_classification()
            seen(f"{person.reference}, invoice {invoice}")
    with told.step("The clock moves 30 days: their last day") as seen:
        portal.move_clock(7, 7, 7, 7, 1, 1)
        for person in (nasreen, widad):
            person.look_at_case()
        seen(widad.read(".invoice .due"))
    with told.step(
        f"Widad pays at the bank; the gateway hears of it {HEARD_LATE.total_seconds() / 3600:.0f} h later"
    ) as seen:
        number = widad.bill()
        paid = {"heard_after_seconds": int(HEARD_LATE.total_seconds())}
        requests.post(
            f"{setting('GATEWAY_SIMULATOR_URL')}/sim/bills/{number}/pay", json=paid, timeout=10
        ).raise_for_status()
        seen(f"bill {number}")
    with told.step("The clock moves a day: the beat cancels both") as seen:
        portal.move_clock(1)
        for person in (nasreen, widad):
            wait_for(f"the cancellation of {person.reference}", person.is_cancelled)
            letter = wait_for(
                "the message about it", lambda person=person: next(iter(person.letters(person.reference)), None)
            )
        seen(f"“{letter['subject']}”")
    with told.step("A day later the gateway hears of it: Widad's case lives again") as seen:
        portal.move_clock(1)
        wait_for("the revival", widad.is_with_staff)
        letter = wait_for("the message about it", lambda: widad.letters(widad.reference)[:-1])[0]
        seen(f"“{letter['subject']}”")
    with told.step("Nasreen was told once, by e-mail and in her inbox") as seen:
        if not nasreen.is_cancelled():
            raise Stopped(f"{nasreen.reference} is not cancelled any more.")
        letters, notices = nasreen.letters(nasreen.reference), nasreen.notices(nasreen.reference)
        if len(letters) != 1 or len(notices) != 1:
            raise Stopped(f"{len(letters)} messages and {len(notices)} notices instead of one each.")
        seen("1 message, 1 notice")


def _expect_papers(person: Practitioner, number: int, seen: Callable[[str], None]) -> None:
    papers = person.take_papers()
    if len(papers) != number:
        raise Stopped(f"{len(papers)} papers instead of {number}.")
    for name, size in papers:
        seen(f"{name} ({size // 1024} KB, valid)")


def _let_midnight_pass() -> None:
    """A declaration before midnight and a look at the clock after it would be reckoned from two days."""
    tomorrow = datetime.combine(today() + timedelta(days=1), datetime.min.time(), RIYADH)
    left = tomorrow - datetime.now(RIYADH)
    if left < CLOSE_TO_MIDNIGHT:
        time.sleep(left.total_seconds() + 1)


def main() -> int:
    demand_demo("journey")
    asked = argparse.ArgumentParser(prog="portal journey", description="The main job over HTTP, as a timeline.")
    asked.add_argument("--language", choices=["ar", "en"], default="ar")
    told = Timeline()
    try:
        portal = Portal(asked.parse_args().language)
        main_job(portal, told)
        time_itself(portal, told)
    except (Stopped, requests.RequestException) as reason:
        print(f"\nStopped at: {told.step_name}\n  {reason}", file=sys.stderr, flush=True)
        return 1
    print(f"{told.total:6.1f} s  in all. Nobody waited longer than {PATIENCE} s for anything.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
