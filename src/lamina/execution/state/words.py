"""What the state of a run is told, and what it asks for: small values, nothing that acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lamina.execution.cache.base import Recall
from lamina.execution.runtimes.base import Ended as Report
from lamina.execution.runtimes.base import Placed as PlacedReport
from lamina.execution.runtimes.base import Ticket
from lamina.workflow.graph import Workflow
from lamina.workflow.log import Event as LogEvent

if TYPE_CHECKING:
    from lamina.execution.state.frames import Node, Unit


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that the state is told; `time` is seconds on the run's own clock."""

    time: float


@dataclass(frozen=True, slots=True)
class Assembled(Happened):
    """The values of a task's ports are there.

    Args:
        node: the task.
        arguments: port -> value, those of scattered ports left out.
        items: of a scattered task, the arguments that differ, one mapping per unit.
        question: number of the action that it answers.
    """

    node: Node
    arguments: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]] | None = None
    question: int = 0


@dataclass(frozen=True, slots=True)
class Refused(Happened):
    """A task cannot be run with these values. error: as in `AttemptEnded`."""

    place: Node | Unit
    error: Mapping[str, Any]
    exception: BaseException | None = None
    question: int = 0


@dataclass(frozen=True, slots=True)
class Answered(Happened):
    """What earlier runs know of a unit; None where it is to be left alone, as in a dry run."""

    unit: Unit
    recall: Recall | None


@dataclass(frozen=True, slots=True)
class Decided(Happened):
    """Whether a condition holds."""

    unit: Unit
    holds: bool
    question: int = 0


@dataclass(frozen=True, slots=True)
class Began(Happened):
    """A worker took an assignment."""

    ticket: Ticket
    worker: str = ""
    host: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Placed(Happened):
    """Where an assignment runs, or what it did where; see `runtimes.base.Placed`."""

    ticket: Ticket
    report: PlacedReport


@dataclass(frozen=True, slots=True)
class Progressed(Happened):
    """Live metrics."""

    ticket: Ticket
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ended(Happened):
    """An assignment is over.

    Args:
        report: what the runtime said.
        phases: its phases on the run's clock.
        expansion: workflow and inputs of a task that decided on further tasks.
    """

    ticket: Ticket
    report: Report
    phases: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    expansion: tuple[Workflow, Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class CancelAsked(Happened):
    """Somebody asks to end one unit (or all units of a task), or, without a name, the run."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the state asks for."""


@dataclass(frozen=True, slots=True)
class Assemble(Action):
    """Make values of the parts of a task's ports (`Node.parts`); answered by Assembled."""

    node: Node
    question: int = 0


@dataclass(frozen=True, slots=True)
class Ask(Action):
    """Look whether an earlier result stands in for the unit; answered by Answered."""

    unit: Unit


@dataclass(frozen=True, slots=True)
class Decide(Action):
    """Read a condition; answered by Decided. value: a part, see `lamina.execution.state.parts`."""

    unit: Unit
    value: Any
    question: int = 0


@dataclass(frozen=True, slots=True)
class Launch(Action):
    """Hand a part of an attempt to the runtime. status: of the main part, for a post script."""

    unit: Unit
    part: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class Stop(Action):
    """End an assignment; answered by Ended."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Record(Action):
    """Write an event before anything that follows from it is done.

    Args:
        event: what to write.
        late: the unit whose end it is, if its cache key could not be known when it began.
    """

    event: LogEvent
    late: Unit | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit that failed for good. error: as in `AttemptEnded`."""

    task: str
    error: Mapping[str, Any]
    exception: BaseException | None = None
