"""`lamina lineage`: where something comes from, and where it went."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out, room


@click.command("lineage")
@click.argument("target", metavar="FILE|DIGEST|RUN[/TASK]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(target: str, as_json: bool) -> None:
    """Say what made a file, a digest or a task's result, from what, and what was made of it.

    Files are known by their bytes, wherever they lie: a run's outputs, files that `run -o` wrote,
    and files that runs were given. Every step names its run, so a line can go through many runs.
    """
    from lamina.workspace import lineages

    found = lineages.lineage(target)
    if as_json:
        out(json.dumps(found.to_json(), indent=2))
        return
    width = room()
    for line in found.lines():
        out(line if width is None or len(line) <= width else f"{line[: width - 1]}…")
