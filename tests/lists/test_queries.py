"""What a page asks the database: at most fifteen questions, and no more of them for twice the rows.

Everything is counted, the session and the signed-in person included; only the frames of transactions are not questions.
"""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.notices import tell
from applications import exempting
from applications.catalogue import CATALOGUE
from applications.models import ReturnReason
from applications.progress import advance
from applications.review import Remark
from mumaris.kit import clock
from payments import billing
from payments.models import Attempt, Payment
from refunds import progress, sweeps
from tests.exempt import ask
from tests.people import (
    Office,
    classified,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_staff,
    make_user,
    pay,
)

pytestmark = pytest.mark.django_db
MOST = 15
ROWS = 3


def questions(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code in (200, 202, 404), path
    frames = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return [query["sql"] for query in captured if not query["sql"].startswith(frames)]


def a_life(rows: int) -> tuple[Client, dict[str, str]]:
    """Somebody with `rows` of everything that a page lists, and the addresses of those pages."""
    now, office, finance = clock.now(), Office(), make_staff("finance officer")
    person = classified(office, now=now)
    for _number in range(rows):
        exempting.refuse(ask(person, now=now).pk, reason="Not a relative.", by=finance, now=now)
    for number in range(rows):
        title = {"title": f"Diploma {number}", "institution": "Institute", "country": "SA"}
        person.qualifications.create(**title, degree="diploma", field="NUR", awarded_on=clock.today(now))
        begun = clock.today(now) - timedelta(days=90 * (number + 1))
        person.experience.create(
            employer="R", country="SA", job="N", started_on=begun, ended_on=begun + timedelta(days=80)
        )
        lapsed = declare(make_draft(person, "registration", now=now), now=now)
        advance(lapsed.pk, "lapse_admin_fee", by=None, now=now)
    draft = make_draft(person, now=now)
    unpaid = _declared_often(make_draft(person, "registration", now=now), rows, now)
    invoice = invoice_of(unpaid, "admin")
    bill = Attempt.objects.create(invoice=invoice, method="sadad", state="open", bill_number="123456", created_at=now)
    for number in range(rows):
        paid = {"method": "sadad", "amount": 100, "paid_at": now, "now": now}
        billing.receive(invoice=invoice, attempt=None, provider_ref=f"little-{number}-{rows}", **paid)
    paid = Payment.objects.get(
        invoice__case=person.applications.get(state="completed").reference, invoice__purpose="service"
    )
    claim = {"ground": "wrong_path", "statement": "The desk sent me here."}
    for _number in range(rows):
        ticket = progress.file(paid.pk, by=person.user, now=now, **claim)
        progress.advance(ticket.pk, "withdraw", by=person.user, now=now)
    sweeps.open_tickets(now)
    case = f"/applications/{draft.reference}/"
    client = Client()
    client.force_login(person.user)
    return client, {
        "home": "/",
        "services": "/services/",
        **{slug: f"/services/{slug}/" for slug in CATALOGUE},
        "guide": "/guide/",
        "fees": "/fees/?service=renewal&rank=1",
        "wallet": "/account/documents/",
        "applications": "/applications/",
        "draft": case,
        "questions": case + "questions/",
        "documents": case + "documents/",
        "check": case + "check/",
        "awaiting fee": f"/applications/{unpaid.reference}/",
        "completed": f"/applications/{person.applications.get(state='completed').reference}/",
        "invoice": f"/invoices/{invoice.number}/",
        "refunds": "/refunds/",
        "refund": f"/refunds/{ticket.number}/",
        "ask for a refund": f"/invoices/{paid.invoice.number}/refund/",
        "withdraw": f"/applications/{unpaid.reference}/withdraw/",
        "bill": f"/bills/{bill.given_id}/",
        "gateway away": f"/payments/{bill.given_id}/",
        "account": "/account/",
        "personal data": "/account/personal/",
        "another identity": "/account/identity/add/",
        "qualification": "/account/qualifications/add/",
        "experience": "/account/experience/add/",
        "exemption": "/account/exemption/",
        "inbox": "/inbox/",
        "message": f"/inbox/{person.user.notices.first().pk}/",
        "paper": f"/papers/{person.papers.first().pk}/",
        "issued paper": f"/issued/{person.issued_papers.first().number}.pdf",
        "demo": "/demo/",
    }


def _declared_often(draft, times, now):
    """Declared, taken back and declared again: entries and invoices by the dozen."""
    for _time in range(times):
        case = declare(draft, now=now)
        advance(case.pk, "reopen", by=case.practitioner.user, now=now)
    return declare(draft, now=now)


def a_return(rows: int) -> tuple[Client, dict[str, str]]:
    """A case that was returned for `rows` items, as often as that."""
    now, office = clock.now(), Office()
    case = pay(declare(make_draft(make_practitioner(now=now), now=now), now=now), "admin", now=now)
    reason = ReturnReason.objects.get(code="illegible")
    targets = ["qualification", "transcript", "internship", "photo", "answers"][:rows]
    advance(case.pk, "claim", by=office.reviewer, now=now)
    for time in range(rows):
        if time:
            case.return_items.update(answer_kind="cannot", answer_text="It is lost.", answered_at=now)
            advance(case.pk, "resubmit", by=case.practitioner.user, now=now)
        advance(case.pk, "return", by=office.reviewer, now=now, remarks=[Remark(target, reason) for target in targets])
    client = Client()
    client.force_login(case.practitioner.user)
    path = f"/applications/{case.reference}/"
    return client, {"returned": path, "remarks": path + "remarks/"}


def a_registration(rows: int) -> tuple[Client, dict[str, str]]:
    """Somebody on the register, with `rows` messages more than others."""
    now, office = clock.now(), Office()
    person = classified(office, now=now)
    case = pay(declare(make_draft(person, "registration", now=now), now=now), "admin", now=now)
    case = pay(office.approve(case, now=now), "service", now=now)
    office.issue(case, now=now)
    for number in range(rows):
        tell(person.user, "submitted", key=f"{person.pk}:{number}", reference=case.reference, now=now)
    client = Client()
    client.force_login(person.user)
    paths = {"home": "/", "case": f"/applications/{case.reference}/", "account": "/account/", "inbox": "/inbox/"}
    return client, paths | {"service": "/services/registration/", "personal data": "/account/personal/"}


@pytest.mark.parametrize(("build", "rows"), [(a_life, ROWS), (a_return, 2), (a_registration, ROWS)])
def test_no_page_asks_more_than_fifteen_questions_nor_more_for_more_rows(build, rows):
    (few, few_paths), (many, many_paths) = build(rows), build(2 * rows)
    findings = []
    for name, path in few_paths.items():
        for client, first in ((few, path), (many, many_paths[name])):
            questions(client, first)  # what is done once: a message is marked as read
        little, much = questions(few, path), questions(many, many_paths[name])
        if len(much) > MOST or len(much) > len(little):
            findings.append(
                f"{name}: {len(little)} for few, {len(much)} for many:\n" + "\n".join(one[:150] for one in much)
            )
    assert not findings, "\n\n".join(findings)


def test_public_pages_ask_little(client):
    for path in (
        "/",
        "/services/",
        "/guide/",
        "/about/",
        "/verify/",
        "/verify/NOTACODE/",
        "/sign/login/",
    ):
        questions(client, path)
        assert len(questions(client, path)) <= 4, path
    for path in ("/fees/", *(f"/services/{slug}/" for slug in CATALOGUE)):
        questions(client, path)
        assert len(questions(client, path)) <= 6, path
    assert len(questions(client, "/health")) == 1


def test_a_newcomers_pages_ask_no_more_than_others(client):
    client.force_login(make_user())
    for path in ("/", "/services/classification/", "/applications/", "/account/", "/account/personal/", "/inbox/"):
        questions(client, path)
        assert len(questions(client, path)) <= MOST, path
