"""The servers that the portal brings along."""

import os
import signal
import subprocess
import sys

import psycopg2
import pytest
import redis

from deploy import demo, embedded

HOME = demo.VAR / "embedded-test" / "خوادم التجربة"  # spaces, Arabic letters and a long path: all must do


def ask(urls):
    """What both servers say of themselves, read through the two addresses as libraries read them."""
    with psycopg2.connect(urls["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute("SELECT similarity('ممارس صحي', 'ممارس') > 0.5, current_setting('server_version_num')::int")
        knows_arabic, version = cursor.fetchone()
    broker = redis.Redis.from_url(urls["REDIS_URL"].replace("redis+socket://", "unix://"))
    return knows_arabic, version, broker


@pytest.fixture
def urls():
    urls = embedded.ensure(HOME, fast=True, environ={})
    with psycopg2.connect(urls["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    return urls


def test_both_answer_and_the_database_knows_arabic_letters(urls):
    knows_arabic, version, broker = ask(urls)
    assert knows_arabic
    assert version >= 180000
    assert broker.ping()


def test_two_processes_share_the_same_servers(urls):
    other = "import sys; from deploy import embedded; print(embedded.ensure(sys.argv[1], True, {})['DATABASE_URL'])"
    said = subprocess.run(
        [sys.executable, "-c", other, HOME], cwd=demo.ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == urls["DATABASE_URL"]


def test_a_killed_server_is_started_again(urls):
    _, _, broker = ask(urls)
    killed = broker.info("server")["process_id"]
    os.kill(killed, signal.SIGKILL)
    again = embedded.ensure(HOME, fast=True, environ={})
    _, _, broker = ask(again)
    assert again == urls
    assert broker.info("server")["process_id"] != killed


def test_servers_that_the_environment_names_are_left_alone(tmp_path):
    named = {"DATABASE_URL": "postgres://elsewhere/portal", "REDIS_URL": "redis://elsewhere"}
    assert embedded.ensure(tmp_path / "home", environ=named) == named
    assert not (tmp_path / "home").exists()


def test_data_of_another_user_is_refused_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "valkey" / "data").mkdir(parents=True)
    nobody = embedded.pwd.getpwnam("nobody").pw_uid
    monkeypatch.setattr(embedded.os, "geteuid", lambda: nobody)
    with pytest.raises(embedded.NotStarted, match=r"belongs to the user \w+, not to nobody.*chown -R nobody"):
        embedded.ensure(tmp_path, environ={"DATABASE_URL": "postgres://elsewhere/portal"})


def test_a_full_disk_is_called_by_its_name(tmp_path):
    server = embedded.Valkey(tmp_path, fast=True)
    server.log.write_text("initdb: creating files\nfatal: could not write file: No space left on device\n")
    assert "the disk is full" in str(server.failure())
    server.log.write_text("Fatal error, can't open config file\n")
    assert "can't open config file" in str(server.failure())


def test_a_wrong_folder_of_binaries_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PORTAL_PG_BIN", str(tmp_path))
    with pytest.raises(embedded.NotStarted, match="PORTAL_PG_BIN"):
        embedded.ensure(tmp_path / "home", environ={"REDIS_URL": "redis://elsewhere"})
