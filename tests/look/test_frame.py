"""The frame around every page, and the pages anyone can open, in both languages."""

import pytest
from django.core.management import call_command
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from tests.look.markup import Page

LANGUAGES = {"ar": "rtl", "en": "ltr"}
ERRORS = ["400", "403", "403_csrf", "404", "405", "429", "500", "503"]
OPEN_PAGES = [
    "about",
    "demo",
    "services",
    "account_login",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
]
OPEN_PAGES += ["account_email_verification_sent", "account_inactive"]


def read(client, address, language):
    client.cookies["django_language"] = language
    return client.get(address)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_page_needs_no_context(name, language):
    with translation.override(language):
        html = render_to_string(f"{name}.html")
    page = Page(html)
    assert page.faults == []
    assert page.all("html") == [{"lang": language, "dir": LANGUAGES[language]}]
    assert len(page.all("h1")) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["home", *OPEN_PAGES])
def test_a_page_that_anyone_can_open(client, name, language):
    call_command("load_reference")
    answer = read(client, reverse(name), language)
    page = Page(answer.content.decode())
    assert answer.status_code == 200
    assert page.faults == []
    assert page.all("html") == [{"lang": language, "dir": LANGUAGES[language]}]
    assert len(page.all("h1")) == 1
    assert page.all("main") == [{"id": "main", "tabindex": "-1"}]


@pytest.mark.django_db
@pytest.mark.req("SRV-0")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("slug", "more"), [("classification", ["verification-h", "exam-h"]), ("registration", [])])
def test_the_page_of_a_service(client, slug, more, language):
    call_command("load_reference")
    page = Page(read(client, reverse("service", args=[slug]), language).content.decode())
    assert page.faults == []
    assert [attrs["id"] for attrs in page.all("h2") if attrs.get("id")] == [
        "start-h",
        "who-h",
        "documents-h",
        *more,
        "fees-h",
        "steps-h",
    ]


def test_a_broken_page_says_nothing_of_the_signed_in_person():
    assert Page(render_to_string("500.html")).all("form") == []


@pytest.mark.django_db
@pytest.mark.parametrize(("shown", "other"), [("ar", "en"), ("en", "ar")])
def test_the_other_language_is_one_press_away_on_the_same_page(client, shown, other):
    page = Page(read(client, reverse("services") + "?page=2", shown).content.decode())
    [switch] = page.all("button", name="language")
    assert (switch["value"], switch["lang"]) == (other, other)
    assert page.all("input", name="next")[0]["value"] == "/services/?page=2"


@pytest.mark.django_db
def test_the_menu_marks_where_one_is(client):
    here = [
        attrs["href"]
        for attrs in Page(read(client, reverse("services"), "en").content.decode()).all("a")
        if "aria-current" in attrs
    ]
    assert here == [reverse("services")]


@pytest.mark.django_db
@pytest.mark.req("ACC-1")
def test_sign_up_asks_in_the_order_of_the_seeds(client):
    page = Page(read(client, reverse("account_signup"), "en").content.decode())
    asked = [attrs["id"] for tag, attrs in page.elements if attrs.get("id", "").endswith("_field")]
    assert asked == [f"id_{name}_field" for name in ("name", "email", "email2", "password1", "password2", "human")]


@pytest.mark.django_db
def test_errors_are_said_in_the_title_in_a_summary_and_at_the_field(client):
    answer = client.post(
        reverse("account_login"), {"login": "", "password": "x"}, headers={"cookie": "django_language=en"}
    )
    page = Page(answer.content.decode())
    assert page.faults == []
    assert "<title>Error: Sign in |" in answer.content.decode()
    assert "autofocus" in page.all("div", class_="error-box")[0]
    assert {"href": "#id_login"} in page.all("a")
    [login] = page.all("input", name="login")
    assert login["aria-invalid"] == "true"
    assert "id_login_error" in login["aria-describedby"].split()
