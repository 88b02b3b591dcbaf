"""`lamina why`: why a task ran, or did not."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out


@click.command("why")
@click.argument("task", metavar="[RUN/]TASK")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(task: str, as_json: bool) -> None:
    """Say why TASK ran in RUN (the newest when left out), or why it did not.

    Prints the recorded reason, then everything that differs from the attempt before: code with
    file and line, parameters, inputs, environment. TASK may be a unit, as "count[3]".
    """
    from lamina.workspace.why import why

    found = why(task)
    out(json.dumps(found.to_json(), indent=2) if as_json else found.text())
