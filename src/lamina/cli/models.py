"""`lamina models`: saved models - list, show, export, import."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.streams import out


@click.group("models")
def command() -> None:
    """List and show saved models; bring them to and from other systems."""


@command.command("list")
@click.argument("places", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_models(places: tuple[Path, ...], as_json: bool) -> None:
    """List the models in folders or files (default: here and below)."""
    from lamina.workspace import models

    found = models.listing(places or (Path(),))
    if as_json:
        out(json.dumps({"models": found}, indent=2))
        return
    for line in models.listing_text(found):
        out(line)


@command.command("show")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(model: Path, as_json: bool) -> None:
    """Show what MODEL is: layers, preparation, metrics, seed, versions, digests."""
    from lamina.workspace import models

    described = models.show(model)
    out(json.dumps(described, indent=2) if as_json else models.show_text(described))


@command.command("export")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="FILE.onnx, or FILE.json for the papers' model@ file.",
)
def export(model: Path, output: Path) -> None:
    """Write MODEL for another system; an ONNX file is checked with onnxruntime.

    Normalisation is part of the ONNX graph: it takes features as they stand in the table.
    """
    from lamina.workspace import exchange

    out(exchange.export(model, output))


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="The model to write."
)
@click.option("--labels", default="", help="Names of the classes, in order: setosa,versicolor.")
def import_model(file: Path, output: Path, labels: str) -> None:
    """Make a model of FILE: a .keras file of Keras 3, or a model@ file of the papers."""
    from lamina.workspace import exchange, models

    names = [name.strip() for name in labels.split(",") if name.strip()]
    exchange.from_file(file, output, names)
    for line in models.listing_text(models.listing([output])):
        out(line)
