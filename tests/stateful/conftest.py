"""The surroundings of the machine: an office, a bank, and nobody to wake, for the beat's tasks are steps of their own."""

import pytest

from mumaris.kit import nudge
from payments import attempts, billing, webhooks
from tests.stateful.machine import Surroundings, held_before_commit


@pytest.fixture
def around(reference, monkeypatch):
    here = Surroundings()
    monkeypatch.setattr(nudge, "_send", lambda task: None)
    for module in (attempts, webhooks):
        monkeypatch.setattr(module, "gateway", lambda: here.bank)
    monkeypatch.setattr(billing, "_apply", held_before_commit(billing._apply))
    yield here
    here.end()
