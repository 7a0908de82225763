"""Eligibility: pure questions about a dossier. Each answer has a verdict, the fact it looked at, and what to do (SRV-12)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from applications.dossier import Dossier
from documents import practice
from documents.checks import is_recent
from documents.models import Qualification
from documents.verification import Entry
from mumaris.kit.clock import add_months, age_on
from mumaris.kit.policy import Policies
from register.models import Classification, Promotion
from register.standing import grace_ends


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
    """`attached`: the evidence that was missing is there, and an officer judges it; it stands in nobody's way any more."""

    verdict: Verdict
    fact: str
    remedy: Remedy | None = None
    attached: bool = False

    @property
    def stands_in_the_way(self) -> bool:
        return self.verdict == Verdict.UNMET or (self.verdict == Verdict.EVIDENCE and not self.attached)


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
ASK_FOR_RECLASSIFICATION = gettext_lazy("Ask for re-classification instead")


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
    had = practice.months(dossier.counted_experience, dossier.day)
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
    since = min(one.awarded_on for one in dossier.qualifications)
    idle = practice.gaps(dossier.counted_experience, since, dossier.day)
    too_long = [(begins, ends) for begins, ends in idle if add_months(begins, limit) <= ends]
    if not too_long:
        return met(
            ngettext("No gap of %(months)s month or more.", "No gap of %(months)s months or more.", limit)
            % {"months": limit}
        )
    begins, ends = max(too_long, key=lambda gap: gap[1] - gap[0])
    fact = _("No practice that counts in your file from %(begins)s to %(ends)s.") % {
        "begins": _day(begins),
        "ends": _day(ends),
    }
    if dossier.answers.get("gap_explanation"):
        return Finding(Verdict.STAFF, fact + " " + _("The reviewer judges your explanation."))
    if dossier.application is None:
        return Finding(Verdict.EVIDENCE, fact, Remedy(_("Add the missing experience"), url_name="experience_add"))
    return Finding(Verdict.EVIDENCE, fact, Remedy(_("Explain the gap"), step="questions"))


@rule(gettext_lazy("What was earned or practised abroad is verified at the source"))
def papers_are_verified(dossier: Dossier) -> Finding:
    """DOC-2, DOC-3: the qualification, and for practice abroad its certificates and a licence of each of its countries."""
    abroad = dossier.practice_abroad
    countries = {one.country for one in abroad}
    licences = [one for one in dossier.licences if one.country in countries]
    without = countries - {one.country for one in licences}
    if without:
        one = next(one for one in abroad if one.country in without)
        return unmet(
            _(
                "You practised in %(country)s, and your file holds no licence of its council nor a health-ministry letter."
            )
            % {"country": one.get_country_display()},
            _("Add the licence or the letter"),
            url_name="licence_add",
        )
    unverified = dossier.unverified(licences)
    shown = {one.country for one in licences if one not in unverified}
    return _verified(
        dossier, [*_considered(dossier), *abroad, *(one for one in unverified if one.country not in shown)]
    )


@rule(gettext_lazy("A qualification earned abroad is verified at the source"))
def qualification_is_verified(dossier: Dossier) -> Finding:
    """DOC-2, DOC-3, for a service that looks at the qualification alone."""
    return _verified(dossier, _considered(dossier))


@rule(gettext_lazy("What the classification rests on is verified at the source"))
def classification_is_verified(dossier: Dossier) -> Finding:
    """DOC-2 for good standing, which speaks of nothing else (SRV-6)."""
    rests_on = {held.qualification_id for held in dossier.classifications}
    return _verified(dossier, [one for one in dossier.qualifications if one.pk in rests_on])


VERIFYING = (papers_are_verified, qualification_is_verified, classification_is_verified)


def _considered(dossier: Dossier) -> list[Qualification]:
    """The qualification that the application names; while it names none, one that can be named as it is will do."""
    if dossier.qualification:
        return [dossier.qualification]
    held = list(dossier.qualifications)
    return held if len(dossier.unverified(held)) == len(held) else []


def _verified(dossier: Dossier, entries: Sequence[Entry]) -> Finding:
    if dossier.practitioner is None:
        return unmet(_("We do not know your nationality yet."), COMPLETE_DATA, url_name="personal_data")
    missing = dossier.unverified(entries)
    if not missing:
        return met(_("Nothing that counts here waits for verification."))
    return unmet(
        _("“%(what)s”, from %(country)s, has no positive verification yet.")
        % {"what": missing[0], "country": missing[0].get_country_display()},
        _("See your documents and their verification"),
        url_name="wallet",
    )


@rule(gettext_lazy("The qualification is not recognised yet"))
def qualification_is_not_recognised(dossier: Dossier) -> Finding:
    if not dossier.qualifications:
        return unmet(_("Your file holds no qualification yet."), ADD_QUALIFICATION, url_name="qualification_add")
    chosen = dossier.qualification
    if chosen is None:
        open_ones = [one for one in dossier.qualifications if not one.recognised_on]
        if dossier.application is None and open_ones:
            return met(str(open_ones[0]))
        text = ANSWER_QUESTIONS if open_ones else ADD_QUALIFICATION
        fact = _("You have not chosen the qualification yet.") if open_ones else _("All in your file are recognised.")
        return unmet(fact, text, **({"step": "questions"} if open_ones else {"url_name": "qualification_add"}))
    if chosen.recognised_on:
        return unmet(
            _("“%(title)s” was recognised on %(day)s.") % {"title": chosen.title, "day": _day(chosen.recognised_on)},
            _("Choose another qualification"),
            step="questions",
        )
    return met(str(chosen))


@rule(gettext_lazy("A recognised qualification"))
def qualification_is_recognised(dossier: Dossier) -> Finding:
    """SRV-11: set by passing the exam, or by completing a classification that asks none."""
    for one in dossier.qualifications:
        if one.recognised_on:
            return met(_("“%(title)s”, recognised on %(day)s.") % {"title": one.title, "day": _day(one.recognised_on)})
    return unmet(_("None in your file is recognised yet."), _("Apply for classification first"), url_name="services")


@rule(gettext_lazy("No waiting time after a last failed attempt"))
def exam_may_be_sat_again(dossier: Dossier) -> Finding:
    """EXM-2: a new application has a new eligibility number, after the cooling-off."""
    asked = dossier.application.asked_specialty if dossier.application else None
    rank = dossier.application.asked_rank if dossier.application else None
    if rank and not rank.asks_exam:
        return met(_("%(rank)s asks no exam.") % {"rank": rank})
    for number in dossier.eligibility_numbers:
        if asked and number.exam_id != asked.profession.exam_id:
            continue
        until = number.cooling_off_until
        if until and dossier.day < until:
            return unmet(
                _("The last attempt with number %(number)s failed. You can apply again from %(day)s on.")
                % {"number": number.number, "day": _day(until)}
            )
    return met(_("None runs."))


@rule(gettext_lazy("You hold no classification yet"))
def is_not_classified(dossier: Dossier) -> Finding:
    if not dossier.classifications:
        return met(_("None in your file."))
    held = dossier.classifications[0]
    return unmet(
        _("You hold classification %(number)s, %(rank)s in %(specialty)s.")
        % {"number": held.number, "rank": held.rank, "specialty": held.specialty},
        ASK_FOR_RECLASSIFICATION,
        url_name="services",
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
            _("%(number)s was usable until %(day)s.") % {"number": last.number, "day": _day(last.usable_until)},
            ASK_FOR_RECLASSIFICATION,
            url_name="services",
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


@rule(gettext_lazy("You are not registered in this specialty yet"))
def is_not_registered(dossier: Dossier) -> Finding:
    held = dossier.usable_classification
    for period in dossier.periods:
        if held is None or period.registration.specialty_id == held.specialty_id:
            return unmet(
                _("You hold registration %(number)s in %(specialty)s. It is renewed, not asked for again.")
                % {"number": period.registration.number, "specialty": period.registration.specialty}
            )
    return met(_("None in your file."))


@rule(gettext_lazy("You hold a classification"))
def is_classified(dossier: Dossier) -> Finding:
    held = dossier.classification
    if held is None:
        return unmet(_("You are not classified yet."), _("Apply for classification first"), url_name="services")
    return met(
        _("%(number)s, %(rank)s in %(specialty)s.")
        % {"number": held.number, "rank": held.rank, "specialty": held.specialty}
    )


# Why somebody is classified again (SRV-2), as the answer to the question is kept.
NEW_QUALIFICATION, EXPERIENCE, UNUSED = "new_qualification", "experience", "unused"


@rule(gettext_lazy("One of the three ways to re-classification is open"))
def route_is_open(dossier: Dossier) -> Finding:
    """SRV-2: a new qualification, completed experience, or a classification that was never used and is too old now."""
    held = dossier.classification
    if held is None:
        return unmet(_("You are not classified yet."))
    if dossier.application is None:
        return met(
            _("A new qualification, completed experience, or a classification unused for too long: you say which.")
        )
    route = dossier.answers.get("route")
    asked = dossier.application.asked_specialty, dossier.application.asked_rank
    if route not in ROUTES or None in asked:
        return unmet(
            _("You have not chosen the way, the specialty and the rank yet."), ANSWER_QUESTIONS, step="questions"
        )
    return ROUTES[route](dossier, held)


def _by_new_qualification(dossier: Dossier, held: Classification) -> Finding:
    chosen, (specialty, rank) = dossier.qualification, _asked(dossier)
    if chosen is None:
        return unmet(_("You have not named the new qualification yet."), ANSWER_QUESTIONS, step="questions")
    for earlier in dossier.classifications:
        if chosen.pk == earlier.qualification_id:
            return unmet(
                _("“%(title)s” is the qualification that %(number)s rests on.")
                % {"title": chosen.title, "number": earlier.number},
                _("Choose the new qualification"),
                step="questions",
            )
    if specialty.pk != held.specialty_id or chosen.field != specialty.profession.code:
        return qualification_fits.ask(dossier)
    edges = [one for one in _edges(dossier, held, "qualification") if one.to_rank_id == rank.pk]
    if not any(one.degree == chosen.degree for one in edges):
        return unmet(
            _("No way leads from %(held)s to %(rank)s by: %(degree)s.")
            % {"held": held.rank, "rank": rank, "degree": chosen.get_degree_display()},
            _("Choose another rank"),
            step="questions",
        )
    needed = min(one.months for one in edges if one.degree == chosen.degree)
    return _enough_since(dossier, held, needed)


def _by_experience(dossier: Dossier, held: Classification) -> Finding:
    specialty, rank = _asked(dossier)
    edges = [one for one in _edges(dossier, held, "experience") if one.to_rank_id == rank.pk]
    if specialty.pk != held.specialty_id or not edges:
        return unmet(
            _("Experience alone does not lead from %(held)s in %(specialty)s to %(rank)s.")
            % {"held": held.rank, "specialty": held.specialty, "rank": rank},
            _("Choose another way or rank"),
            step="questions",
        )
    return _rests_elsewhere(dossier, held) or _enough_since(dossier, held, min(one.months for one in edges))


def _by_being_unused(dossier: Dossier, held: Classification) -> Finding:
    if held.usable_until >= dossier.day:
        return unmet(
            _("%(number)s is usable for registration until %(day)s.")
            % {"number": held.number, "day": _day(held.usable_until)},
            _("Apply for registration"),
            url_name="services",
        )
    used = next((one for one in dossier.periods if one.registration.specialty_id == held.specialty_id), None)
    if used:
        return unmet(
            _("%(number)s was used for registration %(registration)s.")
            % {"number": held.number, "registration": used.registration.number}
        )
    if _asked(dossier) != (held.specialty, held.rank):
        return unmet(
            _("This way leads to the same again: %(rank)s in %(specialty)s.")
            % {"rank": held.rank, "specialty": held.specialty},
            _("Change the specialty or the rank"),
            step="questions",
        )
    return _rests_elsewhere(dossier, held) or met(
        _("%(number)s was usable until %(day)s.") % {"number": held.number, "day": _day(held.usable_until)}
    )


ROUTES: dict[str, Callable[[Dossier, Classification], Finding]] = {
    NEW_QUALIFICATION: _by_new_qualification,
    EXPERIENCE: _by_experience,
    UNUSED: _by_being_unused,
}


def _rests_elsewhere(dossier: Dossier, held: Classification) -> Finding | None:
    """Why a way that judges no qualification cannot rest on the one that is named: the end of the way recognises it."""
    chosen, (specialty, _rank) = dossier.qualification, _asked(dossier)
    if chosen is None:
        return unmet(_("You have not chosen the qualification yet."), ANSWER_QUESTIONS, step="questions")
    if chosen.pk == held.qualification_id or chosen.field == specialty.profession.code:
        return None
    return unmet(
        _("“%(title)s” is in another field than %(profession)s.")
        % {"title": chosen.title, "profession": specialty.profession},
        _("Choose another qualification"),
        step="questions",
    )


def _asked(dossier: Dossier) -> tuple[Any, Any]:
    return dossier.application.asked_specialty, dossier.application.asked_rank


def _edges(dossier: Dossier, held: Classification, route: str) -> list[Promotion]:
    return [one for one in dossier.promotions if one.from_rank_id == held.rank_id and one.route == route]


def _enough_since(dossier: Dossier, held: Classification, needed: int) -> Finding:
    had = practice.months(dossier.counted_experience, dossier.day, since=held.decided_on)
    fact = _("Asked: %(needed)s months of practice since %(day)s. In your file: %(had)s.") % {
        "needed": needed,
        "day": _day(held.decided_on),
        "had": had,
    }
    return met(fact) if had >= needed else unmet(fact, _("Add experience"), url_name="experience_add")


@rule(gettext_lazy("You hold a registration"))
def is_registered(dossier: Dossier) -> Finding:
    if dossier.period is None:
        return unmet(_("You are not registered yet."), _("Apply for registration first"), url_name="services")
    return met(
        _("%(number)s, until %(day)s.") % {"number": dossier.registration.number, "day": _day(dossier.period.last_day)}
    )


@rule(gettext_lazy("The registration ends soon or has ended"))
def registration_ends_soon(dossier: Dossier) -> Finding:
    """SRV-4: from the policy's months before the last day on; a registration that has ended can always be renewed."""
    if dossier.period is None:
        return unmet(_("You are not registered yet."))
    ends, opens = dossier.period.last_day, renewal_opens(dossier.period.last_day, dossier.policies)
    if dossier.day < opens:
        return unmet(_("It ends on %(day)s. Renewal opens on %(opens)s.") % {"day": _day(ends), "opens": _day(opens)})
    if dossier.day <= ends:
        return met(_("It ends on %(day)s.") % {"day": _day(ends)})
    until = grace_ends(ends, dossier.policies["registration.grace_months"])
    if dossier.day <= until:
        return met(
            _("It ended on %(day)s. Until %(until)s renewal costs no late fee.")
            % {"day": _day(ends), "until": _day(until)}
        )
    return met(_("It ended on %(day)s. A late fee is added to the service fee.") % {"day": _day(ends)})


@rule(gettext_lazy("Enough hours of professional development"))
def has_cpd_hours(dossier: Dossier) -> Finding:
    """SRV-4, CPD-5: the counted hours, or they and the hours that the practitioner brings evidence of."""
    record = dossier.cpd
    if record is None:
        return unmet(_("You are not registered yet."))
    fact = _("Asked: %(required)s hours from %(begins)s to %(ends)s. Counted: %(counted)s.") % {
        "required": _hours(record.required),
        "counted": _hours(record.counted),
        "begins": _day(record.first_day),
        "ends": _day(record.last_day),
    }
    if not record.needed:
        return met(fact)
    fact += " " + _("Missing: %(needed)s.") % {"needed": _hours(record.needed)}
    if dossier.application is None:
        return Finding(Verdict.EVIDENCE, fact + " " + _("You can bring evidence of them in the application."))
    brought = Decimal(dossier.answers.get("evidenced_hours") or 0)
    if brought < record.needed:
        return Finding(Verdict.EVIDENCE, fact, Remedy(_("Say how many hours you bring evidence of"), step="questions"))
    fact += " " + _("You bring evidence of %(hours)s; an officer judges it.") % {"hours": _hours(brought)}
    if "cpd_evidence" not in dossier.attachments:
        return Finding(Verdict.EVIDENCE, fact, Remedy(_("Attach the evidence"), step="documents"))
    return Finding(Verdict.EVIDENCE, fact, attached=True)


@rule(gettext_lazy("The hours of professional development are recorded"))
def cpd_hours_are_recorded(dossier: Dossier) -> Finding:
    """SRV-4: asked before `recommend`; evidence that an officer has not recorded does not count."""
    record = dossier.cpd
    if record is None or not record.needed:
        return met(_("None is missing."))
    return unmet(
        _(
            "%(needed)s hours of professional development are missing. A CPD officer records what the evidence is worth; "
            "if that is too little, return the case."
        )
        % {"needed": _hours(record.needed)}
    )


@rule(gettext_lazy("No open sanction"))
def has_no_sanction(dossier: Dossier) -> Finding:
    for sanction in dossier.sanctions:
        return unmet(
            _("A sanction stands since %(day)s: %(what)s") % {"day": _day(sanction.imposed_on), "what": sanction.what},
            _("Ask us about it"),
            url_name="about",
        )
    return met(_("None in your file."))


@rule(gettext_lazy("A reason to train"))
def has_reason_to_train(dossier: Dossier) -> Finding:
    """SRV-7: returned or rejected for a gap in practice, or classified or registered."""
    if dossier.gap_remarks or dossier.gap_rejections:
        return met(_("An application of yours was returned or rejected for a gap in practice."))
    if dossier.period:
        return met(_("Registered: %(number)s.") % {"number": dossier.registration.number})
    if dossier.classification:
        return met(_("Classified: %(number)s.") % {"number": dossier.classification.number})
    return unmet(
        _("You are neither classified nor registered, and no application of yours came back for a gap in practice."),
        _("See the services"),
        url_name="services",
    )


@rule(gettext_lazy("An employer letter that is recent enough"))
def employer_letter_is_recent(dossier: Dossier) -> Finding:
    """SRV-3: not older than the policy's months on the day of declaration; a letter of exactly that age still counts."""
    months = dossier.policies["employer_letter.months"]
    oldest = add_months(dossier.day, -months)
    attachment = dossier.attachments.get("employer_letter")
    if attachment is None or attachment.issued_on is None:
        return Finding(
            Verdict.EVIDENCE,
            ngettext(
                "Dated %(day)s or later, at most %(months)s month old.",
                "Dated %(day)s or later, at most %(months)s months old.",
                months,
            )
            % {"day": _day(oldest), "months": months},
            Remedy(_("Attach the letter"), step="documents") if dossier.application else None,
        )
    if not is_recent(attachment.issued_on, dossier.day, months):
        return unmet(
            ngettext(
                "The letter is dated %(day)s, which is older than %(months)s month.",
                "The letter is dated %(day)s, which is older than %(months)s months.",
                months,
            )
            % {"day": _day(attachment.issued_on), "months": months},
            _("Attach a newer letter"),
            step="documents",
        )
    return met(_("Dated %(day)s.") % {"day": _day(attachment.issued_on)})


@rule(gettext_lazy("The training begins today or later"))
def training_lies_ahead(dossier: Dossier) -> Finding:
    if dossier.application is None:
        return met(_("You say when."))
    if not dossier.answers.get("training_from"):
        return unmet(_("You have not said when it begins."), ANSWER_QUESTIONS, step="questions")
    begins = date.fromisoformat(dossier.answers["training_from"])
    if begins < dossier.day:
        return unmet(
            _("You wrote %(day)s, which is past.") % {"day": _day(begins)}, _("Choose another day"), step="questions"
        )
    if begins > add_months(dossier.day, 12):
        return unmet(
            _("You wrote %(day)s. It can begin within a year from today.") % {"day": _day(begins)},
            _("Choose another day"),
            step="questions",
        )
    return met(_("It begins on %(day)s.") % {"day": _day(begins)})


def is_older_than_report_age(dossier: Dossier) -> bool:
    """Whether a medical report is asked (SRV-3): from the day after the birthday that completes the policy's Gregorian years."""
    if dossier.practitioner is None:
        return False
    years = dossier.policies["medical_report.age"]
    return age_on(dossier.practitioner.birth_date, dossier.day - timedelta(days=1)) >= years


def practised_here(dossier: Dossier) -> bool:
    return any(one.country == "SA" for one in dossier.experience)


def practised_abroad(dossier: Dossier) -> bool:
    return bool(dossier.practice_abroad)


def has_equivalency(dossier: Dossier) -> bool:
    """Whether the verification is spared by an equivalency of the Ministry of Education, which is asked for instead (DOC-2)."""
    chosen = dossier.qualification
    return bool(
        dossier.practitioner
        and dossier.practitioner.is_saudi
        and chosen
        and chosen.country != "SA"
        and chosen.equivalency
        and not chosen.recognised_on
    )


def goes_by(route: str) -> Callable[[Dossier], bool]:
    """Whether the application names this way to re-classification."""
    return lambda dossier: dossier.answers.get("route") == route


def both(*conditions: Callable[[Dossier], bool]) -> Callable[[Dossier], bool]:
    return lambda dossier: all(condition(dossier) for condition in conditions)


def is_saudi(dossier: Dossier) -> bool:
    return bool(dossier.practitioner and dossier.practitioner.is_saudi)


def lacks_cpd_hours(dossier: Dossier) -> bool:
    return bool(dossier.cpd and dossier.cpd.needed)


def renewal_opens(last_day: date, policies: Policies) -> date:
    """The first day on which a registration that ends on `last_day` can be renewed (SRV-4)."""
    return add_months(last_day, -policies["renewal.window_months"])


def is_renewed_late(dossier: Dossier) -> bool:
    """PAY-1: lateness is judged on the day of declaration; the last day of the grace is not late."""
    return dossier.period is not None and dossier.day > grace_ends(
        dossier.period.last_day, dossier.policies["registration.grace_months"]
    )


def _hours(amount: Decimal) -> str:
    """20 for 20.0, and 12.5 for 12.5."""
    return f"{amount.normalize():f}"


def _day(day: date) -> str:
    return date_format(day, "j F Y")


def _words(identity) -> dict:
    expires = _day(identity.expires_on) if identity.expires_on else "—"
    # Isolated: between Arabic words the asterisks would turn the number round.
    return {"kind": identity.get_kind_display(), "number": f"\u2066{identity.masked}\u2069", "day": expires}
