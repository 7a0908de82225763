"""A person, a bank, officers and the beat, doing whatever comes to them in any order, beside what should become of it.

After each step the database must say exactly what tests/stateful/expected.py says, and no rule of mumaris/pages/books.py may be
broken for this person.
"""

from collections import Counter

from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from mumaris.pages import books
from tests.stateful.cases import Cases
from tests.stateful.exemptions import Exemptions
from tests.stateful.world import Surroundings

# These say what the beat has not come to yet; the expectation says it better.
OF_THE_BEAT = {"I18", "I30b"}

FOUND = """
    SELECT 'case', c.reference, c.state, c.cancel_reason, coalesce(d.kind, ''),
        coalesce(extract(epoch FROM d.lapses_at)::bigint::text, d.days_left || ' days left', '')
    FROM applications_application c LEFT JOIN applications_deadline d ON d.application_id = c.id WHERE c.practitioner_id = %(payer)s
    UNION ALL SELECT 'invoice', i."case", i.purpose, i.amount::text, i.state, coalesce(extract(epoch FROM i.lapses_at)::bigint::text, '')
    FROM payments_invoice i WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'payment', p.provider_ref, p.amount::text, p.disposition, i.purpose, p.refunded::text
    FROM payments_payment p JOIN payments_invoice i ON i.id = p.invoice_id WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'credit', p.provider_ref, c.reason, c.amount::text, '', ''
    FROM payments_credit c JOIN payments_payment p ON p.id = c.payment_id JOIN payments_invoice i ON i.id = p.invoice_id
    WHERE i.payer_id = %(payer)s AND c.applied_at IS NULL
    UNION ALL SELECT 'ticket', p.provider_ref, coalesce(c.reason, ''), t.state, coalesce(t.amount, 0)::text,
        coalesce(extract(epoch FROM (t.collect_by + 1)::timestamp AT TIME ZONE 'Asia/Riyadh')::bigint::text, '')
    FROM refunds_ticket t JOIN payments_payment p ON p.id = t.payment_id JOIN payments_invoice i ON i.id = p.invoice_id
    LEFT JOIN payments_credit c ON c.id = t.credit_id WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'transfer', p.provider_ref, coalesce(c.reason, ''), s.outcome, s.amount::text, ''
    FROM refunds_transfer s JOIN refunds_ticket t ON t.id = s.ticket_id JOIN payments_payment p ON p.id = t.payment_id
    JOIN payments_invoice i ON i.id = p.invoice_id LEFT JOIN payments_credit c ON c.id = t.credit_id WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'exemption', e.state, coalesce(e.starts_on::text, ''), coalesce(e.ends_on::text, ''), '', ''
    FROM payments_exemption e WHERE e.practitioner_id = %(payer)s
    UNION ALL SELECT 'event', e.event_id, CASE WHEN e.processed_at IS NULL THEN 'waits' ELSE 'worked' END, '', '', ''
    FROM payments_webhookevent e JOIN payments_attempt t ON t.given_id = e.given_id JOIN payments_invoice i ON i.id = t.invoice_id
    WHERE i.payer_id = %(payer)s
    UNION ALL SELECT 'account', l.account, sum(l.amount)::text, '', '', ''
    FROM payments_ledgerentry l WHERE l.posting_id IN (
        SELECT g.id FROM payments_posting g JOIN payments_invoice i ON i.id = g.invoice_id WHERE i.payer_id = %(payer)s
        UNION ALL SELECT g.id FROM payments_posting g JOIN payments_payment p ON p.id = g.payment_id
        JOIN payments_invoice i ON i.id = p.invoice_id WHERE i.payer_id = %(payer)s AND g.invoice_id IS NULL)
    GROUP BY l.account HAVING sum(l.amount) <> 0
"""


class MoneyMachine(Cases, Exemptions):
    @invariant()
    def the_database_says_what_it_should(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(FOUND, {"payer": self.payer.pk})
            found = Counter(cursor.fetchall())
        wanted = self.person.rows()
        assert found == wanted, (
            f"wrong: {sorted((found - wanted).elements())}, missing: {sorted((wanted - found).elements())}"
        )

    @invariant()
    def no_rule_of_the_books_is_broken(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("EXECUTE books (%s, %s, %s)", [[self.payer.pk], self.now, self.around.guards])
            found = [one for one in books.read(cursor.fetchall()) if one.rule.id not in OF_THE_BEAT]
        assert not found, "; ".join(map(str, found))


def run(around: Surroundings, chosen: int, *, runs: int, steps: int, shrink: bool = True) -> None:
    """So many examples of the machine, by a seed. Raises what a step or a rule says of the first that goes wrong."""

    class Machine(MoneyMachine):
        pass

    Machine.around = around
    options = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(chosen)(Machine), settings=options)
