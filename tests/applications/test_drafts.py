"""A draft keeps what was typed, says where it goes on, and ends only when nobody needs it (APP-8)."""

from datetime import date, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import notices
from accounts.models import Notice
from applications import filing, sweeps
from applications.catalogue import CATALOGUE
from applications.models import Application, Attachment
from applications.progress import advance
from documents.models import Paper, Verification
from mumaris.kit import clock
from mumaris.kit.clock import end_of_day
from mumaris.kit.models import PolicyValue
from mumaris.pages import signing_in
from tests.fingerprint import unchanged
from tests.people import (
    NOON,
    PASSWORD,
    Office,
    declare,
    make_draft,
    make_practitioner,
    make_qualification,
    pay,
    submitted,
    upload,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


# Where it goes on


@pytest.mark.req("APP-8")
def test_the_list_and_the_home_page_say_at_which_step_each_draft_stands_and_when_it_was_saved(client):
    now = clock.now()
    person = make_practitioner(now=now)
    fresh = filing.start(person, CATALOGUE["training-letter"], now=now)
    answered = make_draft(person, "qualification-study", now=now)
    once_declared = declare(make_draft(person, now=now), now=now)
    advance(once_declared.pk, "reopen", by=person.user, now=now)
    client.force_login(person.user)
    client.cookies["django_language"] = "en"
    steps = {fresh.reference: 2, answered.reference: 3, once_declared.reference: 4}
    for name in ("applications", "home"):
        answer = client.get(reverse(name))
        shown = {row["reference"]: row["step"]["number"] for row in answer.context["rows"]}
        assert shown == steps
        page = answer.content.decode()
        assert all(f"Step {number} of 4: " in page for number in steps.values())
        assert page.count("Saved on ") == 3


def test_what_is_no_draft_has_no_step(client):
    now = clock.now()
    case = submitted(make_practitioner(now=now), now=now)
    client.force_login(case.practitioner.user)
    assert [row["step"] for row in client.get(reverse("applications")).context["rows"]] == [None]


# What was typed when the session had ended


@pytest.fixture
def quick(settings, request):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    own = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": request.node.nodeid}
    settings.CACHES = {"default": own}
    cache.clear()


@pytest.fixture
def draft(quick):
    now = clock.now()
    return make_draft(make_practitioner(now=now), now=now)


def step(case, name: str = "") -> str:
    return f"/applications/{case.reference}/{name}"


def typed_answers(draft, **changes) -> dict:
    chosen = {"specialty": draft.asked_specialty_id, "rank": draft.asked_rank_id, "version": draft.version}
    chosen["qualification"] = draft.practitioner.qualifications.get().pk
    return chosen | {"gap_explanation": "Military service, وخدمة."} | changes


def ended() -> Client:
    """A browser whose session ended: it knows the page and its form, and is nobody."""
    client = Client()
    client.cookies["django_language"] = "en"
    return client


def sign_in(client, user, page):
    """Through the form that the portal leads to."""
    return client.post("/sign/login/", {"login": user.email, "password": PASSWORD, "next": page})


@pytest.mark.req("APP-8")
def test_who_signs_in_again_goes_on_with_what_was_typed(draft):
    client, user = ended(), draft.practitioner.user
    with unchanged():
        sent = client.post(step(draft, "questions/"), typed_answers(draft))
    assert sent.headers["Location"] == f"/sign/login/?next={step(draft, 'questions/')}"
    assert "What you typed is kept" in client.get(sent.headers["Location"]).content.decode()

    assert sign_in(client, user, step(draft, "questions/")).headers["Location"] == step(draft, "questions/")
    page = client.get(step(draft, "questions/"))
    assert "Military service, وخدمة." in page.content.decode()
    assert "stands here again" in page.content.decode()
    draft.refresh_from_db()
    assert draft.answers["gap_explanation"] == ""  # nothing is saved before it is sent
    again = client.post(step(draft, "questions/"), page.context["form"].data.dict())
    assert again.headers["Location"] == step(draft, "documents/")
    draft.refresh_from_db()
    assert draft.answers["gap_explanation"] == "Military service, وخدمة."


@pytest.mark.req("APP-8")
def test_what_was_kept_is_shown_once(draft):
    client, path = ended(), step(draft, "questions/")
    client.post(path, typed_answers(draft))
    sign_in(client, draft.practitioner.user, path)
    assert signing_in.KEY in client.session
    assert "Military service" in client.get(path).content.decode()
    assert signing_in.KEY not in client.session
    assert "Military service" not in client.get(path).content.decode()


@pytest.mark.req("APP-8")
def test_a_draft_that_went_on_meanwhile_is_not_overwritten_by_what_was_kept(draft):
    client, path = ended(), step(draft, "questions/")
    client.post(path, typed_answers(draft))
    elsewhere = Client()
    elsewhere.force_login(draft.practitioner.user)
    elsewhere.post(path, typed_answers(draft, gap_explanation="Written elsewhere."))
    sign_in(client, draft.practitioner.user, path)
    shown = client.get(path).context["form"].data.dict()
    with unchanged():
        assert client.post(path, shown).status_code == 200
    draft.refresh_from_db()
    assert draft.answers["gap_explanation"] == "Written elsewhere."


@pytest.mark.req("APP-8")
def test_another_account_sees_nothing_of_it_and_it_is_gone(draft):
    client, path = ended(), step(draft, "questions/")
    client.post(path, typed_answers(draft))
    sign_in(client, make_practitioner(now=clock.now()).user, path)
    assert client.get(path).status_code == 404
    assert signing_in.KEY not in client.session
    client.force_login(draft.practitioner.user)
    assert "Military service" not in client.get(path).content.decode()


@pytest.mark.req("APP-8")
@pytest.mark.parametrize("first", ["/", "/services/", "elsewhere"])
def test_who_goes_elsewhere_first_leaves_it_behind(draft, first):
    client, path = ended(), step(draft, "questions/")
    client.post(path, typed_answers(draft))
    client.get("/services/")  # as nobody, it stays
    sign_in(client, draft.practitioner.user, path)
    client.get(step(draft, "check/") if first == "elsewhere" else first)
    assert "Military service" not in client.get(path).content.decode()


@pytest.mark.req("APP-8")
def test_it_is_kept_for_an_hour(draft):
    client, path = ended(), step(draft, "questions/")
    client.post(path, typed_answers(draft))
    session = client.session
    assert session.get_expiry_age() <= 3600
    until = datetime.fromisoformat(session[signing_in.KEY]["until"])
    assert timedelta(minutes=59) < until - clock.now() <= timedelta(hours=1)
    session[signing_in.KEY] = session[signing_in.KEY] | {"until": (clock.now() - SECOND).isoformat()}
    session.save()
    sign_in(client, draft.practitioner.user, path)
    assert "Military service" not in client.get(path).content.decode()
    assert client.session.get_expiry_age() > 3600  # whoever signed in stays signed in


@pytest.mark.req("APP-8")
def test_neither_tokens_nor_passwords_nor_files_nor_endless_texts_are_kept(draft):
    client = ended()
    typed = typed_answers(draft, csrfmiddlewaretoken="the token")
    client.post(step(draft, "documents/transcript/"), typed | {"transcript-file": upload("secret.pdf")})
    kept = client.session[signing_in.KEY]
    assert kept["page"] == step(draft, "documents/")
    assert "token" not in kept["body"]
    assert "secret" not in kept["body"]
    for path, sent in [
        ("/sign/password/change/", {"oldpassword": PASSWORD}),
        ("/account/personal/", {"first_en": "Samar"}),
        ("/services/registration/start/", {"typed": "1"}),
        (step(draft, "questions/"), {"gap_explanation": "x" * signing_in.LONGEST}),
        (step(draft, "questions/"), {}),
    ]:
        stranger = ended()
        assert stranger.post(path, sent).status_code == 302
        assert signing_in.KEY not in stranger.session, path


@pytest.mark.req("APP-8")
@pytest.mark.req("APP-4")
def test_an_answer_to_a_remark_comes_back_at_its_item(quick):
    now = clock.now()
    case = submitted(make_practitioner(now=now), now=now)
    case = Office().return_(case, "transcript", "answers", now=now)
    client, page = ended(), step(case, "remarks/")
    sent = client.post(step(case, "remarks/transcript/"), {"transcript-kind": "cannot", "transcript-text": "It burnt."})
    assert sent.headers["Location"] == f"/sign/login/?next={page}"
    assert sign_in(client, case.practitioner.user, page).headers["Location"] == page
    shown = client.get(page)
    assert shown.status_code == 200
    assert {one["item"].target: one["form"].is_bound for one in shown.context["items"]} == {
        "transcript": True,
        "answers": False,
    }
    assert shown.content.decode().count("It burnt.") == 1


@pytest.mark.req("APP-8")
def test_the_date_of_a_file_comes_back_and_the_file_is_asked_for_again(draft):
    client, page = ended(), step(draft, "documents/")
    sent = client.post(step(draft, "documents/transcript/"), {"transcript-file": upload()})
    assert sent.headers["Location"] == f"/sign/login/?next={page}"
    client.post(step(draft, "documents/no_such_slot/"), {"more": "words"})
    sign_in(client, draft.practitioner.user, page)
    assert client.get(page).status_code == 200


@pytest.mark.req("APP-8")
@pytest.mark.req("APP-9")
def test_an_appeal_comes_back_as_it_was_written(quick):
    now = clock.now()
    case = Office().reject(submitted(make_practitioner(now=now), now=now), now=now)
    client, page = ended(), step(case, "appeal/")
    client.post(page, {"text": "Page 3 was overlooked.", "declared": "on"})
    sign_in(client, case.practitioner.user, page)
    assert "Page 3 was overlooked." in client.get(page).content.decode()
    case.refresh_from_db()
    assert case.state == "rejected"


@pytest.mark.parametrize(
    ("sent_to", "shown_on"),
    [("reopen/", ""), ("discard/", ""), ("resubmit/", "remarks/"), ("questions/", "questions/")],
)
def test_after_the_sign_in_comes_a_page_never_an_address_that_only_takes_forms(draft, sent_to, shown_on):
    sent = ended().post(step(draft, sent_to))
    assert sent.headers["Location"] == f"/sign/login/?next={step(draft, shown_on)}"


# Idle ones


def idle_draft(now=NOON, **person) -> Application:
    return make_draft(make_practitioner(now=now, **person), now=now)


def told(case) -> list[Notice]:
    return list(Notice.objects.filter(kind="draft_idle", reference=case.reference))


OFFERED = end_of_day(date(2026, 11, 22) + 179 * DAY)  # the first instant of the 180th day
OVER = end_of_day(date(2026, 11, 22) + 195 * DAY)  # the first instant after the 15 days


@pytest.mark.req("APP-8")
def test_a_draft_is_offered_for_deletion_on_day_180_and_deleted_after_15_more():
    case = idle_draft()
    papers = Paper.objects.count()
    sweeps.tidy_drafts(OFFERED - SECOND)
    assert told(case) == []
    assert [sweeps.tidy_drafts(OFFERED), sweeps.tidy_drafts(OFFERED + 3 * DAY)] == [0, 0]
    notice = told(case)[0]
    assert len(told(case)) == 1
    assert notice.facts["due_on"] == (date(2026, 11, 22) + 195 * DAY).isoformat()
    assert case.reference in notices.words(notice, "en")[0]
    assert sweeps.tidy_drafts(OVER - SECOND) == 0
    assert [sweeps.tidy_drafts(OVER), sweeps.tidy_drafts(OVER)] == [1, 0]
    assert not Application.objects.exists()
    assert not Attachment.objects.exists()
    assert Paper.objects.count() == papers
    assert len(told(case)) == 1


@pytest.mark.req("APP-8")
def test_an_outage_of_the_sweep_costs_nobody_their_days():
    case = idle_draft()
    late = NOON + 400 * DAY
    assert sweeps.tidy_drafts(late) == 0
    assert told(case)[0].facts["due_on"] == clock.days_after(late, 15).isoformat()
    assert sweeps.tidy_drafts(late + 15 * DAY) == 0
    assert sweeps.tidy_drafts(late + 16 * DAY) == 1


@pytest.mark.req("APP-8")
def test_the_day_that_was_told_stands_whatever_the_policy_says_later():
    case = idle_draft()
    sweeps.tidy_drafts(OFFERED)
    PolicyValue.objects.create(key="draft.notice_days", value=1, effective_from=(OFFERED + DAY).date(), source="test")
    assert sweeps.tidy_drafts(OVER - SECOND) == 0
    assert Application.objects.filter(pk=case.pk).exists()


@pytest.mark.req("APP-8")
def test_a_draft_that_is_saved_again_starts_anew():
    case = idle_draft()
    sweeps.tidy_drafts(OFFERED)
    filing.save_answers(case, {"gap_explanation": "Still here."}, version=case.version, now=OFFERED + DAY)
    assert sweeps.tidy_drafts(OVER + 100 * DAY) == 0
    assert len(told(case)) == 1
    assert sweeps.tidy_drafts(OFFERED + DAY + 180 * DAY) == 0
    assert len(told(case)) == 2
    assert sweeps.tidy_drafts(OFFERED + DAY + 197 * DAY) == 1


def verification(case, at: datetime, **facts) -> Verification:
    held = make_qualification(case.practitioner, title="Diploma from abroad", country="JO")
    return Verification.objects.create(
        practitioner=case.practitioner, qualification=held, case_number="DF-2026-000001", entered_at=at, **facts
    )


@pytest.mark.req("APP-8")
@pytest.mark.req("DOC-3")
def test_waiting_for_a_verification_is_not_idle_and_its_answer_begins_the_days_anew():
    case = idle_draft()
    sweeps.tidy_drafts(OFFERED)
    waiting = verification(case, OFFERED + DAY)
    other = idle_draft()
    assert sweeps.tidy_drafts(OVER + 100 * DAY) == 0
    assert (len(told(case)), len(told(other))) == (1, 1)

    answered = OVER + 101 * DAY
    Verification.objects.filter(pk=waiting.pk).update(refusal="unknown", asked_at=answered)
    assert sweeps.tidy_drafts(answered + DAY) == 0
    assert sweeps.tidy_drafts(answered + 179 * DAY) == 1  # the other one
    assert len(told(case)) == 1
    sweeps.tidy_drafts(answered + 181 * DAY)
    assert len(told(case)) == 2
    assert sweeps.tidy_drafts(answered + 198 * DAY) == 1


@pytest.mark.req("APP-8")
def test_what_was_invoiced_once_is_neither_offered_nor_deleted():
    case = declare(idle_draft())
    advance(case.pk, "reopen", by=case.practitioner.user, now=NOON)
    paid = pay(declare(idle_draft()), "admin")
    for now in (OFFERED, OVER, OVER + 1000 * DAY):
        assert sweeps.tidy_drafts(now) == 0
    assert told(case) == told(paid) == []
    assert Application.objects.count() == 2


@pytest.mark.req("APP-8")
def test_many_drafts_are_tidied_in_batches():
    for _ in range(5):
        idle_draft()
    assert sweeps.tidy_drafts(OFFERED, batch=2) == 0
    assert Notice.objects.filter(kind="draft_idle").count() == 5
    assert sweeps.tidy_drafts(OVER, batch=2) == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reference")
class TestAtOnce:
    @pytest.mark.req("APP-8")
    def test_four_sweeps_tell_once_and_delete_once(self):
        cases = [idle_draft() for _ in range(4)]
        assert at_once(*[lambda: sweeps.tidy_drafts(OFFERED, batch=2)] * 4) == []
        assert [len(told(case)) for case in cases] == [1] * 4
        assert at_once(*[lambda: sweeps.tidy_drafts(OVER, batch=2)] * 4) == []
        assert not Application.objects.exists()

    @pytest.mark.req("APP-8")
    def test_a_draft_that_is_saved_as_the_sweep_comes_is_whole_or_gone(self):
        for _round in range(6):
            case = idle_draft()
            sweeps.tidy_drafts(OFFERED)
            raised = at_once(
                lambda case=case: filing.save_answers(
                    case, {"gap_explanation": "Here."}, version=case.version, now=OVER
                ),
                lambda: sweeps.tidy_drafts(OVER),
            )
            kept = Application.objects.filter(pk=case.pk).first()
            assert [type(error) for error in raised] == ([] if kept else [filing.ChangedMeanwhile])
            if kept:
                assert kept.answers["gap_explanation"] == "Here."
                filing.discard(kept)
