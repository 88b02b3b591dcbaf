"""Vector functions of the fused kernel against NumPy and the mathematics library in float64."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from lamina.training.engines.fused_data import aligned
from lamina.training.engines.fused_kernel import build, numeric
from lamina.training.engines.fused_kernel.code import Code, Value

Doubles = NDArray[np.float64]
SIGNATURE = {"apply": (ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)}


def applied(function: Callable[[Code, Value], Value], values: Doubles) -> Doubles:
    """A vector function over float32 values."""
    code = Code(build.host().core.lanes)
    with (
        code.function("apply", ["ptr %in", "i64 %bytes", "ptr %out"], internal=False),
        code.loop("0", "%bytes", code.step) as loop,
    ):
        code.store(function(code, code.load("%in", loop.index)), "%out", loop.index)
    code.declare("attributes #0 = { nounwind }")
    text = code.text()
    padded = -(-len(values) // 16) * 16
    source, target = (aligned((padded,)).view(np.float32) for _ in range(2))
    source[: len(values)] = values
    machine = build.machine(text, lambda: text, SIGNATURE)
    machine.functions["apply"](source.ctypes.data, 4 * padded, target.ctypes.data)
    return target[: len(values)].astype(np.float64)


def worst(found: Doubles, expected: Doubles) -> float:
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-37)))


def between(low: float, high: float) -> Doubles:
    return np.linspace(low, high, 40_001).astype(np.float32).astype(np.float64)


def test_exp_keeps_float32_precision() -> None:
    x = between(-87.0, 88.0)
    assert worst(applied(numeric.exponential, x), np.exp(x)) < 2.5e-7


def test_exp_is_bounded_outside_its_range() -> None:
    found = applied(numeric.exponential, np.array([-1e30, -np.inf, 1e30, np.inf, np.nan]))
    assert (found[:2] < 2e-38).all()
    assert (found[2:4] > 1e38).all()
    assert np.isnan(found[4])


def test_log_keeps_float32_precision() -> None:
    x = np.exp(between(0.0, 60.0)).astype(np.float32).astype(np.float64)
    found = applied(numeric.logarithm, x)
    np.testing.assert_allclose(found, np.log(x), rtol=3e-7, atol=1e-10)


def test_log_one_plus_is_precise_for_small_values() -> None:
    x = np.exp(between(-80.0, 0.0)).astype(np.float32).astype(np.float64)
    assert worst(applied(numeric.log_one_plus, x), np.log1p(x)) < 3e-7


def test_reciprocal_keeps_float32_precision() -> None:
    x = between(1.0, 2.0)
    assert worst(applied(numeric.reciprocal, x), 1.0 / x) < 2e-7


def test_logistic_is_precise_on_both_sides() -> None:
    x = between(-80.0, 80.0)
    found = applied(lambda code, value: numeric.logistic(code, value)[0], x)
    assert worst(found, 1.0 / (1.0 + np.exp(-x))) < 4e-7


def test_tanh_is_precise_around_zero_and_far_out() -> None:
    x = np.concatenate([between(-12.0, 12.0), between(-1e-4, 1e-4)])
    assert worst(applied(numeric.tangent, x), np.tanh(x)) < 4e-7


@pytest.mark.parametrize("reach", [4.0, 9.0])
def test_the_normal_distribution_is_precise_in_its_tail(reach: float) -> None:
    x = between(-reach, reach)
    expected = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in x])
    found = applied(lambda code, value: numeric.normal(code, value)[0], x)
    # exp(-x^2 / 2) of a rounded square loses as many digits as the square has before the point.
    assert worst(found, expected) < 1e-5
    assert float(np.max(np.abs(found - expected))) < 2e-7


def test_the_density_of_the_normal_distribution_agrees() -> None:
    x = between(-6.0, 6.0)
    found = applied(lambda code, value: numeric.normal(code, value)[1], x)
    np.testing.assert_allclose(found, np.exp(-x * x / 2) / math.sqrt(2 * math.pi), atol=1e-7)
