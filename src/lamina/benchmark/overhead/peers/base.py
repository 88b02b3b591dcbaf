"""What a peer of this benchmark is: an engine that runs tasks which do nothing.

These files also run under the interpreter of another environment, where only the peer's library
is installed: they import the standard library and what stands beside them, nothing else of ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

SHAPES = ("independent", "chain", "fan")
"""n tasks side by side; n tasks, each of which waits for the one before; n tasks and one more
that gets all their results."""


class Peer(ABC):
    """An engine under measurement, in a process of its own.

    Args:
        workers: processes that run tasks at the same time.
        folder: for whatever it writes; it is removed afterwards.
    """

    def __init__(self, workers: int, folder: Path) -> None:
        self.workers = workers
        self.folder = folder

    def start(self) -> None:  # noqa: B027 - an engine that starts with every run has no such step
        """Brings it up, as far as that can be done before there are tasks."""

    @abstractmethod
    def run(self, shape: str, count: int) -> int:
        """Runs one of SHAPES and waits for its end.

        Returns:
            how many tasks are accounted for by results: `count`, if all went well.
        """

    def close(self) -> None:  # noqa: B027 - as above
        """Takes it down."""
