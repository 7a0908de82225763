"""Two things at the same moment, in threads with connections of their own: the first has done everything but commit."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

HOLD = threading.local()


def held_before_commit(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The last step of a transaction, after which the thread that asked for it is held: all is done, nothing is committed."""

    def done(*args, **facts) -> Any:
        answer = verb(*args, **facts)
        if hold := getattr(HOLD, "here", None):
            hold()
        return answer

    return done


def while_first_is_held(threads: ThreadPoolExecutor, first: Callable[[], object], second: Callable[[], object]) -> None:
    """Run `first` to the end of what it does, then begin `second`; let `first` commit once that waits or is done."""
    held, go_on, names = threading.Event(), threading.Event(), []

    def hold() -> None:
        held.set()
        go_on.wait(20)

    def run(action: Callable[[], object], *, holds: bool) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            names.append(cursor.fetchone()[0])
        HOLD.here = hold if holds else None
        try:
            action()
        finally:
            HOLD.here = None
            held.set()

    one = threads.submit(run, first, holds=True)
    held.wait(20)
    other = threads.submit(run, second, holds=False)
    while not other.done() and not (len(names) == 2 and _is_waiting(names[1])):
        threading.Event().wait(0.001)
    go_on.set()
    one.result(20)
    other.result(20)


def end(threads: ThreadPoolExecutor) -> None:
    """Close the connection of each of the two."""
    both = threading.Barrier(2)

    def leave() -> None:
        both.wait()
        connection.close()

    for done in [threads.submit(leave) for _ in range(2)]:
        done.result()
    threads.shutdown()


def _is_waiting(backend: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [backend])
        return cursor.fetchone()[0]
