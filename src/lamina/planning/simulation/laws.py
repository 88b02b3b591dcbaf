"""Laws that worlds are drawn from: sizes of batches, links, deployments, work on a runtime.

The numbers are those that the STOIC paper and its data give (`docs/why/simulator.md` says which of
them hold in what this generator draws, and which do not).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, exp, sqrt
from zlib import crc32

import numpy as np

from lamina.estimates.distribution import Floats
from lamina.planning.placement.words import Runtime

SLOT = 60.0
"""Seconds for which what runtimes and links are up to stays the same."""

IMAGE_BYTES = 212_000.0
RESULT_BYTES = 200.0

_REACH, _STEPS = 5.0, 1000
"""Normal scores that a table of quantiles covers to either side, and its steps to each unit."""


class Scored:
    """A distribution as a function of a normal score: 0 is its median.

    Args:
        probabilities: rising, the first 0 and the last 1.
        values: quantiles at these.
        steep: whether they are joined by straight lines on logarithms.
    """

    def __init__(
        self, probabilities: Sequence[float], values: Sequence[float], steep: bool = True
    ) -> None:
        scores = np.linspace(-_REACH, _REACH, int(2 * _REACH * _STEPS) + 1)
        asked = np.array([0.5 * (1.0 + erf(one / sqrt(2.0))) for one in scores])
        knots = np.log(values) if steep else np.asarray(values, dtype=np.float64)
        found = np.interp(asked, probabilities, knots)
        self._array: Floats = np.exp(found) if steep else found
        self._table: list[float] = self._array.tolist()

    def at(self, score: float) -> float:
        """Of one score."""
        place = int((score + _REACH) * _STEPS + 0.5)
        return self._table[min(max(place, 0), len(self._table) - 1)]

    def over(self, scores: Floats) -> Floats:
        """Of many scores."""
        places = np.rint((np.asarray(scores) + _REACH) * _STEPS).astype(int)
        found: Floats = self._array[np.clip(places, 0, self._array.size - 1)]
        return found


BATCHES = Scored(
    [0.0, 0.05, 0.15, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9997, 1.0],
    [1.0, 4.5, 5.5, 10.0, 35.0, 89.0, 174.0, 248.0, 530.0, 1380.0, 2450.0, 2450.0],
)
"""Images of a batch that is not empty."""

BANDWIDTH = Scored([0.0, 0.05, 0.5, 0.95, 1.0], [18.0, 21.0, 27.3, 53.0, 62.0])
"""Megabits a second."""


@dataclass(frozen=True)
class Deployment:
    """Seconds until a runtime is up: what it always takes, and a lognormal rest with an end.

    Args:
        least: seconds that each takes (asked for, scheduled, its image pulled).
        rest: median of what comes on top.
        shape: standard deviation of the logarithm of the rest.
        end: normal score beyond which it gets no longer.
    """

    least: float
    rest: float
    shape: float
    end: float

    def at(self, score: float, scale: float = 1.0) -> float:
        """Of a normal score; a scale stretches the rest."""
        return self.least + scale * self.rest * exp(self.shape * min(score, self.end))


@dataclass(frozen=True)
class Kind:
    """How a runtime behaves.

    Args:
        item: seconds of an item.
        start: seconds of work that come before the first.
        spread: standard deviation of the seconds of a batch of TYPICAL items.
        deployment: how it comes up; None where it stands ready.
        warm: median seconds of its warm-up.
    """

    item: float
    start: float
    spread: float
    deployment: Deployment | None = None
    warm: float = 0.0

    def whole(self, items: Floats, scores: Floats) -> Floats:
        """Seconds of the work on batches, given normal scores of how they come out."""
        line = self.start + self.item * items
        # The spread grows with the size; no batch takes less than a third of what is usual.
        widths = self.spread * np.sqrt(line / (self.start + self.item * TYPICAL))
        found: Floats = np.maximum(line + widths * scores, line / 3.0)
        return found


TYPICAL = 35.0
"""Images of a batch in the middle."""

KINDS: dict[str, Kind] = {
    "edge": Kind(1.530, 1.84, 2.37),
    "cpu": Kind(1.418, 7.0, 8.7, Deployment(19.5, 1.52, 1.8, 2.3), 28.0),
    "gpu1": Kind(0.265, 24.4, 6.75, Deployment(20.2, 0.66, 2.3, 2.2), 34.0),
    "gpu2": Kind(0.190, 22.1, 9.25, Deployment(21.9, 8.1, 1.45, 1.6), 41.0),
}
"""The paper's four runtimes."""


def kind_of(runtime: Runtime) -> Kind:
    """What a runtime of any name behaves like."""
    if runtime.name in KINDS:
        return KINDS[runtime.name]
    if runtime.standby:
        return KINDS["edge"]
    return KINDS[{0: "cpu", 1: "gpu1"}.get(runtime.devices, "gpu2")]


def stream(seed: int, *labels: str) -> np.random.Generator:
    """A random source of its own for whatever the labels name: nothing else moves it."""
    keys = tuple(crc32(label.encode()) for label in labels)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=keys))


def wandering(source: np.random.Generator, count: int, slots: float) -> Floats:
    """Normal scores that forget where they were after so many slots (Ornstein and Uhlenbeck)."""
    keep = float(np.exp(-1.0 / slots))
    steps = source.standard_normal(count) * sqrt(1.0 - keep * keep)
    if count:
        steps[0] = source.standard_normal()
    found: list[float] = []
    now = 0.0
    for step in steps.tolist():
        now = keep * now + step
        found.append(now)
    return np.array(found)


@dataclass(frozen=True)
class Regime:
    """How busy the cloud is.

    Args:
        shift: of the normal scores of deployments.
        scale: of what deployments take beyond their least.
        spread: of the deviation of work.
        bandwidth: of the link.
        congested: of the part of the batches that find the cloud congested.
        level: seconds that every deployment takes longer.
    """

    shift: float = 0.0
    scale: float = 1.0
    spread: float = 1.0
    bandwidth: float = 1.0
    congested: float = 1.0
    level: float = 0.0


REGIMES: dict[str, Regime] = {
    "calm": Regime(-0.5, 0.7, 0.6, 1.1, 0.25),
    "usual": Regime(),
    "busy": Regime(0.7, 1.6, 1.3, 0.8, 1.5),
}
