"""`lamina traces`: traces of other systems and of our own."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.streams import note, out


@click.group("traces")
def command() -> None:
    """Read and write traces of runs, of whatever system."""


@command.command("read")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--all", "every", is_flag=True, help="A line per run, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def read(paths: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Say what is in the traces at PATH: files, folders, archives (.tar.xz, .tar.gz, .zip), runs.

    The format is told by the content. What is broken is named with its line and the reason, and
    the rest is read; the exit code is 1 then. Labelled runs are laid out as
    <workflow>/<label>/<batch>-runNNNN.csv.
    """
    from lamina.workspace import traces

    found = traces.look(paths)
    if as_json:
        out(json.dumps(traces.to_json(found), indent=1))
    else:
        for line in traces.lines(found, every=every):
            out(line)
        for error in found.broken:
            note(f"broken: {error.message}")
        if found.others:
            note(f"{len(found.others)} other files are no traces")
    raise SystemExit(found.code)


@command.command("write")
@click.argument("names", nargs=-1, required=True, metavar="TRACE|RUN...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="FILE.parquet for a table of phases, FILE.json for WfFormat.",
)  # fmt: skip
@click.option("--as", "form", default="", metavar="FORMAT", help="parquet, wfformat or chrome.")
def write(names: tuple[str, ...], output: Path, form: str) -> None:
    """Write a trace, or a run of this project, in the form of other systems.

    Parquet takes many runs, the others one.
    """
    from lamina.workspace import traces

    out(traces.write(names, output, form))
