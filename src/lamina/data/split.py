"""Splits: holdout, k-fold, repeated k-fold; seeded, stratified where labels are given."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lamina.data.tables import Table
from lamina.errors import DataError

Rows = NDArray[np.int64]
Split = tuple[Rows, Rows]
"""Training rows in shuffled order, and test rows in ascending order."""


class Parts(NamedTuple):
    """A table in two parts."""

    train: Table
    test: Table


def split_table(table: Table, test: float = 0.2, seed: int = 0, target: str = "") -> Parts:
    """A table in a part to train on and a part to test on; the task called "split-table".

    Args:
        table: at least two rows.
        test: share of the rows that are kept for testing.
        seed: equal seeds give equal parts.
        target: name of a column of classes, each of which keeps its share; empty for none.

    Raises:
        DataError: as `holdout`; no such column.
    """
    labels = None
    if target:
        given = table.select([target])[target]
        labels = given.astype(str) if given.dtype == object else given
    train_rows, test_rows = holdout(table.rows, test, seed, labels)
    return Parts(table.take(train_rows), table.take(test_rows))


def holdout(rows: int, test: float = 0.2, seed: int = 0, labels: ArrayLike | None = None) -> Split:
    """One split into training and test rows.

    Args:
        rows: how many rows there are.
        test: share of the rows kept for testing, between 0 and 1; rounded to whole rows, at
            least one row on each side.
        seed: equal seeds give equal splits on every machine (PCG64).
        labels: class of every row; given, each class keeps its share within one row
            (largest remainders). A class of one row goes to training.

    Returns:
        int64 row numbers: training rows shuffled by the seed, test rows ascending.

    Raises:
        DataError: fewer than two rows, a share outside (0, 1), labels of another length.
    """
    _check(rows, seed)
    if not 0.0 < test < 1.0:
        raise DataError(f"test = {test!r}", "give a share between 0 and 1, such as 0.2")
    generator = np.random.default_rng(seed)
    wanted = min(rows - 1, max(1, round(rows * test)))
    groups = _groups(rows, labels)
    shares = _shares([len(g) for g in groups], wanted)
    tested = [generator.permutation(g)[:n] for g, n in zip(groups, shares, strict=True)]
    return _split(rows, np.concatenate(tested), generator)


def kfold(rows: int, folds: int = 5, seed: int = 0, labels: ArrayLike | None = None) -> list[Split]:
    """`folds` splits in which every row is tested exactly once.

    Folds differ by at most one row in size; with labels, by at most one row of each class.

    Raises:
        DataError: fewer than two folds, more folds than rows, a class with fewer rows than
            folds (all such classes are named).
    """
    _check(rows, seed)
    return _folds(rows, folds, np.random.default_rng(seed), labels)


def repeated_kfold(
    rows: int,
    folds: int = 5,
    repeats: int = 2,
    seed: int = 0,
    labels: ArrayLike | None = None,
) -> list[Split]:
    """`repeats` times `kfold`, each with another order; the first one equals `kfold`."""
    _check(rows, seed)
    if repeats < 1:
        raise DataError(f"repeats = {repeats}", "give at least 1")
    first = _folds(rows, folds, np.random.default_rng(seed), labels)
    more = [
        _folds(rows, folds, np.random.default_rng([seed, r]), labels) for r in range(1, repeats)
    ]
    return [split for splits in (first, *more) for split in splits]


def _folds(
    rows: int, folds: int, generator: np.random.Generator, labels: ArrayLike | None
) -> list[Split]:
    if folds < 2:
        raise DataError(f"folds = {folds}", "give at least 2")
    if folds > rows:
        raise DataError(
            f"{folds} folds of {rows} rows: some would be empty", f"give at most {rows} folds"
        )
    groups = _groups(rows, labels)
    if labels is not None:
        _refuse_small(groups, np.asarray(labels), folds)
    dealt = np.empty(rows, dtype=np.int64)
    dealt[np.concatenate([generator.permutation(g) for g in groups])] = np.arange(rows) % folds
    return [_split(rows, np.flatnonzero(dealt == fold), generator) for fold in range(folds)]


def _split(rows: int, tested: Rows, generator: np.random.Generator) -> Split:
    mask = np.zeros(rows, dtype=bool)
    mask[tested] = True
    return generator.permutation(np.flatnonzero(~mask)), np.flatnonzero(mask)


def _groups(rows: int, labels: ArrayLike | None) -> list[Rows]:
    if labels is None:
        return [np.arange(rows)]
    given = np.asarray(labels)
    if given.shape != (rows,):
        raise DataError(
            f"labels of shape {given.shape} for {rows} rows", "give one label for each row"
        )
    _, where = np.unique(given, return_inverse=True)
    return [np.flatnonzero(where == k) for k in range(int(where.max()) + 1)]


def _shares(sizes: list[int], wanted: int) -> list[int]:
    """Whole rows per group in proportion to its size (largest remainders); never a whole group."""
    total = sum(sizes)
    room = [size - 1 if len(sizes) > 1 else size for size in sizes]
    exact = [wanted * size / total for size in sizes]
    shares = [min(int(e), r) for e, r in zip(exact, room, strict=True)]
    order = sorted(range(len(sizes)), key=lambda k: (int(exact[k]) - exact[k], k))
    for k in order:
        if sum(shares) < wanted and shares[k] < room[k]:
            shares[k] += 1
    if not any(shares):
        raise DataError(
            "no class has two rows, so none can be tested and trained on",
            "gather more rows, or split without labels",
        )
    return shares


def _check(rows: int, seed: int) -> None:
    if rows < 2:
        raise DataError(
            f"{rows} rows cannot be split", "give at least 2 rows (are many of them dropped?)"
        )
    if seed < 0:
        raise DataError(f"seed = {seed}", "give a seed of at least 0")


def _refuse_small(groups: list[Rows], labels: NDArray[np.generic], folds: int) -> None:
    small = [(labels[g[0]].item(), len(g)) for g in groups if len(g) < folds]
    if small:
        said = ", ".join(f"{label!r} has {count}" for label, count in small[:8])
        raise DataError(
            f"{folds} folds need {folds} rows of every class; {said}",
            f"give at most {max(2, min(count for _, count in small))} folds, gather more rows, "
            "or split without labels",
        )
