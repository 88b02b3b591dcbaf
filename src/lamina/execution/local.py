"""A simple executor in this process: independent tasks run in parallel threads."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from lamina.errors import LaminaError, TaskFailedError, UsageError, WorkflowError
from lamina.execution.failures import failure
from lamina.execution.frames import Frame, Unit
from lamina.execution.outcome import Outcome, Span
from lamina.execution.pool import Pool, Result
from lamina.execution.runners import RUNNERS, Job, Scene
from lamina.execution.values import arrived, run_inputs
from lamina.workflow.actions.base import Action
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.events import (
    Listener,
    RunFinished,
    RunStarted,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from lamina.workflow.graph import Workflow
from lamina.workflow.told import told_mistakes

_PIECE = 0.5
_GRACE = 2.0
"""Seconds that running functions get to end by themselves when a run ends early."""


MOST_THREADS = 1024
"""Threads that a run may ask for; operating systems give some thousands to a process."""


def run(
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    threads: int = 2,
    on_event: Listener | None = None,
    folder: str | Path | None = None,
) -> Outcome:
    """Runs a workflow and waits for its end.

    A task starts when its inputs are there; at most `threads` tasks run at once. The first
    failure ends the run: nothing more starts, and commands that run are ended.

    Args:
        workflow: what to run.
        inputs: its inputs by name; those with a default may be left out.
        threads: tasks that run at once.
        on_event: called with each event, in order, from this thread.
        folder: where commands get their folders; a temporary one when None, which is removed
            at the end unless an output lies in it or the run failed.

    Raises:
        UsageError: inputs that are missing, unknown or unfitting.
        WorkflowError: functions or programs that cannot be found; nothing has run.
        TaskFailedError: a task failed; names it and its cause, `details` has more.
        KeyboardInterrupt: after ending the commands that ran.
    """
    if not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"{threads} threads were asked for", f"ask for 1 to {MOST_THREADS}")
    values = run_inputs(workflow, inputs or {})
    _prepare(workflow)
    scene = Scene(Path(folder) if folder is not None else None)
    return _Run(workflow, scene, threads, on_event or _nobody).go(values)


def _nobody(event: object) -> None:
    del event


def _prepare(workflow: Workflow) -> None:
    """Finds every function, program and told network before the first task starts."""
    checked: dict[int, str] = {}
    mistakes = [f"{place}: {problem}" for place, problem in told_mistakes(workflow)]
    for name, action in _actions(workflow, ""):
        if id(action) not in checked:
            checked[id(action)] = _unprepared(action)
        if checked[id(action)]:
            mistakes.append(f"task {name!r}: {checked[id(action)]}")
    if mistakes:
        raise WorkflowError(f"workflow {workflow.name!r} cannot run", mistakes)


def _actions(workflow: Workflow, prefix: str) -> Iterator[tuple[str, Action]]:
    for task in workflow.tasks:
        if isinstance(task.action, SubworkflowAction):
            yield from _actions(task.action.workflow, f"{prefix}{task.name}/")
        else:
            yield prefix + task.name, task.action


def _unprepared(action: Action) -> str:
    try:
        RUNNERS.get(action.kind).prepare(action)
    except LaminaError as error:
        return f"{error.message}; {error.way_out}"
    return ""


class _Run:
    """One run: the ready units, the running ones, and the events they make."""

    def __init__(self, workflow: Workflow, scene: Scene, threads: int, tell: Listener) -> None:
        self._workflow = workflow
        self._scene = scene
        self._tell = tell
        self._free = threads
        self._pool: Pool[Unit, Mapping[str, Any]] = Pool(threads, self._do)
        self._ready: deque[Unit] = deque()
        self._running: set[Unit] = set()
        self._spans: list[Span] = []
        self._began = time.perf_counter()

    def go(self, values: Mapping[str, Any]) -> Outcome:
        """Runs everything; cleans up whatever happens."""
        status = "cancelled"
        root = Frame(self._workflow, values)
        try:
            self._tell(RunStarted(0.0, self._workflow.name, len(self._workflow)))
            self._open(root)
            while self._running or self._ready:
                self._launch()
                if self._running:
                    self._settle(self._next())
            outputs = self._outputs(root)
            status = "succeeded"
        except TaskFailedError:
            status = "failed"
            raise
        finally:
            if status != "succeeded":
                self._stop()
            self._pool.close()
            self._tell(RunFinished(self._now(), status))
        self._tidy(outputs)
        return Outcome(outputs, tuple(self._spans), self._now(), self._scene.folder)

    def _next(self) -> Result[Unit, Mapping[str, Any]]:
        """Waits in short pieces, so that an interrupt comes through wherever it is from."""
        while True:
            with suppress(Empty):
                return self._pool.done.get(timeout=_PIECE)

    def _now(self) -> float:
        return time.perf_counter() - self._began

    def _do(self, unit: Unit) -> Mapping[str, Any]:
        """In a thread of the pool."""
        job = Job(unit.task, unit.name, unit.arguments, self._scene)
        return RUNNERS.get(unit.task.action.kind).run(job)

    def _open(self, frame: Frame) -> None:
        """Starts a workflow, the run's own or one inside it."""
        self._enqueue(frame, frame.first())
        self._close_if_done(frame)

    def _enqueue(self, frame: Frame, names: list[str]) -> None:
        waiting = deque(names)
        while waiting:
            name = waiting.popleft()
            try:
                units = frame.units(name)
            except ValueError as error:
                raise failure(frame.label(name), UsageError(str(error))) from error
            self._ready.extend(units)
            if not units:
                waiting.extend(frame.finish(name))

    def _close_if_done(self, frame: Frame) -> None:
        """The end of a workflow inside another is the end of the task that holds it."""
        if frame.done and frame.parent:
            self._finished(frame.parent, self._outputs(frame))

    def _outputs(self, frame: Frame) -> dict[str, Any]:
        try:
            return frame.outputs()
        except ValueError as error:
            name = frame.parent.name if frame.parent else frame.workflow.name
            raise failure(name, UsageError(str(error))) from error

    def _launch(self) -> None:
        while self._free and self._ready:
            unit = self._ready.popleft()
            unit.start = self._now()
            self._tell(TaskStarted(unit.start, unit.name))
            if isinstance(unit.task.action, SubworkflowAction):
                self._open(Frame(unit.task.action.workflow, self._inner(unit), unit))
            else:
                self._free -= 1
                self._running.add(unit)
                self._pool.submit(unit)

    def _inner(self, unit: Unit) -> dict[str, Any]:
        """Inputs of a sub-workflow: what its task got, and its own defaults."""
        assert isinstance(unit.task.action, SubworkflowAction)
        try:
            return run_inputs(unit.task.action.workflow, unit.arguments)
        except UsageError as error:
            raise failure(unit.name, error) from error

    def _settle(self, result: Result[Unit, Mapping[str, Any]]) -> None:
        """One unit has ended."""
        unit = result.work
        self._running.discard(unit)
        self._free += 1
        if result.error is not None:
            raise self._failed(unit, result.error) from result.error
        checked: dict[str, Any] = {}
        for port in unit.task.outputs:
            value = (result.value or {}).get(port.name)
            checked[port.name], problem = arrived(port, value)
            if problem:
                error = UsageError(
                    f"its output {port.name!r} {problem}",
                    "return such a value, or change the type of the port",
                )
                raise self._failed(unit, error) from error
        self._finished(unit, checked)

    def _finished(self, unit: Unit, outputs: Mapping[str, Any]) -> None:
        now = self._now()
        self._spans.append(Span(unit.name, unit.start, now))
        self._tell(TaskFinished(now, unit.name, now - unit.start))
        if unit.frame.take(unit, outputs):
            self._enqueue(unit.frame, unit.frame.finish(unit.task.name))
            self._close_if_done(unit.frame)

    def _failed(self, unit: Unit, error: BaseException) -> TaskFailedError:
        now = self._now()
        found = failure(unit.name, error)
        self._tell(TaskFailed(now, unit.name, now - unit.start, found.cause))
        return found

    def _stop(self) -> None:
        """Ends what runs: programs at once, functions if they end within the grace."""
        self._scene.cancel()
        deadline = time.perf_counter() + _GRACE
        while self._running and (left := deadline - time.perf_counter()) > 0:
            with suppress(Empty):
                self._cancelled(self._pool.done.get(timeout=left).work)
        for unit in list(self._running):
            self._cancelled(unit)

    def _cancelled(self, unit: Unit) -> None:
        self._running.discard(unit)
        now = self._now()
        self._tell(TaskCancelled(now, unit.name, now - unit.start))

    def _tidy(self, outputs: Mapping[str, Any]) -> None:
        """Removes a temporary folder that no output lies in."""
        folder = self._scene.folder
        if folder is None or not self._scene.temporary:
            return
        if not any(path.is_relative_to(folder) for path in _paths(list(outputs.values()))):
            shutil.rmtree(folder, ignore_errors=True)
            self._scene.folder = None


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, dict):
        yield from _paths(list(value.values()))
