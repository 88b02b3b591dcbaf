"""FlowBench measured: labels of 1000genome runs, and which jobs of five workflows were disturbed.

G. Papadimitriou et al., "Flow-Bench: A dataset for computational workflow anomaly detection", 2023.
Runs are split, never jobs. Beside the random split the runs of whole days are held out, since the
runs of a day mostly share a label; and jobs of a workflow are judged by a detector that learnt from
the other workflows only.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.benchmark.diagnosis.protocols import over_seeds, split_protocol
from lamina.benchmark.results import spread_of
from lamina.data.split import holdout
from lamina.diagnosis.calibration import calibration_error
from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.jobs import FittedJobs, JobDetector
from lamina.diagnosis.jobs.detector import NONE
from lamina.diagnosis.jobs.features import QUANTITIES, residuals
from lamina.diagnosis.runs import Collection, Floats, Run, class_of, collection_of
from lamina.diagnosis.splits import random_split
from lamina.errors import DataError, MissingExtraError, UsageError
from lamina.training.metrics import auc
from lamina.workspace.traces import read_traces

MAIN = "1000genome"
"""The workflow whose figures are bars."""
WORKFLOWS = (MAIN, "eht_difmap", "eht_imaging", "somospie", "montage")
CLASSES = ("normal", "cpu", "hdd")

KNOWN_GOOD = 20
"""Normal runs of a workflow never learnt from that tell what is usual in it."""
_KNOWN: Mapping[str, int] = {"alone": 0}
"""Options of the detector where it is known what is usual for the jobs that it judges."""
_DEAR = 2
"""Seeds, at most, of what takes several detectors: days held out, workflows never learnt from."""
_FOLDS = 4
"""Parts that the days of each class are dealt to, for jobs: one is held out at a time."""
_MOST = 100
"""Runs of each of the others that are learnt from when a workflow is held out."""

Figures = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Flowbench:
    """What is measured.

    Args:
        folder: flowbench, with an archive for each workflow and runs_index.csv.
        seeds: of splits and detectors; the first two of them for what takes several detectors.
        workflows: of `WORKFLOWS`.
        detectors: of run labels, names of `lamina.diagnosis.detectors.DETECTORS`.
        days: whether whole days are held out as well.
        transfer: whether each workflow is judged by what was learnt from the others.
    """

    folder: Path
    seeds: Sequence[int] = range(5)
    workflows: tuple[str, ...] = WORKFLOWS
    detectors: tuple[str, ...] = ("default", "extra-trees", "gradient-boosting")
    days: bool = True
    transfer: bool = True

    def __post_init__(self) -> None:
        odd = sorted(set(self.workflows) - set(WORKFLOWS))
        if odd or not self.workflows:
            raise UsageError(
                f"there is no workflow {', '.join(odd) or 'to measure'} in FlowBench",
                f"give some of {', '.join(WORKFLOWS)}",
            )


def flowbench_figures(wish: Flowbench, say: Say) -> Figures:
    """Measures.

    Returns:
        `labels`: detector -> `random` and `days`, with the keys of
        `lamina.benchmark.diagnosis.protocols.over_seeds` and `seconds`; detectors whose library
        is not installed are left out. `jobs`: workflow -> `random`, `days` and
        `unseen_workflow`, with those of `jobs_over` and `seconds`. `runs`: workflow -> n, jobs,
        disturbed, days.
    """
    runs = {name: _with_days(wish.folder, name) for name in wish.workflows}
    found: Figures = {
        "runs": {name: _counted(own) for name, own in runs.items()},
        "labels": {},
        "jobs": {name: {} for name in runs},
    }
    if MAIN in runs:
        for detector, split, figures in _labels(wish, runs[MAIN], say):
            found["labels"].setdefault(detector, {})[split] = figures
    for name, protocol, figures in _jobs(wish, runs, say):
        found["jobs"][name][protocol] = figures
    return found


def _labels(wish: Flowbench, runs: Collection, say: Say) -> Iterator[tuple[str, str, Figures]]:
    # As published, a random split knows no batches; only where days are held out are they told.
    plain = replace(runs, runs=tuple(replace(run, batch=MAIN) for run in runs))
    splits = {"random": (plain, "random"), "days": (runs, "batch")}
    for detector in wish.detectors:
        try:
            DETECTORS.get(detector)
        except MissingExtraError as error:
            say(str(error))
            continue
        for name in splits if wish.days else ("random",):
            start = time.perf_counter()
            figures = over_seeds(
                split_protocol(splits[name][0], detector, splits[name][1]), wish.seeds
            )
            figures["seconds"] = time.perf_counter() - start
            say(f"labels of runs, {detector}, {name}: {figures['accuracy']:.3f}")
            yield detector, name, figures


def _jobs(
    wish: Flowbench, runs: Mapping[str, Collection], say: Say
) -> Iterator[tuple[str, str, Figures]]:
    protocols: dict[str, Callable[[str, int], Figures]] = {
        "random": lambda name, seed: random_jobs(runs[name], seed)
    }
    if wish.days:
        protocols["days"] = lambda name, seed: day_jobs(runs[name], seed)
    if wish.transfer and len(runs) > 1:
        protocols["unseen_workflow"] = lambda name, seed: unseen_jobs(runs, name, seed)
    for name in runs:
        for protocol, measure in protocols.items():
            start = time.perf_counter()
            seeds = wish.seeds if protocol == "random" else wish.seeds[:_DEAR]
            figures = jobs_over([measure(name, seed) for seed in seeds])
            figures["seconds"] = time.perf_counter() - start
            told = figures["roc_auc"]
            mean = "no disturbed job is judged" if told is None else f"ROC-AUC {told['mean']:.3f}"
            say(f"jobs of {name}, {protocol}: {mean}")
            yield name, protocol, figures


def random_jobs(runs: Collection, seed: int) -> Figures:
    """Jobs of a tenth of the runs, drawn at random; a tenth calibrates, the others are learnt."""
    train, held, test = random_split(runs, seed)
    how = Fitting(seed, options=_KNOWN)
    fitted = JobDetector().fit(runs.taken(train), runs.taken(held), how)
    tested = runs.taken(test)
    figures = job_figures(tested, [fitted.probabilities(run) for run in tested], fitted.classes)
    figures["slower_than_usual"] = auc(
        _disturbed(tested), np.concatenate([_slower(fitted, run) for run in tested])
    )
    return figures


def day_jobs(runs: Collection, seed: int) -> Figures:
    """Jobs of all runs, each judged by what was learnt from other days; a tenth of the runs of
    those days calibrates."""
    parts = _parts_of_days(runs, seed)
    found: list[Floats | None] = [None] * len(runs)
    classes: tuple[str, ...] = ()
    for part in np.unique(parts).tolist():
        rest = runs.taken(np.flatnonzero(parts != part))
        learnt, held = holdout(len(rest), 0.1, seed, rest.targets)
        how = Fitting(seed, options=_KNOWN)
        fitted = JobDetector().fit(rest.taken(np.sort(learnt)), rest.taken(held), how)
        classes = fitted.classes
        for row in np.flatnonzero(parts == part).tolist():
            found[row] = fitted.probabilities(runs.runs[row])
    return job_figures(runs, [one for one in found if one is not None], classes)


def unseen_jobs(runs: Mapping[str, Collection], name: str, seed: int) -> Figures:
    """Jobs of one workflow, judged by what was learnt from the others.

    Args:
        runs: of each workflow.
        name: of the one that is judged.
        seed: draws at most `_MOST` runs of each of the others, and `KNOWN_GOOD` normal runs of this
            one, which tell what is usual in it and are not judged.

    Returns:
        As `job_figures`; `alone`: the same where not even those are known.
    """
    draw = np.random.default_rng(seed)
    others = [
        own.runs[row]
        for other, own in runs.items()
        if other != name
        for row in draw.permutation(len(own))[:_MOST].tolist()
    ]
    rest = Collection(tuple(others), CLASSES)
    learnt, held = holdout(len(rest), 0.1, seed, rest.targets)
    fitted = JobDetector().fit(rest.taken(np.sort(learnt)), rest.taken(held), Fitting(seed))
    own = runs[name]
    normal = draw.permutation(np.flatnonzero(own.targets == CLASSES.index("normal")))[:KNOWN_GOOD]
    known = own.taken(normal).runs
    judged = own.taken(np.setdiff1d(np.arange(len(own)), normal))
    found = [fitted.probabilities(run, known) for run in judged]
    figures = job_figures(judged, found, fitted.classes)
    alone = [fitted.probabilities(run) for run in judged]
    figures["alone"] = job_figures(judged, alone, fitted.classes)["roc_auc"]
    return figures


def job_figures(runs: Collection, found: Sequence[Floats], classes: Sequence[str]) -> Figures:
    """How good probabilities of jobs are.

    Args:
        runs: of which it is known which jobs were disturbed.
        found: for each run (jobs, classes).
        classes: "none" first.

    Returns:
        roc_auc of all jobs; compute: the same of those whose type was disturbed in any run, the
        others being those of the workflow system; by_anomaly: each against the jobs that nothing
        disturbed; named: share of the disturbed jobs whose anomaly is the likeliest one; ece of
        disturbed or not; n jobs, disturbed of them.
    """
    table = np.concatenate(found)
    score, disturbed = 1.0 - table[:, 0], _disturbed(runs)
    kinds = np.array([kind for run in runs for kind in run.table.kinds], dtype=object)
    able = np.isin(kinds, np.unique(kinds[disturbed].astype(str)).astype(object))
    told = np.array([class_of(one, classes) for run in runs for one in run.anomalies])
    said = np.array(classes)[1 + table[:, 1:].argmax(axis=1)]
    return {
        "roc_auc": auc(disturbed, score),
        "compute": auc(disturbed[able], score[able]),
        "by_anomaly": {
            name: auc(told[own] == name, score[own])
            for name in classes[1:]
            if (own := (told == name) | (told == NONE)).any()
        },
        "named": float((said == told)[disturbed].mean()) if disturbed.any() else None,
        "ece": calibration_error(
            np.stack([1.0 - score, score], axis=1), disturbed.astype(np.int64)
        ),
        "n": len(table),
        "disturbed": int(disturbed.sum()),
    }


def jobs_over(found: Sequence[Figures]) -> Figures:
    """Figures of each seed, brought together: those of `spread_of` for each, also in `by_anomaly`,
    None where no seed has it; n and disturbed jobs of the first seed."""
    first = found[0]
    plain = [name for name in first if name not in ("by_anomaly", "n", "disturbed")]
    return {
        **{name: _spread([one[name] for one in found]) for name in plain},
        "by_anomaly": {
            name: _spread([one["by_anomaly"].get(name) for one in found])
            for name in first["by_anomaly"]
        },
        "n": first["n"],
        "disturbed": first["disturbed"],
    }


def _spread(values: Sequence[float | None]) -> Figures | None:
    """Of the seeds that have a figure: there is none where no job that is judged was disturbed."""
    told = [value for value in values if value is not None]
    return spread_of(told) if told else None


def _disturbed(runs: Collection) -> NDArray[np.bool_]:
    return np.array([one != NONE for run in runs for one in run.anomalies], dtype=np.bool_)


def _slower(fitted: FittedJobs, run: Run) -> Floats:
    """The plain check: the most by which stage in or run took longer than usual, logarithms."""
    own, _ = residuals(run.table, list(fitted.usual.values()))
    places = [QUANTITIES.index(name) for name in ("stage_in", "run")]
    return np.asarray(np.nan_to_num(own[:, places]).max(axis=1))


def _parts_of_days(runs: Collection, seed: int) -> NDArray[np.int64]:
    """The part that each run belongs to: the days of each class are dealt out at random."""
    draw = np.random.default_rng(seed)
    days, parts = np.array(runs.batches), np.zeros(len(runs), dtype=np.int64)
    for target in np.unique(runs.targets).tolist():
        own = runs.targets == target
        for place, day in enumerate(draw.permutation(np.unique(days[own])).tolist()):
            parts[own & (days == day)] = place % _FOLDS
    return parts


def _with_days(folder: Path, workflow: str) -> Collection:
    """Runs of known label, whose batch is the day on which they began."""
    runs = collection_of(read_traces([folder / f"{workflow}.tar.xz"]), CLASSES).labelled
    days = _days(folder / "runs_index.csv")
    missing = [run.name for run in runs if run.name not in days]
    if missing:
        raise DataError(
            f"runs_index.csv does not tell when {missing[0]} began",
            f"take {folder} as it was published",
        )
    return replace(runs, runs=tuple(replace(run, batch=days[run.name]) for run in runs))


def _days(path: Path) -> dict[str, str]:
    """Name of a run -> the day on which it began."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            Path(row["file"]).stem: datetime.fromtimestamp(float(row["start_epoch"]), UTC)
            .date()
            .isoformat()
            for row in csv.DictReader(file)
        }


def _counted(runs: Collection) -> Figures:
    disturbed = _disturbed(runs)
    return {
        "n": len(runs),
        "jobs": len(disturbed),
        "disturbed": int(disturbed.sum()),
        "days": len(set(runs.batches)),
        "labels": {label: runs.labels.count(label) for label in sorted(set(runs.labels))},
    }
