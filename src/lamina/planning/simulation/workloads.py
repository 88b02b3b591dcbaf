"""Hours of a camera trap: how many images each holds, most of them none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamina.planning.simulation.laws import BATCHES

HOURS = 27_264
"""Of the paper's trap: 1,136 days."""
EMPTY = 0.6653
"""Part of the hours in which nothing is seen."""
_REST = 0.85
_PEAKS = ((13.0, 1.6, 0.9), (20.0, 1.0, 0.85))
"""Hour, width in hours and height of the times at which most is seen, beside _REST."""


def activity() -> NDArray[np.float64]:
    """How much more or less is seen in each hour of the day; 1 on average."""
    hours = np.arange(24.0)
    found = np.full(24, _REST)
    for peak, width, height in _PEAKS:
        found += height * np.exp(-0.5 * ((hours - peak) / width) ** 2)
    return np.asarray(found / found.mean())


def camera_hours(source: np.random.Generator, hours: int = HOURS) -> NDArray[np.int64]:
    """Images of each hour, beginning at midnight.

    Animals come more often at some hours; how many images an hour with any has does not depend
    on the time of day.
    """
    seen = (1.0 - EMPTY) * activity()[np.arange(hours) % 24]
    images = batch_sizes(source, hours)
    return np.where(source.random(hours) < seen, images, 0)


def batch_sizes(source: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Images of hours that have some."""
    sizes = np.rint(BATCHES.over(source.standard_normal(count)))
    return np.maximum(sizes, 1.0).astype(np.int64)
