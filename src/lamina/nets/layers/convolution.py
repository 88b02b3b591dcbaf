"""Convolutions over one, two and three axes, and the transposed one over two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem, size
from lamina.nets.layers.windows import Sizes, Window, at_least, image_axes, spread, words

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class Convolution(Layer):
    """A convolution over the axes behind the channels (cross-correlation, as in torch).

    Args:
        in_channels: channels of the input; None takes what comes.
        out_channels: channels of the output.
        kernel_size: one number or one per axis.
        stride: step of the kernel.
        padding: cells added on both sides; "same" keeps the size (stride 1), "valid" is 0.
        dilation: distance of the kernel's points.
        groups: groups of channels that do not see each other; divides both channel counts.
        bias: whether a bias per output channel is added.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
    """

    axes: ClassVar[int] = 2
    in_channels: int | None = None
    out_channels: int = 0
    kernel_size: Sizes = 0
    stride: Sizes = 1
    padding: str | Sizes = 0
    dilation: Sizes = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """(out_channels, places of the kernel on each axis)."""
        (shape,) = inputs
        window = self._window()
        sizes = image_axes(shape, self.axes)
        check_channels(self.in_channels, self.out_channels, self.groups, shape[0])
        self._check_padding(window, sizes)
        if self.padding == "same":
            return (self.out_channels, *sizes)
        return (self.out_channels, *window.slide(sizes))

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn's module of the same name."""
        channels = {"in_channels": inputs[0][0]}
        return ModuleCall(f"torch.nn:{self.kind}", {**self.settings(), **channels})

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight (out, in / groups, *kernel) and bias (out)."""
        kernel = self._window().kernel
        weight = {"weight": (self.out_channels, inputs[0][0] // self.groups, *kernel)}
        return {**weight, "bias": (self.out_channels,)} if self.bias else dict(weight)

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Two operations per weight and place of the kernel."""
        points = size(self._window().kernel) * (inputs[0][0] // self.groups)
        return size(self.output(inputs)) * (2 * points + int(self.bias))

    def _window(self) -> Window:
        kernel = spread("kernel_size", self.kernel_size, self.axes, 1)
        stride = spread("stride", self.stride, self.axes, 1)
        dilation = spread("dilation", self.dilation, self.axes, 1)
        if not isinstance(self.padding, str):
            padding = spread("padding", self.padding, self.axes, 0)
        elif self.padding in ("same", "valid"):
            padding = (0,) * self.axes
        else:
            raise SettingProblem('padding as numbers, "same" or "valid"', repr(self.padding))
        if self.padding == "same" and set(stride) != {1}:
            raise SettingProblem('stride 1 with padding "same"', words(stride))
        return Window(kernel, stride, padding, dilation)

    def _check_padding(self, window: Window, sizes: tuple[int, ...]) -> None:
        mode = self.padding_mode
        if mode not in PADDING_MODES:
            raise SettingProblem(f"padding_mode one of {', '.join(PADDING_MODES)}", repr(mode))
        padding = window.padding
        if self.padding == "same":
            reach = zip(window.kernel, window.dilation, strict=True)
            padding = tuple((d * (k - 1) + 1) // 2 for k, d in reach)
        least = tuple(p + 1 for p in padding) if mode == "reflect" else padding
        if mode in ("reflect", "circular") and any(
            have < need for have, need in zip(sizes, least, strict=True)
        ):
            raise ShapeProblem(
                f"an input of at least {words(least)} for its {mode} padding", words(sizes)
            )


@dataclass(frozen=True)
class Conv1d(Convolution):
    """A convolution over channels x length."""

    axes: ClassVar[int] = 1


@dataclass(frozen=True)
class Conv2d(Convolution):
    """A convolution over channels x height x width."""

    axes: ClassVar[int] = 2


@dataclass(frozen=True)
class Conv3d(Convolution):
    """A convolution over channels x depth x height x width."""

    axes: ClassVar[int] = 3


@dataclass(frozen=True)
class ConvTranspose2d(Layer):
    """The transposed convolution: the gradient of Conv2d with respect to its input.

    Args:
        in_channels: channels of the input; None takes what comes.
        out_channels: channels of the output.
        kernel_size, stride, dilation: of the convolution that it transposes.
        padding: cells cut off on both sides.
        output_padding: cells added at the end; smaller than stride or dilation.
        groups: groups of channels that do not see each other.
        bias: whether a bias per output channel is added.
    """

    in_channels: int | None = None
    out_channels: int = 0
    kernel_size: Sizes = 0
    stride: Sizes = 1
    padding: Sizes = 0
    output_padding: Sizes = 0
    groups: int = 1
    bias: bool = True
    dilation: Sizes = 1

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """out_channels, and on each axis the size from which Conv2d would make this one."""
        (shape,) = inputs
        window, more = self._window(), spread("output_padding", self.output_padding, 2, 0)
        limits = tuple(map(max, window.stride, window.dilation))
        if any(m >= limit for m, limit in zip(more, limits, strict=True)):
            raise SettingProblem(
                f"output_padding below stride or dilation ({words(limits)})", words(more)
            )
        sizes = image_axes(shape, 2)
        check_channels(self.in_channels, self.out_channels, self.groups, shape[0])
        grown = tuple(
            (sizes[i] - 1) * window.stride[i]
            - 2 * window.padding[i]
            + window.dilation[i] * (window.kernel[i] - 1)
            + more[i]
            + 1
            for i in range(2)
        )
        if min(grown) < 1:
            raise ShapeProblem(
                f"a larger input or less padding than {words(window.padding)}", words(sizes)
            )
        return (self.out_channels, *grown)

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.ConvTranspose2d."""
        channels = {"in_channels": inputs[0][0]}
        return ModuleCall("torch.nn:ConvTranspose2d", {**self.settings(), **channels})

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight (in, out / groups, *kernel) and bias (out)."""
        weight = (inputs[0][0], self.out_channels // self.groups, *self._window().kernel)
        return {"weight": weight, **({"bias": (self.out_channels,)} if self.bias else {})}

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Two operations per weight and cell of the input, and the bias."""
        points = size(self._window().kernel) * (self.out_channels // self.groups)
        return 2 * size(inputs[0]) * points + int(self.bias) * size(self.output(inputs))

    def _window(self) -> Window:
        return Window(
            spread("kernel_size", self.kernel_size, 2, 1),
            spread("stride", self.stride, 2, 1),
            spread("padding", self.padding, 2, 0),
            spread("dilation", self.dilation, 2, 1),
        )


def check_channels(wanted: int | None, out: int, groups: int, have: int) -> None:
    """Raises SettingProblem or ShapeProblem when channels and groups do not fit."""
    at_least("out_channels", out, 1)
    at_least("groups", groups, 1)
    if wanted is not None and have != wanted:
        raise ShapeProblem(f"{wanted} channels", str(have))
    if have % groups:
        raise ShapeProblem(f"channels that its {groups} groups divide", str(have))
    if out % groups:
        raise SettingProblem(f"out_channels that its {groups} groups divide", str(out))
