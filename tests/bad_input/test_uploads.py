"""Files that are not what they say, through the real slots; and what becomes of those that are (classes 44 to 56)."""

import re

import pytest
from django.conf import settings as conf
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT
from django.utils import translation

from documents.checks import REASONS
from documents.models import Paper, Scan
from mumaris.kit import clock
from tests.bad_files import BAD, EICAR, GOOD, NAMES, one_page, picture
from tests.fingerprint import unchanged
from tests.people import Office, declare, make_draft, make_practitioner, pay

pytestmark = [pytest.mark.django_db, pytest.mark.req("DOC-1")]


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.STORAGE_DIR = tmp_path
    return tmp_path


@pytest.fixture
def draft():
    now = clock.now()
    return make_draft(make_practitioner(now=now), now=now)


@pytest.fixture
def owner(client, draft):
    client.force_login(draft.practitioner.user)
    return client


def slot(draft, name="transcript"):
    return f"/applications/{draft.reference}/documents/{name}/"


def attach(client, draft, content, name="paper.pdf", into="transcript"):
    return client.post(slot(draft, into), {f"{into}-file": SimpleUploadedFile(name, content)})


def attach_named(client, draft, name: bytes):
    """Attach a sound document whose file name stands in the body byte for byte."""
    head = b'--%s\r\nContent-Disposition: form-data; name="transcript-file"; filename="%s"\r\n'
    head = head % (BOUNDARY.encode(), name) + b"Content-Type: text/html\r\n\r\n"
    return client.generic(
        "POST", slot(draft), head + one_page() + f"\r\n--{BOUNDARY}--\r\n".encode(), MULTIPART_CONTENT
    )


def attached(draft, into="transcript"):
    return draft.attachments.get(slot=into, replaced_at=None).paper


def kept(storage):
    return {path for path in storage.rglob("*") if path.is_file()}


def reasons(answer, field="file"):
    assert answer.status_code == 200
    return [error.code for error in answer.context["form"].errors[field].as_data()]


def test_what_is_no_sound_document_is_refused_at_its_slot_with_the_reason(owner, draft, storage):
    """Classes 44 to 48 and 50: nothing of it is kept, and what was there before stays."""
    before = kept(storage)
    for sample in BAD:
        with unchanged():
            answer = attach(owner, draft, sample.content, sample.name)
        assert sample.code in reasons(answer), sample.name
        assert "slot-bad" in answer.content.decode(), sample.name
    assert kept(storage) == before
    assert attached(draft).name == "transcript.pdf"


def test_an_answer_to_a_remark_takes_no_worse_files_than_a_slot(client, draft, storage):
    now = clock.now()
    case = Office().return_(pay(declare(draft, now=now), "admin", now=now), "transcript", now=now)
    client.force_login(case.practitioner.user)
    before = kept(storage)
    for sample in BAD[:12]:
        sent = {"transcript-kind": "file", "transcript-file": SimpleUploadedFile(sample.name, sample.content)}
        with unchanged():
            answer = client.post(f"/applications/{case.reference}/remarks/transcript/", sent)
        assert sample.code in reasons(answer), sample.name
    assert kept(storage) == before


def test_what_people_rightly_attach_is_taken_and_can_be_read_again(owner, draft):
    for sample in GOOD:
        assert attach(owner, draft, sample.content, sample.name).status_code == 302, sample.name
        paper = attached(draft)
        assert owner.get(f"/papers/{paper.pk}/").headers["Content-Type"] == paper.media_type, sample.name


def test_the_largest_file_is_taken_and_one_byte_more_is_not(owner, draft):
    """Class 50."""
    filled = one_page() + b"\n" * (conf.UPLOAD_LIMIT - len(one_page()))
    with unchanged():
        answer = attach(owner, draft, filled + b"\n")
    assert reasons(answer) == ["too_large"]
    assert attach(owner, draft, filled).status_code == 302
    assert attached(draft).bytes == conf.UPLOAD_LIMIT


@pytest.mark.parametrize(
    "name",
    [
        b"../../x.pdf",
        rb"..\\..\\x.pdf",
        b"/etc/passwd",
        b"x.pdf.exe",
        b"x.pdf%00.html",
        b"x.pdf\0.html",
        b"x.pdf%0d%0aSet-Cookie: a=b",
        rb"say \"hello\".pdf",
        b"x" * 300 + b".pdf",
        "\u202egpj.exe".encode(),
        "شهادة الخبرة.pdf".encode(),
        b"CON.pdf",
        b"<img src=x onerror=alert(1)>.pdf",
    ],
)
def test_a_name_is_only_a_name(owner, draft, storage, name):
    """Class 51: stored under a key of ours, shown and offered under a harmless name."""
    before = kept(storage)
    assert attach_named(owner, draft, name).status_code == 302
    paper = attached(draft)
    assert paper.name.endswith(".pdf")
    assert len(paper.name) <= 120
    assert not re.search(r'[\x00-\x1f<>:"/\\|?*%;\u202e]', paper.name)
    [file] = kept(storage) - before
    assert file.name == str(paper.storage_key)
    assert file.stat().st_mode & 0o077 == 0
    assert owner.get(f"/papers/{paper.pk}/").headers["Content-Disposition"].isprintable()
    assert "<img src=x" not in owner.get(f"/applications/{draft.reference}/documents/").content.decode()


def test_a_name_keeps_what_is_harmless_in_it(owner, draft):
    for given in ("شهادة الخبرة.pdf", "x.pdf.exe", "CON.pdf", "lpt1", "../../x.pdf"):
        attach_named(owner, draft, given.encode())
        assert attached(draft).name == NAMES[given]


def test_a_file_without_a_readable_name_is_no_file(owner, draft):
    for name in (b"", b"/", b"..", b"\xff\xfe.pdf", b"\xed\xa0\x80x.pdf"):
        with unchanged():
            assert reasons(attach_named(owner, draft, name)) == ["required"]


def test_a_picture_loses_what_else_it_said(owner, draft):
    """Class 45: code hidden in a picture's remarks is not in the picture that is kept."""
    hidden = b"<?php system('id'); ?>"
    assert attach(owner, draft, picture(comment=hidden), "photo.jpg", "photo").status_code == 302
    assert hidden not in b"".join(owner.get(f"/papers/{attached(draft, 'photo').pk}/").streaming_content)


def test_without_a_scanner_nothing_is_called_clean(owner, draft):
    """Class 52."""
    attach(owner, draft, one_page())
    assert set(Paper.objects.values_list("scan", flat=True)) == {Scan.UNSCANNED}


def test_what_the_scanner_has_not_passed_is_not_opened(owner, draft, settings):
    settings.CLAMD_URL = "tcp://127.0.0.1:9"  # nobody answers there
    assert attach(owner, draft, one_page()).status_code == 302
    assert attached(draft).scan == Scan.PENDING
    assert owner.get(f"/papers/{attached(draft).pk}/").status_code == 403


def test_a_virus_is_refused(owner, draft, storage, monkeypatch):
    monkeypatch.setattr("documents.scanning.scan", lambda file: Scan.INFECTED if EICAR in file.read() else Scan.CLEAN)
    infected, before = one_page().replace(b"startxref", b"%" + EICAR + b"\nstartxref"), kept(storage)
    with unchanged():
        answer = attach(owner, draft, infected)
    assert reasons(answer) == ["infected"]
    assert kept(storage) == before


def test_the_same_file_twice_is_two_papers_of_which_one_counts(owner, draft, storage):
    """Class 53."""
    for _time in range(2):
        assert attach(owner, draft, one_page()).status_code == 302
    assert draft.attachments.filter(slot="transcript", replaced_at=None).count() == 1
    assert draft.attachments.filter(slot="transcript").count() == 3
    assert len(kept(storage)) == Paper.objects.count()


def test_a_slot_that_nobody_asked_for_takes_nothing(owner, draft):
    for name in ("passport", "employer_letter", "experience", "x" * 300, "transcript%00"):
        with unchanged():
            assert attach(owner, draft, one_page(), into=name).status_code in (400, 404), name


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_a_disk_that_takes_nothing_is_said_at_the_slot(owner, draft, monkeypatch, failure):
    def full(content):
        raise failure

    monkeypatch.setattr("documents.wallet.files.keep", full)
    with unchanged():
        answer = attach(owner, draft, one_page())
    assert answer.status_code == 200
    assert "nothing else was lost" in answer.content.decode()


# Where files can be had


def test_a_file_has_one_door(owner, draft):
    """Class 56: no address but the paper's own leads to it."""
    key = str(draft.practitioner.papers.first().storage_key)
    folders = ("media", "files", "var/files", "static", "static/../var/files", "static/fonts/../../files", "papers")
    guesses = [f"/{folder}/{place}" for folder in folders for place in (f"{key}/", f"{key[:2]}/{key}", f"{key}.pdf")]
    for path in [*guesses, f"/{key}", "/static/%2e%2e/var/demo.env", "/static/..%2fmumaris/settings.py", "/.git/HEAD"]:
        assert owner.get(path).status_code == 404, path


def test_a_paper_is_served_as_what_it_is_and_kept_by_nobody(owner, draft):
    paper = draft.practitioner.papers.first()
    for headers in ({}, {"range": "bytes=0-3"}, {"range": "bytes=999999999-"}, {"if-none-match": "*"}):
        answer = owner.get(f"/papers/{paper.pk}/", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "application/pdf"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_link_to_a_paper_is_worth_nothing_to_others(owner, draft):
    path = f"/papers/{draft.practitioner.papers.first().pk}/"
    stranger = Client()
    stranger.force_login(make_practitioner().user)
    assert stranger.get(path).status_code == 404
    assert Client().get(path).headers["Location"].startswith("/sign/login/")
    owner.post("/sign/logout/")
    assert owner.get(path).headers["Location"].startswith("/sign/login/")


@pytest.mark.parametrize(("language", "letters"), [("ar", r"[\u0621-\u064a]{3}"), ("en", "[a-z]{3}")])
def test_every_reason_has_its_words(language, letters):
    with translation.override(language):
        assert [code for code, words in REASONS.items() if not re.search(letters, str(words))] == []
