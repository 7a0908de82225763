"""Whatever can happen has its words: every notice in both languages, every state and move on the practitioner's pages."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from accounts import notices
from accounts.models import Notice
from applications import casework, deadlines, presenting
from applications.letters import LETTERS
from applications.lifecycle import CLOSED, HOLDER, LIFECYCLE, PRACTITIONER, WAITING, CancelReason, DeadlineKind, State
from applications.models import Outcome
from documents.models import Refusal, Result
from mumaris.kit.templatetags.look import STATES
from mumaris.pages import views
from refunds import desk, letters
from refunds.lifecycle import LIFECYCLE as OF_TICKETS
from refunds.lifecycle import TicketState
from refunds.presenting import STEPS

# What is told besides the letters of moves, as the code itself names it.
TOLD = re.compile(r"""(?:tell\(\s*[\w.]+,\s*|Notice\([^()]*kind=)"(\w+)\"""")
TEMPLATES = Path(settings.BASE_DIR) / "templates" / "notices"
ROOMS = ("accounts", "documents", "register", "payments", "cpd", "applications", "refunds")
EXAM_MOVES = ("pass", "fail_free", "fail_paid", "fail_last")
OF_NO_CASE = {"sanction_imposed", "sanction_lifted", "verification_result"}
# These name their ticket, which names the application.
OF_A_TICKET = {*letters.LETTERS.values(), letters.TO_HEADS, "refund_failed"}
OF_NO_CASE |= {f"exemption_{what}" for what in ("requested", "approved", "refused", "revoked")}
REFERENCE, DUE_ON = "CL-2026-0443391", "2026-12-22"
PAGE = "https://portal.example/account/exemption/"
WORDS = "Bring the\nlast page & the <stamp>."
LANGUAGES = [("ar", r"[\u0621-\u0652]{3}"), ("en", r"[a-z]{3}")]


def kinds() -> set[str]:
    code = [path.read_text() for room in ROOMS for path in (Path(settings.BASE_DIR) / room).glob("*.py")]
    named = {*LETTERS.values(), *deadlines.LETTERS.values(), *OF_A_TICKET}
    return named | {kind for text in code for kind in TOLD.findall(text)}


def told() -> list[Notice]:
    """Every kind of notice with every sort of facts that it can have."""
    facts = {
        "cancelled": [{"reason": reason.value} for reason in CancelReason],
        "draft_gave_way": [{"draft": "CL-2026-0000002"}],
        "preliminarily_approved": [{"due_on": due_on, "text": text} for due_on in ("", DUE_ON) for text in ("", WORDS)],
        "cpd_hours_recorded": [
            {"activity": WORDS, "hours": "4.5", "text": "", **more} for more in ({}, {"claimed": "6.0", "text": WORDS})
        ],
        "cpd_hours_withdrawn": [{"activity": WORDS, "hours": "1.0", "text": WORDS}],
        "reminder": [{"due_on": DUE_ON, "wait": kind} for kind in DeadlineKind],
        "clock_pause": [
            {"cause": cause, "reason": reason, "days_left": 12, "due_on": DUE_ON, "wait": wait}
            for wait in ("return", "exam_fee")
            for cause, reason in (("staff", WORDS), ("exemption", ""))
        ],
        "clock_resume": [
            {"cause": cause, "reason": reason, "days_left": None, "due_on": DUE_ON, "wait": wait}
            for wait in ("return", "exam_fee")
            for cause, reason in (("staff", WORDS), ("exemption", ""))
        ],
        "clock_extend": [
            {"cause": "staff", "reason": WORDS, "due_on": DUE_ON, "wait": wait} for wait in ("return", "admin_fee")
        ],
        "bill_reissued": [
            {"invoice": "INV-2026-000001", "biller": "Biller (129)", "number": "123456", "expires_on": DUE_ON}
        ],
        "sanction_imposed": [{"what": WORDS, "ends_on": ends_on} for ends_on in ("", DUE_ON)],
        "sanction_lifted": [{"what": WORDS}],
        "exemption_requested": [{"page": PAGE}],
        "exemption_approved": [
            {"page": PAGE, "starts_on": DUE_ON, "ends_on": ends_on, "refunds": refunds}
            for ends_on in ("", DUE_ON)
            for refunds in ("", PAGE)
        ],
        "exemption_refused": [{"page": PAGE, "reason": WORDS}],
        "exemption_revoked": [{"page": PAGE, "reason": WORDS}],
        "exam_fee_due": [{"due_on": DUE_ON, "text": "", "number": number} for number in ("", "EN-2026-0000001")],
        "exam_result": [
            {"outcome": outcome, "number": "EN-2026-0000001", "sat_on": DUE_ON, "left": 1, "again_on": DUE_ON, **more}
            for outcome in Outcome.values
            for more in (
                *({"move": move, "corrected": False, "text": ""} for move in ("", *EXAM_MOVES)),
                {"move": "correct_result", "corrected": True, "text": WORDS},
            )
        ],
        "verification_result": [
            {"outcome": outcome, "what": "Nursing", "case_number": "DF-2026-1", "serial": "S-1", "appeal_until_on": day}
            for outcome in (*Result, *Refusal)
            for day in ("", DUE_ON)
        ],
    }
    ticket = {
        "ticket": "RF-2026-0443391",
        "amount": "200.00",
        "decide_on": DUE_ON,
        "collect_on": DUE_ON,
        "account": "SA03 … 7519",
        "by_portal": False,
    }
    facts |= {
        kind: [
            {**ticket, "text": "", "wants_account": False},
            {**ticket, "text": WORDS, "wants_account": True, "by_portal": True},
        ]
        for kind in OF_A_TICKET
    }
    usual = [{"due_on": DUE_ON, "text": ""}, {"due_on": DUE_ON, "text": WORDS}]
    return [Notice(kind=kind, reference=REFERENCE, facts=one) for kind in kinds() for one in facts.get(kind, usual)]


def test_every_kind_of_notice_has_its_template_and_every_template_its_kind():
    assert {"cancelled", "draft_gave_way"} <= kinds()
    assert {path.stem for path in TEMPLATES.iterdir()} == kinds()


def test_every_letter_belongs_to_a_move():
    assert set(LETTERS) <= set(LIFECYCLE)


@pytest.mark.req("NTC-1")
@pytest.mark.parametrize(("language", "letters"), LANGUAGES)
def test_every_notice_has_a_subject_and_a_body_in_both_languages(language, letters):
    for notice in told():
        subject, body = notices.words(notice, language)
        assert (REFERENCE in subject) == (notice.kind not in OF_NO_CASE | OF_A_TICKET)
        assert ("RF-2026-0443391" in subject) == (notice.kind in OF_A_TICKET)
        assert "\n" not in subject
        assert len(subject) < 100
        for text in (subject, body):
            assert re.search(letters, text), notice.kind
            assert not re.search(r"&\w+;|<(?!stamp>)|\{|None|\n\n\n", text), notice.kind


@pytest.mark.req("NTC-1")
def test_a_decision_tells_the_officers_words_as_they_wrote_them():
    for kind in ("returned", "rejected", "preliminarily_approved", "approval_taken_back", "completed"):
        for language, _letters in LANGUAGES:
            notice = Notice(kind=kind, reference=REFERENCE, facts={"due_on": DUE_ON, "text": WORDS})
            assert WORDS in notices.words(notice, language)[1], kind


@pytest.mark.req("DLN-1")
def test_a_cancellation_says_what_was_not_done():
    said = {
        reason: notices.words(Notice(kind="cancelled", reference=REFERENCE, facts={"reason": reason.value}), "en")[1]
        for reason in CancelReason
    }
    assert len({body.partition("\n")[0] for body in said.values()}) == len(CancelReason)
    for reason, body in said.items():
        assert ("bank" in body) == reason.value.endswith("fee_unpaid"), reason


@pytest.mark.req("DLN-4")
@pytest.mark.parametrize(("language", "day", "hijri"), [("ar", "22 ديسمبر", "1448"), ("en", "22 December", "1448")])
@pytest.mark.parametrize("kind", ["returned", "preliminarily_approved"])
def test_a_notice_that_asks_for_something_says_until_when_in_both_calendars(kind, language, day, hijri):
    subject, body = notices.words(
        Notice(kind=kind, reference=REFERENCE, facts={"due_on": DUE_ON, "text": ""}), language
    )
    assert day in subject
    assert day in body
    assert hijri in body


@pytest.mark.req("APP-5")
def test_every_move_and_state_has_its_words_on_the_pages():
    assert set(presenting.HAPPENED) == set(casework.HAPPENED) == set(LIFECYCLE)
    assert set(presenting.ENDS_WHEN) == set(HOLDER) == set(State) - set(CLOSED)
    assert set(presenting.STAGE_OF) == set(HOLDER) | {State.COMPLETED}
    assert set(presenting.INVOICE_OF) <= set(WAITING)
    assert set(State) <= set(STATES["application"])


@pytest.mark.req("REF-1")
def test_every_move_and_state_of_a_ticket_has_its_words():
    assert set(STEPS) == set(desk.HAPPENED) == {*OF_TICKETS, "file", "escalate"}
    assert set(TicketState) == set(STATES["refund"])
    assert set(letters.LETTERS) <= {*OF_TICKETS, "file", "escalate"}


def test_the_home_page_names_what_to_do_in_every_state_that_waits_for_the_practitioner():
    assert set(views.DO_NEXT) == {state for state, turn in HOLDER.items() if turn == PRACTITIONER}
    assert all("%(service)s" in str(title) for title, _text, _action in views.DO_NEXT.values())


def test_whoever_waits_with_a_deadline_is_told_what_happens_otherwise():
    assert {state for state, (_ends, otherwise) in presenting.ENDS_WHEN.items() if otherwise} == set(WAITING)
