"""A network as a picture: layers as boxes, shapes on the arrows, parameter counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.errors import UnknownNameError
from lamina.nets.layers.base import size
from lamina.nets.network import Network
from lamina.nets.parts import Node
from lamina.workflow.draw.layered import Box, Drawing, Line, to_mermaid, to_svg, to_text

_FORMS: dict[str, Callable[[Drawing], str]] = {
    "mermaid": to_mermaid,
    "svg": to_svg,
    "text": to_text,
}
_TOLD_BY_SHAPES = (
    "in_",
    "out_",
    "num_features",
    "num_channels",
    "input_size",
    "hidden_size",
    "embed_dim",
)
"""Beginnings of settings that the shapes on the arrows tell already."""


def draw_network(network: Network, form: str = "text") -> str:
    """The layers of a network as text, Mermaid or SVG.

    Args:
        network: any network.
        form: "text", "mermaid" or "svg".

    Raises:
        UnknownNameError: another form.
    """
    if form not in _FORMS:
        raise UnknownNameError("form of a drawing", form, _FORMS)
    return _FORMS[form](network_drawing(network))


def network_drawing(network: Network) -> Drawing:
    """Boxes and arrows of a network: an arrow carries the shape of one row's values."""
    boxes = [Box(f"input {i.name}", i.name, _values(i.values), "input") for i in network.inputs]
    places = {i.name: f"input {i.name}" for i in network.inputs}
    places.update((node.name, f"layer {node.name}") for node in network.nodes)
    lines = []
    for node in network.nodes:
        boxes.append(Box(places[node.name], node.label, _detail(network, node), node.layer.family))
        for source in node.sources:
            lines.append(Line(places[source], places[node.name], _shape(network, source)))
    for number, name in enumerate(network.outputs):
        title = "output" if len(network.outputs) == 1 else f"output {name}"
        boxes.append(Box(f"output {number}", title, kind="output"))
        lines.append(Line(places[name], f"output {number}", _shape(network, name)))
    return Drawing(tuple(boxes), tuple(lines), f"{network.name} · {totals(network)}")


def totals(network: Network) -> str:
    """Size and cost in words: "203 parameters, 409 operations a row"."""
    operations = f"{_short(network.cost())} operations a row"
    return f"{_counted(network.parameter_count())}, {operations}"


def _detail(network: Network, node: Node) -> str:
    settings = ", ".join(
        f"{key.removesuffix('_size').replace('_', ' ')} {_value(value)}"
        for key, value in node.layer.settings().items()
        if not key.startswith(_TOLD_BY_SHAPES)
    )
    arrays = node.layer.parameters(network.input_shapes(node))
    count = sum(map(size, arrays.values()))
    return " · ".join(part for part in (settings, _counted(count) if count else "") if part)


def _shape(network: Network, name: str) -> str:
    return " × ".join(map(str, network.shapes[name])) or "1 value"  # noqa: RUF001 - the sign for times


def _values(values: str) -> str:
    return "whole numbers" if values == "int" else ""


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "×".join(map(str, value))  # noqa: RUF001 - the sign for times
    return str(value)


def _counted(count: int) -> str:
    return f"{count:,} parameter{'' if count == 1 else 's'}"


def _short(count: int) -> str:
    """A count in at most three digits and a word: 409, 12.3 thousand, 2.12 million."""
    for unit, name in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if count >= 10 * unit or count >= unit > 10**3:
            return f"{count / unit:.3g} {name}"
    return f"{count:,}"
