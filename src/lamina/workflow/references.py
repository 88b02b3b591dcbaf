"""References of documents ("data", "vote.result", lists of these) as edges and types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lamina.workflow.graph import Edge, Port, Task
from lamina.workflow.types import ANY, PortType, joined_type


class References:
    """Knows the inputs and tasks of one document.

    A task's name alone stands for its output port, where it has exactly one. The ports of `guesses`
    are not known: their name alone stands for any of them.
    """

    def __init__(
        self, inputs: Iterable[Port], tasks: Iterable[Task], guesses: Iterable[str] = ()
    ) -> None:
        self._types = {port.name: port.type for port in inputs}
        self._lone: dict[str, str] = {}
        for task in tasks:
            for port in task.outputs:
                self._types[f"{task.name}.{port.name}"] = task.gives(port)
            lone = len(task.outputs) == 1 or task.name in guesses
            if lone and task.name not in self._types:
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


def flat(sources: Iterable[Any]) -> Iterator[str]:
    """The single references in sources of any form: a text, a list, or a mapping with `from`."""
    for source in sources:
        if isinstance(source, str):
            yield source
        elif isinstance(source, dict):
            yield from flat([source.get("from", [])])
        else:
            yield from flat(source)
