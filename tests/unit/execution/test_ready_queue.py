"""The line of ready units: the oldest first, smaller ones while a large one does not fit."""

from __future__ import annotations

from typing import Any, cast

from lamina.execution.runtimes.base import Capacity
from lamina.execution.slots import Share, Slots
from lamina.execution.state.frames import Unit
from lamina.execution.state.queue import PATIENCE, ReadyQueue
from lamina.workflow.needs import Needs

SMALL, LARGE = Needs(1.0), Needs(2.0)


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def unit(name: str) -> Unit:
    return cast("Unit", cast("Any", Named(name)))


def names(started: list[tuple[Unit, Share]]) -> list[str]:
    return [one.name for one, _ in started]


def test_the_oldest_runs_first_whatever_it_needs() -> None:
    queue = ReadyQueue(Slots(Capacity(4.0, 1)))
    for name, needs in [("a", SMALL), ("b", LARGE), ("c", SMALL), ("d", SMALL)]:
        queue.put(unit(name), needs)
    assert names(list(queue.started())) == ["a", "b", "c"]
    assert len(queue) == 1


def test_a_small_one_overtakes_a_large_one_that_does_not_fit_but_not_for_ever() -> None:
    slots = Slots(Capacity(2.0, 1))
    queue = ReadyQueue(slots)
    queue.put(unit("first"), SMALL)
    ((_, share),) = list(queue.started())
    queue.put(unit("large"), LARGE)
    overtaken = 0
    for number in range(2 * PATIENCE):
        queue.put(unit(str(number)), SMALL)
        for _, small in list(queue.started()):
            overtaken += 1
            slots.give(small)
    assert overtaken == PATIENCE
    slots.give(share)
    assert names(list(queue.started())) == ["large"]


def test_units_can_be_taken_out() -> None:
    queue = ReadyQueue(Slots(Capacity(9.0, 1)))
    for name in "abcd":
        queue.put(unit(name), SMALL if name < "c" else LARGE)
    queue.without({"a", "c", "d"})
    assert (len(queue), names(list(queue.started()))) == (1, ["b"])
    queue.put(unit("e"), SMALL)
    assert [one.name for one in queue.units()] == ["e"]
    queue.clear()
    assert not list(queue.started())
