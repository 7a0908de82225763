"""A module of the project, run to its end in a process and an environment of its own."""

import subprocess
import sys
from collections.abc import Mapping

from deploy.demo import ROOT


def run(environ: Mapping[str, str], module: str, *arguments: str) -> str:
    """What it prints; what it complains of is shown. Raises CalledProcessError."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
