"""`lamina diagnose`: what went wrong in a run; and detectors that learn to tell it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.streams import note, out


class Diagnose(click.Group):
    """A group whose own argument is a run: `lamina diagnose RUN` is `lamina diagnose run RUN`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that is named; `run` where the first word is none."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.group("diagnose", cls=Diagnose)
def command() -> None:
    """Say what went wrong in a run, and why it is thought so.

    `lamina diagnose RUN` is short for `lamina diagnose run RUN`.
    """


@command.command("run")
@click.argument("name", metavar="RUN|TRACE")
@click.option("--detector", default="", metavar="FILE", help="The shipped one, unless given.")
@click.option(
    "--against", multiple=True, metavar="RUN|PATH",
    help="Runs of the same time that are known to be good; may be given several times.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(name: str, detector: str, against: tuple[str, ...], as_json: bool) -> None:
    """Say what went wrong in a recorded run, or in a trace of any system."""
    from lamina.workspace import diagnosing

    verdict = diagnosing.judge(name, detector, against)
    if as_json:
        out(json.dumps(verdict.to_json(), indent=1))
    else:
        out(f"{verdict.answer}: {verdict.probabilities[verdict.first]:.0%} {verdict.first}")


@command.command("train")
@click.option(
    "--traces", "traces", multiple=True, required=True, metavar="PATH...",
    help="Labelled runs: <workflow>/<label>/<batch>-runNNNN.csv, in folders or archives.",
)  # fmt: skip
@click.argument("more", nargs=-1, metavar="")
@click.option("--classes", default="", help="Classes, with commas between; else what labels tell.")
@click.option("--detector", default="default", show_default=True, metavar="NAME")
@click.option(
    "--split", default="random", show_default=True, metavar="random|batch",
    help="Test on a tenth of the runs, or on each whole batch in turn.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
@click.option(
    "--set", "options", multiple=True, metavar="NAME=VALUE", help="An option of the detector."
)
@click.option(
    "--refit/--no-refit", default=True, show_default=True,
    help="Learn from all runs once it has been measured.",
)  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the detector here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    traces: tuple[str, ...], more: tuple[str, ...], classes: str, options: tuple[str, ...],
    output: Path | None, as_json: bool, **settings: object,
) -> None:  # fmt: skip
    """Train a detector on labelled runs, and measure it on runs that were held back."""
    from lamina.workspace import diagnosing

    wish = diagnosing.Wish(
        (*traces, *more),
        classes=diagnosing.names_in(classes),
        options=diagnosing.options_in(options),
        **settings,  # type: ignore[arg-type]
    )
    made, warning = diagnosing.train(wish, output, note)
    if as_json:
        out(json.dumps(diagnosing.training_json(made, output, warning), indent=1))
    else:
        for line in diagnosing.training_lines(made, output):
            out(line)
    if warning:
        note(f"warning: {warning}")


@command.command("evaluate")
@click.argument("detector", default="", metavar="[DETECTOR]")
@click.option("--traces", multiple=True, required=True, metavar="PATH", help="Labelled runs.")
@click.option(
    "--against", multiple=True, metavar="RUN|PATH",
    help="Runs of the same time that are known to be good.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    detector: str, traces: tuple[str, ...], against: tuple[str, ...], as_json: bool
) -> None:
    """Measure a detector, the shipped one when none is named, on labelled runs."""
    from lamina.workspace import diagnosing

    figures = diagnosing.evaluate(detector, traces, against)
    if as_json:
        out(json.dumps(figures, indent=1))
    else:
        for line in diagnosing.figures_lines(figures):
            out(line)
