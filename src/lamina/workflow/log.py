"""The words of a run's record: frozen events, in the order in which they were written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

PHASES = ("pre_script", "submit", "queue", "stage_in", "run", "stage_out", "post_script")
"""The spans between the instants "ready" and "done" of an attempt, in their order.

Words of the Gantt paper: pre script, WMS delay (submit), queue delay, stage in, runtime, stage
out, post script. A phase that did not happen is left out of a record.
"""

STATUSES = ("succeeded", "failed", "timeout", "memory", "lost", "cancelled")
"""How an attempt ends. "failed" is the task's own error; "memory", "timeout", "lost" are the
reasons memory, time, lost of `lamina.workflow.needs.REASONS`."""

COUNTS = ("unready", "ready", "pre", "queued", "running", "post", "success", "failure")
"""Where the tasks of a run are."""


@dataclass(frozen=True)
class Event:
    """Something that happened in a run.

    Args:
        time: seconds since 1970 on the run's own clock, which never goes back: the wall clock when
            a session began plus the monotonic time since then.
    """

    time: float


@dataclass(frozen=True)
class RunStarted(Event):
    """A session of a run begins; the first, or one that resumes.

    Args:
        session: from 1.
        workflow: its name.
        tasks: units known at the start.
        about: host, pid, user, directory, command line, versions, options, environment digest.
    """

    session: int
    workflow: str
    tasks: int
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AttemptStarted(Event):
    """An attempt was handed to a runtime.

    Args:
        task: name of the unit.
        attempt: from 1; goes on counting over sessions.
        ready: when all its inputs were there.
        key: its cache key; empty where there is none.
        recipe: digest of what the key is made of; the store keeps the recipe itself once.
        needs: what it was given: cpus, memory, gpus, time.
        gpus: ids of the devices it may see.
        inputs: port -> reference (`Ref.to_json`).
        reason: why it runs: "not run before", "code changed: words.py:12", "forced", "retry: lost".
    """

    task: str
    attempt: int
    ready: float
    key: str = ""
    recipe: str = ""
    needs: Mapping[str, Any] = field(default_factory=dict)
    gpus: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class AttemptProgressed(Event):
    """Live metrics of a running attempt, as it told them."""

    task: str
    attempt: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class AttemptPlaced(Event):
    """A placer chose where an attempt runs; told again, with stages, when it is over.

    Args:
        runtime: of the profile; the one with most items, where several shared them.
        reason: one line: "fast is expected to take 1.2 s, slow 4.0 s".
        items: how much there is to do: items of a list, else bytes of the inputs.
        stages: runtime -> {"items", "processing", "deployment", ...}: what it did, and the
            seconds of its stages.
    """

    task: str
    attempt: int
    runtime: str
    reason: str
    items: int
    stages: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AttemptEnded(Event):
    """An attempt is over.

    Args:
        status: one of STATUSES.
        worker, host, pid: where it ran.
        phases: phase -> (begin, end) on the run's clock.
        usage: cpu (seconds), memory_peak, bytes_read, bytes_written (bytes), gpu_memory_peak
            where there is a GPU.
        exit: exit code of a command, or minus the signal that ended it; None for functions.
        outputs: port -> reference; empty unless it succeeded.
        error: {"cause", "details", "way_out", "kind", "last" (log lines)} unless it succeeded.
        folder: where its logs and files lie, relative to the run's folder; empty for none.
        expansion: {"workflow", "inputs"} of a task that decided on tasks to run in its place.
        inputs, key, recipe: as in `AttemptStarted`, where they were not known then: the streams
            that it read while they were written.
    """

    task: str
    attempt: int
    status: str
    worker: str = ""
    host: str = ""
    pid: int = 0
    phases: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    usage: Mapping[str, float] = field(default_factory=dict)
    exit: int | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    expansion: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    recipe: str = ""


@dataclass(frozen=True)
class TaskReused(Event):
    """A result of an earlier attempt stands in for a task.

    Args:
        source: the run that made it.
        reason: one line: "reused", "reused: touched".
    """

    task: str
    ready: float
    key: str
    source: str
    outputs: Mapping[str, Any]
    reason: str = "reused"


@dataclass(frozen=True)
class TaskSkipped(Event):
    """A task that will not run in this session, and why: "its input sort failed"."""

    task: str
    reason: str


@dataclass(frozen=True)
class Noticed(Event):
    """Something that went wrong around the tasks and was dealt with, or could not be.

    Args:
        what: "artifact damaged", "worker lost", "clock jumped", "disk full", "staging retried", ...
        task: the unit that it met; empty for none.
        text: one line.
    """

    what: str
    task: str
    text: str


@dataclass(frozen=True)
class Counted(Event):
    """Where the tasks are now, for whoever watches; counts by the words of COUNTS."""

    counts: Mapping[str, int]


@dataclass(frozen=True)
class RunFinished(Event):
    """A session is over.

    Args:
        status: "succeeded", "failed" or "cancelled".
        outputs: workflow output -> reference.
    """

    status: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


Sink = Callable[[Sequence[Event]], None]
"""What a run hands its events to; they are kept once it returns."""

_KINDS: dict[str, type[Event]] = {
    "run-started": RunStarted,
    "attempt-started": AttemptStarted,
    "attempt-placed": AttemptPlaced,
    "attempt-progressed": AttemptProgressed,
    "attempt-ended": AttemptEnded,
    "task-reused": TaskReused,
    "task-skipped": TaskSkipped,
    "noticed": Noticed,
    "counted": Counted,
    "run-finished": RunFinished,
}
_WORDS = {kind: word for word, kind in _KINDS.items()}
KINDS: tuple[type[Event], ...] = tuple(_WORDS)
"""Every kind of event."""


def word_of(event: Event) -> str:
    """The word for an event's kind in the log."""
    return _WORDS[type(event)]


def body_of(event: Event) -> dict[str, Any]:
    """An event's fields but time, as plain values; what is empty is left out."""
    found = {}
    for name, blank, _ in _FIELDS[word_of(event)]:
        value = getattr(event, name)
        if value != blank:
            found[name] = value
    return found


def event_of(word: str, time: float, body: Mapping[str, Any]) -> Event:
    """The event of a word and a body; keys of later versions are passed over.

    Raises:
        KeyError: an unknown word.
    """
    kind = _KINDS[word]
    # Filled by hand: the constructor of a frozen class takes three times as long, and a look at a
    # large run reads hundreds of thousands of events.
    event = object.__new__(kind)
    told = event.__dict__
    blanks, shapes = _FORMS[word]
    told |= blanks
    told["time"] = time
    told |= body if body.keys() <= blanks.keys() else {k: body[k] for k in body if k in blanks}
    for name, shaped in shapes:
        told[name] = shaped(told[name])
    return event


_BLANKS: dict[str, Any] = {
    "str": "",
    "int": 0,
    "float": 0.0,
    "int | None": None,
    "tuple[str, ...]": (),
    "Mapping[str, Any]": {},
    "Mapping[str, int]": {},
    "Mapping[str, float]": {},
    "Mapping[str, tuple[float, float]]": {},
}

_SHAPES: dict[str, Callable[[Any], Any]] = {
    # What JSON made lists of.
    "tuple[str, ...]": tuple,
    "Mapping[str, tuple[float, float]]": lambda spans: {k: tuple(v) for k, v in spans.items()},
}
_FIELDS = {
    word: [
        (f.name, _BLANKS[str(f.type)], _SHAPES.get(str(f.type)))
        for f in fields(kind)
        if f.name != "time"
    ]
    for word, kind in _KINDS.items()
}
_FORMS = {
    word: (
        {name: blank for name, blank, _ in told},
        [(name, shaped) for name, _, shaped in told if shaped is not None],
    )
    for word, told in _FIELDS.items()
}
"""Fields of a kind as they are where nothing is told, and what to make of some."""
