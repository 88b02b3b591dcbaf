"""What causes of a run's length are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lamina.diagnosis.explain.deviations import Deviations
from lamina.diagnosis.explain.explanation import SLOWER, WAITED, Finding
from lamina.diagnosis.explain.findings import SURELY, Excess
from lamina.diagnosis.usual import RUN, Floats
from lamina.workflow.log import PHASES

WORKERS = "workers"
"""The cause that jobs wait for a place."""

HEAVY = 1e6
"""Bytes per second of a job, moved by staging, from which on it counts as one that moves much."""

BY_DISK = 4.0
"""Times as long as usual that a busy disk may make a job wait for it, besides what is usual."""

_LEAST_WAITING = 0.05
"""Part of a run that is waiting, at least, however much it computes."""

_UNTOLD = 0.5
"""Part of a longer run that is put down to the disk, where seconds of CPU are not told."""

_WORTH = 0.01
"""Part of the makespan that has to be lost for a cause to be looked for."""

_STRONG = 0.1
"""Part of the makespan that is much to lose."""

_WORTH_OF_JOBS = 0.05
"""The same of what all jobs spent, whatever of it the run waited for."""


@dataclass(frozen=True, eq=False)
class Facts:
    """What causes are judged by.

    Args:
        deviations: of the run from what is usual.
        excess: where its seconds come from.
        costs: phase -> seconds by which the run took longer for it.
        findings: all that were made.
    """

    deviations: Deviations
    excess: Excess
    costs: Mapping[str, float]
    findings: Sequence[Finding]
    ratios: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        found = {
            name: self.ratio(column, np.ones(len(self.deviations.table), dtype=np.bool_))
            for column, name in enumerate(PHASES)
        }
        object.__setattr__(self, "ratios", found)

    def ratio(self, column: int, rows: Floats) -> float:
        """Times as long as usual that a phase took over some jobs together; 1 where unknown."""
        spent, usual = self.deviations.cells[:, column], self.deviations.expected[:, column]
        known = ~np.isnan(usual) & rows.astype(np.bool_)
        below, above = float(usual[known].sum()), float(spent[known].sum())
        return above / below if below > 0 else 1.0

    @cached_property
    def slowed(self) -> float:
        """Seconds by which the run took longer for phases that took longer than usual."""
        return sum(self.costs.values())

    @cached_property
    def lost(self) -> float:
        """The same with waits for a place."""
        return sum((one.cost for one in self.findings if one.kind == WAITED), self.slowed)

    def matters(self, cause: str) -> bool:
        """Whether enough was lost to look for a cause: of the makespan, or of the jobs' time.

        Where nobody knows what is usual it has to be much, and a second at least: jobs of a type
        may differ for reasons of their own. Jobs wait for places where nothing is slow: that counts
        for too few workers alone.
        """
        lost = self.lost if cause == WORKERS else self.slowed
        if not self.deviations.usual.known:
            return self._much(lost) and lost >= SURELY
        spent = float(self.deviations.cells[:, : len(PHASES)].sum())
        jobs = float(self.excess.own.sum() + self.excess.size.sum())
        return lost >= _WORTH * self.deviations.table.seconds or jobs >= _WORTH_OF_JOBS * spent

    @property
    def strong(self) -> bool:
        """Whether so much was lost that nobody would call the run normal."""
        return self._much(self.slowed)

    def _much(self, lost: float) -> bool:
        return lost >= _STRONG * self.deviations.table.seconds

    def share(self, *phases: str) -> float:
        """Part of what was lost in some phases, by makespan and by jobs alike."""
        columns = [PHASES.index(name) for name in phases]
        own, cost = self.excess.own.sum(axis=0), np.array([self.costs[name] for name in PHASES])
        parts = [one[columns].sum() / one.sum() for one in (own, cost) if one.sum() > 0]
        return float(np.mean(parts)) if parts else 0.0

    @cached_property
    def heavy(self) -> Floats | None:
        """(n,) 1 for jobs that move much, 0 for others; None where no bytes are told."""
        total = np.zeros(len(self.deviations.table))
        told = False
        for name in ("stage_in_bytes", "stage_out_bytes", "bytes_read", "bytes_written"):
            used, _ = self.deviations.used(name)
            told = told or bool((~np.isnan(used)).any())
            total += np.nan_to_num(used)
        took = self.deviations.expected[:, RUN - 1 : RUN + 2].sum(axis=1)
        return (total / np.maximum(took, 1e-9) > HEAVY).astype(np.float64) if told else None

    @cached_property
    def cores_part(self) -> float:
        """Part of what runs took longer that only missing cores explain.

        A disk makes a job wait longer for what it reads and writes: a few times as long as it
        usually waits, which is its run without its seconds of CPU. What goes beyond that, and
        whatever jobs that move few bytes lose, are cores.
        """
        run, heavy = self.excess.own[:, RUN], self.heavy
        total = float(run.sum())
        if total <= 0:
            return 0.0
        usually = self.deviations.expected[:, RUN]
        _, computed = self.deviations.used("cpu")
        waiting = np.maximum(usually - computed, _LEAST_WAITING * usually)
        by_disk = np.where(np.isnan(waiting), _UNTOLD * run, np.minimum(run, BY_DISK * waiting))
        if heavy is not None:
            by_disk = np.where(heavy > 0, by_disk, 0.0)
        return 1.0 - float(np.nansum(by_disk)) / total

    @cached_property
    def computed(self) -> float | None:
        """Times the usual seconds of CPU, over all jobs; None where nobody counted."""
        used, usual = self.deviations.used("cpu")
        known = ~np.isnan(used) & ~np.isnan(usual)
        below = float(usual[known].sum())
        return float(used[known].sum()) / below if below > 0 else None

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Hosts that findings are limited to, those with the most excess first."""
        total: dict[str, float] = {}
        for one in self.findings:
            if one.kind == SLOWER and len(one.jobs) > 1:
                for host in one.hosts:
                    total[host] = total.get(host, 0.0) + one.excess / len(one.hosts)
        return tuple(sorted(total, key=lambda name: -total[name]))
