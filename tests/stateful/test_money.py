"""Money is never lost and never doubled, whatever happens in whatever order (PAY-5, PAY-6, DLN-2).

300 runs of 50 steps, in two halves for two processes. Each half draws a fresh seed and names it when it fails:

    MONEY_RUNS=20 ./portal test tests/stateful       fewer runs
    MONEY_SEED=123 ./portal test tests/stateful      the runs of that seed again
"""

import os
import random

import pytest

from tests.stateful.machine import run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.req("PAY-5"), pytest.mark.req("PAY-6")]
RUNS = int(os.environ.get("MONEY_RUNS", "300"))


@pytest.mark.parametrize("half", [1, 2])
def test_no_order_of_events_loses_or_doubles_money(half, around):
    chosen = int(os.environ.get("MONEY_SEED") or random.SystemRandom().randrange(10**9))
    try:
        run(around, chosen + half, runs=max(1, RUNS // 2), steps=50)
    except Exception as error:
        error.add_note(f"Run again with MONEY_SEED={chosen}, half {half}")
        raise
