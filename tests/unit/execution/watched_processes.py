"""Watching processes by their numbers."""

from __future__ import annotations

import time
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether a process runs (one that only waits to be reaped does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int, within: float = 5.0) -> bool:
    """Whether a process ends within some seconds."""
    deadline = time.perf_counter() + within
    while alive(pid) and time.perf_counter() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def pids(path: Path, count: int) -> list[int]:
    """Process numbers that a command has written."""
    deadline = time.perf_counter() + 20
    while time.perf_counter() < deadline:
        found = path.read_text().split() if path.exists() else []
        if len(found) == count:
            return [int(pid) for pid in found]
        time.sleep(0.01)
    raise AssertionError(f"{path} never held {count} numbers")
