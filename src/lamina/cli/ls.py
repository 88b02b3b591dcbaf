"""`lamina ls`: the runs of this project."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out, room, tinted


@click.command("ls")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, help="How many (20).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(limit: int, as_json: bool) -> None:
    """List the newest runs: name, id, workflow, status, tasks done, beginning, duration.

    A run whose engine is gone without an end is called interrupted: `lamina resume` goes on
    with it. One whose engine is on another machine and has told nothing for minutes is called
    running?: look there.
    """
    from lamina.workspace import history

    found = history.listing(limit)
    if as_json:
        out(json.dumps({"runs": [history.brief(one) for one in found]}, indent=2))
        return
    for line in history.listing_lines(found, room()):
        out(tinted(line))
