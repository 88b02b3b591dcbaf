"""`lamina run`: a workflow document, run here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lamina.cli.streams import note, out


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A workflow input."
)
@click.option("--params-file", type=click.Path(path_type=Path), help="Inputs as YAML or JSON.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the outputs.")
@click.option("-c", "--threads", type=int, default=0, help="Tasks at the same time (all cores).")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print no progress.")
def command(file: Path, as_json: bool, **options: Any) -> None:
    """Run the workflow in FILE.

    Inputs are given as -p NAME=VALUE: numbers and lists as JSON, tables as a named set or a
    file, models as a file.
    """
    from lamina.workspace import runs

    given = runs.parameters(options["parameters"], options["params_file"])
    if options["dry_run"]:
        plan = runs.plan(file, given)
        out(json.dumps(plan.to_json(), indent=2) if as_json else plan.text())
        return
    say = None if options["quiet"] or as_json else note
    outcome = runs.run(file, given, options["output"], options["threads"], say)
    out(json.dumps(outcome.to_json(), indent=2) if as_json else outcome.text())
