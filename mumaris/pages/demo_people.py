"""The people of the demo, brought to every state that the portal reaches by its own verbs, its gateway and its clock.

Nothing here writes a state, a deadline or a past date: what has to be old is made first, and then the demo clock moves on.
"""

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

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
from applications import filing, sweeps
from applications.catalogue import CATALOGUE
from applications.models import Application, ReturnReason
from applications.progress import advance
from applications.review import Remark
from documents import wallet
from mumaris.kit.clock import add_months, now, today
from mumaris.pages.demo import move_ahead
from payments import attempts
from payments.models import Invoice
from register.models import Rank, Specialty

STAFF = [
    ("Hind Al-Otaibi", "reviewer"),
    ("Majed Al-Harbi", "reviewer"),
    ("Abeer Al-Qahtani", "approver"),
    ("Turki Al-Dossari", "register officer"),
    ("Lama Al-Shehri", "finance officer"),
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
    Person("badr", ("بدر", "Badr"), ("الرشيدي", "Al-Rashidi"), "Just activated; has entered nothing yet", gender="m"),
]  # fmt: skip


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
        self._paid(self._approved(self._submitted(self._practitioner(user, person), person), person), "service")

    def _salma(self, user, person):
        case = self._submitted(self._practitioner(user, person), person)
        self._do(case, "claim", "reviewer")
        text = (
            "المؤهل المرفق لا يخص الممارس المتقدم."
            if user.language == "ar"
            else "The qualification belongs to another person."
        )
        self._do(case, "recommend", "reviewer", verdict="reject", public_text=text)
        self._do(case, "endorse_rejection", "approver", public_text=text)

    def _ibrahim(self, user, person):
        practitioner = self._practitioner(user, person)
        self._completed(practitioner, person)
        filing.start(practitioner, CATALOGUE["registration"], now=now())

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
        moment = now()
        case = filing.start(practitioner, CATALOGUE[service], now=moment)
        if service == "classification":
            filing.save_answers(
                case,
                {"gap_explanation": ""},
                version=case.version,
                now=moment,
                specialty=Specialty.objects.get(code=person.specialty),
                rank=Rank.objects.get(code=person.rank),
                qualification=practitioner.qualifications.get(),
            )
            slots = ["qualification", "transcript", "internship", "photo"] + (
                ["experience"] if person.worked_since else []
            )
        else:
            answers = {"employer": "Rabia Hospital", "job": "Nurse", "city": "Dammam"}
            filing.save_answers(case, answers, version=case.version, now=moment)
            slots = ["employer_letter"]
        for slot in slots:
            paper = wallet.take_in(
                SimpleUploadedFile(f"{slot}.pdf", self._paper), practitioner=practitioner, kind=slot, now=moment
            )
            filing.attach(case, slot, paper, issued_on=today(moment) if slot == "employer_letter" else None, now=moment)
        return filing.declare(Application.objects.get(pk=case.pk), by=practitioner.user, now=now())

    def _submitted(self, practitioner: Practitioner, person: Person, service: str = "classification") -> Application:
        return self._paid(self._declared(practitioner, person, service), "admin")

    def _paid(self, case: Application, purpose: str) -> Application:
        """By SADAD: a bill of the gateway, paid at the simulator's bank, and asked for."""
        invoice = Invoice.objects.get(case=case.reference, purpose=purpose, state="issued")
        attempt = attempts.begin(invoice, "sadad", language="ar", now=now())
        requests.post(
            f"{settings.GATEWAY_SIMULATOR_URL}/sim/bills/{attempt.bill_number}/pay", json={}, timeout=10
        ).raise_for_status()
        attempts.ask(attempt, now=now())
        return Application.objects.get(pk=case.pk)

    def _do(self, case: Application, move: str, role: str, **facts) -> Application:
        return advance(case.pk, move, by=self.staff[role][0], now=now(), **facts)

    def _returned(self, case: Application, target: str) -> Application:
        self._do(case, "claim", "reviewer")
        return self._do(
            case, "return", "reviewer", remarks=[Remark(target, ReturnReason.objects.get(code="not_stamped"))]
        )

    def _recommended(self, case: Application, person: Person) -> Application:
        self._do(case, "claim", "reviewer")
        granted = {
            "specialty": Specialty.objects.get(code=person.specialty),
            "rank": Rank.objects.get(code=person.rank),
        }
        return self._do(case, "recommend", "reviewer", verdict="approve", **granted)

    def _approved(self, case: Application, person: Person) -> Application:
        self._recommended(case, person)
        return self._do(case, "endorse_approval", "approver")

    def _completed(self, practitioner: Practitioner, person: Person, service: str = "classification") -> Application:
        case = self._paid(self._approved(self._submitted(practitioner, person, service), person), "service")
        return self._do(case, "issue", "register officer")


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
