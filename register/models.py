"""Who is classified and registered, as what, until when; and the papers issued to prove it."""

import pghistory
import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Practitioner
from mumaris.kit.constraints import is_sha256


class InTwoLanguages(models.Model):
    name_ar = models.CharField(_("name in Arabic"), max_length=120)
    name_en = models.CharField(_("name in English"), max_length=120)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name_ar if get_language() == "ar" else self.name_en


@pghistory.track()
class Rank(InTwoLanguages):
    """A step of a career: what degree it needs, which fees it pays, and whether it asks an exam."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    level = models.PositiveSmallIntegerField(_("level"), help_text=_("Higher is further."))
    fee_category = models.SlugField(_("fee category"), max_length=30)
    degrees = models.JSONField(_("degrees that fit"), default=list)
    asks_exam = models.BooleanField(_("asks an exam"), default=True)

    class Meta:
        verbose_name = _("rank")
        verbose_name_plural = _("ranks")
        ordering = ["level"]

    def accepts(self, degree: str) -> bool:
        return degree in self.degrees


@pghistory.track()
class Profession(InTwoLanguages):
    """A family of specialties; its code is the field that qualifications name."""

    code = models.CharField(_("code"), max_length=8, unique=True)
    ranks = models.ManyToManyField(Rank, related_name="professions", verbose_name=_("ranks"))

    class Meta:
        verbose_name = _("profession")
        verbose_name_plural = _("professions")
        ordering = ["code"]


@pghistory.track()
class Specialty(InTwoLanguages):
    profession = models.ForeignKey(Profession, models.PROTECT, related_name="specialties", verbose_name=_("profession"))
    code = models.SlugField(_("code"), max_length=40, unique=True)

    class Meta:
        verbose_name = _("specialty")
        verbose_name_plural = _("specialties")
        ordering = ["profession__code", "code"]


class RegisterQuerySet(models.QuerySet):
    def visible_to(self, user):
        return self.filter(practitioner__user=user)


@pghistory.track()
class Classification(models.Model):
    """A decision on profession, specialty and rank; registration may rest on it until `usable_until` (SRV-1)."""

    number = models.CharField(_("number"), max_length=15, unique=True)
    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="classifications", verbose_name=_("practitioner")
    )
    specialty = models.ForeignKey(Specialty, models.PROTECT, verbose_name=_("specialty"))
    rank = models.ForeignKey(Rank, models.PROTECT, verbose_name=_("rank"))
    case = models.CharField(_("application"), max_length=15, unique=True)
    decided_on = models.DateField(_("decided on"))
    usable_until = models.DateField(_("usable for registration until"))

    objects = RegisterQuerySet.as_manager()

    class Meta:
        verbose_name = _("classification")
        verbose_name_plural = _("classifications")
        ordering = ["-decided_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(usable_until__gt=F("decided_on")), name="classification_usable_after_decision"
            )
        ]

    def __str__(self) -> str:
        return self.number


@pghistory.track()
class Registration(models.Model):
    """A practitioner's place on the register in one specialty; the number stays, periods follow each other (REG-1)."""

    number = models.CharField(_("registration number"), max_length=15, unique=True)
    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="registrations", verbose_name=_("practitioner")
    )
    specialty = models.ForeignKey(Specialty, models.PROTECT, verbose_name=_("specialty"))
    rank = models.ForeignKey(Rank, models.PROTECT, verbose_name=_("rank"))

    objects = RegisterQuerySet.as_manager()

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        constraints = [
            models.UniqueConstraint(fields=["practitioner", "specialty"], name="one_registration_per_specialty")
        ]

    def __str__(self) -> str:
        return self.number


@pghistory.track()
class Period(models.Model):
    """One period of a registration, first and last day included as `[first, day after last)`; periods never overlap (I45)."""

    registration = models.ForeignKey(
        Registration, models.PROTECT, related_name="periods", verbose_name=_("registration")
    )
    days = DateRangeField(_("days"))
    case = models.CharField(_("application"), max_length=15, unique=True)

    class Meta:
        verbose_name = _("period")
        verbose_name_plural = _("periods")
        constraints = [
            ExclusionConstraint(
                name="periods_never_overlap",
                expressions=[("registration", RangeOperators.EQUAL), ("days", RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(
                condition=Q(days__isempty=False, days__lower_inf=False, days__upper_inf=False), name="period_is_bounded"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.days.lower} … {self.days.upper}"


class PaperKind(models.TextChoices):
    CLASSIFICATION_CERTIFICATE = "classification_certificate", _("Classification certificate")
    REGISTRATION_CERTIFICATE = "registration_certificate", _("Registration certificate")
    REGISTRATION_CARD = "registration_card", _("Registration card")


@pghistory.track()
class IssuedPaper(models.Model):
    """A certificate or card: its words are fixed at issue, its PDF is rendered once, its validity can end (REG-2)."""

    number = models.CharField(_("number"), max_length=15, unique=True)
    kind = models.CharField(_("kind"), max_length=30, choices=PaperKind)
    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="issued_papers", verbose_name=_("practitioner")
    )
    case = models.CharField(_("application"), max_length=15)
    facts = models.JSONField(_("words"))
    token_sha256 = models.BinaryField(unique=True, max_length=32, editable=False)
    issued_at = models.DateTimeField(_("issued at"))
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"))
    storage_key = models.UUIDField(null=True, unique=True, editable=False)
    sha256 = models.BinaryField(max_length=32, null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoke_reason = models.CharField(_("reason of revocation"), max_length=200, blank=True)

    objects = RegisterQuerySet.as_manager()

    class Meta:
        verbose_name = _("issued paper")
        verbose_name_plural = _("issued papers")
        ordering = ["-issued_at", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind"], condition=Q(revoked_at=None), name="one_live_paper_of_a_kind_per_case"
            ),
            models.CheckConstraint(condition=Q(valid_until__gt=F("valid_from")), name="paper_valid_for_a_time"),
            models.CheckConstraint(condition=Q(is_sha256("token_sha256")), name="token_is_a_hash"),
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(revoked_at__gte=F("issued_at")), name="revoked_after_issue"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoke_reason="") | (Q(revoked_at__isnull=False) & ~Q(revoke_reason="")),
                name="revocation_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(storage_key=None, sha256=None) | Q(storage_key__isnull=False, sha256__isnull=False),
                name="rendered_has_hash",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="paper_to_render", condition=Q(storage_key=None))]
        triggers = [
            pgtrigger.ReadOnly(
                name="issued_words_fixed",
                fields=[
                    "number",
                    "kind",
                    "practitioner",
                    "case",
                    "facts",
                    "token_sha256",
                    "issued_at",
                    "valid_from",
                    "valid_until",
                ],
            ),
            pgtrigger.Protect(
                name="rendered_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__sha256__isnull=False)
                & pgtrigger.Q(old__sha256__df=pgtrigger.F("new__sha256")),
            ),
            pgtrigger.Protect(name="issued_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.number
