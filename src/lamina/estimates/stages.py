"""The stages of a task on one runtime, and the whole: from ready to results back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from lamina.errors import DataError, UnknownNameError
from lamina.estimates import PREDICTORS, restored
from lamina.estimates.base import Predictor, Work
from lamina.estimates.distribution import Distribution, added, latest
from lamina.estimates.intervals import AdaptiveIntervals

STAGES = ("queue", "upload", "request", "deployment", "warm", "processing", "fetch")
"""In their order; upload goes on while the runtime is requested and deployed."""

USUAL: Mapping[str, str] = {
    "queue": "decayed-quantiles",
    "upload": "link",
    "request": "decayed-quantiles",
    "deployment": "decayed-quantiles",
    "warm": "decayed-quantiles",
    "processing": "default",
    "fetch": "link",
}
"""Stage -> name of the predictor that it has unless told otherwise."""


OVER = Distribution.at(0.0)
"""What is left of a stage that is over."""


@dataclass(slots=True)
class Load:
    """What is known of a task before it is placed. Not to be changed, like `Work`.

    Args:
        items: how much there is to process (images, rows, bytes).
        upload: bytes that go to the runtime.
        fetch: bytes that come back.
        at: when, in seconds of any one clock.
        node: type of machine; empty while that is open.
        kind: what is done to the items, where a runtime does several things; see `kinds`.
    """

    items: float = 1.0
    upload: float = 0.0
    fetch: float = 0.0
    at: float = 0.0
    node: str = ""
    kind: str = ""

    def work(self, stage: str) -> Work:
        """As one stage sees it."""
        match stage:
            case "processing":
                return Work(self.items, self.at, self.node)
            case "upload":
                return Work(self.upload, self.at, self.node)
            case "fetch":
                return Work(self.fetch, self.at, self.node)
        return Work(0.0, self.at, self.node)


@dataclass(frozen=True)
class Outlook:
    """What a runtime promises for a task.

    Args:
        stages: stage -> seconds; only stages that the runtime has.
        total: from ready to results back; empty where a stage is not known.
        plain: the total as the stages alone have it, before intervals are made to hold.
    """

    stages: Mapping[str, Distribution]
    total: Distribution
    plain: Distribution = field(default_factory=Distribution.unknown)


@dataclass(frozen=True)
class Course:
    """How far an attempt is.

    Args:
        waited: stage that goes on -> seconds that it has lasted already.
        done: stages that are over.
    """

    waited: Mapping[str, float] = field(default_factory=dict)
    done: frozenset[str] = frozenset()

    @property
    def begun(self) -> bool:
        """Whether anything happened yet."""
        return bool(self.waited or self.done)


class RuntimeEstimates:
    """What was learnt of one runtime.

    Args:
        stages: stage -> its predictor; a stage that is left out takes no time there.
        overlaps: whether uploads go on while the runtime is deployed; else all stages follow
            each other, as in the paper.
    """

    def __init__(self, stages: Mapping[str, Predictor], overlaps: bool = True) -> None:
        for stage in stages:
            if stage not in STAGES:
                raise UnknownNameError("stage", stage, STAGES)
        self.stages = {stage: stages[stage] for stage in STAGES if stage in stages}
        self.overlaps = overlaps
        self.intervals = AdaptiveIntervals()

    @classmethod
    def usual(cls, *stages: str, overlaps: bool = True) -> Self:
        """With the usual predictors, for these stages; for all of them when none is named."""
        for stage in stages:
            if stage not in STAGES:
                raise UnknownNameError("stage", stage, STAGES)
        return cls({one: PREDICTORS.get(USUAL[one])() for one in stages or STAGES}, overlaps)

    def predict(self, load: Load, waited: Mapping[str, float] | None = None) -> Outlook:
        """What is to be expected.

        Args:
            load: the task.
            waited: stage -> seconds that it has lasted already, without an end.
        """
        over = waited or {}
        stages = {
            stage: predictor.predict(load.work(stage)).beyond(over.get(stage, 0.0))
            for stage, predictor in self.stages.items()
        }
        whole = self._whole(stages)
        return Outlook(stages, self.intervals.calibrated(whole), whole)

    def ahead(
        self, load: Load, course: Course, left: Mapping[str, Distribution] | None = None
    ) -> Outlook:
        """What is to be expected from now on, of an attempt that is on its way.

        Args:
            load: the task.
            course: how far it is.
            left: what `left` says of both, where that is known already.
        """
        stages = self.left(load, course) if left is None else left
        whole = self._whole(stages)
        total = whole if course.begun else self.intervals.calibrated(whole)
        return Outlook(stages, total, whole)

    def left(self, load: Load, course: Course) -> dict[str, Distribution]:
        """What is left of each stage of an attempt that is on its way."""
        done, waited = course.done, course.waited
        found: dict[str, Distribution] = {}
        for stage, predictor in self.stages.items():
            if stage in done:
                found[stage] = OVER
                continue
            seconds = predictor.predict(load.work(stage))
            past = waited.get(stage, 0.0)
            found[stage] = seconds.beyond(past).shifted(-past) if past else seconds
        return found

    def update(self, stage: str, load: Load, seconds: float, censored: bool = False) -> None:
        """Learns how long a stage took, or that it was ended after `seconds`."""
        if stage not in self.stages:
            raise UnknownNameError("stage", stage, self.stages)
        self.stages[stage].update(load.work(stage), seconds, censored)

    def finished(self, load: Load, seconds: float) -> None:
        """Learns how the whole came out; call it before the stages are told of this task."""
        self.came_out(self.expected(load), seconds)

    def came_out(self, expected: Distribution, seconds: float) -> None:
        """Learns how the whole came out of which this was `expected`."""
        self.intervals.update(expected, seconds)

    def expected(self, load: Load) -> Distribution:
        """The whole as the stages alone have it, before intervals are made to hold."""
        return self._whole({s: one.predict(load.work(s)) for s, one in self.stages.items()})

    def stage(self, stage: str, load: Load) -> Distribution:
        """What one stage is expected to take."""
        return self.stages[stage].predict(load.work(stage))

    def middle(self, stage: str, load: Load) -> float:
        """The median of one stage, for less than `stage` costs."""
        return self.stages[stage].middle(load.work(stage))

    def interval(self, load: Load, level: float) -> tuple[float, float]:
        """Least and most seconds of the whole, at a level."""
        return self.intervals.interval(self.expected(load), level)

    def to_document(self) -> dict[str, Any]:
        """All that was learnt, as plain values."""
        return {
            "stages": {name: one.to_document() for name, one in self.stages.items()},
            "overlaps": self.overlaps,
            "intervals": self.intervals.to_document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """What `to_document` gave."""
        try:
            stages = {name: restored(one) for name, one in document["stages"].items()}
            made = cls(stages, bool(document["overlaps"]))
            made.intervals = AdaptiveIntervals.from_document(document["intervals"])
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"a damaged document of estimates: {error!r}") from error
        return made

    def _whole(self, stages: Mapping[str, Distribution]) -> Distribution:
        if not self.overlaps:
            return added(list(stages.values()))
        ready = [stages[name] for name in ("request", "deployment") if name in stages]
        upload = [stages["upload"]] if "upload" in stages else []
        begun = [latest([*upload, added(ready)])] if ready else upload
        names = ("queue", "warm", "processing", "fetch")
        return added([*begun, *(stages[name] for name in names if name in stages)])
