"""Every predictor is held to the suite that ships with Lamina."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from lamina.estimates import PREDICTORS
from lamina.estimates.base import Predictor
from lamina.testing.predictors import (
    CONFORMANCE,
    OBSERVATIONS,
    Observations,
    learns_what_is_constant,
)

Check = Callable[[Callable[[], Predictor], Observations], None]


@pytest.mark.parametrize("name", PREDICTORS.names())
@pytest.mark.parametrize("check", CONFORMANCE, ids=lambda check: check.__name__)
@settings(
    max_examples=8, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(observations=OBSERVATIONS)
def test_predictors_conform(check: Check, name: str, observations: Observations) -> None:
    check(PREDICTORS.get(name), observations)


@pytest.mark.parametrize("name", PREDICTORS.names())
def test_predictors_learn_what_is_constant(name: str) -> None:
    learns_what_is_constant(PREDICTORS.get(name))
