"""The people of the demo, brought to every state that the portal reaches by its own verbs, its gateway and its clock.

Nothing here writes a state, a deadline or a past date: what has to be old is made first, and then the demo clock moves on.
"""

import io
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import requests
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw
from stdnum import luhn

from accounts import identity, profile
from accounts.models import Practitioner, User
from applications import dossier, exams, exempting, filing, sweeps
from applications.catalogue import CATALOGUE, Ask, Question
from applications.models import Application, EligibilityNumber, ReturnReason
from applications.progress import advance
from applications.review import Remark
from documents import verification, wallet
from mumaris.kit.clock import add_months, now, today
from mumaris.pages.demo import move_ahead
from payments import attempts
from payments.models import Attempt, Exemption, Invoice, Payment
from refunds import progress as refund_progress
from refunds import sweeps as refund_sweeps
from refunds.models import Ticket
from register.models import Rank, Specialty
from simulators.cards import CARDS

STAFF = [
    ("Hind Al-Otaibi", "reviewer"),
    ("Majed Al-Harbi", "reviewer"),
    ("Abeer Al-Qahtani", "approver"),
    ("Munira Al-Anazi", "approver"),
    ("Rayan Al-Ghamdi", "verification officer"),
    ("Jawaher Al-Subaie", "exam officer"),
    ("Sami Al-Shammari", "CPD officer"),
    ("Turki Al-Dossari", "register officer"),
    ("Lama Al-Shehri", "finance officer"),
    ("Nasser Al-Shammari", "finance officer"),
    ("Wafa Al-Juhani", "finance head"),
    ("Saad Al-Mutairi", "auditor"),
    ("Ghada Al-Zahrani", "administrator"),
]


@dataclass
class Person:
    """One practitioner of the demo: who they are, and how far they have come."""

    key: str
    first: tuple[str, str]
    family: tuple[str, str]
    story: str
    nationality: str = "SA"
    born: date = date(1996, 4, 12)
    gender: str = "f"
    profession: str = "NUR"
    specialty: str = "general-nursing"
    rank: str = "technician"
    degree: str = "diploma"
    title: str = "Diploma in nursing"
    worked_since: date | None = field(default=None)


BACHELOR: dict[str, Any] = {"rank": "specialist", "degree": "bachelor", "title": "Bachelor of nursing"}
OLD = [
    Person(
        "hanan",
        ("حنان", "Hanan"),
        ("الشمري", "Al-Shammari"),
        "Cancelled: the administrative fee was not paid in 30 days",
    ),
    Person(
        "yousef",
        ("يوسف", "Yousef"),
        ("الحربي", "Al-Harbi"),
        "Cancelled: the remarks were not answered in 30 days",
        gender="m",
    ),
    Person(
        "tariq",
        ("طارق", "Tariq"),
        ("الخالدي", "Al-Khalidi"),
        "Failed the exam twice: must pay for the third attempt",
        gender="m",
        **BACHELOR,
    ),
    Person("dana", ("دانة", "Dana"), ("العنزي", "Al-Anazi"), "Cancelled: the service fee was not paid in 30 days"),
]
PEOPLE = [
    Person("reem", ("ريم", "Reem"), ("الغامدي", "Al-Ghamdi"), "Classified and registered, with all papers"),
    Person("samar", ("سمر", "Samar"), ("إدريس", "Idris"), "Classified; her registration was returned with a remark", nationality="SD", worked_since=date(2024, 2, 1)),
    Person("huda", ("هدى", "Huda"), ("القحطاني", "Al-Qahtani"), "A draft of a classification"),
    Person("faisal", ("فيصل", "Faisal"), ("الدوسري", "Al-Dossari"), "Must pay the administrative fee", gender="m"),
    Person("noura", ("نورة", "Noura"), ("المطيري", "Al-Mutairi"), "Submitted, in the queue"),
    Person("omar", ("عمر", "Omar"), ("الزهراني", "Al-Zahrani"), "Under review", gender="m"),
    Person("layla", ("ليلى", "Layla"), ("العتيبي", "Al-Otaibi"), "Recommended, waits for the second officer"),
    Person("khalid", ("خالد", "Khalid"), ("الشهري", "Al-Shehri"), "Must pay the service fee", gender="m"),
    Person("maha", ("مها", "Maha"), ("السبيعي", "Al-Subaie"), "Paid in full, waits for the last check"),
    Person("salma", ("سلمى", "Salma"), ("البلوي", "Al-Balawi"), "Rejected"),
    Person(
        "ibrahim", ("إبراهيم", "Ibrahim"), ("الفيفي", "Al-Faifi"), "Classified physician older than 65: his registration asks a medical report",
        born=date(1958, 9, 1), gender="m", profession="MED", specialty="family-medicine", rank="senior-registrar", degree="board",
        title="Saudi Board in family medicine", worked_since=date(1990, 1, 1),
    ),
    Person("mariam", ("مريم", "Mariam"), ("العمري", "Al-Amri"), "Admitted to the exam: her eligibility number is valid", **BACHELOR),
    Person("asma", ("أسماء", "Asma"), ("السهلي", "Al-Sahli"), "Rejected, and appealed against it"),
    Person("waleed", ("وليد", "Waleed"), ("الشريف", "Al-Sharif"), "Withdrew his application", gender="m"),
    Person("nadia", ("نادية", "Nadia"), ("العسيري", "Al-Asiri"), "Registered, with a certificate of good standing and a training letter"),
    Person(
        "priya", ("بريا", "Priya"), ("ناير", "Nair"), "Trained in India: her degree, practice and licence are with the verification company",
        nationality="IN", born=date(1993, 2, 11), rank="specialist", degree="bachelor", title="Bachelor of Science in Nursing",
    ),
    Person("abdullah", ("عبدالله", "Abdullah"), ("الجهني", "Al-Johani"), "Withdrew after paying the service fee by card: his refund waits for a decision", gender="m"),
    Person("lina", ("لينا", "Lina"), ("الحازمي", "Al-Hazmi"), "Paid the administrative fee twice: the ticket for the second payment opened by itself"),
    Person("saleh", ("صالح", "Saleh"), ("اليامي", "Al-Yami"), "Asked to be exempt: the clock of his fee stands still until the decision", gender="m"),
    Person("afnan", ("أفنان", "Afnan"), ("السلمي", "Al-Sulami"), "Exempt from fees: her invoice was waived"),
    Person("bandar", ("بندر", "Bandar"), ("المالكي", "Al-Malki"), "His refund by SADAD is approved and waits for his IBAN", gender="m"),
    Person("badr", ("بدر", "Badr"), ("الرشيدي", "Al-Rashidi"), "Just activated; has entered nothing yet", gender="m"),
]  # fmt: skip


# What the people answer, by question, given the day.
ANSWERS: dict[str, Callable[[date], Any]] = {
    "gap_explanation": lambda day: "",
    "employer": lambda day: "Rabia Hospital",
    "job": lambda day: "Nurse",
    "city": lambda day: "Dammam",
    "authority": lambda day: "Dubai Health Authority",
    "facility": lambda day: "King Fahd Hospital",
    "training_from": lambda day: add_months(day, 1).isoformat(),
    "months": lambda day: 3,
}


class Demo:
    """Makes the people; `tell` is called with a line of progress for each."""

    def __init__(self, tell) -> None:
        self.tell = tell
        self.staff_password, self.password = secrets.token_urlsafe(9), secrets.token_urlsafe(9)
        self._staff_hash, self._hash = make_password(self.staff_password), make_password(self.password)
        self.staff: dict[str, list[User]] = {}
        self._numbers = iter(range(310_000_00, 310_000_00 + 1000))
        self._paper = _scan()

    def load(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Make everybody and yield their lines: name, role, sign-in, password, what they show."""
        for name, role in STAFF:
            user = self._user(name.split()[0].lower(), name, self._staff_hash, staff=True)
            user.groups.add(Group.objects.get(name=role))
            self.staff.setdefault(role, []).append(User.objects.get(pk=user.pk))
            yield name, role, user.email, self.staff_password, "desk/"
        for person in OLD:
            yield self._walk(person)
        move_ahead(timedelta(days=31))
        sweeps.lapse(now())
        self._tariq_fails_twice()
        for person in PEOPLE:
            yield self._walk(person)

    def _walk(self, person: Person) -> tuple[str, str, str, str, str]:
        self.tell(f"{person.first[1]} {person.family[1]}: {person.story}")
        name = f"{person.first[1]} {person.family[1]}"
        user = self._user(person.key, f"{person.first[0]} {person.family[0]}", self._hash)
        getattr(self, f"_{person.key}")(user, person)
        return name, "practitioner", user.email, self.password, person.story

    def _hanan(self, user, person):
        self._declared(self._practitioner(user, person), person)

    def _yousef(self, user, person):
        self._returned(self._submitted(self._practitioner(user, person), person), "transcript")

    def _dana(self, user, person):
        self._approved(self._submitted(self._practitioner(user, person), person), person)

    def _reem(self, user, person):
        practitioner = self._practitioner(user, person)
        self._completed(practitioner, person)
        self._completed(practitioner, person, "registration")

    def _samar(self, user, person):
        practitioner = self._practitioner(user, person)
        self._completed(practitioner, person)
        self._returned(self._submitted(practitioner, person, "registration"), "employer_letter")

    def _huda(self, user, person):
        filing.start(self._practitioner(user, person), CATALOGUE["classification"], now=now())

    def _faisal(self, user, person):
        self._declared(self._practitioner(user, person), person)

    def _noura(self, user, person):
        self._submitted(self._practitioner(user, person), person)

    def _omar(self, user, person):
        self._do(self._submitted(self._practitioner(user, person), person), "claim", "reviewer")

    def _layla(self, user, person):
        self._recommended(self._submitted(self._practitioner(user, person), person), person)

    def _khalid(self, user, person):
        self._approved(self._submitted(self._practitioner(user, person), person), person)

    def _maha(self, user, person):
        self._being_issued(self._practitioner(user, person), person, "sadad")

    def _salma(self, user, person):
        self._rejected(self._submitted(self._practitioner(user, person), person))

    def _ibrahim(self, user, person):
        practitioner = self._practitioner(user, person)
        self._completed(practitioner, person)
        filing.start(practitioner, CATALOGUE["registration"], now=now())

    def _mariam(self, user, person):
        self._admitted(self._practitioner(user, person), person)

    def _tariq(self, user, person):
        self._admitted(self._practitioner(user, person), person)

    def _tariq_fails_twice(self):
        number = EligibilityNumber.objects.get(application__practitioner__user__email="tariq@demo.example")
        for days in (20, 10):
            exams.record(
                number.number,
                outcome="failed",
                sat_on=today(now()) - timedelta(days=days),
                by=self.staff["exam officer"][0],
                now=now(),
            )

    def _asma(self, user, person):
        case = self._rejected(self._submitted(self._practitioner(user, person), person))
        text = "المؤهل مؤهلي، وقد تغيّر اسم العائلة بعد صدوره. أرفقت ما يثبت ذلك."
        paper = wallet.take_in(
            SimpleUploadedFile("appeal.pdf", self._paper), practitioner=case.practitioner, kind=filing.APPEAL, now=now()
        )
        advance(case.pk, "appeal", by=user, now=now(), public_text=text, paper=paper)

    def _waleed(self, user, person):
        case = self._submitted(self._practitioner(user, person), person)
        advance(case.pk, "withdraw", by=user, now=now())

    def _nadia(self, user, person):
        practitioner = self._practitioner(user, person)
        for service in ("classification", "registration", "good-standing", "training-letter"):
            self._completed(practitioner, person, service)

    def _priya(self, user, person):
        """Her file is complete, and every case is still at work at the company; nothing can be declared before."""
        practitioner = self._practitioner(user, person)
        degree = practitioner.qualifications.get()
        degree.country, degree.institution = "IN", "Kerala University of Health Sciences"
        degree.awarded_on, degree.name_on_paper = date(2016, 6, 30), practitioner.name_en
        degree.save()
        practice = practitioner.experience.create(
            employer="Kochi General Hospital", country="IN", job="Staff nurse", name_on_paper=practitioner.name_en,
            started_on=date(2017, 1, 1), ended_on=today(now()) - timedelta(days=60),
        )  # fmt: skip
        licence = practitioner.licences.create(
            kind="council", country="IN", authority="Kerala Nurses and Midwives Council", number="KNMC-48213",
            name_on_paper=practitioner.name_en, issued_on=date(2016, 11, 1),
        )  # fmt: skip
        for number, entry in enumerate((degree, practice, licence), start=1):
            case_number = f"DF-2026-20000{number}"
            self._opened_at_company(case_number, entry)
            verification.enter_case(entry, case_number, by=user, now=now())
        filing.start(practitioner, CATALOGUE["classification"], now=now())

    def _abdullah(self, user, person):
        self._asked_back(self._being_issued(self._practitioner(user, person), person, "card"))

    def _lina(self, user, person):
        case = self._declared(self._practitioner(user, person), person)
        invoice = Invoice.objects.get(case=case.reference)
        ways = [attempts.begin(invoice, method, language="ar", now=now()) for method in ("sadad", "card")]
        for attempt in ways:
            self._pay(attempt)
        refund_sweeps.open_tickets(now())

    def _saleh(self, user, person):
        self._asks_to_be_exempt(self._practitioner(user, person), person)

    def _afnan(self, user, person):
        request = self._asks_to_be_exempt(self._practitioner(user, person), person)
        starts_on = today(now())
        exempting.recommend(
            request.pk,
            starts_on=starts_on,
            ends_on=add_months(starts_on, 12),
            by=self.staff["reviewer"][0],
            now=now(),
        )
        exempting.approve(request.pk, by=self.staff["finance officer"][0], now=now())

    def _bandar(self, user, person):
        ticket = self._asked_back(self._being_issued(self._practitioner(user, person), person, "sadad"))
        refund_progress.advance(ticket.pk, "approve", by=self.staff["finance officer"][0], now=now())

    def _badr(self, user, person):
        """Nothing entered yet."""

    def _user(self, key: str, name: str, password: str, staff: bool = False) -> User:
        user = User.objects.create(
            email=f"{key}@demo.example", name=name, is_staff=staff, activated_at=now(), password=password
        )
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    def _practitioner(self, user: User, person: Person) -> Practitioner:
        kind = "national_id" if person.nationality == "SA" else "iqama"
        nine = ("1" if kind == "national_id" else "2") + str(next(self._numbers))
        number = nine + luhn.calc_check_digit(nine)
        practitioner = Practitioner(
            first_ar=person.first[0],
            family_ar=person.family[0],
            first_en=person.first[1],
            family_en=person.family[1],
            birth_date=person.born,
            gender=person.gender,
            nationality=person.nationality,
            mobile=f"+9665{number[1:9]}",
        )
        profile.save_personal_data(
            user,
            practitioner,
            version=0,
            now=now(),
            identity_expires_on=add_months(today(now()), 30),
            new_identity={"kind": kind, "number": number, "country": "", "person_key": identity.key(kind, number)},
        )
        practitioner.qualifications.create(
            degree=person.degree,
            field=person.profession,
            title=person.title,
            institution="Riyadh Health College",
            country="SA",
            awarded_on=add_months(today(now()), -6)
            if person.worked_since is None
            else add_months(person.worked_since, -3),
        )
        if person.worked_since:
            practitioner.experience.create(
                employer="Rabia Hospital, Dammam", country="SA", job="Practitioner", started_on=person.worked_since
            )
        return practitioner

    def _declared(self, practitioner: Practitioner, person: Person, service: str = "classification") -> Application:
        offered, moment = CATALOGUE[service], now()
        case = filing.start(practitioner, offered, now=moment)
        chosen: dict[str, Any] = {}
        if Ask.SPECIALTY_AND_RANK in offered.asks:
            chosen = {
                "specialty": Specialty.objects.get(code=person.specialty),
                "rank": Rank.objects.get(code=person.rank),
            }
        if Ask.QUALIFICATION in offered.asks:
            chosen["qualification"] = practitioner.qualifications.get()
        if Ask.REGISTRATION in offered.asks:
            chosen["registration"] = practitioner.registrations.get()
        answers = {
            ask.slug: ANSWERS[ask.slug](today(moment))
            for ask in offered.asks
            if isinstance(ask, Question) and ask.slug in ANSWERS
        }
        filing.save_answers(case, answers, version=case.version, now=moment, **chosen)
        case.refresh_from_db()
        for slot in offered.slots(dossier.load(practitioner, moment, case)):
            if slot.required:
                file = SimpleUploadedFile(f"{slot.slug}.pdf", self._paper)
                paper = wallet.take_in(file, practitioner=practitioner, kind=slot.slug, now=moment)
                filing.attach(case, slot.slug, paper, issued_on=today(moment) if slot.dated else None, now=moment)
        return filing.declare(Application.objects.get(pk=case.pk), by=practitioner.user, now=now())

    def _submitted(self, practitioner: Practitioner, person: Person, service: str = "classification") -> Application:
        return self._paid(self._declared(practitioner, person, service), "admin")

    def _paid(self, case: Application, purpose: str, method: str = "sadad") -> Application:
        invoice = Invoice.objects.get(case=case.reference, purpose=purpose, state="issued")
        self._pay(attempts.begin(invoice, method, language="ar", now=now()))
        return Application.objects.get(pk=case.pk)

    def _pay(self, attempt: Attempt) -> None:
        """A bill at the simulator's bank, a card on its page and in its bank's question; then the gateway is asked."""
        if attempt.method == "sadad":
            pay = f"{settings.GATEWAY_SIMULATOR_URL}/sim/bills/{attempt.bill_number}/pay"
            requests.post(pay, json={}, timeout=10).raise_for_status()
        else:
            card = {"number": CARDS[0].number, "name": "Sample Practitioner", "cvc": "123"}
            expires = {"month": "12", "year": "2099"}
            question = requests.post(attempt.url, {**card, **expires}, allow_redirects=False, timeout=10)
            answered = requests.post(
                question.headers["Location"], {"answer": "approve"}, allow_redirects=False, timeout=10
            )
            answered.raise_for_status()
        attempts.ask(attempt, now=now())

    def _being_issued(self, practitioner: Practitioner, person: Person, method: str) -> Application:
        return self._paid(self._approved(self._submitted(practitioner, person), person), "service", method)

    def _asked_back(self, case: Application) -> Ticket:
        """The case is given up, and its service fee asked back."""
        user = case.practitioner.user
        advance(case.pk, "withdraw", by=user, now=now())
        payment = Payment.objects.get(invoice__case=case.reference, invoice__purpose="service")
        return refund_progress.file(payment.pk, by=user, now=now())

    def _asks_to_be_exempt(self, practitioner: Practitioner, person: Person) -> Exemption:
        self._declared(practitioner, person)
        file = SimpleUploadedFile("decision.pdf", self._paper)
        evidence = wallet.take_in(file, practitioner=practitioner, kind="exemption", now=now())
        text = "والدي من شهداء الواجب، وأرفقت ما يثبت ذلك."
        return exempting.ask(practitioner, ground="martyr_relative", evidence=evidence, statement=text, now=now())

    def _do(self, case: Application, move: str, role: str, **facts) -> Application:
        return advance(case.pk, move, by=self.staff[role][0], now=now(), **facts)

    def _returned(self, case: Application, target: str) -> Application:
        self._do(case, "claim", "reviewer")
        return self._do(
            case, "return", "reviewer", remarks=[Remark(target, ReturnReason.objects.get(code="not_stamped"))]
        )

    def _rejected(self, case: Application) -> Application:
        text = "المؤهل المرفق لا يخص الممارس المتقدم."
        self._do(case, "claim", "reviewer")
        self._do(case, "recommend", "reviewer", verdict="reject", public_text=text)
        return self._do(case, "endorse_rejection", "approver", public_text=text)

    def _admitted(self, practitioner: Practitioner, person: Person) -> Application:
        case = self._submitted(practitioner, person)
        self._do(case, "claim", "reviewer")
        return self._do(case, "admit_to_exam", "reviewer")

    def _opened_at_company(self, number: str, entry: verification.Entry) -> None:
        """A case at the verification simulator, still at work there."""
        awarded_on, begun_on, ended_on = verification.dates_of(entry)
        document = {
            "kind": entry._meta.model_name,
            "title": verification.title_of(entry),
            "issuer": "Kerala",
            "country": str(entry.country),
            "awarded_on": awarded_on and awarded_on.isoformat(),
            "from": begun_on and begun_on.isoformat(),
            "to": ended_on and ended_on.isoformat(),
        }
        case = {
            "case_number": number,
            "status": "in_progress",
            "subject": {"name_en": entry.name_on_paper, "birth_date": entry.practitioner.birth_date.isoformat()},
            "document": {name: said for name, said in document.items() if said},
        }
        requests.post(f"{settings.VERIFIER_SIMULATOR_URL}/sim/cases", json=case, timeout=10).raise_for_status()

    def _recommended(self, case: Application, person: Person) -> Application:
        self._do(case, "claim", "reviewer")
        granted = {"specialty": case.asked_specialty, "rank": case.asked_rank} if case.asked_rank else {}
        return self._do(case, "recommend", "reviewer", verdict="approve", **granted)

    def _approved(self, case: Application, person: Person) -> Application:
        case = Application.objects.get(pk=self._recommended(case, person).pk)
        return self._do(case, "endorse_approval", "approver") if case.needs_second_officer else case

    def _completed(self, practitioner: Practitioner, person: Person, service: str = "classification") -> Application:
        case = self._paid(self._approved(self._submitted(practitioner, person, service), person), "service")
        return self._do(case, "issue", "register officer") if case.state == "being_issued" else case


def _scan() -> bytes:
    """A page as a scanner would make it: lines of grey on white."""
    page = Image.new("L", (827, 1169), 255)
    pen = ImageDraw.Draw(page)
    pen.rectangle((60, 60, 240, 110), outline=90, width=3)
    for line in range(24):
        pen.rectangle((80, 180 + line * 36, 560 + (line * 53) % 190, 190 + line * 36), fill=170)
    pen.ellipse((520, 1000, 680, 1120), outline=110, width=5)
    target = io.BytesIO()
    page.save(target, "PDF", resolution=100)
    return target.getvalue()
