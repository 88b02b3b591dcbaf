"""The zygote: a small process with one thread that forks workers, watches and ends them."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections import deque
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from lamina.execution.workers import processes
from lamina.execution.workers.messages import LARGE, Inbox, packed

_LOOK = 0.1
"""Seconds between two looks at the memory of those that asked for some."""

_GRACE = 0.1
"""Seconds that what a worker left behind gets after it ended by itself: trackers of shared
memory tidy up then."""


_SHARED = (
    "cloudpickle",
    "lamina.execution.runners.calls",
    "lamina.execution.workers.worker",
    "lamina.workflow.actions.command",
    "lamina.workflow.actions.python",
)
"""What nearly every task needs: imported once, and there in every worker."""


class Zygote:
    """Forks a worker per request and tells of each one's end.

    It is the parent of all workers and, since it adopts orphans, of what they leave behind. Every
    worker adopts its own orphans while it lives; so a child of the zygote that is no worker comes
    from a worker that has ended, and is ended too. The end of the engine is the end of all.

    Args:
        control: socket to the engine.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._inbox = Inbox()
        self._received: deque[int] = deque()
        self._workers: set[int] = set()
        self._limits: dict[int, int] = {}
        self._most: dict[int, int] = {}
        """Worker with a limit -> the most that it was seen to hold, with all its children."""
        self._reasons: dict[int, str] = {}
        self._due: dict[int, str] = {}
        self._sweep_at = float("inf")
        self._kernel_kills = processes.kernel_kills()
        self._engine = os.getppid()
        self._wake, self._woken = (
            os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        )

    def run(self) -> None:
        """Serves until the engine closes its end, or ends."""
        signal.signal(signal.SIGCHLD, _nothing)
        signal.signal(signal.SIGUSR1, _nothing)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as workers have to have it
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        processes.call_itself("lamina-zygote")
        processes.adopt_orphans()
        processes.die_with_parent(self._engine, signal.SIGUSR1)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        try:
            while os.getppid() == self._engine:
                for source, _ in poll.poll(self._pause()):
                    if source == self._wake:
                        _drain(self._wake)
                        self._reap()
                    elif not self._listen():
                        return
                self._look()
                self._sweep()
        finally:
            self._end_all()

    def _pause(self) -> float:
        """Milliseconds that it may sleep."""
        pause = 60.0 if not self._limits else _LOOK
        return max(0.0, min(pause, self._sweep_at - time.monotonic())) * 1000.0

    def _listen(self) -> bool:
        """Takes requests; false once the engine has gone."""
        try:
            data, received, _, _ = socket.recv_fds(self._control, 1 << 16, 64)
        except InterruptedError:
            return True
        except OSError:
            return False
        self._received += received
        if not data:
            return False
        for request in self._inbox.take(data):
            self._serve(request)
        self._end_due()
        return True

    def _serve(self, request: dict[str, Any]) -> None:
        match request.pop("do"):
            case "begin":
                self._worker = _prepared(request)
            case "fork":
                self._fork(request, [self._received.popleft() for _ in range(3)])
            case "learn":
                self._worker.learn(request["task"], request["recipe"])
            case "share":
                _share(request["module"])
            case "end":
                self._end(request["pid"], request.get("reason", ""))
            case "watch":
                self._limits[request["pid"]] = request["limit"]
            case "unwatch":
                self._limits.pop(request["pid"], None)
                self._most.pop(request["pid"], None)

    def _end(self, pid: int, reason: str) -> None:
        """One that only looks as if it had closed its connection ends of something else."""
        self._due[pid] = "" if reason == "mute" and processes.is_ending(pid) else reason

    def _fork(self, request: dict[str, Any], given: list[int]) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._tell({"refused": request["id"], "why": error.strerror})
        else:
            if not pid:
                self._become_worker(parent, request, given)
            self._workers.add(pid)
            self._tell({"forked": request["id"], "pid": pid})
        for descriptor in given:
            os.close(descriptor)

    def _become_worker(self, parent: int, request: dict[str, Any], given: list[int]) -> NoReturn:
        """In the new process; never comes back."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGUSR1):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            processes.call_itself("lamina-worker")
            processes.die_with_parent(parent)
            processes.adopt_orphans()
            self._control.close()
            os.close(self._wake)
            os.close(self._woken)
            own, out, error = given
            os.dup2(out, 1)
            os.dup2(error, 2)
            os.close(out)
            os.close(error)
            self._worker.serve(socket.socket(fileno=own), request)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Takes notice of every child that has ended."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid not in self._workers:
                continue
            self._workers.discard(pid)
            self._limits.pop(pid, None)
            reason = self._reasons.pop(pid, "")
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and not reason:
                reason = self._asked_kernel()
            # What it left behind: at once where it was ended, with a little time where not.
            grace = 0.0 if os.WIFSIGNALED(status) else _GRACE
            self._sweep_at = min(self._sweep_at, time.monotonic() + grace)
            peak = max(used.ru_maxrss * 1024, self._most.pop(pid, 0))
            told = {"cpu": used.ru_utime + used.ru_stime, "peak": peak}
            self._tell({"died": pid, "status": status, "reason": reason, **told})

    def _asked_kernel(self) -> str:
        """ "memory" when the kernel has ended a process for lack of it since the last time."""
        count = processes.kernel_kills()
        new, self._kernel_kills = count > self._kernel_kills, count
        return "memory" if new else ""

    def _look(self) -> None:
        """Ends those that hold more memory than they asked for."""
        for pid, limit in self._limits.items():
            held = processes.held([pid, *processes.descendants(pid)], limit)
            self._most[pid] = max(held, self._most.get(pid, 0))
            if held > limit:
                self._due[pid] = "memory"
        self._end_due()

    def _end_due(self) -> None:
        """Ends all workers that are to be ended, together."""
        pids = self._due.keys() & self._workers
        for pid in pids:
            if reason := self._due[pid]:
                self._reasons[pid] = reason
            self._limits.pop(pid, None)
        self._due.clear()
        if pids:
            processes.end_trees(pids)

    def _sweep(self) -> None:
        """Ends what ended workers left behind."""
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = float("inf")
        if self._end_orphans():
            self._sweep_at = time.monotonic() + 0.001

    def _end_orphans(self) -> bool:
        """Signals every child that is no worker, with its children; whether there was one."""
        orphans = [
            pid
            for pid in processes.children(os.getpid())
            if pid not in self._workers and processes.runs(pid)
        ]
        for orphan in orphans:
            for pid in (orphan, *processes.descendants(orphan)):
                processes.send(pid, signal.SIGKILL)
        return bool(orphans)

    def _end_all(self) -> None:
        processes.end_trees(self._workers)
        self._workers.clear()
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if not self._end_orphans():
                return
            time.sleep(0.001)

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # the engine has gone: the next look at the socket says so
            self._control.sendall(packed(message))


def _nothing(number: int, frame: object) -> None:
    """A signal that only has to wake the poll."""


def _pipe() -> tuple[int, int]:
    pair = os.pipe()
    for end in pair:
        os.set_blocking(end, False)
    return pair


def _drain(descriptor: int) -> None:
    with suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass


def _prepared(settings: dict[str, Any]) -> Any:
    """A worker that has all that workers have in common: paths, imports, the store."""
    sys.path[:] = settings["path"]
    for module in _SHARED:
        import_module(module)
    from lamina.execution.workers.rehearsal import rehearse
    from lamina.execution.workers.worker import Worker

    worker = Worker(settings)
    rehearse(settings)
    _freeze()
    return worker


def _share(module: str) -> None:
    """Imports what a worker had to import, so that those forked from now on need not."""
    if module in LARGE:
        with suppress(Exception):  # a worker that needs it meets the same mistake, and says so
            import_module(module)
            _freeze()


def _freeze() -> None:
    """Lets a collection in a worker not touch, and so copy, all that is here."""
    gc.collect()
    gc.freeze()


def main(descriptor: int) -> None:
    """The whole life of a zygote; the descriptor is its socket to the engine."""
    Zygote(socket.socket(fileno=descriptor)).run()
    os._exit(0)  # there is nothing to tidy up, and the engine waits
