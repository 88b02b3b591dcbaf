"""What a picture of a graph holds: boxes, lines between them, and a title."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lamina.errors import UsageError


@dataclass(frozen=True)
class Box:
    """One node of a picture.

    Args:
        id: unique in the drawing; never shown.
        title: first line, bold.
        detail: second line, small; may be empty.
        kind: chooses the colour ("input", "python", "layer", ...); unknown kinds are neutral.
    """

    id: str
    title: str
    detail: str = ""
    kind: str = "task"


@dataclass(frozen=True)
class Line:
    """An arrow from one box to another, with a label (a port, a shape) that may be empty."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Drawing:
    """A directed acyclic graph ready to be drawn.

    Args:
        nodes: boxes; their order is kept where the arrows leave a choice.
        edges: arrows by box id; equal ones are drawn once.
        title: stands over the picture.

    Raises:
        UsageError: two boxes with one id, an arrow to a box that does not exist, or a cycle.
    """

    nodes: tuple[Box, ...]
    edges: tuple[Line, ...]
    title: str = ""
    order: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Ids in topological order, the given order where there is a choice."""

    def __post_init__(self) -> None:
        known = {box.id for box in self.nodes}
        if len(known) != len(self.nodes):
            raise UsageError("a drawing has two boxes with one id", "give every box its own id")
        for line in self.edges:
            for end in (line.source, line.target):
                if end not in known:
                    raise UsageError(
                        f"an arrow of the drawing names the box {end!r}, which does not exist",
                        "add the box, or leave the arrow out",
                    )
        object.__setattr__(self, "edges", tuple(dict.fromkeys(self.edges)))
        object.__setattr__(self, "order", _topological(self.nodes, self.edges))

    def sources(self) -> dict[str, list[str]]:
        """Box id -> ids with an arrow into it, each once, in the order of the arrows."""
        return _neighbours(self.nodes, ((line.target, line.source) for line in self.edges))

    def targets(self) -> dict[str, list[str]]:
        """Box id -> ids that its arrows lead to, each once, in the order of the arrows."""
        return _neighbours(self.nodes, ((line.source, line.target) for line in self.edges))


def _neighbours(nodes: tuple[Box, ...], pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {box.id: {} for box in nodes}
    for here, there in pairs:
        found[here][there] = None
    return {name: list(others) for name, others in found.items()}


def _topological(nodes: tuple[Box, ...], edges: tuple[Line, ...]) -> tuple[str, ...]:
    """Depth-first from every leaf, so that a chain stays together."""
    before = _neighbours(nodes, ((line.target, line.source) for line in edges))
    done: dict[str, None] = {}
    for box in nodes:
        _visit(box.id, before, done)
    return tuple(done)


def _visit(start: str, before: dict[str, list[str]], done: dict[str, None]) -> None:
    if start in done:
        return
    path = {start: iter(before[start])}
    while path:
        here = next(reversed(path))
        ahead = next(path[here], None)
        if ahead is None:
            del path[here]
            done[here] = None
        elif ahead in path:
            raise UsageError("a drawing has a cycle", "remove one of the arrows that form it")
        elif ahead not in done:
            path[ahead] = iter(before[ahead])
