"""A convolutional autoencoder on charts: what it cannot draw again is strange.

It learns to give charts of normal runs, less their mean, back through a layer of few values. Rows
are sorted by type and name of job, and each begins when its job was ready, so that a phase stands
in the same place in every chart unless it, or one before it in the same job, took another time;
the time axis is the same for all, so that longer looks longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.charts import Charts, chart_form, form_document, form_of, rows_of
from lamina.diagnosis.detectors.base import Arrays, Fitting, Parts
from lamina.diagnosis.novelty.base import Novel, Reason, enough, left_out, options_of, threshold_of
from lamina.diagnosis.novelty.cells import Cells, cells_of, unstamped
from lamina.diagnosis.novelty.on_cells import reasons_of
from lamina.diagnosis.runs import Floats, Run
from lamina.errors import BundleError, DataError, LaminaError
from lamina.nets.document import network_from_document, network_to_document
from lamina.nets.initial import Weights
from lamina.nets.layers.activations import LeakyReLU
from lamina.nets.layers.base import size
from lamina.nets.layers.convolution import Conv2d, ConvTranspose2d
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.reshaping import Flatten, Reshape
from lamina.nets.network import Network, Wiring
from lamina.traces.gantt.tensor import ChartForm
from lamina.training.forward import apply
from lamina.training.settings import Settings
from lamina.training.trainer import train
from lamina.workflow.log import PHASES

_WIDE = 16
"""Channels of the convolutions."""
_FOLDS = 4
"""Parts that are left out in turn when the scale of the errors is found."""
_LEAST = 1e-9
_BYTE = np.float32(1 / 255)

Errors = NDArray[np.float32]


def autoencoder(shape: tuple[int, ...], narrow: int = 16) -> Network:
    """Three convolutions that halve a chart, a few values, and three that double it again.

    Args:
        shape: channels, height and width of a chart; height and width divisible by 8.
        narrow: values in the middle.
    """
    channels, height, width = shape
    deep = (_WIDE, height // 8, width // 8)
    wiring = Wiring("chart-autoencoder")
    at = wiring.input("chart", shape)
    for number in (1, 2, 3):
        conv = Conv2d(out_channels=_WIDE, kernel_size=3, stride=2, padding=1)
        at = wiring.add(conv, at, name=f"narrow.conv{number}")
        at = wiring.add(LeakyReLU(), at, name=f"narrow.leaky{number}")
    at = wiring.add(Flatten(), at, name="narrow.flat")
    at = wiring.add(Linear(out_features=narrow), at, name="middle")
    at = wiring.add(Linear(out_features=size(deep)), at, name="wide.linear")
    at = wiring.add(Reshape(deep), at, name="wide.chart")
    for number, out in ((1, _WIDE), (2, _WIDE), (3, channels)):
        at = wiring.add(LeakyReLU(), at, name=f"wide.leaky{number}")
        back = ConvTranspose2d(out_channels=out, kernel_size=4, stride=2, padding=1)
        at = wiring.add(back, at, name=f"wide.conv{number}")
    wiring.add(Flatten(), at, name="flat")
    return wiring.network()


class Autoencoder:
    """Options: `size` of the charts (32 pixels, a multiple of 8), `narrow` (16 values in the
    middle), `epochs` (100), `learning_rate` (0.001), `false_alarms`."""

    title: ClassVar[str] = "convolutional autoencoder on charts"
    known: ClassVar[Mapping[str, Any]] = {
        "size": 32, "narrow": 16, "epochs": 100, "learning_rate": 0.001,
    }  # fmt: skip

    def fit(self, normal: Sequence[Run], how: Fitting) -> Novel:
        """Trains the network five times: once on all runs, and on four parts of them to learn
        what it errs by on runs that it has not seen; see `Novelty.fit`."""
        wish = options_of(how.options, self.known)
        if wish["size"] < 8 or wish["size"] % 8:
            raise DataError(f"size cannot be {wish['size']}", "give a multiple of 8")
        enough(normal)
        told = [run for run in normal if len(run.table)]
        form = chart_form(wish["size"], "phases", "absolute", runs=[lined_up(run) for run in told])

        def errors(learnt: Sequence[Run], runs: Sequence[Run]) -> Floats:
            how.tell(f"learning from {len(learnt)} of {len(told)} runs")
            return _logarithms(_trained(learnt, form, wish, how).errors(runs))

        held = left_out(told, errors, _FOLDS)
        scaling = float(held.mean()), max(float(held.std(ddof=1)), _LEAST)
        rate = float(wish["false_alarms"])
        drawer = _trained(told, form, wish, how)
        usual = drawer.errors(told).mean(axis=0)
        threshold = threshold_of((held - scaling[0]) / scaling[1], rate)
        return NovelCharts(drawer, cells_of(told), usual, scaling, threshold, rate)

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Novel:
        """From the network's document, its weights, and the scale of its errors."""
        try:
            network = network_from_document(document["network"], "the autoencoder")
            wanted = {**network.parameters(), **network.buffers()}
            weights = {name: np.asarray(arrays[f"weights.{name}"]) for name in wanted}
            drawer = Drawer(network, weights, form_of(document["form"]), arrays["mean"])
            begin = "cells."
            usual = {n[len(begin) :]: a for n, a in arrays.items() if n.startswith(begin)}
            found = NovelCharts(
                drawer, Cells.from_parts(document["cells"], usual), np.asarray(arrays["usual"]),
                (float(document["centre"]), float(document["scale"])),
                float(document["threshold"]), float(document["false_alarms"]),
            )  # fmt: skip
        except KeyError as error:
            raise BundleError(f"what was learnt has no {error.args[0]}", "learn it again") from None
        except LaminaError as error:
            raise BundleError(f"the autoencoder: {error.message}", "learn it again") from None
        odd = [name for name, shape in wanted.items() if weights[name].shape != shape]
        if odd or drawer.mean.shape != drawer.form.shape:
            told = ", ".join(odd) or "charts"
            raise BundleError(f"{told} do not fit the autoencoder", "learn it again")
        return found


@dataclass(frozen=True, eq=False)
class Drawer:
    """A trained network that draws charts again.

    Args:
        network, weights: what was trained.
        form: of its charts.
        mean: chart of the runs that it learnt from.
        device: where it computes; a restored one on the CPU.
    """

    network: Network = field(repr=False)
    weights: Weights = field(repr=False)
    form: ChartForm
    mean: Errors = field(repr=False)
    device: str = "cpu"

    def errors(self, runs: Sequence[Run]) -> Errors:
        """(n, channels, height, width): squares of what is drawn wrong."""
        charts = drawn(runs, self.form)
        if not len(charts):
            return charts
        beside = charts - self.mean
        again = apply(self.network, self.weights, beside, self.device).reshape(charts.shape)
        return np.asarray(np.square(again - beside))


@dataclass(frozen=True, eq=False)
class NovelCharts:
    """A trained autoencoder, and what it errs by on normal runs.

    Args:
        drawer: what was trained.
        cells: what is usual, for the seconds of reasons.
        usual: (channels, height, width) mean error on normal runs.
        scaling: mean and deviation of the logarithm of the error on normal runs not learnt from.
        threshold, false_alarms: see `Novel`.
    """

    drawer: Drawer
    cells: Cells = field(repr=False)
    usual: Errors = field(repr=False)
    scaling: tuple[float, float]
    threshold: float
    false_alarms: float

    def scores(self, runs: Sequence[Run]) -> Floats:
        """Logarithm of the mean square error, in deviations of normal runs, (n,)."""
        centre, scale = self.scaling
        return np.asarray((_logarithms(self.drawer.errors(runs)) - centre) / scale)

    def reasons(self, run: Run, most: int = 5) -> tuple[Reason, ...]:
        """Types of job in whose rows the error is larger than usual, and those of their phases
        that took another time than usual: a phase that is late moves all behind it."""
        if not len(run.table):
            return ()
        table = lined_up(run).table
        over = np.maximum(self.drawer.errors([run])[0] - self.usual, 0.0).sum(axis=(0, 2))
        at, *told = self.cells.usual(table)
        spent, usual = (part[:, : len(PHASES)] for part in told)
        kinds = at[rows_of(table, self.drawer.form)]
        known = len(self.cells.kinds)
        moved = np.zeros((known, len(PHASES)))
        np.add.at(moved, at[at >= 0], np.abs(np.nan_to_num(spent - usual))[at >= 0])
        rows = np.bincount(kinds[kinds >= 0], over[kinds >= 0], minlength=known)
        shares = rows[:, None] * moved / np.maximum(moved.sum(axis=1), _LEAST)[:, None]
        shares /= max(float(over.sum()), _LEAST)
        places = np.argsort(-shares, axis=None, kind="stable")[:most].tolist()
        ranked = [(*divmod(place, len(PHASES)), float(shares.flat[place])) for place in places]
        return reasons_of(self.cells, run, [entry for entry in ranked if entry[2] > 0])

    def to_parts(self) -> Parts:
        """Documents of network and form; weights, and what is usual."""
        cells, usual = self.cells.to_parts()
        document = {
            "network": network_to_document(self.drawer.network),
            "form": form_document(self.drawer.form),
            "cells": cells,
            "centre": self.scaling[0],
            "scale": self.scaling[1],
            "threshold": self.threshold,
            "false_alarms": self.false_alarms,
        }
        arrays = {f"weights.{name}": array for name, array in self.drawer.weights.items()}
        arrays |= {f"cells.{name}": array for name, array in usual.items()}
        return document, {**arrays, "usual": self.usual, "mean": self.drawer.mean}


def drawn(runs: Sequence[Run], form: ChartForm) -> NDArray[np.float32]:
    """(n, channels, height, width), 0 to 1: charts of runs, lined up."""
    charts = Charts(tuple(lined_up(run) for run in runs), form).drawn()
    return np.asarray(charts * _BYTE, dtype=np.float32)


def lined_up(run: Run) -> Run:
    """The run with its jobs sorted by type and name, each as if it had been ready at once."""
    names = [unstamped(task) for task in run.table.tasks]
    order = sorted(range(len(names)), key=lambda row: (run.table.kinds[row], names[row]))
    table = run.table.taken(order)
    ready = table.ready[:, None]
    last = np.nanmax(np.append(table.end - table.ready, 0.0))
    moved = replace(
        table,
        ready=np.zeros_like(table.ready),
        begin=table.begin - table.ready,
        end=table.end - table.ready,
        phase_begin=table.phase_begin - ready,
        phase_end=table.phase_end - ready,
        seconds=float(last),
    )
    return replace(run, table=moved, anomalies=())


def _trained(runs: Sequence[Run], form: ChartForm, wish: Mapping[str, Any], how: Fitting) -> Drawer:
    """A network that was trained on the charts of runs."""
    charts = drawn(runs, form)
    mean = charts.mean(axis=0)
    beside = charts - mean
    settings = Settings(
        epochs=wish["epochs"],
        batch_size=min(8, len(charts)),
        loss="mse",
        optimiser="adam",
        learning_rate=float(wish["learning_rate"]),
        schedule="cosine",
        shuffle="epoch",
        initialisation="kaiming",
        start="plain",
        seed=how.seed,
    )
    network = autoencoder(form.shape, wish["narrow"])
    result = train(
        network, (beside, beside.reshape(len(beside), -1)), settings=settings,
        plan="all", kind="regression", normalise="none", target_scale="none", engine="torch",
        device=how.device,
    )  # fmt: skip
    assert result.model is not None
    return Drawer(network, result.model.weights, form, mean, how.device)


def _logarithms(errors: Errors) -> Floats:
    means = errors.reshape(len(errors), int(np.prod(errors.shape[1:]))).mean(axis=1)
    return np.asarray(np.log(means.astype(np.float64) + _LEAST))
