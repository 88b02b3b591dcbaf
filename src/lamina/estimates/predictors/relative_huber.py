"""A line under Huber's loss on relative errors, held near a prior: bootstrap runs, node types."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import Any, ClassVar

import numpy as np

from lamina.estimates.base import Work
from lamina.estimates.lines import Line, relative_huber
from lamina.estimates.points import PointPredictor

WORTH = 2.0
"""Observations that the prior is worth, beside those of the window."""


class RelativeHuber(PointPredictor):
    """The last observations rule; the longer past is the prior that they are held near.

    Args:
        memory: how many observations make the prior.
        window: how many of the last ones make the line.
        prior: a line from bootstrap runs elsewhere, until there is a past of one's own.
    """

    name: ClassVar[str] = "relative-huber"
    MEMORY: ClassVar[int] = 100

    def __init__(self, memory: int = 0, window: int = 20, prior: Line | None = None) -> None:
        super().__init__(memory)
        self.window = window
        self.prior = prior
        self._line: Line | None = prior
        self._nodes: dict[str, float] = {}
        self._named = False  # whether types of nodes were ever told

    def fit(self) -> None:
        """The past as a whole, then the window near it, then how each type of node differs."""
        sizes, seconds = self.sizes(), self.seconds()
        held = (self.prior, WORTH) if self.prior else None
        past = relative_huber(sizes, seconds, prior=held)
        last = slice(-self.window, None)
        self._line = relative_huber(sizes[last], seconds[last], prior=(past, WORTH))
        self._nodes = {}
        self._named = self._named or bool(self.rows[-1][0].node)
        if self._named:
            self._nodes = self._differences(np.maximum(self._line.over(sizes), 1e-9), seconds)

    def point(self, x: Work) -> float:
        """On the line; times the factor of the node's type, where that is known."""
        if self._line is None:
            return float("nan")
        said = self._line.at(x.size)
        return said * exp(self._nodes.get(x.node, 0.0)) if self._nodes else said

    def to_document(self) -> dict[str, Any]:
        """With the window and the prior."""
        prior = [self.prior.slope, self.prior.intercept] if self.prior else None
        return {**super().to_document(), "window": self.window, "prior": prior}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Takes the window and the prior."""
        self.window = int(document["window"])
        self._named = any(x.node for x, _ in self.rows)
        prior = document.get("prior")
        self.prior = self._line = Line(*prior) if prior else None

    def _differences(self, said: Any, seconds: Any) -> dict[str, float]:
        """Node type -> logarithm of its factor, shrunk to none."""
        errors: dict[str, list[float]] = {}
        for (x, _), line, took in zip(self.rows, said, seconds, strict=True):
            if x.node:
                errors.setdefault(x.node, []).append(float(np.log(max(took, 1e-9) / line)))
        return {
            node: float(np.median(own)) * len(own) / (len(own) + WORTH)
            for node, own in errors.items()
        }
