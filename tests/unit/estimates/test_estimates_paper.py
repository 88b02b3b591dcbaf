"""The paper's predictors, beside other implementations where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.estimates import PREDICTORS
from lamina.estimates.base import Work
from lamina.estimates.lines import Line
from lamina.estimates.predictors.bayesian_ridge import bayesian_line
from lamina.estimates.predictors.ransac import ransac_line
from lamina.estimates.predictors.tuned_window import CALIBRATION, INQUISITOR_SECONDS, MedianWindow


def drawn(seed: int, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Sizes, and seconds around a line."""
    source = np.random.default_rng(seed)
    sizes = source.integers(1, 200, count).astype(float)
    return sizes, 0.25 * sizes + 20.0 + source.normal(0.0, 3.0, count)


@pytest.mark.parametrize("seed", range(5))
def test_bayesian_ridge_is_that_of_scikit_learn(seed: int) -> None:
    linear = pytest.importorskip(
        "sklearn.linear_model", reason="no sklearn: pip install 'lamina[datasets]'"
    )
    sizes, seconds = drawn(seed)

    theirs = linear.BayesianRidge().fit(sizes[:, None], seconds)
    ours = bayesian_line(sizes, seconds)

    assert ours.slope == pytest.approx(theirs.coef_[0], rel=1e-6)
    assert ours.intercept == pytest.approx(theirs.intercept_, rel=1e-6)


@pytest.mark.filterwarnings("ignore:R\\^2 score")  # theirs tries samples that nobody joins
@pytest.mark.parametrize("seed", range(5))
def test_ransac_finds_the_consensus_that_scikit_learn_finds(seed: int) -> None:
    linear = pytest.importorskip(
        "sklearn.linear_model", reason="no sklearn: pip install 'lamina[datasets]'"
    )
    sizes, seconds = drawn(seed)
    seconds[[2, 6]] += 400.0  # two outliers that no line through the others holds

    theirs = linear.RANSACRegressor(
        linear.BayesianRidge(), min_samples=5, random_state=seed, max_trials=400
    ).fit(sizes[:, None], seconds)
    ours = ransac_line(sizes, seconds, 5, np.random.default_rng(seed))

    assert ours.at(100.0) == pytest.approx(theirs.predict([[100.0]])[0], rel=0.05)


def test_ransac_of_few_is_the_regression_of_all() -> None:
    sizes, seconds = drawn(9, 3)

    assert ransac_line(sizes, seconds, 3, np.random.default_rng(0)) == bayesian_line(sizes, seconds)


def test_one_observation_gives_a_line_through_zero() -> None:
    predictor = PREDICTORS.get("ransac-10")()
    predictor.update(Work(10.0), 20.0)

    assert predictor.quantile(Work(30.0), 0.5) == pytest.approx(60.0)


def test_ten_observations_count_and_no_more() -> None:
    predictor = PREDICTORS.get("ransac-10")()
    for size in (1000.0, *[float(n) for n in range(10, 20)]):
        predictor.update(Work(size), 1e5 if size == 1000.0 else 2.0 * size)

    assert predictor.quantile(Work(15.0), 0.5) == pytest.approx(30.0, rel=0.01)


def test_windows_are_tuned_every_ten_measurements_on_the_last_hundred() -> None:
    predictor = MedianWindow()
    source = np.random.default_rng(0)
    widths = []
    for number in range(60):
        level = 10.0 if number < 30 else 50.0
        predictor.update(Work(at=number * INQUISITOR_SECONDS), level + source.random())
        widths.append(predictor.window)

    assert (CALIBRATION, predictor.memory) == (10, 100)
    assert len(set(widths[10:19])) == 1
    assert predictor.quantile(Work(), 0.5) == pytest.approx(50.5, abs=0.6)


@pytest.mark.parametrize("name", ["auto-regression", "mean-window", "median-window"])
def test_window_predictors_do_not_ask_for_the_size(name: str) -> None:
    predictor = PREDICTORS.get(name)()
    for number in range(40):
        predictor.update(Work(float(number)), 5.0 + number % 3)

    assert predictor.quantile(Work(1.0), 0.5) == predictor.quantile(Work(1e6), 0.5)


def test_auto_regression_learns_what_alternates() -> None:
    predictor = PREDICTORS.get("auto-regression")()
    for number in range(61):
        predictor.update(Work(), 10.0 if number % 2 else 30.0)

    assert predictor.quantile(Work(), 0.5) == pytest.approx(10.0, abs=0.5)


def test_bandwidth_division_divides_by_what_was_measured_last() -> None:
    predictor = PREDICTORS.get("bandwidth-division")()
    predictor.update(Work(100.0), 1.0)
    predictor.update(Work(100.0), 4.0)

    assert predictor.quantile(Work(50.0), 0.5) == pytest.approx(2.0)


def test_a_line_is_never_below_zero() -> None:
    assert Line(2.0, -100.0).at(1.0) == 0.0
