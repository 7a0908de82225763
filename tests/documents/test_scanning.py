"""The virus scanner's dialogue, against a server that speaks it (RELIABILITY, bad input 52)."""

import io
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from documents import scanning
from documents.models import Scan
from tests.bad_files import EICAR, one_page


class Clamd(socketserver.StreamRequestHandler):
    """Reads one INSTREAM dialogue as clamd does and finds EICAR; `server.answer` replaces its verdict."""

    def handle(self) -> None:
        assert self.rfile.read(10) == b"zINSTREAM\0"
        content = b""
        while length := struct.unpack(">I", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
        self.server.seen = content
        verdict = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
        self.wfile.write(verdict if self.server.answer is None else self.server.answer)


def running(server: socketserver.BaseServer) -> Iterator[socketserver.BaseServer]:
    server.answer = None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def clamd(settings) -> Iterator[socketserver.BaseServer]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Clamd)
    settings.CLAMD_URL = f"tcp://127.0.0.1:{server.server_address[1]}"
    yield from running(server)


@pytest.fixture
def local_clamd(settings, tmp_path: Path) -> Iterator[socketserver.BaseServer]:
    server = socketserver.ThreadingUnixStreamServer(str(tmp_path / "c"), Clamd)
    settings.CLAMD_URL = f"unix://{tmp_path / 'c'}"
    yield from running(server)


def verdict(content: bytes) -> Scan:
    file = io.BytesIO(content)
    file.seek(3)
    found = scanning.scan(file)
    assert file.tell() == 0
    return found


@pytest.mark.req("DOC-1")
def test_a_clean_file_is_clean(clamd):
    content = one_page() * 1000  # several chunks
    assert verdict(content) == Scan.CLEAN
    assert clamd.seen == content


@pytest.mark.req("DOC-1")
def test_the_test_virus_is_found(clamd):
    assert verdict(b"x" * scanning.CHUNK + EICAR) == Scan.INFECTED


def test_a_scanner_on_this_machine_is_asked_through_its_socket(local_clamd):
    assert verdict(one_page()) == Scan.CLEAN
    assert verdict(EICAR) == Scan.INFECTED


def test_without_a_scanner_nothing_is_clean(settings):
    settings.CLAMD_URL = ""
    assert scanning.scan(io.BytesIO(EICAR)) == Scan.UNSCANNED


@pytest.mark.req("DOC-1")
@pytest.mark.parametrize(
    "answer",
    [
        b"INSTREAM size limit exceeded. ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"",
        b"stream: O",
        b"OK\0",
        b"stream: lots of words, OK\0",
        b"\xff\xfe\0",
        b"x" * 10_000,
    ],
)
def test_an_answer_that_is_no_verdict_is_never_clean(clamd, answer):
    clamd.answer = answer
    assert verdict(one_page()) == Scan.PENDING


def test_a_scanner_that_is_down_is_asked_later(settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        settings.CLAMD_URL = f"tcp://127.0.0.1:{gone.getsockname()[1]}"
    assert verdict(one_page()) == Scan.PENDING
    settings.CLAMD_URL = f"unix://{tmp_path}/nobody"
    assert verdict(one_page()) == Scan.PENDING


def test_a_scanner_that_keeps_silent_is_asked_later(settings, monkeypatch):
    monkeypatch.setattr(scanning, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.CLAMD_URL = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert verdict(one_page()) == Scan.PENDING
