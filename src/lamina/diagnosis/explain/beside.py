"""What is said of a run beside its explanation: how strange it is; which jobs were disturbed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lamina.diagnosis.explain.explanation import seconds_text
from lamina.diagnosis.explain.findings import TITLES
from lamina.diagnosis.jobs.detector import JobVerdict
from lamina.diagnosis.novelty.base import Novel, Reason
from lamina.diagnosis.runs import Run

SURE = 0.5
"""Probability from which on a job is named as disturbed."""
NAMED = 8
"""Jobs that are named one by one."""


@dataclass(frozen=True)
class Strangeness:
    """How far a run is from runs known to be good, without labels of anything else.

    Args:
        score: more is stranger.
        threshold: above it the run is called strange.
        false_alarms: share of good runs that are expected above the threshold.
        runs: good runs that were learnt from.
        reasons: what makes it strange, the weightiest first; empty where it is not.
    """

    score: float
    threshold: float
    false_alarms: float
    runs: int
    reasons: tuple[Reason, ...] = ()

    @property
    def strange(self) -> bool:
        """Whether it is called so."""
        return self.score > self.threshold

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        verb = "is" if self.strange else "is not"
        yield (
            f"the run {verb} strange beside {self.runs} good runs: score {self.score:.3g}, "
            f"strange from {self.threshold:.3g} ({self.false_alarms:.0%} false alarms)"
        )
        if self.strange:
            for one in self.reasons:
                yield f"{one.share:.0%} of it: {_reason_text(one)}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "strange": self.strange,
            "score": self.score,
            "threshold": self.threshold,
            "false_alarms": self.false_alarms,
            "runs": self.runs,
            "reasons": [{**vars(one), "jobs": list(one.jobs)} for one in self.reasons],
        }


@dataclass(frozen=True)
class Beside:
    """What is said of a run beside its explanation.

    Args:
        strange: how far it is from good runs; None where there were too few.
        jobs: what a detector says of each job; empty where it learnt of none.
    """

    strange: Strangeness | None = None
    jobs: tuple[JobVerdict, ...] = ()

    def parts(self) -> Iterator[tuple[str, Iterator[str]]]:
        """For the terminal: titles, and what stands below each."""
        if self.strange is not None:
            yield "beside good runs", self.strange.lines()
        if self.jobs:
            yield "jobs", jobs_lines(self.jobs)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "novelty": None if self.strange is None else self.strange.to_json(),
            "jobs": jobs_json(self.jobs),
        }


def _reason_text(one: Reason) -> str:
    if one.phase == "programs":
        text = f"{one.seconds:.1f} programs of {one.kind} left a record each, usually"
        return f"{text} {one.usual:.1f}"
    title = "seconds of CPU" if one.phase == "cpu" else TITLES.get(one.phase, one.phase)
    return (
        f"{title} of {one.kind}, {seconds_text(one.seconds)} each, "
        f"usually {seconds_text(one.usual)}"
    )


def strangeness(novel: Novel, run: Run, runs: int) -> Strangeness:
    """How strange a run is to what was learnt from good runs, of which there were so many."""
    score = float(novel.scores([run])[0])
    reasons = novel.reasons(run) if score > novel.threshold else ()
    return Strangeness(score, novel.threshold, novel.false_alarms, runs, tuple(reasons))


def jobs_lines(judged: Sequence[JobVerdict]) -> Iterator[str]:
    """The jobs that were probably disturbed, for the terminal, the most probable first."""
    found = sorted(
        (one for one in judged if one.probability >= SURE), key=lambda one: -one.probability
    )
    if not found:
        yield f"none of {len(judged)} jobs was probably disturbed"
        return
    yield f"{len(found)} of {len(judged)} jobs were probably disturbed"
    for one in found[:NAMED]:
        yield f"{one.task}: {one.probability:.2f}, {one.anomaly}"
    if len(found) > NAMED:
        yield f"and {len(found) - NAMED} more: --json"


def jobs_json(judged: Sequence[JobVerdict]) -> list[dict[str, Any]]:
    """All jobs, as plain values."""
    return [
        {
            "task": one.task,
            "probability": round(one.probability, 6),
            "anomaly": one.anomaly,
            "share": round(one.share, 6),
        }
        for one in judged
    ]
