"""`place simulate`: policies tried in the same made-up or recorded worlds, and told as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lamina.errors import UsageError
from lamina.planning.policies import made
from lamina.planning.simulation.comparing import compared
from lamina.planning.simulation.faults import Faults
from lamina.planning.simulation.scenarios import Scenario
from lamina.planning.simulation.trying import Say, Trial, tried
from lamina.records.tables import table_lines

DEFAULT = "share"
"""The policy that is tried when none is named."""
Told = dict[str, Any]


def policies_of(text: str) -> tuple[str, ...]:
    """Names separated by commas.

    Raises:
        UsageError: none is named, or one twice, or a setting does not fit.
        UnknownNameError: no table knows one.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError("--policy names no policy", "name one or several: share,eft,fixed:edge")
    for name in names:
        made(name)
        if names.count(name) > 1:
            raise UsageError(f"--policy names {name!r} twice", "name each policy once")
    return names


def simulate(
    scenario: Scenario,
    policies: Sequence[str],
    seeds: int,
    first: int = 0,
    say: Say = lambda _: None,
) -> Told:
    """Tries policies in the worlds of a scenario.

    Keys: `policies.<name>.<figure>` as `comparing.compared` gives them, `batches`, `period`,
    `seeds`, `first`, `workload`, `regime`, `clock`, `divisible`, `items` (mean of a batch).

    Args:
        scenario: where.
        policies: as `policies.made` takes them.
        seeds: worlds, each with its own batches, deployments and links.
        first: the first seed.
        say: takes a line of progress.

    Raises:
        UsageError: fewer than one seed, or the scenario is none.
        DataError: a file cannot be read.
    """
    if seeds < 1:
        raise UsageError(f"--seeds is {seeds}", "try at least one")
    fitting(scenario, policies)
    world = scenario.world(first)
    scores = tried(Trial(scenario, tuple(policies)), range(first, first + seeds), say)
    return {
        **about(scenario),
        "batches": len(world.jobs),
        "items": sum(job.items for job in world.jobs) / max(len(world.jobs), 1),
        "runtimes": list(world.runtimes),
        "seeds": seeds,
        "first": first,
        "policies": compared(scores),
    }


def fitting(scenario: Scenario, policies: Sequence[str]) -> None:
    """Refuses `fixed:NAME` where there is no such runtime, before anything is tried.

    Raises:
        UsageError: there is none.
    """
    for policy in policies:
        name, _, setting = policy.partition(":")
        if name == "fixed" and setting not in scenario.runtimes:
            raise UsageError(
                f"policy {policy!r}: there is no runtime {setting!r}",
                f"runtimes: {', '.join(scenario.runtimes)}",
            )


def about(scenario: Scenario) -> Told:
    """What a scenario is made of, in plain values."""
    workload = scenario.workload
    listed = not isinstance(workload, str) and isinstance(workload, Sequence)
    return {
        "workload": f"{len(workload)} sizes" if listed else str(workload),  # type: ignore[arg-type]
        "deployments": {name: str(file) for name, file in scenario.deployments.items()},
        "bandwidth": [str(file) for file in scenario.bandwidth],
        "regime": scenario.regime,
        "period": scenario.period,
        "clock": scenario.clock,
        "divisible": scenario.divisible,
        "faults": _faults(scenario.faults),
    }


def _faults(faults: Faults) -> list[str]:
    """What goes wrong, each in the words of a command line; nothing where nothing does."""
    parts = {name: getattr(faults, name) for name in ("failures", "hangs", "breaks", "away")}
    found = [f"{name}={part:g}" for name, part in parts.items() if part]
    if faults.away:
        found.append(f"spell={faults.spell:g}")
    for one in faults.outages:
        waits = ":hangs" if one.hangs else ""
        found.append(f"outage {one.runtime}:{one.begins:g}-{one.ends:g}{waits}")
    return found


_COLUMNS = (
    ("OF ORACLE4", "ratio_oracle4", ".3f"),
    ("OF ORACLE2", "ratio_oracle2", ".3f"),
    ("P95", "p95_ratio", ".3f"),
    ("EXACT", "exact", ".1%"),
    ("WITHIN 5 %", "within5", ".1%"),
    ("GPU S", "gpu_seconds", ".0f"),
    ("WASTED", "gpu_seconds_wasted", ".0f"),
    ("CANCELLED", "cancelled", ".1f"),
    ("PROBES", "probes", ".0f"),
    ("MS", "decision_ms_p99", ".2f"),
)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A table of the policies, and what its columns are."""
    kind = "divisible" if found["divisible"] else "indivisible"
    seeds = f"means of {found['seeds']} seeds" if found["seeds"] != 1 else "one seed"
    yield (
        f"{found['batches']} {kind} batches of {found['items']:.1f} items, one every "
        f"{found['period']:.0f} s; workload {found['workload']}, cloud {found['regime']}, "
        f"clock {found['clock']}{_told_faults(found)}; {seeds}"
    )
    yield ""
    rows = [["POLICY", *(head for head, _, _ in _COLUMNS), "95 %"]]
    for name, told in found["policies"].items():
        cells = [worded(told[key], form) for _, key, form in _COLUMNS]
        ends = told["interval"].get("ratio_oracle4")
        rows.append([name, *cells, f"{ends[0]:.3f}-{ends[1]:.3f}" if ends else "-"])
    yield from table_lines(rows)
    yield ""
    yield from _notes(found)


def _told_faults(found: Mapping[str, Any]) -> str:
    return f", faults {' '.join(found['faults'])}" if found["faults"] else ""


def worded(value: float | None, form: str) -> str:
    """A figure, or "-" where there is none."""
    return "-" if value is None else format(value, form)


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    pairs = {name for told in found["policies"].values() for name in told["accelerator"]}
    yield "OF ORACLE4: aggregate latency over that of the fastest runtime of each batch"
    if pairs:
        yield f"OF ORACLE2: the same, of what stands ready and {' or '.join(sorted(pairs))}"
    yield "P95: 95th percentile of latency over that oracle's; EXACT: batches mostly done by the"
    yield "fastest runtime; WITHIN 5 %: batches at most 1.05 of the oracle; GPU S: device seconds"
    yield "from up to released; WASTED: those of attempts that did nothing that counted;"
    yield "CANCELLED: requests given back unused; MS: 99th percentile of a decision;"
    yield "95 %: bootstrap interval of OF ORACLE4 over the seeds"
    failed = {n: t["failed"] for n, t in found["policies"].items() if t["failed"]}
    for name, count in failed.items():
        yield f"{name}: {count:.1f} batches were given up; they count as the slowest runtime's"
