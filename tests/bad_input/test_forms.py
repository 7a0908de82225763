"""What no form takes: unreadable, missing, doubled, endless or foreign fields, other kinds of bodies (classes 26 to 29).

Whatever is sent, the answer is a page and never an error of the portal, the database stays as it was, and what was
typed stands in the form again.
"""

import json
from html import unescape
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.bad_input.doors import DOORS, Door, files_of
from tests.fingerprint import fingerprint, unchanged

pytestmark = pytest.mark.django_db

POLITE = {200, 302, 400, 403, 404, 405, 413, 415, 429}
FORM = "application/x-www-form-urlencoded"
UNREADABLE = {
    "NUL": b"a\0b",
    "not UTF-8": b"\xff\xfe\xfa",
    "lone surrogate": b"\xed\xa0\x80",
    "replacement character": "a\ufffdb".encode(),
    "100,000 characters": b"x" * 100_000,
    "marks piled up": "a".encode() + "\u0301".encode() * 20_000,
}
# What a form must never let anybody set about themselves or their case.
FOREIGN = {
    "id": "1",
    "pk": "1",
    "user": "1",
    "user_id": "1",
    "practitioner": "1",
    "practitioner_id": "1",
    "payer_id": "1",
    "is_staff": "on",
    "is_superuser": "on",
    "is_active": "",
    "activated_at": "2026-01-01",
    "verified": "on",
    "groups": "1",
    "user_permissions": "1",
    "state": "completed",
    "moves": "9",
    "service": "registration",
    "reference": "CL-2026-0000001",
    "judgement": "[]",
    "reviewer": "1",
    "reviewer_id": "1",
    "granted_rank": "1",
    "granted_rank_id": "1",
    "recommendation": "approve",
    "submitted_at": "2026-01-01",
    "approved_at": "2026-01-01",
    "amount": "1",
    "paid_at": "2026-01-01",
    "waiver": "no_fee",
    "recognised_on": "2026-01-01",
    "person_key": "x",
    "sealed": "x",
    "scan": "clean",
    "storage_key": "b5d6a5fe-6f2b-4f5e-9a39-0a1f1a3d2c10",
    "effective_from": "2020-01-01",
}


@pytest.fixture(autouse=True)
def quick(settings):
    settings.HUMAN_CHECK = "off"
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    cache.clear()


@pytest.fixture(params=DOORS)
def door(request):
    return DOORS[request.param]()


def send(door: Door, client, data, files=True):
    """POST the fields, values as text or bytes, as a browser would from this form."""
    if door.files:
        body = encode_multipart(BOUNDARY, data | (files_of(door) if files else {}))
        return client.generic("POST", door.path, body, MULTIPART_CONTENT)
    return client.generic("POST", door.path, urlencode(data, doseq=True), FORM)


def refused(door: Door, answer) -> bool:
    if door.refusal == 302:
        return answer.status_code == 302
    return answer.status_code == 200 and bool(answer.context["form"].errors)


def test_the_right_person_with_the_right_words_gets_through(door):
    """Otherwise none of the refusals below would mean anything."""
    before = fingerprint()
    answer = send(door, door.client(), door.right)
    assert answer.status_code == 302
    assert "/sign/login" not in answer.headers["Location"]
    assert fingerprint() != before or door.path == "/sign/password/reset/"


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_or_kept_is_refused_at_its_field(door, text):
    client = door.client()
    for name in door.right:
        with unchanged():
            answer = send(door, client, door.right | {name: text})
        assert refused(door, answer), name


def test_a_needed_field_that_is_missing_is_asked_for(door):
    client = door.client()
    for name in door.needed:
        with unchanged():
            answer = send(door, client, {other: text for other, text in door.right.items() if other != name})
        assert refused(door, answer), name
    if door.files:
        with unchanged():
            assert refused(door, send(door, client, door.right, files=False))


def test_a_field_as_a_list_or_twice_does_not_get_round_the_form(door):
    client = door.client()
    for name in door.needed:
        others = {other: text for other, text in door.right.items() if other != name}
        for instead in ({f"{name}[]": [door.right[name]] * 2}, {f"{name}[0]": door.right[name]}, {name: [door.right[name], "\0"]}):
            with unchanged():
                assert refused(door, send(door, client, others | instead)), instead


def test_a_file_in_place_of_a_text_and_a_text_in_place_of_a_file_are_refused(door):
    client = door.client()
    for name in door.needed:
        others = {other: text for other, text in door.right.items() if other != name} | files_of(door)
        from tests.people import upload

        body = encode_multipart(BOUNDARY, others | {name: upload()})
        with unchanged():
            assert refused(door, client.generic("POST", door.path, body, MULTIPART_CONTENT)), name
    for name in door.files:
        body = encode_multipart(BOUNDARY, door.right | {name: "paper.pdf"})
        with unchanged():
            assert refused(door, client.generic("POST", door.path, body, MULTIPART_CONTENT)), name


def test_foreign_fields_change_nothing(door):
    """Class 26: the same happens as without them."""
    client, outcomes = door.client(), []
    for more in ({}, FOREIGN, {f"{prefix}-{name}": text for name, text in FOREIGN.items() for prefix in ("form-0", "transcript")}):
        with transaction.atomic():
            assert send(door, client, door.right | {name: text for name, text in more.items() if name not in door.right}).status_code == 302
            outcomes.append(what_is_guarded())
            transaction.set_rollback(True)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def what_is_guarded() -> dict[str, list]:
    """The values of every column that a foreign field names, moments and numbers of rows apart."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND column_name = ANY(%s) AND table_name !~ 'event$'",
            [[*FOREIGN]],
        )
        for table, column in cursor.fetchall():
            if column in ("id", "pk", "reference", "sealed", "person_key", "storage_key"):
                continue
            shown = f'"{column}" IS NULL' if column.endswith("_at") else f'"{column}"::text'
            cursor.execute(f'SELECT {shown}, count(*) FROM "{table}" GROUP BY 1 ORDER BY 1')
            found[f"{table}.{column}"] = cursor.fetchall()
    return found


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", lambda right: json.dumps(right)),
        ("application/json", lambda right: "[" * 10_000),
        ("text/plain", urlencode),
        ("", urlencode),
        ("application/xml", lambda right: "<form/>"),
        (FORM, lambda right: b""),
        (FORM, lambda right: b"\xff" * 1000),
        (FORM, lambda right: "&" * 10_000),
        (FORM, lambda right: urlencode(right | {f"field{number}": "" for number in range(10_001)})),
        (FORM, lambda right: urlencode(right | {"more": "x" * 2_000_000})),
        (FORM + "; charset=utf-7", urlencode),
        (FORM + "; charset=utf-16", urlencode),
        (FORM + "; charset=rot13", urlencode),
        (MULTIPART_CONTENT + "; charset=base64", lambda right: encode_multipart(BOUNDARY, right)),
        ("multipart/form-data", lambda right: encode_multipart(BOUNDARY, right)),
        ("multipart/form-data; boundary=another", lambda right: encode_multipart(BOUNDARY, right)),
        ("multipart/form-data; boundary=" + "x" * 500, lambda right: encode_multipart(BOUNDARY, right)),
        (MULTIPART_CONTENT, lambda right: encode_multipart(BOUNDARY, right)[:-60]),
        (MULTIPART_CONTENT, lambda right: f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--{BOUNDARY}--"),
    ],
)
def test_another_kind_of_body_is_no_form(door, content_type, body):
    """Classes 27 to 29."""
    # The right fields in a form that is cut short or says nothing but its boundary may still be all there.
    fields = {name: text for name, text in door.right.items() if name not in ("version", "method", "language", "days")}
    with unchanged():
        answer = door.client().generic("POST", door.path, body(fields), content_type)
    assert answer.status_code in POLITE


@pytest.mark.parametrize("length", ["-1", "10", "99999999", "many", ""])
def test_a_length_that_lies_is_no_form(door, length):
    """Class 50."""
    body = encode_multipart(BOUNDARY, door.right | files_of(door))
    with unchanged():
        answer = door.client().generic("POST", door.path, body, MULTIPART_CONTENT, CONTENT_LENGTH=length)
    assert answer.status_code in POLITE


MARKUP = """<b>"it's" & more</b>"""


def test_what_was_typed_stands_in_the_form_again_and_does_nothing(door):
    if not door.texts:
        return
    left_out = next(name for name in door.needed if name not in door.texts)
    typed = {**door.right, **dict.fromkeys(door.texts, MARKUP)}
    del typed[left_out]
    with unchanged():
        answer = send(door, door.client(), typed, files=False)
    page = answer.content.decode()
    assert refused(door, answer)
    assert MARKUP not in page
    assert page.count("&lt;b&gt;") >= len(door.texts)
    shown = answer.context["form"]
    for name in door.texts:
        assert unescape(str(shown[name.split("-")[-1]])).count(MARKUP) == 1, name
