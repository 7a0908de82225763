"""The register at the desk: how registrations stand, sanctions, and what of the taxonomy staff may change."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Notice, User
from mumaris.kit import clock
from register import issuing, sanctions, standing
from register.models import Classification, Exam, IssuedPaper, Profession, Promotion, Rank, Sanction, Specialty
from tests.people import NOON, Office, classified, make_practitioner, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(client):
    user = make_staff("register officer")
    client.force_login(user)
    return user


def at(model, page, *args):
    return reverse(f"admin:register_{model}_{page}", args=args)


def registered(person=None, *, case="PR-2026-0000001", ended=0):
    """A registration whose period ended so many days before today; with none it goes on."""
    day = clock.today(clock.now())
    period = issuing.register(
        practitioner=person or make_practitioner(),
        specialty=Specialty.objects.get(code="general-nursing"),
        rank=Rank.objects.get(code="technician"),
        case=case,
        first_day=day - timedelta(days=700),
        last_day=day - timedelta(days=ended) if ended else day + timedelta(days=30),
        now=NOON,
    )
    return period.registration


def errors(answer):
    form = answer.context["adminform"].form
    return {name: len(found) for name, found in form.errors.items()}


def told(answer):
    """What sort of messages wait for the officer, oldest first."""
    return [message.level_tag for message in get_messages(answer.wsgi_request)]


# How registrations stand


@pytest.mark.req("REG-1")
def test_the_list_and_the_page_say_how_a_registration_stands(client, officer, monkeypatch):
    held = {
        registered(case="PR-2026-0000001"): "active",
        registered(case="PR-2026-0000002", ended=5): "in_grace",
        registered(case="PR-2026-0000003", ended=90): "expired",
        (pending := registered(case="PR-2026-0000004", ended=90)): "renewal_pending",
    }
    submitted = clock.today(clock.now()) - timedelta(days=95)
    monkeypatch.setattr(standing, "RENEWALS", [lambda pks: {pending.pk: submitted} if pending.pk in pks else {}])
    rows = client.get(at("registration", "changelist")).context["cl"].result_list
    assert {row: row.standing for row in rows} == held
    for registration, stands in held.items():
        page = client.get(at("registration", "change", registration.pk))
        assert page.context["original"].standing == stands
        assert 'class="badge' in page.content.decode()


@pytest.mark.req("STF-4")
def test_the_list_of_registrations_asks_equally_often_however_long_it_is(client, officer):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            rows = client.get(at("registration", "changelist")).context["cl"].result_count
        return len(asked), rows

    registered(case="PR-2026-0000001")
    client.get(at("registration", "changelist"))
    before, one = queries()
    registered(case="PR-2026-0000002")
    registered(case="PR-2026-0000003")
    after, three = queries()
    assert (one, three) == (1, 3)
    assert after <= before


def test_papers_are_filtered_by_kind(client, officer):
    classified(Office())
    registered()
    for kind, number in (("registration_card", 1), ("classification_certificate", 1), ("good_standing", 0)):
        answer = client.get(at("issuedpaper", "changelist"), {"kind": kind})
        assert [row.kind for row in answer.context["cl"].result_list] == [kind] * number
    assert IssuedPaper.objects.count() == 3


# Sanctions


@pytest.mark.req("REG-1")
@pytest.mark.parametrize("by", ["registration", "classification"])
def test_the_register_officer_imposes_a_sanction_by_a_number_however_it_is_typed(client, officer, by):
    person = classified(Office())
    number = {
        "registration": registered(person).number,
        "classification": Classification.objects.get(practitioner=person).number,
    }[by]
    arabic = number.lower().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    typed = {"number": f" {arabic} ", "what": "Practised alone", "note": "File 12", "ends_on": ""}
    assert client.post(at("sanction", "add"), typed).status_code == 302
    sanction = Sanction.objects.get()
    assert (sanction.practitioner, sanction.what, sanction.note) == (person, "Practised alone", "File 12")
    assert (sanction.imposed_by, sanction.imposed_on) == (officer, clock.today(clock.now()))
    assert Notice.objects.filter(recipient=person.user, kind="sanction_imposed").count() == 1
    found = client.get(at("sanction", "changelist"), {"q": arabic}).context["cl"].result_list
    assert list(found) == [sanction]


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"number": "RG-2026-0000000"}, {"number"}),
        ({"number": "General nursing"}, {"number"}),
        ({"number": "\x00"}, {"number"}),
        ({"number": ""}, {"number"}),
        ({"what": " "}, {"what"}),
        ({"what": "x" * 301}, {"what"}),
        ({"note": "x" * 2001}, {"note"}),
        ({"ends_on": "2020-01-01"}, {"__all__"}),
        ({"ends_on": "yesterday"}, {"ends_on"}),
    ],
)
def test_a_sanction_that_cannot_be_is_refused_at_the_form(client, officer, typed, where):
    right = {"number": registered().number, "what": "Practised alone", "note": "", "ends_on": ""}
    answer = client.post(at("sanction", "add"), right | typed)
    assert answer.status_code == 200
    assert set(errors(answer)) == where
    assert not Sanction.objects.exists()
    assert not Notice.objects.exists()


@pytest.mark.req("REG-1")
def test_a_sanction_is_lifted_once_and_says_why(client, officer):
    sanction = sanctions.impose(registered().practitioner, "Practised alone", by=officer, now=clock.now())
    address = at("sanction", "lift", sanction.pk)
    assert address in client.get(at("sanction", "change", sanction.pk)).content.decode()
    client.post(address, {"reason": " "})
    assert Sanction.objects.get().lifted_on is None
    client.post(address, {"reason": "Decided on appeal"})
    lifted = Sanction.objects.get()
    assert (lifted.lifted_by, lifted.lift_reason) == (officer, "Decided on appeal")
    assert told(client.post(address, {"reason": "Again"}))[-1] == "error"
    assert Sanction.objects.get().lift_reason == "Decided on appeal"
    assert address not in client.get(at("sanction", "change", sanction.pk)).content.decode()
    assert client.get(address).status_code == 405


@pytest.mark.req("STF-1")
def test_nobody_else_imposes_or_lifts(client, officer):
    held = registered()
    sanction = sanctions.impose(held.practitioner, "Practised alone", by=officer, now=clock.now())
    typed = {"number": held.number, "what": "Because", "note": "", "ends_on": ""}
    for role in ("reviewer", "approver", "finance officer", "auditor", "administrator"):
        client.force_login(make_staff(role))
        assert client.post(at("sanction", "add"), typed).status_code == 403, role
        assert client.post(at("sanction", "lift", sanction.pk), {"reason": "Because"}).status_code == 403, role
        assert client.get(at("sanction", "changelist")).status_code == (200 if role == "auditor" else 403), role
    assert Sanction.objects.get().lifted_on is None


def test_a_sanction_is_never_changed_or_removed_at_the_desk(client, officer):
    sanction = sanctions.impose(registered().practitioner, "Practised alone", by=officer, now=clock.now())
    before = Sanction.objects.values().get()
    assert client.post(at("sanction", "change", sanction.pk), {"what": "Nothing"}).status_code == 403
    assert client.post(at("sanction", "delete", sanction.pk), {"post": "yes"}).status_code == 403
    assert Sanction.objects.values().get() == before


def test_nobody_decides_on_themselves(client, officer):
    person = make_practitioner()
    held = registered(person)
    sanction = sanctions.impose(person, "Practised alone", by=officer, now=clock.now())
    User.objects.filter(pk=person.user_id).update(is_staff=True)
    person.user.groups.add(Group.objects.get(name="register officer"))
    client.force_login(User.objects.get(pk=person.user_id))
    answer = client.post(at("sanction", "add"), {"number": held.number, "what": "Why", "note": "", "ends_on": ""})
    assert errors(answer) == {"__all__": 1}
    client.post(at("sanction", "lift", sanction.pk), {"reason": "I am sorry"})
    assert Sanction.objects.get().lifted_on is None


# The taxonomy


@pytest.mark.req("SRV-2")
def test_an_administrator_changes_the_months_of_a_way_up_and_nothing_else(client):
    client.force_login(make_staff("administrator"))
    way = Promotion.objects.get(to_rank__code="consultant")
    typed = {
        "months": "24",
        "official": "on",
        "degree": "master",
        "route": "qualification",
        "to_rank": way.from_rank_id,
    }
    assert client.post(at("promotion", "change", way.pk), typed).status_code == 302
    after = Promotion.objects.get(pk=way.pk)
    assert (after.months, after.official) == (24, True)
    assert (after.degree, after.route, after.to_rank) == (way.degree, way.route, way.to_rank)
    for months in ("0", "-1", "many", "99999999"):
        answer = client.post(at("promotion", "change", way.pk), {"months": months})
        assert answer.status_code == 200, months
        assert errors(answer), months
    assert Promotion.objects.get(pk=way.pk).months == 24


@pytest.mark.req("EXM-1")
def test_an_administrator_chooses_the_exam_of_a_profession_and_nothing_else(client):
    client.force_login(make_staff("administrator"))
    nursing, exam = Profession.objects.get(code="NUR"), Exam.objects.get(code="laboratory")
    rows = {"specialties-TOTAL_FORMS": "0", "specialties-INITIAL_FORMS": "0"}
    typed = rows | {"exam": exam.pk, "code": "XXX"}
    assert client.post(at("profession", "change", nursing.pk), typed).status_code == 302
    after = Profession.objects.get(pk=nursing.pk)
    assert (after.exam, after.code, after.name_en) == (exam, "NUR", nursing.name_en)
    assert client.post(at("profession", "change", nursing.pk), rows | {"exam": ""}).status_code == 302
    assert Profession.objects.get(pk=nursing.pk).exam is None


def test_the_taxonomy_is_read_by_administrators_alone(client):
    for role in ("administrator", "register officer", "reviewer", "auditor"):
        client.force_login(make_staff(role))
        for model in ("exam", "promotion", "profession", "specialty", "rank"):
            expected = 200 if role == "administrator" else 403
            assert client.get(at(model, "changelist")).status_code == expected, (role, model)
