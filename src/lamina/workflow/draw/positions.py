"""Positions inside layers: near the neighbours, apart from each other."""

from __future__ import annotations

from itertools import pairwise

from lamina.workflow.draw.crossings import Item, Layers

_BOX_GAP = 28.0
_BEND_GAP = 14.0
_ROUNDS = 16


def place(layers: Layers) -> None:
    """Sets `x` (the centre) of every item; the leftmost edge of all is zero.

    Repeated sweeps: each layer takes the positions that minimise the weighted squared distance
    to the neighbours' arrows, in its order and with the least gaps. Bends pull strongly, so
    that long arrows become straight.
    """
    for layer in layers:
        _settle(layer, [0.0] * len(layer), [1.0] * len(layer))
    for sweep in range(_ROUNDS):
        both = sweep >= _ROUNDS - 4
        chosen = layers if sweep % 2 == 0 else layers[::-1]
        for layer in chosen:
            wishes = [
                _wish(item, up=both or sweep % 2 == 0, down=both or sweep % 2 == 1)
                for item in layer
            ]
            _settle(layer, [w[0] for w in wishes], [w[1] for w in wishes])
    left = min((item.x - item.width / 2 for layer in layers for item in layer), default=0.0)
    for layer in layers:
        for item in layer:
            item.x -= left


def _wish(item: Item, *, up: bool, down: bool) -> tuple[float, float]:
    """Where the item would stand if it were alone, and how strongly."""
    total = weight = 0.0
    for other in item.up if up else []:
        pull = _pull(item, other)
        weight += pull
        total += pull * (other.x + other.port_out(item) - item.port_in(other))
    for other in item.down if down else []:
        pull = _pull(item, other)
        weight += pull
        total += pull * (other.x + other.port_in(item) - item.port_out(other))
    return (total / weight, weight) if weight else (item.x, 0.1)


def _pull(item: Item, other: Item) -> float:
    return (1.0, 2.0, 8.0)[item.bend + other.bend]


def _settle(layer: list[Item], wishes: list[float], weights: list[float]) -> None:
    """Least squares under the least separations, by pooling adjacent violators."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        gap = _BEND_GAP if left.bend or right.bend else _BOX_GAP
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + gap)
    pools: list[tuple[float, float, int]] = []
    for wish, weight, offset in zip(wishes, weights, offsets, strict=False):
        mean, heavy, count = wish - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, other, members = pools.pop()
            mean = (mean * heavy + before * other) / (heavy + other)
            heavy, count = heavy + other, count + members
        pools.append((mean, heavy, count))
    position = 0
    for mean, _, count in pools:
        for item, offset in zip(
            layer[position : position + count], offsets[position : position + count], strict=True
        ):
            item.x = mean + offset
        position += count
