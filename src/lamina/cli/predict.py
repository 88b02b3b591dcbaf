"""`lamina predict`: a saved model applied to data."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write a row per row of DATA here."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(model: Path, data: str, output: Path | None, as_json: bool) -> None:
    """Apply MODEL to DATA (a named set or a file): a prediction and its probability per row.

    Without -o the predictions are printed as CSV.
    """
    from lamina.workspace import models

    predictions = models.predict(model, data, output)
    if as_json:
        columns = {name: values.tolist() for name, values in predictions.columns.items()}
        click.echo(json.dumps({"rows": predictions.rows, "columns": columns}))
    elif output is None:
        click.echo(models.as_csv(predictions), nl=False)
    else:
        click.echo(f"{output}  {predictions.rows} rows")
