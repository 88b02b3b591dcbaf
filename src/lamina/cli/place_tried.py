"""`lamina place simulate|explain|replay|report`: policies tried, questioned and shown."""

from __future__ import annotations

import json
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
    attempts that did nothing that counted), probes, decision_ms_p99, and more: docs/placement.md.
    """
    from lamina.workspace import simulating

    names = simulating.policies_of(policies)
    found = simulating.simulate(scenario_of(told), names, seeds, first, _say(seeds))
    if as_json:
        out(json.dumps(found, indent=1))
        return
    for line in simulating.lines(found):
        out(line)


def _say(seeds: int) -> Any:
    """Progress for people who wait; nothing where standard error is no terminal."""
    import sys

    return note if seeds > 1 and sys.stderr.isatty() else lambda text: None
