"""What was declared, reviewed and issued stays true, and nobody slips through between a cut-off and its sweep."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client

from accounts import identity, profile
from applications import filing, review, sweeps
from applications.models import Application, Deadline
from applications.progress import advance
from documents import wallet
from mumaris.kit.lifecycle import NotAllowed
from payments.models import Credit
from register.models import Rank, Specialty
from tests.people import NOON, Office, classified, declare, make_draft, make_practitioner, make_staff, pay, upload

pytestmark = pytest.mark.django_db


def personal_data(person, **changes) -> dict:
    """The form as the browser would send it back, with `changes`."""
    return {
        "version": person.version,
        "first_ar": "سمر",
        "family_ar": "إدريس",
        "first_en": "Samar",
        "family_en": "Idris",
        "birth_date_calendar": "gregorian",
        "birth_date_day": "3",
        "birth_date_month": "5",
        "birth_date_year": "1995",
        "gender": "f",
        "nationality": str(person.nationality),
        "mobile": "0501234567",
        "identity_expires_on_calendar": "gregorian",
        "identity_expires_on_day": "1",
        "identity_expires_on_month": "1",
        "identity_expires_on_year": "2031",
        **changes,
    }


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person.user)
    return client


@pytest.mark.req("SRV-12")
def test_a_name_cannot_change_while_a_case_is_open_or_once_papers_are_issued():
    office = Office()
    waiting = make_practitioner()
    declare(make_draft(waiting))
    for person in (waiting, classified(office)):
        signed_in(person).post("/account/personal/", personal_data(person, first_en="Mickey", mobile="0509999999"))
        person.refresh_from_db()
        assert (person.first_en, str(person.mobile)) == ("Samar", "+966509999999")


@pytest.mark.req("ACC-4")
def test_nationality_must_agree_with_the_identity_on_file():
    person = make_practitioner(nationality="IN")
    answer = signed_in(person).post("/account/personal/", personal_data(person, nationality="SA"))
    assert "nationality" in answer.context["form"].errors
    person.refresh_from_db()
    assert str(person.nationality) == "IN"


@pytest.mark.req("SRV-12")
def test_a_qualification_cannot_change_while_its_case_is_open():
    person = make_practitioner()
    declare(make_draft(person))
    held = person.qualifications.get()
    data = {"degree": "doctorate", "field": "NUR", "title": "Other", "institution": "Other", "country": "SA"}
    signed_in(person).post(f"/account/qualifications/{held.pk}/", data)
    signed_in(person).post(f"/account/qualifications/{held.pk}/", {"delete": "1"})
    held.refresh_from_db()
    assert held.degree == "diploma"


@pytest.mark.req("APP-3")
def test_a_paper_replaced_after_the_read_back_asks_to_read_again():
    case = make_draft(make_practitioner())
    read = case.version
    paper = wallet.take_in(upload(), practitioner=case.practitioner, kind="transcript", now=NOON)
    filing.attach(case, "transcript", paper, issued_on=None, now=NOON)
    answer = signed_in(case.practitioner).post(
        f"/applications/{case.reference}/check/", {"declared": "on", "version": read}
    )
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors()
    case.refresh_from_db()
    assert case.state == "draft"


@pytest.mark.req("APP-4")
def test_a_case_whose_reviewer_is_barred_can_be_taken_over():
    office = Office()
    case = pay(declare(make_draft(make_practitioner())), "admin")
    advance(case.pk, "claim", by=office.reviewer, now=NOON)
    other = make_staff("reviewer")
    with pytest.raises(NotAllowed), transaction.atomic():
        review.assign(case.pk, by=other)
    office.reviewer.groups.remove(Group.objects.get(name="reviewer"))
    review.assign(case.pk, by=other)
    case.refresh_from_db()
    assert case.reviewer == other


@pytest.mark.req("PAY-4")
def test_answers_sent_after_the_cut_off_are_too_late_even_before_the_sweep():
    office = Office()
    case = office.return_(pay(declare(make_draft(make_practitioner())), "admin"), "transcript")
    item = case.return_items.get()
    filing.answer(item, kind="text", text="It is stamped on the back.", now=NOON)
    cut_off = Deadline.objects.get(application=case).lapses_at
    with pytest.raises(NotAllowed), transaction.atomic():
        advance(case.pk, "resubmit", by=case.practitioner.user, now=cut_off)
    with pytest.raises(NotAllowed), transaction.atomic():
        filing.answer(item, kind="text", text="Later.", now=cut_off)
    advance(case.pk, "resubmit", by=case.practitioner.user, now=cut_off - timedelta(seconds=1))


@pytest.mark.req("SRV-3")
def test_nobody_is_registered_as_what_they_were_not_classified():
    office = Office()
    person = classified(office)
    case = pay(declare(make_draft(person, "registration")), "admin")
    advance(case.pk, "claim", by=office.reviewer, now=NOON)
    other = {"specialty": Specialty.objects.get(code="paramedic"), "rank": Rank.objects.get(code="technician")}
    with pytest.raises(NotAllowed), transaction.atomic():
        advance(case.pk, "recommend", by=office.reviewer, now=NOON, verdict="approve", **other)
    case.refresh_from_db()
    assert case.state == "under_review"


@pytest.mark.req("PAY-5")
def test_nothing_revives_once_a_newer_case_is_completed():
    office, person = Office(), make_practitioner()
    old = office.approve(pay(declare(make_draft(person)), "admin"))
    cut_off = Deadline.objects.get(application=old).lapses_at
    sweeps.lapse(cut_off)
    newer = declare(make_draft(person, now=cut_off), now=cut_off)
    pay(newer, "admin", now=cut_off)
    office.approve(newer, now=cut_off)
    pay(newer, "service", now=cut_off)
    office.issue(newer, now=cut_off)
    old = pay(old, "service", paid_at=cut_off - timedelta(seconds=1), now=cut_off + timedelta(days=1))
    assert old.state == "cancelled"
    assert Credit.objects.get().reason == "case_closed"


@pytest.mark.req("ACC-4")
def test_who_came_with_a_passport_adds_the_residence_card_to_the_same_account():
    person = make_practitioner(nationality="IN", kind="iqama")
    before = person.identities.count()
    answer = signed_in(person).post(
        "/account/identity/add/",
        {
            "identity_kind": "passport",
            "identity_number": "Z1234567",
            "identity_country": "IN",
            "identity_expires_on_calendar": "gregorian",
            "identity_expires_on_day": "1",
            "identity_expires_on_month": "1",
            "identity_expires_on_year": "2030",
        },
    )
    assert answer.status_code == 302
    assert person.identities.count() == before + 1
    stranger = make_practitioner(nationality="IN")
    assert profile.hold(stranger, profile.WHO) == ""


@pytest.mark.req("ACC-4")
def test_a_renewed_card_gets_its_new_date():
    person = make_practitioner(nationality="IN")
    held = person.identities.get()
    profile.add_identity(
        person,
        kind=held.kind,
        number=identity.unseal(bytes(held.sealed)),
        country="",
        person_key=bytes(held.person_key),
        expires_on=date(2040, 1, 1),
    )
    held.refresh_from_db()
    assert held.expires_on == date(2040, 1, 1)
    assert person.identities.count() == 1


def test_a_case_discarded_meanwhile_is_a_missing_one():
    case = make_draft(make_practitioner())
    client = signed_in(case.practitioner)
    filing.discard(case)
    assert client.post(f"/applications/{case.reference}/documents/transcript/remove/").status_code == 404
    assert not Application.objects.exists()


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "idna"])
def test_a_body_in_another_encoding_is_refused(charset):
    answer = Client().post(
        "/sign/login/", b"login=a", content_type=f"application/x-www-form-urlencoded; charset={charset}"
    )
    assert answer.status_code == 400


def test_a_cookie_that_no_database_holds_is_refused():
    assert Client(headers={"cookie": 'sessionid="abcdefgh\\000ijk"'}).get("/").status_code == 400


def test_a_refused_address_still_carries_the_headers_that_protect():
    answer = Client(headers={"cookie": 'sessionid="abcdefgh\\000ijk"'}).get("/")
    assert {"Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options"} <= set(answer.headers)


@pytest.mark.req("PAY-5")
def test_a_cancelled_case_does_not_live_again_on_other_facts():
    office, person = Office(), make_practitioner()
    case = office.approve(pay(declare(make_draft(person)), "admin"))
    cut_off = Deadline.objects.get(application=case).lapses_at
    sweeps.lapse(cut_off)
    signed_in(person).post("/account/personal/", personal_data(person, first_en="Mickey"))
    case = pay(case, "service", paid_at=cut_off - timedelta(seconds=1), now=cut_off + timedelta(days=1))
    assert case.state == "cancelled"
    assert Credit.objects.get().reason == "case_closed"


@pytest.mark.req("APP-6")
def test_nobody_endorses_a_recommendation_they_have_not_read():
    office = Office()
    case = pay(declare(make_draft(make_practitioner())), "admin")
    advance(case.pk, "claim", by=office.reviewer, now=NOON)
    granted = {"specialty": Specialty.objects.get(code="general-nursing"), "rank": Rank.objects.get(code="technician")}
    case = advance(case.pk, "recommend", by=office.reviewer, now=NOON, verdict="approve", **granted)
    with pytest.raises(NotAllowed), transaction.atomic():
        advance(case.pk, "endorse_approval", by=office.approver, now=NOON, seen=case.moves - 1)
    advance(case.pk, "endorse_approval", by=office.approver, now=NOON, seen=case.moves)
