"""The clock of a case at the desk: who finds it, what they can do, and what a refusal leaves as it was (DLN-5, STF-1)."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import User
from applications import admin as applications_admin
from applications import deadlines
from applications.models import ClockChange, Deadline
from mumaris.kit import alarms
from mumaris.kit.models import Alarm, Holiday
from tests.applications.waits import waiting
from tests.fingerprint import unchanged
from tests.people import NOON, Office, make_staff, make_user, pay

pytestmark = pytest.mark.django_db
CLERKS = ["reviewer", "approver", "finance officer"]
WHY = {"reason": "The ministry answers late."}


@pytest.fixture(autouse=True)
def _ten_days_later(monkeypatch):
    monkeypatch.setattr(applications_admin, "clock_now", lambda: NOON + timedelta(days=10))


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def case(office):
    return waiting("service_fee", office)


def at(case, name: str = "") -> str:
    if name:
        return reverse("admin:applications_application_change_clock", args=[case.pk, name])
    return reverse("admin:applications_application_clock", args=[case.pk])


def review(case) -> str:
    return reverse("admin:applications_application_change", args=[case.pk])


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize("role", CLERKS)
def test_a_clerk_pauses_resumes_and_extends(client, case, role):
    client.force_login(make_staff(role))
    assert at(case) in client.get(review(case)).content.decode()
    for name, typed in (("pause", WHY), ("resume", WHY), ("extend", WHY | {"days": "٧"})):
        assert client.post(at(case, name), typed).url == at(case), name
    page = client.get(at(case)).content.decode()
    assert page.count("The ministry answers late.") == 3
    assert Deadline.objects.get(application=case).extended_days == 7
    assert "can be extended once only" in page


@pytest.mark.req("STF-1")
def test_nobody_else_finds_it(client, office, case):
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    others = [make_staff(role) for role in ("auditor", "register officer", "exam officer", "administrator")]
    for user in [*others, make_user("Nobody", staff=True), User.objects.get(pk=root.pk)]:
        client.force_login(user)
        with unchanged():
            if not user.is_superuser:  # who may look at everything, and decide nothing
                assert client.get(at(case)).status_code == 403, user
                assert at(case) not in client.get(review(case)).content.decode()
            for name in ("pause", "resume", "extend"):
                assert client.post(at(case, name), WHY | {"days": 5}).status_code == 403, user


@pytest.mark.req("STF-1")
def test_ones_own_case_is_not_there(client, case):
    own = case.practitioner.user
    User.objects.filter(pk=own.pk).update(is_staff=True)
    own.groups.set(make_staff("finance officer").groups.all())
    client.force_login(User.objects.get(pk=own.pk))
    with unchanged():
        assert client.get(at(case)).status_code == 404
        assert client.post(at(case, "pause"), WHY).status_code == 404


@pytest.mark.req("DLN-5")
@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("pause", {"reason": ""}, "This field is required."),
        ("resume", WHY, "The clock does not stand."),
        ("extend", WHY | {"days": "31"}, "It can be extended by 1 to 30 days."),
        ("extend", WHY | {"days": "0"}, "greater than or equal to 1"),
        ("extend", WHY | {"days": "soon"}, "Enter a whole number."),
        ("extend", {"days": "5"}, "This field is required."),
        ("extend", WHY | {"days": "9" * 18}, "less than or equal to 9999"),
    ],
)
def test_a_refusal_says_why_keeps_what_was_typed_and_changes_nothing(client, case, name, typed, said):
    client.force_login(make_staff("finance officer"))
    with unchanged():
        answer = client.post(at(case, name), typed)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in page
    assert "<title>Error:" in page.replace("\n", "")
    for value in filter(None, typed.values()):
        assert value in page


@pytest.mark.req("DLN-5")
def test_other_verbs_and_methods_do_not_exist(client, case):
    client.force_login(make_staff("finance officer"))
    with unchanged():
        assert client.post(at(case, "delete"), WHY).status_code == 404
        assert client.get(at(case, "pause")).status_code == 405
        assert client.post(at(case), WHY).status_code == 405


@pytest.mark.req("DLN-5")
def test_what_an_exemption_paused_cannot_be_let_go_here(client, case):
    deadlines.pause(case.pk, cause="exemption", reason="", by=None, now=NOON)
    client.force_login(make_staff("finance officer"))
    page = client.get(at(case)).content.decode()
    assert "not yours to end" in page
    assert "A request for exemption is being decided" in page
    with unchanged():
        assert "not yours to end" in client.post(at(case, "resume"), WHY).content.decode()


@pytest.mark.req("DLN-5")
def test_the_review_screen_and_the_list_tell_of_it(client, office, case):
    client.force_login(office.reviewer)
    client.post(at(case, "pause"), WHY)
    page = client.get(review(case)).content.decode()
    assert "20 days remain" in page
    assert "The ministry answers late." in page
    assert office.reviewer.name in page
    assert "stands" in client.get(reverse("admin:applications_application_changelist")).content.decode()
    assert ClockChange.objects.get().by == office.reviewer


@pytest.mark.req("DLN-5")
def test_a_case_without_a_clock_says_so(client, office):
    case = pay(waiting("service_fee", office), "service")
    client.force_login(make_staff("finance officer"))
    assert "waits for nothing that has a last day" in client.get(at(case)).content.decode()


# Alarms and holidays


@pytest.mark.req("DLN-2")
def test_an_open_alarm_stands_on_the_first_page_of_who_may_see_it(client):
    alarms.raise_alarm("gateway_away", now=NOON, number=3)
    words = "3 cases past their end wait to be asked about"
    desk, listed = reverse("admin:index"), reverse("admin:kit_alarm_changelist")
    for role in ("auditor", "administrator", "finance officer"):
        client.force_login(make_staff(role))
        assert words in client.get(desk).content.decode(), role
        assert words in client.get(listed).content.decode(), role
        assert words in client.get(reverse("admin:kit_alarm_change", args=[Alarm.objects.get().pk])).content.decode()
        with unchanged():
            assert client.post(reverse("admin:kit_alarm_change", args=[Alarm.objects.get().pk])).status_code == 403
    for role in ("reviewer", "approver", "exam officer"):
        client.force_login(make_staff(role))
        assert words not in client.get(desk).content.decode(), role
        assert client.get(listed).status_code == 403, role
    alarms.clear_alarm("gateway_away", now=NOON)
    client.force_login(make_staff("auditor"))
    assert words not in client.get(desk).content.decode()
    assert words in client.get(f"{listed}?open=0").content.decode()
    assert words not in client.get(f"{listed}?open=1").content.decode()


@pytest.mark.req("REF-1")
def test_an_administrator_enters_and_corrects_holidays(client):
    client.force_login(make_staff("administrator"))
    typed = {"day": "٢٠٢٧-٠٢-٢٢", "name_ar": "يوم التأسيس", "name_en": "Founding Day"}
    assert client.post(reverse("admin:kit_holiday_add"), typed).status_code == 302
    day = Holiday.objects.get()
    assert day.day.isoformat() == "2027-02-22"
    with unchanged():
        for wrong in (
            {},
            {"day": "2027-02-30"},
            {"day": ""},
            {"day": "soon\0"},
            {"name_ar": "\0"},
            {"name_en": "x" * 5000},
        ):
            # the first: the day stands there already
            assert client.post(reverse("admin:kit_holiday_add"), typed | wrong).status_code == 200, wrong
    assert client.post(reverse("admin:kit_holiday_change", args=[day.pk]), typed | {"day": "2027-02-23"}).url
    assert Holiday.objects.get().day.day == 23
    client.force_login(make_staff("reviewer"))
    assert client.get(reverse("admin:kit_holiday_changelist")).status_code == 403
