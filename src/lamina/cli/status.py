"""`lamina status`: where a run is, once or until its end."""

from __future__ import annotations

import json
import sys

import click

from lamina.cli.streams import out, tinted


@click.command("status")
@click.argument("target", default="last", metavar="[RUN[/TASK]]")
@click.option("-w", "--watch", is_flag=True, help="Look again until the run is over.")
@click.option("--every", type=click.FloatRange(0.05), default=0.5, help="Seconds between looks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; with -w a line each.")
def command(target: str, watch: bool, every: float, as_json: bool) -> None:
    """Show where RUN (an id, a name or "last") is: counts of tasks, what runs, what failed.

    Works from any process while the run goes on. Tasks are UNREADY (inputs are missing), READY,
    in PRE or POST scripts, QUEUED, RUNNING, or ended in SUCCESS or FAILURE.

    Of RUN/TASK it shows all that is recorded: of each attempt inputs, outputs, code, parameters,
    seed, environment, host, device, phases, use of CPU, memory and disk, and epochs (--json).
    """
    from lamina.workspace import history

    run, _, task = target.partition("/")
    if task:
        _task(target, watch, as_json)
        return
    if not watch:
        found = history.standing(run)
        if as_json:
            out(json.dumps(found.to_json(), indent=2))
            return
        for line in found.lines():
            out(tinted(line))
        return
    if as_json:
        for found in history.watch(run, every=every):
            out(json.dumps(found.to_json()))
    elif sys.stdout.isatty():
        _redraw(run, every)
    else:
        _changes(run, every)


def _task(target: str, watch: bool, as_json: bool) -> None:
    from lamina.errors import UsageError
    from lamina.workspace.provenance import provenance

    if watch:
        run = target.partition("/")[0]
        raise UsageError("a run is watched, not one of its tasks", f"lamina status {run} -w")
    found = provenance(target)
    if as_json:
        out(json.dumps(found.to_json(), indent=2))
        return
    for line in found.lines():
        out(tinted(line))


def _redraw(run: str, every: float) -> None:
    """Draws over what was drawn before."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from lamina.workspace import history

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        for found in history.watch(run, every=every):
            live.update(Text("\n".join(found.lines())), refresh=True)


def _changes(run: str, every: float) -> None:
    """A line of counts whenever they change, for pipes and logs; the whole at the end."""
    from lamina.workspace import history

    before: list[str] = []
    for found in history.watch(run, every=every):
        head, counts = history.counts_lines(found)
        if not before:
            out(head)
        if counts != (before[-1] if before else ""):
            out(counts)
        before = [head, counts]
        if found.status != "running":
            out("\n".join(found.lines()))
