"""Bring the database up to date, then load the demo's people: `python -m deploy.prepare [--no-people]`.

One process for both, because starting Django costs as much as either when there is nothing to do.
"""

import sys

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def pending() -> bool:
    """Whether a migration waits for this database."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


if __name__ == "__main__":
    django.setup()
    if pending():
        print("Making the database's tables …", flush=True)
        call_command("migrate", verbosity=0)
    call_command("load_reference")
    if "--no-people" not in sys.argv:
        call_command("load_demo")
