"""People and cases for tests, brought to their state by the portal's own verbs. Moments are UTC; the default one is midday in Riyadh."""

from datetime import UTC, date, datetime
from functools import cache
from itertools import count

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from stdnum import luhn

from accounts import identity, profile
from accounts.models import Practitioner, User
from applications import filing
from applications.catalogue import CATALOGUE
from applications.models import Application, ReturnReason
from applications.progress import advance
from applications.review import Remark
from documents import wallet
from mumaris.kit.clock import add_months
from payments import billing
from payments.models import Invoice
from register.models import Rank, Specialty
from tests import bad_files

NOON = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery 9"
_numbers = count(1)


def identity_number(first: str) -> str:
    """A number of ten digits that starts with `first` and whose last digit checks; a new one each time."""
    body = f"{first}{next(_numbers):08d}"
    return body + luhn.calc_check_digit(body)


def make_user(name: str = "Tester", *, staff: bool = False, email: str = "", now: datetime = NOON) -> User:
    email = email or f"person{next(_numbers)}@example.com"
    user = User(email=email, name=name, language="en", is_staff=staff, activated_at=now)
    user.password = _hashed()
    user.save()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


@cache
def _hashed() -> str:
    """PASSWORD, hashed once: a hash costs a third of a second."""
    return make_password(PASSWORD)


def make_staff(role: str) -> User:
    user = make_user(role, staff=True)
    user.groups.add(Group.objects.get(name=role))
    return User.objects.get(pk=user.pk)


def make_practitioner(
    *,
    now: datetime = NOON,
    nationality: str = "SA",
    kind: str = "",
    number: str = "",
    born: date = date(1995, 5, 3),
    expires_on: date | None = None,
    user: User | None = None,
) -> Practitioner:
    kind = kind or ("national_id" if nationality == "SA" else "iqama")
    number = number or identity_number("1" if kind == "national_id" else "2")
    person = Practitioner(
        first_ar="سمر",
        family_ar="إدريس",
        first_en="Samar",
        family_en="Idris",
        birth_date=born,
        gender="f",
        nationality=nationality,
        mobile="+966501234567",
    )
    saved = profile.save_personal_data(
        user or make_user("Samar Idris", now=now),
        person,
        version=0,
        now=now,
        identity_expires_on=expires_on or add_months(now.date(), 50),
        new_identity={"kind": kind, "number": number, "country": "", "person_key": identity.key(kind, number, "")},
    )
    if nationality != "SA":
        saved.experience.create(employer="Rabia Hospital", country="SA", job="Nurse", started_on=date(2025, 1, 1))
    return saved


def upload(name: str = "paper.pdf", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content if content is not None else bad_files.pages(2))


def make_draft(
    person: Practitioner, service: str = "classification", *, now: datetime = NOON, letter: date | None = None
) -> Application:
    """A draft in which nothing is missing: a nursing technician of the Kingdom, or a registration on a classification."""
    draft = filing.start(person, CATALOGUE[service], now=now)
    if service == "classification":
        degree, _created = person.qualifications.get_or_create(
            degree="diploma",
            field="NUR",
            title="Diploma in nursing",
            institution="Health Institute, Riyadh",
            country="SA",
            defaults={"awarded_on": add_months(now.date(), -5)},
        )
        filing.save_answers(
            draft,
            {"gap_explanation": ""},
            version=draft.version,
            now=now,
            specialty=Specialty.objects.get(code="general-nursing"),
            rank=Rank.objects.get(code="technician"),
            qualification=degree,
        )
        slots = ["qualification", "transcript", "internship", "photo"] + (
            ["experience"] if person.experience.exists() else []
        )
    else:
        filing.save_answers(
            draft, {"employer": "Rabia Hospital", "job": "Nurse", "city": "Dammam"}, version=draft.version, now=now
        )
        slots = ["employer_letter"]
    for slot in slots:
        paper = wallet.take_in(upload(f"{slot}.pdf"), practitioner=person, kind=slot, now=now)
        filing.attach(
            draft, slot, paper, issued_on=letter or now.date() if slot == "employer_letter" else None, now=now
        )
    draft.refresh_from_db()
    return draft


def declare(case: Application, *, now: datetime = NOON) -> Application:
    return filing.declare(Application.objects.get(pk=case.pk), by=case.practitioner.user, now=now)


def invoice_of(case: Application, purpose: str) -> Invoice:
    return Invoice.objects.filter(case=case.reference, purpose=purpose).latest("pk")


def pay(
    case: Application,
    purpose: str,
    *,
    now: datetime = NOON,
    paid_at: datetime | None = None,
    amount: int | None = None,
    ref: str = "",
) -> Application:
    """The bank paid at `paid_at` and we hear of it at `now`."""
    invoice = invoice_of(case, purpose)
    billing.receive(
        invoice=invoice,
        attempt=None,
        provider_ref=ref or f"bank-{next(_numbers)}",
        method="sadad",
        amount=invoice.amount if amount is None else amount,
        paid_at=paid_at or now,
        now=now,
    )
    return Application.objects.get(pk=case.pk)


class Office:
    """The officers of a test, one of each kind."""

    def __init__(self) -> None:
        self.reviewer = make_staff("reviewer")
        self.approver = make_staff("approver")
        self.registrar = make_staff("register officer")

    def approve(
        self, case: Application, *, now: datetime = NOON, rank: str = "technician", specialty: str = "general-nursing"
    ) -> Application:
        advance(case.pk, "claim", by=self.reviewer, now=now)
        facts = {
            "verdict": "approve",
            "rank": Rank.objects.get(code=rank),
            "specialty": Specialty.objects.get(code=specialty),
        }
        advance(case.pk, "recommend", by=self.reviewer, now=now, **facts)
        return advance(case.pk, "endorse_approval", by=self.approver, now=now)

    def return_(self, case: Application, *targets: str, now: datetime = NOON) -> Application:
        reason = ReturnReason.objects.get(code="illegible")
        advance(case.pk, "claim", by=self.reviewer, now=now)
        return advance(
            case.pk, "return", by=self.reviewer, now=now, remarks=[Remark(target, reason) for target in targets]
        )

    def issue(self, case: Application, *, now: datetime = NOON) -> Application:
        return advance(case.pk, "issue", by=self.registrar, now=now)


def classified(office: Office, *, now: datetime = NOON, **person) -> Practitioner:
    """A practitioner who went all the way to the classification certificate."""
    practitioner = make_practitioner(now=now, **person)
    case = declare(make_draft(practitioner, now=now), now=now)
    pay(case, "admin", now=now)
    office.approve(case, now=now)
    pay(case, "service", now=now)
    office.issue(case, now=now)
    return practitioner
