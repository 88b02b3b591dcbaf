"""Placed assignments: lanes with delays, capacities, what is learnt, and ends of all kinds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lamina.data.artifacts.store import Artifacts
from lamina.estimates.observations import Tried
from lamina.execution.placed.lanes import Lane
from lamina.execution.placing.laws import Laws
from lamina.execution.runtimes.base import Assignment, Ended, Placed, Report
from lamina.execution.runtimes.local import LocalRuntime
from lamina.execution.runtimes.placed import PlacedRuntime
from lamina.execution.values import StoredValues
from lamina.planning.placement.words import Runtime
from lamina.workflow import task
from lamina.workflow.build import Step
from lamina.workflow.graph import Task
from lamina.workflow.needs import Care, Needs, Placement

Make = Callable[..., PlacedRuntime]


@task
def where(x: int) -> str:
    return os.environ.get("PLACE", "none")


@task
def slow(x: int) -> int:
    time.sleep(30)
    return x


@task
def each(xs: list[int]) -> list[int]:
    return [2 * x for x in xs]


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


@pytest.fixture
def make(artifacts: Artifacts) -> Iterator[Make]:
    """Makes a runtime with these lanes; it is closed at the end."""
    made: list[PlacedRuntime] = []

    def runtime(lanes: Mapping[str, Lane], past: tuple[Tried, ...] = ()) -> PlacedRuntime:
        usual = LocalRuntime(artifacts, 2.0, 2**32, ())
        made.append(PlacedRuntime(usual, lanes, past, StoredValues(artifacts)))
        return made[-1]

    yield runtime
    for one in made:
        one.close()


def lane(name: str, laws: Laws | None = None, capacity: int = 1, standby: bool = True) -> Lane:
    return Lane(Runtime(name, standby, capacity), environment={"PLACE": name}, laws=laws)


def given(
    artifacts: Artifacts,
    folder: Path,
    step: Step[..., Any],
    name: str,
    items: str = "",
    **more: Any,
) -> Assignment:
    """An assignment that asks for a place."""
    signature = step.signature
    care = Care(placement=Placement(items))
    told = Task(step.name, step.action, signature.inputs, signature.outputs, care=care)
    arguments = {port: artifacts.put(value) for port, value in more.items()}
    return Assignment(
        "run", name, 1, told, arguments, Needs(), (), folder / "attempts" / name, folder / "scratch"
    )


def ends(runtime: PlacedRuntime, count: int, seconds: float = 30.0) -> list[Report]:
    """All that is told until so many assignments have ended."""
    found: list[Report] = []
    until = time.monotonic() + seconds
    while sum(isinstance(one, Ended) for one in found) < count:
        assert time.monotonic() < until, f"only {found}"
        found += runtime.poll(0.05)
    return found


def ended(reports: list[Report]) -> list[Ended]:
    return [one for one in reports if isinstance(one, Ended)]


def test_a_place_is_learnt_from_what_was_tried_before(
    make: Make, artifacts: Artifacts, tmp_path: Path
) -> None:
    past = tuple(
        Tried("a", name, "processing", 1.0, took)
        for name, took in (("near", 9.0), ("far", 1.0))
        for _ in range(3)
    )
    runtime = make({"near": lane("near"), "far": lane("far")}, past)
    runtime.start(given(artifacts, tmp_path, where, "a", x=1))
    found = ends(runtime, 1)
    assert artifacts.get(ended(found)[0].outputs["result"]) == "far"
    first, last = (one for one in found if isinstance(one, Placed))
    assert first.runtime == "far" and "near 9" in first.reason and not first.stages
    assert last.stages["far"]["processing"] > 0.0


def test_a_full_runtime_is_left_for_another(
    make: Make, artifacts: Artifacts, tmp_path: Path
) -> None:
    past = tuple(
        Tried("a", name, "processing", 1.0, took)
        for name, took in (("near", 1.0), ("far", 1.5))
        for _ in range(3)
    )
    runtime = make({"near": lane("near"), "far": lane("far")}, past)
    for number in range(4):
        runtime.start(given(artifacts, tmp_path, where, f"a[{number}]", x=1))
    places = [artifacts.get(one.outputs["result"]) for one in ended(ends(runtime, 4))]
    assert set(places) == {"near", "far"}


def test_an_emulated_runtime_takes_the_time_of_its_deployment_and_its_work(
    make: Make, artifacts: Artifacts, tmp_path: Path
) -> None:
    laws = Laws(deployment=(0.4,), warm=0.2, start=0.3, item=0.5)
    runtime = make({"gpu": lane("gpu", laws, standby=False)})
    began = time.monotonic()
    runtime.start(given(artifacts, tmp_path, where, "a", x=1))
    found = ends(runtime, 1)
    assert time.monotonic() - began >= 1.4
    (last,) = (one for one in found if isinstance(one, Placed) and one.stages)
    told = last.stages["gpu"]
    assert told["deployment"] == pytest.approx(0.4) and told["warm"] == pytest.approx(0.2)
    assert 0.79 <= told["processing"] < 20.0  # a busy machine takes longer
    begin, end = ended(found)[0].phases["run"]
    assert end > begin


def test_a_deployment_that_fails_is_tried_again(
    make: Make, artifacts: Artifacts, tmp_path: Path
) -> None:
    laws = Laws(deployment=(0.1,), item=0.01, failures=0.6, seed=5)
    runtime = make({"gpu": lane("gpu", laws, standby=False)})
    for number in range(3):
        runtime.start(given(artifacts, tmp_path, where, f"a[{number}]", x=1))
    assert {one.status for one in ended(ends(runtime, 3))} == {"succeeded"}


def test_what_is_done_and_waits_for_its_time_can_be_cancelled(
    make: Make, artifacts: Artifacts, tmp_path: Path
) -> None:
    runtime = make({"gpu": lane("gpu", Laws(item=60.0))})
    wanted = given(artifacts, tmp_path, where, "a", x=1)
    runtime.start(wanted)
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        assert not ended(runtime.poll(0.05))
    runtime.cancel(wanted.ticket)
    (end,) = ended(ends(runtime, 1, 2.0))
    assert (end.status, end.ticket) == ("cancelled", wanted.ticket)


def test_what_waits_for_a_place_can_be_cancelled(
    make: Make, artifacts: Artifacts, tmp_path: Path
) -> None:
    runtime = make({"near": lane("near")})
    running = given(artifacts, tmp_path, slow, "a[0]", x=1)
    waiting = given(artifacts, tmp_path, slow, "a[1]", x=1)
    for one in (running, waiting):
        runtime.start(one)
    runtime.cancel(waiting.ticket)
    (end,) = ended(ends(runtime, 1, 5.0))
    assert (end.status, end.ticket) == ("cancelled", waiting.ticket)
    runtime.cancel(running.ticket)
    (end,) = ended(ends(runtime, 1, 10.0))
    assert (end.status, end.ticket) == ("cancelled", running.ticket)


def test_items_are_done_once_whoever_does_them(
    make: Make, artifacts: Artifacts, tmp_path: Path
) -> None:
    lanes = {
        "near": lane("near", Laws(item=0.05)),
        "gpu": lane("gpu", Laws(deployment=(0.2,), item=0.02), standby=False),
    }
    runtime = make(lanes)
    numbers = list(range(30))
    for name in ("a", "b"):
        runtime.start(given(artifacts, tmp_path, each, name, "xs", xs=numbers))
    found = ends(runtime, 2, 60.0)
    for one in ended(found):
        assert artifacts.get(one.outputs["result"]) == [2 * x for x in numbers]
    for last in (one for one in found if isinstance(one, Placed) and one.stages):
        assert sum(did["items"] for did in last.stages.values()) == 30
        assert last.items == 30


def test_a_lane_gives_threads_and_devices_of_its_own() -> None:
    own = Lane(Runtime("far"), 3, ("1",), {"A": "b"})
    task = Task("t", where.action)
    told = own.assigned(
        Assignment("run", "a", 1, task, {}, Needs(cpus=1.0, time=9.0), (), Path(), Path())
    )
    assert told.needs == replace(Needs(), cpus=3.0, time=9.0)
    assert (told.gpus, told.environment) == (("1",), (("A", "b"),))
