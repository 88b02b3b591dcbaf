"""Augmentation: charts of a batch changed anew in every epoch, so that a network sees more of them.

After P. Krawczuk et al. (2021), who tried rotations, flips, shifts and noise, and kept horizontal
flips and jitter, "since these keep the semantic information intact".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import UsageError

Tensor = Any
"""Charts of a batch on a device, (rows, channels, height, width), from 0 to 1: a torch tensor."""

Draws = np.random.Generator

COLOURS = 3
"""Channels of charts in colours; others have one per phase."""


@dataclass(frozen=True)
class Augmentation:
    """What is done to each chart of a batch, with chances and amounts of its own; 0 does nothing.

    A pure function of the charts and a seed: the same on every device but for rounding, except
    noise, which each kind of device draws in its own way.

    Args:
        flips: chance that a chart is mirrored left to right.
        jitter: greatest change of brightness, contrast and saturation, as a share of each.
        shifts: farthest that a chart is moved along each axis, as a share of its sides; paper
            comes in where it left.
        noise: deviation of the noise that is added to each value.
        rotation: greatest angle about the middle, in degrees, to either side.

    Raises:
        UsageError: an amount outside its range.
    """

    flips: float = 0.0
    jitter: float = 0.0
    shifts: float = 0.0
    noise: float = 0.0
    rotation: float = 0.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, most = getattr(self, entry.name), 180.0 if entry.name == "rotation" else 1.0
            if not 0.0 <= value <= most:
                raise UsageError(
                    f"{entry.name} of an augmentation cannot be {value}",
                    f"give a number from 0 to {most:g}",
                )

    def __bool__(self) -> bool:
        return any(getattr(self, entry.name) for entry in fields(self))

    def __call__(self, charts: Tensor, seed: int) -> Tensor:
        """The charts, each changed by what the seed draws for it."""
        generator = np.random.default_rng(seed)
        for name, change in CHANGES.items():
            # Each draws from a generator of its own: switching one off leaves the others alike.
            (own,) = generator.spawn(1)
            if amount := getattr(self, name):
                charts = change(charts, amount, own)
        return charts


USUAL: dict[str, float] = {
    "flips": 0.5, "jitter": 0.1, "shifts": 0.05, "noise": 0.02, "rotation": 5.0,
}  # fmt: skip
"""Amounts of those that are named without one."""

THE_PAPERS = "flips,jitter"
"""Those of the Gantt paper's final experiments."""


def augmentation_of(text: str) -> Augmentation:
    """The augmentation that a text names: "flips,jitter", "shifts=0.1,noise", "" or "none".

    Raises:
        UsageError: a name that is none of them, an amount that is no number.
    """
    amounts: dict[str, float] = {}
    for entry in filter(None, (one.strip() for one in text.split(","))):
        name, sign, amount = (part.strip() for part in entry.partition("="))
        if entry == "none":
            continue
        if name not in USUAL:
            raise UsageError(f"there is no augmentation {name!r}", f"known: {', '.join(USUAL)}")
        try:
            amounts[name] = float(amount) if sign else USUAL[name]
        except ValueError:
            raise UsageError(
                f"{name} of an augmentation cannot be {amount!r}", f"give a number: {name}=0.1"
            ) from None
    return Augmentation(**amounts)


def _flips(charts: Tensor, chance: float, draws: Draws) -> Tensor:
    which = _to(charts, draws.random(len(charts)) < chance)
    return charts.flip(-1).where(which[:, None, None, None], charts)


def _jitter(charts: Tensor, amount: float, draws: Draws) -> Tensor:
    """Brightness, contrast about the mean, and saturation about grey where there are colours."""
    factors = draws.uniform(1.0 - amount, 1.0 + amount, (3, len(charts), 1, 1, 1))
    brightness, contrast, saturation = _to(charts, factors.astype(np.float32))
    charts = charts * brightness
    middle = charts.mean(dim=(1, 2, 3), keepdim=True)
    charts = (charts - middle) * contrast + middle
    if charts.shape[1] == COLOURS:
        grey = charts.mean(dim=1, keepdim=True)
        charts = (charts - grey) * saturation + grey
    return charts.clamp(0.0, 1.0)


def _shifts(charts: Tensor, most: float, draws: Draws) -> Tensor:
    """Whole pixels, so that nothing is blurred."""
    height, width = charts.shape[-2:]
    away = draws.uniform(-most, most, (len(charts), 2)) * (height, width)
    found = charts.new_full(charts.shape, _paper(charts))
    for number, (down, right) in enumerate(np.rint(away).astype(int).tolist()):
        into, came = _overlap(down, height), _overlap(-down, height)
        across, left = _overlap(right, width), _overlap(-right, width)
        found[number, :, into, across] = charts[number, :, came, left]
    return found


def _noise(charts: Tensor, deviation: float, draws: Draws) -> Tensor:
    import torch

    generator = torch.Generator(charts.device).manual_seed(int(draws.integers(1 << 62)))
    noise = torch.empty_like(charts).normal_(0.0, deviation, generator=generator)
    return charts.add(noise).clamp_(0.0, 1.0)


def _rotation(charts: Tensor, most: float, draws: Draws) -> Tensor:
    from torch.nn.functional import affine_grid, grid_sample

    angles = np.deg2rad(draws.uniform(-most, most, len(charts)))
    height, width = charts.shape[-2:]
    turned = np.zeros((len(charts), 2, 3), dtype=np.float32)
    turned[:, 0, 0] = turned[:, 1, 1] = np.cos(angles)
    # Places are told as shares of the sides, which need not be equal.
    turned[:, 0, 1] = -np.sin(angles) * height / width
    turned[:, 1, 0] = np.sin(angles) * width / height
    paper = _paper(charts)
    grid = affine_grid(_to(charts, turned), list(charts.shape), align_corners=False)
    return grid_sample(charts - paper, grid, align_corners=False) + paper


def _overlap(moved: int, size: int) -> slice:
    return slice(min(max(moved, 0), size), max(min(size + moved, size), 0))


def _paper(charts: Tensor) -> float:
    """The value of a pixel without a bar."""
    return 1.0 if charts.shape[1] == COLOURS else 0.0


def _to(charts: Tensor, values: NDArray[Any]) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values)).to(charts.device)


Change = Callable[[Tensor, float, Draws], Tensor]

CHANGES: dict[str, Change] = {
    "flips": _flips, "jitter": _jitter, "shifts": _shifts, "noise": _noise, "rotation": _rotation,
}  # fmt: skip
"""By name, in the order in which they are done."""

NAMES: Sequence[str] = tuple(CHANGES)
