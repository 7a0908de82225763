"""Papers as files: PDF/A, our own fonts, the same bytes each time, and no way out for hostile words (class 63)."""

import shutil
import socket
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pytest
from django.template.loader import get_template, render_to_string
from django.utils import translation
from pypdf import PdfReader

from mumaris.kit import pdf

CERTIFICATE = "papers/registration_certificate.html"
FACTS = {
    "paper_number": "RT-2026-0438821",
    "register_number": "RG-2026-0048217",
    "name_ar": "ريم سالم الغامدي",
    "name_en": "Reem Salem Al-Ghamdi",
    "profession_ar": "طبيب",
    "profession_en": "Physician",
    "specialty_ar": "طب الأسرة",
    "specialty_en": "Family Medicine",
    "rank_ar": "نائب أول",
    "rank_en": "Senior Registrar",
    "issued_on": date(2026, 11, 22),
    "valid_from": date(2026, 11, 22),
    "valid_until": date(2028, 11, 21),
    "verify_url": "https://portal.example/verify/K7Q4M2XD91TAB3C5D7E9FGHJKM/",
    "demo": True,
}
STRANGE = "Łukasz ğ שלום 中文 😀 \u202eabc\u202c ﷺ لا إله"


def opened(content: bytes) -> PdfReader:
    return PdfReader(BytesIO(content))


def fonts(paper: PdfReader) -> dict:
    """What the pages draw with: the name without its subset letters, and whether the font is in the file."""
    found = {}
    for page in paper.pages:
        for font in page["/Resources"]["/Font"].values():
            descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
            found[font.get_object()["/BaseFont"].partition("+")[2]] = "/FontFile2" in descriptor
    return found


@pytest.fixture
def other_templates(settings, tmp_path):
    """A folder of templates, with a blank and an Arabic letter in its path, that is looked into first."""
    folder = tmp_path / "ملف with blanks"
    folder.mkdir()
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [folder, *settings.TEMPLATES[0]["DIRS"]]}]
    pdf.put_away()
    yield folder
    pdf.put_away()


@pytest.fixture
def line():
    """A listening socket; nobody is expected to call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def nobody_called(line: socket.socket) -> bool:
    try:
        line.accept()
    except BlockingIOError:
        return True
    return False


@pytest.mark.req("REG-2")
def test_a_paper_is_a_tagged_pdf_a_with_title_and_language():
    paper = opened(pdf.render(CERTIFICATE, FACTS))
    xmp = paper.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert 'pdfaid:part="2"' in xmp
    assert 'pdfaid:conformance="A"' in xmp
    assert paper.trailer["/Root"]["/OutputIntents"]
    assert paper.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert paper.trailer["/Root"]["/StructTreeRoot"]["/K"]
    assert paper.trailer["/Root"]["/Lang"] == "ar"
    assert paper.metadata.title == (
        "شهادة تسجيل مهني RG-2026-0048217 | Certificate of Professional Registration RG-2026-0048217"
    )
    assert paper.metadata.creation_date.date() == FACTS["issued_on"]


def test_the_same_facts_give_the_same_bytes_whatever_language_is_active():
    with translation.override("ar"):
        first = pdf.render(CERTIFICATE, FACTS)
    pdf.render(CERTIFICATE, {**FACTS, "name_ar": "خالد"})
    with translation.override("en"):
        assert pdf.render(CERTIFICATE, FACTS) == first


def test_two_threads_do_not_disturb_each_other():
    alone = pdf.render(CERTIFICATE, FACTS)
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(lambda _: pdf.render(CERTIFICATE, FACTS), range(4))) == {alone}


@pytest.mark.parametrize("name", [FACTS["name_en"], STRANGE])
def test_only_our_own_fonts_are_in_the_file(name):
    paper = opened(pdf.render(CERTIFICATE, {**FACTS, "name_ar": name, "name_en": name}))
    assert fonts(paper) == {"Plex": True, "Plex-Semi-Bold": True}


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("عبد الرحمن المُؤَيَّد ﷺ", "عبد الرحمن المُؤَيَّد ﷺ"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("O’Neill – 50 % é", "O’Neill – 50 % é"),
        ("e\u0301", "é"),
        ("Doğan Ćosić", "Dogan C\u0301osic\u0301"),
        ("ab\u202ecd\u200f\ufeff", "abcd"),
        ("中😀\x07\x00", "????"),
        ("line\n\tline", "line\n\tline"),
    ],
)
def test_what_the_font_lacks_is_replaced(written, drawn):
    assert pdf.drawable(written) == drawn


@pytest.mark.req("REG-2")
def test_hostile_words_are_printed_as_words(line):
    host = f"http://127.0.0.1:{line.getsockname()[1]}"
    hostile = f'<img src="{host}"><link rel=attachment href="file:///etc/passwd"><style>@import url({host})</style>'
    content = pdf.render(CERTIFICATE, {**FACTS, "name_en": hostile, "name_ar": hostile, "rank_en": hostile})
    paper = opened(content)
    assert nobody_called(line)
    assert "/EmbeddedFiles" not in paper.trailer["/Root"].get("/Names", {})
    assert len(paper.pages) == 1
    assert "link rel=attachment" in paper.pages[0].extract_text()


@pytest.mark.req("REG-2")
def test_markup_that_slipped_through_opens_nothing(line, other_templates, tmp_path):
    host = f"http://127.0.0.1:{line.getsockname()[1]}"
    (tmp_path / "secret.css").write_text("body::after { content: 'the secret' }")
    (tmp_path / "secret.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><text y="9">the secret</text></svg>')
    secret = tmp_path.as_uri() + "/secret"
    (other_templates / "slipped.html").write_text(f"""<!doctype html><html lang="ar"><head><title>t</title>
        <link rel="stylesheet" href="{host}/a.css"><link rel="stylesheet" href="{secret}.css">
        <link rel="attachment" href="{secret}.css"><link rel="attachment" href="{host}/b">
        <style>@import url({host}/c.css); @font-face {{ font-family: Stolen; src: url({host}/d.ttf) }}
        body {{ background: url({host}/e.png); font-family: Stolen, Plex }}</style></head>
        <body><p>A page</p><img src="{host}/f.png" alt=""><img src="{secret}.svg" alt=""><object data="{host}/g.svg"></object>
        <embed src="{host}/h.svg"><svg><image href="{host}/i.png" width="9" height="9"/><use href="{secret}.svg#a"/></svg>
        <a href="{host}/followed-by-readers-only">link</a></body></html>""")
    paper = opened(pdf.render("slipped.html", {}))
    assert nobody_called(line)
    assert paper.attachments == {}
    assert "A page" in paper.pages[0].extract_text()
    assert "secret" not in paper.pages[0].extract_text()

    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    HTML(string=render_to_string("slipped.html"), url_fetcher=URLFetcher(timeout=0.01)).write_pdf()
    assert not nobody_called(line), "the same page calls out where our fetcher does not stand in the way"


def test_papers_are_made_from_any_folder(request):
    here = pdf.render(CERTIFICATE, FACTS)
    folder = Path(get_template(CERTIFICATE).origin.name).parent
    shutil.copytree(folder, request.getfixturevalue("other_templates") / "papers")
    assert Path(get_template(CERTIFICATE).origin.name).parent != folder
    assert pdf.render(CERTIFICATE, FACTS) == here


def test_the_copies_of_the_fonts_go_when_the_press_is_put_away(monkeypatch, tmp_path):
    pdf.put_away()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pdf.render(CERTIFICATE, FACTS)
    assert len(list(tmp_path.glob("*/*"))) == len(pdf.FONTS)
    pdf.put_away()
    assert list(tmp_path.iterdir()) == []


def test_missing_pango_is_told_with_the_line_that_installs_it(monkeypatch):
    def refuse(name):
        raise OSError("cannot load library 'libpango-1.0-0'")

    broken = ModuleType("weasyprint")
    broken.__getattr__ = refuse
    pdf.put_away()
    monkeypatch.setitem(sys.modules, "weasyprint", broken)
    with pytest.raises(
        pdf.PdfUnavailable, match=r"Pango is missing.* apt-get install .*libpango-1\.0-0 libpangoft2-1\.0-0"
    ):
        pdf.render(CERTIFICATE, FACTS)


def test_missing_harfbuzz_subset_is_told_too(monkeypatch):
    from weasyprint.text import ffi

    pdf.put_away()
    monkeypatch.setattr(ffi, "harfbuzz_subset", None)
    with pytest.raises(pdf.PdfUnavailable, match=r"HarfBuzz-Subset is missing.* apt-get install .*libharfbuzz-subset0"):
        pdf.render(CERTIFICATE, FACTS)
