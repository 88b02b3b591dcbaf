"""Values that got lost or damaged: their producers run again, then those who need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lamina.execution.state.frames import Frame, Node, Unit
from lamina.execution.state.parts import UNMADE, Many, Told
from lamina.execution.state.words import Assembled, Refused

if TYPE_CHECKING:
    from lamina.execution.state.machine import Machine

MOST = 3
"""How often one unit may wait for an input to be made again."""


class Rebuilds:
    """Knows who made what, in runs whose values can be read again later."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._made: list[Unit] = []
        self._waiting: dict[str, list[Unit]] = {}
        """Unit that runs again -> units that wait for it."""
        self._renewing: dict[Node, list[Unit]] = {}
        """Task whose arguments are made again -> units that wait for them."""
        self._places: dict[Node, Unit] = {}
        """Task that has no units yet -> what waits in their place."""
        self._changed: dict[Any, Any] = {}
        """Value that was lost -> the one that came in its place, where they differ."""

    def keep(self, unit: Unit) -> None:
        """A unit has its outputs."""
        self._made.append(unit)

    def spoilt(self, node: Node, digest: str, time: float) -> str:
        """A task cannot be divided, since a value cannot be read: as `damaged`, for all of it."""
        place = self._places.get(node)
        if place is None:
            place = self._places[node] = Unit(node, node.name, {}, 0)
        place.state = "unready"
        self._renewing.pop(node, None)
        return self.damaged(place, frozenset([digest]), time)

    def damaged(self, unit: Unit, digests: frozenset[str], time: float) -> str:
        """Makes an input again: empty when that is under way, else why it is not."""
        unit.rebuilds += 1
        if unit.rebuilds > MOST:
            return f"an input could not be read, and was made again {MOST} times"
        producers = self._producers(unit, digests)
        if not producers:
            if not any(isinstance(part, (Told, Many)) for part in unit.node.parts.values()):
                return "an input is damaged, and no task of this run makes it"
            self.renew(unit, time)
            return ""
        for producer in producers:
            self._waiting.setdefault(producer.name, []).append(unit)
            unit.waits += 1
            if _is_done(producer):
                producer.reason = "its output was damaged"
                self._machine.attempts.offer(producer, time, recall=False)
        return ""

    def _producers(self, unit: Unit, digests: frozenset[str]) -> list[Unit]:
        """One that made the damaged value, or all that made something that this unit reads."""
        holds = self._machine.policy.holds
        waiting = self._those_that_wait_for(unit)
        there = [
            made
            for made in self._made
            if made.name not in waiting and (made.name in self._waiting or _is_done(made))
        ]
        for made in there:
            if any(holds(value, digests) for value in (made.outputs or {}).values()):
                return [made]
        read = set(_values(unit.node.parts.values()))
        return [made for made in there if not read.isdisjoint((made.outputs or {}).values())]

    def _those_that_wait_for(self, unit: Unit) -> set[str]:
        """Names of the units that cannot run before this one has: none of them can help it.

        A value may have been made twice, once by a unit that needs this one.
        """
        found = [unit.name]
        for name in found:  # grows while it is read
            readers = self._waiting.get(name, ())
            found += [reader.name for reader in readers if reader.name not in found]
        return set(found)

    def remade(self, unit: Unit, outputs: Mapping[str, Any], time: float) -> bool:
        """Whether the unit ran because others wait for its outputs; they go on now."""
        waiting = self._waiting.pop(unit.name, None)
        if waiting is None:
            return False
        for port, old in (unit.outputs or {}).items():
            if old != outputs.get(port, old):
                self._changed[old] = outputs[port]
        unit.outputs = outputs
        unit.node.results[unit.index] = outputs
        if not unit.node.missing and not unit.node.failed:
            self._publish(unit.node)
        for reader in waiting:
            reader.waits -= 1
            if not reader.waits and reader.state == "unready":
                self.renew(reader, time)
        return True

    def _publish(self, node: Node) -> None:
        """Puts outputs in their places again, also those of the workflows around."""
        self._machine.traversal.publish(node)
        frame, owner = node.frame, node.frame.owner
        if owner is None or frame.left >= 0 or frame.broken or owner.outputs is None:
            return
        outputs = self._machine.composites.outputs_of(owner, frame)
        if outputs is not None:
            owner.outputs = outputs
            owner.node.results[owner.index] = outputs
            if not owner.node.missing and not owner.node.failed:
                self._publish(owner.node)

    def renew(self, unit: Unit, time: float) -> None:
        """The arguments of a unit are put together again."""
        node = unit.node
        if self._changed:
            self._replace(node.frame)
        plain = node.collect()
        if plain and node not in self._places:
            unit.arguments = node.parts
            self._machine.attempts.offer(unit, time, recall=False)
            return
        for part in node.parts.values():
            if isinstance(part, (Told, Many)):
                part.made = UNMADE
        self._renewing.setdefault(node, []).append(unit)
        self._machine.assemble(node)

    def _replace(self, frame: Frame | None) -> None:
        """Inputs of the workflows around a unit that came from a value that is another now."""
        while frame is not None:
            for name, value in frame.values.items():
                if not isinstance(value, (Told, Many)):
                    frame.values[name] = self._changed.get(value, value)
            frame = frame.owner.node.frame if frame.owner is not None else None

    def assembled(self, event: Assembled) -> bool:
        """Whether these arguments were made again for units that wait."""
        waiting = self._renewing.pop(event.node, None)
        if waiting is None or self._places.pop(event.node, None) is not None:
            return False
        for unit in waiting:
            item = event.items[unit.index] if event.items is not None else {}
            unit.arguments = {**event.arguments, **item}
            self._machine.attempts.offer(unit, event.time, recall=False)
        return True

    def refused(self, node: Node, event: Refused) -> bool:
        """Whether arguments were to be made again and cannot be."""
        waiting = self._renewing.pop(node, None)
        if waiting is None:
            return False
        for unit in waiting:
            self._machine.attempts.refuse(unit, event.error, event.time, event.exception)
        return True

    def given_up(self, unit: Unit, time: float) -> None:
        """A unit failed; those that wait for its outputs fail too."""
        error = {"cause": f"its input was damaged, and {unit.name} failed when run again"}
        for reader in self._waiting.pop(unit.name, ()):
            if self._places.pop(reader.node, None) is reader:
                self._machine.refuse_task(reader.node, error, time, None)
            elif reader.state == "unready":
                self._machine.attempts.refuse(reader, error, time)


def _is_done(unit: Unit) -> bool:
    return unit.state == "success"


def _values(parts: Any) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, Many):
            yield from _values(part.parts)
        elif not isinstance(part, Told):
            yield part
