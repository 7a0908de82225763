"""What is in an uploaded file, whatever its name says: only sound PDF, JPEG and PNG files pass (DOC-1).

Files are read in this process, not in a child that could be killed: a child costs half a second and the memory of a
second portal for each upload. In its place, the PDF parser (pure Python) reads from a stream that stops at a deadline,
sizes are limited before anything is unpacked, and one file is examined at a time per process, so that ten uploads at
once need the memory of one.
"""

import hashlib
import io
import math
import re
import tempfile
import threading
import time
import unicodedata
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from typing import IO, Any

import puremagic
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageFile, ImageOps
from pypdf import Configuration, PdfReader, apply_configuration
from pypdf.errors import LimitReachedError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject

from mumaris.kit import clock
from mumaris.kit.files import safe_name

PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
ALLOWED = {PDF: "PDF", JPEG: "JPEG", PNG: "PNG"}

LONGEST_PDF = 200  # pages
MOST_PDF_OBJECTS = 50_000
MOST_PDF_ATOMS = 2_000_000  # names, numbers, texts in all objects together
PDF_SECONDS = 5.0
REMEMBERED_ATOMS = 500_000  # some 50 MB
UNPACKED_STREAM = 4_000_000  # bytes; only tables of objects are unpacked, never pages or pictures

MOST_PIXELS = 50_000_000  # today's phones take 48 million
KEPT_PIXELS = 12_000_000  # A4 at 350 dots per inch; more is scaled down
JPEG_QUALITY = 90

REASONS = {
    "infected": _("A virus was found in this file, and it was not kept. Attach a copy from another device."),
    "empty": _("The file is empty. Choose another one."),
    "too_large": _("The file is larger than %(most)s MB. Save it smaller, or scan it at a lower resolution."),
    "type": _("Only PDF, JPEG and PNG files are accepted, and this file is none of them, whatever its name says."),
    "damaged": _("The file is damaged or incomplete. Open it on your device, save it again, and attach the new file."),
    "mixed": _("The file holds a second file of another kind. Save the document again as a plain PDF."),
    "encrypted": _("The file is protected by a password. Attach a copy without protection."),
    "script": _("The file holds a script. Print the document to a new PDF and attach that."),
    "action": _("The file starts something by itself when opened. Print the document to a new PDF and attach that."),
    "attachment": _("The file carries other files inside. Attach each document by itself."),
    "xfa": _("The file is an interactive form. Print it to a new PDF and attach that."),
    "pages": _("The file has more than %(most)s pages. Attach only the pages that are asked for."),
    "complex": _("The file is too complex to be checked. Print the document to a new PDF and attach that."),
    "pixels": _("The picture is larger than %(most)s megapixels. Save it smaller and attach it again."),
}

# Names that make a PDF more than paper, wherever they stand in it, and the reason they give.
_UNWANTED = {
    **dict.fromkeys(["/JavaScript", "/JS"], "script"),
    **dict.fromkeys(["/Launch", "/ImportData", "/SubmitForm", "/GoToE", "/Rendition", "/RichMediaExecute"], "action"),
    **dict.fromkeys(["/EmbeddedFile", "/EmbeddedFiles", "/EF", "/FileAttachment", "/RichMedia"], "attachment"),
    "/AA": "action",
    "/XFA": "xfa",
}
# The same as plain bytes, for readers that find objects where pypdf does not look.
_UNWANTED_BYTES = {b"/JavaScript": "script", b"/EmbeddedFile": "attachment"}
_WEB_PAGE = re.compile(rb"<(!doctype|html|head|body|script|svg|iframe|\?php)", re.IGNORECASE)
_CUT_OFF = re.compile(rb"\s*\d+ \d+ obj")
_WHITE = b"\0\t\n\f\r "

_one_at_a_time = threading.Lock()


class Refused(ValidationError):
    """A file that is not accepted: `codes` from REASONS, `reasons` in words for the person who attached it."""

    def __init__(self, *codes: str, **params: object) -> None:
        self.codes = codes
        super().__init__([ValidationError(REASONS[code], code=code, params=params) for code in codes])

    @property
    def reasons(self) -> list[str]:
        return self.messages


@dataclass(frozen=True)
class Examined:
    """A file that passed. `content` is what to store, readable from its start; the other facts are about it."""

    content: IO[bytes]
    name: str
    media_type: str
    sha256: bytes
    bytes: int
    pages: int


def examine(upload: Any, *, max_bytes: int) -> Examined:
    """Examine an uploaded file (anything with `name`, `read`, `seek`) and return what to keep, or raise Refused.

    A PDF is kept as it is; a picture is written anew, turned upright, without metadata. How long it is, is counted, not
    believed. `max_bytes` limits the upload; a picture written anew may be up to twice as large.
    """
    with _one_at_a_time:
        ImageFile.LOAD_TRUNCATED_IMAGES = False  # WeasyPrint allows them for the whole process once it is imported
        upload.seek(0)
        content = upload.read(max_bytes + 1)
        if not content:
            raise Refused("empty")
        if len(content) > max_bytes:
            raise Refused("too_large", most=f"{max_bytes / 1024**2:g}")
        media_type = _sniff(content)
        if media_type == PDF:
            pages, kept = _pages_of_pdf(content), upload
        else:
            pages, kept = 1, _picture_anew(content, media_type, 2 * max_bytes)
            kept.seek(0)
            content = kept.read()
        kept.seek(0)
        name = safe_name(upload.name or "", media_type)
        return Examined(kept, name, media_type, hashlib.sha256(content).digest(), len(content), pages)


def is_recent(issued_on: date, on: date, months: int) -> bool:
    """DOC-5, SRV-3: a letter is at most `months` old on the Riyadh day `on`; one of exactly that age still counts."""
    return issued_on >= clock.add_months(on, -months)


def is_long_enough(begun_on: date, ended_on: date, months: int) -> bool:
    """DOC-2, DOC-5: a certificate of experience shows at least `months`; its last day counts."""
    return clock.add_months(begun_on, months) <= ended_on + timedelta(days=1)


def names_agree(first: str, family: str, paper: str) -> bool:
    """DOC-5: whether a name in Latin letters on a paper is that of a person, given by first and family name.

    The paper must begin with the first name and end with the family name. What stands between them is not compared,
    nor are capitals, accents, hyphens, spaces and the article: Al-Harthi, AL HARTHI and Alharthi are one name.
    """
    words = [word for word in (_letters(part) for part in re.split(r"[\s-]+", paper)) if word]
    begins = {number for number in range(1, len(words)) if _bare("".join(words[:number])) == _bare(_letters(first))}
    ends = {number for number in range(1, len(words)) if _bare("".join(words[number:])) == _bare(_letters(family))}
    return bool(begins and ends) and min(begins) <= max(ends)


def _letters(name: str) -> str:
    """Only its Latin letters, small and without accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if "a" <= letter <= "z")


def _bare(name: str) -> str:
    """Without the Arabic article; a name as short as Ali has none."""
    return name[2:] if name[:2] in ("al", "el") and len(name) > 4 else name


def _sniff(content: bytes) -> str:
    try:
        found = {match.mime_type for match in puremagic.magic_string(content[:4096])} & ALLOWED.keys()
    except puremagic.PureError:
        found = set()
    if len(found) != 1:
        raise Refused("type")
    return found.pop()


class _Hurried(io.BytesIO):
    """Bytes that can be read until a deadline: whatever circles inside a parser comes by here again."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.ends = time.monotonic() + PDF_SECONDS

    def read(self, size: int | None = -1) -> bytes:
        self.check()
        return super().read(size)

    def check(self) -> None:
        if time.monotonic() > self.ends:
            raise LimitReachedError("deadline")


def _pages_of_pdf(content: bytes) -> int:
    """The number of pages of a PDF that is nothing but paper."""
    _refuse_second_file(content)
    # Looked for before reading: a reader without the password can't get as far as to say so.
    if re.search(rb"/Encrypt\b", content):
        raise Refused("encrypted")
    limits = Configuration(
        zlib_maximum_output_length=UNPACKED_STREAM,
        lzw_maximum_output_length=UNPACKED_STREAM,
        run_length_maximum_output_length=UNPACKED_STREAM,
        page_tree_maximum_entries=2 * LONGEST_PDF,
    )
    try:
        with apply_configuration(limits):
            stream = _Hurried(content)
            reader = PdfReader(stream, xref_stream_maximum_entries=MOST_PDF_OBJECTS)
            if reader.is_encrypted:
                raise Refused("encrypted")
            pages = _count_pages(reader)
            unwanted = {code for name, code in _UNWANTED_BYTES.items() if name in content}
            unwanted |= _unwanted_in(reader, stream)
            if unwanted:
                raise Refused(*sorted(unwanted))
            return pages
    except Refused:
        raise
    except LimitReachedError:
        raise Refused("complex") from None
    except Exception:  # a parser of hostile bytes may raise anything; all of it means "not sound"
        raise Refused("damaged") from None


def _refuse_second_file(content: bytes) -> None:
    """A PDF begins at the first byte and ends with its end mark; what stands before or after is another file."""
    end = content.rfind(b"%%EOF")
    if end < 0:
        raise Refused("damaged")
    rest = content[end + len(b"%%EOF") :]
    if _CUT_OFF.match(rest):
        raise Refused("damaged")
    if rest.strip(_WHITE) or _WEB_PAGE.search(content, 0, 1024) or zipfile.is_zipfile(io.BytesIO(content)):
        raise Refused("mixed")


def _unwanted_in(reader: PdfReader, stream: _Hurried) -> set[str]:
    """The reasons against all objects of the file, also those that no page leads to."""
    in_streams = reader.xref_objStm
    numbers = [(number, generation) for generation, found in reader.xref.items() for number in found]
    numbers += [(number, 0) for number in sorted(in_streams, key=in_streams.__getitem__)]
    promised = sum(_promised(reader, holder) for holder in {holder for holder, _index in in_streams.values()})
    if len(numbers) + promised > MOST_PDF_OBJECTS:
        raise LimitReachedError("objects")
    unwanted, seen = _look_through(reader.trailer)
    since_cleared = 0
    for number, generation in numbers:
        stream.check()
        codes, atoms = _look_through(reader.get_object(IndirectObject(number, generation, reader)))
        unwanted |= codes
        seen += atoms
        since_cleared += atoms
        if seen > MOST_PDF_ATOMS:
            raise LimitReachedError("atoms")
        if since_cleared > REMEMBERED_ATOMS:
            reader.resolved_objects.clear()
            since_cleared = 0
    return unwanted


def _promised(reader: PdfReader, holder: int) -> int:
    """How many objects a stream of objects says it holds: pypdf unpacks them all at once."""
    stream = reader.get_object(holder)
    count = stream.get("/N", 0) if isinstance(stream, DictionaryObject) else 0
    return int(count) if isinstance(count, int) else MOST_PDF_OBJECTS + 1


def _look_through(thing: object) -> tuple[set[str], int]:
    """The reasons against what stands in one object, references not followed; and how many atoms that was."""
    heap, codes, atoms = [thing], set(), 0
    while heap:
        found = heap.pop()
        atoms += 1
        if isinstance(found, DictionaryObject):
            if "/OpenAction" in found and not _only_turns_to_a_page(found["/OpenAction"]):
                codes.add("action")
            heap.extend(found.keys())
            heap.extend(found.values())
        elif isinstance(found, ArrayObject):
            heap.extend(found)
        elif isinstance(found, NameObject) and found in _UNWANTED:
            codes.add(_UNWANTED[found])
    return codes, atoms


def _only_turns_to_a_page(action: object) -> bool:
    return not isinstance(action, DictionaryObject) or ("/S" in action and action["/S"] == "/GoTo")


def _count_pages(reader: PdfReader) -> int:
    try:
        pages = len(reader.pages)
    except LimitReachedError:
        pages = LONGEST_PDF + 1
    if pages > LONGEST_PDF:
        raise Refused("pages", most=LONGEST_PDF)
    if not pages:
        raise Refused("damaged")
    return pages


def _picture_anew(content: bytes, media_type: str, max_bytes: int) -> IO[bytes]:
    """The picture itself, upright, at most KEPT_PIXELS, and nothing of what else the file said."""
    kept: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=2_500_000)  # noqa: SIM115 the caller stores and drops it
    try:
        _open_picture(content, media_type).verify()
        picture = _open_picture(content, media_type)
        width, height = picture.size
        if picture.format != "PNG":
            # A JPEG much too large is read at half or a quarter of its size in the first place.
            picture.draft(None, _shrunk(width, height))
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        if picture.width * picture.height > KEPT_PIXELS:
            picture = _smooth(picture).resize(_shrunk(*picture.size))
        if media_type == JPEG and picture.mode not in ("L", "RGB"):
            picture = picture.convert("RGB")
        picture.info = {key: value for key, value in picture.info.items() if key == "transparency"}
        picture.save(kept, ALLOWED[media_type], quality=JPEG_QUALITY)
    except Refused:
        raise
    except Exception:  # as for a PDF: whatever a decoder raises means "not sound"
        raise Refused("damaged") from None
    if kept.tell() > max_bytes:
        raise Refused("pixels", most=KEPT_PIXELS // 1_000_000)
    return kept


def _open_picture(content: bytes, media_type: str) -> Image.Image:
    too_many = Refused("pixels", most=MOST_PIXELS // 1_000_000)
    try:
        picture = Image.open(io.BytesIO(content), formats=[ALLOWED[media_type]])
    except Image.DecompressionBombError:
        raise too_many from None
    if picture.width * picture.height > MOST_PIXELS:
        raise too_many
    return picture


def _shrunk(width: int, height: int) -> tuple[int, int]:
    """The largest size of the same shape that has at most KEPT_PIXELS."""
    scale = min(1.0, math.sqrt(KEPT_PIXELS / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _smooth(picture: Image.Image) -> Image.Image:
    """In a mode whose pixels can be blended: the entries of a palette can't."""
    if picture.mode in ("1", "P", "PA"):
        return picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    return picture
