"""What is in an uploaded file (RELIABILITY, bad inputs 44 to 51; fault F41)."""

import hashlib
import io
import threading
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from documents import checks
from tests import bad_files

LIMIT = 5 * 1024 * 1024


def uploaded(content: bytes, name: str = "paper.pdf") -> SimpleUploadedFile:
    upload = SimpleUploadedFile(name, content, content_type="application/pdf")
    upload.name = name
    return upload


def examined(content: bytes, name: str = "paper.pdf") -> checks.Examined:
    return checks.examine(uploaded(content, name), max_bytes=LIMIT)


@pytest.mark.req("DOC-1")
@pytest.mark.parametrize("sample", bad_files.GOOD, ids=lambda sample: sample.name)
def test_a_sound_file_passes(sample):
    found = examined(sample.content, sample.name)
    kept = found.content.read()
    assert found.bytes == len(kept) > 0
    assert found.sha256 == hashlib.sha256(kept).digest()
    assert found.name == sample.name
    assert found.media_type == {".pdf": checks.PDF, ".png": checks.PNG}.get(sample.name[-4:], checks.JPEG)


@pytest.mark.req("DOC-1")
@pytest.mark.parametrize("sample", bad_files.BAD, ids=lambda sample: sample.name)
def test_any_other_file_is_refused_with_its_reason(sample, monkeypatch):
    monkeypatch.setattr(checks, "PDF_SECONDS", 2.0)
    with pytest.raises(checks.Refused) as refused:
        examined(sample.content, sample.name)
    assert sample.code in refused.value.codes
    assert all(refused.value.reasons)


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("code", checks.REASONS)
def test_every_reason_can_be_told(language, code):
    with translation.override(language):
        (reason,) = checks.Refused(code, most=200).reasons
    assert reason
    assert "%(" not in reason


def test_several_reasons_are_told_at_once():
    content = bad_files.one_page(b"/Names << /EmbeddedFiles 3 0 R >>", b"", bad_files.SCRIPT)
    with pytest.raises(checks.Refused) as refused:
        examined(content)
    assert refused.value.codes == ("attachment", "script")
    assert len(refused.value.reasons) == 2


def test_pages_are_counted():
    assert examined(bad_files.pages(12)).pages == 12
    assert examined(bad_files.pages(checks.LONGEST_PDF)).pages == checks.LONGEST_PDF
    assert examined(bad_files.picture()).pages == 1


@pytest.mark.req("DOC-1")
def test_the_limit_is_exact_and_what_the_browser_claims_does_not_count():
    with pytest.raises(checks.Refused, match=r"\b5\b"):
        examined(b"x" * (LIMIT + 1))
    content = bad_files.one_page()
    assert checks.examine(uploaded(content), max_bytes=len(content)).bytes == len(content)
    lying = uploaded(content)
    lying.size = 1
    with pytest.raises(checks.Refused) as refused:
        checks.examine(lying, max_bytes=len(content) - 1)
    assert refused.value.codes == ("too_large",)


def test_a_pdf_is_kept_byte_for_byte_also_from_a_temporary_file():
    content = bad_files.pages(3)
    upload = TemporaryUploadedFile("a.pdf", "text/html", len(content), None)
    upload.write(content)
    found = checks.examine(upload, max_bytes=LIMIT)
    assert found.content.read() == content
    assert found.media_type == checks.PDF


def test_a_second_examination_says_the_same():
    upload = uploaded(bad_files.phone_photo(), "photo.jpg")
    first, second = (checks.examine(upload, max_bytes=LIMIT) for _ in range(2))
    assert first.sha256 == second.sha256


@pytest.mark.req("DOC-1")
def test_a_photo_is_turned_upright_and_says_nothing_of_the_phone():
    lying = bad_files.phone_photo(orientation=6)
    kept = examined(lying, "photo.jpg").content.read()
    picture = Image.open(io.BytesIO(kept))
    assert picture.size == (1200, 1600)
    # Orientation 6 lies a quarter turn to the left: the mark's corner is now the upper right one.
    assert picture.getpixel((1190, 10)) < (60, 60, 60)
    assert picture.getpixel((10, 10)) > (200, 200, 200)
    assert not picture.getexif()
    assert not {"exif", "comment", "icc_profile", "xmp"} & picture.info.keys()
    for told in (b"Phone", b"taken at home", b"a comment"):
        assert told in lying
        assert told not in kept


@pytest.mark.parametrize(
    "content",
    [
        bad_files.phone_photo(description="<?php system('id'); ?>"),
        bad_files.png_with_text(),
        bad_files.picture() + b"<?php system('id'); ?>",
        bad_files.picture() + bad_files.zip_file(),
        bad_files.picture("PNG") + bad_files.zip_file(),
    ],
)
def test_whatever_hides_in_a_picture_is_left_behind(content):
    kept = examined(content, "x.jpg").content.read()
    assert b"<?php" not in kept
    assert b"PK\x05\x06" not in kept
    assert Image.open(io.BytesIO(kept)).size in ((640, 480), (1200, 1600))


def test_a_large_picture_is_scaled_down_in_its_shape(monkeypatch):
    monkeypatch.setattr(checks, "KEPT_PIXELS", 640 * 480 // 4)
    for kind, mode in [("JPEG", "RGB"), ("PNG", "RGB"), ("PNG", "P"), ("PNG", "1"), ("PNG", "LA")]:
        kept = examined(bad_files.picture(kind, mode=mode) if mode != "LA" else _half_transparent())
        assert Image.open(kept.content).size == (320, 240)


def _half_transparent() -> bytes:
    out = io.BytesIO()
    Image.new("LA", (640, 480), (255, 128)).save(out, "PNG")
    return out.getvalue()


def test_transparency_stays():
    kept = Image.open(examined(bad_files.picture("PNG", mode="P", transparency=0), "x.png").content)
    assert [kept.convert("RGBA").getpixel(place)[3] for place in ((0, 0), (639, 479))] == [0, 255]
    assert Image.open(examined(_half_transparent(), "x.png").content).getpixel((0, 0)) == (255, 128)


def test_a_picture_that_grows_beyond_measure_is_refused():
    content = bad_files.picture("PNG", size=(900, 900))
    with pytest.raises(checks.Refused) as refused:
        checks._picture_anew(content, checks.PNG, max_bytes=len(content) // 2)
    assert refused.value.codes == ("pixels",)


def test_a_document_that_keeps_the_parser_busy_ends_at_the_deadline(monkeypatch):
    monkeypatch.setattr(checks, "PDF_SECONDS", 0.2)
    begun = time.monotonic()
    with pytest.raises(checks.Refused) as refused:
        examined(bad_files.missing_objects())
    assert refused.value.codes == ("complex",)
    assert time.monotonic() - begun < 3


def test_too_many_numbers_end_the_reading(monkeypatch):
    monkeypatch.setattr(checks, "MOST_PDF_ATOMS", 5_000)
    with pytest.raises(checks.Refused) as refused:
        examined(bad_files.one_page(b"", b"", b"[" + b"1 " * 6_000 + b"]"))
    assert refused.value.codes == ("complex",)


def test_what_was_looked_at_is_forgotten_and_nothing_missed(monkeypatch):
    monkeypatch.setattr(checks, "REMEMBERED_ATOMS", 10)
    assert examined(bad_files.pages(40)).pages == 40
    with pytest.raises(checks.Refused) as refused:
        examined(bad_files.one_page(b"", b"", *[b"[1 2 3 4]"] * 20, bad_files.SCRIPT))
    assert refused.value.codes == ("script",)


def test_one_file_is_examined_at_a_time(monkeypatch):
    inside, most = 0, 0

    def slow(content: bytes) -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        inside -= 1
        raise checks.Refused("type")

    monkeypatch.setattr(checks, "_sniff", slow)

    def attach() -> None:
        with pytest.raises(checks.Refused):
            examined(b"x")

    threads = [threading.Thread(target=attach) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


SOUND = {
    "pdf": bad_files.one_page(b"/OpenAction [3 0 R /Fit]", b"/Contents 4 0 R", bad_files.stream(b"", b"BT ET")),
    "office": bad_files.hidden_in_object_stream(b"<< /Dests [3 0 R /Fit] >>"),
    "jpeg": bad_files.picture(size=(40, 30)),
    "png": bad_files.picture("PNG", size=(40, 30)),
}


@pytest.mark.parametrize("kind", SOUND)
@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 5_000), st.binary(max_size=6)), min_size=1, max_size=4))
def test_a_damaged_file_is_refused_or_sound_and_never_an_error(kind, changes):
    content = bytearray(SOUND[kind])
    for place, piece in changes:
        place %= len(content)
        content[place : place + len(piece)] = piece
    try:
        found = examined(bytes(content))
    except checks.Refused:
        return
    kept = found.content.read()
    assert found.media_type in checks.ALLOWED
    assert found.sha256 == hashlib.sha256(kept).digest()
    if found.media_type != checks.PDF:
        Image.open(io.BytesIO(kept)).load()
