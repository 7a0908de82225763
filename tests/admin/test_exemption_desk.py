"""Exemptions at the desk: the queue, the evidence, and who finds which button (PAY-7, STF-1)."""

import re
from datetime import date, timedelta

import pytest
from django.urls import reverse

from accounts.models import User
from mumaris.kit import clock
from payments.models import Exemption
from tests.exempt import Finance, approve, ask, exempt, recommended
from tests.fingerprint import unchanged
from tests.people import declare, invoice_of, make_draft, make_practitioner, make_staff, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.req("PAY-7")]
LIST = reverse("admin:payments_exemption_changelist")


@pytest.fixture
def finance():
    return Finance()


@pytest.fixture
def now():
    return clock.now()


def at(page, exemption, *args):
    return reverse(f"admin:payments_exemption_{page}", args=[exemption.pk, *args])


def signed_in(client, user):
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client


def day(name, day: date):
    return {
        f"{name}_calendar": "gregorian",
        f"{name}_day": day.day,
        f"{name}_month": day.month,
        f"{name}_year": day.year,
    }


def body(name, now, exemption=None):
    """What would succeed for the right person."""
    typed = {
        "recommend": {
            "internal_text": "Checked.",
            **day("starts_on", clock.today(now)),
            "ends_on_calendar": "gregorian",
        },
        "approve": {"seen": exemption.recommended_at.isoformat() if exemption and exemption.recommended_at else ""},
        "refuse": {"reason": "The paper names nobody."},
        "send_back": {"internal_text": "Which martyr?"},
        "revoke": {"reason": "The decision was withdrawn."},
    }[name]
    return {f"{name}-{field}": text for field, text in typed.items()}


def test_undecided_requests_come_first_and_the_oldest_before_the_others(client, finance, now):
    decided = exempt(finance, make_practitioner(), now=now - timedelta(days=9))
    young, old = (ask(make_practitioner(), now=now - timedelta(days=days)) for days in (1, 5))
    assert signed_in(client, finance.head).get(reverse("admin:index")).context["exemptions"] == 2
    page = client.get(LIST)
    assert list(page.context["cl"].result_list) == [old, young, decided]


def test_a_request_goes_from_the_reviewer_to_finance_and_settles_the_invoice(client, finance, now):
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    exemption = ask(case.practitioner, now=now)
    signed_in(client, finance.reviewer)
    page = client.get(at("change", exemption)).content.decode()
    assert "Recommend the exemption" in page
    assert "Approve the exemption" not in page
    assert client.post(at("move", exemption, "recommend"), body("recommend", now)).status_code == 302
    signed_in(client, finance.officer)
    page = client.get(at("change", exemption)).content.decode()
    assert "Approve the exemption" in page
    exemption.refresh_from_db()
    assert client.post(at("move", exemption, "approve"), body("approve", now, exemption)).status_code == 302
    exemption.refresh_from_db()
    assert (exemption.state, exemption.recommended_by, exemption.decided_by) == (
        "approved",
        finance.reviewer,
        finance.officer,
    )
    assert invoice_of(case, "admin").state == "waived"


@pytest.mark.parametrize("name", ["recommend", "approve", "refuse", "send_back", "revoke"])
def test_only_the_right_officer_moves_it(client, finance, now, name):
    exemption = ask(make_practitioner(now=now), now=now)
    if name != "recommend":
        exemption = recommended(finance, exemption.practitioner, now=now)
    if name == "revoke":
        exemption = approve(exemption, finance.officer, now=now)
    wrong = [make_staff("auditor"), make_staff("approver"), make_user("Staff", staff=True)]
    wrong.append(finance.officer if name == "recommend" else finance.reviewer)
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    for user in [*wrong, User.objects.get(pk=root.pk)]:
        signed_in(client, user)
        with unchanged():
            assert client.post(at("move", exemption, name), body(name, now, exemption)).status_code == 403, user
    signed_in(client, finance.reviewer if name == "recommend" else finance.head)
    assert client.get(at("move", exemption, name)).status_code == 405
    assert client.post(at("move", exemption, "nothing")).status_code == 404
    assert client.post(at("move", exemption, name), body(name, now, exemption)).status_code == 302
    with unchanged():  # a second click
        assert client.post(at("move", exemption, name), body(name, now, exemption)).status_code == 302


@pytest.mark.parametrize(("name", "missing"), [("recommend", "starts_on"), ("refuse", "reason")])
def test_what_is_missing_is_said_at_its_field_and_what_was_typed_stays(client, finance, now, name, missing):
    exemption = ask(make_practitioner(now=now), now=now)
    typed = {key: text for key, text in body(name, now).items() if missing not in key}
    typed |= {f"{name}-internal_text": "Keep these words"}
    signed_in(client, finance.reviewer if name == "recommend" else finance.officer)
    with unchanged():
        page = client.post(at("move", exemption, name), typed)
    assert page.status_code == 200
    assert "Keep these words" in page.content.decode()
    assert f'href="#id_{name}-{missing}' in page.content.decode()


def test_ones_own_request_is_not_there(client, now):
    own = ask(make_practitioner(now=now), now=now)
    user = own.practitioner.user
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.groups.set(make_staff("finance head").groups.all())
    signed_in(client, User.objects.get(pk=user.pk))
    assert not client.get(LIST).context["cl"].result_list
    for page in ("change", "evidence"):
        assert client.get(at(page, own)).status_code == 404
    with unchanged():
        assert client.post(at("move", own, "refuse"), body("refuse", now)).status_code == 404


def test_the_evidence_is_for_who_sees_the_request(client, finance, now):
    exemption = ask(make_practitioner(now=now), now=now)
    for user in (finance.reviewer, finance.officer, finance.head, make_staff("auditor")):
        answer = signed_in(client, user).get(at("evidence", exemption))
        assert answer["Content-Type"] == "application/pdf"
        assert "sandbox" in answer["Content-Security-Policy"]
    for user in (make_staff("approver"), make_staff("exam officer")):
        assert signed_in(client, user).get(at("evidence", exemption)).status_code == 403


def test_a_stale_window_approves_nothing(client, finance, now):
    exemption = recommended(finance, make_practitioner(now=now), now=now)
    stale = body("approve", now, exemption)
    signed_in(client, finance.officer)
    client.post(at("move", exemption, "send_back"), body("send_back", now))
    recommended(finance, exemption.practitioner, now=now + timedelta(minutes=5))
    with unchanged():
        client.post(at("move", exemption, "approve"), stale)
    assert Exemption.objects.get().state == "recommended"


def test_the_day_of_the_request_is_proposed_so_that_what_was_paid_since_goes_back(client, finance, now):
    asked_at = now - timedelta(days=9)
    exemption = ask(make_practitioner(now=asked_at), now=asked_at)
    page = signed_in(client, finance.reviewer).get(at("change", exemption)).content.decode()
    for part in ("day", "month", "year"):
        number = getattr(clock.today(asked_at), part)
        assert re.search(rf'name="recommend-starts_on_{part}"[^>]*value="{number}"', page), part
