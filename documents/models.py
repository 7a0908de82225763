"""The wallet: a practitioner's papers, and the qualifications and practice that they prove."""

import uuid

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Func, IntegerField, Q
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from accounts.models import Practitioner
from mumaris.kit.constraints import is_sha256


class Scan(models.TextChoices):
    UNSCANNED = "unscanned", _("No virus scanner is configured")
    PENDING = "pending", _("Being scanned")
    CLEAN = "clean", _("Clean")
    INFECTED = "infected", _("Infected")


class PaperQuerySet(models.QuerySet["Paper"]):
    def visible_to(self, user) -> "PaperQuerySet":
        return self.filter(practitioner__user=user)


class Paper(models.Model):
    """One checked file of one practitioner; its content never changes (DOC-1)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="papers", verbose_name=_("practitioner")
    )
    kind = models.SlugField(_("kind"), max_length=40)
    name = models.CharField(_("file name"), max_length=120)
    storage_key = models.UUIDField(unique=True, editable=False)
    sha256 = models.BinaryField(max_length=32, editable=False)
    bytes = models.PositiveIntegerField(_("size in bytes"))
    media_type = models.CharField(_("type"), max_length=20)
    pages = models.PositiveSmallIntegerField(_("pages"), default=1)
    scan = models.CharField(_("virus scan"), max_length=10, choices=Scan, default=Scan.PENDING)
    uploaded_at = models.DateTimeField(_("uploaded at"))

    objects = PaperQuerySet.as_manager()

    class Meta:
        verbose_name = _("paper")
        verbose_name_plural = _("papers")
        constraints = [
            models.CheckConstraint(
                condition=Q(media_type__in=["application/pdf", "image/jpeg", "image/png"]), name="paper_type_allowed"
            ),
            models.CheckConstraint(condition=Q(bytes__gte=1, bytes__lte=10 * 1024 * 1024), name="paper_size_allowed"),
            models.CheckConstraint(condition=Q(scan__in=Scan.values), name="paper_scan_known"),
            models.CheckConstraint(condition=Q(is_sha256("sha256")), name="paper_has_hash"),
            models.UniqueConstraint(fields=["id", "practitioner"], name="paper_and_owner"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="paper_content_fixed",
                fields=["practitioner", "kind", "storage_key", "sha256", "bytes", "media_type", "uploaded_at"],
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def readable(self) -> bool:
        """Whether it may be opened: scanned clean, or no scanner is configured (I21)."""
        return self.scan in (Scan.CLEAN, Scan.UNSCANNED)


class Degree(models.TextChoices):
    CERTIFICATE = "certificate", _("Certificate of a short programme")
    DIPLOMA = "diploma", _("Diploma")
    BACHELOR = "bachelor", _("Bachelor")
    MASTER = "master", _("Master")
    BOARD = "board", _("Board or fellowship")
    DOCTORATE = "doctorate", _("Doctorate")


@pghistory.track()
class Qualification(models.Model):
    """A degree of a practitioner, in a field named by the profession's code."""

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="qualifications", verbose_name=_("practitioner")
    )
    degree = models.CharField(_("degree"), max_length=12, choices=Degree)
    field = models.CharField(_("field"), max_length=8)
    title = models.CharField(_("title as on the certificate"), max_length=160)
    institution = models.CharField(_("awarded by"), max_length=160)
    country = CountryField(_("country of study"))
    awarded_on = models.DateField(_("awarded on"))
    equivalency = models.CharField(_("number of the equivalency"), max_length=40, blank=True)
    name_on_paper = models.CharField(_("name on the paper"), max_length=120, blank=True)
    name_note = models.CharField(_("why the name differs"), max_length=200, blank=True)
    recognised_on = models.DateField(_("recognised on"), null=True, blank=True)

    class Meta:
        verbose_name = _("qualification")
        verbose_name_plural = _("qualifications")
        ordering = ["-awarded_on"]
        constraints = [models.CheckConstraint(condition=Q(degree__in=Degree.values), name="degree_known")]

    def __str__(self) -> str:
        return f"{self.get_degree_display()}: {self.title}"


@pghistory.track()
class Experience(models.Model):
    """A time of practice; `ended_on` is empty while it lasts."""

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="experience", verbose_name=_("practitioner")
    )
    employer = models.CharField(_("employer"), max_length=160)
    country = CountryField(_("country of practice"))
    job = models.CharField(_("job"), max_length=120)
    started_on = models.DateField(_("from"))
    ended_on = models.DateField(_("until"), null=True, blank=True)
    name_on_paper = models.CharField(_("name on the paper"), max_length=120, blank=True)
    name_note = models.CharField(_("why the name differs"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("experience")
        verbose_name_plural = _("experience")
        ordering = ["-started_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_on=None) | Q(ended_on__gte=F("started_on")), name="experience_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.job}, {self.employer}"


class LicenceKind(models.TextChoices):
    COUNCIL = "council", _("Licence of the council")
    MINISTRY_LETTER = "ministry_letter", _("Letter of the health ministry, where there is no council")


@pghistory.track()
class Licence(models.Model):
    """The leave to practise in a country abroad; `expires_on` is empty where the paper names no end (DOC-2)."""

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="licences", verbose_name=_("practitioner")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=LicenceKind)
    country = CountryField(_("country of practice"))
    authority = models.CharField(_("issued by"), max_length=160)
    number = models.CharField(_("number"), max_length=60)
    name_on_paper = models.CharField(_("name on the paper"), max_length=120)
    name_note = models.CharField(_("why the name differs"), max_length=200, blank=True)
    issued_on = models.DateField(_("issued on"))
    expires_on = models.DateField(_("expires on"), null=True, blank=True)

    class Meta:
        verbose_name = _("licence")
        verbose_name_plural = _("licences")
        ordering = ["-issued_on"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=LicenceKind.values), name="licence_kind_known"),
            models.CheckConstraint(condition=~Q(country="SA"), name="licence_is_of_abroad"),
            models.CheckConstraint(
                condition=Q(expires_on=None) | Q(expires_on__gte=F("issued_on")), name="licence_expires_after_issue"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority}, {self.number}"


class Result(models.TextChoices):
    POSITIVE = "positive", _("Positive")
    DISCREPANCY = "discrepancy", _("Discrepancy")
    UNABLE = "unable", _("Unable to verify")


class Source(models.TextChoices):
    COMPANY = "company", _("The company's answer")
    REPORT = "report", _("A paper report")


class Refusal(models.TextChoices):
    """Why a case number that had been waiting does not stand for its entry after all."""

    UNKNOWN = "unknown", _("The company does not know this case number.")
    ANOTHER_PERSON = "another_person", _("The company's report names another person.")
    ANOTHER_DOCUMENT = "another_document", _("The company's report is about another document.")
    REPLACED = "replaced", _("Another case number was given in its place.")


WAITING = Q(result="", refusal="")
# While it waits or once it is positive, the entry that it is about stays as it is, and no second one is made (DOC-4).
HOLDING = Q(result__in=["", Result.POSITIVE], refusal="")
ENTRIES = ("qualification", "experience", "licence")

# The body of a trigger: what is verified, and the report itself, belong to the practitioner of the verification.
OWN_ENTRY = """
    IF NEW.practitioner_id NOT IN (
        SELECT practitioner_id FROM documents_qualification WHERE id = NEW.qualification_id
        UNION ALL SELECT practitioner_id FROM documents_experience WHERE id = NEW.experience_id
        UNION ALL SELECT practitioner_id FROM documents_licence WHERE id = NEW.licence_id
    ) OR NEW.practitioner_id <> (SELECT practitioner_id FROM documents_paper WHERE id = NEW.report_paper_id) THEN
        RAISE EXCEPTION 'verification of what belongs to somebody else' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""


class VerificationQuerySet(models.QuerySet["Verification"]):
    def visible_to(self, user) -> "VerificationQuerySet":
        return self.filter(practitioner__user=user)

    def waiting(self) -> "VerificationQuerySet":
        """Those of which no result is known yet, appeals included."""
        return self.filter(WAITING)

    def with_entries(self) -> "VerificationQuerySet":
        """Read together with what they are about."""
        return self.select_related("practitioner__user", *ENTRIES)


@pghistory.track(exclude=["asked_at", "tried_at"])
class Verification(models.Model):
    """One case of the verification company about one entry of the wallet, and what its report says (DOC-3).

    `asked_at` is when the company last gave a usable answer, `tried_at` when it was last asked. An appeal puts the case
    back to waiting; the first result stays in the history.
    """

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="verifications", verbose_name=_("practitioner")
    )
    qualification = models.ForeignKey(
        Qualification, models.PROTECT, related_name="verifications", null=True, verbose_name=_("qualification")
    )
    experience = models.ForeignKey(
        Experience, models.PROTECT, related_name="verifications", null=True, verbose_name=_("experience")
    )
    licence = models.ForeignKey(
        Licence, models.PROTECT, related_name="verifications", null=True, verbose_name=_("licence")
    )
    case_number = models.CharField(_("case number"), max_length=30)
    result = models.CharField(_("result"), max_length=12, choices=Result, blank=True)
    refusal = models.CharField(_("does not stand because"), max_length=20, choices=Refusal, blank=True)
    serial = models.CharField(_("serial number"), max_length=40, blank=True)
    named = models.CharField(_("name on the report"), max_length=200, blank=True)
    title = models.CharField(_("document, by the report"), max_length=200, blank=True)
    issuer = models.CharField(_("issuer, by the report"), max_length=200, blank=True)
    reported_on = models.DateField(_("reported on"), null=True)
    awarded_on = models.DateField(_("awarded on"), null=True)
    begun_on = models.DateField(_("from"), null=True)
    ended_on = models.DateField(_("until"), null=True)
    source = models.CharField(_("source"), max_length=8, choices=Source, default=Source.COMPANY)
    report_paper = models.ForeignKey(
        Paper, models.PROTECT, related_name="reported", null=True, verbose_name=_("paper report")
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, verbose_name=_("recorded by")
    )
    entered_at = models.DateTimeField(_("entered at"))
    asked_at = models.DateTimeField(_("answered at"), null=True)
    tried_at = models.DateTimeField(_("asked at"), null=True)
    appealed_at = models.DateTimeField(_("appealed at"), null=True)
    appeal_text = models.TextField(_("appeal"), max_length=2000, blank=True)
    appeal_told_at = models.DateTimeField(_("appeal handed on at"), null=True)

    objects = VerificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        ordering = ["-entered_at", "-pk"]
        permissions = [("record_verification", "Can record a paper report of the verification company")]
        constraints = [
            models.CheckConstraint(
                condition=Q(Exact(Func(*map(F, ENTRIES), function="num_nonnulls", output_field=IntegerField()), 1)),
                name="verification_of_one_entry",
            ),
            models.CheckConstraint(condition=Q(result__in=["", *Result.values]), name="verification_result_known"),
            models.CheckConstraint(
                condition=Q(refusal="") | Q(refusal__in=Refusal.values, result=""), name="refused_has_no_result"
            ),
            models.CheckConstraint(
                condition=Q(result="", reported_on=None)
                | ~Q(result="") & Q(reported_on__isnull=False) & ~Q(serial="") & ~Q(named=""),
                name="result_has_its_report",
            ),
            models.CheckConstraint(
                condition=Q(source=Source.COMPANY, report_paper=None, recorded_by=None)
                | Q(source=Source.REPORT, report_paper__isnull=False, recorded_by__isnull=False),
                name="paper_report_has_its_paper",
            ),
            models.CheckConstraint(
                condition=Q(appealed_at=None, appeal_text="", appeal_told_at=None)
                | Q(appealed_at__isnull=False) & ~Q(appeal_text=""),
                name="appeal_has_its_reasons",
            ),
            models.UniqueConstraint(
                fields=["case_number"], condition=Q(refusal=""), name="one_verification_per_case_number"
            ),
            *(
                models.UniqueConstraint(fields=[entry], condition=HOLDING, name=f"one_verification_per_{entry}")
                for entry in ENTRIES
            ),
        ]
        indexes = [
            models.Index(fields=["tried_at"], condition=WAITING, name="waiting_verification"),
            models.Index(fields=["refusal", "result", "entered_at"], name="verification_queue"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="verification_of_own_entry",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=OWN_ENTRY,
            ),
            pgtrigger.ReadOnly(name="case_fixed", fields=[*ENTRIES, "case_number", "entered_at"]),
            pgtrigger.Protect(
                name="positive_stays", operation=pgtrigger.Update, condition=pgtrigger.Q(old__result="positive")
            ),
            pgtrigger.Protect(name="verification_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.case_number

    @property
    def entry(self) -> Qualification | Experience | Licence:
        """What is verified."""
        return next(getattr(self, name) for name in ENTRIES if getattr(self, f"{name}_id"))

    @property
    def is_positive(self) -> bool:
        return self.result == Result.POSITIVE

    @property
    def is_waiting(self) -> bool:
        return not self.result and not self.refusal

    @property
    def may_be_replaced(self) -> bool:
        """Whether another number may be given in its place: the company never answered for this one."""
        return self.is_waiting and not self.asked_at and not self.appealed_at
