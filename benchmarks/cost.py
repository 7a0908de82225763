"""What a process has spent, as Linux counts it: CPU to the nanosecond, and its highest memory."""

import ctypes
import os
import time
from contextlib import suppress
from pathlib import Path

_libc = ctypes.CDLL(None)


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):  # it may end meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def family(pid: int) -> list[int]:
    """The process and everything below it."""
    return [pid, *(member for child in children(pid) for member in family(child))]


def cpu_seconds(*pids: int) -> float:
    """CPU time of all threads of these processes since each began. Raises ProcessLookupError for one that has ended."""
    total = 0.0
    for pid in pids:
        clock = ctypes.c_int()
        if error := _libc.clock_getcpuclockid(pid, ctypes.byref(clock)):
            raise ProcessLookupError(error, os.strerror(error), f"process {pid}")
        total += time.clock_gettime(clock.value)
    return total


def forget_peak() -> None:
    """Let the highest memory of this process count from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def megabytes(line: str) -> float:
    """A line of this process's status: VmRSS (memory now) or VmHWM (its peak)."""
    for text in Path("/proc/self/status").read_text().splitlines():
        if text.startswith(line):
            return int(text.split()[1]) / 1024
    raise LookupError(line)
