"""Every question of every service, with every nonsense of its kind (classes 28, 29, 35, 41 to 43).

The page comes again with a message at each field, and nothing is kept.
"""

from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

import pytest
from django import forms
from hijridate import Gregorian, Hijri

from applications.catalogue import CATALOGUE, Kind, Question
from applications.models import Application
from mumaris.kit import clock
from mumaris.kit.fields import CalendarDateField
from register.models import Rank, Registration
from tests.bad_input.drafts import as_typed, browser, draft_of, form_of, page, post, right_answers, typed_date
from tests.fingerprint import unchanged
from tests.people import Office, make_practitioner, make_qualification, registered

pytestmark = pytest.mark.django_db
each_service = pytest.mark.parametrize("service", CATALOGUE.values(), ids=CATALOGUE)

SHORT_MONTH = next(month for month in range(1, 13) if Hijri(1449, month, 1).month_length() == 29)
SURROGATE, NO_UTF8 = b"\xed\xa0\x80", b"\xff\xfe"
# (calendar, day, month, year)
DATES = [
    ("gregorian", "29", "2", "2027"),
    ("gregorian", "30", "2", "2028"),
    ("gregorian", "31", "4", "2028"),
    ("gregorian", "1", "1", "0001"),
    ("gregorian", "31", "12", "9999"),
    ("gregorian", "1", "1", "1900"),
    ("gregorian", "1", "1", "2078"),  # the tables of the other calendar end before
    ("gregorian", "1", "1", "1447"),  # a Hijri year
    ("gregorian", "1", "1", "١٤٤٧"),
    ("hijri", "30", str(SHORT_MONTH), "1449"),
    ("hijri", "31", "1", "1449"),
    ("hijri", "1", "13", "1449"),
    ("hijri", "1", "1", "1342"),
    ("hijri", "1", "1", "1501"),
    ("hijri", "1", "1", "2028"),  # a Gregorian year
    ("gregorian", "12", "31", "2028"),  # the month first
    ("gregorian", "2028", "12", "1"),  # the year first
    ("gregorian", "1", "12", "28"),
    ("gregorian", "0", "1", "2028"),
    ("gregorian", "1", "0", "2028"),
    ("gregorian", "-1", "1", "2028"),
    ("gregorian", "1.5", "1", "2028"),
    ("gregorian", "¹", "1", "2028"),
    ("gregorian", "①", "1", "2028"),
    ("gregorian", "9" * 5000, "1", "2028"),
    ("gregorian", "1" + "0" * 20, "1", "2028"),
    ("gregorian", "", "1", "2028"),
    ("gregorian", "", "", ""),
    ("gregorian", b"1\0", "1", "2028"),
    ("gregorian", SURROGATE, "1", "2028"),
    ("gregorian", "1", NO_UTF8, "2028"),
    ("", "1", "1", "2028"),
    ("julian", "1", "1", "2028"),
    (SURROGATE, "1", "1", "2028"),
]
NUMBERS = ["-1", "0", "1.5", "1,5", "1e1", "0x1", "٣٫٥", "¹", "Ⅳ", "x", "NaN", "inf", str(10**20), "9" * 5000, "1 0"]
NUMBERS += ["--1", "9" * 100_000, "1;DROP TABLE", b"1\0", SURROGATE, NO_UTF8]
TEXTS = ["x" * 100_000, b"a\0b", SURROGATE, NO_UTF8, "a\ufffdb", "a" + "\u0301" * 20_000]
EMPTY = ["", " \u00a0\t", "\u200f\u200b\u2060"]
CHOICES = ["", "unknown", "NEW_QUALIFICATION", "new_qualification ", "0", b"unused\0", SURROGATE, "x" * 100_000]
KEYS = ["0", "-1", "x", "1.0x", str(2**31), str(2**63), str(10**20), "9" * 5000, "1 OR 1=1", b"1\0", SURROGATE, ""]


def nonsense(name: str, field: forms.Field, most: int) -> list[dict[str, Any]]:
    """Everything wrong that can be sent for one field."""
    match field:
        case CalendarDateField():
            return [as_typed(name, texts) for texts in DATES]
        case forms.ModelChoiceField():
            return [{name: text} for text in KEYS]
        case forms.ChoiceField():
            return [{name: text} for text in CHOICES]
        case forms.IntegerField():
            return [{name: text} for text in [*NUMBERS, str(most + 1), *([""] if field.required else [])]]
    return [{name: text} for text in [*TEXTS, "x" * (most + 1), *(EMPTY if field.required else [])]]


def limits(service) -> dict[str, int]:
    return {ask.slug: ask.most for ask in service.asks if isinstance(ask, Question)}


@each_service
def test_nonsense_is_refused_at_its_field_and_nothing_is_kept(service):
    """All fields at once are wrong, each in its own way, so that a page is asked once for many."""
    now = clock.now()
    draft = draft_of(service, now)
    client, right, fields = browser(draft.practitioner), right_answers(draft, now), form_of(draft, now).fields
    most = limits(service)
    asked = {name: nonsense(name, field, most.get(name, 0)) for name, field in fields.items() if name != "version"}
    with unchanged():
        for wrong in zip_longest(*([(name, one) for one in ways] for name, ways in asked.items())):
            sent = [one for one in wrong if one]
            # No more than a body may hold: the endless ones come one at a time.
            for some in [sent] if sum(len(str(one)) for one in sent) < 150_000 else [[one] for one in sent]:
                body = right | {key: text for _name, one in some for key, text in one.items()}
                answer = post(client, page(draft, "questions/"), body)
                assert answer.status_code == 200, some
                errors = answer.context["form"].errors
                assert {name for name, _one in some} <= set(errors), (some, errors)
    assert post(client, page(draft, "questions/"), right).status_code == 302


def something_else(draft: Application, now) -> dict[str, str]:
    """Another answer to one question, right in itself."""
    for name, field in form_of(draft, now).fields.items():
        if isinstance(field, forms.CharField):
            return {name: "Written in another window."}
    return {"qualification": str(make_qualification(draft.practitioner, now=now, title="Another").pk)}


@each_service
def test_a_version_that_is_none_is_an_old_window(service):
    now = clock.now()
    draft = draft_of(service, now)
    client, right = browser(draft.practitioner), right_answers(draft, now)
    other = right | something_else(draft, now)
    with unchanged():
        for version in (
            "-1",
            str(draft.version - 1),
            str(draft.version + 1),
            str(2**31 - 1),
            str(10**20),
            "x",
            "9" * 5000,
            b"\0",
        ):
            answer = post(client, page(draft, "questions/"), other | {"version": version})
            assert answer.status_code == 200, version
            assert set(answer.context["form"].errors) & {"version", "__all__"}, version
            answer = post(client, page(draft, "check/"), {"declared": "on", "version": version})
            assert answer.status_code == 200, version
            assert set(answer.context["form"].errors) & {"version", "__all__"}, version


# What is right, however it is typed


def kept(draft: Application, slug: str) -> Any:
    return Application.objects.get(pk=draft.pk).answers[slug]


ASKING_A_DAY = [one for one in CATALOGUE.values() if any(getattr(ask, "kind", "") == Kind.DATE for ask in one.asks)]
ASKING_A_NUMBER = [
    one for one in CATALOGUE.values() if any(getattr(ask, "kind", "") == Kind.NUMBER for ask in one.asks)
]


@pytest.mark.parametrize("service", ASKING_A_DAY, ids=lambda one: one.slug)
def test_a_day_is_one_day_in_either_calendar_and_any_digits(service):
    now = clock.now()
    draft = draft_of(service, now)
    client = browser(draft.practitioner)
    for ask in service.asks:
        if getattr(ask, "kind", "") != Kind.DATE:
            continue
        for day in (date(2028, 2, 29), date(2027, 12, 31), clock.today(now) + timedelta(days=1)):
            there = Gregorian.fromdate(day).to_hijri()
            hijri = ("hijri", str(there.day), str(there.month), str(there.year))
            for typed in (
                typed_date(ask.slug, day),
                as_typed(ask.slug, hijri),
                as_typed(ask.slug, (hijri[0], *(text.translate(ARABIC) for text in hijri[1:]))),
                as_typed(
                    ask.slug, ("gregorian", f" \u200f{day.day:02}", f"{day.month:02}", str(day.year).translate(PERSIAN))
                ),
            ):
                draft.refresh_from_db()
                body = right_answers(draft, now) | typed
                assert post(client, page(draft, "questions/"), body).status_code == 302
                assert kept(draft, ask.slug) == day.isoformat()


ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


@pytest.mark.parametrize("service", ASKING_A_NUMBER, ids=lambda one: one.slug)
def test_a_number_is_one_number_in_any_digits(service):
    now = clock.now()
    draft = draft_of(service, now)
    client = browser(draft.practitioner)
    for ask in service.asks:
        if getattr(ask, "kind", "") != Kind.NUMBER:
            continue
        for number in (1, 12, ask.most):
            for typed in (f"{number}", f" {number} ", str(number).translate(ARABIC), str(number).translate(PERSIAN)):
                draft.refresh_from_db()
                body = right_answers(draft, now) | {ask.slug: typed}
                assert post(client, page(draft, "questions/"), body).status_code == 302
                assert kept(draft, ask.slug) == number


# What is somebody else's


@each_service
def test_what_is_somebody_elses_cannot_be_chosen(service):
    """Class 43: no more than what is nobody's."""
    now = clock.now()
    draft, stranger = draft_of(service, now), registered(Office(), now=now)
    gone = make_qualification(draft.practitioner, now=now, title="Removed")
    client, right = browser(draft.practitioner), right_answers(draft, now)
    foreign = {
        "qualification": [make_qualification(stranger, now=now, title="A stranger's").pk, gone.pk],
        "registration": [stranger.registrations.get().pk, 10**9],
    }
    gone.delete()
    with unchanged():
        for name, keys in foreign.items():
            pages = set()
            for key in keys if name in right else []:
                answer = post(client, page(draft, "questions/"), right | {name: key})
                assert answer.status_code == 200
                pages.add(str(answer.context["form"].errors[name]))
            assert len(pages) <= 1
    assert set(foreign) & set(right) == {ask.value for ask in service.asks if not isinstance(ask, Question)} & set(
        foreign
    )


@pytest.mark.parametrize(
    "service", [one for one in CATALOGUE.values() if "specialty_and_rank" in one.asks], ids=lambda one: one.slug
)
def test_a_rank_of_another_profession_is_refused_at_the_rank(service):
    now = clock.now()
    draft = draft_of(service, now)
    client = browser(draft.practitioner)
    with unchanged():
        body = right_answers(draft, now) | {"rank": str(Rank.objects.get(code="registrar").pk)}
        answer = post(client, page(draft, "questions/"), body)
    assert set(answer.context["form"].errors) == {"rank"}


@each_service
def test_what_the_service_does_not_ask_is_not_kept(service):
    """Answers of other services, and those that were asked of others only."""
    now = clock.now()
    draft = draft_of(service, now)
    every = {ask.slug: "7" for one in CATALOGUE.values() for ask in one.asks if isinstance(ask, Question)}
    right = right_answers(draft, now)
    body = (
        every
        | {"registration": "7", "specialty": "1", "__class__": "x", "judgement": "[]", "state": "completed"}
        | right
    )
    assert post(browser(draft.practitioner), page(draft, "questions/"), body).status_code == 302
    draft.refresh_from_db()
    asked = set(form_of(draft, now).fields)
    assert set(draft.answers) <= asked
    assert draft.state == "draft"
    assert "registration" in asked or draft.registration is None
    assert "specialty" in asked or draft.asked_specialty is None


def test_hours_are_asked_of_who_lacks_them_and_of_nobody_else(monkeypatch):
    """What was typed into a window that still asked is not kept once the hours are there."""
    now = clock.now()
    draft = draft_of(CATALOGUE["renewal"], now)
    client, right = browser(draft.practitioner), right_answers(draft, now)
    assert "evidenced_hours" in right
    held = Registration.objects.get(practitioner=draft.practitioner)
    held.rank = Rank.objects.get(code="assistant")  # of whom no hours are asked
    held.save()
    assert post(client, page(draft, "questions/"), right | {"evidenced_hours": "499"}).status_code == 302
    assert "evidenced_hours" not in Application.objects.get(pk=draft.pk).answers


# Windows and people


@each_service
def test_saving_and_declaring_twice_is_once_and_an_old_window_overwrites_nothing(service):
    """Classes 41 and 42, for every service."""
    now = clock.now()
    draft = draft_of(service, now)
    client, right = browser(draft.practitioner), right_answers(draft, now)
    first = [post(client, page(draft, "questions/"), right).headers["Location"] for _click in range(2)]
    assert len(set(first)) == 1
    version = Application.objects.get(pk=draft.pk).version
    assert version == draft.version + 1
    changes = something_else(draft, now)
    with unchanged():
        answer = post(client, page(draft, "questions/"), right | changes)
        assert "changed in another window" in answer.content.decode()
        assert all(text in answer.content.decode() for text in changes.values())
    with unchanged():
        answer = post(client, page(draft, "check/"), {"declared": "on", "version": str(draft.version)})
        assert "changed in another window" in answer.content.decode()


@each_service
def test_another_persons_application_does_not_exist(service):
    """Class 43: whatever is sent, and for every step."""
    now = clock.now()
    draft = draft_of(service, now)
    stranger = browser(make_practitioner(now=now))
    right = right_answers(draft, now) | {"declared": "on", "understood": "on", "seen": "0", "text": "Mine."}
    slots = [f"documents/{slot.slug}/{more}" for slot in service.documents[:1] for more in ("", "remove/")]
    with unchanged():
        for step in (*STEPS, *slots):
            assert post(stranger, page(draft, step), right).status_code in (404, 405), step
            assert stranger.get(page(draft, step)).status_code in (404, 405), step


STEPS = ["", "questions/", "documents/", "check/", "discard/", "reopen/", "remarks/", "remarks/answers/", "resubmit/"]
STEPS += ["appeal/", "object/", "withdraw/"]
