"""Virus scan by a clamd server, when one is configured (DOC-1).

CLAMD_URL names it: tcp://host:3310 or unix:///run/clamav/clamd.ctl. Unset, nothing is ever called clean.
"""

import logging
import socket
import struct
from typing import IO
from urllib.parse import urlsplit

from django.conf import settings

from documents.models import Scan

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024
TIMEOUT = 20  # seconds for each single answer


def scan(file: IO[bytes]) -> Scan:
    """CLEAN or INFECTED as clamd says; UNSCANNED when none is configured; PENDING when it gave no verdict.

    PENDING (server down, too large for it, an answer that is none) is to be asked again later. `file` is read from its
    start and left there.
    """
    if not settings.CLAMD_URL:
        return Scan.UNSCANNED
    try:
        answer = _ask(file)
    except OSError as error:
        logger.error("virus scanner gave no answer: %s", error)
        return Scan.PENDING
    finally:
        file.seek(0)
    if answer == "stream: OK":
        return Scan.CLEAN
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        logger.warning("virus scanner: %s", answer)
        return Scan.INFECTED
    logger.error("virus scanner gave no verdict: %r", answer)
    return Scan.PENDING


def _ask(file: IO[bytes]) -> str:
    """clamd's answer to one INSTREAM dialogue: chunks, each after its length in 4 bytes, until a length of zero."""
    file.seek(0)
    with _connect() as connection:
        connection.sendall(b"zINSTREAM\0")
        while chunk := file.read(CHUNK):
            connection.sendall(struct.pack(">I", len(chunk)) + chunk)
        connection.sendall(struct.pack(">I", 0))
        answer = b""
        while not answer.endswith(b"\0") and len(answer) < 4096 and (part := connection.recv(4096)):
            answer += part
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def _connect() -> socket.socket:
    address = urlsplit(settings.CLAMD_URL)
    if address.scheme != "unix":
        return socket.create_connection((address.hostname, address.port or 3310), timeout=TIMEOUT)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT)
    try:
        connection.connect(address.path)
    except OSError:
        connection.close()
        raise
    return connection
