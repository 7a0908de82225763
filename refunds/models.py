"""Refund tickets, what they give back of which fee, their timeline, and the bank transfers that carry it. Amounts are halalas."""

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applications.models import Application
from documents.models import Paper
from mumaris.kit.clock import EndOfDay
from mumaris.kit.constraints import is_sha256
from payments.models import Credit, Line, Payment
from refunds.lifecycle import LIFECYCLE, OPEN, UNDECIDED, TicketState
from refunds.rules import CLAIMS, Rule

NEVER_CHANGED = pgtrigger.Update | pgtrigger.Delete

# A ticket is about one payment of one case, and about papers of the person whose case it is.
TICKET_IS_TRUE = """
    SELECT i."case", p.method INTO paid FROM payments_payment p JOIN payments_invoice i ON i.id = p.invoice_id WHERE p.id = NEW.payment_id;
    SELECT reference, practitioner_id INTO held FROM applications_application WHERE id = NEW.application_id;
    IF paid."case" <> held.reference
        OR (NEW.credit_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payments_credit c WHERE c.id = NEW.credit_id AND c.payment_id = NEW.payment_id))
        OR (NEW.evidence_id IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM documents_paper d WHERE d.id = NEW.evidence_id AND d.practitioner_id = held.practitioner_id)) THEN
        RAISE EXCEPTION 'ticket % is about the money of another case', NEW.number USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""

# The amount is reserved on the payment by whoever approves, and freed when an approval ends unpaid: reserve first, then pay (I36).
RESERVE = """
    IF NEW.state = 'approved' AND OLD.state IN ('filed', 'overruling') THEN
        UPDATE payments_payment SET refunded = refunded + NEW.amount WHERE id = NEW.payment_id;
    ELSIF OLD.state = 'approved' AND NEW.state IN ('expired', 'closed') THEN
        UPDATE payments_payment SET refunded = refunded - NEW.amount WHERE id = NEW.payment_id;
    END IF;
    RETURN NEW;
"""

# Nobody has a part in deciding or paying what is their own, whatever their rights (I41).
NOT_ONE_S_OWN = """
    IF EXISTS (SELECT 1 FROM applications_application a JOIN accounts_practitioner p ON p.id = a.practitioner_id
               WHERE a.id = NEW.application_id AND p.user_id IN (NEW.overruled_by_id, NEW.decided_by_id, NEW.paid_by_id)) THEN
        RAISE EXCEPTION 'ticket % needs another person', NEW.number USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""

# What goes back is the sum of what goes back of each fee; judged at commit.
ADDS_UP = """
    SELECT amount INTO given FROM refunds_ticket WHERE id = {ticket};
    SELECT sum(amount) INTO told FROM refunds_share WHERE ticket_id = {ticket};
    IF given IS DISTINCT FROM told THEN
        RAISE EXCEPTION 'ticket % gives % halalas back, its shares %', {ticket}, given, told USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
"""

# A share is about the ticket's own payment; of what was issued only a ground of REF-4 gives anything back (I43, S9).
SHARE_IS_TRUE = """
    SELECT t.payment_id, t.credit_id, p.invoice_id, a.state INTO held FROM refunds_ticket t
        JOIN payments_payment p ON p.id = t.payment_id JOIN applications_application a ON a.id = t.application_id WHERE t.id = NEW.ticket_id;
    IF NEW.line_id IS NOT NULL THEN
        SELECT fee, amount, vat INTO asked FROM payments_line WHERE id = NEW.line_id AND invoice_id = held.invoice_id AND waives_id IS NULL;
        IF held.credit_id IS NOT NULL OR asked.fee IS DISTINCT FROM NEW.fee OR asked.amount IS DISTINCT FROM NEW.base THEN
            RAISE EXCEPTION 'a share of ticket % is about another fee', NEW.ticket_id USING ERRCODE = '23514';
        END IF;
        IF held.state = 'completed' AND NEW.rule IN ('half', 'overruled') THEN
            RAISE EXCEPTION 'ticket %: what was asked for was issued', NEW.ticket_id USING ERRCODE = '23514';
        END IF;
    ELSIF held.credit_id IS DISTINCT FROM NEW.credit_id OR NOT EXISTS
        (SELECT 1 FROM payments_credit c WHERE c.id = NEW.credit_id AND c.payment_id = held.payment_id AND c.amount = NEW.base) THEN
        RAISE EXCEPTION 'a share of ticket % is about another credit', NEW.ticket_id USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
"""


def adds_up(ticket: str) -> dict:
    return {
        "when": pgtrigger.After,
        "timing": pgtrigger.Deferred,
        "declare": [("given", "bigint"), ("told", "bigint")],
        "func": ADDS_UP.format(ticket=ticket),
    }


def never_both(one: str, other: str, name: str) -> models.CheckConstraint:
    """Two parts of a ticket's life that are never one person's."""
    return models.CheckConstraint(
        condition=Q(**{one: None}) | Q(**{other: None}) | ~Q(**{one: F(other)}), name=f"ticket_{name}"
    )


class PayoutMethod(models.TextChoices):
    CARD = "card", _("Back to the card")
    TRANSFER = "transfer", _("Bank transfer")


class Ending(models.TextChoices):
    WITHDRAWN = "withdrawn", _("You withdrew the ticket.")
    REVIVED = "revived", _("The bank's statement proved the payment in time; it settled the fee after all.")
    USED = "used", _("Your application goes on, so the fee is used after all.")
    CREDITED = "credited", _("The fee is not needed any more. All of it goes back by a ticket of its own.")


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user) -> "TicketQuerySet":
        return self.filter(application__practitioner__user=user)

    def undecided(self) -> "TicketQuerySet":
        return self.filter(state__in=UNDECIDED)

    def open(self) -> "TicketQuerySet":
        return self.filter(state__in=OPEN)


@pghistory.track(exclude=["filed_judgement", "judgement", "account"])
class Ticket(models.Model):
    """One request for money of one payment: of its fees or, with `credit`, of one credit (REF-1). `filed_by` None: the portal.

    `decide_by` is the last Riyadh day for the decision, `collect_by` of an approval. `account` is the sealed IBAN.
    """

    number = models.CharField(_("number"), max_length=15, unique=True)
    application = models.ForeignKey(
        Application, models.PROTECT, related_name="refund_tickets", verbose_name=_("application")
    )
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refund_tickets", verbose_name=_("payment"))
    credit = models.ForeignKey(
        Credit, models.PROTECT, null=True, related_name="refund_tickets", verbose_name=_("credit")
    )
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("filed by")
    )
    filed_at = models.DateTimeField(_("filed at"))
    ground = models.CharField(
        _("ground claimed"), max_length=14, blank=True, choices=[(one.value, one.label) for one in CLAIMS]
    )
    statement = models.TextField(_("what the practitioner says"), blank=True)
    evidence = models.ForeignKey(Paper, models.PROTECT, null=True, related_name="+", verbose_name=_("evidence"))
    filed_judgement = models.JSONField(_("as judged at the filing"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=TicketState, default=TicketState.FILED)
    moves = models.PositiveIntegerField(default=1, editable=False)
    decide_by = models.DateField(_("to be decided by"))
    escalated_at = models.DateTimeField(_("escalated at"), null=True)
    overruled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("another amount proposed by"),
    )
    overruled_at = models.DateTimeField(_("another amount proposed at"), null=True)
    overrule_amount = models.BigIntegerField(_("amount proposed in halalas"), null=True)
    overrule_reason = models.TextField(_("written reason"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision_text = models.TextField(_("text for the practitioner"), blank=True)
    judgement = models.JSONField(_("as judged at the decision"), default=dict)
    rule = models.CharField(_("deciding rule"), max_length=14, blank=True, choices=Rule)
    amount = models.BigIntegerField(_("amount in halalas"), null=True)
    payout = models.CharField(_("way of paying out"), max_length=8, choices=PayoutMethod)
    account = models.BinaryField(null=True, editable=False)
    account_masked = models.CharField(_("account"), max_length=16, blank=True)
    account_holder = models.CharField(_("account holder"), max_length=70, blank=True)
    collect_by = models.DateField(_("to be collected by"), null=True)
    returned_before = models.BigIntegerField(null=True, editable=False)
    paid_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("paid out by")
    )
    payout_ref = models.CharField(_("reference of the payout"), max_length=80, blank=True)
    payout_problem = models.CharField(_("why it could not be paid out"), max_length=200, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    ending = models.CharField(_("why it was closed"), max_length=10, blank=True, choices=Ending)

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund ticket")
        verbose_name_plural = _("refund tickets")
        ordering = ["decide_by", "pk"]
        permissions = [
            ("decide_ticket", _("Can decide refund tickets")),
            ("endorse_overrule", _("Can endorse what is decided against the rules")),
            ("pay_ticket", _("Can pay refunds out")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=TicketState.values,
                    ground__in=["", *CLAIMS],
                    rule__in=["", *Rule.values],
                    payout__in=PayoutMethod.values,
                ),
                name="ticket_words_known",
            ),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(state__in=OPEN, credit=None), name="one_open_ticket_per_payment"
            ),
            models.UniqueConstraint(
                fields=["credit"], condition=Q(state__in=OPEN, credit__isnull=False), name="one_open_ticket_per_credit"
            ),
            # The gateway tells its own work by what had gone back before; two at once would be taken for one.
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(state="paying", returned_before__isnull=False),
                name="one_card_payout_at_a_time",
            ),
            models.UniqueConstraint(fields=["payout_ref"], condition=~Q(payout_ref=""), name="payout_ref_once"),
            models.CheckConstraint(condition=Q(ground="") | ~Q(statement=""), name="claim_is_explained"),
            models.CheckConstraint(
                condition=Q(state__in=UNDECIDED, decided_by=None, decided_at=None, amount=None, rule="")
                | Q(state="refused", decided_by__isnull=False, decided_at__isnull=False, amount=None)
                & ~Q(decision_text="")
                & ~Q(rule="")
                | Q(state__in=["approved", "paying", "paid_out", "expired"], decided_by__isnull=False)
                & Q(decided_at__isnull=False, amount__gt=0)
                & ~Q(rule="")
                | Q(state="closed") & (Q(amount=None, decided_by=None) | Q(amount__gt=0, decided_by__isnull=False)),
                name="decision_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(overruled_by=None, overruled_at=None, overrule_amount=None, overrule_reason="")
                | Q(overruled_by__isnull=False, overruled_at__isnull=False, overrule_amount__gte=0)
                & ~Q(overrule_reason=""),
                name="overruling_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(state="overruling", overruled_by__isnull=False)
                | Q(state="filed", overruled_by=None)
                | ~Q(state__in=UNDECIDED),
                name="overruling_has_officer",
            ),
            models.CheckConstraint(
                condition=~Q(rule="overruled") | Q(overruled_by__isnull=False), name="overruled_by_two"
            ),
            never_both("decided_by", "filed_by", "decided_by_another"),
            never_both("overruled_by", "filed_by", "overruled_by_another"),
            never_both("decided_by", "overruled_by", "endorsed_by_a_second"),
            never_both("paid_by", "filed_by", "paid_by_another"),
            never_both("paid_by", "decided_by", "paid_by_a_third"),
            never_both("paid_by", "overruled_by", "paid_by_none_of_both"),
            models.CheckConstraint(
                condition=Q(escalated_at=None) | Q(escalated_at__gte=EndOfDay("decide_by")),
                name="escalated_after_its_day",
            ),
            models.CheckConstraint(
                condition=Q(account=None, account_masked="", account_holder="")
                | Q(account__isnull=False) & ~Q(account_masked="") & ~Q(account_holder=""),
                name="account_is_complete",
            ),
            # The window of an approval is a stored day; by transfer it opens when the account is given (I40, REF-6).
            models.CheckConstraint(
                condition=Q(state__in=[*UNDECIDED, "refused"], collect_by=None)
                | Q(state="approved", payout="transfer", account=None, collect_by=None)
                | Q(state__in=["approved", "paying", "paid_out", "expired"], collect_by__isnull=False)
                & (Q(payout="card") | Q(account__isnull=False))
                | Q(state="closed"),
                name="window_is_stored",
            ),
            models.CheckConstraint(
                condition=Q(state="paying", paid_by__isnull=False, payout_ref="")
                | Q(state="paid_out", paid_by__isnull=False) & ~Q(payout_ref="")
                | ~Q(state__in=["paying", "paid_out"]) & Q(paid_by=None, payout_ref=""),
                name="payout_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(state="expired") & Q(ended_at__gte=EndOfDay("collect_by")) | ~Q(state="expired"),
                name="expired_after_its_day",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, ended_at=None) | ~Q(state__in=OPEN) & Q(ended_at__isnull=False),
                name="ended_ticket_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state="closed") & ~Q(ending="") | ~Q(state="closed") & Q(ending=""),
                name="closed_ticket_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["decide_by", "id"], name="ticket_to_decide", condition=Q(state__in=UNDECIDED)),
            models.Index(fields=["collect_by", "id"], name="ticket_to_pay", condition=Q(state="approved")),
        ]
        triggers = [
            pgtrigger.FSM(name="ticket_lifecycle", field="state", transitions=LIFECYCLE.edges()),
            pgtrigger.Protect(
                name="ticket_born_filed",
                operation=pgtrigger.Insert,
                condition=~pgtrigger.Q(new__state="filed") | ~pgtrigger.Q(new__moves=1),
            ),
            pgtrigger.ReadOnly(
                name="ticket_request_fixed",
                fields=[
                    "number",
                    "application",
                    "payment",
                    "credit",
                    "filed_by",
                    "filed_at",
                    "ground",
                    "statement",
                    "evidence",
                    "filed_judgement",
                    "decide_by",
                ],
            ),
            pgtrigger.Protect(
                name="ticket_decision_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__decided_at__isnull=False)
                & (
                    pgtrigger.Q(old__amount__df=pgtrigger.F("new__amount"))
                    | pgtrigger.Q(old__rule__df=pgtrigger.F("new__rule"))
                    | pgtrigger.Q(old__judgement__df=pgtrigger.F("new__judgement"))
                    | pgtrigger.Q(old__decided_by__df=pgtrigger.F("new__decided_by"))
                    | pgtrigger.Q(old__decided_at__df=pgtrigger.F("new__decided_at"))
                    | pgtrigger.Q(old__decision_text__df=pgtrigger.F("new__decision_text"))
                ),
            ),
            pgtrigger.Protect(
                name="ticket_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=["paid_out", "refused", "expired", "closed"]),
            ),
            pgtrigger.Protect(name="ticket_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="ticket_moves_counted",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__state__df=pgtrigger.F("new__state")),
                func="IF NEW.moves <> OLD.moves + 1 THEN RAISE EXCEPTION 'stale move' USING ERRCODE = '40001'; END IF; RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="ticket_is_true",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("paid", "record"), ("held", "record")],
                func=TICKET_IS_TRUE,
            ),
            pgtrigger.Trigger(
                name="ticket_of_another",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=NOT_ONE_S_OWN,
            ),
            pgtrigger.Trigger(
                name="ticket_reserves",
                operation=pgtrigger.UpdateOf("state"),
                when=pgtrigger.Before,
                func=RESERVE,
            ),
            pgtrigger.Trigger(
                name="ticket_adds_up",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("amount"),
                **adds_up("NEW.id"),
            ),
            pgtrigger.Trigger(
                name="ticket_history_agrees",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                declare=[("found", "record")],
                func="""
                    SELECT state, moves INTO found FROM refunds_ticket WHERE id = NEW.id;
                    IF NOT EXISTS (SELECT 1 FROM refunds_ticketentry e
                        WHERE e.ticket_id = NEW.id AND e.seq = found.moves AND e.to_state = found.state) THEN
                        RAISE EXCEPTION 'ticket % has no entry % that led to %', NEW.id, found.moves, found.state USING ERRCODE = '23514';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_undecided(self) -> bool:
        return self.state in UNDECIDED

    @property
    def due(self) -> int:
        """Halalas that an approval gives back; 0 while nothing is approved."""
        return self.amount or 0

    @property
    def wants_account(self) -> bool:
        """Whether the practitioner must say where the money goes (REF-6)."""
        return self.state == TicketState.APPROVED and self.payout == PayoutMethod.TRANSFER and self.account is None


class Share(models.Model):
    """What an approved ticket gives back of one fee line or of its credit, and by which rule. Never changed."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="shares", verbose_name=_("refund ticket"))
    line = models.ForeignKey(Line, models.PROTECT, null=True, related_name="+", verbose_name=_("invoice line"))
    credit = models.ForeignKey(Credit, models.PROTECT, null=True, related_name="+", verbose_name=_("credit"))
    fee = models.CharField(_("fee"), max_length=10, blank=True)
    base = models.BigIntegerField(_("paid, in halalas"))
    returned = models.BigIntegerField(_("gone back before, in halalas"), default=0)
    rule = models.CharField(_("deciding rule"), max_length=14, choices=Rule)
    percent = models.PositiveSmallIntegerField(_("percent of the policy"))
    amount = models.BigIntegerField(_("amount in halalas"))
    vat = models.BigIntegerField(_("VAT in it, in halalas"), default=0)

    class Meta:
        verbose_name = _("share of a refund")
        verbose_name_plural = _("shares of refunds")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(line__isnull=False, credit=None) & ~Q(fee="") | Q(line=None, credit__isnull=False, fee=""),
                name="share_of_one_thing",
            ),
            models.UniqueConstraint(fields=["ticket", "line"], name="one_share_per_line"),
            models.UniqueConstraint(fields=["ticket", "credit"], name="one_share_per_credit"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, returned__gte=0, amount__lte=F("base") - F("returned")),
                name="share_within_what_was_paid",
            ),
            models.CheckConstraint(condition=Q(vat__gte=0, vat__lte=F("amount")), name="share_vat_within"),
            models.CheckConstraint(
                condition=Q(rule__in=["unapplied", *CLAIMS, "half", "overruled"]), name="share_rule_gives"
            ),
            models.CheckConstraint(
                condition=~Q(rule="unapplied") | Q(credit__isnull=False), name="unapplied_is_a_credit"
            ),
            # The administrative fee goes back on a ground of REF-4 alone (I38).
            models.CheckConstraint(condition=~Q(fee="admin") | Q(rule__in=CLAIMS), name="admin_fee_kept"),
            models.CheckConstraint(condition=~Q(rule="late_proof") | Q(fee="late"), name="late_proof_is_of_late_fee"),
            models.CheckConstraint(
                condition=~Q(rule="half")
                | Q(
                    Exact(
                        F("amount") + F("returned"),
                        (F("base") * F("percent") + 50) / 100,
                    ),
                    fee="service",
                ),
                name="half_is_exact",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="share_fixed", operation=NEVER_CHANGED),
            pgtrigger.Trigger(
                name="share_is_true",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("held", "record"), ("asked", "record")],
                func=SHARE_IS_TRUE,
            ),
            pgtrigger.Trigger(name="shares_add_up", operation=pgtrigger.Insert, **adds_up("NEW.ticket_id")),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.amount}"


class TicketEntry(models.Model):
    """One step in a ticket's timeline: what happened, who did it, in words. Never changed."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="timeline", verbose_name=_("refund ticket"))
    seq = models.PositiveIntegerField()
    move = models.CharField(_("move"), max_length=20)
    from_state = models.CharField(_("from"), max_length=10, choices=TicketState, blank=True)
    to_state = models.CharField(_("to"), max_length=10, choices=TicketState)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    public_text = models.TextField(_("text for the practitioner"), blank=True)
    internal_text = models.TextField(_("internal text"), blank=True)

    class Meta:
        verbose_name = _("entry of a refund ticket")
        verbose_name_plural = _("entries of refund tickets")
        ordering = ["-seq"]
        constraints = [models.UniqueConstraint(fields=["ticket", "seq"], name="one_entry_per_ticket_move")]
        triggers = [
            pgtrigger.Protect(name="ticket_entry_fixed", operation=NEVER_CHANGED),
            pgtrigger.Trigger(
                name="ticket_entries_chain",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[("before_it", "text")],
                func="""
                    SELECT to_state INTO before_it FROM refunds_ticketentry WHERE ticket_id = NEW.ticket_id AND seq = NEW.seq - 1;
                    IF coalesce(before_it, '') <> NEW.from_state OR (NEW.seq > 1) <> (before_it IS NOT NULL) THEN
                        RAISE EXCEPTION 'entry % of ticket % does not follow', NEW.seq, NEW.ticket_id USING ERRCODE = '23514';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.move}"


class TransferFile(models.Model):
    """One file of credit transfers for the bank (ISO 20022 pain.001.001.03), as it was made. Its content is sealed: it names accounts."""

    number = models.CharField(_("number"), max_length=15, unique=True)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("made by"))
    count = models.PositiveIntegerField(_("transfers"))
    total = models.BigIntegerField(_("sum in halalas"))
    content = models.BinaryField(editable=False)
    sha256 = models.BinaryField(max_length=32, editable=False)

    class Meta:
        verbose_name = _("transfer file")
        verbose_name_plural = _("transfer files")
        ordering = ["-made_at"]
        constraints = [
            models.CheckConstraint(condition=Q(is_sha256("sha256")), name="transfer_file_has_hash"),
            models.CheckConstraint(condition=Q(count__gt=0, total__gt=0), name="transfer_file_holds_something"),
        ]
        triggers = [pgtrigger.Protect(name="transfer_file_fixed", operation=NEVER_CHANGED)]

    def __str__(self) -> str:
        return self.number


@pghistory.track()
class Transfer(models.Model):
    """One ticket's transfer in a file, by the account of its day, and what the bank made of it."""

    class Outcome(models.TextChoices):
        SENT = "sent", _("With the bank")
        EXECUTED = "executed", _("Executed")
        FAILED = "failed", pgettext_lazy("transfer", "Failed")

    file = models.ForeignKey(TransferFile, models.PROTECT, related_name="transfers", verbose_name=_("transfer file"))
    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="transfers", verbose_name=_("refund ticket"))
    end_to_end = models.CharField(_("end-to-end reference"), max_length=35, unique=True)
    amount = models.BigIntegerField(_("amount in halalas"))
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome, default=Outcome.SENT)

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["file", "ticket"], name="ticket_once_in_a_file"),
            models.UniqueConstraint(fields=["ticket"], condition=~Q(outcome="failed"), name="one_live_transfer"),
            models.CheckConstraint(
                condition=Q(outcome__in=["sent", "executed", "failed"], amount__gt=0), name="transfer_words_known"
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="transfer_request_fixed", fields=["file", "ticket", "end_to_end", "amount"]),
            pgtrigger.FSM(
                name="transfer_outcomes", field="outcome", transitions=[("sent", "executed"), ("sent", "failed")]
            ),
            pgtrigger.Protect(name="transfer_never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.end_to_end
