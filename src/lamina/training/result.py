"""Results of a training: metrics with mean and deviation, curves, times, origin, and the model."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import UsageError
from lamina.nets.bundle import Bundle
from lamina.nets.initial import Weights
from lamina.nets.network import Network
from lamina.training import report
from lamina.training.examples import Examples, Statistics
from lamina.training.groups import Place
from lamina.training.metrics import Scores, mean_and_deviation, metric_names
from lamina.training.plans import Plan
from lamina.training.program import Rows
from lamina.training.resources import Resource
from lamina.training.settings import Settings

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MemberResult:
    """One training.

    Args:
        label, place, seed: which one it is.
        epochs: that it trained.
        best_epoch: whose weights are kept, with early stopping; None for the last ones.
        cost: training loss of each epoch, (epochs,), in `TrainingResult.loss_units`.
        validation: validation loss of each epoch, or None.
        diverged: epoch (from 1) from which its loss is no number, or None.
        weights: its parameters and buffers.
        shift, scale: its normalisation; None for none.
        target_shift, target_scale: of the target it learned; None for the target as it is.
    """

    label: str
    place: Place
    seed: int
    epochs: int
    best_epoch: int | None
    cost: Floats
    validation: Floats | None
    diverged: int | None
    weights: Weights
    shift: Floats | None
    scale: Floats | None
    target_shift: Floats | None = None
    target_scale: Floats | None = None

    @property
    def loss(self) -> float:
        """What restarts are compared by: best validation loss, or the last training loss."""
        if self.diverged is not None:
            return float("inf")
        if self.validation is not None and self.best_epoch:
            return float(self.validation[self.best_epoch - 1])
        return float(self.cost[-1])


@dataclass(frozen=True, eq=False)
class FoldResult:
    """The evaluation of one fold on its test rows.

    Args:
        label: in words.
        place: of its first training.
        members: numbers of the trainings that count (more than one for an ensemble).
        train_rows, validation_rows: how many rows there were.
        test_rows: which rows were judged.
        scores: metrics, notes, confusion matrix.
        outputs: probabilities per class (rows, classes), or predicted numbers in the target's
            own units.
    """

    label: str
    place: Place
    members: tuple[int, ...]
    train_rows: int
    validation_rows: int
    test_rows: Rows
    scores: Scores
    outputs: Floats


@dataclass(frozen=True, eq=False)
class SetResult:
    """All folds of one entry of a sweep; `loss` is the mean of what its trainings reached."""

    label: str
    changed: Mapping[str, Any]
    settings: Settings
    loss_name: str
    folds: tuple[FoldResult, ...]
    loss: float
    diverged: tuple[str, ...] = ()

    def metric(self, name: str) -> dict[str, float | int | None]:
        """{"mean", "std", "count"} of a metric over the folds."""
        return mean_and_deviation([fold.scores.values.get(name) for fold in self.folds])

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """The confusion matrix, summed over the folds."""
        found = [f.scores.confusion for f in self.folds if f.scores.confusion is not None]
        return np.sum(found, axis=0, dtype=np.int64) if found else None


@dataclass(frozen=True, eq=False)
class Model:
    """What a training leaves to be used: network, weights, normalisation, and in words why it."""

    network: Network
    weights: Weights
    shift: Floats | None
    scale: Floats | None
    origin: str
    target_shift: Floats | None = None
    target_scale: Floats | None = None

    @property
    def statistics(self) -> Statistics:
        """All of them, by name."""
        names = ("shift", "scale", "target_shift", "target_scale")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """The outcome of a plan on a resource; every pair of them gives this same value.

    Args:
        network, plan, settings: what was asked for.
        examples: what it learned from.
        resource: engine, device, threads and the reason for them.
        form: how the members ran ("vectorised", ...).
        sets: one entry per set of the sweep; a single one without a sweep.
        members: every training.
        best: number of the set that counts.
        chosen_by: how `best` was chosen.
        seconds: prepare, compile, train, evaluate, total; and refit.
        model: the trained model; None after cross validation without refitting.
        begun: in words, what every training began with, or why the weights that were asked for
            are not there; empty where none were.
    """

    network: Network
    plan: Plan
    settings: Settings
    examples: Examples
    resource: Resource
    form: str
    sets: tuple[SetResult, ...]
    members: tuple[MemberResult, ...]
    best: int
    chosen_by: str
    seconds: Mapping[str, float]
    model: Model | None = None
    begun: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of Lamina, Python, NumPy and the engine's library."""

    def __post_init__(self) -> None:
        if not self.versions:
            object.__setattr__(self, "versions", versions(self.resource.engine))

    @property
    def chosen(self) -> SetResult:
        """The set that counts."""
        return self.sets[self.best]

    @property
    def loss_units(self) -> str:
        """What losses are counted in: "nats", "target", or "scaled target".

        With "scaled target", 1 is the target's standard deviation over the training rows (or the
        range that it has there, with the scale "min-max"); for mse it is the square of that.
        Metrics are always in the target's own units.
        """
        if self.chosen.loss_name not in ("mse", "l1", "huber"):
            return "nats"
        scaled = any(member.target_scale is not None for member in self.members)
        return "scaled target" if scaled else "target"

    def metric(self, name: str) -> dict[str, float | int | None]:
        """{"mean", "std", "count"} of a metric over the folds of the chosen set."""
        return self.chosen.metric(name)

    def to_json(self, curves: bool = False) -> dict[str, Any]:
        """The result as plain values with stable keys; no NaN.

        Args:
            curves: the whole cost curve of every training too, not only each 100 epochs.
        """
        return report.document(self, curves)

    def table(self) -> list[list[str]]:
        """Rows of text for a terminal: a header, one row per fold or set, the mean last."""
        return report.table_rows(self)

    def __str__(self) -> str:
        return report.text(self)

    def __repr__(self) -> str:
        return f"<training of {self.network.name}: {self.plan}>"

    def _repr_html_(self) -> str:
        """A notebook shows the table of folds or sets."""
        from lamina.workflow.draw.html import table_html

        head, *rows = self.table()
        return table_html(head, rows)


def bundle(result: TrainingResult, name: str = "") -> Bundle:
    """The model of a result, with everything that a prediction and a reader need.

    Its metrics are those of the plan: of the holdout, or cross-validated when the model was
    refitted on all rows.

    Raises:
        UsageError: the result has no model (cross validation without refitting).
    """
    model = result.model
    if model is None:
        raise UsageError(
            f"the plan {result.plan} leaves no single model",
            "train with refit=True: one more training on all rows, after the folds",
        )
    names = metric_names(result.examples.task)
    metrics: dict[str, Any] = {name: result.metric(name) for name in names}
    matrix = result.chosen.confusion
    if matrix is not None:
        metrics["confusion"] = matrix.tolist()
    settings = {
        **result.chosen.settings.to_document(),
        **result.plan.to_document(),
        "model": f"{model.origin}, {result.begun}" if result.begun else model.origin,
    }
    return Bundle(
        network=model.network,
        weights=model.weights,
        preparation=result.examples.fitted_document(model.statistics),
        labels=result.examples.labels,
        task=result.examples.task,
        loss=result.chosen.loss_name,
        metrics=metrics,
        settings=settings,
        seed=result.settings.seed,
        engine=result.resource.engine,
        device=result.resource.device,
        versions=dict(result.versions),
        digests={"data": result.examples.digest, "code": code_digest()},
        name=name or result.network.name,
    )


_LIBRARIES = {"torch": "torch", "fused": "llvmlite"}


def versions(engine: str) -> dict[str, str]:
    """Versions of Lamina, Python, NumPy and the engine's library.

    Not of others, whether or not they are loaded: a model is the same wherever it was trained.
    """
    from lamina import __version__

    found = {"lamina": __version__, "python": platform.python_version(), "numpy": np.__version__}
    library = _LIBRARIES.get(engine, "")
    if library in sys.modules:
        found[library] = str(getattr(sys.modules[library], "__version__", ""))
    return found


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Digest ("sha256:...") of Lamina's own source files."""
    import lamina

    home = Path(str(lamina.__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        digest.update(path.relative_to(home).as_posix().encode())
        digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()}"
