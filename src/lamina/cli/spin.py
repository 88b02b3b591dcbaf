"""`lamina spin`: one task again, on the inputs that it got in an earlier run."""

from __future__ import annotations

from typing import Any

import click

from lamina.cli.run import go, places
from lamina.cli.run_options import run_options, wished


@click.command("spin")
@click.argument("task")
@click.option("--inputs-from", "run", default="last", metavar="RUN", help="Whose inputs.  [last]")
@click.option("-o", "--output", help="Folder or URL for the outputs.")
@run_options
def command(task: str, run: str, **options: Any) -> None:
    """Run TASK alone, as a new run, on the inputs that it got in an earlier one.

    TASK is named as in the records: sort, count[3], inner/sort.
    """
    from lamina.workspace import resumes

    session = resumes.spun(task, run, wished(options), places=lambda: places(options))
    go(session, options)
