"""Processes as the system lists them: who descends from whom, and who carries a mark."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

MARK = "LAMINA_BENCHMARK_MARK"
"""Environment variable that all processes of a measurement inherit, in whatever session."""


def descendants(pid: int) -> list[tuple[int, int]]:
    """(process, generations below `pid`) of all that descend from a process."""
    parents: dict[int, list[int]] = {}
    for child, parent in _parents():
        parents.setdefault(parent, []).append(child)
    found, level, depth = [], [pid], 0
    while level:
        depth += 1
        level = [child for parent in level for child in parents.get(parent, ())]
        found += [(child, depth) for child in level]
    return found


def marked(mark: str) -> list[int]:
    """Living processes with a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in _folders():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def left_over(mark: str, patience: float = 1.0) -> list[str]:
    """What still lives with a mark after some seconds, in words; then it is ended."""
    end = time.monotonic() + patience
    while (found := marked(mark)) and time.monotonic() < end:
        time.sleep(0.05)
    words = [f"{pid} {_command(pid)}" for pid in found]
    for pid in found:
        kill(pid)
    return words


def kill(pid: int) -> bool:
    """Ends a process at once; False when it was gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _folders() -> list[Path]:
    """Folders of processes; none where the system shows none."""
    root = Path("/proc")
    return list(root.iterdir()) if root.is_dir() else []


def _parents() -> list[tuple[int, int]]:
    found = []
    for folder in _folders():
        if not folder.name.isdigit():
            continue
        with suppress(OSError, ValueError, IndexError):
            # The name of a program stands in parentheses and may hold anything.
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in "ZX":
                found.append((int(folder.name), int(fields[1])))
    return found


def _command(pid: int) -> str:
    with suppress(OSError):
        text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        return text.decode(errors="replace").strip()[:120]
    return "gone"
