"""`lamina logs`: what the tasks of a run printed."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import note, out


@click.command("logs")
@click.argument("target", default="last", metavar="[RUN[/TASK]]")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
@click.option("--failed", is_flag=True, help="Only attempts that failed, with their causes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with -f an object per line.")
def command(target: str, follow: bool, failed: bool, as_json: bool) -> None:
    """Print what tasks wrote on standard output and standard error.

    RUN is an id, a name or "last"; TASK a task, one item of it ("count[3]"), or a workflow
    inside ("inner"). Of very long output the beginning and the end are kept.
    """
    from lamina.workspace import logs

    if follow:
        for heard in logs.follow(target):
            told = f"{heard.task}~{heard.attempt} {heard.stream} | {heard.text}"
            out(json.dumps(heard.__dict__) if as_json else told)
        return
    found = logs.logs(target, failed)
    if as_json:
        out(json.dumps({"logs": [log.to_json() for log in found]}, indent=2))
        return
    for line in logs.lines(found):
        out(line)
    if not found:
        note("no attempt failed" if failed else "nothing was printed")
