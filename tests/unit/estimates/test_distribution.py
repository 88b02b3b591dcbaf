"""Distributions: quantiles, tails, waiting, sums and maxima."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.estimates.distribution import Distribution, added, latest

UNIFORM = Distribution(np.linspace(0.0, 10.0, 401))


def test_quantiles_lie_between_the_values() -> None:
    assert Distribution(np.array([1.0, 3.0])).quantile(0.5) == 2.0
    assert Distribution(np.array([3.0, 1.0]), np.array([3.0, 1.0])).quantile(0.625) == 3.0


def test_nothing_known_is_no_number() -> None:
    unknown = Distribution.unknown()

    assert not unknown
    assert np.isnan([unknown.mean, unknown.quantile(0.5), unknown.probability(1.0)]).all()
    assert not added([UNIFORM, unknown])


def test_a_pareto_tail_goes_beyond_the_last_value() -> None:
    heavy = Distribution(np.linspace(1.0, 10.0, 100), tail=2.0)

    left = 1.0 - heavy.middles[-1]
    assert heavy.quantile(1.0 - left / 4) == pytest.approx(20.0)
    assert heavy.probability(20.0) == pytest.approx(1.0 - left / 4)
    assert heavy.mean > Distribution(heavy.values).mean


def test_probability_turns_quantiles_round() -> None:
    for probability in (0.1, 0.5, 0.95):
        assert UNIFORM.probability(UNIFORM.quantile(probability)) == pytest.approx(probability)


def test_after_waiting_only_longer_times_are_left() -> None:
    left = UNIFORM.beyond(5.0)

    assert left.quantile(0.5) == pytest.approx(7.5, abs=0.1)
    assert UNIFORM.beyond(0.0) is UNIFORM
    assert UNIFORM.beyond(40.0).quantile(0.5) == pytest.approx(40.0 * 2 ** (1 / 1.5), rel=0.05)


def test_parts_after_each_other_add_up() -> None:
    whole = added([UNIFORM, UNIFORM, Distribution.at(3.0)])

    assert whole.mean == pytest.approx(13.0, abs=0.1)
    assert whole.quantile(0.5) == pytest.approx(13.0, abs=0.2)
    assert whole.quantile(0.02) > 4.0


def test_the_last_of_two_is_waited_for() -> None:
    assert latest([UNIFORM, UNIFORM]).mean == pytest.approx(20 / 3, abs=0.1)
    assert latest([UNIFORM, Distribution.at(20.0)]).quantile(0.1) == 20.0


def test_samples_need_a_source_and_follow_the_law() -> None:
    drawn = UNIFORM.sample(np.random.default_rng(3), 4000)

    assert np.median(drawn) == pytest.approx(5.0, abs=0.3)


def test_shifted_and_scaled_keep_their_shape() -> None:
    assert UNIFORM.shifted(2.0).quantile(0.5) == pytest.approx(7.0)
    assert UNIFORM.shifted(-7.0).quantile(0.1) == 0.0
    assert UNIFORM.scaled(2.0).quantile(0.5) == pytest.approx(10.0)


def test_it_is_the_same_from_its_document() -> None:
    heavy = Distribution(np.array([1.0, 2.0]), np.array([1.0, 3.0]), 2.0)

    again = Distribution.from_document(heavy.to_document())

    assert again.to_document() == heavy.to_document()
