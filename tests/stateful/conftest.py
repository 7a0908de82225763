"""The surroundings of the machine: an office, a bank, and nobody to wake, for the beat's tasks are steps of their own."""

import pytest

from mumaris.kit import nudge
from payments import attempts, billing, ledger, reconciliation, webhooks
from refunds import payouts, transfers
from tests.stateful.at_once import held_before_commit
from tests.stateful.world import Surroundings


@pytest.fixture
def around(reference, monkeypatch):
    here = Surroundings()
    monkeypatch.setattr(nudge, "_send", lambda task: None)
    for module in (attempts, webhooks, reconciliation, payouts):
        monkeypatch.setattr(module, "gateway", lambda: here.bank)
    for module, verb in ((billing, "_apply"), (ledger, "refund_approved"), (transfers, "write")):
        monkeypatch.setattr(module, verb, held_before_commit(getattr(module, verb)))
    yield here
    here.end()
