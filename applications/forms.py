"""The questions that a service can ask, the answers to a return, and the officers' decisions."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from applications.catalogue import Ask, Service
from applications.dossier import Dossier
from applications.models import AnswerKind, Application, ReturnReason
from mumaris.kit.fields import CalendarDateField, CleanCharField, Form
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


def _gap_explanation(dossier: Dossier) -> dict[str, forms.Field]:
    return {
        "gap_explanation": CleanCharField(
            label=_("If you did not practise for two years or more: why, and how you kept your skills"),
            max_length=1000,
            required=False,
            lines=True,
            widget=forms.Textarea({"rows": 4}),
        )
    }


def _employer(dossier: Dossier) -> dict[str, forms.Field]:
    return {
        "employer": CleanCharField(
            label=_("Facility"), max_length=160, widget=forms.TextInput({"autocomplete": "organization"})
        ),
        "job": CleanCharField(
            label=_("Job title"), max_length=120, widget=forms.TextInput({"autocomplete": "organization-title"})
        ),
        "city": CleanCharField(label=_("City"), max_length=80),
    }


QUESTIONS: dict[Ask, Callable[[Dossier], dict[str, forms.Field]]] = {
    Ask.SPECIALTY_AND_RANK: _specialty_and_rank,
    Ask.QUALIFICATION: _qualification,
    Ask.GAP_EXPLANATION: _gap_explanation,
    Ask.EMPLOYER: _employer,
}


class QuestionsForm(Form):
    """The questions of one service, filled from the draft. `version` guards against a stale window (APP-8)."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, service: Service, dossier: Dossier, *args: Any, **kwargs: Any) -> None:
        application = dossier.application
        initial = {
            **application.answers,
            "version": application.version,
            "specialty": application.asked_specialty_id,
            "qualification": application.qualification_id,
            "rank": application.asked_rank_id,
        }
        super().__init__(*args, initial=initial, **kwargs)
        for ask in service.asks:
            self.fields.update(QUESTIONS[ask](dossier))

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
        columns = ("version", "specialty", "rank", "qualification")
        return {key: value for key, value in self.cleaned_data.items() if key not in columns}


def read_back(service: Service, dossier: Dossier) -> list[tuple[str, str]]:
    """Every question of the service with its answer in words, for check answers and for the officer (APP-3)."""
    application = dossier.application
    shown = {
        "specialty": application.asked_specialty,
        "rank": application.asked_rank,
        "qualification": dossier.qualification,
    }
    rows = []
    for ask in service.asks:
        for name, field in QUESTIONS[ask](dossier).items():
            value = shown[name] if name in shown else application.answers.get(name, "")
            rows.append((str(field.label), str(value or "")))
    return rows


class DeclarationForm(Form):
    """APP-3: what was read back is declared to be true."""

    declared = forms.BooleanField(
        label=_("I declare that what I wrote is true and complete"),
        help_text=_("And that the documents are mine and nothing in them was changed."),
        error_messages={"required": _("Tick the declaration to go on.")},
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


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
    verdict = forms.ChoiceField(
        label=_("Recommendation"),
        choices=[("approve", _("Approve")), ("reject", _("Reject"))],
        widget=forms.RadioSelect,
    )
    specialty = forms.ModelChoiceField(
        Specialty.objects.select_related("profession"), label=_("Specialty granted"), required=False
    )
    rank = forms.ModelChoiceField(Rank.objects.all(), label=_("Rank granted"), required=False)
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

    def __init__(self, application: Application, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, initial={"specialty": application.asked_specialty_id, "rank": application.asked_rank_id}, **kwargs
        )


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
