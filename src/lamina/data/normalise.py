"""Normalisation: shift and scale per feature, fitted on training rows only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lamina.errors import DataError

NORMALISATIONS = ("min-max", "standard", "none")

Vector = NDArray[np.float64]


def fit_normalisation(kind: str, features: ArrayLike) -> tuple[Vector, Vector]:
    """Shift and scale, so that x' = (x - shift) * scale.

    Args:
        kind: "min-max" (x' from 0 to 1), "standard" (mean 0, deviation 1, divisor n), or "none".
        features: float64 of shape (rows, features), training rows only.

    Returns:
        shift and scale, each float64 of shape (features,). A constant column has scale 0, so
        that x' is 0 there; `constant_columns` tells which they are.

    Raises:
        DataError: no rows, a value that is not finite, or an unknown kind.
    """
    if kind not in NORMALISATIONS:
        raise DataError(f"normalise = {kind!r}", f"choose from {', '.join(NORMALISATIONS)}")
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise DataError(
            f"normalisation needs features of shape (rows, features); these have {values.shape}",
            "fit it on at least one training row",
        )
    if kind == "none":
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    low, high = values.min(axis=0), values.max(axis=0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        spread = high - low if kind == "min-max" else values.std(axis=0)
        shift = low if kind == "min-max" else values.mean(axis=0)
        scale = 1.0 / spread
    _refuse_unbounded(np.isfinite(spread) & np.isfinite(shift))
    scale[(high == low) | ~np.isfinite(scale)] = 0.0
    return shift, scale


def constant_columns(scale: ArrayLike) -> tuple[int, ...]:
    """Numbers of the features that were constant over the training rows (scale 0)."""
    return tuple(int(i) for i in np.flatnonzero(np.asarray(scale) == 0.0))


def _refuse_unbounded(bounded: NDArray[np.bool_]) -> None:
    if not bounded.all():
        where = ", ".join(str(i) for i in np.flatnonzero(~bounded)[:5])
        raise DataError(
            f"features number {where} (counted from 0) cannot be normalised: their values are "
            "not finite, or too far apart for float64",
            "drop those rows or scale the column first",
        )
