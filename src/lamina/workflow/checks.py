"""What can be wrong with a workflow: all mistakes in one pass, at a cost linear in its size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from lamina.workflow.care import care_mistakes
from lamina.workflow.needs import PLAIN
from lamina.workflow.placed import placement_mistakes
from lamina.workflow.ports import Port
from lamina.workflow.types import PortType

if TYPE_CHECKING:
    from lamina.workflow.graph import Edge, Task, Workflow

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()-]{0,199}")
_MOST = 200
_NAME_RULE = (
    "a name has at most 100 letters (a-z), digits, '_' and '-' and begins with a letter or '_'"
)

Incoming = dict[str, tuple["Edge", ...]]


@dataclass
class Findings:
    """What a check found: mistakes, and the order and the sorted edges of a sound workflow."""

    mistakes: list[str] = field(default_factory=list)
    order: tuple[str, ...] = ()
    incoming: Incoming = field(default_factory=dict)


@dataclass
class _Index:
    """Everything by name; what is doubled is there once."""

    tasks: dict[str, Task]
    inputs: dict[str, Port]
    outputs: dict[str, Port]
    takes: dict[str, dict[str, Port]]
    gives: dict[str, dict[str, Port]]
    kinds: dict[str, PortType]
    """What an edge may come from -> type of what it carries."""


def check(workflow: Workflow) -> Findings:
    """All mistakes of a workflow, or its order; O(tasks + ports + edges)."""
    index = _index(workflow)
    findings = Findings()
    arriving, dangling = _sorted_edges(workflow, index)
    found = [*_names(workflow), *dangling]
    for task in workflow.tasks:
        found += _task(task, arriving[task.name], index)
    found += _outputs(workflow, arriving[""], index)
    findings.order, cycle = topological_order(workflow)
    found += cycle
    if len(found) > _MOST:
        found = [*found[:_MOST], f"... and {len(found) - _MOST} more"]
    findings.mistakes = found
    findings.incoming = {
        name: tuple(edge for edges in ports.values() for edge in edges)
        for name, ports in arriving.items()
    }
    return findings


def _index(workflow: Workflow) -> _Index:
    """Tasks made from one function share their ports, which are looked at once."""
    shared: dict[int, dict[str, Port]] = {}

    def by_name(ports: Sequence[Port]) -> dict[str, Port]:
        found = shared.get(id(ports))
        if found is None:
            found = shared[id(ports)] = {port.name: port for port in ports}
        return found

    kinds = {port.name: port.type for port in workflow.inputs}
    for task in workflow.tasks:
        for port in task.outputs:
            kinds[f"{task.name}.{port.name}"] = task.gives(port)
    return _Index(
        {task.name: task for task in workflow.tasks},
        {port.name: port for port in workflow.inputs},
        {port.name: port for port in workflow.outputs},
        {task.name: by_name(task.inputs) for task in workflow.tasks},
        {task.name: by_name(task.outputs) for task in workflow.tasks},
        kinds,
    )


def topological_order(workflow: Workflow) -> tuple[tuple[str, ...], list[str]]:
    """Names of the tasks, sources first, and a sentence about a cycle where there is one."""
    waiting = dict.fromkeys((task.name for task in workflow.tasks), 0)
    readers: dict[str, list[str]] = {name: [] for name in waiting}
    for edge in workflow.edges:
        source, target = edge.source.rpartition(".")[0], edge.target.rpartition(".")[0]
        if source in waiting and target in waiting:
            readers[source].append(target)
            waiting[target] += 1
    order = [name for name, count in waiting.items() if not count]
    for name in order:  # grows while it is read
        for reader in readers[name]:
            waiting[reader] -= 1
            if not waiting[reader]:
                order.append(reader)
    if len(order) == len(waiting):
        return tuple(order), []
    path = _cycle(readers, {name for name, count in waiting.items() if count})
    return (), [f"the tasks {' -> '.join(path)} form a cycle; remove one of these edges"]


def _cycle(readers: dict[str, list[str]], stuck: set[str]) -> list[str]:
    """One cycle among the tasks that never got ready, its first task again at the end."""
    before: dict[str, str] = {}
    for name in sorted(stuck):
        for reader in readers[name]:
            if reader in stuck:
                before.setdefault(reader, name)
    path, seen = [min(stuck)], {min(stuck)}
    while (name := before[path[-1]]) not in seen:
        path.append(name)
        seen.add(name)
    return [name, *reversed(path[path.index(name) + 1 :]), name]


def _names(workflow: Workflow) -> Iterator[str]:
    if not _matches(_TITLE, workflow.name):
        yield (
            f"the workflow's name {workflow.name!r} is not allowed; it begins with a letter or "
            "digit and has letters, digits, spaces and . _ + - ( )"
        )
    yield from _bad_names(workflow.inputs, "workflow input")
    yield from _bad_names(workflow.outputs, "workflow output")
    yield from _task_names(workflow)
    together = [port.name for port in workflow.inputs] + [task.name for task in workflow.tasks]
    for name, count in Counter(together).items():
        if count > 1:
            yield (
                f"the name {name!r} stands {count} times among tasks and workflow inputs; "
                "give each its own name"
            )
    for name in workflow.layout:
        if name not in together and name not in {port.name for port in workflow.outputs}:
            yield f"the layout places {name!r}, which does not exist; remove it from the layout"


def _task_names(workflow: Workflow) -> Iterator[str]:
    sound: set[int] = set()
    for task in workflow.tasks:
        if not _matches(_NAME, task.name):
            yield f"task {task.name!r}: the name is not allowed; {_NAME_RULE}"
        for ports, which in ((task.inputs, "input"), (task.outputs, "output")):
            if id(ports) not in sound:  # tasks made from one function share their ports
                bad = list(_bad_names(ports, f"task {task.name!r}: {which} port"))
                yield from bad
                if not bad:
                    sound.add(id(ports))


def _matches(pattern: re.Pattern[str], name: object) -> bool:
    """Whether a name is allowed; a document may give a number or nothing for one."""
    return isinstance(name, str) and pattern.fullmatch(name) is not None


def _bad_names(ports: Sequence[Port], what: str) -> Iterator[str]:
    for port in ports:
        if not _matches(_NAME, port.name):
            yield f"{what} {port.name!r}: the name is not allowed; {_NAME_RULE}"
    if len({port.name for port in ports}) < len(ports) and "workflow input" not in what:
        for name, count in Counter(port.name for port in ports).items():
            if count > 1:
                yield f"{what} {name!r} stands {count} times; give each port its own name"


Arriving = dict[str, dict[str, list["Edge"]]]


def _sorted_edges(workflow: Workflow, index: _Index) -> tuple[Arriving, list[str]]:
    """Edges by the task and port they enter, in order, and the edges that hang in the air."""
    arriving: Arriving = {name: {port: [] for port in takes} for name, takes in index.takes.items()}
    arriving[""] = {port: [] for port in index.outputs}
    dangling: list[str] = []
    for edge in workflow.edges:
        task, _, port = edge.target.rpartition(".")
        if task in arriving and port in arriving[task]:
            arriving[task][port].append(edge)
        else:
            dangling.append(_no_target(edge, index))
        if edge.source not in index.kinds:
            dangling.append(_no_source(edge, index))
    for ports in arriving.values():
        for edges in ports.values():
            if len(edges) > 1:
                edges.sort(key=lambda edge: -1 if edge.position is None else edge.position)
    return arriving, dangling


def _no_target(edge: Edge, index: _Index) -> str:
    task = edge.target_task
    if not task:
        return (
            f"the edge {edge.source} -> {edge.target} leads to no workflow output; "
            f"{_choice(edge.target_port, index.outputs, 'outputs')}"
        )
    if task not in index.tasks:
        return (
            f"the edge {edge.source} -> {edge.target} leads to task {task!r}, which does not "
            f"exist; {_choice(task, index.tasks, 'tasks')}"
        )
    return (
        f"task {task!r}: has no input port {edge.target_port!r}; "
        f"{_choice(edge.target_port, index.takes[task], 'input ports')}"
    )


def _no_source(edge: Edge, index: _Index) -> str:
    task, port = edge.source_task, edge.source_port
    where = f"task {edge.target_task!r}" if edge.target_task else "workflow output"
    where = (
        f"{where}: port {edge.target_port!r}"
        if edge.target_task
        else (f"{where} {edge.target_port!r}")
    )
    if not task:
        if port in index.tasks:
            return (
                f"{where} reads {port!r}, which is a task; name one of its output ports: "
                f"{', '.join(f'{port}.{name}' for name in index.gives[port]) or 'it has none'}"
            )
        known = [*index.inputs, *index.tasks]
        return (
            f"{where} reads {port!r}, which is no workflow input; "
            f"{_choice(port, known, 'inputs and tasks')}"
        )
    if task not in index.tasks:
        return (
            f"{where} reads {edge.source!r}, and task {task!r} does not exist; "
            f"{_choice(task, index.tasks, 'tasks')}"
        )
    return (
        f"{where} reads {edge.source!r}, and task {task!r} has no output port {port!r}; "
        f"{_choice(port, index.gives[task], 'output ports')}"
    )


def _choice(name: str, known: Iterable[str], what: str) -> str:
    """The nearest known name and, when they are few, all of them."""
    names = [one for one in known if isinstance(one, str)]
    if not names:
        return f"there are no {what}"
    near = get_close_matches(name, names, n=1) if len(names) <= 2000 else []
    listed = ", ".join(sorted(names)[:20]) + (", ..." if len(names) > 20 else "")
    return (f"did you mean {near[0]!r}? " if near else "") + f"{what}: {listed}"


def _task(task: Task, arriving: dict[str, list[Edge]], index: _Index) -> Iterator[str]:
    who = f"task {task.name!r}"
    takes = index.takes[task.name]
    for name in (*task.parameters, *task.scatter):
        if name not in takes:
            word = "parameter" if name in task.parameters else "scatter port"
            yield f"{who}: {word} {name!r} is no input port; {_choice(name, takes, 'input ports')}"
    for port in task.inputs:
        edges = arriving[port.name]
        if not _is_plain(task, port, edges, index):
            yield from _filled(task, port, edges)
            yield from _mistyped(task, port, edges, index)
    if len(set(task.scatter)) < len(task.scatter):
        yield f"{who}: scatter names a port twice; name each port once"
    for problem in task.action.mistakes(task):
        yield f"{who}: {problem}"
    if task.care is not PLAIN:
        found = care_mistakes(task.care, [*takes, *index.gives[task.name]])
        yield from (f"{who}: {problem}" for problem in found)
        yield from (f"{who}: placement: {problem}" for problem in placement_mistakes(task))


def _mistyped(task: Task, port: Port, edges: list[Edge], index: _Index) -> Iterator[str]:
    who = f"task {task.name!r}: port {port.name!r}"
    for line in _types(who, task.takes(port), edges, index):
        yield _declared(line, task, port, edges, index)


def _is_plain(task: Task, port: Port, edges: list[Edge], index: _Index) -> bool:
    """Whether a port is filled by one edge of just its type, as nearly all are."""
    return (
        len(edges) == 1
        and edges[0].position is None
        and not task.scatter
        and port.name not in task.parameters
        and index.kinds.get(edges[0].source) == port.type
    )


def _filled(task: Task, port: Port, edges: list[Edge]) -> Iterator[str]:
    who = f"task {task.name!r}: port {port.name!r}"
    if port.name in task.parameters:
        if edges:
            yield f"{who} has an edge and a parameter; remove one of them"
        value = task.parameters[port.name]
        wanted = task.takes(port)
        problem = "" if value is None and port.optional else wanted.problem(value, told=True)
        if problem:
            yield f"{who} needs {wanted}; the parameter {problem}"
    elif not edges and not port.optional:
        yield f"{who} needs a value ({port.type}); wire it, or give a parameter"
    elif not edges and port.name in task.scatter:
        yield f"{who} is scattered and has no value; wire it, or take it out of scatter"


def _outputs(workflow: Workflow, arriving: dict[str, list[Edge]], index: _Index) -> Iterator[str]:
    for port in workflow.outputs:
        edges = arriving[port.name]
        who = f"workflow output {port.name!r}"
        if not edges:
            yield f"{who} has no source; wire a task's output port to it"
        yield from _types(who, port.type, edges, index)


def _types(who: str, wanted: PortType, edges: list[Edge], index: _Index) -> Iterator[str]:
    if not edges:
        return
    positions = [edge.position for edge in edges]
    if len(edges) > 1 and None in positions:
        sources = " and ".join(edge.source for edge in edges[:3])
        yield f"{who} has {len(edges)} edges ({sources}); keep one, or make a list of them"
        return
    if positions != [None]:
        if positions != list(range(len(positions))):
            yield f"{who}: the positions of its list are {positions}; number them 0, 1, 2, ..."
        item = wanted.item()
        if item is None:
            yield f"{who} needs {wanted}, not a list; wire one value"
            return
        wanted = item
    for edge in edges:
        given = index.kinds.get(edge.source)
        if given is not None and given is not wanted and not given.fits(wanted):
            yield f"{who} needs {wanted}; it gets {given} from {edge.source}" + _remedy(
                given, wanted
            )


def _remedy(given: PortType, wanted: PortType) -> str:
    if given.of and given.of.fits(wanted):
        return "; scatter over this port, or join the items first"
    if wanted.of and given.fits(wanted.of):
        return "; wire a list of one: [it]"
    return _CONVERT


_CONVERT = "; wire another port, or put a task between that converts it"


def _declared(line: str, task: Task, port: Port, edges: list[Edge], index: _Index) -> str:
    """A place in a command is a file until another type is declared: said where that may help."""
    given = index.kinds.get(edges[0].source) if len(edges) == 1 else None
    if given is None or task.action.kind != "command" or not line.endswith(_CONVERT):
        return line
    said = f'"{given}"' if given.of else str(given)
    return (
        line.removesuffix(_CONVERT) + f"; if the program takes its value as an argument, "
        f"declare takes: {{{port.name}: {said}}}"
    )
