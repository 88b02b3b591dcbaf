"""`lamina export`: a recorded run in the words of other systems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lamina.cli.streams import out
from lamina.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = {
    "ro-crate": "FOLDER|FILE.zip",
    "wfformat": "FILE.json",
    "prov": "FILE.json",
    "chrome": "FILE.json",
}
"""Format -> what its option takes; kept here so that `--help` loads no exporter."""


def _format(name: str, told: str) -> Callable[[F], F]:
    """The option of a format."""
    return click.option(
        f"--{name}", type=click.Path(path_type=Path), metavar=FORMATS[name], help=told
    )


@click.command("export")
@click.argument("run", default="last")
@_format("ro-crate", "Workflow Run RO-Crate, with the run's inputs and outputs.")
@_format("wfformat", "WfFormat 1.5 of WfCommons, with attempts and phases.")
@_format("prov", "W3C PROV-JSON.")
@_format("chrome", "Chrome trace events, for Perfetto.")
@click.option(
    "--as",
    "others",
    type=(str, click.Path(path_type=Path)),
    multiple=True,
    metavar="FORMAT FILE",
    help="Any format by its name, those of plug-ins too.",
)
def command(run: str, others: tuple[tuple[str, Path], ...], **chosen: Path | None) -> None:
    """Write RUN (an id, a name or "last") for other systems; several formats at once are fine.

    Secrets are masked as in the records.
    """
    from lamina.workspace import exports

    named = {name: chosen[name.replace("-", "_")] for name in FORMATS}
    targets = {name: path for name, path in named.items() if path is not None} | dict(others)
    if not targets:
        known = ", ".join(f"--{name} {takes}" for name, takes in FORMATS.items())
        raise UsageError("no format was named", f"name one: {known}")
    for path in exports.export(run, targets):
        out(path)
