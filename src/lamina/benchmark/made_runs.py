"""Tables of phases that no run made, for benchmarks and tests."""

from __future__ import annotations

import numpy as np

from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

_USUAL = (0.0, 5.0, 90.0, 30.0, 55.0, 5.0, 5.0)
"""Seconds of each phase, about as in the 1000 Genome runs of the Gantt-chart paper."""


def made_table(jobs: int = 57, seed: int = 0, slow: float = 1.0) -> PhaseTable:
    """A run of jobs that begin one after another; some skip a phase.

    Args:
        jobs: how many.
        seed: of all that is random.
        slow: how many times the usual seconds the phases take.
    """
    random = np.random.default_rng(seed)
    ready = np.sort(random.random(jobs)) * 400 * slow
    took = np.array(_USUAL) * random.gamma(8.0, 1 / 8.0, (jobs, len(PHASES))) * slow
    skipped = random.random((jobs, len(PHASES))) < 0.05
    skipped[:, 0] = True
    took[skipped] = 0.0
    end = ready[:, None] + np.cumsum(took, axis=1)
    begin = end - took
    begin[skipped] = end[skipped] = np.nan
    last = ready + took.sum(axis=1)
    names = tuple(f"job{number}" for number in range(jobs))
    return PhaseTable(
        tasks=names,
        kinds=tuple(f"kind{number % 5}" for number in range(jobs)),
        hosts=tuple(f"worker-{number % 4 + 1}" for number in range(jobs)),
        ready=ready,
        begin=ready,
        end=last,
        phase_begin=begin,
        phase_end=end,
        seconds=float(last.max(initial=0.0)),
        parents={names[number]: (names[number // 3],) for number in range(1, jobs)},
    )
