"""The practitioner's pages: what each shows in each state, in both languages, and how many questions it asks the database."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import notices
from accounts.models import Notice
from applications.letters import LETTERS
from applications.lifecycle import CancelReason
from applications.models import Application, ReturnReason
from applications.progress import advance
from applications.review import Remark
from mumaris.kit.clock import add_months, days_after, now
from mumaris.kit.templatetags.look import gregorian, hijri
from payments.models import Attempt, Payment
from tests.people import (
    Office,
    classified,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_user,
    pay,
    upload,
)

pytestmark = pytest.mark.django_db

MOST_QUERIES = 12
LANGUAGES = ["ar", "en"]


def browser(user, language: str = "en") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def page_of(case: Application, name: str = "application") -> str:
    return reverse(name, args=[case.reference])


def read(case: Application, name: str = "application", language: str = "en") -> str:
    answer = browser(case.practitioner.user, language).get(page_of(case, name))
    assert answer.status_code == 200
    return answer.content.decode()


def submitted(person=None) -> Application:
    return pay(declare(make_draft(person or make_practitioner(now=now()), now=now()), now=now()), "admin", now=now())


def returned(office: Office, *targets: str) -> Application:
    return office.return_(submitted(), *targets, now=now())


def attempt_of(case: Application, method: str = "sadad", **facts) -> Attempt:
    facts = {"state": "open", "created_at": now(), "provider_id": "bill-1"} | facts
    return Attempt.objects.create(invoice=invoice_of(case, "admin"), method=method, **facts)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def waiting() -> Application:
    """An application that waits for its administrative fee."""
    return declare(make_draft(make_practitioner(now=now()), now=now()), now=now())


@pytest.fixture
def silent_gateway(monkeypatch):
    """A gateway that leaves every attempt as it is."""
    monkeypatch.setattr("payments.views.attempts.ask", lambda attempt, now: attempt.state)


class TestEveryPage:
    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.req("APP-5")
    def test_opens_in_both_languages_and_asks_the_database_little(self, office, language, django_assert_max_num_queries):
        person = classified(office, now=now())
        client = browser(person.user, language)
        case = submitted_registration(person)
        office.approve(case, now=now())
        draft = make_draft(make_practitioner(now=now()), now=now())
        back = returned(office, "photo", "answers")
        addresses = [reverse(name) for name in ("home", "account", "applications", "inbox", "personal_data")]
        addresses += [reverse("service", args=["registration"]), page_of(case)]
        addresses += [reverse("invoice", args=[invoice_of(case, "service").number]), reverse("qualification_add")]
        addresses += [reverse("message", args=[Notice.objects.filter(recipient=person.user).first().pk])]
        asked = [(client, address) for address in addresses]
        steps = ["application", "application_questions", "application_documents", "application_check"]
        asked += [(browser(draft.practitioner.user, language), page_of(draft, step)) for step in steps]
        asked += [(browser(back.practitioner.user, language), page_of(back, "application_remarks"))]
        for visitor, address in asked:
            visitor.get(address)  # a first visit writes down the session's address and browser
            with django_assert_max_num_queries(MOST_QUERIES, info=address):
                answer = visitor.get(address)
            assert answer.status_code == 200, address
            assert f'<html lang="{language}"' in answer.content.decode()

    def test_asks_no_more_when_there_is_more_to_show(self, office, django_assert_num_queries):
        person = make_practitioner(now=now())
        case = submitted(person)
        client = browser(person.user)
        addresses = [page_of(case), reverse("inbox"), reverse("applications"), reverse("account"), reverse("home")]
        few = {address: queries(client, address, django_assert_num_queries) for address in addresses}
        for number in range(5):
            office.return_(case, "photo", now=now()) if not number else None
            person.qualifications.create(
                degree="diploma", field="NUR", title=f"No. {number}", institution="I", country="SA", awarded_on="2020-01-01"
            )
            person.experience.create(employer=f"No. {number}", country="SA", job="Nurse", started_on="2020-01-01")
            notices.tell(person.user, "submitted", key=f"more-{number}", reference=case.reference, now=now())
        for address, before in few.items():
            assert queries(client, address, django_assert_num_queries) <= before + (address == page_of(case)), address


def submitted_registration(person) -> Application:
    return pay(declare(make_draft(person, "registration", now=now()), now=now()), "admin", now=now())


def queries(client: Client, address: str, counter) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)
