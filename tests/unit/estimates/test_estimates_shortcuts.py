"""What is kept, batched or left out for speed gives what the plain way gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.estimates import PREDICTORS
from lamina.estimates.base import Work
from lamina.estimates.distribution import POINTS, Distribution, Floats, added
from lamina.estimates.lines import HUBER, Line, median, relative_huber, weighted_line
from lamina.estimates.points import Misses
from lamina.estimates.predictors.bayesian_ridge import bayesian_line, bayesian_lines
from lamina.estimates.predictors.decayed_line import DecayedLine
from lamina.estimates.predictors.decayed_quantiles import MEMORY, DecayedQuantiles, survived
from lamina.estimates.predictors.mixture import Mixture
from lamina.estimates.predictors.nearby import LEVEL, RECENT, SHAPE, Nearby
from lamina.estimates.predictors.ransac import ransac_line
from lamina.estimates.predictors.tuned_window import (
    CALIBRATION,
    LONGEST,
    MeanWindow,
    MedianWindow,
    TunedWindow,
)

TIMES = st.floats(0.01, 1e4)
MIDDLES = (np.arange(POINTS) + 0.5) / POINTS


def tried_one_by_one(seconds: Floats, predictor: TunedWindow) -> int:
    """The window whose predictions miss least, each of them tried."""
    best, least = 1, np.inf
    for window in range(1, seconds.size):
        missed = [
            abs(predictor.figure(seconds[end - window : end]) - seconds[end])
            for end in range(window, seconds.size)
        ]
        if len(missed) < CALIBRATION and window > 1:
            break
        if float(np.mean(missed)) < least:
            best, least = window, float(np.mean(missed))
    return best


@pytest.mark.parametrize("kind", [MeanWindow, MedianWindow])
@pytest.mark.parametrize("memory", [0, 35])
def test_windows_are_tuned_as_if_each_were_tried(kind: type[TunedWindow], memory: int) -> None:
    source = np.random.default_rng(3)
    predictor = kind(memory)
    for number in range(1, 161):
        predictor.update(Work(), 7.0 + float(source.lognormal(0.0, 2.0)))
        if number % CALIBRATION == 0 and number in (10, 20, 50, 110, 160):
            seconds = predictor.seconds()
            assert seconds.size == min(number, memory or LONGEST)
            assert predictor.window == tried_one_by_one(seconds, predictor)


@given(st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=40), st.sampled_from([0.0, 2.5]))
def test_a_quantile_is_that_of_many(pairs: list[tuple[float, float]], tail: float) -> None:
    values, weights = np.array(pairs).T
    one = Distribution(values, weights, tail)
    for asked in (0.0, 0.03, 0.5, 0.77, 0.999, 1.0):
        assert one.quantile(asked) == pytest.approx(float(one.quantiles([asked])[0]), rel=1e-12)
    for scaled in (one, one.scaled(3.0), one.scaled(3.0).scaled(0.5)):
        assert scaled.points == pytest.approx(scaled.quantiles(MIDDLES), rel=1e-12)


def test_sums_with_what_is_certain_are_sums() -> None:
    known, certain = Distribution(np.array([1.0, 2.0, 5.0])), Distribution.at(4.0)
    assert added([known, certain]).quantiles(MIDDLES) == pytest.approx(known.points + 4.0)
    assert added([certain, certain]).values.tolist() == [8.0]
    assert added([known, known]).mean == pytest.approx(2 * float(known.points.mean()))


@given(st.lists(TIMES, min_size=1, max_size=60))
def test_the_median_is_numpys(values: list[float]) -> None:
    assert median(np.array(values)) == np.median(values)


@given(st.lists(st.tuples(st.floats(0.0, 500.0), TIMES, TIMES), min_size=2, max_size=30))
def test_a_weighted_line_is_that_of_least_squares(rows: list[tuple[float, float, float]]) -> None:
    sizes, seconds, weights = np.array(rows).T
    line = weighted_line(sizes, seconds, weights)
    mean_size, mean = np.average(sizes, weights=weights), np.average(seconds, weights=weights)
    spread = float(weights @ (sizes - mean_size) ** 2)
    if spread <= 1e-6 * weights.sum() * max(mean_size**2, 1.0):
        return
    slope = float(weights @ ((sizes - mean_size) * (seconds - mean))) / spread
    if slope > 0.0 and mean - slope * mean_size > 0.0:
        assert line.slope == pytest.approx(slope, rel=1e-6)
    assert line.slope >= 0.0 and line.intercept >= 0.0


def robust_line(sizes: Floats, seconds: Floats, counts: Floats) -> Line:
    """Each line follows from the one before, until nothing moves any more."""
    floor = 0.25 * float(np.median(seconds))
    line = weighted_line(sizes, seconds, counts / np.maximum(seconds, floor) ** 2)
    for _ in range(400):
        scales = np.maximum(line.over(sizes), floor)
        errors = np.abs(seconds - line.over(sizes)) / scales
        bound = HUBER * max(1.4826 * float(np.median(errors)), 1e-3)
        line = weighted_line(sizes, seconds, counts / (np.maximum(errors, bound) * scales**2))
    return line


@pytest.mark.parametrize("count", [7, 20, 60, 100])
def test_a_robust_line_is_found_in_a_few_rounds(count: int) -> None:
    missed = []
    for seed in range(40):
        source = np.random.default_rng(seed)
        sizes = np.maximum(np.rint(source.lognormal(3.5, 1.2, count)), 1.0)
        seconds = (10.0 + 0.3 * sizes) * source.lognormal(0.0, 0.15, count)
        seconds[source.random(count) < 0.1] *= 3.0
        found, wanted = relative_huber(sizes, seconds), robust_line(sizes, seconds, np.ones(count))
        for size in np.quantile(sizes, [0.1, 0.5, 0.9]).tolist():
            missed.append(abs(found.at(size) / wanted.at(size) - 1.0))
    assert np.median(missed) < 5e-4
    assert np.quantile(missed, 0.95) < 3e-3


def test_a_prior_is_worth_two_observations_where_sizes_lie() -> None:
    source = np.random.default_rng(5)
    sizes = source.uniform(5.0, 200.0, 30)
    seconds = (10.0 + 0.3 * sizes) * source.lognormal(0.0, 0.1, 30)
    prior, ends = Line(0.6, 4.0), np.quantile(sizes, [0.1, 0.9])
    wanted = robust_line(
        np.append(sizes, ends), np.append(seconds, prior.over(ends)), np.append(np.ones(30), [6, 6])
    )
    found = relative_huber(sizes, seconds, prior=(prior, 12.0))
    assert found.over(ends) == pytest.approx(wanted.over(ends), rel=2e-3)
    assert relative_huber(sizes, seconds).slope < found.slope < 0.6


@pytest.mark.parametrize("memory", [1, 2, 7])
def test_what_is_kept_are_the_last_observations(memory: int) -> None:
    predictor = DecayedLine(memory)
    for number in range(1, 40):
        predictor.update(Work(float(number)), number + 0.5)
        last = np.arange(max(number - memory, 0) + 1, number + 1)
        assert predictor.sizes().tolist() == last.tolist()
        assert predictor.seconds().tolist() == (last + 0.5).tolist()
        if number == 20:
            predictor = DecayedLine.from_document(predictor.to_document())


def test_a_restored_one_says_the_same_however_much_is_long_gone() -> None:
    source, predictor = np.random.default_rng(7), DecayedQuantiles()
    for number in range(1, 2 * MEMORY + 60):
        predictor.update(Work(), float(source.exponential(10.0)), bool(source.random() < 0.2))
        if number % 53 == 0:
            found = predictor.predict(Work())
            again = DecayedQuantiles.from_document(predictor.to_document()).predict(Work())
            assert again.values.tolist() == found.values.tolist()
            assert again.weights.tolist() == found.weights.tolist()
            assert again.tail == found.tail


def test_an_expert_of_a_mixture_learns_as_it_does_alone() -> None:
    source, mixture = np.random.default_rng(6), Mixture()
    alone = Mixture().experts
    for _ in range(25):
        size = float(source.lognormal(3.5, 1.0))
        seconds = 10.0 + 0.3 * size + float(source.normal(0.0, 1.0))
        mixture.update(Work(size), seconds)
        for expert in alone:
            expert.update(Work(size), seconds)
    documents = [one.to_document() for one in mixture.experts]
    assert documents == [one.to_document() for one in alone]


def test_lines_of_many_samples_are_those_of_each() -> None:
    source = np.random.default_rng(0)
    sizes = source.choice([5.0, 10.0, 40.0, 90.0], (50, 5))
    sizes[3] = 10.0
    seconds = np.maximum(2.0 + 0.3 * sizes + source.normal(0.0, 6.0, (50, 5)), 0.1)
    slopes, intercepts = bayesian_lines(sizes, seconds)
    for row in range(50):
        line = bayesian_line(sizes[row], seconds[row])
        assert (slopes[row], intercepts[row]) == pytest.approx((line.slope, line.intercept))


@settings(max_examples=30)
@given(st.lists(st.tuples(TIMES, st.booleans()), min_size=12, max_size=30))
def test_quantiles_without_a_cut_are_those_of_kaplan_and_meier(
    rows: list[tuple[float, bool]],
) -> None:
    predictor = DecayedQuantiles()
    for seconds, _ in rows:
        predictor.update(Work(), seconds)
    if predictor.changes:
        return
    times, cut, _ = (np.array(column) for column in zip(*predictor.rows, strict=True))
    counts = 0.5 ** (np.arange(times.size)[::-1] / predictor.half_life)
    values, weights, left = survived(times, cut.astype(bool), counts)
    found = predictor.predict(Work())
    assert left == 0.0
    assert found.values == pytest.approx(values)
    assert found.weights == pytest.approx(weights / weights.sum())


def test_a_mixture_that_is_asked_again_answers_from_what_it_has_learnt_since() -> None:
    source, mixture = np.random.default_rng(1), Mixture()
    for number in range(30):
        size = float(source.lognormal(3.5, 1.0))
        mixture.update(Work(size), 10.0 + 0.3 * size + float(source.normal(0.0, 1.0)))
        said = np.array([one.predict(Work(50.0)).quantile(0.5) for one in mixture.experts])
        for _ in range(2):
            expected = Distribution(said, mixture.weights).quantile(0.5)
            assert mixture.predict(Work(50.0)).quantile(0.5) == pytest.approx(expected), number


def test_misses_that_are_asked_again_know_what_came_since() -> None:
    misses = Misses()
    before = misses.around(10.0)
    assert misses.around(10.0) is before
    for seconds in (10.0, 30.0, 10.0, 3.0):
        misses.add(10.0, seconds)
    assert misses.around(10.0).quantile(0.9) != before.quantile(0.9)
    assert misses.around(10.0).quantile(0.5) == pytest.approx(10.0)


def test_what_is_nearby_follows_from_its_covariances() -> None:
    source, predictor = np.random.default_rng(2), Nearby()
    for _ in range(50):
        size = float(source.lognormal(3.5, 1.0))
        predictor.update(Work(size), 20.0 + 0.3 * size + float(source.normal(0.0, 3.0)))
    sizes = predictor.sizes()
    steps = np.log1p(70.0) - np.log1p(sizes)
    fading = np.exp(-np.arange(sizes.size, 0.0, -1.0) / RECENT)
    like = 1.0 + 70.0 * sizes / np.mean(sizes**2)
    like = like + fading * (LEVEL**2 + SHAPE**2 * np.exp(-0.5 * steps**2))
    assert predictor.point(Work(70.0)) == pytest.approx(float(like @ predictor._solved), rel=1e-9)


def test_consensus_that_differs_by_rounding_only_is_decided_by_order() -> None:
    seconds = np.array([35.0, 51.0, 45.0, 32.0, 48.0, 33.0, 44.0, 23.0, 38.0, 31.0])
    found = set()
    for seed in range(8):  # two groups of equal size explain their members equally well
        shaken = seconds + np.random.default_rng(seed).normal(0.0, 1e-13, 10)
        line = ransac_line(np.full(10, 10.0), shaken, 5, np.random.default_rng(0))
        found.add(round(line.intercept, 6))
    assert found == {39.0}


@pytest.mark.parametrize("name", PREDICTORS.names())
def test_the_middle_is_the_median_of_what_is_predicted(name: str) -> None:
    source, predictor = np.random.default_rng(4), PREDICTORS.get(name)()
    assert np.isnan(predictor.middle(Work(30.0)))
    for _ in range(25):
        size = float(source.lognormal(3.5, 1.0))
        predictor.update(Work(size), 5.0 + 0.3 * size + float(source.exponential(4.0)))
        for asked in (Work(1.0), Work(30.0), Work(900.0)):
            expected = predictor.predict(asked).quantile(0.5)
            assert predictor.middle(asked) == pytest.approx(expected, rel=1e-9)
