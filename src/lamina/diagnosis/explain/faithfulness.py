"""Whether explanations name what a detector goes by: its answers without what they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lamina.diagnosis.explain.explaining import named_seconds
from lamina.diagnosis.explain.occlusion import Ask, Judging, replaced
from lamina.diagnosis.explain.replay import schedule_of
from lamina.diagnosis.runs import NORMAL, Floats, Run
from lamina.diagnosis.usual import Usual, measured
from lamina.diagnosis.verdict import Verdict
from lamina.workflow.log import PHASES

_MOST = 0.5
"""Part of a phase of a job that is taken away at random, at most: what is left is a job still."""


@dataclass(frozen=True)
class Faithfulness:
    """How answers change without parts of the runs.

    Args:
        runs: that were called anything but normal.
        findings: share of them whose answer is another without what is unusual in them.
        named: the same without that and what the explanation names as slight.
        random: share of them whose answer is another without as many seconds of other parts.
    """

    runs: int
    findings: float
    named: float
    random: float

    def to_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


def faithfulness_of(
    runs: Sequence[Run], usual: Usual, classes: Sequence[str], ask: Ask, seed: int = 0
) -> Faithfulness:
    """Takes away what explanations name, and as much of something else.

    Args:
        runs: whose answers are looked at, where they are not normal.
        usual: as for explanations.
        classes, ask: of the detector.
        seed: of what is taken away at random.
    """
    random = np.random.default_rng(seed)
    asked = [run for run in runs if len(run.table)]
    found = ask(asked) if asked else np.zeros((0, len(classes)))
    flips: list[list[bool]] = []
    for run, row in zip(asked, found, strict=True):
        verdict = Verdict(run.name, dict(zip(classes, row.tolist(), strict=True)))
        if verdict.first == NORMAL:
            continue
        findings, named = named_seconds(run, usual, Judging(verdict, ask))
        schedule = schedule_of(run.table)
        asked_of = [findings, named, elsewhere(run, named, random)]
        again = ask([replaced(run, schedule, one) for one in asked_of])
        flips.append([classes[int(one)] != verdict.first for one in again.argmax(axis=1)])
    shares = np.mean(flips, axis=0).tolist() if flips else [0.0, 0.0, 0.0]
    return Faithfulness(len(flips), *shares)


def elsewhere(run: Run, cut: Floats, random: np.random.Generator) -> Floats:
    """As many seconds as a cut has, of other phases of jobs, which are chosen at random."""
    spent = measured(run.table)[:, : len(PHASES)]
    most = np.where(cut > 0, 0.0, _MOST * spent).ravel()
    order = random.permutation(len(most))
    left = np.concatenate([[0.0], np.cumsum(most[order])[:-1]])
    found = np.zeros_like(most)
    found[order] = np.clip(cut.sum() - left, 0.0, most[order])
    return found.reshape(cut.shape)
