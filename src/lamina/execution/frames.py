"""The state of one running workflow: which tasks are ready, and which values are on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamina.execution.values import arrived
from lamina.workflow.graph import Edge, Task, Workflow


@dataclass(eq=False)
class Unit:
    """One run of one task: the task itself, or one item of its scatter.

    Args:
        name: "sort", "count[3]" in a scatter, "inner/sort" in a sub-workflow.
    """

    frame: Frame
    task: Task
    name: str
    arguments: dict[str, Any]
    index: int = 0
    start: float = 0.0


class Frame:
    """A workflow in the middle of a run. Knows no clock, thread or disk but the paths of files.

    Args:
        workflow: what runs.
        values: its inputs.
        parent: the task that it is the inside of.
    """

    def __init__(
        self, workflow: Workflow, values: Mapping[str, Any], parent: Unit | None = None
    ) -> None:
        self.workflow = workflow
        self.parent = parent
        self._prefix = f"{parent.name}/" if parent else ""
        self._values: dict[str, Any] = dict(values)
        self._readers = Counter(edge.source for edge in workflow.edges)
        self._waiting: dict[str, int] = {}
        self._next: dict[str, list[str]] = {name: [] for name in workflow.by_name}
        self._gathered: dict[str, list[Mapping[str, Any] | None]] = {}
        self._missing: dict[str, int] = {}
        for name in workflow.by_name:
            sources = {e.source_task for e in workflow.incoming[name] if e.source_task}
            self._waiting[name] = len(sources)
            for source in sources:
                self._next[source].append(name)
        self._left = len(workflow.tasks)

    @property
    def done(self) -> bool:
        """Whether all tasks have ended."""
        return not self._left

    def first(self) -> list[str]:
        """Tasks that wait for no other."""
        return [name for name in self.workflow.order if not self._waiting[name]]

    def units(self, name: str) -> list[Unit]:
        """The runs of a ready task; none for a scatter over empty lists.

        Raises:
            ValueError: scattered lists of different lengths, or values that do not fit.
        """
        task = self.workflow.by_name[name]
        given = self._arguments(task)
        if not task.scatter:
            batches = [given]
        else:
            lengths = {port: len(given[port]) for port in task.scatter}
            if len(set(lengths.values())) > 1:
                sizes = ", ".join(f"{port} has {size}" for port, size in lengths.items())
                raise ValueError(f"its scattered lists differ in length: {sizes}")
            count = next(iter(lengths.values()))
            batches = [
                {p: v[number] if p in lengths else v for p, v in given.items()}
                for number in range(count)
            ]
        self._gathered[name] = [None] * len(batches)
        self._missing[name] = len(batches)
        return [
            Unit(self, task, self.label(name, number if task.scatter else None), batch, number)
            for number, batch in enumerate(batches)
        ]

    def label(self, name: str, number: int | None = None) -> str:
        """A task's name for messages and events."""
        return f"{self._prefix}{name}" + ("" if number is None else f"[{number}]")

    def take(self, unit: Unit, outputs: Mapping[str, Any]) -> bool:
        """Keeps the outputs of one unit; says whether it was the last of its task."""
        name = unit.task.name
        self._gathered[name][unit.index] = outputs
        self._missing[name] -= 1
        return not self._missing[name]

    def finish(self, name: str) -> list[str]:
        """Hands on the outputs of a task whose units have all ended; tasks that are ready now."""
        task = self.workflow.by_name[name]
        results = [found or {} for found in self._gathered.pop(name)]
        for port in task.outputs:
            source = f"{name}.{port.name}"
            if self._readers[source]:
                self._values[source] = (
                    [found[port.name] for found in results]
                    if task.scatter
                    else results[0][port.name]
                )
        self._left -= 1
        ready = []
        for reader in self._next[name]:
            self._waiting[reader] -= 1
            if not self._waiting[reader]:
                ready.append(reader)
        return ready

    def outputs(self) -> dict[str, Any]:
        """The workflow's outputs, once it is done. Raises ValueError for values that do not fit."""
        found = self._collected(self.workflow.incoming[""])
        for port in self.workflow.outputs:
            found[port.name], problem = arrived(port, found[port.name])
            if problem:
                raise ValueError(f"output {port.name!r} {problem}")
        return found

    def _arguments(self, task: Task) -> dict[str, Any]:
        """Values of a task's ports; optional ports that nobody fills are left out."""
        found = self._collected(self.workflow.incoming[task.name])
        given: dict[str, Any] = {}
        for port in task.inputs:
            told = port.name not in found
            if not told:
                value, folder = found[port.name], None
            elif port.name in task.parameters:
                value, folder = task.parameters[port.name], self.workflow.folder
            elif port.default is not None:
                value, folder = port.default, self.workflow.folder
            else:
                continue
            wanted = type(port)(port.name, task.takes(port), port.optional)
            given[port.name], problem = arrived(wanted, value, folder, told)
            if problem:
                raise ValueError(f"port {port.name!r} {problem}")
        return given

    def _collected(self, edges: tuple[Edge, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for edge in edges:
            value = self._values[edge.source]
            if edge.position is None:
                found[edge.target_port] = value
            else:
                found.setdefault(edge.target_port, []).append(value)
        for edge in edges:
            self._readers[edge.source] -= 1
            if not self._readers[edge.source]:
                self._values.pop(edge.source, None)
        return found
