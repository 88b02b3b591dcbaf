"""What every detector does, whatever it learns with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.errors import DataError, UsageError

Arrays = Mapping[str, NDArray[Any]]
Parts = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""A plain document, and arrays by name: all that is saved of what was learnt."""


_DEVICE = re.compile(r"cpu|auto|cuda(:\d+)?")


def check_device(name: str) -> None:
    """Raises UsageError for a name that no device can have."""
    if not _DEVICE.fullmatch(name):
        raise UsageError(f"there is no device {name!r}", "choose cpu, cuda, cuda:1 or auto")


def silent(text: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Fitting:
    """How to learn.

    Args:
        seed: equal seeds give equal detectors on one machine.
        device: "cpu", "cuda" or "auto", for those that learn with a network.
        options: of the detector, by name; each says in its docstring which it takes.
        tell: takes lines of progress.

    Raises:
        UsageError: there is no such device.
    """

    seed: int = 0
    device: str = "cpu"
    options: Mapping[str, Any] = field(default_factory=dict)
    tell: Callable[[str], None] = silent

    def __post_init__(self) -> None:
        check_device(self.device)

    def check_no_options(self) -> None:
        """For a detector that has nothing to set.

        Raises:
            DataError: something was set.
        """
        if self.options:
            raise DataError(
                f"this detector has no options, but {', '.join(self.options)} is set",
                "leave it out; the networks have options: docs/diagnosis.md",
            )


class Fitted(Protocol):
    """What was learnt."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the scores."""
        ...

    def scores(self, runs: Sequence[Run], against: Sequence[Run] = ()) -> Floats:
        """Logarithms of probabilities, (n, classes), not calibrated.

        Args:
            runs: to judge.
            against: runs of the same period that are known to be good; a detector that has no use
                for them ignores them.
        """
        ...

    def to_parts(self) -> Parts:
        """What `Detector.restore` makes the same again from."""
        ...


class Detector(Protocol):
    """A way to learn; made without arguments.

    `title` says in one line what it is; `stops_early` whether it needs runs that are held back to
    know when to stop, so that it cannot learn from all there are.
    """

    title: ClassVar[str]
    stops_early: ClassVar[bool]

    def fit(self, runs: Collection, held: Collection | None, how: Fitting) -> Fitted:
        """Learns from labelled runs.

        Args:
            runs: all with a known label, at least one of each class that there is a run of.
            held: runs held back to stop by; None where there are none.
            how: seed, device, options.

        Raises:
            DataError: runs that it cannot learn from; an unknown option.
        """
        ...

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Fitted:
        """What was learnt, from its parts.

        Raises:
            BundleError: parts that do not belong together.
        """
        ...


def as_scores(probabilities: Floats) -> Floats:
    """Probabilities as scores: their logarithms, none below that of one in a billion."""
    return np.asarray(np.log(np.maximum(probabilities, 1e-9)))
