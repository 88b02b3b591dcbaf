"""All that the records tell of one run, put together: what exporters and traces start from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lamina.records.attempts import Attempt, attempts
from lamina.records.dependencies import Body, Dependencies
from lamina.records.store import RunRecord
from lamina.workflow.log import AttemptEnded, Event, Noticed, RunFinished, RunStarted


class Session(NamedTuple):
    """A time in which an engine drove the run, in seconds since 1970."""

    begin: float
    end: float


class Notice(NamedTuple):
    """Something that went wrong around the tasks: when, what, the unit (or ""), one line."""

    time: float
    what: str
    task: str
    text: str


class Driven:
    """Something that engines drove, in one session or several; the times of it."""

    sessions: tuple[Session, ...]

    @property
    def begin(self) -> float:
        """When its first session began, in seconds since 1970."""
        return self.sessions[0].begin

    @property
    def end(self) -> float:
        """When its last session ended, or until when it is known."""
        return self.sessions[-1].end

    @property
    def seconds(self) -> float:
        """Time in which an engine drove it; the pauses between sessions are none."""
        return sum(session.end - session.begin for session in self.sessions)


@dataclass(frozen=True, eq=False)
class History(Driven):
    """A run, as its records tell it.

    Args:
        record: what the store says of it.
        status: "running", "succeeded", "failed" or "cancelled".
        sessions: at least one.
        attempts: in the order in which they began; reused and skipped tasks as well.
        parents: unit -> units that it reads; found when asked for.
        notices: in order of time.
        outputs: workflow output -> reference; empty unless it succeeded.
        about: host, versions, options and the like of the last session.
        planned: units known when the last session began.
    """

    record: RunRecord
    status: str
    sessions: tuple[Session, ...]
    attempts: tuple[Attempt, ...]
    parents: Mapping[str, Sequence[str]]
    notices: tuple[Notice, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    planned: int = 0


def history_of(
    record: RunRecord,
    events: Iterable[Event],
    until: float | None = None,
    read: Callable[[str], Body | None] | None = None,
) -> History:
    """The history of a run.

    Args:
        record: what the store says of the run.
        events: all of them, oldest first.
        until: seconds since 1970 until which a run without an end is known; the last event's
            time when None.
        read: the document of a workflow that the run's names by a file, or None.
    """
    around = _Around()
    found = attempts(around.watched(events))
    around.close(record, until or 0.0)
    units = dict.fromkeys(one.task for one in found)
    return History(
        record,
        around.status,
        tuple(around.sessions),
        tuple(found),
        Dependencies(record.document, units, around.expansions, read),
        tuple(around.notices),
        around.outputs,
        around.about,
        around.planned,
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

    def close(self, record: RunRecord, until: float) -> None:
        """Ends a session that has no end."""
        if not self.sessions:
            self.sessions.append(Session(record.created, record.created))
        if self.status == "running":
            begin = self.sessions[-1].begin
            self.sessions[-1] = Session(begin, max(begin, self.time, until))


_TAKES: dict[type[Event], Callable[[_Around, Any], None]] = {
    RunStarted: _Around.began,
    AttemptEnded: _Around.ended,
    Noticed: _Around.noticed,
    RunFinished: _Around.finished,
}
