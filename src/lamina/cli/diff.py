"""`lamina diff`: what differs between two runs."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out, room


@click.command("diff")
@click.argument("first", metavar="RUN1|TRACE1")
@click.argument("second", metavar="RUN2|TRACE2", default="last")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(first: str, second: str, as_json: bool) -> None:
    """Say what differs from RUN1 to RUN2 (ids, names or "last"), or from trace to trace.

    First which took longer, by how much, and what made it so: phases of types of jobs that differ
    beyond chance. Of recorded runs then inputs, options and packages; of each task its code,
    parameters, inputs, environment, how it ended, what it made and how long it ran.
    """
    from lamina.workspace import looking

    found = looking.compared(first, second)
    if as_json:
        out(json.dumps(found.to_json(), indent=2))
        return
    for line in found.lines(room()):
        out(line)
