"""Positions inside layers: near the neighbours, apart from each other."""

from __future__ import annotations

from itertools import pairwise

from lamina.workflow.draw.crossings import Item, Layers

_BOX_GAP = 28.0
_BEND_GAP = 14.0
_ROUNDS = 16
_STRAIGHTENINGS = 24


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
    chains = _chains(layers)
    for _ in range(_STRAIGHTENINGS):
        _straighten(layers, chains)
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


def _chains(layers: Layers) -> list[list[Item]]:
    """Longest runs of items in which each is the only neighbour of the next, and back."""
    chains = []
    for layer in layers:
        for item in layer:
            if len(item.up) == 1 and len(item.up[0].down) == 1:
                continue
            chain = [item]
            while len(chain[-1].down) == 1 and len(chain[-1].down[0].up) == 1:
                chain.append(chain[-1].down[0])
            if len(chain) > 1:
                chains.append(chain)
    return chains


def _straighten(layers: Layers, chains: list[list[Item]]) -> None:
    """Moves the items of each chain towards their common middle."""
    middles: dict[int, float] = {}
    for chain in chains:
        middle = sum(item.x for item in chain) / len(chain)
        middles.update((id(item), middle) for item in chain)
    for layer in layers:
        wishes = [middles.get(id(item), item.x) for item in layer]
        _settle(layer, wishes, [9.0 if id(item) in middles else 1.0 for item in layer])


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
