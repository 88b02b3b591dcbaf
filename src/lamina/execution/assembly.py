"""Making values of parts: lists gathered, constants read, lists taken apart for a scatter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.errors import LaminaError, UsageError
from lamina.execution.failures import told
from lamina.execution.state.parts import UNMADE, Many, Told
from lamina.execution.state.words import Assemble, Assembled, Decide, Decided, Refused
from lamina.execution.values import Values
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port


class Assembly:
    """Answers the state's questions about values; each list and constant is made once.

    Args:
        values: what can be done with the values of the run.
    """

    def __init__(self, values: Values) -> None:
        self._values = values

    def assembled(self, asked: Assemble, time: float) -> Assembled | Refused:
        """The values of a task's ports, and the items of those that are scattered."""
        node = asked.node
        arguments: dict[str, Any] = {}
        lists: dict[str, list[Any]] = {}
        try:
            for port, part in node.parts.items():
                try:
                    if port in node.task.scatter:
                        lists[port] = self._items(part)
                    else:
                        arguments[port] = self.made(part)
                except UsageError as error:
                    error.message = f"port {port!r} {error.message}"
                    raise
            items = _one_by_one(lists) if node.task.scatter else None
        except LaminaError as error:
            return Refused(time, node, told(error), error, asked.question)
        return Assembled(time, node, arguments, items, asked.question)

    def decided(self, asked: Decide, time: float) -> Decided | Refused:
        """Whether a condition holds."""
        try:
            value = self._values.plain(self.made(asked.value))
            if not (isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")):
                raise UsageError(
                    f"its condition is {value!r:.60}, which is no bool", "give true or false"
                )
        except LaminaError as error:
            return Refused(time, asked.unit, told(error), error, asked.question)
        return Decided(time, asked.unit, bool(value), asked.question)

    def outputs(self, workflow: Workflow, parts: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs of a run, as far as their parts are there. Raises LaminaError."""
        found = {}
        for port in workflow.outputs:
            if port.name in parts:
                try:
                    found[port.name] = self._values.leaving(self.made(parts[port.name]), port)
                except UsageError as error:
                    error.message = f"output {port.name!r} {error.message}"
                    raise
        return found

    def made(self, part: Any) -> Any:
        """The value of a part."""
        if type(part) is Told:
            if part.made is UNMADE:
                port = Port("value", part.kind, part.optional)
                part.made = self._values.constant(part.value, port, part.folder)
            return part.made
        if type(part) is Many:
            if part.made is UNMADE:
                part.made = self._values.gather([self.made(one) for one in part.parts])
            return part.made
        return part

    def _items(self, part: Any) -> list[Any]:
        """What a scatter gives its units; a list that is not gathered yet never is for that."""
        if type(part) is Many:
            return [self.made(one) for one in part.parts]
        return self._values.items(self.made(part))


def _one_by_one(lists: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    lengths = {port: len(items) for port, items in lists.items()}
    if len(set(lengths.values())) > 1:
        sizes = ", ".join(f"{port} has {size}" for port, size in lengths.items())
        raise UsageError(f"its scattered lists differ in length: {sizes}")
    names = list(lists)
    return [dict(zip(names, items, strict=True)) for items in zip(*lists.values(), strict=True)]
