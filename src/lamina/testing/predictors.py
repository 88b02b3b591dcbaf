"""What every predictor has to do: the conformance suite, and observations to learn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from lamina.estimates import restored
from lamina.estimates.base import Predictor, Work

Observations = Sequence[tuple[float, float, bool]]
"""Sizes, seconds, and whether it was cut off after these."""

_TIMES = st.floats(1e-3, 1e5, allow_nan=False, allow_infinity=False)
_SIZES = st.one_of(st.integers(0, 5000).map(float), st.floats(0.0, 1e10))
OBSERVATIONS: st.SearchStrategy[Observations] = st.lists(
    st.tuples(_SIZES, _TIMES, st.booleans()), max_size=40
)
"""Any observations; for `CONFORMANCE`."""

_ASKED = (Work(0.0), Work(1.0), Work(130.0, 1e9), Work(1e6, node="gpu"))
_LEVELS = (0.01, 0.1, 0.5, 0.9, 0.99)


def learnt(make: Callable[[], Predictor], observations: Observations) -> Predictor:
    """A predictor that has seen observations, one a minute."""
    predictor = make()
    for number, (size, seconds, censored) in enumerate(observations):
        predictor.update(Work(size, 60.0 * number), seconds, censored)
    return predictor


def answers_or_knows_that_it_cannot(
    make: Callable[[], Predictor], observations: Observations
) -> None:
    """Nothing is known before anything was learnt; then all answers are finite, or all NaN."""
    assert not make().predict(_ASKED[1])
    predictor = learnt(make, observations)
    for asked in _ASKED:
        answers = [predictor.mean(asked), *(predictor.quantile(asked, p) for p in _LEVELS)]
        known = np.isfinite(answers)
        assert known.all() or np.isnan(answers).all()
        assert (np.array(answers)[known] >= 0.0).all()


def quantiles_rise(make: Callable[[], Predictor], observations: Observations) -> None:
    """What is surer takes no less; samples lie where quantiles say."""
    predictor = learnt(make, observations)
    for asked in _ASKED:
        found = [predictor.quantile(asked, p) for p in _LEVELS]
        if np.isfinite(found).all():
            assert found == sorted(found)
            drawn = predictor.sample(asked, np.random.default_rng(0), 50)
            assert drawn.shape == (50,)
            assert (drawn >= predictor.quantile(asked, 0.0)).all()
            assert (drawn <= predictor.quantile(asked, 1.0)).all()


def waiting_moves_on(make: Callable[[], Predictor], observations: Observations) -> None:
    """Who has waited so long is not done before; waiting longer never brings the end nearer."""
    predictor = learnt(make, observations)
    middle = predictor.quantile(_ASKED[2], 0.5)
    if np.isfinite(middle):
        ends = [predictor.quantile(_ASKED[2], 0.5, waited) for waited in (0.0, middle, 20 * middle)]
        assert ends[1] >= 0.999 * middle
        assert ends[2] >= 20 * middle * 0.999
        assert ends[0] <= ends[1] * 1.001


def is_the_same_after_saving(make: Callable[[], Predictor], observations: Observations) -> None:
    """What is restored from its document says the same, and learns the same from then on."""
    first = learnt(make, observations)
    again = restored(json.loads(json.dumps(first.to_document())))
    assert type(again) is type(first)
    for _ in range(2):
        for asked in _ASKED:
            here, there = first.predict(asked), again.predict(asked)
            np.testing.assert_allclose(here.values, there.values, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(here.weights, there.weights, rtol=1e-6, atol=1e-12)
        first.update(Work(17.0), 4.0)
        again.update(Work(17.0), 4.0)


def equal_histories_give_equal_answers(
    make: Callable[[], Predictor], observations: Observations
) -> None:
    """No clock and no chance of its own."""
    first, second = (learnt(make, observations) for _ in range(2))
    assert first.to_document() == second.to_document()


CONFORMANCE: tuple[Callable[[Callable[[], Predictor], Observations], None], ...] = (
    answers_or_knows_that_it_cannot,
    quantiles_rise,
    waiting_moves_on,
    is_the_same_after_saving,
    equal_histories_give_equal_answers,
)
"""Checks that take a way to make a predictor, and observations drawn from `OBSERVATIONS`."""


def learns_what_is_constant(make: Callable[[], Predictor]) -> None:
    """After many equal observations it says about the same again."""
    predictor = learnt(make, [(10.0, 30.0, False)] * 40)
    assert abs(predictor.quantile(Work(10.0, 2400.0), 0.5) - 30.0) <= 1.5
