"""The pages: what a practitioner sees before asking, the ticket, the officers' queue, and class 61 refused with its reason."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import translation

from applications import review
from applications.models import Application, Fee
from applications.progress import advance
from mumaris.kit.clock import end_of_day
from mumaris.kit.lifecycle import NotAllowed
from mumaris.pages import books
from payments.models import Credit, Invoice, Payment
from refunds import transfers
from refunds.lifecycle import LIFECYCLE, TicketState
from refunds.models import Ticket
from tests.fingerprint import unchanged
from tests.people import (
    Office,
    completed,
    declare,
    invoice_of,
    make_draft,
    make_practitioner,
    make_staff,
    pay,
    submitted,
    upload,
)
from tests.refunds.tickets import (
    ACCOUNT,
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


@pytest.fixture(autouse=True)
def _an_hour_later(monkeypatch):
    """Cases of these tests are filed at noon, and their pages are opened an hour later, whatever the day of the test."""
    for module in ("refunds.views", "refunds.admin", "mumaris.pages.desk"):
        monkeypatch.setattr(f"{module}.clock_now", lambda: LATER)


def at(client, user):
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client


def said(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def tried(answer, name: str):
    """The form of a move as the desk's page shows it again."""
    return next(panel["form"] for panel in answer.context["panels"] if panel["name"] == name)


def ask_url(case, purpose="service") -> str:
    return reverse("refund_ask", args=[invoice_of(case, purpose).number])


def at_desk(ticket, name="") -> str:
    return reverse(f"admin:refunds_ticket_{'move' if name else 'change'}", args=[ticket.pk, *([name] if name else [])])


# The practitioner


@pytest.mark.req("APP-7")
@pytest.mark.req("REF-5")
def test_before_withdrawing_one_sees_what_goes_back_and_then_files_it(client, office):
    case = pay(office.approve(submitted(make_practitioner())), "service")
    user = at(client, case.practitioner.user) and case.practitioner.user
    half = invoice_of(case, "service").amount // 2
    before = client.get(ask_url(case)).context
    assert (before["preview"]["amount"], before["if_withdrawn"]["amount"]) == (0, half)
    assert before["if_withdrawn"]["ends_on"] == (LATER + timedelta(days=30)).date()
    page = client.get(reverse("application_withdraw", args=[case.reference]))
    assert page.context["returned"] == half
    assert "Withdrawn within the month" in page.content.decode()
    answer = client.post(
        reverse("application_withdraw", args=[case.reference]), {"understood": "on", "seen": case.moves}
    )
    assert answer.headers["Location"] == ask_url(case)
    shown = client.get(ask_url(case))
    assert (shown.context["preview"]["amount"], shown.context["if_withdrawn"]) == (half, None)
    answer = client.post(ask_url(case), {"ground": ""})
    ticket = Ticket.objects.get()
    assert answer.headers["Location"] == reverse("refund", args=[ticket.number])
    assert (ticket.filed_by, ticket.filed_judgement["amount"]) == (user, half)
    assert ticket.number in client.get(reverse("refunds")).content.decode()


@pytest.mark.req("REF-4")
def test_a_ground_is_claimed_with_words_and_a_paper(client, office):
    case = submitted(make_practitioner())
    at(client, case.practitioner.user)
    with unchanged():
        answer = client.post(ask_url(case, "admin"), {"ground": "wrong_path", "text": " "})
    assert set(answer.context["form"].errors) == {"text"}
    with unchanged():
        answer = client.post(ask_url(case, "admin"), {"ground": "late_proof", "text": "x"})
    assert set(answer.context["form"].errors) == {"ground"}
    typed = {"ground": "wrong_path", "text": "The desk sent me here."}
    with unchanged():
        answer = client.post(ask_url(case, "admin"), {**typed, "file": upload("x.pdf", b"no pdf at all")})
    assert set(answer.context["form"].errors) == {"file"}
    assert "The desk sent me here." in answer.content.decode()
    client.post(ask_url(case, "admin"), {**typed, "file": upload("proof.pdf")})
    ticket = Ticket.objects.get()
    assert (ticket.ground, ticket.statement, ticket.evidence.kind) == (*typed.values(), "refund_evidence")
    page = client.get(reverse("refund", args=[ticket.number])).content.decode()
    assert "If finance accepts what you claim" in page


@pytest.mark.req("REF-2")
@pytest.mark.parametrize("why", ["for the administrative fee", "31 days later", "after delivery", "twice"])
def test_what_no_rule_gives_is_refused_with_its_reason(client, office, finance, why):
    """Class 61."""
    purpose = "service"
    if why == "for the administrative fee":
        case, purpose = submitted(make_practitioner()), "admin"
    elif why == "31 days later":
        case = withdrawn(office, now=LATER + timedelta(days=31))
    elif why == "after delivery":
        case = completed(office, make_practitioner())
    else:
        case = bring_to("paid_out", office, finance).application
    at(client, case.practitioner.user)
    page = client.get(ask_url(case, purpose))
    assert page.context["preview"]["amount"] == 0
    with unchanged():
        answer = client.post(ask_url(case, purpose), {"ground": ""})
    assert "By the rules nothing goes back" in " ".join(answer.context["form"].non_field_errors())


@pytest.mark.req("REF-2")
@pytest.mark.parametrize(("fee", "words"), [(20_000, "This invoice is not paid yet."), (0, "This invoice was waived")])
def test_a_waived_or_unpaid_invoice_gives_nothing_back(client, fee, words):
    """Class 61."""
    Fee.objects.filter(service="classification", purpose="admin").update(amount=fee)
    case = declare(make_draft(make_practitioner()))
    at(client, case.practitioner.user)
    with unchanged():
        page = client.post(ask_url(case, "admin"), {"ground": "wrong_path", "text": "x"}).content.decode()
    assert words in page


@pytest.mark.req("REF-6")
@pytest.mark.parametrize("state", TicketState.values)
def test_every_state_has_its_page(client, office, finance, state):
    ticket = bring_to(state, office, finance)
    page = at(client, owner(ticket)).get(reverse("refund", args=[ticket.number])).content.decode()
    assert ticket.number in page
    for officer in (finance.decider, finance.head, finance.payer):
        page = at(client, officer).get(at_desk(ticket))
        assert page.status_code == 200
        for panel in page.context["panels"]:
            assert LIFECYCLE[panel["name"]].may(officer, ticket)
    assert ticket.number in client.get(reverse("admin:refunds_ticket_changelist"), {"queue": "all"}).content.decode()


@pytest.mark.req("REF-6")
def test_the_account_is_asked_for_and_refused_at_its_field(client, office, finance):
    ticket = move(filed(withdrawn(office)), "approve", finance.decider)
    at(client, owner(ticket))
    where = reverse("refund_account", args=[ticket.number])
    for typed, field in (
        ({"iban": "GB29NWBK60161331926819", "holder": "Samar"}, "iban"),
        ({"iban": ACCOUNT[:-1] + "8", "holder": "Samar"}, "iban"),
        ({"iban": ACCOUNT, "holder": ""}, "holder"),
    ):
        with unchanged():
            answer = client.post(where, typed)
        assert set(answer.context["form"].errors) == {field}
    client.post(where, {"iban": "SA03 8000 0000 6080 1016 7519", "holder": "Samar Idris"})
    ticket.refresh_from_db()
    assert (ticket.account_masked, ticket.account_holder) == ("SA03 … 7519", "Samar Idris")
    assert ticket.collect_by == (LATER + timedelta(days=14)).date()
    assert ACCOUNT not in client.get(reverse("refund", args=[ticket.number])).content.decode()
    client.post(where, {"iban": ACCOUNT, "holder": "Samar A. Idris"})
    again = Ticket.objects.get(pk=ticket.pk)
    assert (again.account_holder, again.collect_by) == ("Samar A. Idris", ticket.collect_by)


@pytest.mark.req("REF-6")
def test_one_withdraws_an_undecided_ticket_and_asks_again(client, office, finance):
    ticket = filed(withdrawn(office))
    at(client, owner(ticket))
    client.post(reverse("refund_withdraw", args=[ticket.number]))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.ending) == ("closed", "withdrawn")
    again = client.post(reverse("refund_again", args=[ticket.number]))
    assert again.headers["Location"] == reverse("refund_ask", args=[ticket.payment.invoice.number])
    of_portal = opened(credited())
    at(client, owner(of_portal))
    with unchanged():
        client.post(reverse("refund_withdraw", args=[of_portal.number]))
        assert "open already" in said(client.post(reverse("refund_again", args=[of_portal.number])))


# The officers


@pytest.mark.req("REF-6")
def test_the_queue_is_ordered_by_its_clock_and_marks_what_is_late(client, office, finance):
    late, early = filed(withdrawn(office), now=LATER - timedelta(days=16)), filed(withdrawn(office))
    at(client, finance.decider)
    listed = client.get(reverse("admin:refunds_ticket_changelist"))
    assert list(listed.context["cl"].result_list) == [late, early]
    assert "overdue" in listed.content.decode()
    counts = client.get(reverse("admin:index")).context["refunds"]
    assert counts == {"open": 2, "overdue": 1, "to_pay": 0, "accounts": 0, "ending": 0}


@pytest.mark.req("REF-6")
def test_what_waits_for_an_account_is_no_work_of_finance(client, office, finance):
    ready = bring_to("approved", office, finance)
    waits = move(filed(withdrawn(office)), "approve", finance.decider)
    at(client, finance.payer)
    counts = client.get(reverse("admin:index")).context["refunds"]
    assert (counts["to_pay"], counts["accounts"]) == (1, 1)
    for queue, ticket in (("approved", ready), ("account", waits)):
        listed = client.get(reverse("admin:refunds_ticket_changelist"), {"queue": queue})
        assert list(listed.context["cl"].result_list) == [ticket]


@pytest.mark.req("REF-6")
def test_two_requests_at_once_each_judge_lateness_by_their_own_day(rf, monkeypatch, office, finance):
    """The rows are drawn when the answer is rendered, after another request of an earlier day has come in."""
    filed(withdrawn(office))
    listing = admin.site.get_model_admin(Ticket)

    def answer(moment):
        monkeypatch.setattr("refunds.admin.clock_now", lambda: moment)
        request = rf.get("/")
        request.user, request.LANGUAGE_CODE = finance.decider, "en"
        return listing.changelist_view(request)

    with translation.override("en"):
        late, early = answer(LATER + timedelta(days=60)), answer(LATER)
        assert ["overdue" in one.render().content.decode() for one in (late, early)] == [True, False]


@pytest.mark.req("PAY-5")
def test_a_credit_is_held_until_it_is_paid_back_whatever_else_of_its_payment_is(client, finance):
    """A payment of too much: its fee goes back on its own and says nothing about what was too much."""
    case = declare(make_draft(make_practitioner()))
    pay(case, "admin", amount=21_000)
    credit = Credit.objects.get(reason="too_much")
    at(client, finance.payer)

    def held() -> tuple[int, bool]:
        listed = client.get(reverse("admin:payments_credit_changelist"), {"stands_as": "held"})
        return client.get(reverse("admin:index")).context["credits"], credit in listed.context["cl"].result_list

    def stands() -> str:
        return client.get(reverse("admin:payments_credit_changelist")).content.decode()

    assert (held(), "No refund ticket yet" in stands()) == ((1, True), True)
    ticket = move(claimed(case), "approve", finance.decider, accepted=True)
    assert Payment.objects.get().refunded
    assert (held(), "No refund ticket yet" in stands()) == ((1, True), True)
    paid_out(ticket, finance)
    assert (held(), "No refund ticket yet" in stands()) == ((1, True), True)
    ticket = move(opened(credit), "approve", finance.decider)
    assert (held(), "Approved" in stands()) == ((1, True), True)
    paid_out(ticket, finance)
    assert (held(), ">Paid back<" in stands()) == ((0, False), True)


def paid_out(ticket, finance):
    with_account(ticket)
    transfer = transfers.collect(by=finance.payer, now=LATER).transfers.get(ticket=ticket)
    transfers.executed(transfer, reference=f"BANK-{ticket.pk}", by=finance.payer, now=LATER)


@pytest.mark.req("REF-6")
def test_officers_decide_endorse_and_pay_by_their_pages(client, office, finance):
    ticket = claimed(submitted(make_practitioner()))
    at(client, finance.decider)
    page = client.get(at_desk(ticket))
    assert [panel["name"] for panel in page.context["panels"]] == ["approve", "refuse", "overrule"]
    with unchanged():
        page = client.post(at_desk(ticket, "approve"), {"seen": 1, "public_text": "Keep these words"})
    assert "nothing goes back" in " ".join(tried(page, "approve").non_field_errors())
    assert "Keep these words" in page.content.decode()
    with unchanged():
        assert client.post(at_desk(ticket, "refuse"), {"seen": 1}).context["errors"]
    client.post(at_desk(ticket, "approve"), {"seen": 1, "accepted": "on"})
    ticket.refresh_from_db()
    assert ticket.state == "approved"
    assert client.post(at_desk(ticket, "pay")).status_code == 403
    other = filed(withdrawn(office))
    typed = {"amount": "1.50", "reason": "It was ours.", "seen": 1}
    client.post(at_desk(other, "overrule"), typed)
    at(client, finance.head).post(at_desk(other, "endorse"), {"seen": 2})
    other.refresh_from_db()
    assert (other.state, other.amount) == ("approved", 150)
    assert client.post(at_desk(other, "no-such-move")).status_code == 404
    for name in ("give_account", "withdraw", "expire"):
        assert client.post(at_desk(other, name)).status_code == 404


@pytest.mark.req("REF-6")
@pytest.mark.parametrize("amount", ["0.005", "-1", "1e3x", "99999999", ""])
def test_no_amount_is_proposed_that_is_none(client, office, finance, amount):
    """Class 61: 0 is a refusal and has its own way, a fraction of a halala is nothing."""
    ticket = filed(withdrawn(office))
    at(client, finance.decider)
    with unchanged():
        answer = client.post(at_desk(ticket, "overrule"), {"amount": amount, "reason": "r", "seen": 1})
    assert answer.status_code == 200
    assert set(tried(answer, "overrule").errors) == {"amount"}


@pytest.mark.req("REF-5")
def test_a_refused_amount_is_said_at_its_field_and_what_was_typed_stays(client, office, finance):
    ticket = filed(withdrawn(office))
    at(client, finance.decider)
    for amount, said_there in (("400.01", "An amount from 0 to 400.00 SAR"), ("200", "This is what the rule gives")):
        with unchanged():
            answer = client.post(at_desk(ticket, "overrule"), {"amount": amount, "reason": "It was ours.", "seen": 1})
        form, page = tried(answer, "overrule"), answer.content.decode()
        assert said_there in form.errors["amount"][0]
        assert 'href="#id_overrule_amount"' in page
        assert 'aria-describedby="id_overrule_amount_error"' in page
        assert f'value="{amount}"' in page
        assert "It was ours." in page
        assert "<title>Error:" in page.replace("\n", "")
        assert said(answer) == ""


@pytest.mark.req("REF-6")
@pytest.mark.parametrize("amount", ["150.5", "١٥٠٫٥٠", "۱۵۰.۵۰", "\u200f150.50 "])
def test_an_amount_is_typed_in_any_digits(client, office, finance, amount):
    ticket = filed(withdrawn(office))
    at(client, finance.decider).post(at_desk(ticket, "overrule"), {"amount": amount, "reason": "r", "seen": 1})
    ticket.refresh_from_db()
    assert ticket.overrule_amount == 15_050


@pytest.mark.req("REF-5")
def test_a_stale_window_decides_nothing_and_the_next_try_stands_on_the_page(client, office, finance):
    ticket = filed(withdrawn(office))
    move(ticket, "overrule", finance.decider, amount=100, reason="r")
    move(ticket, "send_back", finance.head, internal_text="Why?")
    at(client, finance.decider)
    for name, typed in (
        ("overrule", {"amount": "150", "reason": "It was ours."}),
        ("approve", {"by_rule": "20000", "if_accepted": "20000"}),
    ):
        with unchanged():
            answer = client.post(at_desk(ticket, name), {**typed, "seen": 1})
        assert set(tried(answer, name).errors) == {"__all__"}
        assert "was changed meanwhile" in answer.content.decode()
        assert 'name="seen" value="3"' in answer.content.decode()
    with unchanged():
        answer = client.post(at_desk(ticket, "approve"), {"seen": 3, "by_rule": "1", "if_accepted": "1"})
    assert "200.00 SAR goes back now" in answer.content.decode()
    form = tried(answer, "approve")
    client.post(at_desk(ticket, "approve"), {name: form[name].value() or "" for name in form.fields} | {"seen": 3})
    ticket.refresh_from_db()
    assert (ticket.state, ticket.amount) == ("approved", 20_000)


@pytest.mark.req("REF-6")
def test_a_second_click_at_the_desk_says_that_it_is_done_and_changes_nothing(client, office, finance):
    ticket = filed(withdrawn(office))
    at(client, finance.decider)
    typed = {"seen": 1, "by_rule": "20000", "if_accepted": "20000"}
    client.post(at_desk(ticket, "approve"), typed)
    with unchanged():
        answer = client.post(at_desk(ticket, "approve"), typed)
    assert answer.headers["Location"] == at_desk(ticket)
    assert "was changed meanwhile" in said(answer)


@pytest.mark.req("APP-8")
def test_what_was_typed_when_the_session_ended_stands_in_the_ticket_again_and_an_account_does_not(client, office):
    case = withdrawn(office)
    user, where = case.practitioner.user, ask_url(case)
    client.cookies["django_language"] = "en"
    with unchanged():
        client.post(where, {"ground": "wrong_path", "text": "The desk sent me here."})
    client.force_login(user)
    page = client.get(where).content.decode()
    assert "The desk sent me here." in page
    assert "It is not sent yet" in page
    client.logout()
    ticket = filed(case)
    account = reverse("refund_account", args=[ticket.number])
    with unchanged():
        sent = client.post(account, {"iban": ACCOUNT, "holder": "Samar Idris"})
    assert reverse("refund", args=[ticket.number]) in sent.headers["Location"]
    assert "typed" not in client.session


@pytest.mark.req("REF-1")
def test_money_is_asked_back_only_where_some_was_paid(client, office):
    case = declare(make_draft(make_practitioner()))
    page = reverse("application", args=[case.reference])
    at(client, case.practitioner.user)
    assert "Ask for money back" not in client.get(page).content.decode()
    pay(case, "admin", amount=5_000)  # too little: a credit, and the invoice stays open
    assert "Ask for money back" in client.get(page).content.decode()


@pytest.mark.req("REF-6")
def test_a_file_is_made_handed_out_and_told_of(client, office, finance):
    ticket = bring_to("approved", office, finance)
    at(client, finance.payer)
    answer = client.post(reverse("admin:refunds_ticket_collect"))
    file = ticket.transfers.get().file
    where = reverse("admin:refunds_transferfile_change", args=[file.pk])
    assert answer.headers["Location"] == where
    assert client.get(where).status_code == 200
    content = client.get(reverse("admin:refunds_transferfile_content", args=[file.pk]))
    assert content.content == transfers.content_of(file)
    tell = reverse("admin:refunds_transferfile_tell", args=[file.pk, ticket.transfers.get().pk, "executed"])
    with unchanged():
        assert client.post(tell, {"reference": ""}).status_code == 200
    client.post(tell, {"reference": "B-77"})
    ticket.refresh_from_db()
    assert (ticket.state, ticket.payout_ref) == ("paid_out", "B-77")
    assert (
        at(client, make_auditor()).get(reverse("admin:refunds_transferfile_content", args=[file.pk])).status_code == 403
    )
    assert client.post(tell, {"reference": "B-78"}).status_code == 403
    finance.decider.is_superuser = True
    finance.decider.save()  # all rights are no reason to have the accounts of people
    content = at(client, finance.decider).get(reverse("admin:refunds_transferfile_content", args=[file.pk]))
    assert content.status_code == 403


def make_auditor():
    return make_staff("auditor")


@pytest.mark.req("REF-6")
def test_the_evidence_is_open_to_finance_alone(client, office, finance):
    case = submitted(make_practitioner())
    typed = {"ground": "wrong_path", "text": "x", "file": upload("proof.pdf")}
    at(client, case.practitioner.user).post(ask_url(case, "admin"), typed)
    where = reverse("admin:refunds_ticket_evidence", args=[Ticket.objects.get().pk])
    assert at(client, finance.decider).get(where).status_code == 200
    assert at(client, office.reviewer).get(where).status_code == 403


def approved_by_appeal(office, case):
    """A rejected case, judged anew by officers who had no part in it."""
    advance(case.pk, "appeal", by=case.practitioner.user, now=LATER, public_text="It is mine.")
    advance(case.pk, "uphold", by=office.second_approver, now=LATER, internal_text="It is.")
    review.assign(case.pk, by=office.second_reviewer)
    granted = {"verdict": "approve", "rank": case.asked_rank, "specialty": case.asked_specialty}
    advance(case.pk, "recommend", by=office.second_reviewer, now=LATER, **granted)
    advance(case.pk, "endorse_approval", by=make_staff("approver"), now=LATER)
    return Application.objects.get(pk=case.pk)


@pytest.mark.req("APP-6")
@pytest.mark.parametrize("goes_back", ["paid out", "approved", "a part", "nothing"])
def test_only_a_service_fee_that_went_back_whole_is_billed_again(office, finance, goes_back):
    """Refused at the last check, then right after all by an appeal: the second approval asks for no fee twice."""
    case = pay(office.approve(submitted(make_practitioner())), "service")
    case = advance(case.pk, "refuse", by=office.registrar, now=LATER, public_text="The photo is of another person.")
    first = invoice_of(case, "service")
    if goes_back in ("approved", "paid out"):
        ticket = with_account(move(claimed(case, "service"), "approve", finance.decider, accepted=True))
    if goes_back == "paid out":
        (sent,) = transfers.collect(by=finance.payer, now=LATER).transfers.all()
        transfers.executed(sent, reference="B-1", by=finance.payer, now=LATER)
    if goes_back == "a part":
        ticket = move(claimed(case, "service"), "overrule", finance.decider, amount=first.amount // 2, reason="Ours.")
        with_account(move(ticket, "endorse", finance.head))
    case = approved_by_appeal(office, case)
    is_billed = goes_back == "paid out"
    assert case.state == ("preliminarily_approved" if is_billed else "being_issued")
    asked = Invoice.objects.filter(case=case.reference, purpose="service").order_by("serial")
    assert [one.state for one in asked] == (["paid", "issued"] if is_billed else ["paid"])
    if goes_back == "approved":  # used after all, and nothing is left that could end and leave it paid twice
        ticket.refresh_from_db()
        assert (ticket.state, ticket.ending, payment_of(case).refunded) == ("closed", "used", 0)
    else:
        case = pay(case, "service") if is_billed else case
        assert advance(case.pk, "issue", by=make_staff("register officer"), now=LATER).state == "completed"
    assert not books.breaches(LATER)


@pytest.mark.req("REF-2")
def test_what_goes_back_whole_is_issued_for_nobody(office, finance):
    case = pay(office.approve(submitted(make_practitioner())), "service")
    move(claimed(case, "service"), "approve", finance.decider, accepted=True)
    with translation.override("en"), unchanged(), pytest.raises(NotAllowed, match="goes back"):
        office.issue(case, now=LATER)


@pytest.mark.req("REF-1")
def test_what_two_officers_granted_and_nobody_paid_out_can_be_asked_for_again(office, finance):
    case = pay(office.approve(submitted(make_practitioner())), "service")
    case = advance(case.pk, "refuse", by=office.registrar, now=LATER, public_text="No.")
    ticket = move(claimed(case, "service"), "overrule", finance.decider, amount=100, reason="Ours.")
    ticket = with_account(move(ticket, "endorse", finance.head))
    over = end_of_day(ticket.collect_by)
    move(ticket, "expire", None, now=over)
    assert filed(case, now=over).state == "filed"
