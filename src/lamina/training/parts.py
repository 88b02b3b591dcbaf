"""Parts of a network that are frozen or have learning rates of their own."""

from __future__ import annotations

from lamina.nets.network import Network
from lamina.nets.parts import Node
from lamina.training.settings import Settings


def part_mistakes(network: Network, settings: Settings) -> list[str]:
    """What keeps frozen parts and rates from fitting a network; empty when they fit."""
    named = (*settings.frozen, *(part for part, _ in settings.rates))
    names = [node.name for node in network.nodes if _arrays(network, node)]
    mistakes = [
        _unknown(network, part) for part in named if not any(_in(part, name) for name in names)
    ]
    trained = [node for node in network.nodes if node.layer.parameters(network.input_shapes(node))]
    if named and not mistakes and all(own_rate(node.name, settings) == 0.0 for node in trained):
        mistakes.append("every layer with weights is frozen: nothing is left to be trained")
    return mistakes


def own_rate(layer: str, settings: Settings) -> float | None:
    """The learning rate that a layer's part has: 0 for a frozen one, None for the usual rate.

    Of the parts that hold the layer the longest name counts.
    """
    rates = {**dict.fromkeys(settings.frozen, 0.0), **dict(settings.rates)}
    own = [part for part in rates if _in(part, layer)]
    return rates[max(own, key=len)] if own else None


def frozen_layers(network: Network, settings: Settings) -> frozenset[str]:
    """Layers that stay as they begin."""
    if not settings.frozen:
        return frozenset()
    return frozenset(n.name for n in network.nodes if own_rate(n.name, settings) == 0.0)


def _in(part: str, layer: str) -> bool:
    return layer == part or layer.startswith(f"{part}.")


def _arrays(network: Network, node: Node) -> bool:
    shapes = network.input_shapes(node)
    return bool(node.layer.parameters(shapes) or node.layer.buffers(shapes))


def _unknown(network: Network, part: str) -> str:
    if any(_in(part, node.name) for node in network.nodes):
        return f"part {part!r} has no weights"
    names = [node.name for node in network.nodes if _arrays(network, node)]
    tops = dict.fromkeys(name.partition(".")[0] for name in names)
    inside = ", and layers in them by their names" if any("." in name for name in names) else ""
    return f"there is no part {part!r}; there are: {', '.join(tops)}{inside}"
