"""Deployment times: what is cut off, heavy tails, changes of regime."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.estimates.base import Work
from lamina.estimates.predictors.decayed_quantiles import DecayedQuantiles, survived

NOW = Work()


def seen(
    times: np.ndarray[tuple[int], np.dtype[np.float64]], limit: float = 1e9
) -> DecayedQuantiles:
    """One that waited for each time, at most up to a limit."""
    predictor = DecayedQuantiles()
    for time in times:
        predictor.update(NOW, min(float(time), limit), bool(time > limit))
    return predictor


def test_cutting_off_the_late_ones_does_not_make_history_better() -> None:
    times = np.random.default_rng(1).lognormal(3.0, 0.6, 250)
    limit = float(np.quantile(times, 0.7))

    whole, cut = seen(times), seen(times, limit)
    naive = DecayedQuantiles()
    for time in times[times <= limit]:
        naive.update(NOW, float(time))

    assert cut.quantile(NOW, 0.5) == pytest.approx(whole.quantile(NOW, 0.5), rel=0.1)
    assert naive.quantile(NOW, 0.5) < 0.87 * whole.quantile(NOW, 0.5)
    assert cut.quantile(NOW, 0.9) > limit


def test_survival_is_that_of_kaplan_and_meier() -> None:
    # Four at risk, one ends; one is cut off; two at risk, one ends; the last is cut off.
    values, weights, left = survived(
        np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]), np.ones(4)
    )

    assert values.tolist() == [1.0, 3.0]
    assert weights == pytest.approx([0.25, 0.375])
    assert left == pytest.approx(0.375)


def test_where_all_were_cut_off_it_takes_longer_than_any() -> None:
    predictor = DecayedQuantiles()
    for seconds in (10.0, 20.0, 30.0):
        predictor.update(NOW, seconds, True)

    assert predictor.quantile(NOW, 0.5) >= 30.0


def test_a_change_is_noticed_and_the_past_forgotten() -> None:
    source = np.random.default_rng(2)
    predictor = seen(source.lognormal(2.5, 0.3, 150))
    assert predictor.changes <= 2

    before = predictor.changes
    for seconds in source.lognormal(4.5, 0.3, 15):
        predictor.update(NOW, float(seconds))

    assert predictor.changes > before
    assert predictor.quantile(NOW, 0.5) == pytest.approx(np.exp(4.5), rel=0.4)


def test_a_heavy_tail_is_carried_on() -> None:
    times = 10.0 * (1.0 - np.random.default_rng(5).random(300)) ** (-1 / 1.5)

    predictor = seen(times)

    assert predictor.quantile(NOW, 0.999) > 1.3 * np.quantile(times, 0.98)


def test_who_has_waited_expects_more() -> None:
    predictor = seen(np.random.default_rng(4).lognormal(3.0, 0.8, 200))

    rest = [predictor.mean(NOW, waited) for waited in (0.0, 20.0, 60.0)]

    assert rest == sorted(rest)
    assert rest[1] > 20.0
