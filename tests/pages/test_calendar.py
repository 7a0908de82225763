"""The private calendar: every date that binds a person, in their language, behind a link that they can renew (DLN-4)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from icalendar import Calendar

from accounts import calendar_link
from accounts.models import User
from applications import deadlines
from mumaris.kit.models import PolicyValue
from tests.applications.waits import KINDS, waiting
from tests.fingerprint import unchanged
from tests.people import NOON, Office, make_practitioner, make_staff, make_user, registered

pytestmark = pytest.mark.django_db
DUE = date(2026, 12, 22)


@pytest.fixture
def office():
    return Office()


def address(user: User) -> str:
    return f"/calendar/{calendar_link.token(user)}.ics"


def feed(user: User) -> Calendar:
    answer = Client().get(address(user))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in answer.headers["Cache-Control"]
    return Calendar.from_ical(answer.content)


def events(user: User) -> dict[str, tuple[date, str]]:
    return {
        str(one["uid"]).partition("@")[0]: (one.decoded("dtstart"), str(one["summary"]))
        for one in feed(user).walk("VEVENT")
    }


@pytest.mark.req("DLN-4")
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_day_of_what_an_application_waits_for(office, kind):
    case = waiting(kind, office)
    day, title = events(case.practitioner.user)[f"deadline-{case.reference}"]
    assert day == case.deadline.due_on
    assert title.endswith(": Professional classification")


@pytest.mark.req("DLN-4")
def test_what_runs_out_stands_there_too(office):
    person = registered(office)
    found = events(person.user)
    period = person.registrations.get().periods.get()
    assert found[f"registration-{person.registrations.get().number}"][0] == period.last_day
    classification = person.classifications.get()
    assert found[f"classification-{classification.number}"][0] == classification.usable_until
    identity = person.identities.get()
    assert found[f"identity-{identity.pk}"] == (identity.expires_on, "National ID expires")
    assert len(found) == 3


@pytest.mark.req("DLN-4")
def test_events_are_whole_days_that_can_be_told_apart(office):
    case = waiting("return", office)
    for one in feed(case.practitioner.user).walk("VEVENT"):
        begins, ends = one.decoded("dtstart"), one.decoded("dtend")
        assert not isinstance(begins, datetime)
        assert ends - begins == timedelta(days=1)
        assert one["dtstart"].params["VALUE"] == "DATE"
        assert one.decoded("dtstamp").tzinfo is not None
        assert one.decoded("dtstamp") <= datetime.now(UTC) + timedelta(minutes=1)
        assert str(one["url"]).startswith("http")
        assert one["transp"] == "TRANSPARENT"


@pytest.mark.req("DLN-4")
def test_a_moved_day_moves_the_same_event_and_a_standing_clock_has_none(office):
    case, clerk = waiting("service_fee", office), make_staff("finance officer")
    user, key = case.practitioner.user, f"deadline-{case.reference}"
    assert events(user)[key][0] == DUE
    deadlines.extend(case.pk, days=10, reason="Why", by=clerk, now=NOON)
    assert events(user)[key][0] == DUE + timedelta(days=10)
    deadlines.pause(case.pk, cause="staff", reason="Why", by=clerk, now=NOON)
    assert key not in events(user)


@pytest.mark.req("DLN-5")
def test_the_silent_grace_stands_in_no_calendar(office):
    PolicyValue.objects.create(key="payment.grace_days", value=5, effective_from=date(2026, 1, 1), source="a test")
    case = waiting("service_fee", office)
    assert events(case.practitioner.user)[f"deadline-{case.reference}"][0] == DUE


@pytest.mark.req("DLN-4")
def test_it_speaks_the_persons_language(office):
    user = waiting("service_fee", office).practitioner.user
    english = Client(headers={"accept-language": "ar"}).get(address(user))
    assert english.headers["Content-Language"] == "en"
    User.objects.filter(pk=user.pk).update(language="ar")
    arabic = Client(headers={"accept-language": "en"}).get(address(user))
    assert arabic.headers["Content-Language"] == "ar"
    assert "هوية" in arabic.content.decode()
    assert "National ID" not in arabic.content.decode()


@pytest.mark.req("DLN-4")
def test_only_ones_own_dates(office):
    one, other = waiting("service_fee", office), waiting("service_fee", office)
    assert f"deadline-{other.reference}" not in events(one.practitioner.user)


@pytest.mark.req("DLN-4")
def test_who_has_no_data_yet_has_an_empty_calendar():
    assert events(make_user()) == {}


@pytest.mark.req("DLN-4")
@pytest.mark.parametrize(
    "asked", ["NOTOKEN", "1-AAAAAAAAAAAAAAAAAAAAAAAAAA", "٣-A", f"{'9' * 18}-{'A' * 26}", f"{'9' * 40}-{'A' * 26}"]
)
def test_an_invented_link_opens_nothing(asked):
    make_practitioner()
    assert Client().get(f"/calendar/{asked}.ics").status_code == 404


@pytest.mark.req("DLN-4")
def test_a_guess_for_somebody_else_opens_nothing():
    one, other = make_user(), make_user()
    secret = calendar_link.token(one).partition("-")[2]
    assert Client().get(f"/calendar/{other.pk}-{secret}.ics").status_code == 404


@pytest.mark.req("DLN-4")
def test_a_renewed_link_kills_the_old_one_at_once():
    user, bystander = make_practitioner().user, make_practitioner().user
    old, theirs = address(user), address(bystander)
    client = Client()
    client.force_login(user)
    assert old in client.get("/account/").content.decode()
    with unchanged():
        assert client.get("/account/calendar/renew/").status_code == 405
    assert client.post("/account/calendar/renew/").url == "/account/"
    assert Client().get(old).status_code == 404
    new = address(User.objects.get(pk=user.pk))
    assert Client().get(new).status_code == 200
    assert new in client.get("/account/").content.decode()
    assert Client().get(theirs).status_code == 200


@pytest.mark.req("DLN-4")
def test_who_may_not_sign_in_has_no_calendar():
    user = make_practitioner().user
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Client().get(address(user)).status_code == 404


@pytest.mark.req("DLN-4")
def test_reading_it_changes_nothing(office):
    user = waiting("service_fee", office).practitioner.user
    with unchanged():
        assert Client().get(address(user)).status_code == 200
        assert Client().head(address(user)).status_code == 200


@pytest.mark.req("DLN-4")
def test_it_costs_as_much_for_many_dates_as_for_few(office, django_assert_max_num_queries):
    person = registered(office)
    with django_assert_max_num_queries(8):
        feed(person.user)
