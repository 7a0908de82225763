"""Back from the bank before the gateway knows: the page says that we are checking, and turns by itself (PAY-3, PAY-5)."""

import pytest

from mumaris.kit.clock import now as clock_now
from payments import attempts
from tests.journeys.conftest import DESK
from tests.journeys.walkers import ScriptlessWalker, Walker
from tests.people import PASSWORD, declare, invoice_of, make_draft, make_practitioner

pytest_plugins = ["tests.servers"]


@pytest.mark.req("PAY-3")
@pytest.mark.req("PAY-5")
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_page_of_a_payment_turns_by_itself(walk, gateway_simulator, scripts):
    now = clock_now()
    case = declare(make_draft(make_practitioner(now=now), now=now), now=now)
    attempt = attempts.begin(invoice_of(case, "admin"), "sadad", language="en", now=now)
    payer = walk("en", Walker if scripts else ScriptlessWalker, java_script_enabled=scripts, viewport=DESK)
    payer.choose_language()
    payer.sign_in(case.practitioner.user.email, PASSWORD)

    payer.open(f"/payments/{attempt.given_id}/?status=paid&message=APPROVED")
    assert payer.sees("h1") == "Your payment is being checked"
    assert "loads again by itself" in payer.sees("main")
    gateway_simulator.pay_bill(attempt.bill_number)
    payer.page.get_by_role("heading", name="Your payment has arrived").wait_for()
    payer.look()
    case.refresh_from_db()
    assert case.state == "submitted"
