"""Whether explanations name what a detector goes by: its answers without what they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lamina.diagnosis.explain.making import Named, named_in
from lamina.diagnosis.explain.occlusion import Ask, Judging, replaced
from lamina.diagnosis.explain.replay import schedule_of
from lamina.diagnosis.runs import NORMAL, Floats, Run
from lamina.diagnosis.usual import Usual, measured
from lamina.diagnosis.verdict import Verdict
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

_HALF = 0.5
"""Part of a phase of a job that is taken away at random, at most, where nothing tells what it takes
at the least: what is left is a job still."""

_DRAWS = 5
"""How often something is taken away at random; the mean counts."""


@dataclass(frozen=True)
class Faithfulness:
    """How answers change without parts of the runs; shares of the runs but for `runs`.

    Args:
        runs: that were called anything but normal.
        findings: whose answer is another without what is unusual in them.
        named: the same without that and what the explanation names as slight.
        cured: called normal then.
        rest: whose answer is another without anything else that took longer than expected; what is
            named stays.
        random: whose answer is another without as many seconds as are named, of other phases, none
            of which becomes shorter than in every run that is known.
        seconds: part of as many seconds that other phases have room for under that condition.
        shorter: whose answer is another without as many seconds of other phases up to half of each,
            though no run that anybody knows has such phases.
    """

    runs: int
    findings: float
    named: float
    cured: float
    rest: float
    random: float
    seconds: float
    shorter: float

    def to_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


def faithfulness_of(
    runs: Sequence[Run], usual: Usual, classes: Sequence[str], ask: Ask, known: Sequence[Run]
) -> Faithfulness:
    """Takes away what explanations name; all else that took longer; and as much of something else.

    Args:
        runs: whose answers are looked at, where they are not normal.
        usual: as for explanations.
        classes, ask: of the detector.
        known: runs of all classes, those that the detector learnt from: what they tell of the least
            that a phase takes.
    """
    random = np.random.default_rng(0)
    asked = [run for run in runs if len(run.table)]
    found = ask(asked) if asked else np.zeros((0, len(classes)))
    shortest = Shortest(known)
    shares: list[list[float]] = []
    for run, row in zip(asked, found, strict=True):
        verdict = Verdict(run.name, dict(zip(classes, row.tolist(), strict=True)))
        if verdict.first != NORMAL:
            judging = Judging(verdict, ask)
            trial = _Trial(run, judging, named_in(run, usual, judging), shortest.of(run.table))
            shares.append(list(trial.shares(random)))
    means = np.mean(shares, axis=0).tolist() if shares else [0.0] * 7
    return Faithfulness(len(shares), *means)


@dataclass(frozen=True, eq=False)
class _Trial:
    """A run, what its explanation names, and the least that its phases take."""

    run: Run
    judging: Judging
    named: Named
    least: Floats

    def shares(self, random: np.random.Generator) -> Iterator[float]:
        """The shares of `Faithfulness`, of this run, in their order."""
        named, spent = self.named.all, measured(self.run.table)[:, : len(PHASES)]
        other = [elsewhere(named, spent - self.least, random) for _ in range(_DRAWS)]
        shorter = [elsewhere(named, _HALF * spent, random) for _ in range(_DRAWS)]
        answers = self._answers([self.named.findings, named, self.named.rest, *other, *shorter])
        first = self.judging.verdict.first
        another = np.array([one != first for one in answers])
        yield float(another[0])
        yield float(another[1])
        yield float(answers[1] == NORMAL)
        yield float(another[2])
        yield float(another[3 : 3 + _DRAWS].mean())
        total = float(named.sum())
        yield float(np.mean([one.sum() for one in other])) / total if total else 1.0
        yield float(another[3 + _DRAWS :].mean())

    def _answers(self, cuts: Sequence[Floats]) -> list[str]:
        """What the detector says of the run played again without each."""
        schedule = schedule_of(self.run.table)
        found = self.judging.ask([replaced(self.run, schedule, cut) for cut in cuts])
        return [self.judging.classes[int(one)] for one in found.argmax(axis=1)]


class Shortest:
    """The fewest seconds that phases took in any of some runs: by the job's name where runs share
    names, else by its type.

    Args:
        runs: of all classes.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.of_tasks: dict[str, Floats] = {}
        self.of_kinds: dict[str, Floats] = {}
        for run in runs:
            spent = measured(run.table)[:, : len(PHASES)]
            _least(self.of_tasks, run.table.tasks, spent)
            _least(self.of_kinds, run.table.kinds, spent)

    def of(self, table: PhaseTable) -> Floats:
        """(n, phases) of each job; of those that no run had, half of what they took."""
        spent = measured(table)[:, : len(PHASES)]
        found = (1 - _HALF) * spent
        for row, (task, kind) in enumerate(zip(table.tasks, table.kinds, strict=True)):
            told = self.of_tasks.get(task, self.of_kinds.get(kind))
            if told is not None:
                found[row] = np.minimum(told, spent[row])
        return found


def _least(known: dict[str, Floats], names: Sequence[str], spent: Floats) -> None:
    for name, row in zip(names, spent, strict=True):
        known[name] = np.minimum(known.get(name, row), row)


def elsewhere(cut: Floats, most: Floats, random: np.random.Generator) -> Floats:
    """As many seconds as a cut has, of other phases of jobs, which are chosen at random.

    Args:
        cut: (n, phases) seconds.
        most: (n, phases) seconds that may be taken of each; fewer are taken where that is not
            enough.
        random: chooses.
    """
    room = np.where(cut > 0, 0.0, np.maximum(most, 0.0)).ravel()
    order = random.permutation(len(room))
    left = np.concatenate([[0.0], np.cumsum(room[order])[:-1]])
    found = np.zeros_like(room)
    found[order] = np.clip(cut.sum() - left, 0.0, room[order])
    return found.reshape(cut.shape)
