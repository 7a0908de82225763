"""Every address of the portal, by which method, and for whom; an address that stands in no table here fails.

A person's things are 404 to everybody else, staff and superusers included, exactly as if they did not exist: staff work
at the desk, where permissions decide.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, resolve, reverse
from django.urls.resolvers import URLPattern

from accounts.models import User
from accounts.roles import ROLES
from applications.models import Application
from documents.models import Verification
from mumaris.kit import clock
from payments.models import Attempt
from refunds import progress
from refunds.models import Ticket
from tests.fingerprint import unchanged
from tests.people import (
    Office,
    classified,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_staff,
    make_user,
    pay,
    submitted,
    upload,
)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")
SAFE, FORM, POST = {"GET", "HEAD"}, {"GET", "HEAD", "POST"}, {"POST"}

# name: (whose page it is, its methods). Anybody's, each person's own version, or the owner's alone.
ANYBODY, PERSON, OWNER = "anybody", "person", "owner"
PORTAL = {
    "home": (ANYBODY, SAFE),
    "about": (ANYBODY, SAFE),
    "health": (ANYBODY, SAFE),
    "services": (ANYBODY, SAFE),
    "service": (ANYBODY, SAFE),
    "guide": (ANYBODY, SAFE),
    "guide_answers": (ANYBODY, SAFE),
    "fees": (ANYBODY, SAFE),
    "verify": (ANYBODY, SAFE),
    "verify_paper": (ANYBODY, SAFE),
    "altcha_challenge": (ANYBODY, {"GET"}),
    "calendar": (ANYBODY, SAFE),
    "set_language": (ANYBODY, POST),
    "demo": (ANYBODY, SAFE),
    "demo_clock": (ANYBODY, POST),
    "account": (PERSON, SAFE),
    "calendar_renew": (PERSON, POST),
    "personal_data": (PERSON, FORM),
    "identity_add": (PERSON, FORM),
    "qualification_add": (PERSON, FORM),
    "experience_add": (PERSON, FORM),
    "licence_add": (PERSON, FORM),
    "exemption": (PERSON, FORM),
    "wallet": (PERSON, SAFE),
    "inbox": (PERSON, SAFE),
    "applications": (PERSON, SAFE),
    "application_start": (PERSON, POST),
    "message": (OWNER, SAFE),
    "paper": (OWNER, SAFE),
    "issued_paper": (OWNER, SAFE),
    "qualification": (OWNER, FORM),
    "experience": (OWNER, FORM),
    "licence": (OWNER, FORM),
    "wallet_case": (OWNER, POST),
    "case_ask": (OWNER, POST),
    "case_appeal": (OWNER, POST),
    "application": (OWNER, SAFE),
    "application_questions": (OWNER, FORM),
    "application_documents": (OWNER, SAFE),
    "application_attach": (OWNER, POST),
    "application_detach": (OWNER, POST),
    "application_check": (OWNER, FORM),
    "application_reopen": (OWNER, POST),
    "application_discard": (OWNER, POST),
    "application_remarks": (OWNER, SAFE),
    "application_answer": (OWNER, POST),
    "application_resubmit": (OWNER, POST),
    "application_object": (OWNER, FORM),
    "application_appeal": (OWNER, FORM),
    "application_withdraw": (OWNER, FORM),
    "refunds": (PERSON, SAFE),
    "refund_ask": (OWNER, FORM),
    "refund": (OWNER, SAFE),
    "refund_account": (OWNER, POST),
    "refund_withdraw": (OWNER, POST),
    "refund_again": (OWNER, POST),
    "invoice": (OWNER, SAFE),
    "invoice_pay": (OWNER, POST),
    "invoice_paper": (OWNER, POST),
    "bill": (OWNER, SAFE),
    "payment_return": (OWNER, SAFE),
}
WEBHOOK = "payment_notifications"  # not for people: whoever knows the secret

SIGNING_IN = {  # open to a stranger, for that is who signs in
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_confirm_login_code",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_authenticate",
}
SIGNED_IN = {  # each about the person who asks
    "account_reauthenticate",
    "account_email",
    "account_change_password",
    "account_set_password",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "usersessions_list",
}


@dataclass(frozen=True)
class Address:
    route: str
    name: str | None
    public: bool

    @property
    def sample(self) -> str:
        """An address that this route matches, about nobody."""
        path = re.sub(r"<(?:[a-z]+:)?\w+>|\(\?P<(?:object_id|url|key|uidb36)>[^)]*\)", "1", self.route)
        path = re.sub(r"\(\?P<\w+>(\w+)[^)]*\)", r"\1", path)
        return "/" + re.sub(r"[\^$\\]", "", path)


@cache
def addresses() -> list[Address]:
    def walk(patterns: Any, before: str = "") -> Any:
        for one in patterns:
            route = before + str(one.pattern)
            if isinstance(one, URLPattern):
                yield Address(route, one.name, getattr(one.callback, "login_required", True) is False)
            else:
                yield from walk(one.url_patterns, route)

    return list(walk(get_resolver().url_patterns))


def under(prefix: str) -> list[Address]:
    return [one for one in addresses() if one.route.startswith(prefix)]


PORTALS = [one for one in addresses() if not one.route.startswith(("sign/", "desk/"))]


def test_every_address_stands_in_a_table():
    assert {one.name for one in PORTALS} == {*PORTAL, WEBHOOK}
    assert {one.name for one in under("sign/")} == SIGNING_IN | SIGNED_IN


def test_only_what_is_listed_is_public():
    expected = {name for name, (whose, _methods) in PORTAL.items() if whose == ANYBODY} | SIGNING_IN | {WEBHOOK}
    assert {one.name for one in addresses() if one.public and not one.route.startswith("desk/")} == expected
    assert {one.name for one in under("desk/") if one.public} == {"login"}


@dataclass(frozen=True)
class Asked:
    """One thing of its owner: its address, that of one that does not exist, and what a right request sends."""

    owner: User
    args: list[Any]
    missing: list[Any]
    body: dict[str, Any] = field(default_factory=dict)


def world() -> dict[str, Asked]:
    """For every address that is the owner's alone, something that it shows or changes."""
    now = clock.now()
    office, today = Office(), clock.today(now)
    person, payer = classified(office, now=now), make_practitioner(now=now)
    draft = make_draft(make_practitioner(now=now), now=now)
    paid = pay(declare(make_draft(person, "registration", now=now), now=now), "admin", now=now)
    returned = office.return_(paid, "employer_letter", now=now)
    unpaid = declare(make_draft(payer, now=now), now=now)
    rejected = office.reject(submitted(make_practitioner(now=now), now=now), now=now)
    lowered = office.approve(submitted(make_practitioner(now=now), now=now), rank="assistant", now=now)
    bill = Attempt.objects.create(
        invoice=invoice_of(unpaid, "admin"), method="sadad", state="open", bill_number="123456", created_at=now
    )
    finance, claim = make_staff("finance officer"), {"ground": "wrong_path", "statement": "The desk sent me here."}
    asked_back = [
        progress.file(invoice_of(case, "admin").payments.get().pk, by=case.practitioner.user, now=now, **claim)
        for case in (submitted(make_practitioner(now=now), now=now), rejected)
    ]
    progress.advance(asked_back[1].pk, "approve", by=finance, now=now, accepted=True)
    title = {"degree": "diploma", "field": "NUR", "title": "Nursing", "institution": "Institute", "country": "SA"}
    newcomer = make_practitioner(now=now)
    degree = newcomer.qualifications.create(**title, awarded_on=today)
    work = newcomer.experience.create(employer="Rabia", country="SA", job="Nurse", started_on=today)
    abroad = {
        "kind": "council",
        "authority": "Council",
        "country": "EG",
        "name_on_paper": "Samar Idris",
        "issued_on": today,
    }
    licence, asked, judged = (newcomer.licences.create(**abroad, number=number) for number in "123")
    case = {"practitioner": newcomer, "entered_at": now}
    Verification.objects.create(**case, licence=asked, case_number="DF-2026-1")
    report = {"result": "unable", "serial": "1", "named": "Samar Idris", "reported_on": today}
    Verification.objects.create(**case, licence=judged, case_number="DF-2026-2", **report)

    def of_case(case: Application, *more: str, **body: Any) -> Asked:
        return Asked(case.practitioner.user, [case.reference, *more], ["CL-2026-0000000", *more], body)

    def of_person(key: Any, missing: Any = 10**9) -> Asked:
        return Asked(person.user, [key], [missing])

    def of_ticket(ticket: Ticket, **body: Any) -> Asked:
        return Asked(ticket.filed_by, [ticket.number], ["RF-2026-0000000"], body)

    nothing = uuid4()
    return {
        "message": of_person(person.user.notices.first().pk),
        "paper": of_person(person.papers.first().pk, nothing),
        "issued_paper": of_person(person.issued_papers.first().number, "CC-2026-0000000"),
        "qualification": Asked(newcomer.user, [degree.pk], [10**9]),
        "experience": Asked(newcomer.user, [work.pk], [10**9]),
        "licence": Asked(newcomer.user, [licence.pk], [10**9]),
        "wallet_case": Asked(
            newcomer.user,
            ["licence", licence.pk],
            ["licence", 10**9],
            {f"licence-{licence.pk}-case_number": "DF-2026-3"},
        ),
        "case_ask": Asked(newcomer.user, ["DF-2026-1"], ["DF-2026-9"]),
        "case_appeal": Asked(
            newcomer.user, ["DF-2026-2"], ["DF-2026-9"], {"DF-2026-2-text": "It is right.", "DF-2026-2-once": "on"}
        ),
        "application": of_case(returned),
        "application_questions": of_case(draft),
        "application_documents": of_case(draft),
        "application_attach": of_case(draft, "transcript", **{"transcript-file": upload()}),
        "application_detach": of_case(draft, "transcript"),
        "application_check": of_case(draft, declared="on", version=draft.version),
        "application_reopen": of_case(unpaid),
        "application_discard": of_case(draft),
        "application_remarks": of_case(returned),
        "application_answer": of_case(
            returned, "employer_letter", **{"employer_letter-kind": "cannot", "employer_letter-text": "It is lost."}
        ),
        "application_resubmit": of_case(returned),
        "application_object": of_case(lowered, text="My diploma is of three years.", seen=lowered.moves),
        "application_appeal": of_case(rejected, text="Page 3 was overlooked.", declared="on"),
        "application_withdraw": of_case(unpaid, understood="on", seen=unpaid.moves),
        "refund_ask": Asked(
            returned.practitioner.user,
            [invoice_of(returned, "admin").number],
            ["INV-2026-000000"],
            {"ground": "exempt", "text": "My father fell on duty."},
        ),
        "refund": of_ticket(asked_back[0]),
        "refund_account": of_ticket(asked_back[1], iban="SA0380000000608010167519", holder="Samar Idris"),
        "refund_withdraw": of_ticket(asked_back[0]),
        "refund_again": of_ticket(asked_back[0]),
        "invoice": Asked(payer.user, [bill.invoice.number], ["INV-2026-000000"]),
        "invoice_pay": Asked(payer.user, [bill.invoice.number], ["INV-2026-000000"], {"method": "card"}),
        "invoice_paper": Asked(payer.user, [bill.invoice.number, "invoice"], ["INV-2026-000000", "invoice"]),
        "bill": Asked(payer.user, [bill.given_id], [nothing]),
        "payment_return": Asked(payer.user, [bill.given_id], [nothing]),
    }


# What the addresses about nobody in particular are asked with.
ARGS = {
    "guide_answers": ["renew"],
    "service": ["classification"],
    "application_start": ["classification"],
    "verify_paper": ["NOTACODE"],
    "calendar": ["NOTOKEN"],
}


def address(name: str, things: dict[str, Asked]) -> str:
    return reverse(name, args=things[name].args if name in things else ARGS.get(name, []))


def signed_in(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def right_request(client: Client, name: str, path: str, body: dict[str, Any]) -> Any:
    """The request that would succeed for the right person."""
    if PORTAL[name][1] >= POST:
        for one in body.values():
            if hasattr(one, "seek"):
                one.seek(0)
        return client.post(path, body)
    return client.get(path)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_stranger_is_sent_to_the_sign_in():
    things, client = world(), Client()
    for name, (whose, methods) in PORTAL.items():
        path = address(name, things)
        for method in methods:
            with unchanged() if whose != ANYBODY else nullcontext():
                answer = client.generic(method, path)
            where = answer.headers.get("Location", "")
            if whose == ANYBODY:
                assert "/sign/" not in where, (method, name)
            else:
                assert answer.status_code == 302, (method, name)
                assert where.startswith("/sign/login/?next="), (method, name)
                back = where.removeprefix("/sign/login/?next=")
                if "GET" in methods:
                    assert back == path, (method, name)
                else:  # a form's own address cannot be opened: the page on which the form stands
                    assert PORTAL[resolve(back).url_name][1] >= SAFE, (method, name)


@pytest.mark.django_db
def test_the_owner_reaches_everything():
    things = world()
    for name, asked in things.items():
        path, client = address(name, things), signed_in(asked.owner)
        if PORTAL[name][1] >= SAFE:
            with undone():
                assert client.get(path).status_code in (200, 202), name
        if asked.body or PORTAL[name][1] == POST:
            with undone():
                assert right_request(client, name, path, asked.body).status_code == 302, name


def superuser() -> User:
    user = make_user("Superuser", staff=True)
    user.is_superuser = True
    user.save()
    return user


@pytest.mark.django_db
def test_everybody_else_sees_no_difference_to_what_does_not_exist():
    """Another practitioner, a newcomer, staff of every kind: a foreign thing is a missing one (class 43)."""
    things = world()
    others = [make_practitioner().user, make_user("Newcomer"), make_user("Staff", staff=True), superuser()]
    for user in others + [make_staff(role) for role in ROLES]:
        client = signed_in(user)
        with unchanged():
            for name, asked in things.items():
                foreign = right_request(client, name, address(name, things), asked.body)
                absent = right_request(client, name, reverse(name, args=asked.missing), asked.body)
                assert plain(foreign) == plain(absent), (name, user)
                # Who never entered personal data is asked for it first, whatever the number in the address.
                assert foreign.status_code == 404 or foreign.headers["Location"] == "/account/personal/", (name, user)


def plain(answer: Any) -> tuple[str, dict[str, str]]:
    """Body and headers without the address itself and the one-time token of its forms."""
    text = answer.content.decode().replace(answer.request["PATH_INFO"], "HERE")
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text), dict(answer.headers) | {"Content-Length": ""}


@pytest.mark.django_db
def test_a_person_sees_only_their_own_version_of_the_common_pages():
    things = world()
    owner = things["application"].owner
    own_words = [things["application"].args[0], things["application_questions"].args[0], owner.email]
    for client in (
        signed_in(make_practitioner(user=make_user("Someone")).user),
        signed_in(make_user("Staff", staff=True)),
    ):
        for name in [name for name, (whose, methods) in PORTAL.items() if whose == PERSON and methods != POST]:
            answer = client.get(address(name, things))
            assert answer.status_code in (200, 302), name
            assert not [word for word in own_words if word in answer.content.decode()], name


@pytest.mark.django_db
def test_every_other_method_is_refused_and_changes_nothing():
    """Class 39: what changes something refuses GET and HEAD, what only shows refuses POST, and so on."""
    things = world()
    known = signed_in(classified(Office()).user)
    for name, (whose, methods) in PORTAL.items():
        path = address(name, things)
        client = signed_in(things[name].owner) if whose == OWNER else known
        for method in [method for method in METHODS if method not in methods]:
            with unchanged():
                answer = client.generic(method, path)
            assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, methods), (method, name)


@pytest.mark.django_db
def test_reading_changes_nothing():
    """Only opening a message marks it as read, and coming back from the gateway asks the gateway."""
    things = world()
    for name, (whose, methods) in PORTAL.items():
        if methods == POST or name in ("message", "payment_return"):
            continue
        client = signed_in(things[name].owner) if whose == OWNER else signed_in(things["application"].owner)
        for method in SAFE:
            with unchanged():
                client.generic(method, address(name, things))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b"\xff", b'{"secret_token": "wrong"}', b'{"secret_token": null, "id": "e"}']
)
def test_the_notifications_of_the_gateway_need_its_secret(body):
    for client in (Client(), Client(enforce_csrf_checks=True), signed_in(superuser())):
        with unchanged():
            assert client.post(reverse(WEBHOOK), body, "application/json").status_code == 401
    for method in set(METHODS) - POST:
        assert Client().generic(method, reverse(WEBHOOK)).status_code == 405


@pytest.mark.django_db
def test_every_change_asks_for_the_token_of_its_form():
    things = world()
    for name in [name for name, (_whose, methods) in PORTAL.items() if methods >= POST]:
        asked = things.get(name)
        client = Client(enforce_csrf_checks=True)
        client.force_login(asked.owner if asked else things["application"].owner)
        with unchanged():
            answer = right_request(client, name, address(name, things), asked.body if asked else {})
        assert answer.status_code == 403, name


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_desk_is_closed_to_strangers_and_practitioners(method):
    visitor, practitioner = Client(), signed_in(make_practitioner().user)
    for one in under("desk/"):
        if one.name in ("login", "logout"):
            continue
        with unchanged():
            answers = [client.generic(method, one.sample) for client in (visitor, practitioner)]
        assert answers[0].status_code == 302, one.route
        assert answers[0].headers["Location"].startswith(("/sign/login/", "/desk/login/")), one.route
        assert answers[1].status_code in (302, 403, 404), one.route
        assert answers[1].headers.get("Location", "/desk/login/").startswith(("/sign/", "/desk/login/")), one.route


@pytest.mark.django_db
def test_pages_of_ones_own_account_ask_for_the_sign_in():
    for one in under("sign/"):
        if one.name in SIGNED_IN:
            for method in ("GET", "POST"):
                with unchanged():
                    answer = Client().generic(method, one.sample)
                assert answer.status_code == 302, one.name
                assert answer.headers["Location"].startswith("/sign/login/?next="), one.name


@pytest.mark.django_db
def test_every_page_carries_the_headers_that_protect_it():
    things = world()
    clients = {"visitor": Client(), "owner": signed_in(things["application"].owner), "staff": signed_in(superuser())}
    paths = [address(name, things) for name, (_whose, methods) in PORTAL.items() if methods >= SAFE]
    paths += [one.sample for one in under("sign/")] + ["/desk/", "/desk/applications/application/", "/nowhere/"]
    for who, client in clients.items():
        for path in paths:
            answer = client.get(path)
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe-inline" not in policy, path
            assert "unsafe-eval" not in policy, path
            assert "default-src 'self'" in policy or "default-src 'none'" in policy, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            assert answer.headers["X-Frame-Options"] == "DENY", path
            assert answer.headers["Referrer-Policy"] == "same-origin", path
            if who != "visitor" and answer.wsgi_request.user.is_authenticated:
                assert "no-store" in answer.headers["Cache-Control"], (who, path)
