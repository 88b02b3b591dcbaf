"""What a dispatcher cannot have of its own: chance, how far jobs are, time for decisions, rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lamina.planning.placement.health import Rules
from lamina.planning.placement.view import Weights
from lamina.planning.placement.words import Pace

Progress = Callable[[str], Mapping[str, float]]
"""Job -> items that each runtime has done of it."""
Paces = Callable[[str], Mapping[str, Pace]]
"""Job -> how far each runtime is that works on it, where it has done anything."""
Truth = Callable[[str], Mapping[str, float] | None]
"""Job -> seconds that it would take on each runtime; None where nobody can know."""


@dataclass(frozen=True)
class Surroundings:
    """What a dispatcher cannot have of its own.

    Args:
        source: random numbers.
        progress: how far jobs are.
        truth: what would have been; simulations only.
        stopwatch: seconds, to time decisions with.
        weights: what counts besides seconds.
        rules: how failures are met.
        paces: how far those are who work, also where they race each other; empty where nobody can
            tell.
    """

    source: np.random.Generator
    progress: Progress
    truth: Truth = lambda job: None
    stopwatch: Callable[[], float] = lambda: 0.0
    weights: Weights = field(default_factory=Weights)
    rules: Rules = field(default_factory=Rules)
    paces: Paces = lambda job: {}
