"""Cases that await an exam, and exam companies' files about them."""

from datetime import date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.models import Practitioner
from applications import exams, results_csv, results_file
from applications.models import Application, EligibilityNumber, ResultsFile
from tests.people import NOON, Office, make_practitioner, make_qualification, pay, submitted

HEAD = ",".join(results_csv.COLUMNS)
DAY = NOON.date()


def waiting(office: Office, person: Practitioner | None = None, *, now: datetime = NOON) -> EligibilityNumber:
    """The eligibility number of a nurse who asked for the rank of specialist and awaits the exam."""
    person = person or make_practitioner(now=now)
    degree = make_qualification(person, degree="bachelor", title="Bachelor of nursing", now=now)
    return office.admit(submitted(person, now=now, rank="specialist", qualification=degree), now=now)


def case_of(number: EligibilityNumber) -> Application:
    return Application.objects.get(pk=number.application_id)


def again(number: EligibilityNumber) -> EligibilityNumber:
    return EligibilityNumber.objects.get(pk=number.pk)


def fail(office: Office, number: EligibilityNumber, times: int, *, first: datetime = NOON) -> datetime:
    """So many failures on days in a row, the paid attempt paid for at once; returns the last moment."""
    now = first
    for turn in range(times):
        now = first + timedelta(days=turn)
        if case_of(number).state == "awaiting_exam_fee":
            pay(case_of(number), "exam", now=now)
        office.result(number, "failed", now=now)
    return now


def line(number: Any, outcome: str = "passed", sat_on: Any = DAY, family: str = "Idris", score: str = "") -> str:
    day = sat_on.isoformat() if isinstance(sat_on, date) else sat_on
    return f"{number},{family},{day},{outcome},{score}"


def csv_of(*lines: str) -> bytes:
    return "\r\n".join([HEAD, *lines, ""]).encode()


def uploaded(office: Office, content: bytes | str, *, now: datetime = NOON) -> ResultsFile:
    content = content.encode() if isinstance(content, str) else content
    return results_file.take_in(SimpleUploadedFile("results.csv", content), by=office.examiner, now=now)


def checked(office: Office, *lines: str, now: datetime = NOON, content: bytes | None = None) -> ResultsFile:
    file = uploaded(office, csv_of(*lines) if content is None else content, now=now)
    results_file.check_waiting(now)
    file.refresh_from_db()
    return file


def applied(office: Office, *lines: str, now: datetime = NOON) -> ResultsFile:
    file = checked(office, *lines, now=now)
    results_file.ask_to_apply(file, by=office.examiner)
    results_file.apply_waiting(now)
    file.refresh_from_db()
    return file


def counts(file: ResultsFile) -> dict[str, int]:
    return {name: number for name, number in file.report["counts"].items() if number}


def problems(file: ResultsFile) -> list[tuple[int, str]]:
    return [(one["line"], one["code"]) for one in file.report["problems"]]


def many_waiting(total: int, *, failed: int = 0) -> list[str]:
    """The numbers of so many cases that await their exam; the last `failed` of them failed once already, on the first day.

    Written past the triggers, which the rows obey: ten thousand cases by the portal's own verbs would take an hour.
    """
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"total": total, "failed": failed, "since": NOON, "day": DAY})
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('accounts_user', 'id'), (SELECT max(id) FROM accounts_user))"
        )
    return [f"EN-2026-{one:07d}" for one in range(1, total + 1)]


MANY = """
SET LOCAL session_replication_role = replica;
CREATE TEMP TABLE many ON COMMIT DROP AS SELECT i, 5000000 + i AS id FROM generate_series(1, %(total)s) i;
INSERT INTO accounts_user (id, password, is_superuser, email, name, language, is_active, is_staff, date_joined)
SELECT id, '!', false, 'many' || i || '@example.com', 'Samar Idris', 'ar', true, false, %(since)s FROM many;
INSERT INTO accounts_practitioner (id, user_id, first_ar, father_ar, grandfather_ar, family_ar, first_en, father_en, grandfather_en,
    family_en, birth_date, gender, nationality, mobile, address, employer, job, created_at, confirmed_at, version)
SELECT id, id, 'سمر', '', '', 'إدريس', 'Samar', '', '', 'Idris', '1995-05-03', 'f', 'SA', '+966501234567', '', '', '', %(since)s, %(since)s, 1
FROM many;
INSERT INTO documents_qualification (id, practitioner_id, degree, field, title, institution, country, awarded_on, equivalency,
    name_on_paper, name_note)
SELECT id, id, 'bachelor', 'NUR', 'Bachelor of nursing', 'Health Institute', 'SA', '2026-06-01', '', '', '' FROM many;
INSERT INTO applications_application (id, reference, practitioner_id, service, state, moves, version, answers, judgement, qualification_id,
    asked_specialty_id, asked_rank_id, recommendation, cancel_reason, needs_second_officer, created_at, saved_at, declared_at, submitted_at)
SELECT id, 'CL-2026-' || to_char(i, 'FM0000000'), id, 'classification', 'awaiting_exam', 1, 5, '{}', '{}', id,
    (SELECT id FROM register_specialty WHERE code = 'general-nursing'), (SELECT id FROM register_rank WHERE code = 'specialist'),
    '', '', true, %(since)s, %(since)s, %(since)s, %(since)s
FROM many;
INSERT INTO applications_entry (application_id, seq, move, from_state, to_state, at, public_text, internal_text)
SELECT id, 1, 'admit_to_exam', 'under_review', 'awaiting_exam', %(since)s, '', '' FROM many;
INSERT INTO applications_deadline (application_id, kind, began_on, due_on, grace_days, lapses_at)
SELECT id, 'exam', %(day)s, %(day)s::date + 180, 0, (%(day)s::date + 181)::timestamp AT TIME ZONE 'Asia/Riyadh' FROM many;
INSERT INTO applications_eligibilitynumber (id, number, application_id, exam_id, free_attempts, paid_attempts, fee, tax, validity_days,
    cooling_off_days, issued_at, valid_until)
SELECT id, 'EN-2026-' || to_char(i, 'FM0000000'), id, (SELECT id FROM register_exam WHERE code = 'snle'), 2, 1, 60000, 'out_of_scope', 180, 180,
    %(since)s, %(day)s::date + 180
FROM many;
INSERT INTO applications_examresult (number_id, sat_on, outcome, reason, recorded_at, recorded_by_id)
SELECT id, %(day)s, 'failed', '', %(since)s, (SELECT min(id) FROM accounts_user WHERE is_staff) FROM many
WHERE i > %(total)s - %(failed)s;
SET LOCAL session_replication_role = origin;
ANALYZE accounts_practitioner, documents_qualification, applications_application, applications_entry, applications_deadline,
    applications_eligibilitynumber, applications_examresult;
"""


def exams_of(number: EligibilityNumber) -> list[str]:
    """What stands of each sitting, in order."""
    return [one.outcome for one in exams.number_of(number.application).standing_results()]
