"""How fast attempts do their items, and what that tells of the time that is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import pytest

from lamina.estimates.stages import Load, RuntimeEstimates
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import Attempt, More, View, Weights
from lamina.planning.placement.words import (
    Choice,
    Job,
    Notice,
    Pace,
    Ready,
    Request,
    Runtime,
    Start,
    Tick,
    Wait,
)
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.pool import Pool, Worker
from lamina.planning.simulation.world import Draw, World

NEAR = Runtime("near", standby=True, capacity=1)
FAR = Runtime("far", devices=1)


def seen(now: float, pace: Pace | None, items: int = 21, known: bool = True) -> View:
    """A job that near began to work on at 100; what is known says 2 s an item, and 1 s before."""
    estimates = RuntimeEstimates.usual("processing")
    for size in (5.0, 10.0, 21.0, 40.0) if known else ():
        estimates.update("processing", Load(size), 1.0 + 2.0 * size)
    job = Job("batch", items)
    attempt = Attempt(1, job, "near", 100.0, 1, 100.0, warm=100.0, started=100.0)
    more = More(
        {"near": estimates}, np.random.default_rng(0), Weights(), lambda runtime: 0.0, dict,
        paces=lambda: {"near": pace} if pace else {},
    )  # fmt: skip
    return View(now, job, {"near": NEAR}, ("near",), {"near": attempt}, more)


def middle(view: View) -> float:
    return view.rest("near").quantile(0.5)


def test_a_pace_tells_how_long_the_rest_takes() -> None:
    # Eleven items, one every 4 s, the last one second ago; ten are left.
    moment = seen(146.0, Pace(11, 5.0, 45.0))
    # The prediction, 38 s of 20 gaps less what the first took, counts as one gap beside ten.
    item = (38.0 / 20 + 40.0) / 11
    assert middle(moment) == pytest.approx(10 * item - 1.0, abs=0.1)
    assert moment.rest("near").quantile(0.9) - middle(moment) < 3.0


def test_without_a_pace_it_is_the_prediction_that_counts() -> None:
    moment = seen(110.0, None)
    assert middle(moment) == moment.remaining("near").quantile(0.5)
    assert not seen(110.0, Pace(3, 1.0, 5.0), known=False).rest("near")


def test_an_item_that_lasts_too_long_is_expected_to_last_on() -> None:
    usual, late = (middle(seen(now, Pace(20, 3.0, 41.0))) for now in (142.0, 180.0))
    assert usual == pytest.approx(1.0, abs=0.1)
    assert late == pytest.approx(39.0, abs=0.1)


def test_nothing_is_left_when_all_is_done() -> None:
    assert middle(seen(150.0, Pace(21, 3.0, 43.0))) == 0.0
    assert middle(seen(105.0, Pace(1, 3.0, 3.0), items=1)) == 0.0


def test_the_pace_of_a_worker_says_when_its_items_were_done() -> None:
    worker = Worker("near", 100.0, 103.0, 2.0, 0.0, shared=False)
    assert worker.pace(104.0, 10).items == 0
    assert worker.pace(110.5, 10) == Pace(3, 5.0, 9.0)
    assert worker.pace(500.0, 10) == Pace(10, 5.0, 23.0)


def test_an_item_that_is_done_was_done_by_now_though_its_worker_was_slowed_since() -> None:
    worker = Worker("near", 0.0, 0.0, 2.0, 0.0, shared=False)
    worker.slowed(5.0, 6.5, 10)
    assert worker.pace(7.0, 10) == Pace(3, 7.0, 7.0)


def test_a_pool_tells_the_paces_of_those_who_race_and_have_not_ended() -> None:
    pool = Pool(10)
    pool.workers[1] = Worker("near", 0.0, 0.0, 2.0, 0.0, shared=False)
    pool.workers[2] = Worker("far", 0.0, 6.0, 1.0, 0.0, shared=False)
    pool.workers[3] = Worker("gone", 0.0, 0.0, 1.0, 0.0, shared=False, ended=3.0)
    assert pool.shares(9.0) == {}
    assert pool.paces(6.5) == {"near": Pace(3, 2.0, 6.0)}
    assert set(pool.paces(9.0)) == {"near", "far"}


class Watching(Policy):
    """Starts both and looks once, after 30 s."""

    name: ClassVar[str] = "watching"

    def __init__(self) -> None:
        self.rests: dict[str, float] = {}

    def decide(self, job: Job, view: View) -> Choice:
        return Choice((Request("near"), Request("far"), Wait(30.0)), "to look")

    def on_event(self, event: Notice, view: View) -> Choice:
        if isinstance(event, Tick):
            self.rests = {name: view.rest(name).quantile(0.5) for name in ("near", "far")}
        return Choice((Start(event.runtime),) if isinstance(event, Ready) else ())


class Odd(World):
    """Both runtimes take far longer than what is known of them says."""

    runtimes: Mapping[str, Runtime]

    def __init__(self) -> None:
        self.runtimes = {"near": NEAR, "far": FAR}
        self.jobs: Sequence[Job] = [Job("one", 40)]

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        return Draw(item=3.0) if runtime == "near" else Draw(deploy=10.0, start=5.0, item=2.0)

    def probe(self, runtime: str, at: float) -> float | None:
        return None

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        return [("processing", 10, 10.0), ("processing", 100, 100.0)]


def test_a_simulated_race_tells_its_paces() -> None:
    policy = Watching()
    Simulator(Odd(), policy).run()
    # At 30 s near has 90 s to go, far 65 s: both predicted to take 40 s in all.
    assert policy.rests["near"] == pytest.approx(90.0, rel=0.1)
    assert policy.rests["far"] == pytest.approx(65.0, rel=0.15)
