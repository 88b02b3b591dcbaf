"""A drawing for the terminal: one row per box, arrows as lanes on the left."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from lamina.workflow.draw.boxes import Box, Drawing, Line

_MOST_LANES = 32
"""With more lanes than this a row no longer fits a terminal; sources are then only named."""


_RESTING = ""
"""Marks a column whose box has no reader: one row stays free below it."""


@dataclass
class _Lanes:
    """Which box's value travels in which column, and how many readers still wait for it."""

    owners: list[str | None] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)

    def row(self, box: str, sources: list[str], readers: int) -> str:
        """Draws the box in its column and moves the lanes on to the next row."""
        reads = {self.columns[source] for source in sources}
        ending = self._ending(sources)
        own = min(ending) if ending else self._free()
        left, right = min([own, *reads]), max([own, *reads])
        resting = [at for at, owner in enumerate(self.owners) if owner is _RESTING]
        cells = [
            self._cell(column, own, reads, ending, (left, right))
            for column in range(len(self.owners))
        ]
        for column in (*ending, *resting):
            self.owners[column] = None
        self.owners[own] = box if readers else _RESTING
        self.waiting[box] = readers
        self.columns[box] = own
        while self.owners and self.owners[-1] is None:
            self.owners.pop()
        return "".join(cells).rstrip()

    def _ending(self, sources: list[str]) -> set[int]:
        ending = set()
        for source in sources:
            self.waiting[source] -= 1
            if not self.waiting[source]:
                ending.add(self.columns[source])
        return ending

    def _free(self) -> int:
        if None not in self.owners:
            self.owners.append(None)
        return self.owners.index(None)

    def _cell(
        self, column: int, own: int, reads: set[int], ending: set[int], span: tuple[int, int]
    ) -> str:
        left, right = span
        dash = "─" if left <= column < right else " "
        if column == own:
            return "●" + dash
        if column in reads:
            return _JOINTS[column == left, column == right, column in ending] + dash
        if self.owners[column] not in (None, _RESTING):
            return "│" + dash
        return ("─" if left < column < right else " ") + dash


_JOINTS = {
    (True, False, False): "├",
    (True, False, True): "╰",
    (False, True, False): "┤",
    (False, True, True): "╯",
    (False, False, False): "┼",
    (False, False, True): "┴",
}


def to_text(drawing: Drawing) -> str:
    """The drawing as lines of text: a row per box in topological order.

    A lane carries a box's value down to its readers: `●` is a box, `├─●` a box that reads the
    lane on its left, `─│─` a lane that is only crossed.
    """
    sources, targets = drawing.sources(), drawing.targets()
    boxes = {box.id: box for box in drawing.nodes}
    lanes = _Lanes()
    left = [lanes.row(name, sources[name], len(targets[name])) for name in drawing.order]
    if max(map(len, left), default=0) > 2 * _MOST_LANES:
        left = ["●"] * len(left)
    lane_width = max(map(len, left), default=0)
    title_width = max((len(_line(box.title)) for box in drawing.nodes), default=0)
    arriving: dict[str, list[Line]] = {name: [] for name in drawing.order}
    for line in drawing.edges:
        arriving[line.target].append(line)
    rows = [
        f"{lane:<{lane_width}}  {_line(boxes[name].title):<{title_width}}  "
        + _tail(boxes[name], arriving[name], boxes)
        for lane, name in zip(left, drawing.order, strict=True)
    ]
    heading = [drawing.title, ""] if drawing.title else []
    return "\n".join(row.rstrip() for row in chain(heading, rows)) + "\n"


def _tail(box: Box, arriving: list[Line], boxes: dict[str, Box]) -> str:
    reads = ", ".join(
        _line(boxes[line.source].title) + (f" ({_line(line.label)})" if line.label else "")
        for line in arriving
    )
    parts = [_line(box.detail)] if box.detail else []
    if reads:
        parts.append(f"← {reads}")
    return "  ".join(parts)


def _line(text: str) -> str:
    return " ".join(text.split())
