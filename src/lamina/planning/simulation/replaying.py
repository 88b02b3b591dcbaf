"""Worlds made of what was recorded: what is known is kept, what is not is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from lamina.estimates.distribution import Distribution
from lamina.estimates.stages import RuntimeEstimates
from lamina.planning.placement.words import Job, Runtime
from lamina.planning.simulation.laws import stream
from lamina.planning.simulation.world import Draw, World

STAGES = ("upload", "deployment", "warm", "processing", "fetch")
_TAIL = 0.98
"""Part of a predicted time beyond which nothing is drawn: tails of heavy laws have no mean."""


@dataclass
class Recorded:
    """What is known of a job on a runtime, in seconds.

    Args:
        stages: stage -> seconds; "processing" of all items.
        failed: deployments that failed before, each with the seconds until then.
    """

    stages: dict[str, float] = field(default_factory=dict)
    failed: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Record:
    """A recorded run, as far as it can be played again.

    Args:
        runtimes: name -> runtime.
        jobs: in the order in which they came.
        known: (job, runtime) -> what is known of it there.
        history: runtime -> (stage, size, seconds) from before the first job.
        predicted: (job, runtime) -> stage -> seconds, for what is not known, as the whole record
            lets it be.
        starts: (job, runtime) -> part of the seconds of work that comes before the first item.
    """

    runtimes: Mapping[str, Runtime]
    jobs: Sequence[Job]
    known: Mapping[tuple[str, str], Recorded]
    history: Mapping[str, Sequence[tuple[str, float, float]]]
    predicted: Mapping[tuple[str, str], Mapping[str, Distribution]]
    starts: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @property
    def whole(self) -> int:
        """Pairs of job and runtime whose work is known."""
        return sum("processing" in one.stages for one in self.known.values())

    @property
    def pairs(self) -> int:
        """Pairs of job and runtime."""
        return len(self.jobs) * len(self.runtimes)

    def world(self, seed: int) -> World:
        """What is known as it was; the rest drawn, differently for each seed."""
        return Again(self, seed)


class Again(World):
    """A record played again.

    Args:
        record: of a run.
        seed: of what is drawn.
    """

    def __init__(self, record: Record, seed: int) -> None:
        self.runtimes = dict(record.runtimes)
        self.jobs = list(record.jobs)
        self._record = record
        self._draws: dict[tuple[int, str], Draw] = {}
        self._lucks = {
            name: stream(seed, name, "replay").random((len(self.jobs), len(STAGES))) * _TAIL
            for name in self.runtimes
        }

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        """What was recorded or drawn; deployments that failed fail again."""
        del at  # a record knows one time only
        if (job, runtime) not in self._draws:
            self._draws[job, runtime] = self._made(job, runtime)
        found = self._draws[job, runtime]
        known = self._record.known.get((self.jobs[job].name, runtime))
        if known is not None and tries <= len(known.failed):
            return Draw(found.upload, inf, known.failed[tries - 1])
        return found

    def _made(self, job: int, runtime: str) -> Draw:
        one, pair = self.jobs[job], (self.jobs[job].name, runtime)
        known = self._record.known.get(pair, Recorded()).stages
        predicted = self._record.predicted.get(pair, {})
        seconds = {
            stage: known[stage] if stage in known else self._drawn(predicted.get(stage), luck)
            for stage, luck in zip(STAGES, self._lucks[runtime][job].tolist(), strict=True)
        }
        work = max(seconds["processing"], 1e-9)
        start = work * self._record.starts.get(pair, 0.0)
        item = (work - start) / one.items
        if self.runtimes[runtime].standby:
            # What was recorded before its work began counts; nothing is made up of that.
            return Draw(warm=known.get("warm", 0.0), start=start, item=item)
        return Draw(
            upload=seconds["upload"], deploy=seconds["deployment"], warm=seconds["warm"],
            start=start, item=item, fetch=seconds["fetch"],
        )  # fmt: skip

    def _drawn(self, predicted: Distribution | None, luck: float) -> float:
        return max(predicted.quantile(luck), 0.0) if predicted else 0.0

    def probe(self, runtime: str, at: float) -> float | None:
        """What the deployment of the job took that came last before."""
        places = [place for place, job in enumerate(self.jobs) if job.ready <= at]
        draw = self.draw(places[-1] if places else 0, runtime, 1, at)
        return None if draw.refused < draw.deploy else draw.deploy

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        """What was known when the record begins."""
        rows = self._record.history.get(runtime, ())
        return [(stage, int(size), seconds) for stage, size, seconds in rows]


def start_part(
    runtime: Runtime, estimates: RuntimeEstimates, job: Job, at: float
) -> tuple[Mapping[str, Distribution], float]:
    """Stages of a job as a runtime's estimates let them be, and which part of its work comes
    before the first item: a line through all items and a tenth of them."""
    load = job.load(runtime, at)
    stages = {stage: estimates.stage(stage, load) for stage in estimates.stages}
    few = max(job.items / 10.0, 1.0)
    whole = stages["processing"].quantile(0.5)
    if job.items <= few or not np.isfinite(whole) or whole <= 0.0:
        return stages, 0.0
    part = estimates.stage("processing", job.load(runtime, at, few)).quantile(0.5)
    item = min(max((whole - part) / (job.items - few), 0.0), whole / job.items)
    return stages, float(np.clip(1.0 - item * job.items / whole, 0.0, 0.95))
