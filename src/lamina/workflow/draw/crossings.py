"""The order inside layers: barycentre sweeps and neighbour swaps until few arrows cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_SWEEPS = 12
_PORT_SPACING = 16.0


@dataclass(eq=False)
class Item:
    """Something that takes room in a layer: a box, a label, or the bend of a passing arrow."""

    rank: int
    width: float = 0.0
    height: float = 0.0
    name: str = ""
    label: bool = False
    up: list[Item] = field(default_factory=list)
    down: list[Item] = field(default_factory=list)
    index: int = 0
    x: float = 0.0
    ports: dict[int, float] = field(default_factory=dict)
    """Where an arrow touches the box, from its centre: id of the neighbour item -> pixels."""

    def port_out(self, lower: Item) -> float:
        """Offset of the arrow that leads to `lower`."""
        return self.ports.get(id(lower), 0.0)

    def port_in(self, upper: Item) -> float:
        """Offset of the arrow that comes from `upper`."""
        return self.ports.get(id(upper), 0.0)

    @property
    def bend(self) -> bool:
        """Whether it is only a part of an arrow."""
        return not self.name


Layers = list[list[Item]]


def order_layers(layers: Layers) -> None:
    """Reorders each layer in place and sets `index` and `ports` of the items.

    Sweeps down and up by barycentres (Sugiyama et al., 1981), then swaps neighbours while that
    helps; keeps the best order seen. About O(sweeps x edges x log edges).
    """
    _number(layers)
    best, fewest = _snapshot(layers), _crossings(layers)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        _sweep(layers, down=sweep % 2 == 0)
        _swap_neighbours(layers)
        count = _crossings(layers)
        if count < fewest:
            best, fewest = _snapshot(layers), count
    for layer, order in zip(layers, best, strict=True):
        layer[:] = order
    _number(layers)
    for layer in layers:
        for item in layer:
            if item.name:
                _spread(item)


def _sweep(layers: Layers, *, down: bool) -> None:
    chosen = layers[1:] if down else layers[-2::-1]
    for layer in chosen:
        middle = {
            id(item): _barycentre(item.up if down else item.down, item.index) for item in layer
        }
        layer.sort(key=lambda item: middle[id(item)])
        for index, item in enumerate(layer):
            item.index = index


def _barycentre(neighbours: Sequence[Item], stay: int) -> float:
    if not neighbours:
        return float(stay)
    return sum(item.index for item in neighbours) / len(neighbours)


def _swap_neighbours(layers: Layers) -> None:
    """One pass of swaps of adjacent items that lessen the crossings."""
    for layer in layers:
        for position in range(len(layer) - 1):
            left, right = layer[position], layer[position + 1]
            now = _pair(left.up, right.up) + _pair(left.down, right.down)
            if now and _pair(right.up, left.up) + _pair(right.down, left.down) < now:
                layer[position], layer[position + 1] = right, left
                left.index, right.index = right.index, left.index


def _pair(left: Sequence[Item], right: Sequence[Item]) -> int:
    """Crossings of the arrows of two neighbours, the one on the left first."""
    firsts = sorted(item.index for item in left)
    seconds = sorted(item.index for item in right)
    count = below = 0
    for first in firsts:
        while below < len(seconds) and seconds[below] < first:
            below += 1
        count += below
    return count


def _crossings(layers: Layers) -> int:
    return sum(_between(layer) for layer in layers[:-1])


def _between(layer: list[Item]) -> int:
    """Inversions between one layer and the next, counted with a Fenwick tree."""
    ends = [lower for item in layer for lower in sorted(other.index for other in item.down)]
    size = max(ends, default=0) + 2
    tree = [0] * (size + 1)
    count = 0
    for seen, end in enumerate(ends):
        at, not_right = end + 1, 0
        while at:
            not_right += tree[at]
            at &= at - 1
        count += seen - not_right
        at = end + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return count


def _number(layers: Layers) -> None:
    for layer in layers:
        for index, item in enumerate(layer):
            item.index = index


def _snapshot(layers: Layers) -> Layers:
    return [list(layer) for layer in layers]


def _spread(item: Item) -> None:
    for side in (item.up, item.down):
        ordered = sorted(side, key=lambda other: other.index)
        step = min(_PORT_SPACING, 0.8 * item.width / max(len(ordered), 1))
        first = -step * (len(ordered) - 1) / 2
        for number, other in enumerate(ordered):
            item.ports[id(other)] = first + step * number
