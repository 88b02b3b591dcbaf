"""`lamina place simulate|explain|replay|report`: policies tried, questioned and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lamina.cli.scenario_options import Listing, scenario_of, scenario_options
from lamina.cli.streams import note, out


@click.command("simulate", cls=Listing)
@click.option(
    "--policy", "policies", default="share", show_default=True, metavar="NAME[,NAME...]",
    help="What decides; a setting stands behind a colon: fixed:edge.",
)  # fmt: skip
@scenario_options
@click.option("--seeds", type=int, default=10, show_default=True, help="Worlds; means of them.")
@click.option("--seed", "first", type=int, default=0, show_default=True, help="The first of them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def simulate(*, policies: str, seeds: int, first: int, as_json: bool, **told: Any) -> None:
    """Try policies on the same batches, deployments and links, and compare them with oracles.

    A policy sees only what it would have seen; every policy meets the same draws. With --json,
    policies.NAME holds ratio_oracle4 (aggregate latency over the sum of each batch's least over
    all runtimes), ratio_oracle2 (least over what stands ready and one accelerator), exact (part of
    the batches mostly done by their fastest runtime), within5 (part of them at most 1.05 of the
    four-way oracle), p95_ratio (95th percentile of latency over that oracle's), gpu_seconds
    (device seconds from up to released, cancelled ones counted), gpu_seconds_wasted (of
    attempts that did nothing that counted), probes, decision_ms_p99, and more: docs/placing.md.
    """
    from lamina.workspace import simulating

    names = simulating.policies_of(policies)
    found = simulating.simulate(scenario_of(told), names, seeds, first, _say(seeds))
    if as_json:
        out(json.dumps(found, indent=1))
        return
    for line in simulating.lines(found):
        out(line)


@click.command("explain", cls=Listing)
@click.option("--items", type=int, required=True, metavar="N", help="Of the job.")
@click.option(
    "--bytes", "bytes_up", type=float, metavar="B",
    help="That travel to a runtime away from the data.  [212,000 for each item]",
)  # fmt: skip
@click.option("--policy", default="share", show_default=True, metavar="NAME", help="Who decides.")
@click.option(
    "--log", "log", type=click.Path(path_type=Path), metavar="FILE",
    help="Learn from a CSV log of placed tasks, as `lamina place fit` reads it.",
)  # fmt: skip
@click.option("--run", default="", metavar="RUN", help="Learn from a placing run: its log or name.")
@click.option("--regime", default="usual", show_default=True, metavar="calm|usual|busy",
              help="Of the made-up runs, where neither log nor run is given.")  # fmt: skip
@click.option("--indivisible", is_flag=True, help="The job cannot be shared by runtimes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(
    *, items: int, bytes_up: float | None, policy: str, log: Path | None, run: str, regime: str,
    indivisible: bool, as_json: bool,
) -> None:  # fmt: skip
    """Say what a job would take on each runtime, stage by stage, what a policy does, and why.

    Without --log and --run, what is known are two made-up runs of each of the STOIC paper's
    runtimes.
    """
    from lamina.errors import UsageError
    from lamina.planning.simulation.scenarios import Scenario
    from lamina.workspace import placing_explained

    if log is not None and run:
        raise UsageError("--log and --run are both given", "learn from one of them")
    scenario = Scenario(regime=regime, divisible=not indivisible)
    found = placing_explained.explain(policy, items, bytes_up, log, run, scenario)
    if as_json:
        out(json.dumps(found, indent=1))
        return
    for line in placing_explained.lines(found):
        out(line)


@click.command("replay")
@click.argument("run", metavar="RUN")
@click.option(
    "--policy", "policies", default="", metavar="NAME[,NAME...]",
    help="Which policies.  [that of the run, share, eft, stoic-selector, oracle]",
)  # fmt: skip
@click.option(
    "--seeds", type=int, default=20, show_default=True, help="How often the unknown is drawn."
)
@click.option("--indivisible", is_flag=True, help="Jobs of a table cannot be shared by runtimes.")
@click.option(
    "--standby", default="edge", show_default=True, metavar="RUNTIME",
    help="What stands ready, in a table that tells totals only.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def replay(
    *, run: str, policies: str, seeds: int, indivisible: bool, standby: str, as_json: bool
) -> None:
    """Say what other policies would have done with the jobs of RUN, and what that had cost.

    RUN is the log or the name of a placing run; or a CSV table: a row per task with its stages (as
    `lamina place fit` reads it), or the totals of each batch on every runtime (batch, image_num,
    runtime, act_total). What was recorded is kept; what a job would have taken elsewhere is drawn
    from what the record teaches. Where the run left choices to chance, its own outcomes are
    also weighted by these chances, which needs no such draws.
    """
    from lamina.workspace import placing_replayed, simulating

    names = simulating.policies_of(policies) if policies else ()
    found = placing_replayed.replay(run, names, seeds, not indivisible, standby, _say(seeds))
    if as_json:
        out(json.dumps(found, indent=1))
        return
    for line in placing_replayed.lines(found):
        out(line)


@click.command("report", cls=Listing)
@click.argument("run", default="", required=False, metavar="[RUN]")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="The HTML file."
)
@click.option(
    "--policy", "policies", default="", metavar="NAME[,NAME...]",
    help="Which; the first one's time line is drawn.  [share, eft, stoic-selector, oracle]",
)  # fmt: skip
@scenario_options
@click.option("--seeds", type=int, default=5, show_default=True, help="Worlds; means of them.")
@click.option("--seed", "first", type=int, default=0, show_default=True, help="The first of them.")
def report(
    *, run: str, output: Path, policies: str, seeds: int, first: int, **told: Any
) -> None:  # fmt: skip
    """Write policies as one HTML page: regret, latency against GPU seconds, promises, time lines.

    With RUN (as `lamina place replay` takes it) it is about that run and what other policies had
    been worth on its jobs; else about made-up worlds, as `lamina place simulate` plays them.
    """
    from lamina.errors import UsageError
    from lamina.workspace import placing_replayed, placing_reports, simulating
    from lamina.workspace.outputs import file_to_write

    names = simulating.policies_of(policies) if policies else ()
    if seeds < 1:
        raise UsageError(f"--seeds is {seeds}", "try at least one")
    scenario = scenario_of(told)
    file_to_write(output)
    if run:
        out(placing_reports.of_run(output, run, names, seeds, _say(seeds)))
        return
    simulating.fitting(scenario, names)
    names = names or placing_replayed.USUAL
    out(placing_reports.of_scenario(output, scenario, names, seeds, first, _say(seeds)))


def _say(seeds: int) -> Any:
    """Progress for people who wait; nothing where standard error is no terminal."""
    import sys

    return note if seeds > 1 and sys.stderr.isatty() else lambda text: None
