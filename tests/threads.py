"""Doing things at the same moment, in real threads with connections of their own."""

import threading
from collections.abc import Callable

from django.db import connection


def at_once(*actions: Callable[[], object]) -> list[Exception]:
    """Run every action in a thread of its own, all released together; returns what they raised."""
    gate, raised = threading.Barrier(len(actions)), []

    def run(action):
        try:
            gate.wait()
            action()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
