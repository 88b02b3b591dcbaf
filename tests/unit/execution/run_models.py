"""Made-up workflows and a made-up world, to hold the state of a run to its promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from lamina.execution.assembly import Assembly
from lamina.execution.cache.base import Recall
from lamina.execution.past import Past
from lamina.execution.runtimes.base import MAIN, Capacity
from lamina.execution.runtimes.base import Ended as Report
from lamina.execution.state import Machine, Policy
from lamina.execution.state.frames import Unit
from lamina.execution.state.parts import Flowing, is_made
from lamina.execution.state.words import (
    Action,
    Answered,
    Ask,
    Assemble,
    Began,
    CancelAsked,
    Decide,
    Decided,
    Ended,
    Launch,
    Progressed,
    Record,
    Stop,
)
from lamina.execution.values import Values
from lamina.workflow.actions.base import Action as Does
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.loop import LoopAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Edge, Port, Task, Workflow
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, TaskReused
from lamina.workflow.needs import Care, Needs

GPUS = ("0", "1")
CAPACITY = Capacity(3.0, 100, GPUS)


@dataclass(frozen=True)
class V:
    """A value of the made-up world, with a digest like a reference's."""

    payload: Any

    @property
    def digest(self) -> str:
        return repr(self.payload)

    def __hash__(self) -> int:
        return hash(self.digest)


class WorldValues(Values):
    """Values that can be read again, as references can."""

    lasting = True

    def items(self, value: Any) -> list[Any]:
        return [V(item) for item in value.payload]

    def gather(self, items: Sequence[Any]) -> Any:
        return V([item.payload for item in items])

    def constant(self, value: Any, port: Port, folder: Path | None) -> Any:
        return value if isinstance(value, V) else V(value)

    def plain(self, value: Any) -> Any:
        return value.payload

    def holds(self, value: Any, digests: frozenset[str]) -> bool:
        return value.digest in digests

    def note(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(values)


def _flat(value: Any) -> int:
    if isinstance(value, (list, tuple)):
        return sum(map(_flat, value)) + len(value)
    return int(value or 0)


OPERATIONS: Mapping[str, Callable[[int], Any]] = {
    "number": lambda total: (total * 7 + 3) % 50,
    "list": lambda total: [total + number for number in range(total % 4)],
    "stream": lambda total: [total * number for number in range(total % 3)],
    "bool": lambda total: total % 2 == 0,
    "enough": lambda total: total > 30,
    "more": lambda total: total + 9,
    "grow": lambda total: total,
}


def outcome(task: Task, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a task gives, as plain values."""
    assert isinstance(task.action, PythonAction)
    name = task.action.function.partition(":")[2]
    total = sum(_flat(arguments[port]) for port in sorted(arguments))
    return {port.name: OPERATIONS[name](total) for port in task.outputs}


def grown() -> Workflow:
    """What a task that decides on tasks decides on."""
    one = _task("one", "list", {"a": "x"})
    each = _task("each", "number", {"a": "one.y"}, scatter=("a",))
    return _workflow("grown", ("x",), [one, each], {"y": "each.y"})


Wired = tuple[Task, tuple[Edge, ...]]


def _task(
    name: str, operation: str, sources: Mapping[str, Any], scatter: tuple[str, ...] = (),
    care: Care | None = None, takes: str = "any",
) -> Wired:  # fmt: skip
    gives = "stream[any]" if operation == "stream" else "any"
    action = PythonAction(f"model:{operation}")
    return _wired(name, action, sources, scatter, care, (takes, (Port("y", gives),)))


def _wired(
    name: str, action: Does, sources: Mapping[str, Any], scatter: tuple[str, ...],
    care: Care | None, ports: tuple[str, tuple[Port, ...]],
) -> Wired:  # fmt: skip
    edges: list[Edge] = []
    parameters = {}
    for port, source in sources.items():
        if isinstance(source, list):
            edges += [Edge(one, f"{name}.{port}", place) for place, one in enumerate(source)]
        elif isinstance(source, int):
            parameters[port] = source
        else:
            edges.append(Edge(source, f"{name}.{port}"))
    inputs = tuple(Port(port, ports[0]) for port in sources)
    task = Task(name, action, inputs, ports[1], parameters, scatter, care or Care())
    return task, tuple(edges)


def _workflow(
    name: str, inputs: tuple[str, ...], tasks: Sequence[Wired], outputs: Mapping[str, str]
) -> Workflow:
    edges = [edge for _, found in tasks for edge in found]
    edges += [Edge(source, output) for output, source in outputs.items()]
    return Workflow(
        name,
        tuple(Port(one, "any", default=5 if one == "d" else None) for one in inputs),
        tuple(Port(output, "any") for output in outputs),
        tuple(task for task, _ in tasks),
        tuple(edges),
    )


def made_workflow(random: Random, depth: int = 2, name: str = "w") -> Workflow:
    """A workflow with all that a run can meet, valid and small."""
    made = _Making(random, depth)
    for place in range(random.randint(1, 6)):
        made.add(f"t{place}")
    outputs = {"y": made.numbers[-1]}
    if depth == 2:
        sources = [*made.numbers[2:], *made.lists]
        outputs.update({f"o{number}": source for number, source in enumerate(sources)})
    return _workflow(name, ("x", "d"), made.tasks, outputs)


class _Making:
    """A workflow that grows, task by task; knows which sources give what."""

    def __init__(self, random: Random, depth: int) -> None:
        self.random = random
        self.depth = depth
        self.numbers = ["x", "d"]
        self.lists: list[str] = []
        self.streams: list[str] = []
        self.tasks: list[Wired] = []

    def add(self, name: str) -> None:
        """One more task, of any kind that there are sources for."""
        kinds = [self._number, self._number, self._list, self._join, self._stream, self._grow]
        kinds += [self._scatter] * bool(self.lists) + [self._read] * 2 * bool(self.streams)
        if self.depth:
            kinds += [self._workflow, self._loop, self._choose]
        found, gives = self.random.choice(kinds)(name)
        self.tasks.append(found)
        gives.append(f"{name}.y")
        if gives is self.streams:
            self.lists.append(f"{name}.y")

    def _one(self) -> dict[str, Any]:
        return {"a": _source(self.random, self.numbers)}

    def _number(self, name: str) -> tuple[Wired, list[str]]:
        return _task(name, "number", self._one(), (), _care(self.random)), self.numbers

    def _list(self, name: str) -> tuple[Wired, list[str]]:
        return _task(name, "list", self._one(), (), _care(self.random)), self.lists

    def _grow(self, name: str) -> tuple[Wired, list[str]]:
        return _task(name, "grow", self._one(), (), _care(self.random)), self.lists

    def _stream(self, name: str) -> tuple[Wired, list[str]]:
        return _task(name, "stream", self._one(), (), _care(self.random)), self.streams

    def _scatter(self, name: str) -> tuple[Wired, list[str]]:
        sources = {"a": self.random.choice(self.lists), "b": _source(self.random, self.numbers)}
        return _task(name, "number", sources, ("a",), _care(self.random)), self.lists

    def _join(self, name: str) -> tuple[Wired, list[str]]:
        chosen = self.random.choices(self.numbers, k=self.random.randint(1, 3))
        sources = {"a": chosen, "b": self.random.choice(self.lists) if self.lists else 4}
        return _task(name, "number", sources, (), _care(self.random)), self.numbers

    def _read(self, name: str) -> tuple[Wired, list[str]]:
        ports = "ab"[: self.random.randint(1, 2)]
        sources = {port: self.random.choice(self.streams) for port in ports}
        found = _task(name, "number", sources, (), _care(self.random), "stream[any]")
        return found, self.numbers

    def _workflow(self, name: str) -> tuple[Wired, list[str]]:
        scatter = bool(self.lists) and self.random.random() < 0.5
        source = self.random.choice(self.lists) if scatter else _source(self.random, self.numbers)
        action = SubworkflowAction(made_workflow(self.random, self.depth - 1, "inner"))
        found = _wired(name, action, {"x": source}, ("x",) if scatter else (), None, _gives(action))
        return found, self.lists if scatter else self.numbers

    def _loop(self, name: str) -> tuple[Wired, list[str]]:
        body = [
            _task("step", "more", {"a": "x"}),
            _task("test", "enough", {"a": "step.y"}, care=_care(self.random)),
        ]
        inner = _workflow("body", ("x",), body, {"x": "step.y", "y": "step.y", "done": "test.y"})
        action = LoopAction(inner, "done", self.random.choice([6, 6, 2]))
        sources = {"x": _source(self.random, self.numbers)}
        return _wired(name, action, sources, (), None, _gives(action)), self.numbers

    def _choose(self, name: str) -> tuple[Wired, list[str]]:
        then = made_workflow(self.random, self.depth - 1, "then")
        other = made_workflow(self.random, self.depth - 1, "other")
        action = ChooseAction(then, other if self.random.random() < 0.7 else None)
        sources = {port: _source(self.random, self.numbers) for port in ("when", "x")}
        return _wired(name, action, sources, (), None, _gives(action)), self.numbers


def _gives(action: Does) -> tuple[str, tuple[Port, ...]]:
    return "any", action.signature().outputs


def _source(random: Random, numbers: Sequence[str]) -> Any:
    return random.randint(0, 9) if random.random() < 0.2 else random.choice(numbers)


def _care(random: Random) -> Care:
    needs = Needs(
        random.choice([1.0, 1.0, 1.0, 0.5, 2.0, 9.0, 0.0]),
        random.choice([None, None, 30, 60, 500]),
        random.choice([0.0, 0.0, 0.0, 0.5, 1.0, 2.0]),
        random.choice([None, 10.0]),
    )
    if random.random() < 0.6:
        needs = Needs()
    scripts = ("true",)
    return Care(
        needs,
        random.choice([None, None, 0, 3]),
        random.choice([("memory", "time", "lost"), ("error", "lost"), ()]),
        before=scripts if random.random() < 0.15 else (),
        after=scripts if random.random() < 0.15 else (),
    )


def direct(workflow: Workflow, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a workflow, worked out from its words without any engine.

    Raises:
        ValueError: a loop that is never done.
    """
    values: dict[str, Any] = {port.name: port.default for port in workflow.inputs}
    values.update({name: value for name, value in inputs.items() if name in values})
    for name in workflow.order:
        task = workflow[name]
        given = {**task.parameters, **_read(workflow, name, values)}
        if task.scatter:
            count = len(given[task.scatter[0]])
            found = [
                _direct(task, {p: v[n] if p in task.scatter else v for p, v in given.items()})
                for n in range(count)
            ]
            for port in task.outputs:
                values[f"{name}.{port.name}"] = [one[port.name] for one in found]
        else:
            for key, value in _direct(task, given).items():
                values[f"{name}.{key}"] = value
    return _read(workflow, "", values)


def _read(workflow: Workflow, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for edge in workflow.incoming[name]:
        if edge.position is None:
            found[edge.target_port] = values[edge.source]
        else:
            found.setdefault(edge.target_port, []).append(values[edge.source])
    return found


def _direct(task: Task, given: dict[str, Any]) -> dict[str, Any]:
    action = task.action
    if isinstance(action, SubworkflowAction):
        return direct(action.workflow, given)
    if isinstance(action, ChooseAction):
        branch = action.branch(decides(given["when"]))
        if branch is None:
            return {p.name: given.get(p.name) for p in task.outputs}
        return direct(branch, given)
    if isinstance(action, LoopAction):
        for _ in range(action.most):
            found = direct(action.workflow, given)
            if found[action.until]:
                return {port.name: found[port.name] for port in task.outputs}
            given = {**given, **{name: found[name] for name in action.carried}}
        raise ValueError("never done")
    if action == PythonAction("model:grow"):
        return direct(grown(), {"x": outcome(task, given)["y"]})
    return outcome(task, given)


def decides(value: Any) -> bool:
    """How the made-up world reads a condition."""
    return bool(_flat(value) % 2)


class WorldAssembly(Assembly):
    """Conditions of numbers, so that they can go either way."""

    def decided(self, unit: Unit, part: Any, time: float) -> Decided:
        value = self.made(part).payload
        return Decided(time, unit, value if isinstance(value, bool) else decides(value))


@dataclass
class World:
    """Everything around the state: a runtime, a record, a cache, all made up; and the checks.

    Args:
        workflow: what runs.
        inputs: plain values.
        random: what happens.
        policy: how the run is to be done.
        chances: word -> how likely it is: "bad" (an attempt fails), "damaged" (an input cannot
            be read), "cancel" (the run), "cancel-one", "kill" (the engine, at any moment).
        reused: unit -> outputs that an earlier run left.
        past: what earlier sessions left.
    """

    workflow: Workflow
    inputs: Mapping[str, Any]
    random: Random
    policy: Policy
    chances: Mapping[str, float] = field(default_factory=dict)
    reused: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    past: Past = field(default_factory=Past)

    def __post_init__(self) -> None:
        self.time = max(100.0, self.past.time)
        given = {name: V(value) for name, value in self.inputs.items()}
        self.machine = Machine(self.workflow, given, CAPACITY, self.policy, self.past)
        self.assembly = WorldAssembly(WorldValues())
        self.out: dict[tuple[str, int, str], Launch] = {}
        self.launched: dict[str, Unit] = {}
        self.begun: set[tuple[str, int, str]] = set()
        self.over: list[tuple[str, int, str]] = []
        self.log: list[Event] = []
        self.open: dict[tuple[str, int], AttemptStarted] = {}
        self.succeeded: dict[str, int] = {}
        self.damages = 0
        self.doomed: set[tuple[str, int, str]] = set()
        """Assignments whose worker is gone, which nobody has told yet."""
        self.wrote: set[tuple[str, int]] = set()
        """Attempts whose main part ended well."""
        self.killed = False

    def play(self, most: int = 4000) -> None:
        """Lets things happen until the run is over. AssertionError for one that never is."""
        self.machine.begin(self.time)
        self._act()
        for _ in range(most):
            if self.machine.finished:
                break
            if self.random.random() < self.chances.get("kill", 0.0):
                self.killed = True
                return
            self.time += self.random.choice([0.0, 0.01, 1.0])
            self._happen()
            self._act()
        assert self.machine.finished, f"the run never ends: {self.machine.counts}"
        assert not self.out, f"still running: {list(self.out)}"
        assert not self.open, f"attempts that never ended: {list(self.open)}"

    def _happen(self) -> None:
        random, chances = self.random, self.chances
        if random.random() < chances.get("cancel", 0.0):
            self.machine.feed(CancelAsked(self.time))
        if random.random() < chances.get("cancel-one", 0.0):
            self.machine.feed(CancelAsked(self.time, random.choice(["t0", "t1/t0", "t2[0]", "t3"])))
        if self.over and random.random() < 0.1:  # what is over is told again
            self._end(random.choice(self.over), known=False)
        if not self.out:
            due = self.machine.due()
            if due is not None:
                self.time = max(self.time, due)
            return
        ticket = random.choice(list(self.out))
        if ticket not in self.begun and random.random() < 0.8:
            self.begun.add(ticket)
            self.machine.feed(Began(self.time, ticket, "worker", "host", 1))
            return
        if random.random() < 0.1:
            self.machine.feed(Progressed(self.time, ticket, {"loss": 1.0}))
        self._end(ticket)

    def _end(self, ticket: tuple[str, int, str], known: bool = True) -> None:
        launch = self.out.pop(ticket, None)
        if launch is None:
            report = Report(ticket, 0.0, "succeeded", {"y": V("a ghost")})
            self.machine.feed(Ended(self.time, ticket, report))
            return
        assert known
        self.over.append(ticket)
        self.machine.feed(self._ended(ticket, launch))

    def _ended(self, ticket: tuple[str, int, str], launch: Launch) -> Ended:
        unit = launch.unit
        if self._is_broken(unit):
            error = {"cause": "the stream ended too early", "kind": "BrokenStreamError"}
            return Ended(self.time, ticket, Report(ticket, 0.0, "failed", error=error))
        if ticket in self.doomed or self.random.random() < self.chances.get("bad", 0.0):
            status = self.random.choice(["failed", "timeout", "memory", "lost", "cancelled"])
            report = Report(ticket, 0.0, status, error={"cause": status})
            return Ended(self.time, ticket, report)
        if launch.part != MAIN:
            return Ended(self.time, ticket, Report(ticket, 0.0, "succeeded"))
        made = [value for value in unit.arguments.values() if isinstance(value, V)]
        if made and self.damages < 5 and self.random.random() < self.chances.get("damaged", 0.0):
            self.damages += 1
            notice = ("artifact damaged", self.random.choice(made).digest)
            return Ended(self.time, ticket, Report(ticket, 0.0, "lost", notices=[notice]))
        given = {port: self._seen(value) for port, value in unit.arguments.items()}
        self.wrote.add((unit.name, unit.attempt))
        outputs = {port: V(value) for port, value in outcome(unit.node.task, given).items()}
        if unit.node.task.action == PythonAction("model:grow"):
            report = Report(ticket, 0.0, "succeeded", expansion=({"is": "grown"}, {}))
            return Ended(self.time, ticket, report, {}, (grown(), {"x": outputs["y"]}))
        return Ended(self.time, ticket, Report(ticket, 0.0, "succeeded", outputs))

    def _is_broken(self, unit: Unit) -> bool:
        """Whether a unit reads a stream whose writer is gone, told or not told yet."""
        for value in unit.arguments.values():
            if isinstance(value, Flowing) and (value.unit, value.attempt) not in self.wrote:
                writer = (value.unit, value.attempt, MAIN)
                if writer not in self.out:
                    return True
                if self.random.random() < self.chances.get("bad", 0.0):
                    self.doomed.add(writer)
                    return True
        return False

    def _seen(self, value: Any) -> Any:
        """A stream that is still written will hold what its writer gives in the end."""
        if isinstance(value, Flowing):
            writer = self.launched[value.unit]
            given = {port: self._seen(v) for port, v in writer.arguments.items()}
            return outcome(writer.node.task, given)[value.port]
        return value.payload

    def _act(self) -> None:
        machine = self.machine
        machine.schedule(self.time)
        while actions := machine.taken():
            for action in actions:
                self._do(action)
            machine.schedule(self.time)

    def _do(self, action: Action) -> None:
        if isinstance(action, Record):
            self._write(action.event)
        elif isinstance(action, Launch):
            self._launch(action)
        elif isinstance(action, Stop):
            known = action.ticket in self.out or action.ticket in self.over
            assert known, f"{action.ticket} is stopped and never ran"
        elif isinstance(action, Assemble):
            self.machine.feed(self.assembly.assembled(action.node, self.time))
        elif isinstance(action, Decide):
            self.machine.feed(self.assembly.decided(action.unit, action.value, self.time))
        elif isinstance(action, Ask):
            found = self.reused.get(action.unit.name)
            reason = "reused" if found is not None else "not run before"
            recall = Recall("key", "recipe", reason, found, "earlier")
            self.machine.feed(Answered(self.time, action.unit, recall))

    def _launch(self, action: Launch) -> None:
        unit = action.unit
        assert unit.ticket not in self.out, f"{unit.ticket} is started twice"
        assert (unit.name, unit.attempt) in self.open, f"{unit.name} runs before it is written"
        names = {port.name for port in unit.node.task.inputs}
        assert set(unit.arguments) == names, f"{unit.name} lacks inputs: {set(unit.arguments)}"
        assert all(map(is_made, unit.arguments.values())), f"{unit.name}: an input is not made"
        self.out[unit.ticket] = action
        self.launched[unit.name] = unit
        for value in unit.arguments.values():
            if isinstance(value, Flowing):
                assert (value.unit, value.attempt, MAIN) in self.begun, f"{value.unit} never began"
        self._count_slots()

    def _count_slots(self) -> None:
        mains = [one.unit for one in self.out.values() if one.part == MAIN]
        assert sum(unit.needs.cpus for unit in mains) <= CAPACITY.cpus + 1e-6
        assert sum(unit.needs.memory or 0 for unit in mains) <= CAPACITY.memory
        for gpu in GPUS:
            parts = [u.share.part for u in mains if u.share is not None and gpu in u.share.gpus]
            assert sum(parts) <= 1 + 1e-6, f"device {gpu} is given {parts}"

    def _write(self, event: Event) -> None:
        self.log.append(event)
        if isinstance(event, AttemptStarted):
            key = (event.task, event.attempt)
            assert key not in self.open, f"{key} begins twice"
            assert event.attempt > self.past.attempts.get(event.task, 0), f"{key}: a used number"
            assert not any(name == event.task for name, _ in self.open), f"{key} overlaps another"
            self.open[key] = event
        elif isinstance(event, AttemptEnded):
            del self.open[event.task, event.attempt]
            if event.status == "succeeded":
                self.succeeded[event.task] = self.succeeded.get(event.task, 0) + 1
        elif isinstance(event, TaskReused):
            self.succeeded[event.task] = self.succeeded.get(event.task, 0) + 1

    def outputs(self) -> dict[str, Any]:
        """The outputs of the run, as plain values."""
        found = self.machine.outputs()
        return {name: self.assembly.made(part).payload for name, part in found.items()}
