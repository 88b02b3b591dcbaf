"""`lamina evaluate`: the metrics of a saved model on labelled data."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.streams import note, out


@click.command("evaluate")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--target", help="The label column; known for models that Lamina trained.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    help="Draw the confusion matrix into this folder.",
)
def command(
    model: Path, data: str, target: str | None, as_json: bool, pictures: Path | None
) -> None:
    """Measure MODEL on DATA, a named set or a file with the target column."""
    from lamina.workspace import models

    metrics = models.evaluate(model, data, target)
    drawn = None if pictures is None else models.draw(metrics, pictures)
    out(json.dumps(metrics, indent=2) if as_json else models.metrics_text(metrics))
    if drawn is not None:
        note(f"picture: {drawn}")
