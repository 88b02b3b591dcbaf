"""Intervals that adapt, and the stages of a runtime together."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lamina.errors import DataError, UnknownNameError
from lamina.estimates.distribution import Distribution
from lamina.estimates.intervals import LEVELS, AdaptiveIntervals, depth
from lamina.estimates.predictors.decayed_quantiles import DecayedQuantiles
from lamina.estimates.stages import STAGES, Load, RuntimeEstimates

NARROW = Distribution(np.linspace(9.0, 11.0, 50))


@pytest.mark.parametrize("width", [0.1, 3.0, 30.0])
def test_the_coverage_comes_true_whatever_the_prediction_is_worth(width: float) -> None:
    source = np.random.default_rng(0)
    intervals = AdaptiveIntervals()
    for number in range(400):
        if number == 100:  # until then it learns how wrong the prediction is
            begun = intervals.held.copy()
        intervals.update(NARROW, abs(10.0 + width * source.standard_normal()))

    assert (intervals.held - begun) / 300 == pytest.approx(LEVELS, abs=0.03)


def test_intervals_nest_and_reach_beyond_what_was_predicted() -> None:
    intervals = AdaptiveIntervals()
    for seconds in (2.0, 18.0) * 20:
        intervals.update(NARROW, seconds)

    spans = [intervals.interval(NARROW, level) for level in LEVELS]

    assert [low for low, _ in spans] == sorted((low for low, _ in spans), reverse=True)
    assert [high for _, high in spans] == sorted(high for _, high in spans)
    assert spans[-1][1] > 11.0


def test_the_calibrated_distribution_has_these_intervals_and_the_median() -> None:
    intervals = AdaptiveIntervals()
    for seconds in np.random.default_rng(1).normal(10.0, 2.0, 200):
        intervals.update(NARROW, float(seconds))

    calibrated = intervals.calibrated(NARROW)
    low, high = intervals.interval(NARROW, 0.8)

    assert calibrated.quantile(0.5) == pytest.approx(10.0, abs=0.1)
    assert calibrated.quantile(0.9) - calibrated.quantile(0.1) == pytest.approx(
        high - low, rel=0.15
    )


def test_depth_is_0_in_the_middle_and_grows_beyond_the_ends() -> None:
    assert depth(NARROW, 10.0) == pytest.approx(0.0, abs=0.02)
    assert depth(NARROW, 11.0) == pytest.approx(1.0, abs=0.03)
    assert depth(NARROW, 13.0) == pytest.approx(1.0 + np.log(3.0) / 5.0)


def batches(count: int, change: int, seed: int) -> list[tuple[Load, dict[str, float]]]:
    """Tasks whose deployment and processing get three times as slow at a change."""
    source = np.random.default_rng(seed)
    found = []
    for number in range(count):
        slow = 1.0 if number < change else 3.0
        items = float(np.ceil(source.lognormal(3.5, 1.0)))
        seconds = {
            "upload": 0.06 * items * source.lognormal(0.0, 0.2),
            "deployment": slow * source.lognormal(3.0, 0.5),
            "processing": slow * (0.25 * items + 24.0) * source.lognormal(0.0, 0.15),
        }
        found.append((Load(items, upload=items), seconds))
    return found


@pytest.mark.parametrize(("change", "points"), [(300, 0.03), (150, 0.05)])
def test_intervals_of_the_total_hold_also_when_the_regime_changes(
    change: int, points: float
) -> None:
    estimates = RuntimeEstimates.usual("upload", "deployment", "processing", overlaps=False)
    for number, (load, seconds) in enumerate(batches(300, change, 7)):
        if number >= 2:
            estimates.finished(load, sum(seconds.values()))
        for stage, took in seconds.items():
            estimates.update(stage, load, took)

    for level, held in estimates.intervals.coverage().items():
        assert held == pytest.approx(level, abs=points)


def learnt(*stages: str, overlaps: bool = True) -> RuntimeEstimates:
    """Each stage took about ten seconds, twenty times."""
    estimates = RuntimeEstimates({stage: DecayedQuantiles() for stage in stages}, overlaps)
    for stage in stages:
        for number in range(20):
            estimates.update(stage, Load(), 9.5 + number / 20)
    return estimates


def test_uploads_go_on_while_the_runtime_is_deployed() -> None:
    stages = ("upload", "deployment", "processing")

    together = learnt(*stages).predict(Load()).total.quantile(0.5)
    one_by_one = learnt(*stages, overlaps=False).predict(Load()).total.quantile(0.5)

    assert together == pytest.approx(20.0, abs=0.7)
    assert one_by_one == pytest.approx(30.0, abs=0.7)


def test_every_stage_has_its_part_in_the_total() -> None:
    # A little more than six times ten: each has a heavy tail until it is known to have none.
    assert learnt(*STAGES).predict(Load()).total.quantile(0.5) == pytest.approx(60.5, abs=1.0)


def test_a_stage_that_goes_on_is_known_to_last_longer() -> None:
    estimates = learnt("deployment", "processing")

    waiting = estimates.predict(Load(), waited={"deployment": 40.0})

    assert waiting.stages["deployment"].quantile(0.1) >= 40.0
    assert waiting.total.quantile(0.1) >= 49.0


def test_a_stage_that_nothing_is_known_of_leaves_the_total_open() -> None:
    estimates = RuntimeEstimates.usual("deployment", "processing")
    estimates.update("deployment", Load(), 10.0)

    assert not estimates.predict(Load()).total


def test_estimates_are_the_same_from_their_document() -> None:
    estimates = RuntimeEstimates.usual()
    for load, seconds in batches(15, 9, 3):
        for stage in STAGES:
            estimates.update(stage, load, seconds.get(stage, 1.0))
        estimates.finished(load, sum(seconds.values()))

    document = json.loads(json.dumps(estimates.to_document()))
    again = RuntimeEstimates.from_document(document)

    assert again.to_document() == estimates.to_document()
    assert again.interval(Load(50.0), 0.9) == pytest.approx(estimates.interval(Load(50.0), 0.9))


def test_a_stage_that_does_not_exist_is_told() -> None:
    with pytest.raises(UnknownNameError, match="unknown stage 'waiting'"):
        RuntimeEstimates.usual("waiting")
    with pytest.raises(UnknownNameError, match="unknown stage 'upload'"):
        learnt("queue").update("upload", Load(), 1.0)
    with pytest.raises(DataError, match="damaged document of estimates"):
        RuntimeEstimates.from_document({"stages": 3})
