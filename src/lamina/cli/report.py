"""`lamina report`: a recorded run as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.cli.streams import out


@click.command("report")
@click.argument("run", default="last")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file (default: NAME.html)."
)
def command(run: str, output: Path | None) -> None:
    """Write RUN (an id, a name or "last") as one HTML page that needs no network.

    It shows what failed and why, the Gantt chart, statistics, every attempt, metrics, inputs and
    outputs, and the surroundings of the run.
    """
    from lamina.workspace import reports

    out(reports.write(run, output))
