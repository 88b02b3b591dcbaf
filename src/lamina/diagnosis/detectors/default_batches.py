"""Batches as clouds: how runs of a batch differ, how batches differ in which the same happened, and
what that says of a run of a batch nobody has seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import NORMAL, Collection, Floats, Numbers

_FEWEST = 3
"""Runs from which on a batch is one; smaller ones of a label are taken together."""
_FAR = 8.0
"""Deviations beyond which it does not matter how far off a run lies."""
_OUTLIER = 4.0
"""Median deviations beyond which a run does not count as more in a covariance."""
_REACH = 6.0
"""Deviations in one column beyond which a run does not fit a batch any less: some runs are odd in
one thing, such as a transfer that had the network for itself."""
_LEAST = 1e-3
_NEVER = -30.0
_KNOWN = 0.5
"""Probability, before a run is seen, that its batch was learnt from."""


class Clouds(NamedTuple):
    """How far the covariances are drawn to their diagonals (the one between batches comes from
    few), and how much batches differ: both of two do, so twice what one does."""

    shrink_within: float = 0.1
    shrink_between: float = 0.3
    between: float = 2.0


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches as clouds of one shape.

    Args:
        classes: number of classes.
        centre, scale: what columns are measured from and in, (d,).
        means: middle of each batch, (batches, d), and after those what is half way between two
            neighbouring levels of a class: an anomaly can have any strength.
        of: class number of each.
        real: how many of them are batches.
        normal: number of the class in which nothing went wrong; -1 where there is none.
        levels: of the real ones; NaN where a label tells none.
        within: covariance of the runs of a batch.
        between: covariance of the batches with one label.
        compared: whether any label has two batches: else nobody knows how batches differ.
    """

    classes: int
    centre: Floats
    scale: Floats
    means: Floats
    of: Numbers
    real: int
    normal: int
    levels: Floats
    within: Floats
    between: Floats
    compared: bool = True
    how: Clouds = field(default_factory=Clouds)

    def judged(self, rows: Floats) -> tuple[Floats, Floats]:
        """Scores (n, classes), and how much likelier it is that a run belongs to a batch that
        was learnt from than to another, (n,), as a logarithm."""
        away = self.scaled(rows)[:, None, :] - self.means
        known = self.fits(away[:, : self.real], self._known())
        other = self.fits(away, self.new())
        found = np.logaddexp(
            np.log(1.0 - _KNOWN) + self._of_classes(other, self.of),
            np.log(_KNOWN) + self._of_classes(known, self.of[: self.real]),
        )
        likelier = np.logaddexp.reduce(known, axis=1) - np.logaddexp.reduce(other, axis=1)
        return found, likelier

    def with_good(self, rows: Floats) -> Batches:
        """The same with one more normal batch: runs of it, or of its period, known to be good.

        So few runs place its middle only roughly; that adds to what its runs seem to differ by,
        and is little beside it.
        """
        middle = _mean(self.scaled(rows))
        return replace(
            self,
            means=np.concatenate([middle[None, :], self.means]),
            of=np.concatenate([[self.normal], self.of]),
            levels=np.concatenate([[np.nan], self.levels]),
            real=self.real + 1,
        )

    def apart(self) -> Floats:
        """Deviations between the middles of real batches, (real, real)."""
        lower = np.linalg.cholesky(self._known())
        middles = np.linalg.solve(lower, self.means[: self.real].T).T
        return np.asarray(np.sqrt(((middles[:, None] - middles) ** 2).sum(axis=2)))

    def belongs(self, rows: Floats, members: Numbers) -> Floats:
        """Probability that a run of a real batch is of one of some, (n,)."""
        fits = self.fits(self.scaled(rows)[:, None, :] - self.means[: self.real], self._known())
        some = np.logaddexp.reduce(fits[:, members], axis=1)
        return np.asarray(np.exp(some - np.logaddexp.reduce(fits, axis=1)))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learnt."""
        return {
            "centre": self.centre, "scale": self.scale, "means": self.means, "of": self.of,
            "levels": self.levels, "within": self.within, "between": self.between,
        }  # fmt: skip

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Batches:
        """The same again. Raises KeyError where something is missing."""
        return cls(
            int(document["classes"]), arrays["centre"], arrays["scale"], arrays["means"],
            arrays["of"], int(document["real"]), int(document["normal"]), arrays["levels"],
            arrays["within"], arrays["between"], bool(document["compared"]),
            Clouds(*document["how"]),
        )  # fmt: skip

    def to_document(self) -> dict[str, Any]:
        """What is no array."""
        return {
            "classes": self.classes, "real": self.real, "normal": self.normal,
            "compared": self.compared, "how": list(self.how),
        }  # fmt: skip

    def _known(self) -> Floats:
        return _shrunk(self.within, self.how.shrink_within)

    def new(self) -> Floats:
        """Covariance of a run around the middle of a batch other than its own."""
        return _shrunk(self.within + self.how.between * self.between, self.how.shrink_between)

    def scaled(self, rows: Floats) -> Floats:
        """Columns as the means are told: from their centre, in their scale."""
        return np.clip((rows - self.centre) / self.scale, -_FAR, _FAR)

    def fits(self, away: Floats, shape: Floats) -> Floats:
        """Log densities of distances (..., d); what is not told does not count."""
        reach = _REACH * np.sqrt(np.diag(shape))
        flat = np.clip(away, -reach, reach).reshape(-1, away.shape[-1])
        found = np.zeros(len(flat))
        kinds, which = np.unique(np.isfinite(flat), axis=0, return_inverse=True)
        for kind, told in enumerate(kinds):
            own = which.ravel() == kind
            if not told.any():
                continue
            part = shape[np.ix_(told, told)]
            lower = np.linalg.cholesky(part)
            solved = np.linalg.solve(lower, flat[own][:, told].T)
            found[own] = -0.5 * (solved**2).sum(axis=0) - np.log(np.diag(lower)).sum()
        return found.reshape(away.shape[:-1])

    def _of_classes(self, fits: Floats, of: Numbers) -> Floats:
        """Log of the mean density of the batches of each class."""
        found = np.full((len(fits), self.classes), -np.inf)
        for k in np.unique(of):
            own = fits[:, of == k]
            found[:, k] = np.logaddexp.reduce(own, axis=1) - np.log(own.shape[1])
        best = found.max(axis=1, keepdims=True) if len(fits) else 0.0
        return np.asarray(np.maximum(found, best + 10 * _NEVER))


def batches_of(runs: Collection, rows: Floats, how: Clouds | None = None) -> Batches:
    """The clouds of labelled runs.

    Args:
        runs: to learn from.
        rows: their columns, (n, d); NaN where one is not told.
        how: constants.
    """
    centre = np.nanmedian(rows, axis=0)
    scale = np.maximum(np.nanstd(rows, axis=0), 0.02)
    scaled = np.clip((rows - centre) / scale, -_FAR, _FAR)
    numbers, names = numbered(runs)
    means, within = [], []
    for number in range(len(names)):
        own = scaled[numbers == number]
        middle = np.nan_to_num(np.nanmedian(own, axis=0))
        means.append(middle)
        within.append(_scatter(own - middle))
    labels = [label for label, _ in names]
    middles, of = (
        np.array(means),
        np.array(
            [runs.targets[np.flatnonzero(numbers == number)[0]] for number in range(len(names))]
        ),
    )
    levels = np.array(
        [runs.levels[np.flatnonzero(numbers == number)[0]] for number in range(len(names))]
    )
    sizes = np.bincount(numbers)
    spread = [one for one, size in zip(within, sizes, strict=True) if size >= _FEWEST] or within
    shape = np.mean(spread, axis=0)
    between = _between(middles, labels)
    half, half_of = _half_way(middles, of, levels)
    return Batches(
        len(runs.classes), centre, scale, np.concatenate([middles, half]),
        np.concatenate([of, half_of]), len(middles),
        runs.classes.index(NORMAL) if NORMAL in runs.classes else -1, levels, shape,
        shape if between is None else between, between is not None, how or Clouds(),
    )  # fmt: skip


def numbered(runs: Collection) -> tuple[Numbers, list[tuple[str, str]]]:
    """The number of each run's group, and the groups: label and batch."""
    pairs = list(zip(runs.labels, runs.batches, strict=True))
    sizes = Counter(pairs)
    groups = [pair if sizes[pair] >= _FEWEST else (pair[0], "") for pair in pairs]
    names = list(dict.fromkeys(groups))
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[group] for group in groups], dtype=np.int64), names


def _scatter(away: Floats) -> Floats:
    """Covariance around the middle; single runs far off do not stretch it."""
    reach = _OUTLIER * (1.4826 * np.nanmedian(np.abs(away), axis=0) + 0.02)
    held = np.nan_to_num(np.clip(away, -reach, reach))
    return np.asarray(held.T @ held / max(len(held) - 1, 1))


def _between(means: Floats, labels: list[str]) -> Floats | None:
    """Covariance of batches with one label; None where no label has two."""
    found, count = np.zeros((means.shape[1],) * 2), 0
    own = np.array(labels, dtype=object)
    for label in dict.fromkeys(labels):
        some = means[own == label]
        away = some - some.mean(axis=0)
        found += away.T @ away
        count += len(some) - 1
    return found / count if count else None


def _half_way(means: Floats, of: Numbers, levels: Floats) -> tuple[Floats, Numbers]:
    """What lies half way between the means of neighbouring levels of a class."""
    found: list[Floats] = []
    classes: list[int] = []
    for k in np.unique(of).tolist():
        there = sorted(set(levels[(of == k) & np.isfinite(levels)].tolist()))
        middles = [means[(of == k) & (levels == level)].mean(axis=0) for level in there]
        for low, high in pairwise(middles):
            found.append((low + high) / 2.0)
            classes.append(k)
    return np.array(found).reshape(-1, means.shape[1]), np.array(classes, dtype=np.int64)


def _shrunk(covariance: Floats, share: float) -> Floats:
    diagonal = np.diag(np.diag(covariance))
    return np.asarray((1 - share) * covariance + share * diagonal + _LEAST * np.eye(len(diagonal)))


def _mean(rows: Floats) -> Floats:
    told = np.isfinite(rows)
    return np.asarray(np.where(told, rows, 0.0).sum(axis=0) / np.maximum(told.sum(axis=0), 1))
