"""Jobs learnt from beside the runs that they are part of, and measured on runs held back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.jobs.detector import NONE, FittedJobs, JobDetector
from lamina.diagnosis.runs import Collection, Run
from lamina.diagnosis.splits import random_split
from lamina.training.metrics import auc


def learn_jobs(runs: Collection, how: Fitting) -> tuple[FittedJobs | None, dict[str, Any]]:
    """A detector of disturbed jobs, where the runs tell which were.

    Args:
        runs: all with a known label.
        how: seed, and who is told of progress.

    Returns:
        The detector, which has learnt from all runs, and `job_figures` of one that had not seen a
        tenth of the runs. None and nothing where no run tells of its jobs.
    """
    told = {anomaly for run in runs for anomaly in run.anomalies} - {""}
    if NONE not in told or len(told) < 2:
        return None, {}
    own = Fitting(how.seed, how.device, tell=how.tell)
    train, held, test = random_split(runs, how.seed)
    how.tell("learning which jobs were disturbed")
    quick = Fitting(how.seed, how.device, {"alone": 0})
    first = JobDetector().fit(runs.taken(train), runs.taken(held), quick)
    return JobDetector().fit(runs, None, own), job_figures(first, runs.taken(test))


def job_figures(fitted: FittedJobs, runs: Iterable[Run]) -> dict[str, Any]:
    """How well disturbed jobs are told from others: roc_auc (None where there is only one kind),
    n jobs, disturbed of them."""
    scores, disturbed = [np.empty(0)], [np.empty(0, dtype=np.bool_)]
    for run in runs:
        known = np.array([anomaly != "" for anomaly in run.anomalies], dtype=np.bool_)
        if known.any():
            scores.append(fitted.scores(run)[known])
            told = np.array([anomaly != NONE for anomaly in run.anomalies], dtype=np.bool_)
            disturbed.append(told[known])
    truth = np.concatenate(disturbed)
    return {
        "roc_auc": auc(truth, np.concatenate(scores)),
        "n": len(truth),
        "disturbed": int(truth.sum()),
    }
