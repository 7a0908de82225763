"""The command that makes staff: the operator's way to the first administrator."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User

pytestmark = pytest.mark.django_db


def make_staff(capsys, *arguments):
    call_command("make_staff", "--name", "Hind Al-Otaibi", *arguments)
    return capsys.readouterr().out.strip()


@pytest.mark.req("STF-1")
def test_staff_sign_in_at_once_with_the_password_that_was_printed(capsys, client):
    password = make_staff(capsys, "--email", "Hind@Example.com", "--role", "reviewer")
    answer = client.post("/sign/login/", {"login": "hind@example.com", "password": password})
    assert answer.status_code == 302
    assert client.get("/desk/").status_code == 200


@pytest.mark.req("STF-1")
def test_a_role_gives_its_own_permissions_and_no_more(capsys):
    make_staff(capsys, "--email", "hind@example.com", "--role", "reviewer", "--role", "auditor")
    user = User.objects.get()
    assert {group.name for group in user.groups.all()} == {"reviewer", "auditor"}
    assert user.has_perm("applications.review_application")
    assert not user.has_perm("applications.endorse_application")
    assert not user.is_superuser


@pytest.mark.req("STF-1")
def test_the_first_administrator_needs_no_role(capsys):
    make_staff(capsys, "--email", "hind@example.com", "--superuser")
    user = User.objects.get()
    assert user.is_staff
    assert user.is_superuser


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--email", "hind@example.com"], "Say what they may do"),
        (["--email", "hind", "--superuser"], "hind: "),
        (["--email", "taken@example.com", "--superuser"], "has an account already"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(capsys, arguments, why):
    User.objects.create_user("taken@example.com", "x", name="Taken")
    with pytest.raises(CommandError, match=why):
        make_staff(capsys, *arguments)
    assert User.objects.count() == 1


def test_an_unknown_role_is_refused(capsys):
    with pytest.raises(CommandError, match="invalid choice"):
        make_staff(capsys, "--email", "hind@example.com", "--role", "king")
    assert not User.objects.exists()
