"""What goes back of one payment: every rule in its order, every boundary, and what holds whatever the facts (REF-2 to REF-5)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from mumaris.kit.clock import end_of_day
from refunds import rules
from refunds.rules import CLAIMS, IN_FULL, ORDER, Facts, Outcome, Part, Rule, judge

SUBMITTED = datetime(2026, 11, 9, 6, 0, tzinfo=UTC)
PAID = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
LAST = date(2026, 12, 9)  # the thirtieth Riyadh day after the submission
IN_TIME = SUBMITTED + timedelta(days=13)
SERVICE = Part(base=40_000, fee="service", line=1, text_en="Service fee")
LATE = Part(base=10_000, fee="late", line=2, text_en="Late fee")
ADMIN = Part(base=20_000, fee="admin", line=3, text_en="Administrative fee")
EXAM = Part(base=60_000, fee="exam", line=4, text_en="Exam fee")
CREDIT = Part(base=7_001, credit=5, text_en="Paid after the cut-off")


def facts(*parts: Part, **more) -> Facts:
    return Facts(
        **{"paid_at": PAID, "parts": parts, "room": sum(part.base for part in parts), "submitted_at": SUBMITTED, **more}
    )


def amount_and_rule(part: Part, **more) -> tuple[int, Rule]:
    share = judge(facts(part, **more)).shares[0]
    return share.amount, share.rule


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


@pytest.mark.req("REF-5")
@pytest.mark.parametrize(
    ("part", "more", "amount", "rule"),
    [
        # Money never applied: all of it, whatever became of the case.
        (CREDIT, {}, 7_001, Rule.UNAPPLIED),
        (CREDIT, {"issued": True, "rejected": "compliance", "unanswered": True}, 7_001, Rule.UNAPPLIED),
        # REF-4: established or accepted, and before REF-2.
        (ADMIN, {"exempt": True}, 20_000, Rule.EXEMPT),
        (SERVICE, {"exempt": True, "issued": True}, 40_000, Rule.EXEMPT),
        (ADMIN, {"accepted": "exempt"}, 20_000, Rule.EXEMPT),
        (ADMIN, {"accepted": "not_requested"}, 20_000, Rule.NOT_REQUESTED),
        (ADMIN, {"accepted": "wrong_path"}, 20_000, Rule.WRONG_PATH),
        (SERVICE, {"accepted": "wrong_path", "issued": True}, 40_000, Rule.WRONG_PATH),
        (EXAM, {"accepted": "not_requested", "attempt_used": True}, 60_000, Rule.NOT_REQUESTED),
        (LATE, {"accepted": "late_proof", "issued": True}, 10_000, Rule.LATE_PROOF),
        (SERVICE, {"accepted": "late_proof"}, 0, Rule.NOTHING),
        (ADMIN, {"accepted": "late_proof"}, 0, Rule.ADMIN_FEE),
        # A ground that is only claimed decides nothing.
        (ADMIN, {"claimed": "wrong_path"}, 0, Rule.ADMIN_FEE),
        (SERVICE, {"claimed": "exempt", "withdrawn_at": IN_TIME}, 20_000, Rule.HALF),
        # REF-2.
        (ADMIN, {"withdrawn_at": IN_TIME}, 0, Rule.ADMIN_FEE),
        (SERVICE, {"issued": True}, 0, Rule.USED),
        (LATE, {"issued": True}, 0, Rule.USED),
        (EXAM, {"attempt_used": True}, 0, Rule.USED),
        (EXAM, {"withdrawn_at": IN_TIME}, 0, Rule.NOTHING),
        (SERVICE, {"attempt_used": True, "withdrawn_at": IN_TIME}, 20_000, Rule.HALF),
        (SERVICE, {"rejected": "conditions"}, 0, Rule.CONDITIONS),
        (SERVICE, {"rejected": "compliance"}, 0, Rule.NOT_COMPLIED),
        (SERVICE, {"unanswered": True}, 0, Rule.UNANSWERED),
        # REF-3: of the service line only.
        (SERVICE, {"withdrawn_at": IN_TIME}, 20_000, Rule.HALF),
        (LATE, {"withdrawn_at": IN_TIME}, 0, Rule.NOTHING),
        (SERVICE, {"withdrawn_at": IN_TIME, "submitted_at": None}, 0, Rule.NOTHING),
        # Else nothing.
        (SERVICE, {}, 0, Rule.NOTHING),
    ],
)
def test_the_first_rule_that_applies_decides(part, more, amount, rule):
    assert amount_and_rule(part, **more) == (amount, rule)


@pytest.mark.req("REF-3")
@pytest.mark.parametrize("basis", [rules.FROM_SUBMISSION, rules.FROM_PAYMENT])
@pytest.mark.parametrize(("seconds", "goes_back"), [(-1, 20_000), (0, 0), (1, 0)])
def test_the_month_ends_with_the_thirtieth_riyadh_day(basis, seconds, goes_back):
    """I39: until the end of the thirtieth day after, whatever the hour at which the time began (PAY-4)."""
    begun = {"submitted_at": SUBMITTED, "paid_at": SUBMITTED + timedelta(hours=14, minutes=59)}
    withdrawn = end_of_day(LAST) + timedelta(seconds=seconds)
    assert amount_and_rule(SERVICE, withdrawn_at=withdrawn, window_basis=basis, **begun)[0] == goes_back


@pytest.mark.req("REF-3")
def test_the_authoritys_reading_counts_from_the_payment_and_before_the_exam():
    late = {"submitted_at": SUBMITTED - timedelta(days=60), "withdrawn_at": PAID + timedelta(days=3)}
    assert amount_and_rule(SERVICE, **late) == (0, Rule.NOTHING)
    assert amount_and_rule(SERVICE, **late, window_basis=2) == (20_000, Rule.HALF)
    assert amount_and_rule(SERVICE, **late, window_basis=2, assessed=True) == (0, Rule.NOTHING)
    assert amount_and_rule(SERVICE, withdrawn_at=IN_TIME, assessed=True) == (20_000, Rule.HALF)


@pytest.mark.req("REF-3")
@pytest.mark.parametrize(
    ("base", "half"), [(1, 1), (2, 1), (3, 2), (40_001, 20_001), (40_002, 20_001), (99_999, 50_000)]
)
def test_half_is_to_the_nearest_halala_half_up(base, half):
    assert amount_and_rule(replace(SERVICE, base=base), withdrawn_at=IN_TIME)[0] == half


@pytest.mark.req("REF-3")
def test_the_percentage_is_the_policys():
    assert amount_and_rule(SERVICE, withdrawn_at=IN_TIME, percent=33)[0] == 13_200
    assert amount_and_rule(replace(SERVICE, base=1_001), withdrawn_at=IN_TIME, percent=25)[0] == 250


@pytest.mark.req("REF-5")
def test_every_rule_is_named_in_order_with_its_outcome_and_a_reason():
    findings = judge(facts(SERVICE, withdrawn_at=IN_TIME, claimed="wrong_path")).shares[0].findings
    assert [one.rule for one in findings] == list(ORDER) == [rule for rule in Rule if rule != Rule.OVERRULED]
    outcomes = {one.rule: one.outcome for one in findings}
    assert outcomes[Rule.HALF] == Outcome.HIT
    assert outcomes[Rule.NOTHING] == Outcome.UNREAD
    assert outcomes[Rule.WRONG_PATH] == Outcome.CLAIMED
    assert {outcomes[rule] for rule in ORDER if rule not in (Rule.HALF, Rule.NOTHING, Rule.WRONG_PATH)} == {
        Outcome.MISSED
    }
    assert all(one.reason for one in findings)
    assert next(one.amount for one in findings if one.outcome == Outcome.CLAIMED) == 40_000
    assert "9 November 2026" in next(one.reason for one in findings if one.rule == Rule.HALF)
    assert "9 December 2026" in next(one.reason for one in findings if one.rule == Rule.HALF)


@pytest.mark.req("REF-5")
def test_what_went_back_before_is_taken_off():
    half_gone = replace(SERVICE, returned=20_000)
    assert amount_and_rule(half_gone, withdrawn_at=IN_TIME) == (0, Rule.HALF)
    assert amount_and_rule(half_gone, withdrawn_at=IN_TIME, exempt=True) == (20_000, Rule.EXEMPT)
    assert judge(facts(SERVICE, exempt=True, room=5)).amount == 5


@pytest.mark.req("REF-5")
def test_two_officers_give_an_amount_but_never_an_administrative_fee_nor_of_what_was_issued():
    both = facts(ADMIN, SERVICE, LATE)
    assert rules.most(both) == 50_000
    assert [share.amount for share in rules.overruled(both, 45_000).shares] == [0, 40_000, 5_000]
    assert rules.overruled(both, 45_000).rule == Rule.OVERRULED
    assert rules.most(replace(both, issued=True)) == 0
    for wrong in (-1, 50_001):
        with pytest.raises(ValueError, match="cannot go back"):
            rules.overruled(both, wrong)


@pytest.mark.req("REF-5")
def test_a_judgement_is_kept_in_the_words_of_both_languages():
    kept = rules.frozen(facts(SERVICE, withdrawn_at=IN_TIME), judge(facts(SERVICE, withdrawn_at=IN_TIME)))
    assert kept["amount"] == 20_000
    read = kept["shares"][0]["findings"]
    assert [one["rule"] for one in read["ar"]] == [one["rule"] for one in read["en"]] == [rule.value for rule in ORDER]


@pytest.mark.req("PAY-8")
def test_the_tax_in_a_share_is_its_part_of_the_tax():
    taxed = replace(SERVICE, base=11_500, vat=1_500)
    assert judge(facts(taxed, withdrawn_at=IN_TIME)).shares[0].vat == 750


@pytest.mark.req("PAY-8")
@pytest.mark.req("PAY-6")
def test_what_goes_back_in_two_steps_takes_the_tax_that_was_in_it_and_no_halala_more():
    taxed = replace(SERVICE, base=150_000, vat=19_565)
    first = judge(facts(taxed, withdrawn_at=IN_TIME)).shares[0]
    rest = replace(taxed, returned=first.amount)
    second = judge(facts(rest, claimed=Rule.WRONG_PATH, accepted=Rule.WRONG_PATH)).shares[0]
    assert (first.amount + second.amount, first.vat + second.vat) == (150_000, 19_565)


MONEY = st.integers(min_value=1, max_value=10**9)
PARTS = st.lists(
    st.one_of(
        st.builds(lambda base, back: Part(base=base, returned=min(base, back), credit=1), MONEY, st.integers(0, 10**9)),
        st.builds(
            lambda base, back, fee: Part(base=base, returned=min(base, back), fee=fee, line=1),
            MONEY,
            st.integers(0, 10**9),
            st.sampled_from(["admin", "service", "late", "exam"]),
        ),
    ),
    min_size=1,
    max_size=4,
)
MOMENTS = st.none() | st.integers(0, 90).map(lambda days: SUBMITTED + timedelta(days=days))
GROUNDS = st.sampled_from(["", *CLAIMS])
ANY_FACTS = st.builds(
    lambda parts, more, used: Facts(
        parts=tuple(parts), room=max(0, sum(p.base - p.returned for p in parts) - used), **more
    ),
    PARTS,
    st.fixed_dictionaries(
        {
            "paid_at": st.just(PAID),
            "submitted_at": MOMENTS,
            "withdrawn_at": MOMENTS,
            "issued": st.booleans(),
            "rejected": st.sampled_from(["", "conditions", "compliance"]),
            "unanswered": st.booleans(),
            "attempt_used": st.booleans(),
            "assessed": st.booleans(),
            "exempt": st.booleans(),
            "claimed": GROUNDS,
            "accepted": GROUNDS,
            "percent": st.integers(1, 100),
            "window_days": st.integers(1, 60),
            "window_basis": st.sampled_from([1, 2]),
        }
    ),
    st.integers(0, 10**6),
)


@pytest.mark.req("REF-5")
@given(ANY_FACTS)
def test_never_negative_never_more_than_was_paid_and_in_order(found):
    judgement = judge(found)
    assert 0 <= judgement.amount <= found.room
    for share in judgement.shares:
        assert 0 <= share.amount <= share.part.base - share.part.returned
        outcomes = [one.outcome for one in share.findings]
        assert outcomes.count(Outcome.HIT) == 1
        hit = outcomes.index(Outcome.HIT)
        assert set(outcomes[:hit]) <= {Outcome.MISSED, Outcome.CLAIMED}
        assert set(outcomes[hit + 1 :]) <= {Outcome.UNREAD}
        assert share.findings[hit].rule == share.rule


@pytest.mark.req("REF-2")
@given(ANY_FACTS)
def test_an_administrative_fee_and_what_was_issued_go_back_on_a_ground_of_ref_4_alone(found):
    for share in judge(found).shares:
        if share.amount and (share.part.fee == "admin" or (found.issued and share.part.fee in ("service", "late"))):
            assert share.rule in CLAIMS
        if share.amount and share.rule not in IN_FULL:
            assert (share.rule, share.part.fee) == (Rule.HALF, "service")


@pytest.mark.req("REF-5")
@given(ANY_FACTS)
def test_accepting_a_claim_never_gives_less(found):
    assert rules.if_accepted(found) >= judge(replace(found, accepted="")).amount or found.room < sum(
        part.base - part.returned for part in found.parts
    )
