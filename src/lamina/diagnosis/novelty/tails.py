"""Tails of Student's t distribution, without SciPy.

D. L. Wallace, "Bounds on normal approximations to Student's and the chi-square distributions"
(1959): t on n degrees of freedom is close to a normal value of sqrt(n log(1 + t^2 / n)), times
(8 n + 1) / (8 n + 3).
"""

from __future__ import annotations

from math import erfc, exp, expm1, log, log1p, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FAR = 8.0
"""Deviations from which on the normal tail is taken from its asymptotic form."""
_LEAST, _MOST = 1e-12, 600.0
"""Surprises that a probability as a number can still tell."""


def normal_value(values: Floats, freedom: float) -> Floats:
    """Values of Student's t -> values of the normal distribution with nearly equal tails."""
    factor = (8 * freedom + 1) / (8 * freedom + 3)
    far = np.sqrt(freedom * np.log1p(np.square(values) / freedom))
    return np.asarray(np.sign(values) * factor * far)


def surprise(values: Floats, freedom: float) -> Floats:
    """-log P(T > value) for each value; 0.69 at 0, more where fewer lie above."""
    found = normal_value(values, freedom)
    flat = [_surprise(value) for value in found.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(found.shape)


def normal_deviation(surprises: Floats) -> Floats:
    """Values of the normal distribution with these -log P(X > value), which are above 0."""
    flat = [_deviation(max(value, _LEAST)) for value in surprises.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(surprises.shape)


def student_bound(share: float, freedom: float) -> float:
    """The value above which a share (below one half) of Student's t lies."""
    factor = (8 * freedom + 3) / (8 * freedom + 1)
    value = factor * NormalDist().inv_cdf(1 - share)
    return sqrt(freedom * expm1(value * value / freedom))


def _deviation(surprise: float) -> float:
    if surprise < _MOST:
        return -NormalDist().inv_cdf(exp(-surprise))
    found = sqrt(2 * surprise)
    for _ in range(5):
        found = sqrt(2 * (surprise - log(found * sqrt(2 * pi)) + log1p(-1 / found**2)))
    return found


def _surprise(value: float) -> float:
    if value < _FAR:
        return -log(0.5 * erfc(value / sqrt(2)))
    return 0.5 * value * value + log(value * sqrt(2 * pi)) - log1p(-1 / value**2)
