"""The elements of the portal's look under short names: `{% load look %}`.

Words, dates and amounts come out in the active language with Latin digits; codes and amounts are isolated so that they
read the same in both directions. The markup stands in templates/elements/.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django import template
from django.forms import BaseForm, CheckboxInput, Field, FileInput, HiddenInput, RadioSelect, Select, Textarea
from django.forms.boundfield import BoundField
from django.forms.widgets import Input
from django.template.context import Context
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from hijridate import Gregorian

from mumaris.kit import money as kit_money
from mumaris.kit.clock import RIYADH

register = template.Library()

Text = str | Promise

ICONS = {
    "arrow", "bad", "building", "cal", "card", "check", "chev", "clock", "copy", "dash",
    "doc", "down", "info", "mail", "menu", "ok", "pen", "search", "user", "warn",
}  # fmt: skip
POINTING = {"arrow", "chev"}  # drawn for left-to-right and mirrored in Arabic; ticks, clocks and documents never are

ALERT_ICONS = {"note": "info", "ok": "ok", "warn": "warn", "bad": "bad", "plain": "info"}

# thing: code: (kind of badge, icon, words)
STATES: dict[str, dict[str, tuple[str, str, Text]]] = {
    "application": {
        "draft": ("", "pen", pgettext_lazy("application", "Draft")),
        "awaiting_admin_fee": ("warn", "card", pgettext_lazy("application", "Waiting for administrative fee")),
        "submitted": ("note", "mail", pgettext_lazy("application", "Submitted")),
        "under_review": ("note", "search", pgettext_lazy("application", "Under review")),
        "recommended": ("note", "search", pgettext_lazy("application", "Waiting for second officer")),
        "returned": ("warn", "warn", pgettext_lazy("application", "Returned to you")),
        "awaiting_exam": ("warn", "cal", pgettext_lazy("application", "Waiting for exam")),
        "awaiting_exam_fee": ("warn", "card", pgettext_lazy("application", "Waiting for exam fee")),
        "preliminarily_approved": ("warn", "card", pgettext_lazy("application", "Waiting for service fee")),
        "being_issued": ("note", "clock", pgettext_lazy("application", "Being issued")),
        "completed": ("ok", "ok", pgettext_lazy("application", "Completed")),
        "rejected": ("bad", "bad", pgettext_lazy("application", "Rejected")),
        "under_appeal": ("note", "search", pgettext_lazy("application", "Under appeal")),
        "cancelled": ("", "dash", pgettext_lazy("application", "Cancelled")),
        "withdrawn": ("", "dash", pgettext_lazy("application", "Withdrawn")),
    },
    "register": {
        "active": ("ok", "ok", pgettext_lazy("registration", "Active")),
        "renewal_pending": ("ok", "clock", pgettext_lazy("registration", "Active, renewal pending")),
        "in_grace": ("warn", "warn", pgettext_lazy("registration", "In grace")),
        "expired": ("bad", "bad", pgettext_lazy("registration", "Expired")),
        "suspended": ("bad", "bad", pgettext_lazy("registration", "Suspended")),
        "cancelled": ("", "dash", pgettext_lazy("registration", "Cancelled")),
    },
    "document": {
        "missing": ("", "dash", pgettext_lazy("document", "Not attached")),
        "checking": ("note", "clock", pgettext_lazy("document", "Being checked")),
        "accepted": ("ok", "ok", pgettext_lazy("document", "Accepted")),
        "refused": ("bad", "bad", pgettext_lazy("document", "Not accepted")),
        "psv_not_needed": ("", "dash", pgettext_lazy("document", "No verification needed")),
        "psv_waiting": ("note", "clock", pgettext_lazy("document", "With the verification company")),
        "psv_positive": ("ok", "ok", pgettext_lazy("document", "Verified: positive")),
        "psv_discrepancy": ("bad", "warn", pgettext_lazy("document", "Discrepancy")),
        "psv_unable": ("warn", "warn", pgettext_lazy("document", "Unable to verify")),
    },
    "refund": {
        "filed": ("note", "clock", pgettext_lazy("refund", "Waiting for a decision")),
        "overruling": ("note", "search", pgettext_lazy("refund", "Waiting for second officer")),
        "approved": ("ok", "ok", pgettext_lazy("refund", "Approved")),
        "paying": ("note", "card", pgettext_lazy("refund", "Being paid out")),
        "paid_out": ("ok", "ok", pgettext_lazy("refund", "Paid out")),
        "refused": ("bad", "bad", pgettext_lazy("refund", "Refused")),
        "expired": ("warn", "warn", pgettext_lazy("refund", "Not collected in time")),
        "closed": ("", "dash", pgettext_lazy("refund", "Closed")),
    },
    "rule": {
        "met": ("ok", "ok", pgettext_lazy("rule", "Met")),
        "unmet": ("bad", "bad", pgettext_lazy("rule", "Not met")),
        "evidence": ("warn", "doc", pgettext_lazy("rule", "Needs evidence")),
        "staff": ("", "clock", pgettext_lazy("rule", "Staff decide")),
    },
}

RULE_MARKS = {"met": "r-ok", "unmet": "r-bad", "evidence": "r-warn", "staff": "r-wait"}

MONTHS = (
    _("January"), _("February"), _("March"), _("April"), pgettext_lazy("month", "May"), _("June"),
    _("July"), _("August"), _("September"), _("October"), _("November"), _("December"),
)  # fmt: skip
HIJRI_MONTHS = (
    _("Muharram"), _("Safar"), _("Rabi al-Awwal"), _("Rabi al-Akhir"), _("Jumada al-Ula"), _("Jumada al-Akhirah"),
    _("Rajab"), _("Shaban"), _("Ramadan"), _("Shawwal"), _("Dhu al-Qadah"), _("Dhu al-Hijjah"),
)  # fmt: skip
WEEKDAYS = (
    _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
)  # fmt: skip


@register.filter
def code(value: object) -> SafeString:
    """A number or reference, isolated: `PR-2026-0448210` reads the same in both directions."""
    return format_html('<bdi class="code" dir="ltr">{}</bdi>', value)


@register.filter
def latin(value: object) -> SafeString:
    """English words inside an Arabic page."""
    return format_html('<bdi lang="en" dir="ltr">{}</bdi>', value)


@register.filter
def sar(halalas: int) -> SafeString:
    """`160000` halalas as 1,600.00, without the unit: for tables, whose head names it once."""
    return code(kit_money.riyals(halalas))


@register.filter
def whole_sar(halalas: int) -> SafeString:
    """`60000` halalas as 600, and 60050 as 600.50: for price lists."""
    return code(kit_money.riyals(halalas).removesuffix(".00"))


@register.simple_tag
def money(halalas: int) -> SafeString:
    """The amount with its unit, where the active language puts it."""
    return kit_money.format_sar(halalas, get_language() or "ar")


@register.filter
def kilobytes(size: int) -> str:
    """A file's size: 812 KB, 2.4 MB."""
    return f"{size / 1024**2:.1f} MB" if size >= 1024**2 else f"{max(1, round(size / 1024))} KB"


def _riyadh_day(moment: date) -> date:
    return moment.astimezone(RIYADH).date() if isinstance(moment, datetime) else moment


def gregorian(day: date) -> str:
    """18 November 2026. A moment counts as its Riyadh day."""
    day = _riyadh_day(day)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def hijri(day: date) -> str:
    """9 Rajab 1448 by the Umm al-Qura calendar; empty outside 1924 to 2077, which its tables do not cover."""
    try:
        there = Gregorian.fromdate(_riyadh_day(day)).to_hijri()
    except OverflowError:
        return ""
    return f"{there.day} {HIJRI_MONTHS[there.month - 1]} {there.year}"


def long_gregorian(day: date) -> str:
    """Friday 18 December 2026."""
    return f"{WEEKDAYS[_riyadh_day(day).weekday()]} {gregorian(day)}"


register.filter("day", gregorian)
register.filter("hijri", hijri)
register.filter("long_day", long_gregorian)


@register.simple_tag
def dates(day: date) -> SafeString:
    """A day in both calendars: 18 November 2026 (9 Rajab 1448)."""
    return _both(gregorian(day), hijri(day))


def _both(first: str, second: str) -> SafeString:
    if not second:
        return format_html("{}", first)
    return format_html('{} <span class="date-alt">({})</span>', first, second)


@register.filter
def hour(moment: datetime) -> SafeString:
    """The time of day in Riyadh, 24 hours: 09:26."""
    return code(moment.astimezone(RIYADH).strftime("%H:%M"))


@register.filter
def moment(instant: datetime) -> SafeString:
    """Day and time in Riyadh: 18 November 2026, 10:42."""
    return format_html(gettext("{day}, {time}"), day=gregorian(instant), time=hour(instant))


def days_left(days: int) -> str:
    """How far a deadline is, in words; `days` is negative once it has passed."""
    if days < 0:
        return ngettext("passed %(days)d day ago", "passed %(days)d days ago", -days) % {"days": -days}
    if days == 0:
        return gettext("ends today")
    return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}


@register.filter
def working_days(days: int) -> str:
    """`10` as 10 working days."""
    return ngettext("%(days)d working day", "%(days)d working days", days) % {"days": days}


@register.inclusion_tag("elements/due.html", takes_context=True)
def due(
    context: Context,
    day: date,
    before: Text = "",
    both: bool = True,
    today: date | None = None,
    stands: int | None = None,
) -> dict[str, Any]:
    """A deadline: the date first, then the days left (DLN-4).

    `before` stands in front of the date ("Until"); `both=False` leaves the Hijri date out. `today` comes from the page.
    `stands` are the days that are kept while the clock stands; then there is no date (DLN-5).
    """
    if isinstance(stands, int):
        kept = ngettext("%(days)d day remains", "%(days)d days remain", stands) % {"days": stands}
        return {"kind": "", "icon_name": "dash", "before": "", "shown": gettext("The clock stands"), "left": kept}
    left = _riyadh_day(day).toordinal() - (today or context["today"]).toordinal()
    if left > 14:
        kind, picture = "", "clock"
    elif left > 3:
        kind, picture = "due-soon", "clock"
    else:
        kind, picture = "due-now", "warn" if left >= 0 else "bad"
    shown = _both(long_gregorian(day), hijri(day)) if both else long_gregorian(day)
    return {"kind": kind, "icon_name": picture, "before": before, "shown": shown, "left": days_left(left)}


@register.simple_tag
def icon(name: str) -> SafeString:
    """One picture of templates/elements/icons.html; it says nothing to a screen reader, so words stand beside it."""
    if name not in ICONS:
        raise template.TemplateSyntaxError(f"no icon called {name!r}")
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="#i-{}"/></svg>', " flip" if name in POINTING else "", name
    )


@register.simple_tag
def badge(kind: str, words: Text, picture: str = "") -> SafeString:
    """A state in words and colour. Kinds: ok, warn (your turn), bad (refused, expired), note, or "" for grey."""
    style = f" badge-{kind}" if kind else ""
    return format_html('<span class="badge{}">{}{}</span>', style, icon(picture) if picture else "", words)


@register.simple_tag
def state(thing: str, value: str) -> SafeString:
    """The badge of a state: `{% state "application" application.state %}`; see STATES for things and codes."""
    kind, picture, words = STATES[thing][value]
    return badge(kind, words, picture)


@register.filter
def message_kind(level_tag: str) -> str:
    """The kind of alert for a message of Django's, by its level."""
    return {"success": "ok", "warning": "warn", "error": "bad"}.get(level_tag, "note")


@register.simple_block_tag
def alert(content: str, kind: str = "note", title: Text = "", role: str = "") -> SafeString:
    """A message that says what happened and what to do. Kinds: note, ok, warn, bad, plain."""
    return format_html(
        '<div class="alert{}"{}>{}<div>{}{}</div></div>',
        "" if kind == "note" else f" alert-{kind}",
        format_html(' role="{}"', role) if role else "",
        icon(ALERT_ICONS[kind]),
        format_html("<strong>{}</strong>", title) if title else "",
        content,
    )


@register.simple_block_tag
def verdict(content: str, title: Text, under: Text = "") -> SafeString:
    """Good news on deep green: an application sent, a registration in force. Bad news opens with an alert instead."""
    return format_html(
        '<section class="verdict" aria-labelledby="verdict"><div class="verdict-top on-deep">{}<div><h1 id="verdict">{}</h1>{}</div></div>'
        '<div class="verdict-body stack stack-3">{}</div></section>',
        icon("ok"),
        title,
        format_html("<p>{}</p>", under) if under else "",
        content,
    )


@register.simple_tag
def rule_mark(verdict_code: str) -> SafeString:
    """The picture in front of a rule."""
    return format_html('<span class="{}">{}</span>', RULE_MARKS[verdict_code], icon(STATES["rule"][verdict_code][1]))


@register.simple_tag
def rule_badge(verdict_code: str) -> SafeString:
    """The verdict in words, without a second picture."""
    kind, _picture, words = STATES["rule"][verdict_code]
    return badge(kind, words)


@register.simple_block_tag(takes_context=True)
def nav_link(context: Context, content: str, name: str, style: str = "") -> SafeString:
    """A link of the menu to the page of that URL name, marked where it or a page below it is open."""
    url = reverse(name)
    request = context.get("request")
    here = request is not None and (request.path == url or (url != "/" and request.path.startswith(url)))
    return format_html(
        '<a{} href="{}"{}>{}</a>',
        format_html(' class="{}"', style) if style else "",
        url,
        format_html(' aria-current="{}"', "page") if here else "",
        content,
    )


@register.inclusion_tag("elements/crumbs.html")
def crumbs(*names_and_urls: Text) -> dict[str, Any]:
    """The way here: `{% crumbs "Home" home_url "Services" services_url "Registration" %}`; the last has no address."""
    *way, here = names_and_urls
    return {"way": list(zip(way[::2], way[1::2], strict=True)), "here": here}


@register.inclusion_tag("elements/stepper.html")
def stepper(steps: Iterable[Text], current: int) -> dict[str, Any]:
    """Where one stands; `current` counts from 1, and one more than there are steps means all are done."""
    names = list(steps)
    return {
        "steps": [(name, number < current, number == current) for number, name in enumerate(names, 1)],
        "name": names[min(current, len(names)) - 1],
        "current": min(current, len(names)),
        "total": len(names),
    }


@register.inclusion_tag("elements/stepper_mini.html")
def stepper_mini(current: int, total: int) -> dict[str, Any]:
    """The bars of a stepper, for lists."""
    return {"steps": [(n < current, n == current) for n in range(1, total + 1)], "current": current, "total": total}


@register.inclusion_tag("elements/error_summary.html")
def error_summary(*forms: BaseForm) -> dict[str, Any]:
    """What is wrong on the page, each line linked to its input; nothing when all is well. It takes the focus."""
    problems = []
    for form in forms:
        first = next((bound for bound in form if not _is_plain_hidden(bound)), None)
        problems += [(_focus(first), message) for message in form.non_field_errors()]
        for bound in form:
            shown = first if _is_plain_hidden(bound) else bound
            problems += [(_focus(shown), _named(bound, str(message))) for message in bound.errors]
    return {"problems": problems}


@register.inclusion_tag("elements/field.html")
def field(
    bound: BoundField, hint: Text | None = None, label: Text = "", width: str = "l", optional: bool = True
) -> dict[str, Any]:
    """One form field: label, hint, error, control, in the form that its widget asks for.

    `hint` and `label` replace those of the field (an empty hint takes it away); `width` is s, m, l or "" for all there
    is; `optional=False` leaves the word "optional" out where the form demands the field and the field itself does not.
    A field of choices may carry `choice_hints`, a dict of value to the line under that choice.
    """
    widget, shape = bound.field.widget, _shape(bound)
    hint = bound.help_text if hint is None else hint
    described = " ".join([f"{bound.auto_id}_helptext"] * bool(hint) + [f"{bound.auto_id}_error"] * bool(bound.errors))
    attrs = bound.build_widget_attrs({"id": bound.auto_id})
    attrs["placeholder"] = False  # the label stands above; a placeholder would vanish while one types
    attrs["aria-describedby"] = False if shape == "group" else described or False
    if shape == "line" and width and not isinstance(widget, Textarea):
        attrs["class"] = f"{widget.attrs.get('class', '')} w-{width}".strip()
    if widget.attrs.get("type", getattr(widget, "input_type", "")) in ("email", "tel", "url", "password"):
        attrs["dir"] = "ltr"
    hints: Mapping[Any, Text] = getattr(bound.field, "choice_hints", {})
    return {
        "bound": bound,
        "shape": shape,
        "label": label or bound.label,
        "hint": hint,
        "described": described,
        "optional": optional and not bound.field.required and shape != "tick",
        "control": widget.render(bound.html_name, bound.value(), attrs, bound.form.renderer),
        "choices": [(option, hints.get(option.data["value"], "")) for option in bound] if shape == "choices" else [],
    }


@register.inclusion_tag("elements/fields.html")
def fields(form: BaseForm, width: str = "l") -> dict[str, Any]:
    """All fields of a form in their order, the hidden ones included."""
    return {"bounds": [(bound, _is_plain_hidden(bound)) for bound in form], "width": width}


def _shape(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, CheckboxInput):
        return "tick"
    if isinstance(widget, RadioSelect):  # a list of tick boxes is one too
        return "choices"
    if isinstance(widget, FileInput):
        return "file"
    # What no label can point to (a human check, the parts of a date) is a group.
    return "line" if isinstance(widget, Input | Textarea | Select) and not widget.is_hidden else "group"


def _is_plain_hidden(bound: BoundField) -> bool:
    """Whether there is nothing to see; a human check hides its input and still shows itself."""
    return bound.is_hidden and bound.field.widget.template_name == HiddenInput.template_name


def _named(bound: BoundField, message: str) -> str:
    """Django's own "This field is required." says nothing away from its field, so the field's name goes before it."""
    return f"{bound.label}: {message}" if message == Field.default_error_messages["required"] else message


def _focus(bound: BoundField | None) -> str:
    """The id that a link to the field's first control leads to."""
    if bound is None:
        return "main"
    if _shape(bound) == "choices":
        return f"{bound.auto_id}_0"
    return f"{bound.auto_id}_field" if bound.is_hidden else bound.id_for_label or f"{bound.auto_id}_field"
