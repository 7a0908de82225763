"""What the forms about money at the desk do not take (classes 26 to 29 and 61): each says why at its field.

Whatever is sent, the database stays as it was, and what else was typed stands in the form again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from mumaris.kit import alarms
from mumaris.kit.models import Alarm
from payments import differences
from payments.models import Difference, Statement
from tests.applications.waits import waiting
from tests.exempt import Finance as Deciders
from tests.exempt import ask, exempt, recommended
from tests.fingerprint import unchanged
from tests.people import NOON, Office, declare, make_draft, make_practitioner, make_staff, pay
from tests.refunds.tickets import Finance, bring_to, filed, withdrawn

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
UNREADABLE = {
    "NUL": b"a\0b",
    "not UTF-8": b"\xff\xfe\xfa",
    "lone surrogate": b"\xed\xa0\x80",
    "replacement character": "a\ufffdb".encode(),
    "100,000 characters": b"x" * 100_000,
    "marks piled up": b"a" + "\u0301".encode() * 2_000,
    "nothing": b"",
    "blanks": " \u200f\u00a0\t".encode(),
}


@dataclass(frozen=True)
class Desk:
    """A form at the desk: its officer, where it is sent, what is rightly sent, and the id of each field in the page."""

    officer: User
    path: str
    right: dict[str, str]
    ids: dict[str, str]
    hidden: dict[str, str] = field(default_factory=dict)

    def send(self, client: Client, **changes: str | bytes):
        return client.generic("POST", self.path, urlencode(self.hidden | self.right | changes), FORM)

    def client(self, user: User | None = None) -> Client:
        client = Client()
        client.cookies["django_language"] = "en"
        client.force_login(user or self.officer)
        return client


def _ticket(state: str, move: str, right: dict[str, str], officer: Callable[[Finance], User]) -> Desk:
    finance = Finance()
    ticket = filed(withdrawn(Office())) if state == "filed" else bring_to(state, Office(), finance)
    if move == "endorse_refusal":  # of the proposal to give nothing back
        type(ticket).objects.filter(pk=ticket.pk).update(overrule_amount=0)
    path = reverse("admin:refunds_ticket_move", args=[ticket.pk, move])
    ids = {name: f"id_{move}_{name}" for name in right}
    return Desk(officer(finance), path, right, ids, {"seen": str(ticket.moves)})


def overrule() -> Desk:
    return _ticket("filed", "overrule", {"amount": "1.50", "reason": "It was ours."}, lambda finance: finance.decider)


def endorse_refusal() -> Desk:
    right = {"public_text": "Nothing goes back."}
    return _ticket("overruling", "endorse_refusal", right, lambda finance: finance.head)


def send_back() -> Desk:
    return _ticket("overruling", "send_back", {"internal_text": "Which rule?"}, lambda finance: finance.head)


def _transfer(outcome: str, right: dict[str, str]) -> Desk:
    finance = Finance()
    sent = bring_to("paying", Office(), finance).transfers.get()
    path = reverse("admin:refunds_transferfile_tell", args=[sent.file_id, sent.pk, outcome])
    return Desk(finance.payer, path, right, {name: f"id_{sent.pk}_{outcome}_{name}" for name in right})


def executed() -> Desk:
    return _transfer("executed", {"reference": "B-77"})


def failed() -> Desk:
    return _transfer("failed", {"reason": "The account is closed."})


def _exemption(move: str, right: dict[str, str], hidden: dict[str, str] | None = None) -> Desk:
    people, person = Deciders(), make_practitioner()
    begun = {"recommend": lambda: ask(person), "revoke": lambda: exempt(people, person)}
    exemption = begun.get(move, lambda: recommended(people, person))()
    path = reverse("admin:payments_exemption_move", args=[exemption.pk, move])
    officer = people.reviewer if move == "recommend" else people.officer
    typed = {f"{move}-{name}": text for name, text in right.items()}
    kept = {f"{move}-{name}": text for name, text in (hidden or {}).items()}
    return Desk(officer, path, typed, {name: f"id_{name}" for name in typed}, kept)


def recommend() -> Desk:
    day = {"starts_on_calendar": "gregorian", "starts_on_month": "11", "starts_on_year": "2026"}
    return _exemption("recommend", {"starts_on_day": "22"}, day | {"ends_on_calendar": "gregorian"})


def refuse_exemption() -> Desk:
    return _exemption("refuse", {"reason": "The paper names nobody."}, {"internal_text": "Keep these words"})


def revoke_exemption() -> Desk:
    return _exemption("revoke", {"reason": "It was withdrawn."}, {"internal_text": "Keep these words"})


def extend() -> Desk:
    path = reverse("admin:applications_application_change_clock", args=[waiting("service_fee", Office()).pk, "extend"])
    right = {"days": "7", "reason": "The ministry answers late."}
    return Desk(make_staff("finance officer"), path, right, {name: f"id_extend_{name}" for name in right})


def close_difference() -> Desk:
    pay(declare(make_draft(make_practitioner())), "admin", ref="bank-of-books")
    statement = Statement.objects.create(day=date(2026, 11, 22), fetched_at=NOON, sha256=b"x" * 32)
    line = {"method": "sadad", "currency": "SAR", "bank_at": NOON}
    statement.lines.create(position=1, kind="payment", provider_ref="bank-of-books", amount=19_900, **line)
    differences.name_all(statement, NOON)
    path = reverse("admin:payments_difference_close", args=[Difference.objects.get().pk])
    return Desk(make_staff("finance officer"), path, {"reason": "The bank's charge."}, {"reason": "id_reason"})


def end_alarm() -> Desk:
    alarms.raise_alarm("gateway_away", now=NOON, number=3)
    path = reverse("admin:kit_alarm_settle", args=[Alarm.objects.get().pk])
    return Desk(make_staff("finance officer"), path, {"reason": "It was called."}, {"reason": "id_reason"})


DESKS = {
    desk.__name__: desk
    for desk in (
        overrule,
        endorse_refusal,
        send_back,
        executed,
        failed,
        recommend,
        refuse_exemption,
        revoke_exemption,
        extend,
        close_difference,
        end_alarm,
    )
}


@pytest.fixture(params=DESKS)
def desk(request):
    return DESKS[request.param]()


def test_what_is_unreadable_endless_or_missing_is_said_at_its_field(desk):
    client = desk.client()
    for name, (kind, text) in ((name, one) for name in desk.right for one in UNREADABLE.items()):
        with unchanged():
            answer = desk.send(client, **{name: text})
        page = answer.content.decode()
        assert answer.status_code == 200, (name, kind)
        assert f'href="#{desk.ids[name]}"' in page, (name, kind)
        assert "<title>Error:" in page.replace("\n", ""), (name, kind)
        for other in {*desk.right} - {name}:
            assert desk.right[other] in page, (name, kind)
        if "Keep these words" in desk.hidden.values():
            assert "Keep these words" in page, (name, kind)


def test_it_is_sent_and_not_looked_at_and_only_by_who_may(desk):
    officer, others = desk.client(), [desk.client(make_staff(role)) for role in ("auditor", "exam officer")]
    with unchanged():
        assert officer.get(desk.path).status_code == 405
        for other in others:
            assert desk.send(other).status_code == 403
        answer = desk.send(Client())
    assert answer.status_code == 302
    assert "/sign/login" in answer.headers["Location"]


def test_a_row_that_is_not_there_is_not_found(desk):
    client = desk.client()
    number = next(part for part in desk.path.split("/") if part.isdigit())
    for instead in ("999999999", "9" * 40, "x"):
        path = desk.path.replace(f"/{number}/", f"/{instead}/", 1)
        with unchanged():
            assert client.generic("POST", path, urlencode(desk.hidden | desk.right), FORM).status_code == 404, instead
