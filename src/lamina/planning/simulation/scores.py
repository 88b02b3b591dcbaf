"""What a policy was worth: its latencies against those that an oracle would have had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np

from lamina.planning.placement.health import Rules
from lamina.planning.placement.ledger import PROMISED, Ledger, Usage
from lamina.planning.placement.words import Start
from lamina.planning.simulation.world import World

CLOSE = 1.05
"""Within 5 % of the oracle."""
LEVELS = (0.5, 0.8, 0.9)
"""Of intervals: the middle parts whose ends stand among `PROMISED`."""


@dataclass(frozen=True)
class Score:
    """One policy in one world.

    Args:
        latencies: seconds of each job, in the order in which they came; a job that was given up
            counts as long as it was tried, and at least as the slowest runtime would have taken.
        best4: least seconds over all runtimes, of each job: the oracle's.
        best2: least over what stands ready and `accelerator`; NaN where the world has neither.
        worst: most over all runtimes, of each job.
        accelerator: of the runtimes with devices the one that makes the sum of `best2` least.
        pairs: runtime with devices -> least over what stands ready and that one, of each job.
        exact: 1 for jobs most of whose items were done by the runtime that would have been
            fastest, else 0.
        failed: jobs that were given up.
        late: jobs that had a deadline and missed it.
        deadlines: jobs that had one.
        gpu_seconds: device seconds, from being up to being released; cancelled ones counted.
        gpu_seconds_wasted: of them, of attempts that did no item that counted.
        requests: of runtimes that have to be deployed.
        cancelled: of them, given back without having done an item that counted.
        probes: deployments only to see.
        decisions: seconds that each decision took.
        gpu_seconds_lost: of them, from when an accelerator began to work until it was ended, as
            what stands ready was or would be faster (the paper's Table 5): what was given back
            before is not in it, and no warm-up.
        conditional: of each job that what stands ready worked on, where a policy has it raced by
            accelerators: 1 where taking one, giving it back, or not asking for any was the faster
            way, or where the work was done before there was something to choose; else 0. An
            accelerator is taken when it begins to work, whatever becomes of it.
        last: the same of the last choice: one that began to work and was given back is not taken.
        choices: of `conditional`, jobs in which there was something to choose.
        held: per level of `LEVELS`, of each attempt that something was promised of: whether the
            total, had it been left alone, lay inside.
    """

    latencies: np.ndarray
    best4: np.ndarray
    best2: np.ndarray
    worst: np.ndarray
    accelerator: str
    pairs: Mapping[str, np.ndarray]
    exact: np.ndarray
    failed: int
    late: int
    deadlines: int
    gpu_seconds: float
    gpu_seconds_wasted: float
    gpu_seconds_lost: float
    requests: int
    cancelled: int
    probes: int
    decisions: np.ndarray
    conditional: np.ndarray
    last: np.ndarray
    choices: np.ndarray
    held: np.ndarray

    @classmethod
    def of(cls, world: World, ledger: Ledger, rules: Rules | None = None) -> Score:
        """What a ledger says of the jobs of the world that it is of.

        Args:
            world: that the policy was tried in.
            ledger: of all its jobs.
            rules: how failures were met.
        """
        truths = [world.truth(place) for place in range(len(world.jobs))]
        pairs = _pairs(world, truths)
        accelerator = min(pairs, key=lambda name: float(pairs[name].sum()), default="")
        latencies, exact, failed = _latencies(world, ledger, truths)
        deadlines = [job.deadline for job in world.jobs]
        lasted = list(zip(deadlines, latencies, strict=True))
        away = [u for u in ledger.usages if not world.runtimes[u.runtime].standby]
        device = [(u, world.runtimes[u.runtime].devices * u.held) for u in away]
        conditional, last, choices = _conditional(world, ledger, rules or Rules())
        return cls(
            latencies=latencies,
            best4=np.array([_least(truth) for truth in truths]),
            best2=pairs[accelerator] if pairs else np.full(len(truths), nan),
            worst=np.array([_most(truth) for truth in truths]),
            accelerator=accelerator,
            pairs=pairs,
            exact=exact,
            failed=failed,
            late=sum(latency > most for most, latency in lasted if isfinite(most)),
            deadlines=sum(isfinite(most) for most in deadlines),
            gpu_seconds=float(sum(seconds for _, seconds in device)),
            gpu_seconds_wasted=float(sum(seconds for u, seconds in device if not u.items)),
            gpu_seconds_lost=_lost(world, ledger),
            requests=len(away),
            cancelled=sum(u.end in {"cancelled", "lost"} and not u.items for u in away),
            probes=len(ledger.probes),
            decisions=np.array([one.seconds for one in ledger.decisions]),
            conditional=conditional,
            last=last,
            choices=choices,
            held=_held(world, ledger, rules or Rules()),
        )

    def figures(self) -> dict[str, float]:
        """Name -> figure of this one world; NaN where there is nothing to measure.

        `ratio_oracle4`: aggregate latency over the sum of `best4`; `ratio_oracle2` over that of
        `best2`, `ratio_oracle2_NAME` over that of `pairs[NAME]`, `ratio_worst` over that of
        `worst`. `exact`, `within5`: parts of all jobs. `p95_ratio`: 95th percentile of the
        latencies over that of `best4`. `regret`: mean seconds of a job beyond `best4`. `p50`,
        `p95`, `p99`, `mean`, `aggregate`: seconds of latency. `deadline_misses`: jobs.
        `gpu_wasted_part`: of the GPU seconds. `conditional_success`, `conditional_success_last`:
        parts of the jobs of `conditional`; `conditional_success_choices`: of those of `choices`.
        `coverage_50|80|90`: parts of the attempts of `held`.
        """
        known = np.isfinite(self.best4)
        took, best = self.latencies[known], self.best4[known]
        return {
            "ratio_oracle4": _over(took.sum(), best.sum()),
            "ratio_oracle2": _over(took.sum(), self.best2[known].sum()),
            **{
                f"ratio_oracle2_{name}": _over(took.sum(), least[known].sum())
                for name, least in self.pairs.items()
            },
            "ratio_worst": _over(took.sum(), self.worst[known].sum()),
            "exact": _mean(self.exact),
            "within5": _mean(took <= CLOSE * best + 1e-9),
            "p95_ratio": _over(_quantile(took, 0.95), _quantile(best, 0.95)),
            "regret": _mean(took - best),
            "aggregate": float(took.sum()),
            "mean": _mean(took),
            "p50": _quantile(took, 0.5),
            "p95": _quantile(took, 0.95),
            "p99": _quantile(took, 0.99),
            "failed": float(self.failed),
            "deadline_misses": float(self.late) if self.deadlines else nan,
            "gpu_seconds": self.gpu_seconds,
            "gpu_seconds_wasted": self.gpu_seconds_wasted,
            "gpu_seconds_lost": self.gpu_seconds_lost,
            "gpu_wasted_part": _over(self.gpu_seconds_wasted, self.gpu_seconds),
            "requests": float(self.requests),
            "cancelled": float(self.cancelled),
            "probes": float(self.probes),
            "decision_ms_p99": 1e3 * _quantile(self.decisions, 0.99),
            "conditional_success": _mean(self.conditional),
            "conditional_success_last": _mean(self.last),
            "conditional_success_choices": _mean(self.choices),
            "conditional_jobs": float(self.conditional.size),
            "conditional_choices": float(self.choices.size),
            **{
                f"coverage_{round(100 * level)}": _mean(self.held[:, place])
                for place, level in enumerate(LEVELS)
            },
            "promises": float(len(self.held)),
        }


def _least(truth: Mapping[str, float]) -> float:
    return min(truth.values(), default=inf)


def _most(truth: Mapping[str, float]) -> float:
    return max((seconds for seconds in truth.values() if isfinite(seconds)), default=inf)


def _pairs(world: World, truths: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    """Accelerator -> least of it and of what stands ready, of each job."""
    near = [name for name, one in world.runtimes.items() if one.standby]
    far = [name for name, one in world.runtimes.items() if one.devices] if near else []
    return {
        name: np.array([min(truth.get(one, inf) for one in (*near, name)) for truth in truths])
        for name in far
    }


def _latencies(
    world: World, ledger: Ledger, truths: Sequence[Mapping[str, float]]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Seconds of each job, whether it was where it should have been, and how many failed."""
    latencies, exact, failed = [], [], 0
    for job, truth in zip(world.jobs, truths, strict=True):
        outcome = ledger.outcomes.get(job.name)
        if outcome is None or outcome.failed:
            tried = 0.0 if outcome is None else outcome.latency
            latencies.append(max(tried, _most(truth)))
            exact.append(0.0)
            failed += 1
        else:
            latencies.append(outcome.latency)
            right = outcome.by and truth[outcome.by[0]] <= _least(truth) * (1.0 + 1e-9)
            exact.append(float(bool(right)))
    return np.array(latencies), np.array(exact), failed


def _conditional(
    world: World, ledger: Ledger, rules: Rules
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether taking an accelerator, or giving it back, was right (the paper's 4.3): of each job
    as it was taken, as it was in the end, and of jobs with a choice alone as it was taken."""
    places = {job.name: place for place, job in enumerate(world.jobs)}
    raced = _raced(world, ledger)
    first, last, choices = [], [], []
    for job, (near, far) in raced.items():
        if far.started is None and far.end != "cancelled":
            first.append(1.0)  # what stood ready was done before the other was ready
            last.append(1.0)
            continue
        here = (near.started or near.asked) + _work(world, places[job], near)
        if far.started is not None:
            there = far.started + _work(world, places[job], far)
        else:
            there = far.asked + _alone(world, places[job], far, rules)
        first.append(float(there <= here if far.started is not None else here <= there))
        last.append(float(here <= there if far.end == "cancelled" else there <= here))
        choices.append(first[-1])
    if raced:
        without = _without(world, ledger, {far.runtime for _, far in raced.values()})
        first, last = first + without, last + without
    return np.array(first), np.array(last), np.array(choices)


def _lost(world: World, ledger: Ledger) -> float:
    """Device seconds of work, from its start, of attempts that others were faster than."""
    return float(
        sum(
            world.runtimes[one.runtime].devices * (one.ended - one.started)
            for one in ledger.usages
            if one.started is not None and not one.items and one.end in {"cancelled", "lost"}
        )
    )


def _without(world: World, ledger: Ledger, accelerators: set[str]) -> list[float]:
    """Of jobs for which no accelerator was asked for: whether that was right."""
    asked = {one.job for one in ledger.usages if world.runtimes[one.runtime].devices}
    alone = {
        one.job: one
        for one in ledger.usages
        if world.runtimes[one.runtime].standby and one.end == "done" and one.job not in asked
    }
    found = []
    for place, job in enumerate(world.jobs):
        if job.name in alone:
            truth = world.truth(place)
            there = min(truth.get(name, inf) for name in accelerators)
            found.append(float(alone[job.name].ended - job.ready <= there))
    return found


def _raced(world: World, ledger: Ledger) -> dict[str, tuple[Usage, Usage]]:
    """Job -> its attempt on what stands ready, and the one on an accelerator that came furthest;
    jobs whose items are shared are no race."""
    near: dict[str, Usage] = {}
    far: dict[str, Usage] = {}
    for usage in ledger.usages:
        runtime = world.runtimes[usage.runtime]
        if usage.end == "failed":
            continue
        if runtime.standby and usage.started is not None:
            near[usage.job] = usage
        elif runtime.devices and (usage.job not in far or usage.started is not None):
            far[usage.job] = usage
    shared = {
        one.job
        for one in ledger.decisions
        if any(isinstance(action, Start) and action.shared for action in one.choice.actions)
    }
    return {job: (near[job], far[job]) for job in far if job in near and job not in shared}


def _work(world: World, place: int, usage: Usage) -> float:
    draw = world.draw(place, usage.runtime, 1, usage.asked)
    return draw.start + draw.item * world.jobs[place].items + draw.fetch


def _held(world: World, ledger: Ledger, rules: Rules) -> np.ndarray:
    places = {job.name: place for place, job in enumerate(world.jobs)}
    found = []
    for usage in ledger.usages:
        if not usage.promised:
            continue
        total = _alone(world, places[usage.job], usage, rules)
        inside = []
        for level in LEVELS:
            low = usage.promised[PROMISED.index(round((1.0 - level) / 2, 6))]
            high = usage.promised[PROMISED.index(round((1.0 + level) / 2, 6))]
            inside.append(low - 1e-9 <= total <= high + 1e-9)
        found.append(inside)
    return np.array(found, dtype=np.float64).reshape(-1, len(LEVELS))


def _alone(world: World, place: int, usage: Usage, rules: Rules) -> float:
    """Seconds that an attempt takes that nobody ends, failed deployments in them."""
    at, standby = usage.asked, world.runtimes[usage.runtime].standby
    for tries in range(1, rules.tries + 1):
        draw = world.draw(place, usage.runtime, tries, at)
        fails = min(draw.refused, inf if standby else rules.timeout)
        if draw.deploy <= fails:
            return at - usage.asked + draw.total(world.jobs[place].items)
        at += fails + rules.backoff(tries)
    return inf


def _over(value: float, of: float) -> float:
    return float(value / of) if isfinite(of) and of > 0.0 else nan


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else nan


def _quantile(values: np.ndarray, probability: float) -> float:
    return float(np.quantile(values, probability)) if len(values) else nan
