"""Trials over seeds: equal on one core and on two, and what is logged of their progress."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.planning.simulation import trying
from lamina.planning.simulation.scenarios import Scenario
from lamina.planning.simulation.trying import Trial, all_tried, tried
from lamina.planning.simulation.weighing import Weighed, weighed


def test_two_processes_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [
        Trial(Scenario(batches=6, divisible=divisible), ("share", "eft"), name=str(divisible))
        for divisible in (True, False)
    ]
    alone = all_tried(trials, range(3), processes=1)
    monkeypatch.setattr(trying, "WORTH_IT", 0.0)
    said: list[str] = []
    both = all_tried(trials, range(3), said.append, processes=2)
    assert [line.split(":")[0] for line in said] == [
        "True seed 0", "True seed 1", "True seed 2", "False seed 0", "False seed 1", "False seed 2",
    ]  # fmt: skip
    for one, other in zip(alone, both, strict=True):
        for name in ("share", "eft"):
            for mine, theirs in zip(one[name], other[name], strict=True):
                assert np.array_equal(mine.latencies, theirs.latencies)
                assert mine.gpu_seconds == theirs.gpu_seconds


def test_every_policy_can_be_probed_for_or_none() -> None:
    world = Scenario(batches=6)
    probing = tried(Trial(world, ("share",), inquires=True), [0])["share"][0]
    passive = tried(Trial(world, ("stoic-selector",), inquires=False), [0])["stoic-selector"][0]
    assert probing.probes > 50
    assert passive.probes == 0


def test_weights_pick_the_jobs_on_which_both_agree() -> None:
    rows = [Weighed(10.0, 0.5, 1.0, 9.0, 9.0), Weighed(90.0, 0.5, 0.0, 12.0, 80.0)]
    found = weighed(rows)
    assert (found["same"], found["effective"], found["mean"]) == (1, 1.0, 10.0)
    # Predictions say 9 and 12 s; the first was 1 s longer, and stands for two jobs.
    assert found["model"] == pytest.approx(10.5)
    assert found["doubly_robust"] == pytest.approx((9.0 + 2 * 1.0 + 12.0) / 2)


def test_rare_choices_count_for_more() -> None:
    rows = [Weighed(10.0, 0.8, 1.0, 9.0, 9.0), Weighed(20.0, 0.2, 1.0, 9.0, 9.0)]
    assert weighed(rows)["mean"] == pytest.approx((10 / 0.8 + 20 / 0.2) / (1 / 0.8 + 1 / 0.2))


def test_without_any_agreement_nothing_is_said() -> None:
    found = weighed([Weighed(10.0, 1.0, 0.0, 9.0, 9.0)] * 3)
    assert (found["mean"], found["interval"], found["effective"]) == (None, [], 0.0)
