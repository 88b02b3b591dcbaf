"""Processes by their numbers: whose children they are, what they hold, and their end."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LINUX = sys.platform.startswith("linux")
_DEATH_SIGNAL, _NAME, _SUBREAPER = 1, 15, 36
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PIECE = 0.0005
_EXITING = 0x4
"""The kernel's mark of a process that is about to end."""


_C = ctypes.CDLL(None, use_errno=True)
# Looked up once: a worker would have to do it again.
_prctl, _fflush = getattr(_C, "prctl", None), getattr(_C, "fflush", None)


def _control(option: int, value: int | bytes) -> None:
    """`prctl`; quietly nothing where there is none."""
    if LINUX and _prctl is not None:
        _prctl(option, value, 0, 0, 0)


def flush_c() -> None:
    """Sends on what libraries in C have printed."""
    if _fflush is not None:
        _fflush(None)


def die_with_parent(parent: int, signal_number: int = signal.SIGKILL) -> None:
    """Lets the kernel signal this process when its parent ends, as it may have done already."""
    _control(_DEATH_SIGNAL, signal_number)
    if LINUX and os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def call_itself(name: str) -> None:
    """The name of this process for `ps` and `top`, at most 15 letters."""
    _control(_NAME, name.encode())


def adopt_orphans() -> None:
    """Makes this process the parent of descendants whose own parents end, sessions apart or not."""
    _control(_SUBREAPER, 1)


def children(pid: int) -> list[int]:
    """Numbers of the processes that a process has started or adopted; also those not yet reaped."""
    if not LINUX:
        return _table().get(pid, [])
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - a hot path
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except FileNotFoundError:
        if not Path("/proc/self/task").exists() or _lists_children():
            return found
        return _table().get(pid, [])
    except (OSError, ValueError):
        pass
    return found


def _lists_children() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _table() -> dict[int, list[int]]:
    """Parent -> children of everything that runs, the slow way."""
    found: dict[int, list[int]] = defaultdict(list)
    if LINUX:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _stat(int(entry.name))):
                found[int(fields[1])].append(int(entry.name))
        return found
    listed = subprocess.run(["ps", "-axo", "ppid=,pid="], capture_output=True, timeout=5)
    for line in listed.stdout.splitlines():
        parent, pid = map(int, line.split())
        found[parent].append(pid)
    return found


def _stat(pid: int) -> list[str]:
    """State, parent, group, session, ... of a process; empty when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - a hot path
            return file.read().rpartition(b")")[2].decode().split()
    except OSError:
        return []


def runs(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    if LINUX:
        fields = _stat(pid)
        return bool(fields) and fields[0] not in "ZX"
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def is_ending(pid: int) -> bool:
    """Whether a process is about to end, or has (Linux)."""
    fields = _stat(pid) if LINUX else []
    return len(fields) > 6 and (fields[0] in "ZX" or bool(int(fields[6]) & _EXITING))


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on, without those that have ended; nearest first."""
    found: list[int] = []
    waiting = [pid]
    seen = {pid}
    while waiting:
        for child in children(waiting.pop()):
            if child not in seen:
                seen.add(child)
                waiting.append(child)
                found.append(child)
    return [child for child in found if runs(child)]


def send(pid: int, signal_number: int) -> None:
    """Signals a process, if it is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal_number)


@contextmanager
def ending_of(pid: int) -> Iterator[Callable[[float], bool]]:
    """Gives a function that waits some seconds for the end of a child, and says whether it came.

    The child is not reaped.
    """
    try:
        handle = os.pidfd_open(pid)
    except (OSError, AttributeError):
        yield lambda seconds: _ended_within(pid, seconds)
        return
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        yield lambda seconds: bool(poll.poll(1000.0 * seconds))
    finally:
        os.close(handle)


def _ended_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)


def end_trees(pids: Collection[int], within: float = 0.5) -> None:
    """Ends processes and everything that came from them.

    Each must have adopted its orphans (`adopt_orphans`). It is stopped first: so it starts
    nothing more, and stays the parent of whatever loses its own while this goes on; no descendant
    gets away, whatever it forks and whichever session it is in.

    Args:
        pids: children of the caller, who reaps them afterwards.
        within: seconds after which they are ended although descendants are left (a process inside
            the kernel cannot be ended); those become the caller's own.
    """
    for pid in pids:
        send(pid, signal.SIGSTOP)
    deadline = time.monotonic() + within
    empty = 0
    # Twice, since the kernel's list of children may miss one while another of them ends.
    while empty < 2 and time.monotonic() < deadline:
        left = [child for pid in pids for child in descendants(pid)]
        empty = 0 if left else empty + 1
        for child in left:
            send(child, signal.SIGKILL)
        if left:
            time.sleep(_PIECE)
    for pid in pids:
        send(pid, signal.SIGKILL)


def end_children(within: float = 0.5) -> None:
    """Ends all descendants of this process, which adopts its orphans, and reaps them."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for pid in descendants(os.getpid()):
            send(pid, signal.SIGKILL)
        time.sleep(_PIECE)


def end_strays(sessions: Iterable[int], mark: bytes) -> None:
    """Ends what is left of sessions whose leaders have lost their parent (Linux).

    Args:
        sessions: numbers of their leaders.
        mark: "NAME=value" of the environment that such processes carry, in whatever session.
    """
    if not LINUX:
        for session in sessions:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(session, signal.SIGKILL)
        return
    known = {str(session) for session in sessions}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        fields = _stat(int(entry.name))
        if fields and (fields[3] in known or _carries(int(entry.name), mark)):
            send(int(entry.name), signal.SIGKILL)


def _carries(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def held(pids: Iterable[int], limit: int) -> int:
    """Bytes of memory that processes hold together (0 where it cannot be known).

    Pages that several of them share count once; the quick sum that counts them often is enough
    where it stays below `limit`.
    """
    pids = list(pids)
    quick = sum(map(_resident, pids))
    return quick if quick <= limit else sum(map(_proportional, pids))


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - a hot path
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid: int) -> int:
    found = _bytes_in(f"/proc/{pid}/smaps_rollup", b"Pss:")
    return _resident(pid) if found is None else found


def peak_of(pid: int) -> int:
    """The most bytes that a process has held so far; 0 where it cannot be known."""
    return _bytes_in(f"/proc/{pid}/status", b"VmHWM:") or 0


def _bytes_in(path: str, word: bytes) -> int | None:
    """What the kernel says in kilobytes behind a word; None where it does not."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a hot path
            for line in file:
                if line.startswith(word):
                    return int(line.split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    return None


def kernel_kills() -> int:
    """How many processes the kernel has ended for lack of memory since it began."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0
