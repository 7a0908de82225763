"""Creating an account, opening it, signing in by every name, and setting a new password (ACC-1, ACC-2, ACC-3, ACC-8)."""

import base64
import json
import re
import time

import altcha
import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as conf
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django_altcha import get_altcha_challenge, get_hmac_key

from accounts import identity
from accounts.models import User
from tests.fingerprint import unchanged
from tests.people import identity_number, make_practitioner, make_user

ADDRESS = "samar@example.com"
SECRET = "palm trees of Hasa 7"
DAY = 86400
NEWCOMER = {"name": "Samar Idris", "email": ADDRESS, "email2": ADDRESS, "password1": SECRET, "password2": SECRET}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(settings, request):
    """No human check unless a test asks for it, limits of one's own, and passwords hashed in no time."""
    settings.HUMAN_CHECK = "off"
    own = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    settings.CACHES = {"default": own}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def member():
    """Somebody whose account is open, with SECRET as the password."""
    user = make_user("Samar Idris", email=ADDRESS)
    user.set_password(SECRET)
    user.save()
    return user


@pytest.fixture
def english(client):
    client.cookies[conf.LANGUAGE_COOKIE_NAME] = "en"
    return client


def sign_up(client, **changes):
    return client.post("/sign/signup/", NEWCOMER | changes)


def sign_in(client, login, password=SECRET):
    return client.post("/sign/login/", {"login": login, "password": password})


def is_signed_in(client):
    return "_auth_user_id" in client.session


def link(to=ADDRESS):
    """The path of the link in the latest letter to that address."""
    letter = [letter for letter in mail.outbox if letter.to == [to]][-1]
    return re.search(r"https?://[^/]+(/sign/\S+)", letter.body)[1]


# Sign-up


@pytest.mark.req("ACC-1")
def test_sign_up_asks_name_address_and_password_twice_and_the_human_check(english, settings):
    settings.HUMAN_CHECK = "altcha"
    form = english.get("/sign/signup/").context["form"]
    assert list(form.fields) == ["name", "email", "email2", "password1", "password2", "human"]


@pytest.mark.req("ACC-1")
def test_only_a_solved_human_check_counts_and_only_once(english, settings):
    settings.HUMAN_CHECK = "altcha"
    challenge = get_altcha_challenge(max_number=50)
    number = altcha.solve_challenge(challenge.challenge, challenge.salt, challenge.algorithm, 50).number

    def solved(number):
        told = {"challenge": challenge.challenge, "salt": challenge.salt, "algorithm": challenge.algorithm}
        told |= {"number": number, "signature": challenge.signature}
        return base64.b64encode(json.dumps(told).encode()).decode()

    assert get_hmac_key() != conf.SECRET_KEY
    for unsolved in ("", "on", "bm90IGpzb24=", solved(number + 1)):
        with unchanged():
            assert "human" in sign_up(english, human=unsolved).context["form"].errors
    assert sign_up(english, human=solved(number)).status_code == 302
    with unchanged():
        again = sign_up(english, human=solved(number), email="b@example.com", email2="b@example.com")
    assert "human" in again.context["form"].errors


@pytest.mark.req("ACC-1")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email2": "someone@example.com"}, "email2"),
        ({"password2": SECRET + " "}, "password2"),
        ({"name": ""}, "name"),
        ({"password1": "short", "password2": "short"}, "password1"),
        ({"password1": "0123456789", "password2": "0123456789"}, "password1"),
        ({"password1": "password123", "password2": "password123"}, "password1"),
        ({"password1": ADDRESS, "password2": ADDRESS}, "password1"),
        ({"password1": "x" * 1001, "password2": "x" * 1001}, "password1"),
        ({"password1": "palm\0trees of Hasa", "password2": "palm\0trees of Hasa"}, "password1"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_nothing_is_created(english, changes, field):
    with unchanged():
        answer = sign_up(english, **changes)
    assert next(iter(answer.context["form"].errors)) == field
    assert answer.status_code == 200


@pytest.mark.req("ACC-1")
@pytest.mark.parametrize(
    "address",
    [
        "samar",
        "samar@",
        "@example.com",
        "samar@example",
        "samar@@example.com",
        "sa mar@example.com",
        "samar@example.com.",
        ".samar@example.com",
        "sa..mar@example.com",
        '"samar"@example.com',
        "samar@[127.0.0.1]",
        "samar@127.0.0.1",
        "samar@example.com,owner@example.com",
        "samar@example.com owner@example.com",
        "samar@example.com\r\nBcc: owner@example.com",
        "samar@example.com\nowner@example.com",
        "sаmar@example.com",  # a Cyrillic а
        "samar＠example.com",
        "ﬁnn@example.com",
        "mıke@example.com",
        "samar@exаmple.com",
        "samar@xn--80ak6aa92e.xn--",
        "x" * 65 + "@example.com",
        "samar@" + "a." * 130 + "com",
        "samar\0@example.com",
    ],
)
def test_look_alikes_and_second_addresses_are_refused(english, address):
    """Classes 12 to 14."""
    with unchanged():
        form = sign_up(english, email=address, email2=address).context["form"]
    assert "email" in form.errors


@pytest.mark.req("ACC-4")
def test_an_address_is_one_account_however_it_is_typed(english):
    """Class 11."""
    assert sign_up(english, email=" Samar@EXAMPLE.com ", email2="samar@example.com").status_code == 302
    assert User.objects.get().email == ADDRESS
    for same in ("SAMAR@example.com", "samar@example.COM", "\u200fsamar@example.com\u200e"):
        sign_up(Client(), email=same, email2=same)
    assert User.objects.count() == 1


@pytest.mark.req("ACC-2")
def test_a_stranger_learns_nothing_of_who_has_an_account(member):
    """Class 10: a taken address and a free one get the same answer; the owner of the taken one gets a letter."""
    pages = []
    for address in (ADDRESS, "nobody@example.com"):
        client = Client()
        answer = sign_up(client, email=address, email2=address)
        page = client.get(answer.headers["Location"])
        token = r'name="csrfmiddlewaretoken" value="\w+"'
        text = re.sub(token, "", page.content.decode()).replace(address, "ADDRESS")
        pages.append((answer.status_code, answer.headers["Location"], text))
        assert not is_signed_in(client)
    assert pages[0] == pages[1]
    assert User.objects.filter(email=ADDRESS).count() == 1
    assert [letter.subject for letter in mail.outbox if letter.to == [ADDRESS]] == ["You already have an account"]
    member.refresh_from_db()
    assert member.check_password(SECRET)


# The activation link


@pytest.mark.req("ACC-2")
def test_the_account_works_once_its_link_was_used(english):
    assert sign_up(english).headers["Location"] == "/sign/confirm-email/"
    assert not is_signed_in(english)
    activation = link()

    stranger = Client()
    assert sign_in(stranger, ADDRESS).headers["Location"] == "/sign/confirm-email/"
    assert not is_signed_in(stranger)

    with unchanged():  # mail scanners open links too (class 20)
        assert english.get(activation).status_code == 200
        Client().head(activation)
    assert Client().post(activation).status_code == 302
    user = User.objects.get()
    assert user.activated_at
    assert EmailAddress.objects.get().verified

    assert sign_in(stranger, ADDRESS).status_code == 302
    assert is_signed_in(stranger)


@pytest.mark.req("ACC-2")
def test_the_activation_link_works_once(english):
    sign_up(english)
    activation = link()
    english.post(activation)
    activated_at = User.objects.get().activated_at
    for again in (english.get(activation), english.post(activation)):
        assert again.status_code in (200, 302, 404)
    assert User.objects.get().activated_at == activated_at
    assert not is_signed_in(Client())


@pytest.mark.req("ACC-2")
def test_an_old_link_is_refused_politely_and_a_new_one_is_sent_on_asking(english, monkeypatch):
    with monkeypatch.context() as earlier:
        long_ago = time.time() - 3 * DAY - 60
        earlier.setattr("django.core.signing.time.time", lambda: long_ago)
        sign_up(english)
    old = link()
    with unchanged():
        page = english.get(old)
        english.post(old)
    assert "This link works no more" in page.content.decode()
    cache.clear()
    sign_in(english, ADDRESS)
    assert link() != old
    english.post(link())
    assert User.objects.get().activated_at


def cut(key):
    return key[:-1]


def longer(key):
    return key + "x"


def other_case(key):
    return key.swapcase()


@pytest.mark.req("ACC-2")
@pytest.mark.parametrize("change", [cut, longer, other_case, lambda key: "x", lambda key: "MQ:1:1"])
def test_a_changed_activation_link_activates_nobody(english, change):
    """Class 20."""
    sign_up(english)
    key = link().split("/")[3]
    with unchanged():
        for answer in (
            english.get(f"/sign/confirm-email/{change(key)}/"),
            english.post(f"/sign/confirm-email/{change(key)}/"),
        ):
            assert answer.status_code in (200, 302, 404)
    assert User.objects.get().activated_at is None


# Signing in


def spellings(number):
    arabic = number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    persian = number.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
    grouped = f"{number[:3]} {number[3:6]}-{number[6:]}"
    return [
        number,
        arabic,
        persian,
        number[:5] + arabic[5:],
        grouped,
        f"\u200f{number}\u200e",
        f"\u00a0{number}\ufeff ",
    ]


@pytest.mark.req("ACC-3")
@pytest.mark.parametrize(("first", "nationality"), [("1", "SA"), ("2", "IN")])
def test_signing_in_by_national_id_or_iqama_in_any_digits(member, first, nationality):
    number = identity_number(first)
    make_practitioner(user=member, nationality=nationality, number=number)
    for typed in spellings(number):
        client = Client()
        assert sign_in(client, typed).status_code == 302, typed
        assert is_signed_in(client), typed


@pytest.mark.req("ACC-3")
@pytest.mark.parametrize("typed", [ADDRESS, "SAMAR@Example.Com", f"  {ADDRESS} ", f"\u200e{ADDRESS}"])
def test_signing_in_by_address(member, client, typed):
    assert sign_in(client, typed).headers["Location"] == "/"
    assert is_signed_in(client)


@pytest.mark.req("ACC-3")
def test_signing_in_by_passport_with_its_country(member, client):
    person = make_practitioner(user=member, nationality="IN")
    person.identities.update(kind="passport", country="IN", person_key=identity.key("passport", "Z1234567", "IN"))
    for typed in ("IN-Z1234567", "in z1234567", "IN/Z١٢٣٤٥٦٧"):
        assert is_signed_in_by(typed), typed
    for typed in ("Z1234567", "PK-Z1234567"):
        assert not is_signed_in_by(typed), typed


def is_signed_in_by(login):
    client = Client()
    sign_in(client, login)
    return is_signed_in(client)


@pytest.mark.req("ACC-3")
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(member):
    number = identity_number("1")
    make_practitioner(user=member, number=number)
    said = set()
    for login in (ADDRESS, number, "nobody@example.com", identity_number("1"), "IN-Z1234567", "سمر", "1", "a@b@c"):
        client = Client()
        with unchanged():
            answer = sign_in(client, login, "palm trees of Hasa 8")
        assert not is_signed_in(client)
        assert answer.context["form"]["login"].value() == login
        said.add(str(answer.context["form"].errors))
    assert len(said) == 1


@pytest.mark.req("ACC-3")
def test_all_names_of_an_account_share_one_limit(member):
    number = identity_number("1")
    make_practitioner(user=member, number=number)
    for attempt in range(20):
        sign_in(Client(), (ADDRESS, number, spellings(number)[1])[attempt % 3], "wrong")
    for login in (ADDRESS, number):
        assert not is_signed_in_by(login)
    cache.clear()
    assert is_signed_in_by(number)


@pytest.mark.req("ACC-1")
@pytest.mark.parametrize(
    "password",
    [
        "نخيل الأحساء 7 باسقة",
        "🌴🌴🌴🌴🌴🌴🌴🌴🌴🌴",
        "  palm trees of Hasa  ",
        "x" * 500 + " end",
        "tab\tand\u200fmark 12",
    ],
)
def test_a_password_is_kept_exactly(client, password):
    """Class 16."""
    sign_up(client, password1=password, password2=password)
    client.post(link())
    for wrong in {password.strip(), password.replace("\u200f", ""), password[:-1]} - {password}:
        assert not is_signed_in_by_password(wrong)
    assert is_signed_in_by_password(password)


def is_signed_in_by_password(password):
    client = Client()
    sign_in(client, ADDRESS, password)
    return is_signed_in(client)


def test_an_endless_password_is_refused_before_it_is_hashed(member, client, monkeypatch):
    def hashed(*args, **kwargs):
        raise AssertionError("an endless password was hashed")

    monkeypatch.setattr("django.contrib.auth.hashers.MD5PasswordHasher.encode", hashed)
    with unchanged():
        assert "password" in sign_in(client, ADDRESS, "x" * 5000).context["form"].errors
        assert "password1" in sign_up(client, password1="x" * 5000, password2="x" * 5000).context["form"].errors


def test_whoever_may_not_sign_in_any_more_is_out_at_once(member, client):
    client.force_login(member)
    assert client.get("/account/").status_code == 200
    User.objects.update(is_active=False)
    assert client.get("/account/").headers["Location"].startswith("/sign/login/")
    assert not is_signed_in_by(ADDRESS)


def test_signing_out_asks_for_a_button(member, client):
    client.force_login(member)
    assert client.get("/sign/logout/").status_code == 200
    assert is_signed_in(client)
    client.post("/sign/logout/")
    assert not is_signed_in(client)


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(member, client):
    sign_in(client, ADDRESS)
    client.post("/language/", {"language": "en"})
    for name in (conf.SESSION_COOKIE_NAME, conf.LANGUAGE_COOKIE_NAME):
        assert client.cookies[name]["httponly"], name
        assert client.cookies[name]["samesite"] == "Lax", name


def test_signing_in_gives_the_session_a_new_key(member, client):
    client.get("/sign/login/")
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    client.cookies[conf.SESSION_COOKIE_NAME] = before
    sign_in(client, ADDRESS)
    assert client.session.session_key != before


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "https:evil.example"]
)
def test_after_signing_in_one_stays_here(member, client, path):
    """Class 24."""
    answer = client.post(f"/sign/login/?next={path}", {"login": ADDRESS, "password": SECRET, "next": path})
    assert answer.headers["Location"] == "/"


# A new password


def ask_for_reset(name, **headers):
    return Client().post("/sign/password/reset/", {"email": name}, headers=headers)


@pytest.mark.req("ACC-8")
def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(member, client):
    old_session = Client()
    old_session.force_login(member)
    assert ask_for_reset(ADDRESS).status_code == 302
    reset = link()
    with unchanged():
        Client().get(reset)  # a mail scanner
    page = client.get(reset, follow=True)
    form_path = page.redirect_chain[-1][0]
    new = "the sea at Jubail 9"
    assert client.post(form_path, {"password1": new, "password2": new}).status_code == 302
    assert is_signed_in_by_password(new)
    assert not is_signed_in_by_password(SECRET)
    assert old_session.get("/account/").headers["Location"].startswith("/sign/login/")
    for again in (client.get(reset, follow=True), Client().get(reset, follow=True)):
        assert again.context["token_fail"]
    assert "Your password is changed" in [letter.subject for letter in mail.outbox if letter.to == [ADDRESS]]


@pytest.mark.req("ACC-4")
def test_who_forgot_the_address_too_asks_by_identity_number(member):
    number = identity_number("1")
    make_practitioner(user=member, number=number)
    for typed in spellings(number):
        mail.outbox.clear()
        cache.clear()
        assert ask_for_reset(typed).headers["Location"] == "/sign/password/reset/done/"
        assert [letter.to for letter in mail.outbox] == [[ADDRESS]]


@pytest.mark.req("ACC-2")
def test_asking_for_a_link_tells_nobody_who_has_an_account(member):
    with unchanged():
        unknown_number = ask_for_reset(identity_number("1"))
    known, unknown = ask_for_reset(ADDRESS), ask_for_reset("nobody@example.com")
    assert {answer.headers["Location"] for answer in (known, unknown, unknown_number)} == {"/sign/password/reset/done/"}
    assert sorted(letter.to for letter in mail.outbox) == [["nobody@example.com"], [ADDRESS]]


@pytest.mark.parametrize(
    "address",
    [
        "ſamar@example.com",
        "samar@example.com\nx@evil.example",
        "samar@example.com,x@evil.example",
        "sámar@example.com",
    ],
)
def test_a_link_only_goes_to_the_very_address_of_the_account(member, address):
    """Class 14: what is merely alike gets nothing about this account."""
    ask_for_reset(address)
    assert not [letter for letter in mail.outbox if "/sign/password/reset/key/" in letter.body]


@pytest.mark.parametrize("change", [cut, longer, other_case, lambda key: "1-set-password"])
def test_a_changed_reset_link_opens_nothing(member, change):
    """Class 20."""
    ask_for_reset(ADDRESS)
    user, _dash, key = link().rstrip("/").rsplit("/", 1)[1].partition("-")
    for path in (f"{user}-{change(key)}", f"zz-{key}", f"-{key}", f"{user}0-{key}"):
        with unchanged():
            page = Client().get(f"/sign/password/reset/key/{path}/", follow=True)
        assert page.status_code == 404 or page.context["token_fail"], path


@pytest.mark.req("ACC-8")
def test_a_link_of_another_account_sets_only_that_accounts_password(member):
    other = make_user("Other")
    ask_for_reset(ADDRESS)
    ask_for_reset(other.email)
    key = link(other.email).rstrip("/").rsplit("-", 1)[1]
    own_user = link().rstrip("/").rsplit("/", 1)[1].partition("-")[0]
    with unchanged():
        page = Client().get(f"/sign/password/reset/key/{own_user}-{key}/", follow=True)
    assert page.context["token_fail"]


def test_the_language_of_a_letter_is_the_accounts(member):
    User.objects.update(language="ar")
    ask_for_reset(ADDRESS)
    assert re.search("[\u0621-\u064a]", mail.outbox[0].subject)
