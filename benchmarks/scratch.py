"""Empty databases for one measurement, beside the portal's own."""

from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql


def empty_database(server: str, name: str) -> str:
    """The address of a new, empty database on the server of the database address `server`; an older one is dropped."""
    connection = psycopg2.connect(_named(server, "postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    connection.close()
    return _named(server, name)


def _named(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
