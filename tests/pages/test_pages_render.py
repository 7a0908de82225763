"""The practitioner's pages: what each shows in each state, in both languages, and how often it asks the database."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from accounts import notices
from accounts.models import Notice
from applications import sweeps
from applications.letters import LETTERS
from applications.lifecycle import CancelReason
from applications.models import Application, Deadline, Fee, ReturnReason
from applications.progress import advance
from applications.review import Remark
from mumaris.kit.clock import add_months, now, today
from mumaris.kit.templatetags.look import gregorian, hijri
from payments.gateways.base import GatewayDown
from payments.models import Attempt
from register.models import IssuedPaper
from tests.exempt import Finance, exempt
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

MOST_QUERIES = 15
LANGUAGES = ["ar", "en"]


def browser(user, language: str = "en") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = language
    return client


def page_of(case: Application, step: str = "application", *more: str) -> str:
    return reverse(step, args=[case.reference, *more])


def read(case: Application, step: str = "application", language: str = "en") -> str:
    answer = browser(case.practitioner.user, language).get(page_of(case, step))
    assert answer.status_code == 200
    return answer.content.decode()


def queries(client: Client, address: str) -> int:
    client.get(address)  # a first visit writes down where the session is used
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200, address
    return len(asked)


def waiting(service: str = "classification", person=None) -> Application:
    """An application that waits for its administrative fee."""
    return declare(make_draft(person or make_practitioner(now=now()), service, now=now()), now=now())


def submitted(person=None, service: str = "classification") -> Application:
    return pay(waiting(service, person), "admin", now=now())


def attempt_for(case: Application, method: str = "sadad", **facts) -> Attempt:
    facts = {"state": "open", "created_at": now(), "provider_id": "bill-1"} | facts
    return Attempt.objects.create(invoice=invoice_of(case, "admin"), method=method, **facts)


def typed_date(field: str, day: date) -> dict[str, object]:
    parts = {"calendar": "gregorian", "day": day.day, "month": day.month, "year": day.year}
    return {f"{field}_{part}": value for part, value in parts.items()}


@pytest.fixture
def office() -> Office:
    return Office()


class TestEveryPage:
    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.req("APP-5")
    def test_opens_in_both_languages_with_few_queries(self, office, language):
        person = classified(office, now=now())
        approved = office.approve(submitted(person, "registration"), now=now())
        draft = make_draft(make_practitioner(now=now()), now=now())
        returned = office.return_(submitted(), "photo", "answers", now=now())
        addresses = [reverse(name) for name in ("home", "account", "applications", "inbox", "personal_data")]
        addresses += [reverse(name) for name in ("qualification_add", "experience_add")]
        addresses += [page_of(approved), reverse("invoice", args=[invoice_of(approved, "service").number])]
        addresses += [reverse("message", args=[person.user.notices.first().pk])]
        addresses += [reverse("service", args=[service]) for service in ("classification", "registration")]
        asked = [(browser(person.user, language), address) for address in addresses]
        for case, *steps in [
            (draft, "application", "application_questions", "application_documents", "application_check"),
            (returned, "application", "application_remarks"),
        ]:
            asked += [(browser(case.practitioner.user, language), page_of(case, step)) for step in steps]
        for client, address in asked:
            assert queries(client, address) <= MOST_QUERIES, address
            assert f'<html lang="{language}"' in client.get(address).content.decode()

    @pytest.mark.req("APP-5")
    def test_asks_no_more_when_there_is_more_to_show(self, office):
        person = make_practitioner(now=now())
        case = office.return_(submitted(person), "photo", "transcript", now=now())
        client = browser(person.user)
        addresses = [reverse(name) for name in ("inbox", "applications", "account", "home")]
        addresses += [page_of(case), page_of(case, "application_remarks")]
        before = [queries(client, address) for address in addresses]
        for number in range(3):
            person.qualifications.create(
                degree="diploma", field="NUR", title="T", country="SA", awarded_on="2020-01-01"
            )
            person.experience.create(employer="E", country="SA", job="Nurse", started_on="2020-01-01")
            notices.tell(person.user, "submitted", key=f"more-{number}", reference=case.reference, now=now())
            for item in case.return_items.filter(entry_seq=Application.objects.get(pk=case.pk).moves):
                item.answer_kind, item.answer_text, item.answered_at = "text", "Here", now()
                item.save()
            advance(case.pk, "resubmit", by=person.user, now=now())
            remarks = [
                Remark(slot, ReturnReason.objects.get(code="illegible")) for slot in ("photo", "transcript", "answers")
            ]
            advance(case.pk, "return", by=office.reviewer, now=now(), remarks=remarks)
        assert [queries(client, address) for address in addresses] == before


class TestHome:
    def test_begins_with_who_one_is(self):
        page = browser(make_user("Nora")).get(reverse("home")).content.decode()
        assert reverse("personal_data") in page

    @pytest.mark.req("DLN-4")
    def test_lists_tasks_by_deadline_with_the_days_left(self, office):
        person = classified(office, now=now())
        case = waiting("registration", person)
        page = browser(person.user).get(reverse("home")).content.decode()
        with translation.override("en"):
            in_both_calendars = [gregorian(case.deadline.due_on), hijri(case.deadline.due_on)]
        assert "Pay the administrative fee: Professional registration" in page
        assert all(day in page for day in in_both_calendars)
        assert "30 days left" in page


class TestApplication:
    @pytest.mark.req("PAY-1")
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_offers_both_ways_to_pay_before_all_else(self, language):
        page = read(waiting(), language=language)
        assert 'value="sadad"' in page
        assert 'value="card"' in page
        assert page.index('name="method"') < page.index('class="lanes"')

    @pytest.mark.req("PAY-3")
    def test_shows_why_a_way_to_pay_is_not_offered(self):
        Fee.objects.filter(service="classification", purpose="admin").update(amount=5000)
        page = read(waiting())
        assert 'value="sadad"' not in page
        assert "SADAD takes amounts from 100.00 riyals only." in page
        assert 'value="card"' in page

    @pytest.mark.req("APP-6")
    def test_a_recommendation_is_told_with_its_endorsement_and_not_before(self, office):
        case = submitted()
        advance(case.pk, "claim", by=office.reviewer, now=now())
        reason = "The programme is not accredited."
        advance(case.pk, "recommend", by=office.reviewer, now=now(), verdict="reject", public_text=reason)
        assert reason not in read(case)
        advance(case.pk, "endorse_rejection", by=office.approver, now=now())
        assert reason in read(case)
        letter = Notice.objects.get(recipient=case.practitioner.user, kind="rejected")
        assert reason in notices.words(letter, "en")[1]

    @pytest.mark.req("APP-10")
    def test_says_when_less_was_approved_than_asked_for(self, office):
        case = office.approve(submitted(), now=now(), rank="assistant")
        page = read(case)
        assert "You asked for Technician in General nursing; approved is Health assistant in General nursing." in page
        assert "What was approved" not in read(office.approve(submitted(), now=now()))

    @pytest.mark.req("REG-2")
    def test_leads_to_the_issued_papers_once_they_are_rendered(self, office):
        case = office.issue(pay(office.approve(submitted(), now=now()), "service", now=now()), now=now())
        paper = IssuedPaper.objects.get(case=case.reference)
        address = reverse("issued_paper", args=[paper.number])
        assert address not in read(case)
        being_made = browser(case.practitioner.user).get(address)
        assert being_made.status_code == 202
        assert "Your paper is being made" in being_made.content.decode()

    def test_a_draft_can_be_deleted_and_an_invoiced_one_taken_back(self):
        draft = make_draft(make_practitioner(now=now()), now=now())
        assert page_of(draft, "application_discard") in read(draft)
        case = declare(draft, now=now())
        page = read(case)
        assert page_of(case, "application_reopen") in page
        assert page_of(case, "application_discard") not in page


class TestDraft:
    @pytest.mark.req("SRV-12")
    def test_check_explains_every_obstacle_and_still_lets_one_declare(self):
        draft = make_draft(make_practitioner(now=now()), now=now())
        draft.attachments.filter(slot="photo").update(replaced_at=now())
        page = read(draft, "application_check")
        assert "1 thing stands in the way" in page
        assert "Declare and issue the invoice" in page
        client = browser(draft.practitioner.user)
        answer = client.post(page_of(draft, "application_check"), {"declared": "on", "version": draft.version})
        assert answer.status_code == 200
        assert "Photo is not attached yet." in answer.content.decode()

    @pytest.mark.req("SRV-12")
    def test_a_cure_leads_back_to_where_it_was_missed(self):
        person = make_practitioner(now=now())
        client = browser(person.user)
        service = reverse("service", args=["classification"])
        cure = f"{reverse('qualification_add')}?next={service.replace('/', '%2F')}"
        assert cure in client.get(service).content.decode()
        filled = {"degree": "diploma", "field": "NUR", "title": "Diploma", "institution": "I", "country": "SA"}
        filled |= typed_date("awarded_on", date(2020, 6, 1))
        assert client.post(cure, filled | {"next": service}).url == service
        elsewhere = client.post(reverse("qualification_add"), filled | {"next": "https://elsewhere.example/"})
        assert elsewhere.url == reverse("account")

    @pytest.mark.req("DOC-5")
    def test_a_refused_letter_is_said_at_its_slot_and_keeps_what_was_typed(self, office):
        draft = make_draft(classified(office, now=now()), "registration", now=now())
        old = add_months(today(now()), -4)
        typed = typed_date("employer_letter-issued_on", old)
        client = browser(draft.practitioner.user)
        answer = client.post(
            page_of(draft, "application_attach", "employer_letter"), typed | {"employer_letter-file": upload()}
        )
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "<title>Error:" in page
        assert "The letter is older than 3 months. Ask your employer for a new one." in page
        assert f'value="{old.year}"' in page
        assert draft.attachments.filter(slot="employer_letter", replaced_at=None).count() == 1

    @pytest.mark.req("APP-8")
    def test_leaving_keeps_the_answers(self, office):
        draft = make_draft(classified(office, now=now()), "registration", now=now())
        client, step = browser(draft.practitioner.user), page_of(draft, "application_questions")
        typed = {"employer": "Oasis Hospital", "job": "Nurse", "city": "Jeddah", "version": draft.version, "later": ""}
        assert client.post(step, typed).url == page_of(draft)
        assert 'value="Oasis Hospital"' in client.get(step).content.decode()

    @pytest.mark.req("APP-8")
    def test_an_old_window_overwrites_nothing_and_keeps_what_was_typed_in_it(self, office):
        draft = make_draft(classified(office, now=now()), "registration", now=now())
        client, step = browser(draft.practitioner.user), page_of(draft, "application_questions")
        typed = {"employer": "Oasis Hospital", "job": "Nurse", "city": "Jeddah", "version": draft.version - 1}
        page = client.post(step, typed).content.decode()
        assert "This draft was changed in another window meanwhile." in page
        assert 'value="Oasis Hospital"' in page
        assert Application.objects.get(pk=draft.pk).answers["employer"] == "Rabia Hospital"

    @pytest.mark.req("APP-3")
    @pytest.mark.parametrize("step", ["application_questions", "application_documents", "application_check"])
    def test_every_step_shows_where_it_stands(self, step):
        draft = make_draft(make_practitioner(now=now()), now=now())
        assert 'aria-current="step"' in read(draft, step)


class TestRemarks:
    @pytest.mark.req("APP-4")
    @pytest.mark.parametrize(("language", "ready_made"), [("ar", "الملف غير مقروء"), ("en", "The file cannot be read")])
    def test_each_item_shows_its_reason_the_remark_and_the_answer(self, office, language, ready_made):
        case = submitted()
        advance(case.pk, "claim", by=office.reviewer, now=now())
        remark = Remark("photo", ReturnReason.objects.get(code="illegible"), "Too dark.")
        advance(case.pk, "return", by=office.reviewer, now=now(), remarks=[remark])
        page = read(case, "application_remarks", language)
        assert ready_made in page
        assert "Too dark." in page
        client = browser(case.practitioner.user, language)
        client.post(page_of(case, "application_answer", "photo"), {"photo-kind": "cannot", "photo-text": "No camera."})
        assert "No camera." in read(case, "application_remarks", language)

    @pytest.mark.req("APP-4")
    def test_an_incomplete_answer_keeps_what_was_typed(self, office):
        case = office.return_(submitted(), "photo", now=now())
        client = browser(case.practitioner.user)
        answer = client.post(
            page_of(case, "application_answer", "photo"), {"photo-kind": "file", "photo-text": "A new one."}
        )
        page = answer.content.decode()
        assert "Choose a file first." in page
        assert "A new one." in page


class TestPaying:
    @pytest.mark.req("PAY-3")
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_bill_shows_its_number_and_both_ends(self, language):
        case = waiting()
        ends = today(now()) + timedelta(days=20)
        bill = attempt_for(case, bill_number="601829473350", biller_name="Portal", biller_code="123", expires_on=ends)
        page = browser(case.practitioner.user, language).get(reverse("bill", args=[bill.given_id])).content.decode()
        assert "6018 2947 3350" in page
        assert 'data-copy="601829473350"' in page
        assert str(ends.year) in page
        assert reverse("payment_return", args=[bill.given_id]) in page

    @pytest.mark.req("PAY-3", "PAY-5")
    @pytest.mark.parametrize(
        ("state", "why"),
        [
            ("paid", "The invoice is paid already"),
            ("waived", "Nothing is to be paid for the invoice any more"),
            ("lapsed", "The time to pay the invoice is over"),
            ("void", "The invoice is void"),
        ],
    )
    def test_a_bill_whose_invoice_is_closed_says_not_to_pay_it_and_why(self, state, why):
        case = waiting()
        bill = attempt_for(case, bill_number="601829473350", biller_name="Portal", biller_code="123")
        client, address = browser(case.practitioner.user), reverse("bill", args=[bill.given_id])
        assert "Do not pay" not in client.get(address).content.decode().replace("Do not pay twice", "")
        if state == "paid":
            pay(case, "admin", paid_at=now(), now=now())
        elif state == "waived":
            exempt(Finance(), case.practitioner, now=now())
        elif state == "lapsed":
            cut_off = Deadline.objects.get(application=case).lapses_at
            Attempt.objects.filter(pk=bill.pk).update(asked_at=cut_off)
            sweeps.lapse(cut_off)
        else:
            advance(case.pk, "withdraw", by=case.practitioner.user, now=now())
        assert invoice_of(case, "admin").state == state
        Attempt.objects.filter(pk=bill.pk).update(state="open")
        page = client.get(address).content.decode()
        for said in ("Do not pay this bill any more", why, "601829473350", "refund ticket", page_of(case)):
            assert said in page
        for unsaid in ("Pay the SADAD bill", "can be paid until", "data-copy"):
            assert unsaid not in page

    @pytest.mark.parametrize(
        ("state", "credited", "says"),
        [
            ("open", False, "The gateway has not reported the payment yet"),
            ("paid", False, "Your payment has arrived"),
            ("paid", True, "could not be used"),
            ("failed", False, "Nothing was charged"),
            ("expired", False, "Its time at the gateway has ended"),
        ],
    )
    @pytest.mark.req("PAY-5")
    def test_the_way_back_says_how_the_payment_stands(self, monkeypatch, state, credited, says):
        monkeypatch.setattr("payments.attempts.ask", lambda attempt, now: attempt.state)
        case = waiting()
        attempt = attempt_for(case, state=state)
        if credited:
            attempt.payments.create(
                invoice=attempt.invoice,
                provider_ref="p",
                method="sadad",
                amount=1,
                paid_at=now(),
                received_at=now(),
                disposition="credited",
            )
        for language in LANGUAGES:
            address = reverse("payment_return", args=[attempt.given_id])
            page = browser(case.practitioner.user, language).get(address).content.decode()
            assert page_of(case) in page
        assert says in page

    @pytest.mark.req("PAY-5")
    def test_the_page_loads_again_by_itself_only_for_a_while(self, monkeypatch):
        def away(attempt, now):
            raise GatewayDown("no answer")

        monkeypatch.setattr("payments.attempts.ask", away)
        case = waiting()
        fresh, old = attempt_for(case), attempt_for(case, "card", created_at=now() - timedelta(minutes=11))
        client = browser(case.practitioner.user)
        pages = [client.get(reverse("payment_return", args=[one.given_id])).content.decode() for one in (fresh, old)]
        assert [page.count('http-equiv="refresh"') for page in pages] == [1, 0]
        assert all("The payment gateway does not answer just now" in page for page in pages)


class TestNotices:
    KINDS = [
        *((kind, {"due_on": "2026-12-22", "text": "A <b> & b"}) for kind in sorted(set(LETTERS.values()))),
        ("preliminarily_approved", {"due_on": "", "text": ""}),
        *(("cancelled", {"reason": reason}) for reason in CancelReason.values),
        ("draft_gave_way", {"draft": "CL-2026-7654321"}),
    ]

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize(("kind", "facts"), KINDS, ids=[f"{kind}-{n}" for n, (kind, _facts) in enumerate(KINDS)])
    @pytest.mark.req("NTC-1")
    def test_every_kind_has_its_words(self, kind, facts, language):
        notice = Notice(kind=kind, reference="CL-2026-1234567", facts=facts)
        subject, body = notices.words(notice, language)
        assert "CL-2026-1234567" in subject
        assert len(body) > 40
        assert "&lt;" not in body

    @pytest.mark.req("DLN-4")
    @pytest.mark.parametrize("kind", ["returned", "preliminarily_approved"])
    def test_a_deadline_stands_in_both_calendars(self, kind):
        facts = {"due_on": "2026-12-22", "text": ""}
        _subject, body = notices.words(Notice(kind=kind, reference="CL-2026-1234567", facts=facts), "en")
        assert "Tuesday 22 December 2026 (13 Rajab 1448)" in body

    @pytest.mark.req("APP-4")
    def test_a_returned_application_is_told_with_its_last_day(self, office):
        case = office.return_(submitted(), "photo", now=now())
        letter = Notice.objects.get(recipient=case.practitioner.user, kind="returned")
        with translation.override("en"):
            last_day = gregorian(case.deadline.due_on)
        assert last_day in notices.words(letter, "en")[0]

    @pytest.mark.req("NTC-1")
    def test_a_message_is_read_once_opened(self):
        case = submitted()
        client = browser(case.practitioner.user)
        notice = case.practitioner.user.notices.get()
        assert 'class="new"' in client.get(reverse("inbox")).content.decode()
        page = client.get(reverse("message", args=[notice.pk])).content.decode()
        assert page_of(case) in page
        assert 'class="new"' not in client.get(reverse("inbox")).content.decode()


class TestPersonalData:
    @pytest.mark.req("ACC-5")
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_keeps_what_was_typed_when_something_is_wrong(self, language):
        client = browser(make_user("Nora"), language)
        typed = {
            "first_ar": "Nora",
            "first_en": "Nora",
            "birth_date_calendar": "hijri",
            "birth_date_year": "1410",
            "version": 0,
        }
        page = client.post(reverse("personal_data"), typed).content.decode()
        assert 'class="error-box"' in page
        assert 'value="Nora"' in page
        assert 'value="1410"' in page

    @pytest.mark.req("ACC-6")
    def test_an_identity_once_entered_is_shown_and_not_asked(self):
        person = make_practitioner(now=now())
        page = browser(person.user).get(reverse("personal_data")).content.decode()
        assert person.identities.get().masked in page
        assert 'name="identity_number"' not in page
