"""The exam officers' desk: sittings by hand and by file, matters, and the policy of each exam."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from accounts.roles import ROLES
from applications import exam_admin, exams, results_csv, results_file
from applications.models import EligibilityNumber, ExamPolicy, ExamResult, Matter, ResultsFile
from mumaris.kit import clock
from register.models import Exam
from tests.applications.exam_cases import DAY, again, applied, case_of, checked, csv_of, fail, line, uploaded, waiting
from tests.look.markup import Page
from tests.people import NOON, Office, make_staff, make_user

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=5)
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.fixture(autouse=True)
def _days_later(monkeypatch):
    """Cases are filed on the first day, and the desk works on them days later, whatever the day of the test."""
    monkeypatch.setattr(exam_admin, "clock_now", lambda: LATER)


@pytest.fixture
def office(db):
    office = Office()
    assert office.examiner
    return office


@pytest.fixture
def number(office):
    return waiting(office)


@pytest.fixture
def officer(client, office):
    client.force_login(office.examiner)
    return office.examiner


def at(model, page, *args):
    return reverse(f"admin:applications_{model}_{page}", args=args)


def sent(client, number, outcome="passed", day=DAY, **more):
    day_names = {
        "sat_on_calendar": "gregorian",
        "sat_on_day": day.day,
        "sat_on_month": day.month,
        "sat_on_year": day.year,
    }
    return client.post(at("eligibilitynumber", "record", number.pk), {"outcome": outcome, **day_names, **more})


def errors(answer, name="record"):
    assert answer.status_code == 200
    return {field: list(found) for field, found in answer.context[name].errors.items()}


def told(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


# By hand


@pytest.mark.req("EXM-3")
@pytest.mark.req("STF-1")
def test_a_number_is_found_however_it_is_typed_and_its_sitting_recorded(client, officer, office, number):
    other = waiting(office)
    reference = case_of(number).reference
    for term in (number.number.lower(), f" {number.number.translate(ARABIC)} ", reference.lower()):
        found = client.get(at("eligibilitynumber", "changelist"), {"q": term}).context["cl"].result_list
        assert list(found) == [number], term
    assert other not in found
    page = client.get(at("eligibilitynumber", "change", number.pk))
    assert at("eligibilitynumber", "record", number.pk) in page.content.decode()
    answer = sent(client, number, "passed", DAY, score="71.5")
    assert answer.url == at("eligibilitynumber", "change", number.pk)
    assert case_of(number).state == "under_review"
    result = number.results.get()
    assert (result.outcome, result.sat_on, str(result.score), result.recorded_by) == ("passed", DAY, "71.50", officer)
    assert client.get(answer.url).status_code == 200
    assert client.get(at("examresult", "change", result.pk)).status_code == 200


@pytest.mark.req("EXM-3")
def test_a_day_may_be_typed_in_the_hijri_calendar(client, officer, number):
    day = {"sat_on_calendar": "hijri", "sat_on_day": "١٤", "sat_on_month": "٦", "sat_on_year": "١٤٤٨"}
    address = at("eligibilitynumber", "record", number.pk)
    answer = client.post(address, {"outcome": "failed", **day})
    assert answer.status_code == 302
    assert number.results.get().sat_on.isoformat() == "2026-11-24"


@pytest.mark.req("EXM-3")
def test_every_refusal_stands_at_the_form_and_keeps_what_was_typed(client, officer, office, number):
    office.result(number, "failed", now=NOON)
    with translation.override("en"):
        assert errors(sent(client, number, "passed", DAY))["__all__"]
        assert errors(sent(client, number, "passed", DAY - timedelta(days=1)))["__all__"]
        assert errors(sent(client, number, "passed", LATER.date() + timedelta(days=1)))["__all__"]
        assert errors(sent(client, number, "brilliant"))["outcome"]
        assert errors(sent(client, number, score="much"))["score"]
        answer = sent(client, number, "passed", DAY - timedelta(days=1), score="12.25")
    page = answer.content.decode()
    assert 'value="12.25"' in page
    assert Page(page).faults == []
    assert again(number).results.count() == 1
    fail(office, number, 2, first=NOON + timedelta(days=1))
    refused = errors(sent(client, number, "failed", DAY + timedelta(days=4)))
    assert len(refused["__all__"]) == 2
    assert again(number).results.count() == 3


@pytest.mark.req("EXM-3")
def test_a_result_is_corrected_with_its_reason(client, officer, office, number):
    result = office.result(number, "failed", now=NOON)
    address = at("eligibilitynumber", "correct", number.pk, result.pk)
    assert address in client.get(at("eligibilitynumber", "change", number.pk)).content.decode()
    for typed, where in [
        ({"outcome": "passed", "reason": " "}, "reason"),
        ({"outcome": "passed", "reason": "x" * 301}, "reason"),
        ({"outcome": "failed", "reason": "Because"}, "__all__"),
        ({"outcome": "", "reason": "Because"}, "outcome"),
    ]:
        answer = client.post(address, typed)
        assert answer.status_code == 200
        form = next(one["form"] for one in answer.context["sittings"] if one["is_tried"])
        assert set(form.errors) == {where}, typed
        assert Page(answer.content.decode()).faults == []
    assert client.post(address, {"outcome": "passed", "reason": "Marked twice.", "score": "80"}).status_code == 302
    assert (result.correction.outcome, result.correction.reason, str(result.correction.score)) == (
        "passed",
        "Marked twice.",
        "80.00",
    )
    page = client.get(at("eligibilitynumber", "change", number.pk)).content.decode()
    assert address not in page
    assert "Marked twice." in page
    other = waiting(office)
    assert (
        client.post(at("eligibilitynumber", "correct", other.pk, result.pk), {"outcome": "passed"}).status_code == 404
    )


@pytest.mark.req("EXM-2")
def test_a_number_is_renewed_once(client, officer, number):
    address = at("eligibilitynumber", "renew", number.pk)
    assert address in client.get(at("eligibilitynumber", "change", number.pk)).content.decode()
    assert client.post(address).status_code == 302
    assert again(number).valid_until == (LATER + timedelta(days=180)).date()
    assert address not in client.get(at("eligibilitynumber", "change", number.pk)).content.decode()
    refused = client.post(address)
    assert refused.status_code == 200
    assert refused.context["tried"][-1].non_field_errors()


@pytest.mark.req("STF-1")
def test_only_exam_officers_record_correct_renew_and_close(client, office, number):
    result = office.result(number, "failed", now=NOON)
    Matter.objects.create(application=case_of(number), text="A matter", opened_at=NOON)
    verbs = [
        (at("eligibilitynumber", "record", number.pk), {"outcome": "passed"}),
        (at("eligibilitynumber", "correct", number.pk, result.pk), {"outcome": "passed", "reason": "Why"}),
        (at("eligibilitynumber", "renew", number.pk), {}),
        (at("matter", "close", Matter.objects.get().pk), {"outcome": "Done"}),
    ]
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    for user in [User.objects.get(pk=root.pk), *[make_staff(role) for role in ROLES if role != "exam officer"]]:
        client.force_login(user)
        # Whoever may take an approval back settles objections, which are matters too.
        for address, typed in verbs[:3] if user.has_perm("applications.decide_appeal") else verbs:
            assert client.post(address, typed).status_code == 403, (user, address)
    client.force_login(office.examiner)
    for address, _typed in verbs:
        assert client.get(address).status_code == 405, address
    assert again(number).results.count() == 1
    assert Matter.objects.get().closed_at is None


@pytest.mark.req("STF-1")
def test_auditors_look_and_find_no_form(client, office, number):
    office.result(number, "failed", now=NOON)
    client.force_login(make_staff("auditor"))
    page = client.get(at("eligibilitynumber", "change", number.pk)).content.decode()
    assert "<form" not in page.split('id="content"')[1]
    for model in ("eligibilitynumber", "examresult", "resultsfile", "matter"):
        assert client.get(at(model, "changelist")).status_code == 200, model
    assert client.get(at("resultsfile", "add")).status_code == 403
    client.force_login(make_staff("finance officer"))
    for model in ("eligibilitynumber", "examresult", "resultsfile", "matter"):
        assert client.get(at(model, "changelist")).status_code == 403, model
    assert client.get(at("resultsfile", "sample")).status_code == 403


@pytest.mark.req("EXM-3")
def test_ones_own_exam_is_not_at_the_desk(client, office, number):
    result = office.result(number, "failed", now=NOON)
    matter = Matter.objects.create(application=case_of(number), text="A matter", opened_at=NOON)
    person = case_of(number).practitioner
    User.objects.filter(pk=person.user_id).update(is_staff=True)
    person.user.groups.add(Group.objects.get(name="exam officer"))
    client.force_login(User.objects.get(pk=person.user_id))
    for model, row in (("eligibilitynumber", number), ("examresult", result), ("matter", matter)):
        assert client.get(at(model, "change", row.pk)).status_code == 404, model
        assert not client.get(at(model, "changelist")).context["cl"].result_list, model
    assert sent(client, number).status_code == 404
    assert client.post(at("matter", "close", matter.pk), {"outcome": "Done"}).status_code == 404


# Matters


@pytest.mark.req("EXM-3")
def test_matters_stand_open_ones_first_and_are_closed_with_what_was_done(client, officer, office, number):
    case = case_of(number)
    first, second, closed = [
        Matter.objects.create(application=case, text=f"Matter {place}", opened_at=NOON + timedelta(hours=place))
        for place in range(3)
    ]
    exams.close_matter(closed, outcome="Settled", by=officer, now=NOON)
    rows = client.get(at("matter", "changelist")).context["cl"].result_list
    assert list(rows) == [first, second, closed]
    address = at("matter", "close", first.pk)
    assert address in client.get(at("matter", "change", first.pk)).content.decode()
    blank = client.post(address, {"outcome": " "})
    assert errors(blank, "form").keys() == {"outcome"}
    assert client.post(address, {"outcome": "The certificate was revoked."}).url == at("matter", "changelist")
    first.refresh_from_db()
    assert (first.outcome, first.closed_by) == ("The certificate was revoked.", officer)
    assert client.post(address, {"outcome": "Again"}).status_code == 200
    page = client.get(at("matter", "change", first.pk)).content.decode()
    assert address not in page
    assert "The certificate was revoked." in page
    first.refresh_from_db()
    assert first.outcome == "The certificate was revoked."


# By file


def upload(client, content, name="results.csv"):
    return client.post(at("resultsfile", "add"), {"file": SimpleUploadedFile(name, content)})


@pytest.mark.req("EXM-3")
def test_a_file_is_uploaded_checked_shown_and_applied(client, officer, office, number):
    other = waiting(office)
    page = client.get(at("resultsfile", "add")).content.decode()
    assert all(column in page for column in results_csv.COLUMNS)
    content = csv_of(line(number.number), line(other.number, "failed"), line(other.number, "failed"))
    file = ResultsFile.objects.get(pk=int(upload(client, content).url.split("/")[-3]))
    assert (file.state, file.uploaded_by, file.name) == ("uploaded", officer, "results.csv")

    address = at("resultsfile", "change", file.pk)
    waiting_page = client.get(address)
    assert Page(waiting_page.content.decode()).all("progress")
    assert Page(waiting_page.content.decode()).all("meta", **{"http-equiv": "refresh"})

    results_file.check_waiting(LATER)
    checked_page = client.get(address)
    assert checked_page.context["new"] == 2
    assert not Page(checked_page.content.decode()).all("progress")
    assert at("resultsfile", "apply", file.pk) in checked_page.content.decode()
    assert Page(checked_page.content.decode()).faults == []

    for _click in range(2):
        assert client.post(at("resultsfile", "apply", file.pk)).url == address
    assert len(told(client.get(address))) == 1
    assert Page(client.get(address).content.decode()).all("progress")
    results_file.apply_waiting(LATER)
    applied_page = client.get(address).content.decode()
    assert at("resultsfile", "apply", file.pk) not in applied_page
    assert str(officer) in applied_page
    assert (case_of(number).state, case_of(other).state) == ("under_review", "awaiting_exam")
    assert client.get(at("resultsfile", "changelist")).context["cl"].result_list[0].state == "applied"


@pytest.mark.req("EXM-3")
def test_a_refused_file_names_its_lines_and_a_skipped_line_its_person(client, officer, office, number):
    file = checked(office, line(number.number), line("EN-2026-9999999"), now=LATER)
    page = client.get(at("resultsfile", "change", file.pk))
    assert [(one["line"], one["code"]) for one in page.context["problems"]] == [(3, "unknown_number")]
    assert "EN-2026-9999999" in page.content.decode()
    assert at("resultsfile", "apply", file.pk) not in page.content.decode()
    assert client.post(at("resultsfile", "apply", file.pk)).status_code == 302
    assert ResultsFile.objects.get(pk=file.pk).state == "refused"

    office.result(number, "passed", now=NOON)
    file = checked(office, line(number.number, "failed", DAY + timedelta(days=1), family="IDRIS"), now=LATER)
    page = client.get(at("resultsfile", "change", file.pk))
    assert [(one["number"], one["family_name"]) for one in page.context["skipped"]] == [(number.number, "IDRIS")]
    assert "IDRIS" in page.content.decode()
    assert at("resultsfile", "apply", file.pk) not in page.content.decode()  # nothing in it is new


@pytest.mark.req("EXM-3")
@pytest.mark.parametrize("language", ["ar", "en"])
def test_reasons_are_put_into_the_words_of_whoever_reads_them(client, officer, office, number, language):
    file = checked(office, line(number.number, sat_on=DAY - timedelta(days=1)), now=LATER)
    with translation.override(language):
        shown = exam_admin._lines(file.report["problems"])
    assert number.number in shown[0]["why"]
    assert {"en": "22 November 2026", "ar": "22 نوفمبر 2026"}[language] in shown[0]["why"]


def test_what_is_no_upload_is_refused_at_the_field(client, officer):
    for answer in (
        client.post(at("resultsfile", "add"), {}),
        upload(client, b""),
        client.post(at("resultsfile", "add"), {"file": "results.csv"}),
        upload(client, b"x" * (results_file.MOST_BYTES + 1)),
    ):
        assert set(errors(answer, "form")) == {"file"}
        assert Page(answer.content.decode()).faults == []
    assert not ResultsFile.objects.exists()
    assert upload(client, b"x", "../../etc/passwd\u202e.csv").status_code == 302
    assert ResultsFile.objects.get().name == "passwd.csv"


def test_a_store_that_is_full_says_so_and_keeps_nothing(client, officer, settings, tmp_path):
    blocked = tmp_path / "no folder"
    blocked.write_text("")
    settings.STORAGE_DIR = blocked
    assert set(errors(upload(client, b"x"), "form")) == {"file"}
    assert not ResultsFile.objects.exists()


@pytest.mark.req("STF-1")
def test_only_exam_officers_upload_and_apply(client, office, number):
    file = checked(office, line(number.number), now=LATER)
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    for user in [User.objects.get(pk=root.pk), *[make_staff(role) for role in ROLES if role != "exam officer"]]:
        client.force_login(user)
        assert upload(client, b"x").status_code == 403, user
        assert client.post(at("resultsfile", "apply", file.pk)).status_code == 403, user
    client.force_login(office.examiner)
    assert client.get(at("resultsfile", "apply", file.pk)).status_code == 405
    assert client.post(at("resultsfile", "sample")).status_code == 405
    assert ResultsFile.objects.get().state == "checked"


def test_the_sample_is_a_file_of_the_right_shape(client, officer, office):
    answer = client.get(at("resultsfile", "sample"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    file = checked(office, content=answer.content, now=LATER)
    assert {one["code"] for one in file.report["problems"]} == {"unknown_number"}


# The policy of an exam


@pytest.mark.req("EXM-2")
def test_an_administrator_enters_a_policy_from_a_day_on(client):
    client.force_login(make_staff("administrator"))
    exam, today = Exam.objects.get(code="snle"), clock.today(clock.now())
    right = {
        "exam": exam.pk,
        "free_attempts": 1,
        "paid_attempts": 3,
        "riyals": "450.50",
        "tax": "out_of_scope",
        "validity_days": 90,
        "cooling_off_days": 60,
        "effective_from": today.isoformat(),
        "source": "Decision 12",
        "official": "on",
    }
    for wrong, where in [
        ({"effective_from": (today - timedelta(days=1)).isoformat()}, "effective_from"),
        ({"free_attempts": 0}, "free_attempts"),
        ({"validity_days": 0}, "validity_days"),
        ({"cooling_off_days": 3651}, "cooling_off_days"),
        ({"riyals": "-1"}, "riyals"),
        ({"exam": ""}, "exam"),
        ({"cooling_off_days": "soon"}, "cooling_off_days"),
    ]:
        answer = client.post(at("exampolicy", "add"), right | wrong)
        assert answer.status_code == 200, wrong
        assert where in answer.context["adminform"].form.errors, wrong
    assert client.post(at("exampolicy", "add"), right).status_code == 302
    entered = exams.policy(exam, today)
    assert (entered.free_attempts, entered.paid_attempts, entered.fee, entered.validity_days) == (1, 3, 45_050, 90)
    assert client.post(at("exampolicy", "add"), right).status_code == 200
    assert client.get(at("exampolicy", "change", entered.pk)).status_code == 200
    assert client.post(at("exampolicy", "change", entered.pk), right | {"fee": 1}).status_code == 403
    assert client.post(at("exampolicy", "delete", entered.pk), {"post": "yes"}).status_code == 403
    assert ExamPolicy.objects.filter(exam=exam).count() == 2
    client.force_login(make_staff("exam officer"))
    assert client.post(at("exampolicy", "add"), right).status_code == 403


# Lists


@pytest.mark.req("STF-4")
def test_lists_ask_equally_often_however_long_they_are(client, officer, office):
    def one_more():
        number = waiting(office)
        applied(office, line(number.number, "failed"), now=LATER)
        Matter.objects.create(application=case_of(number), text="A matter", opened_at=NOON)

    def measured():
        found = {}
        for model in ("eligibilitynumber", "examresult", "resultsfile", "matter"):
            with CaptureQueriesContext(connection) as queries:
                rows = client.get(at(model, "changelist")).context["cl"].result_count
            found[model] = (len(queries), rows)
        return found

    one_more()
    measured()
    before = measured()
    one_more()
    one_more()
    after = measured()
    for model, (queries, rows) in before.items():
        assert after[model] == (queries, rows + 2), model


def test_nothing_of_an_exam_is_changed_or_removed_at_the_desk(client, office, number):
    result = office.result(number, "failed", now=NOON)
    file = uploaded(office, csv_of(line(number.number)))
    rows = {"eligibilitynumber": number, "examresult": result, "resultsfile": file}
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    before = [list(model.objects.values()) for model in (EligibilityNumber, ExamResult, ResultsFile)]
    for user in (office.examiner, User.objects.get(pk=root.pk)):
        client.force_login(user)
        for model, row in rows.items():
            assert client.post(at(model, "change", row.pk), {"outcome": "passed"}).status_code in (403, 405), model
            assert client.post(at(model, "delete", row.pk), {"post": "yes"}).status_code == 403, model
    assert [list(model.objects.values()) for model in (EligibilityNumber, ExamResult, ResultsFile)] == before
