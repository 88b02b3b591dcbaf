"""The options that say what a simulation plays, and the scenario that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lamina.cli.fault_options import faults_of

if TYPE_CHECKING:
    from lamina.planning.simulation.scenarios import Scenario

F = TypeVar("F", bound=Callable[..., Any])

_MANY = ("--deployments", "--bandwidth", "--outage")


class Listing(click.Command):
    """A command whose options for files take one value or several: `--bandwidth a.csv b.csv`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, each value behind such an option given the option's name."""
        return super().parse_args(ctx, listed(args))


def listed(words: Sequence[str]) -> list[str]:
    """A command line in which each of several values stands behind its own option."""
    found: list[str] = []
    option, values = "", 0
    for word in words:
        if word.startswith("-"):
            option, values = (word, 0) if word in _MANY else ("", 0)
        elif option:
            values += 1
            if values > 1:
                found.append(option)
        found.append(word)
    return found


def scenario_options(function: F) -> F:
    """Adds them; the function gets one more argument each, and hands them to `scenario_of`."""
    options = (
        click.option(
            "--workload", default="ecdf", show_default=True, metavar="FILE|ecdf",
            help="Batches: a CSV file with the column images; or the law of the STOIC paper.",
        ),
        click.option(
            "--deployments", multiple=True, metavar="RUNTIME=FILE ...",
            help="CSV files with the columns epoch,deploy_s, drawn from; else a law.",
        ),
        click.option(
            "--bandwidth", multiple=True, type=click.Path(path_type=Path), metavar="FILE ...",
            help="Logs of a link; else a law.",
        ),
        click.option("--batches", type=int, default=162, show_default=True, help="In each seed."),
        click.option(
            "--period", type=float, metavar="S",
            help="Seconds from one batch to the next.  [a day of 162]",
        ),
        click.option(
            "--regime", default="usual", show_default=True, metavar="calm|usual|busy",
            help='How busy the cloud is; "usual>busy" changes half-way.',
        ),
        click.option(
            "--faults", default="", metavar="NAME=PART[,...]",
            help="Parts of the deployments that fail (failures) or never end (hangs), of the "
            "attempts that break down at work (breaks), of the time that a runtime is away (away, "
            "in spells of spell=3600 s).",
        ),
        click.option(
            "--outage", "outages", multiple=True, metavar="RUNTIME:FROM-TO[:hangs] ...",
            help="Seconds between which a runtime refuses to be deployed, or lets it wait.",
        ),
        click.option(
            "--clock", default="ours", show_default=True, metavar="ours|paper",
            help="From ready to results back; or the paper's, without warm-up and way back.",
        ),
        click.option(
            "--profile", type=click.Path(path_type=Path), metavar="FILE",
            help="Runtimes of a profile, as `lamina place run` takes it.  [the paper's four]",
        ),
        click.option("--indivisible", is_flag=True, help="Batches cannot be shared by runtimes."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def scenario_of(told: dict[str, Any]) -> Scenario:
    """The scenario of the options; takes them out of what the command was told.

    Raises:
        UsageError: --deployments is not RUNTIME=FILE, or names a runtime twice; see `faults_of`.
        LaminaError: the scenario is none.
    """
    from lamina.planning.simulation.scenarios import Scenario

    workload, period, profile = told.pop("workload"), told.pop("period"), told.pop("profile")
    more: dict[str, Any] = {} if period is None else {"period": period}
    if profile is not None:
        from lamina.execution.placing.profile import read_profile

        entries = read_profile(profile).runtimes
        more["runtimes"] = {name: entry.runtime for name, entry in entries.items()}
    return Scenario(
        workload=workload if workload == "ecdf" else Path(workload),
        deployments=_files(told.pop("deployments")),
        bandwidth=tuple(told.pop("bandwidth")),
        batches=told.pop("batches"),
        regime=told.pop("regime"),
        clock=told.pop("clock"),
        divisible=not told.pop("indivisible"),
        faults=faults_of(told.pop("faults"), told.pop("outages")),
        **more,
    )


def _files(pairs: Sequence[str]) -> dict[str, Path]:
    from lamina.errors import UsageError

    found: dict[str, Path] = {}
    for pair in pairs:
        name, sign, file = pair.partition("=")
        if not (name and sign and file):
            raise UsageError(
                f"--deployments {pair!r} is not RUNTIME=FILE", "say --deployments gpu1=gpu1.csv"
            )
        if name in found:
            raise UsageError(f"--deployments names {name!r} twice", "name each runtime once")
        found[name] = Path(file)
    return found
