"""What a unit costs does not grow with the run: chains, wide runs, whole lists for many readers."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from run_models import WorldValues
from run_worlds import World

from lamina.execution.past import Past
from lamina.execution.runtimes.base import Capacity
from lamina.execution.state import Machine, Policy
from lamina.workflow import task, workflow
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.build import Step
from lamina.workflow.graph import Workflow
from lamina.workflow.ports import Port, Signature

VALUES = WorldValues()


def step(name: str, *ports: str) -> Step[..., Any]:
    """A task of the made-up world."""
    inputs = tuple(Port(port, "any") for port in ports)
    action = PythonAction("model:number")
    return Step(name, action, Signature(inputs, (Port("y", "any"),)))


def chain(count: int) -> Workflow:
    one = step("one", "a")
    with workflow("chain") as w:
        value: Any = w.input("x")
        for _ in range(count):
            value = one(value)
        w.output("y", value)
    return w.workflow


def scattered(count: int) -> Workflow:
    with workflow("scattered") as w:
        each = step("each", "a").map(list(range(count)))
        w.output("y", step("all", "a")(each))
    return w.workflow


def crossed(count: int) -> Workflow:
    with workflow("crossed") as w:
        each = step("each", "a").map(list(range(count)))
        w.output("y", step("look", "a", "b").map(list(range(count)), b=each))
    return w.workflow


def seconds(made: Workflow) -> float:
    """CPU time of a whole run in the made-up world, whose own part grows with its size too."""
    policy = Policy(lasting=True, note=VALUES.note, holds=VALUES.holds)
    world = World(made, {"x": 1}, Random(0), policy)
    began = time.process_time()
    world.play(10**9)
    assert world.machine.status == "succeeded"
    return time.process_time() - began


@pytest.mark.parametrize("shape", [chain, scattered])
def test_ten_times_the_units_cost_ten_times_the_time(shape: Callable[[int], Workflow]) -> None:
    small = min(seconds(shape(300)) for _ in range(3))
    large = min(seconds(shape(3000)) for _ in range(2))
    assert large / small < 25


def test_a_list_that_many_tasks_read_is_gathered_once() -> None:
    policy = Policy(lasting=True, note=VALUES.note, holds=VALUES.holds)
    world = World(crossed(50), {}, Random(0), policy)
    gathered: list[int] = []
    gather = VALUES.gather

    class Counting(WorldValues):
        def gather(self, items: Any) -> Any:
            gathered.append(len(items))
            return gather(items)

    world.assembly = type(world.assembly)(Counting())
    world.play()
    assert gathered.count(50) == 1


@task
def noop(x: int) -> int:
    return x


@pytest.mark.slow
def test_a_hundred_thousand_tasks_are_built_checked_and_planned_in_ten_seconds() -> None:
    began = time.process_time()
    with workflow("large") as w:
        for number in range(100_000):
            noop(number)
    machine = Machine(w.workflow, {}, Capacity(2.0, 2**32), Policy(), Past())
    machine.begin(0.0)
    assert time.process_time() - began < 10
