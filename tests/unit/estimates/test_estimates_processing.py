"""Processing times and transfers: robust lines, priors, node types, the mixture of experts."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.errors import DataError, UnknownNameError
from lamina.estimates import PREDICTORS, restored
from lamina.estimates.base import Work
from lamina.estimates.lines import Line, relative_huber, weighted_line
from lamina.estimates.predictors.link import Link
from lamina.estimates.predictors.mixture import Mixture
from lamina.estimates.predictors.relative_huber import RelativeHuber
from lamina.estimates.prequential import errors


def test_one_wild_run_does_not_move_the_line() -> None:
    sizes = np.arange(10.0, 110.0, 10.0)
    seconds = 0.3 * sizes + 20.0
    seconds[-1] *= 20.0

    line = relative_huber(sizes, seconds)

    assert line.at(50.0) == pytest.approx(35.0, rel=0.05)


def test_more_work_never_takes_less_time() -> None:
    line = weighted_line(np.array([10.0, 20.0]), np.array([9.0, 5.0]), np.ones(2))

    assert line == Line(0.0, 7.0)


def test_no_work_takes_no_negative_time() -> None:
    line = weighted_line(np.array([10.0, 20.0]), np.array([1.0, 9.0]), np.ones(2))

    assert line.intercept == 0.0


def test_a_prior_speaks_before_the_first_observation_and_fades() -> None:
    predictor = RelativeHuber(prior=Line(1.0, 10.0))
    assert predictor.quantile(Work(50.0), 0.5) == pytest.approx(60.0)

    for size in np.tile([20.0, 50.0, 80.0], 12):
        predictor.update(Work(float(size)), 2.0 * float(size) + 10.0)

    assert predictor.quantile(Work(50.0), 0.5) == pytest.approx(110.0, rel=0.1)


def test_a_type_of_node_that_is_slower_is_known_to_be() -> None:
    predictor = RelativeHuber()
    for number in range(40):
        node, factor = ("k80", 2.0) if number % 2 else ("v100", 1.0)
        predictor.update(Work(50.0 + number, node=node), factor * (50.0 + number))

    fast, slow = (predictor.quantile(Work(60.0, node=node), 0.5) for node in ("v100", "k80"))

    assert slow / fast == pytest.approx(2.0, rel=0.15)


def regime(seed: int) -> list[tuple[Work, float]]:
    """A machine that gets twice as slow half-way."""
    source = np.random.default_rng(seed)
    sizes = source.lognormal(3.5, 1.0, 80)
    return [
        (Work(size), (0.3 * size + 20.0) * (1.0 if n < 40 else 2.0) * source.lognormal(0.0, 0.05))
        for n, size in enumerate(sizes.tolist())
    ]


@pytest.mark.parametrize("seed", range(3))
def test_the_mixture_is_about_as_good_as_its_best_expert(seed: int) -> None:
    pairs = regime(seed)
    names = ("relative-huber", "decayed-line", "levelled-line", "nearby", "bayesian-ridge-10")

    best = min(np.abs(errors(name, pairs)).mean() for name in names)

    assert np.abs(errors("default", pairs)).mean() <= 1.2 * best


@pytest.mark.parametrize("seed", range(3))
def test_the_default_misses_less_than_ransac_under_a_change(seed: int) -> None:
    pairs = regime(seed)

    ours, theirs = (np.abs(errors(name, pairs)).mean() for name in ("default", "ransac-10"))

    assert ours <= 0.88 * theirs


def test_experts_that_miss_lose_their_weight() -> None:
    mixture = Mixture([PREDICTORS.get(name)() for name in ("median-window", "relative-huber")])
    for work, seconds in regime(1)[:40]:
        mixture.update(work, seconds)

    assert mixture.weights[1] > 0.9
    assert mixture.weights[0] > 0.0  # it may come back


def test_a_link_has_a_fixed_cost_and_a_rate_that_follows() -> None:
    link = Link()
    for size in np.tile([1e5, 1e6, 1e7], 6):
        link.update(Work(float(size)), 0.5 + float(size) / 1e6)
    assert link.quantile(Work(0.0), 0.5) == pytest.approx(0.5, abs=0.1)
    assert link.quantile(Work(2e6), 0.5) == pytest.approx(2.5, rel=0.1)

    for size in np.tile([1e6, 1e7], 4):
        link.update(Work(float(size)), 0.5 + float(size) / 0.25e6)

    assert link.quantile(Work(1e7), 0.5) > 25.0


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["default", "decayed-quantiles", "ransac-10"])
def test_seconds_that_are_none_are_refused(name: str, seconds: float) -> None:
    with pytest.raises(DataError, match="an observation of"):
        PREDICTORS.get(name)().update(Work(1.0), seconds)


def test_a_document_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="without its name"):
        restored({"rows": []})
    with pytest.raises(UnknownNameError, match="unknown predictor 'prophet'"):
        restored({"predictor": "prophet"})
    with pytest.raises(DataError, match="damaged document of the predictor 'ransac-10'"):
        restored({"predictor": "ransac-10", "rows": 3})


def test_what_small_tasks_were_off_by_does_not_widen_what_is_said_of_large_ones() -> None:
    predictor = Mixture()
    for number in range(40):
        size = (1.0, 100.0)[number % 2]
        off = 0.9 * size**0.5 * (1.0 if number % 4 < 2 else -1.0)
        predictor.update(Work(size), 2.0 + size + off)
    widths = [predictor.predict(Work(size)) for size in (1.0, 100.0)]
    small, large = ((one.quantile(0.9) - one.quantile(0.1)) / one.quantile(0.5) for one in widths)
    assert large < 0.4
    assert small > 1.5 * large
