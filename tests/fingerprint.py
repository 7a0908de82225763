"""What stands in the database, history included: whatever is refused must leave it as it was."""

from contextlib import contextmanager
from functools import cache

from django.db import connection

# Who is signed in where, and what only migrations write.
LEFT_OUT = {"django_session", "usersessions_usersession", "django_migrations", "django_content_type", "auth_permission"}


def fingerprint() -> dict[str, str]:
    """For every table that holds rows, a number made of all of them, whatever their order."""
    with connection.cursor() as cursor:
        cursor.execute(_every_table())
        return dict(cursor.fetchall())


@contextmanager
def unchanged():
    """Nothing that happens within may leave a trace in the database."""
    before = fingerprint()
    yield
    after = fingerprint()
    changed = {table for table in before | after if before.get(table) != after.get(table)}
    assert not changed, f"changed: {changed}"


@cache
def _every_table() -> str:
    tables = sorted(set(connection.introspection.table_names()) - LEFT_OUT)
    one = "SELECT '{0}', sum(hashtextextended(t::text, 0))::text FROM \"{0}\" t HAVING count(*) > 0"
    return " UNION ALL ".join(one.format(table) for table in tables)
