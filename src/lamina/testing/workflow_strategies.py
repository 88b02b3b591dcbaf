"""Hypothesis strategies that draw valid workflows, for property tests of documents and graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from lamina.workflow.actions.base import Action
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.actions.loop import LoopAction
from lamina.workflow.actions.named import NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Edge, Port, Task, Workflow
from lamina.workflow.needs import PLAIN, REASONS, Care, Needs
from lamina.workflow.types import ANY, PortType, list_of, port_type

names = st.sampled_from(
    ["a", "b", "c", "x", "no", "on", "_", "y", "in", "do", "A-1", "task_2", "N", "e1"]
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain_values: st.SearchStrategy[Any] = st.recursive(
    texts
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.sampled_from(["no", "1e-3", "~", "2020-01-01", "- a", "a: b", "#", "{x}", "\t", "0o7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
types = st.sampled_from(
    [
        *map(port_type, ("any", "int", "float", "str", "json", "file", "table", "list[int]")),
        *map(port_type, ("stream[int]", "stream[table]")),
    ]
)
cares = st.builds(
    Care,
    st.builds(
        Needs,
        st.sampled_from([0.0, 0.5, 1.0, 1.0, 4.0]),
        st.none() | st.integers(1, 2**45),
        st.sampled_from([0.0, 0.0, 0.25, 2.0]),
        st.none() | st.integers(1, 10**6).map(float) | st.floats(0.001, 1e6),
    ),
    st.none() | st.integers(0, 9),
    st.lists(st.sampled_from(REASONS), unique=True).map(tuple),
    st.booleans(),
    st.booleans(),
    st.lists(texts, max_size=2).map(lambda rest: ("prog", *rest) if rest else ()),
    st.sampled_from([(), ("prog",), ("prog", "--x")]),
    st.sampled_from([(), ("TOKEN",), ("A", "B")]),
    st.sampled_from([(), ("LANG",)]),
)
ports = st.builds(Port, names, types, st.booleans())


def port_lists(smallest: int = 0, largest: int = 3) -> st.SearchStrategy[tuple[Port, ...]]:
    """Ports with different names."""
    return st.lists(
        ports, min_size=smallest, max_size=largest, unique_by=lambda port: port.name
    ).map(tuple)


@st.composite
def workflows(draw: st.DrawFn, depth: int = 1) -> Workflow:
    """A valid workflow with every kind of action, scatter, lists of edges and parameters."""
    chosen = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    cut = draw(st.integers(0, len(chosen) - 1))
    inputs = tuple(_input(draw, name) for name in chosen[:cut])
    sources: list[tuple[str, PortType]] = [(port.name, port.type) for port in inputs]
    tasks: list[Task] = []
    edges: list[Edge] = []
    for name in chosen[cut:]:
        task = draw(_tasks(name, depth))
        task = replace(_wire(draw, task, sources, edges), care=draw(st.just(PLAIN) | cares))
        tasks.append(task)
        sources += [(f"{name}.{port.name}", task.gives(port)) for port in task.outputs]
    outputs = []
    if sources:
        for name in draw(st.lists(names, max_size=3, unique=True)):
            source, kind = draw(st.sampled_from(sources))
            edges.append(Edge(source, name))
            outputs.append(Port(name, draw(st.sampled_from([kind, ANY])), draw(st.booleans())))
    return Workflow(
        draw(st.sampled_from(["w", "1e3", "no", "Word count (2) v1.0+b", "007", "0x1"])),
        inputs,
        tuple(outputs),
        tuple(draw(st.permutations(tasks))),
        tuple(draw(st.permutations(edges))),
        draw(texts),
        draw(st.dictionaries(st.sampled_from([task.name for task in tasks]), _spots, max_size=2)),
    )


_spots = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))


def _input(draw: st.DrawFn, name: str) -> Port:
    if draw(st.booleans()):
        return Port(name, "json", True, draw(plain_values))
    return Port(name, draw(types), draw(st.booleans()))


@st.composite
def _tasks(draw: st.DrawFn, name: str, depth: int) -> Task:
    kinds = ["python", "command", "named", *(["workflow", "loop", "choose"] if depth else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "command":
        return _command(draw, name)
    if kind in ("loop", "choose"):
        return _controlled(draw, name, kind, draw(workflows(depth - 1)))
    action: Action = PythonAction(f"{draw(names)}.py:{draw(names)}")
    takes, gives = draw(port_lists()), draw(port_lists(0, 2))
    if kind == "named":
        action = NamedAction(draw(st.sampled_from(["split", "join", "shuffle"])))
    if kind == "workflow":
        action = SubworkflowAction(draw(workflows(depth - 1)))
    if kind != "python" and draw(st.booleans()):
        takes, gives = action.signature().inputs, action.signature().outputs
    return Task(name, action, takes, gives)


def _controlled(draw: st.DrawFn, name: str, kind: str, inner: Workflow) -> Task:
    """A loop or a condition, where the workflow inside can be one; else the workflow itself."""
    action: Action = SubworkflowAction(inner)
    ends = [port.name for port in inner.outputs if port.type == ANY]
    if kind == "loop" and ends:
        action = LoopAction(inner, draw(st.sampled_from(ends)), draw(st.integers(1, 2000)))
    elif kind == "choose":
        action = ChooseAction(inner, draw(st.sampled_from([None, inner])))
    signature = action.signature()
    task = Task(name, action, signature.inputs, signature.outputs)
    if action.mistakes(task):
        action = SubworkflowAction(inner)
        signature = action.signature()
    return Task(name, action, signature.inputs, signature.outputs)


def _command(draw: st.DrawFn, name: str) -> Task:
    found = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    cut = draw(st.integers(0, len(found)))
    takes = tuple(Port(port, draw(st.sampled_from(["file", "int", "str"]))) for port in found[:cut])
    gives = tuple(Port(port, "file") for port in found[cut:])
    literal = draw(texts).replace("{", "{{").replace("}", "}}")
    action = CommandAction(
        ("prog", literal, *(f"--x={{{port}}}" for port in found)),
        stdout=draw(st.sampled_from(["", *(port.name for port in gives)])),
        paths={port.name: draw(st.sampled_from(["a.txt", "b/c"])) for port in gives[:1]},
        environment=draw(st.dictionaries(names, texts, max_size=2)),
    )
    return Task(name, action, takes, gives)


def _wire(
    draw: st.DrawFn, task: Task, sources: list[tuple[str, PortType]], edges: list[Edge]
) -> Task:
    """Fills every port: by an edge, by a list of edges, by a parameter, or not at all."""
    scatter = tuple(
        port.name for port in task.inputs if not port.optional and draw(st.integers(0, 3)) == 0
    )
    inputs, parameters = [], {}
    for port in task.inputs:
        wanted = list_of(port.type) if port.name in scatter else port.type
        fitting = [source for source, kind in sources if kind.fits(wanted)]
        item = wanted.item()
        items = [source for source, kind in sources if item is not None and kind.fits(item)]
        way = draw(st.sampled_from(["edge", "list", "parameter", "none"]))
        if way == "edge" and fitting:
            edges.append(Edge(draw(st.sampled_from(fitting)), f"{task.name}.{port.name}"))
        elif way == "list" and items:
            for position, source in enumerate(
                draw(st.lists(st.sampled_from(items), min_size=1, max_size=3))
            ):
                edges.append(Edge(source, f"{task.name}.{port.name}", position))
        elif way == "none" and port.optional:
            pass
        else:
            value = draw(
                st.lists(plain_values, max_size=2) if port.name in scatter else plain_values
            )
            parameters[port.name] = value
            if wanted.problem(value):
                port = Port(port.name, ANY, port.optional, port.default)
        inputs.append(port)
    if isinstance(task.action, CommandAction):
        inputs = [Port(p.name, p.type, p.optional) for p in inputs]
    return Task(task.name, task.action, tuple(inputs), task.outputs, parameters, scatter)
