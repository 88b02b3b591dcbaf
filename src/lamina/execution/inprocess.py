"""A run in this process: values stay in memory and nothing is recorded."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.execution.engine import execute
from lamina.execution.options import Options
from lamina.execution.preparing import prepare
from lamina.execution.runners import RUNNERS, Scene
from lamina.execution.runtimes.threads import ThreadsRuntime
from lamina.execution.values import MemoryValues, run_inputs
from lamina.workflow.graph import Workflow
from lamina.workflow.log import AttemptEnded, Event

MOST_THREADS = 1024
"""Threads that a run may ask for; operating systems give some thousands to a process."""

Listener = Callable[[Event], None]
"""What a run calls for each event, one at a time, from the thread that called it."""


@dataclass(frozen=True)
class Span:
    """When a task ran, in seconds since the run began.

    Args:
        task: its name: "sort", "count[3]" in a scatter, "inner/sort" in a sub-workflow.
        status: one of `lamina.workflow.log.STATUSES`.
    """

    task: str
    start: float
    end: float
    status: str = "succeeded"

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a run.

    Args:
        outputs: workflow output -> value.
        timeline: one span per attempt, by the time of its end.
        seconds: how long the run took.
        folder: where commands wrote their files; None when no command ran.
        status: "succeeded".
    """

    outputs: Mapping[str, Any]
    timeline: tuple[Span, ...]
    seconds: float
    folder: Path | None = None
    status: str = "succeeded"

    def __getitem__(self, output: str) -> Any:
        return self.outputs[output]


def run(
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    threads: int = 2,
    on_event: Listener | None = None,
    folder: str | Path | None = None,
) -> Outcome:
    """Runs a workflow in this process and waits for its end.

    A task starts when its inputs are there; at most `threads` tasks run at once. The first
    failure ends the run: nothing more starts, and commands that run are ended.

    Args:
        workflow: what to run.
        inputs: its inputs by name; those with a default may be left out.
        threads: tasks that run at once.
        on_event: called with each event (`lamina.workflow.log`), in order, from this thread.
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
    prepare(workflow, lambda action: RUNNERS.get(action.kind).prepare(action))
    scene = Scene(Path(folder) if folder is not None else None)
    spans = _Spans(on_event)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="lamina-run-") as own:
        ending = execute(
            workflow,
            values,
            run="",
            folder=Path(own),
            runtime=ThreadsRuntime(threads, scene),
            values=MemoryValues(),
            sink=spans,
            options=Options(workers=threads, retries=0),
            locked=False,
        )
    if ending.failures:
        raise ending.failures[0]
    _tidy(scene, ending.outputs)
    seconds = time.perf_counter() - began
    return Outcome(ending.outputs, tuple(spans.found), seconds, scene.folder)


class _Spans:
    """Keeps when each attempt ran, and tells a listener."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener
        self._began = 0.0
        self.found: list[Span] = []

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            self._began = self._began or event.time
            if isinstance(event, AttemptEnded) and "run" in event.phases:
                begin, end = (at - self._began for at in event.phases["run"])
                self.found.append(Span(event.task, begin, end, event.status))
            if self._listener is not None:
                self._listener(event)


def _tidy(scene: Scene, outputs: Mapping[str, Any]) -> None:
    """Removes a temporary folder that no output lies in."""
    folder = scene.folder
    if folder is None or not scene.temporary:
        return
    if not any(path.is_relative_to(folder) for path in _paths(list(outputs.values()))):
        shutil.rmtree(folder, ignore_errors=True)
        scene.folder = None


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, dict):
        yield from _paths(list(value.values()))
