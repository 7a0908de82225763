"""Who is an officer is said once; and money for programs has one form (STF-1, PAY-8)."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from mumaris.kit.money import plain_riyals
from mumaris.kit.officers import is_officer
from tests.people import make_staff, make_user

ROOMS = ("mumaris", "accounts", "documents", "register", "payments", "cpd", "applications", "refunds")


@pytest.mark.django_db
@pytest.mark.req("STF-1")
def test_an_officer_is_staff_with_the_permission_and_no_superuser():
    root = make_user("Root", staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    payer = make_staff("finance officer")
    asked = [payer, make_staff("reviewer"), User.objects.get(pk=root.pk), make_user(), AnonymousUser(), None]
    assert [is_officer(one, "refunds.pay_ticket") for one in asked] == [True, *[False] * 5]
    User.objects.filter(pk=payer.pk).update(is_staff=False)
    assert not is_officer(User.objects.get(pk=payer.pk), "refunds.pay_ticket")


@pytest.mark.req("STF-1")
def test_nobody_else_decides_by_himself_who_is_an_officer():
    code = {path: path.read_text() for room in ROOMS for path in (Path(settings.BASE_DIR) / room).rglob("*.py")}
    asks = re.compile(r"(not|or) \S+\.is_superuser")
    saying = {str(path.relative_to(settings.BASE_DIR)) for path, text in code.items() if asks.search(text)}
    assert saying == {"mumaris/kit/officers.py", "accounts/admin.py"}  # the last: whose groups may be chosen


@pytest.mark.req("PAY-8", "REF-6")
@pytest.mark.parametrize(("halalas", "text"), [(0, "0.00"), (5, "0.05"), (123_450, "1234.50")])
def test_programs_read_riyals_with_a_point_and_no_other_sign(halalas, text):
    assert plain_riyals(halalas) == text
