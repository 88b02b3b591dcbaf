"""A trace from the events of a run of ours, finished or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lamina.records.dependencies import Body, Dependencies
from lamina.records.store import RunRecord
from lamina.traces.trace import Attempt, Notice, Phase, Session, Trace
from lamina.workflow.log import (
    PHASES,
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    Event,
    Noticed,
    RunFinished,
    RunStarted,
    TaskReused,
    TaskSkipped,
)

_ORDER = {name: place for place, name in enumerate(PHASES)}


def trace_of(
    record: RunRecord,
    events: Iterable[Event],
    until: float | None = None,
    read: Callable[[str], Body | None] | None = None,
) -> Trace:
    """The trace of a run.

    Args:
        record: what the store says of the run.
        events: all of them, oldest first.
        until: seconds since 1970 until which running attempts are drawn; the last event's time
            when None.
        read: the document of a workflow that the run's names by a file, or None.
    """
    reader = _Reader(record)
    for event in events:
        reader.take(event)
    return reader.trace(until, read)


@dataclass
class _Reader:
    """Takes events one by one; open attempts wait for their end."""

    record: RunRecord
    open: dict[tuple[str, int], Attempt] = field(default_factory=dict)
    closed: list[Attempt] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    metrics: dict[tuple[str, int], list[tuple[float, Mapping[str, Any]]]] = field(
        default_factory=dict
    )
    expansions: dict[str, Body] = field(default_factory=dict)
    order: dict[tuple[str, int], int] = field(default_factory=dict)
    status: str = "running"
    planned: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0

    def take(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._session(event)
        if self.sessions and event.time > self.time:
            self.time = event.time
        take = _TAKES.get(type(event))
        if take is not None:
            take(self, event)

    def _session(self, event: RunStarted) -> None:
        """A session begins; what the one before left open was lost with its engine."""
        if self.sessions and self.status == "running":
            self.sessions[-1] = Session(self.sessions[-1].begin, self.time)
        for attempt in self.open.values():
            self.closed.append(replace(attempt, status="lost", end=max(attempt.begin, self.time)))
        self.open.clear()
        self.sessions.append(Session(event.time, event.time))
        self.status, self.planned, self.about = "running", event.tasks, event.about
        self.skipped.clear()
        self.time = max(self.time, event.time)

    def _started(self, event: AttemptStarted) -> None:
        self.order.setdefault((event.task, event.attempt), len(self.order))
        self.open[event.task, event.attempt] = Attempt(
            event.task, event.attempt, "running", min(event.ready, event.time), event.time,
            event.time, gpus=tuple(event.gpus), reason=event.reason,
        )  # fmt: skip

    def _ended(self, event: AttemptEnded) -> None:
        told = self.open.pop((event.task, event.attempt), None)
        phases = sorted(
            (Phase(name, *span) for name, span in event.phases.items()),
            key=lambda phase: (phase.begin, _ORDER.get(phase.name, 0)),
        )
        first = min([event.time, *(phase.begin for phase in phases)])
        begin, ready = (told.begin, told.ready) if told else (first, first)
        self.closed.append(
            Attempt(
                event.task, event.attempt, event.status, ready, begin, max(begin, event.time),
                tuple(phases), event.worker, event.host, event.pid, told.gpus if told else (),
                told.reason if told else "", event.usage, event.exit, event.error, event.folder,
            )
        )  # fmt: skip
        if event.expansion:
            self.expansions[event.task] = event.expansion.get("workflow") or {}

    def _progressed(self, event: AttemptProgressed) -> None:
        self.metrics.setdefault((event.task, event.attempt), []).append((event.time, event.values))

    def _reused(self, event: TaskReused) -> None:
        self.closed.append(
            Attempt(
                event.task, 0, "reused", event.ready, event.time, event.time, reason=event.reason
            )
        )

    def _skipped(self, event: TaskSkipped) -> None:
        self.skipped[event.task] = event.reason

    def _noticed(self, event: Noticed) -> None:
        self.notices.append(Notice(event.time, event.what, event.task, event.text))

    def _finished(self, event: RunFinished) -> None:
        self.status = event.status
        if self.sessions:
            self.sessions[-1] = Session(self.sessions[-1].begin, event.time)

    def trace(self, until: float | None, read: Callable[[str], Body | None] | None) -> Trace:
        """All of it, once the last event was taken."""
        record = self.record
        end = max(self.time, until or 0.0) if self.status == "running" else self.time
        if not self.sessions:
            self.sessions.append(Session(record.created, record.created))
            end = max(end, record.created)
        if self.status == "running":
            self.sessions[-1] = Session(self.sessions[-1].begin, end)
        running = [replace(one, end=max(one.begin, end)) for one in self.open.values()]
        attempts = sorted(
            [*self.closed, *running],
            key=lambda one: (one.begin, self.order.get((one.task, one.number), 0)),
        )
        units = dict.fromkeys([*(one.task for one in attempts), *self.skipped])
        parents = Dependencies(record.document, units, self.expansions, read)
        return Trace(
            record.id, record.name, record.workflow, self.status, tuple(self.sessions),
            tuple(attempts), parents, dict(self.skipped), tuple(self.notices),
            {key: tuple(told) for key, told in self.metrics.items()}, self.planned, self.about,
        )  # fmt: skip


_TAKES: dict[type[Event], Callable[[_Reader, Any], None]] = {
    AttemptStarted: _Reader._started,
    AttemptEnded: _Reader._ended,
    AttemptProgressed: _Reader._progressed,
    TaskReused: _Reader._reused,
    TaskSkipped: _Reader._skipped,
    Noticed: _Reader._noticed,
    RunFinished: _Reader._finished,
}
