"""Decision trees as arrays: grown with scikit-learn where it is, evaluated without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import Floats
from lamina.errors import BundleError, MissingExtraError

_MANY = 50_000
"""Rows from which on growing trees is worth several threads."""
_LEAF = -1
_CELLS = 2_000_000
"""Rows x trees that are followed at once; bounds the memory."""
_ARRAYS = (
    "feature", "threshold", "left", "right", "missing_left", "value", "roots", "columns", "start",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees whose leaves add up, all their nodes one after the other.

    A row goes left where its feature is at most the threshold, or is NaN and `missing_left`.

    Args:
        features: that a row has.
        feature: which one a node asks for, (nodes,); -1 at a leaf.
        threshold: (nodes,).
        left, right: numbers of the nodes below, (nodes,).
        missing_left: whether rows that do not tell the feature go left, (nodes,).
        value: what a leaf adds, (nodes, width).
        roots: first node of each tree, (trees,).
        columns: the output from which on a tree's values are added, (trees,).
        start: outputs before the first tree, (outputs,).

    Raises:
        BundleError: arrays that do not make trees.
    """

    features: int
    feature: NDArray[np.int32]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float32] | Floats = field(repr=False)
    roots: NDArray[np.int32]
    columns: NDArray[np.int32]
    start: Floats

    def __post_init__(self) -> None:
        nodes = len(self.feature)
        inner = self.feature != _LEAF
        here = np.arange(nodes)[inner]
        good = (
            all(len(one) == nodes for one in (self.threshold, self.left, self.right, self.value))
            and len(self.missing_left) == nodes
            and self.value.ndim == 2
            and len(self.columns) == len(self.roots)
            # Children stand behind their parent: whoever follows them comes to an end.
            and bool((self.left[inner] > here).all() and (self.right[inner] > here).all())
            and _within(self.left[inner], nodes)
            and _within(self.right[inner], nodes)
            and _within(self.feature[inner], self.features)
            and _within(self.roots, nodes)
            and _within(self.columns, len(self.start) - self.value.shape[1] + 1)
        )
        if not good:
            raise BundleError("the trees are damaged", "train the detector again")

    @property
    def nodes(self) -> int:
        """How many, leaves included."""
        return len(self.feature)

    def __repr__(self) -> str:
        return f"<{len(self.roots)} trees of {self.nodes} nodes over {self.features} features>"

    def __call__(self, rows: Floats) -> Floats:
        """Sums of the leaves that rows (n, features) come to, (n, outputs)."""
        found = np.repeat(self.start[None, :], len(rows), axis=0)
        if not len(self.roots):
            return found
        step = max(1, _CELLS // len(self.roots))
        for first in range(0, len(rows), step):
            part = slice(first, first + step)
            leaves = self._leaves(rows[part])
            for column in np.unique(self.columns).tolist():
                own = self.value[leaves[:, self.columns == column]]
                found[part, column : column + own.shape[2]] += own.sum(axis=1, dtype=np.float64)
        return found

    def _leaves(self, rows: Floats) -> NDArray[np.int64]:
        """Number of the leaf that each row comes to in each tree, (n, trees)."""
        trees = len(self.roots)
        at = np.tile(self.roots.astype(np.int64), len(rows))
        row = np.repeat(np.arange(len(rows)), trees)
        going = np.flatnonzero(self.feature[at] != _LEAF)
        while len(going):
            node = at[going]
            told = rows[row[going], self.feature[node]]
            left = np.where(np.isnan(told), self.missing_left[node], told <= self.threshold[node])
            node = np.where(left, self.left[node], self.right[node]).astype(np.int64)
            at[going] = node
            going = going[self.feature[node] != _LEAF]
        return at.reshape(len(rows), trees)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """A plain document and arrays."""
        return {"features": self.features}, {name: getattr(self, name) for name in _ARRAYS}

    @classmethod
    def from_parts(cls, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Trees:
        """The same again.

        Raises:
            BundleError: something is missing, or they are no trees.
        """
        try:
            return cls(
                features=int(document["features"]), **{name: arrays[name] for name in _ARRAYS}
            )
        except KeyError as error:
            raise BundleError(f"the trees have no {error.args[0]}", "train it again") from None


def _within(numbers: NDArray[Any], end: int) -> bool:
    return not len(numbers) or (int(numbers.min()) >= 0 and int(numbers.max()) < end)


def require_scikit_learn(purpose: str) -> None:
    """Raises MissingExtraError where scikit-learn is not installed: trees are grown by it."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "datasets", purpose) from error


@contextmanager
def few_threads(rows: int) -> Iterator[None]:
    """One thread where there is little to do: threads of OpenMP that wait for each other on a
    busy machine take a hundred times as long as one alone."""
    from threadpoolctl import threadpool_limits  # scikit-learn needs it

    with threadpool_limits(1 if rows < _MANY else None):
        yield


def forest_of(model: Any) -> Trees:
    """The trees of a scikit-learn forest: they vote with the shares of the classes in a leaf.

    Args:
        model: a fitted `ExtraTreesClassifier` or `RandomForestClassifier`. It compares rows as
            float32; give `Trees` rows that were cast to it and back for the very same answers.
    """
    parts = []
    for one in model.estimators_:
        tree = one.tree_
        shares = tree.value[:, 0, :] / tree.value[:, 0, :].sum(axis=1, keepdims=True)
        missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
        parts.append(
            _Part(
                np.where(tree.children_left < 0, _LEAF, tree.feature), tree.threshold,
                tree.children_left, tree.children_right, missing, shares / len(model.estimators_),
            )
        )  # fmt: skip
    return _joined(parts, int(model.n_features_in_), [0] * len(parts), np.zeros(model.n_classes_))


def boosted_of(model: Any) -> Trees:
    """The trees of a fitted scikit-learn `HistGradientBoostingClassifier`.

    Their sums are its decision function: with two classes one column, with more a column for each.
    """
    parts, columns = [], []
    for stage in model._predictors:
        for column, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            parts.append(
                _Part(
                    np.where(leaf, _LEAF, nodes["feature_idx"]), nodes["num_threshold"],
                    nodes["left"], nodes["right"], nodes["missing_go_to_left"],
                    np.where(leaf, nodes["value"], 0.0)[:, None],
                )
            )  # fmt: skip
            columns.append(column)
    start = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    return _joined(parts, int(model.n_features_in_), columns, start)


@dataclass(frozen=True, eq=False)
class _Part:
    """One tree, its nodes numbered from 0."""

    feature: NDArray[Any]
    threshold: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[Any]
    value: NDArray[Any]


def _joined(parts: Sequence[_Part], features: int, columns: Sequence[int], start: Floats) -> Trees:
    sizes = [len(part.feature) for part in parts]
    roots = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int32)

    def below(name: str) -> Iterator[NDArray[np.int32]]:
        for part, root in zip(parts, roots.tolist(), strict=True):
            children = getattr(part, name).astype(np.int64) + root
            yield np.where(part.feature == _LEAF, _LEAF, children).astype(np.int32)

    return Trees(
        features=features,
        feature=np.concatenate([part.feature for part in parts]).astype(np.int32),
        threshold=np.concatenate([part.threshold for part in parts]).astype(np.float64),
        left=np.concatenate(list(below("left"))),
        right=np.concatenate(list(below("right"))),
        missing_left=np.concatenate([part.missing_left for part in parts]).astype(np.bool_),
        value=np.concatenate([part.value for part in parts]).astype(np.float32),
        roots=roots,
        columns=np.asarray(columns, dtype=np.int32),
        start=np.asarray(start, dtype=np.float64),
    )
