"""Units that read a stream while it is written: they start early, and count after its writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lamina.execution.state.frames import Node, Unit
from lamina.execution.state.parts import Flowing

if TYPE_CHECKING:
    from lamina.execution.state.machine import Machine

BROKEN = "the stream that it reads broke off"
"""Why a reader is ended whose writer failed."""

KIND = "BrokenStreamError"
"""Kind of the error of a reader that saw its writer go before the writer's end was told."""


class Streams:
    """Knows which units write streams now, and who reads them meanwhile.

    A reader runs on what an attempt of its writer has written so far. When that attempt fails,
    all that its readers did is void: they are ended, and begin again with the writer's next
    attempt. What a reader did counts once its writer has ended well.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._writing: dict[str, int] = {}
        """Units that write a stream now -> number of their attempt."""
        self._readers: dict[str, list[Unit]] = {}
        """Writer -> units that read it while it runs, or wait for its next attempt."""

    def began(self, unit: Unit, time: float) -> None:
        """A unit runs: tasks that lack nothing but its streams can start."""
        node, name = unit.node, unit.node.task.name
        readers = node.frame.plan.early.get(name)
        if not readers or not node.missing:
            return
        frame = node.frame
        for port, source in frame.plan.feeds[name]:
            if node.task.output(port).type.streams:
                frame.values[source] = Flowing(unit.name, unit.attempt, port)
        self._writing[unit.name] = unit.attempt
        if name not in frame.early:
            frame.early[name] = readers
            for reader in readers:
                self._machine.traversal.one_less(frame, reader)
        for follower in list(self._readers.get(unit.name, ())):
            self.resume(follower, time)

    def offered(self, unit: Unit) -> bool:
        """A unit has its arguments; whether all streams among them are being written."""
        flowing = [value for value in unit.arguments.values() if type(value) is Flowing]
        unit.follows = {value.unit for value in flowing}
        for writer in unit.follows:
            readers = self._readers.setdefault(writer, [])
            if unit not in readers:
                readers.append(unit)
        unit.suspended = not all(map(self._is_written, flowing))
        return not unit.suspended

    def _is_written(self, part: Any) -> bool:
        return type(part) is not Flowing or self._writing.get(part.unit) == part.attempt

    def failed(self, unit: Unit, time: float) -> None:
        """An attempt of a unit failed: its readers are ended."""
        self._writing.pop(unit.name, None)
        for reader in list(self._readers.get(unit.name, ())):
            self._machine.attempts.suspend(reader, time)

    def whole(self, node: Node, outputs: Mapping[str, Any], time: float) -> None:
        """A writer has ended well, and its outputs are where its readers look."""
        for writer in node.units:
            self._writing.pop(writer.name, None)
            for reader in self._readers.pop(writer.name, ()):
                reader.follows.discard(writer.name)
                reader.arguments = {
                    port: _settled(value, writer.name, outputs)
                    for port, value in reader.arguments.items()
                }
                if not reader.follows:
                    self._machine.attempts.release(reader, time)
                self.resume(reader, time)

    def resume(self, reader: Unit, time: float) -> None:
        """Begins a reader again that was ended, if all that it reads is there or being written."""
        if not reader.suspended or reader.state != "unready" or self._machine.book.stopping:
            return
        node = reader.node
        if node.task.name in node.frame.broken:
            return
        node.collect()
        if all(map(self._is_written, node.parts.values())):
            reader.suspended = False
            self._machine.renew(reader, time)


def _settled(value: Any, writer: str, outputs: Mapping[str, Any]) -> Any:
    if type(value) is Flowing and value.unit == writer:
        return outputs[value.port]
    return value
