"""What a task changes of the process that it runs in: put back, or the process is used no more."""

from __future__ import annotations

import gc
import locale
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from lamina.execution.workers import processes

_SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGVTALRM,
    signal.SIGPROF, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_LIMITS = tuple(
    getattr(resource, f"RLIMIT_{name}")
    for name in ("AS", "CORE", "CPU", "DATA", "FSIZE", "NOFILE", "NPROC", "STACK")
)
_TRACKERS = (b"resource_tracker", b"semaphore_tracker")
_LOOPS = ("fsspecIO",)
"""Threads of libraries that are started once and wait for work."""

_FLOATS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
"""What NumPy does about errors where nobody has said anything."""

_MOMENT = 0.01
"""Seconds that a thread gets which is about to end."""

# `signal` makes enumerations of what it finds, which takes ten times as long.
_handler_of = import_module("_signal").getsignal


@dataclass(frozen=True)
class _Aspect:
    """Something of a process.

    Args:
        read: how it is now.
        write: makes it so; raises OSError or ValueError where it cannot.
        grown: how it is to be where libraries were loaded since it was read: they set some of it
            once, and count on it. Gets what was read before, and now.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    grown: Callable[[Any, Any], Any] = lambda kept, now: kept


class Surroundings:
    """The process around a function: noted before it runs, and put back afterwards.

    What the file of the function does while it is imported stays, as the file does.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        self._threads: frozenset[threading.Thread] = frozenset()
        self._loaded = -1

    def note(self) -> None:
        """The user's code is about to run."""
        self._threads = frozenset(threading.enumerate())
        if len(sys.modules) != self._loaded:
            self._kept = {name: aspect.read() for name, aspect in _ASPECTS.items()}
            self._loaded = len(sys.modules)

    def restore(self) -> bool:
        """It has run: puts back what it changed; whether everything could be."""
        if self._loaded < 0:  # it never came to that
            return True
        grown, whole = len(sys.modules) != self._loaded, True
        for name, aspect in _ASPECTS.items():
            kept, now = self._kept[name], aspect.read()
            if now == kept:
                continue
            if grown:
                kept = self._kept[name] = aspect.grown(kept, now)
            try:
                aspect.write(kept)
            except (OSError, ValueError, TypeError):
                whole = False
        self._loaded = len(sys.modules)
        return whole and not self._goes_on()

    def _goes_on(self) -> bool:
        """Whether threads of the task still run."""
        if threading.active_count() <= len(self._threads):
            return False
        for thread in threading.enumerate():
            if thread not in self._threads and not _is_of_library(thread):
                thread.join(_MOMENT)
                if thread.is_alive():
                    return True
        return False


def children_are_left() -> bool:
    """Whether processes of a task are still there."""
    try:
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            if found is None:
                break
    except ChildProcessError:
        return False
    return any(not _is_tracker(pid) for pid in processes.children(os.getpid()))


def _is_tracker(pid: int) -> bool:
    """Whether it is Python's own watcher of shared memory, which lives as long as its parent."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return any(word in told for word in _TRACKERS)


def _is_of_library(thread: threading.Thread) -> bool:
    """Whether an installed package keeps it in the background for all its users."""
    if not thread.daemon or thread.name in _LOOPS:
        return thread.daemon
    code = getattr(getattr(thread, "_target", None) or type(thread).run, "__code__", None)
    return "site-packages" in getattr(code, "co_filename", "")


def _folder() -> str:
    with suppress(OSError):  # it was deleted
        return os.getcwd()  # noqa: PTH109 - a hot path
    return ""


def _mask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _variables() -> dict[bytes, bytes]:
    # The copy that the class itself offers takes a hundred times as long.
    found: dict[bytes, bytes] = getattr(os.environ, "_data").copy()  # noqa: B009
    return found


def _set_variables(wanted: Mapping[bytes, bytes]) -> None:
    zone = os.environ.get("TZ")
    for name in _variables().keys() - wanted.keys():
        del os.environb[name]
    for name, value in wanted.items():
        if os.environb.get(name) != value:
            os.environb[name] = value
    if os.environ.get("TZ") != zone:
        time.tzset()


def _handlers() -> list[Any]:
    return [_handler_of(number) for number in _SIGNALS]


def _set_handlers(wanted: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, wanted, strict=True):
        if _handler_of(number) != handler:
            signal.signal(number, handler)


def _timers() -> bool:
    return any(signal.getitimer(timer)[0] for timer in _TIMERS)


def _stop_timers(_: bool) -> None:
    for timer in _TIMERS:
        signal.setitimer(timer, 0.0)


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(limit) for limit in _LIMITS]


def _set_limits(wanted: list[tuple[int, int]]) -> None:
    for limit, pair in zip(_LIMITS, wanted, strict=True):
        resource.setrlimit(limit, pair)


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def _streams() -> list[tuple[int, int]]:
    """Which files its standard streams are."""
    found = []
    for descriptor in range(3):
        try:
            told = os.fstat(descriptor)
            found.append((told.st_dev, told.st_ino))
        except OSError:
            found.append((0, 0))
    return found


def _cannot(_: Any) -> None:
    raise OSError("the standard streams of a process do not come back")


def _collector() -> tuple[bool, tuple[int, int, int]]:
    return gc.isenabled(), gc.get_threshold()


def _set_collector(wanted: tuple[bool, tuple[int, int, int]]) -> None:
    (gc.enable if wanted[0] else gc.disable)()
    gc.set_threshold(*wanted[1])


def _set_filters(wanted: list[Any]) -> None:
    warnings.resetwarnings()
    getattr(warnings, "filters")[:] = wanted  # noqa: B009 - typed as a sequence


def _float_errors() -> dict[str, str]:
    numpy = sys.modules.get("numpy")
    return dict(numpy.geterr()) if numpy is not None else {}


def _set_float_errors(wanted: dict[str, str]) -> None:
    if wanted:
        sys.modules["numpy"].seterr(**wanted)


def _as_now(kept: Any, now: Any) -> Any:
    return now


_ASPECTS: Mapping[str, _Aspect] = {
    "working folder": _Aspect(_folder, os.chdir),
    "umask": _Aspect(_mask, os.umask),
    "environment": _Aspect(_variables, _set_variables, lambda kept, now: {**now, **kept}),
    "import path": _Aspect(
        lambda: list(sys.path), lambda kept: sys.path.__setitem__(slice(None), kept), _as_now
    ),
    "signal handlers": _Aspect(_handlers, _set_handlers),
    "blocked signals": _Aspect(
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        lambda kept: signal.pthread_sigmask(signal.SIG_SETMASK, kept),
    ),
    "timers": _Aspect(_timers, _stop_timers),
    "limits": _Aspect(_limits, _set_limits),
    "priority": _Aspect(
        lambda: os.getpriority(os.PRIO_PROCESS, 0),
        lambda kept: os.setpriority(os.PRIO_PROCESS, 0, kept),
    ),
    "cores": _Aspect(_cores, lambda kept: os.sched_setaffinity(0, kept)),
    "standard streams": _Aspect(_streams, _cannot),
    "depth of calls": _Aspect(sys.getrecursionlimit, sys.setrecursionlimit),
    "garbage collector": _Aspect(_collector, _set_collector),
    "warnings": _Aspect(lambda: list(warnings.filters), _set_filters, _as_now),
    "locale": _Aspect(
        lambda: locale.setlocale(locale.LC_ALL),
        lambda kept: locale.setlocale(locale.LC_ALL, kept),
    ),
    "float errors": _Aspect(_float_errors, _set_float_errors, lambda kept, now: kept or _FLOATS),
}
"""What is put back. Streams whose files are others cannot be: whoever used them may go on to."""
