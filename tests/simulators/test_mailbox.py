"""The demonstration mailbox keeps every message and shows it safely."""

import os
import smtplib
import socket
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

pytest_plugins = ["tests.servers"]

ROOT = Path(__file__).resolve().parents[2]


def send(mailbox, to, subject="Activate your account", text="Hello", html=None, attach=False):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "portal@example.com", to, subject
    message["Message-ID"] = "<one@portal.example>"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    if attach:
        message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="سند.pdf")
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=10) as server:
        server.send_message(message)


def get(mailbox, path, **query):
    return requests.get(mailbox.url + path, query, timeout=10)


def test_messages_are_listed_newest_first_and_by_recipient(mailbox):
    send(mailbox, "Sara@Example.com", subject="الأولى")
    send(mailbox, "ali@example.com", subject="الثانية")
    send(mailbox, "sara@example.com, ali@example.com", subject="الثالثة")
    assert [one["subject"] for one in mailbox.messages()] == ["الثالثة", "الثانية", "الأولى"]
    assert [one["subject"] for one in mailbox.messages("SARA@example.com")] == ["الثالثة", "الأولى"]
    page = get(mailbox, "/", to="sara@example.com").text
    assert page.index("الثالثة") < page.index("الأولى")
    assert "الثانية" not in page
    assert "ali@example.com (2)" in page


def test_a_message_is_given_whole_as_json(mailbox):
    send(mailbox, "sara@example.com", text="Line one\nLine two\n", html="<p>Line</p>", attach=True)
    (one,) = mailbox.messages("sara@example.com")
    assert (one["to"], one["from"]) == (["sara@example.com"], "portal@example.com")
    assert one["text"].splitlines() == ["Line one", "Line two"]
    assert one["html"].strip() == "<p>Line</p>"
    assert one["message_id"] == "<one@portal.example>"
    assert one["attachments"] == ["سند.pdf"]
    assert get(mailbox, "/messages.json", to="sara@example.com", limit="0x").json()["messages"] == [one]


def test_links_of_the_text_can_be_followed_and_html_is_shown_as_text(mailbox):
    link = "http://portal.example/activate/MQ:1a-b_c/?next=%2Fhome&a=1"
    send(mailbox, "sara@example.com", text=f"Open {link}\n<b>now</b>", html="<script>alert(1)</script>")
    (one,) = mailbox.messages()
    page = get(mailbox, f"/messages/{one['id']}")
    assert f'href="{link.replace("&", "&amp;")}"' in page.text
    assert "&lt;b&gt;now&lt;/b&gt;" in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_pages_are_arabic_first_and_english_on_demand(mailbox):
    send(mailbox, "sara@example.com")
    (one,) = mailbox.messages()
    for path in ("/", f"/messages/{one['id']}", "/messages/999", "/nowhere"):
        arabic, english = get(mailbox, path).text, get(mailbox, path, lang="en").text
        assert '<html lang="ar" dir="rtl">' in arabic
        assert '<html lang="en" dir="ltr">' in english


def test_an_empty_mailbox_says_what_will_be_here(mailbox):
    assert "No messages yet" in get(mailbox, "/", lang="en").text


def test_older_messages_are_a_page_away(mailbox):
    for number in range(51):
        mailbox.letters.keep("portal@example.com", ["sara@example.com"], f"Subject: letter {number}.\n\nHi".encode())
    first = get(mailbox, "/", lang="en").text
    assert "letter 50." in first
    assert "letter 0." not in first
    oldest_shown = mailbox.messages()[49]["id"]
    assert f"before={oldest_shown}" in first
    assert "letter 0." in get(mailbox, "/", lang="en", before=str(oldest_shown)).text


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xfe\x00", b"Content-Type: text/plain; charset=nonsense\n\n\xd8\xa7", b"Subject: =?utf-8?b?%%%?=\n\nx"],
    ids=["empty", "noise", "unknown charset", "broken subject"],
)
def test_a_broken_message_breaks_no_page(mailbox, raw):
    mailbox.letters.keep("portal@example.com", ["sara@example.com"], raw)
    (one,) = mailbox.messages()
    assert get(mailbox, "/").status_code == 200
    assert get(mailbox, f"/messages/{one['id']}").status_code == 200


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return trial.getsockname()[1]


def test_it_starts_only_in_the_demonstration():
    environ = {name: value for name, value in os.environ.items() if name != "PORTAL_DEMO"}
    command = [sys.executable, "-m", "simulators.mailbox"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "starts only with PORTAL_DEMO=1" in done.stderr


def test_it_keeps_its_messages_over_a_restart(tmp_path):
    port = free_port()
    environ = {
        "PATH": "/usr/bin:/bin",
        "PORTAL_DEMO": "1",
        "MAILBOX_STORE": str(tmp_path / "mail.sqlite3"),
        "MAILBOX_PORT": "0",
        "SMTP_PORT": str(port),
    }
    subjects = []
    for number in range(2):
        command = [sys.executable, "-m", "simulators.mailbox"]
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
        try:
            url = process.stdout.readline().split()[2]
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
                server.sendmail("portal@example.com", ["sara@example.com"], f"Subject: {number}\n\nHi")
            subjects = [one["subject"] for one in requests.get(f"{url}/messages.json", timeout=10).json()["messages"]]
            process.terminate()
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
            process.stdout.close()
    assert subjects == ["1", "0"]
