"""Who may do what at the desk. Every refusal is sent with a body that would succeed for the right person."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from applications import admin as applications_admin
from applications.casework import MOVES
from applications.lifecycle import State
from applications.models import Application, Entry, Fee, ReturnReason
from applications.progress import advance
from mumaris.kit import clock
from mumaris.kit.models import PolicyValue
from payments.models import Credit
from refunds import sweeps
from register.models import IssuedPaper, Rank, Specialty
from tests.exempt import ask
from tests.people import NOON, Office, classified, declare, make_draft, make_practitioner, make_staff, make_user, pay

pytestmark = pytest.mark.django_db
ROOMS = {"accounts", "applications", "cpd", "documents", "kit", "payments", "refunds", "register"}
ADDED_BY_STAFF = {
    "applications.exampolicy",
    "applications.fee",
    "cpd.cap",
    "cpd.hours",
    "cpd.requirement",
    "kit.holiday",
    "kit.policyvalue",
    "register.sanction",
}
# Rows of which staff with the right change a part.
CHANGED_BY_STAFF = {
    "accounts.user",
    "applications.returnreason",
    "kit.holiday",
    "register.profession",
    "register.promotion",
    "register.rank",
}
PAGES = sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.fixture(autouse=True)
def _an_hour_later(monkeypatch):
    monkeypatch.setattr(applications_admin, "clock_now", lambda: NOON + timedelta(hours=1))


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def case():
    return pay(declare(make_draft(make_practitioner())), "admin")


@pytest.fixture
def root():
    User.objects.filter(pk=(user := make_user("Root", staff=True)).pk).update(is_superuser=True)
    return User.objects.get(pk=user.pk)


def at(label, page, *args):
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def act(client, user, case, move, **typed):
    client.force_login(user)
    return client.post(at("applications.application", "move", case.pk, move), typed)


def granted(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def body_of(move):
    return {
        "recommend": {
            "verdict": "approve",
            "specialty": Specialty.objects.get(code="general-nursing").pk,
            "rank": Rank.objects.get(code="technician").pk,
        },
        "return": {"photo-reason": ReturnReason.objects.first().pk},
    }.get(move, {"public_text": "Why", "internal_text": "Why"})


def brought_to(case, office, move):
    """The case where `move` is open to its right officer."""
    source = next(iter(MOVES[move].sources))
    if source != State.SUBMITTED:
        advance(case.pk, "claim", by=office.reviewer, now=NOON)
    if source in (State.RECOMMENDED, State.PRELIMINARILY_APPROVED, State.BEING_ISSUED, State.UNDER_APPEAL):
        verdict = "reject" if move in ("endorse_rejection", "uphold", "refuse_appeal") else "approve"
        facts = {
            "verdict": verdict,
            "rank": Rank.objects.get(code="technician"),
            "specialty": Specialty.objects.get(code="general-nursing"),
        }
        advance(case.pk, "recommend", by=office.reviewer, now=NOON, public_text="Why", **facts)
    if source in (State.PRELIMINARILY_APPROVED, State.BEING_ISSUED):
        advance(case.pk, "endorse_approval", by=office.approver, now=NOON)
    if source == State.BEING_ISSUED:
        pay(case, "service")
    if source == State.UNDER_APPEAL:
        advance(case.pk, "endorse_rejection", by=office.approver, now=NOON)
        advance(case.pk, "appeal", by=case.practitioner.user, now=NOON, public_text="Page 3 was overlooked.")
    if move == "admit_to_exam":
        Application.objects.filter(pk=case.pk).update(asked_rank=Rank.objects.get(code="specialist"))
    if move == "assign":
        Application.objects.filter(pk=case.pk).update(reviewer=None)
    case.refresh_from_db()
    assert case.state == source
    return case


RIGHT = {
    "claim": "reviewer",
    "assign": "reviewer",
    "release": "reviewer",
    "return": "reviewer",
    "admit_to_exam": "reviewer",
    "recommend": "reviewer",
    "endorse_approval": "approver",
    "endorse_rejection": "approver",
    "send_back": "approver",
    "take_back": "approver",
    "issue": "registrar",
    "refuse": "registrar",
    "uphold": "second_approver",
    "refuse_appeal": "second_approver",
}


@pytest.mark.req("STF-1")
@pytest.mark.parametrize("move", MOVES)
def test_a_move_belongs_to_its_officer_and_to_nobody_else(client, office, root, case, move):
    brought_to(case, office, move)
    before, entries = Application.objects.filter(pk=case.pk).values().get(), Entry.objects.count()
    right = getattr(office, RIGHT[move])
    foreign = [make_staff(role) for role in ("finance officer", "auditor", "administrator")]
    foreign += [officer for officer in (office.reviewer, office.approver, office.registrar) if officer != right]
    foreign += [root, make_user("Nobody", staff=True)]
    for user in foreign:
        assert act(client, user, case, move, **body_of(move)).status_code == 403, user
    for outsider in (make_user("Outsider"), case.practitioner.user):
        answer = act(client, outsider, case, move, **body_of(move))
        assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("admin:login"))
        assert client.get(answer.url).status_code == 403
    assert Application.objects.filter(pk=case.pk).values().get() == before
    assert Entry.objects.count() == entries
    assert act(client, right, case, move, **body_of(move)).status_code == 302
    assert Application.objects.filter(pk=case.pk).values().get() != before


def test_the_right_is_asked_at_every_request(client, office, case):
    client.force_login(office.reviewer)
    assert client.get(at("applications.application", "change", case.pk)).status_code == 200
    office.reviewer.groups.clear()
    assert client.get(at("applications.application", "change", case.pk)).status_code == 403
    assert client.post(at("applications.application", "move", case.pk, "claim")).status_code == 403
    assert Application.objects.get(pk=case.pk).state == State.SUBMITTED


@pytest.mark.req("APP-6")
@pytest.mark.parametrize("superuser", [False, True])
def test_ones_own_case_is_not_there_for_an_officer(client, office, superuser):
    person = make_practitioner()
    own = pay(declare(make_draft(person)), "admin")
    User.objects.filter(pk=person.user_id).update(is_staff=True, is_superuser=superuser)
    person.user.groups.add(Group.objects.get(name="reviewer"))
    user = User.objects.get(pk=person.user_id)
    paper = own.attachments.first().paper
    client.force_login(user)
    assert own.reference not in client.get(at("applications.application", "changelist")).content.decode()
    for address in (
        at("applications.application", "change", own.pk),
        at("applications.application", "history", own.pk),
        at("applications.application", "paper", own.pk, paper.pk),
    ):
        assert client.get(address).status_code == 404
    assert act(client, user, own, "claim").status_code == 404
    assert Application.objects.get(pk=own.pk).state == State.SUBMITTED


@pytest.mark.req("STF-1")
def test_finance_sees_fees_and_no_person(client, case):
    client.force_login(make_staff("finance officer"))
    page = client.get(at("applications.application", "change", case.pk)).content.decode()
    assert "INV-" in page
    for hidden in (case.practitioner.identities.get().masked, "transcript", "General nursing", "Claimed", "/paper/"):
        assert hidden not in page
    assert client.get(at("accounts.practitioner", "changelist")).status_code == 403


@pytest.mark.req("STF-1")
def test_staff_without_a_group_find_an_empty_desk(client, case):
    client.force_login(make_user("New", staff=True))
    page = client.get(reverse("admin:index"))
    assert page.status_code == 200
    assert "Nothing is open to you yet" in page.content.decode()
    for label in PAGES:
        assert client.get(at(label, "changelist")).status_code == 403


@pytest.mark.parametrize("user", ["nobody", "practitioner"])
def test_the_desk_is_closed_to_the_public(client, user):
    if user == "practitioner":
        client.force_login(make_practitioner().user)
    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 302
    assert client.get(answer.url).status_code == (403 if user == "practitioner" else 302)


def test_only_the_portals_own_pages_stand_at_the_desk():
    assert {label.split(".")[0] for label in PAGES} == ROOMS
    assert "delete_selected" not in dict(admin.site.actions)


def test_nothing_is_deleted_at_the_desk_even_by_a_superuser(client, root, office, case):
    classified(office)
    pay(case, "admin")  # a second payment: a credit
    sweeps.open_tickets(NOON)
    client.force_login(root)
    seen = set()
    for model in admin.site._registry:
        label, number = model._meta.label_lower, model.objects.count()
        assert client.get(at(label, "changelist")).status_code == 200, label
        for row in model.objects.exclude(pk=root.pk)[:1] if model is User else model.objects.all()[:1]:
            seen.add(label)
            assert client.get(at(label, "change", row.pk)).status_code == 200, label
            assert client.post(at(label, "delete", row.pk), {"post": "yes"}).status_code == 403, label
            chosen = {"action": "delete_selected", "_selected_action": [row.pk], "select_across": "1", "post": "yes"}
            client.post(at(label, "changelist"), chosen)
        assert model.objects.count() == number, label
    assert set(PAGES) - seen == {
        "applications.eligibilitynumber",
        "applications.examresult",
        "applications.matter",
        "applications.resultsfile",
        "cpd.hours",
        "documents.experience",
        "documents.licence",
        "documents.verification",
        "kit.alarm",
        "kit.holiday",
        "payments.attempt",
        "payments.exemption",
        "payments.difference",
        "payments.statement",
        "payments.statementline",
        "payments.webhookevent",
        "refunds.transferfile",
        "register.registration",
        "register.sanction",
    }


def test_what_is_read_only_takes_no_change_even_from_a_superuser(client, root, office):
    classified(office)
    client.force_login(root)
    for model in admin.site._registry:
        label = model._meta.label_lower
        if label in CHANGED_BY_STAFF:
            continue
        before = list(model.objects.order_by("pk").values())
        typed = {field.name: "1" for field in model._meta.fields}
        for row in model.objects.all()[:1]:
            assert client.post(at(label, "change", row.pk), typed).status_code in (403, 405), label
        adds = label in ADDED_BY_STAFF
        assert client.post(at(label, "add"), typed).status_code == (200 if adds else 403), label
        assert list(model.objects.order_by("pk").values()) == before, label


@pytest.mark.parametrize(
    ("label", "lookup"),
    [
        ("accounts.user", "password__startswith=pbkdf2"),
        ("applications.application", "answers__contains=x"),
        ("applications.application", "practitioner__user__email__startswith=a"),
        ("accounts.practitioner", "birth_date__gte=1990-01-01"),
        ("payments.invoice", "_to_field=payer"),
    ],
)
def test_lists_cannot_be_questioned_beyond_their_filters(client, root, label, lookup):
    client.force_login(root)
    assert client.get(f"{at(label, 'changelist')}?{lookup}").status_code == 400


@pytest.mark.req("STF-4")
def test_a_case_is_found_by_its_whole_reference_however_typed(client, office, case):
    other = declare(make_draft(make_practitioner()))
    client.force_login(office.reviewer)
    arabic = case.reference.lower().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    page = client.get(at("applications.application", "changelist"), {"q": f" {arabic} "}).content.decode()
    assert case.reference in page
    assert other.reference not in page
    part = client.get(at("applications.application", "changelist"), {"q": case.reference[:8]}).content.decode()
    assert case.reference not in part


def test_filters_narrow_the_list(client, office, case):
    waiting = declare(make_draft(make_practitioner()))
    advance(case.pk, "claim", by=office.reviewer, now=NOON)
    client.force_login(office.reviewer)
    for query, found in [
        ("state=awaiting_admin_fee", {waiting}),
        ("held=me", {case}),
        ("held=nobody", {waiting}),
        ("service=registration", set()),
    ]:
        page = client.get(f"{at('applications.application', 'changelist')}?{query}").content.decode()
        assert {one for one in (case, waiting) if one.reference in page} == found, query


@pytest.mark.req("STF-2")
def test_the_desk_counts_its_queues_and_leads_to_the_oldest_first(client, office, case):
    older = pay(
        declare(make_draft(make_practitioner(now=NOON), now=NOON - timedelta(days=5)), now=NOON - timedelta(days=5)),
        "admin",
        now=NOON - timedelta(days=4),
    )
    client.force_login(office.reviewer)
    context = client.get(reverse("admin:index")).context
    queue = context["queues"][0]
    assert (queue["state"], queue["number"], queue["oldest"]) == (State.SUBMITTED, 2, older.saved_at)
    assert context["credits"] is None
    page = client.get(f"{at('applications.application', 'changelist')}?state=submitted&o=5").content.decode()
    assert page.index(older.reference) < page.index(case.reference)


@pytest.mark.req("PAY-5")
def test_finance_sees_the_money_that_settled_nothing(client, case):
    pay(case, "admin", ref="the-second-one")
    client.force_login(make_staff("finance officer"))
    assert client.get(reverse("admin:index")).context["credits"] == Credit.objects.count() == 1
    page = client.get(at("payments.credit", "changelist")).content.decode()
    assert "200.00" in page
    assert case.reference in page


# Groups


def test_an_administrator_chooses_the_groups_of_other_staff_and_nothing_else(client):
    boss = granted(make_staff("administrator"), "change_user")
    hired, reviewer = make_user("Hired", staff=True), Group.objects.get(name="reviewer")
    client.force_login(boss)
    typed = {
        "groups": [reviewer.pk],
        "is_superuser": "on",
        "is_staff": "",
        "email": "other@example.com",
        "user_permissions": ["1"],
    }
    assert client.post(at("accounts.user", "change", hired.pk), typed).status_code == 302
    after = User.objects.get(pk=hired.pk)
    assert list(after.groups.all()) == [reviewer]
    assert (after.is_superuser, after.is_staff, after.email) == (False, True, hired.email)
    assert not after.user_permissions.exists()


@pytest.mark.parametrize("whom", ["self", "superuser", "practitioner"])
def test_nobody_chooses_the_groups_of(client, root, whom):
    boss = granted(make_staff("administrator"), "change_user")
    target = {"self": boss, "superuser": root, "practitioner": make_practitioner().user}[whom]
    held = set(target.groups.all())
    client.force_login(boss)
    assert (
        client.post(
            at("accounts.user", "change", target.pk), {"groups": [Group.objects.get(name="approver").pk]}
        ).status_code
        == 403
    )
    assert set(target.groups.all()) == held


def test_other_roles_choose_no_groups(client):
    hired = make_user("Hired", staff=True)
    client.force_login(granted(make_staff("reviewer"), "view_user"))
    assert (
        client.post(
            at("accounts.user", "change", hired.pk), {"groups": [Group.objects.get(name="reviewer").pk]}
        ).status_code
        == 403
    )
    assert not hired.groups.exists()


def test_a_practitioner_is_found_by_a_whole_identity_number(client, office):
    found, other = make_practitioner(number="1000000008"), make_practitioner()
    client.force_login(office.reviewer)
    page = client.get(at("accounts.practitioner", "changelist"), {"q": "١٠٠٠٠٠٠٠٠٨"}).content.decode()
    assert at("accounts.practitioner", "change", found.pk) in page
    assert at("accounts.practitioner", "change", other.pk) not in page
    assert "1000000008" not in client.get(at("accounts.practitioner", "change", found.pk)).content.decode()


# Effective-dated values


@pytest.mark.req("PAY-2")
def test_a_fee_is_added_from_a_day_on_and_the_old_one_stays(client):
    client.force_login(make_staff("administrator"))
    day = clock.today(clock.now()) + timedelta(days=9)
    old = Fee.objects.get(service="registration", purpose="admin")
    typed = {
        "service": "registration",
        "purpose": "admin",
        "category": "",
        "riyals": "250.50",
        "tax": "out_of_scope",
        "effective_from": day.isoformat(),
    }
    assert client.post(at("applications.fee", "add"), typed).status_code == 302
    assert Fee.objects.get(service="registration", purpose="admin", effective_from=day).amount == 25050
    assert Fee.objects.filter(pk=old.pk, amount=20000).exists()
    page = client.get(at("applications.fee", "changelist")).content.decode()
    assert "Demo figure" in page
    assert client.post(at("applications.fee", "change", old.pk), typed).status_code == 403


@pytest.mark.req("PAY-2", "PAY-8")
@pytest.mark.parametrize(("number", "status"), [("", 200), ("300000000000003", 302)])
def test_a_fee_is_taxed_only_by_who_has_a_tax_number(client, settings, number, status):
    settings.VAT_NUMBER = number
    client.force_login(make_staff("administrator"))
    day = clock.today(clock.now()) + timedelta(days=9)
    typed = {"service": "registration", "purpose": "admin", "category": "", "riyals": "230", "tax": "standard_15"}
    answer = client.post(at("applications.fee", "add"), typed | {"effective_from": day.isoformat()})
    assert answer.status_code == status
    assert Fee.objects.filter(tax="standard_15").exists() == (status == 302)


@pytest.mark.parametrize("days", [-1, -400])
def test_a_value_never_begins_in_the_past(client, days):
    client.force_login(make_staff("administrator"))
    day = clock.today(clock.now()) + timedelta(days=days)
    number = PolicyValue.objects.count()
    answer = client.post(
        at("kit.policyvalue", "add"),
        {"key": "return.days", "value": "10", "source": "order 1", "effective_from": day.isoformat()},
    )
    assert answer.status_code == 200
    assert "What was in force until now is not rewritten" in answer.content.decode()
    assert PolicyValue.objects.count() == number


def test_a_policy_takes_a_new_value_once_a_day(client):
    client.force_login(make_staff("administrator"))
    day = clock.today(clock.now()) + timedelta(days=1)
    typed = {
        "key": "return.days",
        "value": "45",
        "source": "order 1",
        "effective_from": day.isoformat(),
        "official": "on",
    }
    assert client.post(at("kit.policyvalue", "add"), typed).status_code == 302
    assert PolicyValue.objects.get(key="return.days", effective_from=day).value == 45
    assert "begins on that day already" in client.post(at("kit.policyvalue", "add"), typed).content.decode()
    assert (
        "takes a number from 1 to 9999"
        in client.post(at("kit.policyvalue", "add"), typed | {"value": "0"}).content.decode()
    )
    assert PolicyValue.objects.filter(key="return.days").count() == 2


def test_the_words_of_a_rank_change_and_its_code_stays(client):
    client.force_login(make_staff("administrator"))
    rank = Rank.objects.get(code="technician")
    typed = {
        "name_ar": "فني صحي",
        "name_en": "Health technician",
        "degrees": ["diploma"],
        "code": "other",
        "fee_category": "other",
        "level": "1",
    }
    assert client.post(at("register.rank", "change", rank.pk), typed).status_code == 302
    after = Rank.objects.get(pk=rank.pk)
    assert (after.code, after.name_en, after.degrees, after.fee_category, after.level) == (
        "technician",
        "Health technician",
        ["diploma"],
        rank.fee_category,
        rank.level,
    )


# Revoking


def test_the_register_officer_revokes_a_paper_once_and_says_why(client, office):
    paper = IssuedPaper.objects.get(practitioner=classified(office))
    officer = granted(office.registrar, "change_issuedpaper")
    client.force_login(officer)
    address = at("register.issuedpaper", "revoke", paper.pk)
    assert address in client.get(at("register.issuedpaper", "change", paper.pk)).content.decode()
    client.post(address, {"reason": " "})
    assert IssuedPaper.objects.get(pk=paper.pk).revoked_at is None
    client.post(address, {"reason": "Forged transcript"})
    revoked = IssuedPaper.objects.get(pk=paper.pk)
    assert revoked.revoked_at
    assert revoked.revoke_reason == "Forged transcript"
    again = client.post(address, {"reason": "Another"})
    assert "This paper is revoked already." in [str(message) for message in get_messages(again.wsgi_request)]
    assert IssuedPaper.objects.get(pk=paper.pk).revoke_reason == "Forged transcript"


def test_nobody_else_revokes_a_paper(client, office):
    paper = IssuedPaper.objects.get(practitioner=classified(office))
    for user in (office.reviewer, make_staff("auditor"), make_staff("administrator")):
        client.force_login(user)
        assert client.post(at("register.issuedpaper", "revoke", paper.pk), {"reason": "Because"}).status_code == 403
    assert IssuedPaper.objects.get(pk=paper.pk).revoked_at is None


def test_ones_own_paper_is_revoked_by_another_officer(client, office):
    person = classified(office)
    User.objects.filter(pk=person.user_id).update(is_staff=True)
    person.user.groups.add(Group.objects.get(name="register officer"))
    client.force_login(granted(person.user, "change_issuedpaper"))
    paper = IssuedPaper.objects.get(practitioner=person)
    client.post(at("register.issuedpaper", "revoke", paper.pk), {"reason": "Because"})
    assert IssuedPaper.objects.get(pk=paper.pk).revoked_at is None


# The second factor


@pytest.mark.req("ACC-8")
def test_in_production_staff_need_a_second_factor(client, office, case, settings):
    settings.STAFF_SECOND_FACTOR = True
    client.force_login(office.reviewer)
    for answer in (client.get(reverse("admin:index")), act(client, office.reviewer, case, "claim")):
        assert (answer.status_code, answer.url) == (302, reverse("mfa_activate_totp"))
    assert Application.objects.get(pk=case.pk).state == State.SUBMITTED
    Authenticator.objects.create(user=office.reviewer, type=Authenticator.Type.TOTP, data={})
    assert client.get(reverse("admin:index")).status_code == 200


# Lists ask the database equally often, however long they are


def test_queries_of_a_list_do_not_grow(client, root, office):
    lists = ["applications.application", "accounts.practitioner", "accounts.user", "accounts.notice", "documents.paper"]
    lists += [
        "payments.invoice",
        "payments.payment",
        "payments.credit",
        "payments.exemption",
        "payments.posting",
        "register.classification",
        "register.issuedpaper",
        "refunds.ticket",
    ]

    def two_more():
        for _ in range(2):
            classified(office)
            case = pay(declare(make_draft(make_practitioner())), "admin")
            pay(case, "admin")
            ask(case.practitioner)
        sweeps.open_tickets(NOON)

    def measured():
        found = {}
        for label in lists:
            with CaptureQueriesContext(connection) as queries:
                rows = client.get(at(label, "changelist")).context["cl"].result_count
            found[label] = (len(queries), rows)
        return found

    client.force_login(root)
    two_more()
    measured()  # what is asked only once per process
    before = measured()
    two_more()
    after = measured()
    for label in lists:
        assert after[label][0] == before[label][0], label
        assert after[label][1] >= 2 * before[label][1] - (
            4 if label == "accounts.user" else 0
        )  # the officers stay four
