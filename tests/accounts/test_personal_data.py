"""One's own data: typed as people type, one account per person, the number never in clear (ACC-4, ACC-5)."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import identity, profile
from accounts.models import Identity, Practitioner
from mumaris.kit import clock
from tests.fingerprint import unchanged
from tests.people import NOON, identity_number, make_practitioner, make_user
from tests.threads import at_once

PAGE = "/account/personal/"


def typed(**changes):
    """What the form sends: a Saudi born on 3 May 1995, and the changes of a test."""
    return {
        "first_ar": "سمر",
        "father_ar": "",
        "grandfather_ar": "",
        "family_ar": "إدريس",
        "first_en": "Samar",
        "father_en": "",
        "grandfather_en": "",
        "family_en": "Idris",
        **a_date("birth_date", 3, 5, 1995),
        "gender": "f",
        "nationality": "SA",
        "mobile": "0501234567",
        "address": "",
        "identity_kind": "national_id",
        "identity_number": identity_number("1"),
        "identity_country": "",
        **a_date("identity_expires_on", 1, 1, 2031),
        "version": "0",
    } | changes


def a_date(name, day, month, year, calendar="gregorian"):
    parts = {"calendar": calendar, "day": day, "month": month, "year": year}
    return {f"{name}_{part}": text for part, text in parts.items()}


@pytest.fixture
def newcomer(client, db):
    user = make_user("Newcomer")
    client.force_login(user)
    return client


def errors(answer):
    assert answer.status_code == 200
    return set(answer.context["form"].errors)


@pytest.mark.req("ACC-5")
def test_personal_data_is_kept_as_meant(newcomer):
    arabic = a_date("birth_date", "٣", "٥", "١٩٩٥")
    sent = typed(**arabic, mobile="٠٥٠ ١٢٣ ٤٥٦٧", first_en=" Samar\u200f ", address="King Fahd Road, 7")
    assert newcomer.post(PAGE, sent).headers["Location"] == "/account/"
    person = Practitioner.objects.get()
    assert (person.first_en, person.birth_date, str(person.mobile)) == ("Samar", date(1995, 5, 3), "+966501234567")
    held = person.identities.get()
    assert (held.kind, held.expires_on, identity.unseal(held.sealed)) == (
        "national_id",
        date(2031, 1, 1),
        sent["identity_number"],
    )
    assert "إدريس" in newcomer.get("/account/").content.decode()


@pytest.mark.req("ACC-5")
def test_a_date_may_be_typed_in_either_calendar(newcomer):
    newcomer.post(PAGE, typed(**a_date("birth_date", 4, 12, 1415, "hijri")))
    assert Practitioner.objects.get().birth_date == date(1995, 5, 3)


@pytest.mark.req("ACC-4")
def test_the_number_stands_nowhere_in_clear(newcomer):
    sent = typed()
    newcomer.post(PAGE, sent)
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{sent['identity_number']}%"])
            assert cursor.fetchone() == (0,), table
    for page in ("/account/", PAGE):
        assert sent["identity_number"] not in newcomer.get(page).content.decode()


@pytest.mark.req("ACC-4")
@pytest.mark.parametrize(
    "shown", ["{0}", "\u200f{0}", "{0[0]} {0[1]}{0[2]}{0[3]}-{0[4]}{0[5]}{0[6]}{0[7]}{0[8]}{0[9]}", "arabic", "persian"]
)
def test_a_second_account_of_one_person_is_refused_with_the_way_back(newcomer, shown):
    """Classes 1 to 5: however the number is typed, it is the same person."""
    number = identity_number("1")
    make_practitioner(number=number)
    digits = {"arabic": "٠١٢٣٤٥٦٧٨٩", "persian": "۰۱۲۳۴۵۶۷۸۹"}
    again = number.translate(str.maketrans("0123456789", digits[shown])) if shown in digits else shown.format(number)
    with unchanged():
        answer = newcomer.post(PAGE, typed(identity_number=again))
    assert errors(answer) == {"identity_number"}
    assert "use “I forgot my password” with its number" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.req("ACC-4")
def test_the_database_itself_refuses_a_second_account_of_one_person():
    first = make_practitioner()
    held = first.identities.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        other = make_practitioner()
        Identity.objects.create(practitioner=other, kind="iqama", person_key=held.person_key, sealed=b"x", masked="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        Practitioner.objects.filter(pk=make_practitioner().pk).update(user=first.user)


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("ACC-4")
def test_of_twenty_accounts_that_claim_one_number_at_once_one_gets_it():
    users, number = [make_user(f"Claimant {n}") for n in range(20)], identity_number("1")
    raised = at_once(*[lambda user=user: make_practitioner(user=user, number=number) for user in users])
    assert [type(error) for error in raised] == [profile.PersonTaken] * 19
    assert Practitioner.objects.count() == Identity.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("ACC-4")
def test_of_two_first_savings_of_one_account_at_once_one_counts():
    user = make_user()
    raised = at_once(*[lambda: make_practitioner(user=user)] * 4)
    assert len(raised) == 3
    assert Practitioner.objects.count() == Identity.objects.count() == 1


@pytest.mark.req("APP-8")
@pytest.mark.django_db(transaction=True)
def test_a_second_click_on_the_first_saving_finds_the_first_ones_work():
    user, number = make_user(), identity_number("1")
    assert at_once(*[lambda: make_practitioner(user=user, number=number)] * 4) == []
    assert Practitioner.objects.count() == Identity.objects.count() == 1


@pytest.mark.req("ACC-4")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"identity_number": "1058529941"}, "identity_number"),  # class 7: a wrong check digit
        ({"identity_number": "3058529940"}, "identity_number"),  # class 8
        ({"identity_number": "105852994"}, "identity_number"),
        ({"identity_number": "10585299400"}, "identity_number"),
        ({"identity_number": "¹⁰⁵⁸⁵²⁹⁹⁴⁰"}, "identity_number"),  # class 6
        ({"identity_number": "①⓪⑤⑧⑤②⑨⑨④⓪"}, "identity_number"),
        ({"identity_number": "1058529940\0"}, "identity_number"),
        ({"identity_kind": "iqama", "nationality": "IN"}, "identity_number"),  # class 9: the number is a national ID's
        ({"identity_kind": "iqama", "identity_number": identity_number("2")}, "identity_kind"),  # no Saudi has one
        ({"nationality": "IN"}, "identity_kind"),
        ({"identity_kind": "passport", "nationality": "IN", "identity_number": "Z1234567"}, "identity_country"),
        (
            {"identity_kind": "passport", "nationality": "IN", "identity_country": "IN"} | {"identity_number": "Z-12"},
            "identity_number",
        ),
        (
            {"identity_kind": "gcc_id", "nationality": "AE", "identity_country": "IN"}
            | {"identity_number": "784199512345678"},
            "identity_number",
        ),
        ({"identity_kind": "driving_licence"}, "identity_kind"),
        ({"first_ar": "Samar"}, "first_ar"),
        ({"first_en": "سمر"}, "first_en"),
        ({"family_en": "Idris 2"}, "family_en"),
        ({"mobile": "0112345678"}, "mobile"),
        ({"mobile": "5"}, "mobile"),
        ({"mobile": "call me"}, "mobile"),
        ({"gender": "x"}, "gender"),
        ({"nationality": "XX"}, "nationality"),
        (a_date("birth_date", 29, 2, 1995), "birth_date"),  # class 35
        (a_date("birth_date", 30, 2, 1996), "birth_date"),
        (a_date("birth_date", 3, 5, 1415), "birth_date"),  # a Hijri year as Gregorian
        (a_date("birth_date", 3, 5, 1995, "hijri"), "birth_date"),
        (a_date("birth_date", 30, 2, 1416, "hijri"), "birth_date"),  # a month of 29 days
        (a_date("birth_date", 1, 1, 1342, "hijri"), "birth_date"),  # outside the tables
        (a_date("birth_date", 1, 1, 1501, "hijri"), "birth_date"),
        (a_date("birth_date", 1, 1, 1), "birth_date"),
        (a_date("birth_date", 31, 12, 9999), "birth_date"),
        (a_date("birth_date", 1, 1, 2070), "birth_date"),  # the future
        (a_date("birth_date", 5, 13, 1995), "birth_date"),
        (a_date("birth_date", 1995, 5, 3), "birth_date"),
        (a_date("birth_date", "", "", ""), "birth_date"),
        (a_date("birth_date", 3, 5, 1995, "julian"), "birth_date"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_kept(newcomer, changes, field):
    with unchanged():
        answer = newcomer.post(PAGE, typed(**changes))
    assert errors(answer) == {field}


@pytest.mark.parametrize("mobile", ["0501234567", "501234567", "+966501234567", "00966 50 123 4567", "٠٥٠١٢٣٤٥٦٧"])
def test_a_mobile_is_one_number_however_it_is_typed(newcomer, mobile):
    """Class 37."""
    newcomer.post(PAGE, typed(mobile=mobile))
    assert str(Practitioner.objects.get().mobile) == "+966501234567"


@pytest.mark.req("ACC-5")
def test_what_was_typed_is_shown_again(newcomer):
    page = newcomer.post(
        PAGE, typed(first_en="<script>", mobile="no", **a_date("birth_date", 30, 2, 1995))
    ).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    for part in ('value="no"', 'value="30"', 'value="1995"', 'value="إدريس"'):
        assert part in page, part


@pytest.mark.req("ACC-5")
def test_an_identity_is_renewed_but_not_exchanged(newcomer):
    newcomer.post(PAGE, typed())
    before = Identity.objects.get()
    change = typed(identity_number=identity_number("1"), **a_date("identity_expires_on", 1, 1, 2036))
    assert newcomer.post(PAGE, change).status_code == 302
    after = Identity.objects.get()
    assert (after.person_key, after.sealed, after.expires_on) == (before.person_key, before.sealed, date(2036, 1, 1))


def test_a_form_opened_before_another_change_overwrites_nothing(newcomer):
    """Class 41."""
    newcomer.post(PAGE, typed())
    newcomer.post(PAGE, typed(first_en="Samira"))
    with unchanged():
        answer = newcomer.post(PAGE, typed(first_en="Sara"))
    assert errors(answer) == {"__all__"}
    assert 'value="Sara"' in answer.content.decode()


def test_a_second_click_keeps_the_first_result(newcomer):
    """Class 42."""
    sent = typed()
    answers = [newcomer.post(PAGE, sent) for _click in range(2)]
    assert {answer.headers["Location"] for answer in answers} == {"/account/"}
    assert Practitioner.objects.count() == Identity.objects.count() == 1
    changed = typed(first_en="Samira", version="1")
    assert {newcomer.post(PAGE, changed).headers["Location"] for _click in range(2)} == {"/account/"}
    assert Practitioner.objects.get().version == 2


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        ("/services/registration/", "/services/registration/"),
        ("//evil.example", "/account/"),
        ("/\\evil.example", "/account/"),
        ("https://evil.example/", "/account/"),
        ("javascript:alert(1)", "/account/"),
        ("account", "/account/"),
        ("/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x"),
    ],
)
def test_afterwards_one_goes_back_to_where_the_data_was_missed(newcomer, wanted, where):
    """Class 24: and never anywhere else."""
    assert newcomer.post(PAGE, typed(next=wanted)).headers["Location"] == where


def test_data_confirmed_anew_says_when(newcomer):
    newcomer.post(PAGE, typed())
    person = Practitioner.objects.get()
    assert person.created_at <= person.confirmed_at <= clock.now()


@pytest.mark.django_db
@pytest.mark.req("ACC-5")
def test_a_name_typed_before_a_declaration_is_not_saved_after_it(monkeypatch):
    """The form was open while the case was declared; what was declared stays true."""
    person = make_practitioner()
    person.first_en = "Another"
    monkeypatch.setattr(profile, "HOLDS", [lambda practitioner, what: "declared meanwhile"])
    expires_on = person.identities.get().expires_on
    with pytest.raises(profile.ChangedMeanwhile):
        profile.save_personal_data(
            person.user, person, version=person.version, now=NOON, identity_expires_on=expires_on, new_identity=None
        )
    assert type(person).objects.get(pk=person.pk).first_en == "Samar"
