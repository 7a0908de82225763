"""Eligibility: pure questions about a dossier. Each answer has a verdict, the fact it looked at, and what to do (SRV-12)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from applications.dossier import Dossier
from documents.checks import is_recent
from documents.models import Experience, Qualification
from mumaris.kit.clock import add_months, age_on


class Verdict(StrEnum):
    MET = "met"
    UNMET = "unmet"
    EVIDENCE = "evidence"
    STAFF = "staff"


@dataclass(frozen=True)
class Remedy:
    """Where the practitioner mends it: the name of a URL without arguments, or a step of the application."""

    text: Any
    url_name: str = ""
    step: str = ""


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    fact: str
    remedy: Remedy | None = None


@dataclass(frozen=True)
class Rule:
    """One condition of a service; `ask` answers it from the dossier alone."""

    slug: str
    name: Any
    ask: Callable[[Dossier], Finding]


def rule(name: Any) -> Callable[[Callable[[Dossier], Finding]], Rule]:
    """Decorator: the function becomes a Rule whose slug is its own name."""
    return lambda ask: Rule(ask.__name__, name, ask)


def met(fact: str) -> Finding:
    return Finding(Verdict.MET, fact)


def unmet(fact: str, text: Any = "", **where: str) -> Finding:
    return Finding(Verdict.UNMET, fact, Remedy(text, **where) if text else None)


COMPLETE_DATA = gettext_lazy("Complete your personal data")
ADD_QUALIFICATION = gettext_lazy("Add a qualification")
ANSWER_QUESTIONS = gettext_lazy("Answer the questions")


@rule(gettext_lazy("Your personal data and identity are complete"))
def identity_is_complete(dossier: Dossier) -> Finding:
    identity = dossier.identity
    if dossier.practitioner is None or identity is None:
        return unmet(
            _("We do not know your name, birth date and identity number yet."), COMPLETE_DATA, url_name="personal_data"
        )
    if identity.expires_on and identity.expires_on < dossier.day:
        return unmet(
            _("%(kind)s %(number)s expired on %(day)s.") % _words(identity),
            _("Enter the renewed identity"),
            url_name="identity_add",
        )
    return met("{kind} {number}".format(**_words(identity)))


@rule(gettext_lazy("Your qualification fits the profession, specialty and rank"))
def qualification_fits(dossier: Dossier) -> Finding:
    if not dossier.qualifications:
        return unmet(_("Your file holds no qualification yet."), ADD_QUALIFICATION, url_name="qualification_add")
    if dossier.application is None:
        return met(str(dossier.qualifications[0]))
    specialty, rank, chosen = dossier.application.asked_specialty, dossier.application.asked_rank, dossier.qualification
    if not (specialty and rank and chosen):
        return unmet(
            _("You have not chosen the specialty, the rank and the qualification yet."),
            ANSWER_QUESTIONS,
            step="questions",
        )
    if chosen.field != specialty.profession.code:
        return unmet(
            _("“%(title)s” is in another field than %(profession)s.")
            % {"title": chosen.title, "profession": specialty.profession},
            _("Choose another qualification or profession"),
            step="questions",
        )
    if not rank.accepts(chosen.degree):
        return unmet(
            _("The rank %(rank)s needs another degree than: %(degree)s.")
            % {"rank": rank, "degree": chosen.get_degree_display()},
            _("Choose another rank"),
            step="questions",
        )
    return met(
        _("%(qualification)s, for %(rank)s in %(specialty)s.")
        % {"qualification": chosen, "rank": rank, "specialty": specialty}
    )


@rule(gettext_lazy("Non-Saudis have practised long enough"))
def has_experience_if_not_saudi(dossier: Dossier) -> Finding:
    if dossier.practitioner is None:
        return unmet(_("We do not know your nationality yet."), COMPLETE_DATA, url_name="personal_data")
    if dossier.practitioner.is_saudi:
        return met(_("Not asked of Saudi nationals."))
    needed = dossier.policies["experience.months_non_saudi"]
    had = months_of_practice(dossier)
    fact = _("Asked: %(needed)s months of practice. In your file: %(had)s.") % {"needed": needed, "had": had}
    return met(fact) if had >= needed else unmet(fact, _("Add experience"), url_name="experience_add")


@rule(gettext_lazy("No unexplained gap in practice"))
def gap_in_practice_is_explained(dossier: Dossier) -> Finding:
    limit = dossier.policies["practice_gap.months"]
    if not dossier.qualifications:
        return unmet(
            _("Without a qualification we cannot see when you began to practise."),
            ADD_QUALIFICATION,
            url_name="qualification_add",
        )
    too_long = [(begins, ends) for begins, ends in gaps_in_practice(dossier) if add_months(begins, limit) <= ends]
    if not too_long:
        return met(
            ngettext("No gap of %(months)s month or more.", "No gap of %(months)s months or more.", limit)
            % {"months": limit}
        )
    begins, ends = max(too_long, key=lambda gap: gap[1] - gap[0])
    fact = _("No practice in your file from %(begins)s to %(ends)s.") % {"begins": _day(begins), "ends": _day(ends)}
    if dossier.answers.get("gap_explanation"):
        return Finding(Verdict.STAFF, fact + " " + _("The reviewer judges your explanation."))
    if dossier.application is None:
        return Finding(Verdict.EVIDENCE, fact, Remedy(_("Add the missing experience"), url_name="experience_add"))
    return Finding(Verdict.EVIDENCE, fact, Remedy(_("Explain the gap"), step="questions"))


@rule(gettext_lazy("Nothing needs verification at the source"))
def nothing_needs_verification(dossier: Dossier) -> Finding:
    """DOC-2: what was earned or practised abroad is verified before submission, which this portal cannot do yet."""
    considered = [dossier.qualification] if dossier.qualification else dossier.qualifications
    abroad: list[Qualification | Experience] = [
        one for one in considered if one.country != "SA" and not one.recognised_on
    ]
    abroad += [one for one in dossier.experience if one.country != "SA"]
    if abroad:
        return unmet(
            _("“%(what)s” is from %(country)s and needs verification, which this portal does not offer yet.")
            % {"what": abroad[0], "country": abroad[0].get_country_display()},
            _("See what is in your file"),
            url_name="account",
        )
    return met(_("All in your file is from inside the Kingdom."))


@rule(gettext_lazy("The rank asks no exam"))
def rank_asks_no_exam(dossier: Dossier) -> Finding:
    rank = dossier.application.asked_rank if dossier.application else None
    if rank is None:
        return met(_("Seen once you choose a rank."))
    if rank.asks_exam:
        return unmet(
            _("%(rank)s asks an exam, which this portal does not offer yet.") % {"rank": rank},
            _("Choose another rank"),
            step="questions",
        )
    return met(str(rank))


@rule(gettext_lazy("You hold no classification yet"))
def is_not_classified(dossier: Dossier) -> Finding:
    if not dossier.classifications:
        return met(_("None in your file."))
    held = dossier.classifications[0]
    return unmet(
        _("You hold classification %(number)s, %(rank)s in %(specialty)s.")
        % {"number": held.number, "rank": held.rank, "specialty": held.specialty}
    )


@rule(gettext_lazy("A valid classification certificate"))
def has_usable_classification(dossier: Dossier) -> Finding:
    """SRV-3, SRV-11: registration rests on a classification that is not older than the policy says."""
    held = dossier.usable_classification
    if held:
        return met(
            _("%(number)s, usable for registration until %(day)s.")
            % {"number": held.number, "day": _day(held.usable_until)}
        )
    if dossier.classifications:
        last = dossier.classifications[0]
        return unmet(
            _("%(number)s was usable until %(day)s.") % {"number": last.number, "day": _day(last.usable_until)}
        )
    return unmet(_("You are not classified yet."), _("Apply for classification first"), url_name="services")


@rule(gettext_lazy("Saudi, or holder of a valid residence card"))
def is_saudi_or_resident(dossier: Dossier) -> Finding:
    if dossier.practitioner is None:
        return unmet(_("We do not know your nationality yet."), COMPLETE_DATA, url_name="personal_data")
    if dossier.practitioner.is_saudi:
        return met(_("Saudi national."))
    card = dossier.residence
    if card is None:
        return unmet(_("Your file holds no residence card."), _("Enter your residence card"), url_name="identity_add")
    if card.expires_on is None or card.expires_on < dossier.day:
        return unmet(
            _("%(kind)s %(number)s expired on %(day)s.") % _words(card),
            _("Enter the renewed card"),
            url_name="identity_add",
        )
    return met(_("%(kind)s %(number)s, valid until %(day)s.") % _words(card))


@rule(gettext_lazy("You are not registered yet"))
def is_not_registered(dossier: Dossier) -> Finding:
    period = dossier.registered
    if period is None:
        return met(_("None in your file."))
    return unmet(_("You hold registration %(number)s.") % {"number": period.registration.number})


@rule(gettext_lazy("An employer letter that is recent enough"))
def employer_letter_is_recent(dossier: Dossier) -> Finding:
    """SRV-3: not older than the policy's months on the day of declaration; a letter of exactly that age still counts."""
    months = dossier.policies["employer_letter.months"]
    oldest = add_months(dossier.day, -months)
    attachment = dossier.attachments.get("employer_letter")
    if attachment is None or attachment.issued_on is None:
        return Finding(
            Verdict.EVIDENCE,
            _("Dated %(day)s or later, at most %(months)s months old.") % {"day": _day(oldest), "months": months},
            Remedy(_("Attach the letter"), step="documents") if dossier.application else None,
        )
    if not is_recent(attachment.issued_on, dossier.day, months):
        return unmet(
            _("The letter is dated %(day)s, which is older than %(months)s months.")
            % {"day": _day(attachment.issued_on), "months": months},
            _("Attach a newer letter"),
            step="documents",
        )
    return met(_("Dated %(day)s.") % {"day": _day(attachment.issued_on)})


def is_older_than_report_age(dossier: Dossier) -> bool:
    """Whether a medical report is asked (SRV-3): from the day after the birthday that completes the policy's Gregorian years."""
    if dossier.practitioner is None:
        return False
    years = dossier.policies["medical_report.age"]
    return age_on(dossier.practitioner.birth_date, dossier.day - timedelta(days=1)) >= years


def has_practised(dossier: Dossier) -> bool:
    return bool(dossier.experience)


def months_of_practice(dossier: Dossier) -> int:
    """Whole months of practice up to the dossier's day, times that overlap counted once; the last day counts."""
    total = 0
    for begins, ends in _merged_practice(dossier):
        months = 0
        while add_months(begins, months + 1) <= ends:
            months += 1
        total += months
    return total


def gaps_in_practice(dossier: Dossier) -> list[tuple[date, date]]:
    """Every time without practice since the first qualification, as [first day, day after the last]."""
    cursor = min((qualification.awarded_on for qualification in dossier.qualifications), default=dossier.day)
    gaps = []
    for begins, ends in _merged_practice(dossier):
        if begins > cursor:
            gaps.append((cursor, begins))
        cursor = max(cursor, ends)
    if cursor < dossier.day:
        gaps.append((cursor, dossier.day))
    return gaps


def _merged_practice(dossier: Dossier) -> list[tuple[date, date]]:
    """Times of practice as [first day, day after the last], in order, overlaps joined, the future cut off."""
    merged: list[tuple[date, date]] = []
    for one in sorted(dossier.experience, key=lambda one: one.started_on):
        last = min(one.ended_on or dossier.day, dossier.day)
        begins, ends = one.started_on, date.fromordinal(last.toordinal() + 1)
        if begins >= ends:
            continue
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def _day(day: date) -> str:
    return date_format(day, "j F Y")


def _words(identity) -> dict:
    expires = _day(identity.expires_on) if identity.expires_on else "—"
    # Isolated: between Arabic words the asterisks would turn the number round.
    return {"kind": identity.get_kind_display(), "number": f"\u2066{identity.masked}\u2069", "day": expires}
