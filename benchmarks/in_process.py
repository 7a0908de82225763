"""Pages asked without a web server, in the project that DJANGO_SETTINGS_MODULE names.

    python -m benchmarks.in_process SESSION PATH...                   {path: SQL statements}
    valgrind … -m benchmarks.in_process SESSION PATH --forks 2 8      {requests: process id}

With `--forks`, one child of the same beginning makes each number of requests. What valgrind counted for one more than
for the other is the requests' alone.
"""

import argparse
import json
import os

import django
from django.db import connection
from django.test import Client

from benchmarks.statements import noted


def statements(client: Client, path: str) -> int:
    """SQL statements of the second request: the first one loads what a process keeps."""
    get(client, path)
    with noted(connection) as ran:
        get(client, path)
    return len(ran)


def get(client: Client, path: str) -> None:
    status = client.get(path, SERVER_NAME="127.0.0.1").status_code
    if status != 200:
        raise SystemExit(f"{path} answers {status}")


def forked(client: Client, path: str, requests: int) -> int:
    """The id of an ended child that made so many requests."""
    child = os.fork()
    if not child:
        for _ in range(requests):
            get(client, path)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"{path} failed")
    return child


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("session")
    asked.add_argument("paths", nargs="+")
    asked.add_argument("--forks", type=int, nargs=2)
    options = asked.parse_args()
    django.setup()
    client = Client()
    client.cookies["sessionid"] = options.session
    if options.forks:
        print(json.dumps({number: forked(client, options.paths[0], number) for number in options.forks}))
    else:
        print(json.dumps({path: statements(client, path) for path in options.paths}))


if __name__ == "__main__":
    main()
