"""Everything the rules ask about one practitioner and one service, each kind of fact in one query when it is first asked."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from django.db.models import Model, QuerySet

from accounts.models import Identity, IdentityKind, Practitioner
from applications.models import Application, Attachment
from documents.models import Experience, Qualification
from mumaris.kit.clock import age_on, today
from mumaris.kit.policy import Policies
from register.models import Classification, Period

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
    classifications: Facts[Classification] = field(default_factory=list)
    periods: Facts[Period] = field(default_factory=list)
    open_services: list[str] | QuerySet[Application, str] = field(default_factory=list)
    application: Application | None = None
    attachments: dict[str, Attachment] = field(default_factory=dict)

    @property
    def answers(self) -> dict:
        return self.application.answers if self.application else {}

    @property
    def identity(self) -> Identity | None:
        """The identity that counts: national ID, else iqama, else whatever there is."""
        order = [IdentityKind.NATIONAL_ID, IdentityKind.IQAMA, IdentityKind.GCC_ID, IdentityKind.PASSPORT]
        return min(self.identities, key=lambda identity: order.index(IdentityKind(identity.kind)), default=None)

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
    def usable_classification(self) -> Classification | None:
        return next((one for one in self.classifications if one.usable_until >= self.day), None)

    @property
    def registered(self) -> Period | None:
        """The period of registration that runs today, or the latest one."""
        return max(self.periods, key=lambda period: period.days.upper, default=None)


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
        classifications=practitioner.classifications.select_related("specialty__profession", "rank"),
        periods=Period.objects.filter(registration__practitioner=practitioner).select_related("registration"),
        open_services=practitioner.applications.open().values_list("service", flat=True),
        application=application,
        attachments={
            attachment.slot: attachment
            for attachment in (
                application.attachments.filter(replaced_at=None).select_related("paper") if application else []
            )
        },
    )
