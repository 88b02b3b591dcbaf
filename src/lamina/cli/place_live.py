"""`lamina place run` and `lamina place manifests`: placing for real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lamina.cli.streams import note, out

_PROFILE = click.option(
    "--profile", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Runtimes as data: name -> kind (local, http, emulated), capacity, devices, ...",
)  # fmt: skip


@click.command("run")
@_PROFILE
@click.argument("job", type=click.Path(path_type=Path), metavar="JOB")
@click.option("--policy", default="", help="Who decides: share, eft, hedge, fixed:NAME, ...")
@click.option(
    "--watch", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Batches are the files that come into FOLDER, one batch every period.",
)  # fmt: skip
@click.option(
    "--listen", type=click.IntRange(0, 65535), metavar="PORT",
    help="Batches come over HTTP on 127.0.0.1: POST /items, PUT /items/NAME.",
)  # fmt: skip
@click.option(
    "--token-file", type=click.Path(path_type=Path), metavar="FILE",
    help="Token that those who send batches have to show.",
)  # fmt: skip
@click.option("--period", type=click.FloatRange(0.0), help="Seconds between two batches.")
@click.option("--batches", type=click.IntRange(1), help="End after so many batches.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Copy the results there, a JSON file per job.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("-q", "--quiet", is_flag=True, help="Print no progress.")
def run(profile: Path, job: Path, as_json: bool, quiet: bool, **options: Any) -> None:
    """Place the items of JOB on the runtimes of a profile, for real.

    JOB is a YAML, JSON or TOML file: function, items (folder, pattern or list), arguments, policy,
    batch, period, divisible, deadline, needs. The run is recorded: its log, results and what its
    pods printed are in its folder, and `lamina place replay RUN` decides again on what happened.
    """
    from lamina.execution.placing.settings import Secret
    from lamina.workspace import live_placing

    token = options.pop("token_file")
    wanted = live_placing.Wanted(
        token=Secret(file=str(token)).read() if token else "",
        **{name: value for name, value in options.items() if value is not None},
    )
    said = None if quiet or as_json else note
    placed = live_placing.run(profile, job, wanted, said)
    out(json.dumps(placed.to_json(), indent=1) if as_json else placed.text())


@click.command("manifests")
@_PROFILE
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR",
    help="Folder for the manifests.",
)  # fmt: skip
@click.option("--function", required=True, metavar="MODULE:NAME", help="What the pods serve.")
def manifests(profile: Path, output: Path, function: str) -> None:
    """Write Knative and OpenFaaS manifests for the http runtimes of a profile."""
    from lamina.execution.placing.manifests import write_manifests
    from lamina.execution.placing.profile import read_profile

    for path in write_manifests(read_profile(profile), function, output):
        out(path)
