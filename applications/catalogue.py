"""What is offered, to whom, asking which papers. Declarations only: adding a service touches no other Python file (SRV-0)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications import granting, rules
from applications.dossier import Dossier, Standing, as_classified, as_registered
from applications.rules import Finding, Rule
from register import papers
from register.papers import PaperKind


class Ask(StrEnum):
    """What the applicant chooses from the portal's own lists; each has a column of its own on the application."""

    SPECIALTY_AND_RANK = "specialty_and_rank"
    QUALIFICATION = "qualification"
    REGISTRATION = "registration"

    @property
    def columns(self) -> tuple[str, ...]:
        """Where the application keeps what was chosen."""
        return ("asked_specialty_id", "asked_rank_id") if self == Ask.SPECIALTY_AND_RANK else (f"{self}_id",)


class Kind(StrEnum):
    """How a question is answered."""

    LINE = "line"
    TEXT = "text"
    DATE = "date"
    NUMBER = "number"
    CHOICE = "choice"


@dataclass(frozen=True)
class Question:
    """One question of a service; the answer is kept under `slug`. `most`: characters, or the largest number."""

    slug: str
    label: Any
    kind: Kind = Kind.LINE
    required: bool = True
    most: int = 160
    hint: Any = ""
    choices: tuple[tuple[str, Any], ...] = ()
    autocomplete: str = ""
    only_if: Callable[[Dossier], bool] | None = None

    def asked_of(self, dossier: Dossier) -> bool:
        return self.only_if is None or self.only_if(dossier)


@dataclass(frozen=True)
class Slot:
    """One paper that a service asks for. `dated`: the date on the paper is asked with it. `only_if`: for whom.

    `verified` says in which case what the paper proves is verified at the source first (the star, DOC-2).
    """

    slug: str
    name: Any
    hint: Any
    verified: Any = ""
    dated: bool = False
    required: bool = True
    only_if: Callable[[Dossier], bool] | None = None
    whom: Any = ""

    def asked_of(self, dossier: Dossier) -> bool:
        return self.only_if is None or self.only_if(dossier)


@dataclass(frozen=True)
class Group:
    """Services that stand together in the list, in the order of a career."""

    name: Any
    about: Any


BEFORE_PRACTICE = Group(_("Before practice"), _("Your profession, specialty and rank are settled."))
PRACTICE = Group(_("Practice in the Kingdom"), _("You are entered in the register, and stay there."))
RECORD = Group(_("Your record and certificates"), _("What you show to others."))
GROUPS = (BEFORE_PRACTICE, PRACTICE, RECORD)


@dataclass(frozen=True)
class Surcharge:
    """A further line of the service invoice, priced in the fee schedule under `purpose`; due as judged at the declaration."""

    purpose: str
    text_ar: str
    text_en: str
    due_if: Callable[[Dossier], bool]
    first_price: int


@dataclass(frozen=True)
class Service:
    """One service of the portal.

    Amounts, days and ages are policy and fee schedule, in force on the day; those here are only what the first start enters
    (riyals by fee category, "" = every category, and working days). `holds` names the specialty and rank that a service
    goes by where it does not ask them; a service with neither grants no rank.
    """

    slug: str
    prefix: str
    name: Any
    summary: Any
    gives: Any
    who: tuple[Any, ...]
    eligible_if: tuple[Rule, ...]
    asks: tuple[Ask | Question, ...]
    documents: tuple[Slot, ...]
    grants: Callable
    issues: tuple[PaperKind, ...]
    first_target_days: int
    first_service_fees: Mapping[str, int]
    first_admin_fee: int = 200
    first_valid_months: int = 0
    holds: Callable[[Dossier], Standing | None] | None = None
    confirmed_if: tuple[Rule, ...] = ()
    issued_if: tuple[Rule, ...] = ()
    surcharges: tuple[Surcharge, ...] = ()
    asks_exam: bool = False
    renews: bool = False
    second_officer: bool = True
    last_check: bool = True
    group: Group = RECORD

    @property
    def grants_rank(self) -> bool:
        return Ask.SPECIALTY_AND_RANK in self.asks or self.holds is not None

    @property
    def verifies(self) -> bool:
        return any(rule in rules.VERIFYING for rule in self.eligible_if)

    @property
    def verifies_practice(self) -> bool:
        """Whether verification reaches to licence and experience, and not to the qualification alone."""
        return rules.papers_are_verified in self.eligible_if

    def findings(self, dossier: Dossier) -> Iterator[tuple[Rule, Finding]]:
        """Every rule with what it found, in order."""
        return ((rule, rule.ask(dossier)) for rule in self.eligible_if)

    def obstacles(self, dossier: Dossier) -> list[tuple[Rule, Finding]]:
        """Every rule that stands in the way of a declaration, all at once."""
        return [(rule, found) for rule, found in self.findings(dossier) if found.stands_in_the_way]

    def slots(self, dossier: Dossier) -> list[Slot]:
        """The papers asked of this practitioner."""
        return [slot for slot in self.documents if slot.asked_of(dossier)]

    def questions(self, dossier: Dossier) -> list[Ask | Question]:
        return [ask for ask in self.asks if isinstance(ask, Ask) or ask.asked_of(dossier)]

    def is_answered(self, dossier: Dossier) -> bool:
        """Whether every question that must be answered is, in the draft that the dossier holds."""
        draft = dossier.application
        return all(
            all(getattr(draft, column) for column in ask.columns)
            if isinstance(ask, Ask)
            else not ask.required or dossier.answers.get(ask.slug) not in (None, "")
            for ask in self.questions(dossier)
        )


@dataclass(frozen=True)
class Ending:
    """Where the guide leads: the service, the sentence that says why, and what it takes besides its documents."""

    service: Service
    why: Any
    at_hand: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One answer of the guide; `slug` is its part of the address, `hint` the line under it."""

    slug: str
    words: Any
    leads_to: "Choice | Ending"
    hint: Any = ""


@dataclass(frozen=True)
class Choice:
    """One question of the guide with its answers (SRV-13)."""

    question: Any
    answers: tuple[Answer, ...]
    hint: Any = ""


BY_RANK = {"technician": 400, "specialist": 900, "registrar": 1300, "consultant": 1300, "consultant-physician": 1600}
ON_THE_REGISTER = {
    "technician": 300,
    "specialist": 550,
    "registrar": 700,
    "consultant": 900,
    "consultant-physician": 900,
}

GAP_EXPLANATION = Question(
    "gap_explanation",
    _("If you did not practise for two years or more: why, and how you kept your skills"),
    Kind.TEXT,
    required=False,
    most=1000,
)
EMPLOYER = (
    Question("employer", _("Facility"), autocomplete="organization"),
    Question("job", _("Job title"), most=120, autocomplete="organization-title"),
    Question("city", _("City"), most=80),
)
QUALIFICATION_PAPER = Slot(
    "qualification",
    _("Qualification certificate"),
    _("The certificate of the qualification you name, all pages."),
    verified=_("Verified at the source if it was earned abroad; not where a Saudi holds an equivalency."),
)
TRANSCRIPT = Slot("transcript", _("Academic transcript"), _("All years, with the university's stamp."))
INTERNSHIP = Slot(
    "internship", _("Internship certificate"), _("Proof of the completed internship or practical training.")
)
EQUIVALENCY = Slot(
    "equivalency",
    _("Equivalency of the Ministry of Education"),
    _("The decision whose number you entered with the qualification."),
    only_if=rules.has_equivalency,
    whom=_("Only for Saudis whose foreign degree has an equivalency."),
)
PRACTICE_PAPERS = (
    Slot(
        "licence",
        _("Licence of the country of practice"),
        _("Of the council there; where there is no council, a letter of its health ministry."),
        verified=_("Verified at the source."),
        only_if=rules.practised_abroad,
        whom=_("Only if you practised abroad."),
    ),
    Slot(
        "experience_certificate",
        _("Experience certificate from abroad"),
        _("It must show at least one year."),
        verified=_("Verified at the source."),
        only_if=rules.practised_abroad,
        whom=_("Only if you practised abroad."),
    ),
    Slot(
        "experience",
        _("Experience letter"),
        _("From human resources, with your job and its dates."),
        only_if=rules.practised_here,
        whom=_("Only if you have practised in the Kingdom."),
    ),
)
PHOTO = Slot("photo", _("Photo"), _("A recent portrait on a light background."))
EMPLOYER_LETTER = Slot(
    "employer_letter",
    _("Employer letter"),
    _("From human resources, stating your specialty and start date, at most 3 months old."),
    dated=True,
)
MEDICAL_REPORT = Slot(
    "medical_report",
    _("Medical report"),
    _("From a facility that you do not work in."),
    only_if=rules.is_older_than_report_age,
    whom=_("Only if you are older than 65."),
)

CLASSIFICATION = Service(
    slug="classification",
    prefix="CL",
    name=_("Professional classification"),
    summary=_("Decides your profession, specialty and rank. It is the first step, and registration rests on it."),
    gives=_("A classification certificate, usable for registration for a year"),
    who=(
        _("Practitioners inside and outside the Kingdom; what was earned or practised abroad is verified first."),
        _("Non-Saudis with the required months of practice."),
        _("Those who practised without a long gap, or can explain it."),
    ),
    eligible_if=(
        rules.identity_is_complete,
        rules.is_not_classified,
        rules.qualification_fits,
        rules.papers_are_verified,
        rules.has_experience_if_not_saudi,
        rules.gap_in_practice_is_explained,
        rules.exam_may_be_sat_again,
    ),
    asks=(Ask.SPECIALTY_AND_RANK, Ask.QUALIFICATION, GAP_EXPLANATION),
    documents=(QUALIFICATION_PAPER, EQUIVALENCY, TRANSCRIPT, INTERNSHIP, *PRACTICE_PAPERS, PHOTO),
    asks_exam=True,
    grants=granting.classify,
    issues=(papers.CLASSIFICATION_CERTIFICATE,),
    first_target_days=10,
    first_service_fees=BY_RANK,
    group=BEFORE_PRACTICE,
)

RECLASSIFICATION = Service(
    slug="re-classification",
    prefix="RL",
    name=_("Professional re-classification"),
    summary=_("Changes your rank or specialty, or revives a classification that was never used and is too old now."),
    gives=_("A new classification certificate"),
    who=(
        _("Holders of a classification who earned a further qualification."),
        _("Holders of a classification who completed the practice that a higher rank asks."),
        _("Those whose classification can no longer be used for registration and never was."),
    ),
    eligible_if=(
        rules.identity_is_complete,
        rules.is_classified,
        rules.route_is_open,
        rules.papers_are_verified,
        rules.gap_in_practice_is_explained,
        rules.exam_may_be_sat_again,
    ),
    asks=(
        Question(
            "route",
            _("Why you ask to be classified again"),
            Kind.CHOICE,
            choices=(
                (rules.NEW_QUALIFICATION, _("I earned a new qualification")),
                (rules.EXPERIENCE, _("I completed the practice that a higher rank asks")),
                (rules.UNUSED, _("My classification is too old and was never used")),
            ),
        ),
        Ask.SPECIALTY_AND_RANK,
        Ask.QUALIFICATION,
        GAP_EXPLANATION,
    ),
    documents=(
        QUALIFICATION_PAPER,
        EQUIVALENCY,
        Slot(
            "transcript",
            TRANSCRIPT.name,
            TRANSCRIPT.hint,
            only_if=rules.goes_by(rules.NEW_QUALIFICATION),
            whom=_("Only for a new qualification."),
        ),
        Slot(
            "internship",
            INTERNSHIP.name,
            INTERNSHIP.hint,
            only_if=rules.goes_by(rules.NEW_QUALIFICATION),
            whom=_("Only for a new qualification."),
        ),
        *PRACTICE_PAPERS,
        Slot(
            "practice_licence",
            _("Practice licence"),
            _("Of the health directorate, covering the time that you count."),
            only_if=rules.goes_by(rules.EXPERIENCE),
            whom=_("Only for completed practice."),
        ),
        Slot(
            "social_insurance",
            _("Social insurance statement"),
            _("Of the General Organization for Social Insurance, with every employer."),
            only_if=rules.both(rules.goes_by(rules.EXPERIENCE), rules.is_saudi),
            whom=_("Only for completed practice of Saudis."),
        ),
        PHOTO,
    ),
    asks_exam=True,
    grants=granting.classify,
    issues=(papers.CLASSIFICATION_CERTIFICATE,),
    first_target_days=10,
    first_service_fees=BY_RANK,
    group=PRACTICE,
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
        rules.qualification_is_recognised,
        rules.is_saudi_or_resident,
        rules.is_not_registered,
        rules.employer_letter_is_recent,
    ),
    asks=EMPLOYER,
    documents=(EMPLOYER_LETTER, MEDICAL_REPORT),
    holds=as_classified,
    grants=granting.register,
    issues=(papers.REGISTRATION_CARD, papers.REGISTRATION_CERTIFICATE),
    first_target_days=10,
    first_service_fees=ON_THE_REGISTER,
    group=PRACTICE,
)

RENEWAL = Service(
    slug="renewal",
    prefix="RR",
    name=_("Professional re-registration"),
    summary=_("Renews your registration and its card for another period."),
    gives=_("A renewed registration, its card and certificate"),
    who=(
        _("Holders of a registration that ends within three months, or has ended."),
        _("With the hours of professional development that the rank asks, or evidence of them."),
        _("Against whom no sanction stands."),
    ),
    eligible_if=(
        rules.identity_is_complete,
        rules.is_registered,
        rules.registration_ends_soon,
        rules.has_cpd_hours,
        rules.has_no_sanction,
        rules.is_saudi_or_resident,
        rules.employer_letter_is_recent,
    ),
    asks=(
        Ask.REGISTRATION,
        *EMPLOYER,
        Question(
            "evidenced_hours",
            _("Hours of professional development that you bring evidence of"),
            Kind.NUMBER,
            required=False,
            most=500,
            hint=_("Only those that are not counted yet."),
            only_if=rules.lacks_cpd_hours,
        ),
    ),
    documents=(
        EMPLOYER_LETTER,
        MEDICAL_REPORT,
        Slot(
            "cpd_evidence",
            _("Evidence of professional development"),
            _("Attendance certificates in your name, in one file."),
            only_if=rules.lacks_cpd_hours,
            whom=_("Only if counted hours are missing."),
        ),
    ),
    holds=as_registered,
    confirmed_if=(rules.cpd_hours_are_recorded,),
    issued_if=(rules.has_no_sanction,),
    surcharges=(Surcharge("late", "رسم التأخر في إعادة التسجيل", "Late renewal fee", rules.is_renewed_late, 150),),
    renews=True,
    grants=granting.renew,
    issues=(papers.REGISTRATION_CARD, papers.REGISTRATION_CERTIFICATE),
    first_target_days=10,
    first_service_fees=ON_THE_REGISTER,
    group=PRACTICE,
)

QUALIFICATION_STUDY = Service(
    slug="qualification-study",
    prefix="QS",
    name=_("Study of a new qualification"),
    summary=_("Has a qualification assessed that is not recognised yet."),
    gives=_("A decision on your qualification"),
    who=(
        _("Any practitioner with an active account."),
        _("With a qualification that is not recognised yet; one from abroad is verified first."),
    ),
    eligible_if=(
        rules.identity_is_complete,
        rules.qualification_is_not_recognised,
        rules.qualification_is_verified,
    ),
    asks=(Ask.QUALIFICATION,),
    documents=(
        QUALIFICATION_PAPER,
        EQUIVALENCY,
        TRANSCRIPT,
        Slot(
            "programme",
            _("Programme specification"),
            _("From the awarding body: subjects, hours and practical training."),
        ),
        INTERNSHIP,
        Slot(
            "research_abstract",
            _("Research abstract"),
            _("Of your thesis."),
            required=False,
            whom=_("Only if the programme had a thesis."),
        ),
    ),
    grants=granting.study,
    issues=(papers.STUDY_DECISION,),
    first_target_days=70,
    first_service_fees={"": 400},
    group=BEFORE_PRACTICE,
)

GOOD_STANDING = Service(
    slug="good-standing",
    prefix="GD",
    name=_("Certificate of good standing"),
    summary=_("States that you are or were registered and that nothing stands against you."),
    gives=_("A certificate that the receiving authority can verify online"),
    who=(
        _("Whoever is or was registered."),
        _("Against whom no sanction stands."),
    ),
    eligible_if=(
        rules.identity_is_complete,
        rules.is_registered,
        rules.qualification_is_recognised,
        rules.classification_is_verified,
        rules.has_no_sanction,
    ),
    asks=(
        Ask.REGISTRATION,
        Question(
            "authority",
            _("Receiving authority"),
            required=False,
            hint=_("As it shall stand on the certificate. Leave empty to address whom it may concern."),
        ),
    ),
    documents=(),
    issued_if=(rules.has_no_sanction,),
    grants=granting.certify_good_standing,
    issues=(papers.GOOD_STANDING,),
    first_target_days=5,
    first_valid_months=6,
    first_service_fees={"": 300},
)

TRAINING_LETTER = Service(
    slug="training-letter",
    prefix="TN",
    name=_("Training letter"),
    summary=_("Asks a facility to train you for a stated period."),
    gives=_("A letter to the facility"),
    who=(
        _("Those whose application came back for a gap in practice."),
        _("Those who are classified or registered and name a facility and a period."),
    ),
    eligible_if=(rules.identity_is_complete, rules.has_reason_to_train, rules.training_lies_ahead),
    asks=(
        Question("facility", _("Facility that shall train you"), autocomplete="organization"),
        Question("city", _("City"), most=80),
        Question("training_from", _("First day of the training"), Kind.DATE),
        Question(
            "months",
            _("Months of training"),
            Kind.NUMBER,
            most=24,
            hint=_("After a gap of 2 to 4 years 3 months, of 4 to 6 years 6 months, of more than that 12 months."),
        ),
    ),
    documents=(
        Slot(
            "acceptance",
            _("Acceptance of the facility"),
            _("If it has agreed already."),
            required=False,
            whom=_("Only if you have one."),
        ),
    ),
    grants=granting.write_training_letter,
    issues=(papers.TRAINING_LETTER,),
    second_officer=False,
    last_check=False,
    first_target_days=5,
    first_admin_fee=100,
    first_service_fees={"": 100},
    group=BEFORE_PRACTICE,
)

CATALOGUE = {
    service.slug: service
    for service in (
        CLASSIFICATION,
        RECLASSIFICATION,
        REGISTRATION,
        RENEWAL,
        QUALIFICATION_STUDY,
        GOOD_STANDING,
        TRAINING_LETTER,
    )
}

GUIDE = Choice(
    _("What describes you today?"),
    (
        Answer(
            "not-classified",
            _("I hold a qualification and am not classified yet"),
            Choice(
                _("What do you know about your qualification?"),
                (
                    Answer(
                        "usual",
                        _("Its programme is a usual one, or I do not know"),
                        Ending(
                            CLASSIFICATION,
                            _("Classification is the first step: it settles your profession, specialty and rank."),
                        ),
                        _("Most degrees, diplomas and boards of health professions."),
                    ),
                    Answer(
                        "not-recognised",
                        _("I was told that it is not recognised yet"),
                        Ending(
                            QUALIFICATION_STUDY,
                            _("A qualification that is not known here is assessed first; classification follows it."),
                        ),
                        _("A new programme, or an awarding body that is not known here."),
                    ),
                    Answer(
                        "gap",
                        _("My application came back for a gap in practice"),
                        Ending(
                            TRAINING_LETTER,
                            _("After a long gap you train first; the letter asks a facility to take you."),
                            (_("The name of the facility, the first day and the months of the training"),),
                        ),
                        _("You were asked to train before you apply again."),
                    ),
                ),
            ),
            _("Inside or outside the Kingdom"),
        ),
        Answer(
            "classified",
            _("I am classified and want to begin work"),
            Choice(
                _("Can your classification still be used for registration?"),
                (
                    Answer(
                        "usable",
                        _("Yes, its last day lies ahead"),
                        Ending(
                            REGISTRATION,
                            _("Registration enters you in the register, so that you may practise in the Kingdom."),
                        ),
                    ),
                    Answer(
                        "too-old",
                        _("No, its last day has passed and it was never used"),
                        Ending(
                            RECLASSIFICATION,
                            _("A classification that was never used and is too old is renewed by re-classification."),
                        ),
                    ),
                ),
                _("The day until which it can be used stands on the certificate."),
            ),
            _("I hold a classification certificate"),
        ),
        Answer(
            "renew",
            _("My registration ends soon or has ended"),
            Ending(
                RENEWAL,
                _("Re-registration renews your registration and its card for another period."),
                (_("Your hours of professional development, or evidence of those that are missing"),),
            ),
            _("The card must be renewed"),
        ),
        Answer(
            "progress",
            _("I have a new qualification or more experience"),
            Choice(
                _("What is new?"),
                (
                    Answer(
                        "qualification",
                        _("A further qualification"),
                        Ending(
                            RECLASSIFICATION,
                            _("Re-classification gives you the rank or specialty of the new qualification."),
                        ),
                        _("Its programme is a usual one, or I do not know"),
                    ),
                    Answer(
                        "not-recognised",
                        _("A qualification that is not recognised yet"),
                        Ending(
                            QUALIFICATION_STUDY,
                            _("It is assessed first; re-classification follows once it is recognised."),
                        ),
                        _("A new programme, or an awarding body that is not known here."),
                    ),
                    Answer(
                        "experience",
                        _("I completed the practice that a higher rank asks"),
                        Ending(
                            RECLASSIFICATION, _("Re-classification gives you the rank that your practice leads to.")
                        ),
                    ),
                ),
            ),
            _("My rank or specialty shall change"),
        ),
        Answer(
            "paper",
            _("I need a paper for somebody else"),
            Choice(
                _("What shall it say?"),
                (
                    Answer(
                        "good-standing",
                        _("That nothing stands against me"),
                        Ending(
                            GOOD_STANDING,
                            _(
                                "The certificate states that you are or were registered and that nothing stands against you."
                            ),
                            (_("The name of the authority that receives it, if there is one"),),
                        ),
                        _("For an authority or employer in another country"),
                    ),
                    Answer(
                        "training",
                        _("That a facility shall train me"),
                        Ending(
                            TRAINING_LETTER,
                            _("The letter asks the facility that you name to train you for the period that you state."),
                            (_("The name of the facility, the first day and the months of the training"),),
                        ),
                    ),
                ),
            ),
            _("An authority, an employer or a facility asks for it"),
        ),
    ),
)
