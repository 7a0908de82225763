"""The wallet: a practitioner's papers, and the qualifications and practice that they prove."""

import uuid

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
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
