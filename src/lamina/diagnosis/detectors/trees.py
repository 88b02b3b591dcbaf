"""Trees of decisions, grown and judged with arrays alone: boosted, and extremely random ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.calibration import softmax
from lamina.diagnosis.runs import Floats, Numbers

_BINS = 64
_GRAIN = 1e-12


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees whose nodes stand one after the other.

    Args:
        feature: column that a node asks for, (nodes,); -1 at a leaf.
        threshold: above it to the right, (nodes,).
        left: the left child, (nodes,); the right one stands after it.
        value: what a leaf says, (nodes, outputs).
        roots: first node of each tree.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    value: NDArray[np.float32]
    roots: NDArray[np.int32]

    def total(self, rows: Floats) -> Floats:
        """What all trees say of each row together, (n, outputs)."""
        given = np.asarray(rows, dtype=np.float32)
        found = np.zeros((len(given), self.value.shape[1]))
        if not len(given):
            return found
        at = np.repeat(self.roots[None, :], len(given), axis=0)
        line = np.arange(len(given))[:, None]
        while True:
            asked = self.feature[at]
            inner = asked >= 0
            if not inner.any():
                break
            right = given[line, np.maximum(asked, 0)] > self.threshold[at]
            at = np.where(inner, self.left[at] + right, at)
        for tree in range(at.shape[1]):
            found += self.value[at[:, tree]]
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        """The same again. Raises KeyError where one is missing."""
        return cls(**{name: arrays[name] for name in _FIELDS})


def joined(forests: Iterable[Forest]) -> Forest:
    """The trees of several forests as one; what they say adds up."""
    some = list(forests)
    begins = np.cumsum([0] + [len(one.feature) for one in some[:-1]])
    moved = [
        replace(
            one,
            left=np.where(one.left < 0, -1, one.left + begin).astype(np.int32),
            roots=(one.roots + begin).astype(np.int32),
        )
        for one, begin in zip(some, begins.tolist(), strict=True)
    ]
    return Forest(
        **{name: np.concatenate([getattr(one, name) for one in moved]) for name in _FIELDS}
    )


_FIELDS = ("feature", "threshold", "left", "value", "roots")


class Boosting(NamedTuple):
    """How boosted trees grow: `rounds` times one for each class, each on some rows and columns.

    Shallow trees on many columns, since few columns separate runs that are nearly alike.
    """

    rounds: int = 80
    rate: float = 0.1
    depth: int = 2
    rows: float = 0.8
    columns: float = 0.4
    least: int = 8
    penalty: float = 1e-3


def boosted(rows: Floats, targets: Numbers, classes: int, seed: int, how: Boosting) -> Forest:
    """Gradient boosting of the cross-entropy, with second derivatives (J. Friedman, "Greedy
    function approximation", 2001; T. Chen and C. Guestrin, "XGBoost", 2016).

    Args:
        rows: (n, columns) without NaN.
        targets: class numbers.
        classes: how many; the forest's outputs are their scores.
        seed, how: what chance does, and how much.
    """
    generator = np.random.default_rng(seed)
    edges, codes = _binned(rows)
    wanted = np.eye(classes)[targets]
    scores = np.tile(np.log(np.maximum(wanted.mean(axis=0), 1e-6)), (len(rows), 1))
    grown = _Grown(classes)
    grown.leaf(grown.root(), scores[0].copy())
    columns = max(1, round(how.columns * rows.shape[1]))
    share = max(2 * how.least, round(how.rows * len(rows)))
    for _ in range(how.rounds):
        slope = softmax(scores) - wanted
        chosen = generator.permutation(len(rows))[:share]
        for k in np.flatnonzero(wanted.any(axis=0)):
            own = np.sort(generator.permutation(rows.shape[1])[:columns])
            places = codes[:, own] + np.arange(len(own)) * _BINS
            said = slope[:, k] + wanted[:, k]
            bend = np.maximum(said * (1.0 - said), 1e-6)
            step = _Step(codes, edges, own, places, chosen, slope[:, k], bend)
            scores[:, k] += step.grow(grown, int(k), how)
    return grown.forest()


def extremely_random(
    rows: Floats, targets: Numbers, weights: Floats, seed: int, trees: int = 200, tried: float = 0.2
) -> Forest:
    """Trees that split at random places, the best of some columns at each node (P. Geurts et al.,
    "Extremely randomized trees", 2006); the outputs add up to one.

    Args:
        rows: (n, columns) without NaN.
        targets: class numbers.
        weights: of each row.
        seed: of all that is random.
        trees: how many.
        tried: share of the columns that each node looks at.
    """
    generator = np.random.default_rng(seed)
    classes = int(targets.max()) + 1
    heavy = np.eye(classes)[targets] * weights[:, None]
    grown = _Grown(classes)
    columns = max(1, round(tried * rows.shape[1]))
    for _ in range(trees):
        open_nodes = [(grown.root(), np.arange(len(rows)))]
        while open_nodes:
            node, own = open_nodes.pop()
            cut = _random_cut(rows[own], heavy[own], columns, generator)
            if cut is None:
                total = heavy[own].sum(axis=0)
                grown.leaf(node, total / total.sum() / trees)
                continue
            feature, threshold = cut
            right = rows[own, feature] > threshold
            left = grown.split(node, feature, threshold)
            open_nodes += [(left, own[~right]), (left + 1, own[right])]
    return grown.forest()


def _random_cut(
    rows: Floats, heavy: Floats, columns: int, generator: np.random.Generator
) -> tuple[int, float] | None:
    """The best of some random cuts by Gini's impurity; None where there is nothing to cut."""
    if np.count_nonzero(heavy.any(axis=0)) < 2:
        return None
    low, high = rows.min(axis=0), rows.max(axis=0)
    able = np.flatnonzero(high > low)
    if not len(able):
        return None
    own = generator.permutation(able)[:columns]
    places = low[own] + generator.random(len(own)) * (high[own] - low[own])
    places = np.minimum(
        places.astype(np.float32).astype(np.float64), np.nextafter(high[own], low[own])
    )
    right = rows[:, own] > places
    above = right.T.astype(np.float64) @ heavy
    below = heavy.sum(axis=0) - above
    gain = _purity(above) + _purity(below)
    best = int(np.argmax(gain))
    if not right[:, best].any() or right[:, best].all():
        return None
    return int(own[best]), float(places[best])


def _purity(counts: Floats) -> Floats:
    return np.asarray((counts**2).sum(axis=1) / np.maximum(counts.sum(axis=1), _GRAIN))


def _binned(rows: Floats) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
    """Edges between bins for each column, and the bin of each value."""
    edges, codes = [], np.empty(rows.shape, dtype=np.int64)
    single = rows.astype(np.float32)
    for column in range(rows.shape[1]):
        values = np.unique(single[:, column])
        between = (values[:-1] + values[1:]) / np.float32(2.0)
        if len(between) >= _BINS:
            middle = np.quantile(single[:, column], np.arange(1, _BINS) / _BINS)
            between = np.unique(between[np.searchsorted(between, middle).clip(0, len(between) - 1)])
        edges.append(between)
        codes[:, column] = np.searchsorted(between, single[:, column], side="left")
    return edges, codes


class _Grown:
    """Nodes as they are made."""

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.left: list[int] = []
        self.value: list[NDArray[np.float64]] = []
        self.roots: list[int] = []

    def root(self) -> int:
        self.roots.append(self._node())
        return self.roots[-1]

    def leaf(self, node: int, value: Floats) -> None:
        self.value[node] = value

    def split(self, node: int, feature: int, threshold: float) -> int:
        self.feature[node], self.threshold[node] = feature, threshold
        self.left[node] = self._node()
        self._node()
        return self.left[node]

    def forest(self) -> Forest:
        return Forest(
            np.array(self.feature, dtype=np.int32),
            np.array(self.threshold, dtype=np.float32),
            np.array(self.left, dtype=np.int32),
            np.array(self.value, dtype=np.float32).reshape(-1, self.outputs),
            np.array(self.roots, dtype=np.int32),
        )

    def _node(self) -> int:
        self.feature.append(-1)
        self.threshold.append(0.0)
        self.left.append(-1)
        self.value.append(np.zeros(self.outputs))
        return len(self.feature) - 1


class _Step(NamedTuple):
    """What a boosted tree is grown on: the bins of all columns and the edges between them, those
    columns that it may ask for and where their bins stand in a histogram, the rows it sees, first
    and second derivatives."""

    codes: NDArray[np.int64]
    edges: list[NDArray[np.float32]]
    columns: Numbers
    places: Numbers
    rows: Numbers
    slope: Floats
    bend: Floats

    def grow(self, grown: _Grown, output: int, how: Boosting) -> Floats:
        """Grows a tree level by level; what it says of every row, (n,)."""
        root = grown.root()
        where = np.full(len(self.codes), root)
        leaves, nodes = [], [root]
        for _ in range(how.depth):
            cuts = self._cuts(where, nodes, how) if nodes else {}
            leaves += [node for node in nodes if node not in cuts]
            nodes = []
            for node, (column, code) in cuts.items():
                left = grown.split(node, column, float(self.edges[column][code]))
                inside = np.flatnonzero(where == node)
                where[inside] = left + (self.codes[inside, column] > code)
                nodes += [left, left + 1]
        said = np.zeros(len(self.codes))
        for node in leaves + nodes:
            own = self.rows[where[self.rows] == node]
            step = -self.slope[own].sum() / (self.bend[own].sum() + how.penalty)
            value = np.zeros(grown.outputs)
            value[output] = how.rate * step
            grown.leaf(node, value)
            said[where == node] = value[output]
        return said

    def _cuts(self, where: Numbers, nodes: list[int], how: Boosting) -> dict[int, tuple[int, int]]:
        """Node -> the column and the bin after which cutting gains most; those where it does."""
        slots = np.full(int(where.max()) + 1, -1)
        slots[nodes] = np.arange(len(nodes))
        rows = self.rows[slots[where[self.rows]] >= 0]
        wide = len(self.columns)
        at = slots[where[rows]] * (wide * _BINS)
        flat = (self.places[rows] + at[:, None]).ravel()
        size = len(nodes) * wide * _BINS

        def summed(values: Floats) -> Floats:
            held = np.bincount(flat, np.repeat(values[rows], wide), size)
            return np.asarray(held.reshape(len(nodes), wide, _BINS).cumsum(axis=2))

        slope, bend, count = (summed(one) for one in (self.slope, self.bend, np.ones(len(where))))
        gain = _gain(slope, bend, how.penalty)
        fits = (count >= how.least) & (count[:, :, -1:] - count >= how.least)
        gain = np.where(fits, gain, 0.0).reshape(len(nodes), -1)
        best = gain.argmax(axis=1)
        return {
            node: (int(self.columns[place // _BINS]), int(place % _BINS))
            for slot, (node, place) in enumerate(zip(nodes, best.tolist(), strict=True))
            if gain[slot, place] > _GRAIN
        }


def _gain(slope: Floats, bend: Floats, penalty: float) -> Floats:
    """What a cut after each bin gains, from sums over the bins up to it."""
    whole_slope, whole_bend = slope[:, :, -1:], bend[:, :, -1:]
    rest = (whole_slope - slope) ** 2 / (whole_bend - bend + penalty)
    return np.asarray(slope**2 / (bend + penalty) + rest - whole_slope**2 / (whole_bend + penalty))
