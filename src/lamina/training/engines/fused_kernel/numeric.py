"""exp, log, reciprocal, tanh and the normal distribution on float32 vectors, without branches.

The polynomials are weighted minimax fits of our own (Lawson's iteration on Chebyshev nodes);
each keeps the relative error near float32's rounding. What is no number stays no number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lamina.training.engines.fused_kernel.code import Code, Value

_EXP = (
    1.0000000006,
    1.000000038531,
    0.49999991594,
    0.16666410244,
    0.041668288737,
    0.008375645027,
    0.001383580138,
)
"""exp(r) for |r| <= ln(2) / 2; relative error 2e-9."""

_LOG = (
    0.999999995287,
    -0.499999024223,
    0.333299624031,
    -0.249541335177,
    0.196759385487,
    -0.153055905293,
    0.10603651427,
    -0.05695950014,
    0.019851444196,
    -0.003244021146,
)
"""log(1 + t) / t for t in [0, 1]; relative error 5e-9."""

_RECIPROCAL = (2.121211066254, -1.454543991297, 0.323231842568)
"""1 / d for d in [1, 2]; relative error 1e-2, which two Newton steps bring to 1e-8."""

_TANH = (
    0.999999997511,
    -0.333332832573,
    0.133316889588,
    -0.053768704597,
    0.020753628551,
    -0.005852168286,
)
"""tanh(x) / x in x**2 for |x| <= 0.6; relative error 3e-9."""

_TAIL = (
    2.640563775874e-05,
    0.2250825672576,
    0.2313552316640,
    0.1774158930227,
    0.2686389710454,
    -0.06856929995553,
    0.2757912327280,
    -0.06368846434304,
    -0.07474810623477,
    0.02869559941326,
)
"""erfc(x) * exp(x**2) in t = 1 / (1 + 0.4 x) for x in [0, 10]; relative error 3e-8."""

_SHIFT = 12582912.0
"""1.5 * 2**23: adding it rounds a float32 to an integer that stands in its low bits."""


def polynomial(code: Code, coefficients: Sequence[float], argument: Value) -> Value:
    """Horner's scheme; coefficients from the constant one upwards."""
    value = code.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = code.fma(value, argument, code.constant(coefficient))
    return value


def exponential(code: Code, argument: Value) -> Value:
    """exp(x), for x within [-87, 88] and clamped to that."""
    bounded = code.smaller(code.constant(88.0), code.larger(code.constant(-87.0), argument))
    shifted = code.fma(bounded, code.constant(1.0 / math.log(2.0)), code.constant(_SHIFT))
    whole = code.sub(shifted, code.constant(_SHIFT))
    high = 0.693359375
    rest = code.fma(whole, code.constant(-high), bounded)
    rest = code.fma(whole, code.constant(high - math.log(2.0)), rest)
    fraction = polynomial(code, _EXP, rest)
    exponent = code.lanewise("shl", code.bits(shifted), 23)
    return code.unbits(code.lanewise("add", code.bits(fraction), exponent))


def log_one_plus(code: Code, argument: Value) -> Value:
    """log(1 + t) for t in [0, 1]."""
    return code.mul(polynomial(code, _LOG, argument), argument)


def logarithm(code: Code, argument: Value) -> Value:
    """log(x) for normal x >= 1."""
    bits = code.bits(argument)
    exponent = code.lanewise("sub", code.lanewise("lshr", bits, 23), 127)
    power = code.put(f"sitofp {code.integers} {exponent} to {code.vector}")
    one = code.lanewise("or", code.lanewise("and", bits, 0x007FFFFF), 0x3F800000)
    rest = code.sub(code.unbits(one), code.constant(1.0))
    finite = code.fma(power, code.constant(math.log(2.0)), log_one_plus(code, rest))
    return code.choose(code.compare("uno", argument, argument), argument, finite)


def reciprocal(code: Code, argument: Value) -> Value:
    """1 / d for d in [1, 2], cheaper than a division."""
    guess = polynomial(code, _RECIPROCAL, argument)
    for _ in range(2):
        error = code.fma(code.negate(argument), guess, code.constant(1.0))
        guess = code.fma(guess, error, guess)
    return guess


def logistic(code: Code, argument: Value) -> tuple[Value, Value]:
    """1 / (1 + exp(-x)) and exp(-|x|)."""
    small = exponential(code, code.negate(code.call("fabs", argument)))
    share = reciprocal(code, code.add(small, code.constant(1.0)))
    positive = code.compare("oge", argument, code.constant(0.0))
    return code.choose(positive, share, code.mul(small, share)), small


def tangent(code: Code, argument: Value) -> Value:
    """tanh(x)."""
    size = code.call("fabs", argument)
    square = code.mul(argument, argument)
    near = code.mul(polynomial(code, _TANH, square), argument)
    small = exponential(code, code.mul(size, code.constant(-2.0)))
    share = reciprocal(code, code.add(small, code.constant(1.0)))
    far = code.fma(code.mul(small, code.constant(-2.0)), share, code.constant(1.0))
    signed = code.call("copysign", far, argument)
    return code.choose(code.compare("olt", size, code.constant(0.6)), near, signed)


def normal(code: Code, argument: Value) -> tuple[Value, Value]:
    """The normal distribution function of x, and its density."""
    size = code.mul(code.call("fabs", argument), code.constant(math.sqrt(0.5)))
    bell = exponential(code, code.negate(code.mul(size, size)))
    place = code.div(code.constant(1.0), code.fma(size, code.constant(0.4), code.constant(1.0)))
    tail = code.mul(code.mul(bell, code.constant(0.5)), polynomial(code, _TAIL, place))
    below = code.compare("olt", argument, code.constant(0.0))
    share = code.choose(below, tail, code.sub(code.constant(1.0), tail))
    return share, code.mul(bell, code.constant(1.0 / math.sqrt(2.0 * math.pi)))
