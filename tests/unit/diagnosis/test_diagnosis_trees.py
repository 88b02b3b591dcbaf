"""Trees as arrays answer as scikit-learn does, and damaged ones are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lamina.diagnosis.runs import Floats
from lamina.diagnosis.trees import Trees, boosted_of, forest_of
from lamina.errors import BundleError

ensemble = pytest.importorskip("sklearn.ensemble", reason="needs scikit-learn: lamina[datasets]")


def _data(classes: int, missing: bool) -> tuple[Floats, Any]:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((300, 6))
    targets = (rows[:, 0] + rows[:, 1] ** 2 > 0.5).astype(int) + (rows[:, 2] > 0.8)
    if missing:
        rows[generator.random(rows.shape) < 0.2] = np.nan
    return rows, np.minimum(targets, classes - 1)


def _boosted(classes: int, missing: bool = True) -> tuple[Any, Floats]:
    rows, targets = _data(classes, missing)
    return ensemble.HistGradientBoostingClassifier(max_iter=12).fit(rows, targets), rows


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("missing", [True, False])
def test_boosted_trees_answer_as_their_teacher(classes: int, missing: bool) -> None:
    model, rows = _boosted(classes, missing)
    found = boosted_of(model)(rows)
    wanted = model.decision_function(rows).reshape(len(rows), -1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_forest_answers_as_its_teacher(classes: int) -> None:
    rows, targets = _data(classes, missing=False)
    rows = rows.astype(np.float32).astype(np.float64)
    model = ensemble.ExtraTreesClassifier(20, random_state=0).fit(rows, targets)
    np.testing.assert_allclose(forest_of(model)(rows), model.predict_proba(rows), atol=1e-5)


def test_many_rows_are_followed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = _boosted(3)
    trees = boosted_of(model)
    whole = trees(rows)
    monkeypatch.setattr("lamina.diagnosis.trees._CELLS", 7 * len(trees.roots))
    np.testing.assert_array_equal(trees(rows), whole)
    assert trees(rows[:0]).shape == (0, 3)


def test_parts_make_the_same_trees_again() -> None:
    model, rows = _boosted(3)
    trees = boosted_of(model)
    again = Trees.from_parts(*trees.to_parts())
    np.testing.assert_array_equal(again(rows), trees(rows))


@pytest.mark.parametrize(
    ("name", "value"), [("left", 0), ("right", 10**6), ("feature", 6), ("feature", -2)]
)
def test_trees_that_go_in_circles_or_nowhere_are_damaged(name: str, value: int) -> None:
    trees = boosted_of(_boosted(2)[0])
    inner = int(np.flatnonzero(trees.feature >= 0)[-1])
    array = getattr(trees, name).copy()
    array[inner] = value
    with pytest.raises(BundleError, match="damaged"):
        replace(trees, **{name: array})


def test_a_missing_array_is_named() -> None:
    document, arrays = boosted_of(_boosted(2)[0]).to_parts()
    del arrays["threshold"]
    with pytest.raises(BundleError, match="threshold"):
        Trees.from_parts(document, arrays)
