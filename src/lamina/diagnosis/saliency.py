"""Where on a chart a network's answer rests, mapped back to jobs and phases.

Grad-CAM after R. R. Selvaraju et al. (2017): maps of a late layer, weighted by how much the class's
output grows with each. Occlusion after M. D. Zeiler and R. Fergus (2014): paper is laid over parts
of the chart. For detectors that read no charts, see `lamina.diagnosis.explain.occlusion`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.charts import Charts
from lamina.diagnosis.detectors.networks import ChartNetworkFitted
from lamina.diagnosis.runs import Floats, Run
from lamina.errors import MissingExtraError, UnknownNameError, UsageError
from lamina.nets.network import Network
from lamina.traces.gantt.tensor import ChartForm, row_order
from lamina.training.program import BYTE
from lamina.workflow.log import PHASES

METHODS = ("grad-cam", "occlusion")
"""Ways to find where an answer rests."""

FINE = 7
"""Points along each side that the layer of Grad-CAM has at least, where the network has such."""

PATCH = 8
"""Parts of the chart's sides that paper is laid over, half a part further each time."""

_AT_ONCE = 64


class Bar(NamedTuple):
    """A phase of all jobs of a type on a saliency map.

    Args:
        kind, phase: which.
        share: of the map's weight that lies on its bars; those of all bars add up to 1 or less.
        density: mean weight of its area, as a multiple of the mean of the whole chart.
    """

    kind: str
    phase: str
    share: float
    density: float


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """Where the answer rests.

    Args:
        method: one of `METHODS`.
        target: the class that is answered for.
        picture: (height, width), at least 0; the largest weight is 1, unless all are 0.
        shares: (jobs, phases) share of the picture's weight on each bar, by the table's rows.
        density: (jobs, phases) mean weight of each bar, as a multiple of the picture's mean; NaN
            where a phase took no time on the chart.
        kinds: of the rows.
    """

    method: str
    target: str
    picture: Floats = field(repr=False)
    shares: Floats = field(repr=False)
    density: Floats = field(repr=False)
    kinds: tuple[str, ...] = field(default=(), repr=False)

    def bars(self) -> tuple[Bar, ...]:
        """Phases of types of job with any weight, the greatest share first."""
        own = np.array(self.kinds, dtype=object)
        found = []
        for kind in dict.fromkeys(self.kinds):
            rows = own == kind
            for column, phase in enumerate(PHASES):
                share = float(self.shares[rows, column].sum())
                with np.errstate(invalid="ignore", divide="ignore"):
                    area = np.nansum(self.shares[rows, column] / self.density[rows, column])
                if share > 0 and area > 0:
                    found.append(Bar(kind, phase, share, share / float(area)))
        return tuple(sorted(found, key=lambda bar: -bar.share))


def saliency_map(
    fitted: ChartNetworkFitted, run: Run, target: str = "", method: str = "grad-cam"
) -> SaliencyMap:
    """Where on the chart of a run a network's answer rests.

    Args:
        fitted: a detector that reads charts.
        run: that is judged.
        target: a class; the one that is answered when empty.
        method: one of `METHODS`.

    Raises:
        UnknownNameError: no such class.
        UsageError: no such method; a network without a layer that keeps places.
        MissingExtraError: torch is not installed.
    """
    if method not in METHODS:
        raise UsageError(
            f"there is no saliency map by {method!r}", f"choose from {', '.join(METHODS)}"
        )
    if target and target not in fitted.classes:
        raise UnknownNameError("class", target, fitted.classes)
    chart = np.multiply(Charts((run,), fitted.form).drawn(), BYTE, dtype=np.float32)
    scores = fitted.scores([run])[0]
    number = fitted.classes.index(target) if target else int(scores.argmax())
    picture = _MAPS[method](fitted, chart, number)
    top = picture.max(initial=0.0)
    picture = picture / top if top > 0 else picture
    shares, density = on_bars(picture, run, fitted.form)
    return SaliencyMap(
        method, fitted.classes[number], picture, shares, density, run.table.kinds
    )  # fmt: skip


def on_bars(picture: Floats, run: Run, form: ChartForm) -> tuple[Floats, Floats]:
    """Weight of a picture on the bars of a run's chart.

    Sums over the exact rectangles, whatever parts of pixels they take.

    Args:
        picture: (height, width) weights.
        run: whose chart it lies over.
        form: of that chart.

    Returns:
        (jobs, phases): shares of all weight, and mean weight over that of the picture.
    """
    table, (height, width) = run.table, picture.shape
    jobs = len(table)
    if not jobs:
        return np.zeros((0, len(PHASES))), np.zeros((0, len(PHASES)))
    length = form.seconds or table.seconds
    scale = width / length if length > 0 else 0.0
    begin, end = (
        np.clip(np.nan_to_num(times) * scale, 0.0, width)
        for times in (table.phase_begin, table.phase_end)
    )
    end = np.maximum(begin, end)
    # Sums from the chart's corner: down to the edge of each row, across to each edge of a bar.
    corner = np.pad(np.cumsum(np.cumsum(picture, axis=0), axis=1), ((1, 0), (1, 0)))
    place = np.empty(jobs, dtype=np.int64)
    place[row_order(table, form.order)] = np.arange(jobs)
    each = height / jobs
    top, bottom = (place[:, None] * each, (place[:, None] + 1) * each)
    inside = (
        _at(corner, bottom, end) - _at(corner, top, end)
        - _at(corner, bottom, begin) + _at(corner, top, begin)
    )  # fmt: skip
    inside, whole = np.maximum(inside, 0.0), float(picture.sum())
    area = (end - begin) * each
    shares = inside / whole if whole > 0 else np.zeros_like(inside)
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.where(area > 0, shares * height * width / area, np.nan)
    return shares, density


def _at(corner: Floats, down: Floats, across: Floats) -> Floats:
    """Sums up to places between pixels: linear within a pixel, along both sides."""
    down, across = np.broadcast_arrays(down, across)
    row = np.minimum(down.astype(np.int64), corner.shape[0] - 2)
    column = np.minimum(across.astype(np.int64), corner.shape[1] - 2)
    low, left = down - row, across - column
    upper = corner[row, column] * (1 - left) + corner[row, column + 1] * left
    lower = corner[row + 1, column] * (1 - left) + corner[row + 1, column + 1] * left
    return np.asarray(upper * (1 - low) + lower * low)


def cam_layer(network: Network) -> str:
    """The layer that Grad-CAM looks at: the last one with maps of `FINE` points or more along each
    side, or where there is none, the last one with maps.

    Raises:
        UsageError: the network has none.
    """
    maps = [node.name for node in network.nodes if len(network.shapes[node.name]) == 3]
    fine = [name for name in maps if min(network.shapes[name][1:]) >= FINE]
    if not maps:
        raise UsageError(
            f"network {network.name!r} has no layer with maps", "ask for the method occlusion"
        )
    return (fine or maps)[-1]


def _grad_cam(fitted: ChartNetworkFitted, chart: NDArray[np.float32], number: int) -> Floats:
    try:
        import torch
        from torch.nn.functional import interpolate

        from lamina.nets.convert.torch_out import to_torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("torch", "torch", "a saliency map of a network") from None
    layer, last = cam_layer(fitted.network), fitted.network.outputs[0]
    module = to_torch(fitted.network, fitted.weights).to(fitted.device).eval()
    given = torch.from_numpy(chart).to(fitted.device).requires_grad_()
    values: Any = module(given, outputs=[layer, last])
    maps = values[layer]
    (slopes,) = torch.autograd.grad(values[last][0, number], maps)
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    seen = (weights * maps).sum(dim=1, keepdim=True).relu().detach()
    fitting = interpolate(seen, chart.shape[2:], mode="bilinear", align_corners=False)
    return np.asarray(fitting[0, 0].cpu().numpy(), dtype=np.float64)


def _occlusion(fitted: ChartNetworkFitted, chart: NDArray[np.float32], number: int) -> Floats:
    """By how much the class's output falls below that of the others, where that is so."""
    paper = 1.0 if fitted.form.channels == "colours" else 0.0
    height, width = chart.shape[2:]
    tall, broad = max(1, height // PATCH), max(1, width // PATCH)
    corners = [
        (down, right)
        for down in range(0, max(1, height - tall + 1), max(1, tall // 2))
        for right in range(0, max(1, width - broad + 1), max(1, broad // 2))
    ]
    before = _lead(fitted.outputs(chart), number)[0]
    total, times = np.zeros((height, width)), np.zeros((height, width))
    for first in range(0, len(corners), _AT_ONCE):
        some = corners[first : first + _AT_ONCE]
        covered = np.repeat(chart, len(some), axis=0)
        for one, (down, right) in zip(covered, some, strict=True):
            one[:, down : down + tall, right : right + broad] = paper
        falls = before - _lead(fitted.outputs(covered), number)
        for fall, (down, right) in zip(falls.tolist(), some, strict=True):
            total[down : down + tall, right : right + broad] += fall
            times[down : down + tall, right : right + broad] += 1.0
    return np.maximum(total / np.maximum(times, 1.0), 0.0)


def _lead(outputs: NDArray[np.float32], number: int) -> Floats:
    """Logarithm of the odds of a class, (n,)."""
    others = np.delete(outputs.astype(np.float64), number, axis=1)
    return np.asarray(outputs[:, number] - np.logaddexp.reduce(others, axis=1))


_MAPS = {"grad-cam": _grad_cam, "occlusion": _occlusion}
