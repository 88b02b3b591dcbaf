"""`lamina predict`: a saved model applied to data."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.streams import note, out


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write a row per row of DATA here."
)
@click.option("--target", help="A column to leave out; only for models of other systems.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(model: Path, data: str, output: Path | None, target: str | None, as_json: bool) -> None:
    """Apply MODEL to DATA (a named set or a file): a prediction and its probability per row.

    Without -o the predictions are printed as CSV.
    """
    from lamina.workspace import models

    predictions = models.predict(model, data, output, target)
    if as_json:
        columns = {
            name: models.plain_column(values.tolist())
            for name, values in predictions.columns.items()
        }
        out(json.dumps({"rows": predictions.rows, "columns": columns}))
    elif output is None:
        out(models.as_csv(predictions), nl=False)
    else:
        out(f"{output}  {predictions.rows} rows")
    empty = models.without_prediction(predictions)
    if empty and not as_json:
        note(f"note: {empty} of {predictions.rows} rows have empty values and no prediction")
