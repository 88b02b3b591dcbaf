"""Pooling: the largest or the mean value of each window, or of each share of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem, size
from lamina.nets.layers.windows import Sizes, Window, at_least, image_axes, spread, words


@dataclass(frozen=True)
class Pooling(Layer):
    """A window over the axes behind the channels; channels stay.

    Args:
        kernel_size: size of the window, one number or one per axis.
        stride: step of the window; None for windows side by side.
        padding: cells added on both sides, at most half a kernel.
    """

    family: ClassVar[str] = "pool"
    axes: ClassVar[int] = 2
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(channels, places of the window on each axis)."""
        (shape,) = inputs
        window = self._window()
        sizes = image_axes(shape, self.axes)
        return (shape[0], *window.slide(sizes, bool(getattr(self, "ceil_mode", False))))

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn's module of the same name."""
        del inputs
        return ModuleCall(f"torch.nn:{self.kind}", self.settings())

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """One operation per cell of every window."""
        return size(self.output(inputs)) * size(self._window().kernel)

    def _window(self) -> Window:
        kernel = spread("kernel_size", self.kernel_size, self.axes, 1)
        padding = spread("padding", self.padding, self.axes, 0)
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            raise SettingProblem(
                f"padding of at most half its kernel ({words(kernel)})", words(padding)
            )
        stride = kernel if self.stride is None else spread("stride", self.stride, self.axes, 1)
        dilation = spread("dilation", getattr(self, "dilation", 1), self.axes, 1)
        return Window(kernel, stride, padding, dilation)


@dataclass(frozen=True)
class MaxPooling(Pooling):
    """The largest value of each window.

    Args:
        dilation: distance of the window's points.
        ceil_mode: count a last window that sticks out.
    """

    dilation: Sizes = 1
    ceil_mode: bool = False


@dataclass(frozen=True)
class MaxPool1d(MaxPooling):
    """The largest value of each window over channels x length."""

    axes: ClassVar[int] = 1


@dataclass(frozen=True)
class MaxPool2d(MaxPooling):
    """The largest value of each window over channels x height x width."""

    axes: ClassVar[int] = 2


@dataclass(frozen=True)
class MaxPool3d(MaxPooling):
    """The largest value of each window over channels x depth x height x width."""

    axes: ClassVar[int] = 3


@dataclass(frozen=True)
class AvgPooling(Pooling):
    """The mean value of each window.

    Args:
        ceil_mode: count a last window that sticks out.
        count_include_pad: whether padding counts as values.
    """

    ceil_mode: bool = False
    count_include_pad: bool = True


@dataclass(frozen=True)
class AvgPool1d(AvgPooling):
    """The mean value of each window over channels x length."""

    axes: ClassVar[int] = 1


@dataclass(frozen=True)
class AvgPool2d(AvgPooling):
    """The mean value of each window over channels x height x width."""

    axes: ClassVar[int] = 2


@dataclass(frozen=True)
class AvgPool3d(AvgPooling):
    """The mean value of each window over channels x depth x height x width."""

    axes: ClassVar[int] = 3

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(channels, places of the window); torch wants the window inside the unpadded input."""
        shape = super().output(inputs)
        kernel = self._window().kernel
        if any(have < need for have, need in zip(inputs[0][1:], kernel, strict=True)):
            raise ShapeProblem(f"an input of at least {words(kernel)}", words(inputs[0][1:]))
        return shape


@dataclass(frozen=True)
class AdaptiveAvgPool1d(Layer):
    """The mean of each of `output_size` nearly equal shares of the length."""

    family: ClassVar[str] = "pool"
    output_size: int

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(channels, output_size)."""
        image_axes(inputs[0], 1)
        return (inputs[0][0], at_least("output_size", self.output_size, 1))

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.AdaptiveAvgPool1d."""
        del inputs
        return ModuleCall("torch.nn:AdaptiveAvgPool1d", self.settings())

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """One operation per value that comes in."""
        return size(inputs[0])


@dataclass(frozen=True)
class AdaptiveAvgPool2d(Layer):
    """The mean of each of nearly equal shares of height and width.

    Args:
        output_size: one number, or (height, width), where None keeps the input's.
    """

    family: ClassVar[str] = "pool"
    output_size: int | tuple[int | None, ...]

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(channels, height, width) of output_size."""
        have = image_axes(inputs[0], 2)
        if isinstance(self.output_size, int):
            wanted = spread("output_size", self.output_size, 2, 1)
        else:
            numbers = tuple(1 if axis is None else axis for axis in self.output_size)
            spread("output_size", numbers, 2, 1)
            pairs = zip(self.output_size, have, strict=True)
            wanted = tuple(old if new is None else new for new, old in pairs)
        return (inputs[0][0], *wanted)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.AdaptiveAvgPool2d."""
        del inputs
        return ModuleCall("torch.nn:AdaptiveAvgPool2d", self.settings())

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """One operation per value that comes in."""
        return size(inputs[0])
