"""Verification at the source: who needs it, the company's case, its report, and one appeal (DOC-2, DOC-3, DOC-4).

The company is asked outside transactions; what it says is written down under the practitioner's or the case's lock.
"""

import logging
import re
import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts import notices, profile
from accounts.models import Practitioner, User
from documents import wallet
from documents.checks import names_agree
from documents.models import (
    HOLDING,
    Experience,
    Licence,
    Qualification,
    Refusal,
    Result,
    Source,
    Verification,
)
from documents.verifier import NoSuchCase, Report, VerifierDown, verifier
from mumaris.kit import files, policy
from mumaris.kit.clock import today
from mumaris.kit.digits import ascii_digits, clean
from mumaris.kit.nudge import nudge

log = logging.getLogger(__name__)

Entry = Qualification | Experience | Licence

APPEAL_DAYS = "verification.appeal_days"
CASE_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9-]{4,28}[A-Z0-9]")
# A case that the company never answered for is asked about again soon; one at work there takes weeks.
ASK_AGAIN, ASK_AGAIN_AT_WORK = timedelta(minutes=10), timedelta(hours=6)
ROUND_SECONDS = 60  # a slow company must not outlast the task; who was not reached comes first next time


class NotPossible(Exception):
    """Why not, in words for whoever asked; nothing was changed."""


def needed(entry: Entry, is_saudi: bool) -> bool:
    """DOC-2: whether the entry must be verified at its source.

    Only what was earned or practised abroad and is not recognised already; a Saudi's degree is exempt by an equivalency.
    """
    if entry.country == "SA":
        return False
    if isinstance(entry, Qualification):
        return not entry.recognised_on and not (is_saudi and entry.equivalency)
    return True


def missing(entries: Iterable[Entry], is_saudi: bool) -> list[Entry]:
    """Those of the entries that need verification and have no positive one. Prefetch `verifications` for many."""
    return [
        entry
        for entry in entries
        if needed(entry, is_saudi) and not any(one.is_positive for one in entry.verifications.all())
    ]


def hold(entry: Entry) -> str:
    """Why the entry cannot be changed or removed now, "" when it can: what is verified must stay what was verified."""
    held = entry.verifications.filter(HOLDING).first() if entry.pk else None
    if held is None:
        return ""
    if held.is_positive:
        return _("This entry is verified, so it stays as it is. Add a new entry for another paper.")
    return _("This entry is with the verification company, so it stays as it is until the result is there.")


def hold_the_person(practitioner: Practitioner, what: str) -> str:
    """Why the names and the birth date stay as they are, "" when they may change: the reports name this person."""
    if what == profile.WHO and practitioner.verifications.filter(HOLDING).exists():
        return _("The verification company's reports name you as you are entered here, so this stays as it is.")
    return ""


def last_day_to_appeal(verification: Verification, days: int) -> date | None:
    """The last Riyadh day of an appeal, `days` after the report; None where there is nothing to appeal against."""
    judged = verification.result in (Result.DISCREPANCY, Result.UNABLE)
    if not judged or verification.appealed_at or not verification.reported_on:
        return None
    return verification.reported_on + timedelta(days=days)


def enter_case(entry: Entry, case_number: str, *, by: User, now: datetime) -> Verification:
    """Take the company's case number for an entry and ask the company at once (DOC-3).

    Raises NotPossible when the company does not know the number, or knows it for another person or document; nothing is
    kept then. A company that gives no usable answer is asked again later, and the number is kept as waiting.
    """
    if by.pk != entry.practitioner.user_id:
        raise PermissionDenied
    company = verifier()
    if company is None:
        raise NotPossible(
            _("Case numbers are not taken here. Bring the company's paper report, and our staff record it.")
        )
    number = case_number_of(case_number)
    _refuse_superfluous(entry, number)
    report, asked_at = None, None
    try:
        report, asked_at = company.report(number, today(now)), now
    except NoSuchCase:
        raise NotPossible(Refusal.UNKNOWN.label) from None
    except VerifierDown as trouble:
        log.warning("verification company gives no answer for %s: %s", number, trouble)
    with transaction.atomic():
        entry = _locked(entry)
        if same := entry.verifications.filter(case_number=number, refusal="").first():  # a second click
            return same
        _refuse_superfluous(entry, number)
        if report and (refusal := refusal_of(report, entry)):
            raise NotPossible(Refusal(refusal).label)
        _replace_waiting(entry)
        verification = _begin(entry, number, now)
        verification.tried_at, verification.asked_at = now, asked_at
        if report and report.result:
            _write_down(verification, report)
        _save(verification)
        _tell(verification, now)
        return verification


def ask(verification: Verification, *, now: datetime) -> Verification:
    """Ask the company how a waiting case stands, and write down what it says. Raises VerifierDown: ask again later."""
    company = verifier()
    if company is None or not verification.is_waiting:
        return verification
    Verification.objects.filter(pk=verification.pk).waiting().update(tried_at=now)
    report = None
    try:
        if verification.appealed_at and not verification.appeal_told_at:
            company.appeal(verification.case_number, verification.appeal_text)
            Verification.objects.filter(pk=verification.pk).waiting().update(appeal_told_at=now)
        report = company.report(verification.case_number, today(now))
    except NoSuchCase:
        if verification.appealed_at:  # it had reported on it: staff will record what comes on paper
            raise VerifierDown("the company does not know a case that it reported on") from None
    with transaction.atomic():
        fresh = Verification.objects.select_for_update(of=("self",)).with_entries().get(pk=verification.pk)
        # What was read may be old by now: another answer, a paper report or an appeal is never overwritten.
        if not fresh.is_waiting or fresh.appealed_at != verification.appealed_at:
            return fresh
        fresh.asked_at = now
        if refusal := refusal_of(report, fresh.entry) if report else Refusal.UNKNOWN:
            fresh.refusal = refusal
        elif report and report.result:
            _write_down(fresh, report)
        fresh.save()
        _tell(fresh, now)
        return fresh


def ask_all(now: datetime, batch: int = 200) -> int:
    """Ask about the cases that wait longest to be asked, for at most ROUND_SECONDS; returns how many were answered."""
    if verifier() is None:
        return 0
    due = (
        Verification.objects.waiting()
        .filter(
            Q(tried_at=None)
            | Q(asked_at=None, tried_at__lte=now - ASK_AGAIN)
            | Q(tried_at__lte=now - ASK_AGAIN_AT_WORK)
        )
        .order_by(F("tried_at").asc(nulls_first=True), "pk")[:batch]
    )
    answered, end = 0, time.monotonic() + ROUND_SECONDS
    for verification in due:
        if time.monotonic() > end:
            break
        try:
            ask(verification, now=now)
            answered += 1
        except VerifierDown as trouble:
            log.warning("case %s waits: %s", verification, trouble)
        except Exception:  # one odd case must not keep everybody else's from being heard
            log.exception("case %s could not be asked about", verification)
    return answered


def record_report(entry: Entry, report: Report, *, upload: UploadedFile, by: User, now: datetime) -> Verification:
    """Write down a paper report with its file, held against the person and the entry like the company's own answer.

    Raises PermissionDenied to who may not, NotPossible with the reason, checks.Refused for the file.
    """
    if not by.has_perm("documents.record_verification") or by.pk == entry.practitioner.user_id:
        raise PermissionDenied
    _refuse_report(entry, report, now)
    paper = wallet.take_in(upload, practitioner=entry.practitioner, kind="verification_report", now=now)
    try:
        with transaction.atomic():
            entry = _locked(entry)
            _refuse_report(entry, report, now)
            number = report.case_number
            waiting = entry.verifications.waiting().filter(case_number=number).first()
            if waiting is None:
                _replace_waiting(entry, known=True)
            verification = waiting or _begin(entry, number, now)
            _write_down(verification, report)
            verification.source, verification.report_paper, verification.recorded_by = Source.REPORT, paper, by
            _save(verification)
            _tell(verification, now)
            return verification
    except BaseException:
        paper.delete()
        files.discard(paper.storage_key)
        raise


@transaction.atomic
def appeal(verification: Verification, text: str, *, by: User, now: datetime) -> Verification:
    """The practitioner's one appeal; the company is told by the next question. Raises NotPossible with the reason."""
    if by.pk != verification.practitioner.user_id:
        raise PermissionDenied
    Practitioner.objects.select_for_update().get(pk=verification.practitioner_id)
    fresh = Verification.objects.select_for_update(of=("self",)).with_entries().get(pk=verification.pk)
    if fresh.appealed_at and fresh.is_waiting and fresh.appeal_text == text:  # a second click
        return fresh
    if fresh.appealed_at:
        raise NotPossible(_("You have appealed against this result already. There is one appeal only."))
    last_day = last_day_to_appeal(fresh, policy.value(APPEAL_DAYS, today(now)))
    if last_day is None:
        raise NotPossible(_("There is nothing to appeal against: only a discrepancy or “unable to verify” can be."))
    if today(now) > last_day:
        raise NotPossible(
            _("The time to appeal has ended. Ask the company for a new verification, and enter its case number.")
        )
    if fresh.entry.verifications.filter(HOLDING).exists():
        raise NotPossible(_("Another case of this document is under way or positive, so there is nothing to appeal."))
    fresh.appealed_at, fresh.appeal_text = now, text
    fresh.result = fresh.serial = fresh.named = fresh.title = fresh.issuer = ""
    fresh.reported_on = fresh.awarded_on = fresh.begun_on = fresh.ended_on = None
    fresh.asked_at = fresh.tried_at = None
    fresh.save()
    nudge("documents.tasks.ask_company")
    return fresh


def refusal_of(report: Report, entry: Entry) -> str:
    """Why the report is not about this person or this document, "" when it is."""
    if not _names_the_owner(report, entry):
        return Refusal.ANOTHER_PERSON
    if (report.kind, report.country) != (kind_of(entry), str(entry.country)):
        return Refusal.ANOTHER_DOCUMENT
    awarded_on, begun_on, ended_on = dates_of(entry)
    same = (report.awarded_on, report.begun_on) == (awarded_on, begun_on) and report.ended_on in (None, ended_on)
    return "" if same else Refusal.ANOTHER_DOCUMENT


def dates_of(entry: Entry) -> tuple[date | None, date | None, date | None]:
    """When it was awarded, and when it begins and ends; empty where this kind of entry has no such day."""
    if isinstance(entry, Qualification):
        return entry.awarded_on, None, None
    if isinstance(entry, Experience):
        return None, entry.started_on, entry.ended_on
    return None, entry.issued_on, entry.expires_on


def kind_of(entry: Entry) -> str:
    """Which kind of entry it is, as the company and the addresses of pages call it."""
    return str(entry._meta.model_name)


def title_of(entry: Entry) -> str:
    """The entry in the words of its paper, the same in every language."""
    return entry.title if isinstance(entry, Qualification) else str(entry)


def case_number_of(typed: str) -> str:
    """The one spelling of a case number. Raises NotPossible."""
    number = ascii_digits(clean(typed)).replace(" ", "").upper()
    if not CASE_NUMBER.fullmatch(number):
        raise NotPossible(
            _("A case number has 6 to 30 letters, digits and hyphens. Type it as in the company's message.")
        )
    return number


def _names_the_owner(report: Report, entry: Entry) -> bool:
    """The person's own name; or the other one that stands on the paper, when the birth date shows who it is."""
    person = entry.practitioner
    if report.birth_date and report.birth_date != person.birth_date:
        return False
    names = [(person.first_en, person.family_en)]
    if entry.name_on_paper and entry.name_note and report.birth_date:
        on_paper = entry.name_on_paper.split()
        names.append((on_paper[0], on_paper[-1]))
    return any(names_agree(first, family, report.named) for first, family in names)


def _locked(entry: Entry) -> Entry:
    """The entry as it stands now; it changes only under its owner's lock."""
    Practitioner.objects.select_for_update().get(pk=entry.practitioner_id)
    return type(entry).objects.select_related("practitioner__user").get(pk=entry.pk)


def _refuse_superfluous(entry: Entry, number: str) -> None:
    if not needed(entry, entry.practitioner.is_saudi):
        raise NotPossible(_("This entry needs no verification."))
    held = entry.verifications.filter(HOLDING).exclude(case_number=number).first()
    if held and held.is_positive:
        raise NotPossible(_("This entry is verified already. Nobody verifies the same paper twice."))
    if held and not held.may_be_replaced:
        raise NotPossible(
            _("Case %(number)s of this entry is with the company. Wait for its result.") % {"number": held}
        )


def _refuse_report(entry: Entry, report: Report, now: datetime) -> None:
    if not report.result or not report.reported_on or report.reported_on > today(now):
        raise NotPossible(_("The report needs a result, and a date that is not in the future."))
    if entry.verifications.filter(result=Result.POSITIVE).exists():
        raise NotPossible(_("This entry is verified already. Nobody verifies the same paper twice."))
    if entry.verifications.filter(case_number=report.case_number).exclude(result="").exists():
        raise NotPossible(_("The result of this case is recorded already. Only an appeal can bring another."))
    if refusal := refusal_of(report, entry):
        raise NotPossible(Refusal(refusal).label)


def _replace_waiting(entry: Entry, known: bool = False) -> None:
    """Let go of a case number that the company never answered for, or, told by its paper report, of any that waits."""
    for waiting in entry.verifications.waiting():
        if known or waiting.may_be_replaced:
            waiting.refusal = Refusal.REPLACED
            waiting.save()


def _begin(entry: Entry, number: str, now: datetime) -> Verification:
    about = {kind_of(entry): entry}
    return Verification(practitioner=entry.practitioner, case_number=number, entered_at=now, **about)


def _write_down(verification: Verification, report: Report) -> None:
    verification.result, verification.serial, verification.named = report.result, report.serial, report.named
    verification.title, verification.issuer = report.title, report.issuer
    verification.reported_on, verification.awarded_on = report.reported_on, report.awarded_on
    verification.begun_on, verification.ended_on = report.begun_on, report.ended_on
    verification.source, verification.report_paper, verification.recorded_by = Source.COMPANY, None, None


def _save(verification: Verification) -> None:
    try:
        with transaction.atomic():
            verification.save()
    except IntegrityError as error:
        raise NotPossible(_("This case number stands with another document. Check it, and type your own.")) from error


def _tell(verification: Verification, now: datetime) -> None:
    """Tell the practitioner the result, or why the case number does not stand; nothing while it waits."""
    outcome = verification.result or verification.refusal
    if not outcome:
        return
    last_day = last_day_to_appeal(verification, policy.value(APPEAL_DAYS, today(now)))
    notices.tell(
        verification.practitioner.user,
        "verification_result",
        key=f"verification-{verification.pk}-{outcome}{'-appeal' if verification.appealed_at else ''}",
        now=now,
        facts={
            "outcome": outcome,
            "what": title_of(verification.entry),
            "case_number": verification.case_number,
            "serial": verification.serial,
            "appeal_until_on": last_day.isoformat() if last_day else "",
        },
    )
