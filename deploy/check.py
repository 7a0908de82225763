"""`./portal check`: everything that can be said about the code without running its tests, side by side.

One line for each check with its seconds; what a failed one said comes below its line. The settings are those of a
production with made-up servers, so that Django judges what will really be deployed.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from deploy import demo, production

PYTHON = [sys.executable, "-m"]
MANAGE = [sys.executable, "manage.py"]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"  # it has no __main__
CHECKS = {  # the slowest first
    "types": [*PYTHON, "mypy"],
    "translations": [*PYTHON, "deploy.messages", "--check"],
    "templates": [*PYTHON, "djlint", "templates", "--lint", "--quiet"],
    "deployment": [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"],
    "migrations": [*MANAGE, "makemigrations", "--check", "--dry-run"],
    "imports": [sys.executable, "-c", LINT_IMPORTS, "--cache-dir", "var/import-linter"],
    "lint": [*PYTHON, "ruff", "check", "--output-format", "concise", "."],
    "format": [*PYTHON, "ruff", "format", "--check", "--output-format", "concise", "."],
}


def judge(command: list[str]) -> tuple[int, float, str]:
    """Exit code, seconds and words of one check."""
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=demo.ROOT, env=production.made_up(), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return done.returncode, time.monotonic() - start, done.stdout + done.stderr


def main() -> int:
    start = time.monotonic()
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        judging = {pool.submit(judge, command): name for name, command in CHECKS.items()}
        for done in as_completed(judging):
            code, seconds, words = done.result()
            failed += code != 0
            print(f"{'FAILED' if code else 'ok':6}  {judging[done]:14} {seconds:5.1f} s", flush=True)
            if code:
                print(words.strip(), flush=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed in {time.monotonic() - start:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
