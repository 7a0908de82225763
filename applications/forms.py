"""The questions that a service can ask, the answers to a return, and the officers' decisions."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from applications.catalogue import Ask, Kind, Question, Service
from applications.dossier import Dossier
from applications.models import AnswerKind, Application, ReturnReason
from mumaris.kit.fields import CalendarDateField, CleanCharField, Form, WholeNumberField
from mumaris.kit.templatetags import look
from register.models import Rank, Specialty


def _specialty_and_rank(dossier: Dossier) -> dict[str, forms.Field]:
    specialties = Specialty.objects.select_related("profession")
    specialty = forms.ModelChoiceField(specialties, label=_("Specialty"))

    def by_profession() -> list[tuple[Any, Any]]:
        groups: dict[str, list[tuple[int, str]]] = {}
        for one in specialties:
            groups.setdefault(str(one.profession), []).append((one.pk, str(one)))
        return [("", _("Choose")), *groups.items()]

    specialty.widget.choices = by_profession
    return {
        "specialty": specialty,
        "rank": forms.ModelChoiceField(Rank.objects.all(), label=_("Rank"), empty_label=_("Choose")),
    }


def _qualification(dossier: Dossier) -> dict[str, forms.Field]:
    own = dossier.practitioner.qualifications.all()
    return {
        "qualification": forms.ModelChoiceField(
            own, label=_("The qualification that this rests on"), empty_label=_("Choose")
        )
    }


def _registration(dossier: Dossier) -> dict[str, forms.Field]:
    own = dossier.practitioner.registrations.select_related("specialty")
    field = forms.ModelChoiceField(own, label=_("Registration"), empty_label=_("Choose"))
    field.label_from_instance = lambda held: f"{held.number}, {held.specialty}"
    return {"registration": field}


CHOSEN: dict[Ask, Callable[[Dossier], dict[str, forms.Field]]] = {
    Ask.SPECIALTY_AND_RANK: _specialty_and_rank,
    Ask.QUALIFICATION: _qualification,
    Ask.REGISTRATION: _registration,
}


def _field(question: Question) -> forms.Field:
    common = {"label": question.label, "required": question.required, "help_text": question.hint}
    match question.kind:
        case Kind.TEXT:
            return CleanCharField(**common, max_length=question.most, lines=True, widget=forms.Textarea({"rows": 4}))
        case Kind.DATE:
            return CalendarDateField(**common)
        case Kind.NUMBER:
            return WholeNumberField(**common, min_value=1, max_value=question.most)
        case Kind.CHOICE:
            return forms.ChoiceField(**common, choices=question.choices, widget=forms.RadioSelect)
    typed = {"autocomplete": question.autocomplete} if question.autocomplete else {}
    return CleanCharField(**common, max_length=question.most, widget=forms.TextInput(typed))


def fields_of(ask: Ask | Question, dossier: Dossier) -> dict[str, forms.Field]:
    """The form fields of one thing that a service asks."""
    return CHOSEN[ask](dossier) if isinstance(ask, Ask) else {ask.slug: _field(ask)}


class QuestionsForm(Form):
    """The questions of one service, filled from the draft. `version` guards against a stale window (APP-8)."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, service: Service, dossier: Dossier, *args: Any, **kwargs: Any) -> None:
        application = dossier.application
        initial = {
            **{
                question.slug: _kept(question, application)
                for question in service.asks
                if isinstance(question, Question)
            },
            "version": application.version,
            "specialty": application.asked_specialty_id,
            "rank": application.asked_rank_id,
            "qualification": application.qualification_id,
            "registration": application.registration_id or _only(dossier.practitioner.registrations.all(), service),
        }
        super().__init__(*args, initial=initial, **kwargs)
        for ask in service.questions(dossier):
            self.fields.update(fields_of(ask, dossier))

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        specialty, rank = data.get("specialty"), data.get("rank")
        if specialty and rank and not specialty.profession.ranks.filter(pk=rank.pk).exists():
            self.add_error(
                "rank", _("%(rank)s is no rank of %(profession)s.") % {"rank": rank, "profession": specialty.profession}
            )
        return data

    def answers(self) -> dict[str, Any]:
        """What is kept in the application's answers, keyed by question; what was chosen from a list has a column of its own."""
        return {
            key: value.isoformat() if isinstance(value, date) else value
            for key, value in self.cleaned_data.items()
            if key not in ("version", *COLUMNS)
        }

    def chosen(self) -> dict[str, Any]:
        """What was chosen from a list, by column."""
        return {key: self.cleaned_data[key] for key in COLUMNS if self.cleaned_data.get(key)}


# The answers that are a column of the application, not kept among its answers.
COLUMNS = ("specialty", "rank", "qualification", "registration")


def _kept(question: Question, application: Application) -> Any:
    kept = application.answers.get(question.slug)
    return date.fromisoformat(kept) if kept and question.kind == Kind.DATE else kept


def _only(registrations: Any, service: Service) -> int | None:
    """The one registration that there is, so that nobody must choose among one."""
    if Ask.REGISTRATION not in service.asks:
        return None
    held = list(registrations[:2])
    return held[0].pk if len(held) == 1 else None


def read_back(service: Service, dossier: Dossier) -> list[tuple[str, str]]:
    """Every question of the service with its answer in words, for check answers and for the officer (APP-3)."""
    application = dossier.application
    columns = {
        "specialty": application.asked_specialty,
        "rank": application.asked_rank,
        "qualification": dossier.qualification,
        "registration": application.registration,
    }
    rows = []
    for ask in service.questions(dossier):
        for name, field in fields_of(ask, dossier).items():
            rows.append((str(field.label), columns[name] if name in columns else _in_words(ask, application)))
    return [(label, str(answer or "")) for label, answer in rows]


def _in_words(question: Question, application: Application) -> Any:
    kept = _kept(question, application)
    if question.kind == Kind.CHOICE:
        return dict(question.choices).get(kept, "")
    return look.gregorian(kept) if isinstance(kept, date) else kept


class DeclarationForm(Form):
    """APP-3: what was read back is declared to be true."""

    declared = forms.BooleanField(
        label=_("I declare that what I wrote is true and complete"),
        help_text=_("And that the documents are mine and nothing in them was changed."),
        error_messages={"required": _("Tick the declaration to go on.")},
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class AppealForm(Form):
    """Why a rejection should be changed (APP-9): in words, by a paper if there is one, under a declaration of truth."""

    text = CleanCharField(
        label=_("Why the decision should be changed"), max_length=2000, lines=True, widget=forms.Textarea({"rows": 8})
    )
    file = forms.FileField(
        label=_("A paper that shows it"), required=False, error_messages={"empty": _("The file is empty.")}
    )
    declared = forms.BooleanField(
        label=_("I declare that what I wrote is true and complete"),
        error_messages={"required": _("Tick the declaration to go on.")},
    )


class ObjectionForm(Form):
    """Why what was granted is not right (APP-6), as it stood when the page was read."""

    text = CleanCharField(label=_("Why you object"), max_length=900, lines=True, widget=forms.Textarea({"rows": 6}))
    seen = forms.IntegerField(widget=forms.HiddenInput)


class ItemAnswerForm(Form):
    """The answer to one returned item: a file, words, or why it cannot be (APP-4)."""

    kind = forms.ChoiceField(label=_("Your answer"), choices=AnswerKind, widget=forms.RadioSelect)
    file = forms.FileField(label=_("File"), required=False, error_messages={"empty": _("The file is empty.")})
    text = CleanCharField(
        label=_("In words"), max_length=2000, required=False, lines=True, widget=forms.Textarea({"rows": 3})
    )

    def __init__(self, *args: Any, takes_file: bool, dated: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not takes_file:
            del self.fields["file"]
            self.fields["kind"].choices = [choice for choice in AnswerKind.choices if choice[0] != AnswerKind.FILE]
        elif dated:
            self.fields["issued_on"] = CalendarDateField(label=_("Date on the paper"), required=False, not_future=True)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        kind = data.get("kind")
        if kind == AnswerKind.FILE and not data.get("file") and "file" not in self.errors:
            self.add_error("file", _("Choose a file first."))
        if (
            kind == AnswerKind.FILE
            and "issued_on" in self.fields
            and not data.get("issued_on")
            and "issued_on" not in self.errors
        ):
            self.add_error("issued_on", _("Type the date that stands on the paper."))
        if kind in (AnswerKind.TEXT, AnswerKind.CANNOT) and not data.get("text") and "text" not in self.errors:
            self.add_error("text", _("Write your answer."))
        return data


class ReturnForm(Form):
    """The officer ticks what is missing; each ticked item has a ready-made reason and, if needed, a remark."""

    def __init__(self, targets: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.targets = targets
        reasons = ReturnReason.objects.all()
        for slug, name in targets:
            self.fields[f"{slug}-reason"] = forms.ModelChoiceField(
                reasons, label=name, required=False, empty_label=_("Nothing is missing")
            )
            self.fields[f"{slug}-remark"] = CleanCharField(
                label=_("Remark on: %(item)s") % {"item": name}, max_length=500, required=False
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for slug, _name in self.targets:
            if data.get(f"{slug}-remark") and not data.get(f"{slug}-reason"):
                self.add_error(f"{slug}-reason", _("Choose the reason of this remark."))
        return data


class RecommendForm(Form):
    """What the reviewer recommends; a service that grants no rank asks none."""

    verdict = forms.ChoiceField(
        label=_("Recommendation"),
        choices=[("approve", _("Approve")), ("reject", _("Reject"))],
        widget=forms.RadioSelect,
    )
    specialty = forms.ModelChoiceField(
        Specialty.objects.select_related("profession"), label=_("Specialty granted"), required=False
    )
    rank = forms.ModelChoiceField(Rank.objects.all(), label=_("Rank granted"), required=False)
    reason = forms.ModelChoiceField(
        ReturnReason.objects.all(),
        label=_("Reason of a rejection"),
        required=False,
        empty_label=_("In my own words only"),
    )
    public_text = CleanCharField(
        label=_("Text for the practitioner"),
        max_length=2000,
        required=False,
        lines=True,
        widget=forms.Textarea({"rows": 3}),
    )
    internal_text = CleanCharField(
        label=_("Internal note"), max_length=2000, required=False, lines=True, widget=forms.Textarea({"rows": 3})
    )

    def __init__(self, application: Application, *args: Any, grants_rank: bool, **kwargs: Any) -> None:
        super().__init__(
            *args, initial={"specialty": application.asked_specialty_id, "rank": application.asked_rank_id}, **kwargs
        )
        if not grants_rank:
            del self.fields["specialty"], self.fields["rank"]


class NoteForm(Form):
    """What an officer may say with any other move."""

    public_text = CleanCharField(
        label=_("Text for the practitioner"),
        max_length=2000,
        required=False,
        lines=True,
        widget=forms.Textarea({"rows": 2}),
    )
    internal_text = CleanCharField(
        label=_("Internal note"), max_length=2000, required=False, lines=True, widget=forms.Textarea({"rows": 2})
    )
