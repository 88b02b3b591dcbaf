"""A workflow in the middle of a run: its values on the way, its tasks, their units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lamina.execution.runtimes.base import MAIN, Ticket
from lamina.execution.slots import Share
from lamina.execution.state.parts import Flowing, Many, is_made
from lamina.execution.state.plans import Plan, Wanted
from lamina.workflow.graph import Task
from lamina.workflow.needs import Needs

if TYPE_CHECKING:
    from lamina.execution.state.words import Ended


class Frame:
    """One run of one workflow: the run's own, or one inside of a unit.

    Args:
        plan: the workflow.
        values: its inputs.
        prefix: what the names of its units begin with.
        owner: the unit that it is the inside of; None for the run itself.
        wanted: the tasks that are to run; None for all.
    """

    __slots__ = ("broken", "done", "early", "left", "owner", "plan", "prefix", "readers", "values",
                 "waiting", "wanted")  # fmt: skip

    def __init__(
        self,
        plan: Plan,
        values: dict[str, Any],
        prefix: str,
        owner: Unit | None,
        wanted: Wanted | None = None,
    ) -> None:
        self.plan = plan
        self.values = values
        self.prefix = prefix
        self.owner = owner
        self.wanted = wanted
        self.waiting = dict(plan.waiting)
        self.readers = dict(plan.readers)
        self.left = len(plan.waiting) if wanted is None else len(wanted.names)
        self.done: dict[str, Node] = {}
        """Tasks that have ended well, where the run keeps them; see `Machine`."""
        self.early: dict[str, list[str]] = {}
        """Task that began to write streams -> tasks that wait for it no more."""
        self.broken: set[str] = set()
        """Tasks that failed, or never run because of one that did."""

    def runs(self, name: str) -> bool:
        """Whether a task is to run at all."""
        return self.wanted is None or name in self.wanted.names

    def first(self) -> list[str]:
        """Tasks that wait for no other."""
        return [n for n in self.plan.workflow.order if not self.waiting[n] and self.runs(n)]

    def collected(self, name: str) -> dict[str, Any]:
        """What the edges into a task bring ("" for the workflow's outputs), by port."""
        found: dict[str, Any] = {}
        for edge in self.plan.workflow.incoming[name]:
            if edge.source not in self.values:
                continue
            value, port = self.values[edge.source], edge.target.rpartition(".")[2]
            if edge.position is None:
                found[port] = value
            elif port in found:
                found[port].parts.append(value)
            else:
                found[port] = Many([value])
        return found

    def let_go(self, name: str) -> None:
        """Drops values that nobody reads any more, now that this task has read them."""
        for edge in self.plan.workflow.incoming[name]:
            self.readers[edge.source] -= 1
            if not self.readers[edge.source]:
                self.values.pop(edge.source, None)


_NOBODY: set[str] = set()
"""Shared by all units that read no stream; never changed."""


class Node:
    """One task in a frame: its parts, its units, and how many of them have not ended."""

    __slots__ = ("failed", "frame", "missing", "parts", "results", "task", "units")

    def __init__(self, frame: Frame, task: Task) -> None:
        self.frame = frame
        self.task = task
        self.parts: dict[str, Any] = {}
        self.units: list[Unit] = []
        self.results: list[Mapping[str, Any]] = []
        self.missing = 0
        self.failed = ""
        """Name of the unit that failed; empty while all is well."""

    @property
    def name(self) -> str:
        """The task's name in the run."""
        return self.frame.prefix + self.task.name

    def collect(self) -> bool:
        """Finds the parts of the ports; whether they can be used as they are."""
        task, plan = self.task, self.frame.plan
        parts = self.frame.collected(task.name) if plan.workflow.incoming[task.name] else {}
        plain = not task.scatter and all(map(is_made, parts.values()))
        if len(parts) < len(task.inputs):
            for port in task.inputs:
                if port.name not in parts:
                    told = plan.constant(task, port.name)
                    if told is not None:
                        parts[port.name] = told
                        plain = False
        self.parts = parts
        return plain


class Unit:
    """One run of one task: the task itself, or one item of its scatter.

    Its `state` is one of the words of `lamina.workflow.log.COUNTS`: "unready" while it waits for
    something besides a place (a time, an input that is made again), or "inside" for a workflow.
    """

    __slots__ = (
        "about", "arguments", "attempt", "flowing", "follows", "index", "iteration", "key", "main",
        "name", "needs", "node", "outputs", "part", "pause", "phases", "ready", "reason",
        "rebuilds", "recipe", "share", "since", "state", "stopped", "suspended", "tries", "waits",
    )  # fmt: skip

    def __init__(self, node: Node, name: str, arguments: Mapping[str, Any], index: int) -> None:
        self.node = node
        self.name = name
        self.arguments = arguments
        self.index = index
        self.state = ""
        self.attempt = 0
        self.ready = 0.0
        """When all inputs were there, or the next attempt became due."""
        self.since = 0.0
        """When the present phase began."""
        self.needs: Needs = node.task.care.needs
        self.share: Share | None = None
        self.part = MAIN
        self.key = ""
        self.recipe = ""
        self.reason = ""
        self.tries = 0
        """Attempts of this session that failed."""
        self.rebuilds = 0
        self.pause = -1
        """Number of the pause that it waits in before it is repeated; -1 for none."""
        self.stopped = ""
        """Why it was asked to end; empty while nobody asked."""
        self.main: Ended | None = None
        """How the main part ended, while the post script runs."""
        self.phases: dict[str, tuple[float, float]] = {}
        self.about: tuple[str, str, int] = ("", "", 0)
        self.outputs: Mapping[str, Any] | None = None
        self.iteration = 0
        self.flowing: tuple[str, ...] = ()
        """Ports with streams that were being written when the attempt began."""
        self.follows: set[str] = _NOBODY
        """Units that still write a stream that this one reads."""
        self.suspended = False
        """Whether it has to begin again once its streams are written again."""
        self.waits = 0
        """Units that have to make an input again before this one can run."""

    @property
    def ticket(self) -> Ticket:
        """What its present assignment is called."""
        return (self.name, self.attempt, self.part)

    def is_whole(self, outputs: Mapping[str, Any]) -> bool:
        """Whether a result has all outputs: that of a task that decided on tasks has none."""
        return all(port.name in outputs for port in self.node.task.outputs)

    def begin(self, after: int) -> None:
        """Another attempt; its number is above that of the last one, and above this."""
        self.attempt = max(self.attempt, after) + 1
        self.phases = {}
        self.main = None
        self.flowing = tuple(p for p, part in self.arguments.items() if type(part) is Flowing)
        self.about = ("", "", 0)
