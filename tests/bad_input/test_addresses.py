"""Keys in addresses and text that nothing can hold: what names nothing of one's own is one and the same missing page
(classes 28, 29, 33, 43).
"""

import re

import pytest
from django.test import Client

from mumaris.kit import clock
from payments.models import Attempt
from tests.fingerprint import unchanged
from tests.people import Office, classified, declare, invoice_of, make_draft

pytestmark = pytest.mark.django_db
NUMBERS = ["-1", "0", "1e3", "0x1", "99999999999", "9" * 5000, "٣"]
TEXTS = ["1 OR 1=1", "1'--", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "ﾊ", "%20", "x" * 300, "<script>", "{{7*7}}"]


@pytest.fixture
def paths():
    """The addresses of somebody's own things, and their keys."""
    now = clock.now()
    person = classified(Office(), now=now)
    draft = make_draft(person, now=now)
    invoice = invoice_of(declare(make_draft(person, "registration", now=now), now=now), "admin")
    bill = Attempt.objects.create(invoice=invoice, method="sadad", state="open", bill_number="123456", created_at=now)
    title = {"degree": "diploma", "field": "NUR", "title": "Nursing", "institution": "Institute", "country": "SA"}
    return {
        "/inbox/{}/": person.user.notices.first().pk,
        "/papers/{}/": person.papers.first().pk,
        "/issued/{}.pdf": person.issued_papers.first().number,
        "/account/qualifications/{}/": person.qualifications.create(**title, awarded_on=clock.today(now)).pk,
        "/account/experience/{}/": person.experience.create(job="N", employer="R", country="SA", started_on=now).pk,
        "/applications/{}/": draft.reference,
        "/applications/{}/questions/": draft.reference,
        "/invoices/{}/": invoice.number,
        "/bills/{}/": bill.given_id,
        "/payments/{}/": bill.given_id,
        "/services/{}/": "classification",
    }, person.user


def said(answer) -> str:
    """The page without what follows from the address alone (the room that the menu marks, the way back), and tokens."""
    address = r'name="(next|csrfmiddlewaretoken)" value="[^"]*"| aria-current="[a-z]+"'
    return re.sub(address, "", answer.content.decode())


def test_what_names_nothing_of_ones_own_is_one_and_the_same_missing_page(client, paths):
    paths, owner = paths
    client.force_login(owner)
    pages = set()
    for path, key in paths.items():
        if not path.startswith("/account/"):  # held fast while the case is open
            assert client.get(path.format(key)).status_code in (200, 202), path
        key = str(key)
        for wild in [*NUMBERS, *TEXTS, key.swapcase() + "x", key.upper() if "-" in key else "x", key[:-1] or "x"]:
            if wild != key:
                with unchanged():
                    answer = client.get(path.format(wild))
                assert answer.status_code == 404, (path, wild[:40])
                pages.add(said(answer))
    assert len(pages) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/papers/{}/",
        "/applications/{}/",
        "/verify/{}/",
        "/services/{}/",
        "/sign/confirm-email/{}/",
        "/static/{}",
        "/desk/accounts/user/{}/change/",
        "/nowhere/{}",
    ],
)
def test_nul_in_an_address_is_refused(client, path):
    with unchanged():
        for nul in ("a%00", "%00", "a%00.pdf", "%ed%a0%80"):
            assert client.get(path.format(nul)).status_code in (302, 400, 404), nul
            assert client.get(path.format("x") + f"?next={nul}").status_code in (200, 302, 400, 404), nul


@pytest.mark.parametrize("name", ["sessionid", "django_language", "csrftoken", "messages"])
@pytest.mark.parametrize("value", ['"abcdefgh\\000ijk"', "%00", "x" * 10_000, "é", '"', "\x7f"])
def test_no_cookie_breaks_a_page(name, value):
    with unchanged():
        for path in ("/", "/sign/login/", "/account/"):
            assert Client().get(path, headers={"cookie": f"{name}={value}"}).status_code in (200, 302, 400)


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=99999",
        "page=x",
        "page=" + "9" * 5000,
        "page=1&page=x",
        "page[]=1",
        "page=%00",
        "%00=1",
        "page=%ff",
        "&" * 1000,
    ],
)
def test_no_page_number_breaks_the_inbox(client, paths, query):
    client.force_login(paths[1])
    with unchanged():
        assert client.get(f"/inbox/?{query}").status_code in (200, 400)


@pytest.mark.parametrize(
    "code", ["x", "A" * 26, "9" * 5000, "ا" * 26, "' OR 1=1", "%ff", "", "..%2f..", "A" * 26 + "%0A"]
)
def test_a_code_that_verifies_nothing_says_so_and_nothing_else(client, code):
    with unchanged():
        for path in (f"/verify/?code={code}", f"/verify/{code}/"):
            answer = client.get(path, follow=True)
            assert answer.status_code in (200, 404), path
            assert answer.context is None or answer.context.get("paper") is None, path


def test_a_hundred_guesses_a_minute_are_too_many(client):
    statuses = [client.get(f"/verify/GUESS{number}/").status_code for number in range(70)]
    assert set(statuses) == {404, 429}
    assert statuses.count(404) == 60


@pytest.mark.parametrize(
    "header", ["accept-language", "user-agent", "referer", "x-requested-with", "if-modified-since", "range"]
)
def test_an_endless_header_breaks_nothing(client, header):
    with unchanged():
        for value in ("x" * 1_000_000, "\xff\xfe", "'\"<script>"):
            assert client.get("/services/", headers={header: value}).status_code == 200
