"""Real data, whole path: accuracy that is known, both engines, and scikit-learn beside them."""

from __future__ import annotations

import math
import os
import warnings

import numpy as np
import pytest

from lamina.data.sources import load
from lamina.nets.zoo import ZOO
from lamina.training.plans import PAPERS_SETS, Plan
from lamina.training.result import TrainingResult
from lamina.training.settings import Settings
from lamina.training.trainer import train

pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")

SETS = {
    "breast-cancer": (1, (3,)),
    "pima": (2, (5, 3)),
    "banknote": (3, (2,)),
    "grid-stability": (4, (8, 5, 3)),
    "bank-marketing": (5, (8, 5, 3)),
}
"""Set -> number of the papers' network, its hidden layers."""


def trained(name: str, engine: str, plan: str | Plan = "kfold:5") -> TrainingResult:
    network = ZOO.get(f"papers-{SETS[name][0]}")()
    table = load(name)
    return train(network, table, table.names[-1], Settings(), plan, engine=engine, threads=1)


def mean(result: TrainingResult, metric: str = "accuracy") -> float:
    value = result.metric(metric)["mean"]
    assert value is not None
    return float(value)


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_network_one_learns_breast_cancer(engine: str) -> None:
    result = trained("breast-cancer", engine)
    assert mean(result) > 0.91
    assert mean(result, "auc") > 0.97
    assert mean(result, "f1") > 0.93
    assert result.chosen.confusion is not None
    assert result.chosen.confusion.sum() == 569
    assert all(member.cost[-1] < 0.25 for member in result.members)


def test_both_engines_give_the_same_predictions() -> None:
    network, table = ZOO.get("papers-1")(), load("breast-cancer")
    fused, torch = (
        train(network, table, "label", Settings(epochs=100), "kfold:3", engine=name, threads=1)
        for name in ("fused", "torch")
    )
    for one, other in zip(fused.chosen.folds, torch.chosen.folds, strict=True):
        np.testing.assert_allclose(one.outputs, other.outputs, atol=2e-3)
        assert np.array_equal(one.test_rows, other.test_rows)


def test_the_papers_sweep_ranks_its_sets() -> None:
    result = trained("breast-cancer", "fused", Plan("kfold", sets=PAPERS_SETS))
    means = [one.metric("accuracy")["mean"] for one in result.sets]
    assert len(means) == 4
    assert all(value is not None and value > 0.85 for value in means)
    assert result.best == 0, "the fastest set reaches the lowest training loss"


def scikit_learn(result: TrainingResult, hidden: tuple[int, ...]) -> np.ndarray:
    """Accuracy of each fold, on the same rows, of a network of the same shape and epochs."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    scores = []
    data = result.examples
    for fold in result.chosen.folds:
        member = result.members[fold.members[0]]
        assert member.shift is not None and member.scale is not None
        rows = (data.features - member.shift) * member.scale
        train_rows = np.setdiff1d(np.arange(len(rows)), fold.test_rows)
        model = MLPClassifier(
            hidden_layer_sizes=hidden,
            solver="sgd",
            alpha=0.0,
            batch_size=math.ceil(len(train_rows) / 6),
            learning_rate_init=0.1,
            momentum=0.9,
            nesterovs_momentum=False,
            max_iter=1000,
            n_iter_no_change=1001,
            tol=0.0,
            random_state=fold.place.fold,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(rows[train_rows], data.targets[train_rows])
        scores.append(model.score(rows[fold.test_rows], data.targets[fold.test_rows]))
    return np.array(scores)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_accuracy_is_not_below_scikit_learn(name: str) -> None:
    if name != "breast-cancer" and not os.environ.get("LAMINA_DATA"):
        pytest.skip("set LAMINA_DATA to the folder with tabular/: the papers' data are there")
    result = trained(name, "fused")
    peer = scikit_learn(result, SETS[name][1])
    error = float(peer.std(ddof=1) / math.sqrt(len(peer)))
    assert mean(result) >= peer.mean() - error, (mean(result), peer.mean(), error)
