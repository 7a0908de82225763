"""Judged once, on the day of the declaration, by the versions in force then; whatever changes later (SRV-12)."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from applications.models import Application
from cpd import recording
from cpd.models import ActivityType, Requirement
from mumaris.kit import clock
from mumaris.kit.clock import RIYADH, add_months
from mumaris.kit.lifecycle import NotAllowed
from mumaris.kit.models import DemoClock, PolicyValue
from payments.models import Line
from register import sanctions
from register.models import Rank
from register.standing import grace_ends
from tests.bad_files import one_page
from tests.fingerprint import unchanged
from tests.people import Office, classified, declare, invoice_of, make_draft, pay, registered

pytestmark = [pytest.mark.django_db, pytest.mark.req("SRV-12")]


@pytest.fixture(autouse=True)
def first_day(settings, tmp_path) -> date:
    """The middle of a month lies far from where months have no such day."""
    settings.STORAGE_DIR = tmp_path
    day = add_months(clock.today(clock.now()).replace(day=15), 1)
    move_to(day)
    return day


def move_to(day: date) -> datetime:
    """Let it be midday in Riyadh on that day, for everybody who asks the portal's clock."""
    DemoClock.objects.update_or_create(id=1, defaults={"ahead": timedelta()})
    ahead = datetime.combine(day, time(12), RIYADH) - clock.now()
    DemoClock.objects.update(ahead=ahead)
    return clock.now()


def from_now_on(key: str, value: int, first_day: date) -> None:
    PolicyValue.objects.create(key=key, value=value, effective_from=first_day, source="a decision of tomorrow")


def browser(person) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(person.user)
    return client


def typed(name: str, day: date) -> dict[str, str]:
    parts = {"calendar": "gregorian", "day": day.day, "month": day.month, "year": day.year}
    return {f"{name}_{part}": str(text) for part, text in parts.items()}


def attach_letter(client: Client, case: Application, day: date):
    """Post an employer letter dated that day into its slot; None when it is taken, else the errors of its form."""
    sent = {"employer_letter-file": SimpleUploadedFile("letter.pdf", one_page())} | typed(
        "employer_letter-issued_on", day
    )
    answer = client.post(f"/applications/{case.reference}/documents/employer_letter/", sent)
    return None if answer.status_code == 302 else set(answer.context["form"].errors)


def answer_with_letter(client: Client, case: Application, day: date):
    sent = {"employer_letter-kind": "file", "employer_letter-file": SimpleUploadedFile("letter.pdf", one_page())}
    answer = client.post(
        f"/applications/{case.reference}/remarks/employer_letter/", sent | typed("employer_letter-issued_on", day)
    )
    return None if answer.status_code == 302 else set(answer.context["form"].errors)


def declare_over_http(client: Client, case: Application):
    """The page that reads the draft back, after it was sent; None when it is declared."""
    case.refresh_from_db()
    answer = client.post(f"/applications/{case.reference}/check/", {"declared": "on", "version": case.version})
    return None if answer.status_code == 302 else answer.content.decode()


def state_of(case: Application) -> str:
    return Application.objects.get(pk=case.pk).state


# A letter, one day too old


@pytest.mark.req("DOC-5")
@pytest.mark.req("SRV-3")
def test_a_letter_one_day_too_old_is_refused_at_the_upload_and_at_the_declaration(first_day):
    now, oldest = clock.now(), add_months(first_day, -3)
    draft = make_draft(classified(Office(), now=now), "registration", now=now)
    client = browser(draft.practitioner)
    with unchanged():
        assert attach_letter(client, draft, oldest - timedelta(days=1)) == {"issued_on"}
        assert attach_letter(client, draft, first_day + timedelta(days=1)) == {"issued_on"}
    assert attach_letter(client, draft, oldest) is None
    move_to(first_day + timedelta(days=1))
    with unchanged():
        refused = declare_over_http(client, draft)
    assert "An employer letter that is recent enough" in refused
    assert "older than 3 months" in refused
    assert attach_letter(client, draft, oldest + timedelta(days=1)) is None
    assert declare_over_http(client, draft) is None
    assert state_of(draft) == "awaiting_admin_fee"


def test_a_draft_is_judged_by_what_is_in_force_on_the_day_of_its_declaration(first_day):
    now = clock.now()
    draft = make_draft(classified(Office(), now=now), "registration", now=now, letter=add_months(first_day, -2))
    client, tomorrow = browser(draft.practitioner), first_day + timedelta(days=1)
    from_now_on("employer_letter.months", 1, tomorrow)
    move_to(tomorrow)
    with unchanged():
        assert "older than 1 month." in declare_over_http(client, draft)
        assert attach_letter(client, draft, add_months(tomorrow, -1) - timedelta(days=1)) == {"issued_on"}
    move_to(first_day)
    assert declare_over_http(client, draft) is None


@pytest.mark.req("APP-4")
@pytest.mark.parametrize("later", [1, 12])
def test_payment_alone_submits_and_answers_are_judged_on_their_own_day_by_the_versions_of_the_declaration(
    first_day, later
):
    """Whether the policy grew stricter or milder since."""
    office, now = Office(), clock.now()
    draft = make_draft(classified(office, now=now), "registration", now=now, letter=add_months(first_day, -3))
    client = browser(draft.practitioner)
    assert declare_over_http(client, draft) is None
    judged = Application.objects.get(pk=draft.pk).judgement
    assert {row["verdict"] for row in judged["en"]} == {"met"}
    from_now_on("employer_letter.months", later, first_day + timedelta(days=1))
    from_now_on("medical_report.age", 20, first_day + timedelta(days=1))
    from_now_on("classification.usable_months", 1, first_day + timedelta(days=1))
    day = first_day + timedelta(days=5)
    case = pay(draft, "admin", now=move_to(day))
    assert case.state == "submitted"
    case = office.return_(case, "employer_letter", now=move_to(day))
    day += timedelta(days=10)
    now, oldest = move_to(day), add_months(day, -3)
    with unchanged():
        assert answer_with_letter(client, case, oldest - timedelta(days=1)) == {"issued_on"}
        assert answer_with_letter(client, case, day + timedelta(days=1)) == {"issued_on"}
    assert answer_with_letter(client, case, oldest) is None
    assert client.post(f"/applications/{case.reference}/resubmit/").status_code == 302
    assert office.approve(case, now=now).state == "preliminarily_approved"
    case.refresh_from_db()
    assert case.judgement == judged
    assert case.attachments.get(slot="employer_letter", replaced_at=None).issued_on == oldest


# Whatever befalls between declaring and paying


def test_no_rule_is_asked_again_once_it_was_declared(first_day):
    office, now = Office(), clock.now()
    person = registered(office, now=now)
    ends = person.registrations.get().periods.get().last_day
    now = move_to(add_months(ends, -1))
    give_hours(office, person, 20, first_day, now)
    case = declare(make_draft(person, "renewal", now=now), now=now)
    sanctions.impose(person, "Practised without a licence.", by=office.registrar, now=now)
    person.identities.update(expires_on=first_day)
    assert pay(case, "admin", now=now).state == "submitted"
    with pytest.raises(NotAllowed):
        declare(make_draft(person, "good-standing", now=now), now=now)


@pytest.mark.req("PAY-1")
@pytest.mark.parametrize(("declared", "grace_later", "late"), [(0, 0, False), (1, 12, True)])
def test_lateness_is_that_of_the_declaration_whatever_the_grace_becomes(first_day, declared, grace_later, late):
    office, now = Office(), clock.now()
    person = registered(office, now=now)
    last_day = person.registrations.get().periods.get().last_day
    give_hours(office, person, 20, first_day, now)
    day = grace_ends(last_day, 1) + timedelta(days=declared)
    now = move_to(day)
    case = declare(make_draft(person, "renewal", now=now), now=now)
    from_now_on("registration.grace_months", grace_later, day + timedelta(days=1))
    now = move_to(day + timedelta(days=20))
    case = office.approve(pay(case, "admin", now=now), now=now)
    assert Line.objects.filter(invoice=invoice_of(case, "service")).count() == (2 if late else 1)
    assert case.judgement["surcharges"] == (["late"] if late else [])


@pytest.mark.req("SRV-4")
@pytest.mark.req("CPD-5")
@pytest.mark.parametrize("later", [100, 0])
def test_hours_are_confirmed_by_the_requirement_and_the_window_of_the_declaration(first_day, later):
    """More asked since is not asked of this case, less asked since spares it nothing; hours attended later count for the next."""
    office, now = Office(), clock.now()
    person = registered(office, now=now)
    ends = person.registrations.get().periods.get().last_day
    day = ends + timedelta(days=10)
    give_hours(office, person, 10, first_day, now)
    now = move_to(day)
    case = declare(make_draft(person, "renewal", now=now, answers={"evidenced_hours": 10}), now=now)
    Requirement.objects.create(
        rank=Rank.objects.get(code="technician"),
        hours_per_year=later,
        effective_from=day + timedelta(days=1),
        source="a decision of tomorrow",
    )
    now = move_to(day + timedelta(days=20))
    case = pay(case, "admin", now=now)
    give_hours(office, person, 10, day + timedelta(days=1), now)
    with pytest.raises(NotAllowed, match="10"):
        office.recommend(case, now=now)
    give_hours(office, person, 5, day - timedelta(days=4), now)
    with pytest.raises(NotAllowed, match="5"):
        office.recommend(case, now=now)
    give_hours(office, person, 5, day, now)
    assert office.approve(case, now=now).state == "preliminarily_approved"


def give_hours(office: Office, person, hours: int, began: date, now: datetime) -> None:
    """Hours of professional development, recorded as an officer does, five a day."""
    for number in range(hours // 5):
        day = began + timedelta(days=number)
        award = recording.Award(
            title=f"Course {number} from {began}",
            type=ActivityType.CONFERENCE,
            provider="Health Academy",
            began_on=day,
            ended_on=day,
            hours=Decimal(5),
        )
        recording.record(person, award, by=office.cpd_officer, now=now + timedelta(days=30))
