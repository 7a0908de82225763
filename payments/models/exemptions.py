"""Exemptions from all fees: asked for with evidence, decided by two people, in force from a day on (PAY-7)."""

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Practitioner
from documents.models import Paper
from payments.lifecycle import LIFECYCLE, UNDECIDED, ExemptionState

# Nobody decides about their own exemption, whatever their rights, and it rests on a paper of the person it is for.
NOT_ONE_S_OWN = """
    IF EXISTS (SELECT 1 FROM accounts_practitioner p WHERE p.id = NEW.practitioner_id
               AND p.user_id IN (NEW.recommended_by_id, NEW.decided_by_id, NEW.revoked_by_id)) THEN
        RAISE EXCEPTION 'exemption % needs another person', NEW.id USING ERRCODE = '23514';
    END IF;
    IF NEW.practitioner_id <> (SELECT practitioner_id FROM documents_paper WHERE id = NEW.evidence_id) THEN
        RAISE EXCEPTION 'the evidence of exemption % is somebody else''s', NEW.id USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""


class Ground(models.TextChoices):
    MARTYR_RELATIVE = "martyr_relative", _("First-degree relative of a martyr of duty")
    SECRETARY_GENERAL = "secretary_general", _("Decision of the Secretary-General")


class ExemptionQuerySet(models.QuerySet["Exemption"]):
    def visible_to(self, user) -> "ExemptionQuerySet":
        return self.filter(practitioner__user=user)

    def undecided(self) -> "ExemptionQuerySet":
        return self.filter(state__in=UNDECIDED)

    def in_force(self, on) -> "ExemptionQuerySet":
        """Approved ones whose days hold the Riyadh day `on`."""
        return self.filter(Q(ends_on=None) | Q(ends_on__gte=on), state=ExemptionState.APPROVED, starts_on__lte=on)


@pghistory.track()
class Exemption(models.Model):
    """A person's exemption from every fee between two Riyadh days; `ends_on` is the last one, None for no end."""

    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="exemptions", verbose_name=_("practitioner")
    )
    ground = models.CharField(_("ground"), max_length=20, choices=Ground)
    evidence = models.ForeignKey(Paper, models.PROTECT, related_name="+", verbose_name=_("evidence"))
    statement = models.TextField(_("what the practitioner says"), blank=True)
    state = models.CharField(_("state"), max_length=12, choices=ExemptionState, default=ExemptionState.REQUESTED)
    requested_at = models.DateTimeField(_("requested at"))
    starts_on = models.DateField(_("in force from"), null=True, blank=True)
    ends_on = models.DateField(_("last day in force"), null=True, blank=True)
    recommended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("recommended by")
    )
    recommended_at = models.DateTimeField(_("recommended at"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("revoked by")
    )
    revoked_at = models.DateTimeField(pgettext_lazy("exemption", "revoked at"), null=True)
    reason = models.TextField(_("reason for the practitioner"), blank=True)
    internal_text = models.TextField(_("internal text"), blank=True)

    objects = ExemptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("exemption")
        verbose_name_plural = _("exemptions")
        ordering = ["-requested_at", "-pk"]
        permissions = [
            ("recommend_exemption", _("Can recommend exemptions")),
            ("decide_exemption", _("Can decide exemptions")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ExemptionState.values, ground__in=Ground.values), name="exemption_words_known"
            ),
            models.UniqueConstraint(
                fields=["practitioner"], condition=Q(state__in=UNDECIDED), name="one_undecided_exemption"
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="exemption_days_in_order"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["requested", "refused"])
                | Q(recommended_by__isnull=False, recommended_at__isnull=False, starts_on__isnull=False),
                name="exemption_was_recommended",
            ),
            models.CheckConstraint(
                condition=Q(state__in=UNDECIDED, decided_by=None, decided_at=None)
                | ~Q(state__in=UNDECIDED) & Q(decided_by__isnull=False, decided_at__isnull=False),
                name="exemption_was_decided",
            ),
            models.CheckConstraint(
                condition=Q(recommended_by=None) | Q(decided_by=None) | ~Q(recommended_by=F("decided_by")),
                name="exemption_needs_two_people",
            ),
            models.CheckConstraint(
                condition=Q(state="revoked", revoked_by__isnull=False, revoked_at__isnull=False)
                | ~Q(state="revoked") & Q(revoked_by=None, revoked_at=None),
                name="exemption_was_revoked",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["refused", "revoked"]) | ~Q(reason=""), name="exemption_refusal_has_reason"
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="exemption_lifecycle", field="state", transitions=LIFECYCLE.edges()),
            pgtrigger.Protect(
                name="exemption_born_as_request",
                operation=pgtrigger.Insert,
                condition=~pgtrigger.Q(new__state="requested"),
            ),
            pgtrigger.ReadOnly(
                name="exemption_request_fixed", fields=["practitioner", "ground", "evidence", "requested_at"]
            ),
            pgtrigger.Protect(name="exemption_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="exemption_of_another",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=NOT_ONE_S_OWN,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_ground_display()} · {self.practitioner}"
