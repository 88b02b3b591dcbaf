"""`lamina clean`: delete what can be made again."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out


@click.command("clean")
@click.option(
    "-n", "--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing."
)
@click.option(
    "--keep-resume",
    is_flag=True,
    help="Keep what runs that did not end need to go on, and results as far as nobody reads them.",
)
@click.option(
    "--older", type=click.FloatRange(0), metavar="DAYS", help="Only runs older than that."
)
@click.option("--runs", multiple=True, metavar="RUN", help="Only this run; may be given again.")
@click.option("--outputs", is_flag=True, help="Delete outputs of the workflows as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(dry_run: bool, as_json: bool, **options: object) -> None:
    """Delete intermediate values, folders of runs and leftovers below .lamina.

    Records stay, and so do inputs and outputs of workflows. Runs that are going on are left
    alone. Without --keep-resume, tasks whose outputs are deleted run again when they are needed.
    """
    from lamina.workspace.cleaning import Wanted, clean

    found = clean(Wanted(**options), dry_run)  # type: ignore[arg-type]
    out(json.dumps(found.to_json(), indent=2) if as_json else found.text())
