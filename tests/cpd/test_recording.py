"""An officer records hours: what is refused and why, what the practitioner is told, and how a mistake is withdrawn (CPD-3)."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts import notices
from accounts.models import Notice
from cpd import recording
from cpd.models import ActivityType, Hours
from cpd.recording import Award
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from register import issuing
from register.models import Rank, Specialty
from tests.people import NOON, make_practitioner, make_staff
from tests.threads import at_once

pytestmark = pytest.mark.req("CPD-3")
DAY = today(NOON)
YESTERDAY = DAY - timedelta(days=1)
FIRST, LAST = date(2025, 2, 1), date(2027, 1, 31)
FORUM = Award(
    title="Primary care forum, Jeddah",
    type=ActivityType.CONFERENCE,
    provider="Health cluster",
    began_on=YESTERDAY,
    ended_on=DAY,
    hours=Decimal("4.5"),
    activity_number="ACT-55310",
)


@pytest.fixture
def officer(db):
    return make_staff("CPD officer")


@pytest.fixture
def person(db):
    return registered()


def registered():
    person = make_practitioner()
    register(person, FIRST, LAST)
    return person


def register(person, first_day, last_day):
    issuing.register(
        practitioner=person,
        specialty=Specialty.objects.get(code="general-nursing"),
        rank=Rank.objects.get(code="specialist"),
        case=f"PR-{first_day.year}-{person.pk:07d}",
        first_day=first_day,
        last_day=last_day,
        now=NOON,
    )


def refused(person, award, officer, now=NOON):
    """The fields that the reasons are about; and nothing is recorded, nobody told."""
    before = Hours.objects.count(), Notice.objects.count()
    found = list(recording.obstacles(person, award, by=officer, now=now))
    with pytest.raises(NotAllowed) as refusal:
        recording.record(person, award, by=officer, now=now)
    assert list(refusal.value.reasons) == [why for _field, why in found]
    assert (Hours.objects.count(), Notice.objects.count()) == before
    return [field for field, _why in found]


def test_hours_are_recorded_and_the_practitioner_is_told(person, officer):
    award = replace(FORUM, claimed_hours=Decimal(6), reason="The opening is not counted.", case="RR-2026-0000001")
    hours = recording.record(person, award, by=officer, now=NOON)
    hours.refresh_from_db()
    assert (hours.practitioner, hours.recorded_by, hours.recorded_at) == (person, officer, NOON)
    assert (hours.hours, hours.claimed_hours, hours.activity_number) == (Decimal("4.5"), 6, "ACT-55310")
    told = person.user.notices.get(kind="cpd_hours_recorded")
    assert told.reference == "RR-2026-0000001"
    for language, four, six in [("en", "4.5 hours", "6 hours"), ("ar", "4.5 ", "6 ")]:
        subject, body = notices.words(told, language)
        assert "RR-2026-0000001" in subject
        assert FORUM.title in body
        assert award.reason in body
        assert four in body
        assert six in body


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        (["title"], {"title": " "}),
        (["provider"], {"provider": ""}),
        (["hours"], {"hours": Decimal(0)}),
        (["hours"], {"hours": Decimal("-0.5")}),
        (["hours"], {"hours": Decimal("4.4")}),
        (["hours"], {"claimed_hours": Decimal(4)}),
        (["reason"], {"claimed_hours": Decimal(5)}),
        (["ended_on"], {"ended_on": YESTERDAY - timedelta(days=1)}),
        (["ended_on"], {"ended_on": DAY + timedelta(days=1)}),
        (["hours"], {"hours": Decimal("48.5")}),
    ],
)
def test_what_cannot_be_recorded_is_refused_at_its_field(person, officer, fields, facts):
    assert refused(person, replace(FORUM, **facts), officer) == fields


def test_every_reason_is_said_at_once(person):
    wrong = replace(FORUM, provider="", hours=Decimal("700.1"), ended_on=DAY + timedelta(days=1))
    assert refused(person, wrong, person.user) == ["", "provider", "hours", "ended_on", "hours"]


@pytest.mark.parametrize("typed", ["ACT-55310", "ACT55310"])
def test_an_activity_that_counted_is_named_in_the_refusal(person, officer, typed):
    recording.record(person, FORUM, by=officer, now=NOON)
    again = replace(FORUM, activity_number=typed, began_on=DAY, hours=Decimal(1))
    assert refused(person, again, officer) == ["activity_number"]
    [(_field, why)] = recording.obstacles(person, again, by=officer, now=NOON)
    assert FORUM.title in why
    recording.record(registered(), FORUM, by=officer, now=NOON)
    recording.record(person, replace(again, activity_number=""), by=officer, now=NOON)


@pytest.mark.parametrize(
    ("began", "ended", "hours", "fits"),
    [
        (0, 0, "4", True),
        (0, 0, "4.5", False),
        (-1, 0, "28", True),
        (-1, 0, "28.5", False),
        (-2, -1, "24.5", True),
        (-1, -1, "24", True),
    ],
)
def test_a_day_has_24_hours_whatever_the_number_of_activities(person, officer, began, ended, hours, fits):
    recording.record(person, replace(FORUM, began_on=DAY, hours=Decimal(20)), by=officer, now=NOON)
    one_more = Award(
        "Workshop",
        ActivityType.COURSE,
        "College",
        DAY + timedelta(days=began),
        DAY + timedelta(days=ended),
        Decimal(hours),
    )
    if fits:
        recording.record(person, one_more, by=officer, now=NOON)
        assert person.cpd_hours.count() == 2
    else:
        assert refused(person, one_more, officer) == ["hours"]


def test_a_short_activity_inside_a_full_long_one_is_refused(person, officer):
    recording.record(person, replace(FORUM, hours=Decimal(48)), by=officer, now=NOON)
    assert refused(person, replace(FORUM, began_on=DAY, hours=Decimal("0.5"), activity_number=""), officer) == ["hours"]


@pytest.mark.parametrize(
    ("began", "ended", "taken"),
    [
        (FIRST - timedelta(days=1), FIRST - timedelta(days=1), False),
        (FIRST - timedelta(days=1), FIRST, False),
        (FIRST, FIRST, True),
        (LAST, LAST, True),
    ],
)
def test_days_outside_the_current_period_are_refused(person, officer, began, ended, taken):
    award, last_day = replace(FORUM, began_on=began, ended_on=ended), NOON + (LAST - DAY)
    if taken:
        assert recording.record(person, award, by=officer, now=last_day).pk
    else:
        assert refused(person, award, officer, now=last_day) == ["ended_on"]


def test_a_period_that_ended_takes_hours_until_it_is_renewed(person, officer):
    the_day_after = NOON + (LAST - DAY) + timedelta(days=1)
    award = replace(FORUM, began_on=LAST, ended_on=LAST + timedelta(days=1))
    assert recording.record(person, award, by=officer, now=the_day_after).pk
    register(person, LAST + timedelta(days=1), LAST + timedelta(days=730))
    another = replace(award, activity_number="")
    assert refused(person, another, officer, now=the_day_after) == ["ended_on"]


def test_who_is_not_registered_yet_can_have_hours(officer):
    person = make_practitioner()
    recording.record(person, replace(FORUM, began_on=date(2020, 1, 1)), by=officer, now=NOON)
    assert person.cpd_hours.exists()


def test_a_mistake_is_withdrawn_with_its_reason_and_recorded_anew(person, officer):
    hours = recording.record(person, FORUM, by=officer, now=NOON)
    later = NOON + timedelta(hours=1)
    recording.withdraw(hours, " Two days, not one. ", by=officer, now=later)
    hours.refresh_from_db()
    assert (hours.withdrawn_by, hours.withdrawn_at, hours.withdraw_reason) == (officer, later, "Two days, not one.")
    told = person.user.notices.get(kind="cpd_hours_withdrawn")
    for language in ("ar", "en"):
        subject, body = notices.words(told, language)
        assert subject
        assert "Two days, not one." in body
    recording.record(person, FORUM, by=officer, now=later)
    assert list(person.cpd_hours.live()) == [person.cpd_hours.latest("pk")]


def test_a_withdrawal_needs_a_reason_another_officer_and_live_hours(person, officer):
    hours = recording.record(person, FORUM, by=officer, now=NOON)
    for by, reason in [(officer, " "), (person.user, "Mine.")]:
        with pytest.raises(NotAllowed):
            recording.withdraw(hours, reason, by=by, now=NOON)
    assert person.cpd_hours.live().exists()
    recording.withdraw(hours, "A mistake.", by=officer, now=NOON)
    told = Notice.objects.count()
    with pytest.raises(NotAllowed):
        recording.withdraw(hours, "Again.", by=officer, now=NOON)
    assert Notice.objects.count() == told
    assert person.cpd_hours.get().withdraw_reason == "A mistake."


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
def test_two_officers_at_once_record_an_activity_once():
    person, officers = registered(), [make_staff("CPD officer") for _ in range(4)]
    raised = at_once(*[lambda by=by: recording.record(person, FORUM, by=by, now=NOON) for by in officers])
    assert [type(error) for error in raised] == [NotAllowed] * 3
    assert person.cpd_hours.count() == person.user.notices.filter(kind="cpd_hours_recorded").count() == 1


@pytest.mark.parametrize(
    ("typed", "one"),
    [
        ("ACT-55310", "ACT-55310"),
        (" act 55310 ", "ACT-55310"),
        ("act_55310", "ACT-55310"),
        ("ACT–٥٥٣١٠", "ACT-55310"),
        ("\u200fACT/55310.", "ACT-55310"),
        ("--", ""),
        ("", ""),
    ],
)
def test_an_activity_number_has_one_spelling(typed, one):
    assert recording.one_spelling(typed) == one


@pytest.mark.parametrize("typed", ["رقم 5", "A\0", "²5"])
def test_what_is_no_number_is_refused(typed):
    with pytest.raises(ValidationError):
        recording.one_spelling(typed)


@given(st.text(max_size=40))
def test_any_text_is_spelt_as_the_database_demands_or_refused(text):
    try:
        one = recording.one_spelling(text)
    except ValidationError:
        return
    assert one == "" or re.fullmatch(r"[A-Z0-9]+(-[A-Z0-9]+)*", one)
    assert recording.one_spelling(one) == one
