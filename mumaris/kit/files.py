"""Private files: kept outside the web root under random keys, and handed out only by a view that checked the right."""

import logging
import os
import re
import unicodedata
import uuid
from pathlib import Path
from shutil import copyfileobj
from typing import IO

from django.conf import settings
from django.http import FileResponse, Http404

logger = logging.getLogger(__name__)

# What a browser may show itself; everything else is only ever saved.
SHOWN_INLINE = frozenset({"application/pdf", "image/jpeg", "image/png"})
ENDINGS = {"application/pdf": (".pdf",), "image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",)}

# 120 Arabic letters are 240 bytes: within the 255 that file systems take.
LONGEST_NAME = 120
_FORBIDDEN = re.compile(r'[<>:"/\\|?*%;]')
_DOS_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_ENDING = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,5}$")


def keep(content: IO[bytes]) -> uuid.UUID:
    """Store everything that can still be read from `content` and return its new random key.

    The file is there whole or not at all, and on the disk when this returns; only the portal's own user may read it.
    Raises OSError when it can't be kept (disk full, folder not writable); then nothing is left behind.
    """
    key = uuid.uuid4()
    place = _place(key)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = place.with_suffix(".part")
    try:
        with open(unfinished, "xb", opener=_private) as file:
            copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(place)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key


def read(key: uuid.UUID | str) -> IO[bytes]:
    """The stored file, open for reading; FileNotFoundError when there is none."""
    return open(_place(key), "rb")


def discard(key: uuid.UUID | str) -> None:
    """Remove the stored file; nothing happens when it is gone already."""
    _place(key).unlink(missing_ok=True)


def serve(key: uuid.UUID | str, name: str, media_type: str, inline: bool = False) -> FileResponse:
    """The stored file as a response that no cache keeps and that runs nothing in our name (DOC-1).

    The caller has checked that the reader may see it. `inline` shows a PDF or picture in the browser instead of saving
    it. Raises Http404 when the file is missing, and logs it: that is the operator's to repair.
    """
    try:
        content = read(key)
    except FileNotFoundError:
        logger.error("stored file %s is missing", key)
        raise Http404 from None
    inline = inline and media_type in SHOWN_INLINE
    response = FileResponse(
        content, content_type=media_type, as_attachment=not inline, filename=safe_name(name, media_type)
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'self'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response


def safe_name(name: str, media_type: str = "") -> str:
    """A file name to show and to save under: no path, no invisible or reserved characters, at most 120 characters.

    With a `media_type` it ends as that type does, whatever it claimed to be: `scan.pdf.exe` becomes `scan.pdf`.
    """
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(char for char in unicodedata.normalize("NFC", last) if unicodedata.category(char)[0] != "C")
    stem, ending = _split(_FORBIDDEN.sub("_", " ".join(seen.split())).strip(" ."))
    own = ENDINGS.get(media_type, (ending.lower(),))
    if ending.lower() not in own:
        stem, ending = stem.removesuffix(own[0]), own[0]
    if _DOS_DEVICE.match(stem):
        stem = f"_{stem}"
    return (stem[: LONGEST_NAME - len(ending)].strip(" .") or "file") + ending


def _split(name: str) -> tuple[str, str]:
    found = _ENDING.search(name)
    return (name[: found.start()], found[0]) if found else (name, "")


def _place(key: uuid.UUID | str) -> Path:
    """Where the file of `key` lies: 256 folders, so that none grows without end."""
    name = str(uuid.UUID(str(key)))
    return Path(settings.STORAGE_DIR) / name[:2] / name


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
