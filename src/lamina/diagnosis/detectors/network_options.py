"""What a network that reads charts can be told: the charts, their changes, how it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from lamina.errors import DataError
from lamina.training.pretrained import FROM_ADDRESS

_PRETRAINED = ("weights", "frozen", "body_rate", "head_rate")
"""Options of networks that begin with published weights only."""


@dataclass(frozen=True)
class NetworkOptions:
    """Options of detectors that read charts.

    Args:
        size: pixels along each side of a chart.
        channels: "colours" (the paper's) or "phases".
        axis: "own" (each run's own makespan, the paper's) or "absolute".
        order: of the rows: "recorded", "start" or "level".
        augment: names of augmentations, "flips,jitter" for the paper's, with amounts behind "="
            where wanted; none when empty.
        epochs: most passes over the runs.
        patience: epochs without a better loss on the runs held back before it stops; the paper's 4.
        batch_size: runs in a batch; the paper's 16.
        learning_rate: of a network from scratch; the paper's 1e-4.
        width: share of the network's channels and units.
        threads: of the CPU; 0 for all cores.
        weights: to begin with: "published", the path of a file, or "" for none.
        frozen: parts that stay as they are ("features"), with commas between; only with weights.
        body_rate, head_rate: learning rates of layers with given weights and of the new head; the
            paper's 1e-8 and 1e-6.

    Raises:
        DataError: a value outside its range.
    """

    size: int = 128
    channels: str = "colours"
    axis: str = "own"
    order: str = "recorded"
    augment: str = ""
    epochs: int = 100
    patience: int = 4
    batch_size: int = 16
    learning_rate: float = 1e-4
    width: float = 1.0
    threads: int = 0
    weights: str = FROM_ADDRESS
    frozen: tuple[str, ...] = ()
    body_rate: float = 1e-8
    head_rate: float = 1e-6

    def __post_init__(self) -> None:
        least = {"size": 1, "epochs": 1, "patience": 1, "batch_size": 2, "threads": 0}
        mistakes = [
            f"{name} is {getattr(self, name)}; it is at least {bound}"
            for name, bound in least.items()
            if getattr(self, name) < bound
        ]
        mistakes += [
            f"{name} is {getattr(self, name)}; it is a number above 0"
            for name in ("learning_rate", "width", "body_rate", "head_rate")
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0)
        ]
        if mistakes:
            raise DataError(f"options of the detector do not hold: {'; '.join(mistakes)}")

    @classmethod
    def of(cls, given: Mapping[str, Any], pretrained: bool = True) -> NetworkOptions:
        """Options from names and values, which may be text.

        Args:
            given: by name.
            pretrained: whether the network may begin with published weights.

        Raises:
            DataError: an unknown option, a value of the wrong kind; all at once.
        """
        kinds = {
            entry.name: str(entry.type)
            for entry in fields(cls)
            if pretrained or entry.name not in _PRETRAINED
        }
        found, mistakes = {}, []
        for name, value in given.items():
            if name not in kinds:
                mistakes.append(f"there is no option {name!r}")
                continue
            try:
                found[name] = _read(kinds[name], value)
            except (TypeError, ValueError):
                mistakes.append(f"{name} is {value!r}; it is a number")
        if mistakes:
            raise DataError(
                f"options of the detector do not hold: {'; '.join(mistakes)}",
                f"known: {', '.join(kinds)}",
            )
        return cls(**found)


def _read(kind: str, value: Any) -> Any:
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "str":
        return str(value)
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())
