"""What the page of one's own documents shows: every entry, how it stands with its verification, and what can be done."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import get_language

from accounts.models import Practitioner
from documents import verification
from documents.checks import is_long_enough
from documents.forms import AppealForm, CaseForm
from documents.models import Experience, Refusal, Verification
from documents.verification import Entry
from documents.verifier import verifier
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies


@dataclass(frozen=True)
class Standing:
    """One entry on the page. `state` is a code of look's "document" states, "" while a needed verification is missing.

    `case` is what stands for the entry now, `refused` the newest number that does not. The forms are None where they
    would lead to nothing. `sample_page` makes a case at the demonstration's company, "" in production.
    """

    entry: Entry
    kind: str
    state: str
    case: Verification | None
    refused: Verification | None
    too_short: bool
    case_form: CaseForm | None
    sample_page: str
    last_day: date | None
    appeal_form: AppealForm | None

    @property
    def edit_page(self) -> str:
        """The name of the page on which it is changed; "" when it stays as it is."""
        held = self.case and (self.case.is_waiting or self.case.is_positive)
        return "" if held or getattr(self.entry, "recognised_on", None) else self.kind


def wallet_page(practitioner: Practitioner, now: datetime, tried: dict[str, Any] | None = None) -> dict[str, Any]:
    """The facts of the page. `tried` holds forms that were refused, by their prefix."""
    policies, day, tried = Policies(today(now)), today(now), tried or {}
    shown = {
        name: [_standing(entry, practitioner.is_saudi, policies, day, tried) for entry in entries]
        for name, entries in entries_of(practitioner).items()
    }
    return {
        **shown,
        "today": day,
        "usual_days": policies["verification.usual_days"],
        "months": policies["experience.certificate_months"],
        "by_number": verifier() is not None,
        "form": next(iter(tried.values()), None),
    }


def entries_of(practitioner: Practitioner) -> dict[str, Any]:
    """All entries of the wallet with their verifications, by the name of their list."""
    return {
        name: getattr(practitioner, name).select_related("practitioner").prefetch_related("verifications")
        for name in ("qualifications", "experience", "licences")
    }


def case_prefix(entry: Entry) -> str:
    return f"{verification.kind_of(entry)}-{entry.pk}"


def _standing(entry: Entry, is_saudi: bool, policies: Policies, day: date, tried: dict[str, Any]) -> Standing:
    cases = list(entry.verifications.all())
    standing = sorted(
        (one for one in cases if not one.refusal), key=lambda one: bool(one.result) and not one.is_positive
    )
    case, newest = next(iter(standing), None), next(iter(cases), None)
    needed = verification.needed(entry, is_saudi)
    last_day = verification.last_day_to_appeal(case, policies[verification.APPEAL_DAYS]) if case else None
    may_appeal = last_day is not None and day <= last_day
    may_enter = (
        verifier() and needed and not (case and (case.is_positive or (case.is_waiting and not case.may_be_replaced)))
    )
    prefix = case_prefix(entry)
    return Standing(
        entry=entry,
        kind=verification.kind_of(entry),
        state=_state(case, needed),
        case=case,
        refused=newest if newest and newest.refusal not in ("", Refusal.REPLACED) else None,
        too_short=isinstance(entry, Experience)
        and entry.country != "SA"
        and not is_long_enough(entry.started_on, entry.ended_on or day, policies["experience.certificate_months"]),
        case_form=(tried.get(prefix) or CaseForm(prefix=prefix)) if may_enter else None,
        sample_page=_sample_page(entry) if may_enter and settings.VERIFIER_SIMULATOR_URL else "",
        last_day=last_day if may_appeal else None,
        appeal_form=(tried.get(case.case_number) or AppealForm(prefix=case.case_number)) if may_appeal else None,
    )


def _state(case: Verification | None, needed: bool) -> str:
    if case:
        return "psv_waiting" if case.is_waiting else f"psv_{case.result}"
    return "" if needed else "psv_not_needed"


def _sample_page(entry: Entry) -> str:
    """The page of the simulator on which a case of this entry is made, its fields filled in."""
    person, (awarded_on, begun_on, ended_on) = entry.practitioner, verification.dates_of(entry)
    facts = {
        "name_en": entry.name_on_paper or person.name_en,
        "birth_date": person.birth_date,
        "kind": verification.kind_of(entry),
        "title": verification.title_of(entry),
        "issuer": next(
            getattr(entry, name) for name in ("institution", "employer", "authority") if hasattr(entry, name)
        ),
        "country": entry.country,
        "awarded_on": awarded_on,
        "from": begun_on,
        "to": ended_on,
        "lang": get_language(),
    }
    return f"{settings.VERIFIER_SIMULATOR_URL}/?{urlencode({name: fact for name, fact in facts.items() if fact})}"
