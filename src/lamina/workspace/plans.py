"""`run -n`: what a run would do, why, and for how long; no code of the user runs for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.estimates.observations import TaskTimes
from lamina.execution.assembly import Assembly
from lamina.execution.cache.base import Memory, Question
from lamina.execution.cache.recalled import DECIDES
from lamina.execution.past import Past
from lamina.execution.placed.amounts import amount
from lamina.execution.runtimes.base import Capacity
from lamina.execution.state import Machine, Policy
from lamina.execution.state.frames import Unit
from lamina.execution.state.plans import wanted
from lamina.execution.state.words import Answered, Ask, Assemble, Decide, Refused
from lamina.records.tables import duration
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.composite import Composite
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.machine import cores
from lamina.workflow.ports import Port
from lamina.workflow.units import task_of
from lamina.workspace.makespans import Share, makespan
from lamina.workspace.project import Project
from lamina.workspace.tallies import Tally
from lamina.workspace.told_inputs import ReadOnce, is_read

UNKNOWN = "?"
"""Stands for the digest of a value that would have to be read or made first."""

NOT_KNOWN = Ref("json", UNKNOWN, 0, origin=UNKNOWN)
"""A value that nobody has read yet."""


class PlanValues(ReadOnce):
    """References for a plan: nothing is read that no run has read before.

    Args:
        project: whose artifacts they are.
        reads: whether to read nevertheless.
    """

    def __init__(self, project: Project, reads: bool = False) -> None:
        super().__init__(project)
        self._reads = reads

    def constant(self, value: Any, port: Port, folder: Path | None) -> Any:
        """As in `ReadOnce`; what would have to be read has no digest."""
        if is_read(value, port.type) and not self._reads:
            return self.told.known(value, port.type, folder) or NOT_KNOWN
        return super().constant(value, port, folder)

    def lacking(self, refs: Iterable[Ref]) -> list[Ref]:
        """Those whose bytes are not there."""
        return self._artifacts.lacking([ref for ref in refs if not ref.origin])


@dataclass(frozen=True)
class Step:
    """A task of a plan.

    Args:
        task: its name; of a scattered one, for all its units.
        does: what it does, in a few words.
        reason: why it runs, or is reused.
        run: units that would run; of a scattered task behind another that runs, at least these.
        reused: units that earlier results stand in for.
        seconds: what one unit is expected to take, after earlier runs (the mean over the units
            that would run); None where nobody knows.
        low, high: seconds, between which it ends in four of five cases.
        amounts: of a task that is placed, how much each unit that would run has to do; None where
            that is not known yet.
        place: where it would run; empty for a task that is not placed. Seconds are those there.
        runtimes: of a task that is placed, for each runtime that may do it: "seconds", "low" and
            "high", if it did it alone; None where nobody knows.
        cpus: cores that a unit takes.
    """

    task: str
    does: str
    reason: str
    run: int
    reused: int
    seconds: float | None
    low: float | None = None
    high: float | None = None
    amounts: tuple[int | None, ...] = ()
    place: str = ""
    runtimes: Mapping[str, Mapping[str, float] | None] = field(default_factory=dict)
    cpus: float = 1.0

    def predicted(self) -> str:
        """The time of all units that would run."""
        if not self.run:
            return "-"
        if self.seconds is None:
            return "?"
        one = duration(self.seconds)
        return one if self.run == 1 else f"{self.run} x {one}"


@dataclass(frozen=True)
class RunPlan:
    """What a run would do, in the order of the workflow; nothing has run.

    Args:
        workflow: its name.
        steps: its tasks, those of workflows inside it by their full names.
        open: whether more tasks may follow: units of a scatter, iterations, decisions.
        makespan: seconds from the first task to the last on the cores of this machine; None where
            the time of a task is not known.
        notes: what else there is to know, a line each.
    """

    workflow: str
    steps: tuple[Step, ...]
    open: bool = False
    makespan: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def run(self) -> int:
        """How many units would run."""
        return sum(step.run for step in self.steps)

    @property
    def reused(self) -> int:
        """How many units earlier results stand in for."""
        return sum(step.reused for step in self.steps)

    @property
    def seconds(self) -> float | None:
        """Work of all units that would run, one after the other; None where one is not known."""
        if any(step.run and step.seconds is None for step in self.steps):
            return None
        return sum(step.run * (step.seconds or 0.0) for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Plain values; seconds are None where nobody knows."""
        keys = (
            "task", "does", "reason", "run", "reused", "seconds", "low", "high", "place",
            "runtimes",
        )  # fmt: skip
        return {
            "workflow": self.workflow,
            "tasks": [{key: getattr(step, key) for key in keys} for step in self.steps],
            "run": self.run,
            "reused": self.reused,
            "seconds": self.seconds,
            "makespan": self.makespan,
            "open": self.open,
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """A line per task, and the counts."""
        rows = [(s.task, s.does, s.predicted(), s.reason) for s in self.steps]
        widths = [max((len(row[k]) for row in rows), default=0) for k in range(3)]
        lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows]
        least = "at least " if self.open and self.run else ""
        known = self.run and self.seconds is not None
        work = f", {duration(self.seconds)} of work" if known else ""
        if known and self.makespan is not None:
            work += f" in {duration(self.makespan)}"
        count = f"{self.run} task{'' if self.run == 1 else 's'}"
        reused = f"{self.reused} {'is' if self.reused == 1 else 'are'} reused"
        return "\n".join([*lines, *self.notes, f"{least}{count} would run{work}, {reused}"])


def plan(
    workflow: Workflow,
    inputs: Mapping[str, Ref],
    values: PlanValues,
    memory: Memory,
    times: TaskTimes | None = None,
    until: Sequence[str] = (),
) -> RunPlan:
    """What a run of a workflow would do.

    The state of a run is played through with what earlier runs left; a task that has no earlier
    result is where it stops.

    Args:
        workflow: what would run.
        inputs: workflow input -> reference; one that nobody knows has UNKNOWN as its digest.
        values: makes references of parameters.
        memory: knows results of earlier runs.
        times: what tasks took in earlier runs.
        until: tasks after which the run would end.
    """
    play = _Play(workflow, inputs, values, memory, tuple(until))
    play.go()
    steps = tuple(play.steps(times or TaskTimes()))
    return timed(RunPlan(workflow.name, steps, play.open), workflow)


def timed(found: RunPlan, workflow: Workflow) -> RunPlan:
    """A plan with the time that its steps take together, as they stand in it."""
    shares = {
        step.task: Share(step.run, step.seconds, step.cpus) for step in found.steps if step.run
    }
    return replace(found, makespan=makespan(workflow, shares, cores()))


@dataclass
class _Play:
    """A run without tasks: the state is told of earlier results, and of nothing else."""

    workflow: Workflow
    inputs: Mapping[str, Ref]
    values: PlanValues
    memory: Memory
    until: tuple[str, ...]
    tallies: dict[str, Tally] = field(default_factory=dict)
    open: bool = False

    def go(self) -> None:
        """Plays until nothing more can be known."""
        self._assembly = Assembly(self.values)
        self._makers: dict[str, tuple[str, Sequence[Ref]]] = {}
        policy = Policy(keep_going=True, until=self.until, recall=True)
        machine = Machine(self.workflow, self.inputs, Capacity(1.0, 0), policy, Past())
        self._machine = machine
        machine.begin(0.0)
        while actions := machine.taken():
            for action in actions:
                if isinstance(action, Assemble):
                    self._assemble(action)
                elif isinstance(action, Decide):
                    self._decide(action)
            self._recall([action for action in actions if isinstance(action, Ask)])
            machine.schedule(0.0)

    def _assemble(self, action: Assemble) -> None:
        """Makes values of parts; what cannot be known before the run is left alone."""
        node = action.node
        lists = [node.parts.get(port) for port in node.task.scatter]
        if any(isinstance(one, Ref) and one.digest == UNKNOWN for one in lists):
            self._tally(node.name).add("an input is not known before the run", False)
            self.open = True
            return
        found = self._assembly.assembled(action, 0.0)
        if isinstance(found, Refused):
            cause = str(found.error.get("cause", ""))
            self._tally(node.name).add(f"would fail: {cause}", False)
        else:
            self._machine.feed(found)

    def _decide(self, action: Decide) -> None:
        unit = action.unit
        found = self._assembly.decided(action, 0.0)
        if isinstance(found, Refused):
            self.open = True
            return
        chosen = unit.node.task.action
        if isinstance(chosen, ChooseAction) and chosen.branch(found.holds) is None:
            self._tally(unit.name).reason = "nothing to run: its condition is false"
        self._machine.feed(found)

    def _tally(self, unit: str) -> Tally:
        return self.tallies.setdefault(task_of(unit), Tally())

    def _recall(self, asked: Sequence[Ask]) -> None:
        units = [ask.unit for ask in asked]
        questions = [Question(unit.name, unit.node.task, unit.arguments) for unit in units]
        for unit, recall in zip(units, self.memory.recall(questions), strict=True):
            if recall.outputs is not None:
                self._tally(unit.name).add(recall.reason, True)
                given = [ref for ref in unit.arguments.values() if isinstance(ref, Ref)]
                for ref in recall.outputs.values():
                    self._makers[ref.digest] = (unit.name, given)
                self._machine.feed(Answered(0.0, unit, recall))
            else:
                tally = self._tally(unit.name)
                tally.add(_reason(unit, recall.reason), False)
                tally.works.append((recall.recipe, _size(unit)))
                if unit.node.task.care.placement is not None:
                    tally.amounts.append(_amount(unit, self.values))
                self._made_again(recall.lacking, unit.name)
                self.open = self.open or recall.reason == DECIDES
                self._machine.feed(Answered(0.0, unit, None))

    def _made_again(self, digests: Iterable[str], reader: str) -> None:
        """Reused tasks whose bytes were cleaned run after all where a task that runs reads them."""
        for digest in digests:
            maker = self._makers.pop(digest, None)
            if maker is None:
                continue
            name, given = maker
            tally = self._tally(name)
            tally.reused -= 1
            tally.add(f"its output was cleaned, and {task_of(reader)} needs it", False)
            self._made_again([ref.digest for ref in self.values.lacking(given)], name)

    def steps(self, times: TaskTimes) -> Iterator[Step]:
        """The tasks in their order; those that were not reached are behind others."""
        chosen = wanted(self.workflow, self.until).names if self.until else None
        running: set[str] = set()
        for name, task, sources in self._leaves(self.workflow, ""):
            if chosen is not None and name.partition("/")[0] not in chosen:
                continue
            tally = self.tallies.get(name)
            if tally is None:
                tally = Tally(1, 0, _behind(sources, running))
                self.open = self.open or bool(task.scatter) or isinstance(task.action, Composite)
            if tally.run:
                running.add(name)
            one = tally.expected(name, times)
            amounts = tuple(tally.amounts or [None]) if task.care.placement and tally.run else ()
            yield Step(
                name, task.action.summary(), tally.told(), tally.run, tally.reused,
                one.seconds if one else None, one.low if one else None,
                one.high if one else None, amounts, cpus=task.care.needs.cpus,
            )  # fmt: skip

    def _leaves(
        self, workflow: Workflow, prefix: str
    ) -> Iterator[tuple[str, Task, dict[str, str]]]:
        """Tasks that do something themselves, with what each port reads: port -> task."""
        for short in workflow.order:
            task, name = workflow[short], f"{prefix}{short}"
            if isinstance(task.action, Composite):
                reached = any(known.startswith(f"{name}/") for known in self.tallies)
                parts = self._inside(task.action, name, reached)
                if parts or task.action.kind == SubworkflowAction.kind:
                    for part in parts:
                        yield from self._leaves(part, f"{name}/")
                    continue
            edges = workflow.incoming[short]
            yield (
                name,
                task,
                {
                    edge.target_port: f"{prefix}{edge.source_task}"
                    for edge in edges
                    if edge.source_task
                },
            )

    def _inside(self, action: Composite, name: str, reached: bool) -> list[Workflow]:
        """The workflows inside that are known to run."""
        parts = [part.workflow for part in action.parts()]
        if action.kind == SubworkflowAction.kind:
            return parts
        if not reached:
            return []
        return [
            part for part in parts if any(f"{name}/{task}" in self.tallies for task in part.order)
        ] or parts


def _size(unit: Unit) -> float | None:
    """Bytes of a unit's inputs; None where one is not known yet."""
    refs = [ref for ref in unit.arguments.values() if isinstance(ref, Ref)]
    if any(ref.digest == UNKNOWN for ref in refs):
        return None
    return float(sum(ref.size for ref in refs))


def _amount(unit: Unit, values: PlanValues) -> int | None:
    """How much a placed unit has to do; None where an input is not known yet."""
    known = _size(unit) is not None
    return amount(unit.node.task, unit.arguments, values.items) if known else None


def _reason(unit: Unit, told: str) -> str:
    """Why a unit runs; of one that reads what is not known, that."""
    for port, ref in unit.arguments.items():
        if isinstance(ref, Ref) and ref.digest == UNKNOWN and told.startswith("input "):
            return f"input {port} was not read before"
    return told


def _behind(sources: Mapping[str, str], running: set[str]) -> str:
    for port, source in sources.items():
        if source in running or any(name.startswith(f"{source}/") for name in running):
            return f"input {port} will be made"
    return "its inputs will be made"
