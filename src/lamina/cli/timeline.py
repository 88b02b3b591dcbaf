"""`lamina timeline`: a recorded run drawn over time."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import click

from lamina.cli.streams import out, shows_blocks
from lamina.errors import UsageError


@click.command("timeline")
@click.argument("run", default="last", metavar="[RUN|TRACE]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="FILE.txt, .svg, .png, .html or .json."
)
@click.option(
    "--width", type=click.IntRange(1), default=None, help="Letters per line (the terminal's)."
)
@click.option("--all", "every", is_flag=True, help="A line per attempt, however many there are.")
@click.option(
    "--against",
    multiple=True,
    metavar="RUN|TRACES",
    help="Runs whose usual durations the .html shows.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    *,
    run: str,
    output: Path | None,
    width: int | None,
    every: bool,
    against: tuple[str, ...],
    as_json: bool,
) -> None:
    """Draw RUN (an id, a name or "last") as a Gantt chart with the phases of every attempt.

    TRACE is a file or folder that another system left, or ARCHIVE:MEMBER; `lamina traces read`
    tells what can be read. Attempts of one task share a line where there are many; --all draws
    them one by one.
    """
    from lamina.workspace import timelines

    found = timelines.trace_or_run(run, until=time.time())
    if against and output is None:
        raise UsageError("--against needs a file to write", "add -o FILE.html")
    if output is not None:
        wide = width or timelines.WIDTH
        out(timelines.write(found, output, wide, every=every, against=against))
        return
    if as_json:
        out(json.dumps(timelines.to_json(found), indent=2))
        return
    room = width or shutil.get_terminal_size((100, 24)).columns
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    out(timelines.text(found, room, plain=not shows_blocks(), colour=colour, every=every))
