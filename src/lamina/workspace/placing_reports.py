"""`place report`: policies, their regret, promises and time lines as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from lamina.planning.placement.ledger import PROMISED, Ledger, Usage
from lamina.planning.placement.retelling import Told
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Settings, Simulator
from lamina.planning.simulation.comparing import compared
from lamina.planning.simulation.scenarios import Scenario
from lamina.planning.simulation.scores import LEVELS, Score
from lamina.planning.simulation.trying import Say, Trial, Worlds, tried
from lamina.traces.placing.ledgers import trace_of
from lamina.traces.placing.page import placing_html
from lamina.workspace.outputs import written
from lamina.workspace.placing_records import past
from lamina.workspace.placing_replayed import USUAL
from lamina.workspace.simulating import about

POINTS = 400
"""Points of a line on the page."""
_PHASES = (
    "In the chart below, runtimes are the workers: queue is from being asked for to being up, "
    "stage in from then to the beginning of work (warming, data on its way), run the work itself."
)
_DENOMINATORS = (
    "Of the oracle: aggregate latency over the sum of each batch's least over all runtimes; "
    "two-way: over what stands ready and the one accelerator that helps most. GPU s: device "
    "seconds of one world."
)


def of_scenario(
    target: Path, scenario: Scenario, policies: Sequence[str], seeds: int, first: int = 0,
    say: Say = lambda _: None,
) -> Path:  # fmt: skip
    """Writes the page of policies in made-up worlds; the time line is the first one's, of the
    first seed.

    Raises:
        LaminaError: a file cannot be read or written, or a setting does not fit.
    """
    scores = tried(Trial(scenario, tuple(policies)), range(first, first + seeds), say)
    ledger = _ledger(scenario, policies[0], first)
    told = {
        "title": "Policies in " + ("a made-up world" if seeds == 1 else f"{seeds} made-up worlds"),
        "lines": [f"The time line is that of {policies[0]} in the world of seed {first}."],
        **_figures(scores),
        "calibration": {name: _held(found) for name, found in scores.items()},
        "notes": [_DENOMINATORS, _PHASES],
        "mode": "workers",
    }
    known = about(scenario)
    known |= {
        "period": f"{scenario.period:.6g} s",
        "divisible": "yes" if scenario.divisible else "no",
        "seeds": seeds,
        "first seed": first,
    }
    facts = {"Scenario": _texts(known)}
    trace = trace_of(ledger.usages, ledger.outcomes, policies[0])
    return written(placing_html(trace, told, facts), target)


def of_run(
    target: Path, run: str, policies: Sequence[str], seeds: int, say: Say = lambda _: None
) -> Path:
    """Writes the page of a recorded run: what it was, and what other policies had been worth.

    Raises:
        LaminaError: there is no such run, or the file cannot be written.
    """
    found = past(run)
    own = [] if found.log is None else [found.log.begun.policy]
    names = tuple(policies) or tuple(dict.fromkeys([*own, *USUAL]))
    record = found.record
    scores = tried(Trial(record, names), range(seeds), say)
    told = {
        "title": f"{found.about}, and other policies on the same jobs",
        "lines": [
            f"The work of {record.whole} of {record.pairs} pairs of job and runtime was recorded; "
            f"the rest is drawn {seeds} times from what the record teaches."
        ],
        **_figures(scores),
        "calibration": {name: _held(one) for name, one in scores.items()},
        "notes": [_DENOMINATORS, _PHASES],
        "mode": "workers",
    }
    if found.log is None:
        ledger = _ledger(record, names[0], 0)
        trace = trace_of(ledger.usages, ledger.outcomes, names[0])
        told["lines"].append(f"The time line is that of {names[0]}, played.")
    else:
        log = found.log
        told["policies"] = {"as it was": _as_it_was(log), **told["policies"]}
        told["calibration"] = {"as it was": _promises(log.usages), **told["calibration"]}
        trace = trace_of(log.usages, log.outcomes, run, log.begun.started, simulated=False)
        told["lines"].append("The time line is that of the run itself.")
    told["calibration"] = {name: one for name, one in told["calibration"].items() if one}
    return written(placing_html(trace, told, {"Record": {"run": run}}), target)


def _ledger(worlds: Worlds, policy: str, seed: int) -> Ledger:
    return Simulator(worlds.world(seed), made(policy), Settings(seed=seed)).run()


def _figures(scores: Mapping[str, Sequence[Score]]) -> dict[str, Any]:
    figures = compared(scores)
    for one in figures.values():
        del one["beside"], one["seeds"]
    return {
        "policies": figures,
        "regret": {name: _regret(found[0]) for name, found in scores.items()},
    }


def _regret(score: Score) -> list[tuple[int, float]]:
    """(jobs, seconds beyond the oracle so far), of the first world."""
    apart = np.where(np.isfinite(score.best4), score.latencies - score.best4, 0.0)
    sums = np.concatenate([[0.0], np.cumsum(apart)])
    places = np.unique(np.linspace(0, len(sums) - 1, min(len(sums), POINTS)).astype(int))
    return [(int(at), round(float(sums[at]), 2)) for at in places]


def _held(scores: Sequence[Score]) -> list[tuple[float, float]]:
    held = np.concatenate([one.held for one in scores])
    if not len(held):
        return []
    return [(level, float(held[:, at].mean())) for at, level in enumerate(LEVELS)]


def _promises(usages: Sequence[Usage]) -> list[tuple[float, float]]:
    """Of attempts that did a job alone: whether what was promised of them held."""
    known = [(one.promised, one.ended - one.asked) for one in usages if _alone(one)]
    if not known:
        return []
    found = []
    for level in LEVELS:
        low = PROMISED.index(round((1.0 - level) / 2, 6))
        high = PROMISED.index(round((1.0 + level) / 2, 6))
        inside = [p[low] <= took <= p[high] for p, took in known]
        found.append((level, sum(inside) / len(inside)))
    return found


def _alone(usage: Usage) -> bool:
    return bool(usage.promised) and usage.end == "done"


def _as_it_was(log: Told) -> dict[str, Any]:
    """Figures of the run itself; what other runtimes had taken is not known of it."""
    took = [one.latency for one in log.outcomes.values() if not one.failed]
    devices = {one.name: one.devices for one in log.begun.runtimes}
    ready = {one.name for one in log.begun.runtimes if one.standby}
    away = [one for one in log.usages if one.runtime not in ready]
    held = [(one, devices[one.runtime] * one.held) for one in away]
    return {
        "mean": float(np.mean(took)) if took else None,
        "p95": float(np.quantile(took, 0.95)) if took else None,
        "gpu_seconds": sum(seconds for _, seconds in held),
        "gpu_seconds_wasted": sum(seconds for one, seconds in held if not one.items),
        "cancelled": sum(one.end in {"cancelled", "lost"} and not one.items for one in away),
    }


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in told.items():
        if value is None or value in ({}, []):
            continue
        if isinstance(value, float) and isfinite(value):
            found[name] = f"{value:.6g}"
        elif isinstance(value, Mapping):
            found[name] = ", ".join(f"{key}={one}" for key, one in value.items())
        else:
            found[name] = str(value)
    return found
