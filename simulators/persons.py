"""Who takes part in the journey: practitioners and officers, and what each does on the portal's pages."""

import base64
import io
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import altcha
import requests
from PIL import Image, ImageDraw
from stdnum import luhn

from simulators.visitor import Stopped, Visitor, wait_for, words
from simulators.web import setting

RIYADH = ZoneInfo("Asia/Riyadh")
PASSWORD = "a long walk to the register 7"
# What the lists of choices call them, as the first taxonomy does.
SPECIALTY = {"ar": "تمريض عام", "en": "General nursing"}
RANK = {"ar": "فني", "en": "Technician"}


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

    def await_letter(self, about: str = "", number: int = 1) -> dict[str, Any]:
        """The newest such message, once there are `number` of them."""

        def enough() -> list[dict[str, Any]] | None:
            letters = self.letters(about)
            return letters if len(letters) >= number else None

        return wait_for(f"message {number} to {self.email}", enough)[0]


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
        letter = self.await_letter()
        links = [word for word in letter["text"].split() if word.startswith(self.home)]
        if not links:
            raise Stopped(f"The activation message has no link: {letter['text']}")
        self.open(links[0])
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

    def state(self) -> str:
        """What the case's page, looked at now, calls its state."""
        self.look_at_case()
        return self.read("header .badge")

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
            papers = self.page.select('[aria-labelledby="papers-h"] li')
            return bool(papers) and all(paper.select_one('a[href^="/issued/"]') for paper in papers)

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
    solved = altcha.solve_challenge(challenge["challenge"], salt, algorithm, challenge["max_number"])
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
