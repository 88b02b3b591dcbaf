"""Upsample: more points on the axes behind the channels, by repetition or interpolation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem, size
from lamina.nets.layers.windows import spread, words

_RANKS = {
    "nearest": 0,
    "nearest-exact": 0,
    "linear": 2,
    "bilinear": 3,
    "bicubic": 3,
    "trilinear": 4,
}
_POINTS = {"linear": 2, "bilinear": 4, "bicubic": 16, "trilinear": 8}


@dataclass(frozen=True)
class Upsample(Layer):
    """Another number of points on every axis behind the channels.

    Args:
        size: the new sizes, one number or one per axis; or
        scale_factor: what the sizes are multiplied by; one of the two.
        mode: "nearest", "nearest-exact", "linear" (length), "bilinear", "bicubic" (height and
            width) or "trilinear" (depth, height and width).
        align_corners: whether corner points keep their place; not for the nearest modes.
    """

    family: ClassVar[str] = "shape"
    size: int | tuple[int, ...] | None = None
    scale_factor: float | tuple[float, ...] | None = None
    mode: str = "nearest"
    align_corners: bool | None = None

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(channels, *new sizes); a scaled size is rounded down."""
        (shape,) = inputs
        self._check_mode(shape)
        if (self.size is None) == (self.scale_factor is None):
            both = "none of them" if self.size is None else "both"
            raise SettingProblem("size or scale_factor", both)
        axes = len(shape) - 1
        if self.size is not None:
            return (shape[0], *spread("size", self.size, axes, 1))
        return (shape[0], *self._scaled(shape[1:]))

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.Upsample."""
        del inputs
        return ModuleCall("torch.nn:Upsample", self.settings())

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Two operations per point that a new value is mixed from; none for the nearest."""
        return 2 * _POINTS.get(self.mode, 0) * size(self.output(inputs))

    def _check_mode(self, shape: Shape) -> None:
        if self.mode not in _RANKS:
            raise SettingProblem(f"mode one of {', '.join(_RANKS)}", repr(self.mode))
        rank = _RANKS[self.mode]
        if rank and len(shape) != rank:
            raise ShapeProblem(f"{rank} axes for mode {self.mode!r}", words(shape))
        if not 2 <= len(shape) <= 4:
            raise ShapeProblem("channels and 1 to 3 more axes", words(shape))
        if not rank and self.align_corners is not None:
            raise SettingProblem(f"no align_corners with mode {self.mode!r}", "one")

    def _scaled(self, axes: tuple[int, ...]) -> tuple[int, ...]:
        given = self.scale_factor
        factors = tuple(given) if isinstance(given, tuple) else (given,) * len(axes)
        if len(factors) != len(axes):
            raise SettingProblem(
                f"scale_factor as one number or {len(axes)}", f"{len(factors)} of them"
            )
        if not all(f is not None and math.isfinite(f) and f > 0 for f in factors):
            raise SettingProblem("scale_factor above 0", str(given))
        try:
            scaled = tuple(
                math.floor(float(axis) * float(factor or 0))
                for axis, factor in zip(axes, factors, strict=True)
            )
        except OverflowError:
            raise ShapeProblem(f"a smaller input for scale_factor {given}", words(axes)) from None
        if min(scaled) < 1:
            raise ShapeProblem(f"a larger input for scale_factor {given}", words(axes))
        return scaled
