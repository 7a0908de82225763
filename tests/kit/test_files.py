"""Private files and their download (RELIABILITY, bad inputs 51 and 56; fault F16)."""

import errno
import io
import os
import uuid
from pathlib import Path

import pytest
from django.http import Http404
from hypothesis import given
from hypothesis import strategies as st

from mumaris.kit import files
from tests.bad_files import NAMES


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.STORAGE_DIR = tmp_path / "files"
    return settings.STORAGE_DIR


def stored(folder: Path) -> list[Path]:
    return [place for place in folder.rglob("*") if place.is_file()]


@pytest.mark.req("DOC-1")
def test_a_file_is_kept_under_a_random_key_for_the_portal_alone(folder):
    key = files.keep(io.BytesIO(b"paper"))
    (place,) = stored(folder)
    assert place.name == str(key)
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    with files.read(key) as content:
        assert content.read() == b"paper"
    assert files.keep(io.BytesIO(b"paper")) != key


def test_a_discarded_file_is_gone_and_may_be_discarded_again(folder):
    key = files.keep(io.BytesIO(b"paper"))
    files.discard(key)
    files.discard(key)
    assert stored(folder) == []


@pytest.mark.parametrize(("where", "what"), [(files, "copyfileobj"), (os, "fsync"), (Path, "rename")])
def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch, where, what):
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(where, what, full)
        with pytest.raises(OSError, match="no space"):
            files.keep(io.BytesIO(b"paper"))
    assert stored(folder) == []


@pytest.mark.req("DOC-1")
@pytest.mark.parametrize("inline", [True, False])
def test_a_download_is_cached_nowhere_and_runs_nothing(inline):
    key = files.keep(io.BytesIO(b"%PDF-"))
    response = files.serve(key, "شهادة.pdf", "application/pdf", inline=inline)
    assert response["Content-Type"] == "application/pdf"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "private, no-store"
    assert response["Content-Length"] == "5"
    assert response["Content-Disposition"].startswith("inline;" if inline else "attachment;")
    assert "filename*=utf-8''%D8%B4%D9%87%D8%A7%D8%AF%D8%A9.pdf" in response["Content-Disposition"]
    assert b"".join(response) == b"%PDF-"


@pytest.mark.django_db  # closing a response tells Django that a request ended, and that looks at the connection
@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/zip"])
def test_only_papers_and_pictures_are_shown_in_the_browser(media_type):
    key = files.keep(io.BytesIO(b"<script>"))
    response = files.serve(key, "x", media_type, inline=True)
    assert response["Content-Disposition"].startswith("attachment;")
    response.close()


def test_a_missing_file_is_not_found():
    with pytest.raises(Http404):
        files.serve(uuid.uuid4(), "x.pdf", "application/pdf")


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "x\0", "/etc/passwd"])
def test_only_a_key_leads_to_a_file(key):
    with pytest.raises(ValueError, match="UUID"):
        files.read(key)


@pytest.mark.parametrize(("typed", "safe"), NAMES.items())
def test_a_name_is_made_safe(typed, safe):
    assert files.safe_name(typed, "application/pdf") == safe


@pytest.mark.parametrize("name", ["x" * 300 + ".pdf", "ع" * 300, "😀" * 300, "a." * 150 + "pdf"])
def test_a_long_name_is_cut_before_its_ending(name):
    safe = files.safe_name(name, "application/pdf")
    assert len(safe) <= files.LONGEST_NAME
    assert safe.endswith(".pdf")


@pytest.mark.parametrize(
    ("typed", "safe"), [("a.jpeg", "a.jpeg"), ("a.JPG", "a.JPG"), ("a.png", "a.jpg"), ("a", "a.jpg")]
)
def test_a_name_ends_as_the_content_does(typed, safe):
    assert files.safe_name(typed, "image/jpeg") == safe


@given(st.text(max_size=200), st.sampled_from(["", "application/pdf", "image/png"]))
def test_no_name_is_ever_dangerous(name, media_type):
    safe = files.safe_name(name, media_type)
    assert 0 < len(safe) <= files.LONGEST_NAME
    assert not set(safe) & set('<>:"/\\|?*%;\r\n\0')
    assert not safe.startswith(".")
    assert safe.isprintable() or " " in safe
    assert files.safe_name(safe, media_type) == safe
