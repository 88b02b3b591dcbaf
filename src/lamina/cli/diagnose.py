"""`lamina diagnose`: what went wrong in a run; and detectors that learn to tell it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from lamina.cli.streams import note, out, room

ANSWERS = ("right", "wrong", "expected")
"""As `lamina.diagnosis.answers.ANSWERS`, which is not loaded to print help."""


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
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a report: FILE.html.")
@click.option("--all", "every", is_flag=True, help="All findings and causes, however many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(
    name: str, detector: str, against: tuple[str, ...], output: Path | None, every: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Say what went wrong in a recorded run, or in a trace of any system, and why.

    The run is compared with the runs of --against; else, where it is recorded here, with earlier
    good runs of its workflow; else with those that the detector learnt from; else with itself.
    """
    from lamina.workspace import explaining

    if output is not None:
        explaining.check_report(output)
    told = explaining.told(name, detector, against)
    if as_json:
        out(json.dumps(told.to_json(), indent=1))
    else:
        for line in told.lines(room() or 100, every=every):
            out(line)
    if output is not None:
        path = explaining.report(told, output)
        note(str(path)) if as_json else out(str(path))


@command.command("answer")
@click.argument("name", metavar="RUN|TRACE")
@click.argument("said", metavar="right|wrong|expected", type=click.Choice(ANSWERS))
@click.option("--label", default="", metavar="LABEL", help="What it was: cpu, cpu_2, normal, ...")
@click.option("--detector", default="", metavar="FILE", help="The shipped one, unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def answer(name: str, said: str, label: str, detector: str, as_json: bool) -> None:
    """Say whether the diagnosis of a run is right.

    Answers are kept in the project; a later one takes the place of an earlier one. They are
    labels: `lamina diagnose train --answers` learns from them.
    """
    from lamina.workspace import explaining

    kept = explaining.answer(name, said, label, detector)
    if as_json:
        out(json.dumps(asdict(kept), indent=1))
    else:
        out(f"{kept.run}: {kept.answer}, " + (f"label {kept.label}" if kept.label else "no label"))


@command.command("train")
@click.option(
    "--traces", "traces", multiple=True, metavar="PATH...",
    help="Labelled runs: <workflow>/<label>/<batch>-runNNNN.csv, in folders or archives.",
)  # fmt: skip
@click.argument("more", nargs=-1, metavar="")
@click.option("--answers", is_flag=True, help="Runs whose diagnosis was answered as well.")
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
    from lamina.workspace import diagnosing, novelties

    if novelties.is_way(str(settings["detector"])):
        _learn((*traces, *more), options, output, as_json, settings)
        return
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


def _learn(
    traces: tuple[str, ...], options: tuple[str, ...], output: Path | None, as_json: bool,
    settings: dict[str, object],
) -> None:  # fmt: skip
    """Learns what is strange from normal runs."""
    from lamina.workspace import novelties

    made = novelties.learn(traces, novelties.how_of(options, settings, note), output)
    if as_json:
        out(json.dumps(novelties.learning_json(made, output), indent=1))
    else:
        for line in novelties.learning_lines(made, output):
            out(line)


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
    from lamina.workspace import diagnosing, novelties

    unlabelled = bool(detector) and novelties.is_learnt(detector)
    figures = (
        novelties.evaluate(detector, traces)
        if unlabelled
        else diagnosing.evaluate(detector, traces, against)
    )
    if as_json:
        out(json.dumps(figures, indent=1))
        return
    told = novelties.evaluation_lines if unlabelled else diagnosing.figures_lines
    for line in told(figures):
        out(line)
    if figures.get("warning"):
        note(f"warning: {figures['warning']}")
