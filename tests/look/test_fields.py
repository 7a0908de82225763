"""Form fields in the forms that their widgets ask for."""

import pytest
from django import forms
from django.template import Context, Template

from mumaris.kit.fields import CalendarDateField, CanonicalEmailField
from mumaris.kit.templatetags import look
from tests.look.markup import Page


class Everything(forms.Form):
    name = forms.CharField(label="Name", help_text="As in the letter", widget=forms.TextInput({"placeholder": "gone"}))
    mail = CanonicalEmailField(label="E-mail", required=False)
    note = forms.CharField(label="Note", widget=forms.Textarea, required=False)
    rank = forms.ChoiceField(label="Rank", choices=[("", "Choose"), ("a", "First")])
    method = forms.ChoiceField(label="Method", choices=[("sadad", "SADAD"), ("card", "Card")], widget=forms.RadioSelect)
    days = forms.MultipleChoiceField(label="Days", choices=[("1", "One")], widget=forms.CheckboxSelectMultiple)
    born = CalendarDateField(label="Birth date")
    letter = forms.FileField(label="Letter")
    agreed = forms.BooleanField(label="I declare")
    version = forms.IntegerField(widget=forms.HiddenInput)


Everything.base_fields["method"].choice_hints = {"sadad": "At your bank"}


def draw(markup, form):
    return Page(Template("{% load look %}" + markup).render(Context({"form": form})))


def faults(page):
    """What is wrong with a piece of a page, which has no sprite of its own."""
    return [fault for fault in page.faults if "'i-" not in fault]


@pytest.mark.parametrize(
    "form", [Everything(), Everything({}), Everything({"born_day": "x"})], ids=["new", "empty", "wrong"]
)
def test_every_control_has_its_label_and_its_words(form):
    page = draw("{% error_summary form %}{% fields form %}", form)
    assert faults(page) == []
    named = {attrs["for"] for attrs in page.all("label") if "for" in attrs}
    for name in ("name", "mail", "note", "rank", "letter"):
        assert f"id_{name}" in named
    assert len(page.all("fieldset")) == len(page.all("legend")) == 3


def test_a_placeholder_is_no_label():
    assert "placeholder" not in draw("{% field form.name %}", Everything()).all("input")[0]


def test_an_address_reads_from_the_left():
    assert draw("{% field form.mail %}", Everything()).all("input")[0]["dir"] == "ltr"


def test_a_hint_and_an_error_are_read_with_the_control():
    [control] = draw("{% field form.name %}", Everything({})).all("input")
    assert control["aria-describedby"] == "id_name_helptext id_name_error"
    assert control["aria-invalid"] == "true"


def test_an_empty_hint_takes_the_hint_away():
    page = draw("{% field form.name hint='' %}", Everything())
    assert page.all("div", class_="hint") == []
    assert "aria-describedby" not in page.all("input")[0]


def test_the_word_optional_stands_where_nothing_is_demanded():
    assert draw("{% field form.mail %}", Everything()).all("span", class_="soft")
    assert not draw("{% field form.mail optional=False %}", Everything()).all("span", class_="soft")
    assert not draw("{% field form.name %}", Everything()).all("span", class_="soft")


def test_a_choice_is_wholly_its_target_and_explains_itself():
    html = Template("{% load look %}{% field form.method %}").render(Context({"form": Everything({"method": "card"})}))
    assert html.count('<label class="choice">') == 2
    assert html.count("At your bank") == 1
    assert [attrs["value"] for attrs in Page(html).all("input", type="radio") if "checked" in attrs] == ["card"]


def test_what_was_typed_is_kept():
    typed = Everything(
        {"name": "سمر", "born_calendar": "hijri", "born_day": "40", "born_month": "9", "born_year": "1412"}
    )
    page = draw("{% fields form %}", typed)
    assert page.all("input", name="name")[0]["value"] == "سمر"
    assert page.all("input", name="born_day")[0]["value"] == "40"
    assert "checked" in page.all("input", name="born_calendar", value="hijri")[0]


def test_the_summary_links_every_error_to_its_control():
    page = draw("{% error_summary form %}{% fields form %}", Everything({}))
    targets = [attrs["href"] for attrs in page.all("a")]
    assert targets == [
        "#id_name",
        "#id_rank",
        "#id_method_0",
        "#id_days_0",
        "#id_born_day",
        "#id_letter",
        "#id_agreed",
        "#id_name",
    ]  # the last one's field is hidden


def test_an_error_of_the_whole_form_leads_to_its_first_control():
    form = Everything({})
    form.add_error(None, "Not together")
    assert look.error_summary(form)["problems"][0] == ("id_name", "Not together")


def test_no_error_no_summary():
    assert draw("{% error_summary form %}", Everything()).elements == []


def test_hidden_fields_are_there_and_not_shown():
    page = draw("{% fields form %}", Everything(initial={"version": 3}))
    assert page.all("input", type="hidden") == [{"type": "hidden", "name": "version", "value": "3", "id": "id_version"}]
