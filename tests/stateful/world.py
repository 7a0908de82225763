"""What every step stands on: the surroundings, one person in the portal and in the expectation, the clock, and the ways between.

Every step is a real commit through the portal's own verbs.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from accounts.models import Practitioner
from applications import dossier, fees, filing
from applications.catalogue import CATALOGUE
from applications.models import Application, Attachment, ReturnReason
from applications.progress import advance
from documents.models import Paper
from mumaris.kit.lifecycle import NotAllowed
from mumaris.pages import books
from payments import billing
from payments.models import Invoice
from register.models import Rank, Specialty
from tests.exempt import Finance as ExemptionOfficers
from tests.people import NOON, Office, make_practitioner, make_qualification, make_staff
from tests.refunds.tickets import Finance
from tests.stateful import at_once, expected
from tests.stateful.bank import Bank
from tests.stateful.expected import Person

SECOND = timedelta(seconds=1)
# A practitioner's papers and gap in practice stay as good as on the first day for so long.
LAST_DAY = NOON + timedelta(days=480)

SOME = st.integers(0, 5)  # which of what there is
METHODS = st.sampled_from(["card", "sadad"])
CHANGES = st.sampled_from([0, 0, 0, 0, -1, -5_000, 1, 700])  # halalas beside the right amount
# When the bank moved the money: now, before, or just around the cut-off where that has passed.
MOVED = st.sampled_from(["now", "now", "now", "earlier", "just in time", "just too late"])
AROUND = [-SECOND, timedelta(), SECOND]  # a cut-off


class Surroundings:
    """What all examples of a test share: officers, the bank, two threads with connections of their own."""

    def __init__(self) -> None:
        self.office = Office()
        self.finance = Finance()
        self.second_payer = make_staff("finance officer")
        self.exempters = ExemptionOfficers()
        self.bank = Bank()
        self.threads = ThreadPoolExecutor(2)
        self.specialty = Specialty.objects.get(code="general-nursing")
        self.rank = Rank.objects.get(code="technician")
        self.illegible = ReturnReason.objects.get(code="illegible")
        self.fees = {
            purpose: fees.price("classification", purpose, self.rank.fee_category, NOON.date())
            for purpose in ("admin", "service")
        }
        self.slots = _slots(self)
        self.guards = books.guards()
        with connection.cursor() as cursor:
            # Planned once: planning the whole pack costs ten times what running it does.
            cursor.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off")
            pack = books.statement(whole=False) % {"payers": "$1", "now": "$2", "guards": "$3"}
            cursor.execute(f"PREPARE books (bigint[], timestamptz, text[]) AS {pack}")
            cursor.execute("SET enable_seqscan = on")

    def end(self) -> None:
        at_once.end(self.threads)


class EveryRule:
    def is_enabled(self, name: str) -> bool:
        return True


class World(RuleBasedStateMachine):
    around: Surroundings  # set by the test, before anything runs

    def __init__(self) -> None:
        super().__init__()
        # Hypothesis leaves out half of the rules in a run, another half each time: here that is a case that never moves on.
        self._rules_strategy.enabled_rules_strategy = st.just(EveryRule())

    @initialize()
    def begin(self) -> None:
        self.now = NOON
        self.payer = make_practitioner()
        self.degree = make_qualification(self.payer)
        self.papers = [_paper(self.payer, kind) for kind in self.around.slots]
        self.evidence = _paper(self.payer, "exemption")
        self.person = Person(dict(self.around.fees))
        self.numbers = iter(range(1, 10_000))
        self.token = uuid.uuid4().hex[:12]
        self.told: list[tuple[expected.Attempt, str, str]] = []
        self.came: list[tuple[expected.Invoice, expected.Payment]] = []
        self._declare(self._draft())

    def teardown(self) -> None:
        """The next run begins on the first day again, so nobody of this one may wait for what the beat does then."""
        case = self.person.open_case
        if case and case.was_declared:
            with suppress(NotAllowed, DatabaseError):  # after a run that went wrong
                advance(self._row(case).pk, "withdraw", by=self.payer.user, now=self.now)

    def _go_to(self, moment: datetime) -> None:
        if moment <= LAST_DAY:
            self.now = moment

    def _at_once(self, first: Callable[[], object], second: Callable[[], object]) -> None:
        at_once.while_first_is_held(self.around.threads, first, second)

    @contextmanager
    def _refused_if(self, expects: bool) -> Iterator[list[NotAllowed]]:
        """What is done in it must be refused, or must not be; gives the refusals."""
        refused: list[NotAllowed] = []
        try:
            yield refused
        except NotAllowed as reason:
            refused.append(reason)
        assert bool(refused) == expects, f"refused: {refused}"

    # Cases

    def _draft(self) -> expected.Case:
        around = self.around
        draft = filing.start(self.payer, CATALOGUE["classification"], now=self.now)
        chosen = {"specialty": around.specialty, "rank": around.rank, "qualification": self.degree}
        filing.save_answers(draft, {"gap_explanation": ""}, version=draft.version, now=self.now, **chosen)
        Attachment.objects.bulk_create(
            Attachment(application=draft, practitioner=self.payer, slot=paper.kind, paper=paper, attached_at=self.now)
            for paper in self.papers
        )
        case = expected.Case(draft.reference, self.now)
        self.person.cases.append(case)
        return case

    def _declare(self, case: expected.Case) -> None:
        filing.declare(self._row(case), by=self.payer.user, now=self.now)
        self.person.declare(case, self.now)

    def _may_begin(self) -> bool:
        return not self.person.open_case and all(case.state != "completed" for case in self.person.cases)

    def _row(self, case: expected.Case) -> Application:
        return Application.objects.get(reference=case.reference)

    # Money

    def _owed(self) -> expected.Invoice | None:
        """The open invoice while there is time to pay it."""
        return next((one for one in self.person.invoices if one.is_owed(self.now)), None)

    def _invoice(self, which: int) -> expected.Invoice:
        """The newest first: money for old ones is the rarer case."""
        return self.person.invoices[-1 - which % len(self.person.invoices)]

    def _invoice_row(self, invoice: expected.Invoice) -> Invoice:
        place = [one for one in invoice.case.invoices if one.purpose == invoice.purpose].index(invoice)
        return Invoice.objects.filter(case=invoice.case.reference, purpose=invoice.purpose).order_by("pk")[place]

    def _payments(self) -> list[tuple[expected.Invoice, expected.Payment]]:
        return [(invoice, payment) for invoice in self.person.invoices for payment in invoice.payments]

    def _payment(self, invoice: expected.Invoice, method: str, change: int = 0, moved: str = "now") -> expected.Payment:
        """One to come. What the cut-off has to do with it is left out while the clock stands."""
        cut_off = invoice.clock.lapses_at or self.now
        at = {
            "now": self.now,
            "earlier": self.now - (self.now - invoice.issued_at) / 2,
            "just in time": cut_off - SECOND,
            "just too late": cut_off,
        }[moved].replace(microsecond=0)
        ref = f"{self.token}-{next(self.numbers)}"
        return expected.Payment(ref, method, invoice.amount + change, min(at, self.now))

    def _receiver(self, invoice: expected.Invoice, payment: expected.Payment) -> Callable[[], object]:
        row, now = self._invoice_row(invoice), self.now
        return lambda: billing.receive(
            invoice=row,
            attempt=None,
            provider_ref=payment.ref,
            method=payment.method,
            amount=payment.amount,
            paid_at=payment.moved_at,
            now=now,
        )

    def _receive(self, invoice: expected.Invoice, payment: expected.Payment) -> None:
        self._receiver(invoice, payment)()
        self._expect(invoice, payment)

    def _expect(self, invoice: expected.Invoice, payment: expected.Payment) -> None:
        self.came.append((invoice, payment))
        self.person.hear(invoice, payment, self.now)


def _slots(around: Surroundings) -> list[str]:
    """What a complete draft attaches: the same for everybody here."""
    payer = make_practitioner()
    draft = filing.start(payer, CATALOGUE["classification"], now=NOON)
    chosen = {"specialty": around.specialty, "rank": around.rank, "qualification": make_qualification(payer)}
    filing.save_answers(draft, {"gap_explanation": ""}, version=draft.version, now=NOON, **chosen)
    draft.refresh_from_db()
    slots = CATALOGUE["classification"].slots(dossier.load(payer, NOON, draft))
    return [slot.slug for slot in slots if slot.required]


def _paper(payer: Practitioner, kind: str) -> Paper:
    """As the wallet leaves one; no file is ever opened here."""
    facts = {"name": f"{kind}.pdf", "sha256": b"x" * 32, "bytes": 1_000, "media_type": "application/pdf"}
    return Paper.objects.create(
        practitioner=payer, kind=kind, storage_key=uuid.uuid4(), scan="unscanned", uploaded_at=NOON, **facts
    )
