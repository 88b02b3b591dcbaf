"""A detector that says of each job of a run whether it was disturbed, and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lamina.data.split import holdout
from lamina.diagnosis.calibration import calibrated, softmax
from lamina.diagnosis.detectors.base import Arrays, Fitting, Parts
from lamina.diagnosis.detectors.trees import Boosting, Forest, boosted
from lamina.diagnosis.jobs.features import COLUMNS, features
from lamina.diagnosis.runs import Collection, Floats, Numbers, Run, class_of, classes_of
from lamina.diagnosis.sealed import AGAIN, opened, sealed, those_of
from lamina.diagnosis.usual import Usual, usual_of
from lamina.errors import BundleError, DataError
from lamina.nets.bundle_file import read, write_atomically

NONE = "none"
"""The class of jobs that nothing disturbed."""
VERSION = "job-detector/1"
"""The version of the file."""
OPTIONS: Mapping[str, int] = {"rounds": 100, "depth": 5, "least": 20, "alone": 1}
"""Of `JobDetector`, with their defaults: rounds of boosting, cuts one below the other, jobs on
each side of a cut (chosen within the part of FlowBench's 1000genome runs that is learnt from);
whether to learn as well from runs compared with nothing but themselves (else 0)."""

_HELD = 0.15
"""Share of the runs that the probabilities are calibrated with, where none are held back."""
_FEWEST = 10
"""Runs from which on some can be held back."""
_JOBS = 12_000
"""That a round looks at, at most; half of all where there are fewer."""
_MOST = 40_000
"""Jobs that are learnt from, at most; drawn from all."""


class JobVerdict(NamedTuple):
    """What is said of one job.

    Args:
        task: its name.
        probability: that something disturbed it.
        anomaly: what it was, if something did.
        share: probability of that anomaly.
    """

    task: str
    probability: float
    anomaly: str
    share: float


class JobDetector:
    """Gradient boosted trees over how a job, its host and its run differ from what is usual.

    What is not told of a job counts as usual. Options: those of `OPTIONS`.
    """

    title: ClassVar[str] = "boosted trees over jobs, their hosts and their runs"

    def fit(
        self, runs: Collection, held: Collection | None = None, how: Fitting | None = None
    ) -> FittedJobs:
        """Learns from jobs of which it is known whether they were disturbed.

        Args:
            runs: some with anomalies; others, and jobs of which nobody knows, teach nothing.
            held: runs to calibrate the probabilities with; without, some of `runs` are held back
                for that at first, and learnt from afterwards.
            how: seed and options.

        Raises:
            DataError: no job that was disturbed, or none that was not; an unknown option.
        """
        how = how or Fitting()
        options = _options(how)
        known = [run for run in runs if any(run.anomalies)]
        classes = _classes(known)
        if held is not None:
            learnt = _grown(known, classes, how.seed, options)
            return _calibrated(learnt, [run for run in held if any(run.anomalies)])
        if len(known) < _FEWEST:
            return _grown(known, classes, how.seed, options)
        # Stratified: a class that has several runs keeps one to learn from.
        rest, kept = holdout(len(known), _HELD, how.seed, [_told(run) for run in known])
        quick = {**options, "alone": 0}
        first = _grown([known[row] for row in rest.tolist()], classes, how.seed, quick)
        how.tell(f"learning from all {len(known)} runs")
        temperature = _calibrated(first, [known[row] for row in kept.tolist()]).temperature
        return replace(_grown(known, classes, how.seed, options), temperature=temperature)

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> FittedJobs:
        """What was learnt, from its parts.

        Raises:
            BundleError: parts that do not belong together.
        """
        try:
            if document["columns"] != list(COLUMNS):
                raise BundleError("the detector of jobs was made for other columns", AGAIN)
            usual = [
                Usual.from_parts(told, those_of(arrays, f"usual{place}"))
                for place, told in enumerate(document["usual"])
            ]
            return FittedJobs(
                tuple(document["classes"]),
                dict(zip(document["workflows"], usual, strict=True)),
                Forest.from_arrays(those_of(arrays, "trees")),
                Forest.from_arrays(those_of(arrays, "alone")),
                float(document["temperature"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"these are not parts of a detector of jobs: {error}", AGAIN) from (
                error
            )


@dataclass(frozen=True, eq=False)
class FittedJobs:
    """What was learnt of jobs.

    Args:
        classes: "none" first, then the anomalies.
        usual: workflow -> what is usual for its jobs.
        trees: their sums are the logarithms of odds.
        alone: the same for runs of whose jobs it is not known what is usual: these were learnt
            from runs compared with nothing but themselves.
        temperature: the sums are divided by it.
    """

    classes: tuple[str, ...]
    usual: Mapping[str, Usual] = field(repr=False)
    trees: Forest = field(repr=False)
    alone: Forest = field(repr=False)
    temperature: float = 1.0

    def probabilities(self, run: Run, against: Sequence[Run] = ()) -> Floats:
        """Calibrated probabilities, (rows of the table, classes).

        Args:
            run: to judge; of the workflow that was learnt from, or another one.
            against: runs of the same workflow that are known to be good: they tell what is usual
                for jobs, whatever was usual where it was learnt.
        """
        given = [usual_of(against)] if against else []
        return softmax(self.sums(run, given) / self.temperature)

    def sums(self, run: Run, given: Sequence[Usual] = ()) -> Floats:
        """What `probabilities` are made of, before calibration.

        Args:
            run: to judge.
            given: what is usual, before what was learnt.
        """
        own = self.usual.get(run.workflow)
        known = [*given, *([own] if own is not None else self.usual.values())]
        kinds = {kind for one in known for kind in one.kinds}
        if 2 * sum(kind in kinds for kind in run.table.kinds) >= len(run.table):
            return self.trees.total(_rows(run, known))
        return self.alone.total(_rows(run))

    def scores(self, run: Run, against: Sequence[Run] = ()) -> Floats:
        """Probability that something disturbed it, for each row of the table, (n,)."""
        return np.asarray(1.0 - self.probabilities(run, against)[:, 0])

    def judge(self, run: Run, against: Sequence[Run] = ()) -> tuple[JobVerdict, ...]:
        """What is said of each job, in the order of the table."""
        found = self.probabilities(run, against)
        worst = 1 + found[:, 1:].argmax(axis=1)
        shares = found[np.arange(len(found)), worst]
        told = zip(run.table.tasks, found[:, 0].tolist(), worst.tolist(), shares, strict=True)
        return tuple(
            JobVerdict(task, 1.0 - none, self.classes[place], float(share))
            for task, none, place, share in told
        )

    def to_parts(self) -> Parts:
        """A plain document, and arrays."""
        given = {f"trees.{name}": array for name, array in self.trees.to_arrays().items()}
        given |= {f"alone.{name}": array for name, array in self.alone.to_arrays().items()}
        usual = []
        for place, one in enumerate(self.usual.values()):
            told, ranges = one.to_parts()
            usual.append(told)
            given |= {f"usual{place}.{name}": array for name, array in ranges.items()}
        document = {
            "classes": list(self.classes),
            "columns": list(COLUMNS),
            "workflows": list(self.usual),
            "usual": usual,
            "temperature": self.temperature,
        }
        return document, given

    def save(self, path: str | Path) -> Path:
        """Writes one file, whole or not at all. Raises BundleError when it cannot be written."""
        target = Path(path)
        write_atomically(target, sealed(*self.to_parts(), VERSION), "detector")
        return target

    @classmethod
    def load(cls, path: str | Path) -> FittedJobs:
        """Reads a file; nothing in it is executed.

        Raises:
            BundleError: no such file, damaged, of another version, or something else.
        """
        return JobDetector().restore(*opened(read(Path(path), "detector"), VERSION, str(path)))


def _rows(run: Run, known: Sequence[Usual] = ()) -> Floats:
    """`features` of a run; what is not told counts as usual."""
    return np.nan_to_num(features(run.table, known), nan=0.0)


def _options(how: Fitting) -> dict[str, int]:
    odd = sorted(set(how.options) - set(OPTIONS))
    if odd:
        raise DataError(
            f"a detector of jobs has no option {', '.join(odd)}", f"it has {', '.join(OPTIONS)}"
        )
    return {name: int(how.options.get(name, usual)) for name, usual in OPTIONS.items()}


def _told(run: Run) -> str:
    """What disturbed jobs of it."""
    return "+".join(sorted(set(run.anomalies) - {"", NONE}))


def _classes(runs: Sequence[Run]) -> tuple[str, ...]:
    told = {anomaly for run in runs for anomaly in run.anomalies if anomaly}
    anomalies = classes_of(told - {NONE})
    if NONE not in told or not anomalies:
        raise DataError(
            f"{len(runs)} runs tell of jobs what disturbed them: {', '.join(sorted(told)) or 'no'}",
            "give runs with jobs that were disturbed and jobs that were not",
        )
    return (NONE, *anomalies)


def targets_of(run: Run, classes: Sequence[str]) -> Numbers:
    """Class number of each job, (n,); -1 where nobody knows."""
    number = {name: place for place, name in enumerate(classes)}
    told = run.anomalies or ("",) * len(run.table)
    found = (number.get(class_of(anomaly, classes), -1) for anomaly in told)
    return np.fromiter(found, np.int64, len(run.table))


def _grown(
    runs: Sequence[Run], classes: tuple[str, ...], seed: int, options: Mapping[str, int]
) -> FittedJobs:
    usual = _usual(runs, classes)
    targets = np.concatenate([targets_of(run, classes) for run in runs])
    told = np.flatnonzero(targets >= 0)
    told = np.sort(np.random.default_rng(seed).permutation(told)[:_MOST])
    share = min(0.5, _JOBS / len(told))
    boosting = Boosting(options["rounds"], depth=options["depth"], least=options["least"])
    how = boosting._replace(rows=share)

    def learnt(rows: Sequence[Floats]) -> Forest:
        return boosted(np.concatenate(rows)[told], targets[told], len(classes), seed, how)

    trees = learnt([_rows(run, [usual[run.workflow]]) for run in runs])
    alone = learnt([_rows(run) for run in runs]) if options["alone"] else trees
    return FittedJobs(classes, usual, trees, alone)


def _usual(runs: Sequence[Run], classes: tuple[str, ...]) -> dict[str, Usual]:
    """What is usual for jobs that were not disturbed, in each workflow; as exact as it is kept."""
    by_workflow: dict[str, list[Run]] = {}
    for run in runs:
        sound = np.flatnonzero(targets_of(run, classes) == 0)
        by_workflow.setdefault(run.workflow, []).append(
            replace(run, table=run.table.taken(sound), anomalies=())
        )
    return {
        workflow: Usual.from_parts(*usual_of(own, "training").to_parts())
        for workflow, own in sorted(by_workflow.items())
    }


def _calibrated(fitted: FittedJobs, held: Sequence[Run]) -> FittedJobs:
    if not held:
        return fitted
    sums = np.concatenate([fitted.sums(run) for run in held])
    targets = np.concatenate([targets_of(run, fitted.classes) for run in held])
    told = targets >= 0
    return replace(fitted, temperature=calibrated(sums[told], targets[told]).temperature)
