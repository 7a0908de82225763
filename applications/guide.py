"""Which service do I need? Short questions, one to a page, whose answers lead to the right service (SRV-13)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from applications.catalogue import GUIDE, Answer, Ask, Choice, Ending

# Words that sound alike, in the order in which a career meets them.
TERMS = (
    (_("Recognition"), _("says that a qualification counts. It comes with passing the exam or with classification.")),
    (_("Study of a new qualification"), _("comes before it, where the qualification is not known here yet.")),
    (_("Classification"), _("decides your profession, specialty and rank. It can be done from abroad.")),
    (_("Re-classification"), _("changes an earlier classification, or revives one that became too old unused.")),
    (_("Registration"), _("puts who is classified on the register, so that they may practise in the Kingdom.")),
    (_("Re-registration"), _("renews the registration and its card; many say “renewal”.")),
    (_("Good standing"), _("is a certificate that nothing stands against who is or was registered.")),
    (
        _("Training letter"),
        _("asks a facility to train you, often after a gap in practice. It is no leave to practise."),
    ),
)
ASKED_FOR = {
    Ask.QUALIFICATION: _("The qualification that it is about, entered in your file"),
    Ask.REGISTRATION: _("Your registration number"),
}


class NoSuchPath(LookupError):
    """An answer that the guide does not know, or one after its end."""


@dataclass(frozen=True)
class Step:
    """A question and what was answered; `address` is the page that asks it."""

    choice: Choice
    answer: Answer
    address: str


def walk(slugs: Sequence[str]) -> tuple[list[Step], Choice | Ending]:
    """The questions answered on the way of these answers, and where it leads. Raises NoSuchPath."""
    steps: list[Step] = []
    here: Choice | Ending = GUIDE
    for number, slug in enumerate(slugs):
        if isinstance(here, Ending):
            raise NoSuchPath(slug)
        answer = next((one for one in here.answers if one.slug == slug), None)
        if answer is None:
            raise NoSuchPath(slug)
        steps.append(Step(here, answer, address(slugs[:number])))
        here = answer.leads_to
    return steps, here


def address(slugs: Sequence[str]) -> str:
    """The page to which these answers lead."""
    return reverse("guide_answers", args=["/".join(slugs)]) if slugs else reverse("guide")


def endings(here: Choice | Ending = GUIDE, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Ending]]:
    """Every way through the guide, as its answers and where they end."""
    if isinstance(here, Ending):
        yield way, here
        return
    for answer in here.answers:
        yield from endings(answer.leads_to, (*way, answer.slug))


def page(slugs: Sequence[str]) -> dict[str, Any]:
    """What the guide shows after these answers: the way so far, the next question or the service. Raises NoSuchPath."""
    steps, here = walk(slugs)
    facts: dict[str, Any] = {
        "way": [{"label": one.choice.question, "value": one.answer.words, "url": one.address} for one in steps],
        "back": steps[-1].address if steps else "",
        "terms": TERMS,
    }
    if isinstance(here, Ending):
        return facts | {
            "service": here.service,
            "why": here.why,
            "at_hand": at_hand(here),
            "service_url": reverse("service", args=[here.service.slug]),
        }
    return facts | {
        "question": here.question,
        "hint": here.hint,
        "answers": [{"words": one.words, "hint": one.hint, "url": address([*slugs, one.slug])} for one in here.answers],
    }


def at_hand(ending: Ending) -> list[dict[str, Any]]:
    """What to have ready, each with `what` and, where not everybody needs it, `whom`."""
    service = ending.service
    ready = [_("The number and last day of your national ID or residence card")]
    ready += [words for ask, words in ASKED_FOR.items() if ask in service.asks]
    if service.verifies:
        ready.append(_("The case number of the verification company, for what you earned or practised abroad"))
    papers = [{"what": slot.name, "whom": slot.whom} for slot in service.documents]
    return [{"what": words, "whom": ""} for words in (*ready, *ending.at_hand)] + papers
