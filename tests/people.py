"""People and cases for tests, brought to their state by the portal's own verbs. Moments are UTC; the default one is midday in Riyadh."""

from datetime import UTC, date, datetime
from functools import cache, cached_property
from itertools import count

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from stdnum import luhn

from accounts import identity, profile
from accounts.models import Practitioner, User
from applications import dossier, exams, filing
from applications.catalogue import CATALOGUE, Ask
from applications.models import Application, EligibilityNumber, ExamResult, ReturnReason
from applications.progress import advance
from applications.review import Remark
from documents import wallet
from mumaris.kit.clock import add_months, today
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


# What a complete draft of each service answers; what it chooses from lists is made by `make_draft`.
ANSWERS = {
    "classification": {"gap_explanation": ""},
    "re-classification": {"route": "new_qualification", "gap_explanation": ""},
    "registration": {"employer": "Rabia Hospital", "job": "Nurse", "city": "Dammam"},
    "renewal": {"employer": "Rabia Hospital", "job": "Nurse", "city": "Dammam"},
    "qualification-study": {},
    "good-standing": {"authority": "Dubai Health Authority"},
    "training-letter": {"facility": "Rabia Hospital", "city": "Dammam", "months": 3},
}


def make_qualification(
    person: Practitioner, *, degree: str = "diploma", title: str = "Diploma in nursing", now: datetime = NOON, **facts
):
    """A nursing degree of the Kingdom, five months old unless said otherwise."""
    held, _created = person.qualifications.get_or_create(
        degree=degree,
        field=facts.pop("field", "NUR"),
        title=title,
        institution="Health Institute, Riyadh",
        country=facts.pop("country", "SA"),
        defaults={"awarded_on": add_months(now.date(), -5), **facts},
    )
    return held


def make_draft(
    person: Practitioner,
    service: str = "classification",
    *,
    now: datetime = NOON,
    letter: date | None = None,
    rank: str = "",
    specialty: str = "general-nursing",
    qualification=None,
    answers: dict | None = None,
) -> Application:
    """A draft of any service in which nothing is missing that can be typed or attached."""
    offered = CATALOGUE[service]
    draft = filing.start(person, offered, now=now)
    chosen = {}
    if Ask.SPECIALTY_AND_RANK in offered.asks:
        rank = rank or ("specialist" if service == "re-classification" else "technician")
        chosen = {"specialty": Specialty.objects.get(code=specialty), "rank": Rank.objects.get(code=rank)}
    if Ask.QUALIFICATION in offered.asks:
        chosen["qualification"] = qualification or make_qualification(
            person,
            now=now,
            **({"degree": "bachelor", "title": "Bachelor of nursing"} if service != "classification" else {}),
        )
    if Ask.REGISTRATION in offered.asks:
        chosen["registration"] = person.registrations.order_by("pk").first()
    said = dict(ANSWERS.get(service, {})) | (answers or {})
    if service == "training-letter":
        said.setdefault("training_from", add_months(today(now), 1).isoformat())
    filing.save_answers(draft, said, version=draft.version, now=now, **chosen)
    draft.refresh_from_db()
    for slot in offered.slots(dossier.load(person, now, draft)):
        if slot.required:
            paper = wallet.take_in(upload(f"{slot.slug}.pdf"), practitioner=person, kind=slot.slug, now=now)
            filing.attach(draft, slot.slug, paper, issued_on=(letter or today(now)) if slot.dated else None, now=now)
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
    """The officers of a test, one of each kind and a second reviewer."""

    def __init__(self) -> None:
        self.reviewer = make_staff("reviewer")
        self.approver = make_staff("approver")
        self.registrar = make_staff("register officer")

    @cached_property
    def second_reviewer(self) -> User:
        return make_staff("reviewer")

    @cached_property
    def second_approver(self) -> User:
        return make_staff("approver")

    @cached_property
    def examiner(self) -> User:
        return make_staff("exam officer")

    @cached_property
    def cpd_officer(self) -> User:
        return make_staff("CPD officer")

    @cached_property
    def verification_officer(self) -> User:
        return make_staff("verification officer")

    def recommend(
        self, case: Application, *, now: datetime = NOON, rank: str = "", specialty: str = "", verdict: str = "approve"
    ) -> Application:
        """Claimed where nobody holds it yet, and recommended: as it was asked for, unless said otherwise."""
        case = Application.objects.get(pk=case.pk)
        if case.state == "submitted":
            advance(case.pk, "claim", by=self.reviewer, now=now)
        facts = {"verdict": verdict}
        if verdict == "reject":
            facts["public_text"] = "The papers do not show what was asked for."
        elif CATALOGUE[case.service].grants_rank:
            facts["rank"] = Rank.objects.get(code=rank) if rank else case.asked_rank
            facts["specialty"] = Specialty.objects.get(code=specialty) if specialty else case.asked_specialty
        return advance(case.pk, "recommend", by=self.reviewer, now=now, **facts)

    def approve(self, case: Application, *, now: datetime = NOON, rank: str = "", specialty: str = "") -> Application:
        case = self.recommend(case, now=now, rank=rank, specialty=specialty)
        if not case.needs_second_officer:
            return Application.objects.get(pk=case.pk)
        return advance(case.pk, "endorse_approval", by=self.approver, now=now)

    def reject(self, case: Application, *, now: datetime = NOON) -> Application:
        self.recommend(case, now=now, verdict="reject")
        return advance(case.pk, "endorse_rejection", by=self.approver, now=now)

    def return_(self, case: Application, *targets: str, now: datetime = NOON, code: str = "illegible") -> Application:
        reason = ReturnReason.objects.get(code=code)
        advance(case.pk, "claim", by=self.reviewer, now=now)
        return advance(
            case.pk, "return", by=self.reviewer, now=now, remarks=[Remark(target, reason) for target in targets]
        )

    def admit(self, case: Application, *, now: datetime = NOON) -> EligibilityNumber:
        """Claimed and admitted to the exam; the eligibility number."""
        if Application.objects.get(pk=case.pk).state == "submitted":
            advance(case.pk, "claim", by=self.reviewer, now=now)
        advance(case.pk, "admit_to_exam", by=self.reviewer, now=now)
        return exams.number_of(case)

    def result(
        self, number: EligibilityNumber, outcome: str, *, now: datetime = NOON, sat_on: date | None = None
    ) -> ExamResult:
        return exams.record(number.number, outcome=outcome, sat_on=sat_on or today(now), by=self.examiner, now=now)

    def issue(self, case: Application, *, now: datetime = NOON) -> Application:
        case = Application.objects.get(pk=case.pk)
        return advance(case.pk, "issue", by=self.registrar, now=now) if case.state == "being_issued" else case


def submitted(person: Practitioner, service: str = "classification", *, now: datetime = NOON, **draft) -> Application:
    """A case whose administrative fee is paid."""
    return pay(declare(make_draft(person, service, now=now, **draft), now=now), "admin", now=now)


def completed(
    office: Office, person: Practitioner, service: str = "classification", *, now: datetime = NOON, **draft
) -> Application:
    """A case that went all the way to its papers."""
    case = office.approve(submitted(person, service, now=now, **draft), now=now)
    return office.issue(pay(case, "service", now=now), now=now)


def classified(office: Office, *, now: datetime = NOON, **person) -> Practitioner:
    """A practitioner who went all the way to the classification certificate."""
    practitioner = make_practitioner(now=now, **person)
    completed(office, practitioner, now=now)
    return practitioner


def registered(office: Office, *, now: datetime = NOON, **person) -> Practitioner:
    """A practitioner on the register from this day on."""
    practitioner = classified(office, now=now, **person)
    completed(office, practitioner, "registration", now=now)
    return practitioner
