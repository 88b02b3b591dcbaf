"""Learning from labelled runs, and measuring on runs that were not learnt from."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lamina import __version__
from lamina.diagnosis import splits
from lamina.diagnosis.calibration import Calibration, calibrated, calibration_error
from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Detector, Fitted, Fitting
from lamina.diagnosis.jobs.learning import learn_jobs
from lamina.diagnosis.known import ranges_of
from lamina.diagnosis.runs import Collection, Floats, Numbers, Run
from lamina.diagnosis.severity import severities_of
from lamina.diagnosis.trained import TrainedDetector
from lamina.diagnosis.usual import NEEDED, Usual, usual_of
from lamina.errors import DataError, UnknownNameError

SPLITS = ("random", "batch")
"""How runs to test on are chosen."""


def learn(
    runs: Collection, detector: str, how: Fitting, split: str = "random", refit: bool = True
) -> TrainedDetector:
    """A trained detector, with its figures on runs that were held back, as `about` tells.

    Args:
        runs: all with a known label, of at least two classes.
        detector: a name of `DETECTORS`.
        how: seed, device, options.
        split: one of `SPLITS`: 80/10/10 at random; or each batch in turn, learning from the others.
        refit: whether the detector that is given back has learnt from all runs; one that stops
            early keeps to the runs it was measured with on a random split, and on whole batches
            holds some batches back to stop by.

    Raises:
        DataError: too few runs or classes, runs without a label.
        UnknownNameError: no such detector or split.
    """
    part = DETECTORS.get(detector)()
    if how.device.startswith("cuda") and not part.stops_early:  # Only networks stop early.
        how.tell(f"{detector} has no network: it learns on the CPU")
    fitted, calibration, figures = measured(part, runs, how, split)
    if fitted is None or (refit and not part.stops_early):
        how.tell(f"learning from all {len(runs)} runs")
        fitted = part.fit(*_for_good(part, runs, how), how)
    jobs, jobs_test = learn_jobs(runs, how)
    about = {
        "split": split,
        "seed": how.seed,
        "device": how.device,
        "options": {name: _plain(value) for name, value in how.options.items()},
        "runs": len(runs),
        "batches": len(set(runs.batches)),
        "kinds": ranges_of(runs),
        "labels": {label: runs.labels.count(label) for label in sorted(set(runs.labels))},
        "data": digest_of(runs),
        "seen": marks_of(runs),
        "test": figures,
        "test_jobs": jobs_test,
        "versions": {
            "lamina": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }
    return TrainedDetector(
        detector, fitted, "+".join(runs.workflows), calibration, about, usual_in(runs), jobs,
        severities_of(runs),
    )  # fmt: skip


def usual_in(runs: Collection) -> Usual | None:
    """What is usual in the normal ones among runs; None where they are too few to tell."""
    normal = [run for run in runs if run.normal]
    return usual_of(normal, "training") if len(normal) >= NEEDED else None


def measured(
    part: Detector, runs: Collection, how: Fitting, split: str
) -> tuple[Fitted | None, Calibration, dict[str, Any]]:
    """Learns from some runs and judges others.

    Args:
        part: the detector.
        runs, how, split: as `learn` takes them.

    Returns:
        What was learnt on the random split (None on whole batches, where many were), the
        calibration for what is learnt from all runs, and `figures_of` the runs held back.
    """
    _check(runs, split)
    return (_at_random if split == "random" else _over_batches)(part, runs, how)


def check_names(detector: str, split: str) -> None:
    """Raises LaminaError for a detector or a split that there is not."""
    DETECTORS.get(detector)
    _check_split(split)


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)


def _check(runs: Collection, split: str) -> None:
    _check_split(split)
    unknown = [run.name for run in runs if not run.label]
    if unknown:
        raise DataError(
            f"{len(unknown)} runs have no label, {unknown[0]} for one",
            "lay labelled runs out as <workflow>/<label>/<batch>-runNNNN.csv",
        )
    targets = set(runs.targets.tolist())
    if len(targets) < 2:
        raise DataError(
            f"all {len(runs)} runs are of one class, {runs.classes[min(targets)]}",
            "give runs of at least two; a label is the name of the folder that a run lies in",
        )


def _at_random(
    part: Detector, runs: Collection, how: Fitting
) -> tuple[Fitted, Calibration, dict[str, Any]]:
    """A detector that needs no runs to stop by has done with those that are held back once they
    have calibrated it: it learns again, from them too."""
    train, held, test = splits.random_split(runs, how.seed)
    kept = runs.taken(held)
    fitted = part.fit(runs.taken(train), kept, how)
    calibration = calibrated(fitted.scores(kept.runs), kept.targets)
    if not part.stops_early:
        fitted = part.fit(runs.taken(np.sort(np.concatenate([train, held]))), None, how)
    tested = runs.taken(test)
    found = calibration.probabilities(fitted.scores(tested.runs))
    return fitted, calibration, figures_of(tested, found, calibration.unsure_below)


def _over_batches(
    part: Detector, runs: Collection, how: Fitting
) -> tuple[None, Calibration, dict[str, Any]]:
    """Calibrates the scores of each batch by those of the others."""
    scores = np.full((len(runs), len(runs.classes)), np.nan)
    folds = list(splits.batch_splits(runs))
    if len(folds) < 2:
        raise DataError(
            f"{len(set(runs.batches))} batches, of which {len(folds)} have another of their class",
            "give more batches, or split at random",
        )
    for number, (batch, split) in enumerate(folds, 1):
        how.tell(f"batch {number} of {len(folds)}, {batch}, held out")
        rest = runs.taken(split.train)
        scores[split.test] = part.fit(*_for_good(part, rest, how), how).scores(
            runs.taken(split.test).runs
        )
    rows = np.concatenate([split.test for _, split in folds])
    found = np.empty_like(scores)
    unsure = np.zeros(len(runs))
    for _, split in folds:
        others = np.setdiff1d(rows, split.test)
        calibration = calibrated(scores[others], runs.targets[others])
        found[split.test] = calibration.probabilities(scores[split.test])
        unsure[split.test] = calibration.unsure_below
    tested = runs.taken(rows)
    return (
        None,
        calibrated(scores[rows], tested.targets),
        figures_of(tested, found[rows], unsure[rows]),
    )


def _for_good(
    part: Detector, runs: Collection, how: Fitting
) -> tuple[Collection, Collection | None]:
    """What to learn from, and what to stop by where that is needed."""
    if not part.stops_early:
        return runs, None
    learnt, held = splits.held_batches(runs, how.seed)
    return runs.taken(learnt), runs.taken(held)


def figures_of(
    runs: Collection, found: Floats, unsure_below: float | Floats = 0.0
) -> dict[str, Any]:
    """How good probabilities are for runs whose class is known.

    Args:
        runs: all with a known label.
        found: probabilities (n, classes).
        unsure_below: of one run, or of all.

    Returns:
        accuracy, macro_f1, confusion (a row for each class as it is, a column as it is said),
        classes, n, ece (expected calibration error), answered (share of runs that get an answer
        other than "unsure"), accuracy_answered, by_label (label -> n, accuracy).
    """
    said, targets = found.argmax(axis=1), runs.targets
    right = said == targets
    sure = found.max(axis=1) >= unsure_below
    confusion = np.zeros((len(runs.classes),) * 2, dtype=np.int64)
    np.add.at(confusion, (targets, said), 1)
    labels = np.array(runs.labels)
    return {
        "accuracy": float(right.mean()),
        "macro_f1": _macro_f1(confusion),
        "confusion": confusion.tolist(),
        "classes": list(runs.classes),
        "n": len(runs),
        "ece": calibration_error(found, targets),
        "answered": float(sure.mean()),
        "accuracy_answered": float(right[sure].mean()) if sure.any() else None,
        "by_label": {
            label: {
                "n": int((labels == label).sum()),
                "accuracy": float(right[labels == label].mean()),
            }
            for label in sorted(set(runs.labels))
        },
    }


def _macro_f1(confusion: Numbers) -> float:
    """Mean over the classes that are there."""
    hits = np.diag(confusion).astype(np.float64)
    real, said = confusion.sum(axis=1), confusion.sum(axis=0)
    there = real > 0
    return float((2.0 * hits[there] / (real + said)[there]).mean())


def digest_of(runs: Sequence[Any] | Collection) -> str:
    """Digest ("sha256:...") of names, labels and times of runs, in whatever order."""
    parts = []
    for run in runs:
        digest = hashlib.sha256(f"{run.workflow}\n{run.label}\n{run.batch}\n".encode())
        digest.update("\n".join(run.table.tasks).encode())
        digest.update(np.ascontiguousarray(run.table.phase_begin).tobytes())
        digest.update(np.ascontiguousarray(run.table.phase_end).tobytes())
        parts.append(digest.digest())
    return f"sha256:{hashlib.sha256(b''.join(sorted(parts))).hexdigest()}"


def marks_of(runs: Iterable[Run]) -> list[str]:
    """Eight hexadecimal digits of each run, by which it is known again under any label."""
    found = []
    for run in runs:
        digest = hashlib.sha256("\n".join(run.table.tasks).encode())
        digest.update(np.ascontiguousarray(run.table.phase_end).tobytes())
        found.append(digest.hexdigest()[:8])
    return found


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
