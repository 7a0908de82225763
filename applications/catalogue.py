"""What is offered, to whom, asking which papers. Declarations only: adding a service touches no other Python file (SRV-0)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications import granting, rules
from applications.dossier import Dossier
from applications.rules import Finding, Rule, Verdict
from register.models import PaperKind


class Ask(StrEnum):
    """Questions a service can put; applications/forms.py knows their fields."""

    SPECIALTY_AND_RANK = "specialty_and_rank"
    QUALIFICATION = "qualification"
    GAP_EXPLANATION = "gap_explanation"
    EMPLOYER = "employer"


@dataclass(frozen=True)
class Slot:
    """One paper that a service asks for. `dated`: the date on the paper is asked with it. `only_if`: for whom."""

    slug: str
    name: Any
    hint: Any
    dated: bool = False
    only_if: Callable[[Dossier], bool] | None = None
    whom: Any = ""

    def asked_of(self, dossier: Dossier) -> bool:
        return self.only_if is None or self.only_if(dossier)


@dataclass(frozen=True)
class Service:
    """One service of the portal. Amounts, days and ages are policy and fee schedule, in force on the day."""

    slug: str
    prefix: str
    name: Any
    summary: Any
    gives: Any
    who: tuple[Any, ...]
    eligible_if: tuple[Rule, ...]
    asks: tuple[Ask, ...]
    documents: tuple[Slot, ...]
    grants: Callable
    issues: tuple[PaperKind, ...]
    last_check: bool = True

    def findings(self, dossier: Dossier) -> Iterator[tuple[Rule, Finding]]:
        """Every rule with what it found, in order."""
        return ((rule, rule.ask(dossier)) for rule in self.eligible_if)

    def obstacles(self, dossier: Dossier) -> list[tuple[Rule, Finding]]:
        """Every rule that stands in the way of a declaration, all at once."""
        return [
            (rule, found)
            for rule, found in self.findings(dossier)
            if found.verdict in (Verdict.UNMET, Verdict.EVIDENCE)
        ]

    def slots(self, dossier: Dossier) -> list[Slot]:
        """The papers asked of this practitioner."""
        return [slot for slot in self.documents if slot.asked_of(dossier)]


CLASSIFICATION = Service(
    slug="classification",
    prefix="CL",
    name=_("Professional classification"),
    summary=_("Decides your profession, specialty and rank. It is the first step, and registration rests on it."),
    gives=_("A classification certificate, usable for registration for a year"),
    who=(
        _("Practitioners whose qualification was earned in the Kingdom and whose rank asks no exam."),
        _("Non-Saudis with the required months of practice."),
        _("Those who practised without a long gap, or can explain it."),
    ),
    eligible_if=(
        rules.identity_is_complete,
        rules.is_not_classified,
        rules.qualification_fits,
        rules.nothing_needs_verification,
        rules.has_experience_if_not_saudi,
        rules.gap_in_practice_is_explained,
        rules.rank_asks_no_exam,
    ),
    asks=(Ask.SPECIALTY_AND_RANK, Ask.QUALIFICATION, Ask.GAP_EXPLANATION),
    documents=(
        Slot(
            "qualification",
            _("Qualification certificate"),
            _("The certificate of the qualification you name, all pages."),
        ),
        Slot("transcript", _("Academic transcript"), _("All years, with the university's stamp.")),
        Slot("internship", _("Internship certificate"), _("Proof of the completed internship or practical training.")),
        Slot(
            "experience",
            _("Experience letter"),
            _("From human resources, with your job and its dates."),
            only_if=rules.has_practised,
            whom=_("Only if you have practised."),
        ),
        Slot("photo", _("Photo"), _("A recent portrait on a light background.")),
    ),
    grants=granting.classify,
    issues=(PaperKind.CLASSIFICATION_CERTIFICATE,),
)

REGISTRATION = Service(
    slug="registration",
    prefix="PR",
    name=_("Professional registration"),
    summary=_("Puts you on the register of health practitioners so that you may work in the Kingdom."),
    gives=_("A registration number, a card and a certificate, valid for two years"),
    who=(
        _("Holders of a classification certificate that is still usable."),
        _("Saudis, and residents with a valid residence card."),
        _("Those who work, or have an offer to work, in a health facility in the Kingdom."),
    ),
    eligible_if=(
        rules.identity_is_complete,
        rules.has_usable_classification,
        rules.is_saudi_or_resident,
        rules.is_not_registered,
        rules.employer_letter_is_recent,
    ),
    asks=(Ask.EMPLOYER,),
    documents=(
        Slot(
            "employer_letter",
            _("Employer letter"),
            _("From human resources, stating your specialty and start date, at most 3 months old."),
            dated=True,
        ),
        Slot(
            "medical_report",
            _("Medical report"),
            _("From a facility that you do not work in."),
            only_if=rules.is_older_than_report_age,
            whom=_("Only if you are older than 65."),
        ),
    ),
    grants=granting.register,
    issues=(PaperKind.REGISTRATION_CARD, PaperKind.REGISTRATION_CERTIFICATE),
)

CATALOGUE = {service.slug: service for service in (CLASSIFICATION, REGISTRATION)}
