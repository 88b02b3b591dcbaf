"""Who is told how units end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from lamina.execution.state.frames import Unit
from lamina.workflow.graph import Workflow


class Settled(ABC):
    """Whoever is told how units end."""

    @abstractmethod
    def succeeded(self, unit: Unit, outputs: Mapping[str, Any], time: float) -> None:
        """A unit has its outputs."""

    @abstractmethod
    def expanded(
        self, unit: Unit, workflow: Workflow, inputs: Mapping[str, Any], time: float
    ) -> None:
        """A unit decided on tasks to run in its place."""

    @abstractmethod
    def failed(
        self, unit: Unit, error: Mapping[str, Any], exception: BaseException | None, time: float
    ) -> None:
        """A unit failed for good."""

    @abstractmethod
    def damaged(self, unit: Unit, digests: frozenset[str], time: float) -> str:
        """An input cannot be read: empty where it is being made again, else why it is not."""

    @abstractmethod
    def began(self, unit: Unit, time: float) -> None:
        """The main part of a unit runs."""
