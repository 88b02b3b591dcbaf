"""Layered layout: longest-path layers, few crossings, straight lines, nothing overlaps.

After K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical
system structures", IEEE SMC 11(2), 1981. Positions inside a layer minimise the weighted squared
distance to the neighbours under the least separations, solved by pooling adjacent violators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from lamina.workflow.draw.boxes import Box, Drawing, Line
from lamina.workflow.draw.crossings import Item, order_layers
from lamina.workflow.draw.positions import place

_GAP = 44.0
_CHIP_GAP = 20.0
_MOST_GAP = 110.0


@dataclass(frozen=True)
class Sizes:
    """How large things are, in pixels: a box's (width, height), a label's width and height."""

    box: Callable[[Box], tuple[float, float]]
    label: Callable[[str], float]
    label_height: float = 18.0


@dataclass(frozen=True)
class Spot:
    """A rectangle: centre x, top y, width and height in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        """Left edge."""
        return self.x - self.width / 2

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height


@dataclass(frozen=True)
class Route:
    """The way of one arrow: x stays, between the y of a stretch; curves join the stretches."""

    line: Line
    stretches: tuple[tuple[float, float, float], ...]
    """(x, from y, to y), from the source's lower edge to the target's upper edge."""
    label: Spot | None


@dataclass(frozen=True)
class Layout:
    """Where everything stands; all coordinates are at least zero."""

    width: float
    height: float
    boxes: Mapping[str, Spot]
    routes: tuple[Route, ...]


def layout(drawing: Drawing, sizes: Sizes) -> Layout:
    """Places boxes and arrows from top to bottom.

    Boxes, labels and arrows that pass a layer each have room of their own, so that no box
    covers a label or an arrow.
    """
    ranks = _with_label_ranks(drawing, _ranks(drawing))
    layers, ways = _items(drawing, ranks, sizes)
    order_layers(layers)
    place(layers)
    tops = _tops(layers)
    boxes = {
        item.name: _spot(item, tops[item.rank], layers)
        for layer in layers
        for item in layer
        if item.name
    }
    routes = tuple(_route(line, way, tops, layers) for line, way in ways)
    width = max((item.x + item.width / 2 for layer in layers for item in layer), default=0.0)
    height = max((spot.bottom for spot in boxes.values()), default=0.0)
    return Layout(width, height, boxes, routes)


def _ranks(drawing: Drawing) -> dict[str, int]:
    """Longest path from the top; boxes without sources then sink towards their first reader."""
    sources, targets = drawing.sources(), drawing.targets()
    ranks: dict[str, int] = {}
    for name in drawing.order:
        ranks[name] = max((ranks[source] + 1 for source in sources[name]), default=0)
    for name in reversed(drawing.order):
        if targets[name] and len(targets[name]) >= len(sources[name]):
            lowest = min(ranks[target] for target in targets[name]) - 1
            if len(targets[name]) > len(sources[name]) or not sources[name]:
                ranks[name] = lowest
    return ranks


def _with_label_ranks(drawing: Drawing, ranks: dict[str, int]) -> dict[str, int]:
    """Opens a layer for labels above each layer that a labelled arrow leads into."""
    opened = {ranks[line.target] for line in drawing.edges if line.label}
    shift, shifted = 0, {}
    for rank in range(max(ranks.values(), default=-1) + 1):
        shift += rank in opened
        shifted[rank] = rank + shift
    return {name: shifted[rank] for name, rank in ranks.items()}


Ways = list[tuple[Line, list[Item]]]


def _items(drawing: Drawing, ranks: dict[str, int], sizes: Sizes) -> tuple[list[list[Item]], Ways]:
    layers: list[list[Item]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    boxes: dict[str, Item] = {}
    by_id = {box.id: box for box in drawing.nodes}
    for name in drawing.order:
        width, height = sizes.box(by_id[name])
        boxes[name] = Item(ranks[name], width, height, name=name)
        layers[ranks[name]].append(boxes[name])
    ways: Ways = []
    for line in drawing.edges:
        source, target = boxes[line.source], boxes[line.target]
        way = [source]
        for rank in range(source.rank + 1, target.rank):
            labelled = bool(line.label) and rank == target.rank - 1
            bend = (
                Item(rank, sizes.label(line.label), sizes.label_height, label=True)
                if labelled
                else Item(rank)
            )
            layers[rank].append(bend)
            way.append(bend)
        way.append(target)
        for upper, lower in pairwise(way):
            upper.down.append(lower)
            lower.up.append(upper)
        ways.append((line, way))
    return layers, ways


def _tops(layers: list[list[Item]]) -> list[float]:
    tops: list[float] = []
    y = 0.0
    for rank, layer in enumerate(layers):
        if rank:
            y += _height(layers[rank - 1]) + _gap(layers[rank - 1], layer)
        tops.append(y)
    return tops


def _gap(upper: list[Item], lower: list[Item]) -> float:
    """Room between two layers: more where arrows go far to the side."""
    chips = any(item.label for item in (*upper, *lower))
    furthest = max((abs(item.x - other.x) for item in upper for other in item.down), default=0.0)
    least = _CHIP_GAP if chips else _GAP
    return min(least + furthest / 12, _MOST_GAP)


def _spot(item: Item, top: float, layers: list[list[Item]]) -> Spot:
    room = max(other.height for other in layers[item.rank])
    return Spot(item.x, top + (room - item.height) / 2, item.width, item.height)


def _route(line: Line, way: list[Item], tops: list[float], layers: list[list[Item]]) -> Route:
    source, target = way[0], way[-1]
    leaving = source.x + source.port_out(way[1])
    arriving = target.x + target.port_in(way[-2])
    bottom = _spot(source, tops[source.rank], layers).bottom
    stretches = [(leaving, bottom, tops[source.rank] + _height(layers[source.rank]))]
    label = None
    for bend in way[1:-1]:
        spot = _spot(bend, tops[bend.rank], layers)
        top = tops[bend.rank]
        stretches.append((bend.x, top, top + _height(layers[bend.rank])))
        if bend.label:
            label = spot
    stretches.append((arriving, tops[target.rank], _spot(target, tops[target.rank], layers).y))
    return Route(line, tuple(stretches), label)


def _height(layer: list[Item]) -> float:
    return max(item.height for item in layer)
