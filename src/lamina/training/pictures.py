"""Pictures of a training: loss curves, confusion matrix, ROC, comparison of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import MissingExtraError, UsageError
from lamina.training.metrics import auc, roc
from lamina.training.plans import set_label
from lamina.training.report import short_label
from lamina.training.result import FoldResult, MemberResult, SetResult, TrainingResult

Floats = NDArray[np.float64]

INK, PALE, GRID = "#222222", "#9aa0a6", "#e3e3e3"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
"""Told apart with every kind of colour vision (Okabe and Ito, 2008)."""

STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": PALE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "lamina",
}


def loss_curve(result: TrainingResult, path: str | Path) -> Path:
    """Training loss (and validation loss) of each fold, their mean, and the band of one deviation.

    Args:
        result: of a training; for a sweep the chosen set is drawn.
        path: ends in .png, .svg or .pdf.

    Raises:
        UsageError: another ending.
        MissingExtraError: matplotlib is not installed.
    """
    members = _members(result, result.chosen)
    with _Picture(path, (7.2, 4.4)) as (_, axes):
        _curves(axes, [m.cost for m in members], COLOURS[0], "training")
        watched = [m.validation for m in members if m.validation is not None]
        if watched:
            _curves(axes, watched, COLOURS[1], "validation")
        for member in members:
            if member.best_epoch and member.validation is not None:
                best = member.validation[member.best_epoch - 1]
                label = f"best epoch {member.best_epoch}" if len(members) == 1 else None
                axes.plot(
                    member.best_epoch, best, "o", ms=6, color=COLOURS[1], mec="white", label=label
                )
        if _spans_decades([m.cost for m in members]):
            axes.set_yscale("log")
        units = ", scaled target" if result.loss_units == "scaled target" else ""
        axes.set(xlabel="epoch", ylabel=f"loss ({result.chosen.loss_name}{units})")
        over = f", {len(members)} trainings" if len(members) > 1 else ""
        axes.set_title(f"{result.network.name}: loss{over}")
        axes.legend(loc="upper right")
    return Path(path)


def confusion_picture(result: TrainingResult, path: str | Path) -> Path:
    """The confusion matrix summed over the folds: counts, and the share of each true class.

    Raises:
        UsageError: the task is a regression, or another ending than .png, .svg, .pdf.
    """
    matrix = result.chosen.confusion
    if matrix is None:
        raise UsageError("there is no confusion matrix", "it needs classes and test rows")
    return draw_confusion(
        matrix, result.examples.labels, path, f"{result.network.name}: confusion matrix"
    )


def draw_confusion(
    matrix: NDArray[np.int64], labels: Sequence[str], path: str | Path, title: str = ""
) -> Path:
    """A confusion matrix, (classes, classes), true class by row."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    count = len(matrix)
    side = min(3.2 + 0.62 * count, 14.0)
    with _Picture(path, (side + 0.8, side)) as (figure, axes):
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        names = [short_label(label, 14) for label in labels]
        axes.set_xticks(
            range(count),
            names,
            rotation=45 if count > 3 and max(map(len, names)) > 4 else 0,
            ha="center",
        )
        axes.set_yticks(range(count), names)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        if count <= 20:
            for (row, column), number in np.ndenumerate(matrix):
                text = f"{number}\n{shares[row, column]:.0%}" if count <= 6 else f"{number}"
                dark = "white" if shares[row, column] > 0.55 else INK
                axes.text(column, row, text, ha="center", va="center", color=dark, fontsize=10)
        axes.set(xlabel="predicted", ylabel="true", title=title)
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04)
        bar.outline.set_visible(False)
        bar.set_label("share of the true class")
    return Path(path)


def roc_curve(result: TrainingResult, path: str | Path) -> Path:
    """ROC of each fold and of all folds together; for several classes, each against the rest.

    Raises:
        UsageError: the task is a regression, or the folds have no test rows of both classes.
    """
    folds = [fold for fold in result.chosen.folds if len(fold.test_rows)]
    if result.examples.task == "regression" or not folds:
        raise UsageError("there is no ROC curve", "it needs classes and test rows")
    truth = np.concatenate([result.examples.targets[fold.test_rows] for fold in folds])
    chances = np.concatenate([fold.outputs for fold in folds])
    with _Picture(path, (5.6, 5.2)) as (_, axes):
        axes.plot([0, 1], [0, 1], color=PALE, lw=1, ls="--")
        if chances.shape[1] == 2:
            for fold in folds:
                _fold_roc(axes, fold, result)
            _roc_line(axes, truth == 1, chances[:, 1], COLOURS[0], "all folds")
        else:
            _class_rocs(axes, truth, chances, result.examples.labels)
        axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.set_title(f"{result.network.name}: ROC")
        axes.legend(loc="lower right")
    return Path(path)


def sweep_picture(result: TrainingResult, path: str | Path, metric: str = "") -> Path:
    """Every set of a sweep: a metric with its deviation over the folds, and the folds as dots.

    Args:
        result: of a sweep.
        path: ends in .png, .svg or .pdf.
        metric: accuracy for classes and r2 for numbers when left out.
    """
    name = metric or ("r2" if result.examples.task == "regression" else "accuracy")
    sets, labels = result.sets, [set_label(s) or "as given" for s in result.plan.sets]
    with _Picture(path, (7.6, 1.5 + 0.55 * len(sets))) as (_, axes):
        for place, one in enumerate(sets):
            said = one.metric(name)
            values = [fold.scores.values.get(name) for fold in one.folds]
            dots = [value for value in values if value is not None]
            axes.plot(dots, [place] * len(dots), "o", color=PALE, ms=5, alpha=0.8, zorder=2)
            if said["mean"] is None:
                middle = axes.get_yaxis_transform()
                axes.text(0.5, place, "diverged", color=COLOURS[1], va="center", transform=middle)
                continue
            colour = COLOURS[0] if place == result.best else INK
            mean, std = said["mean"], said["std"]
            axes.errorbar(mean, place, xerr=std, fmt="D", color=colour, capsize=4, ms=7, zorder=3)
            axes.annotate(
                f"{mean:.3f} ± {std:.3f}",
                (mean, place),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=colour,
            )
        axes.set_yticks(range(len(sets)), labels)
        axes.set_ylim(len(sets) - 0.4, -0.7)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(f"{name.replace('_', ' ')}, mean and deviation over the folds")
        axes.set_title(f"{result.network.name}: {_count(len(sets), 'set')} of settings")
    return Path(path)


def draw_all(result: TrainingResult, folder: str | Path, ending: str = "png") -> list[Path]:
    """Every picture that suits the result, into a folder that is made when missing.

    Returns:
        Paths of loss-curve, confusion, roc and sweep, as far as they apply.
    """
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    drawn = [loss_curve(result, home / f"loss-curve.{ending}")]
    judged = any(len(fold.test_rows) for fold in result.chosen.folds)
    if result.chosen.confusion is not None:
        drawn.append(confusion_picture(result, home / f"confusion.{ending}"))
    if result.examples.task != "regression" and judged:
        drawn.append(roc_curve(result, home / f"roc.{ending}"))
    if len(result.sets) > 1 and judged:
        drawn.append(sweep_picture(result, home / f"sweep.{ending}"))
    return drawn


class _Picture:
    """A figure on no screen, written when the block ends without an error."""

    def __init__(self, path: str | Path, size: tuple[float, float]) -> None:
        self.path, self.size = Path(path), size
        if self.path.suffix.lower() not in (".png", ".svg", ".pdf"):
            raise UsageError(
                f"a picture {self.path.name!r} cannot be written",
                "end it in .png, .svg or .pdf",
            )
        try:
            import matplotlib
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ModuleNotFoundError:
            raise MissingExtraError("matplotlib", "pictures", "drawing") from None
        self._style = matplotlib.rc_context(rc=STYLE)
        self._figure, self._canvas = Figure, FigureCanvasAgg

    def __enter__(self) -> tuple[Any, Any]:
        self._style.__enter__()
        self.figure = self._figure(figsize=self.size, layout="constrained")
        self._canvas(self.figure)
        return self.figure, self.figure.subplots()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if error is None:
                # Without a date, equal results give equal files.
                plain = {"Date": None} if self.path.suffix.lower() == ".svg" else {}
                self.figure.savefig(self.path, dpi=150, metadata=plain)
        finally:
            self._style.__exit__(kind, error, trace)


def _members(result: TrainingResult, one: SetResult) -> list[MemberResult]:
    return [result.members[number] for fold in one.folds for number in fold.members]


def _curves(axes: Any, curves: Sequence[Floats], colour: str, label: str) -> None:
    for curve in curves:
        axes.plot(_epochs(curve), curve, color=colour, lw=0.7, alpha=0.35)
    shortest = min(len(curve) for curve in curves)
    if len(curves) > 1:
        stacked = np.stack([curve[:shortest] for curve in curves])
        mean, spread = stacked.mean(axis=0), stacked.std(axis=0)
        low = np.maximum(mean - spread, stacked.min(axis=0))
        axes.fill_between(_epochs(mean), low, mean + spread, color=colour, alpha=0.15, lw=0)
    else:
        mean = curves[0]
    name = f"{label}, mean ± deviation" if len(curves) > 1 else label
    axes.plot(_epochs(mean), mean, color=colour, lw=2, label=f"{name} (last {mean[-1]:.3g})")


def _epochs(curve: Floats) -> NDArray[np.int64]:
    return np.arange(1, len(curve) + 1)


def _spans_decades(curves: Sequence[Floats]) -> bool:
    values = np.concatenate(curves)
    values = values[np.isfinite(values) & (values > 0)]
    return bool(len(values)) and float(values.max() / values.min()) > 30


def _fold_roc(axes: Any, fold: FoldResult, result: TrainingResult) -> None:
    positive = result.examples.targets[fold.test_rows] == 1
    false, true = roc(positive, fold.outputs[:, 1])
    axes.plot(false, true, color=COLOURS[0], lw=0.8, alpha=0.4)


def _class_rocs(
    axes: Any, truth: NDArray[np.int64], chances: Floats, labels: Sequence[str]
) -> None:
    """A line per class; of many classes those with the smallest areas, which is said."""
    areas = [auc(truth == k, chances[:, k]) for k in range(len(labels))]
    known = sorted((area, k) for k, area in enumerate(areas) if area is not None)
    drawn = known[: len(COLOURS)]
    for (_, number), colour in zip(drawn, COLOURS, strict=False):
        name = f"{short_label(labels[number])} against the rest"
        _roc_line(axes, truth == number, chances[:, number], colour, name)
    if len(known) > len(drawn):
        rest = [area for area, _ in known[len(drawn) :]]
        axes.plot([], [], " ", label=f"{_count(len(rest), 'class')} more, area from {rest[0]:.3f}")


def _roc_line(
    axes: Any, positive: NDArray[np.bool_], scores: Floats, colour: str, label: str
) -> None:
    area = auc(positive, scores)
    if area is not None:
        false, true = roc(positive, scores)
        axes.plot(false, true, color=colour, lw=2, label=f"{label}, area {area:.3f}")


def _count(number: int, what: str) -> str:
    plural = "es" if what.endswith("s") else "s"
    return f"{number} {what}{plural if number != 1 else ''}"
