"""What policies are worth, on worlds of a few jobs whose figures can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from lamina.planning.placement.ledger import Ledger, Outcome, Usage
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Cancel,
    Choice,
    Job,
    Notice,
    Ready,
    Request,
    Runtime,
    Start,
    Tick,
    Wait,
)
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.comparing import compared
from lamina.planning.simulation.scores import Score
from lamina.planning.simulation.world import Draw, World

RUNTIMES = {
    "near": Runtime("near", standby=True, capacity=1),
    "one": Runtime("one", devices=1),
    "two": Runtime("two", devices=2),
    "plain": Runtime("plain"),
}


@dataclass
class Made(World):
    """Jobs of ten items, far apart, with the draws that are told."""

    draws: Sequence[Mapping[str, Draw]]
    jobs: Sequence[Job] = ()
    runtimes: Mapping[str, Runtime] = field(default_factory=lambda: RUNTIMES)

    def __post_init__(self) -> None:
        self.jobs = self.jobs or [Job(f"j{i}", 10, 1e4 * i) for i in range(len(self.draws))]

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        return self.draws[job][runtime]

    def probe(self, runtime: str, at: float) -> float | None:
        return 1.0

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        known = [("processing", n, n * 1.0) for n in (5, 20)]
        return known if runtime == "near" else [*known, ("deployment", 1, 5.0)]


def draws(near: float, one: float, two: float, deploy: float = 5.0) -> dict[str, Draw]:
    """Seconds of an item on each; the plain one takes 100 s."""
    return {
        "near": Draw(item=near),
        "one": Draw(deploy=deploy, item=one),
        "two": Draw(deploy=deploy, item=two),
        "plain": Draw(deploy=deploy, item=9.5),
    }


def score(world: World, policy: str) -> Score:
    return Score.of(world, Simulator(world, made(policy)).run())


def test_the_oracle_has_a_ratio_of_one_and_is_always_exact() -> None:
    found = score(Made([draws(3.0, 1.0, 0.5), draws(1.0, 3.0, 3.0)]), "oracle").figures()
    assert found["ratio_oracle4"] == pytest.approx(1.0)
    assert found["p95_ratio"] == pytest.approx(1.0)
    assert (found["exact"], found["within5"]) == (1.0, 1.0)


def test_ratios_are_of_sums_over_all_jobs() -> None:
    # Near takes 30 s and 10 s; the least are 10 s (two: 5 s up and 5 s of work) and 10 s.
    found = score(Made([draws(3.0, 1.0, 0.5), draws(1.0, 3.0, 3.0)]), "fixed:near").figures()
    assert found["ratio_oracle4"] == pytest.approx(40.0 / 20.0)
    assert found["regret"] == pytest.approx(10.0)
    assert (found["exact"], found["within5"]) == (0.5, 0.5)
    assert found["ratio_worst"] == pytest.approx(40.0 / 200.0)


def test_the_two_way_oracle_has_the_one_accelerator_that_helps_most() -> None:
    found = score(Made([draws(3.0, 1.0, 0.5), draws(3.0, 0.9, 2.0)]), "fixed:near")
    assert found.accelerator == "one"
    assert found.best2.tolist() == pytest.approx([15.0, 14.0])
    assert found.best4.tolist() == pytest.approx([10.0, 14.0])


def test_device_seconds_count_every_device_from_up_to_released() -> None:
    found = score(Made([draws(3.0, 1.0, 0.5)]), "fixed:two")
    assert found.gpu_seconds == pytest.approx(2 * 5.0)
    assert (found.gpu_seconds_wasted, found.requests, found.cancelled) == (0.0, 1, 0)


def test_what_is_given_back_unused_is_wasted_and_counted_apart() -> None:
    world = Made([draws(3.0, 1.0, 0.5)])
    ledger = Ledger(
        usages=[
            Usage("j0", "two", 0.0, 5.0, None, 8.0, 0, "cancelled"),
            Usage("j0", "plain", 0.0, 5.0, None, 8.0, 0, "cancelled"),
            Usage("j0", "near", 0.0, 0.0, 0.0, 30.0, 10, "done"),
        ],
        outcomes={"j0": Outcome(world.jobs[0], 30.0, ("near",))},
    )
    found = Score.of(world, ledger)
    assert (found.gpu_seconds, found.gpu_seconds_wasted) == (6.0, 6.0)
    assert (found.requests, found.cancelled) == (2, 2)


def test_a_job_that_was_given_up_counts_at_least_as_the_slowest_runtime() -> None:
    world = Made([draws(3.0, 1.0, 0.5)])
    ledger = Ledger(outcomes={"j0": Outcome(world.jobs[0], 7.0, (), "all runtimes failed")})
    found = Score.of(world, ledger)
    assert found.latencies.tolist() == [100.0]
    assert (found.failed, found.figures()["exact"]) == (1, 0.0)


def test_a_job_that_nobody_finished_counts_as_given_up() -> None:
    assert Score.of(Made([draws(3.0, 1.0, 0.5)]), Ledger()).failed == 1


def test_missed_deadlines_are_counted_of_jobs_that_have_one() -> None:
    jobs = [Job("a", 10, 0.0, deadline=20.0), Job("b", 10, 1e4, deadline=40.0), Job("c", 10, 2e4)]
    found = score(Made([draws(3.0, 1.0, 0.5)] * 3, jobs), "fixed:near")
    assert (found.late, found.deadlines) == (1, 2)


class Race(Policy):
    """Near begins at once; "one" is asked for too, and taken or given back as it is told."""

    name: ClassVar[str] = "race"

    def __init__(self, take: bool) -> None:
        self.take = take

    def decide(self, job: Job, view: View) -> Choice:
        return Choice((Request("near"), Request("one")))

    def on_event(self, event: Notice, view: View) -> Choice:
        if not isinstance(event, Ready):
            return Choice()
        if event.runtime == "near" or self.take:
            return Choice((Start(event.runtime),))
        return Choice((Cancel("one"),))


@pytest.mark.parametrize("take", [True, False])
def test_a_conditional_choice_succeeds_where_the_chosen_one_is_faster(take: bool) -> None:
    # Near ends after 30 s; "one" after 15 s, 35 s, and never in time for a choice.
    world = Made([draws(3.0, 1.0, 9.0), draws(3.0, 3.0, 9.0), draws(3.0, 1.0, 9.0, deploy=90.0)])
    found = Score.of(world, Simulator(world, Race(take)).run())
    assert found.conditional.tolist() == found.last.tolist() == [float(take), float(not take), 1.0]
    assert found.choices.tolist() == [float(take), float(not take)]
    # Where it is taken and not first, "one" works from 5 s until near is done.
    assert found.gpu_seconds_lost == pytest.approx(25.0 if take else 0.0)


class Second(Race):
    """Takes "one", and gives it back after 4 s of work."""

    def __init__(self) -> None:
        super().__init__(take=True)

    def on_event(self, event: Notice, view: View) -> Choice:
        if isinstance(event, Tick):
            return Choice((Cancel("one"),))
        found = super().on_event(event, view)
        wait = (Wait(4.0),) if isinstance(event, Ready) and event.runtime == "one" else ()
        return Choice((*found.actions, *wait))


def test_one_that_was_taken_and_given_back_is_a_wrong_choice_made_good() -> None:
    # Near ends after 30 s; "one" after 35 s and 15 s, had it been left alone.
    world = Made([draws(3.0, 3.0, 9.0), draws(3.0, 1.0, 9.0)])
    found = Score.of(world, Simulator(world, Second()).run())
    assert found.conditional.tolist() == [0.0, 1.0]
    assert found.last.tolist() == [1.0, 0.0]
    assert found.gpu_seconds_lost == found.gpu_seconds_wasted == pytest.approx(8.0)
    told = found.figures()
    assert told["conditional_success_choices"] == told["conditional_success_last"] == 0.5


def test_what_is_lost_at_work_leaves_out_what_came_before() -> None:
    world = Made([draws(3.0, 1.0, 0.5)])
    usages = [
        Usage("j0", "two", 0.0, 5.0, 9.0, 12.0, 0, "lost"),
        Usage("j0", "one", 0.0, 5.0, None, 12.0, 0, "cancelled"),
        Usage("j0", "near", 0.0, 0.0, 0.0, 30.0, 10, "done"),
    ]
    found = Score.of(world, Ledger(usages=usages))
    assert found.gpu_seconds_lost == 2 * 3.0
    assert found.gpu_seconds_wasted == 2 * 7.0 + 7.0


class Picky(Race):
    """Asks for "one" where that is said to be worth it."""

    def __init__(self, worth: str) -> None:
        super().__init__(take=True)
        self.worth = worth

    def decide(self, job: Job, view: View) -> Choice:
        return super().decide(job, view) if job.name == self.worth else Choice((Request("near"),))


def test_not_asking_is_a_choice_too_where_others_are_raced() -> None:
    # Near ends after 30 s and 10 s, "one" after 15 s.
    world = Made([draws(3.0, 1.0, 9.0), draws(1.0, 1.0, 9.0), draws(3.0, 1.0, 9.0)])
    found = Score.of(world, Simulator(world, Picky("j0")).run())
    assert sorted(found.conditional.tolist()) == [0.0, 1.0, 1.0]
    assert found.choices.size == 1
    assert Score.of(world, Simulator(world, Picky("none")).run()).conditional.size == 0


def test_shared_work_is_no_race() -> None:
    jobs = [Job("a", 10, divisible=True)]
    found = score(Made([draws(3.0, 1.0, 0.5)], jobs), "share")
    assert found.conditional.size == 0
    assert np.isnan(found.figures()["conditional_success"])


def test_promises_are_held_against_what_an_attempt_takes_when_left_alone() -> None:
    world = Made([draws(3.0, 1.0, 0.5)])
    seven = (1.0, 2.0, 14.0, 15.0, 16.0, 40.0, 50.0)
    usages = [
        Usage("j0", "one", 0.0, 5.0, None, 8.0, 0, "cancelled", seven),
        Usage("j0", "two", 0.0, 5.0, None, 8.0, 0, "cancelled", seven),
        Usage("j0", "near", 0.0, 0.0, 0.0, 30.0, 10, "done"),
    ]
    found = Score.of(world, Ledger(usages=usages))
    # "one" takes 15 s, "two" 10 s: inside of 80 and 90 %, not of the middle half.
    assert found.held.tolist() == [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]


def some(policy: str, seconds: Sequence[float]) -> list[Score]:
    return [score(Made([draws(one, 1.0, 0.5)]), policy) for one in seconds]


def test_means_stand_between_the_ends_of_their_intervals() -> None:
    told = compared({"fixed:near": some("fixed:near", [1.0, 2.0, 3.0, 4.0])})["fixed:near"]
    low, high = told["interval"]["ratio_oracle4"]
    assert told["ratio_oracle4"] == pytest.approx(2.5)
    assert low < 2.5 < high
    assert told["seeds"] == pytest.approx([1.0, 2.0, 3.0, 4.0])


def test_seeds_are_compared_in_pairs() -> None:
    # The worlds differ by a factor of four, the policies by a factor that hardly moves.
    seconds = [1.0, 2.0, 3.0, 4.0]
    near, oracle = some("fixed:near", seconds), some("oracle", seconds)
    told = compared({"near": near, "oracle": oracle})
    beside = told["near"]["beside"]["oracle"]["ratio_oracle4"]
    assert beside["mean"] == pytest.approx(1.5)
    assert told["oracle"]["beside"]["near"]["ratio_oracle4"]["mean"] == pytest.approx(-1.5)
    equal = compared({"a": near, "b": near})["a"]["beside"]["b"]["ratio_oracle4"]
    assert equal == {"mean": 0.0, "interval": [0.0, 0.0]}


def test_one_seed_has_no_interval_and_what_cannot_be_measured_is_none() -> None:
    told = compared({"fixed:near": some("fixed:near", [3.0])})["fixed:near"]
    assert told["interval"] == {}
    assert told["conditional_success"] is None
