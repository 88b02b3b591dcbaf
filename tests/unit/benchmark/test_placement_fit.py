"""The benchmark of predictors, in its smallest form."""

from __future__ import annotations

import pytest

from lamina.benchmark.placement_fit import REGIMES, RUNTIMES, made_log, placement_fit


def test_made_logs_are_the_same_from_the_same_seed() -> None:
    assert made_log("changes", 3, 40) == made_log("changes", 3, 40)
    assert made_log("changes", 3, 40) != made_log("changes", 4, 40)
    assert {row.runtime for row in made_log("steady", 0, 40)} == set(RUNTIMES)


@pytest.mark.slow
def test_predictors_are_measured_in_every_regime() -> None:
    found = placement_fit(seeds=2)

    assert found["log"] is None
    assert set(found["made"]) == set(REGIMES)
    for regime in found["made"].values():
        assert regime["gain"] > 0.0
        for level, held in regime["coverage"].items():
            assert held == pytest.approx(int(level) / 100, abs=0.05)
    assert found["milliseconds"]["runtime"] > 0.0
