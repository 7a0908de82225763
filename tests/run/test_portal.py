"""The shell command, as a newcomer meets it."""

import shutil
import subprocess

import pytest

from deploy import demo

TOOLS = ["dirname", "mkdir", "uname", "grep", "flock", "cat", "env"]
LIBRARIES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


def portal(*arguments, **environ):
    return subprocess.run([demo.ROOT / "portal", *arguments], env=environ or None, capture_output=True, text=True)


def test_help_lists_the_commands():
    said = portal("help").stdout
    assert all(f"./portal {name}" in said for name in ("run", "test", "check", "journey", "shots", "bench"))


def test_an_unknown_command_is_refused():
    refused = portal("fly")
    assert refused.returncode == 2
    assert "./portal run" in refused.stderr


@pytest.fixture
def bare_path(tmp_path):
    """A PATH on which nothing but a few tools and apt-get stand: no libraries, no sudo, and not root."""
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(shutil.which(tool))
    for name, line in {"id": "echo 1000", "ldconfig": ":", "apt-get": "exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_without_rights_the_exact_line_is_printed(bare_path):
    refused = portal("run", PATH=str(bare_path))
    assert refused.returncode == 1
    assert "apt-get install --no-install-recommends" in refused.stderr
    assert LIBRARIES in refused.stderr


def test_a_failed_installation_says_so(bare_path):
    (bare_path / "id").write_text("#!/bin/sh\necho 0\n")
    (bare_path / "tail").symlink_to(shutil.which("tail"))
    refused = portal("run", PATH=str(bare_path))
    assert refused.returncode == 1
    assert "Failed: apt-get install" in refused.stderr


def test_a_full_disk_during_installation_is_called_by_its_name(bare_path):
    (bare_path / "id").write_text("#!/bin/sh\necho 0\n")
    (bare_path / "apt-get").write_text("#!/bin/sh\necho 'E: write error: No space left on device'\nexit 1\n")
    refused = portal("run", PATH=str(bare_path))
    assert refused.returncode == 1
    assert "The disk is full" in refused.stderr
