"""The pieces that pages are made of."""

from datetime import UTC, date, datetime

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils import translation

from documents.forms import UploadForm
from mumaris.kit.templatetags import look
from tests.look.markup import Page

TODAY = date(2026, 11, 22)
ENTRY = {
    "at": datetime(2026, 11, 18, 9, tzinfo=UTC),
    "title": "Approved",
    "text": "By two officers",
    "tone": "now",
    "icon": "card",
}
RULES = [
    {"verdict": verdict, "name": f"Rule {verdict}", "fact": "A fact", "remedy_url": "/cure/", "remedy_text": "Cure it"}
    for verdict in look.STATES["rule"]
]
SLOT = {
    "name": "letter",
    "title": "Employer letter",
    "about": "Recent",
    "state": "missing",
    "upload_url": "/up/",
    "remove_url": "/off/",
}
HELD = {"file": {"name": "letter.pdf", "size": 2_500_000, "url": "/paper/"}, "issued_on": TODAY}
ELEMENTS = {
    "applications": {
        "rows": [
            {
                "name": "N",
                "url": "/a/",
                "state": "draft",
                "reference": "CL-1",
                "stage": 0,
                "stages": 6,
                "since": TODAY,
                "due": TODAY,
            }
        ]
    },
    "empty": {"icon": "doc", "title": "T", "text": "x", "url": "/", "action": "Go"},
    "fees": {"lines": [{"name": "Fee", "when": "now", "halalas": 20000, "note": "kept"}], "total": 20000},
    "holder": {"turn": "you", "due": TODAY, "facts": [("Since", "today")]},
    "rules": {"rules": RULES},
    "services": {
        "services": [{"slug": "classification", "name": "N", "summary": "S", "fee_from": 60000, "target_days": 10}]
    },
    "summary": {"rows": [{"label": "Name", "value": "Samar", "url": "/x/"}, {"label": "Job", "value": ""}]},
    "timeline": {"entries": [ENTRY, {"at": ENTRY["at"], "title": "Paid"}]},
    "todo": {"tasks": [{"title": "Pay", "text": "x", "url": "/", "action": "Pay", "due": TODAY}]},
}


def draw(markup, **context):
    return Template("{% load look %}" + markup).render(Context({"today": TODAY, **context}))


def sprite():
    return Page(render_to_string("elements/icons.html"))


def test_the_sprite_holds_every_icon_once():
    drawn = [attrs["id"] for attrs in sprite().all("symbol")]
    assert sorted(drawn) == sorted(f"i-{name}" for name in look.ICONS)


def test_an_unknown_icon_is_a_mistake_of_the_template():
    with pytest.raises(TemplateSyntaxError, match="unicorn"):
        draw("{% icon 'unicorn' %}")


@pytest.mark.parametrize("name", sorted(look.ICONS))
def test_only_what_points_along_the_line_is_mirrored(name):
    assert ("flip" in draw("{% icon name %}", name=name)) == (name in ("arrow", "chev"))


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize(
    ("thing", "value"), [(thing, value) for thing, values in look.STATES.items() for value in values]
)
def test_a_state_is_said_in_words_and_an_icon(thing, value, language):
    kind, icon, words = look.STATES[thing][value]
    with translation.override(language):
        drawn = draw("{% state thing value %}", thing=thing, value=value)
        assert str(words) in drawn
    assert f"#i-{icon}" in drawn
    assert ("badge-" in drawn) == bool(kind)


@pytest.mark.parametrize("name", ELEMENTS)
def test_an_element_is_sound_markup(name):
    html = render_to_string(f"elements/{name}.html", {"today": TODAY, **ELEMENTS[name]}) + render_to_string(
        "elements/icons.html"
    )
    assert Page(html).faults == []


@pytest.mark.req("SRV-12")
def test_a_rule_names_its_fact_and_its_cure():
    html = render_to_string("elements/rules.html", {"rules": RULES})
    assert [html.count(words) for words in ("A fact", "/cure/", "Cure it")] == [4, 4, 4]


@pytest.mark.parametrize("kind", look.ALERT_ICONS)
def test_an_alert_keeps_its_words_and_escapes_its_title(kind):
    drawn = draw("{% alert kind title=title role='status' %}<a href='/'>x</a>{% endalert %}", kind=kind, title="<b>")
    assert "<a href='/'>x</a>" in drawn
    assert "<strong>&lt;b&gt;</strong>" in drawn
    assert 'role="status"' in drawn


def test_the_way_here_ends_in_the_page_itself():
    page = Page(draw("{% crumbs 'Home' '/' 'Services' '/services/' 'Here' %}"))
    assert [attrs["href"] for attrs in page.all("a")] == ["/", "/services/"]
    assert len(page.all("span", **{"aria-current": "page"})) == 1


@pytest.mark.parametrize(("current", "done", "here"), [(1, 0, 1), (2, 1, 1), (3, 2, 1), (4, 3, 0)])
def test_a_stepper_shows_what_is_done_and_where_one_stands(current, done, here):
    page = Page(draw("{% stepper steps current %}", steps=["a", "b", "c"], current=current))
    assert len(page.all("li", class_="done")) == done
    assert len(page.all("li", **{"aria-current": "step"})) == here


@pytest.mark.parametrize("held", [{}, HELD])
@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("sent", [False, True])
def test_a_slot_is_one_file_and_one_form(held, dated, sent):
    form = UploadForm({} if sent else None, dated=dated, prefix="letter")
    page = Page(
        render_to_string("elements/slot.html", {"slot": {**SLOT, **held, "form": form}})
        + render_to_string("elements/icons.html")
    )
    assert page.faults == []
    [file] = page.all("input", type="file")
    assert file["name"] == "letter-file"
    assert ("aria-invalid" in file) == sent
    assert bool(page.all("input", name="letter-issued_on_day")) == dated
    assert {attrs["action"] for attrs in page.all("form")} == ({"/up/", "/off/"} if held else {"/up/"})
