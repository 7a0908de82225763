"""Who is classified and registered, as what, until when; and the papers issued to prove it."""

from datetime import date, timedelta

import pghistory
import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Practitioner, User
from documents.models import Degree, Qualification
from mumaris.kit.constraints import is_sha256
from register.papers import KINDS


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


class Route(models.TextChoices):
    QUALIFICATION = "qualification", _("New qualification")
    EXPERIENCE = "experience", _("Completed experience")


@pghistory.track()
class Promotion(models.Model):
    """One way from a rank to the next: by a degree earned since, or by months of practice since the classification (SRV-2)."""

    from_rank = models.ForeignKey(Rank, models.PROTECT, related_name="ways_up", verbose_name=_("from rank"))
    to_rank = models.ForeignKey(Rank, models.PROTECT, related_name="ways_here", verbose_name=_("to rank"))
    route = models.CharField(_("route"), max_length=13, choices=Route)
    degree = models.CharField(_("degree"), max_length=12, choices=Degree, blank=True)
    months = models.PositiveSmallIntegerField(
        _("months"), default=0, help_text=_("Least months of practice since the classification.")
    )
    official = models.BooleanField(_("official figure"), default=False, help_text=_("Leave empty for a demo figure."))

    class Meta:
        verbose_name = _("promotion")
        verbose_name_plural = _("promotions")
        ordering = ["from_rank__level", "to_rank__level", "route"]
        constraints = [
            models.UniqueConstraint(fields=["from_rank", "to_rank", "route", "degree"], name="one_promotion_of_a_kind"),
            models.CheckConstraint(condition=~Q(from_rank=F("to_rank")), name="promotion_leads_elsewhere"),
            models.CheckConstraint(
                condition=Q(route=Route.QUALIFICATION, degree__in=Degree.values)
                | Q(route=Route.EXPERIENCE, degree="", months__gt=0),
                name="promotion_by_degree_or_months",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_rank} … {self.to_rank}: {self.get_degree_display() or self.get_route_display()}"


@pghistory.track()
class Exam(InTwoLanguages):
    """A classification exam, as the exam companies offer it (EXM-1)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)

    class Meta:
        verbose_name = _("exam")
        verbose_name_plural = _("exams")
        ordering = ["code"]


@pghistory.track()
class Profession(InTwoLanguages):
    """A family of specialties; its code is the field that qualifications name. Ranks that ask an exam ask its exam."""

    code = models.CharField(_("code"), max_length=8, unique=True)
    ranks = models.ManyToManyField(Rank, related_name="professions", verbose_name=_("ranks"))
    exam = models.ForeignKey(
        Exam, models.PROTECT, null=True, blank=True, related_name="professions", verbose_name=_("exam")
    )

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
    qualification = models.ForeignKey(
        Qualification,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="classifications",
        verbose_name=_("qualification it rests on"),
    )
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
    hours_from = models.DateField(
        _("CPD hours count from"), null=True, blank=True, help_text=_("Empty: from the first day.")
    )

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
            models.CheckConstraint(
                condition=Q(hours_from=None) | Q(days__endswith__gt=F("hours_from")), name="hours_count_within_period"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.days.lower} … {self.days.upper}"

    @property
    def first_day(self) -> date:
        return self.days.lower

    @property
    def last_day(self) -> date:
        return self.days.upper - timedelta(days=1)


class SanctionQuerySet(models.QuerySet["Sanction"]):
    def open_on(self, day: date) -> "SanctionQuerySet":
        """Those in force on the Riyadh `day`; on the day of its lifting a sanction is in force no more."""
        return self.filter(
            Q(ends_on=None) | Q(ends_on__gte=day), Q(lifted_on=None) | Q(lifted_on__gt=day), imposed_on__lte=day
        )


@pghistory.track()
class Sanction(models.Model):
    """A decision against a practitioner; while it is open, renewal and good standing are refused (SRV-4, SRV-6).

    It is never rewritten or removed, only lifted, once. Days are Riyadh days; `ends_on` is its last, empty for no end.
    """

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="sanctions", verbose_name=_("practitioner")
    )
    what = models.CharField(_("decision, as the practitioner reads it"), max_length=300)
    note = models.TextField(_("note for staff"), max_length=2000, blank=True)
    imposed_on = models.DateField(_("imposed on"))
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    imposed_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("imposed by"))
    lifted_on = models.DateField(_("lifted on"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("lifted by")
    )
    lift_reason = models.CharField(_("reason of lifting"), max_length=300, blank=True)

    objects = SanctionQuerySet.as_manager()

    class Meta:
        verbose_name = _("sanction")
        verbose_name_plural = _("sanctions")
        ordering = ["-imposed_on", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(what=""), name="sanction_says_what"),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("imposed_on")), name="sanction_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(lifted_on=None, lifted_by=None, lift_reason="")
                | (Q(lifted_on__gte=F("imposed_on"), lifted_by__isnull=False) & ~Q(lift_reason="")),
                name="lifting_has_day_officer_and_reason",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="sanction_words_fixed",
                fields=["practitioner", "what", "note", "imposed_on", "ends_on", "imposed_by"],
            ),
            pgtrigger.Protect(
                name="sanction_lifted_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__lifted_on__isnull=False),
            ),
            pgtrigger.Protect(name="sanction_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.practitioner}: {self.what}"

    def is_open(self, day: date) -> bool:
        """As `open_on`, of a row that is read already."""
        ended, lifted = self.ends_on and self.ends_on < day, self.lifted_on and self.lifted_on <= day
        return self.imposed_on <= day and not ended and not lifted


@pghistory.track()
class IssuedPaper(models.Model):
    """A certificate, card or letter: its words are fixed at issue, its PDF is rendered once, its validity can end (REG-2).

    Both days of validity are Riyadh days, included; without `valid_until` it is valid for good.
    """

    number = models.CharField(_("number"), max_length=20, unique=True)
    kind = models.SlugField(_("kind"), max_length=30, db_index=False)
    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="issued_papers", verbose_name=_("practitioner")
    )
    case = models.CharField(_("application"), max_length=20, help_text=_("Or the invoice that it is about."))
    facts = models.JSONField(_("words"))
    token_sha256 = models.BinaryField(unique=True, max_length=32, editable=False)
    issued_at = models.DateTimeField(_("issued at"))
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
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

    @property
    def name(self) -> str:
        """What the paper is called, in the active language; the first release did not write it among the words."""
        named = self.facts.get("title_ar" if get_language() == "ar" else "title_en")
        return named or str(KINDS[self.kind])
