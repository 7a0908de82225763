-- %(more)s further entries, replaced papers, void invoices and notices for the application %(case)s.
INSERT INTO applications_entry (application_id, seq, move, from_state, to_state, at, public_text, internal_text)
SELECT id, moves + n, 'release', 'under_review', 'submitted', saved_at, '', ''
FROM applications_application, generate_series(1, %(more)s) n WHERE reference = %(case)s;

INSERT INTO applications_attachment (application_id, practitioner_id, slot, paper_id, attached_at, replaced_at)
SELECT a.id, a.practitioner_id, 'photo', (SELECT min(paper_id::text)::uuid FROM applications_attachment t WHERE t.application_id = a.id), a.saved_at, a.saved_at
FROM applications_application a, generate_series(1, %(more)s) n WHERE reference = %(case)s;

INSERT INTO payments_invoice (number, payer_id, "case", purpose, serial, amount, vat, state, issued_at, due_on, grace_days, waiver)
SELECT 'INV-MORE-' || n, practitioner_id, reference, 'admin', 1, 0, 0, 'void', saved_at, saved_at, 0, ''
FROM applications_application, generate_series(1, %(more)s) n WHERE reference = %(case)s;

INSERT INTO accounts_notice (recipient_id, key, kind, reference, facts, created_at, told_at)
SELECT p.user_id, a.reference || ':more:' || n, 'submitted', a.reference, '{}', a.saved_at, a.saved_at
FROM applications_application a JOIN accounts_practitioner p ON p.id = a.practitioner_id, generate_series(1, %(more)s) n
WHERE a.reference = %(case)s;
