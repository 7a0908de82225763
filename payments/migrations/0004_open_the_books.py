"""Opens the books on what was billed and paid before there were any, and names the fee of each line billed until then."""

from django.db import migrations

NAME_FEES = """
    ALTER TABLE payments_line DISABLE TRIGGER USER;
    UPDATE payments_line l SET fee = CASE WHEN l.text_en LIKE 'Late%' THEN 'late' ELSE i.purpose END
        FROM payments_invoice i WHERE i.id = l.invoice_id AND l.fee = '';
    ALTER TABLE payments_line ENABLE TRIGGER USER;
"""
BOOK = """
    WITH booked AS ({events}),
    posting AS (INSERT INTO payments_posting (key, kind, at, invoice_id, payment_id, ticket)
        SELECT '{kind}:' || coalesce(payment_id, invoice_id), '{kind}', at, invoice_id, payment_id, '' FROM booked
        RETURNING id, invoice_id, payment_id)
    INSERT INTO payments_ledgerentry (posting_id, account, amount)
        SELECT p.id, leg.account, leg.amount
        FROM posting p JOIN booked b ON b.invoice_id = p.invoice_id AND b.payment_id IS NOT DISTINCT FROM p.payment_id,
        LATERAL ({legs}) AS leg (account, amount)
        WHERE leg.amount <> 0
"""
INVOICES = """SELECT id AS invoice_id, NULL::bigint AS payment_id, issued_at AS at, amount, vat
    FROM payments_invoice WHERE amount > 0"""
PAYMENTS = """SELECT p.invoice_id, p.id AS payment_id, p.received_at AS at, p.method, p.amount, i.amount AS asked
    FROM payments_payment p JOIN payments_invoice i ON i.id = p.invoice_id"""
OWED = """VALUES ('receivable', {sign} b.amount), ('vat', {sign} -b.vat)
    UNION ALL SELECT 'revenue:' || fee, {sign} sum(vat - amount) FROM payments_line
        WHERE invoice_id = b.invoice_id AND waives_id IS NULL GROUP BY fee"""
OPENING = [
    BOOK.format(kind="issue", events=INVOICES, legs=OWED.format(sign="1 *")),
    BOOK.format(kind="close", events=f"{INVOICES} AND state IN ('lapsed', 'void')", legs=OWED.format(sign="-1 *")),
    BOOK.format(
        kind="receive", events=PAYMENTS, legs="VALUES ('bank:' || b.method, b.amount), ('suspense', -b.amount)"
    ),
    BOOK.format(
        kind="apply",
        events=f"{PAYMENTS} WHERE p.disposition = 'applied'",
        legs="VALUES ('suspense', b.asked), ('receivable', -b.asked)",
    ),
]


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_money")]

    operations = [
        migrations.RunSQL(NAME_FEES, migrations.RunSQL.noop),
        *[migrations.RunSQL(statement, migrations.RunSQL.noop) for statement in OPENING],
    ]
