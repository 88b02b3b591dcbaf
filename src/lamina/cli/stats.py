"""`lamina stats`: figures of a recorded run, or of a trace of any system."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out, room

FORMS = ("summary", "tasks", "runtimes", "phases", "types", "hosts", "path", "transfer",
         "integrity")  # fmt: skip


@click.command("stats")
@click.argument("target", default="last", metavar="[RUN[/TASK]|TRACE]")
@click.option(
    "-s", "--statistics", "form", type=click.Choice(FORMS), default="summary", help="Which figures."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(target: str, form: str, as_json: bool) -> None:
    """Print figures of RUN (an id, a name or "last"), or of a TRACE that another system left.

    \b
    summary    makespan, critical path, retries, parallelism; phases, types, hosts
    tasks      each attempt with the seconds of its phases
    runtimes   each task: how often it ran, least, median, mean and most seconds
    phases     each phase: seconds over all attempts, mean, most
    types      each type of job: seconds of each phase over all its attempts
    hosts      each host, likewise
    path       the critical path, attempt by attempt: where the makespan went
    transfer   seconds in staging, bytes and their rate, bytes read and written
    integrity  what was verified by its digest, damaged and made again

    TRACE is a file or folder, or ARCHIVE:MEMBER; `lamina traces read` tells what can be read.
    """
    from lamina.workspace import figures

    found = figures.seen(target)
    if as_json:
        out(json.dumps(figures.to_json(found, form), indent=2))
        return
    for line in figures.lines(found, form, room()):
        out(line)
