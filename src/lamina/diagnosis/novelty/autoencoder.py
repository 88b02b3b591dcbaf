"""A convolutional autoencoder on charts: what it cannot draw again is strange.

It learns to give charts of normal runs back through a layer of few values. Rows are sorted by
type and name of job, so that a job stands in the same place in every chart, and the time axis is
the same for all, so that longer looks longer.
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
from lamina.nets.layers.activations import LeakyReLU, Sigmoid
from lamina.nets.layers.convolution import Conv2d, ConvTranspose2d
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, Wiring
from lamina.traces.gantt.tensor import ChartForm
from lamina.training.forward import apply
from lamina.training.settings import Settings
from lamina.training.trainer import train
from lamina.workflow.log import PHASES

_FOLDS = 4
"""Parts that are left out in turn when the scale of the errors is found."""
_LEAST = 1e-9
_BYTE = np.float32(1 / 255)

Errors = NDArray[np.float32]


def autoencoder(shape: tuple[int, ...], narrow: int = 8) -> Network:
    """Three convolutions that halve a chart, and three that double it again; rows come flat.

    Args:
        shape: channels, height and width of a chart; height and width divisible by 8.
        narrow: channels of the layer in the middle, 1/64 as many points as the chart.
    """
    wiring = Wiring("chart-autoencoder")
    at = wiring.input("chart", shape)
    for number, channels in enumerate((16, 16, narrow), start=1):
        conv = Conv2d(out_channels=channels, kernel_size=3, stride=2, padding=1)
        at = wiring.add(conv, at, name=f"narrow.conv{number}")
        at = wiring.add(LeakyReLU(), at, name=f"narrow.leaky{number}")
    for number, channels in enumerate((16, 16, shape[0]), start=1):
        back = ConvTranspose2d(out_channels=channels, kernel_size=4, stride=2, padding=1)
        at = wiring.add(back, at, name=f"wide.conv{number}")
        if number < 3:
            at = wiring.add(LeakyReLU(), at, name=f"wide.leaky{number}")
    at = wiring.add(Sigmoid(), at, name="wide.shares")
    wiring.add(Flatten(), at, name="flat")
    return wiring.network()


class Autoencoder:
    """Options: `size` of the charts (64 pixels, a multiple of 8), `narrow` (8 channels in the
    middle), `epochs` (150), `learning_rate` (0.003), `false_alarms`."""

    title: ClassVar[str] = "convolutional autoencoder on charts"
    known: ClassVar[Mapping[str, Any]] = {
        "size": 64, "narrow": 8, "epochs": 150, "learning_rate": 0.003,
    }  # fmt: skip

    def fit(self, normal: Sequence[Run], how: Fitting) -> Novel:
        """Trains the network five times: once on all runs, and on four parts of them to learn
        what it errs by on runs that it has not seen; see `Novelty.fit`."""
        wish = options_of(how.options, self.known)
        if wish["size"] < 8 or wish["size"] % 8:
            raise DataError(f"size cannot be {wish['size']}", "give a multiple of 8")
        enough(normal)
        told = [run for run in normal if len(run.table)]
        form = chart_form(wish["size"], "phases", "absolute", runs=told)

        def errors(learnt: Sequence[Run], runs: Sequence[Run]) -> Floats:
            how.tell(f"learning from {len(learnt)} of {len(told)} runs")
            weights = _trained(learnt, form, wish, how)
            return _logarithms(_errors(_network(form, wish), weights, form, runs, how.device))

        held = left_out(told, errors, _FOLDS)
        centre, scale = float(held.mean()), max(float(held.std(ddof=1)), _LEAST)
        rate = float(wish["false_alarms"])
        network, weights = _network(form, wish), _trained(told, form, wish, how)
        usual = _errors(network, weights, form, told, how.device).mean(axis=0)
        return NovelCharts(
            network, weights, form, cells_of(told), usual, (centre, scale),
            threshold_of((held - centre) / scale, rate), rate, how.device,
        )  # fmt: skip

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Novel:
        """From the network's document, its weights, and the scale of its errors."""
        try:
            network = network_from_document(document["network"], "the autoencoder")
            wanted = {**network.parameters(), **network.buffers()}
            weights = {name: np.asarray(arrays[f"weights.{name}"]) for name in wanted}
            begin = "cells."
            usual = {n[len(begin) :]: a for n, a in arrays.items() if n.startswith(begin)}
            found = NovelCharts(
                network, weights, form_of(document["form"]),
                Cells.from_parts(document["cells"], usual), np.asarray(arrays["usual"]),
                (float(document["centre"]), float(document["scale"])),
                float(document["threshold"]), float(document["false_alarms"]),
            )  # fmt: skip
        except KeyError as error:
            raise BundleError(f"what was learnt has no {error.args[0]}", "learn it again") from None
        except LaminaError as error:
            raise BundleError(f"the autoencoder: {error.message}", "learn it again") from None
        if any(weights[name].shape != shape for name, shape in wanted.items()):
            raise BundleError("the weights do not fit the autoencoder", "learn it again")
        return found


@dataclass(frozen=True, eq=False)
class NovelCharts:
    """A trained autoencoder.

    Args:
        network, weights: what was trained.
        form: of its charts.
        cells: what is usual, for the seconds of reasons.
        usual: (channels, height, width) mean error on normal runs.
        scaling: mean and deviation of the logarithm of the error on normal runs not learnt from.
        threshold, false_alarms: see `Novel`.
        device: where it computes; a restored one on the CPU.
    """

    network: Network = field(repr=False)
    weights: Weights = field(repr=False)
    form: ChartForm
    cells: Cells = field(repr=False)
    usual: Errors = field(repr=False)
    scaling: tuple[float, float]
    threshold: float
    false_alarms: float
    device: str = "cpu"

    def scores(self, runs: Sequence[Run]) -> Floats:
        """Logarithm of the mean square error, in deviations of normal runs, (n,)."""
        centre, scale = self.scaling
        errors = _errors(self.network, self.weights, self.form, runs, self.device)
        return np.asarray((_logarithms(errors) - centre) / scale)

    def reasons(self, run: Run, most: int = 5) -> tuple[Reason, ...]:
        """Where in the chart the error is larger than usual, by type of job and phase."""
        if not len(run.table):
            return ()
        ordered = _ordered(run)
        own = _errors(self.network, self.weights, self.form, [run], self.device)[0]
        over = np.maximum(own - self.usual, 0.0).sum(axis=2)
        total = float(over.sum())
        if not total > 0:
            return ()
        kinds = self.cells.rows(ordered.table)[0][rows_of(ordered.table, self.form)]
        shares = np.zeros((len(self.cells.kinds), len(PHASES)))
        np.add.at(shares, kinds[kinds >= 0], over.T[kinds >= 0] / total)
        places = np.argsort(-shares, axis=None, kind="stable")[:most].tolist()
        ranked = [(*divmod(place, len(PHASES)), float(shares.flat[place])) for place in places]
        return reasons_of(self.cells, run, [entry for entry in ranked if entry[2] > 0])

    def to_parts(self) -> Parts:
        """Documents of network and form; weights, and what is usual."""
        cells, usual = self.cells.to_parts()
        document = {
            "network": network_to_document(self.network),
            "form": form_document(self.form),
            "cells": cells,
            "centre": self.scaling[0],
            "scale": self.scaling[1],
            "threshold": self.threshold,
            "false_alarms": self.false_alarms,
        }
        arrays = {f"weights.{name}": array for name, array in self.weights.items()}
        arrays |= {f"cells.{name}": array for name, array in usual.items()}
        return document, {**arrays, "usual": self.usual}


def _network(form: ChartForm, wish: Mapping[str, Any]) -> Network:
    return autoencoder(form.shape, wish["narrow"])


def _trained(
    runs: Sequence[Run], form: ChartForm, wish: Mapping[str, Any], how: Fitting
) -> Weights:
    """Weights of a network that was trained on the charts of runs."""
    charts = _drawn(runs, form)
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
    result = train(
        _network(form, wish), (charts, charts.reshape(len(charts), -1)), settings=settings,
        plan="all", kind="regression", normalise="none", target_scale="none", engine="torch",
        device=how.device,
    )  # fmt: skip
    assert result.model is not None
    return result.model.weights


def _errors(
    network: Network, weights: Weights, form: ChartForm, runs: Sequence[Run], device: str
) -> Errors:
    """(n, channels, height, width): squares of what is drawn wrong."""
    charts = _drawn(runs, form)
    if not len(charts):
        return charts
    again = apply(network, weights, charts, device).reshape(charts.shape)
    return np.asarray(np.square(again - charts))


def _drawn(runs: Sequence[Run], form: ChartForm) -> NDArray[np.float32]:
    charts = Charts(tuple(_ordered(run) for run in runs), form).drawn()
    return np.asarray(charts * _BYTE, dtype=np.float32)


def _logarithms(errors: Errors) -> Floats:
    means = errors.reshape(len(errors), int(np.prod(errors.shape[1:]))).mean(axis=1)
    return np.asarray(np.log(means.astype(np.float64) + _LEAST))


def _ordered(run: Run) -> Run:
    """The run with its jobs sorted by type and name."""
    table = run.table
    names = [unstamped(task) for task in table.tasks]
    order = sorted(range(len(table)), key=lambda row: (table.kinds[row], names[row]))
    return replace(run, table=table.taken(order), anomalies=())
