"""Options that the verbs that run something share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

F = Callable[..., Any]

_OPTIONS = (
    click.option("-c", "--cpus", type=float, help="Cores for tasks at the same time.  [all]"),
    click.option("-m", "--memory", help="Memory for tasks at the same time, say 8GB.  [all]"),
    click.option("--gpus", help="How many devices, or their ids: 2, or 0,3.  [all]"),
    click.option(
        "-k", "--keep-going", is_flag=True, help="Go on with what does not need a failed task."
    ),
    click.option(
        "--retries",
        type=click.IntRange(0),
        help="Attempts after the first, for lost workers, memory and time.  [2]",
    ),
    click.option("--fresh", is_flag=True, help="Give every task a process of its own."),
    click.option(
        "--report", metavar="FILE", help="Write the run as one HTML page, however it ends."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    click.option("-q", "--quiet", is_flag=True, help="Print no progress."),
)


def run_options(function: F) -> F:
    """Adds them to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def wished(options: dict[str, Any]) -> dict[str, Any]:
    """Fields of `lamina.workspace.wishes.Wish` that were given, out of a command's options.

    Raises:
        UsageError: a memory that is no size, cores that are not above 0.
    """
    from lamina.errors import UsageError
    from lamina.workspace.wishes import MOST_CPUS, Wish

    found: dict[str, Any] = {}
    for name in ("cpus", "memory", "gpus", "retries"):
        if options.get(name) is not None:
            found[name] = options[name]
    if options.get("cpus") is not None and not 0 < options["cpus"] <= MOST_CPUS:
        raise UsageError(
            f"-c {options['cpus']:g} is no number of cores",
            f"give more than 0, at most {MOST_CPUS}",
        )
    for name in ("keep_going", "fresh"):
        if options.get(name):
            found[name] = True
    Wish(**found)
    return found
