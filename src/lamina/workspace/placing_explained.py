"""`place explain`: what a policy sees of a job on each runtime, and what it does about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.estimates.distribution import Distribution
from lamina.estimates.stages import STAGES
from lamina.planning.placement.explaining import explained
from lamina.planning.placement.words import (
    Action,
    Cancel,
    Choice,
    Job,
    Migrate,
    Request,
    Start,
    Wait,
)  # fmt: skip
from lamina.planning.policies import made
from lamina.planning.simulation.laws import IMAGE_BYTES, RESULT_BYTES
from lamina.planning.simulation.scenarios import Scenario
from lamina.records.tables import table_lines
from lamina.workspace.placing_known import known

QUANTILES = (0.1, 0.5, 0.9)


def explain(
    policy: str, items: int, bytes_up: float | None, log: Path | None, run: str, scenario: Scenario
) -> dict[str, Any]:
    """What a policy would do with a job, and what that rests on.

    Keys: `policy`, `learnt_from`, `items`, `bytes`, `runtimes.<name>.stages.<stage>`,
    `runtimes.<name>.total` (each `mean`, `p10`, `p50`, `p90` in seconds), `runtimes.<name>.best`
    (chance that no other is faster), `choice.{actions,why,chances}`.

    Args:
        policy: as `policies.made` takes it.
        items: of the job.
        bytes_up: that travel to a runtime that is not near the data; that of as many pictures of
            the paper's when None.
        log, run, scenario: see `placing_known.known`.

    Raises:
        UsageError: the job is none, or the policy looks into the future.
        DataError: a file is none of its kind.
    """
    upload = items * IMAGE_BYTES if bytes_up is None else bytes_up
    job = Job("job", items, 0.0, upload, items * RESULT_BYTES, scenario.divisible)
    one = made(policy)
    source = known(one, log, run, scenario)
    if not source.runtimes:
        raise UsageError("no runtime is known", "name a log or a run that has some")
    found = explained(one, job, source.runtimes, source.estimates, source.now)
    return {
        "policy": policy,
        "learnt_from": source.source,
        "items": items,
        "bytes": upload,
        "divisible": scenario.divisible,
        "runtimes": {
            name: {
                "standby": source.runtimes[name].standby,
                "devices": source.runtimes[name].devices,
                "stages": {stage: _figures(told) for stage, told in prospect.stages.items()},
                "total": _figures(prospect.total),
                "best": prospect.best if isfinite(prospect.best) else None,
            }
            for name, prospect in found.prospects.items()
        },
        "choice": _choice(found.choice),
    }


def _figures(told: Distribution) -> dict[str, float | None]:
    if not told:
        return {"mean": None, **{f"p{round(100 * q)}": None for q in QUANTILES}}
    quantiles = told.quantiles(QUANTILES).tolist()
    named = {f"p{round(100 * q)}": value for q, value in zip(QUANTILES, quantiles, strict=True)}
    return {"mean": told.mean if isfinite(told.mean) else None, **named}


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "actions": [action_words(one) for one in choice.actions],
        "why": choice.why,
        "chances": dict(choice.chances),
    }


def action_words(action: Action) -> str:
    """An action as a person says it."""
    match action:
        case Request(runtime):
            return f"request {runtime}"
        case Start(runtime, shared):
            return f"start {runtime}{', shared' if shared else ''}"
        case Cancel(runtime):
            return f"give back {runtime}"
        case Migrate(source, target):
            return f"go on from {source} to {target}"
        case Wait(seconds):
            return f"look again in {seconds:.1f} s"


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A table of the runtimes, then the choice and its reason."""
    kind = "divisible" if found["divisible"] else "indivisible"
    yield (
        f"a {kind} job of {found['items']} items, {found['bytes'] / 1e6:.1f} MB to upload; "
        f"learnt from {found['learnt_from']}"
    )
    yield ""
    told = {stage for one in found["runtimes"].values() for stage in one["stages"]}
    stages = [stage for stage in STAGES if stage in told]
    rows = [["RUNTIME", *(stage.upper() for stage in stages), "TOTAL", "BEST"]]
    for name, one in found["runtimes"].items():
        cells = [_cell(one["stages"][stage]) if stage in one["stages"] else "" for stage in stages]
        best = "-" if one["best"] is None else f"{one['best']:.0%}"
        rows.append([name, *cells, _cell(one["total"]), best])
    yield from table_lines(rows)
    yield ""
    yield "seconds: median (1 of 10 is below - 1 of 10 is above); BEST: chance to be the fastest"
    doing = ", ".join(found["choice"]["actions"]) or "nothing"
    why = f": {found['choice']['why']}" if found["choice"]["why"] else ""
    yield f"{found['policy']} would {doing}{why}"


def _cell(told: Mapping[str, float | None]) -> str:
    low, middle, high = (told[f"p{round(100 * one)}"] for one in QUANTILES)
    if low is None or middle is None or high is None:
        return "unknown"
    if high - low < 0.05:
        return f"{middle:.1f}"
    return f"{middle:.1f} ({low:.1f}-{high:.1f})"
