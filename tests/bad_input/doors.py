"""Every form through which somebody sends the portal something, each with what a right person rightly sends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.test import Client

from accounts.models import User
from applications.progress import advance
from mumaris.kit import clock
from register.models import Rank, Specialty
from tests.people import (
    PASSWORD,
    Office,
    classified,
    declare,
    identity_number,
    invoice_of,
    make_draft,
    make_practitioner,
    make_staff,
    make_user,
    pay,
    submitted,
    upload,
)
from tests.refunds.tickets import ACCOUNT, filed, move


@dataclass(frozen=True)
class Door:
    """A form: who stands before it, where it leads, what must be sent, what may be sent besides, and its files.

    `texts` are the fields whose words are shown again, `ticks` those that are ticked or not; `refusal` is the status of
    a refusal: the form again, or the page before it with a message.
    """

    path: str
    needed: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    ticks: tuple[str, ...] = ()
    user: User | None = None
    refusal: int = 200

    @property
    def right(self) -> dict[str, str]:
        return self.needed | self.optional

    def client(self) -> Client:
        client = Client()
        client.cookies["django_language"] = "en"
        if self.user:
            client.force_login(self.user)
        return client


def _day(name: str, day: date) -> dict[str, str]:
    parts = {"calendar": "gregorian", "day": day.day, "month": day.month, "year": day.year}
    return {f"{name}_{part}": str(text) for part, text in parts.items()}


def sign_up() -> Door:
    password, email = "palm trees of Hasa 7", "samar@example.com"
    asked = {"name": "Samar", "email": email, "email2": email, "password1": password, "password2": password}
    return Door("/sign/signup/", asked, texts=("name", "email", "email2"))


def sign_in() -> Door:
    user = make_user(email="samar@example.com")
    return Door("/sign/login/", {"login": user.email, "password": PASSWORD}, texts=("login",))


def reset() -> Door:
    return Door("/sign/password/reset/", {"email": make_user().email}, texts=("email",))


NAMES = ("first_ar", "family_ar", "first_en", "family_en")
PERSON = {"gender": "f", "nationality": "SA", "mobile": "0501234567", **_day("birth_date", date(1995, 5, 3))}
PERSON |= dict(zip(NAMES, ("سمر", "إدريس", "Samar", "Idris"), strict=True))
MORE_NAMES = {"father_ar": "علي", "grandfather_ar": "حسن", "father_en": "Ali", "grandfather_en": "Hasan"}


def personal_data() -> Door:
    identity = {"identity_kind": "national_id", "identity_number": identity_number("1")}
    asked = PERSON | identity | _day("identity_expires_on", date(2031, 1, 1)) | {"version": "0"}
    optional = MORE_NAMES | {"address": "King Fahd Road"}
    texts = (*NAMES, *MORE_NAMES, "mobile", "address", "identity_number")
    return Door("/account/personal/", asked, optional, texts=texts, user=make_user())


def personal_data_again() -> Door:
    asked = PERSON | _day("identity_expires_on", date(2036, 1, 1)) | {"version": "0"}
    texts = (*NAMES, *MORE_NAMES, "mobile")
    return Door("/account/personal/", asked, MORE_NAMES, texts=texts, user=make_practitioner().user)


def identity() -> Door:
    asked = {"identity_kind": "passport", "identity_number": "Z1234567", "identity_country": "IN"}
    asked |= _day("identity_expires_on", date(2036, 1, 1))
    return Door("/account/identity/add/", asked, texts=("identity_number",), user=make_practitioner().user)


TITLE = {"degree": "diploma", "field": "NUR", "title": "Nursing", "institution": "Health Institute", "country": "SA"}


def qualification() -> Door:
    asked = TITLE | _day("awarded_on", date(2020, 6, 1))
    return Door("/account/qualifications/add/", asked, texts=("title", "institution"), user=make_practitioner().user)


def qualification_again() -> Door:
    person = make_practitioner()
    held = person.qualifications.create(**TITLE, awarded_on=date(2020, 6, 1))
    asked = TITLE | {"title": "Midwifery"} | _day("awarded_on", date(2021, 6, 1))
    return Door(f"/account/qualifications/{held.pk}/", asked, texts=("title", "institution"), user=person.user)


def experience() -> Door:
    asked = {"job": "Nurse", "employer": "Rabia", "country": "SA"} | _day("started_on", date(2020, 6, 1))
    optional = _day("ended_on", date(2022, 6, 1))
    return Door("/account/experience/add/", asked, optional, texts=("job", "employer"), user=make_practitioner().user)


def qualification_from_abroad() -> Door:
    """A name that differs, so that both its fields are read."""
    asked = TITLE | {"country": "EG", "name_on_paper": "Noura Idris", "name_note": "A clerk's mistake"}
    asked |= _day("awarded_on", date(2020, 6, 1))
    texts = ("title", "institution", "name_on_paper", "name_note")
    return Door(
        "/account/qualifications/add/", asked, {"equivalency": "MOE-1"}, texts=texts, user=make_practitioner().user
    )


LICENCE = {
    "kind": "council",
    "country": "EG",
    "authority": "Nursing Council",
    "number": "N-77",
    "name_on_paper": "Samar Idris",
}


def licence() -> Door:
    asked = LICENCE | _day("issued_on", date(2017, 2, 1))
    optional, texts = _day("expires_on", date(2031, 1, 31)), ("authority", "number", "name_on_paper")
    return Door("/account/licences/add/", asked, optional, texts=texts, user=make_practitioner().user)


def licence_again() -> Door:
    person = make_practitioner()
    held = person.licences.create(**LICENCE, issued_on=date(2017, 2, 1))
    asked = LICENCE | {"number": "N-78"} | _day("issued_on", date(2017, 2, 2))
    return Door(
        f"/account/licences/{held.pk}/", asked, texts=("authority", "number", "name_on_paper"), user=person.user
    )


def case_number() -> Door:
    """The verification company is not there, so the number is kept."""
    person = make_practitioner()
    held = person.licences.create(**LICENCE, issued_on=date(2017, 2, 1))
    field = f"licence-{held.pk}-case_number"
    path = f"/account/documents/licence/{held.pk}/case/"
    return Door(path, {field: "DF-2026-104233"}, texts=(field,), user=person.user)


def appeal() -> Door:
    person, today = make_practitioner(), clock.today(clock.now())
    held = person.licences.create(**LICENCE, issued_on=date(2017, 2, 1))
    report = {"result": "unable", "serial": "S-1", "named": "Samar Idris", "reported_on": today}
    case = held.verifications.create(practitioner=person, case_number="DF-2026-1", entered_at=clock.now(), **report)
    asked, tick = {f"{case}-text": "The council confirms it.", f"{case}-once": "on"}, (f"{case}-once",)
    return Door(f"/account/cases/{case}/appeal/", asked, texts=(f"{case}-text",), ticks=tick, user=person.user)


def questions() -> Door:
    now = clock.now()
    draft = make_draft(make_practitioner(now=now), now=now)
    specialty, rank = Specialty.objects.get(code="general-nursing"), Rank.objects.get(code="technician")
    asked = {"specialty": specialty.pk, "rank": rank.pk, "qualification": draft.practitioner.qualifications.get().pk}
    asked = {name: str(key) for name, key in asked.items()} | {"version": str(draft.version)}
    path = f"/applications/{draft.reference}/questions/"
    return Door(
        path, asked, {"gap_explanation": "Military service."}, texts=("gap_explanation",), user=draft.practitioner.user
    )


def questions_of_registration() -> Door:
    now = clock.now()
    draft = make_draft(classified(Office(), now=now), "registration", now=now)
    asked = {"employer": "Rabia", "job": "Midwife", "city": "Dammam", "version": str(draft.version)}
    path = f"/applications/{draft.reference}/questions/"
    return Door(path, asked, texts=("employer", "job", "city"), user=draft.practitioner.user)


def slot() -> Door:
    now = clock.now()
    draft = make_draft(make_practitioner(now=now), now=now)
    path = f"/applications/{draft.reference}/documents/transcript/"
    return Door(path, {}, files=("transcript-file",), user=draft.practitioner.user)


def dated_slot() -> Door:
    now = clock.now()
    draft = make_draft(classified(Office(), now=now), "registration", now=now)
    path = f"/applications/{draft.reference}/documents/employer_letter/"
    asked = _day("employer_letter-issued_on", clock.today(now))
    return Door(path, asked, files=("employer_letter-file",), user=draft.practitioner.user)


def declaration() -> Door:
    now = clock.now()
    draft = make_draft(make_practitioner(now=now), now=now)
    asked = {"declared": "on", "version": str(draft.version)}
    return Door(f"/applications/{draft.reference}/check/", asked, ticks=("declared",), user=draft.practitioner.user)


def _returned(target: str) -> Any:
    now = clock.now()
    paid = pay(declare(make_draft(make_practitioner(now=now), now=now), now=now), "admin", now=now)
    return Office().return_(paid, target, now=now)


def answer_in_words() -> Door:
    case = _returned("transcript")
    asked = {"transcript-kind": "cannot", "transcript-text": "The institute is closed."}
    path = f"/applications/{case.reference}/remarks/transcript/"
    return Door(path, asked, texts=("transcript-text",), user=case.practitioner.user)


def appeal_against_rejection() -> Door:
    now = clock.now()
    case = Office().reject(submitted(make_practitioner(now=now), now=now), now=now)
    asked = {"text": "Page 3 was overlooked.", "declared": "on"}
    path = f"/applications/{case.reference}/appeal/"
    return Door(path, asked, texts=("text",), ticks=("declared",), user=case.practitioner.user)


def objection() -> Door:
    now = clock.now()
    case = Office().approve(submitted(make_practitioner(now=now), now=now), rank="assistant", now=now)
    path = f"/applications/{case.reference}/object/"
    return Door(
        path,
        {"text": "My diploma is of three years.", "seen": str(case.moves)},
        texts=("text",),
        user=case.practitioner.user,
    )


def withdrawal() -> Door:
    now = clock.now()
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    asked = {"understood": "on", "seen": str(case.moves)}
    path = f"/applications/{case.reference}/withdraw/"
    return Door(path, asked, ticks=("understood",), user=case.practitioner.user)


def answer_by_file() -> Door:
    case = _returned("transcript")
    path = f"/applications/{case.reference}/remarks/transcript/"
    return Door(path, {"transcript-kind": "file"}, files=("transcript-file",), user=case.practitioner.user)


def exemption() -> Door:
    asked, more = {"ground": "martyr_relative"}, {"statement": "My brother."}
    path, user = "/account/exemption/", make_practitioner().user
    return Door(path, asked, more, files=("file",), texts=("statement",), user=user)


def refund() -> Door:
    now = clock.now()
    case = submitted(make_practitioner(now=now), now=now)
    asked = {"ground": "wrong_path", "text": "The desk sent me here."}
    path = f"/invoices/{invoice_of(case, 'admin').number}/refund/"
    return Door(path, asked, texts=("text",), user=case.practitioner.user)


def account() -> Door:
    """Where money that came by SADAD goes back to."""
    now = clock.now()
    case = Office().approve(submitted(make_practitioner(now=now), now=now), now=now)
    advance(pay(case, "service", now=now).pk, "withdraw", by=case.practitioner.user, now=now)
    ticket = move(filed(case, now=now), "approve", make_staff("finance officer"), now=now)
    asked = {"iban": ACCOUNT, "holder": "Samar Idris"}
    return Door(f"/refunds/{ticket.number}/account/", asked, texts=("iban", "holder"), user=case.practitioner.user)


def payment() -> Door:
    now = clock.now()
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    path = f"/invoices/{invoice_of(case, 'admin').number}/pay/"
    return Door(path, {"method": "card"}, user=case.practitioner.user, refusal=302)


def language() -> Door:
    return Door("/language/", {"language": "ar"}, user=make_user(), refusal=302)


def demo_clock() -> Door:
    return Door("/demo/clock/", {"days": "1"}, refusal=302)


DOORS: dict[str, Callable[[], Door]] = {
    door.__name__: door
    for door in (
        sign_up,
        sign_in,
        reset,
        personal_data,
        personal_data_again,
        identity,
        qualification,
        qualification_again,
        experience,
        qualification_from_abroad,
        licence,
        licence_again,
        case_number,
        appeal,
        questions,
        questions_of_registration,
        slot,
        dated_slot,
        declaration,
        answer_in_words,
        answer_by_file,
        appeal_against_rejection,
        objection,
        withdrawal,
        exemption,
        refund,
        account,
        payment,
        language,
        demo_clock,
    )
}
# Doors at which nothing is typed in words, where any words are right, or where they get the same answer as a name that
# nobody has.
WORDLESS = {
    "appeal",
    "reset",
    "slot",
    "dated_slot",
    "declaration",
    "answer_by_file",
    "appeal_against_rejection",
    "objection",
    "withdrawal",
    "refund",
    "payment",
    "language",
    "demo_clock",
}


def files_of(door: Door) -> dict[str, Any]:
    return {name: upload() for name in door.files}
