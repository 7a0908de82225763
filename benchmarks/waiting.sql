-- Applications 1 … %(total)s that wait, each of a person of its own and with what the portal keeps for it, and the same
-- rows for the floor. They lapse in waves scattered over the tables: the days after 2030-01-01, each as big as `ends` says
-- (running totals); all others wait for years.
SET session_replication_role = replica;
CREATE TEMP TABLE waiting AS
SELECT i, kind, due_on, (due_on + 1)::timestamp AT TIME ZONE 'Asia/Riyadh' AS lapses_at,
    CASE kind WHEN 'admin_fee' THEN 'awaiting_admin_fee' WHEN 'return' THEN 'returned' ELSE 'preliminarily_approved' END AS state,
    (due_on - 30)::timestamp AT TIME ZONE 'Asia/Riyadh' AS since
FROM (
    SELECT i, (ARRAY['admin_fee', 'return', 'service_fee'])[1 + mod(i, 3)] AS kind,
        DATE '2030-01-01' + CASE WHEN wave < cardinality(%(ends)s) THEN wave ELSE 1000 + mod(i, 30) END AS due_on
    FROM (
        SELECT i, width_bucket(row_number() OVER (ORDER BY md5(i::text)) - 1, %(ends)s::bigint[]) AS wave
        FROM generate_series(1, %(total)s) i
    ) scattered
) dated ORDER BY i;

INSERT INTO accounts_user (id, password, is_superuser, email, name, language, is_active, is_staff, date_joined)
SELECT i, '!', false, 'user' || i || '@example.invalid', 'Applicant ' || i, 'ar', true, false, since FROM waiting;

INSERT INTO accounts_practitioner (id, user_id, first_ar, father_ar, grandfather_ar, family_ar, first_en, father_en, grandfather_en,
    family_en, birth_date, gender, nationality, mobile, address, employer, job, created_at, confirmed_at, version)
SELECT i, i, 'سمر', '', '', 'إدريس', 'Samar', '', '', 'Idris', '1995-05-03', 'f', 'SA', '+966501234567', '', '', '', since, since, 1
FROM waiting;

INSERT INTO applications_application (id, reference, practitioner_id, service, state, moves, version, answers, judgement,
    asked_specialty_id, asked_rank_id, recommendation, cancel_reason, needs_second_officer, created_at, saved_at, declared_at, submitted_at, approved_at)
SELECT i, 'CL-2029-' || to_char(i, 'FM0000000'), i, 'classification', state, 1, 5, '{"qualification": 11, "gap_explanation": ""}',
    %(judgement)s, (SELECT min(id) FROM register_specialty), (SELECT min(id) FROM register_rank), '', '', true, since, since, since,
    CASE WHEN kind <> 'admin_fee' THEN since END, CASE WHEN kind = 'service_fee' THEN since END
FROM waiting;

INSERT INTO applications_deadline (application_id, kind, began_on, due_on, grace_days, lapses_at)
SELECT i, kind, due_on - 30, due_on, 0, lapses_at FROM waiting;

INSERT INTO applications_entry (application_id, seq, move, from_state, to_state, at, public_text, internal_text)
SELECT i, 1, 'declare', 'draft', state, since, '', '' FROM waiting;

INSERT INTO payments_invoice (id, number, payer_id, "case", purpose, serial, amount, vat, state, issued_at, due_on, grace_days, lapses_at, waiver)
SELECT i, 'INV-2029-' || i, i, 'CL-2029-' || to_char(i, 'FM0000000'), CASE kind WHEN 'admin_fee' THEN 'admin' ELSE 'service' END, 1, 20000, 0,
    'issued', since, due_on, 0, lapses_at, ''
FROM waiting WHERE kind <> 'return';

INSERT INTO payments_line (invoice_id, fee, text_ar, text_en, amount, tax, vat)
SELECT id, purpose, 'رسم', 'Fee', amount, 'out_of_scope', 0 FROM payments_invoice;

INSERT INTO payments_posting (id, key, kind, at, invoice_id, ticket) SELECT id, 'issue:' || id, 'issue', issued_at, id, '' FROM payments_invoice;
INSERT INTO payments_ledgerentry (posting_id, account, amount)
SELECT id, leg.account, leg.amount FROM payments_invoice, LATERAL (VALUES ('receivable', amount), ('revenue:' || purpose, -amount)) AS leg (account, amount);
SELECT setval(pg_get_serial_sequence('payments_posting', 'id'), (SELECT max(id) FROM payments_posting));

INSERT INTO floor_application (id, number, owner_id, status, applicant_name, email, licence_type, fee, payment_deadline, created_at, note)
SELECT i, 'APP-' || to_char(i, 'FM000000000'), i, 'awaiting_payment', 'Applicant ' || i, 'user' || i || '@example.invalid', 'trade', 200,
    lapses_at, since, repeat('n', 120)
FROM waiting;
SET session_replication_role = origin;
