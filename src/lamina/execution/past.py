"""What earlier sessions of a run left: finished units, decisions, numbers of attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.workflow.expansion import expanded
from lamina.workflow.graph import Workflow
from lamina.workflow.log import (
    AttemptEnded,
    AttemptStarted,
    Event,
    Noticed,
    RunFinished,
    RunStarted,
    TaskReused,
)
from lamina.workflow.units import task_of


@dataclass(frozen=True, eq=False)
class Past:
    """All that a resumed run has to know; `Past()` for a run that begins.

    Args:
        sessions: how many there were.
        finished: unit -> output port -> value.
        expansions: unit that decided on tasks -> the workflow and its inputs.
        attempts: unit -> number of its latest attempt.
        time: of the latest event, on the run's clock.
        open: unit -> number of its attempt that began and whose end nobody told.
        cut: whether the latest session never said that it was over: its engine was killed.
    """

    sessions: int = 0
    finished: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expansions: Mapping[str, tuple[Workflow, Mapping[str, Any]]] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    time: float = 0.0
    open: Mapping[str, int] = field(default_factory=dict)
    cut: bool = False

    @classmethod
    def of(cls, events: Iterable[Event]) -> Past:
        """The past in a log of events, oldest first."""
        found = _Reading()
        for event in events:
            found.time = max(found.time, event.time)
            read = _READERS.get(type(event))
            if read is not None:
                read(found, event)
        return cls(
            found.sessions,
            found.finished,
            found.expansions,
            found.attempts,
            found.time,
            found.open,
            found.cut,
        )

    def without(self, names: Iterable[str], workflow: Workflow) -> Past:
        """The past but for these tasks ("sort", "inner/sort") and all that reads them."""
        gone = {first for name in names for first in with_readers(workflow, name)}

        def stays(unit: str) -> bool:
            return task_of(unit).partition("/")[0] not in gone

        return Past(
            self.sessions,
            {unit: found for unit, found in self.finished.items() if stays(unit)},
            {unit: found for unit, found in self.expansions.items() if stays(unit)},
            self.attempts,
            self.time,
            self.open,
            self.cut,
        )

    def deserted(self, now: float) -> list[Event]:
        """That the engine was killed, and its attempts' ends: nothing else would tell them."""
        error = {"cause": "the engine was gone before it ended", "kind": "lost"}
        ends: list[Event] = [
            AttemptEnded(now, unit, number, "lost", error=error)
            for unit, number in self.open.items()
        ]
        if self.cut:
            text = f"session {self.sessions} never ended; {len(ends)} attempts were under way"
            ends.append(Noticed(now, "engine lost", "", text))
        return ends


class _Reading:
    def __init__(self) -> None:
        self.sessions = 0
        self.finished: dict[str, Mapping[str, Any]] = {}
        self.expansions: dict[str, tuple[Workflow, Mapping[str, Any]]] = {}
        self.attempts: dict[str, int] = {}
        self.time = 0.0
        self.open: dict[str, int] = {}
        self.cut = False

    def session(self, event: RunStarted) -> None:
        """A session began."""
        self.sessions = max(self.sessions, event.session)
        self.cut = True

    def over(self, event: RunFinished) -> None:
        """A session ended in order."""
        del event
        self.cut = False

    def started(self, event: AttemptStarted) -> None:
        """An attempt has its number, whether it ended or not."""
        self.open[event.task] = event.attempt
        self.attempts[event.task] = max(event.attempt, self.attempts.get(event.task, 0))

    def ended(self, event: AttemptEnded) -> None:
        """What succeeded is finished; a decision stands for what it decided on."""
        self.open.pop(event.task, None)
        self.attempts[event.task] = max(event.attempt, self.attempts.get(event.task, 0))
        if event.status != "succeeded":
            return
        if event.expansion:
            grown = event.expansion
            inputs = {name: Ref.from_json(ref) for name, ref in grown["inputs"].items()}
            self.expansions[event.task] = (expanded(grown["workflow"]), inputs)
        else:
            self.finished[event.task] = _refs(event.outputs)

    def reused(self, event: TaskReused) -> None:
        """An earlier result stood in."""
        self.finished[event.task] = _refs(event.outputs)


def _refs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {port: Ref.from_json(entry) for port, entry in outputs.items()}


_READERS: Mapping[type[Event], Callable[[_Reading, Any], None]] = {
    RunStarted: _Reading.session,
    RunFinished: _Reading.over,
    AttemptStarted: _Reading.started,
    AttemptEnded: _Reading.ended,
    TaskReused: _Reading.reused,
}


def with_readers(workflow: Workflow, name: str) -> list[str]:
    """The task at the top that a name is in, and all tasks that read it, however far away."""
    first = task_of(name).partition("/")[0]
    readers: dict[str, set[str]] = {}
    for task in workflow.order:
        for edge in workflow.incoming[task]:
            readers.setdefault(edge.source_task, set()).add(task)
    found, seen = [first], {first}
    for task in found:  # grows while it is read
        for reader in readers.get(task, ()):
            if reader not in seen:
                seen.add(reader)
                found.append(reader)
    return found
