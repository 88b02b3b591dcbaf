"""What a policy was worth: its latencies against those that an oracle would have had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLOSE = 1.05
"""Within 5 % of the oracle."""


@dataclass(frozen=True)
class Score:
    """One policy in one world.

    Args:
        latencies: seconds of each job, in the order in which they came; NaN where it failed.
        best4: least seconds over all runtimes, of each job: the four-way oracle's.
        best2: least over what stands ready and the accelerator that is fastest over all jobs.
        gpu_seconds: device seconds held, cancelled ones counted.
        gpu_seconds_wasted: of them, held by attempts that did nothing that counted.
        requests: of runtimes that have to be deployed.
        cancelled: of them, given back without having done anything that counted.
        probes: deployments only to see.
        decisions: seconds that each decision took.
        conditional: jobs on whose runtimes another one that was asked for would have been faster
            count 0, others 1; of jobs that asked for two runtimes or more.
    """

    latencies: np.ndarray
    best4: np.ndarray
    best2: np.ndarray
    gpu_seconds: float
    gpu_seconds_wasted: float
    requests: int
    cancelled: int
    probes: int
    decisions: np.ndarray
