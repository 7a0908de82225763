"""What staff see of a case's clock and do to it, as plain values; the page itself stands in applications/admin.py (DLN-5)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.forms import BaseForm
from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from applications import deadlines
from applications.models import Application, ClockCause
from mumaris.kit.clock import today
from mumaris.kit.fields import CleanCharField, Form, WholeNumberField
from mumaris.kit.policy import value


class ReasonForm(Form):
    """Why a clock is paused, or runs again."""

    reason = CleanCharField(label=_("Reason, as the practitioner reads it"), max_length=300)


class ExtendForm(ReasonForm):
    """By how much, and why, a last day is moved."""

    days = WholeNumberField(label=_("By how many days"), min_value=1, max_value=9999)
    field_order = ["days", "reason"]


@dataclass(frozen=True)
class Act:
    """One thing that staff do to a clock: its form, its button, and what does it."""

    name: str
    label: str | Promise
    explained: str | Promise
    form: type[Form]
    make: Callable[..., Any]


ACTS = {
    act.name: act
    for act in (
        Act(
            "pause",
            _("Let the clock stand"),
            _(
                "While a third party is waited for. The days that are left are kept; paying and answering stay possible."
            ),
            ReasonForm,
            lambda pk, **said: deadlines.pause(pk, cause=ClockCause.STAFF, **said),
        ),
        Act(
            "resume",
            _("Let the clock run again"),
            _("The last day is then reckoned from today with the days that were kept."),
            ReasonForm,
            lambda pk, **said: deadlines.resume(pk, cause=ClockCause.STAFF, **said),
        ),
        Act(
            "extend",
            _("Move the last day"),
            _("Once only. The new day is shown, and the practitioner is told."),
            ExtendForm,
            deadlines.extend,
        ),
    )
}


# Of these acts a refusal is about one field, and is said there.
FAULTY = {"extend": "days"}


def form_of(act: Act, data: QueryDict | None = None) -> BaseForm:
    return act.form(data, auto_id=f"id_{act.name}_%s")


def page(case: Application, user: Any, now: datetime, tried: dict[str, BaseForm]) -> dict[str, Any]:
    """The clock, what was done to it in this wait, and the forms of what can be done; why not, where something cannot."""
    deadline, changes = getattr(case, "deadline", None), deadlines.of_this_wait(case)
    clock = deadlines.Clock(case, deadline, None, changes)
    most = value("deadline.extension_days", today(now))
    why_not = {
        "pause": list(deadlines.why_no_pause(clock, ClockCause.STAFF, now)),
        "resume": list(deadlines.why_no_resume(clock, ClockCause.STAFF)),
        "extend": list(deadlines.why_no_extension(clock, 1, most, now)),
    }
    may = deadlines.clerk(user, case)
    return {
        "case": case,
        "deadline": deadline,
        "today": today(now),
        "changes": changes,
        "most": most,
        "acts": [
            {
                "act": act,
                "form": tried.get(name) or form_of(act),
                "why_not": why_not[name],
                "url": reverse("admin:applications_application_change_clock", args=[case.pk, name]),
            }
            for name, act in ACTS.items()
        ]
        if may
        else [],
    }
