"""What every room shares: values that staff change, the demo's clock, and numbered references."""

from datetime import date, timedelta

import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


@pghistory.track()
class PolicyValue(models.Model):
    """One value of a named policy from a day on (days, months, hours …); the latest begun one is in force."""

    key = models.CharField(_("policy"), max_length=60)
    value = models.JSONField(_("value"))
    effective_from = models.DateField(_("in force from"))
    source = models.CharField(_("source"), max_length=200)
    official = models.BooleanField(_("official figure"), default=False, help_text=_("Leave empty for a demo figure."))

    class Meta:
        verbose_name = _("policy value")
        verbose_name_plural = _("policy values")
        ordering = ["key", "-effective_from"]
        constraints = [models.UniqueConstraint(fields=["key", "effective_from"], name="one_policy_value_per_day")]

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"


class HolidayQuerySet(models.QuerySet["Holiday"]):
    def days_after(self, day: date) -> set[date]:
        """The holidays that count for a clock of business days that starts on `day` (mumaris/kit/clock.py)."""
        return set(self.filter(day__gt=day).values_list("day", flat=True))


@pghistory.track()
class Holiday(models.Model):
    """A day on which the authority does not work, besides Fridays and Saturdays."""

    day = models.DateField(_("day"), unique=True)
    name_ar = models.CharField(_("name in Arabic"), max_length=80)
    name_en = models.CharField(_("name in English"), max_length=80)

    objects = HolidayQuerySet.as_manager()

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["-day"]

    def __str__(self) -> str:
        return self.name_ar if get_language() == "ar" else self.name_en


class DemoClock(models.Model):
    """The one offset that moves every process of the demo; production settings never read it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    ahead = models.DurationField(default=timedelta)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_demo_clock"),
            models.CheckConstraint(condition=Q(ahead__gte=timedelta()), name="demo_clock_never_goes_back"),
        ]

    def __str__(self) -> str:
        return f"{self.ahead} ahead"


class Alarm(models.Model):
    """Something that a person must look at. One open row for each `key`; raised again it only counts (mumaris/kit/alarms.py)."""

    key = models.CharField(max_length=120)
    kind = models.CharField(_("what happened"), max_length=30)
    facts = models.JSONField(_("facts"), default=dict)
    raised_at = models.DateTimeField(_("raised at"))
    last_at = models.DateTimeField(_("last at"))
    times = models.PositiveIntegerField(_("how often"), default=1)
    cleared_at = models.DateTimeField(_("over since"), null=True)
    cleared_by = models.CharField(_("dealt with by"), max_length=254, blank=True)
    reason = models.CharField(_("how it was dealt with"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(cleared_at=None), name="one_open_alarm"),
            models.CheckConstraint(
                condition=Q(cleared_by="", reason="") | Q(cleared_at__isnull=False) & ~Q(cleared_by="") & ~Q(reason=""),
                name="alarm_dealt_with_says_how",
            ),
        ]

    def __str__(self) -> str:
        return self.key
