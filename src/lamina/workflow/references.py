"""References of documents ("data", "vote.result", lists of these) as edges and types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lamina.workflow.graph import Edge, Port, Task
from lamina.workflow.types import ANY, PortType, joined_type


class References:
    """Knows the inputs and tasks of one document.

    A task's name alone stands for its output port, where it has exactly one.
    """

    def __init__(self, inputs: Iterable[Port], tasks: Iterable[Task]) -> None:
        self._types = {port.name: port.type for port in inputs}
        self._lone: dict[str, str] = {}
        for task in tasks:
            for port in task.outputs:
                self._types[f"{task.name}.{port.name}"] = task.gives(port)
            if len(task.outputs) == 1 and task.name not in self._types:
                self._lone[task.name] = f"{task.name}.{task.outputs[0].name}"

    def edges(self, source: Any, target: str) -> Iterator[Edge]:
        """The edge of one reference, or the edges of a list of them."""
        if isinstance(source, list):
            for position, name in enumerate(source):
                yield Edge(self._lone.get(name, name), target, position)
        else:
            yield Edge(self._lone.get(source, source), target)

    def type_of(self, source: Any) -> PortType:
        """Type of what a reference carries; any, where it leads nowhere."""
        many = isinstance(source, list)
        names = source if many else [source]
        kinds = [self._types.get(self._lone.get(name, name), ANY) for name in names]
        return joined_type(kinds, many)
