"""`place replay`: what other policies would have done with the jobs of a recorded run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import Any

from lamina.errors import UsageError
from lamina.planning.placement.retelling import Told, retold
from lamina.planning.placement.view import View
from lamina.planning.placement.words import Choice, Job, Request
from lamina.planning.policies import made
from lamina.planning.simulation.comparing import compared
from lamina.planning.simulation.trying import Say, Trial, tried
from lamina.planning.simulation.weighing import Weighed, weighed
from lamina.records.tables import table_lines
from lamina.workspace.placing_records import Past, past
from lamina.workspace.simulating import worded

USUAL = ("share", "eft", "stoic-selector", "oracle")
"""Policies that are tried when none is named; that of the log comes first."""


def replay(
    run: str,
    policies: Sequence[str],
    seeds: int,
    divisible: bool = True,
    standby: str = "edge",
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Tries policies on the jobs of a recorded run.

    Keys: `about`, `jobs`, `pairs`, `known` (pairs of job and runtime whose work was recorded; the
    rest is drawn, differently for each of `seeds`), `logged` (`policy`, `aggregate`, `mean`,
    `failed` of the run itself; None for a table), `policies.<name>.<figure>` as `place simulate`
    has them, `weighed.<name>` as `weighing.weighed` has it, where the log left something to
    chance; else `unweighed` says why not.

    Args:
        run: log, name, or table; see `placing_records.past`.
        policies: as `policies.made` takes them; the usual ones when there are none.
        seeds: how often what is not known is drawn.
        divisible: whether jobs of a table can be divided.
        standby: the runtime of a table of totals that stands ready.
        say: takes a line of progress.

    Raises:
        DataError: there is no such run, or it is damaged.
        UsageError: a policy that needs stages, on a record without any.
    """
    if seeds < 1:
        raise UsageError(f"--seeds is {seeds}", "draw what is not known at least once")
    found = past(run, divisible, standby)
    own = [] if found.log is None else [found.log.begun.policy]
    names = tuple(policies) or tuple(dict.fromkeys([*own, *USUAL]))
    record = found.record
    all_known = record.whole == record.pairs
    scores = tried(Trial(record, names), range(1 if all_known else seeds), say)
    return {
        "about": found.about,
        "jobs": len(record.jobs),
        "items": sum(job.items for job in record.jobs) / len(record.jobs),
        "pairs": record.pairs,
        "known": record.whole,
        "staged": found.staged,
        "seeds": 1 if all_known else seeds,
        "logged": None if found.log is None else _logged(found.log),
        "policies": compared(scores),
        **_weighed(found, names),
    }


def _logged(log: Told) -> dict[str, Any]:
    took = [one.latency for one in log.outcomes.values() if not one.failed]
    return {
        "policy": log.begun.policy,
        "aggregate": sum(took),
        "mean": sum(took) / len(took) if took else None,
        "failed": sum(bool(one.failed) for one in log.outcomes.values()),
    }


def _weighed(found: Past, names: Sequence[str]) -> dict[str, Any]:
    if found.log is None:
        return {"unweighed": "a table tells no chances"}
    chances = {one.job: one.choice for one in found.log.decisions if one.event == "arrived"}
    if not any(0.0 < p < 1.0 for one in chances.values() for p in one.chances.values()):
        return {"unweighed": f"{found.log.begun.policy} left nothing to chance"}
    rows = {name: _rows(found.log, name) for name in names if name != "oracle"}
    return {"weighed": {name: weighed(one) for name, one in rows.items() if one}}


def _rows(log: Told, name: str) -> list[Weighed]:
    """Each job that was placed once and done, beside what a policy would have done with it."""
    first = {one.job: one.choice for one in log.decisions if one.event == "arrived"}
    found: list[Weighed] = []

    def heard(job: Job, view: View, choice: Choice) -> None:
        outcome, logged = log.outcomes.get(job.name), first.get(job.name)
        if outcome is None or outcome.failed or logged is None:
            return
        chance, wanted = _chance(logged, logged), _chance(choice, logged)
        if chance > 0.0:
            expected, said = _expected(choice, view), _expected(logged, view)
            found.append(Weighed(outcome.latency, chance, wanted, expected, said))

    retold(log, made(name), heard)
    return found


def _chance(choice: Choice, action: Choice) -> float:
    """With which a policy that says `choice` asks for the runtimes that `action` asks for."""
    asked = _asked(action)
    if len(asked) == 1 and choice.chances:
        return float(choice.chances.get(next(iter(asked)), 0.0))
    return float(asked == _asked(choice))


def _asked(choice: Choice) -> frozenset[str]:
    return frozenset(one.runtime for one in choice.actions if isinstance(one, Request))


def _expected(choice: Choice, view: View) -> float:
    """Least mean of the totals of what is asked for."""
    means = [view.outlook(name).total.mean for name in _asked(choice)]
    return min((one for one in means if isfinite(one)), default=nan)


_COLUMNS = (
    ("MEAN S", "mean", ".1f"),
    ("P95 S", "p95", ".1f"),
    ("OF ORACLE4", "ratio_oracle4", ".3f"),
    ("EXACT", "exact", ".1%"),
    ("GPU S", "gpu_seconds", ".0f"),
    ("WASTED", "gpu_seconds_wasted", ".0f"),
)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A table of the policies, and where its figures come from."""
    yield f"{found['about']}, {found['items']:.1f} items each"
    yield _source(found)
    if not found["staged"]:
        yield "only totals are told: a policy that divides work or waits cannot be judged by them"
    logged = found["logged"]
    if logged is not None:
        mean = worded(logged["mean"], ".1f")
        yield f"as it was: {logged['policy']}, {mean} s a job, {logged['failed']} given up"
    yield ""
    beside = logged["mean"] if logged else None
    rows = [["POLICY", *(head for head, _, _ in _COLUMNS), *(["OF THE LOG"] if beside else [])]]
    for name, told in found["policies"].items():
        cells = [worded(told[key], form) for _, key, form in _COLUMNS]
        rows.append([name, *cells, *([f"{told['mean'] / beside:.3f}"] if beside else [])])
    yield from table_lines(rows)
    yield ""
    yield from _weighed_lines(found)


def _source(found: Mapping[str, Any]) -> str:
    known, pairs = found["known"], found["pairs"]
    if known == pairs:
        return "what each job takes on each runtime was recorded; nothing is made up"
    return (
        f"played again: the work of {known} of {pairs} pairs of job and runtime was recorded, the "
        f"rest is drawn {found['seeds']} times from what the record teaches"
    )


def _weighed_lines(found: Mapping[str, Any]) -> Iterator[str]:
    if "unweighed" in found:
        yield f"no inverse-propensity estimate: {found['unweighed']}"
        return
    rows = [["BY CHANCES", "MEAN S", "95 %", "SAME", "EFFECTIVE", "DOUBLY ROBUST"]]
    for name, told in found["weighed"].items():
        ends = told["interval"]
        rows.append([
            name, worded(told["mean"], ".1f"), f"{ends[0]:.1f}-{ends[1]:.1f}" if ends else "-",
            f"{told['same']}/{told['jobs']}", f"{told['effective']:.1f}",
            worded(told["doubly_robust"], ".1f"),
        ])  # fmt: skip
    yield from table_lines(rows)
    yield ""
    yield "BY CHANCES: from the run's own outcomes, weighted by the logged chances (self-normalised"
    yield "inverse propensity); SAME: jobs for which both chose alike; EFFECTIVE: jobs that the"
    yield "weights are worth; DOUBLY ROBUST: predictions, mended where the choice was the same"
