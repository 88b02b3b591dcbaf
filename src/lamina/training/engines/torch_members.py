"""Several members as one network: dense layers batched, convolutions grouped, others mapped.

Values travel in one of three layouts: "rows" (rows, ...) where all members see the same,
"members" (members, rows, ...), and "channels" (rows, members x channels, ...), in which a
convolution of every member is one grouped convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from lamina.nets.layers import Shape
from lamina.training.engines.torch_rules import (
    CHANNEL_RULES,
    RULES,
    Arrays,
    Function,
    Place,
    convert,
    make,
)
from lamina.training.engines.torch_steps import Step


class FoldedNetwork:
    """The steps of a network for all members of a lane.

    Args:
        steps: in order.
        end: the value that the loss reads.
        source: name of the network's input.
        layout: of the input.
        arrays: stacked parameters and running statistics by "node.parameter".

    Raises:
        ValueError: a layer can only run for one member at a time.
    """

    def __init__(
        self, steps: Sequence[Step], end: str, source: str, layout: str, lane: LaneContext
    ) -> None:
        self._run: list[tuple[str, Function, tuple[tuple[str, str, str], ...]]] = []
        self._source, self._end, self._members = source, end, lane.members
        layouts = {source: layout}
        for step in steps:
            own = (*step.layer.parameters(step.inputs), *step.layer.buffers(step.inputs))
            arrays = {name: lane.arrays[f"{step.name}.{name}"] for name in own}
            came = tuple(layouts[name] for name in step.sources)
            made = make(Place(step, arrays, lane.members, came, lane.mask, lane.drop))
            reads = tuple((n, layouts[n], made.wants) for n in step.sources)
            self._run.append((step.name, made.run, reads))
            layouts[step.name] = made.gives
        self._gives = layouts[end]

    def __call__(self, x: Tensor) -> Tensor:
        """Features in the lane's layout -> values (members, rows, ...) for the loss."""
        values = {self._source: x}
        members = self._members
        for name, function, reads in self._run:
            values[name] = function(*(convert(values[n], g, w, members) for n, g, w in reads))
        return convert(values[self._end], self._gives, "members", members)


@dataclass(frozen=True, eq=False)
class LaneContext:
    """What a lane lends to its network.

    Args:
        members: how many.
        arrays: stacked parameters and running statistics by "node.parameter".
        mask: (members, rows) of the current batch, or None when no row is a filler.
        drop: makes a dropout mask (members, rows, *shape) of the current batch.
    """

    members: int
    arrays: Arrays
    mask: Callable[[], Tensor | None]
    drop: Callable[[Shape, float], Tensor]


def first_layout(steps: Sequence[Step], source: str, alike: bool) -> str:
    """The layout in which the features are best laid out.

    Args:
        steps: of the network.
        source: name of the input.
        alike: whether all members see the same rows in the same order.
    """
    readers = [step.module for step in steps if source in step.sources]
    images = bool(readers) and all(RULES.get(type(m)) in CHANNEL_RULES for m in readers)
    if alike and images and all(getattr(m, "groups", 2) == 1 for m in readers):
        return "rows"
    return "channels" if images else "members"
