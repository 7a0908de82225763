"""CPD at the desk: who may record, withdraw and set figures; what is wrong stands at its field (CPD-3, STF-1)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from cpd import admin as cpd_admin
from cpd import recording
from cpd.models import Cap, Hours, Requirement
from cpd.recording import Award
from mumaris.kit import clock
from register import issuing
from register.models import Profession, Rank, Specialty
from tests.people import NOON, make_practitioner, make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.req("CPD-3")]
DAY = clock.today(NOON)
ADD, LIST = "admin:cpd_hours_add", "admin:cpd_hours_changelist"


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch):
    monkeypatch.setattr(cpd_admin, "clock_now", lambda: NOON)


@pytest.fixture
def officer(client):
    officer = make_staff("CPD officer")
    client.force_login(officer)
    return officer


@pytest.fixture
def registration():
    return register(make_practitioner())


def register(person):
    period = issuing.register(
        practitioner=person,
        specialty=Specialty.objects.get(code="general-nursing"),
        rank=Rank.objects.get(code="technician"),
        case=f"PR-2026-{person.pk:07d}",
        first_day=date(2026, 1, 1),
        last_day=date(2027, 12, 31),
        now=NOON,
    )
    return period.registration


def typed(held, **other):
    one_day = {f"{name}_{part}": value for name in ("began_on", "ended_on") for part, value in _day(DAY).items()}
    return {
        "registration": held.number,
        "case": "RR-2026-0000001",
        "title": "Primary care forum",
        "type": "conference",
        "provider": "Health cluster",
        "activity_number": "act 55310",
        "claimed_hours": "",
        "hours": "4.5",
        "reason": "",
        **one_day,
        **other,
    }


def _day(day, calendar="gregorian"):
    return {"calendar": calendar, "day": str(day.day), "month": str(day.month), "year": str(day.year)}


def recorded(registration, officer, hours="4.5"):
    award = Award(
        "Primary care forum", "conference", "Health cluster", DAY, DAY, Decimal(hours), case="RR-2026-0000001"
    )
    return recording.record(registration.practitioner, award, by=officer, now=NOON)


def test_an_officer_records_what_the_certificate_shows(client, officer, registration):
    hijri = {"ended_on_calendar": "hijri", "ended_on_day": "١٢", "ended_on_month": "٦", "ended_on_year": "١٤٤٨"}
    number = registration.number.lower().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    answer = client.post(
        reverse(ADD), typed(registration, registration=number, hours="٤٫٥", claimed_hours="4,5", **hijri)
    )
    hours = Hours.objects.get()
    assert (answer.status_code, answer.url) == (302, reverse("admin:cpd_hours_change", args=[hours.pk]))
    assert (hours.practitioner, hours.recorded_by) == (registration.practitioner, officer)
    assert (hours.activity_number, hours.hours, hours.case) == ("ACT-55310", Decimal("4.5"), "RR-2026-0000001")
    assert hours.began_on == hours.ended_on == DAY
    assert client.get(answer.url).status_code == 200
    assert registration.practitioner.user.notices.filter(kind="cpd_hours_recorded").count() == 1


def test_a_renewal_fills_in_what_it_knows(client, officer, registration):
    known = {"registration": registration.number, "case": "RR-2026-0000001", "began_on": "x", "hours": "x"}
    form = client.get(reverse(ADD), known).context["form"]
    assert (form["registration"].value(), form["case"].value()) == (registration.number, "RR-2026-0000001")
    assert form["hours"].value() is None


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("registration", {"registration": ""}),
        ("registration", {"registration": "RG-2026-0000000"}),
        ("registration", {"registration": "9" * 400}),
        ("case", {"case": "RR-2026"}),
        ("title", {"title": " "}),
        ("title", {"title": "x" * 201}),
        ("type", {"type": "rest"}),
        ("provider", {"provider": ""}),
        ("activity_number", {"activity_number": "رقم"}),
        ("activity_number", {"activity_number": "A" * 31}),
        ("began_on", {"began_on_day": "32"}),
        ("began_on", {"began_on_day": "", "began_on_month": "", "began_on_year": ""}),
        ("ended_on", {"ended_on_year": "2027"}),
        ("ended_on", {"began_on_day": str(DAY.day), "ended_on_day": str(DAY.day - 1)}),
        ("hours", {"hours": ""}),
        ("hours", {"hours": "many"}),
        ("hours", {"hours": "NaN"}),
        ("hours", {"hours": "1e9"}),
        ("hours", {"hours": "-1"}),
        ("hours", {"hours": "0"}),
        ("hours", {"hours": "4.3"}),
        ("hours", {"hours": "24.5"}),
        ("hours", {"claimed_hours": "4"}),
        ("reason", {"claimed_hours": "6"}),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_recorded(client, officer, registration, field, wrong):
    answer = client.post(reverse(ADD), typed(registration, **wrong))
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not Hours.objects.exists()
    if field != "title":
        assert "Primary care forum" in answer.content.decode()


def test_an_activity_recorded_twice_is_refused_by_name(client, officer, registration):
    client.post(reverse(ADD), typed(registration))
    answer = client.post(reverse(ADD), typed(registration, title="Another", hours="1"))
    assert list(answer.context["form"].errors) == ["activity_number"]
    assert "Primary care forum" in answer.content.decode()
    assert Hours.objects.count() == 1


@pytest.mark.req("STF-1")
def test_nobody_records_their_own_hours(client, officer):
    own = register(make_practitioner(user=officer))
    answer = client.post(reverse(ADD), typed(own))
    assert list(answer.context["form"].errors) == ["__all__"]
    assert not Hours.objects.exists()


@pytest.mark.req("STF-1")
@pytest.mark.parametrize(
    "role", ["reviewer", "approver", "register officer", "finance officer", "auditor", "administrator", ""]
)
def test_other_staff_record_and_withdraw_nothing(client, registration, role):
    hours = recorded(registration, make_staff("CPD officer"))
    client.force_login(make_staff(role) if role else make_user("New", staff=True))
    withdraw = reverse("admin:cpd_hours_withdraw", args=[hours.pk])
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), typed(registration)).status_code == 403
    assert client.post(withdraw, {"reason": "Mine."}).status_code == 403
    assert client.get(reverse(LIST)).status_code == (200 if role == "auditor" else 403)
    assert Hours.objects.live().count() == 1


def test_hours_are_withdrawn_from_their_page_with_a_reason(client, officer, registration):
    hours = recorded(registration, officer)
    page, withdraw = (reverse(f"admin:cpd_hours_{name}", args=[hours.pk]) for name in ("change", "withdraw"))
    assert withdraw in client.get(page).content.decode()
    assert client.get(withdraw).status_code == 405
    assert client.post(withdraw, {"reason": " "}).status_code == 302
    assert Hours.objects.live().exists()
    assert client.post(withdraw, {"reason": "Two days, not one."}).status_code == 302
    hours.refresh_from_db()
    assert (hours.withdrawn_by, hours.withdraw_reason) == (officer, "Two days, not one.")
    text = client.get(page).content.decode()
    assert withdraw not in text
    assert "Two days, not one." in text
    assert client.post(withdraw, {"reason": "Again."}).status_code == 302
    assert Hours.objects.get().withdraw_reason == "Two days, not one."


@pytest.mark.req("STF-4")
@pytest.mark.parametrize("search", ["registration", "case", "activity"])
def test_hours_are_found_by_whole_numbers_however_typed(client, officer, registration, search):
    client.post(reverse(ADD), typed(registration))
    recorded(register(make_practitioner()), officer, "1")
    asked = {"registration": registration.number, "case": "RR-2026-0000001", "activity": "act 55310"}[search]
    rows = client.get(reverse(LIST), {"q": f" {asked.lower()} "}).context["cl"].result_list
    assert Hours.objects.get(activity_number="ACT-55310") in rows
    assert len(rows) == (2 if search == "case" else 1)
    for nothing in (asked[:-1], "رقم"):
        assert list(client.get(reverse(LIST), {"q": nothing}).context["cl"].result_list) == []


@pytest.mark.req("STF-1")
def test_an_administrator_enters_figures_from_a_day_on(client):
    client.force_login(make_staff("administrator"))
    day, nursing = clock.today(clock.now()) + timedelta(days=9), Profession.objects.get(code="NUR")
    figure = {
        "profession": nursing.pk,
        "rank": "",
        "hours_per_year": "18",
        "effective_from": day.isoformat(),
        "source": "Order",
    }
    for model, more in ((Requirement, {}), (Cap, {"category": "second"})):
        name, number = f"admin:cpd_{model._meta.model_name}", model.objects.count()
        assert client.post(reverse(f"{name}_add"), figure | more).status_code == 302
        added = model.objects.get(profession=nursing, effective_from=day)
        assert (added.hours_per_year, added.rank, added.official) == (18, None, False)
        assert client.post(reverse(f"{name}_add"), figure | more).context["errors"]
        assert client.post(reverse(f"{name}_change", args=[added.pk]), figure | more).status_code == 403
        for wrong in ({"hours_per_year": "-1"}, {"effective_from": "2026-01-01"}, {"source": ""}):
            assert client.post(reverse(f"{name}_add"), figure | more | {"rank": "1"} | wrong).context["errors"]
        assert model.objects.count() == number + 1
        page = client.get(reverse(f"{name}_changelist")).content.decode()
        assert "badge-warn" in page
        assert nursing.name_en in page


@pytest.mark.req("STF-1")
def test_an_auditor_sees_the_figures_and_adds_none(client):
    client.force_login(make_staff("auditor"))
    for model in ("requirement", "cap"):
        assert client.get(reverse(f"admin:cpd_{model}_changelist")).status_code == 200
        assert client.post(reverse(f"admin:cpd_{model}_add"), {}).status_code == 403
