"""Made-up workflows, and what they give, to hold the state of a run to its promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from lamina.execution.runtimes.base import Capacity
from lamina.execution.values import Values
from lamina.workflow.actions.base import Action as Does
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.loop import LoopAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Edge, Port, Task, Workflow
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
        values.update(_given(workflow, name, values))
    return _read(workflow, "", values)


def _given(workflow: Workflow, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a task gives, by source."""
    task = workflow[name]
    given = {**task.parameters, **_read(workflow, name, values)}
    if not task.scatter:
        return {f"{name}.{key}": value for key, value in _direct(task, given).items()}
    found = [
        _direct(task, {p: v[n] if p in task.scatter else v for p, v in given.items()})
        for n in range(len(given[task.scatter[0]]))
    ]
    return {f"{name}.{port.name}": [one[port.name] for one in found] for port in task.outputs}


def partly(
    workflow: Workflow, inputs: Mapping[str, Any], failed: Iterable[str] = ()
) -> dict[str, Any]:
    """The outputs that need none of these tasks, nor a loop that is never done."""
    broken = set(failed)
    values: dict[str, Any] = {port.name: port.default for port in workflow.inputs}
    values.update({name: value for name, value in inputs.items() if name in values})
    for name in workflow.order:
        sources = {edge.source_task for edge in workflow.incoming[name]}
        if name in broken or sources & broken:
            broken.add(name)
            continue
        try:
            values.update(_given(workflow, name, values))
        except ValueError:
            broken.add(name)
    outputs = [edge for edge in workflow.incoming[""] if edge.source_task not in broken]
    return {edge.target_port: values[edge.source] for edge in outputs}


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
