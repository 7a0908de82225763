"""Who takes part in a journey: practitioners and officers, and what each does on the portal's pages."""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import altcha
import requests
from stdnum import luhn

from simulators.scans import portrait, scan
from simulators.visitor import Stopped, Visitor, wait_for, words
from simulators.web import setting

Name = tuple[str, str]  # in Arabic, in English
AL_HARTHI = ("الحارثي", "Al-Harthi")
PASSWORD = "a long walk to the register 7"
# What the lists of choices call them, as the first taxonomy does.
SPECIALTY = {"ar": "تمريض عام", "en": "General nursing"}
RANKS = {
    "technician": {"ar": "فني", "en": "Technician"},
    "specialist": {"ar": "أخصائي", "en": "Specialist"},
}


@dataclass(frozen=True)
class Paper:
    """Something issued: its number, the address at which anybody verifies it, and its size in bytes."""

    number: str
    page: str
    size: int

    def __str__(self) -> str:
        return f"{self.number} ({self.size // 1024} KB)"


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
    """Somebody who needs the authority's papers; `serial` makes the identity number their own."""

    def __init__(
        self,
        home: str,
        language: str,
        first: Name,
        serial: int,
        family: Name = AL_HARTHI,
        nationality: str = "SA",
    ) -> None:
        super().__init__(home, language, f"{first[1]}.{family[1].replace('-', '')}@example.com".lower())
        self.first, self.family, self.nationality = first, family, nationality
        self.name = f"{first[1]} {family[1]}"
        nine = f"{'1' if nationality == 'SA' else '2'}{serial:08d}"
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

    def enter_personal_data(self, identity_expires_on: date) -> None:
        self.open("/account/personal/")
        self.send(
            'form:has([name="first_ar"])',
            {
                "first_ar": self.first[0],
                "family_ar": self.family[0],
                "first_en": self.first[1],
                "family_en": self.family[1],
                # The birth date as many know it: in the Hijri calendar, with Arabic digits.
                **on("birth_date", "٣", "١٢", "١٤١٦", calendar="hijri"),
                "gender": "f",
                "nationality": self.nationality,
                "identity_kind": "national_id" if self.nationality == "SA" else "iqama",
                "identity_number": self.number,
                **on_day("identity_expires_on", identity_expires_on),
                "mobile": "0501234567",
                "address": "Al-Olaya, Riyadh",
            },
        )

    def add_qualification(
        self,
        awarded_on: date,
        degree: str = "diploma",
        title: str = "Diploma in nursing",
        institution: str = "Riyadh Health College",
        country: str = "SA",
    ) -> None:
        """A degree in nursing."""
        self.open("/account/qualifications/add/")
        typed = {"degree": degree, "field": "NUR", "title": title, "institution": institution, "country": country}
        self.send('form:has([name="degree"])', {**typed, **on_day("awarded_on", awarded_on), **self._named(country)})

    def add_experience(self, employer: str, country: str, started_on: date, ended_on: date) -> None:
        """Practice as a nurse."""
        self.open("/account/experience/add/")
        typed = {"job": "Nurse", "employer": employer, "country": country}
        days = {**on_day("started_on", started_on), **on_day("ended_on", ended_on)}
        self.send('form:has([name="employer"])', {**typed, **days, **self._named(country)})

    def add_licence(self, authority: str, country: str, number: str, issued_on: date) -> None:
        """Of the council of a country of practice."""
        self.open("/account/licences/add/")
        typed = {"kind": "council", "country": country, "authority": authority, "number": number}
        self.send('form:has([name="authority"])', {**typed, **on_day("issued_on", issued_on), **self._named(country)})

    def _named(self, country: str) -> dict[str, str]:
        """What is asked of a paper from abroad: the name that stands on it."""
        return {} if country == "SA" else {"name_on_paper": self.name.upper()}

    def order_case(self, kind: str, result: str) -> str:
        """Have the company verify the first entry of this kind that lacks it, and enter the number of its case.

        `result` is the company's; empty, it still works on the case.
        """
        self.open("/account/documents/")
        entry = self.find(f'section[id^="{kind}-"]:has(form[action$="/case/"])')["id"]
        self.follow(f'#{entry} a[href^="{setting("VERIFIER_SIMULATOR_URL")}"]')
        self.send('form[action="/cases"]', {"result": result})
        number = self.read(".made")
        self.open("/account/documents/")
        self.send(f'#{entry} form[action$="/case/"]', {f"{entry}-case_number": number})
        return number

    def ask_company(self, case_number: str) -> None:
        """Have the portal ask the company about the case now, unless it has heard of the result already."""
        self.open("/account/documents/")
        if self.sees(button := f'form[action$="/cases/{case_number}/ask/"]'):
            self.send(button)

    def appeal_to_company(self, case_number: str, text: str) -> None:
        """And wait until the company was told."""
        self.open("/account/documents/")
        self.send(
            f'form[action$="/cases/{case_number}/appeal/"]', {f"{case_number}-text": text, f"{case_number}-once": True}
        )

        def told() -> bool:
            cases = requests.get(f"{setting('VERIFIER_SIMULATOR_URL')}/sim/cases", timeout=10).json()["cases"]
            return any(case["case_number"] == case_number and case["appeals"] for case in cases)

        wait_for("the appeal to reach the company", told)

    def conditions(self, service: str) -> str:
        """How many conditions the service's page judges for this person, and how many of them are met."""
        self.open(f"/services/{service}/")
        return f"{len(self.page.select('.rules .r-ok'))} of {len(self.page.select('.rules > li'))} conditions met"

    def start(self, service: str) -> str:
        """Begin an application on the service's page and return its reference; the page then asks its questions."""
        self.open("/services/")
        self.follow(f'main a[href="/services/{service}/"]')
        self.send(f'form[action$="/services/{service}/start/"]')
        self.reference = urlsplit(self.address).path.split("/")[2]
        return self.reference

    def answer(self, **typed: Any) -> None:
        """The service's questions; afterwards the page asks for the documents."""
        self.send('main form:has([name="version"])', typed)

    def choice(self, field: str, held: str) -> str:
        """The value of the list's entry whose words hold these."""
        for option in self.page.select(f'[name="{field}"] option'):
            if held in words(option):
                return str(option["value"])
        raise Stopped(f"{self.address} offers no {field} with “{held}”.")

    def choose(self, rank: str, title: str) -> dict[str, str]:
        """Specialty, rank and qualification, as the page's lists call them."""
        return {
            "specialty": SPECIALTY[self.language],
            "rank": RANKS[rank][self.language],
            "qualification": self.choice("qualification", title),
        }

    def attach(self, slot: str, file: io.BytesIO, issued_on: date | None = None) -> None:
        typed = on_day(f"{slot}-issued_on", issued_on) if issued_on else {}
        self.send(f'form[enctype][action$="/documents/{slot}/"]', {**typed, f"{slot}-file": file})
        self.find(f"#slot-{slot} .slot-file")

    def use_again(self, slot: str) -> None:
        """Take the paper that the page offers from an earlier application."""
        self.send(f'form[action$="/documents/{slot}/"]:has([name="paper"])')
        self.find(f"#slot-{slot} .slot-file")

    def read_back(self, slot: str) -> str:
        """What the check of all answers shows for a document."""
        self.open(f"/applications/{self.reference}/check/")
        return self.read(f'.summary div:has([href$="#slot-{slot}"]) dd')

    def declare(self) -> str:
        """Read everything back and declare it true; the number of the invoice that this issues."""
        self.open(f"/applications/{self.reference}/documents/")
        self.follow('a[href$="/check/"]')
        self.send('form:has([name="declared"])', {"declared": True})
        return self.invoice_number()

    def apply_for_classification(self) -> str:
        """With a diploma of the Kingdom, everything up to the administrative invoice; its number."""
        self.start("classification")
        self.answer(**self.choose("technician", "Diploma in nursing"))
        for slot in ("qualification", "transcript", "internship"):
            self.attach(slot, scan(slot, pages=3))
        self.attach("photo", portrait())
        return self.declare()

    def apply_for_registration(self, issued_on: date) -> str:
        """With an employer letter of that day, everything up to the administrative invoice; its number."""
        self.start("registration")
        self.answer(employer="Rabia Hospital", job="Nurse", city="Dammam")
        self.attach("employer_letter", scan("employer letter", pages=1), issued_on=issued_on)
        return self.declare()

    def eligibility_number(self) -> str:
        """As the case's page shows it."""
        self.look_at_case()
        return str(self.find('[aria-labelledby="exam-h"] [data-copy]')["data-copy"])

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

    def is_settled(self) -> bool:
        """Whether the case's page, looked at now, asks for no payment."""
        self.look_at_case()
        return self.sees('form[action$="/pay/"]') is None

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
        wait_for("the fee to be settled", self.is_settled)

    def bill(self) -> str:
        """The number of a SADAD bill, from the portal's page."""
        self.choose_to_pay("sadad")
        return str(self.find("[data-copy]")["data-copy"])

    def pay_by_sadad(self) -> str:
        """At the bank's own page; the notification and the worker do the rest. The bill's number."""
        number = self.bill()
        self.follow(f'a[href^="{setting("GATEWAY_SIMULATOR_URL")}/bank"]')
        self.send(f'form:has([type=hidden][name="number"][value="{number}"])')
        wait_for("the payment to be heard of", self.is_settled)
        return number

    def answer_remark(self, target: str) -> None:
        self.look_at_case()
        self.follow('a[href$="/remarks/"]')
        typed = {f"{target}-kind": "file", f"{target}-file": scan(f"{target} stamped", pages=4)}
        self.send(f'form[action$="/remarks/{target}/"]', typed)
        self.send('form[action$="/resubmit/"]')

    def register_number(self) -> str:
        """As on the card that the first page shows."""
        self.open("/")
        return self.read(".regcard .no")

    def take_papers(self) -> list[Paper]:
        """Wait for the PDFs of the case, and open each."""

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
            page = str(self.find(f'li:has([href="{link["href"]}"]) a[href*="/verify/"]')["href"])
            taken.append(Paper(number, page, len(content)))
        return taken

    def notices(self, about: str) -> list[str]:
        """The subjects in the portal's inbox that name a reference, newest first."""
        self.open("/inbox/")
        return [subject for one in self.page.select(".inbox a") if about in (subject := words(one))]


class Officer(Person):
    """Somebody of the staff, at the desk."""

    def take_up(self, reference: str) -> None:
        """Look for the case; where its page stands open, only load it again."""
        if (bar := self.sees(".review-bar")) and reference in words(bar):
            self.open(self.address)
            return
        self.open("/desk/applications/application/")
        self.send("#changelist-search", {"q": reference})
        self.follow("#result_list tbody th a")

    def decide(self, reference: str, move: str, typed: Mapping[str, Any] | None = None) -> None:
        """Make the move with what its form asks."""
        self.take_up(reference)
        self.send(f'form[action$="/move/{move}/"]', typed)
        self.find(".messagelist .success")

    def return_for(self, reference: str, target: str) -> str:
        """Return the case for one item with the first ready-made reason; the reason's words."""
        self.decide(reference, "claim")
        reason = self.find(f'[name="{target}-reason"] option:not([value=""])')
        typed = {f"{target}-reason": reason["value"], f"{target}-remark": "The stamp on page 2 cannot be read."}
        self.decide(reference, "return", typed)
        return words(reason)

    def record_result(self, number: str, outcome: str, sat_on: date) -> None:
        """One sitting of an eligibility number, by hand."""
        self.open("/desk/applications/eligibilitynumber/")
        self.send("#changelist-search", {"q": number})
        self.follow("#result_list tbody th a")
        self.send('form[action$="/record/"]', {"outcome": outcome, **on_day("sat_on", sat_on)})
        self.find(".messagelist .success")

    def import_results(self, *lines: str) -> str:
        """The exam company's file with these lines: uploaded, checked, applied; what the page offers then."""
        self.open("/desk/applications/resultsfile/add/")
        file = io.BytesIO("\r\n".join(["eligibility_number,family_name,sat_on,result,score", *lines]).encode())
        file.name = "results.csv"
        self.send("form[enctype]", {"file": file})
        page = self.address

        def has(selector: str) -> bool:
            self.open(page)
            return self.sees(selector) is not None

        wait_for("the check of the file", lambda: has('form[action$="/apply/"]'))
        offered = self.read('form[action$="/apply/"] button')
        self.send('form[action$="/apply/"]')
        wait_for("the results to be recorded", lambda: has('[aria-labelledby="counts"]'))
        return offered

    def record_hours(self, registration: str, title: str, kind: str, day: date, claimed: float, awarded: float) -> None:
        """CPD hours of one day, for the holder of that registration."""
        self.open("/desk/cpd/hours/add/")
        typed = {
            "registration": registration,
            "title": title,
            "type": kind,
            "provider": "Health Academy",
            **on_day("began_on", day),
            **on_day("ended_on", day),
            "claimed_hours": claimed,
            "hours": awarded,
            "reason": "" if awarded == claimed else "The certificate counts a lunch.",
        }
        self.send('form:has([name="registration"])', typed)
        self.find(".messagelist .success")


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
