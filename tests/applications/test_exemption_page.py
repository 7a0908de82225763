"""The practitioner's page of the exemption: what is asked, how it stands, what to do next (PAY-7)."""

import pytest
from django.urls import reverse

from applications import exempting
from documents.models import Paper
from mumaris.kit import clock
from payments.models import Exemption
from tests.exempt import Finance, ask, exempt
from tests.fingerprint import unchanged
from tests.people import declare, invoice_of, make_draft, make_practitioner, make_user, upload

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-7")]
PAGE = "/account/exemption/"


@pytest.fixture
def person(client):
    someone = make_practitioner(now=clock.now())
    client.force_login(someone.user)
    client.cookies["django_language"] = "en"
    return someone


def typed(**changes):
    return {"ground": "martyr_relative", "file": upload("proof.pdf"), "statement": "My brother Ali."} | changes


def shown(client):
    return client.get(PAGE).content.decode()


def test_it_is_found_from_the_account_and_from_the_box_in_which_is_paid(client, person):
    case = declare(make_draft(person, now=clock.now()), now=clock.now())
    for page in ("/account/", f"/invoices/{invoice_of(case, 'admin').number}/", f"/applications/{case.reference}/"):
        assert f'href="{PAGE}"' in client.get(page).content.decode()


def test_while_it_is_decided_the_invoice_names_no_last_day(client, person):
    case = declare(make_draft(person, now=clock.now()), now=clock.now())
    path = f"/invoices/{invoice_of(case, 'admin').number}/"
    assert "The clock stands" not in client.get(path).content.decode()
    ask(person, now=clock.now())
    page = client.get(path).content.decode()
    assert "The clock stands" in page
    assert "Continue to payment" in page


def test_while_it_is_decided_nobody_is_told_to_ask_but_where_the_request_stands(client, person):
    case = declare(make_draft(person, now=clock.now()), now=clock.now())
    pages = (f"/invoices/{invoice_of(case, 'admin').number}/", f"/applications/{case.reference}/")
    for path in pages:
        assert "Exempt from fees? Ask for it first" in client.get(path).content.decode()
    asked = ask(person, now=clock.now())
    for path in pages:
        page = client.get(path).content.decode()
        assert "Exempt from fees? Ask for it first" not in page
        assert "Your request to be exempt is being looked at." in page
        assert f'href="{PAGE}"' in page
    exempting.refuse(asked.pk, reason="No.", by=Finance().officer, now=clock.now())
    assert "Exempt from fees? Ask for it first" in client.get(pages[0]).content.decode()


def test_one_asks_with_evidence_and_sees_the_request(client, person):
    page = shown(client)
    assert "Secretary-General" in page
    assert "a second one decides" in page
    assert client.post(PAGE, typed()).status_code == 302
    exemption = Exemption.objects.get()
    assert (exemption.practitioner, exemption.statement, exemption.state) == (person, "My brother Ali.", "requested")
    page = shown(client)
    assert "Being decided" in page
    assert "proof.pdf" in page
    assert "<form" not in page.split("<main")[1].split("</main")[0]
    assert client.get(reverse("paper", args=[exemption.evidence.pk])).status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ground": "rich"}, "ground"),
        ({"ground": ""}, "ground"),
        ({"file": ""}, "file"),
        ({"file": upload("proof.pdf", b"no pdf at all")}, "file"),
    ],
)
def test_bad_input_is_said_at_its_field(client, person, changes, field):
    with unchanged():
        page = client.post(PAGE, typed(**changes))
    assert page.status_code == 200
    assert f'href="#id_{field}' in page.content.decode()
    assert "My brother Ali." in page.content.decode()
    assert not Paper.objects.exists()


def test_a_second_request_is_refused_with_the_reason(client, person):
    ask(person, now=clock.now())
    with unchanged():
        answer = client.post(PAGE, typed(), follow=True)
    assert "being decided already" in answer.content.decode()


def test_refused_it_says_why_and_what_to_do(client, person):
    finance, now = Finance(), clock.now()
    exempting.refuse(ask(person, now=now).pk, reason="The paper names <nobody>.", by=finance.officer, now=now)
    page = shown(client)
    assert "The paper names &lt;nobody&gt;." in page
    assert "Ask again" in page
    assert "you can ask again below" in page


def test_exempt_it_says_until_when_and_revoked_that_it_ended(client, person):
    finance, now = Finance(), clock.now()
    exemption = exempt(finance, person, now=now)
    assert "You are exempt from all fees" in shown(client)
    exempting.revoke(exemption.pk, reason="The decision was withdrawn.", by=finance.head, now=now)
    page = shown(client)
    assert "You are exempt from all fees" not in page
    assert "The decision was withdrawn." in page


def test_nobody_sees_anothers_request_and_a_newcomer_is_asked_who_they_are(client, person):
    ask(make_practitioner(now=clock.now()), now=clock.now())
    assert "Being decided" not in shown(client)
    client.force_login(make_user("Newcomer"))
    assert client.get(PAGE).url == "/account/personal/"
    assert client.post(PAGE, typed()).url == "/account/personal/"
