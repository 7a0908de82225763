"""Decisions against a practitioner: open on which days, told to whom, and never rewritten (REG-1)."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from accounts import notices
from accounts.models import Notice
from mumaris.kit.clock import today
from mumaris.kit.lifecycle import NotAllowed
from register import sanctions
from register.models import Sanction
from tests.people import NOON, make_practitioner, make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.req("REG-1")]
DAY = timedelta(days=1)
TODAY = today(NOON)


@pytest.fixture
def officer():
    return make_staff("register officer")


def impose(officer, person=None, *, what="Practised without supervision", ends_on=None):
    return sanctions.impose(person or make_practitioner(), what, note="File 12", ends_on=ends_on, by=officer, now=NOON)


def open_on(sanction, day):
    """Both readings of it must agree."""
    stored = Sanction.objects.get(pk=sanction.pk)
    found = Sanction.objects.open_on(day).filter(pk=sanction.pk).exists()
    assert stored.is_open(day) == found
    return found


def test_it_is_open_from_its_day_until_it_is_lifted(officer):
    sanction = impose(officer)
    assert [open_on(sanction, TODAY + days * DAY) for days in (-1, 0, 1, 4000)] == [False, True, True, True]
    sanctions.lift(sanction, "Decided on appeal", by=officer, now=NOON + 10 * DAY)
    assert [open_on(sanction, TODAY + days * DAY) for days in (-1, 0, 9, 10, 11)] == [False, True, True, False, False]


def test_its_last_day_still_counts(officer):
    sanction = impose(officer, ends_on=TODAY + 30 * DAY)
    assert [open_on(sanction, TODAY + days * DAY) for days in (29, 30, 31)] == [True, True, False]
    assert open_on(impose(officer, ends_on=TODAY), TODAY)


def test_the_practitioner_is_told_the_decision_and_not_the_note(officer):
    person = make_practitioner()
    sanction = impose(officer, person, what="Practised <alone> & at night", ends_on=date(2027, 3, 1))
    sanctions.lift(sanction, "Decided on appeal", by=officer, now=NOON + DAY)
    told = list(Notice.objects.filter(recipient=person.user).order_by("pk"))
    assert [one.kind for one in told] == ["sanction_imposed", "sanction_lifted"]
    for notice in told:
        for language in ("ar", "en"):
            text = "\n".join(notices.words(notice, language))
            assert "Practised <alone> & at night" in text
            assert "File 12" not in text
    assert "Monday 1 March 2027" in notices.words(told[0], "en")[1]


@pytest.mark.parametrize(
    ("what", "ends_on", "refusals"),
    [(" ", None, 1), ("Why", TODAY - DAY, 1), (" ", TODAY - DAY, 2)],
)
def test_what_cannot_be_imposed_is_refused_with_every_reason(officer, what, ends_on, refusals):
    with pytest.raises(NotAllowed) as refusal:
        impose(officer, what=what, ends_on=ends_on)
    assert len(refusal.value.reasons) == refusals
    assert not Sanction.objects.exists()
    assert not Notice.objects.exists()


def test_nobody_decides_on_themselves(officer):
    person = make_practitioner()
    with pytest.raises(NotAllowed):
        impose(person.user, person)
    sanction = impose(officer, person)
    with pytest.raises(NotAllowed):
        sanctions.lift(sanction, "I am sorry", by=person.user, now=NOON)
    assert open_on(sanction, TODAY)


def test_it_is_lifted_once_with_a_reason_while_it_lasts(officer):
    sanction = impose(officer, ends_on=TODAY + 5 * DAY)
    with pytest.raises(NotAllowed):
        sanctions.lift(sanction, "  ", by=officer, now=NOON)
    with pytest.raises(NotAllowed):
        sanctions.lift(sanction, "Late", by=officer, now=NOON + 6 * DAY)
    lifted = sanctions.lift(sanction, " On its last day ", by=officer, now=NOON + 5 * DAY)
    assert (lifted.lifted_on, lifted.lifted_by, lifted.lift_reason) == (TODAY + 5 * DAY, officer, "On its last day")
    with pytest.raises(NotAllowed):
        sanctions.lift(sanction, "Again", by=officer, now=NOON + 5 * DAY)
    assert Notice.objects.filter(kind="sanction_lifted").count() == 1


@pytest.mark.req("STF-5")
def test_its_words_stay_and_it_is_never_removed_even_past_the_portals_code(officer):
    sanction = impose(officer)
    kept = Sanction.objects.filter(pk=sanction.pk)
    changes = {
        "what": "Nothing",
        "note": "",
        "imposed_on": TODAY - DAY,
        "ends_on": TODAY,
        "practitioner": make_practitioner(),
        "imposed_by": make_user(),
    }
    for name, value in changes.items():
        with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
            kept.update(**{name: value})
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        kept.delete()
    sanctions.lift(sanction, "Decided on appeal", by=officer, now=NOON)
    with pytest.raises(DatabaseError, match="pgtrigger"), transaction.atomic():
        kept.update(lifted_on=None, lifted_by=None, lift_reason="")


@pytest.mark.parametrize(
    "row",
    [
        {"what": ""},
        {"ends_on": TODAY - DAY},
        {"lifted_on": TODAY},
        {"lifted_on": TODAY, "lift_reason": "Why"},
        {"lift_reason": "Why"},
    ],
)
def test_half_a_record_is_refused_by_the_database(officer, row):
    whole = {"practitioner": make_practitioner(), "what": "Why", "imposed_on": TODAY, "imposed_by": officer}
    with pytest.raises(IntegrityError), transaction.atomic():
        Sanction.objects.create(**(whole | row))
