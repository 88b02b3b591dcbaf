"""`lamina benchmark`: time Lamina beside its peers, on this machine."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

PEERS = "torch-loader,torch-memory,sklearn,jax"


@click.group("benchmark")
def command() -> None:
    """Time Lamina beside its peers, on this machine."""


@command.command("networks")
@click.option("--epochs", type=int, help="Of every training.  [default: 1000; quick: 30]")
@click.option("--quick", is_flag=True, help="At most 100 epochs, and an end within a minute.")
@click.option("--peers", default=PEERS, show_default=True, help="Which peers; empty text for none.")
@click.option("--sets", default="", help="Which data sets; all when left out.")
@click.option(
    "--loader-epochs",
    type=int,
    help="Epochs that the DataLoader loop really runs; its times are scaled up from them.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of splits and weights.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for results.json, results.md and the figures.",
)
def networks(
    *,
    epochs: int | None,
    quick: bool,
    peers: str,
    sets: str,
    loader_epochs: int | None,
    seed: int,
    as_json: bool,
    output: Path | None,
) -> None:
    """Run the papers' groups I, II and III: Lamina's engines beside PyTorch and others.

    Every engine and peer trains the same networks on the same rows, in a process of its own
    with the same number of threads. Progress goes to standard error, tables to standard
    output.
    """
    from lamina.benchmark import report
    from lamina.benchmark.networks import benchmark_networks
    from lamina.benchmark.plan import QUICK_DEFAULT_EPOCHS, SETS, Options
    from lamina.workspace.outputs import folder_to_write

    if output is not None:
        folder_to_write(output)
    by_default = QUICK_DEFAULT_EPOCHS if quick else 1000
    options = Options(
        epochs=by_default if epochs is None else epochs,
        quick=quick,
        peers=_names(peers),
        sets=_names(sets) or SETS,
        loader_epochs=loader_epochs,
        seed=seed,
    )
    line = shlex.join(["lamina", *sys.argv[1:]])
    results = benchmark_networks(options, line, lambda said: click.echo(said, err=True))
    if output is not None:
        for file in report.write(results, output):
            click.echo(f"wrote {file}", err=True)
    click.echo(json.dumps(results, indent=2) if as_json else report.text(results))


@command.command("report")
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Markdown file to write; standard output when left out.",
)
def report_page(results: Path, output: Path | None) -> None:
    """Turn a results.json into the Markdown page that stands in benchmarks/RESULTS.md."""
    from lamina.benchmark import report
    from lamina.workspace.outputs import file_to_write

    page = report.page(results)
    if output is None:
        click.echo(page, nl=False)
        return
    file_to_write(output)
    output.write_text(page, encoding="utf-8")
    click.echo(f"wrote {output}", err=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
