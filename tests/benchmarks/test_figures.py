"""The bench counts what was really spent, and says so when a page asks the database too often."""

import os
import subprocess
import time
from collections import defaultdict

import pytest
from django.db import connection

from benchmarks.__main__ import table
from benchmarks.cost import cpu_seconds, family
from benchmarks.statements import noted


def test_cpu_is_that_of_the_named_processes():
    before, begin = cpu_seconds(os.getpid()), time.process_time()
    sum(range(300_000))
    own, spent = time.process_time() - begin, cpu_seconds(os.getpid()) - before
    assert 0 < own <= spent <= time.process_time()


def test_an_ended_process_has_no_cpu():
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(ProcessLookupError):
        cpu_seconds(child.pid)


def test_a_family_is_a_process_and_what_it_started():
    with subprocess.Popen(["sh", "-c", "read line"], stdin=subprocess.PIPE) as child:
        assert family(os.getpid())[0] == os.getpid()
        assert child.pid in family(os.getpid())


@pytest.mark.django_db
def test_every_statement_is_noted():
    with noted(connection) as ran, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.execute("SELECT 2")
    assert ran == ["SELECT 1", "SELECT 2"]


def test_a_page_that_asks_more_for_more_rows_is_named():
    side = defaultdict(int, instructions=None)
    sides = {"ours": side, "floor": side, "cpu_ratio": 1.0}
    result = {
        "page": sides | {"sql_by_page": {"/a/": [4, 4], "/b/": [4, 34], "/c/": [13, 13]}},
        "sweep": sides | {"rows": 1, "waiting": 10, "many": {"rows": 1, "memory_mb": 0}},
        "settle": sides | {"rows": 1},
        "machine": {"load": 0.0, "cores": 2},
        "seconds": 1.0,
    }
    lines = list(table(result))
    verdicts = {line.split()[0]: line.split()[3:] for line in lines if line.startswith("  /")}
    assert verdicts == {"/a/": [], "/b/": ["grows"], "/c/": ["too", "many"]}
    assert any(line.split()[-2:] == ["not", "measured"] for line in lines)
