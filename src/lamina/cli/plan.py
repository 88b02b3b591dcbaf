"""`lamina plan`: give the tasks of a workflow to machines before it runs, and compare planners."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from lamina.cli.streams import out, room, shows_blocks


@click.command("plan")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--planner", "planners", default="heft", show_default=True, metavar="NAME[,NAME]|all",
    help="cpop, heft, ic-pcp, lpod, min-min, one-per-resource, single-resource, t-cluster.",
)  # fmt: skip
@click.option("--deadline", metavar="S", help='Seconds, or "2 h": when the last task has to end.')
@click.option("--budget", type=float, metavar="X", help="What all machines may cost.")
@click.option(
    "--resources", type=click.Path(path_type=Path), metavar="FILE",
    help="Resources and network as YAML or JSON.  [the cores of this machine]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    file: Path,
    planners: str,
    deadline: str | None,
    budget: float | None,
    resources: Path | None,
    as_json: bool,
) -> None:
    """Plan FILE: a workflow document, a WfFormat instance, or a plain problem.

    Times of a workflow's tasks are those of its newest run here, or stand in the file of
    --resources. One planner draws its plan; several are compared. ic-pcp, lpod and
    single-resource give the cheapest plan that they find for a deadline, and with a budget alone
    the earliest end that it buys. Exit code 1 when no plan keeps deadline and budget; the message
    says the least that can be kept.
    """
    from lamina.workspace import planning

    goal = planning.goal_of(deadline, budget)
    problem = planning.problem(file, resources)
    found = planning.plans(problem, planners, goal)
    if as_json:
        out(json.dumps(planning.to_json(problem, found, goal), indent=2))
    else:
        for line in planning.lines(problem, found, room() or 100, plain=not shows_blocks()):
            out(line)
    if all(plan.schedule is None for plan in found):
        sys.exit(1)
