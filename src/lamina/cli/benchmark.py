"""`lamina benchmark`: time Lamina beside its peers, on this machine."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

PEERS = "torch-loader,torch-memory,sklearn,jax"


def _delivered(files: str) -> Callable[[F], F]:
    """The options by which every benchmark says where its results go."""

    def add(function: F) -> F:
        function = click.option(
            "-o", "--output", type=click.Path(file_okay=False, path_type=Path), help=files
        )(function)
        return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(
            function
        )

    return add


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
@_delivered("Folder for results.json, results.md and the figures.")
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
    from lamina.benchmark.networks import benchmark_networks
    from lamina.benchmark.plan import QUICK_DEFAULT_EPOCHS, SETS, Options

    by_default = QUICK_DEFAULT_EPOCHS if quick else 1000
    options = Options(
        epochs=by_default if epochs is None else epochs,
        quick=quick,
        peers=_names(peers),
        sets=_names(sets) or SETS,
        loader_epochs=loader_epochs,
        seed=seed,
    )
    _deliver(partial(benchmark_networks, options), as_json, output)


@command.command("overhead")
@click.option("--quick", is_flag=True, help="Fewer tasks and one repeat, within two minutes.")
@click.option("--engines", default="", help="Which engines; all that are there when left out.")
@click.option(
    "-w", "--workers", type=click.IntRange(1), default=2, show_default=True, help="For each engine."
)
@click.option(
    "--peer-python",
    "pythons",
    multiple=True,
    metavar="NAME=PATH",
    help="The Python that has a peer, where it cannot live beside this one. "
    "LAMINA_PEER_PYTHON_<NAME> does the same.",
)
@_delivered("Folder for results.json, results.md and the figure.")
def overhead(
    *,
    quick: bool,
    engines: str,
    workers: int,
    pythons: tuple[str, ...],
    as_json: bool,
    output: Path | None,
) -> None:
    """What the engine costs: per task, per plan, per start; beside other engines.

    Dask, Parsl, Ray, Prefect and Snakemake are measured where they are installed, each in a
    process of its own with the same number of workers and the same tasks, which do nothing.
    """
    from lamina.benchmark.overhead.measuring import Options, benchmark_overhead

    options = Options(quick, _names(engines), workers, _pairs(pythons))
    _deliver(partial(benchmark_overhead, options), as_json, output)


@command.command("faults")
@click.option("--seeds", type=click.IntRange(1), default=300, show_default=True, help="Cases.")
@click.option("--first", type=int, default=0, show_default=True, help="Seed of the first case.")
@click.option("--kinds", default="", help="Which kinds of faults; all when left out.")
@click.option("--at-once", type=int, default=0, help="Cases at the same time.  [twice the cores]")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the projects of cases that went wrong.",
)
@_delivered("Folder for results.json and results.md.")
def faults(
    *,
    seeds: int,
    first: int,
    kinds: str,
    at_once: int,
    keep: Path | None,
    as_json: bool,
    output: Path | None,
) -> None:
    """Disturb runs on purpose and compare them with undisturbed ones, bit for bit.

    Engines and workers are killed, disks fill up or cannot be written, artifacts and checkpoints
    are damaged, the clock jumps, tasks hang, hear no signal and say gigabytes, connections are
    lost: at seeded random moments of real runs, which are then resumed. Exit code 1 when
    anything is lost, doubled, different, hung, unseen or left over.
    """
    from lamina.benchmark.faults.campaign import Options, benchmark_faults
    from lamina.benchmark.faults.judge import WORDS

    options = Options(seeds, first, _names(kinds), at_once, keep)
    results = _deliver(partial(benchmark_faults, options), as_json, output)
    if any(results[word] for word in WORDS):
        raise click.exceptions.Exit(1)


@command.command("gantt")
@click.option("--quick", is_flag=True, help="Fewer charts and fewer repeats.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the made-up runs.")
@_delivered("Folder for results.json and results.md.")
def gantt(*, quick: bool, seed: int, as_json: bool, output: Path | None) -> None:
    """Draw Gantt charts for networks, beside the Gantt paper's way of drawing them.

    Charts of 57 jobs at 512 x 512 per second of one core, per channels and type of value; the
    paper's way is matplotlib at 3875 x 3875 pixels, then bilinear resizing.
    """
    from lamina.benchmark.gantt import Options, benchmark_gantt

    _deliver(partial(benchmark_gantt, Options(quick, seed)), as_json, output)


@command.command("diagnosis")
@click.option(
    "--protocol", default="batch", show_default=True, metavar="batch|paper|flowbench|unlabelled",
    help="Detectors on phases, with whole batches held out; or the Gantt paper's tables.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="One seed, and smaller networks: a hint, no verdict.")
@click.option("--data", default="", metavar="FOLDER", help="With exogeni_2020.  [LAMINA_DATA]")
@click.option("--detectors", default="", help="Which detectors; those of the protocol if left out.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@_delivered("Folder for results.json and results.md.")
def diagnosis(
    *,
    protocol: str,
    quick: bool,
    data: str,
    detectors: str,
    device: str,
    as_json: bool,
    output: Path | None,
) -> None:
    """Measure detectors of anomalies beside each other, on the same splits of the same runs."""
    from lamina.benchmark.diagnosis.measuring import Options, benchmark_diagnosis

    options = Options(protocol, quick, data, _names(detectors), device)
    _deliver(partial(benchmark_diagnosis, options), as_json, output)


@command.command("traces")
@click.option("--quick", is_flag=True, help="A tenth of the tasks, and one repeat.")
@click.option("--formats", default="", help="Which formats; all when left out.")
@_delivered("Folder for results.json and results.md.")
def traces(*, quick: bool, formats: str, as_json: bool, output: Path | None) -> None:
    """Read one run of 100,000 tasks in each format, and the 840 runs of the Gantt paper.

    The large runs are made up; the paper's are read where LAMINA_DATA names a folder that has
    them.
    """
    from lamina.benchmark.made_traces import FORMS
    from lamina.benchmark.traces import Options, benchmark_traces, data_folder
    from lamina.errors import UnknownNameError

    for name in _names(formats):
        if name not in FORMS:
            raise UnknownNameError("trace format", name, FORMS)
    options = Options(quick, _names(formats), data_folder())
    _deliver(partial(benchmark_traces, options), as_json, output)


@command.command("placement")
@click.option("--quick", is_flag=True, help="Two seeds of fewer batches: a hint, no verdict.")
@click.option("--seeds", type=click.IntRange(1), help="Worlds of each cell.  [30; quick: 2]")
@click.option("--live/--no-live", default=True, help="Place for real, too.  [--live]")
@_delivered("Folder for results.json and results.md.")
def placement(
    *, quick: bool, seeds: int | None, live: bool, as_json: bool, output: Path | None
) -> None:
    """Try placing policies in made-up worlds, beside oracles and STOIC as printed.

    Two workloads in three regimes of deployments, batches that may be divided and that may not;
    a year of batches, outages, probes; and predictions on the STOIC authors' log where
    LAMINA_DATA names a folder that has it. Then policies place for real, on a local pool and
    emulated runtimes at 1/20 time with faults of every kind, beside the simulator.
    """
    from lamina.benchmark.placement.measuring import Options, benchmark_placement

    _deliver(partial(benchmark_placement, Options(quick, seeds, live=live)), as_json, output)


@command.command("planners")
@click.option("--quick", is_flag=True, help="Three instances of each family only.")
@click.option("--data", default="", metavar="FOLDER", help="With wfcommons.  [LAMINA_DATA]")
@click.option("--planners", default="", help="Which planners; all when left out.")
@_delivered("Folder for results.json and results.md.")
def planners(*, quick: bool, data: str, planners: str, as_json: bool, output: Path | None) -> None:
    """Plan the instances of WfCommons, beside the bound of their critical paths."""
    from lamina.benchmark.planners import Options, benchmark_planners
    from lamina.planning.planners import PLANNERS

    for name in _names(planners):
        PLANNERS.get(name)
    options = Options(quick, data, _names(planners))
    options.folder  # noqa: B018 - refuses a folder that is not there before anything is measured
    _deliver(partial(benchmark_planners, options), as_json, output)


@command.command("report")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Markdown file to write; standard output when left out.",
)
def report_page(results: tuple[Path, ...], output: Path | None) -> None:
    """Turn results.json files into the Markdown page that stands in benchmarks/RESULTS.md."""
    from lamina.benchmark import report
    from lamina.workspace.outputs import file_to_write

    page = report.page(*results)
    if output is None:
        click.echo(page, nl=False)
        return
    file_to_write(output)
    output.write_text(page, encoding="utf-8")
    click.echo(f"wrote {output}", err=True)


def _deliver(
    measure: Callable[[str, Callable[[str], None]], dict[str, Any]],
    as_json: bool,
    output: Path | None,
) -> dict[str, Any]:
    """Measures, writes the files, prints the results.

    Args:
        measure: takes the command line, and what takes a line of progress.
        as_json, output: as `_delivered` has them.
    """
    from lamina.benchmark import report
    from lamina.workspace.outputs import folder_to_write

    if output is not None:
        folder_to_write(output)
    line = shlex.join(["lamina", *sys.argv[1:]])
    results = measure(line, lambda said: click.echo(said, err=True))
    if output is not None:
        for file in report.write(results, output):
            click.echo(f"wrote {file}", err=True)
    click.echo(json.dumps(results, indent=2) if as_json else report.text(results))
    return results


def _pairs(told: tuple[str, ...]) -> dict[str, str]:
    from lamina.errors import UsageError

    found = dict(text.split("=", 1) for text in told if "=" in text)
    if len(found) < len(told):
        raise UsageError("--peer-python is NAME=PATH", "say --peer-python ray=/path/bin/python")
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
