"""The duplicator with chances: which of two times is likely to be shorter, and what follows."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.errors import UsageError
from lamina.estimates.distribution import Distribution
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
