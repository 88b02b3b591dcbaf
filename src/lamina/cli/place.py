"""`lamina place`: where tasks run, from predicted times."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.place_live import manifests, run
from lamina.cli.place_tried import explain, replay, report, simulate
from lamina.cli.streams import out


@click.group("place")
def command() -> None:
    """Predict how long tasks take on each runtime, and place them."""


for _verb in (simulate, explain, replay, report, run, manifests):
    command.add_command(_verb)


@command.command("fit")
@click.option(
    "--log", "log", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="CSV with a row per placed task: epoch, image_num, runtime, act_transfer, ...",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fit(log: Path, as_json: bool) -> None:
    """Measure predictors on a log of placed tasks: each row is predicted, then seen.

    Printed are mean absolute errors of each stage in seconds, for each runtime and over all rows,
    of the STOIC paper's predictors and of ours; and how many totals lay inside the intervals of
    50, 80 and 90 %. Two rows of each runtime are seen before the first is predicted.
    """
    from lamina.workspace import placing

    found = placing.fit(log)
    if as_json:
        out(json.dumps(found, indent=1))
        return
    for line in placing.fit_lines(found):
        out(line)
