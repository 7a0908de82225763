"""The surroundings of the machine: an office, a bank, and nobody to wake, for the beat's tasks are steps of their own."""

import pytest

from mumaris.kit import nudge
from payments import attempts, billing, ledger, reconciliation, webhooks
from refunds import payouts
from tests.stateful.machine import Surroundings, held_before_commit


@pytest.fixture
def around(reference, monkeypatch):
    here = Surroundings()
    monkeypatch.setattr(nudge, "_send", lambda task: None)
    for module in (attempts, webhooks, reconciliation, payouts):
        monkeypatch.setattr(module, "gateway", lambda: here.bank)
    monkeypatch.setattr(billing, "_apply", held_before_commit(billing._apply))
    monkeypatch.setattr(ledger, "refund_approved", held_before_commit(ledger.refund_approved))
    yield here
    here.end()
