"""An alarm at the desk: it ends by itself, or when somebody with the right says how it was dealt with."""

import pytest
from django.urls import reverse

from mumaris.kit import alarms
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import Alarm
from tests.fingerprint import unchanged
from tests.people import NOON, make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.req("STF-2")]


@pytest.fixture(autouse=True)
def english(client):
    client.cookies["django_language"] = "en"


@pytest.fixture
def alarm():
    alarms.raise_alarm("gateway_away", now=NOON, number=3)
    return Alarm.objects.get()


def at(name: str, alarm: Alarm) -> str:
    return reverse(f"admin:kit_alarm_{name}", args=[alarm.pk])


def test_whoever_dealt_with_it_says_how_and_it_may_come_again(client, alarm):
    officer = make_staff("finance officer")
    client.force_login(officer)
    assert at("settle", alarm) in client.get(at("change", alarm)).content.decode()
    client.post(at("settle", alarm), {"reason": "The gateway was called."})
    alarm.refresh_from_db()
    assert (alarm.cleared_by, alarm.reason) == (officer.email, "The gateway was called.")
    assert at("settle", alarm) not in client.get(at("change", alarm)).content.decode()
    alarms.raise_alarm("gateway_away", now=NOON, number=1)
    assert Alarm.objects.filter(cleared_at=None).count() == 1


@pytest.mark.parametrize(
    ("reason", "said"),
    [("", "Write the reason."), ("  ", "Write the reason."), ("x" * 301, "at most 300 characters")],
)
def test_a_reason_is_asked_for_at_its_field(client, alarm, reason, said):
    client.force_login(make_staff("finance officer"))
    with unchanged():
        answer = client.post(at("settle", alarm), {"reason": reason})
    page = answer.content.decode()
    assert said in page
    assert 'href="#id_reason"' in page
    assert 'aria-describedby="id_reason_error"' in page
    assert "<title>Error:" in page.replace("\n", "")
    assert reason in page


def test_a_second_click_says_that_it_is_over(client, alarm):
    client.force_login(make_staff("finance officer"))
    for _click in range(2):
        answer = client.post(at("settle", alarm), {"reason": "The gateway was called."}, follow=True)
    assert "This alarm is over already." in answer.content.decode()


@pytest.mark.parametrize("who", ["auditor", "superuser"])
def test_who_only_looks_ends_nothing(client, alarm, who):
    user = make_user("Root", staff=True) if who == "superuser" else make_staff(who)
    user.is_superuser = who == "superuser"
    user.save()
    client.force_login(user)
    with unchanged():
        assert at("settle", alarm) not in client.get(at("change", alarm)).content.decode()
        assert client.post(at("settle", alarm), {"reason": "Why"}).status_code == 403
        with pytest.raises(NotAllowed):
            alarms.settle(alarm.pk, reason="Why", by=user, now=NOON)


def test_it_ends_once(alarm):
    officer = make_staff("finance officer")
    alarms.settle(alarm.pk, reason="Done", by=officer, now=NOON)
    with unchanged(), pytest.raises(NotAllowed, match="over already"):
        alarms.settle(alarm.pk, reason="Again", by=officer, now=NOON)
