"""Everything the rules ask about one practitioner and one service, each kind of fact in one query when it is first asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TypeVar

from django.db.models import Model, Prefetch, QuerySet, prefetch_related_objects

from accounts.identity import identity_that_counts
from accounts.models import Identity, IdentityKind, Practitioner
from applications.models import Application, Attachment, EligibilityNumber, ExamResult, ReturnItem
from cpd.requirements import Record, record_of
from documents import practice, verification
from documents.models import Experience, Licence, Qualification
from mumaris.kit.clock import age_on, today
from mumaris.kit.policy import Policies
from register.models import Classification, Period, Promotion, Rank, Registration, Sanction, Specialty

T = TypeVar("T", bound=Model)
Facts = list[T] | QuerySet[T]  # a query set keeps what it found, so each is asked at most once


@dataclass
class Dossier:
    """Facts only, as they stand on `day` (Riyadh). `application` is None while somebody only looks at a service."""

    practitioner: Practitioner | None
    day: date
    policies: Policies
    identities: Facts[Identity] = field(default_factory=list)
    qualifications: Facts[Qualification] = field(default_factory=list)
    experience: Facts[Experience] = field(default_factory=list)
    licences: Facts[Licence] = field(default_factory=list)
    classifications: Facts[Classification] = field(default_factory=list)
    periods: Facts[Period] = field(default_factory=list)
    sanctions: Facts[Sanction] = field(default_factory=list)
    promotions: Facts[Promotion] = field(default_factory=list)
    eligibility_numbers: Facts[EligibilityNumber] = field(default_factory=list)
    gap_remarks: Facts[ReturnItem] = field(default_factory=list)
    gap_rejections: Facts[Application] = field(default_factory=list)
    application: Application | None = None
    attachments: dict[str, Attachment] = field(default_factory=dict)

    @property
    def answers(self) -> dict:
        return self.application.answers if self.application else {}

    @property
    def identity(self) -> Identity | None:
        """The identity that counts on the dossier's day."""
        return identity_that_counts(self.identities, self.day)

    @property
    def residence(self) -> Identity | None:
        return next((identity for identity in self.identities if identity.kind == IdentityKind.IQAMA), None)

    @property
    def age(self) -> int | None:
        return age_on(self.practitioner.birth_date, self.day) if self.practitioner else None

    @property
    def qualification(self) -> Qualification | None:
        """The qualification that the application names."""
        chosen = self.application.qualification_id if self.application else None
        return next((qualification for qualification in self.qualifications if qualification.pk == chosen), None)

    @property
    def counted_experience(self) -> list[Experience]:
        """Practice abroad counts only where its certificate shows at least the policy's months (DOC-2)."""
        least = self.policies["experience.certificate_months"]
        return [one for one in self.experience if one.country == "SA" or practice.months([one], self.day) >= least]

    @property
    def practice_abroad(self) -> list[Experience]:
        return [one for one in self.counted_experience if one.country != "SA"]

    @property
    def classification(self) -> Classification | None:
        """The latest classification, usable or not."""
        return next(iter(self.classifications), None)

    @property
    def usable_classification(self) -> Classification | None:
        return next((one for one in self.classifications if one.usable_until >= self.day), None)

    @property
    def period(self) -> Period | None:
        """The latest period of the registration that the application is about, else of the one that ends first."""
        latest: dict[int, Period] = {}
        for one in self.periods:
            held = latest.get(one.registration_id)
            if held is None or one.days.upper > held.days.upper:
                latest[one.registration_id] = one
        if self.application and self.application.registration_id:
            return latest.get(self.application.registration_id)
        return min(latest.values(), key=lambda period: period.days.upper, default=None)

    @property
    def registration(self) -> Registration | None:
        return self.period.registration if self.period else None

    @cached_property
    def cpd(self) -> Record | None:
        """The CPD hours of the registration, its window prolonged to this day (CPD-3)."""
        return record_of(self.registration, on=self.day, declared_on=self.day) if self.registration else None

    def unverified(self, entries: Sequence[verification.Entry]) -> list[verification.Entry]:
        """Those that need verification at the source and have no positive result (DOC-2, DOC-3)."""
        if self.practitioner is None:
            return []
        asked = [one for one in entries if verification.needed(one, self.practitioner.is_saudi)]
        for kind in {type(one) for one in asked}:  # most people have nothing from abroad, and nothing is read for them
            prefetch_related_objects([one for one in asked if isinstance(one, kind)], "verifications")
        return verification.missing(asked, self.practitioner.is_saudi)


Standing = tuple[Specialty, Rank]


def as_classified(dossier: Dossier) -> Standing | None:
    """The specialty and rank of the classification that is usable for registration."""
    held = dossier.usable_classification
    return (held.specialty, held.rank) if held else None


def as_registered(dossier: Dossier) -> Standing | None:
    """The specialty of the registration, and the rank of the latest classification in it."""
    held = dossier.registration
    if held is None:
        return None
    newest = next((one for one in dossier.classifications if one.specialty_id == held.specialty_id), held)
    return held.specialty, newest.rank


def load(practitioner: Practitioner | None, now: datetime, application: Application | None = None) -> Dossier:
    """The dossier of `practitioner` (None: nobody yet, everything is unmet) at the instant `now` (UTC)."""
    day = today(now)
    policies = Policies(day)
    if practitioner is None:
        return Dossier(None, day, policies)
    return Dossier(
        practitioner=practitioner,
        day=day,
        policies=policies,
        identities=practitioner.identities.all(),
        qualifications=practitioner.qualifications.all(),
        experience=practitioner.experience.all(),
        licences=practitioner.licences.all(),
        classifications=practitioner.classifications.select_related("specialty__profession", "rank"),
        periods=Period.objects.filter(registration__practitioner=practitioner).select_related(
            "registration__specialty__profession", "registration__rank"
        ),
        sanctions=practitioner.sanctions.open_on(day),
        promotions=Promotion.objects.all(),
        eligibility_numbers=EligibilityNumber.objects.filter(application__practitioner=practitioner)
        .select_related("application")
        .prefetch_related(Prefetch("results", ExamResult.objects.select_related("correction"))),
        gap_remarks=ReturnItem.objects.filter(application__practitioner=practitioner, reason__code=GAP),
        gap_rejections=practitioner.applications.filter(rejection_reason__code=GAP),
        application=application,
        attachments={
            attachment.slot: attachment
            for attachment in (
                application.attachments.filter(replaced_at=None).select_related("paper") if application else []
            )
        },
    )


# The ready-made reason by which officers say that practice was interrupted too long (SRV-7).
GAP = "practice_gap"
