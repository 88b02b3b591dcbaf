"""`diagnose`: detectors trained, measured, and asked what went wrong in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from time import perf_counter
from typing import Any

from lamina.diagnosis.detectors.base import Fitting, silent
from lamina.diagnosis.learning import check_names, figures_of, learn, marks_of
from lamina.diagnosis.runs import Collection, Run, classes_of, run_of
from lamina.diagnosis.splits import warning_of
from lamina.diagnosis.trained import ENDING, TrainedDetector
from lamina.errors import DataError, UsageError
from lamina.records.tables import size, table_lines
from lamina.workspace import timelines
from lamina.workspace.outputs import file_to_write, not_over
from lamina.workspace.traces import is_trace, read_traces

SHIPPED = "1000genome"
"""The detector that is installed with Lamina."""


@dataclass(frozen=True)
class Wish:
    """What is to be learnt, and how.

    Args:
        paths: of labelled traces.
        classes: their names; those that the labels tell when empty.
        detector, split, seed, device, options: as `lamina.diagnosis.learning.learn` takes them.
        refit: whether to learn from all runs at the end.
        answers: whether to learn from runs of the project whose diagnosis was answered, too.
    """

    paths: tuple[str, ...]
    classes: tuple[str, ...] = ()
    detector: str = "default"
    split: str = "random"
    seed: int = 0
    device: str = "cpu"
    options: tuple[tuple[str, str], ...] = ()
    refit: bool = True
    answers: bool = False


def train(
    wish: Wish, target: Path | None, tell: Callable[[str], None] = silent
) -> tuple[TrainedDetector, str]:
    """Trains a detector and writes it; also what to beware of in the split, or nothing.

    Raises:
        LaminaError: paths that hold no labelled runs, an unknown name, a file that cannot be
            written (told before anything is learnt).
    """
    if not wish.paths and not wish.answers:
        raise UsageError("there is nothing to learn from", "name labelled runs: --traces PATH")
    how = Fitting(wish.seed, wish.device, dict(wish.options), tell)
    check_names(wish.detector, wish.split)
    if target is not None:
        not_over(target, *wish.paths)
        file_to_write(target)
    found = labelled(wish.paths, (), _answered(tell) if wish.answers else (), tell)
    runs = found.with_classes(wish.classes) if wish.classes else found
    tell(f"{runs!r} in {len(set(runs.batches))} batches")
    made = learn(runs, wish.detector, how, wish.split, wish.refit)
    if target is not None:
        made.save(target)
    return made, warning_of(runs) if wish.split == "random" else ""


def labelled(
    paths: Sequence[str],
    classes: Sequence[str] = (),
    more: Sequence[Run] = (),
    tell: Callable[[str], None] = silent,
) -> Collection:
    """The labelled runs of paths, and others with labels; of a run that is given more than once,
    say in a folder and its archive, the last label counts.

    Raises:
        LaminaError: broken traces, no labelled run, labels that belong to no class.
    """
    found = [*(run for run in map(run_of, read_traces(paths)) if run.label), *more]
    if not found:
        raise DataError(
            f"no run in {', '.join(paths) or 'the answers'} has a label",
            "lay labelled runs out as <workflow>/<label>/<batch>-runNNNN.csv",
        )
    once = tuple({_identity(run): run for run in found}.values())
    if len(once) < len(found):
        tell(f"given more than once: {len(found) - len(once)} of the runs; each counts once")
    return Collection(once, tuple(classes) or classes_of(one.label for one in once))


def _identity(run: Run) -> tuple[str, str, str, bytes]:
    """What two readings of one run share, and no two runs do."""
    return run.workflow, run.batch, run.name, run.table.phase_end.tobytes()


def _answered(tell: Callable[[str], None]) -> list[Run]:
    """The runs that answers give a label; tells which are gone."""
    from lamina.workspace.explaining import answered

    found, missing = answered()
    tell(f"{len(found)} runs with answers")
    for line in missing:
        tell(f"left out: {line}")
    return found


def evaluate(detector: str, paths: Sequence[str], against: Sequence[str] = ()) -> dict[str, Any]:
    """How good a detector is on labelled runs: keys of `figures_of`, "warning", and "seconds"."""
    begun = perf_counter()
    made = detector_named(detector)
    warnings: list[str] = []
    runs = labelled(paths, made.classes, tell=warnings.append)
    found = made.probabilities(runs.runs, runs_named(against))
    figures = figures_of(runs, found, made.calibration.unsure_below)
    warnings += _beware(made, runs)
    return {
        **figures,
        "detector": made.detector,
        "warning": "; ".join(warnings) or None,
        "seconds": round(perf_counter() - begun, 3),
    }


def _beware(made: TrainedDetector, runs: Collection) -> Iterator[str]:
    """Why figures of a detector may mean less than they seem to."""
    strange = sum(not made.knows(run) for run in runs)
    if strange:
        yield (
            f"{strange} of {len(runs)} runs are unlike those that the detector learnt from "
            f"({made.workflow}): what it says of them means nothing"
        )
    seen = set(made.about.get("seen", ()))
    known = sum(mark in seen for mark in marks_of(runs))
    if known:
        which = "these very runs" if known == len(runs) else f"{known} of these {len(runs)} runs"
        yield f"the detector learnt from {which}: of others it knows less"


def runs_named(names: Sequence[str]) -> tuple[Run, ...]:
    """Runs of traces (all that a path holds) or recorded ones, by their names."""
    found: list[Run] = []
    for name in names:
        if is_trace(name):
            found += map(run_of, read_traces([name]))
        else:
            found.append(run_of(timelines.trace(name)))
    return tuple(found)


def detector_named(path: str = "") -> TrainedDetector:
    """A detector from its file; the shipped one when no path is given.

    Raises:
        LaminaError: no such file, or no detector.
    """
    if path:
        return TrainedDetector.load(path)
    with as_file(files("lamina.diagnosis") / "shipped" / f"{SHIPPED}{ENDING}") as file:
        if not file.is_file():
            raise UsageError(
                "this installation has no trained detector",
                "train one: lamina diagnose train --traces PATH -o FILE",
            )
        return TrainedDetector.load(file)


def names_in(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name for name in (one.strip() for one in text.split(",")) if name)


def options_in(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Options of a detector. Raises UsageError where one is not NAME=VALUE."""
    found = []
    for one in given:
        name, sign, value = one.partition("=")
        if not name or not sign:
            raise UsageError(
                f"--set {one!r} is no NAME=VALUE", "give a value, such as --set size=128"
            )
        found.append((name, value))
    return tuple(found)


def training_json(made: TrainedDetector, target: Path | None, warning: str) -> dict[str, Any]:
    """What was learnt and how it did on the runs that were held back, as plain values.

    The file does not tell how long it took: equal seeds give equal files.
    """
    test = made.about["test"]
    return {
        **test,
        "detector": made.detector,
        "output": None if target is None else str(target),
        "bytes": len(made.to_bytes()),
        "workflow": made.workflow,
        "warning": warning or None,
        **{name: value for name, value in made.about.items() if name not in ("test", "seen")},
    }


def training_lines(made: TrainedDetector, target: Path | None) -> list[str]:
    """The same for people."""
    how = "whole batches" if made.about["split"] == "batch" else "a tenth of the runs"
    found = [f"{made.detector}, tested on {how} held back", *figures_lines(made.about["test"])]
    if target is not None:
        found.append(f"detector: {target} ({size(len(made.to_bytes()))})")
    return found


def figures_lines(figures: Mapping[str, Any]) -> list[str]:
    """Figures of `figures_of` for people: what was said of which class, and how often rightly."""
    classes = figures["classes"]
    rows = [
        [name, *(str(count) if count else "" for count in counts), _share(counts[k], sum(counts))]
        for k, (name, counts) in enumerate(zip(classes, figures["confusion"], strict=True))
    ]
    answered = figures["accuracy_answered"]
    return [
        *table_lines([["is \\ said", *classes, "right"], *rows]),
        "",
        f"accuracy {figures['accuracy']:.3f} of {figures['n']} runs, "
        f"macro F1 {figures['macro_f1']:.3f}, calibration error {figures['ece']:.3f}",
        f"sure of {figures['answered']:.0%}"
        + ("" if answered is None else f", of which {answered:.1%} are right"),
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else ""
