"""Threads of this process: values stay in memory; for small runs without records."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import DEVNULL
from typing import Any

from lamina.errors import UsageError
from lamina.execution.failures import CommandFailed, told
from lamina.execution.flows import whole
from lamina.execution.runners import RUNNERS, Job, Scene
from lamina.execution.runtimes.base import (
    AFTER,
    BEFORE,
    MAIN,
    Assignment,
    Began,
    Capacity,
    Ended,
    Report,
    Runtime,
    Ticket,
    Told,
)
from lamina.execution.values import arrived
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.expansion import Expansion
from lamina.workflow.graph import Task
from lamina.workflow.telling import Attempt, entered, left

GRACE = 2.0
"""Seconds that a function gets to end by itself once it is cancelled; programs end at once."""

_MEMORY = 1 << 62
"""Bytes: threads share the process's memory, which nobody divides."""


class ThreadsRuntime(Runtime):
    """Runs each assignment in a daemon thread; functions cannot be stopped, only let go.

    Args:
        threads: how many run at once.
        scene: where programs get their folders.
    """

    def __init__(self, threads: int, scene: Scene | None = None) -> None:
        self._threads = threads
        self._scene = scene or Scene()
        self._reports: SimpleQueue[Report | None] = SimpleQueue()
        self._waiting: SimpleQueue[_Course | None] = SimpleQueue()
        self._courses: dict[Ticket, _Course] = {}
        self._started = 0
        self._idle = 0
        self._deadlines: dict[Ticket, tuple[float, str]] = {}
        self._host = socket.gethostname()

    def capacity(self) -> Capacity:
        """As many cores as threads, and no device."""
        return Capacity(float(self._threads), _MEMORY)

    def start(self, assignment: Assignment) -> None:
        """Hands it to the next free thread; threads start as work comes in."""
        course = _Course(assignment, self._scene, self._reports.put, self._host)
        self._courses[assignment.ticket] = course
        limit = assignment.needs.time
        if limit is not None:
            self._deadlines[assignment.ticket] = (time.monotonic() + limit, "timeout")
        if self._started < len(self._courses):
            name = f"lamina-{self._started}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
            self._started += 1
        self._waiting.put(course)

    def poll(self, timeout: float) -> list[Report]:
        """What has happened."""
        found: list[Report] = []
        try:
            first = self._reports.get(timeout=self._patience(timeout))
            self._keep(first, found)
            while True:
                self._keep(self._reports.get_nowait(), found)
        except Empty:
            pass
        found += self._overdue()
        return found

    def cancel(self, ticket: Ticket) -> None:
        """Ends a program now, lets a function go after a grace."""
        course = self._courses.get(ticket)
        if course is not None:
            course.scene.cancel()
            self._deadlines[ticket] = (time.monotonic() + GRACE, "cancelled")

    def close(self) -> None:
        """Ends every program and lets the threads end after what they do now."""
        for course in self._courses.values():
            course.scene.cancel()
        self._courses.clear()
        for _ in range(self._started):
            self._waiting.put(None)
        self._started = 0

    def wake(self) -> None:
        """Makes `poll` return."""
        self._reports.put(None)

    def _patience(self, timeout: float) -> float:
        if not self._deadlines:
            return timeout
        first = min(when for when, _ in self._deadlines.values())
        return max(0.0, min(timeout, first - time.monotonic()))

    def _keep(self, report: Report | None, found: list[Report]) -> None:
        """Drops what comes from courses that were given up."""
        if report is None or report.ticket not in self._courses:
            return
        if isinstance(report, Ended):
            del self._courses[report.ticket]
            self._deadlines.pop(report.ticket, None)
        found.append(report)

    def _overdue(self) -> list[Report]:
        """Ends of those whose time is over."""
        if not self._deadlines:
            return []
        now = time.monotonic()
        found: list[Report] = []
        for ticket, (when, status) in list(self._deadlines.items()):
            if when <= now:
                del self._deadlines[ticket]
                course = self._courses.pop(ticket)
                course.scene.cancel()
                self._started -= 1  # its thread may never come back
                course.abandoned = True
                cause = _too_long(course.assignment) if status == "timeout" else "cancelled"
                found.append(Ended(ticket, now, status, error={"cause": cause}))
        return found

    def _work(self) -> None:
        while (course := self._waiting.get()) is not None:
            self._reports.put(course.run())
            if course.abandoned:
                return


def _too_long(assignment: Assignment) -> str:
    action, limit = assignment.task.action, assignment.needs.time or 0.0
    if isinstance(action, CommandAction) and assignment.part == MAIN:
        return f"{action.argv[0]} ran longer than {limit:g} s"
    return f"it ran longer than {limit:g} s"


class _Course:
    """One assignment, on its way through a thread."""

    def __init__(
        self, assignment: Assignment, scene: Scene, put: Callable[[Report], None], host: str
    ) -> None:
        self.assignment = assignment
        self.scene = _OwnScene(scene)
        self.abandoned = False
        self._put = put
        self._host = host

    def run(self) -> Report:
        """Does it, in this thread."""
        assignment, began = self.assignment, time.monotonic()
        name, pid = threading.current_thread().name, os.getpid()
        self._put(Began(assignment.ticket, began, name, self._host, pid))
        token = entered(_Telling(assignment, self._put))
        outputs: Mapping[str, Any] = {}
        status, error, exception, expansion = "succeeded", {}, None, None
        try:
            outputs = self._do()
            grown = next((v for v in outputs.values() if isinstance(v, Expansion)), None)
            if grown is not None:
                expansion, outputs = (grown.workflow, dict(grown.inputs)), {}
        except BaseException as raised:  # a user's sys.exit() too must reach the run
            exception, error = raised, told(raised)
            status = "memory" if isinstance(raised, MemoryError) else "failed"
            if self.scene.cancelled:
                status = "cancelled"
        left(token)
        now = time.monotonic()
        return Ended(
            assignment.ticket, now, status, outputs, {"run": (began, now)},
            error=error, exception=exception, expansion=expansion,
        )  # fmt: skip

    def _do(self) -> Mapping[str, Any]:
        assignment, task = self.assignment, self.assignment.task
        if assignment.part != MAIN:
            argv = task.care.before if assignment.part == BEFORE else task.care.after
            return _script(argv, assignment, self.scene)
        arguments = _arrived(task, assignment.arguments)
        if task.care.needs.time is not None:  # the runtime looks at the clock, for all kinds
            care = replace(task.care, needs=replace(task.care.needs, time=None))
            task = replace(task, care=care)
        runner = RUNNERS.get(task.action.kind)
        found = runner.run(Job(task, assignment.name, arguments, self.scene))
        if any(isinstance(value, Expansion) for value in found.values()):
            return found
        return _leaving(task, found)


class _OwnScene(Scene):
    """The scene of one assignment: its own processes, the folder of all."""

    def __init__(self, shared: Scene) -> None:
        super().__init__(None)
        self._shared = shared

    def new_folder(self, job: str) -> Path:
        """A new, empty folder for a job."""
        return self._shared.new_folder(job)


class _Telling(Attempt):
    """What a task in a thread may ask and tell."""

    def __init__(self, assignment: Assignment, put: Callable[[Report], None]) -> None:
        threads = max(1, int(assignment.needs.cpus))
        super().__init__(assignment.run, assignment.name, assignment.attempt, threads)
        self._ticket = assignment.ticket
        self._scratch = assignment.scratch
        self._put = put

    def tell(self, values: Mapping[str, Any]) -> None:
        """Into the queue of reports."""
        self._put(Told(self._ticket, time.monotonic(), dict(values)))

    def scratch(self) -> Path:
        """Made when it is asked for."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch


def _arrived(task: Task, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the ports, checked where they enter. Raises UsageError."""
    found = {}
    for port in task.inputs:
        if port.name in arguments:
            found[port.name], problem = arrived(port, arguments[port.name])
            if problem:
                raise UsageError(f"port {port.name!r} {problem}")
            if port.type.streams and found[port.name] is not None:
                found[port.name] = iter(found[port.name])
    return found


def _leaving(task: Task, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a task gave, checked. Raises UsageError."""
    found = {}
    for port in task.outputs:
        value = outputs.get(port.name)
        if port.type.streams and not (value is None and port.optional):
            value = whole(value, port)
        found[port.name], problem = arrived(port, value)
        if problem:
            raise UsageError(
                f"its output {port.name!r} {problem}",
                "return such a value, or change the type of the port",
            )
    return found


def _script(argv: tuple[str, ...], assignment: Assignment, scene: Scene) -> Mapping[str, Any]:
    """Runs a pre or post script. Raises CommandFailed."""
    folder = scene.new_folder(f"{assignment.name}~{assignment.part}")
    environment = {**os.environ, "LAMINA_TASK": assignment.name}
    if assignment.part == AFTER:
        environment |= assignment.outcome
    options = {"cwd": folder, "env": environment, "stdin": DEVNULL}
    try:
        process = scene.start(list(argv), options)
    except OSError as error:
        raise CommandFailed(
            f"{argv[0]} cannot be started: {error.strerror}", "", "check its path and rights"
        ) from error
    if process is None:
        raise CommandFailed("the run was cancelled", "", "run it again")
    try:
        code = process.wait()
    finally:
        scene.end(process)
    if code:
        raise CommandFailed(f"{argv[0]} ended with exit code {code}", "", f"look at {folder}")
    return {}
