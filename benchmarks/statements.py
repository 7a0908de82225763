"""The SQL statements that a piece of work sends."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def noted(connection: BaseDatabaseWrapper) -> Iterator[list[str]]:
    """A list that fills with every statement sent meanwhile; the begin and commit of transactions are none."""
    ran: list[str] = []

    def note(execute, sql, *rest):
        ran.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield ran
