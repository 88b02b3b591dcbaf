"""An online mixture of experts: whoever predicted best of late is heard most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, inf, isfinite, nan
from typing import Any, ClassVar, Self

import numpy as np

from lamina.errors import DataError
from lamina.estimates.base import Predictor, Work, lasted
from lamina.estimates.distribution import Distribution, Floats
from lamina.estimates.points import Misses, PointPredictor
from lamina.estimates.predictors.decayed_line import DecayedLine
from lamina.estimates.predictors.levelled_line import LevelledLine
from lamina.estimates.predictors.nearby import Nearby
from lamina.estimates.predictors.relative_huber import RelativeHuber

RATE = 4.0
"""How fast weights follow losses between 0 and 1; the optimum of theory for some 30 rounds."""
SHARE = 0.03
"""Part of all weight that is dealt out anew each time (fixed share): one change in 30 rounds."""
POWER = 0.5
"""Processing is the sum of its items: relative errors shrink with the root of the whole."""

EXPERTS: tuple[Callable[[], Predictor], ...] = (
    lambda: RelativeHuber(window=60),
    lambda: RelativeHuber(window=20),
    lambda: RelativeHuber(window=5),
    lambda: DecayedLine(keep=0.6),
    lambda: DecayedLine(keep=0.85),
    LevelledLine,
    Nearby,
)
"""Long and short memories, with and without robustness, so that one of them fits.

Chosen on logs that were made up (`lamina.benchmark.placement_fit`), not on recorded ones.
"""


class Mixture(Predictor):
    """Exponential weights with a fixed share (Herbster and Warmuth 1998) over any predictors.

    It says the weighted median of what its experts say, so that no wild one is heard alone. When
    work begins means nothing to it: experts change their mind by observations only.

    Args:
        experts: predictors that have learnt nothing yet, or the same; EXPERTS unless given.
    """

    name: ClassVar[str] = "default"

    def __init__(self, experts: list[Predictor] | None = None) -> None:
        self.experts = [make() for make in EXPERTS] if experts is None else experts
        self.weights: Floats = np.full(len(self.experts), 1.0 / len(self.experts))
        self.misses = Misses(power=POWER)
        self._asked: dict[tuple[float, str], float] = {}
        self._ask = [
            # The same, and no distribution is made only to ask for its median.
            one.point if isinstance(one, PointPredictor) else one.middle
            for one in self.experts
        ]

    def update(self, x: Work, y: float, censored: bool = False) -> None:
        """Weighs the experts by what they said of this observation, then lets them learn it."""
        seconds = lasted(y)
        said = [nan] * len(self.experts)
        if not censored:
            said = self._said(x)
            point = self._median(said)
            self.misses.add(point, seconds)
            self._weigh(said, point, seconds)
        self._asked.clear()
        for expert, one in zip(self.experts, said, strict=True):
            if not isinstance(expert, PointPredictor):
                expert.update(x, y, censored)
            elif not censored:
                expert.learn(x, seconds, one)

    def predict(self, x: Work) -> Distribution:
        """The weighted median of the experts, and around it what it missed by earlier."""
        return self.misses.around(self._of(x))

    def middle(self, x: Work) -> float:
        """The weighted median of the experts."""
        said = self._of(x)
        return max(said, 0.0) if isfinite(said) else float("nan")

    def _of(self, x: Work) -> float:
        key = (x.size, x.node)  # policies ask for one job again and again
        if key not in self._asked:
            self._asked[key] = self._median(self._said(x))
        return self._asked[key]

    def to_document(self) -> dict[str, Any]:
        """With all its experts."""
        return {
            "predictor": self.name,
            "experts": [expert.to_document() for expert in self.experts],
            "weights": self.weights.tolist(),
            "misses": list(self.misses.past),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """With all its experts."""
        from lamina.estimates import restored

        try:
            made = cls([restored(one) for one in document["experts"]])
            made.weights = np.array([float(weight) for weight in document["weights"]])
            made.misses = Misses([float(miss) for miss in document["misses"]], power=POWER)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"a damaged document of the predictor {cls.name!r}: {error!r}"
            ) from error
        return made

    def _said(self, x: Work) -> list[float]:
        return [ask(x) for ask in self._ask]

    def _median(self, said: Sequence[float]) -> float:
        """As `Distribution.quantile(0.5)` has it, without making one."""
        pairs: list[tuple[float, float]] = [
            (value, weight)
            for value, weight in zip(said, self.weights.tolist(), strict=True)
            if -inf < value < inf
        ]
        if not pairs:
            return float("nan")
        pairs.sort()
        whole = sum([weight for _, weight in pairs])
        gone, below, middle_below = 0.0, pairs[0][0], -1.0
        for value, weight in pairs:
            middle = (gone + weight / 2.0) / whole
            if middle >= 0.5:
                if middle_below < 0.0:
                    return value
                part = (0.5 - middle_below) / (middle - middle_below)
                return below + part * (value - below)
            gone, below, middle_below = gone + weight, value, middle
        return below

    def _weigh(self, said: Sequence[float], point: float, y: float) -> None:
        known = [abs(one - y) for one in said if isfinite(one)]
        if not known:
            return
        scale = max(y, point, 1e-9)
        most = max(known)  # who says nothing must not gain by it
        losses = [min((abs(one - y) if isfinite(one) else most) / scale, 1.0) for one in said]
        weights = [
            weight * exp(-RATE * loss)
            for weight, loss in zip(self.weights.tolist(), losses, strict=True)
        ]
        whole, dealt = sum(weights), SHARE / len(weights)
        self.weights = np.array([(1.0 - SHARE) * weight / whole + dealt for weight in weights])
