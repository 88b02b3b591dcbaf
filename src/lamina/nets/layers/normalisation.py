"""Normalisation: over the batch, over a row's last axes, over groups of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem, size
from lamina.nets.layers.windows import at_least, words

_OPERATIONS = 8
"""Nominal cost per value: mean, variance, shift and scale."""


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each channel brought to mean 0 and variance 1 over the batch (Ioffe and Szegedy, 2015).

    In training by the batch's statistics, in prediction by running ones. torch's counter
    `num_batches_tracked` is not kept: with a fixed momentum it has no influence.

    Args:
        num_features: channels of the input; None takes what comes.
        eps: added to the variance.
        momentum: weight of a new batch in the running statistics.
        affine: whether weight and bias per channel are trained.
        track_running_stats: whether running statistics are kept.
    """

    family: ClassVar[str] = "norm"
    ranks: ClassVar[tuple[int, ...]] = (3,)
    wanted: ClassVar[str] = "3 axes (channels x height x width)"
    num_features: int | None = None
    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True
    track_running_stats: bool = True

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in."""
        (shape,) = inputs
        if len(shape) not in self.ranks:
            raise ShapeProblem(self.wanted, words(shape))
        if self.num_features is not None and shape[0] != self.num_features:
            raise ShapeProblem(f"{self.num_features} channels", str(shape[0]))
        check_eps(self.eps)
        if not 0.0 <= self.momentum <= 1.0:
            raise SettingProblem("momentum from 0 to 1", str(self.momentum))
        return shape

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn's module of the same name."""
        channels = {"num_features": inputs[0][0]}
        return ModuleCall(f"torch.nn:{self.kind}", {**self.settings(), **channels})

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight and bias per channel."""
        channels = (inputs[0][0],)
        return {"weight": channels, "bias": channels} if self.affine else {}

    def buffers(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """running_mean and running_var per channel."""
        channels = (inputs[0][0],)
        if not self.track_running_stats:
            return {}
        return {"running_mean": channels, "running_var": channels}

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Two operations per value: in prediction it is a shift and a scale."""
        return 2 * size(inputs[0])


@dataclass(frozen=True)
class BatchNorm1d(BatchNorm):
    """Batch normalisation of features, or of channels x length."""

    ranks: ClassVar[tuple[int, ...]] = (1, 2)
    wanted: ClassVar[str] = "1 or 2 axes (features, or channels x length)"


@dataclass(frozen=True)
class BatchNorm2d(BatchNorm):
    """Batch normalisation of channels x height x width."""


@dataclass(frozen=True)
class LayerNorm(Layer):
    """A row's last axes brought to mean 0 and variance 1 (Ba, Kiros and Hinton, 2016).

    Args:
        normalized_shape: the last axes, a number or several; None for the last axis.
        eps: added to the variance.
        elementwise_affine: whether weight and bias are trained.
        bias: whether there is a bias beside the weight.
    """

    family: ClassVar[str] = "norm"
    normalized_shape: int | tuple[int, ...] | None = None
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in."""
        (shape,) = inputs
        if not shape:
            raise ShapeProblem("at least one axis", words(shape))
        tail = self._tail(shape)
        if not tail:
            raise SettingProblem("normalized_shape with at least one axis", "none")
        if shape[-len(tail) :] != tail:
            raise ShapeProblem(f"last axes {words(tail)}", words(shape))
        check_eps(self.eps)
        return shape

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.LayerNorm."""
        tail = {"normalized_shape": self._tail(inputs[0])}
        return ModuleCall("torch.nn:LayerNorm", {**self.settings(), **tail})

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight and bias of normalized_shape."""
        tail = self._tail(inputs[0])
        if not self.elementwise_affine:
            return {}
        return {"weight": tail, "bias": tail} if self.bias else {"weight": tail}

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Eight operations per value."""
        return _OPERATIONS * size(inputs[0])

    def _tail(self, shape: Shape) -> Shape:
        if self.normalized_shape is None:
            return shape[-1:]
        given = self.normalized_shape
        return (given,) if isinstance(given, int) else tuple(given)


@dataclass(frozen=True)
class GroupNorm(Layer):
    """Groups of channels brought to mean 0 and variance 1 in each row (Wu and He, 2018).

    Args:
        num_groups: number of groups; divides the channels.
        num_channels: channels of the input; None takes what comes.
        eps: added to the variance.
        affine: whether weight and bias per channel are trained.
    """

    family: ClassVar[str] = "norm"
    num_groups: int
    num_channels: int | None = None
    eps: float = 1e-5
    affine: bool = True

    def output(self, inputs: tuple[Shape, ...]) -> Shape:
        """The shape that comes in."""
        (shape,) = inputs
        at_least("num_groups", self.num_groups, 1)
        if not shape:
            raise ShapeProblem("channels on the first axis", words(shape))
        if self.num_channels is not None and shape[0] != self.num_channels:
            raise ShapeProblem(f"{self.num_channels} channels", str(shape[0]))
        if shape[0] % self.num_groups:
            raise ShapeProblem(f"channels that its {self.num_groups} groups divide", str(shape[0]))
        check_eps(self.eps)
        return shape

    def module(self, inputs: tuple[Shape, ...]) -> ModuleCall:
        """torch.nn.GroupNorm."""
        channels = {"num_channels": inputs[0][0]}
        return ModuleCall("torch.nn:GroupNorm", {**self.settings(), **channels})

    def parameters(self, inputs: tuple[Shape, ...]) -> dict[str, Shape]:
        """weight and bias per channel."""
        channels = (inputs[0][0],)
        return {"weight": channels, "bias": channels} if self.affine else {}

    def cost(self, inputs: tuple[Shape, ...]) -> int:
        """Eight operations per value."""
        return _OPERATIONS * size(inputs[0])


def check_eps(eps: float) -> None:
    """Raises SettingProblem when eps is not positive."""
    if not eps > 0.0:
        raise SettingProblem("eps above 0", str(eps))
