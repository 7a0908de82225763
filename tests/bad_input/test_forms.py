"""What no form takes: unreadable, missing, doubled, endless or foreign fields, other kinds of bodies (classes 26 to 29).

Whatever is sent, the answer is a page and never an error of the portal, the database stays as it was, and what was
typed stands in the form again.
"""

import json
import re
from html import unescape
from itertools import product
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.bad_input.doors import DOORS, WORDLESS, Door, files_of
from tests.fingerprint import fingerprint, unchanged
from tests.people import make_practitioner, upload

pytestmark = pytest.mark.django_db

POLITE = {200, 302, 400, 403, 404, 405, 413, 415, 429}
FORM = "application/x-www-form-urlencoded"
UNREADABLE = {
    "NUL": b"a\0b",
    "not UTF-8": b"\xff\xfe\xfa",
    "lone surrogate": b"\xed\xa0\x80",
    "replacement character": "a\ufffdb".encode(),
    "100,000 characters": b"x" * 100_000,
    "marks piled up": b"a" + "\u0301".encode() * 20_000,
}
# What a form must never let anybody set about themselves or their case; OTHERS stands for somebody else's key.
OTHERS = "somebody else's"
FOREIGN = {
    **dict.fromkeys(["user", "user_id", "reviewer", "reviewer_id", "recommended_by_id", "recipient_id"], OTHERS),
    **dict.fromkeys(["practitioner", "practitioner_id", "payer", "payer_id"], OTHERS),
    **dict.fromkeys(["is_staff", "is_superuser", "verified", "primary"], "on"),
    **dict.fromkeys(["activated_at", "submitted_at", "approved_at", "closed_at", "paid_at"], "2020-01-01 00:00"),
    **dict.fromkeys(["recognised_on", "due_on", "lapses_at", "effective_from"], "2020-01-01"),
    **dict.fromkeys(["id", "pk", "groups", "user_permissions", "granted_rank", "granted_rank_id", "amount"], "1"),
    "is_active": "",
    "state": "completed",
    "moves": "9",
    "service": "registration",
    "reference": "CL-2026-0000001",
    "judgement": "[]",
    "recommendation": "approve",
    "waiver": "no_fee",
    "scan": "clean",
    "disposition": "applied",
}


@pytest.fixture(autouse=True)
def quick(settings):
    settings.HUMAN_CHECK = "off"
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]


@pytest.fixture(params=DOORS)
def door(request):
    return DOORS[request.param]()


def send(door: Door, client, data, files=True):
    """POST the fields, values as text or bytes, as a browser would from this form."""
    if door.files:
        return client.generic("POST", door.path, multipart(data, files_of(door) if files else {}), MULTIPART_CONTENT)
    return client.generic("POST", door.path, urlencode(data, doseq=True), FORM)


def multipart(fields, files) -> bytes:
    """As Django's own encoder, which takes bytes for a list."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{{}}"\r\n\r\n'
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    parts = [
        head.format(name).encode() + (one if isinstance(one, bytes) else one.encode()) + b"\r\n" for name, one in pairs
    ]
    return b"".join(parts) + encode_multipart(BOUNDARY, files)


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


def test_what_cannot_be_read_or_kept_is_refused_at_its_field(door):
    client = door.client()
    written = [name for name in door.right if name not in door.ticks]
    # Several at once, for speed, but no more than a body may hold.
    for some, (kind, text) in product(batched(written, 7), UNREADABLE.items()):
        with unchanged():
            answer = send(door, client, door.right | dict.fromkeys(some, text))
        assert refused(door, answer), kind
        if door.refusal == 200:
            assert {field_of(name) for name in some} - JUDGED_BY_OTHERS <= set(answer.context["form"].errors), kind


def batched(names: list[str], size: int) -> list[list[str]]:
    return [names[at : at + size] for at in range(0, len(names), size)]


# Not looked at while the field that they depend on is wrong.
JUDGED_BY_OTHERS = {"identity_number", "password2"}


def field_of(name: str) -> str:
    """The form's field behind the name of an input: without the prefix of its slot, and a date as a whole."""
    return re.sub(r"_(calendar|day|month|year)$", "", name.split("-")[-1])


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
    written = [name for name in door.needed if name not in door.ticks]
    for instead in (
        {f"{name}[]": [text] * 2 for name, text in door.right.items()},
        {f"{name}[0]": text for name, text in door.right.items()},
        door.right | {name: [door.right[name], "\0"] for name in written},
    ):
        if instead:
            with unchanged():
                assert refused(door, send(door, client, instead)), instead


def test_a_file_in_place_of_a_text_and_a_text_in_place_of_a_file_are_refused(door):
    client = door.client()
    if door.needed:
        with unchanged():
            body = multipart({}, files_of(door) | {name: upload() for name in door.needed})
            assert refused(door, client.generic("POST", door.path, body, MULTIPART_CONTENT))
    for name in door.files:
        with unchanged():
            body = multipart(door.right | {name: "paper.pdf"}, {})
            assert refused(door, client.generic("POST", door.path, body, MULTIPART_CONTENT)), name


def test_foreign_fields_change_nothing(door):
    """Class 26: the same happens as without them."""
    client, somebody = door.client(), make_practitioner()
    keys = {name: str(somebody.user_id if name.startswith(("user", "re")) else somebody.pk) for name in FOREIGN}
    foreign = {name: keys[name] if text == OTHERS else text for name, text in FOREIGN.items()}
    prefixed = {f"{prefix}-{name}": text for prefix in ("form-0", "transcript") for name, text in foreign.items()}
    outcomes = []
    for more in ({}, foreign, prefixed):
        with transaction.atomic():
            assert send(door, client, more | door.right).status_code == 302
            outcomes.append(what_is_guarded([somebody.user_id, somebody.pk]))
            transaction.set_rollback(True)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def what_is_guarded(keys: list[int]) -> dict[str, list]:
    """How often each value stands in the columns that a foreign field names; of keys, only somebody else's."""
    columns = """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = ANY(%s) AND table_name !~ 'event$' AND NOT column_name = ANY(%s)
    """
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(columns, [[*FOREIGN], ["id", "reference"]])
        for table, column in cursor.fetchall():
            value = f'"{column}" IS NULL' if column.endswith("_at") else f'"{column}"::text'
            value = f'"{column}" = ANY(%s)' if column.endswith("_id") else value
            query = f'SELECT {value}, count(*) FROM "{table}" GROUP BY 1 ORDER BY 1'
            cursor.execute(query, [keys] if "%s" in query else [])
            found[f"{table}.{column}"] = cursor.fetchall()
    return found


BODIES = [
    ("application/json", json.dumps),
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
    (MULTIPART_CONTENT + "; charset=base64", lambda right: multipart(right, {})),
    ("multipart/form-data", lambda right: multipart(right, {})),
    ("multipart/form-data; boundary=another", lambda right: multipart(right, {})),
    ("multipart/form-data; boundary=" + "x" * 500, lambda right: multipart(right, {})),
    (MULTIPART_CONTENT, lambda right: multipart(right | {f"field{number}": "" for number in range(10_001)}, {})),
    (MULTIPART_CONTENT, lambda right: f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--{BOUNDARY}--"),
    (MULTIPART_CONTENT, lambda right: f"--{BOUNDARY}\r\n" * 1000),
]


def test_another_kind_of_body_is_no_form(door):
    """Classes 27 to 29."""
    client = door.client()
    for content_type, body in BODIES:
        with unchanged():
            answer = client.generic("POST", door.path, body(door.right), content_type)
        assert answer.status_code in POLITE, (content_type, answer.status_code)


def test_a_length_that_lies_is_no_form(door):
    """Class 50."""
    client, body = door.client(), multipart(door.right, files_of(door))
    for length in ("-1", "10", "many", ""):
        with unchanged():
            answer = client.generic("POST", door.path, body, MULTIPART_CONTENT, CONTENT_LENGTH=length)
        assert answer.status_code in POLITE, length


MARKUP = """<b>"it's" & more</b>"""


@pytest.mark.parametrize("name", [name for name in DOORS if name not in WORDLESS])
def test_what_was_typed_stands_in_the_form_again_and_does_nothing(name):
    door = DOORS[name]()
    client = door.client()
    typed = {**door.right, **dict.fromkeys(door.texts, MARKUP)} | {"version": "x", "transcript-kind": ""}
    typed |= {part: "x" for part in typed if part.endswith("_year")}
    with unchanged():
        answer = send(door, client, typed, files=False)
    page = answer.content.decode()
    assert refused(door, answer)
    assert MARKUP not in page
    assert page.count("&lt;b&gt;") >= len(door.texts)
    assert unescape(page).count(MARKUP) >= len(door.texts)
