"""What a policy sees of a job on each runtime, and what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lamina.estimates.distribution import Distribution
from lamina.estimates.stages import RuntimeEstimates
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import More, View, Weights
from lamina.planning.placement.words import Choice, Job, Runtime

SAMPLES = 20_000
_SEED = 11


@dataclass(frozen=True)
class Prospect:
    """A runtime, as a policy sees it.

    Args:
        stages: stage -> seconds.
        total: from ready to results back.
        best: chance that no other runtime is faster; NaN where a total is not known.
    """

    stages: Mapping[str, Distribution]
    total: Distribution
    best: float


@dataclass(frozen=True)
class Explanation:
    """A decision with what it rests on.

    Args:
        prospects: runtime -> how it looks.
        choice: what the policy would do now.
    """

    prospects: Mapping[str, Prospect]
    choice: Choice


def explained(
    policy: Policy,
    job: Job,
    runtimes: Mapping[str, Runtime],
    estimates: Mapping[str, RuntimeEstimates],
    now: float = 0.0,
) -> Explanation:
    """What a policy would do with a job if nothing else went on, and why.

    Args:
        policy: who decides.
        job: with labels that some runtime has.
        runtimes: name -> runtime.
        estimates: runtime -> what was learnt of it, with the predictors of the policy.
        now: seconds of the clock by which was learnt.
    """
    allowed = {name: one for name, one in runtimes.items() if job.needs <= one.labels}
    source = np.random.default_rng(_SEED)
    more = More(estimates, source, Weights(), lambda runtime: 0.0, dict)
    view = View(now, job, allowed, tuple(allowed), {}, more)
    looks = {name: view.outlook(name) for name in allowed}
    chances = chances_of_best({name: one.total for name, one in looks.items()})
    prospects = {
        name: Prospect(one.stages, one.total, chances[name]) for name, one in looks.items()
    }
    return Explanation(prospects, policy.decide(job, view))


def chances_of_best(totals: Mapping[str, Distribution]) -> dict[str, float]:
    """Runtime -> chance that its total is the least, each independent of the others."""
    if not all(totals.values()):
        return dict.fromkeys(totals, float("nan"))
    source = np.random.default_rng(_SEED)
    drawn = np.array([total.sample(source, SAMPLES) for total in totals.values()])
    best = np.bincount(drawn.argmin(axis=0), minlength=len(totals)) / SAMPLES
    return dict(zip(totals, best.tolist(), strict=True))
