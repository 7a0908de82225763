"""How a registration stands, at every boundary of its days, its grace and its renewal (REG-1, SRV-15)."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from mumaris.kit.clock import add_months, today
from mumaris.kit.models import PolicyValue
from mumaris.kit.templatetags.look import STATES
from register import issuing, standing
from register.models import IssuedPaper, Rank, Registration, Specialty
from register.standing import Standing
from tests.people import NOON, make_practitioner

DAY = timedelta(days=1)
FIRST, LAST = date(2026, 11, 22), date(2028, 11, 21)
GRACE = date(2028, 12, 21)

days = st.dates(date(2020, 1, 1), date(2060, 12, 31))
lengths = st.integers(0, 1500).map(timedelta)


@st.composite
def periods(draw):
    """First day, last day, last day of the grace."""
    first = draw(days)
    last = first + draw(lengths)
    return first, last, standing.grace_ends(last, draw(st.integers(0, 12)))


def on(day, submitted=None):
    return standing.standing(FIRST, LAST, day, GRACE, submitted)


@pytest.mark.req("REG-1")
@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (FIRST, "active"),
        (LAST - DAY, "active"),
        (LAST, "active"),
        (LAST + DAY, "in_grace"),
        (GRACE - DAY, "in_grace"),
        (GRACE, "in_grace"),
        (GRACE + DAY, "expired"),
        (date(2040, 1, 1), "expired"),
    ],
)
def test_without_a_renewal_the_dates_decide(day, expected):
    assert on(day) == expected


@pytest.mark.req("SRV-15")
@pytest.mark.parametrize(
    ("submitted", "day", "expected"),
    [
        (LAST - 30 * DAY, LAST - 31 * DAY, "active"),
        (LAST - 30 * DAY, LAST - 30 * DAY, "renewal_pending"),
        (LAST - DAY, LAST, "renewal_pending"),
        (LAST, LAST, "renewal_pending"),
        (LAST, LAST + DAY, "renewal_pending"),
        (LAST, GRACE + DAY, "renewal_pending"),
        (LAST, GRACE + 400 * DAY, "renewal_pending"),
        (LAST + DAY, LAST, "active"),
        (LAST + DAY, LAST + DAY, "in_grace"),
        (LAST + DAY, GRACE + DAY, "in_grace"),
        (GRACE, GRACE, "in_grace"),
        (GRACE, GRACE + 400 * DAY, "in_grace"),
        (GRACE + DAY, GRACE, "in_grace"),
        (GRACE + DAY, GRACE + DAY, "expired"),
        (GRACE + DAY, GRACE + 2 * DAY, "expired"),
    ],
)
def test_an_open_renewal_keeps_what_stood_when_it_was_submitted(submitted, day, expected):
    assert on(day, submitted) == expected


@pytest.mark.req("SRV-15")
@given(periods(), lengths, st.none() | lengths)
def test_the_standing_is_one_function_of_the_days(period, later, submitted):
    """Told a second time, in the words of SPEC."""
    first, last, grace = period
    day = first + later
    submitted = first + submitted if submitted is not None else None
    known = submitted is not None and submitted <= day
    if known and submitted <= last:
        expected = Standing.RENEWAL_PENDING
    elif first <= day <= last:
        expected = Standing.ACTIVE
    elif last < day <= grace or (known and last < submitted <= grace):
        expected = Standing.IN_GRACE
    else:
        expected = Standing.EXPIRED
    assert standing.standing(first, last, day, grace, submitted) == expected


@pytest.mark.req("SRV-15")
@given(periods(), lengths, lengths)
def test_a_renewal_never_makes_the_standing_worse_and_its_closing_restores_the_dates(period, later, submitted):
    first, last, grace = period
    order = [Standing.EXPIRED, Standing.IN_GRACE, Standing.ACTIVE, Standing.RENEWAL_PENDING]
    day = first + later
    without = standing.standing(first, last, day, grace, None)
    assert order.index(standing.standing(first, last, day, grace, first + submitted)) >= order.index(without)


@pytest.mark.req("SRV-15")
@given(periods(), lengths, lengths)
def test_while_the_renewal_is_open_what_it_kept_stays(period, later, submitted):
    first, last, grace = period
    day = first + submitted
    at_submission = standing.standing(first, last, day, grace, day)
    assert standing.standing(first, last, day + later, grace, day) == at_submission


@given(periods())
def test_a_day_before_the_period_is_refused(period):
    first, last, grace = period
    with pytest.raises(ValueError, match="before the period"):
        standing.standing(first, last, first - DAY, grace, None)


@pytest.mark.parametrize(
    ("last", "months", "expected"),
    [
        (date(2028, 11, 21), 1, date(2028, 12, 21)),
        (date(2028, 12, 31), 1, date(2029, 1, 31)),
        (date(2029, 1, 31), 1, date(2029, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 11, 21), 0, date(2028, 11, 21)),
    ],
)
def test_the_grace_ends_on_the_same_day_of_the_month(last, months, expected):
    assert standing.grace_ends(last, months) == expected


def test_every_standing_has_its_badge():
    assert set(Standing.values) == set(STATES["register"])
    assert {code: words for code, (_kind, _icon, words) in STATES["register"].items()} == dict(Standing.choices)


# On the register


@pytest.fixture
def renewals(monkeypatch):
    """What a room above would tell: open renewals by registration, and whom they were asked for."""
    told, asked = {}, []

    def open_renewals(registrations):
        asked.append(set(registrations))
        return {pk: told[pk] for pk in registrations if pk in told}

    monkeypatch.setattr(standing, "RENEWALS", [open_renewals])
    told["asked"] = asked
    return told


def registered(person=None, *, first=FIRST, months=24, case="PR-2026-0000001"):
    period = issuing.register(
        practitioner=person or make_practitioner(),
        specialty=Specialty.objects.get(code="general-nursing"),
        rank=Rank.objects.get(code="technician"),
        case=case,
        first_day=first,
        last_day=add_months(first, months) - DAY,
        now=NOON,
    )
    return period.registration


@pytest.mark.django_db
@pytest.mark.req("REG-1")
@pytest.mark.parametrize(
    ("day", "expected"), [(FIRST, "active"), (LAST, "active"), (LAST + DAY, "in_grace"), (GRACE + DAY, "expired")]
)
def test_the_register_reads_the_last_period(day, expected):
    held = registered()
    assert standing.of([held], day) == {held.pk: expected}


@pytest.mark.django_db
@pytest.mark.req("SRV-15")
def test_a_period_that_follows_without_a_gap_is_active_to_its_own_end():
    person = make_practitioner()
    held = registered(person)
    registered(person, first=LAST + DAY, case="RN-2028-0000001")
    new_last = add_months(LAST + DAY, 24) - DAY
    for day in (FIRST, LAST, LAST + DAY, new_last):
        assert standing.of([held], day) == {held.pk: "active"}, day
    assert standing.of([held], new_last + DAY) == {held.pk: "in_grace"}
    assert standing.periods([held], LAST)[held.pk].last_day == LAST
    assert standing.periods([held], LAST + DAY)[held.pk].last_day == new_last


@pytest.mark.django_db
@pytest.mark.req("SRV-15")
def test_after_a_gap_the_days_between_stay_expired():
    person = make_practitioner()
    held = registered(person)
    again = GRACE + 100 * DAY
    registered(person, first=again, case="RN-2029-0000001")
    assert standing.of([held], again - DAY) == {held.pk: "expired"}
    assert standing.of([held], again) == {held.pk: "active"}


@pytest.mark.django_db
def test_a_registration_whose_first_day_is_to_come_stands_nowhere_yet():
    held = registered()
    assert standing.of([held], FIRST - DAY) == {}
    assert standing.of([], FIRST) == {}


@pytest.mark.django_db
@pytest.mark.req("SRV-15")
def test_rooms_above_tell_of_the_open_renewal(renewals):
    held, other = registered(), registered(case="PR-2026-0000002")
    renewals[held.pk] = LAST
    assert standing.of([held, other], GRACE + DAY) == {held.pk: "renewal_pending", other.pk: "expired"}
    assert renewals["asked"] == [{held.pk, other.pk}]
    del renewals[held.pk]
    assert standing.of([held, other], GRACE + DAY) == {held.pk: "expired", other.pk: "expired"}


@pytest.mark.django_db
def test_the_grace_is_staffs_to_change():
    held = registered()
    PolicyValue.objects.create(
        key="registration.grace_months", value=2, effective_from=LAST + 10 * DAY, source="order 7"
    )
    assert standing.of([held], GRACE + DAY) == {held.pk: "in_grace"}
    assert standing.of([held], add_months(LAST, 2) + DAY) == {held.pk: "expired"}


@pytest.mark.django_db
def test_a_thousand_registrations_cost_as_many_queries_as_one(renewals):
    def queries():
        held = list(Registration.objects.all())
        with CaptureQueriesContext(connection) as asked:
            assert len(standing.of(held, FIRST)) == len(held)
        return len(asked)

    registered()
    one = queries()
    for number in range(2, 6):
        registered(case=f"PR-2026-000000{number}")
    assert queries() == one == 2


# What the public sees


@pytest.fixture
def verified(client, monkeypatch):
    """The public page of a paper, on a day."""
    from register import views

    def page(paper, day):
        monkeypatch.setattr(views, "clock_now", lambda: NOON + (day - today(NOON)))
        answer = client.get(f"/verify/{issuing.token(paper.number)}/", headers={"Accept-Language": "en"})
        return answer.context["outcome"], answer.context["standing"], answer.content.decode()

    return page


@pytest.mark.django_db
@pytest.mark.req("SRV-15", "REG-2")
@pytest.mark.parametrize("kind", ["registration_card", "registration_certificate"])
def test_an_expired_paper_says_that_its_registration_is_active_while_the_renewal_is_decided(verified, renewals, kind):
    held = registered()
    paper = IssuedPaper.objects.get(kind=kind)
    outcome, stands, page = verified(paper, LAST)
    assert (outcome, stands) == ("valid", "active")
    outcome, stands, page = verified(paper, GRACE + DAY)
    assert (outcome, stands) == ("expired", "expired")
    assert "alert-bad" in page
    renewals[held.pk] = LAST
    outcome, stands, page = verified(paper, GRACE + DAY)
    assert (outcome, stands) == ("expired", "renewal_pending")
    assert "alert-warn" in page
    assert "alert-bad" not in page
    assert 'id="standing"' in page


@pytest.mark.django_db
@pytest.mark.req("REG-2")
def test_a_revoked_paper_says_nothing_of_the_registration(verified):
    registered()
    paper = IssuedPaper.objects.get(kind="registration_card")
    issuing.revoke(paper, "Forged", by=make_practitioner().user, now=NOON)
    outcome, stands, page = verified(paper, FIRST + DAY)
    assert (outcome, stands) == ("revoked", None)
    assert 'id="standing"' not in page
