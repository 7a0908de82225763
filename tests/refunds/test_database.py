"""What the database itself refuses about refunds, whoever writes: I35 to I43."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from refunds.models import Share, Ticket, TicketEntry, Transfer, TransferFile
from tests.people import Office, make_practitioner, pay, submitted
from tests.refunds.tickets import (
    LATER,
    Finance,
    bring_to,
    claimed,
    credited,
    filed,
    move,
    opened,
    owner,
    payment_of,
    with_account,
    withdrawn,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def finance():
    return Finance()


def refused(change, match: str | None = None) -> None:
    """The change is refused at once, or at the latest when it would be committed."""
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        change()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def sql(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def set_(ticket: Ticket, **fields) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(**fields)


@pytest.mark.req("REF-6")
def test_what_went_back_is_counted_by_tickets_alone_and_never_above_what_was_paid(office, finance):
    """I35, I36."""
    ticket = bring_to("approved", office, finance)
    for change in ("refunded + 1", "refunded - 1", "amount + 1", "0", "-1"):
        refused(
            lambda change=change: sql(
                f"UPDATE payments_payment SET refunded = {change} WHERE id = %s", ticket.payment_id
            )
        )
    more = filed(withdrawn(office))
    paid = more.payment.amount
    values = {"state": "approved", "moves": 2, "decided_by": finance.decider, "decided_at": LATER, "rule": "half"}
    refused(lambda: set_(more, amount=paid + 1, **values), "never_more_back_than_paid")
    refused(lambda: set_(more, amount=paid, **values), "shares")  # no fee says why
    refused(lambda: set_(more, amount=0, **values))


@pytest.mark.req("REF-6")
def test_one_open_ticket_for_each_payment_and_each_credit(office):
    """I37."""
    ticket = filed(withdrawn(office))
    of_credit = opened(credited())
    for one in (ticket, of_credit):
        copy = {
            field.attname: getattr(one, field.attname) for field in Ticket._meta.concrete_fields if field.name != "id"
        }
        refused(lambda copy=copy: Ticket.objects.create(**copy | {"number": "RF-2026-0000001"}), "one_open_ticket")


@pytest.mark.req("REF-2")
def test_an_administrative_fee_goes_back_on_a_ground_of_ref_4_alone(office, finance):
    """I38."""
    ticket = claimed(submitted(make_practitioner()))
    line = ticket.payment.invoice.lines.get()
    share = {"ticket": ticket, "line": line, "fee": "admin", "base": line.amount, "percent": 50, "amount": line.amount}
    for rule in ("half", "overruled", "unapplied", "admin_fee", "nothing"):
        refused(lambda rule=rule: Share.objects.create(**share, rule=rule))
    refused(
        lambda: Share.objects.create(**share | {"fee": "service", "rule": "half", "amount": line.amount // 2}),
        "another fee",
    )
    refused(lambda: Share.objects.create(**share | {"rule": "late_proof"}), "late_proof")
    refused(lambda: Share.objects.create(**share, rule="wrong_path"), "shares")  # not approved


@pytest.mark.req("REF-3")
def test_half_is_exact(office, finance):
    """I39."""
    ticket = filed(withdrawn(office))
    line = ticket.payment.invoice.lines.get()
    share = {"ticket": ticket, "line": line, "fee": "service", "base": line.amount, "percent": 50, "rule": "half"}
    for amount in (line.amount // 2 + 1, line.amount // 2 - 1, line.amount, 0, -1):
        refused(lambda amount=amount: Share.objects.create(**share, amount=amount))
    refused(
        lambda: Share.objects.create(**share | {"base": line.amount - 2, "amount": line.amount // 2 - 1}), "another fee"
    )
    other = filed(withdrawn(office)).payment.invoice.lines.get()
    refused(lambda: Share.objects.create(**share | {"line": other, "amount": line.amount // 2}), "another fee")
    credit = credited()
    refused(
        lambda: Share.objects.create(
            ticket=ticket, credit=credit, base=credit.amount, rule="unapplied", percent=50, amount=1
        )
    )


@pytest.mark.req("REF-1")
def test_the_days_are_stored_and_kept(office, finance):
    """I40."""
    ticket = filed(withdrawn(office))
    refused(lambda: set_(ticket, decide_by=ticket.decide_by + timedelta(days=1)))
    refused(lambda: set_(ticket, escalated_at=LATER), "escalated_after_its_day")
    approved = move(ticket, "approve", finance.decider)
    refused(lambda: set_(approved, collect_by=LATER.date()), "window_is_stored")  # no account yet
    given = with_account(approved)
    refused(lambda: set_(given, collect_by=None), "window_is_stored")
    refused(lambda: set_(given, account=None, account_masked="", account_holder=""), "window_is_stored")
    early = {"state": "expired", "moves": given.moves + 1, "ended_at": LATER}
    refused(lambda: set_(given, **early), "expired_after_its_day")


@pytest.mark.req("REF-6")
def test_filer_decider_and_payer_are_three_people_superusers_included(office, finance):
    """I41."""
    ticket = filed(withdrawn(office))
    values = {
        "state": "refused",
        "moves": 2,
        "decided_at": LATER,
        "rule": "half",
        "decision_text": "No.",
        "ended_at": LATER,
    }
    refused(lambda: set_(ticket, decided_by=owner(ticket), **values))
    overruling = move(ticket, "overrule", finance.decider, amount=100, reason="r")
    refused(lambda: set_(overruling, decided_by=finance.decider, **values | {"moves": 3}), "endorsed_by_a_second")
    refused(lambda: set_(overruling, overruled_by=owner(ticket)))
    given = with_account(move(overruling, "endorse", finance.head))
    paying = {"state": "paying", "moves": given.moves + 1}
    for officer in (owner(ticket), finance.decider, finance.head):
        refused(lambda officer=officer: set_(given, paid_by=officer, **paying))
    refused(lambda: set_(given, **paying), "payout_is_complete")
    of_portal = opened(credited())
    refused(lambda: set_(of_portal, decided_by=owner(of_portal), **values), "another person")


@pytest.mark.req("REF-6")
@pytest.mark.parametrize("state", ["paid_out", "refused", "expired", "closed"])
def test_what_ended_stays_as_it_is(office, finance, state):
    """I42."""
    ticket = bring_to(state, office, finance)
    for other in ("filed", "overruling", "approved", "paying", "paid_out", "refused", "expired", "closed"):
        if other != state:
            refused(lambda other=other: set_(ticket, state=other, moves=ticket.moves + 1))
    refused(lambda: set_(ticket, payout_problem="x"))
    refused(lambda: Ticket.objects.filter(pk=ticket.pk).delete())


@pytest.mark.req("REF-6")
def test_a_decided_amount_is_frozen_and_a_reference_is_used_once(office, finance):
    """I42."""
    ticket = bring_to("approved", office, finance)
    for change in (
        {"amount": ticket.amount - 1},
        {"amount": None},
        {"rule": "exempt"},
        {"judgement": {}},
        {"decision_text": "x"},
    ):
        refused(lambda change=change: set_(ticket, **change))
    first, second = bring_to("paid_out", office, finance), bring_to("paying", office, finance)
    taken = {"state": "paid_out", "moves": second.moves + 1, "ended_at": LATER, "payout_ref": first.payout_ref}
    refused(lambda: set_(second, **taken), "payout_ref_once")


@pytest.mark.req("REF-2")
def test_what_was_issued_gives_back_on_a_ground_of_ref_4_alone(office, finance):
    """I43."""
    case = office.issue(submitted_and_paid(office))
    ticket = claimed(case, "service")
    line = ticket.payment.invoice.lines.get()
    share = {"ticket": ticket, "line": line, "fee": "service", "base": line.amount, "percent": 50}
    refused(lambda: Share.objects.create(**share, rule="half", amount=line.amount // 2), "was issued")
    refused(lambda: Share.objects.create(**share, rule="overruled", amount=1), "was issued")
    assert move(ticket, "approve", finance.decider, accepted=True).amount == line.amount


def submitted_and_paid(office):
    return pay(office.approve(submitted(make_practitioner())), "service")


@pytest.mark.req("REF-6")
def test_a_ticket_is_born_filed_about_its_own_case_and_its_traces_are_kept(office, finance):
    ticket, other = filed(withdrawn(office)), withdrawn(office)
    copy = {
        field.attname: getattr(ticket, field.attname) for field in Ticket._meta.concrete_fields if field.name != "id"
    }
    copy |= {"number": "RF-2026-0000001", "payment_id": payment_of(other).pk, "application_id": other.pk}
    refused(lambda: Ticket.objects.create(**copy | {"state": "approved"}))
    refused(lambda: Ticket.objects.create(**copy | {"application_id": ticket.application_id}), "another case")
    refused(lambda: Ticket.objects.create(**copy | {"credit_id": credited().pk}), "another case")
    refused(lambda: Ticket.objects.create(**copy), "no entry")
    refused(lambda: set_(ticket, state="refused", moves=9))
    entry = ticket.timeline.get()
    for change in (lambda: TicketEntry.objects.filter(pk=entry.pk).update(move="x"), entry.delete):
        refused(change)
    refused(
        lambda: TicketEntry.objects.create(
            ticket=ticket, seq=3, move="x", from_state="filed", to_state="filed", at=LATER
        )
    )
    paying = bring_to("paying", office, finance)
    transfer = paying.transfers.get()
    for change in (
        lambda: Transfer.objects.create(file=transfer.file, ticket=paying, end_to_end="other", amount=1),
        lambda: Transfer.objects.filter(pk=transfer.pk).update(amount=1),
        transfer.delete,
        lambda: TransferFile.objects.update(total=1),
        lambda: Share.objects.update(amount=1),
        *(
            lambda table=table: sql(f"DELETE FROM {table}")
            for table in ("refunds_transferfile", "refunds_share", "refunds_ticket", "payments_payment")
        ),
    ):
        refused(change)
