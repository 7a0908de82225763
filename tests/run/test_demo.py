"""The demo's secrets and addresses."""

import stat

import pytest
from cryptography.fernet import Fernet
from django.urls import reverse

from deploy import demo


def test_secrets_are_made_once_and_only_their_owner_may_read_them(tmp_path):
    path = tmp_path / "demo.env"
    first = demo.keep_secrets(path)
    assert demo.keep_secrets(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first["MOYASAR_SECRET_KEY"].startswith("sk_test_")


def test_a_secret_that_came_later_is_added_and_the_others_stay(tmp_path):
    path = tmp_path / "demo.env"
    first = demo.keep_secrets(path)
    path.write_text("".join(f"{name}={value}\n" for name, value in first.items() if name != "IDENTITY_KEYS"))
    second = demo.keep_secrets(path)
    assert second["IDENTITY_KEYS"] != first["IDENTITY_KEYS"]
    assert second | {"IDENTITY_KEYS": ""} == first | {"IDENTITY_KEYS": ""}


def test_identity_keys_are_a_pepper_and_a_key_that_encrypts():
    pepper, key = demo.new_secrets()["IDENTITY_KEYS"].split(":")
    assert len(bytes.fromhex(pepper)) == 32
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"1000000008")) == b"1000000008"


def test_the_simulators_follow_the_chosen_port():
    assert demo.Ports.chosen({"PORT": "9000"}) == demo.Ports("127.0.0.1", 9000, 9001, 9002, 9003, 9004)
    assert demo.Ports.chosen({"PORT": "9000", "SMTP_PORT": "2525"}).smtp == 2525


@pytest.mark.parametrize("said", ["0", "65536", "eighty", "-1", "٨٠٠٠"])
def test_a_port_that_is_none_is_refused(said):
    with pytest.raises(ValueError, match="is no port"):
        demo.Ports.chosen({"PORT": said})


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")],
)
def test_the_address_shown_is_one_that_a_browser_opens(host, address):
    ports = demo.Ports.chosen({"HOST": host})
    assert ports.url(ports.web) == address


def test_what_the_environment_names_is_kept(tmp_path):
    named = {
        "DATABASE_URL": "postgres://elsewhere/portal",
        "REDIS_URL": "redis://elsewhere",
        "EMAIL_URL": "smtp://elsewhere",
    }
    around = demo.environment(tmp_path, demo.Ports.chosen({}), named)
    assert around.items() >= named.items()
    assert around["PORTAL_DEMO"] == "1"
    assert around["GATEWAY_STORE"] == str(tmp_path / "gateway.sqlite3")


def test_people_on_other_machines_are_led_to_the_simulators_by_the_portals_own_host(tmp_path):
    named = {"DATABASE_URL": "postgres://x", "REDIS_URL": "redis://x", "PORTAL_URL": "http://192.168.1.5:8000"}
    around = demo.environment(tmp_path, demo.Ports.chosen({"HOST": "0.0.0.0"}), named)
    assert around["GATEWAY_SIMULATOR_URL"] == "http://192.168.1.5:8003"
    assert around["MAILBOX_URL"] == "http://192.168.1.5:8001"
    assert around["MOYASAR_URL"] == "http://127.0.0.1:8003/v1"


def test_the_simulated_gateway_knocks_where_the_portal_listens():
    assert reverse("payment_notifications") == demo.WEBHOOK
