"""What a detector says of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lamina.diagnosis.runs import NORMAL

UNSURE = "unsure"
"""The answer of a detector that cannot tell."""


class Severity(NamedTuple):
    """How strong an anomaly is, by the levels that were learnt from.

    Args:
        level: best estimate, in the unit of the labels (cores taken, MB/s, percent loss).
        low, high: between which it lies in four of five runs of this kind.
    """

    level: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """What a detector says of one run.

    Args:
        run: its name.
        probabilities: class -> calibrated probability; they add up to 1.
        unsure_below: the least probability of the first class with which it is said.
        severity: of the first class; None for normal, or where levels were not learnt.
    """

    run: str
    probabilities: Mapping[str, float]
    unsure_below: float = 0.0
    severity: Severity | None = None

    @property
    def first(self) -> str:
        """The class with the highest probability, sure or not."""
        return max(self.probabilities, key=lambda name: self.probabilities[name])

    @property
    def answer(self) -> str:
        """The class, or "unsure"."""
        return UNSURE if self.probabilities[self.first] < self.unsure_below else self.first

    @property
    def anomaly(self) -> float:
        """Probability that something went wrong."""
        return 1.0 - self.probabilities.get(NORMAL, 0.0)

    def to_json(self) -> dict[str, Any]:
        """Plain values; probabilities from the highest to the lowest."""
        order = sorted(self.probabilities.items(), key=lambda item: -item[1])
        severity = self.severity and {k: round(v, 4) for k, v in self.severity._asdict().items()}
        return {
            "run": self.run,
            "class": self.first,
            "answer": self.answer,
            "probability": round(self.probabilities[self.first], 6),
            "probabilities": {name: round(value, 6) for name, value in order},
            "unsure_below": round(self.unsure_below, 6),
            "severity": severity,
        }
