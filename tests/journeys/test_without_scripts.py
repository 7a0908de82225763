"""A draft up to its declaration, with JavaScript switched off."""

from datetime import timedelta

import pytest

from mumaris.kit.clock import now, today
from tests.journeys.walkers import ScriptlessWalker, on
from tests.people import PASSWORD, identity_number, make_user

pytest_plugins = ["tests.servers"]


@pytest.mark.req("APP-3")
@pytest.mark.req("ACC-5")
def test_the_main_pages_need_no_script(walk, scan):
    user, day = make_user("Huda Al-Qahtani", now=now()), today(now())
    huda = walk("ar", ScriptlessWalker, java_script_enabled=False)
    huda.page.goto(huda.home)
    huda.page.locator("button[popovertarget=menu].menu-btn").click()
    assert huda.page.locator('#menu a[href="/services/"]').is_visible()
    huda.page.locator("#menu button[popovertargetaction=hide]").click()
    huda.language = "en"
    huda.press("button[name=language][value=en]")
    huda.sign_in(user.email, PASSWORD)

    huda.open("/services/classification/")
    huda.press('form[action="/services/classification/start/"] button')
    huda.fill({"first_ar": "هدى", "family_ar": "القحطاني", "first_en": "Huda", "family_en": "Al-Qahtani"})
    huda.fill({"birth_date_day": "12", "birth_date_month": "4", "birth_date_year": "1996", "gender": "f"})
    huda.fill({"nationality": "SA", "identity_kind": "national_id", "identity_number": "1000000000"})
    huda.fill({**on("identity_expires_on", day + timedelta(days=900)), "mobile": "0501234567"})
    huda.press('main form:has([name="first_ar"]) button')
    assert "This number does not exist" in huda.sees(".error-box")
    huda.fill({"identity_number": identity_number("1")})
    huda.press('main form:has([name="first_ar"]) button')

    huda.press('form[action="/services/classification/start/"] button')
    huda.press('main a[href^="/account/qualifications/add/"]')
    huda.fill({"degree": "diploma", "field": "NUR", "title": "Diploma in nursing", "institution": "Health Institute"})
    huda.fill({"country": "SA", **on("awarded_on", day - timedelta(days=200))})
    huda.press('main form:has([name="degree"]) button.btn')
    huda.answer(specialty="General nursing", rank="Technician", qualification="Diploma: Diploma in nursing")
    for slot in ("qualification", "transcript", "internship", "photo"):
        huda.attach(slot, scan(slot))
    huda.press('main a[href$="/check/"]')
    huda.press('main form:has([name="declared"]) button')
    assert "Tick the declaration" in huda.sees(".error-box")
    huda.declare()
    assert huda.page.locator('form[action$="/pay/"]').is_visible()
