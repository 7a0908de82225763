"""The case: the application, its timeline, its one deadline, what was attached and what was asked again."""

from datetime import date, datetime, timedelta

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Practitioner
from applications.lifecycle import CLOSED, LIFECYCLE, WAITING, CancelReason, DeadlineKind, State
from documents.models import Paper, Qualification
from mumaris.kit.clock import EndOfDay
from payments.models import TaxTreatment
from register.models import Exam, Rank, Registration, Specialty

# A state and the last entry of the timeline always agree (I8); judged at commit, on the row as it then is.
HISTORY_AGREES = """
    SELECT state, moves INTO found FROM applications_application WHERE id = NEW.id;
    IF found.moves > 0 AND NOT EXISTS (SELECT 1 FROM applications_entry e
        WHERE e.application_id = NEW.id AND e.seq = found.moves AND e.to_state = found.state) THEN
        RAISE EXCEPTION 'application % has no entry % that led to %', NEW.id, found.moves, found.state USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
"""


def deadline_agrees(application: str) -> dict:
    """The body of a trigger: an application waits with one deadline of the right kind, and only then (APP-1, I10)."""
    kinds = " ".join(f"WHEN '{state}' THEN '{kind}'" for state, kind in WAITING.items())
    return {
        "declare": [("wanted", "text"), ("kept", "text"), ("case_id", "bigint")],
        "func": f"""
            case_id := {application};
            SELECT CASE state {kinds} END INTO wanted FROM applications_application WHERE id = case_id;
            SELECT kind INTO kept FROM applications_deadline WHERE application_id = case_id;
            IF wanted IS DISTINCT FROM kept THEN
                RAISE EXCEPTION 'application % needs deadline %, has %', case_id, coalesce(wanted, 'none'), coalesce(kept, 'none')
                    USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        """,
    }


# An officer never moves their own case, who recommended never endorses, who decided never judges the appeal (I17, APP-6, APP-9):
# whoever calls, whatever their rights.
FOUR_EYES = """
    IF NEW.by_id IS NOT NULL AND NEW.move NOT IN ('declare', 'reopen', 'resubmit', 'appeal', 'withdraw') THEN
        SELECT p.user_id, CASE WHEN a.needs_second_officer THEN a.recommended_by_id END INTO owner, recommender
            FROM applications_application a JOIN accounts_practitioner p ON p.id = a.practitioner_id WHERE a.id = NEW.application_id;
        IF NEW.by_id = owner OR (NEW.move IN ('endorse_approval', 'endorse_rejection') AND NEW.by_id = recommender) THEN
            RAISE EXCEPTION '% of application % needs another person', NEW.move, NEW.application_id USING ERRCODE = '23514';
        END IF;
        IF NEW.move IN ('uphold', 'refuse_appeal') AND EXISTS (SELECT 1 FROM applications_entry e WHERE e.application_id = NEW.application_id
                AND e.by_id = NEW.by_id AND e.move IN ('recommend', 'endorse_approval', 'endorse_rejection', 'refuse')) THEN
            RAISE EXCEPTION '% of application % needs an officer who did not decide it', NEW.move, NEW.application_id USING ERRCODE = '23514';
        END IF;
    END IF;
    RETURN NEW;
"""


class ApplicationQuerySet(models.QuerySet["Application"]):
    def visible_to(self, user) -> "ApplicationQuerySet":
        return self.filter(practitioner__user=user)

    def open(self) -> "ApplicationQuerySet":
        return self.exclude(state__in=CLOSED)


@pghistory.track(level=pghistory.Statement, exclude=["judgement"])
class Application(models.Model):
    """One request for one service. `moves` counts its moves, `version` every change that the applicant or staff made."""

    reference = models.CharField(_("reference"), max_length=15, unique=True)
    practitioner = models.ForeignKey(
        Practitioner, models.PROTECT, related_name="applications", verbose_name=_("practitioner")
    )
    service = models.SlugField(_("service"), max_length=30)
    state = models.CharField(_("state"), max_length=24, choices=State, default=State.DRAFT)
    moves = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)
    answers = models.JSONField(_("answers"), default=dict)
    judgement = models.JSONField(_("conditions as judged at the declaration"), default=list)
    asked_specialty = models.ForeignKey(
        Specialty, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("specialty asked for")
    )
    asked_rank = models.ForeignKey(
        Rank, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("rank asked for")
    )
    qualification = models.ForeignKey(
        Qualification,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("qualification that it rests on"),
    )
    granted_specialty = models.ForeignKey(
        Specialty, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("specialty granted")
    )
    granted_rank = models.ForeignKey(
        Rank, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("rank granted")
    )
    registration = models.ForeignKey(
        Registration,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("registration that it is about"),
    )
    needs_second_officer = models.BooleanField(_("needs a second officer"), default=True)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reviewer")
    )
    recommendation = models.CharField(
        _("recommendation"), max_length=8, blank=True, choices=[("approve", _("Approve")), ("reject", _("Reject"))]
    )
    recommended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("recommended by"),
    )
    rejection_reason = models.ForeignKey(
        "ReturnReason",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reason of the rejection"),
    )
    appeal_seq = models.PositiveIntegerField(_("move by which was appealed"), null=True, blank=True, editable=False)
    cancel_reason = models.CharField(_("reason of cancellation"), max_length=24, blank=True, choices=CancelReason)
    created_at = models.DateTimeField(_("created at"))
    saved_at = models.DateTimeField(_("saved at"))
    declared_at = models.DateTimeField(_("declared at"), null=True, blank=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ["-created_at", "-pk"]
        permissions = [
            ("review_application", _("Can review applications")),
            ("endorse_application", _("Can endorse recommendations")),
            ("issue_application", _("Can make the last check and issue")),
            ("decide_appeal", _("Can decide appeals")),
            ("record_result", _("Can record exam results")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["practitioner", "service"], condition=~Q(state__in=CLOSED), name="one_open_application"
            ),
            models.UniqueConstraint(fields=["id", "practitioner"], name="application_and_owner"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="application_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=CLOSED, closed_at__isnull=False) | (~Q(state__in=CLOSED) & Q(closed_at=None)),
                name="closed_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "awaiting_admin_fee", "cancelled", "withdrawn"])
                | Q(submitted_at__isnull=False),
                name="submitted_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["preliminarily_approved", "being_issued", "completed"])
                | Q(approved_at__isnull=False),
                name="approved_has_time",
            ),
            models.CheckConstraint(
                condition=(Q(submitted_at=None) | Q(submitted_at__gte=F("created_at")))
                & (Q(approved_at=None) | Q(approved_at__gte=F("submitted_at")))
                & (Q(closed_at=None) | Q(closed_at__gte=F("created_at"))),
                name="times_in_order",
            ),
            models.CheckConstraint(
                condition=(Q(state="cancelled") & ~Q(cancel_reason="")) | (~Q(state="cancelled") & Q(cancel_reason="")),
                name="cancelled_has_reason",
            ),
        ]
        indexes = [
            # The latest decisions of a service, for the usual times (APP-5).
            models.Index(
                F("service"),
                Coalesce("approved_at", "closed_at").desc(),
                condition=Q(approved_at__isnull=False) | Q(state="rejected"),
                name="decided_applications",
            )
        ]
        triggers = [
            pgtrigger.FSM(name="lifecycle", field="state", transitions=LIFECYCLE.edges()),
            pgtrigger.Protect(
                name="born_as_draft",
                operation=pgtrigger.Insert,
                condition=~pgtrigger.Q(new__state="draft") | ~pgtrigger.Q(new__moves=0),
            ),
            pgtrigger.Protect(
                name="only_drafts_deleted", operation=pgtrigger.Delete, condition=pgtrigger.Q(old__moves__gt=0)
            ),
            pgtrigger.ReadOnly(name="identity_fixed", fields=["practitioner", "service", "reference", "created_at"]),
            pgtrigger.Trigger(
                name="moves_counted",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__state__df=pgtrigger.F("new__state")),
                func="IF NEW.moves <> OLD.moves + 1 THEN RAISE EXCEPTION 'stale move' USING ERRCODE = '40001'; END IF; RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="version_grows",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__state__df=pgtrigger.F("new__state"))
                | pgtrigger.Q(old__answers__df=pgtrigger.F("new__answers")),
                func="IF NEW.version <> OLD.version + 1 THEN RAISE EXCEPTION 'stale write' USING ERRCODE = '40001'; END IF; RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="history_agrees",
                operation=pgtrigger.UpdateOf("state"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                declare=[("found", "record")],
                func=HISTORY_AGREES,
            ),
            pgtrigger.Trigger(
                name="deadline_agrees",
                operation=pgtrigger.UpdateOf("state"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                **deadline_agrees("NEW.id"),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class Entry(models.Model):
    """One move in the timeline: what happened, who did it, in words (APP-1). Never changed."""

    application = models.ForeignKey(
        Application,
        models.PROTECT,
        related_name="timeline",
        verbose_name=_("application"),
        db_index=False,  # one_entry_per_move begins with it
    )
    seq = models.PositiveIntegerField()
    move = models.CharField(_("move"), max_length=20)
    from_state = models.CharField(_("from"), max_length=24, choices=State)
    to_state = models.CharField(_("to"), max_length=24, choices=State)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    public_text = models.TextField(_("text for the practitioner"), blank=True)
    internal_text = models.TextField(_("internal text"), blank=True)

    class Meta:
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline")
        ordering = ["-seq"]
        constraints = [models.UniqueConstraint(fields=["application", "seq"], name="one_entry_per_move")]
        triggers = [
            pgtrigger.Protect(name="entry_fixed", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="four_eyes",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("owner", "bigint"), ("recommender", "bigint")],
                func=FOUR_EYES,
            ),
            pgtrigger.Trigger(
                name="entries_chain",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("before_it", "text")],
                func="""
                    SELECT to_state INTO before_it FROM applications_entry WHERE application_id = NEW.application_id AND seq = NEW.seq - 1;
                    IF NEW.seq < 1 OR coalesce(before_it, 'draft') <> NEW.from_state OR (NEW.seq > 1 AND before_it IS NULL) THEN
                        RAISE EXCEPTION 'entry % of application % does not follow', NEW.seq, NEW.application_id USING ERRCODE = '23514';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.move}"


class Deadline(models.Model):
    """The one clock of a waiting application; narrow, so that sweeping it is cheap (DLN-1, DLN-2).

    `due_on` is the day that people are told, `lapses_at` what is judged by: the silent grace later, None while the clock
    stands (DLN-5). `began_on` is the Riyadh day from which it runs as it now does: begun, resumed or extended.
    """

    application = models.OneToOneField(Application, models.CASCADE, primary_key=True, verbose_name=_("application"))
    kind = models.CharField(_("kind"), max_length=12, choices=DeadlineKind)
    began_on = models.DateField(_("runs since"))
    due_on = models.DateField(_("last day"))
    grace_days = models.PositiveSmallIntegerField(default=0)
    lapses_at = models.DateTimeField(_("cut-off"), null=True)
    paused_at = models.DateTimeField(_("stands since"), null=True)
    days_left = models.PositiveSmallIntegerField(_("days left while it stands"), null=True)
    extended_days = models.PositiveSmallIntegerField(_("extended by days"), default=0, db_default=0)

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=DeadlineKind.values), name="deadline_kind_known"),
            models.CheckConstraint(
                condition=Q(lapses_at=None) | Q(Exact(F("lapses_at"), EndOfDay("due_on", "grace_days"))),
                name="deadline_is_end_of_day",
            ),
            models.CheckConstraint(
                condition=Q(paused_at=None, days_left=None, lapses_at__isnull=False)
                | Q(paused_at__isnull=False, days_left__isnull=False, lapses_at=None),
                name="clock_runs_or_stands",
            ),
            # The eligibility number has its own renewal.
            models.CheckConstraint(
                condition=~Q(kind=DeadlineKind.EXAM) | Q(paused_at=None, extended_days=0), name="exam_clock_runs"
            ),
            models.CheckConstraint(condition=Q(due_on__gte=F("began_on")), name="deadline_after_its_beginning"),
        ]
        indexes = [
            models.Index(fields=["lapses_at"], condition=Q(lapses_at__isnull=False), name="running_deadline"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="case_waits",
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                **deadline_agrees("coalesce(NEW.application_id, OLD.application_id)"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.due_on}"

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    def is_over(self, now: datetime) -> bool:
        return self.lapses_at is not None and self.lapses_at <= now


class ClockCause(models.TextChoices):
    """Who holds a clock; only the same can let it go on."""

    STAFF = "staff", _("Staff")
    EXEMPTION = "exemption", _("A request for exemption is being decided")


class ClockChange(models.Model):
    """What was done to the clock of a wait: no move of the lifecycle, and never changed (DLN-5).

    `entry_seq` is the number of the move after which the case waits; `days_left` are the days kept while the clock stands
    after this change, None where it runs.
    """

    class Kind(models.TextChoices):
        PAUSE = "pause", _("The clock stands")
        RESUME = "resume", _("The clock runs again")
        EXTEND = "extend", _("The last day was moved")

    application = models.ForeignKey(
        Application, models.PROTECT, related_name="clock_changes", verbose_name=_("application")
    )
    entry_seq = models.PositiveIntegerField()
    kind = models.CharField(_("what was done"), max_length=6, choices=Kind)
    cause = models.CharField(_("cause"), max_length=9, choices=ClockCause)
    invoice = models.CharField(_("invoice"), max_length=20, blank=True)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    due_before = models.DateField(_("last day before"))
    due_after = models.DateField(_("last day after"))
    days_left = models.PositiveSmallIntegerField(_("days left while it stands"), null=True)

    class Meta:
        verbose_name = _("change of a clock")
        verbose_name_plural = _("changes of clocks")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["pause", "resume", "extend"], cause__in=ClockCause.values),
                name="clock_words_known",
            ),
            models.CheckConstraint(
                condition=~Q(cause="staff") | Q(by__isnull=False) & ~Q(reason=""),
                name="staff_change_has_officer_and_reason",
            ),
            models.CheckConstraint(condition=Q(due_after__gte=F("due_before")), name="last_day_never_comes_nearer"),
            models.CheckConstraint(
                condition=Q(kind="pause", days_left__isnull=False, due_after=F("due_before"))
                | Q(kind="resume")
                | Q(kind="extend", days_left=None, due_after__gt=F("due_before")),
                name="clock_change_fits_its_kind",
            ),
            # One extension of a wait (DLN-5).
            models.UniqueConstraint(
                fields=["application", "entry_seq"], condition=Q(kind="extend"), name="extended_once"
            ),
        ]
        indexes = [
            models.Index(fields=["invoice", "cause"], condition=Q(kind="pause"), name="paused_invoice"),
        ]
        triggers = [pgtrigger.Protect(name="clock_change_fixed", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.application_id}"

    @property
    def why(self) -> str:
        """In the reader's language where the portal itself knows it, else in the officer's words."""
        return self.reason if self.cause == ClockCause.STAFF else self.get_cause_display()


class Attachment(models.Model):
    """A paper in a slot of an application; a replaced one stays on record. The database keeps paper and case one person's (I19)."""

    application = models.ForeignKey(
        Application, models.CASCADE, related_name="attachments", verbose_name=_("application")
    )
    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="+")
    slot = models.SlugField(_("slot"), max_length=40)
    paper = models.ForeignKey(Paper, models.PROTECT, related_name="attachments", verbose_name=_("paper"))
    issued_on = models.DateField(_("date on the paper"), null=True, blank=True)
    attached_at = models.DateTimeField(_("attached at"))
    replaced_at = models.DateTimeField(_("replaced at"), null=True, blank=True)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["attached_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "slot"], condition=Q(replaced_at=None), name="one_paper_per_slot"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slot}: {self.paper_id}"


@pghistory.track()
class ReturnReason(models.Model):
    """A ready-made reason to ask for something again, in both languages (APP-4)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    text_ar = models.CharField(_("text in Arabic"), max_length=300)
    text_en = models.CharField(_("text in English"), max_length=300)

    class Meta:
        verbose_name = _("return reason")
        verbose_name_plural = _("return reasons")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.text_ar if get_language() == "ar" else self.text_en


class AnswerKind(models.TextChoices):
    FILE = "file", _("A new file")
    TEXT = "text", _("An explanation")
    CANNOT = "cannot", _("I cannot, because")


class ReturnItem(models.Model):
    """One thing a return asks for, and the answer to it (APP-4). `target` is a slot or a question of the service."""

    application = models.ForeignKey(
        Application, models.PROTECT, related_name="return_items", verbose_name=_("application")
    )
    entry_seq = models.PositiveIntegerField()
    target = models.SlugField(_("item"), max_length=40)
    reason = models.ForeignKey(ReturnReason, models.PROTECT, verbose_name=_("reason"))
    remark = models.CharField(_("remark"), max_length=500, blank=True)
    answer_kind = models.CharField(_("answer"), max_length=6, choices=AnswerKind, blank=True)
    answer_text = models.TextField(_("answer in words"), blank=True)
    answer_paper = models.ForeignKey(
        Paper, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("answer as file")
    )
    answer_issued_on = models.DateField(_("date on the file"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("returned item")
        verbose_name_plural = _("returned items")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["application", "entry_seq", "target"], name="one_remark_per_item"),
            models.CheckConstraint(
                condition=Q(answer_kind="", answered_at=None) | ~Q(answer_kind="") & Q(answered_at__isnull=False),
                name="answer_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(answer_kind="file") | Q(answer_paper__isnull=False), name="file_answer_has_file"
            ),
            models.CheckConstraint(
                condition=~Q(answer_kind__in=["text", "cannot"]) | ~Q(answer_text=""), name="worded_answer_has_words"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.reason_id}"


@pghistory.track()
class Fee(models.Model):
    """A price from a day on: service × purpose × fee category (empty = every category), in halalas (PAY-2)."""

    service = models.SlugField(_("service"), max_length=30)
    purpose = models.CharField(
        _("purpose"),
        max_length=10,
        choices=[("admin", _("Administrative fee")), ("service", _("Service fee")), ("late", _("Late fee"))],
    )
    category = models.SlugField(_("fee category"), max_length=30, blank=True)
    amount = models.BigIntegerField(_("amount in halalas"), help_text=_("Tax included."))
    tax = models.CharField(_("tax treatment"), max_length=14, choices=TaxTreatment, default=TaxTreatment.OUT_OF_SCOPE)
    effective_from = models.DateField(_("in force from"))
    official = models.BooleanField(_("official figure"), default=False, help_text=_("Leave empty for a demo figure."))

    class Meta:
        verbose_name = _("fee")
        verbose_name_plural = _("fee schedule")
        ordering = ["service", "purpose", "category", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "purpose", "category", "effective_from"], name="one_fee_per_day"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="fee_not_negative"),
            models.CheckConstraint(condition=Q(tax__in=TaxTreatment.values), name="fee_tax_known"),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.purpose} {self.category}: {self.amount}"


@pghistory.track()
class ExamPolicy(models.Model):
    """What an exam allows from a day on: attempts, the fee of a paid one in halalas, validity and cooling-off in days (EXM-2)."""

    exam = models.ForeignKey(Exam, models.PROTECT, related_name="policies", verbose_name=_("exam"))
    free_attempts = models.PositiveSmallIntegerField(_("attempts without a fee"))
    paid_attempts = models.PositiveSmallIntegerField(_("attempts for a fee"))
    fee = models.BigIntegerField(_("fee of a paid attempt in halalas"))
    tax = models.CharField(
        _("tax treatment of the fee"), max_length=14, choices=TaxTreatment, default=TaxTreatment.OUT_OF_SCOPE
    )
    validity_days = models.PositiveSmallIntegerField(_("days that the eligibility number is valid"))
    cooling_off_days = models.PositiveSmallIntegerField(_("days before a new number after the last failure"))
    effective_from = models.DateField(_("in force from"))
    source = models.CharField(_("source"), max_length=200)
    official = models.BooleanField(_("official figure"), default=False, help_text=_("Leave empty for a demo figure."))

    class Meta:
        verbose_name = _("exam policy")
        verbose_name_plural = _("exam policies")
        ordering = ["exam", "-effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["exam", "effective_from"], name="one_exam_policy_per_day"),
            models.CheckConstraint(
                condition=Q(fee__gte=0, validity_days__gte=1, free_attempts__gte=1),
                name="exam_policy_allows_an_attempt",
            ),
            models.CheckConstraint(condition=Q(tax__in=TaxTreatment.values), name="exam_policy_tax_known"),
        ]

    def __str__(self) -> str:
        return f"{self.exam}: {self.free_attempts} + {self.paid_attempts}"


@pghistory.track()
class EligibilityNumber(models.Model):
    """Admits an application to its exam (EXM-1); attempts belong to it, by the policy of the day of admission."""

    number = models.CharField(_("eligibility number"), max_length=15, unique=True)
    application = models.ForeignKey(
        Application, models.PROTECT, related_name="eligibility_numbers", verbose_name=_("application")
    )
    exam = models.ForeignKey(Exam, models.PROTECT, related_name="+", verbose_name=_("exam"))
    free_attempts = models.PositiveSmallIntegerField(_("attempts without a fee"))
    paid_attempts = models.PositiveSmallIntegerField(_("attempts for a fee"))
    fee = models.BigIntegerField(_("fee of a paid attempt in halalas"))
    tax = models.CharField(
        _("tax treatment of the fee"), max_length=14, choices=TaxTreatment, default=TaxTreatment.OUT_OF_SCOPE
    )
    validity_days = models.PositiveSmallIntegerField(_("days that the eligibility number is valid"))
    cooling_off_days = models.PositiveSmallIntegerField(_("days before a new number after the last failure"))
    issued_at = models.DateTimeField(_("issued at"))
    valid_until = models.DateField(_("valid until"))
    renewed_at = models.DateTimeField(_("renewed at"), null=True, blank=True)
    renewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("renewed by")
    )

    class Meta:
        verbose_name = _("eligibility number")
        verbose_name_plural = _("eligibility numbers")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(renewed_at=None, renewed_by=None) | Q(renewed_at__isnull=False, renewed_by__isnull=False),
                name="renewal_has_officer",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="eligibility_fixed",
                fields=["number", "application", "exam", "free_attempts", "paid_attempts", "fee", "tax", "issued_at"],
            ),
            pgtrigger.Protect(
                name="renewed_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__renewed_at__isnull=False)
                & pgtrigger.Q(old__renewed_at__df=pgtrigger.F("new__renewed_at")),
            ),
            pgtrigger.Protect(name="eligibility_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.number

    def standing_results(self) -> list["ExamResult"]:
        """Every sitting by its last word: a corrected result gives way to its correction."""
        return [one for one in self.results.all() if not hasattr(one, "correction")]

    @property
    def attempts_used(self) -> int:
        return sum(one.outcome != Outcome.EXCUSED for one in self.standing_results())

    @property
    def is_passed(self) -> bool:
        return any(one.outcome == Outcome.PASSED for one in self.standing_results())

    @property
    def cooling_off_until(self) -> date | None:
        """The first day on which this person may declare again for the exam; None unless the last attempt failed."""
        if self.is_passed or self.attempts_used < self.free_attempts + self.paid_attempts:
            return None
        counted = [one.sat_on for one in self.standing_results() if one.outcome != Outcome.EXCUSED]
        return max(counted) + timedelta(days=self.cooling_off_days)


class Outcome(models.TextChoices):
    """How a sitting ended; absence counts as an attempt unless it is excused (EXM-2)."""

    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")
    ABSENT = "absent", _("Absent")
    EXCUSED = "excused", _("Absent, excused")


@pghistory.track(exclude=["report"])
class ResultsFile(models.Model):
    """An exam company's file of results: checked whole, shown, then applied all or none (EXM-3).

    `lines` is their number once they were counted; `report` what the last check found (applications/results_file.py).
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Being checked")
        CHECKED = "checked", _("Checked, ready to be applied")
        REFUSED = "refused", _("Refused")
        APPLYING = "applying", _("Being applied")
        APPLIED = "applied", _("Applied")

    name = models.CharField(_("file name"), max_length=120)
    storage_key = models.UUIDField(unique=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.UPLOADED)
    lines = models.PositiveIntegerField(_("lines"), default=0)
    report = models.JSONField(_("what was found"), default=dict)
    uploaded_at = models.DateTimeField(_("uploaded at"))
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("uploaded by")
    )
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("applied by")
    )

    class Meta:
        verbose_name = _("file of results")
        verbose_name_plural = _("files of results")
        ordering = ["-uploaded_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="applied", applied_at__isnull=False, applied_by__isnull=False)
                | ~Q(state="applied") & Q(applied_at=None),
                name="applied_file_has_officer",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="results_file_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="results_file_fixed", fields=["name", "storage_key", "uploaded_at", "uploaded_by"]),
        ]

    def __str__(self) -> str:
        return self.name


class ResultsLine(models.Model):
    """One readable line of a file of results, as it was read. Never changed; of a refused file none is kept."""

    file = models.ForeignKey(ResultsFile, models.PROTECT, related_name="told", verbose_name=_("file of results"))
    line = models.PositiveIntegerField(_("line"))
    number = models.CharField(_("eligibility number"), max_length=15)
    family_name = models.CharField(_("family name"), max_length=120)
    sat_on = models.DateField(_("day of the exam"))
    outcome = models.CharField(_("result"), max_length=8, choices=Outcome)
    score = models.DecimalField(_("score"), max_digits=6, decimal_places=2, null=True, blank=True)

    class Meta:
        verbose_name = _("line of a file of results")
        verbose_name_plural = _("lines of files of results")
        ordering = ["file", "line"]
        indexes = [models.Index(fields=["file", "number", "sat_on", "line"], name="results_line_by_sitting")]
        triggers = [pgtrigger.Protect(name="results_line_fixed", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.line}: {self.number}"


# Never more attempts than the number allows, and none beyond the free ones without a settled fee (I46); a correction stands
# for what it corrects.
WITHIN_ATTEMPTS = """
    SELECT * INTO held FROM applications_eligibilitynumber WHERE id = NEW.number_id;
    SELECT count(*) INTO used FROM applications_examresult r WHERE r.number_id = NEW.number_id AND r.outcome <> 'excused'
        AND NOT EXISTS (SELECT 1 FROM applications_examresult c WHERE c.corrects_id = r.id);
    IF used > held.free_attempts + held.paid_attempts THEN
        RAISE EXCEPTION 'eligibility number % has no attempt left', held.number USING ERRCODE = '23514';
    END IF;
    IF used > held.free_attempts THEN
        SELECT coalesce(sum(greatest(0, t.used - t.free_attempts)), 0) INTO owed FROM (
            SELECT n.free_attempts, count(r.id) AS used FROM applications_eligibilitynumber n
            JOIN applications_examresult r ON r.number_id = n.id AND r.outcome <> 'excused'
                AND NOT EXISTS (SELECT 1 FROM applications_examresult c WHERE c.corrects_id = r.id)
            WHERE n.application_id = held.application_id GROUP BY n.id, n.free_attempts) t;
        SELECT count(*) INTO paid FROM payments_invoice i JOIN applications_application a ON a.reference = i."case"
            WHERE a.id = held.application_id AND i.purpose = 'exam' AND i.state IN ('paid', 'waived');
        IF owed > paid THEN
            RAISE EXCEPTION 'attempt % of eligibility number % is not paid', used, held.number USING ERRCODE = '23514';
        END IF;
    END IF;
    RETURN NULL;
"""


class ExamResult(models.Model):
    """One sitting as the exam company told it, or the correction of one. Never changed (EXM-3)."""

    number = models.ForeignKey(
        EligibilityNumber, models.PROTECT, related_name="results", verbose_name=_("eligibility number")
    )
    sat_on = models.DateField(_("day of the exam"))
    outcome = models.CharField(_("result"), max_length=8, choices=Outcome)
    score = models.DecimalField(_("score"), max_digits=6, decimal_places=2, null=True, blank=True)
    corrects = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="correction", verbose_name=_("corrects")
    )
    reason = models.CharField(_("reason of the correction"), max_length=300, blank=True)
    file = models.ForeignKey(
        ResultsFile, models.PROTECT, null=True, blank=True, related_name="results", verbose_name=_("from the file")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )

    class Meta:
        verbose_name = _("exam result")
        verbose_name_plural = _("exam results")
        ordering = ["sat_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["number", "sat_on"], condition=Q(corrects=None), name="one_result_per_sitting"
            ),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="outcome_known"),
            models.CheckConstraint(
                condition=Q(corrects=None, reason="") | Q(corrects__isnull=False) & ~Q(reason=""),
                name="correction_has_reason",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="result_fixed", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="within_attempts",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                declare=[("held", "record"), ("used", "int"), ("owed", "int"), ("paid", "int")],
                func=WITHIN_ATTEMPTS,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.sat_on}: {self.get_outcome_display()}"


@pghistory.track()
class Matter(models.Model):
    """What staff must settle about a case that no move can settle any more, such as a result corrected after completion."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="matters", verbose_name=_("application"))
    text = models.CharField(_("what it is about"), max_length=1000)
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("closed by")
    )
    outcome = models.CharField(_("what was done"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("matter")
        verbose_name_plural = _("matters")
        ordering = [F("closed_at").desc(nulls_first=True), "opened_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by=None, outcome="")
                | Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(outcome=""),
                name="closed_matter_has_outcome",
            ),
        ]

    def __str__(self) -> str:
        return self.text
