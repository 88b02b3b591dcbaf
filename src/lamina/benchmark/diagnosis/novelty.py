"""How well strange runs are found without labels, from runs that are known to be normal.

The known runs are drawn at random from all normal ones; or are those that ran one after the other
in one period; or are of as few batches as hold so many. All other runs are scored. Nothing is
chosen by the labels of the workflow that is measured: they only say how good the scores were.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.novelty import DEFAULT, NOVELTY
from lamina.diagnosis.novelty.measuring import roc_auc
from lamina.diagnosis.novelty.transfer import Knowledge, few_labels, knowledge_of
from lamina.diagnosis.runs import NORMAL, Collection, Numbers, Run, class_of, level_of, run_of
from lamina.errors import DataError, MissingExtraError
from lamina.workspace.traces import read_traces

Say = Callable[[str], None]
Tree = dict[str, Any]

KNOWN = 20
"""Runs that are known to be normal."""
LEARNT_ON, REPORTED = "1000genome", ("nowcast-clustering-8", "wind-clustering")
"""The workflow on which constants were chosen, and those of which figures are told."""
WAYS = ("slow-down", "one-class", "autoencoder", "pyod-iforest", "pyod-knn", "pyod-lof")
PICKS = ("random", "period", "batch")
"""How the known runs are drawn."""
GROUPS = ("cpu", "loss_3", "small_loss", "hdd")
"""Runs of class cpu; loss of 3 % and more; loss of less; runs of class hdd."""
FEW = (5, 10, 20)
"""Labels of each class that a new workflow has."""
_CLASSES = (NORMAL, "cpu", "hdd", "loss")
_PARTS = 5


@dataclass(frozen=True, eq=False)
class Timed:
    """Labelled runs, and when each began, in seconds since 1970."""

    runs: tuple[Run, ...]
    began: tuple[float, ...]

    @property
    def normal(self) -> Numbers:
        """Numbers of the normal runs, in the order in which they ran."""
        rows = [row for row, run in enumerate(self.runs) if run.normal]
        return np.array(sorted(rows, key=lambda row: self.began[row]), dtype=np.int64)


def timed_runs(archive: Path) -> Timed:
    """The labelled runs of a folder or archive."""
    found = [(run_of(trace), trace.begin) for trace in read_traces([archive])]
    found = [(run, began) for run, began in found if run.label]
    return Timed(tuple(run for run, _ in found), tuple(began for _, began in found))


def known_normal(runs: Timed, pick: str, seed: int, count: int = KNOWN) -> Numbers:
    """Numbers of runs that are known to be normal.

    Args:
        runs: all.
        pick: "random"; "period" (one after the other in time, from a random one on); "batch"
            (all of a random batch, then of another, until there are enough).
        seed: of what is random.
        count: how many.

    Raises:
        DataError: fewer than that, and one to compare with, are normal.
    """
    normal = runs.normal
    if len(normal) <= count:
        raise DataError(
            f"{len(normal)} normal runs: {count} to know and one more are needed", "give more"
        )
    order = np.random.default_rng(seed)
    if pick == "period":
        first = int(order.integers(0, len(normal) - count + 1))
        return normal[first : first + count]
    mixed = order.permutation(normal)
    if pick == "batch":
        batches = [runs.runs[row].batch for row in mixed.tolist()]
        rank = {name: place for place, name in enumerate(dict.fromkeys(batches))}
        mixed = mixed[np.argsort([rank[name] for name in batches], kind="stable")]
    return mixed[:count]


def group_of(label: str) -> str:
    """Which of `GROUPS` a label belongs to; "" for normal runs and others."""
    of = class_of(label, _CLASSES)
    if of == "loss":
        return "loss_3" if level_of(label, of) >= 3 else "small_loss"
    return of if of in GROUPS else ""


def novelty_figures(
    archives: Mapping[str, Path],
    seeds: Sequence[int],
    ways: Sequence[str] = (DEFAULT,),
    say: Say = print,
    device: str = "cpu",
) -> Tree:
    """Measures ways to find strange runs.

    Args:
        archives: name of a workflow -> its labelled runs.
        seeds: of the known runs, and of what a way draws at random.
        ways: names of `NOVELTY`.
        say: takes lines of progress.
        device: where networks learn.

    Returns:
        {"known": count, "absent": {way: why}, workflow: {way: {pick: figures}}}; figures are
        those of `over_picks`.
    """
    tree: Tree = {"known": KNOWN, "absent": {}}
    for workflow, archive in archives.items():
        runs = timed_runs(archive)
        tree[workflow] = {}
        for way in ways:
            try:
                NOVELTY.get(way)
            except MissingExtraError as error:
                tree["absent"][way] = str(error)
                continue
            found = {pick: over_picks(runs, way, pick, seeds, device) for pick in PICKS}
            tree[workflow][way] = found
            for pick, told in found.items():
                say(f"{workflow}, {way}, {pick}: {_said(told)}")
    return tree


def over_picks(runs: Timed, way: str, pick: str, seeds: Sequence[int], device: str = "cpu") -> Tree:
    """Figures of one way over several draws of the known runs.

    Returns:
        for each group that there are runs of {"auc", "deviation", "values", "found" (share
        above the threshold), "n"}; "false_alarms": {"told", "mean", "deviation"} of the normal
        runs that were not known; "seconds" to learn and to score.
    """
    groups = np.array([group_of(run.label) for run in runs.runs])
    values: dict[str, list[float]] = {name: [] for name in GROUPS if (groups == name).any()}
    found: dict[str, list[float]] = {name: [] for name in values}
    alarms, told, begun = [], 0.0, time.perf_counter()
    for seed in seeds:
        known = known_normal(runs, pick, seed)
        how = Fitting(seed=seed, device=device)
        novel = NOVELTY.get(way)().fit([runs.runs[row] for row in known.tolist()], how)
        scores = novel.scores(runs.runs)
        rest = scores[np.setdiff1d(runs.normal, known)]
        alarms.append(float((rest > novel.threshold).mean()))
        told = novel.false_alarms
        for name in values:
            strange = scores[groups == name]
            values[name].append(roc_auc(rest, strange))
            found[name].append(float((strange > novel.threshold).mean()))
    figures: Tree = {
        name: {
            **_over(values[name], "auc"),
            "values": values[name],
            "found": statistics.mean(found[name]),
            "n": int((groups == name).sum()),
        }
        for name in values
    }
    figures["false_alarms"] = {"told": told, **_over(alarms, "mean")}
    figures["seconds"] = time.perf_counter() - begun
    return figures


def with_labels(archive: Path, detector: str = "default", seed: int = 0) -> Tree:
    """How well the same groups are told from normal runs by a detector that has the labels of
    all other batches: what can be found at all, as far as that detector knows.

    Returns:
        for each group {"auc", "n"}: over runs of batches that were not learnt from, in five parts.
    """
    runs = timed_runs(archive).runs
    figures: Tree = {}
    for name in GROUPS:
        some = [run for run in runs if run.normal or group_of(run.label) == name]
        if len(some) == sum(run.normal for run in some):
            continue
        classes = (NORMAL, class_of(next(run.label for run in some if not run.normal), _CLASSES))
        scores = _cross(Collection(tuple(some), classes), detector, seed)
        strange = np.array([not run.normal for run in some])
        auc = roc_auc(scores[~strange], scores[strange])
        figures[name] = {"auc": auc, "n": int(strange.sum())}
    return figures


def transfer_figures(
    known: Path, archives: Mapping[str, Path], seeds: Sequence[int], say: Say = print
) -> Tree:
    """What many labels of one workflow help with few labels of another.

    Args:
        known: labelled runs of the workflow with many labels.
        archives: name of another workflow -> its labelled runs.
        seeds: of the labels that are known.
        say: takes lines of progress.

    Returns:
        {"from": workflow, "few": [...], workflow: {labels of each class: {"alone" and
        "transferred": {"balanced_accuracy", "deviation", "values"}}}}: the mean over the classes
        of the share of the other runs that are said right.
    """
    knowledge = knowledge_of(Collection(timed_runs(known).runs, _CLASSES))
    tree: Tree = {"from": knowledge.workflow, "few": list(FEW)}
    for workflow, archive in archives.items():
        runs = Collection(timed_runs(archive).runs, _CLASSES)
        tree[workflow] = {}
        for count in FEW:
            told: dict[str, Knowledge | None] = {"alone": None, "transferred": knowledge}
            found = {
                name: [_balanced(runs, given, count, seed) for seed in seeds]
                for name, given in told.items()
            }
            tree[workflow][str(count)] = {
                name: {**_over(values, "balanced_accuracy"), "values": values}
                for name, values in found.items()
            }
            means = (f"{name} {statistics.mean(values):.3f}" for name, values in found.items())
            say(f"{workflow}, {count} labels of each class: {', '.join(means)}")
    return tree


def _balanced(runs: Collection, knowledge: Knowledge | None, count: int, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(len(runs))
    classes = sorted(set(runs.targets.tolist()))
    few = np.concatenate([order[runs.targets[order] == number][:count] for number in classes])
    rest = runs.taken(np.setdiff1d(order, few))
    fitted = few_labels(runs.taken(few), knowledge)
    said = fitted.scores(rest.runs).argmax(axis=1)
    names = np.array([fitted.classes.index(runs.classes[n]) for n in rest.targets.tolist()])
    return float(np.mean([(said[names == n] == n).mean() for n in sorted(set(names.tolist()))]))


def _cross(runs: Collection, detector: str, seed: int) -> Any:
    """(n,): log odds of the second class, each part of the batches scored by the others."""
    names = sorted(set(runs.batches))
    part = dict(zip(names, np.random.default_rng(seed).permutation(len(names)), strict=True))
    parts = np.array([part[batch] % _PARTS for batch in runs.batches])
    scores = np.zeros(len(runs))
    for number in range(_PARTS):
        out, rest = np.flatnonzero(parts == number), np.flatnonzero(parts != number)
        fitted = DETECTORS.get(detector)().fit(runs.taken(rest), None, Fitting(seed=seed))
        told = fitted.scores(runs.taken(out).runs)
        scores[out] = told[:, 1] - told[:, 0]
    return scores


def _over(values: Sequence[float], name: str) -> Tree:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {name: statistics.mean(values), "deviation": deviation}


def _said(figures: Tree) -> str:
    told = [f"{name} {figures[name]['auc']:.3f}" for name in GROUPS if name in figures]
    return f"{', '.join(told)}; false alarms {figures['false_alarms']['mean']:.2f}"
