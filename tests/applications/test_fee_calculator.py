"""Anybody can work out what a service costs, by the prices that would be billed (SRV-14), and every service page shows them (SRV-0)."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from applications import fees, presenting
from applications.catalogue import CATALOGUE
from applications.fee_calculator import EXTRA_ATTEMPT, goes_by_rank
from applications.models import ExamPolicy, Fee
from mumaris.kit import clock
from mumaris.kit.money import riyals
from register.models import Profession, Rank
from tests.look.markup import Page
from tests.people import declare, invoice_of, make_draft, make_practitioner

pytestmark = [pytest.mark.django_db, pytest.mark.req("SRV-14")]
each_service = pytest.mark.parametrize("service", CATALOGUE.values(), ids=CATALOGUE)
LANGUAGES = ["ar", "en"]


@pytest.fixture
def today():
    return clock.today(clock.now())


def ask(client, language: str = "en", **asked) -> str:
    client.cookies["django_language"] = language
    answer = client.get(reverse("fees"), {name: value for name, value in asked.items() if value is not None})
    assert answer.status_code == 200
    html = answer.content.decode()
    assert Page(html).faults == []
    return html


def worked_out(on, **asked) -> tuple[list[int], int]:
    """The amounts of the lines and their total."""
    page = presenting.fees_page(QueryDict(urlencode(asked)), on)
    return [line["halalas"] for line in page["lines"]], page["total"]


def rank(code: str) -> int:
    return Rank.objects.get(code=code).pk


def profession(code: str) -> int:
    return Profession.objects.get(code=code).pk


def fields_shown(html: str) -> set[str]:
    page = Page(html)
    named = {attrs.get("name", "") for tag in ("input", "select") for attrs in page.all(tag)}
    return named & {"service", "profession", "rank", "late", EXTRA_ATTEMPT}


@each_service
def test_a_service_asks_only_what_its_fees_depend_on(client, today, service):
    expected = {"service"}
    if goes_by_rank(service, fees.schedule(service.slug, today)):
        expected.add("rank")
    if service.asks_exam:
        expected |= {"profession", EXTRA_ATTEMPT}
    expected |= {one.purpose for one in service.surcharges}
    html = ask(client, service=service.slug)
    assert fields_shown(html) == expected
    assert "field-bad" not in html
    assert ('id="result-h"' in html) == ("rank" not in expected)


def test_before_a_service_is_chosen_nothing_else_is_asked(client):
    html = ask(client)
    assert fields_shown(html) == {"service"}
    assert "field-bad" not in html


@pytest.mark.parametrize("language", LANGUAGES)
@each_service
def test_every_rank_pays_what_would_be_billed(today, service, language):
    prices = fees.schedule(service.slug, today)
    ranks = list(Rank.objects.all()) if goes_by_rank(service, prices) else [None]
    with translation.override(language):
        for one in ranks:
            amounts, total = worked_out(today, service=service.slug, **({"rank": one.pk} if one else {}))
            category = one.fee_category if one else ""
            billed = [fees.price(service.slug, purpose, category, today) for purpose in ("admin", "service")]
            assert amounts == [*billed, 0]
            assert total == sum(billed)


@each_service
def test_a_surcharge_and_a_further_attempt_are_lines_of_their_own(client, today, service):
    asked = {"service": service.slug}
    if goes_by_rank(service, fees.schedule(service.slug, today)):
        asked["rank"] = rank("specialist")
    plain, total = worked_out(today, **asked)
    extra = {one.purpose: "on" for one in service.surcharges}
    more = [fees.price(service.slug, one.purpose, "", today) for one in service.surcharges]
    if service.asks_exam:
        extra |= {"profession": profession("NUR"), EXTRA_ATTEMPT: "on"}
        more.append(Profession.objects.get(code="NUR").exam.policies.get().fee)
    amounts, with_all = worked_out(today, **asked, **extra)
    assert amounts == [*plain[:-1], *more, 0]
    assert with_all == total + sum(more)
    html = ask(client, **asked, **extra)
    assert all(riyals(amount) in html for amount in [*more, with_all])


def test_the_declared_case_is_billed_what_the_calculator_said(today):
    now = clock.now()
    case = declare(make_draft(make_practitioner(now=now), rank="technician", now=now), now=now)
    amounts, _total = worked_out(today, service=case.service, rank=case.asked_rank_id)
    assert invoice_of(case, "admin").amount == amounts[0]


def test_only_prices_in_force_count(today):
    for days, amount in ((-1, 31_100), (1, 99_900)):
        Fee.objects.create(
            service="good-standing", purpose="service", amount=amount, effective_from=today + timedelta(days=days)
        )
    assert worked_out(today, service="good-standing")[0][1] == 31_100
    assert worked_out(today + timedelta(days=1), service="good-standing")[0][1] == 99_900


def test_the_exam_fee_is_that_of_the_professions_exam(today):
    nursing, medicine = Profession.objects.get(code="NUR"), Profession.objects.get(code="MED")
    terms = {"free_attempts": 1, "paid_attempts": 2, "validity_days": 90, "cooling_off_days": 90, "source": "test"}
    ExamPolicy.objects.create(exam=nursing.exam, fee=70_100, effective_from=today, **terms)
    ExamPolicy.objects.create(exam=nursing.exam, fee=80_000, effective_from=today + timedelta(days=1), **terms)
    asked = {"service": "classification", EXTRA_ATTEMPT: "on"}
    assert worked_out(today, **asked, profession=nursing.pk, rank=rank("specialist"))[0][-2] == 70_100
    assert worked_out(today, **asked, profession=medicine.pk, rank=rank("resident"))[0][-2] == 60_000


@pytest.mark.parametrize(
    ("asked", "bad"),
    [
        ({"service": "nothing"}, "service"),
        ({"service": ""}, "service"),
        ({"service": "classification", "rank": ""}, "rank"),
        ({"service": "classification", "rank": "x"}, "rank"),
        ({"service": "classification", "rank": "999999999999999999999"}, "rank"),
        ({"service": "classification", "rank": "specialist", "profession": "-1"}, "profession"),
        ({"service": "classification", "rank": "specialist", "profession": "MED"}, "rank"),
        ({"service": "classification", "rank": "specialist", EXTRA_ATTEMPT: "on"}, "profession"),
        ({"service": "classification", "rank": "technician", "profession": "NUR", EXTRA_ATTEMPT: "on"}, EXTRA_ATTEMPT),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_is_said_at_its_field(client, asked, bad, language):
    if Rank.objects.filter(code=asked.get("rank")).exists():
        asked = asked | {"rank": rank(asked["rank"])}
    if Profession.objects.filter(code=asked.get("profession")).exists():
        asked = asked | {"profession": profession(asked["profession"])}
    html = ask(client, language, **asked)
    assert f'id="id_{bad}_error"' in html
    assert html.count("field-bad") == 1
    assert 'id="result-h"' not in html


def test_an_exam_without_paid_attempts_offers_none(client, today):
    exam = Profession.objects.get(code="NUR").exam
    ExamPolicy.objects.create(
        exam=exam, free_attempts=3, paid_attempts=0, fee=0, validity_days=90, cooling_off_days=0, effective_from=today
    )
    asked = {"service": "classification", "profession": profession("NUR"), "rank": rank("specialist")}
    assert f'id="id_{EXTRA_ATTEMPT}_error"' in ask(client, **asked, **{EXTRA_ATTEMPT: "on"})
    assert 'id="result-h"' in ask(client, **asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_holds_every_fee_of_every_service(client, today, language):
    html = ask(client, language)
    table = html[html.index('id="list-h"') :]
    with translation.override(language):
        for service in CATALOGUE.values():
            begins = table.index(f'"{reverse("service", args=[service.slug])}"')
            part = table[begins : table.index("</tbody>", begins)]
            rows = fees.schedule(service.slug, today)
            amounts = [amount for purpose in rows.values() for amount in purpose.values()]
            assert all(riyals(amount).removesuffix(".00") in part for amount in amounts), service.slug
    exams = {one.fee for one in ExamPolicy.objects.all()}
    assert all(riyals(fee).removesuffix(".00") in table[table.rindex("<tbody>") :] for fee in exams)


def test_the_number_of_questions_is_the_same_whatever_is_asked(client):
    counts = set()
    for asked in (
        {"rank": rank("specialist"), "profession": profession("NUR"), EXTRA_ATTEMPT: "on"},
        {"rank": rank("resident"), "profession": profession("MED")},
    ):
        with CaptureQueriesContext(connection) as queries:
            ask(client, service="classification", **asked)
        counts.add(len(queries))
    assert len(counts) == 1
    assert counts.pop() <= 12


@pytest.mark.req("SRV-0")
@pytest.mark.parametrize("language", LANGUAGES)
@each_service
def test_every_service_page_has_the_one_shape(client, today, service, language):
    client.cookies["django_language"] = language
    html = client.get(reverse("service", args=[service.slug])).content.decode()
    assert Page(html).faults == []
    sections = re.findall(r'<section class="[^"]*" aria-labelledby="(\w+)-h">', html)
    expected = ["who", "documents", "verification", "exam", "fees", "steps"]
    if not service.verifies:
        expected.remove("verification")
    if not service.asks_exam:
        expected.remove("exam")
    assert sections == expected
    documents = html[html.index('id="documents-h"') : html.index("</section>", html.index('id="documents-h"'))]
    with translation.override(language):
        for slot in service.documents:
            assert str(slot.name) in documents
            assert str(slot.whom) in documents
            assert str(slot.verified) in documents
        assert documents.count("</strong>") == len(service.documents)
        assert documents.count('<p><span aria-hidden="true">★</span>') == sum(
            bool(one.verified) for one in service.documents
        )
    amounts = [amount for prices in fees.schedule(service.slug, today).values() for amount in prices.values()]
    table = html[html.index('id="fees-h"') :]
    assert all(riyals(amount).removesuffix(".00") in table for amount in amounts)
    assert f'{reverse("fees")}?service={service.slug}"' in html


@pytest.mark.req("SRV-0")
@each_service
def test_the_steps_are_those_of_the_service(today, service):
    with translation.override("en"):
        page = presenting.service_page(service, None, today)
    titles = [title for title, _line in page["steps"]]
    assert len(titles) == 5 + service.verifies + service.asks_exam
    assert ("at once" in page["steps"][-1][1]) == (not service.last_check)
    assert len(page["fees"]) == (5 if goes_by_rank(service, fees.schedule(service.slug, today)) else 1)


@pytest.mark.req("SRV-0")
def test_the_catalogue_stands_in_groups(client):
    for address in (reverse("services"), reverse("home")):
        html = client.get(address).content.decode()
        assert Page(html).faults == []
        assert html.count('class="group"') == len({service.group for service in CATALOGUE.values()})
        assert all(reverse("service", args=[slug]) in html for slug in CATALOGUE)
