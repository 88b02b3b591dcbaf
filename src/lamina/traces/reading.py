"""A trace from the events of a run of ours, finished or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lamina.records import attempts as recorded
from lamina.records.dependencies import Body, Dependencies
from lamina.records.store import RunRecord
from lamina.traces.trace import Attempt, Notice, Phase, Session, Trace
from lamina.workflow.log import (
    PHASES,
    AttemptEnded,
    Event,
    Noticed,
    RunFinished,
    RunStarted,
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
    around = _Around()
    found = recorded.attempts(around.watched(events))
    end = around.close(record, until or 0.0)
    drawn = [_attempt(one, end) for one in found if one.status != "skipped"]
    skipped = {one.task: one.reason for one in found if one.status == "skipped"}
    units = dict.fromkeys([*(one.task for one in drawn), *skipped])
    return Trace(
        record.id,
        record.name,
        record.workflow,
        around.status,
        tuple(around.sessions),
        tuple(sorted(drawn, key=lambda one: one.begin)),
        Dependencies(record.document, units, around.expansions, read),
        skipped,
        tuple(around.notices),
        {(one.task, one.number): _told(one) for one in found if one.told},
        around.planned,
        around.about,
        around.outputs,
    )


@dataclass
class _Around:
    """What the events tell besides attempts: sessions, notices, how the run ended."""

    sessions: list[Session] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    expansions: dict[str, Body] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    status: str = "running"
    planned: int = 0
    time: float = 0.0

    def watched(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events as they come; each is looked at on its way."""
        for event in events:
            take = _TAKES.get(type(event))
            if take is not None:
                take(self, event)
            self.time = max(self.time, event.time)
            yield event

    def began(self, event: RunStarted) -> None:
        if self.sessions and self.status == "running":
            self.sessions[-1] = Session(self.sessions[-1].begin, self.time)
        self.sessions.append(Session(event.time, event.time))
        self.status, self.planned, self.about = "running", event.tasks, event.about

    def ended(self, event: AttemptEnded) -> None:
        if event.expansion:
            self.expansions[event.task] = event.expansion.get("workflow") or {}

    def noticed(self, event: Noticed) -> None:
        self.notices.append(Notice(event.time, event.what, event.task, event.text))

    def finished(self, event: RunFinished) -> None:
        self.status, self.outputs = event.status, event.outputs
        if self.sessions:
            self.sessions[-1] = Session(self.sessions[-1].begin, max(event.time, self.time))

    def close(self, record: RunRecord, until: float) -> float:
        """The time until which the run is known; ends a session that has no end."""
        if not self.sessions:
            self.sessions.append(Session(record.created, record.created))
        if self.status == "running":
            begin = self.sessions[-1].begin
            self.sessions[-1] = Session(begin, max(begin, self.time, until))
        return self.sessions[-1].end


_TAKES: dict[type[Event], Callable[[_Around, Any], None]] = {
    RunStarted: _Around.began,
    AttemptEnded: _Around.ended,
    Noticed: _Around.noticed,
    RunFinished: _Around.finished,
}


def _attempt(one: recorded.Attempt, end: float) -> Attempt:
    phases = sorted(
        (Phase(name, *span) for name, span in one.phases.items()),
        key=lambda phase: (phase.begin, _ORDER.get(phase.name, 0)),
    )
    begin = one.started
    ready = min(one.ready, begin)
    last = end if one.ended is None else one.ended
    return Attempt(
        one.task, one.number, one.status, ready, begin, max(begin, last), tuple(phases),
        one.worker, one.host, one.pid, one.gpus, one.reason, one.usage, one.exit, one.error,
        one.folder,
    )  # fmt: skip


def _told(one: recorded.Attempt) -> tuple[tuple[float, Mapping[str, Any]], ...]:
    """Live metrics, moment by moment; without what only the records need."""
    return tuple(
        (row["time"], {k: v for k, v in row.items() if k != "time"}) for row in one.epochs()
    )
