"""A small dense network as a picture of its neurons: weights as line strength and colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from numpy.typing import NDArray

from lamina.errors import NetworkError
from lamina.nets.initial import Weights
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network
from lamina.nets.parts import Node

_MOST = 16
"""Neurons that a column shows at most; the middle of a larger one is left out."""

_RADIUS, _RING, _MARGIN, _HEAD = 12.0, 16.5, 28.0, 92.0
_FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_STYLE = (
    f"text{{font-family:{_FONT};fill:#1f2630}}.head{{font-size:16px;font-weight:600}}"
    ".sub,.key{font-size:11px;fill:#56606e}.column{font-size:12.5px;font-weight:600}"
    ".name{font-size:12px}.paper{fill:#fbfbfc}.mid{text-anchor:middle}.end{text-anchor:end}"
    ".cell{stroke-width:1.6;fill:#fff;stroke:#8590a2}.in{fill:#e2f4f1;stroke:#2b8f86}"
    ".unit{fill:#f0ebfb;stroke:#7557c0}.out{fill:#fdf2de;stroke:#bd8519}.more circle{fill:#8590a2}"
    ".w{fill:none;stroke:#8c95a4}.pos{stroke:#2f6fc4}.neg{stroke:#d4572a}"
    ".ring{fill:none}.more text{paint-order:stroke;stroke:#fbfbfc;stroke-width:4px}"
    "@media (prefers-color-scheme:dark){text{fill:#e8ebf0}.sub,.key{fill:#aab3c0}"
    ".paper{fill:#14181e}.cell{fill:#232a35}.in{fill:#12332f;stroke:#4fb8ac}"
    ".unit{fill:#2a2243;stroke:#a68fe4}.out{fill:#382b12;stroke:#d8a545}"
    ".w{stroke:#7c8797}.pos{stroke:#6ea6f2}.neg{stroke:#f08a5d}.more text{stroke:#14181e}}"
)


@dataclass(frozen=True)
class _Column:
    """One column of neurons: what stands above it, how many there are, which are shown."""

    title: str
    below: str
    count: int
    kind: str
    weight: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None
    dense: bool = False

    @property
    def shown(self) -> tuple[int, ...]:
        if self.count <= _MOST:
            return tuple(range(self.count))
        half = _MOST // 2
        return (*range(half), *range(self.count - half, self.count))


@dataclass(frozen=True)
class _Place:
    x: float
    y: float


def neurons_svg(
    network: Network,
    weights: Weights | None = None,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
) -> str:
    """The neurons of a dense chain as a self-contained SVG picture.

    A column per Linear layer; a line per weight, the thicker and darker the larger its
    absolute value within the layer; blue for positive, orange for negative. A ring around a
    neuron is its bias. Layers between two Linear layers are named above the column. Columns
    of more than 16 neurons show the first and the last eight.

    Args:
        network: a chain of Linear layers, with layers between them that keep the shape.
        weights: arrays by "node.parameter"; without them all lines look alike.
        input_names: names of the features, in order.
        output_names: names of the outputs, in order.

    Raises:
        NetworkError: the network is not a dense chain, or arrays, names and sizes differ.
    """
    columns = _columns(network, weights)
    _check_names(network, columns, input_names, output_names)
    left = max((_text_width(n) for n in input_names), default=0.0)
    right = max((_text_width(n) for n in output_names), default=0.0)
    tallest = max(_rows(column) for column in columns)
    step = max(34.0, min(52.0, 340.0 / max(tallest, 1)))
    body_height = max(tallest * step, 120.0)
    gap = 172.0 + 3.0 * tallest
    start = _MARGIN + max(left + 14 + _RADIUS, 46.0)
    width = start + gap * (len(columns) - 1) + max(right + 14 + _RADIUS, 60.0) + _MARGIN
    width = max(width, 2 * _MARGIN + _text_width(_title(network)) * 1.5, 520.0 if weights else 0.0)
    height = _HEAD + body_height + (22.0 if weights is None else 50.0)
    places = [
        _stack(column, start + number * gap, _HEAD + body_height / 2, step)
        for number, column in enumerate(columns)
    ]
    lines = [
        line
        for number, column in enumerate(columns)
        if column.dense
        for line in _weights(columns[number - 1], column, places[number - 1], places[number])
    ]
    cells = [_cells(column, spots, step) for column, spots in zip(columns, places, strict=True)]
    names = [*_names(input_names, columns[0], places[0], -1)]
    names += _names(output_names, columns[-1], places[-1], 1)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img">',
            f"<title>{escape(network.name)}</title><style>{_STYLE}</style>",
            f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="10"/>',
            f'<text class="head" x="{_MARGIN}" y="{_MARGIN + 10}">{escape(_title(network))}</text>',
            *lines,
            *cells,
            *(_head(c, p) for c, p in zip(columns, places, strict=True)),
            *names,
            *(_key(height) if weights is not None else ()),
            "</svg>",
            "",
        ]
    )


def _title(network: Network) -> str:
    return f"{network.name} · {network.parameter_count():,} parameters"


def _columns(network: Network, weights: Weights | None) -> list[_Column]:
    mistakes = [] if network.chain else ["the layers do not form one chain"]
    mistakes += [
        f"{node.label} is not dense: neurons are drawn of Linear layers on rows of features"
        for node in network.nodes
        if not _drawable(network, node)
    ]
    if not any(isinstance(node.layer, Linear) for node in network.nodes):
        mistakes.append("there is no Linear layer")
    if mistakes:
        raise NetworkError(
            f"network {network.name!r} cannot be drawn as neurons",
            mistakes,
            "draw its layers instead: lamina graph NETWORK --format svg",
        )
    columns = [_Column(network.inputs[0].name, "", network.inputs[0].shape[-1], "in")]
    for node in network.nodes:
        if isinstance(node.layer, Linear):
            columns.append(_dense_column(network, node, weights))
        else:
            below = " · ".join(part for part in (columns[-1].below, node.layer.kind) if part)
            columns[-1] = replace(columns[-1], below=below)
    columns[-1] = replace(columns[-1], kind="out")
    return columns


def _drawable(network: Network, node: Node) -> bool:
    (before,), after = network.input_shapes(node)[:1], network.shapes[node.name]
    return len(before) == 1 and (isinstance(node.layer, Linear) or before == after)


def _dense_column(network: Network, node: Node, weights: Weights | None) -> _Column:
    count = network.shapes[node.name][0]
    weight, bias = (_array(network, f"{node.name}.{part}", weights) for part in ("weight", "bias"))
    return _Column(node.label, "", count, "unit", weight, bias, dense=True)


def _array(
    network: Network, name: str, weights: Mapping[str, NDArray[np.float32]] | None
) -> NDArray[np.float32] | None:
    wanted = network.parameters().get(name)
    if weights is None or wanted is None:
        return None
    found = weights.get(name)
    if found is None or found.shape != wanted:
        got = "nothing" if found is None else str(found.shape)
        raise NetworkError(
            f"network {network.name!r} cannot be drawn with these weights",
            [f"{name} needs shape {wanted}; it gets {got}"],
        )
    return found


def _check_names(
    network: Network, columns: list[_Column], inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    mistakes = [
        f"{len(names)} names for {column.count} {what}"
        for names, column, what in (
            (inputs, columns[0], "inputs"),
            (outputs, columns[-1], "outputs"),
        )
        if names and len(names) != column.count
    ]
    if mistakes:
        raise NetworkError(f"network {network.name!r} cannot be drawn with these names", mistakes)


def _rows(column: _Column) -> int:
    return len(column.shown) + (column.count > _MOST)


def _stack(column: _Column, x: float, middle: float, step: float) -> dict[int, _Place]:
    """Places of the shown neurons, with one row free where some are left out."""
    top = middle - (_rows(column) - 1) * step / 2
    gap = len(column.shown) // 2 if column.count > _MOST else len(column.shown)
    return {
        neuron: _Place(x, top + (row + (row >= gap)) * step)
        for row, neuron in enumerate(column.shown)
    }


def _weights(
    before: _Column, column: _Column, sources: dict[int, _Place], targets: dict[int, _Place]
) -> list[str]:
    """A curve per weight, the strongest drawn last."""
    largest = _largest(column.weight)
    # Many lines must not become one cloud: then only the strong ones are thick and dark.
    crowd = min(1.0, math.sqrt(40.0 / (len(sources) * len(targets))))
    drawn: list[tuple[float, str]] = []
    for i, start in sources.items():
        for j, end in targets.items():
            value = None if column.weight is None else float(column.weight[j, i])
            strength = 0.25 if value is None else _share(value, largest)
            told = f"{before.title}[{i}] → {column.title}[{j}]"
            drawn.append((strength, _line(start, end, value, (strength, crowd), told)))
    return [line for _, line in sorted(drawn, key=lambda pair: pair[0])]


def _line(
    start: _Place, end: _Place, value: float | None, strength: tuple[float, float], told: str
) -> str:
    share, crowd = strength
    sign = "" if value is None else " pos" if value >= 0 else " neg"
    width = 1.2 if value is None else 0.4 + (1.6 + 2.6 * crowd) * share
    opacity = 0.55 if value is None else 0.1 + 0.8 * share ** (2.0 - crowd)
    told = told if value is None else f"{told}: {value:.4g}"
    return (
        f'<path class="w{sign}" d="{_curve(start, end)}" stroke-width="{width:.2f}" '
        f'opacity="{opacity:.2f}"><title>{escape(told)}</title></path>'
    )


def _curve(start: _Place, end: _Place) -> str:
    x0, x1 = start.x + _RADIUS, end.x - _RADIUS
    bend = (x1 - x0) * 0.42
    handles = f"{x0 + bend:.1f} {start.y:.1f} {x1 - bend:.1f} {end.y:.1f}"
    return f"M{x0:.1f} {start.y:.1f}C{handles} {x1:.1f} {end.y:.1f}"


def _cells(column: _Column, spots: dict[int, _Place], step: float) -> str:
    largest = _largest(column.bias)
    parts = []
    for neuron, spot in spots.items():
        at = f'cx="{spot.x:.1f}" cy="{spot.y:.1f}"'
        told = f"{column.title}[{neuron}]"
        if column.bias is not None:
            value = float(column.bias[neuron])
            strength = _share(value, largest)
            told += f", bias {value:.4g}"
            parts.append(
                f'<circle class="w ring {"pos" if value >= 0 else "neg"}" {at} r="{_RING}" '
                f'stroke-width="{0.6 + 3.0 * strength:.2f}" opacity="{0.2 + 0.7 * strength:.2f}"/>'
            )
        parts.append(
            f'<circle class="cell {column.kind}" {at} r="{_RADIUS}">'
            f"<title>{escape(told)}</title></circle>"
        )
    if column.count > _MOST:
        parts.append(_left_out(column, spots, step))
    return "".join(parts)


def _left_out(column: _Column, spots: dict[int, _Place], step: float) -> str:
    half = len(column.shown) // 2
    above = spots[column.shown[half - 1]]
    dots = "".join(
        f'<circle cx="{above.x:.1f}" cy="{above.y + step + offset:.1f}" r="2"/>'
        for offset in (-7, 0, 7)
    )
    side = -1 if column.kind == "in" else 1
    anchor = "key end" if side < 0 else "key"
    told = f"{column.count - len(column.shown)} more"
    return (
        f'<g class="more">{dots}<text class="{anchor}" x="{above.x + side * 20:.1f}" '
        f'y="{above.y + step + 4:.1f}">{told}</text></g>'
    )


def _head(column: _Column, spots: dict[int, _Place]) -> str:
    x = next(iter(spots.values())).x
    count = (
        f"{column.count} {'value' if column.kind == 'in' else 'unit'}{'s' * (column.count != 1)}"
    )
    below = " · ".join(part for part in (count, column.below) if part)
    return (
        f'<text class="column mid" x="{x:.1f}" y="{_MARGIN + 36}">{escape(column.title)}</text>'
        f'<text class="sub mid" x="{x:.1f}" y="{_MARGIN + 51}">{escape(below)}</text>'
    )


def _names(names: Sequence[str], column: _Column, spots: dict[int, _Place], side: int) -> list[str]:
    if not names:
        return []
    ring = _RING + 4 if column.bias is not None else _RADIUS
    anchor = "name end" if side < 0 else "name"
    return [
        f'<text class="{anchor}" x="{spot.x + side * (ring + 8):.1f}" y="{spot.y + 4:.1f}">'
        f"{escape(str(names[neuron]))}</text>"
        for neuron, spot in spots.items()
    ]


def _key(height: float) -> list[str]:
    y = height - 22
    parts = []
    for x, kind, text in ((_MARGIN, "pos", "positive"), (_MARGIN + 108, "neg", "negative")):
        parts.append(
            f'<path class="w {kind}" d="M{x} {y}h26" stroke-width="3.4" opacity="0.85"/>'
            f'<text class="key" x="{x + 33}" y="{y + 4}">{text}</text>'
        )
    x = _MARGIN + 226
    parts.append(
        f'<circle class="w ring pos" cx="{x}" cy="{y}" r="8" stroke-width="2.4" opacity="0.85"/>'
        f'<text class="key" x="{x + 16}" y="{y + 4}">bias · strength within its layer</text>'
    )
    return parts


def _largest(array: NDArray[np.float32] | None) -> float:
    largest = 0.0 if array is None or not array.size else float(np.abs(array).max())
    return largest if largest > 0 and math.isfinite(largest) else 1.0


def _share(value: float, largest: float) -> float:
    """Strength of a line from 0 to 1; what is not a number is as strong as can be."""
    return min(abs(value) / largest, 1.0) if math.isfinite(value) else 1.0


def _text_width(text: str) -> float:
    return 6.8 * len(text)
