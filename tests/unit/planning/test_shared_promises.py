"""What work that was shared teaches about promises: who did most of it counts as if alone."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.estimates.stages import Load
from lamina.planning.placement.dispatcher import Dispatcher, Surroundings
from lamina.planning.placement.learning import Learner, fresh
from lamina.planning.placement.view import Attempt
from lamina.planning.placement.words import (
    Arrived,
    Deployed,
    Finished,
    Job,
    Runtime,
    Share,
    Warmed,
)  # fmt: skip
from lamina.planning.policies import made

RUNTIMES = {"near": Runtime("near", standby=True)}


def learner() -> Learner:
    found = Learner(RUNTIMES, fresh(made("share"), RUNTIMES))
    # Not all on one line: what lies on a step is in or out by rounding alone.
    for number, items in enumerate((10, 20, 40, 80, 30, 60, 15, 50, 25, 70)):
        off = 1.0 + 0.1 * (-1) ** number * (number % 4) / 3.0
        found.estimates["near"].update("processing", Load(items), 2.0 * items * off)
    return found


def shared(taught: Learner, items: int, seconds: float) -> Attempt:
    """A job of 40 items, of which so many were done in so many seconds."""
    job = Job("a", 40, divisible=True)
    expected = taught.estimates["near"].expected(Load(40))
    one = Attempt(1, job, "near", 0.0, started=0.0, shared=True, expected=expected)
    taught.worked(one, Share(items, seconds), seconds, alone=False)
    return one


@pytest.mark.parametrize(("items", "told"), [(40, 1), (20, 1), (19, 0), (0, 0)])
def test_at_least_half_of_a_job_says_what_the_whole_would_have_taken(items: int, told: int) -> None:
    taught = learner()
    shared(taught, items, 2.0 * items)
    assert taught.estimates["near"].intervals.count == told


def test_a_runtime_to_which_nothing_travels_is_known_after_its_first_job() -> None:
    far = {"far": Runtime("far", devices=1)}
    policy = made("eft")
    estimates = fresh(policy, far)
    around = Surroundings(np.random.default_rng(0), lambda job: {})
    dispatcher = Dispatcher(far, policy, estimates, around)
    dispatcher.handle(Arrived(Job("a", 5)), 0.0)
    dispatcher.handle(Deployed(1, 9.0), 9.0)
    dispatcher.handle(Warmed(1, 1.0), 10.0)
    dispatcher.handle(Finished("a", {1: Share(5, 3.0)}), 13.0)
    assert estimates["far"].predict(Load(5)).total.mean == pytest.approx(13.0, rel=0.3)


def test_promises_get_wider_where_shared_work_takes_far_longer() -> None:
    taught = learner()
    before = taught.estimates["near"].intervals.parts.copy()
    shared(taught, 30, 600.0)
    assert (taught.estimates["near"].intervals.parts > before).all()
    taught = learner()
    shared(taught, 30, 58.5)
    assert (taught.estimates["near"].intervals.parts < before).all()
