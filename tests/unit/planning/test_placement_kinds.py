"""Jobs of several kinds on the same runtimes, and jobs that nobody wants any more."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.estimates import PREDICTORS
from lamina.estimates.kinds import KindEstimates
from lamina.estimates.stages import Load
from lamina.planning.placement.dispatcher import Dispatcher, Surroundings
from lamina.planning.placement.words import (
    Arrived,
    Command,
    End,
    Finished,
    Job,
    Prepare,
    Run,
    Runtime,
    Share,
    Warmed,
    Withdrawn,
)
from lamina.planning.policies import made

RUNTIMES = {name: Runtime(name, standby=True, capacity=1) for name in ("near", "far")}


def estimates() -> dict[str, KindEstimates]:
    """Of two runtimes that only work."""
    usual = PREDICTORS.get("default")
    return {name: KindEstimates({"processing": usual()}, usual) for name in RUNTIMES}


@pytest.fixture
def placer() -> Dispatcher:
    """Near is quick at cutting, far at gluing."""
    known = estimates()
    for name, kind, seconds in (
        ("near", "cut", 1.0), ("far", "cut", 9.0), ("near", "glue", 9.0), ("far", "glue", 1.0),
    ):  # fmt: skip
        for _ in range(3):
            known[name].update("processing", Load(1.0, kind=kind), seconds)
    around = Surroundings(np.random.default_rng(0), lambda job: {})
    return Dispatcher(RUNTIMES, made("eft"), known, around)


def where(commands: list[Command]) -> list[str]:
    """Runtimes that are asked for."""
    return [one.runtime for one in commands if isinstance(one, Prepare)]


def test_each_kind_goes_where_its_own_times_are_least(placer: Dispatcher) -> None:
    assert where(placer.handle(Arrived(Job("a", 1, kind="cut")), 0.0)) == ["near"]
    assert where(placer.handle(Arrived(Job("b", 1, kind="glue")), 0.0)) == ["far"]


def test_the_work_of_one_kind_teaches_nothing_of_another(placer: Dispatcher) -> None:
    before = placer.learner.estimates["near"].stage("processing", Load(1.0, kind="glue")).mean
    prepare, *_ = placer.handle(Arrived(Job("a", 1, kind="cut")), 0.0)
    assert isinstance(prepare, Prepare)
    (run,) = placer.handle(Warmed(prepare.attempt, 0.0), 0.0)
    assert isinstance(run, Run)
    placer.handle(Finished("a", {prepare.attempt: Share(1, 30.0)}), 30.0)
    known = placer.learner.estimates["near"]
    assert known.stage("processing", Load(1.0, kind="cut")).mean > 2.0
    assert known.stage("processing", Load(1.0, kind="glue")).mean == before


def test_a_queue_counts_the_work_of_other_kinds(placer: Dispatcher) -> None:
    prepare, *_ = placer.handle(Arrived(Job("a", 1, kind="cut")), 0.0)
    assert isinstance(prepare, Prepare)
    placer.handle(Warmed(prepare.attempt, 0.0), 0.0)
    for number in range(12):
        placer.handle(Arrived(Job(f"more{number}", 1, kind="cut")), 0.0)
    used = {one.job: one.choice.actions for one in placer.ledger.decisions}
    assert {action.runtime for actions in used.values() for action in actions} == {"near", "far"}  # type: ignore[union-attr]


def test_a_job_that_nobody_wants_any_more_ends_and_the_next_in_line_begins(
    placer: Dispatcher,
) -> None:
    first, *_ = placer.handle(Arrived(Job("a", 1, kind="cut")), 0.0)
    assert not where(placer.handle(Arrived(Job("b", 1, kind="cut")), 0.0))
    assert isinstance(first, Prepare)
    before = placer.learner.estimates["near"].stage("processing", Load(1.0, kind="cut")).mean
    commands = placer.handle(Withdrawn("a", "it failed"), 50.0)
    assert End(first.attempt) in commands and where(commands) == ["near"]
    assert placer.ledger.outcomes["a"].failed == "it failed"
    after = placer.learner.estimates["near"].stage("processing", Load(1.0, kind="cut")).mean
    assert after == before
    assert placer.handle(Withdrawn("a", "again"), 51.0) == []
