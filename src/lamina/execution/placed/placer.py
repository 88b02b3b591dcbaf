"""The placer of a run: a dispatcher that knows what runs before this one took, and says why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import ClassVar

import numpy as np

from lamina.estimates.kinds import KindEstimates
from lamina.estimates.observations import Tried
from lamina.estimates.stages import Course, Load
from lamina.execution.placed.lanes import Lane
from lamina.planning.placement.dispatcher import Dispatcher, Progress, Surroundings
from lamina.planning.placement.health import Rules
from lamina.planning.placement.ledger import Decision
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import More, View, Weights
from lamina.planning.placement.words import Choice, Job, Notice, Request
from lamina.planning.policies import made
from lamina.planning.policies.together import hands, raced, shared

WHOLE, DIVIDED = "eft", "share"
"""Policies for tasks that are done as one, and for those whose items may be done apart. A task that
is done as one runs in one place alone: it may have effects that must not come twice."""


class Apt(Policy):
    """Another policy for jobs that can be divided than for those that cannot."""

    name: ClassVar[str] = "apt"
    about: ClassVar[str] = f"{DIVIDED} for what can be divided, {WHOLE} for the rest"

    def __init__(self) -> None:
        self._whole, self._divided = made(WHOLE), made(DIVIDED)

    def _of(self, job: Job) -> Policy:
        return self._divided if job.divisible else self._whole

    def decide(self, job: Job, view: View) -> Choice:
        """As that policy does."""
        return self._of(job).decide(job, view)

    def on_event(self, event: Notice, view: View) -> Choice:
        """As that policy does."""
        return self._of(view.job).on_event(event, view)


def placer(
    lanes: Mapping[str, Lane],
    past: Iterable[Tried],
    progress: Progress,
    stopwatch: Callable[[], float] = lambda: 0.0,
    rules: Rules | None = None,
) -> Dispatcher:
    """A dispatcher for the runtimes of lanes.

    Args:
        lanes: name -> lane.
        past: what was tried before, the oldest first; of other runtimes it means nothing.
        progress: see `Surroundings`.
        stopwatch: likewise.
        rules: how failures are met; the paper's when None.
    """
    estimates = {name: lane.estimates() for name, lane in lanes.items()}
    for one in past:
        known = estimates.get(one.runtime)
        if known is not None and one.stage in known.stages:
            known.update(one.stage, Load(one.items, kind=one.task), one.seconds)
    source, rules = np.random.default_rng(0), rules or Rules()
    around = Surroundings(source, progress, stopwatch=stopwatch, rules=rules)
    return Dispatcher({n: lane.runtime for n, lane in lanes.items()}, Apt(), estimates, around)


def chosen(of: Dispatcher, job: Job) -> list[str]:
    """Runtimes that were asked for when a job came."""
    last = _decision(of, job)
    return [] if last is None else _requested(last)


def reason(of: Dispatcher, job: Job) -> str:
    """Why the decision about a job was as it was: what was expected, and of whom."""
    last = _decision(of, job)
    if last is None:
        return ""
    asked = _requested(last)
    allowed = [name for name, one in of.runtimes.items() if job.needs <= one.labels]
    others = [name for name in allowed if name not in asked]
    told = [f"{name} {_expected(of.learner.estimates[name], job)}" for name in others]
    names, told_so = " and ".join(asked) or "none", last.choice.why
    why = told_so if told_so.startswith(f"{names}: ") else f"{names}: {told_so}"
    return f"{why}; {', '.join(told)}" if told else why


@dataclass(frozen=True)
class Expected:
    """Seconds that something is expected to take.

    Args:
        seconds: the mean.
        low, high: between which it ends in four of five cases.
    """

    seconds: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Plain values."""
        return asdict(self)


def together(of: Dispatcher, job: Job, names: Sequence[str]) -> Expected | None:
    """What some runtimes would take for a job, all idle: the least of what is known of each, or
    what they make of it together where its items may be done apart. None where nothing is known.
    """
    more = More(of.learner.estimates, of.around.source, Weights(), lambda name: 0.0, dict)
    idle = View(of.now, job, of.sight.allowed(job), tuple(names), {}, more)
    known = list(hands(idle, names).values())
    if not known:
        return None
    over, _ = (shared if job.divisible else raced)(known, float(job.items))
    low, high = np.quantile(over, (0.1, 0.9)).tolist()
    return Expected(float(over.mean()), low, high)


def _decision(of: Dispatcher, job: Job) -> Decision | None:
    """The newest that asked for a runtime: what follows is about how it goes there."""
    about = (one for one in reversed(of.ledger.decisions) if one.job == job.name)
    return next((one for one in about if _requested(one)), None)


def _requested(decision: Decision) -> list[str]:
    return [one.runtime for one in decision.choice.actions if isinstance(one, Request)]


def _expected(known: KindEstimates | object, job: Job) -> str:
    """What a runtime would take, its queue left out."""
    assert isinstance(known, KindEstimates)
    mean = known.ahead(Load(float(job.items), kind=job.kind), Course()).total.mean
    return "is not known" if isnan(mean) else f"{mean:.3g} s"
