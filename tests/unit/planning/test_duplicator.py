"""The duplicator with chances: which of two times is likely to be shorter, and what follows."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.errors import UsageError
from lamina.estimates.distribution import Distribution
from lamina.estimates.stages import Load, RuntimeEstimates
from lamina.planning.placement.view import Attempt, More, View, Weights
from lamina.planning.placement.words import (
    Action,
    Cancel,
    Job,
    Pace,
    Ready,
    Runtime,
    Start,
    Tick,
    Up,
    Wait,
)
from lamina.planning.policies import made
from lamina.planning.policies.duplicator import chance
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.scenarios import Scenario
from lamina.planning.simulation.scores import Score


def spread(low: float, high: float) -> Distribution:
    return Distribution(np.linspace(low, high, 200))


def test_the_chance_of_being_shorter() -> None:
    assert chance(spread(0, 10), spread(20, 30)) == 1.0
    assert chance(spread(20, 30), spread(0, 10)) == 0.0
    assert chance(spread(0, 10), spread(0, 10)) == pytest.approx(0.5, abs=0.02)
    assert chance(spread(0, 10), Distribution.at(7.5)) == pytest.approx(0.75, abs=0.02)
    assert chance(Distribution.unknown(), Distribution.at(1.0)) == 1.0


def test_an_empty_name_of_an_accelerator_is_refused() -> None:
    with pytest.raises(UsageError, match="duplicator:gpu1"):
        made("duplicator:gpu1+")


def test_it_wastes_far_less_than_the_printed_one_and_chooses_about_as_well() -> None:
    scenario = Scenario(divisible=False, batches=100)
    ours, printed = (
        [
            Score.of(world, Simulator(world, made(f"{name}:gpu1")).run())
            for world in (scenario.world(seed) for seed in (60, 61))
        ]
        for name in ("duplicator", "stoic-duplicator")
    )

    def mean(found: list[Score], key: str) -> float:
        return float(np.mean([one.figures()[key] for one in found]))

    assert mean(ours, "gpu_seconds_wasted") < 0.5 * mean(printed, "gpu_seconds_wasted")
    assert mean(ours, "ratio_oracle2_gpu1") < 1.01
    assert mean(ours, "conditional_success") > mean(printed, "conditional_success") - 0.03


RUNTIMES = {
    "near": Runtime("near", standby=True, capacity=1),
    "far": Runtime("far", devices=1),
}


def learnt(item: float) -> RuntimeEstimates:
    """What thirty runs tell that wobble by a tenth."""
    made_of = RuntimeEstimates.usual("processing")
    for number in range(30):
        size = float(5 + 3 * number)
        made_of.update("processing", Load(size), item * size * (0.9 + 0.02 * (7 * number % 11)))
    return made_of


KNOWN = {"near": learnt(1.0), "far": learnt(0.5)}


def moment(
    now: float, state: str, deployed: float, far: Pace | None = None, near: Pace | None = None
) -> View:
    """A batch of 60 that near works on since 0 and that far is there for; near takes 1 s an item,
    far half of it."""
    job = Job("batch", 60)
    edge = Attempt(1, job, "near", 0.0, 1, 0.0, warm=0.0, started=0.0)
    gpu = Attempt(2, job, "far", 0.0, 1, 0.0, True, deployed=deployed)
    gpu.warm = now if state == "ready" else deployed if state == "running" else None
    gpu.started = deployed if state == "running" else None
    paces = {name: pace for name, pace in (("near", near), ("far", far)) if pace is not None}
    more = More(
        KNOWN, np.random.default_rng(0), Weights(), lambda runtime: 0.0, dict, paces=lambda: paces
    )
    return View(now, job, RUNTIMES, tuple(RUNTIMES), {"near": edge, "far": gpu}, more)


def done(event: Up | Ready | Tick, view: View) -> tuple[Action, ...]:
    return made("duplicator:far").on_event(event, view).actions


def test_the_choice_goes_by_how_fast_the_edge_really_is() -> None:
    # At 31 s far would need 30 s more. Near should need 29; at its pace it needs 12, or 93.
    fast, slow = Pace(43, 0.7, 30.8), Pace(15, 2.0, 30.2)
    assert done(Up("far"), moment(31.0, "up", 31.0, near=fast)) == (Cancel("far"),)
    assert done(Up("far"), moment(31.0, "up", 31.0, near=slow)) == ()
    start, wait = done(Ready("far"), moment(31.0, "ready", 31.0, near=slow))
    assert start == Start("far")
    assert isinstance(wait, Wait)


def test_who_was_held_for_it_is_started_at_even_chances_and_else_has_to_be_surer() -> None:
    def likely(near: Pace) -> float:
        view = moment(30.0, "ready", 30.0, near=near)
        return chance(view.outlook("far").total, view.rest("near"))

    # Near needs some 30 s more by its pace, as far does.
    paces = [Pace(30, 1.0 - 0.02 * number, 30.0) for number in range(50)]
    near = next(pace for pace in paces if 0.52 < likely(pace) < 0.6)
    assert done(Ready("far"), moment(30.0, "ready", 30.0, near=near)) == (Cancel("far"),)
    held = moment(30.0, "ready", 10.0, near=near)
    assert done(Ready("far"), held)[0] == Start("far")


def test_an_accelerator_at_work_that_will_not_be_first_is_given_back() -> None:
    # Far began at 20 and should end at 50, near at 60; but far takes 2 s an item.
    near = Pace(30, 1.0, 30.0)
    assert done(Tick(), moment(30.0, "running", 20.0, Pace(5, 2.0, 10.0), near)) == (Cancel("far"),)
    (wait,) = done(Tick(), moment(30.0, "running", 20.0, Pace(20, 0.5, 10.0), near))
    assert isinstance(wait, Wait)


def test_a_race_that_is_none_any_more_is_not_looked_at_again() -> None:
    view = moment(30.0, "running", 20.0)
    alone = View(30.0, view.job, RUNTIMES, view.usable, {"far": view.attempts["far"]}, view._more)
    assert done(Tick(), alone) == ()


def test_an_accelerator_does_not_yield_to_an_edge_that_hangs() -> None:
    # Near was to end at 60; it did its last item at 50, and it is 75.
    view = moment(75.0, "running", 55.0, Pace(30, 0.5, 15.0), Pace(50, 1.0, 50.0))
    assert not any(isinstance(one, Cancel) for one in done(Tick(), view))


def test_late_looks_cost_no_latency_and_waste_half_of_the_work_that_was_for_nothing() -> None:
    scenario = Scenario(divisible=False, batches=100, clock="paper")
    lost, first, last = [], [], []
    for world in (scenario.world(seed) for seed in (60, 61, 62)):
        for name in ("duplicator", "stoic-duplicator"):
            found = Score.of(world, Simulator(world, made(f"{name}:gpu1")).run())
            lost.append(found.gpu_seconds_lost)
            first.append(found.figures()["conditional_success"])
            last.append(found.figures()["conditional_success_last"])
    assert sum(lost[::2]) < 0.7 * sum(lost[1::2])
    assert np.mean(last[::2]) > np.mean(first[::2]) + 0.01
    assert last[1::2] == first[1::2]  # it looks once
