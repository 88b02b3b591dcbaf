"""A function that can be placed: a chunk of items in, a result for each of them out."""

from __future__ import annotations

import time
from collections.abc import Iterator


def warm(pause: float = 0.0) -> None:
    """What is done once before the first chunk: a model would be loaded here."""


def squares(items: list[int], pause: float = 0.0) -> Iterator[int]:
    """Takes its time for each item."""
    for item in items:
        time.sleep(pause)
        yield item * item
