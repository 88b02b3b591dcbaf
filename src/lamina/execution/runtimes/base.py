"""What a runtime is: it starts attempts somewhere and reports how they go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.workflow.graph import Task, Workflow
from lamina.workflow.needs import Needs

MAIN, BEFORE, AFTER = "main", "before", "after"
"""Parts of an attempt: the task itself, its pre script, its post script."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """One attempt, or a script of one, for a runtime.

    Args:
        run: id of the run.
        name: name of the unit.
        attempt: from 1.
        task: what to do and which ports it has.
        arguments: input port -> value: a `Ref` for runtimes whose workers are other processes,
            the value itself for those in this one. Empty optional ports are left out.
        needs: what it may take.
        gpus: ids of the devices that it may see; empty for none.
        folder: where its logs and files go, made when something is written there.
        scratch: folder that all attempts of the unit share.
        part: MAIN, BEFORE or AFTER.
        status, exit: of the main part, for a post script.
        environment: variables and values that the worker has besides those of all.
    """

    run: str
    name: str
    attempt: int
    task: Task
    arguments: Mapping[str, Any]
    needs: Needs
    gpus: tuple[str, ...]
    folder: Path
    scratch: Path
    part: str = MAIN
    status: str = ""
    exit: int | None = None
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def outcome(self) -> dict[str, str]:
        """The variables that tell a post script how the task ended."""
        code = "" if self.exit is None else str(self.exit)
        return {"LAMINA_STATUS": self.status, "LAMINA_EXIT": code}

    @property
    def ticket(self) -> tuple[str, int, str]:
        """What reports are matched by: unit, attempt, part."""
        return (self.name, self.attempt, self.part)


Ticket = tuple[str, int, str]

NOBODY: Ticket = ("", 0, "")
"""The ticket of a report that belongs to no assignment."""


@dataclass(frozen=True)
class Report:
    """Something that a runtime saw; `time` is seconds of `time.monotonic()`."""

    ticket: Ticket
    time: float


@dataclass(frozen=True)
class Began(Report):
    """A worker took the assignment: its queue is over."""

    worker: str
    host: str
    pid: int


@dataclass(frozen=True)
class Placed(Report):
    """A placer chose where the assignment runs, or learnt what it did where.

    Args:
        runtime: of the profile; the one with most items, where several shared them.
        reason: one line.
        items: how much there is to do.
        stages: runtime -> {"items", "processing", "deployment", ...}: what it did, and the
            seconds of its stages; empty while it runs.
    """

    runtime: str
    reason: str
    items: int
    stages: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Told(Report):
    """Live metrics."""

    values: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Ended(Report):
    """The assignment is over; exactly one per assignment, unless the runtime was closed.

    Args:
        status: one of `lamina.workflow.log.STATUSES`.
        outputs: output port -> value, as in `Assignment.arguments`.
        phases: stage_in, run, stage_out as (begin, end) in seconds of `time.monotonic()`.
        usage, exit, error: as in `lamina.workflow.log.AttemptEnded`.
        expansion: (workflow, inputs by name) of a task that decided on further tasks; the
            workflow as `Expansion.document`, or itself where it was made in this process.
        exception: what a task in this process raised.
        notices: (what, text) for `lamina.workflow.log.Noticed`: a damaged input, a retried
            transfer. A damaged or missing input is status "lost" with the pair
            ("artifact damaged", digest), so that its producer can run again.
        logged: whether the attempt's folder was made.
    """

    status: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    phases: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    usage: Mapping[str, float] = field(default_factory=dict)
    exit: int | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    expansion: tuple[Mapping[str, Any] | Workflow, Mapping[str, Any]] | None = None
    exception: BaseException | None = None
    notices: Sequence[tuple[str, str]] = ()
    logged: bool = False


@dataclass(frozen=True)
class Seen(Report):
    """Something that went wrong around the tasks and cost none of them; its ticket is empty.

    Args:
        what, text: as in `lamina.workflow.log.Noticed`.
    """

    what: str
    text: str


@dataclass(frozen=True)
class Capacity:
    """What a runtime has to give.

    Args:
        cpus: cores.
        memory: bytes.
        gpus: ids of devices.
    """

    cpus: float
    memory: int
    gpus: tuple[str, ...] = ()


class Runtime(ABC):
    """Runs assignments. Used by one thread; `wake` may be called by any."""

    places = False
    """Whether it chooses a place for tasks that ask for one."""

    @abstractmethod
    def capacity(self) -> Capacity:
        """What it has; the engine never asks for more at once."""

    def expect(self, needs: Needs) -> None:  # noqa: B027 - for those that take long to begin
        """An assignment with such needs will come soon: what it takes is started. Never fails."""

    @abstractmethod
    def start(self, assignment: Assignment) -> None:
        """Takes an assignment and returns at once."""

    @abstractmethod
    def poll(self, timeout: float) -> list[Report]:
        """What has happened; waits at most `timeout` seconds for the first report."""

    @abstractmethod
    def cancel(self, ticket: Ticket) -> None:
        """Ends an assignment with its whole process group; its report says "cancelled"."""

    @abstractmethod
    def close(self) -> None:
        """Ends everything that is left. May be called twice."""

    def wake(self) -> None:  # noqa: B027 - a runtime that polls in short pieces needs none
        """Makes a waiting `poll` return soon; by default it returns when its time is over."""
