"""`lamina stats`: figures of a recorded run."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out, room

FORMS = ("summary", "tasks", "runtimes", "transfer", "integrity")


@click.command("stats")
@click.argument("target", default="last", metavar="[RUN[/TASK]]")
@click.option(
    "-s", "--statistics", "form", type=click.Choice(FORMS), default="summary", help="Which figures."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(target: str, form: str, as_json: bool) -> None:
    """Print figures of RUN (an id, a name or "last").

    \b
    summary    wall time, tasks, retries, CPU time, memory
    tasks      each attempt with the seconds of its phases
    runtimes   each task: how often it ran, least, median, mean and most seconds
    transfer   seconds in staging, bytes read and written
    integrity  what was verified by its digest, what was damaged and made again
    """
    from lamina.workspace import looking

    record, rows, told = looking.statistics(target, form)
    if as_json:
        kept = told if form == "summary" else looking.statistics_json(rows, form)
        about = {"run": record.id, "name": record.name, "workflow": record.workflow}
        out(json.dumps({**about, form: kept}, indent=2))
        return
    for line in looking.statistics_lines(rows, form, room()):
        out(line)
