"""`lamina train`: a network trained on data by a plan, on an engine and a device."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lamina.cli.streams import note, out

SETTINGS = [
    click.option("--epochs", type=int, help="Passes over the training rows (1000)."),
    click.option("--batches", type=int, help="Batches per epoch (6)."),
    click.option("--batch-size", type=int, help="Rows per batch, instead of --batches."),
    click.option("--lr", "learning_rate", type=float, help="Learning rate (0.1)."),
    click.option("--momentum", type=float, help="Of SGD (0.9)."),
    click.option("--nesterov", is_flag=True, default=None, help="Nesterov's momentum."),
    click.option("--weight-decay", type=float, help="Weight decay (0)."),
    click.option("--optimiser", help="sgd, adam or adamw (sgd)."),
    click.option("--loss", help="bce, bce-logits, cross-entropy, mse, l1, huber (by the data)."),
    click.option("--schedule", help="Of the learning rate: constant, step or cosine."),
    click.option("--warmup-epochs", type=int, help="Linear rise over the first epochs."),
    click.option("--initialisation", help="xavier, kaiming or normal (xavier)."),
    click.option("--clip-norm", type=float, help="Bound of the gradient's norm."),
    click.option("--class-weights", help="'balanced', or a number per class: 1,3.5."),
    click.option("--patience", type=int, help="Stop after so many epochs without progress."),
    click.option("--validation", type=float, help="Share of rows that --patience watches (0.1)."),
    click.option("--shuffle", help="once, epoch or none (once)."),
    click.option("--seed", type=int, help="Of split, order and weights (0)."),
    click.option(
        "--freeze",
        "frozen",
        multiple=True,
        metavar="PART",
        help="Keep the weights of layer or part PART as they begin; repeat for more.",
    ),
    click.option(
        "--rate",
        "rates",
        multiple=True,
        metavar="PART=RATE",
        help="Learning rate of a layer or part in place of --lr; repeat for more.",
    ),
]
"""Options that are settings of a training, by the names of `lamina.training.settings`."""


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of all settings to a command."""
    for option in reversed(SETTINGS):
        command = option(command)
    return command


@click.command("train")
@click.argument("network")
@click.option("--data", help="A named set (see `lamina data list`) or a table file.")
@click.option("--target", help="The label column; known for named sets.")
@click.option("--kind", help="binary, classes or regression (by the data).")
@click.option("--normalise", help="min-max, standard or none (min-max).")
@click.option("--target-scale", help="Of a regression: standard, min-max or none (auto).")
@click.option("--encode", help="Text categories as code or one-hot (code).")
@click.option("--plan", help="holdout:0.2, kfold:5, kfold:5x3, all; +restarts:3, +ensemble:3.")
@click.option(
    "--sweep", multiple=True, metavar="NAME=V1,V2", help="Values of a setting; repeat for a grid."
)
@with_settings
@click.option(
    "--weights",
    metavar="FILE|published",
    help="Begin with the weights of FILE (safetensors, or a torch state dict) or published ones.",
)
@click.option("--engine", metavar="auto|fused|torch", help="Where it is computed (auto).")
@click.option("--device", metavar="auto|cpu|cuda|cuda:N", help="On which device (auto).")
@click.option("--threads", type=int, help="Of the CPU (all cores).")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Save the model here.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="Folder of checkpoints; it is kept (MODEL.checkpoints, removed at the end).",
)
@click.option("--every-epochs", type=int, help="Write a checkpoint every so many epochs.")
@click.option("--every-seconds", type=float, help="Write a checkpoint every so many seconds (30).")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint; write them.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder for pictures of it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print no progress.")
def command(network: str, as_json: bool, quiet: bool, **options: Any) -> None:
    """Train NETWORK: a name of the zoo, sizes (5-3-1), a document, a specification, or a model.

    With a specification (lamina: training/1, or the papers' trainer line), options on the
    command line win over what it says.

    With --resume, --every-epochs or --every-seconds, checkpoints are written: into the folder
    of --checkpoint, or else into MODEL.checkpoints, which goes when the training is done.
    With --resume a training that was killed goes on, to the same weights bit for bit; where
    there are no checkpoints it starts anew.
    """
    from lamina.workspace import trainings

    given = {name: told for name, told in options.items() if told not in (None, ())}
    quiet = quiet or as_json
    listener = trainings.listener(quiet, note)
    try:
        result, model = trainings.train(network, given, listener, None if quiet else note)
    except KeyboardInterrupt:
        if given["resume"] or given.keys() & {"checkpoint", "every_epochs", "every_seconds"}:
            note("the same command with --resume goes on from the last checkpoint")
        raise
    if as_json:
        out(json.dumps(result.to_json(), indent=2))
        return
    out(str(result))
    if model:
        out(f"model: {model}")
