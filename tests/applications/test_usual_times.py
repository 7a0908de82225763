"""The usual time of a service is that of its recent cases, reckoned by the database as plain arithmetic reckons it (APP-5)."""

from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from math import ceil
from random import Random

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import translation

from applications import presenting
from applications.catalogue import CATALOGUE
from applications.models import Application, Entry
from applications.progress import advance
from applications.usual_times import FEWEST, LATEST, UsualTime, usual_times
from mumaris.kit import clock
from mumaris.kit.clock import today
from mumaris.kit.policy import Policies
from tests.people import NOON, Office, make_practitioner, submitted

pytestmark = [pytest.mark.django_db, pytest.mark.req("APP-5")]
SERVICE, ANOTHER = "classification", "registration"


@contextmanager
def poured_in():
    """Rows as they stand after a long time, without the triggers that would make every one of them walk its way."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


def decided(times: Iterable[tuple[datetime, datetime]], service: str = SERVICE, state: str = "completed") -> None:
    """Cases of `service`, each submitted and first decided at these moments; a completed one was paid a month later."""
    person = make_practitioner()
    rows = []
    for number, (begun, ended) in enumerate(times, Application.objects.count()):
        closed_at = ended if state == "rejected" else ended + timedelta(days=30)
        rows.append(
            Application(
                reference=f"XX-2026-{number:07d}",
                practitioner=person,
                service=service,
                state=state,
                moves=4,
                created_at=begun,
                saved_at=closed_at,
                submitted_at=begun,
                approved_at=None if state == "rejected" else ended,
                closed_at=closed_at,
            )
        )
    with poured_in():
        for case in Application.objects.bulk_create(rows):
            to_state = "rejected" if state == "rejected" else "preliminarily_approved"
            moment = case.approved_at or case.closed_at
            Entry.objects.create(application=case, seq=1, move="submit", to_state="submitted", at=case.submitted_at)
            Entry.objects.create(application=case, seq=2, move="endorse", to_state=to_state, at=moment)
            Entry.objects.create(application=case, seq=3, move="issue", to_state="completed", at=case.closed_at)


def working_days(begun: datetime, ended: datetime) -> int:
    """By the calendar: Sundays to Thursdays after the Riyadh day of the one up to that of the other; none counts as one."""
    first, last = today(begun), today(ended)
    days = [first + timedelta(days=number) for number in range(1, (last - first).days + 1)]
    return max(1, sum(day.weekday() not in (4, 5) for day in days))


def by_hand(times: list[tuple[datetime, datetime]]) -> UsualTime:
    """The smallest number of days within which half, and nine of ten, of the cases were decided."""
    days = sorted(working_days(begun, ended) for begun, ended in times)
    return UsualTime(*(days[ceil(len(days) * part / 100) - 1] for part in (50, 90)))


def usual(service: str = SERVICE) -> UsualTime:
    return usual_times([service], Policies(NOON.date()))[service]


def some_times(random: Random, many: int) -> list[tuple[datetime, datetime]]:
    """Submitted within three years before NOON, decided minutes to months later, at any hour of day and night."""
    begun = [NOON - timedelta(minutes=random.randrange(3 * 525_600)) for _case in range(many)]
    return [(moment, moment + timedelta(minutes=random.randrange(random.choice([2_000, 150_000])))) for moment in begun]


@pytest.mark.parametrize("seed", range(6))
def test_the_database_reckons_as_the_calendar_does(seed):
    random = Random(seed)
    times = some_times(random, random.randrange(FEWEST, 60))
    cut = random.randrange(len(times))
    decided(times[:cut])
    decided(times[cut:], state="rejected")
    assert usual() == by_hand(times)


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("days", [0, 1, 2, 3, 6, 7, 8, 14])
def test_every_day_of_the_week_counts_as_it_should(weekday, days):
    begun = NOON + timedelta(days=weekday)
    times = [(begun, begun + timedelta(days=days))] * FEWEST
    decided(times)
    assert usual() == by_hand(times)


def test_a_day_ends_at_midnight_in_riyadh():
    sunday = datetime(2026, 11, 22, 20, 59, tzinfo=UTC)
    assert today(sunday) == date(2026, 11, 22)
    decided([(sunday, sunday + timedelta(days=1))] * FEWEST)
    assert usual() == UsualTime(1, 1)
    decided([(sunday, sunday + timedelta(days=1, minutes=1))] * (LATEST + FEWEST))
    assert usual() == UsualTime(2, 2)


def test_too_few_cases_say_nothing_and_the_target_is_shown():
    target = Policies(NOON.date())[f"{SERVICE}.target_days"]
    assert usual() == UsualTime(target)
    times = [(NOON, NOON + timedelta(days=1))] * (FEWEST - 1)
    decided(times)
    assert usual() == UsualTime(target)
    decided([(NOON, NOON + timedelta(days=1))])
    assert usual() == UsualTime(1, 1)


def test_only_the_latest_cases_count():
    old = NOON - timedelta(days=1000)
    decided([(old, old + timedelta(days=200))] * LATEST)
    decided([(NOON + timedelta(hours=one), NOON + timedelta(days=3, hours=one)) for one in range(LATEST)])
    assert usual() == by_hand(
        [(NOON + timedelta(hours=one), NOON + timedelta(days=3, hours=one)) for one in range(LATEST)]
    )


def test_every_service_has_its_own_time_in_one_query(django_assert_num_queries):
    decided([(NOON, NOON + timedelta(days=7))] * FEWEST)
    decided([(NOON, NOON + timedelta(days=14))] * FEWEST, ANOTHER)
    policies = Policies(NOON.date())
    with django_assert_num_queries(1):
        found = usual_times(CATALOGUE, policies)
    assert (found[SERVICE], found[ANOTHER]) == (UsualTime(5, 5), UsualTime(10, 10))
    assert all(found[slug].most is None for slug in CATALOGUE if slug not in (SERVICE, ANOTHER))


def test_the_first_decision_counts_and_not_what_came_after_it():
    """Approved, taken back and approved again a month later: it was decided the first time."""
    office = Office()
    times = [(NOON, NOON + timedelta(days=7))] * (FEWEST - 1)
    decided(times)
    case = office.approve(submitted(make_practitioner()), now=NOON + timedelta(days=1))
    later = NOON + timedelta(days=20)
    advance(case.pk, "take_back", by=office.approver, now=later, public_text="The rank was wrong.")
    office.recommend(case, now=later)
    advance(case.pk, "endorse_approval", by=office.approver, now=later)
    assert Application.objects.get(pk=case.pk).approved_at == later
    assert usual() == by_hand([*times, (NOON, NOON + timedelta(days=1))])


def test_what_is_undecided_says_nothing():
    decided([(NOON, NOON + timedelta(days=7))] * (FEWEST - 1))
    submitted(make_practitioner())
    assert usual().most is None


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_case_and_its_service_say_how_long_it_usually_takes(client, language):
    now = clock.now()
    case = submitted(make_practitioner(now=now), now=now)
    client.force_login(case.practitioner.user)
    client.cookies["django_language"] = language
    pages = [reverse("application", args=[case.reference]), reverse("service", args=[SERVICE])]
    for times, expected in (([], None), ([(now, now + timedelta(days=28))] * FEWEST, 20)):
        decided(times)
        with translation.override(language):
            words = presenting.usually(usual())
        assert (str(expected) in words) == bool(expected)
        for page in pages:
            assert words in client.get(page).content.decode(), page
