"""What a predictor is: it learns from observations and answers with distributions of seconds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, ClassVar, Self, final

import numpy as np

from lamina.errors import DataError
from lamina.estimates.distribution import Distribution, Floats

SMALLEST = 1e-9
"""Sizes below count as none: a thousandth of a millionth of an item is a slip of arithmetic."""


@dataclass(slots=True)
class Work:
    """What is known of a stage before it begins. Not to be changed, though it is not frozen: they
    are made by the dozen for each decision, and what is frozen takes three times as long to make.

    Args:
        size: how much there is to do: images, bytes; 0 where that does not matter.
        at: when it begins, in seconds of any one clock; predictors have none of their own.
        node: type of machine that it will run on; empty while that is open.
    """

    size: float = 0.0
    at: float = 0.0
    node: str = ""

    def __post_init__(self) -> None:
        if not (0.0 <= self.size < inf and -inf < self.at < inf):
            raise DataError(
                f"work of size {self.size!r} at {self.at!r}", "sizes are numbers of at least 0"
            )
        if self.size < SMALLEST:
            self.size = 0.0

    def to_row(self, seconds: float) -> list[Any]:
        """A plain row for documents."""
        return [self.size, self.at, self.node, seconds]

    @classmethod
    def of_row(cls, row: list[Any]) -> tuple[Work, float]:
        """What `to_row` made."""
        size, at, node, seconds = row
        return cls(float(size), float(at), str(node)), float(seconds)


def lasted(seconds: float) -> float:
    """Seconds as an observation may have them.

    Raises:
        DataError: it is negative, or no number.
    """
    if not (isfinite(seconds) and seconds >= 0.0):
        raise DataError(
            f"an observation of {seconds!r} seconds", "give seconds of at least 0, on one clock"
        )
    return float(seconds)


class Predictor(ABC):
    """Learns how long a stage takes. Equal observations in equal order give equal answers.

    A predictor has no clock and no random source: both are handed in.
    """

    name: ClassVar[str] = ""
    """In `PREDICTORS`, and in documents."""

    @abstractmethod
    def update(self, x: Work, y: float, censored: bool = False) -> None:
        """Learns an observation.

        Args:
            x: what was known before.
            y: seconds that it took.
            censored: it was ended after `y` seconds (cancelled, timed out); it would have taken
                longer, and how long is not known.

        Raises:
            DataError: `y` is negative, or no number.
        """

    @abstractmethod
    def predict(self, x: Work) -> Distribution:
        """What is to be expected; `Distribution.unknown()` before anything was learnt."""

    def middle(self, x: Work) -> float:
        """The median of what is to be expected; NaN before anything was learnt."""
        return self.predict(x).quantile(0.5)

    @abstractmethod
    def to_document(self) -> dict[str, Any]:
        """All that was learnt, as plain values under the key "predictor": name."""

    @classmethod
    @abstractmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """What `to_document` gave; it answers and learns as the first one would have."""

    @final
    def sample(
        self, x: Work, source: np.random.Generator, count: int = 1, waited: float = 0.0
    ) -> Floats:
        """Seconds drawn at random, given that `waited` of them are over already."""
        return self.predict(x).beyond(waited).sample(source, count)

    @final
    def quantile(self, x: Work, probability: float, waited: float = 0.0) -> float:
        """Seconds within which it is done with a probability, `waited` of them being over."""
        return self.predict(x).beyond(waited).quantile(probability)

    @final
    def mean(self, x: Work, waited: float = 0.0) -> float:
        """Expected seconds, `waited` of them being over."""
        return self.predict(x).beyond(waited).mean
