"""Tasks that do nothing, in a module that loads nothing: a new process imports it first."""

from __future__ import annotations

from collections.abc import Sequence


def first(number: int) -> int:
    """A task that nothing stands before."""
    return number


def step(number: int) -> int:
    """A task of a chain: its result shows that the one before ran."""
    return number + 1


def total(numbers: Sequence[int]) -> int:
    """The task at the end of a fan."""
    return len(numbers)
