"""Tables 2 and 3 of the Gantt paper, measured: networks on charts, with and without augmentation.

P. Krawczuk et al., "Anomaly Detection in Scientific Workflows using End-to-End Execution Gantt
Charts and Convolutional Neural Networks" (2021): 80/10/10 at random, charts of 512 x 512 in
colours at each run's own makespan, flips and jitter. Whole on a GPU; a reduced form on a CPU, which
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from lamina.benchmark.results import spread_of
from lamina.diagnosis.augment import THE_PAPERS
from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.runs import Collection, Numbers
from lamina.diagnosis.splits import random_split
from lamina.errors import DataError, UsageError
from lamina.nets.published import PUBLISHED
from lamina.training.pretrained import FROM_ADDRESS, published_file
from lamina.training.resources import cuda_is_there

Say = Callable[[str], None]
Tree = dict[str, Any]

MEASURES = ("accuracy", "recall", "precision", "f_score")
"""As the paper has them: means over the classes, weighted by their runs."""

SIZE = 512
"""Pixels of the paper's charts along each side."""
PATIENCE = 4
"""The paper's epochs without a gain."""


@dataclass(frozen=True)
class Entry:
    """A line of the paper's tables.

    Args:
        table: 2 or 3.
        name: of the line, as the paper has it.
        detector: what is measured.
        augment: whether charts are flipped and jittered.
        told: the paper's figures: accuracy, recall, precision, F-score, seconds to train.
    """

    table: int
    name: str
    detector: str
    augment: bool
    told: tuple[float, float, float, float, float]

    @property
    def figures(self) -> dict[str, float]:
        """The paper's figures by name."""
        return dict(zip((*MEASURES, "seconds"), self.told, strict=True))


ENTRIES = (
    Entry(2, "our CNN", "paper-cnn", False, (0.900, 0.900, 0.907, 0.900, 77.09)),
    Entry(2, "our CNN + aug", "paper-cnn", True, (0.870, 0.870, 0.885, 0.869, 77.85)),
    Entry(3, "AlexNet", "alexnet", False, (0.910, 0.910, 0.918, 0.910, 222.75)),
    Entry(3, "VGG-16", "vgg-16", False, (0.910, 0.910, 0.916, 0.910, 283.42)),
    Entry(3, "ResNet-18", "resnet-18", False, (0.880, 0.880, 0.881, 0.879, 320.43)),
    Entry(3, "AlexNet + aug", "alexnet", True, (0.910, 0.910, 0.918, 0.910, 268.83)),
    Entry(3, "VGG-16 + aug", "vgg-16", True, (0.930, 0.930, 0.916, 0.930, 288.41)),
    Entry(3, "ResNet-18 + aug", "resnet-18", True, (0.890, 0.890, 0.900, 0.890, 325.52)),
)
"""Their seconds are those of a GeForce RTX 3090 and 1000 runs, 840 of which are published."""

REDUCED: Mapping[str, Mapping[str, Any]] = {
    "paper-cnn": {"size": 128},
    "alexnet": {"size": 64, "width": 0.25, "patience": 12},
    "vgg-16": {"size": 64, "width": 0.125, "patience": 12},
    "resnet-18": {"size": 64, "width": 0.25},
}
"""Options of the detectors on a CPU: smaller charts, and for the large ones a part of their width,
for which no weights are published. Those without batch normalisation need more epochs than the
paper's patience to leave the largest class from scratch."""


@dataclass(frozen=True)
class PaperOptions:
    """What is asked for.

    Args:
        seeds: of splits and networks.
        device: "cpu", "cuda" or "auto", for CUDA where it is there.
        whole: charts and networks in the paper's sizes; None for whole on a GPU only.
        detectors: names of those to measure; all of the tables when empty.
        weights: to begin with in table 3: "published", or "" for none.
        options: further options of every detector.
    """

    seeds: Sequence[int] = range(5)
    device: str = "auto"
    whole: bool | None = None
    detectors: tuple[str, ...] = ()
    weights: str = FROM_ADDRESS
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = tuple(dict.fromkeys(entry.detector for entry in ENTRIES))
        odd = [name for name in self.detectors if name not in known]
        if odd:
            raise UsageError(
                f"{', '.join(odd)}: not in the paper's tables", f"choose from {', '.join(known)}"
            )

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The lines to measure."""
        return tuple(e for e in ENTRIES if not self.detectors or e.detector in self.detectors)


def paper_tables(runs: Collection, options: PaperOptions, say: Say) -> Tree:
    """The paper's tables 2 and 3 on labelled runs.

    Args:
        runs: all with a known label.
        options: what is asked for.
        say: takes a line of progress.

    Returns:
        `device`, `whole`, `reduced` (how it differs from the paper, in sentences; empty where it
        does not), `seeds`, `runs`, `classes`, and `entries`, for each line: table, name, detector,
        augment, options, `paper` (its figures) and `accuracy`, `recall`, `precision`, `f_score`,
        `seconds`, `processor_seconds`, `epochs`, each with mean, std and values over the seeds;
        `confusion` (their sum: a row for each class as it is), and `begun` (with which weights).
    """
    device = options.device
    if device == "auto":
        device = "cuda" if cuda_is_there() else "cpu"
    whole = device.startswith("cuda") if options.whole is None else options.whole
    tree: Tree = {
        "device": device,
        "whole": whole,
        "seeds": list(options.seeds),
        "runs": len(runs),
        "classes": list(runs.classes),
        "reduced": [],
        "entries": [],
    }
    absent = _absent_weights(options) if whole else {}
    tree["reduced"] = _reduced(options, whole, absent, len(runs))
    for text in tree["reduced"]:
        say(text)
    for entry in options.entries:
        given = _options(entry, options, whole, entry.detector in absent)
        found = [_measured(entry, runs, given, device, seed) for seed in options.seeds]
        tree["entries"].append(_line(entry, given, found))
        say(_told(tree["entries"][-1]))
    return tree


def _absent_weights(options: PaperOptions) -> dict[str, str]:
    """Detectors whose published weights are neither here nor come -> why. Asked once each."""
    found = {}
    for name in dict.fromkeys(entry.detector for entry in options.entries):
        if name not in PUBLISHED:
            continue
        if not options.weights:
            found[name] = "published weights are not asked for"
            continue
        try:
            published_file(PUBLISHED[name])
        except DataError as error:
            found[name] = error.message
    return found


def _reduced(options: PaperOptions, whole: bool, absent: Mapping[str, str], runs: int) -> list[str]:
    """In which ways this is less than the paper."""
    found = [f"{name} begins from scratch: {why}" for name, why in absent.items()]
    if not whole:
        found = [
            "reduced form: the paper's tables whole take a GPU (--device cuda)",
            *(
                f"{name}: {_sizes({**REDUCED[name], **options.options})}"
                for name in dict.fromkeys(entry.detector for entry in options.entries)
            ),
        ]
    return [*found, f"{runs} runs; the paper has 1000, of which 840 are published"]


def _sizes(given: Mapping[str, Any]) -> str:
    size, width = given["size"], given.get("width")
    told = f"charts of {size} x {size} in place of {SIZE} x {SIZE}"
    if width is not None:
        told += f", {width:g} of its width, from scratch"
    if "patience" in given:
        told += f", patience {given['patience']} in place of {PATIENCE}"
    return told


def _options(entry: Entry, options: PaperOptions, whole: bool, absent: bool) -> dict[str, Any]:
    given: dict[str, Any] = {"size": SIZE} if whole else dict(REDUCED[entry.detector])
    if entry.detector in PUBLISHED:
        given["weights"] = options.weights if whole and not absent else ""
    if entry.augment:
        given["augment"] = THE_PAPERS
    return {**given, **options.options}


def _measured(
    entry: Entry, runs: Collection, given: Mapping[str, Any], device: str, seed: int
) -> Tree:
    """One training and its test."""
    parts = random_split(runs, seed)
    begun = perf_counter()
    fitted: Any = DETECTORS.get(entry.detector)().fit(
        runs.taken(parts.train), runs.taken(parts.held), Fitting(seed, device, given)
    )
    seconds = perf_counter() - begun
    tested = runs.taken(parts.test)
    said = fitted.scores(tested.runs).argmax(axis=1)
    confusion = np.zeros((len(runs.classes),) * 2, dtype=np.int64)
    np.add.at(confusion, (tested.targets, said), 1)
    about = fitted.about
    return {
        **weighted(confusion),
        "seconds": seconds,
        "processor_seconds": about["processor_seconds"],
        "epochs": about["epochs"],
        "begun": about["begun"],
        "confusion": confusion,
    }


def weighted(confusion: Numbers) -> dict[str, float]:
    """Accuracy, and recall, precision and F-score of the classes, weighted by their runs.

    Args:
        confusion: a row for each class as it is, a column as it is said.
    """
    hits = np.diag(confusion).astype(np.float64)
    real, said = confusion.sum(axis=1), confusion.sum(axis=0)
    recall = np.divide(hits, real, out=np.zeros_like(hits), where=real > 0)
    precision = np.divide(hits, said, out=np.zeros_like(hits), where=said > 0)
    both = recall + precision
    score = np.divide(2 * recall * precision, both, out=np.zeros_like(hits), where=both > 0)
    share = real / max(1, real.sum())
    values = (hits.sum() / max(1, real.sum()), share @ recall, share @ precision, share @ score)
    return {name: float(value) for name, value in zip(MEASURES, values, strict=True)}


def _line(entry: Entry, given: Mapping[str, Any], found: Sequence[Tree]) -> Tree:
    """The seeds of a line, brought together."""
    counted = (*MEASURES, "seconds", "processor_seconds", "epochs")
    return {
        "table": entry.table,
        "name": entry.name,
        "detector": entry.detector,
        "augment": entry.augment,
        "options": dict(given),
        "paper": entry.figures,
        **{name: spread_of([float(one[name]) for one in found]) for name in counted},
        "confusion": np.sum([one["confusion"] for one in found], axis=0).tolist(),
        "begun": found[0]["begun"],
    }


def _told(line: Mapping[str, Any]) -> str:
    accuracy = line["accuracy"]
    return (
        f"{line['name']}: accuracy {accuracy['mean']:.3f} +- {accuracy['std']:.3f} "
        f"(the paper: {line['paper']['accuracy']:.3f}), {line['seconds']['mean']:.0f} s, "
        f"{line['epochs']['mean']:.0f} epochs"
    )
