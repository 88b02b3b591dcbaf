"""Workflows: tasks with named, typed ports, joined by edges; frozen, and valid once they exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Unpack

from lamina.errors import WorkflowError
from lamina.registry import Registry
from lamina.workflow.actions.base import Action
from lamina.workflow.checks import check
from lamina.workflow.needs import PLAIN, Care
from lamina.workflow.ports import Port
from lamina.workflow.types import PortType, list_of

if TYPE_CHECKING:
    from lamina.workspace.handle import Options, Run

__all__ = ["Edge", "Port", "Task", "Workflow"]


@dataclass(frozen=True)
class Task:
    """One step of a workflow.

    Args:
        name: unique among the tasks and inputs of its workflow.
        action: what it does.
        inputs: ports it reads.
        outputs: ports it fills.
        parameters: constant values of input ports; tuples become lists and paths text, as a
            document keeps them.
        scatter: input ports that get a list, of which each run of the task gets one item; the
            lists are of one length, and each output becomes a list with one item per run.
        care: what it needs of a machine, and how its attempts are treated.
    """

    name: str
    action: Action
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    scatter: tuple[str, ...] = ()
    care: Care = PLAIN

    @classmethod
    def of(
        cls,
        name: str,
        action: Action,
        parameters: Mapping[str, Any] | None = None,
        scatter: tuple[str, ...] = (),
    ) -> Task:
        """A task with the ports that follow from its action."""
        signature = action.signature()
        return cls(name, action, signature.inputs, signature.outputs, parameters or {}, scatter)

    def __post_init__(self) -> None:
        plain = {name: as_plain(value) for name, value in self.parameters.items()}
        object.__setattr__(self, "parameters", plain)

    def input(self, name: str) -> Port:
        """The input port of that name; KeyError when there is none."""
        return _named(self.inputs, name)

    def output(self, name: str) -> Port:
        """The output port of that name; KeyError when there is none."""
        return _named(self.outputs, name)

    def takes(self, port: Port) -> PortType:
        """Type of what an edge into this input port carries."""
        return list_of(port.type) if port.name in self.scatter else port.type

    def gives(self, port: Port) -> PortType:
        """Type of what an edge from this output port carries."""
        return list_of(port.type) if self.scatter else port.type


@dataclass(frozen=True)
class Edge:
    """A way from an output port to an input port.

    Args:
        source: "task.port", or the name of a workflow input.
        target: "task.port", or the name of a workflow output.
        position: place in the list that several edges into one list port make; None for an
            edge that carries the whole value.
    """

    source: str
    target: str
    position: int | None = None

    @property
    def source_task(self) -> str:
        """Name of the task it leaves; empty for a workflow input."""
        return self.source.rpartition(".")[0]

    @property
    def source_port(self) -> str:
        """Name of the port it leaves."""
        return self.source.rpartition(".")[2]

    @property
    def target_task(self) -> str:
        """Name of the task it enters; empty for a workflow output."""
        return self.target.rpartition(".")[0]

    @property
    def target_port(self) -> str:
        """Name of the port it enters."""
        return self.target.rpartition(".")[2]


@dataclass(frozen=True)
class Workflow:
    """A directed acyclic graph of tasks, valid once it exists.

    Args:
        name: for documents, drawings and messages.
        inputs: what a run is given.
        outputs: what a run gives back.
        tasks: in any order; kept as it is.
        edges: in any order; kept sorted by the port they enter.
        description: free text.
        layout: places of tasks on a canvas, by name: (x, y). Means nothing to a run.
        folder: what relative files in parameters and defaults are relative to; the current
            folder when None. Not part of equality.

    Raises:
        WorkflowError: all mistakes at once, each with the task's name and a way out.
    """

    name: str
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    tasks: tuple[Task, ...] = ()
    edges: tuple[Edge, ...] = ()
    description: str = ""
    layout: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    folder: Path | None = field(default=None, compare=False)
    order: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Names of the tasks, each after all tasks that it reads."""
    incoming: Mapping[str, tuple[Edge, ...]] = field(init=False, repr=False, compare=False)
    """Edges into each task by its name; those into the workflow's outputs under ""."""
    by_name: Mapping[str, Task] = field(init=False, repr=False, compare=False)
    """The tasks by name."""

    def __post_init__(self) -> None:
        found = check(self)
        if found.mistakes:
            raise WorkflowError(f"workflow {self.name!r} is not valid", found.mistakes)
        layout = {name: (float(x), float(y)) for name, (x, y) in self.layout.items()}
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "by_name", {task.name: task for task in self.tasks})
        object.__setattr__(self, "order", found.order)
        object.__setattr__(self, "incoming", found.incoming)
        sorted_edges = (edge for edges in found.incoming.values() for edge in edges)
        object.__setattr__(self, "edges", tuple(sorted_edges))

    def __getitem__(self, name: str) -> Task:
        return self.by_name[name]

    def __len__(self) -> int:
        return len(self.tasks)

    def input(self, name: str) -> Port:
        """The workflow input of that name; KeyError when there is none."""
        return _named(self.inputs, name)

    def output(self, name: str) -> Port:
        """The workflow output of that name; KeyError when there is none."""
        return _named(self.outputs, name)

    def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        wait: bool = True,
        **options: Unpack[Options],
    ) -> Run:
        """Runs it, with records, cache and resume; see `lamina.run`."""
        __tracebackhide__ = True
        found: Run = FRONTS.get("run")(self, inputs, wait=wait, **options)
        return found

    def _repr_html_(self) -> str:
        """A notebook shows its picture."""
        picture: str = FRONTS.get("picture")(self)
        return picture

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython shows a line."""
        del cycle
        printer.text(f"<workflow {self.name}: {len(self)} tasks>")


FRONTS: Registry[Callable[..., Any]] = Registry(
    "fronts",
    "verb of a workflow",
    {
        "picture": "lamina.workflow.draw.html:workflow_html",
        "run": "lamina.workspace.handle:run",
    },
)
"""What a workflow can do by itself; a table of names, since the parts that do it stand above."""


def as_plain(value: Any) -> Any:
    """The value with tuples as lists and paths as text, all the way down."""
    if isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [as_plain(item) for item in value]
    return str(value) if isinstance(value, PurePath) else value


def _named(ports: tuple[Port, ...], name: str) -> Port:
    for port in ports:
        if port.name == name:
            return port
    raise KeyError(name)
