"""`./portal run`: what it refuses, what it starts again, what it leaves behind."""

import socket
import time
from collections import namedtuple

import pytest

from deploy import demo, embedded, supervisor

NAMED = {"DATABASE_URL": "postgres://elsewhere/portal", "REDIS_URL": "redis://elsewhere"}


@pytest.fixture
def ports():
    return demo.Ports("127.0.0.1", *supervisor._free_ports(5))


@pytest.fixture
def house(tmp_path, ports):
    """A house without rooms, whose servers are somebody else's."""
    house = supervisor.House(tmp_path, ports, NAMED)
    house.logs.mkdir()
    house.environ = {}
    yield house
    house.close()


def opening(home, ports, **environ):
    """The one line with which opening is refused; nothing may have been started by then."""
    house = supervisor.House(home, ports, environ)
    with pytest.raises((supervisor.Refused, embedded.NotStarted)) as refusal:
        house.open(people=False)
    assert house.children == []
    assert not (home / demo.SERVERS).exists()
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("name", ["PORT", "MAILBOX_PORT", "SMTP_PORT", "GATEWAY_PORT"])
def test_a_taken_port_is_named_with_the_variable_that_chooses_another(name, tmp_path, ports):
    field = {"PORT": "web"}.get(name, name.removesuffix("_PORT").lower())
    with socket.create_server(("127.0.0.1", getattr(ports, field))) as taken:
        said = opening(tmp_path, ports)
        assert f"port {taken.getsockname()[1]} on 127.0.0.1 is taken" in said
        assert f"{name}=" in said


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "EMAIL_URL"])
def test_a_named_server_that_is_away_stops_the_start_without_telling_its_password(name, tmp_path, ports):
    scheme = {"DATABASE_URL": "postgres", "REDIS_URL": "redis", "EMAIL_URL": "smtp"}[name]
    with socket.create_server(("127.0.0.1", 0)) as was_there:
        port = was_there.getsockname()[1]
    said = opening(tmp_path, ports, **{name: f"{scheme}://someone:secret@127.0.0.1:{port}"})
    assert f"{name} names 127.0.0.1:{port}" in said
    assert f"correct {name}" in said
    assert "secret" not in said


def test_a_full_disk_stops_the_start(tmp_path, ports, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(supervisor.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5 * 2**20))
    assert "The disk is full: 5 MB are free" in opening(tmp_path, ports)


def test_the_same_data_is_opened_once(tmp_path):
    refusal = pytest.raises(supervisor.Refused, match=r"already runs on this data: http://127.0.0.1:8000")
    with supervisor._only_one(tmp_path, "http://127.0.0.1:8000"), refusal:
        supervisor._only_one(tmp_path, "http://127.0.0.1:9000")
    supervisor._only_one(tmp_path, "http://127.0.0.1:9000").close()


def test_a_child_that_dies_is_started_again_and_its_error_shown(house, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0)
    dies_once = "import pathlib, sys, time; p = pathlib.Path(sys.argv[1]); seen = p.exists(); p.touch()\n"
    dies_once += "if not seen: sys.exit('the queue is gone')\npathlib.Path(sys.argv[1] + '2').touch(); time.sleep(60)"
    marker = tmp_path / "seen"
    child = house.start("worker", "-c", dies_once, str(marker))
    house.watch(until=(tmp_path / "seen2").exists)
    assert not child.ended
    said = capsys.readouterr().out
    assert "worker ended (exit 1)" in said
    assert "the queue is gone" in said
    assert said.count("started again") == 1


def test_closing_ends_even_a_child_that_does_not_listen(house, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LEAVE_SECONDS", 0.3)
    deaf = "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    deaf += "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    child = house.start("deaf", "-c", deaf, str(tmp_path / "ready"))
    house.watch(until=(tmp_path / "ready").exists)
    start = time.monotonic()
    house.close()
    assert child.process.wait(1) == -9
    assert time.monotonic() - start < 2
