"""Normalisation: shift and scale per feature, fitted on training rows only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lamina.errors import DataError

NORMALISATIONS = ("min-max", "standard", "none")

Vector = NDArray[np.float64]

TINY = 1e-140
"""Below this, the square of a difference is no normal float64 any more, or nearly so."""


def fit_normalisation(
    kind: str, features: ArrayLike, what: str = "feature"
) -> tuple[Vector, Vector]:
    """Shift and scale, so that x' = (x - shift) * scale.

    Args:
        kind: "min-max" (x' from 0 to 1), "standard" (mean 0, deviation 1, divisor n), or "none".
        features: float64 of shape (rows, features), training rows only.
        what: a column is called in messages.

    Returns:
        shift and scale, each float64 of shape (features,). A constant column has scale 0, so
        that x' is 0 there.

    Raises:
        DataError: no rows, a value that is not finite, or an unknown kind.
    """
    if kind not in NORMALISATIONS:
        raise DataError(f"normalise = {kind!r}", f"choose from {', '.join(NORMALISATIONS)}")
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise DataError(
            f"normalisation needs {what}s of shape (rows, {what}s); these have {values.shape}",
            "fit it on at least one training row",
        )
    if kind == "none":
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    low, high = values.min(axis=0), values.max(axis=0)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        spread = high - low if kind == "min-max" else _deviation(values, low, high - low)
        # The mean of equal numbers may differ from them in the last bit.
        shift = np.where(high == low, low, low if kind == "min-max" else values.mean(axis=0))
        scale = 1.0 / spread
    _refuse_unbounded(np.isfinite(spread) & np.isfinite(shift), what)
    scale[(high == low) | ~np.isfinite(scale)] = 0.0
    return shift, scale


def fit_columns(kind: str, values: ArrayLike, what: str = "feature") -> tuple[Vector, Vector]:
    """`fit_normalisation` for rows of any shape; shift and scale have the shape of a row.

    Args:
        kind: "min-max", "standard" or "none".
        values: (rows, ...), training rows only. Rows with more than one axis (images) share one
            shift and scale per first axis (channel); others have one per column.
        what: the columns are, for messages.
    """
    given = np.asarray(values, dtype=np.float64)
    if given.ndim <= 2:
        shift, scale = fit_normalisation(kind, given.reshape(len(given), -1), what)
        return shift.reshape(given.shape[1:]), scale.reshape(given.shape[1:])
    channels = np.moveaxis(given, 1, -1).reshape(-1, given.shape[1])
    shape, row = (-1, *([1] * (given.ndim - 2))), given.shape[1:]
    shift, scale = fit_normalisation(kind, channels, what)
    spread = [np.broadcast_to(part.reshape(shape), row).copy() for part in (shift, scale)]
    return spread[0], spread[1]


def restore(values: ArrayLike, shift: Vector, scale: Vector) -> Vector:
    """The inverse of x' = (x - shift) * scale, float64, row by row independent of the others.

    Where the scale is 0 (a constant column), every value becomes the shift.
    """
    factor = np.divide(1.0, scale, out=np.zeros_like(scale, dtype=np.float64), where=scale != 0.0)
    return np.asarray(values, dtype=np.float64) * factor + shift


def _deviation(values: Vector, low: Vector, width: Vector) -> Vector:
    """Deviation of each column (divisor n), also where squares of the differences underflow."""
    deviation = np.asarray(values.std(axis=0))
    for column in np.flatnonzero((width > 0.0) & (width < TINY)):
        share = (values[:, column] - low[column]) / width[column]
        deviation[column] = share.std() * width[column]
    return deviation


def _refuse_unbounded(bounded: NDArray[np.bool_], what: str) -> None:
    if not bounded.all():
        where = ", ".join(str(i) for i in np.flatnonzero(~bounded)[:5])
        raise DataError(
            f"{what}s number {where} (counted from 0) cannot be normalised: their values are "
            "not finite, or too far apart for float64",
            "drop those rows or scale the column first",
        )
