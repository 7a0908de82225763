"""Continuing professional development: the hours that were recorded, and how many a year are asked for and counted."""

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import DecimalField, F, Func, Q, Value
from django.db.models.functions import Replace
from django.db.models.lookups import Exact, LessThanOrEqual
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Practitioner
from mumaris.kit.clock import EndOfDay
from register.models import Profession, Rank


class Category(models.TextChoices):
    """What the yearly caps tell apart (DOMAIN C.3)."""

    FIRST = "first", _("First: conferences, courses, research and books")
    SECOND = "second", _("Second: departmental, online and group activities")


class ActivityType(models.TextChoices):
    CONFERENCE = "conference", _("Conference, symposium or seminar")
    COURSE = "course", _("Course or workshop")
    SIMULATION = "simulation", _("Simulation training")
    TEACHING = "teaching", _("Teaching and training")
    PAPER = "paper", _("Published paper")
    REFEREEING = "refereeing", _("Refereeing of research")
    BOOK = "book", pgettext_lazy("activity", "Book")
    POSTER = "poster", _("Scientific poster")
    ONLINE = "online", _("Online activity")
    DEPARTMENTAL = "departmental", _("Departmental activity")
    GROUP_WORK = "group_work", _("Panel discussion or group work")
    SELF_DIRECTED = "self_directed", _("Self-directed learning")


OF_THE_SECOND_CATEGORY = {
    ActivityType.ONLINE,
    ActivityType.DEPARTMENTAL,
    ActivityType.GROUP_WORK,
    ActivityType.SELF_DIRECTED,
}


class OfPeopleFrom(models.Model):
    """A figure from a day on, for a profession and a rank; empty means every one."""

    profession = models.ForeignKey(
        Profession,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("profession"),
        help_text=_("Leave empty for every profession."),
    )
    rank = models.ForeignKey(
        Rank,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("rank"),
        help_text=_("Leave empty for every rank."),
    )
    hours_per_year = models.PositiveSmallIntegerField(_("hours a year"))
    effective_from = models.DateField(_("in force from"))
    source = models.CharField(_("source"), max_length=200)
    official = models.BooleanField(_("official figure"), default=False, help_text=_("Leave empty for a demo figure."))

    class Meta:
        abstract = True

    @property
    def closeness(self) -> tuple[bool, bool]:
        """The higher, the closer the row is to one person: profession and rank, then rank, then profession, then none."""
        return self.rank_id is not None, self.profession_id is not None


@pghistory.track()
class Requirement(OfPeopleFrom):
    """The hours asked for each year of a registration; none at all where people are exempt (CPD-3)."""

    class Meta:
        verbose_name = _("CPD requirement")
        verbose_name_plural = _("CPD requirements")
        ordering = ["profession__code", "rank__level", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["profession", "rank", "effective_from"],
                nulls_distinct=False,
                name="one_cpd_requirement_per_day",
                violation_error_message=_("A figure for these people begins on that day already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.profession or '*'}, {self.rank or '*'}: {self.hours_per_year}"


@pghistory.track()
class Cap(OfPeopleFrom):
    """The hours of one category that count at most for each year of a registration; no row, no cap (CPD-3)."""

    category = models.CharField(_("category"), max_length=6, choices=Category)

    class Meta:
        verbose_name = _("CPD cap")
        verbose_name_plural = _("CPD caps")
        ordering = ["category", "profession__code", "rank__level", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "profession", "rank", "effective_from"],
                nulls_distinct=False,
                name="one_cpd_cap_per_day",
                violation_error_message=_("A cap of this category for these people begins on that day already."),
            ),
            models.CheckConstraint(condition=Q(category__in=Category.values), name="cpd_cap_category_known"),
        ]

    def __str__(self) -> str:
        return f"{self.category}, {self.profession or '*'}, {self.rank or '*'}: {self.hours_per_year}"


class HoursQuerySet(models.QuerySet["Hours"]):
    def live(self) -> "HoursQuerySet":
        """Those that were not withdrawn."""
        return self.filter(withdrawn_at=None)


@pghistory.track()
class Hours(models.Model):
    """The hours of one activity as staff awarded them, in halves. Nothing of it changes; a mistake is withdrawn (CPD-3)."""

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="cpd_hours", verbose_name=_("practitioner")
    )
    title = models.CharField(_("activity"), max_length=200)
    type = models.CharField(pgettext_lazy("activity", "type"), max_length=20, choices=ActivityType)
    provider = models.CharField(_("provider"), max_length=200)
    activity_number = models.CharField(_("number of the accredited activity"), max_length=30, blank=True)
    began_on = models.DateField(_("first day"))
    ended_on = models.DateField(_("last day"))
    claimed_hours = models.DecimalField(_("hours claimed"), max_digits=5, decimal_places=1, null=True, blank=True)
    hours = models.DecimalField(_("hours awarded"), max_digits=5, decimal_places=1)
    reason = models.CharField(_("reason for fewer hours than claimed"), max_length=200, blank=True)
    case = models.CharField(_("application"), max_length=15, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("withdrawn by"),
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdraw_reason = models.CharField(_("reason of the withdrawal"), max_length=200, blank=True)

    objects = HoursQuerySet.as_manager()

    class Meta:
        verbose_name = _("CPD hours")
        verbose_name_plural = _("CPD hours")
        ordering = ["-ended_on", "-pk"]
        constraints = [
            # ACT-55310 and ACT 55310 are one activity, and it counts once (I47).
            models.UniqueConstraint(
                "practitioner",
                Replace("activity_number", Value("-")),
                condition=Q(withdrawn_at=None) & ~Q(activity_number=""),
                name="cpd_activity_counts_once",
            ),
            models.CheckConstraint(
                condition=Q(activity_number="") | Q(activity_number__regex=r"^[A-Z0-9]+(-[A-Z0-9]+)*$"),
                name="cpd_activity_number_is_normal",
            ),
            models.CheckConstraint(condition=Q(type__in=ActivityType.values), name="cpd_type_known"),
            models.CheckConstraint(condition=Q(ended_on__gte=F("began_on")), name="cpd_ends_after_it_began"),
            models.CheckConstraint(
                condition=Q(recorded_at__gte=EndOfDay("ended_on", Value(-1))), name="cpd_recorded_once_it_ended"
            ),
            models.CheckConstraint(
                condition=Q(hours__gt=0)
                & Q(
                    LessThanOrEqual(
                        F("hours"),
                        Func("ended_on", "began_on", arg_joiner=" - ", template="(24 * (%(expressions)s + 1))"),
                    )
                ),
                name="cpd_hours_fit_their_days",
            ),
            models.CheckConstraint(
                condition=Exact(
                    Func("hours", template="mod(%(expressions)s, 0.5)", output_field=DecimalField()), Value(0)
                ),
                name="cpd_hours_in_halves",
            ),
            models.CheckConstraint(
                condition=Q(claimed_hours=None)
                | Q(hours=F("claimed_hours"))
                | (Q(hours__lt=F("claimed_hours")) & ~Q(reason="")),
                name="cpd_fewer_than_claimed_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawn_by=None, withdraw_reason="")
                | (Q(withdrawn_at__gte=F("recorded_at"), withdrawn_by__isnull=False) & ~Q(withdraw_reason="")),
                name="cpd_withdrawal_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["activity_number"], name="cpd_by_activity", condition=~Q(activity_number="")),
            models.Index(fields=["case"], name="cpd_by_case", condition=~Q(case="")),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="cpd_hours_fixed",
                exclude=["withdrawn_by", "withdrawn_at", "withdraw_reason"],
            ),
            pgtrigger.Protect(
                name="withdrawn_for_good",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
            pgtrigger.Protect(name="cpd_hours_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def category(self) -> Category:
        return Category.SECOND if self.type in OF_THE_SECOND_CATEGORY else Category.FIRST
