"""`lamina touch`: accept old outputs after an edit that changes no result."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.streams import out


@click.command("touch")
@click.argument("what", metavar="FILE|RUN")
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A workflow input."
)
@click.option("--params-file", type=click.Path(path_type=Path), help="Inputs as YAML or JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    what: str,
    tasks: tuple[str, ...],
    parameters: tuple[str, ...],
    params_file: Path | None,
    as_json: bool,
) -> None:
    """Let the newest outputs of TASKs (all when left out) stand for their code as it is now.

    For edits that change no result: a renamed variable, a newer library. Tasks whose inputs
    changed are left alone. What was accepted is recorded as a run in which nothing ran.
    """
    from lamina.workspace.parameters import parameters as read
    from lamina.workspace.touching import touch

    found = touch(what, tasks, read(parameters, params_file))
    out(json.dumps(found.to_json(), indent=2) if as_json else found.text())
