"""Windows: kernel, stride, padding and dilation over the axes behind the channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lamina.nets.layers.base import SettingProblem, Shape, ShapeProblem

Sizes = int | tuple[int, ...]
"""One number for every axis, or one per axis."""


def spread(name: str, value: int | Sequence[int], axes: int, least: int) -> tuple[int, ...]:
    """A setting as one number per axis.

    Raises:
        SettingProblem: another count of numbers, or one below `least`.
    """
    numbers = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(numbers) != axes:
        raise SettingProblem(f"{name} as one number or {axes}", f"{len(numbers)} of them")
    if min(numbers) < least:
        raise SettingProblem(f"{name} of at least {least}", words(numbers))
    return numbers


def at_least(name: str, value: int, least: int) -> int:
    """The value. Raises SettingProblem when it is smaller than `least`."""
    if value < least:
        raise SettingProblem(f"{name} of at least {least}", str(value))
    return value


def words(shape: Sequence[int]) -> str:
    """A shape in a message: "3 x 32 x 32"."""
    return " x ".join(str(axis) for axis in shape) if shape else "a single number"


def image_axes(shape: Shape, axes: int) -> tuple[int, ...]:
    """The axes behind the channels.

    Raises:
        ShapeProblem: the shape is not channels and `axes` more.
    """
    if len(shape) != axes + 1:
        names = {1: "channels x length", 2: "channels x height x width"}
        wanted = names.get(axes, "channels x depth x height x width")
        raise ShapeProblem(f"{axes + 1} axes ({wanted})", words(shape))
    return shape[1:]


@dataclass(frozen=True)
class Window:
    """One sliding window over `axes` axes, all settings spread to one number per axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def least(self) -> tuple[int, ...]:
        """The smallest input into which the window fits once."""
        return tuple(
            max(1, d * (k - 1) + 1 - 2 * p)
            for k, p, d in zip(self.kernel, self.padding, self.dilation, strict=True)
        )

    def slide(self, axes: tuple[int, ...], ceil: bool = False) -> tuple[int, ...]:
        """Number of places of the window on each axis, as torch counts them.

        Args:
            axes: sizes of the input.
            ceil: round up, as long as the last window starts inside the input or its
                padding on the left.

        Raises:
            ShapeProblem: the window fits nowhere.
        """
        places = tuple(self._places(i, have, ceil) for i, have in enumerate(axes))
        if min(places) < 1:
            raise ShapeProblem(f"an input of at least {words(self.least())}", words(axes))
        return places

    def _places(self, axis: int, have: int, ceil: bool) -> int:
        stride, padding = self.stride[axis], self.padding[axis]
        free = have + 2 * padding - self.dilation[axis] * (self.kernel[axis] - 1) - 1
        if not ceil:
            return free // stride + 1 if free >= 0 else 0
        places = -(-free // stride) + 1
        return places - 1 if (places - 1) * stride >= have + padding else places
