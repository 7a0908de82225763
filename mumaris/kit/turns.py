"""Taking turns across all processes and machines, by PostgreSQL's advisory locks; a turn ends with its connection at the latest."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def turn(name: str) -> Iterator[None]:
    """Wait until nobody else is at `name`, and keep others waiting meanwhile. For work outside transactions, such as HTTP."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])


@contextmanager
def turn_if_free(name: str) -> Iterator[bool]:
    """Whether nobody else is at `name`; if so, others are kept away meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name])
        free = cursor.fetchone()[0]
        try:
            yield free
        finally:
            if free:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])


def take_turn_if_free(name: str) -> bool:
    """Whether nobody else is at `name`; if so, others are kept away until this transaction ends. Never waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [name])
        return cursor.fetchone()[0]


def take_turn(name: str) -> None:
    """Wait until nobody else is at `name`, and keep others waiting until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
