"""Sample files made in memory: what people rightly attach (GOOD), and what must be refused (BAD) and why."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfWriter

PDF_HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCRIPT = b"<< /S /JavaScript /JS (app.alert(1)) >>"
ORIENTATION, MAKER, DESCRIPTION = 0x0112, 0x010F, 0x010E


@dataclass(frozen=True)
class Sample:
    name: str
    make: Callable[[], bytes]
    code: str = ""  # why it is refused; empty when it is good

    @property
    def content(self) -> bytes:
        return self.make()


def raw_pdf(objects: Sequence[bytes], trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF of exactly these objects, numbered from 1, with a right table of contents."""
    out = bytearray(PDF_HEAD)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def one_page(catalog: bytes = b"", page: bytes = b"", *more: bytes) -> bytes:
    """A one-page PDF; `catalog` and `page` are added to those dictionaries, `more` are objects from number 4 on."""
    return raw_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> %s >>" % page,
            *more,
        ]
    )


def pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 3 + count))
    leaf = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    return raw_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count),
            *[leaf] * count,
        ]
    )


def stream(dictionary: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (dictionary, len(content), content)


def hidden_in_object_stream(body: bytes) -> bytes:
    """A PDF 1.5 file, as office programs write it: object 4, packed away in a stream, is `body`."""
    out = bytearray(PDF_HEAD)
    packed = zlib.compress(b"4 0 " + body, 9)
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R /Names 4 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
        None,
        stream(b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", packed),
    ]
    rows = [b"\x00\x00\x00\x00\xff"]
    for number, object_body in enumerate(bodies, 1):
        if object_body is None:
            rows.append(b"\x02\x00\x00\x05\x00")
            continue
        rows.append(b"\x01" + len(out).to_bytes(3, "big") + b"\x00")
        out += b"%d 0 obj\n%s\nendobj\n" % (number, object_body)
    start = len(out)
    rows.append(b"\x01" + start.to_bytes(3, "big") + b"\x00")
    table = zlib.compress(b"".join(rows))
    out += b"6 0 obj\n%s\nendobj\n" % stream(b"/Type /XRef /Size 7 /W [1 3 1] /Root 1 0 R /Filter /FlateDecode", table)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def encrypted(owner_only: bool = False) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    writer.encrypt(user_password="" if owner_only else "secret", owner_password="owner", algorithm="AES-256")
    return _written(writer)


def with_attachment() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    writer.add_attachment("inside.exe", b"MZ")
    return _written(writer)


def _written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def table_loop() -> bytes:
    """Two tables of contents that name one another as the previous one, and a catalogue in neither."""
    out = bytearray(PDF_HEAD)
    first = len(out)
    second = first + len(b"xref\n0 0\ntrailer\n<< /Prev 0000000000 >>\n")
    for _here, other in ((first, second), (second, first)):
        out += b"xref\n0 0\ntrailer\n<< /Prev %010d >>\n" % other
    out += b"startxref\n%d\n%%%%EOF\n" % first
    return bytes(out)


def page_tree_loop() -> bytes:
    return raw_pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] >>", b"<< /Type /Pages /Kids [2 0 R] >>"]
    )


def deep_brackets() -> bytes:
    return one_page(b"/Deep 4 0 R", b"", b"[" * 200_000 + b"]" * 200_000)


def unpacking_bomb() -> bytes:
    """Some 20 KB that unpack to 20 MB of numbers."""
    return hidden_in_object_stream(b"[" + b"1 " * 10_000_000 + b"]")


def missing_objects() -> bytes:
    """A table of contents that leads to another object 40,000 times: each is then searched for in the whole file."""
    sound = one_page(b"", b"", stream(b"", b"x" * 1_000_000))
    table, trailer = sound.split(b"trailer\n")
    wrong = b"%010d 00000 n \n" % len(PDF_HEAD)
    return table + b"10 40000\n" + wrong * 40_000 + b"trailer\n" + trailer


def zip_file(name: str = "inside.html") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "<script>alert(1)</script>")
    return out.getvalue()


def pdf_in_zip_comment() -> bytes:
    """A ZIP inside a PDF, the end of the PDF being the ZIP's comment: both programs open it."""
    archive = zip_file()
    sound = one_page(b"", b"", stream(b"", archive))
    at = sound.index(b"PK\x05\x06") + 20
    return sound[:at] + (len(sound) - at - 2).to_bytes(2, "little") + sound[at + 2 :]


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 480), mode: str = "RGB", **options: object) -> bytes:
    """A page-like picture: white, with a dark mark in its upper left corner."""
    image = Image.new(mode, size, 255 if mode in ("L", "P", "1") else "white")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 4, size[1] // 4), fill=0 if mode in ("L", "P", "1") else "black")
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def phone_photo(orientation: int = 6, description: str = "taken at home") -> bytes:
    """As phones write it: lying on its side, with a note to turn it, and with where and when it was taken."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER], exif[DESCRIPTION] = orientation, "Phone", description
    exif.get_ifd(0x8825)[1] = "N"
    return picture(size=(1600, 1200), exif=exif, comment=b"a comment", quality=85)


def two_pictures() -> bytes:
    """A JPEG with a second picture behind it (MPO), as some phones write it for depth."""
    second = Image.new("RGB", (64, 48), "red")
    return picture("MPO", save_all=True, append_images=[second])


def png_with_text() -> bytes:
    text = PngInfo()
    text.add_text("Comment", "<?php system('id'); ?>")
    return picture("PNG", pnginfo=text)


def pixel_flood(width: int, height: int) -> bytes:
    """A PNG of less than 100 bytes that claims width x height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


GOOD = [
    Sample("certificate.pdf", one_page),
    Sample("transcript.pdf", lambda: pages(12)),
    Sample("longest.pdf", lambda: pages(200)),
    Sample("opens at page.pdf", lambda: one_page(b"/OpenAction [3 0 R /Fit]")),
    Sample("goes to page.pdf", lambda: one_page(b"/OpenAction 4 0 R", b"", b"<< /S /GoTo /D [3 0 R /Fit] >>")),
    Sample(
        "linked.pdf",
        lambda: one_page(b"", b"/Annots [4 0 R]", b"<< /Subtype /Link /A << /S /URI /URI (https://x.sa) >> >>"),
    ),
    Sample("office.pdf", lambda: hidden_in_object_stream(b"<< /Dests 3 0 R >>")),
    Sample("سيرة.pdf", lambda: one_page() + b"\r\n\0"),
    Sample("photo.jpg", phone_photo),
    Sample("depth.jpg", two_pictures),
    Sample("grey.jpeg", lambda: picture(mode="L")),
    Sample("press.jpg", lambda: picture(mode="CMYK")),
    Sample("scan.png", lambda: picture("PNG")),
    Sample("fax.png", lambda: picture("PNG", mode="1")),
    Sample("palette.png", lambda: picture("PNG", mode="P", transparency=0)),
    Sample("noted.png", png_with_text),
]

BAD = [
    Sample("empty.pdf", lambda: b"", "empty"),
    Sample("program.pdf", lambda: b"MZ\x90\0" + bytes(200), "type"),
    Sample("page.pdf", lambda: b"<!doctype html><script>alert(1)</script>", "type"),
    Sample("code.pdf", lambda: b"<?php system('id'); ?>", "type"),
    Sample("text.pdf", lambda: b"just words", "type"),
    Sample("archive.pdf", zip_file, "type"),
    Sample("drawing.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "type"),
    Sample("drawing.png", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "type"),
    Sample("moving.gif", lambda: picture("GIF"), "type"),
    Sample("moving.png", lambda: picture("GIF"), "type"),
    Sample("web.webp", lambda: picture("WEBP"), "type"),
    Sample("page.png", lambda: b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>", "damaged"),
    Sample("cut.png", lambda: picture("PNG", mode="L")[:-400] or b"", "damaged"),
    Sample("cut.jpg", lambda: phone_photo()[:6000], "damaged"),
    Sample("large.png", lambda: pixel_flood(9_000, 9_000), "pixels"),
    Sample("flood.png", lambda: pixel_flood(100_000, 100_000), "pixels"),
    Sample("prefixed.pdf", lambda: b"junk " + one_page(), "type"),
    Sample("head only.pdf", lambda: PDF_HEAD, "damaged"),
    Sample("cut.pdf", lambda: pages(12)[:-300], "damaged"),
    Sample("cut after update.pdf", lambda: one_page() + b"4 0 obj\n<< /Type", "damaged"),
    Sample("noise.pdf", lambda: PDF_HEAD + b"no objects at all\n%%EOF\n", "damaged"),
    Sample(
        "no pages.pdf",
        lambda: raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] >>"]),
        "damaged",
    ),
    Sample("table loop.pdf", table_loop, "damaged"),
    Sample("tree loop.pdf", page_tree_loop, "damaged"),
    Sample("deep.pdf", deep_brackets, "damaged"),
    Sample("and page.pdf", lambda: one_page() + b"<html><script>alert(1)</script></html>", "mixed"),
    Sample("and archive.pdf", lambda: one_page() + zip_file(), "mixed"),
    Sample("is archive.pdf", pdf_in_zip_comment, "mixed"),
    Sample(
        "in page.pdf", lambda: b"%PDF-1.7\n%<html><script>alert(1)</script>\n" + one_page()[len(PDF_HEAD) :], "mixed"
    ),
    Sample("locked.pdf", encrypted, "encrypted"),
    Sample("owner locked.pdf", lambda: encrypted(owner_only=True), "encrypted"),
    Sample(
        "javascript.pdf", lambda: one_page(b"/Names << /JavaScript << /Names [(a) 4 0 R] >> >>", b"", SCRIPT), "script"
    ),
    Sample("on opening script.pdf", lambda: one_page(b"/OpenAction 4 0 R", b"", SCRIPT), "script"),
    Sample("spelt.pdf", lambda: one_page(b"/Names << /J#61vaScript 3 0 R >>"), "script"),
    Sample("packed.pdf", lambda: hidden_in_object_stream(SCRIPT), "script"),
    Sample("orphan.pdf", lambda: one_page(b"", b"", SCRIPT), "script"),
    Sample("launch.pdf", lambda: one_page(b"", b"/Annots [<< /A << /S /Launch /F (cmd.exe) >> >>]"), "action"),
    Sample("by reference.pdf", lambda: one_page(b"", b"/Annots [<< /A << /S 4 0 R >> >>]", b"/Launch"), "action"),
    Sample("on opening.pdf", lambda: one_page(b"/OpenAction << /S /URI /URI (http://evil) >>"), "action"),
    Sample("automatic.pdf", lambda: one_page(b"", b"/AA << /O << /S /Named /N /Print >> >>"), "action"),
    Sample("attachment.pdf", with_attachment, "attachment"),
    Sample("pinned.pdf", lambda: one_page(b"", b"/Annots [<< /Subtype /FileAttachment >>]"), "attachment"),
    Sample("form.pdf", lambda: one_page(b"/AcroForm << /XFA [] >>"), "xfa"),
    Sample("201.pdf", lambda: pages(201), "pages"),
    Sample("ten thousand.pdf", lambda: pages(10_000), "pages"),
    Sample("crowd.pdf", lambda: one_page(b"", b"", *[b"null"] * 60_000), "complex"),
    Sample("bomb.pdf", unpacking_bomb, "complex"),
    Sample("missing.pdf", missing_objects, "complex"),
]

NAMES = {
    "../../x.pdf": "x.pdf",
    r"C:\Users\me\scan.pdf": "scan.pdf",
    "x.pdf.exe": "x.pdf",
    "x.pdf%00.html": "x.pdf_00.pdf",
    "a\r\nSet-Cookie: b.pdf": "aSet-Cookie_ b.pdf",
    'say "hello".pdf': "say _hello_.pdf",
    "\u202egpj.exe": "gpj.pdf",
    "شهادة الخبرة.pdf": "شهادة الخبرة.pdf",
    "CON.pdf": "_CON.pdf",
    "lpt1": "_lpt1.pdf",
    "": "file.pdf",
    "...": "file.pdf",
    "x.pdf\0.exe": "x.pdf",
    "\ud800x.pdf": "x.pdf",
}
