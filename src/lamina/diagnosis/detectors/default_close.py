"""Batches that are nearly alike, and what tells them apart: how evenly the network was shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.detectors.default_batches import Batches, numbered
from lamina.diagnosis.network import shares_of
from lamina.diagnosis.runs import Collection, Floats, Numbers, Run

NEAR = 6.0
"""Deviations between two batches of different classes below which they are nearly alike."""
_FAR = 4.0
"""Deviations beyond which it does not matter how far off a run lies."""
_LEAST_SCORE = -9.0
_FEWEST = 10
"""Runs of each class from which on they can be told apart."""
_TOLD = 0.9
"""Share of the runs that have to tell a column."""


@dataclass(frozen=True, eq=False)
class Close:
    """Normal distributions with one shape for batches of different classes that are nearly alike.

    Args:
        classes: number of classes.
        members: which clouds of the detector these are.
        columns: of `lamina.diagnosis.network.COLUMNS`.
        centre, scale: what columns are measured from and in, (d,).
        means: middle of each batch, (batches, d).
        of: class number of each.
        shape: covariance within a batch, (d, d).
    """

    classes: int
    members: Numbers
    columns: Numbers
    centre: Floats
    scale: Floats
    means: Floats
    of: Numbers
    shape: Floats

    def scores(self, runs: Sequence[Run], belongs: Floats) -> Floats:
        """(n, classes), zero at the best of the classes that are nearly alike and at all others.

        Args:
            runs: to judge.
            belongs: probability that a run is of one of these batches, (n,): what is said counts
                that much. A run that does not tell all the columns gets zeros.
        """
        rows = shares_of(runs)[:, self.columns]
        told = np.isfinite(rows).all(axis=1)
        found = np.zeros((len(runs), self.classes))
        if not told.any():
            return found
        away = _scaled(rows[told], self.centre, self.scale)[:, None, :] - self.means
        solved = np.linalg.solve(self.shape, away.reshape(-1, away.shape[2]).T).T
        fits = -0.5 * (away * solved.reshape(away.shape)).sum(axis=2)
        there = np.unique(self.of)
        of_class = np.stack(
            [np.logaddexp.reduce(fits[:, self.of == k], axis=1) for k in there], axis=1
        )
        best = of_class.max(axis=1, keepdims=True)
        found[np.ix_(told, there)] = np.maximum(of_class - best, _LEAST_SCORE)
        return np.asarray(found * belongs[:, None])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learnt."""
        return {
            "members": self.members, "columns": self.columns, "centre": self.centre,
            "scale": self.scale, "means": self.means, "of": self.of, "shape": self.shape,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, classes: int, arrays: Mapping[str, NDArray[Any]]) -> Close:
        """The same again. Raises KeyError where something is missing."""
        return cls(classes, *(arrays[name] for name in _FIELDS))


_FIELDS = ("members", "columns", "centre", "scale", "means", "of", "shape")


def close_of(runs: Collection, batches: Batches) -> Close | None:
    """What tells batches apart that are nearly alike; None where there are none, or too few runs
    tell how the network was shared.

    Args:
        runs: to learn from.
        batches: their clouds.
    """
    of = batches.of[: batches.real]
    apart = batches.apart()
    members = np.flatnonzero(((apart < NEAR) & (of[:, None] != of)).any(axis=1))
    if not len(members):
        return None
    numbers = numbered(runs)[0]
    own = np.flatnonzero(np.isin(numbers, members))
    rows, numbers = shares_of(runs.taken(own).runs), numbers[own]
    columns = np.flatnonzero(np.isfinite(rows).mean(axis=0) >= _TOLD)
    told = np.isfinite(rows[:, columns]).all(axis=1)
    rows, numbers = rows[told][:, columns], numbers[told]
    sizes = np.array([(numbers == number).sum() for number in members])
    if not len(columns) or sizes.min() < _FEWEST:
        return None
    centre = np.median(rows, axis=0)
    low, high = np.quantile(rows, [0.15, 0.85], axis=0)
    scale = np.where(high > low, high - low, 1.0)
    scaled = _scaled(rows, centre, scale)
    parts = [scaled[numbers == number] for number in members]
    shape = np.average([shrunk_covariance(part) for part in parts], axis=0, weights=sizes)
    means = np.array([part.mean(axis=0) for part in parts])
    return Close(batches.classes, members, columns, centre, scale, means, of[members], shape)


def shrunk_covariance(rows: Floats) -> Floats:
    """Covariance, its correlations drawn to none by as much as their error asks for (O. Ledoit and
    M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004)."""
    spread = np.maximum(rows.std(axis=0), 1e-6)
    unit = (rows - rows.mean(axis=0)) / spread
    count, wide = unit.shape
    found = unit.T @ unit / count
    target = np.trace(found) / wide * np.eye(wide)
    error = ((unit**2).T @ (unit**2) / count - found**2).sum() / count
    off = ((found - target) ** 2).sum()
    share = min(error / off, 1.0) if off > 0 else 1.0
    kept = (1.0 - share) * found + share * target
    return np.asarray(kept * spread * spread[:, None])


def _scaled(rows: Floats, centre: Floats, scale: Floats) -> Floats:
    return np.clip((rows - centre) / scale, -_FAR, _FAR)
