"""The verification officer's desk: the queue, the paper report with its file, and who may do what (DOC-3)."""

from datetime import date, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Notice, User
from documents import verification
from documents.models import Verification
from tests.documents.test_verification import BIRTH, CASE, facts_of, make_degree, make_job, make_licence, report_on
from tests.fingerprint import unchanged
from tests.people import NOON, make_practitioner, make_user, upload

pytest_plugins = ["tests.servers"]
pytestmark = [pytest.mark.django_db, pytest.mark.req("DOC-3")]
LIST = "admin:documents_verification_changelist"
RIGHTS = ["view_paper", "view_qualification", "view_experience", "view_licence", "view_verification"]


@pytest.fixture(autouse=True)
def english(client, settings, tmp_path):
    client.cookies["django_language"] = "en"
    settings.STORAGE_DIR = tmp_path


def staff(*rights, user=None):
    user = user or make_user("Officer", staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def officer():
    return staff(*RIGHTS, "record_verification")


@pytest.fixture
def company(verifier_simulator, settings):
    verifier_simulator.stand_in(settings)
    return verifier_simulator


def waiting(company, entry, number=CASE, now=NOON, **facts):
    company.make_case(**facts_of(entry, case_number=number, **{"result": None, **facts}))
    return verification.enter_case(entry, number, by=entry.practitioner.user, now=now)


def typed_date(field, day):
    parts = {"calendar": "gregorian", "day": day.day, "month": day.month, "year": day.year}
    return {f"{field}_{part}": str(value) for part, value in parts.items()}


def typed(entry, **changes):
    awarded_on, begun_on, ended_on = verification.dates_of(entry)
    days = {"awarded_on": awarded_on, "begun_on": begun_on, "ended_on": ended_on, "reported_on": date(2026, 11, 1)}
    said = {"case_number": CASE, "result": "positive", "serial": "P-9", "named": "Samar Idris", "file": upload()}
    said |= {"title": "Bachelor of nursing", "issuer": "Cairo University"}
    return {
        **said,
        **{part: text for name, day in days.items() if day for part, text in typed_date(name, day).items()},
        **changes,
    }


def record_url(entry):
    return reverse(f"admin:documents_{entry._meta.model_name}_record", args=[entry.pk])


def rows(client, **query):
    page = client.get(reverse(LIST), query)
    return [case.case_number for case in page.context["cl"].result_list]


def test_the_queue_shows_the_oldest_waiting_first_and_filters(client, officer, company):
    for number, (result, days) in enumerate([("positive", 9), (None, 3), ("unable", 5), (None, 7)]):
        waiting(company, make_degree(), f"DF-2026-{number}", NOON - timedelta(days=days), result=result)
    client.force_login(officer)
    assert rows(client)[:2] == ["DF-2026-3", "DF-2026-1"]
    assert rows(client, state="waiting") == ["DF-2026-3", "DF-2026-1"]
    assert rows(client, state="unable") == ["DF-2026-2"]
    assert rows(client, state="refused") == []
    assert sorted(rows(client, source__exact="company")) == [f"DF-2026-{number}" for number in range(4)]
    assert rows(client, appeal="yes") == []
    assert rows(client, q=" df-2026-٢ ") == ["DF-2026-2"]
    email = Verification.objects.get(case_number="DF-2026-1").practitioner.user.email
    assert rows(client, q=email.upper()) == ["DF-2026-1"]
    assert client.get(reverse(LIST), {"named__startswith": "S"}).status_code == 400


def test_a_person_is_found_by_the_whole_identity_number(client, officer):
    mine = make_degree(make_practitioner(nationality="EG", number="2000000006"))
    make_degree()
    client.force_login(officer)
    found = (
        client.get(reverse("admin:documents_qualification_changelist"), {"q": "٢٠٠٠٠٠٠٠٠٦"}).context["cl"].result_list
    )
    assert list(found) == [mine]


@pytest.mark.parametrize("make", [make_degree, make_job, make_licence])
def test_the_officer_records_a_paper_report_from_the_entry(client, officer, make):
    entry = make()
    client.force_login(officer)
    page = client.get(reverse(f"admin:documents_{entry._meta.model_name}_change", args=[entry.pk]))
    assert record_url(entry) in page.content.decode()
    assert client.get(record_url(entry)).status_code == 200
    answer = client.post(record_url(entry), typed(entry))
    case = Verification.objects.get()
    assert answer.url == reverse("admin:documents_verification_change", args=[case.pk])
    assert (case.is_positive, case.entry, case.recorded_by, case.serial) == (True, entry, officer, "P-9")
    assert (case.title, case.issuer) == ("Bachelor of nursing", "Cairo University")
    report = reverse("admin:documents_verification_report", args=[case.pk])
    assert report in client.get(answer.url).content.decode()
    assert client.get(report).headers["Content-Type"] == "application/pdf"
    assert Notice.objects.get().recipient == entry.practitioner.user


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"named": "Priya Nair"}, "__all__", "names another person"),
        (typed_date("birth_date", date(1990, 1, 1)), "__all__", "names another person"),
        (typed_date("awarded_on", date(2016, 7, 1)), "__all__", "about another document"),
        ({"case_number": "x"}, "case_number", "6 to 30"),
        ({"result": "perfect"}, "result", "perfect"),
        ({"serial": ""}, "serial", "required"),
        ({"named": "a\0b"}, "named", "can't be read"),
        ({"reported_on_day": "31"}, "reported_on", "no day 31"),
        (typed_date("reported_on", date(2077, 1, 1)), "reported_on", "future"),
        ({"file": ""}, "file", "required"),
        ({"file": upload(content=b"MZ\x90")}, "file", "PDF"),
    ],
)
def test_a_report_that_does_not_fit_is_refused_with_what_was_typed(client, officer, tmp_path, changes, field, reason):
    entry = make_degree()
    client.force_login(officer)
    with unchanged():
        answer = client.post(record_url(entry), typed(entry) | changes)
        assert answer.status_code == 200
    page = unescape(answer.content.decode())
    assert field in answer.context["form"].errors
    assert reason in page
    assert "<title>Error:" in page
    assert ('value="P-9"' in page) is ("serial" not in changes)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_case_that_waits_is_proposed_and_answered(client, officer, company):
    entry = make_degree()
    company.fault("503")
    case = waiting(company, entry)
    client.force_login(officer)
    assert f'value="{CASE}"' in client.get(record_url(entry)).content.decode()
    client.post(record_url(entry), typed(entry, **typed_date("birth_date", BIRTH)))
    assert Verification.objects.get(pk=case.pk).source == "report"
    with unchanged():
        assert "verified already" in str(client.post(record_url(entry), typed(entry)).context["form"].errors)


def test_only_who_may_record_finds_the_way_and_the_door(client):
    entry = make_degree()
    client.force_login(staff(*RIGHTS))
    page = client.get(reverse("admin:documents_qualification_change", args=[entry.pk]))
    assert record_url(entry) not in page.content.decode()
    for user in (staff(*RIGHTS), staff("record_verification"), make_user("Nobody", staff=True)):
        client.force_login(user)
        with unchanged():
            assert client.get(record_url(entry)).status_code == 403
            assert client.post(record_url(entry), typed(entry)).status_code == 403


def test_ones_own_case_does_not_exist_at_the_desk(client, officer):
    own = make_degree(make_practitioner(nationality="EG", user=officer))
    client.force_login(officer)
    with unchanged():
        assert client.get(record_url(own)).status_code == 404
        assert client.post(record_url(own), typed(own)).status_code == 404
    assert client.get(reverse("admin:documents_qualification_change", args=[own.pk])).status_code == 404
    assert list(client.get(reverse("admin:documents_qualification_changelist")).context["cl"].result_list) == []


def test_a_report_is_opened_only_with_the_right_to_see_papers(client, officer, company):
    entry, other = make_degree(), make_degree()
    case = verification.record_report(entry, report_on(entry), upload=upload(), by=officer, now=NOON)
    empty = waiting(company, other, "DF-2026-9")
    address = reverse("admin:documents_verification_report", args=[case.pk])
    client.force_login(staff("view_verification"))
    assert client.get(address).status_code == 403
    assert address not in client.get(reverse("admin:documents_verification_change", args=[case.pk])).content.decode()
    client.force_login(officer)
    assert client.post(address).status_code == 405
    assert client.get(reverse("admin:documents_verification_report", args=[empty.pk])).status_code == 404


def test_nothing_is_changed_by_hand(client, officer, company):
    case = waiting(company, make_degree())
    officer.user_permissions.add(*Permission.objects.filter(content_type__app_label="documents"))
    client.force_login(User.objects.get(pk=officer.pk))
    address = reverse("admin:documents_verification_change", args=[case.pk])
    with unchanged():
        assert client.post(address, {"result": "positive"}).status_code == 403
        assert client.post(reverse("admin:documents_verification_add"), {}).status_code == 403
        assert (
            client.post(reverse("admin:documents_verification_delete", args=[case.pk]), {"post": "yes"}).status_code
            == 403
        )


def test_the_queue_asks_the_database_equally_often_however_long_it_is(client, officer, company):
    client.force_login(officer)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse(LIST))
        return len(queries)

    waiting(company, make_degree(), "DF-2026-1")
    asked()
    before = asked()
    for number, make in enumerate([make_degree, make_job, make_licence], start=2):
        waiting(company, make(), f"DF-2026-{number}")
    assert asked() == before


def test_the_group_of_the_desk_may_record():
    group = Group.objects.get(name="verification officer")
    held = set(group.permissions.values_list("codename", flat=True))
    assert held == {*RIGHTS, "record_verification", "view_practitioner"}
