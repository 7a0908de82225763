"""The sweep takes its rows in batches: ten times as many need no more memory (DLN-2)."""

from datetime import timedelta

import pytest

from applications import sweeps
from benchmarks import sweep
from benchmarks.cost import forget_peak, megabytes
from mumaris.kit.clock import end_of_day
from mumaris.pages import books


@pytest.mark.django_db
@pytest.mark.req("DLN-2")
def test_six_thousand_due_rows_are_swept_in_little_memory(monkeypatch):
    few, many = 600, 6_000
    monkeypatch.setattr(sweep, "ANALYZE", "ANALYZE")  # a vacuum must stand outside of transactions
    sweep._seed([few, many], 0)
    assert sweeps.lapse(end_of_day(sweep.FIRST_WAVE)) == few
    forget_peak()
    before = megabytes("VmRSS")
    last = end_of_day(sweep.FIRST_WAVE + timedelta(days=1))
    assert sweeps.lapse(last) == many
    assert megabytes("VmHWM") - before < 15
    assert books.breaches(last) == []
