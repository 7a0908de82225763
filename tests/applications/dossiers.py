"""Dossiers made in memory: rules are pure questions, so their edges need no database."""

from datetime import date
from itertools import count

from django.db.backends.postgresql.psycopg_any import DateRange
from hypothesis import strategies as st

from accounts.models import Identity, Practitioner
from applications.dossier import Dossier
from applications.first_values import policies
from applications.models import Application
from documents.models import Experience, Licence, Qualification, Verification
from mumaris.kit.policy import FIRST_VALUES
from register.models import Classification, Exam, Period, Profession, Promotion, Rank, Registration, Specialty

DAY = date(2026, 11, 22)
_keys = count(1000)
DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))
POLICIES = {key: first for key, (first, _source) in (FIRST_VALUES | policies()).items()}

NURSING_EXAM = Exam(pk=1, code="snle", name_ar="تمريض", name_en="SNLE")
NURSING = Profession(pk=1, code="NUR", name_ar="تمريض", name_en="Nursing", exam=NURSING_EXAM)
PHARMACY = Profession(pk=2, code="PHA", name_ar="صيدلة", name_en="Pharmacy")
GENERAL = Specialty(pk=1, profession=NURSING, code="general", name_ar="تمريض عام", name_en="General nursing")
MIDWIFERY = Specialty(pk=2, profession=NURSING, code="midwifery", name_ar="قبالة", name_en="Midwifery")
PHARMACIST = Specialty(pk=3, profession=PHARMACY, code="pharmacist", name_ar="صيدلي", name_en="Pharmacist")
TECHNICIAN = Rank(pk=1, code="technician", name_ar="فني", name_en="Technician", degrees=["diploma"], asks_exam=False)
SPECIALIST = Rank(pk=2, code="specialist", name_ar="أخصائي", name_en="Specialist", degrees=["bachelor"])
SENIOR = Rank(pk=3, code="senior", name_ar="أخصائي أول", name_en="Senior", degrees=["master"], asks_exam=False)
PROMOTIONS = [
    Promotion(from_rank=TECHNICIAN, to_rank=SPECIALIST, route="qualification", degree="bachelor"),
    Promotion(from_rank=SPECIALIST, to_rank=SENIOR, route="qualification", degree="master", months=36),
    Promotion(from_rank=SPECIALIST, to_rank=SENIOR, route="experience", months=60),
]


def dossier(
    day=DAY, *, nationality="SA", born=date(1995, 5, 3), kind="national_id", expires_on=date(2031, 1, 1), **facts
):
    """A person of whom everything is known, and the facts that a test adds."""
    person = Practitioner(first_ar="سمر", family_ar="إدريس", birth_date=born, nationality=nationality)
    identity = Identity(practitioner=person, kind=kind, masked="1*******43", expires_on=expires_on)
    return Dossier(person, day, POLICIES, identities=[identity] if kind else [], **facts)


def resident(day=DAY, **facts):
    return dossier(day, nationality="IN", kind="iqama", **facts)


def practised(*times, country="SA"):
    return [
        _with([], Experience(job="Nurse", employer="Rabia", country=country, started_on=begin, ended_on=end))
        for begin, end in times
    ]


def diploma(awarded_on=date(2026, 6, 1), results=(), **facts):
    """A nursing diploma of the Kingdom, with what verifications found, unless said otherwise."""
    said = {"degree": "diploma", "field": "NUR", "title": "Nursing", "country": "SA", "awarded_on": awarded_on}
    return _with(results, Qualification(**said | facts))


def licence(country="EG", results=()):
    return _with(results, Licence(kind="council", country=country, authority="Council", number="N-77"))


def verified(entry, *results):
    """The entry as read together with its verifications, one of each result ("" waits)."""
    return _with(results, entry)


def _with(results, entry):
    entry.pk = entry.pk or next(_keys)
    entry._prefetched_objects_cache = {"verifications": [Verification(result=result) for result in results]}
    return entry


def classification(usable_until, *, decided_on=date(2026, 1, 1), specialty=GENERAL, rank=TECHNICIAN, rests_on=None):
    return Classification(
        number="CC-2026-0000001",
        rank=rank,
        specialty=specialty,
        qualification_id=rests_on,
        decided_on=decided_on,
        usable_until=usable_until,
    )


def period(last_day, *, pk=3, specialty=GENERAL, first_day=None):
    """The period of a registration; both days included."""
    held = Registration(pk=pk, number=f"RN-2026-{pk:07d}", specialty=specialty, rank=TECHNICIAN)
    return Period(registration=held, days=DateRange(first_day or date(last_day.year - 2, 1, 1), _after(last_day)))


def _after(day):
    return date.fromordinal(day.toordinal() + 1)


def asking(specialty=GENERAL, rank=TECHNICIAN, qualification=7, **answers):
    """An application that asks for this, naming the qualification of that key."""
    return Application(
        asked_specialty=specialty, asked_rank=rank, qualification_id=qualification, answers=answers or {}
    )


def verdict(rule, facts):
    return rule.ask(facts).verdict
