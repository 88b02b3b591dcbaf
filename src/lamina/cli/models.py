"""`lamina models`: saved models, listed and shown."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group("models")
def command() -> None:
    """List and show saved models."""


@command.command("list")
@click.argument("places", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_models(places: tuple[Path, ...], as_json: bool) -> None:
    """List the models in folders or files (default: here and below)."""
    from lamina.workspace import models

    found = models.listing(places or (Path(),))
    if as_json:
        click.echo(json.dumps({"models": found}, indent=2))
        return
    for line in models.listing_text(found):
        click.echo(line)


@command.command("show")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(model: Path, as_json: bool) -> None:
    """Show what MODEL is: layers, preparation, metrics, seed, versions, digests."""
    from lamina.workspace import models

    described = models.show(model)
    click.echo(json.dumps(described, indent=2) if as_json else models.show_text(described))
