"""`lamina resume`: a run that ended early, or whose engine was killed, goes on."""

from __future__ import annotations

from typing import Any

import click

from lamina.cli.run import go
from lamina.cli.run_options import run_options, wished


@click.command("resume")
@click.argument("run", default="last")
@click.option(
    "--from", "from_task", multiple=True, metavar="TASK", help="Run this and all behind it again."
)
@click.option("-o", "--output", help="Folder or URL for the outputs.")
@run_options
def command(run: str, from_task: tuple[str, ...], **options: Any) -> None:
    """Go on with RUN (its name, the beginning of its id, or the newest).

    What is finished is not run again; a training goes on from its checkpoint.
    """
    from lamina.workspace import resumes

    go(resumes.resumed(run, from_task, wished(options)), options)
