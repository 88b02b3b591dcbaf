"""Estimates of a runtime that does several things: the work of each kind is learnt by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lamina.estimates.base import Predictor
from lamina.estimates.distribution import Distribution
from lamina.estimates.stages import Course, Load, Outlook, RuntimeEstimates


class KindEstimates(RuntimeEstimates):
    """One runtime: stages that all kinds share, and the processing of each kind.

    Args:
        stages: stage -> predictor, for all kinds; "processing" among them is that of loads
            without a kind.
        processing: makes a predictor for a kind that was not met before.
    """

    def __init__(
        self, stages: Mapping[str, Predictor], processing: Callable[[], Predictor]
    ) -> None:
        super().__init__(stages)
        self._processing = processing
        self._own: dict[str, RuntimeEstimates] = {}

    def of(self, kind: str) -> RuntimeEstimates:
        """What was learnt of one kind."""
        if kind not in self._own:
            stages = {**self.stages, **({"processing": self._processing()} if kind else {})}
            self._own[kind] = made = RuntimeEstimates(stages, self.overlaps)
            made.intervals = self.intervals
        return self._own[kind]

    def predict(self, load: Load, waited: Mapping[str, float] | None = None) -> Outlook:
        """As one that does nothing else."""
        return self.of(load.kind).predict(load, waited)

    def ahead(
        self, load: Load, course: Course, left: Mapping[str, Distribution] | None = None
    ) -> Outlook:
        """As one that does nothing else."""
        return self.of(load.kind).ahead(load, course, left)

    def left(self, load: Load, course: Course) -> dict[str, Distribution]:
        """As one that does nothing else."""
        return self.of(load.kind).left(load, course)

    def update(self, stage: str, load: Load, seconds: float, censored: bool = False) -> None:
        """Processing teaches of its own kind; what comes before and after it, of all."""
        self.of(load.kind).update(stage, load, seconds, censored)

    def expected(self, load: Load) -> Distribution:
        """As one that does nothing else."""
        return self.of(load.kind).expected(load)

    def stage(self, stage: str, load: Load) -> Distribution:
        """What one stage is expected to take."""
        return self.of(load.kind).stage(stage, load)

    def middle(self, stage: str, load: Load) -> float:
        """Its median."""
        return self.of(load.kind).middle(stage, load)
